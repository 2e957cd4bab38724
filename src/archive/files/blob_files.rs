//! Blobs as files: `blobs/ab/cdef….blob`, the first byte of the name as the folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use yidang_model::Timestamp;

use super::durable::{self, UNFINISHED};
use crate::storage::{BlobName, BlobStat, BlobStore, Part, StorageError};

/// Blobs as files below one folder.
pub struct BlobFiles {
    folder: PathBuf,
}

impl BlobFiles {
    /// Opens the folder, making it if it is not there.
    pub fn open(folder: &Path) -> Result<Self, StorageError> {
        durable::create_private_folder(folder).map_err(|e| fault(&e))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: BlobName) -> PathBuf {
        let hex = name.to_hex();
        self.folder.join(&hex[..2]).join(format!("{}.blob", &hex[2..]))
    }

    /// Visits every file two levels down.
    fn files(&self, visit: &mut dyn FnMut(&Path) -> io::Result<bool>) -> io::Result<()> {
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                if !visit(&file?.path())? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn fault(error: &io::Error) -> StorageError {
    StorageError::io(Part::Blobs, error)
}

fn name_of(path: &Path) -> Option<BlobName> {
    let folder = path.parent()?.file_name()?.to_str()?;
    let rest = path.file_name()?.to_str()?.strip_suffix(".blob")?;
    BlobName::from_hex(&format!("{folder}{rest}"))
}

fn stat_of(name: BlobName, path: &Path) -> io::Result<BlobStat> {
    let meta = fs::metadata(path)?;
    let written = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let written_at = Timestamp::from_millis(i64::try_from(written.as_millis()).unwrap_or(i64::MAX));
    Ok(BlobStat { name, size_bytes: meta.len(), written_at })
}

impl BlobStore for BlobFiles {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        let files: Vec<_> = blobs.iter().map(|(name, bytes)| (self.path(*name), bytes.as_slice())).collect();
        let folders: BTreeSet<_> = files.iter().filter_map(|(path, _)| path.parent()).collect();
        for folder in folders {
            durable::create_private_folder(folder).map_err(|e| fault(&e))?;
        }
        durable::write_many(&files).map_err(|e| fault(&e))
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&error)),
        }
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        match stat_of(name, &self.path(name)) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&error)),
        }
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        let files: Vec<_> = names.iter().map(|name| self.path(*name)).collect();
        durable::remove_many(&files).map_err(|e| fault(&e))
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        self.files(&mut |path| match name_of(path) {
            Some(name) => match stat_of(name, path) {
                Ok(stat) => Ok(visit(stat)),
                // Removed between the listing and here.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
                Err(error) => Err(error),
            },
            None => Ok(true),
        })
        .map_err(|e| fault(&e))
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        let mut leftovers = Vec::new();
        self.files(&mut |path| {
            if path.extension().is_some_and(|e| e == UNFINISHED) {
                leftovers.push(path.to_owned());
            }
            Ok(true)
        })
        .map_err(|e| fault(&e))?;
        durable::remove_many(&leftovers).map_err(|e| fault(&e))?;
        Ok(leftovers.len() as u64)
    }
}
