//! Where `yidang page` puts its pages.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use yidang_imaging::Encoded;
use yidang_model::MediaType;

use super::whole_file::{WholeFile, resolved};
use crate::failure::Failure;

/// A file for one page, or a folder in which every page is named after its picture.
pub(super) struct Out {
    path: PathBuf,
    is_folder: bool,
    /// Named by now; no page takes another's place.
    taken: HashSet<OsString>,
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
        Ok(Ok(Self { path: path.to_owned(), is_folder, taken: HashSet::new() }))
    }

    /// Writes the page of this picture.
    pub(super) fn write(&mut self, files: &mut Files, input: &Path, page: &Encoded) -> Result<(), Failure> {
        let mut path = self.path.clone();
        if self.is_folder {
            path.push(self.name(input, page));
        }
        files.write(&path, &page.bytes)
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

/// The files that one run writes.
pub(super) struct Files {
    /// The pictures themselves, which nothing may take the place of, by names that can be compared.
    originals: HashSet<PathBuf>,
    written: HashSet<PathBuf>,
}

impl Files {
    pub(super) fn beside(inputs: &[PathBuf]) -> Self {
        let originals = inputs.iter().filter_map(|input| input.canonicalize().ok()).collect();
        Self { originals, written: HashSet::new() }
    }

    /// Writes a file that is none of the originals and none that was written already. It takes the place of an older
    /// one once it is whole: what cannot be finished leaves that one as it was.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let target = resolved(path).map_err(|error| not_written(path, &error))?;
        if self.originals.contains(&target) {
            let cause = format!("{}: the page would take its picture's place", path.display());
            return Err(Failure::new("original_kept", cause, "name another file, or another folder"));
        }
        if !self.written.insert(target.clone()) {
            let cause = format!("{}: this run has written that file already", path.display());
            return Err(Failure::new("page_not_written", cause, "give every document a name of its own"));
        }
        replace(target, bytes).map_err(|error| not_written(path, &error))
    }
}

/// Puts a file there; an error where something lies there that is no file.
fn replace(target: PathBuf, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("there is something that is no file"));
    }
    let mut file = WholeFile::create(target)?;
    file.write_all(bytes)?;
    file.finish()
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let cause = format!("{}: {error}", path.display());
    Failure::new("page_not_written", cause, "check the name, the folder's rights and the disk's free space")
}
