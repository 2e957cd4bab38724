//! The view: what can be found without opening anything. Rebuilt from ledger and keyring when lost.
//!
//! No row holds anything personal in the clear: people and contents appear as tags, everything else is read
//! from the ledger entry a row points at.

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId, Timestamp};

use super::{BlobName, KeyId, StorageError, Tag};

/// A material that counts, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterialRow {
    /// The material.
    pub id: MaterialId,
    /// Its `filed` entry, or the last `refiled` one.
    pub sequence: u64,
    /// Its holders' tags, each once, sorted.
    pub holders: Vec<Tag>,
    /// Tag of holders, case, slot and bytes: two filings with the same one are the same filing.
    pub filing: Tag,
    /// The blobs it needs, each once, sorted.
    pub blobs: Vec<BlobName>,
    /// The material whose place it takes, whether that is there or not.
    pub supersedes: Option<MaterialId>,
    /// Whether its untouched originals were disposed of: they are not among `blobs`.
    pub originals_disposed: bool,
}

/// The untouched originals of a material that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisposedOriginals {
    /// The material.
    pub material: MaterialId,
    /// Its `filed` or `refiled` entry; a later row of it says for itself whether it still has them.
    pub sequence: u64,
    /// The blobs it no longer needs, sorted.
    pub names: Vec<BlobName>,
}

/// A paper that stays and whose untouched originals are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwaitedOriginals {
    /// The material.
    pub material: MaterialId,
    /// The entry that says so: `originals_requested` or `originals_deferred`.
    pub sequence: u64,
    /// Whether the repository has decided it, so that only something here keeps them; else it was asked to.
    pub decided: bool,
}

/// How far a staged set has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagedState {
    /// Waits to be filed.
    Unfiled,
    /// Became part of this material.
    Filed(MaterialId),
    /// Thrown away or expired.
    Discarded,
}

/// A staged set, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedRow {
    /// The set.
    pub id: CaptureId,
    /// Its `staged` entry.
    pub sequence: u64,
    /// Its own key, until it is filed or discarded.
    pub key: KeyId,
    /// When it may be swept.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: StagedState,
    /// The blobs it keeps alive, each once, sorted; empty unless unfiled.
    pub blobs: Vec<BlobName>,
}

/// How far an erasure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// Waits for a decision.
    Requested,
    /// Was refused.
    Refused,
    /// Tombstones stand, traces are being removed.
    Erasing,
    /// Nothing is left.
    Done,
}

/// A hold that stands, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// The hold.
    pub id: HoldId,
    /// Its `held` entry.
    pub sequence: u64,
    /// Tag of the person whose papers are held; `None` for a hold on a material.
    pub holder: Option<Tag>,
    /// Materials held by name, sorted: the one it was placed on, or those that were put right since and had been
    /// the held person's.
    pub materials: Vec<MaterialId>,
}

/// Where the ledger was last made anew of what was left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuiltLine {
    /// Its `rebuilt` entry.
    pub sequence: u64,
    /// No blob that was there then was stored, or has been stored once more, later than this.
    pub stored_until: Timestamp,
}

/// How far the holds that stand are all there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldDoubt {
    /// Whether something is known to be missing since they were last confirmed.
    pub stands: bool,
    /// Stretches of the ledger that were left out and are confirmed to have been no hold: first and last place of each.
    pub confirmed: Vec<(u64, u64)>,
}

/// What the index knows that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Places in the ledger, and staged sets, before the line.
    pub before: u64,
    /// Those behind it; all where there is none.
    pub since: u64,
    /// Where the ledger was last made anew.
    pub line: Option<RebuiltLine>,
}

