//! What goes wrong with storage.

use std::fmt;
use std::io;
use std::path::Path;

/// Which of the stored parts it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The data folder itself or its lock.
    Folder,
    /// The blob files.
    Blobs,
    /// `ledger.db`.
    Ledger,
    /// `keyring.db`.
    Keyring,
    /// `index.db`.
    Index,
    /// The epoch keys outside the data folder.
    KeyKeeper,
}

impl Part {
    /// The stable word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Blobs => "blobs",
            Self::Ledger => "ledger",
            Self::Keyring => "keyring",
            Self::Index => "index",
            Self::KeyKeeper => "key_keeper",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "data folder",
            Self::Blobs => "blob store",
            Self::Ledger => "ledger",
            Self::Keyring => "keyring",
            Self::Index => "index",
            Self::KeyKeeper => "key keeper",
        })
    }
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageFault {
    /// No room left on the disk or in the quota.
    DiskFull,
    /// The folder or file cannot be written.
    ReadOnly,
    /// This account may not use it.
    AccessDenied,
    /// It should be there and is not.
    Missing,
    /// It is there and does not hold together: wrong length, checksum or structure.
    Damaged,
    /// A newer version of this program wrote it.
    NewerVersion,
    /// Another process has it open.
    InUse,
    /// Others can read or change it.
    Exposed,
    /// It lies there and should be gone.
    Leftover,
    /// Any other fault of the operating system or the database.
    Io,
}

impl StorageFault {
    /// The stable word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::AccessDenied => "access_denied",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::NewerVersion => "newer_version",
            Self::InUse => "in_use",
            Self::Exposed => "exposed",
            Self::Leftover => "leftover",
            Self::Io => "failed",
        }
    }
}

impl fmt::Display for StorageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "no room left",
            Self::ReadOnly => "cannot be written",
            Self::AccessDenied => "access denied",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::NewerVersion => "written by a newer version",
            Self::InUse => "in use by another process",
            Self::Exposed => "open to others",
            Self::Leftover => "left over",
            Self::Io => "failed",
        })
    }
}

/// A part, its fault, and what the layer below said. `detail` never holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {fault} ({detail})")]
pub struct StorageError {
    /// Which part.
    pub part: Part,
    /// What is wrong with it.
    pub fault: StorageFault,
    /// What the operating system or database said.
    pub detail: String,
}

impl StorageError {
    /// A part, its fault, and what the layer below said.
    pub fn new(part: Part, fault: StorageFault, detail: impl Into<String>) -> Self {
        Self { part, fault, detail: detail.into() }
    }

    /// Like [`StorageError::io`], and says which file or folder of the store it was.
    pub fn io_at(part: Part, path: &Path, error: &io::Error) -> Self {
        let known = Self::io(part, error);
        Self { detail: format!("{}: {}", path.display(), known.detail), ..known }
    }

    /// Sorts an operating-system error into the closed list.
    pub fn io(part: Part, error: &io::Error) -> Self {
        let fault = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                StorageFault::DiskFull
            }
            io::ErrorKind::ReadOnlyFilesystem => StorageFault::ReadOnly,
            io::ErrorKind::PermissionDenied => StorageFault::AccessDenied,
            io::ErrorKind::NotFound => StorageFault::Missing,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => StorageFault::Damaged,
            _ => StorageFault::Io,
        };
        Self::new(part, fault, error.to_string())
    }
}
