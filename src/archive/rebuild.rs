//! Making the index anew from ledger and keyring, or the part of it that lags.

use yidang_model::Timestamp;

use crate::entry::{OpenEntry, damaged_entry, open_entry};
use crate::gaps::Harm;
use crate::plan::Answer;
use crate::record::{FiledPersonal, StagedPersonal};
use crate::scribe::Scribe;
use crate::storage::{
    BlobName, Entry, IndexChange, IndexDump, MaterialRow, Part, RebuiltLine, StagedRow, StagedState,
    StorageFault, Verb,
};
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

/// Entries applied in one transaction.
const ENTRIES_PER_TRANSACTION: usize = 256;

impl Archive {
    /// Empties the index and makes it anew; how many entries were applied. Writes wait meanwhile, and reads
    /// find little until it is done.
    pub fn rebuild_index(&self) -> Result<u64, ArchiveError> {
        let rebuild = |scribe: &mut Scribe| {
            let (head, _) = scribe.stores.ledger.head()?;
            if scribe.stores.index.applied().is_ok_and(|applied| applied > head) {
                // It knows more than this ledger, and a rebuild of that needs it.
                scribe.stores.check_copy()?;
            }
            scribe.stores.index.clear()?;
            Ok(Answer::Count(catch_up(&scribe.stores, head)?))
        };
        match self.shared.writer.ask_alone(rebuild)? {
            Answer::Count(count) => Ok(count),
            _ => Err(ArchiveError::Defect),
        }
    }

    /// Everything in the index, for comparison.
    pub fn index_dump(&self) -> Result<IndexDump, ArchiveError> {
        Ok(self.shared.stores.index.dump()?)
    }
}

/// Applies what the index lacks, up to `head`; how many entries that were.
pub(crate) fn catch_up(stores: &Stores, head: u64) -> Result<u64, ArchiveError> {
    let start = stores.index.applied()?;
    stores.proof.begin_anew();
    let mut applied = start;
    while applied < head {
        let entries = stores.ledger.after(applied, ENTRIES_PER_TRANSACTION)?;
        let Some(last) = entries.last().map(|e| e.sequence) else { break };
        let mut changes = Vec::with_capacity(entries.len());
        let mut place = applied + 1;
        for entry in &entries {
            if place < entry.sequence {
                changes.push(IndexChange::LeftOut { sequence: place, last: entry.sequence - 1 });
            }
            place = entry.sequence + 1;
            if start > 0 && skip_damaged(forgets_nobody_known(stores, entry))?.unwrap_or_default() {
                tracing::warn!("the index lost an erasure whose holder is forgotten; it is made anew");
                stores.index.clear()?;
                return catch_up(stores, head);
            }
            match skip_damaged(index_change(stores, entry))? {
                Some(change) => changes.extend(change),
                None => {
                    changes.push(IndexChange::LeftOut { sequence: entry.sequence, last: entry.sequence });
                }
            }
        }
        stores.index.apply_many(&changes, last)?;
        applied = last;
    }
    // Whoever looked at the ledger meanwhile may have seen an entry whole that came to harm before it was applied.
    stores.proof.begin_anew();
    Ok(applied - start)
}

/// Whether an entry forgets a person whose key is gone already. Their tag, by which an index has them that was
/// filled before, cannot be computed any more.
fn forgets_nobody_known(stores: &Stores, entry: &Entry) -> Result<bool, ArchiveError> {
    if entry.content.verb != Verb::Erased {
        return Ok(false);
    }
    let opened = open_entry(&stores.keys, entry)?;
    Ok(opened.refs.whole_holder
        && !opened.slot_keys.is_empty()
        && opened.subjects.iter().all(Option::is_none))
}

