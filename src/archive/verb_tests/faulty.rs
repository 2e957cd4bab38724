//! Stores that fail at the n-th write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId, Timestamp};

use crate::Parts;
use crate::storage::*;

/// How the n-th write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It alone fails and does nothing: no room for a moment.
    Once,
    /// It and every later one fail: the power went. Of several blobs, half are written.
    PowerCut,
    /// It is done and reported as failed, and every later one fails: the power went a little later.
    PowerCutAfter,
    /// It is done and reported as failed.
    LostAnswer,
    /// It panics.
    Panic,
    /// It and every later one of this part fail: that part is broken.
    Broken(Part),
    /// It and every later one of this sort fail in this way.
    Stuck(Op, Way),
}

/// A sort of write. Of the ledger and the index, those that are a step of an erasure are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    PutBlobs,
    DeleteBlobs,
    Append(Option<Verb>),
    Apply(Option<Verb>),
    PutKeys,
    DeleteKeys,
    BeginEpoch,
    SetRecovery,
    KeepEpoch,
    DestroyEpoch,
    ClearIndex,
    Scrub(Part),
}

impl Op {
    /// Whose errors it raises.
    pub(super) fn part(self) -> Part {
        match self {
            Self::PutBlobs | Self::DeleteBlobs => Part::Blobs,
            Self::Append(_) => Part::Ledger,
            Self::Apply(_) | Self::ClearIndex => Part::Index,
            Self::PutKeys | Self::DeleteKeys | Self::BeginEpoch | Self::SetRecovery => Part::Keyring,
            Self::KeepEpoch | Self::DestroyEpoch => Part::KeyKeeper,
            Self::Scrub(part) => part,
        }
    }

    fn append(entries: &[NewEntry]) -> Self {
        let step = |e: &NewEntry| matches!(e.verb, Verb::Erased | Verb::ErasureDone).then_some(e.verb);
        Self::Append(entries.iter().find_map(step))
    }

    fn apply(changes: &[IndexChange]) -> Self {
        Self::Apply(changes.iter().find_map(|change| match change {
            IndexChange::Erased { .. } => Some(Verb::Erased),
            IndexChange::ErasureDone(_) => Some(Verb::ErasureDone),
            _ => None,
        }))
    }
}

/// How a write fails that keeps failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing is done.
    Undone,
    /// It is done and reported as failed.
    Done,
    /// It panics.
    Panic,
}

/// Is asked before each write; the write fails with what it answers.
type Gate = Box<dyn Fn(Op) -> Result<(), StorageError> + Send + Sync>;

/// Counts writes and says which one fails.
pub(super) struct Faults {
    mode: Mode,
    fails_at: u64,
    writes: AtomicU64,
    well: AtomicBool,
    gate: Option<Gate>,
}

impl Faults {
    /// The `fails_at`-th write fails, counting from 1.
    pub(super) fn new(mode: Mode, fails_at: u64) -> Arc<Self> {
        let (writes, well) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { mode, fails_at, writes, well, gate: None })
    }

    /// Every write goes through a gate, which may hold it up.
    pub(super) fn gated(gate: impl Fn(Op) -> Result<(), StorageError> + Send + Sync + 'static) -> Arc<Self> {
        let (writes, well) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { mode: Mode::Once, fails_at: u64::MAX, writes, well, gate: Some(Box::new(gate)) })
    }

    /// Whether nothing fails from now on.
    pub(super) fn set_well(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }

    /// How many writes there were.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    fn write<T>(&self, op: Op, work: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate(op))?;
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = || Err(StorageError::new(op.part(), StorageFault::DiskFull, "injected"));
        let spares = match self.mode {
            Mode::Broken(broken) => broken != op.part(),
            Mode::Stuck(stuck, _) => stuck != op,
            _ => false,
        };
        if number < self.fails_at || spares || self.well.load(Ordering::SeqCst) {
            return work();
        }
        match (self.mode, number == self.fails_at) {
            (Mode::Panic, true) | (Mode::Stuck(_, Way::Panic), _) => panic!("injected"),
            (Mode::PowerCutAfter | Mode::LostAnswer, true) | (Mode::Stuck(_, Way::Done), _) => {
                work().and_then(|_| fault())
            }
            (Mode::Once | Mode::PowerCut, true) | (Mode::PowerCut | Mode::PowerCutAfter, false) => fault(),
            (Mode::Broken(_) | Mode::Stuck(_, Way::Undone), _) => fault(),
            (Mode::Once | Mode::LostAnswer | Mode::Panic, false) => work(),
        }
    }

    fn cuts_power_now(&self) -> bool {
        self.mode == Mode::PowerCut && self.writes.load(Ordering::SeqCst) + 1 == self.fails_at
    }
}

