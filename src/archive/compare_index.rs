//! Whether the index says what the ledger says.

use std::collections::{HashMap, HashSet};

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId};

use crate::asked_originals::awaited_by;
use crate::check::Check;
use crate::entry::refs_of;
use crate::originals::disposed_by;
use crate::rebuild::index_change;
use crate::storage::{
    AwaitedOriginals, DisposedOriginals, ErasureState, IndexChange, MaterialRow, Part, StagedRow,
    StagedState, StorageFault, Verb,
};
use crate::stores::Stores;
use crate::verify::{count_unfiled, noticed};
use crate::{ArchiveError, DamagedRow, DamagedThing, VerifyReport};

/// What the ledger says that there must be.
#[derive(Default)]
struct Expected {
    erased: HashSet<MaterialId>,
    /// The last `refiled` entry of each material that was put right.
    refiled: HashMap<MaterialId, u64>,
    materials: u64,
    /// Sets that were staged, as far as the ledger has the entry, and are not used up.
    unfiled: HashSet<CaptureId>,
    lifted: HashSet<HoldId>,
    /// Papers whose originals were disposed of.
    disposed: HashMap<MaterialId, DisposedOriginals>,
    /// Papers whose originals are to go.
    awaited: HashMap<MaterialId, AwaitedOriginals>,
    /// Papers whose predecessor was erased, by which entry, and whose place they take since.
    relinked: HashMap<MaterialId, (u64, MaterialId)>,
}

impl Expected {
    /// Whether this is how the index has the material: it was not erased, nor put right later.
    fn counts(&self, row: &MaterialRow) -> bool {
        let refiled = self.refiled.get(&row.id);
        !self.erased.contains(&row.id) && refiled.is_none_or(|last| *last == row.sequence)
    }
}

pub(crate) fn compare_index(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let (head, _) = stores.ledger.head()?;
    if stores.index.applied()? > head {
        report.add(Check::Index, Part::Index, DamagedThing::Entry(head), StorageFault::Damaged);
    }
    let mut expected = Expected::default();
    stores.visit_entries_between(0, head, &mut |entry| {
        let refs = || refs_of(entry).unwrap_or_default();
        match entry.content.verb {
            Verb::Erased => {
                let refs = refs();
                let sequence = entry.sequence;
                expected.erased.extend(refs.materials.iter().map(|id| id.0));
                expected.awaited.retain(|known, _| !refs.materials.iter().any(|id| id.0 == *known));
                expected.relinked.extend(refs.relinked.iter().map(|(n, o)| (n.0, (sequence, o.0))));
            }
            Verb::OriginalsDisposed => {
                let disposed = disposed_by(stores, &refs())?;
                expected.awaited.retain(|known, _| !disposed.iter().any(|gone| gone.material == *known));
                expected.disposed.extend(disposed.into_iter().map(|gone| (gone.material, gone)));
            }
            Verb::OriginalsRequested | Verb::OriginalsDeferred => {
                for one in awaited_by(entry, &refs()) {
                    let known = expected.awaited.get(&one.material).is_some_and(|known| known.decided);
                    if one.decided || !known {
                        expected.awaited.insert(one.material, one);
                    }
                }
            }
            Verb::OriginalsRefused => {
                let refs = refs();
                if let Some(id) = refs.material {
                    let stays = |one: &AwaitedOriginals| one.decided && !refs.entries.contains(&one.sequence);
                    expected.awaited.retain(|known, one| *known != id.0 || stays(one));
                }
            }
            Verb::HoldLifted => expected.lifted.extend(refs().hold.map(|id| id.0)),
            // One that does not open is left out by the index too.
            Verb::Refiled if matches!(noticed(index_change(stores, entry)), Ok(Ok(_))) => {
                expected.refiled.extend(refs().material.map(|id| (id.0, entry.sequence)));
            }
            _ => {}
        }
        Ok(())
    })?;
    report.examined(Check::Index, head);
    stores.visit_entries_between(0, head, &mut |entry| match noticed(index_change(stores, entry)) {
        Ok(change) => match change? {
            Some(change) => compare(stores, &change, &mut expected, report),
            None => Ok(()),
        },
        // Reported with the ledger.
        Err(_) => Ok(()),
    })?;
    for id in &expected.erased {
        if !stores.index.is_erased(*id)? {
            report.add(Check::Index, Part::Index, DamagedThing::Material(*id), StorageFault::Missing);
        }
    }
    compare_awaited(stores, &expected, report)?;
    let (materials, _) = stores.index.counts()?;
    if materials > expected.materials || count_unfiled(stores)? > expected.unfiled.len() as u64 {
        let surplus = DamagedThing::Row(DamagedRow::Surplus);
        report.add(Check::Index, Part::Index, surplus, StorageFault::Damaged);
    }
    Ok(())
}

fn compare_awaited(
    stores: &Stores,
    expected: &Expected,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let live = stores.index.awaited_originals()?;
    let differs = |what: MaterialId| DamagedThing::Row(DamagedRow::AwaitedOriginals(what));
    for one in live.iter().filter(|one| expected.awaited.get(&one.material) != Some(one)) {
        report.add(Check::Index, Part::Index, differs(one.material), StorageFault::Damaged);
    }
    let there: HashSet<MaterialId> = live.iter().map(|one| one.material).collect();
    for id in expected.awaited.keys().filter(|id| !there.contains(*id)) {
        report.add(Check::Index, Part::Index, differs(*id), StorageFault::Missing);
    }
    Ok(())
}

