//! Making the index anew from ledger and keyring.

use crate::storage::IndexDump;
use crate::{Archive, ArchiveError};

impl Archive {
    /// Empties the index and makes it anew; how many entries were applied. Writes wait meanwhile.
    pub fn rebuild_index(&self) -> Result<u64, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Everything in the index, for comparison.
    pub fn index_dump(&self) -> Result<IndexDump, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
