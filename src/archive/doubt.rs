//! Which blobs something may need that the index lacks.

use yidang_model::Timestamp;

use crate::ArchiveError;
use crate::storage::{BlobName, LeftOut};
use crate::stores::Stores;

/// Which blobs an entry may need that the index lacks: they are not taken for nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing is lacking.
    None,
    /// Those that were stored no later than this: what is lacking was lost before the ledger was last made anew, and needs
    /// nothing that came afterwards.
    StoredUntil(Timestamp),
    /// All.
    All,
}

impl Doubt {
    /// By what the index left out.
    pub(crate) fn of(left_out: LeftOut) -> Self {
        match left_out {
            LeftOut { before: 0, since: 0, .. } => Self::None,
            LeftOut { since: 0, line: Some(line), .. } => Self::StoredUntil(line.stored_until),
            _ => Self::All,
        }
    }

    /// Whether something that is lacking may need this blob, wherever it lies.
    pub(crate) fn covers(self, stores: &Stores, name: BlobName) -> Result<bool, ArchiveError> {
        Ok(match self {
            Self::None => false,
            Self::StoredUntil(until) => match stores.blobs.stat(name)? {
                Some(stat) => stat.written_at <= until,
                None => stores.is_quarantined(name),
            },
            Self::All => true,
        })
    }
}