fn compare(
    stores: &Stores,
    change: &IndexChange,
    expected: &mut Expected,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let index = &stores.index;
    let mut differs = |what, there: bool| {
        let fault = if there { StorageFault::Damaged } else { StorageFault::Missing };
        report.add(Check::Index, Part::Index, what, fault);
    };
    match change {
        IndexChange::Filed { row, staged } => {
            compare_material(stores, row, expected, report)?;
            compare_used_up(stores, staged, StagedState::Filed(row.id), expected, report)?;
        }
        IndexChange::Refiled { row, .. } => {
            row.iter().try_for_each(|row| compare_material(stores, row, expected, report))?;
        }
        IndexChange::UsedUp { id, staged } | IndexChange::Unreadable { id, staged, .. } => {
            compare_used_up(stores, staged, StagedState::Filed(*id), expected, report)?;
        }
        IndexChange::Discarded(id) => {
            compare_used_up(stores, &[*id], StagedState::Discarded, expected, report)?;
        }
        IndexChange::Staged(row) => {
            expected.unfiled.insert(row.id);
            let live = index.staged(row.id)?;
            if !live.as_ref().is_some_and(|live| is_same_set(live, row)) {
                differs(DamagedThing::Staged(row.id), live.is_some());
            }
        }
        IndexChange::ErasureRequested { id, sequence } => {
            let live = index.erasure(*id)?;
            if live.map(|(_, requested, _)| requested) != Some(*sequence) {
                differs(DamagedThing::Row(DamagedRow::Erasure(*id)), live.is_some());
            }
        }
        IndexChange::ErasureRefused(id) => compare_erasure(stores, *id, &[ErasureState::Refused], report)?,
        IndexChange::Erased { id, .. } => {
            compare_erasure(stores, *id, &[ErasureState::Erasing, ErasureState::Done], report)?;
        }
        IndexChange::ErasureDone(id) => compare_erasure(stores, *id, &[ErasureState::Done], report)?,
        IndexChange::ErasureDeferred { id, sequence } => {
            if !crate::hold::shows_deferral(stores, *id, *sequence)? {
                differs(DamagedThing::Row(DamagedRow::DeferredErasure(*id)), true);
            }
        }
        IndexChange::Held(row) => {
            if !crate::hold::shows_hold(stores, row, expected.lifted.contains(&row.id))? {
                differs(DamagedThing::Row(DamagedRow::Hold(row.id)), true);
            }
        }
        // Held against the rows of its materials.
        IndexChange::HoldLifted(_) | IndexChange::OriginalsDisposed(_) => {}
        // Held against each other as a whole.
        IndexChange::OriginalsAwaited(_) | IndexChange::OriginalsKept { .. } => {}
        // No entry says so of itself.
        IndexChange::LeftOut { .. }
        | IndexChange::HoldUnreadable { .. }
        | IndexChange::Rebuilt { .. }
        | IndexChange::HoldsDoubted
        | IndexChange::HoldsConfirmed(_)
        | IndexChange::StoredAgain(_) => {}
    }
    Ok(())
}

fn compare_material(
    stores: &Stores,
    row: &MaterialRow,
    expected: &mut Expected,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    if !expected.counts(row) {
        return Ok(());
    }
    expected.materials += 1;
    let live = stores.index.material(row.id)?;
    let mut row = row.clone();
    if let Some((_, older)) = expected.relinked.get(&row.id).filter(|(since, _)| row.sequence < *since) {
        row.supersedes = Some(*older);
    }
    if let Some(gone) = expected.disposed.get(&row.id).filter(|gone| gone.sequence == row.sequence) {
        row.blobs.retain(|name| !gone.names.contains(name));
        row.originals_disposed = true;
    }
    if live.as_ref() != Some(&row) {
        let fault = if live.is_some() { StorageFault::Damaged } else { StorageFault::Missing };
        report.add(Check::Index, Part::Index, DamagedThing::Material(row.id), fault);
    }
    Ok(())
}

fn compare_used_up(
    stores: &Stores,
    sets: &[CaptureId],
    state: StagedState,
    expected: &mut Expected,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    for id in sets {
        // One whose own entry is lost is in no index that is made of this ledger, and counts as none that waits.
        let was_staged = expected.unfiled.remove(id);
        match stores.index.staged(*id)? {
            Some(row) if row.state == state && row.blobs.is_empty() => {}
            Some(_) => {
                report.add(Check::Index, Part::Index, DamagedThing::Staged(*id), StorageFault::Damaged)
            }
            None if was_staged => {
                report.add(Check::Index, Part::Index, DamagedThing::Staged(*id), StorageFault::Missing)
            }
            None => {}
        }
    }
    Ok(())
}

fn compare_erasure(
    stores: &Stores,
    id: ErasureId,
    states: &[ErasureState],
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    match stores.index.erasure(id)? {
        Some((state, ..)) if states.contains(&state) => {}
        live => {
            let fault = if live.is_some() { StorageFault::Damaged } else { StorageFault::Missing };
            report.add(Check::Index, Part::Index, DamagedThing::Row(DamagedRow::Erasure(id)), fault);
        }
    }
    Ok(())
}

/// A used-up set has given its blobs up and its key with them; the rest of its row stays.
fn is_same_set(live: &StagedRow, from_ledger: &StagedRow) -> bool {
    let waits = live.state == StagedState::Unfiled;
    (live.sequence, live.key, live.expires_at)
        == (from_ledger.sequence, from_ledger.key, from_ledger.expires_at)
        && (!waits || live.blobs == from_ledger.blobs)
}