/// One step the index takes for one ledger entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexChange {
    /// Adds an unfiled set.
    Staged(StagedRow),
    /// A set was thrown away.
    Discarded(CaptureId),
    /// Adds a material; these sets became part of it.
    Filed {
        /// The material.
        row: MaterialRow,
        /// The sets it was made of.
        staged: Vec<CaptureId>,
    },
    /// A material was put right: this is its row from here on, in place of the one it had. Without a row its
    /// holders are forgotten, and it is gone with them.
    Refiled {
        /// The material.
        id: MaterialId,
        /// Its row, with the sequence of its `refiled` entry.
        row: Option<MaterialRow>,
    },
    /// These materials need their untouched originals no more.
    OriginalsDisposed(Vec<DisposedOriginals>),
    /// The untouched originals of these are to go. One that the repository has decided stays so, or is decided anew.
    OriginalsAwaited(Vec<AwaitedOriginals>),
    /// The untouched originals of this one stay.
    OriginalsKept {
        /// The material.
        material: MaterialId,
        /// What the repository had decided by this `originals_deferred` entry counts no more; without it, it does.
        deferral: Option<u64>,
    },
    /// The sets are used up by a material that was on file before.
    UsedUp {
        /// The material.
        id: MaterialId,
        /// The sets it was made of.
        staged: Vec<CaptureId>,
    },
    /// An erasure was asked for, by this entry.
    ErasureRequested {
        /// The erasure.
        id: ErasureId,
        /// Its `erasure_requested` entry.
        sequence: u64,
    },
    /// It was refused.
    ErasureRefused(ErasureId),
    /// It was decided elsewhere and waits for a hold to be lifted.
    ErasureDeferred {
        /// The erasure.
        id: ErasureId,
        /// Its `erasure_deferred` entry.
        sequence: u64,
    },
    /// Removes the materials, leaves tombstones, and lists the blobs nothing needs any more for deletion.
    /// For a material that stays with others, only the holder is taken off.
    Erased {
        /// The erasure.
        id: ErasureId,
        /// Its `erased` entry.
        sequence: u64,
        /// Materials that go.
        materials: Vec<MaterialId>,
        /// Papers whose predecessor goes, each with the one whose place it takes from here on.
        relinked: Vec<(MaterialId, MaterialId)>,
        /// The forgotten holder's tag, for an erasure of a person: taken off every remaining material. Only
        /// known while it is being carried out; a rebuild finds the rows already without it.
        holder: Option<Tag>,
    },
    /// Every trace is gone: the list of blobs to delete is cleared.
    ErasureDone(ErasureId),
    /// What stands in these places of the ledger is left out: an entry that does not open, or nothing.
    LeftOut {
        /// The first.
        sequence: u64,
        /// The last.
        last: u64,
    },
    /// The keys of the entry that says how a material stands are gone: it is forgotten, or left out as long as no later entry
    /// erases it or puts it right. These sets are used up.
    Unreadable {
        /// The material.
        id: MaterialId,
        /// That entry.
        sequence: u64,
        /// The sets it was made of.
        staged: Vec<CaptureId>,
    },
    /// The ledger was made anew of what was left of it.
    Rebuilt {
        /// What is missing of what came before can only need blobs that were stored by then; `None`: any.
        line: Option<RebuiltLine>,
        /// Whether something was lost: it may have been a hold.
        is_lossy: bool,
        /// All stretches that are empty then. What was confirmed of any other place counts no more: it has been found again.
        lost: Vec<(u64, u64)>,
    },
    /// A blob was stored once more, then: it counts as one that was there when the ledger was last made anew.
    StoredAgain(Timestamp),
    /// A hold stands from here on. A material that is put right while it stands, and is no longer the held
    /// person's, is held by name.
    Held(HoldRow),
    /// The hold is gone.
    HoldLifted(HoldId),
    /// The keys of a hold's entry are gone: whom it holds nobody knows. It is left out until it is lifted.
    HoldUnreadable {
        /// The hold.
        id: HoldId,
        /// Its `held` entry.
        sequence: u64,
    },
    /// A hold may be missing.
    HoldsDoubted,
    /// The holds that stand are all there are: these stretches of the ledger, which are all that cannot be read, had none.
    HoldsConfirmed(Vec<(u64, u64)>),
}

/// Everything in the index, in a fixed order: two indexes of the same truth have equal dumps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IndexDump {
    /// One line per row, sorted.
    pub lines: Vec<String>,
}

/// The view over the ledger.
pub trait Index: Send + Sync {
    /// Last ledger sequence that has been applied; 0 when empty.
    fn applied(&self) -> Result<u64, StorageError>;

    /// Applies changes up to and including `sequence` in one transaction. Not necessarily durable: what a
    /// power cut takes away is applied again from the ledger. A `sequence` below the applied one is refused;
    /// [`IndexChange::Erased`] alone may be applied twice, which changes nothing more.
    fn apply_many(&self, changes: &[IndexChange], sequence: u64) -> Result<(), StorageError>;

    /// What was left out of it, as it could not be read when it was applied: what that needs it does not know. A staged set that
    /// waits and whose blobs are not known is among it.
    fn left_out(&self) -> Result<LeftOut, StorageError>;

    /// At most `limit` of the stretches of the ledger that were left out, the staged sets apart, that begin after `after`: first
    /// and last place of each, in their order.
    fn left_out_places(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64)>, StorageError>;

