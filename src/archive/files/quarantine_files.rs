//! Damaged blobs, moved aside: `DATA_DIR/quarantine/NAME.blob`, sealed as they were found.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::durable::{self, NewFile};
use crate::storage::{BlobName, Part, StorageError};

const SUFFIX: &str = ".blob";

/// The quarantine of a data folder. Its folder is made when something first goes there.
pub(crate) struct QuarantineFiles {
    folder: PathBuf,
    held: Mutex<BTreeSet<BlobName>>,
}

impl QuarantineFiles {
    /// Finds out what lies there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StorageError> {
        let folder = data_dir.join("quarantine");
        let mut held = BTreeSet::new();
        match fs::read_dir(&folder) {
            Ok(found) => {
                durable::clear_unfinished(&folder).map_err(|e| io_error(&e))?;
                for found in found {
                    let file_name = found.map_err(|e| io_error(&e))?.file_name();
                    let name = file_name.to_str().and_then(|n| n.strip_suffix(SUFFIX));
                    held.extend(name.and_then(BlobName::from_hex));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(&error)),
        }
        Ok(Self { folder, held: Mutex::new(held) })
    }

    /// Puts a copy there, durable when it returns. An earlier one of that name is replaced.
    pub(crate) fn put(&self, name: BlobName, bytes: &[u8]) -> Result<(), StorageError> {
        durable::create_folder(&self.folder).map_err(|e| io_error(&e))?;
        let file = NewFile { target: self.path_of(name), bytes };
        durable::write_files(&self.folder, &[file]).map_err(|e| io_error(&e))?;
        self.held().insert(name);
        Ok(())
    }

    /// Whether it has a blob of this name.
    pub(crate) fn has(&self, name: BlobName) -> bool {
        self.held().contains(&name)
    }

    /// Everything it has.
    pub(crate) fn list(&self) -> Vec<BlobName> {
        self.held().iter().copied().collect()
    }

    /// Overwrites and removes these, as far as they are there.
    pub(crate) fn remove_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        for name in names {
            if self.has(*name) {
                durable::shred_file(&self.path_of(*name)).map_err(|e| io_error(&e))?;
                self.held().remove(name);
            }
        }
        Ok(())
    }

    fn path_of(&self, name: BlobName) -> PathBuf {
        self.folder.join(format!("{}{SUFFIX}", name.to_hex()))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<BlobName>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn io_error(error: &io::Error) -> StorageError {
    StorageError::io(Part::Blobs, error)
}