/// The same stores, failing when they are told to.
pub(super) fn faulty(parts: Parts, faults: &Arc<Faults>) -> Parts {
    let Parts { blobs, ledger, keyring, index, keeper, clock, place } = parts;
    let faults = || Arc::clone(faults);
    Parts {
        blobs: Box::new(Faulty(blobs, faults())),
        ledger: Box::new(Faulty(ledger, faults())),
        keyring: Box::new(Faulty(keyring, faults())),
        index: Box::new(Faulty(index, faults())),
        keeper: Box::new(Faulty(keeper, faults())),
        clock,
        place,
    }
}

struct Faulty<T: ?Sized>(Box<T>, Arc<Faults>);

impl BlobStore for Faulty<dyn BlobStore> {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        if self.1.cuts_power_now() {
            self.0.put_many(&blobs[..blobs.len() / 2])?;
        }
        self.1.write(Op::PutBlobs, || self.0.put_many(blobs))
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(name)
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        self.0.stat(name)
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        self.1.write(Op::DeleteBlobs, || self.0.delete_many(names))
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        self.0.visit(visit)
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        self.0.clear_leftovers()
    }
}

impl Ledger for Faulty<dyn Ledger> {
    fn append_many(&self, entries: &[NewEntry]) -> Result<Vec<Entry>, StorageError> {
        self.1.write(Op::append(entries), || self.0.append_many(entries))
    }

    fn append_behind_gap(&self, sequence: u64, entry: &NewEntry) -> Result<(), StorageError> {
        self.1.write(Op::Append(None), || self.0.append_behind_gap(sequence, entry))
    }

    fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.0.after(sequence, limit)
    }

    fn get_many(&self, sequences: &[u64]) -> Result<Vec<Entry>, StorageError> {
        self.0.get_many(sequences)
    }

    fn find_idempotent(&self, idempotency: Tag) -> Result<Option<Entry>, StorageError> {
        self.0.find_idempotent(idempotency)
    }

    fn head(&self) -> Result<(u64, EntryHash), StorageError> {
        self.0.head()
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.1.write(Op::Scrub(Part::Ledger), || self.0.scrub())
    }
}

impl Keyring for Faulty<dyn Keyring> {
    fn store_id(&self) -> Result<String, StorageError> {
        self.0.store_id()
    }

    fn put_many(&self, keys: &[KeyRecord]) -> Result<(), StorageError> {
        self.1.write(Op::PutKeys, || self.0.put_many(keys))
    }

    fn get(&self, id: KeyId) -> Result<Option<KeyRecord>, StorageError> {
        self.0.get(id)
    }

    fn find_holder(&self, tag: Tag) -> Result<Option<KeyRecord>, StorageError> {
        self.0.find_holder(tag)
    }

    fn store_keys(&self) -> Result<Vec<KeyRecord>, StorageError> {
        self.0.store_keys()
    }

    fn delete_many(&self, ids: &[KeyId]) -> Result<(), StorageError> {
        self.1.write(Op::DeleteKeys, || self.0.delete_many(ids))
    }

    fn current_epoch(&self) -> Result<Option<EpochRecord>, StorageError> {
        self.0.current_epoch()
    }

    fn begin_epoch(
        &self,
        epoch: &EpochRecord,
        rewrap: &mut dyn FnMut(&KeyRecord) -> Result<Vec<u8>, StorageError>,
    ) -> Result<(), StorageError> {
        self.1.write(Op::BeginEpoch, || self.0.begin_epoch(epoch, rewrap))
    }

    fn visit(
        &self,
        visit: &mut dyn FnMut(KeyRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.0.visit(visit)
    }

    fn set_recovery(&self, epoch: u32, seal: &RecoverySeal) -> Result<(), StorageError> {
        self.1.write(Op::SetRecovery, || self.0.set_recovery(epoch, seal))
    }

    fn count(&self, purpose: KeyPurpose) -> Result<u64, StorageError> {
        self.0.count(purpose)
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.1.write(Op::Scrub(Part::Keyring), || self.0.scrub())
    }
}

impl Index for Faulty<dyn Index> {
    fn applied(&self) -> Result<u64, StorageError> {
        self.0.applied()
    }

