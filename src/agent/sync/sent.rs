//! What the records of a window say it had brought to the repository, for whoever finds them on a dead disk.

use std::collections::HashSet;
use std::path::Path;

use yidang_model::{ErasureId, MaterialId};

use super::SyncError;
use super::store::SyncStore;

/// How far a window had come. Without records nothing had been sent.
#[derive(Default)]
pub(crate) struct Sent {
    confirmed: u64,
    refused: HashSet<u64>,
    store: Option<SyncStore>,
}

impl Sent {
    /// Reads the records, taking the steps their version lacks: of a file that may be written to.
    pub(crate) fn read(state_db: &Path) -> Result<Self, SyncError> {
        let store = SyncStore::open(state_db)?;
        let confirmed = store.position()?.confirmed;
        let refused = store.refused()?.into_iter().map(|(sequence, _)| sequence).collect();
        Ok(Self { confirmed, refused, store: Some(store) })
    }

    /// Whether the repository has what this ledger entry says.
    pub(crate) fn has(&self, sequence: u64) -> bool {
        sequence <= self.confirmed && !self.refused.contains(&sequence)
    }

    /// The same of the entry that filed this material.
    pub(crate) fn has_material(&self, sequence: u64, id: MaterialId) -> bool {
        let is_refused = |store: &SyncStore| !matches!(store.rejected(id), Ok(None));
        self.has(sequence) && !self.store.as_ref().is_some_and(is_refused)
    }

    /// Whether the repository knows of this erasure, which was asked for by that entry.
    pub(crate) fn has_erasure(&self, sequence: u64, id: ErasureId) -> bool {
        let is_decided = |store: &SyncStore| matches!(store.decision(id), Ok(Some(_)));
        sequence <= self.confirmed || self.store.as_ref().is_some_and(is_decided)
    }
}
