//! The blobs of a folder that is not ours to change.

use std::path::Path;

use super::BlobFiles;
use crate::storage::{BlobName, BlobStat, BlobStore, Part, StorageError, StorageFault};

/// Blob files that are only read. Every write is refused, and nothing is made where there is nothing.
pub(crate) struct ForeignBlobs(BlobFiles);

impl ForeignBlobs {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self(BlobFiles::in_folder(data_dir))
    }
}

fn refused<T>() -> Result<T, StorageError> {
    Err(StorageError::new(Part::Blobs, StorageFault::ReadOnly, "the folder is only read"))
}

impl BlobStore for ForeignBlobs {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        if blobs.is_empty() { Ok(()) } else { refused() }
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(name)
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        self.0.stat(name)
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        if names.is_empty() { Ok(()) } else { refused() }
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        self.0.visit(visit)
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        Ok(0)
    }
}
