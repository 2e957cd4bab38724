//! Damaged blobs, moved aside: `DATA_DIR/quarantine/NAME.blob`, sealed as they were found; and those that nothing could open when the
//! same picture took their place: `NAME.kept`, for an entry that is found again and knows the key.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::durable::{self, NewFile};
use crate::storage::{BlobName, Part, StorageError};

const SUFFIX: &str = ".blob";
const KEPT_SUFFIX: &str = ".kept";

/// The quarantine of a data folder. Its folder is made when something first goes there.
pub(crate) struct QuarantineFiles {
    folder: PathBuf,
    held: Mutex<BTreeSet<BlobName>>,
    kept: Mutex<BTreeSet<BlobName>>,
}

impl QuarantineFiles {
    /// Finds out what lies there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StorageError> {
        let folder = data_dir.join("quarantine");
        let (mut held, mut kept) = (BTreeSet::new(), BTreeSet::new());
        match fs::read_dir(&folder) {
            Ok(found) => {
                durable::clear_unfinished(&folder).map_err(|e| io_error(&e))?;
                for found in found {
                    let file_name = found.map_err(|e| io_error(&e))?.file_name();
                    let named = |suffix| file_name.to_str().and_then(|n| n.strip_suffix(suffix));
                    held.extend(named(SUFFIX).and_then(BlobName::from_hex));
                    kept.extend(named(KEPT_SUFFIX).and_then(BlobName::from_hex));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&error)),
        }
        Ok(Self { folder, held: Mutex::new(held), kept: Mutex::new(kept) })
    }

    /// Puts a copy there, durable when it returns. An earlier one of that name is replaced.
    pub(crate) fn put(&self, name: BlobName, bytes: &[u8]) -> Result<(), StorageError> {
        self.write(self.path_of(name, SUFFIX), bytes)?;
        self.held().insert(name);
        Ok(())
    }

    /// Keeps what nothing can open, durable when it returns. The first one of a name stays: what came later has been opened.
    pub(crate) fn keep(&self, name: BlobName, bytes: &[u8]) -> Result<(), StorageError> {
        if !self.kept().contains(&name) {
            self.write(self.path_of(name, KEPT_SUFFIX), bytes)?;
            self.kept().insert(name);
        }
        Ok(())
    }

    /// What was kept so.
    pub(crate) fn kept_copy(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        let is_there = self.kept().contains(&name);
        is_there.then(|| fs::read(self.path_of(name, KEPT_SUFFIX)).map_err(|e| io_error(&e))).transpose()
    }

    fn write(&self, target: PathBuf, bytes: &[u8]) -> Result<(), StorageError> {
        durable::create_folder(&self.folder).map_err(|e| io_error(&e))?;
        durable::write_files(&self.folder, &[NewFile { target, bytes }]).map_err(|e| io_error(&e))
    }

    /// Whether it has a blob of this name.
    pub(crate) fn has(&self, name: BlobName) -> bool {
        self.held().contains(&name)
    }

    /// Everything it has.
    pub(crate) fn list(&self) -> Vec<BlobName> {
        self.held().iter().copied().collect()
    }

    /// Overwrites and removes these, as far as they are there; what is kept of them stays.
    pub(crate) fn remove_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        for name in names {
            if self.has(*name) {
                durable::shred_file(&self.path_of(*name, SUFFIX)).map_err(|e| io_error(&e))?;
                self.held().remove(name);
            }
        }
        Ok(())
    }

    /// Overwrites and removes all there is of these.
    pub(crate) fn forget_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        self.remove_many(names)?;
        for name in names {
            if self.kept().contains(name) {
                durable::shred_file(&self.path_of(*name, KEPT_SUFFIX)).map_err(|e| io_error(&e))?;
                self.kept().remove(name);
            }
        }
        Ok(())
    }

    fn path_of(&self, name: BlobName, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}{suffix}", name.to_hex()))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<BlobName>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeSet<BlobName>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn io_error(error: &io::Error) -> StorageError {
    StorageError::io(Part::Blobs, error)
}
