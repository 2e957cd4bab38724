//! The wrapped keys. To delete a row here is to forget.

use yidang_model::Timestamp;

use super::{KeyId, StorageError, Tag};
use crate::recovery::OfficeId;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// One holder's: seals everything personal about them.
    Holder,
    /// One staged set's, until it is filed or discarded.
    Staged,
    /// Names blobs (keyed hash of a digest).
    BlobNames,
    /// Names subjects, filings and idempotency keys (keyed hashes).
    Tags,
    /// Seals what the office itself must still read when a holder is forgotten: operator, client, counts.
    Office,
}

impl KeyPurpose {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Staged => "staged",
            Self::BlobNames => "blob_names",
            Self::Tags => "tags",
            Self::Office => "office",
        }
    }

    /// Reads a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Holder, Self::Staged, Self::BlobNames, Self::Tags, Self::Office]
            .into_iter()
            .find(|p| p.as_str() == word)
    }
}

/// A key, wrapped by an epoch key. The keyring never sees it bare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Random; what sealed things refer to.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The subject's tag for a holder key; unique among holder keys. `None` for the rest.
    pub tag: Option<Tag>,
    /// The epoch whose key wraps it.
    pub epoch: u32,
    /// The wrapped key with its nonce and authentication tag.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An epoch. Only the current one's key exists anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// 1, 2, 3 …
    pub epoch: u32,
    /// Tells the right epoch key from a wrong one without opening anything (a keyed hash of a constant).
    pub check: [u8; 32],
    /// When it began.
    pub began_at: Timestamp,
    /// Its key, as the office can have it again; `None` where no recovery key is known.
    pub recovery: Option<RecoverySeal>,
}

/// An epoch's key, sealed to an office's recovery key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoverySeal {
    /// Whose recovery key opens it.
    pub office: OfficeId,
    /// The sealed key. Opaque here.
    pub sealed: Vec<u8>,
}

/// Durable storage of wrapped keys.
pub trait Keyring: Send + Sync {
    /// 32 random hexadecimal digits, made once with the keyring: the store's name.
    fn store_id(&self) -> Result<String, StorageError>;

    /// Adds all or none. A key id or holder tag that is there already fails the batch.
    fn put_many(&self, keys: &[KeyRecord]) -> Result<(), StorageError>;

    /// This key; `None` once forgotten.
    fn get(&self, id: KeyId) -> Result<Option<KeyRecord>, StorageError>;

    /// The holder key of this subject tag.
    fn find_holder(&self, tag: Tag) -> Result<Option<KeyRecord>, StorageError>;

    /// The store's own keys: every purpose but holders and staged sets.
    fn store_keys(&self) -> Result<Vec<KeyRecord>, StorageError>;

    /// Deletes them durably; their bytes are gone after the next [`Keyring::scrub`]. Unknown ids are no error.
    fn delete_many(&self, ids: &[KeyId]) -> Result<(), StorageError>;

    /// The current epoch; `None` in a new keyring.
    fn current_epoch(&self) -> Result<Option<EpochRecord>, StorageError>;

    /// Begins a new epoch: in one transaction every key is replaced by what `rewrap` makes of it, the epoch
    /// becomes the current one, and the recovery seals of those before it go. The first epoch of a new keyring is begun the same way. An epoch that
    /// is not later than the current one is refused, and an error of `rewrap` leaves everything as it was.
    fn begin_epoch(
        &self,
        epoch: &EpochRecord,
        rewrap: &mut dyn FnMut(&KeyRecord) -> Result<Vec<u8>, StorageError>,
    ) -> Result<(), StorageError>;

    /// Seals the current epoch to this recovery key, in place of another; durable when it returns. The bytes of
    /// the one before are gone after the next [`Keyring::scrub`]. An epoch that is not the current one is refused.
    fn set_recovery(&self, epoch: u32, seal: &RecoverySeal) -> Result<(), StorageError>;

    /// Hands over every key, in one consistent state and no special order; an error of `visit` ends it.
    fn visit(&self, visit: &mut dyn FnMut(KeyRecord) -> Result<(), StorageError>)
    -> Result<(), StorageError>;

    /// How many keys of a purpose there are.
    fn count(&self, purpose: KeyPurpose) -> Result<u64, StorageError>;

    /// Takes the bytes of deleted and replaced rows out of everything this keyring has stored, its journal
    /// included. Waits for readers; [`StorageFault::InUse`](super::StorageFault::InUse) if one stays.
    fn scrub(&self) -> Result<(), StorageError>;
}
