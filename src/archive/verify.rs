//! The fixity check: is everything there, and is it what it was?

use std::collections::{HashMap, HashSet};
use std::num::NonZero;

use yidang_model::{CaptureId, ErasureId, MaterialId};

use crate::blob_format;
use crate::entry::{OpenEntry, open_entry, refs_of};
use crate::plan::Answer;
use crate::rebuild::index_change;
use crate::storage::{
    BlobName, Entry, ErasureState, IndexChange, KeyKeeperError, MaterialRow, Part, StagedRow, StagedState,
    StorageError, StorageFault, Verb, chain_hash,
};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Archive, ArchiveError};

/// Most damages named in one report; the rest are counted.
pub const DAMAGES_MAX: usize = 1000;

/// Blobs handed to the threads that check them in one go.
const BLOBS_AT_A_TIME: usize = 128;
/// Most threads that check blobs; each has one blob in memory.
const CHECKERS_MAX: usize = 4;

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamagedThing {
    /// A blob.
    Blob(BlobName),
    /// A ledger entry.
    Entry(u64),
    /// A material.
    Material(MaterialId),
    /// A staged set.
    Staged(CaptureId),
    /// Something else in the index, described by random identifiers and figures.
    Row(String),
    /// An epoch's key.
    Epoch(u32),
}

/// One damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub part: Part,
    /// What.
    pub what: DamagedThing,
    /// How.
    pub fault: StorageFault,
}

/// What a fixity check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Ledger entries read.
    pub entries: u64,
    /// Entries whose keys are gone, as they should be.
    pub forgotten: u64,
    /// Blobs opened and hashed.
    pub blobs: u64,
    /// Their length as stored, in bytes.
    pub blob_bytes: u64,
    /// Blobs nothing needs, waiting to be swept. No damage.
    pub orphans: u64,
    /// What is damaged, at most [`DAMAGES_MAX`].
    pub damages: Vec<Damage>,
    /// How many damages there are in all.
    pub damage_count: u64,
}

impl VerifyReport {
    /// Whether nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.damage_count == 0
    }
}

impl VerifyReport {
    fn add(&mut self, part: Part, what: DamagedThing, fault: StorageFault) {
        self.damage_count += 1;
        let damage = Damage { part, what, fault };
        if self.damages.len() < DAMAGES_MAX && !self.damages.contains(&damage) {
            tracing::error!(?damage, "found damaged");
            self.damages.push(damage);
        }
    }
}

impl VerifyReport {
    /// Adds what somebody found who looked at blobs alone.
    fn add_blobs(&mut self, found: VerifyReport) {
        self.blobs += found.blobs;
        self.blob_bytes += found.blob_bytes;
        self.damage_count += found.damage_count;
        let room = DAMAGES_MAX.saturating_sub(self.damages.len());
        self.damages.extend(found.damages.into_iter().take(room));
    }
}

impl Archive {
    /// Reads everything: the epoch key, the hash chain, every entry, every blob, and whether the index says
    /// what the ledger says. Reports damage instead of stopping at it; an error means that the check itself
    /// could not go on. `progress` hears steps done and steps in all. Filing goes on meanwhile; memory is
    /// bounded by four blobs and the identifiers of what was erased.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, ArchiveError> {
        // So that what is used up is gone; a disk that takes nothing is no reason not to look.
        let _ = self.wait_for_writer();
        let stores = &self.shared.stores;
        let mut report = VerifyReport::default();
        check_epoch(stores, &mut report)?;
        let (head, _) = stores.ledger.head()?;
        let (_, blobs) = stores.index.counts()?;
        let total = head + blobs;
        check_ledger(stores, head, &mut report, &mut |done| progress(done, total))?;
        self.check_index(&mut report)?;
        check_blobs(stores, &mut report, &mut |done| progress(head + done, total.max(head + done)))?;
        count_orphans(stores, &mut report)?;
        Ok(report)
    }

    /// Compares the index with the ledger; if it differs, once more while nobody writes, since what changes
    /// during the comparison looks like damage.
    fn check_index(&self, report: &mut VerifyReport) -> Result<(), ArchiveError> {
        let mut first = VerifyReport::default();
        compare_index(&self.shared.stores, &mut first)?;
        if first.is_clean() {
            return Ok(());
        }
        let (sender, settled) = std::sync::mpsc::sync_channel(1);
        self.shared.writer.ask_alone(move |scribe| {
            let mut again = VerifyReport::default();
            compare_index(&scribe.stores, &mut again)?;
            // The receiver waits until this task has been answered.
            let _ = sender.send(again);
            Ok(Answer::Count(0))
        })?;
        for damage in settled.recv().map_err(|_| ArchiveError::Closed)?.damages {
            report.add(damage.part, damage.what, damage.fault);
        }
        Ok(())
    }
}

