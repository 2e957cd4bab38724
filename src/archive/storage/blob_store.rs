//! Where sealed blobs lie.

use yidang_model::Timestamp;

use super::{BlobName, StorageError};

/// What is known of a stored blob without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobStat {
    /// Its name.
    pub name: BlobName,
    /// Length as stored, sealed.
    pub size_bytes: u64,
    /// When it was written.
    pub written_at: Timestamp,
}

/// Stores sealed bytes by name. Knows nothing of keys, people or papers.
pub trait BlobStore: Send + Sync {
    /// Stores all of them; returns when every one is durable, its directory entry included. A name that is
    /// there already is replaced in one step: a reader sees the old bytes or the new ones, never a mixture.
    /// After an error any of them may or may not be there, and none is half there.
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError>;

    /// The sealed bytes; `None` when there is no such blob.
    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError>;

    /// Whether it is there, without reading it.
    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError>;

    /// The same for one that should be there. A store that has a table of its blobs looks, before it says no, for what the
    /// table has lost; as do [`BlobStore::get`] and [`BlobStore::delete_many`], but not [`BlobStore::stat`], which is asked
    /// of every new blob.
    fn has(&self, name: BlobName) -> Result<bool, StorageError> {
        Ok(self.stat(name)?.is_some())
    }

    /// Removes them durably. A name that is not there is not an error, but may take as long as reading through the store,
    /// so that nothing of it is left where a table has lost it.
    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError>;

    /// Visits every blob in no particular order; `visit` returns `false` to stop.
    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError>;

    /// Removes what an interrupted `put_many` left behind; how many leftovers there were. Called once, at
    /// start, while nothing else runs.
    fn clear_leftovers(&self) -> Result<u64, StorageError>;
}
