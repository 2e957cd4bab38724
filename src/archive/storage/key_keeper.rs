//! Who holds the epoch keys, outside the data folder.

use std::fmt;

use zeroize::Zeroizing;

use super::StorageError;
use crate::crypto::Suite;

/// A key in memory; wiped when dropped, never printed. Its length says of which suite it is.
#[derive(Clone)]
pub struct Secret(Bare);

#[derive(Clone)]
enum Bare {
    Aes256(Zeroizing<[u8; 32]>),
    Sm4(Zeroizing<[u8; 16]>),
}

impl Secret {
    /// Takes a 256-bit key over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Bare::Aes256(Zeroizing::new(bytes)))
    }

    /// A key of any suite; `None`: none has keys of that length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            32 => Some(Self(Bare::Aes256(Zeroizing::new(bytes.try_into().ok()?)))),
            16 => Some(Self(Bare::Sm4(Zeroizing::new(bytes.try_into().ok()?)))),
            _ => None,
        }
    }

    /// The bare key, for the cipher.
    pub fn expose(&self) -> &[u8] {
        match &self.0 {
            Bare::Aes256(bytes) => bytes.as_slice(),
            Bare::Sm4(bytes) => bytes.as_slice(),
        }
    }

    /// What it is a key of.
    pub fn suite(&self) -> Suite {
        match self.0 {
            Bare::Aes256(_) => Suite::Aes256Gcm,
            Bare::Sm4(_) => Suite::Sm4Gcm,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why the key keeper cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyKeeperError {
    /// The epoch's key is not where it is kept.
    #[error("the key of epoch {0} is not there")]
    Missing(u32),
    /// Something is there that is no key.
    #[error("the key of epoch {0} is damaged")]
    Damaged(u32),
    /// What the epoch keys are sealed with is not where it was said to be.
    #[error("the credential that the epoch keys are sealed with is not there ({0})")]
    CredentialMissing(String),
    /// The credential is there, and the epoch's key is sealed with another one.
    #[error("the key of epoch {0} is sealed with another credential")]
    CredentialWrong(u32),
    /// A copy of the data folder would bring the keys along.
    #[error("the folder of the keys lies inside the data folder")]
    InsideData,
    /// The place itself cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Holds one key per epoch where a stolen data folder does not bring it along: a file elsewhere, a
/// systemd credential, a TPM.
pub trait KeyKeeper: Send + Sync {
    /// The epoch's key.
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError>;

    /// Keeps a new epoch's key; durable when it returns. Overwrites an unused one of the same epoch.
    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError>;

    /// Destroys an epoch's key as far as the medium allows. One that is not there is no error.
    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError>;
}
