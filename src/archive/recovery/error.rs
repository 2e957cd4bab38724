//! Why nothing is recovered.

use super::OfficeId;

/// Why a key could not be made, put together again or used. Free of secrets and personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// The text is no recovery key's.
    #[error("this is no recovery key")]
    KeyMalformed,
    /// The text is no share's.
    #[error("this is no share of a recovery key")]
    ShareMalformed,
    /// The text is a share's, and a letter of it is another than was written.
    #[error("the share does not agree with its checksum")]
    ShareDamaged,
    /// Text of a newer version.
    #[error("this was written by a newer version")]
    NewerVersion,
    /// The shares are not of one key.
    #[error("the shares belong to different recovery keys, {0} and {1}")]
    SharesMixed(OfficeId, OfficeId),
    /// Fewer different shares than are needed.
    #[error("{have} different shares are there and {need} are needed")]
    SharesTooFew {
        /// How many different ones there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Each share is whole, and together they are not the key they name.
    #[error("the shares do not give the recovery key {0}")]
    SharesWrong(OfficeId),
    /// So many shares cannot be made, or so few not be asked for.
    #[error("a key is split into at most 64 shares, of which at least 2 and at most all are needed")]
    SplitOutOfBounds,
    /// The store was never sealed to a recovery key.
    #[error("the archive knew of no recovery key")]
    NotSealed,
    /// The store was sealed to another office's key.
    #[error("the archive is sealed to the recovery key {sealed}, and the shares are those of {shares}")]
    OtherOffice {
        /// Whose key the store was sealed to.
        sealed: OfficeId,
        /// Whose shares these are.
        shares: OfficeId,
    },
    /// What is sealed to the recovery key does not open with it.
    #[error("the sealed epoch key in the keyring is damaged")]
    SealDamaged,
}