    /// Removes every row; `applied` is 0 again. Works on a damaged index too.
    fn clear(&self) -> Result<(), StorageError>;

    /// A material that counts.
    fn material(&self, id: MaterialId) -> Result<Option<MaterialRow>, StorageError>;

    /// Whether a tombstone stands for this material.
    fn is_erased(&self, id: MaterialId) -> Result<bool, StorageError>;

    /// At most `limit` materials of a holder, newest first, with a sequence below `before`.
    fn materials_of(&self, holder: Tag, before: u64, limit: usize) -> Result<Vec<MaterialRow>, StorageError>;

    /// The earliest material that counts with this filing tag and these holders, sorted. One that has lost a
    /// holder to an erasure since keeps its tag and is no longer that filing.
    fn find_filing(&self, filing: Tag, holders: &[Tag]) -> Result<Option<MaterialRow>, StorageError>;

    /// Materials that count and take the place of this one, in the order of their sequence.
    fn superseding(&self, id: MaterialId) -> Result<Vec<MaterialRow>, StorageError>;

    /// Ledger sequences of the entries (`filed`, `refiled`, `staged`) that keep this blob alive.
    fn blob_users(&self, name: BlobName) -> Result<Vec<u64>, StorageError>;

    /// A staged set.
    fn staged(&self, id: CaptureId) -> Result<Option<StagedRow>, StorageError>;

    /// At most `limit` unfiled sets in order of their sequence, after `after`.
    fn unfiled(&self, after: u64, limit: usize) -> Result<Vec<StagedRow>, StorageError>;

    /// Unfiled sets whose time has passed.
    fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<StagedRow>, StorageError>;

    /// State, request entry and tombstone entry (0: none) of an erasure.
    fn erasure(&self, id: ErasureId) -> Result<Option<(ErasureState, u64, u64)>, StorageError>;

    /// Erasures whose traces are still being removed, each with the blobs left to delete, sorted. A blob that
    /// something needs again by now is not among them.
    fn erasing(&self) -> Result<Vec<(ErasureId, Vec<BlobName>)>, StorageError>;

    /// Erasures that have a tombstone behind that entry, each with that, in the order of those.
    fn tombstones(&self, after: u64, limit: usize) -> Result<Vec<(ErasureId, u64)>, StorageError>;

    /// Erasures that wait for a hold to be lifted, each with its `erasure_deferred` entry, in the order of those.
    fn deferred(&self) -> Result<Vec<(ErasureId, u64)>, StorageError>;

    /// Papers that stay and whose untouched originals are to go, in the order of their names.
    fn awaited_originals(&self) -> Result<Vec<AwaitedOriginals>, StorageError>;

    /// The same of one paper.
    fn awaits_originals(&self, id: MaterialId) -> Result<Option<AwaitedOriginals>, StorageError>;

    /// A hold that stands.
    fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StorageError>;

    /// At most `limit` holds that stand, in the order they were placed, after `after`.
    fn holds(&self, after: u64, limit: usize) -> Result<Vec<HoldRow>, StorageError>;

    /// How far the holds that stand are all there are.
    fn hold_doubt(&self) -> Result<HoldDoubt, StorageError>;

    /// Whether a hold stands on this material by name, or on one of these people.
    fn is_held(&self, material: Option<MaterialId>, holders: &[Tag]) -> Result<bool, StorageError>;

    /// How many materials and blobs count.
    fn counts(&self) -> Result<(u64, u64), StorageError>;

    /// Visits every blob name that anything needs, each once, sorted; `visit` returns `false` to stop. No
    /// snapshot: what changes meanwhile may or may not be seen. `visit` may call the index.
    fn visit_blobs(&self, visit: &mut dyn FnMut(BlobName) -> bool) -> Result<(), StorageError>;

    /// At most `limit` of those names after that one, in their order.
    fn blobs_after(&self, after: Option<BlobName>, limit: usize) -> Result<Vec<BlobName>, StorageError> {
        let mut names = Vec::new();
        self.visit_blobs(&mut |name| {
            if after.is_none_or(|after| name > after) {
                names.push(name);
            }
            names.len() < limit
        })?;
        Ok(names)
    }

    /// Everything, for comparison.
    fn dump(&self) -> Result<IndexDump, StorageError>;

    /// Takes the bytes of removed rows out of everything this index has stored, its journal included. Waits
    /// for readers; [`StorageFault::InUse`](super::StorageFault::InUse) if one stays.
    fn scrub(&self) -> Result<(), StorageError>;
}