    fn apply_many(&self, changes: &[IndexChange], sequence: u64) -> Result<(), StorageError> {
        self.1.write(Op::apply(changes), || self.0.apply_many(changes, sequence))
    }

    fn left_out(&self) -> Result<LeftOut, StorageError> {
        self.0.left_out()
    }

    fn left_out_places(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64)>, StorageError> {
        self.0.left_out_places(after, limit)
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.1.write(Op::ClearIndex, || self.0.clear())
    }

    fn material(&self, id: MaterialId) -> Result<Option<MaterialRow>, StorageError> {
        self.0.material(id)
    }

    fn is_erased(&self, id: MaterialId) -> Result<bool, StorageError> {
        self.0.is_erased(id)
    }

    fn materials_of(&self, holder: Tag, before: u64, limit: usize) -> Result<Vec<MaterialRow>, StorageError> {
        self.0.materials_of(holder, before, limit)
    }

    fn find_filing(&self, filing: Tag, holders: &[Tag]) -> Result<Option<MaterialRow>, StorageError> {
        self.0.find_filing(filing, holders)
    }

    fn superseding(&self, id: MaterialId) -> Result<Vec<MaterialRow>, StorageError> {
        self.0.superseding(id)
    }

    fn blob_users(&self, name: BlobName) -> Result<Vec<u64>, StorageError> {
        self.0.blob_users(name)
    }

    fn staged(&self, id: CaptureId) -> Result<Option<StagedRow>, StorageError> {
        self.0.staged(id)
    }

    fn unfiled(&self, after: u64, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        self.0.unfiled(after, limit)
    }

    fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        self.0.expired(now, limit)
    }

    fn erasure(&self, id: ErasureId) -> Result<Option<(ErasureState, u64, u64)>, StorageError> {
        self.0.erasure(id)
    }

    fn erasing(&self) -> Result<Vec<(ErasureId, Vec<BlobName>)>, StorageError> {
        self.0.erasing()
    }

    fn tombstones(&self, after: u64, limit: usize) -> Result<Vec<(ErasureId, u64)>, StorageError> {
        self.0.tombstones(after, limit)
    }

    fn deferred(&self) -> Result<Vec<(ErasureId, u64)>, StorageError> {
        self.0.deferred()
    }

    fn awaited_originals(&self) -> Result<Vec<AwaitedOriginals>, StorageError> {
        self.0.awaited_originals()
    }

    fn awaits_originals(&self, id: MaterialId) -> Result<Option<AwaitedOriginals>, StorageError> {
        self.0.awaits_originals(id)
    }

    fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StorageError> {
        self.0.hold(id)
    }

    fn holds(&self, after: u64, limit: usize) -> Result<Vec<HoldRow>, StorageError> {
        self.0.holds(after, limit)
    }

    fn hold_doubt(&self) -> Result<HoldDoubt, StorageError> {
        self.0.hold_doubt()
    }

    fn is_held(&self, material: Option<MaterialId>, holders: &[Tag]) -> Result<bool, StorageError> {
        self.0.is_held(material, holders)
    }

    fn counts(&self) -> Result<(u64, u64), StorageError> {
        self.0.counts()
    }

    fn visit_blobs(&self, visit: &mut dyn FnMut(BlobName) -> bool) -> Result<(), StorageError> {
        self.0.visit_blobs(visit)
    }

    fn dump(&self) -> Result<IndexDump, StorageError> {
        self.0.dump()
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.1.write(Op::Scrub(Part::Index), || self.0.scrub())
    }
}

impl KeyKeeper for Faulty<dyn KeyKeeper> {
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError> {
        self.0.load(epoch)
    }

    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        self.keeping(Op::KeepEpoch, |keeper| keeper.keep(epoch, key))
    }

    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError> {
        self.keeping(Op::DestroyEpoch, |keeper| keeper.destroy(epoch))
    }
}

impl Faulty<dyn KeyKeeper> {
    fn keeping(
        &self,
        op: Op,
        work: impl FnOnce(&dyn KeyKeeper) -> Result<(), KeyKeeperError>,
    ) -> Result<(), KeyKeeperError> {
        let failed = |e: KeyKeeperError| StorageError::new(Part::KeyKeeper, StorageFault::Io, e.to_string());
        Ok(self.1.write(op, || work(self.0.as_ref()).map_err(failed))?)
    }
}
