//! The peer: what any program has to do to keep one file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;

/// A folder of plain files.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Writes a new file so that a power cut leaves it whole or not at all.
    pub(crate) fn keep(&self, number: u32, bytes: &[u8]) -> Result<(), Failure> {
        let unfinished = self.path.join(format!("{number}.unfinished"));
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&unfinished, self.path.join(number.to_string()))?;
        File::open(&self.path)?.sync_all()?;
        Ok(())
    }
}
