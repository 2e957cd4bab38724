//! The change feed: the ledger, opened as far as its keys are there.

use yidang_model::{ErasureId, Material, MaterialId, Timestamp};

use crate::{Archive, ArchiveError, ErasureTarget};

/// Most changes in one answer; a higher limit is cut to it.
pub const CHANGES_MAX: usize = 1000;

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeWhat {
    /// A material was filed. Boxed, being far larger than the rest.
    Filed(Box<Material>),
    /// An erasure was asked for.
    ErasureRequested {
        /// The erasure.
        id: ErasureId,
        /// What is to be forgotten.
        target: ErasureTarget,
    },
    /// Materials were erased.
    Erased {
        /// The erasure.
        id: ErasureId,
        /// What went.
        materials: Vec<MaterialId>,
    },
    /// It was about something that has been forgotten since: its keys are gone, or a tombstone stands.
    Unreadable,
    /// Anything else.
    Other,
}

/// One entry of the change feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place: 1, 2, 3 … without gaps.
    pub sequence: u64,
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// What happened.
    pub what: ChangeWhat,
}

impl Archive {
    /// At most `limit` changes after that sequence, in order.
    pub fn changes(&self, _after: u64, _limit: usize) -> Result<Vec<Change>, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
