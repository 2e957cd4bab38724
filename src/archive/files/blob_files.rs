//! Sealed blobs as one file each: `DATA_DIR/blobs/ab/cdef….blob`, `abcdef…` being the name. Stores of before have
//! them beside their segments.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use yidang_model::Timestamp;

use super::durable::{self, NewFile};
use crate::storage::{BlobName, BlobStat, BlobStore, Part, StorageError};

const SUFFIX: &str = ".blob";

/// A blob store of plain files. 256 folders keep each of them small: a million blobs are 4,000 files a folder.
pub struct BlobFiles {
    root: PathBuf,
    /// Where files lie until they are whole.
    unfinished: PathBuf,
    /// Folders that are known to survive a power cut. One that merely exists may have been made a moment ago
    /// by another thread that has not synced it yet.
    durable_folders: [AtomicBool; 256],
}

impl BlobFiles {
    /// Opens the blobs of a data folder; makes the folder where there is none.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        let files = Self::in_folder(data_dir);
        durable::create_folder(&files.unfinished).map_err(|e| io_error(&e))?;
        Ok(files)
    }

    /// Those of a data folder, whether there are any or not; nothing is made.
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        let root = data_dir.join("blobs");
        let unfinished = root.join("unfinished");
        Self { root, unfinished, durable_folders: [const { AtomicBool::new(false) }; 256] }
    }

    /// Whether a data folder has blobs of this layout.
    pub(super) fn are_in(data_dir: &Path) -> bool {
        let root = data_dir.join("blobs");
        (0..=u8::MAX).any(|first| root.join(hex::encode([first])).exists())
    }

    fn folder_of(&self, name: BlobName) -> PathBuf {
        self.root.join(hex::encode(&name.0[..1]))
    }

    fn path_of(&self, name: BlobName) -> PathBuf {
        self.folder_of(name).join(format!("{}{SUFFIX}", hex::encode(&name.0[1..])))
    }

    fn make_folders(&self, blobs: &[(BlobName, Vec<u8>)]) -> io::Result<()> {
        let mut made = Vec::new();
        for (name, _) in blobs {
            let known = &self.durable_folders[usize::from(name.0[0])];
            if !known.load(Ordering::Acquire) && !made.contains(&name.0[0]) {
                durable::create_folder(&self.folder_of(*name))?;
                made.push(name.0[0]);
            }
        }
        if !made.is_empty() {
            durable::sync_folder(&self.root)?;
            for byte in made {
                self.durable_folders[usize::from(byte)].store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    fn visit_folder(&self, first: u8, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<bool, StorageError> {
        let first = hex::encode([first]);
        let Some(folder) = unless_absent(fs::read_dir(self.root.join(&first)))? else { return Ok(true) };
        for found in folder {
            let found = found.map_err(|e| io_error(&e))?;
            let file_name = found.file_name();
            let rest = file_name.to_str().and_then(|n| n.strip_suffix(SUFFIX));
            let Some(name) = rest.and_then(|rest| BlobName::from_hex(&format!("{first}{rest}"))) else {
                continue;
            };
            // One that was deleted since the folder was read is not there any more.
            let Some(metadata) = unless_absent(found.metadata())? else { continue };
            if !visit(stat_of(name, &metadata)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl BlobStore for BlobFiles {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        self.make_folders(blobs).map_err(|e| io_error(&e))?;
        let files: Vec<NewFile<'_>> =
            blobs.iter().map(|(name, bytes)| NewFile { target: self.path_of(*name), bytes }).collect();
        durable::write_files(&self.unfinished, &files).map_err(|e| io_error(&e))
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        unless_absent(fs::read(self.path_of(name)))
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        Ok(unless_absent(fs::metadata(self.path_of(name)))?.map(|metadata| stat_of(name, &metadata)))
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path_of(*name)).collect();
        durable::remove_files(paths.iter().map(PathBuf::as_path)).map(|_| ()).map_err(|e| io_error(&e))
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        for first in 0..=u8::MAX {
            if !self.visit_folder(first, visit)? {
                break;
            }
        }
        Ok(())
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        durable::clear_unfinished(&self.unfinished).map_err(|e| io_error(&e))
    }
}

fn stat_of(name: BlobName, metadata: &Metadata) -> BlobStat {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    // A clock that stood before 1970 reads as 1970.
    let millis = since.map_or(0, |s| i64::try_from(s.as_millis()).unwrap_or(i64::MAX));
    BlobStat { name, size_bytes: metadata.len(), written_at: Timestamp::from_millis(millis) }
}

fn unless_absent<T>(result: io::Result<T>) -> Result<Option<T>, StorageError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(&error)),
    }
}

fn io_error(error: &io::Error) -> StorageError {
    StorageError::io(Part::Blobs, error)
}
