//! Carries a batch into the stores, in the order that [`crate::writer`] lays down.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use yidang_model::{ErasureId, HoldId};

use crate::hold::HOLDS_MAX;
use crate::keys::NamedKey;
use crate::left_out::gains_by_rebuild;
use crate::lost_holds::LostHolds;
use crate::plan::{Answer, Draft, Planner};
use crate::rebuild::catch_up;
use crate::storage::{BlobName, IndexChange, KeyId, NewEntry, Part, StorageError, StorageFault, Tag, Verb};
use crate::stores::Stores;
use crate::writer::{GROUP_MAX, unwind_guarded};
use crate::{Actor, ArchiveError};

/// In whose name the archive enters what it finds when it is opened.
const CLIENT: &str = "opening";
/// Set in what an index says it goes up to, while it is of another ledger and about to be made anew.
pub(crate) const INDEX_AHEAD: u64 = 1 << 62;
/// How many entries may follow on one whose used-up keys were not deleted, as long as requests keep coming.
const USED_UP_WAIT_ENTRIES: u64 = 4 * GROUP_MAX as u64;
/// How many entries may follow on one whose used-up keys could not be deleted, and how many are looked through
/// for such keys at the start.
const USED_UP_ENTRIES_MAX: usize = 16 * GROUP_MAX;

/// What is written together.
#[derive(Clone)]
pub(crate) struct Batch {
    /// The ledger's head before it.
    pub(crate) head: u64,
    /// Keys of holders that the keyring does not have yet.
    holders: HashMap<Tag, NamedKey>,
    drafts: Vec<Draft>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// One that begins where this one ends, while the keyring may not have this one's keys yet.
    pub(crate) fn behind(&self) -> Self {
        let holders = self.drafts.iter().flat_map(|draft| draft.holders.iter().cloned()).collect();
        Self { head: self.next_head(), holders, drafts: Vec::new() }
    }

    pub(crate) fn push(&mut self, draft: Draft) {
        self.holders.extend(draft.holders.iter().cloned());
        self.drafts.push(draft);
    }

    /// The blobs to write, out of all drafts.
    pub(crate) fn take_blobs(&mut self) -> Vec<(BlobName, Vec<u8>)> {
        self.drafts.iter_mut().flat_map(|draft| std::mem::take(&mut draft.blobs)).collect()
    }

    /// One answer per draft.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.drafts.iter().map(|draft| draft.answer.clone()).collect()
    }

    /// The ledger's head once it is entered.
    fn next_head(&self) -> u64 {
        self.head + self.drafts.len() as u64
    }

    fn new_keys(&self) -> impl Iterator<Item = &crate::storage::KeyRecord> {
        self.drafts.iter().flat_map(|draft| &draft.keys)
    }
}

/// Writes. There is one per archive, on the writer thread.
pub(crate) struct Scribe {
    pub(crate) stores: Arc<Stores>,
    /// The ledger's head as of the last write.
    pub(crate) last_head: u64,
    /// Holder keys of unfinished erasures, and why those are not finished.
    pub(crate) doomed: HashMap<KeyId, ArchiveError>,
    /// Whether an erasure stopped half-way.
    pub(crate) unfinished: bool,
    /// Erasures of people whose key has been deleted and the epoch rotated since, while they are not done.
    pub(crate) rotated: HashSet<ErasureId>,
    /// Keys of staged sets that are used up.
    used_up: Vec<KeyId>,
    /// The ledger's head before the oldest of them was.
    used_up_since: u64,
}

impl Scribe {
    /// Takes the stores over and puts right what a crash left in them.
    pub(crate) fn take_over(stores: Arc<Stores>) -> Result<Self, ArchiveError> {
        let (head, _) = stores.ledger.head()?;
        let mut scribe = Self {
            stores,
            last_head: head,
            doomed: HashMap::new(),
            unfinished: true,
            rotated: HashSet::new(),
            used_up: Vec::new(),
            used_up_since: 0,
        };
        scribe.find_used_up(head)?;
        scribe.try_to_forget_used_up();
        let applied = scribe.stores.index.applied();
        let damaged = |e: &StorageError| matches!(e.fault, StorageFault::Damaged | StorageFault::Missing);
        let is_ahead = applied.as_ref().is_ok_and(|applied| *applied > head);
        // Where the second copy shows that nothing may be entered here, a rebuild still needs what this index knows.
        let is_witness = is_ahead && scribe.stores.check_copy().is_err();
        if is_ahead && !is_witness {
            scribe.doubt_what_the_index_knew(head, applied.clone()?)?;
        }
        if (is_ahead && !is_witness) || applied.as_ref().is_err_and(damaged) {
            tracing::warn!(head, is_ahead, "the index is damaged or of another ledger; it is made anew");
            scribe.stores.index.clear()?;
        }
        scribe.take_up_what_was_left_out();
        let mut settled = scribe.settle();
        if matches!(&settled, Err(ArchiveError::Storage(e)) if e.part == Part::Index && damaged(e)) {
            tracing::warn!("the index is damaged; it is made anew");
            scribe.stores.index.clear()?;
            settled = scribe.settle();
        }
        match settled {
            // What is on file can be read from a full disk too; the next write puts the rest right.
            Err(ArchiveError::Storage(error))
                if matches!(error.fault, StorageFault::DiskFull | StorageFault::ReadOnly) =>
            {
                tracing::warn!(%error, "what the last run left undone waits until something can be written");
                scribe.draw_veil()?;
                scribe.stores.lag.begin(error.into());
            }
            settled => drop(settled?),
        }
        Ok(scribe)
    }

