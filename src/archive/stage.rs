//! Taking blobs in before anything is filed: captures at a window, uploads at the repository.

use std::fmt;

use yidang_model::{CaptureId, Digest, Timestamp};

use crate::storage::StagedState;
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// Most blobs in one staged set.
pub const STAGE_BLOBS_MAX: usize = 64;
/// Longest blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 64 << 20;
/// Longest note of a staged set, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 << 10;

/// A set of blobs to take in.
#[derive(Clone)]
pub struct Stage {
    /// Chosen by the caller. The same set staged again under it is recognised.
    pub id: CaptureId,
    /// Plain bytes, at least one blob. The order is kept.
    pub blobs: Vec<Vec<u8>>,
    /// The caller's own description: sealed, and given back as it is while the set waits.
    pub note: Vec<u8>,
    /// When it may be swept if it has not been filed by then.
    pub expires_at: Timestamp,
    /// Who stages it.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("id", &self.id)
            .field("blobs", &self.blobs.len())
            .finish_non_exhaustive()
    }
}

/// A staged set. `digests` and `note` are empty once it has been filed or thrown away.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// The set.
    pub id: CaptureId,
    /// Its ledger entry; unfiled sets are listed in this order.
    pub sequence: u64,
    /// Its blobs, in the order they were handed in.
    pub digests: Vec<Digest>,
    /// The caller's own description.
    pub note: Vec<u8>,
    /// When it was taken in.
    pub staged_at: Timestamp,
    /// When it may be swept.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: StagedState,
    /// Whether this answers a repeated call.
    pub replayed: bool,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Staged");
        shown.field("id", &self.id).field("sequence", &self.sequence).field("digests", &self.digests);
        shown.field("state", &self.state).field("replayed", &self.replayed).finish_non_exhaustive()
    }
}

impl Archive {
    /// Seals the blobs and stores them; durable when it returns.
    pub fn stage(&self, _stage: Stage) -> Result<Staged, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// A staged set in whatever state; `None` if there never was one.
    pub fn staged(&self, _id: CaptureId) -> Result<Option<Staged>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Sets that wait to be filed, in the order of their sequence, after that one.
    pub fn unfiled(&self, _after: u64, _limit: usize) -> Result<Vec<Staged>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// The plain bytes of a blob of an unfiled set, hashed again.
    pub fn staged_blob(&self, _id: CaptureId, _digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Throws an unfiled set away; `false` if there is none. A filed one is
    /// [`ArchiveError::StagedFiled`].
    pub fn discard(&self, _id: CaptureId, _by: &Actor) -> Result<bool, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
