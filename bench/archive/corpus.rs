//! Files of random bytes, which everybody takes in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::documents::Document;

/// A folder of them, numbered from 0.
pub(crate) struct Corpus {
    pub(crate) folder: PathBuf,
    pub(crate) count: u32,
}

impl Corpus {
    /// Writes it.
    pub(crate) fn write(folder: &Path, count: u32, size_bytes: usize) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let corpus = Self { folder: folder.to_owned(), count };
        for number in 0..count {
            fs::write(corpus.path(number), Document::new(number, size_bytes).bytes)?;
        }
        Ok(corpus)
    }

    pub(crate) fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:06}.jpg"))
    }

    pub(crate) fn document(&self, number: u32) -> Result<Document, Failure> {
        Ok(Document::of(number, fs::read(self.path(number))?))
    }
}