    /// An index that knew more than the ledger tells saw an end of it that is gone, as where an older one was put back. Its places
    /// are not given again: behind them it is entered that holds may be missing, and which of them this index knew.
    ///
    /// Until that is durable the index stays ahead of whatever else is: the next opening sees it too.
    fn doubt_what_the_index_knew(&self, head: u64, applied: u64) -> Result<(), ArchiveError> {
        let known = applied & !INDEX_AHEAD;
        let lost: Vec<HoldId> =
            self.stores.index.holds(head, HOLDS_MAX)?.into_iter().map(|hold| hold.id).collect();
        tracing::error!(
            head,
            known,
            lost = ?lost.iter().map(HoldId::to_string).collect::<Vec<_>>(),
            "the ledger ends before what was entered in it: nothing is forgotten until it was rebuilt and its holds were confirmed"
        );
        self.stores.index.apply_many(&[], known | INDEX_AHEAD)?;
        let by = Actor { client: CLIENT.to_owned(), operator: None };
        let batch = Batch { head, holders: HashMap::new(), drafts: Vec::new() };
        let doubting = crate::held::doubting(&by, &self.planner(&batch), LostHolds::of(lost))?;
        Ok(self.stores.ledger.append_behind_gap(known.max(head) + 1, &doubting.entry)?)
    }

    /// An index that left something out knows less than it could once the ledger, or a key, is put right.
    fn take_up_what_was_left_out(&self) {
        let taken_up = gains_by_rebuild(&self.stores).and_then(|gains| {
            if gains {
                tracing::info!("what the index left out can be read now; it is made anew");
                self.stores.index.clear()?;
            }
            Ok(())
        });
        // Nothing is worse than before; the next opening tries again.
        if let Err(error) = taken_up {
            tracing::warn!(%error, "the index still lacks what could not be read when it was made");
        }
    }

    /// The last groups may have been written without their used-up keys being deleted.
    fn find_used_up(&mut self, head: u64) -> Result<(), ArchiveError> {
        // A group may have followed when the others were as many as there may be.
        let span = USED_UP_ENTRIES_MAX + GROUP_MAX;
        self.used_up_since = head.saturating_sub(span as u64);
        for entry in self.stores.ledger.after(self.used_up_since, span)? {
            if matches!(entry.content.verb, Verb::Filed | Verb::Recognised | Verb::Discarded) {
                // An entry that does not hold together is for the fixity check to report.
                let refs = crate::entry::refs_of(&entry).unwrap_or_default();
                self.used_up.extend(refs.staged.iter().map(|s| s.key));
            }
        }
        Ok(())
    }

    /// Brings the stores into the state a batch can start from; the ledger's head.
    pub(crate) fn settle(&mut self) -> Result<u64, ArchiveError> {
        let (head, _) = self.stores.ledger.head()?;
        let waited = head.saturating_sub(self.used_up_since);
        if waited >= USED_UP_WAIT_ENTRIES
            && let Err(error) = unwind_guarded(|| self.forget_used_up())
        {
            // They are found again after a crash, as long as they are not too far back.
            if waited >= USED_UP_ENTRIES_MAX as u64 {
                return Err(error);
            }
            tracing::warn!(%error, "keys of staged sets that are used up wait to be deleted");
        }
        if self.stores.index.applied()? < head {
            catch_up(&self.stores, head)?;
            self.unfinished = true;
        }
        if self.unfinished {
            self.finish_erasures()?;
        }
        let (head, _) = self.stores.ledger.head()?;
        if self.stores.index.applied()? < head {
            // An erasure's last step reached the ledger alone. A batch shown on top would pass it over.
            catch_up(&self.stores, head)?;
        }
        self.last_head = head;
        self.stores.lag.end();
        Ok(head)
    }

    /// Begins a batch.
    pub(crate) fn begin(&mut self) -> Result<Batch, ArchiveError> {
        Ok(Batch { head: self.settle()?, holders: HashMap::new(), drafts: Vec::new() })
    }

