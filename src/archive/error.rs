//! Why a verb of the archive was not carried out.

use yidang_model::{Digest, MaterialId};

use crate::recovery::RecoveryError;
use crate::storage::{BlobName, KeyKeeperError, StorageError};

/// Why a verb was not carried out. No message holds personal data, so all of them may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// A store could not serve; the fault inside is stable and can be acted on.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The epoch key could not be had.
    #[error(transparent)]
    Keys(#[from] KeyKeeperError),
    /// The epoch key is there and belongs to another store, or a wrapped key is not what it was.
    #[error("the epoch key does not belong to this store")]
    KeysWrong,
    /// Nothing is recovered.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// No such staged set, or it was thrown away.
    #[error("no such staged set")]
    StagedUnknown,
    /// Another store's ledger lies in the place of this one's.
    #[error("the ledger and its second copy belong to two stores: another one's lies in its place")]
    LedgerForeign,
    /// The staged set became part of a material.
    #[error("the staged set has been filed")]
    StagedFiled {
        /// That material.
        by: MaterialId,
    },
    /// None of the sets and materials that may be drawn on holds these bytes.
    #[error("no blob with such a digest is to be had here")]
    BlobUnknown {
        /// What was asked for. Personal data: for the answer to the caller, never for a log.
        digest: Digest,
    },
    /// The blob's file is gone.
    #[error("blob {} is missing", .name.to_hex())]
    BlobMissing {
        /// The file's name.
        name: BlobName,
    },
    /// The blob's file does not open, or opens to other bytes.
    #[error("blob {} is damaged", .name.to_hex())]
    BlobDamaged {
        /// The file's name.
        name: BlobName,
    },
    /// No such material.
    #[error("no such material")]
    MaterialUnknown,
    /// The material was erased, and its identifier is never used again.
    #[error("the material has been erased")]
    MaterialErased,
    /// The term of that untouched original was shorter than the paper's, and is over.
    #[error("the untouched original has been disposed of")]
    OriginalDisposed,
    /// Nothing is known of this holder.
    #[error("nothing is known of this holder")]
    HolderUnknown,
    /// No such erasure.
    #[error("no such erasure")]
    ErasureUnknown,
    /// Another version has taken that paper's place.
    #[error("another version has taken that paper's place")]
    MaterialSuperseded,
    /// A hold keeps it from being forgotten.
    #[error("a legal hold keeps this from being forgotten")]
    LegalHold,
    /// Something in the ledger cannot be read that may have been a hold.
    #[error("a place in the ledger cannot be read, and a hold may have stood there")]
    HoldsUnproven,
    /// No such hold stands.
    #[error("no such hold stands")]
    HoldUnknown,
    /// The repository placed the hold, and lifts it.
    #[error("the repository placed this hold, and it is lifted there")]
    HoldElsewhere,
    /// The idempotency key, or the identifier, came with another request before.
    #[error("the same idempotency key came with another request before")]
    IdempotencyConflict,
    /// The request is out of bounds or contradicts itself; says which rule it breaks.
    #[error("{0}")]
    Invalid(&'static str),
    /// A defect in this program stopped the request. Nothing of it was acknowledged; the archive goes on.
    #[error("a defect in the program stopped the request")]
    Defect,
    /// The archive has been closed.
    #[error("the archive is closed")]
    Closed,
}
