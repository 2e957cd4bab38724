//! The fixity check: is everything there, and is it what it was?

use yidang_model::{CaptureId, MaterialId};

use crate::storage::{BlobName, Part, StorageFault};
use crate::{Archive, ArchiveError};

/// Most damages named in one report; the rest are counted.
pub const DAMAGES_MAX: usize = 1000;

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
    /// A row of the index, as [`Archive::index_dump`] writes it: missing, or there without a reason.
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

impl Archive {
    /// Reads everything: the hash chain, every entry, every blob, the index against a fresh one. Reports
    /// damage instead of stopping at it; an error means that the check itself could not go on. `progress`
    /// hears steps done and steps in all.
    pub fn verify(&self, _progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
