//! Forgetting a material or a person.

use std::fmt;

use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};

use crate::storage::ErasureState;
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureTarget {
    /// One material, for all its holders.
    Material(MaterialId),
    /// A person: every material that is theirs alone, their part in the others, every look at them.
    Holder(Subject),
}

/// Asks that something be forgotten.
#[derive(Clone)]
pub struct ErasureRequest {
    /// Chosen by the caller. The same request made again under it is recognised.
    pub id: ErasureId,
    /// What is to be forgotten.
    pub target: ErasureTarget,
    /// Why. Personal data: it goes with what it is about.
    pub reason: String,
    /// Who asks.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

impl fmt::Debug for ErasureRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErasureRequest")
            .field("id", &self.id)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// An erasure and how far it has come.
#[derive(Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The erasure.
    pub id: ErasureId,
    /// How far it has come.
    pub state: ErasureState,
    /// What is to be forgotten; `None` once it was a person and is forgotten.
    pub target: Option<ErasureTarget>,
    /// Why; `None` once that is forgotten too.
    pub reason: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the tombstone was set.
    pub erased_at: Option<Timestamp>,
    /// What went.
    pub materials: Vec<MaterialId>,
    /// Pictures of the erased that stay because someone else's papers have the same bytes.
    pub shared_kept: Vec<Digest>,
}

impl fmt::Debug for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Erasure");
        shown.field("id", &self.id).field("state", &self.state).field("target", &self.target);
        shown.field("materials", &self.materials).finish_non_exhaustive()
    }
}

impl Archive {
    /// Asks that something be forgotten; nothing is until [`Archive::erase`]. The same identifier and target
    /// again gives the erasure as it stands.
    pub fn request_erasure(&self, _request: ErasureRequest) -> Result<Erasure, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Carries a requested erasure out: when it returns, every trace is gone. Called again it does what is
    /// left to do. A crash on the way is made good when the archive is opened.
    pub fn erase(&self, _id: ErasureId) -> Result<Erasure, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Refuses a requested erasure; one that has been refused stays so, one carried out is
    /// [`ArchiveError::Invalid`].
    pub fn refuse_erasure(&self, _id: ErasureId) -> Result<Erasure, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Asks and carries out in one go, for what was decided elsewhere. A material that is not held here still
    /// gets its tombstone, so that it can never come back.
    pub fn erase_now(&self, _request: ErasureRequest) -> Result<Erasure, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// An erasure as it stands.
    pub fn erasure(&self, _id: ErasureId) -> Result<Option<Erasure>, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