    /// What the next request of a batch is planned with.
    pub(crate) fn planner<'a>(&'a self, batch: &'a Batch) -> Planner<'a> {
        Planner {
            stores: &self.stores,
            holders: &batch.holders,
            doomed: &self.doomed,
            sequence: batch.next_head() + 1,
        }
    }

    /// Step 1.
    pub(crate) fn keep_blobs(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), ArchiveError> {
        if blobs.is_empty() { Ok(()) } else { Ok(self.stores.blobs.put_many(blobs)?) }
    }

    /// Takes note of a batch that has happened.
    pub(crate) fn note_entered(&mut self, batch: &Batch) {
        self.last_head = batch.next_head();
        if self.used_up.is_empty() {
            self.used_up_since = batch.head;
        }
        self.used_up.extend(batch.drafts.iter().flat_map(|draft| &draft.forget));
    }

    /// Whether a batch may be begun behind this one before the stores are settled.
    pub(crate) fn lets_begin_behind(&self, entering: &Batch) -> bool {
        let waited = entering.next_head().saturating_sub(self.used_up_since);
        !self.unfinished && (self.used_up.is_empty() || waited < USED_UP_WAIT_ENTRIES)
    }

    /// Step 5.
    pub(crate) fn forget_used_up(&mut self) -> Result<(), ArchiveError> {
        if !self.used_up.is_empty() {
            self.stores.keys.forget(&self.used_up)?;
            self.used_up.clear();
        }
        Ok(())
    }

    /// The same where nothing is lost if it fails: it is done before a later group.
    pub(crate) fn try_to_forget_used_up(&mut self) {
        if let Err(error) = unwind_guarded(|| self.forget_used_up()) {
            tracing::warn!(%error, "keys of staged sets that are used up wait to be deleted");
        }
    }

    /// Takes back what a batch that failed may have written before its ledger entries.
    pub(crate) fn undo(&self, batch: &Batch, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), ArchiveError> {
        if self.stores.ledger.head()?.0 != batch.head {
            // It failed and happened all the same, so all of it is needed; the index catches up.
            return Ok(());
        }
        let keys: Vec<KeyId> = batch.new_keys().map(|key| key.id).collect();
        if !keys.is_empty() {
            self.stores.keys.forget(&keys)?;
        }
        self.undo_blobs(blobs)
    }

    /// The same of a batch whose entries nobody has tried to write.
    pub(crate) fn undo_blobs(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), ArchiveError> {
        let mut orphans = Vec::with_capacity(blobs.len());
        for (name, _) in blobs {
            // What was not written is not looked for, which may take long.
            let is_there = self.stores.blobs.stat(*name)?.is_some();
            if is_there && self.stores.index.blob_users(*name)?.is_empty() {
                orphans.push(*name);
            }
        }
        Ok(self.stores.blobs.delete_many(&orphans)?)
    }

    /// Writes one draft by itself, through to the index.
    pub(crate) fn write_alone(
        &mut self,
        plan: impl FnOnce(&Planner<'_>) -> Result<Draft, ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let (head, _) = self.stores.ledger.head()?;
        let mut batch = Batch { head, holders: HashMap::new(), drafts: Vec::new() };
        let draft = plan(&self.planner(&batch))?;
        batch.push(draft);
        let blobs = batch.take_blobs();
        if let Err(error) = self.keep_blobs(&blobs).and_then(|()| enter(&self.stores, &batch)) {
            // The first error is the one to report.
            let _ = self.undo(&batch, &blobs);
            return Err(error);
        }
        self.note_entered(&batch);
        if batch.drafts.iter().any(|draft| matches!(draft.change, Some(IndexChange::Erased { .. }))) {
            // Not before: what the ledger does not say is gone must be seen, by sync among others.
            self.draw_veil()?;
        }
        show(&self.stores, &batch)
    }
}

/// Steps 2 and 3: when it returns, the batch has happened.
pub(crate) fn enter(stores: &Stores, batch: &Batch) -> Result<(), ArchiveError> {
    let keys: Vec<_> = batch.new_keys().cloned().collect();
    if !keys.is_empty() {
        stores.keys.add(&keys)?;
    }
    let entries: Vec<NewEntry> = batch.drafts.iter().map(|draft| draft.entry.clone()).collect();
    let appended = stores.ledger.append_many(&entries)?;
    if appended.last().map(|e| e.sequence) != Some(batch.next_head()) {
        let detail = "someone else appends to the ledger";
        return Err(StorageError::new(Part::Ledger, StorageFault::InUse, detail).into());
    }
    Ok(())
}

/// Step 4: the index shows the batch.
pub(crate) fn show(stores: &Stores, batch: &Batch) -> Result<(), ArchiveError> {
    let changes: Vec<IndexChange> = batch.drafts.iter().filter_map(|draft| draft.change.clone()).collect();
    Ok(stores.index.apply_many(&changes, batch.next_head())?)
}
