//! Who holds the epoch keys, outside the data folder.

use std::fmt;

use zeroize::Zeroizing;

use super::StorageError;

/// A 256-bit key in memory; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes the key over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bare key, for the cipher.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
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
    /// A copy of the data folder would bring the keys along.
    #[error("the folder of the keys lies inside the data folder")]
    InsideData,
    /// The place itself cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Holds one 256-bit key per epoch where a stolen data folder does not bring it along: a file elsewhere, a
/// systemd credential, a TPM.
pub trait KeyKeeper: Send + Sync {
    /// The epoch's key.
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError>;

    /// Keeps a new epoch's key; durable when it returns. Overwrites an unused one of the same epoch.
    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError>;

    /// Destroys an epoch's key as far as the medium allows. One that is not there is no error.
    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError>;
}
