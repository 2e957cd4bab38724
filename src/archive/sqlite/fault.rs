//! Sorts what SQLite says into the closed list of storage faults.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::files::durable;
use crate::storage::{Part, StorageError, StorageFault};

/// What stops work on a database: SQLite itself, or what was found in it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite's own error.
    Sqlite(rusqlite::Error),
    /// An error that is sorted already.
    Storage(StorageError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Failure {
    /// The fault, for a database in `folder`.
    pub(crate) fn into_storage(self, part: Part, folder: &Path) -> StorageError {
        match self {
            Self::Storage(error) => error,
            Self::Sqlite(error) => sort(part, folder, &error),
        }
    }
}

fn sort(part: Part, folder: &Path, error: &rusqlite::Error) -> StorageError {
    use rusqlite::Error as E;
    let fault = match error {
        E::SqliteFailure(code, _) | E::SqlInputError { error: code, .. } => match code.code {
            ErrorCode::DiskFull => StorageFault::DiskFull,
            // A broken constraint means that the file holds what it should not.
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation => {
                StorageFault::Damaged
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                StorageFault::InUse
            }
            ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
                StorageFault::AccessDenied
            }
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::SystemIoFailure => {
                operating_system_fault(folder, code.extended_code).unwrap_or(match code.code {
                    ErrorCode::ReadOnly => StorageFault::ReadOnly,
                    _ => StorageFault::Io,
                })
            }
            _ => StorageFault::Io,
        },
        // A stored value is not what its column holds.
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..)
        | E::QueryReturnedNoRows => StorageFault::Damaged,
        _ => StorageFault::Io,
    };
    StorageError::new(part, fault, error.to_string())
}

/// SQLite does not say why the operating system refused. Writing to the folder finds out: only a fault that
/// has passed meanwhile stays unexplained.
fn operating_system_fault(folder: &Path, extended_code: i32) -> Option<StorageFault> {
    use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHORT_READ, SQLITE_READONLY_DBMOVED};
    match extended_code {
        SQLITE_IOERR_SHORT_READ | SQLITE_IOERR_CORRUPTFS => return Some(StorageFault::Damaged),
        SQLITE_READONLY_DBMOVED => return Some(StorageFault::Missing),
        _ => {}
    }
    let error: io::Error = durable::probe(folder).err()?;
    Some(StorageError::io(Part::Folder, &error).fault)
}
