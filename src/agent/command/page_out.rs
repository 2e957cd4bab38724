//! Where `yidang page` puts its pages.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use yidang_imaging::Encoded;
use yidang_model::MediaType;

use crate::failure::Failure;

/// A file for one page, or a folder in which every page is named after its picture.
pub(super) struct Out {
    path: PathBuf,
    is_folder: bool,
    /// Written by now; no page takes another's place.
    taken: HashSet<OsString>,
    /// The pictures themselves, which no page may take the place of.
    originals: HashSet<PathBuf>,
}

impl Out {
    /// For so many inputs: one goes to a file, or into a folder that is there; several into a folder, which is
    /// made where there is none. The outer error is a misuse.
    pub(super) fn new(path: &Path, inputs: &[PathBuf], split: bool) -> Result<Result<Self, Failure>, String> {
        let is_folder = split || path.is_dir() || inputs.len() > 1;
        if is_folder && path.exists() && !path.is_dir() {
            return Err(
                "--out must be a folder where there are several pictures, and with --split".to_owned()
            );
        }
        if is_folder && let Err(error) = fs::create_dir_all(path) {
            return Ok(Err(not_written(path, &error)));
        }
        let originals = originals(inputs);
        Ok(Ok(Self { path: path.to_owned(), is_folder, taken: HashSet::new(), originals }))
    }

    /// Writes the page of this picture.
    pub(super) fn write(&mut self, input: &Path, page: &Encoded) -> Result<(), Failure> {
        let mut path = self.path.clone();
        if self.is_folder {
            path.push(self.name(input, page));
        }
        write(&path, &page.bytes, &self.originals)
    }

    /// The picture's stem and the page's own ending; numbered where two pictures have the same stem.
    fn name(&mut self, input: &Path, page: &Encoded) -> OsString {
        let ending = if page.media_type == MediaType::Png { "png" } else { "jpg" };
        let stem = input.file_stem().unwrap_or_default();
        let mut number = 1;
        loop {
            let mut name = stem.to_owned();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name.push(format!(".{ending}"));
            if self.taken.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}

/// The pictures themselves, by names that can be compared.
pub(super) fn originals(inputs: &[PathBuf]) -> HashSet<PathBuf> {
    inputs.iter().filter_map(|input| input.canonicalize().ok()).collect()
}

/// Writes a file that is none of the originals. What was begun and could not be finished is removed.
pub(super) fn write(path: &Path, bytes: &[u8], originals: &HashSet<PathBuf>) -> Result<(), Failure> {
    if path.canonicalize().is_ok_and(|path| originals.contains(&path)) {
        let cause = format!("{}: the page would take its picture's place", path.display());
        return Err(Failure::new("original_kept", cause, "name another file or folder with --out"));
    }
    fs::write(path, bytes).map_err(|error| {
        // What cannot be removed either is told by the error at hand.
        let _ = fs::remove_file(path);
        not_written(path, &error)
    })
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    let cause = format!("{}: {error}", path.display());
    Failure::new("page_not_written", cause, "check the folder's rights and the disk's free space")
}
