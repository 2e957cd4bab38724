//! Filing: a material joins its holders' dossiers.

use yidang_model::{CaptureId, Material};

use crate::{Actor, Archive, ArchiveError, Idempotency, Stored};

/// Most pages of a material.
pub const PAGES_MAX: usize = 200;
/// Most holders of a material.
pub const HOLDERS_MAX: usize = 16;

/// A material to file.
#[derive(Clone, Debug)]
pub struct Filing {
    /// The record. Its `duplicate_of` is decided here unless the caller already knows it.
    pub material: Material,
    /// The staged sets it is made of; they are used up. Blobs in none of them are taken from what is on file
    /// for one of the holders.
    pub from: Vec<CaptureId>,
    /// Who files it.
    pub by: Actor,
    /// What for, where it was said.
    pub purpose: Option<String>,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

/// What became of a filing.
#[derive(Clone, Debug, PartialEq)]
pub struct Filed {
    /// The record: with `duplicate`, the first one's.
    pub stored: Stored,
    /// The same holders, case, slot and bytes, or the same identifier, were on file. Nothing was written.
    pub duplicate: bool,
    /// Whether this answers a repeated call.
    pub replayed: bool,
}

impl Archive {
    /// Files a material; durable when it returns.
    pub fn file(&self, _filing: Filing) -> Result<Filed, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Files several, committed together as far as they do not build on each other. Each has its own answer,
    /// in the order they were handed in.
    pub fn file_many(&self, filings: Vec<Filing>) -> Vec<Result<Filed, ArchiveError>> {
        filings.into_iter().map(|f| self.file(f)).collect()
    }

    /// What was answered to a filing with this key and request: `None` if there was none,
    /// [`ArchiveError::IdempotencyConflict`] if the key came with another request.
    pub fn find_filed(&self, _idempotency: &Idempotency) -> Result<Option<Filed>, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
