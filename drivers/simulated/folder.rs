//! Where cards and frames come from: a folder that is listed anew at each use, or what is built in.
//!
//! A file is only ever reached by finding its name in the listing; no name is joined to a path.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest file read; a frame of the largest cameras is a quarter of it.
const FILE_SIZE_MAX_BYTES: u64 = 64 << 20;
/// Most files of a folder looked at.
const FILES_MAX: usize = 10_000;

/// Why a folder of cards or frames cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// The folder or the file cannot be read.
    #[error("{path} cannot be read: {kind}", path = .path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// The folder has no file of the kind.
    #[error("{path} has no files that end in {}", .endings.join(", "), path = .path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
        /// The endings looked for.
        endings: &'static [&'static str],
    },
    /// The folder has too many files.
    #[error("{path} has more than {FILES_MAX} files", path = .path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
    },
    /// A file is too large.
    #[error("{path} is larger than {FILE_SIZE_MAX_BYTES} bytes", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// A file that is compiled in: its name and content.
pub(crate) type BuiltIn = (&'static str, &'static [u8]);

/// The cards that are built in, and their portrait.
pub(crate) const BUILT_IN_CARDS: &[BuiltIn] = &[
    ("01-resident.toml", include_bytes!("../../fixtures/cards/01-resident.toml")),
    ("02-hmt.toml", include_bytes!("../../fixtures/cards/02-hmt.toml")),
    ("03-foreigner-2023.toml", include_bytes!("../../fixtures/cards/03-foreigner-2023.toml")),
    ("04-foreigner-2017.toml", include_bytes!("../../fixtures/cards/04-foreigner-2017.toml")),
    ("05-other-resident.toml", include_bytes!("../../fixtures/cards/05-other-resident.toml")),
    ("portrait.png", include_bytes!("../../fixtures/cards/portrait.png")),
];

/// The frames that are built in.
pub(crate) const BUILT_IN_FRAMES: &[BuiltIn] = &[
    ("01-form.jpg", include_bytes!("../../fixtures/desk/01-form.jpg")),
    ("02-certificate.jpg", include_bytes!("../../fixtures/desk/02-certificate.jpg")),
    ("03-letter.jpg", include_bytes!("../../fixtures/desk/03-letter.jpg")),
    ("bare-mat.jpg", include_bytes!("../../fixtures/desk/bare-mat.jpg")),
];

/// A source of files.
pub(crate) struct Folder {
    path: Option<PathBuf>,
    built_in: &'static [BuiltIn],
}

/// A file of a folder.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The file's name.
    pub(crate) file: String,
    content: Content,
}

#[derive(Clone)]
enum Content {
    BuiltIn(&'static [u8]),
    OnDisk(PathBuf),
}

impl Folder {
    /// The folder at `path`, or the built-in files when there is none.
    pub(crate) fn new(path: Option<PathBuf>, built_in: &'static [BuiltIn]) -> Self {
        Self { path, built_in }
    }

    /// All files with one of these endings (lower case, without the dot), in name order; at least one.
    pub(crate) fn entries(&self, endings: &'static [&'static str]) -> Result<Vec<Entry>, FolderError> {
        let Some(path) = &self.path else { return Ok(built_in_entries(self.built_in, endings)) };
        let unreadable = |e: io::Error| FolderError::Unreadable { path: path.clone(), kind: e.kind() };
        let mut entries = Vec::new();
        for (count, found) in path.read_dir().map_err(unreadable)?.enumerate() {
            if count == FILES_MAX {
                return Err(FolderError::TooManyFiles { path: path.clone() });
            }
            let found = found.map_err(unreadable)?;
            // A name that is no Unicode could not be asked for either.
            let Ok(file) = found.file_name().into_string() else { continue };
            if has_ending(&file, endings) && found.path().is_file() {
                entries.push(Entry { file, content: Content::OnDisk(found.path()) });
            }
        }
        if entries.is_empty() {
            return Err(self.empty(endings));
        }
        entries.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(entries)
    }

    /// The error for a folder that has nothing to offer.
    pub(crate) fn empty(&self, endings: &'static [&'static str]) -> FolderError {
        FolderError::Empty { path: self.path.clone().unwrap_or_default(), endings }
    }
}

/// The built-in files with one of these endings, in name order.
pub(crate) fn built_in_entries(files: &'static [BuiltIn], endings: &[&str]) -> Vec<Entry> {
    files
        .iter()
        .filter(|(file, _)| has_ending(file, endings))
        .map(|&(file, bytes)| Entry { file: file.to_owned(), content: Content::BuiltIn(bytes) })
        .collect()
}

impl Entry {
    /// The name without its ending.
    pub(crate) fn stem(&self) -> &str {
        self.file.rsplit_once('.').map_or(&self.file, |(stem, _)| stem)
    }

    /// The whole file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, FolderError> {
        match &self.content {
            Content::BuiltIn(bytes) => Ok(bytes.to_vec()),
            Content::OnDisk(path) => read_bounded(path),
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, FolderError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_SIZE_MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|e| FolderError::Unreadable { path: path.to_owned(), kind: e.kind() })?;
    if bytes.len() as u64 > FILE_SIZE_MAX_BYTES {
        return Err(FolderError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn has_ending(file: &str, endings: &[&str]) -> bool {
    file.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && endings.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
    })
}
