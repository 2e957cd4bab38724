//! What goes wrong with clerks.

use std::time::Duration;

/// Why the store of clerks and keys could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The name is empty, too long, or has characters that are not seen.
    #[error("a name is 1 to 64 visible characters in one line")]
    BadName,
    /// The PIN is none, or the first that anyone would try.
    #[error("a PIN is 6 to 12 digits, not all the same and not simply counting up or down")]
    BadPin,
    /// This is no public key that is read.
    #[error("no Ed25519 public key: give it as PEM (`PUBLIC KEY`) or as JWK")]
    BadKey,
    /// The name stands in the list.
    #[error("this name stands in the list already")]
    NameTaken,
    /// The name does not stand in the list.
    #[error("nobody of this name stands in the list")]
    NameUnknown,
    /// A newer version of this program wrote the file.
    #[error("operators.db was written by a newer version of this program")]
    NewerVersion,
    /// `operators.key` is gone, or is not the one that the file was written with.
    #[error("operators.key is not the key that operators.db was written with")]
    KeyWrong,
    /// The key's file failed.
    #[error("operators.key: {0}")]
    KeyFile(#[from] std::io::Error),
    /// The database failed.
    #[error("operators.db: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Why an assertion is not believed: in Chinese, then in English.
pub(crate) type Reason = [&'static str; 2];

/// Why somebody could not prove who they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInRefusal {
    /// No such clerk has a PIN here.
    #[error("no operator of this name has a PIN here")]
    Unknown,
    /// The PIN is wrong.
    #[error("the PIN is wrong; wrong tries in a row: {tries}")]
    PinWrong {
        /// In a row, this one among them.
        tries: u32,
    },
    /// It was wrong too often just now to be looked at.
    #[error("the PIN is not looked at so soon after wrong ones")]
    PinWait {
        /// How long yet.
        wait: Duration,
    },
    /// It was wrong so often that it is not looked at any more.
    #[error("the PIN is locked")]
    PinLocked {
        /// Whether this very try locked it.
        is_new: bool,
    },
    /// The assertion proves nothing, and why.
    #[error("{}", .0[1])]
    Assertion(Reason),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] OperatorError),
}

impl SignInRefusal {
    /// Of a PIN that was looked at and is wrong: how many that makes in a row.
    pub(crate) fn tries(&self) -> Option<u32> {
        match self {
            Self::PinWrong { tries } => Some(*tries),
            Self::PinLocked { is_new: true } => Some(super::pin::TRIES_MAX),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for SignInRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