fn check_epoch(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let what = DamagedThing::Epoch(stores.keys.epoch());
    match stores.keys.check_epoch() {
        Ok(()) => {}
        Err(ArchiveError::KeysWrong | ArchiveError::Keys(KeyKeeperError::Damaged(_))) => {
            report.add(Part::KeyKeeper, what, StorageFault::Damaged);
        }
        Err(ArchiveError::Keys(KeyKeeperError::Missing(_))) => {
            report.add(Part::KeyKeeper, what, StorageFault::Missing);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The chain, and whether every entry opens or its keys are gone for a reason.
fn check_ledger(
    stores: &Stores,
    head: u64,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ArchiveError> {
    let mut previous = [0; 32];
    let mut sequence = 0;
    while sequence < head {
        let entries = stores.ledger.after(sequence, ENTRIES_AT_A_TIME)?;
        if entries.is_empty() {
            report.add(Part::Ledger, DamagedThing::Entry(sequence + 1), StorageFault::Missing);
            return Ok(());
        }
        for entry in &entries {
            for missing in (sequence + 1..entry.sequence).take(DAMAGES_MAX) {
                report.add(Part::Ledger, DamagedThing::Entry(missing), StorageFault::Missing);
            }
            let chained = entry.sequence != sequence + 1 || entry.previous == previous;
            if !chained || chain_hash(&entry.previous, entry.sequence, &entry.content) != entry.hash {
                report.add(Part::Ledger, DamagedThing::Entry(entry.sequence), StorageFault::Damaged);
            }
            check_entry(stores, entry, report)?;
            (sequence, previous) = (entry.sequence, entry.hash);
            report.entries += 1;
        }
        progress(sequence);
    }
    Ok(())
}

fn check_entry(stores: &Stores, entry: &Entry, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let opened = match noticed(open_entry(&stores.keys, entry).and_then(readable)) {
        Ok(opened) => opened?,
        Err(error) => {
            report.add(error.part, DamagedThing::Entry(entry.sequence), error.fault);
            return Ok(());
        }
    };
    if !opened.is_forgotten() {
        return Ok(());
    }
    report.forgotten += 1;
    // A key that is gone without a reason is a loss.
    let lost = match entry.content.verb {
        Verb::Filed | Verb::Refiled => match opened.refs.material {
            Some(id) if !stores.index.is_erased(id.0)? => {
                // What was put right since does not need the keys it had before.
                let row = stores.index.material(id.0)?;
                let put_right = row.is_some_and(|row| row.sequence > entry.sequence);
                (!put_right).then_some(DamagedThing::Material(id.0))
            }
            _ => None,
        },
        Verb::Staged => match opened.refs.staged.first() {
            Some(set) => {
                let row = stores.index.staged(set.id.0)?;
                let waits = row.is_some_and(|row| row.state == StagedState::Unfiled);
                waits.then_some(DamagedThing::Staged(set.id.0))
            }
            None => None,
        },
        _ => None,
    };
    if let Some(what) = lost {
        report.add(Part::Keyring, what, StorageFault::Missing);
    }
    Ok(())
}

/// An entry whose contents make sense as well.
fn readable(opened: OpenEntry) -> Result<OpenEntry, ArchiveError> {
    match opened.verb {
        Verb::Filed | Verb::Refiled => drop(opened.filed()?),
        _ => drop(crate::stores::blobs_of(&opened)?),
    }
    Ok(opened)
}

/// Separates damage, which is reported, from what keeps the check from going on.
fn noticed<T>(result: Result<T, ArchiveError>) -> Result<Result<T, ArchiveError>, StorageError> {
    match result {
        Err(ArchiveError::Storage(error))
            if matches!(error.fault, StorageFault::Damaged | StorageFault::NewerVersion) =>
        {
            Err(error)
        }
        other => Ok(other),
    }
}

/// What the ledger says that there must be.
#[derive(Default)]
struct Expected {
    erased: HashSet<MaterialId>,
    /// The last `refiled` entry of each material that was put right.
    refiled: HashMap<MaterialId, u64>,
    materials: u64,
    unfiled: u64,
}

impl Expected {
    /// Whether this is how the index has the material: it was not erased, nor put right later.
    fn counts(&self, row: &MaterialRow) -> bool {
        let refiled = self.refiled.get(&row.id);
        !self.erased.contains(&row.id) && refiled.is_none_or(|last| *last == row.sequence)
    }
}

fn compare_index(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let (head, _) = stores.ledger.head()?;
    if stores.index.applied()? > head {
        report.add(Part::Index, DamagedThing::Entry(head), StorageFault::Damaged);
    }
    let mut expected = Expected::default();
    visit_entries(stores, head, &mut |entry| {
        let refs = || refs_of(entry).unwrap_or_default();
        match entry.content.verb {
            Verb::Erased => expected.erased.extend(refs().materials.iter().map(|id| id.0)),
            // One that does not open is left out by the index too.
            Verb::Refiled if noticed(index_change(stores, entry))?.is_ok() => {
                expected.refiled.extend(refs().material.map(|id| (id.0, entry.sequence)));
            }
            _ => {}
        }
        Ok(())
    })?;
    visit_entries(stores, head, &mut |entry| match noticed(index_change(stores, entry)) {
        Ok(change) => match change? {
            Some(change) => compare(stores, &change, &mut expected, report),
            None => Ok(()),
        },
        // Reported with the ledger.
        Err(_) => Ok(()),
    })?;
    for id in &expected.erased {
        if !stores.index.is_erased(*id)? {
            report.add(Part::Index, DamagedThing::Material(*id), StorageFault::Missing);
        }
    }
    let (materials, _) = stores.index.counts()?;
    if materials > expected.materials || count_unfiled(stores)? > expected.unfiled {
        let surplus = "materials or staged sets that the ledger knows nothing of".to_owned();
        report.add(Part::Index, DamagedThing::Row(surplus), StorageFault::Damaged);
    }
    Ok(())
}

fn visit_entries(
    stores: &Stores,
    head: u64,
    visit: &mut dyn FnMut(&Entry) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut after = 0;
    while after < head {
        let entries = stores.ledger.after(after, ENTRIES_AT_A_TIME)?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.sequence;
        entries.iter().filter(|e| e.sequence <= head).try_for_each(&mut *visit)?;
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
        report.add(Part::Index, what, fault);
    };
    match change {
        IndexChange::Filed { row, staged } => {
            compare_material(stores, row, expected, report)?;
            compare_used_up(stores, staged, StagedState::Filed(row.id), expected, report)?;
        }
        IndexChange::Refiled { row, .. } => {
            row.iter().try_for_each(|row| compare_material(stores, row, expected, report))?;
        }
        IndexChange::UsedUp { id, staged } => {
            compare_used_up(stores, staged, StagedState::Filed(*id), expected, report)?;
        }
        IndexChange::Discarded(id) => {
            compare_used_up(stores, &[*id], StagedState::Discarded, expected, report)?;
        }
        IndexChange::Staged(row) => {
            expected.unfiled += 1;
            let live = index.staged(row.id)?;
            if !live.as_ref().is_some_and(|live| is_same_set(live, row)) {
                differs(DamagedThing::Staged(row.id), live.is_some());
            }
        }
        IndexChange::ErasureRequested { id, sequence } => {
            let live = index.erasure(*id)?;
            if live.map(|(_, requested, _)| requested) != Some(*sequence) {
                differs(DamagedThing::Row(format!("erasure {id}")), live.is_some());
            }
        }
        IndexChange::ErasureRefused(id) => compare_erasure(stores, *id, &[ErasureState::Refused], report)?,
        IndexChange::Erased { id, .. } => {
            compare_erasure(stores, *id, &[ErasureState::Erasing, ErasureState::Done], report)?;
        }
        IndexChange::ErasureDone(id) => compare_erasure(stores, *id, &[ErasureState::Done], report)?,
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
    if live.as_ref() != Some(row) {
        let fault = if live.is_some() { StorageFault::Damaged } else { StorageFault::Missing };
        report.add(Part::Index, DamagedThing::Material(row.id), fault);
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
        expected.unfiled = expected.unfiled.saturating_sub(1);
        match stores.index.staged(*id)? {
            Some(row) if row.state == state && row.blobs.is_empty() => {}
            Some(_) => report.add(Part::Index, DamagedThing::Staged(*id), StorageFault::Damaged),
            None => report.add(Part::Index, DamagedThing::Staged(*id), StorageFault::Missing),
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
        Some(_) => report.add(Part::Index, DamagedThing::Row(format!("erasure {id}")), StorageFault::Damaged),
        None => report.add(Part::Index, DamagedThing::Row(format!("erasure {id}")), StorageFault::Missing),
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

/// How many staged sets wait to be filed.
pub(crate) fn count_unfiled(stores: &Stores) -> Result<u64, ArchiveError> {
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = stores.index.unfiled(after, ENTRIES_AT_A_TIME)?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.sequence;
        count += rows.len() as u64;
    }
}

/// Every blob that anything needs: is it there, does it open, and is it what its name says?
fn check_blobs(
    stores: &Stores,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ArchiveError> {
    let (mut failure, mut names) = (None, Vec::with_capacity(BLOBS_AT_A_TIME));
    stores.index.visit_blobs(&mut |name| {
        names.push(name);
        if names.len() == BLOBS_AT_A_TIME {
            failure = check_side_by_side(stores, &names, report).err();
            names.clear();
            progress(report.blobs);
        }
        failure.is_none()
    })?;
    if failure.is_none() {
        failure = check_side_by_side(stores, &names, report).err();
        progress(report.blobs);
    }
    failure.map_or(Ok(()), Err)
}

/// Opening and hashing takes a processor each; what is found is reported in the order of the names.
fn check_side_by_side(
    stores: &Stores,
    names: &[BlobName],
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(CHECKERS_MAX);
    let check = |names: &[BlobName]| {
        let mut found = VerifyReport::default();
        names.iter().try_for_each(|name| check_blob(stores, *name, &mut found)).map(|()| found)
    };
    let found: Vec<Result<VerifyReport, ArchiveError>> = std::thread::scope(|scope| {
        let shares = names.chunks(names.len().div_ceil(threads).max(1));
        let checkers: Vec<_> = shares.map(|names| scope.spawn(move || check(names))).collect();
        checkers.into_iter().map(|checker| checker.join().unwrap_or(Err(ArchiveError::Defect))).collect()
    });
    for found in found {
        report.add_blobs(found?);
    }
    Ok(())
}

fn check_blob(stores: &Stores, name: BlobName, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    report.blobs += 1;
    // Gone with its last user since it was listed: no damage. Asked again only where something is missing.
    let is_needed = || stores.index.blob_users(name).map(|users| !users.is_empty());
    let Some(key) = stores.live_key(name)? else {
        if is_needed()? {
            report.add(Part::Keyring, DamagedThing::Blob(name), StorageFault::Missing);
        }
        return Ok(());
    };
    let sealed = match noticed(stores.blobs.get(name).map_err(ArchiveError::from)) {
        Ok(sealed) => sealed?,
        Err(error) => {
            report.add(error.part, DamagedThing::Blob(name), error.fault);
            return Ok(());
        }
    };
    let Some(sealed) = sealed else {
        if is_needed()? {
            report.add(Part::Blobs, DamagedThing::Blob(name), StorageFault::Missing);
        }
        return Ok(());
    };
    report.blob_bytes += sealed.len() as u64;
    let plain = blob_format::open_blob(&key, &sealed);
    let is_whole =
        plain.is_some_and(|plain| stores.keys.blob_name(&yidang_model::Digest::of(&plain)) == name);
    if !is_whole && is_needed()? {
        report.add(Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged);
    }
    Ok(())
}

fn count_orphans(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let mut failure = None;
    stores.blobs.visit(&mut |stat| match stores.index.blob_users(stat.name) {
        Ok(users) => {
            report.orphans += u64::from(users.is_empty());
            true
        }
        Err(error) => {
            failure = Some(error);
            false
        }
    })?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}
