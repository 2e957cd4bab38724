//! Opening and closing an archive.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use yidang_model::Timestamp;

use crate::ArchiveError;
use crate::storage::{BlobStore, Index, KeyKeeper, Keyring, Ledger};

/// Where an archive lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Blobs, ledger, keyring, index and the lock.
    pub data_dir: PathBuf,
    /// The epoch keys: a folder outside `data_dir`, so that a copy of that one is worth nothing.
    pub keys_dir: PathBuf,
}

/// Where the archive learns the time. Never trusted for order.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The stores an archive stands on, for implementations other than the built-in one.
pub struct Parts {
    /// Sealed blobs.
    pub blobs: Box<dyn BlobStore>,
    /// The ledger.
    pub ledger: Box<dyn Ledger>,
    /// Wrapped keys.
    pub keyring: Box<dyn Keyring>,
    /// The view.
    pub index: Box<dyn Index>,
    /// Who holds the epoch keys.
    pub keeper: Box<dyn KeyKeeper>,
    /// The time.
    pub clock: Box<dyn Clock>,
}

/// Figures of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Materials that count.
    pub materials: u64,
    /// Blobs that something needs.
    pub blobs: u64,
    /// People and organisations there is a key for.
    pub holders: u64,
    /// Staged sets that wait to be filed.
    pub unfiled: u64,
    /// Sequence of the last ledger entry.
    pub ledger_head: u64,
    /// The current epoch.
    pub epoch: u32,
}

/// An open archive. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct Archive {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store_id: String,
}

impl Archive {
    /// Opens the archive in `options.data_dir`, or founds one in an empty folder, and puts right what a crash
    /// left: leftovers of unfinished writes, an index behind the ledger, missing or damaged, and half-done
    /// erasures. Only one process can have it open: [`StorageFault::InUse`](crate::storage::StorageFault).
    ///
    /// A missing epoch key or one of another store is refused before anything is written.
    pub fn open(_options: &ArchiveOptions) -> Result<Archive, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Opens, or founds, an archive on these stores. The caller makes sure that nobody else writes to them.
    pub fn open_with(_parts: Parts) -> Result<Archive, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// A random name made once with the store, by which two stores are told apart.
    pub fn store_id(&self) -> &str {
        &self.shared.store_id
    }

    /// Figures of the present state.
    pub fn stats(&self) -> Result<Stats, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Sequence of the last ledger entry; 0 when nothing ever happened.
    pub fn head(&self) -> Result<u64, ArchiveError> {
        Err(ArchiveError::Closed)
    }

    /// Wakes its receiver after each commit. It holds one number, some head of the ledger since it was last
    /// read; later ones are dropped until it is, so ask [`Archive::changes`] until nothing more comes.
    pub fn subscribe(&self) -> Receiver<u64> {
        std::sync::mpsc::sync_channel(1).1
    }
}