/// What an entry that does not hold together says is lost, but what the others say must not be lost with it:
/// it is logged, left out here, and reported by the fixity check.
pub(crate) fn skip_damaged<T>(result: Result<T, ArchiveError>) -> Result<Option<T>, ArchiveError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ArchiveError::Storage(error))
            if error.fault == StorageFault::Damaged && matches!(error.part, Part::Ledger | Part::Keyring) =>
        {
            tracing::error!(%error, "left out");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What an entry changes in the index.
pub(crate) fn index_change(stores: &Stores, entry: &Entry) -> Result<Option<IndexChange>, ArchiveError> {
    let verb = entry.content.verb;
    if leaves_index(verb) {
        return Ok(None);
    }
    let opened = open_entry(&stores.keys, entry)?;
    let erasure = || opened.refs.erasure.map(|id| id.0).ok_or_else(|| damaged_entry(entry.sequence));
    Ok(Some(match verb {
        Verb::Staged => IndexChange::Staged(staged_row(stores, &opened)?),
        Verb::Discarded => {
            let set = opened.refs.staged.first().ok_or_else(|| damaged_entry(entry.sequence))?;
            IndexChange::Discarded(set.id.0)
        }
        Verb::Filed => filed_change(stores, &opened)?,
        Verb::Refiled => refiled_change(stores, &opened)?,
        Verb::OriginalsDisposed => {
            IndexChange::OriginalsDisposed(crate::originals::disposed_by(stores, &opened.refs)?)
        }
        Verb::OriginalsRequested | Verb::OriginalsDeferred => {
            IndexChange::OriginalsAwaited(crate::asked_originals::awaited_by(entry, &opened.refs))
        }
        Verb::OriginalsRefused => IndexChange::OriginalsKept {
            material: opened.refs.material.ok_or_else(|| damaged_entry(entry.sequence))?.0,
            deferral: opened.refs.entries.first().copied(),
        },
        Verb::Recognised => IndexChange::UsedUp {
            id: opened.refs.material.ok_or_else(|| damaged_entry(entry.sequence))?.0,
            staged: opened.refs.staged.iter().map(|set| set.id.0).collect(),
        },
        Verb::ErasureRequested => IndexChange::ErasureRequested { id: erasure()?, sequence: entry.sequence },
        Verb::ErasureRefused => IndexChange::ErasureRefused(erasure()?),
        Verb::Erased => IndexChange::Erased {
            id: erasure()?,
            sequence: entry.sequence,
            materials: opened.refs.materials.iter().map(|m| m.0).collect(),
            relinked: opened.refs.relinked.iter().map(|(newer, older)| (newer.0, older.0)).collect(),
            // Only an erasure of a person has a slot, and only until that person's key is deleted.
            holder: opened.subjects.iter().flatten().next().map(|who| stores.keys.subject_tag(who)),
        },
        Verb::ErasureDone => IndexChange::ErasureDone(erasure()?),
        Verb::ErasureDeferred => IndexChange::ErasureDeferred { id: erasure()?, sequence: entry.sequence },
        Verb::Held => crate::hold::placed_by(stores, &opened)?,
        Verb::HoldsDoubted => IndexChange::HoldsDoubted,
        Verb::HoldsConfirmed => IndexChange::HoldsConfirmed(crate::gaps::stretches(&opened.refs.entries)),
        Verb::HoldLifted => {
            IndexChange::HoldLifted(opened.refs.hold.ok_or_else(|| damaged_entry(entry.sequence))?.0)
        }
        Verb::Looked
        | Verb::Opened
        | Verb::Audited
        | Verb::Exported
        | Verb::Recovered
        | Verb::Disposed
        | Verb::Quarantined
        | Verb::SignedIn
        | Verb::SignedOut
        | Verb::SessionLocked
        | Verb::SignInRefused
        | Verb::TakenOver => return Ok(None),
        Verb::Rebuilt => rebuilt_change(entry, &opened),
        Verb::Repaired => {
            let at = opened.office.stored_until.map(Timestamp::from_millis);
            return Ok(at.map(IndexChange::StoredAgain));
        }
    }))
}

/// Whether entries of this kind change nothing in the index.
fn leaves_index(verb: Verb) -> bool {
    let looks = matches!(verb, Verb::Looked | Verb::Opened | Verb::Audited | Verb::Exported);
    let attendance = matches!(
        verb,
        Verb::SignedIn | Verb::SignedOut | Verb::SessionLocked | Verb::SignInRefused | Verb::TakenOver
    );
    let mends = matches!(verb, Verb::Recovered | Verb::Quarantined);
    looks || attendance || mends || verb == Verb::Disposed
}

fn staged_row(stores: &Stores, opened: &OpenEntry) -> Result<StagedRow, ArchiveError> {
    let damaged = || damaged_entry(opened.sequence);
    let set = opened.refs.staged.first().ok_or_else(damaged)?;
    let blobs = opened.personal::<StagedPersonal>()?.map(|p| p.blobs).unwrap_or_default();
    let mut names: Vec<BlobName> = blobs.iter().map(|b| stores.keys.blob_name(&b.digest.0)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(StagedRow {
        id: set.id.0,
        sequence: opened.sequence,
        key: set.key,
        expires_at: Timestamp::from_millis(opened.refs.expires_at.ok_or_else(damaged)?),
        state: StagedState::Unfiled,
        blobs: names,
    })
}

fn rebuilt_change(entry: &Entry, opened: &OpenEntry) -> IndexChange {
    let line = |at| RebuiltLine { sequence: entry.sequence, stored_until: Timestamp::from_millis(at) };
    IndexChange::Rebuilt {
        line: opened.office.stored_until.map(line),
        is_lossy: opened.office.count > 0,
        lost: Harm::entered_by(entry).unwrap_or_default().into_lost(),
    }
}

fn filed_change(stores: &Stores, opened: &OpenEntry) -> Result<IndexChange, ArchiveError> {
    let id = opened.refs.material.ok_or_else(|| damaged_entry(opened.sequence))?.0;
    let staged = opened.refs.staged.iter().map(|s| s.id.0).collect();
    Ok(match material_row(stores, opened)? {
        Some(row) => IndexChange::Filed { row, staged },
        None => IndexChange::Unreadable { id, sequence: opened.sequence, staged },
    })
}

fn refiled_change(stores: &Stores, opened: &OpenEntry) -> Result<IndexChange, ArchiveError> {
    let id = opened.refs.material.ok_or_else(|| damaged_entry(opened.sequence))?.0;
    Ok(match material_row(stores, opened)? {
        Some(row) => IndexChange::Refiled { id, row: Some(row) },
        None => IndexChange::Unreadable { id, sequence: opened.sequence, staged: Vec::new() },
    })
}

/// The row of a `filed` or `refiled` entry; `None` where its keys are gone, as once it is forgotten.
fn material_row(stores: &Stores, opened: &OpenEntry) -> Result<Option<MaterialRow>, ArchiveError> {
    let id = opened.refs.material.ok_or_else(|| damaged_entry(opened.sequence))?.0;
    let Some(personal) = opened.personal::<FiledPersonal>()? else { return Ok(None) };
    let FiledPersonal { material, filing, blobs, originals_disposed, .. } = personal;
    let mut names: Vec<BlobName> = blobs.iter().map(|b| stores.keys.blob_name(&b.digest.0)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(Some(MaterialRow {
        id,
        sequence: opened.sequence,
        holders: stores.sorted_tags(opened.subjects.iter().flatten()),
        filing,
        blobs: names,
        supersedes: material.supersedes(),
        originals_disposed,
    }))
}
