//! Reading what is on file. Nothing here writes: whoever shows it to someone records the look.

use yidang_model::{Digest, Material, MaterialId, Subject};

use crate::{Archive, ArchiveError};

/// Most materials in one page of a history; a higher limit is cut to it.
pub const HISTORY_PAGE_MAX: usize = 200;

/// Which part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Materials with a sequence below this one; `u64::MAX` for the newest.
    pub before: u64,
    /// At most so many.
    pub limit: usize,
}

/// A material on file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The record. Holders that have been forgotten are not in it.
    pub material: Material,
    /// Its ledger entry.
    pub sequence: u64,
}

impl Archive {
    /// What is on file for a holder, newest first.
    pub fn history(&self, _who: &Subject, _page: HistoryPage) -> Result<Vec<Stored>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// A material; `None` for an unknown and for an erased one.
    pub fn material(&self, _id: MaterialId) -> Result<Option<Stored>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Whether a material of this identifier was erased.
    pub fn is_erased(&self, _id: MaterialId) -> Result<bool, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// The plain bytes of one of a material's pictures, hashed again.
    pub fn blob(&self, _of: MaterialId, _digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Where in a holder's dossier these very bytes are a page or its original: material and page from 1.
    pub fn matches(
        &self,
        _who: &Subject,
        _original: &Digest,
    ) -> Result<Vec<(MaterialId, usize)>, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
