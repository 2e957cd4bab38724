//! One database file: opened with the right settings, or refused with a reason.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::Schema;
use crate::storage::{Part, StorageError, StorageFault};

/// Read connections kept open; more readers than this open one for themselves.
const READERS_KEPT: usize = 4;
/// How long a call waits for another process's lock.
const BUSY: Duration = Duration::from_secs(10);

/// One writing connection and a few reading ones, which never wait for the writer's syncs.
pub(super) struct Database {
    part: Part,
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the file, makes it if it is not there, and brings its tables to this version.
    pub(super) fn open(path: &Path, schema: &Schema) -> Result<Self, StorageError> {
        let part = schema.part;
        make_private(path).map_err(|e| StorageError::io(part, &e))?;
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|e| sort(part, &e))?;
        migrate(&mut writer, schema)?;
        Ok(Self { part, path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    /// Runs a transaction on the writing connection: all of it, or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, WriteError>,
    ) -> Result<T, StorageError> {
        let mut connection = self.lock();
        let run = |connection: &mut Connection| -> Result<T, WriteError> {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run(&mut connection).map_err(|error| match error {
            WriteError::Sqlite(error) => sort(self.part, &error),
            WriteError::Storage(error) => error,
        })
    }

    /// Runs queries on a reading connection.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let reader = Reader { connection: Some(self.reader()?), home: self };
        work(&reader).map_err(|e| sort(self.part, &e))
    }

    /// Copies the journal into the file and truncates it.
    pub(super) fn truncate_journal(&self) -> Result<(), StorageError> {
        // A reader in the middle of a query holds the journal; the idle ones do not.
        let connection = self.lock();
        let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match checkpoint {
            Ok(0) => Ok(()),
            Ok(_) => Err(StorageError::new(self.part, StorageFault::InUse, "a reader holds the journal")),
            Err(error) => Err(sort(self.part, &error)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Result<Connection, StorageError> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(connection) => Ok(connection),
            // Reading a WAL needs write access to its shared memory.
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|e| sort(self.part, &e)),
        }
    }
}

/// Why a transaction failed.
pub(super) enum WriteError {
    Sqlite(rusqlite::Error),
    Storage(StorageError),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StorageError> for WriteError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A reading connection on loan.
struct Reader<'a> {
    connection: Option<Connection>,
    home: &'a Database,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut kept = self.home.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < READERS_KEPT {
            kept.extend(self.connection.take());
        }
    }
}

/// SQLite would make the file readable to others; it copies the mode to its journals.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn migrate(connection: &mut Connection, schema: &Schema) -> Result<(), StorageError> {
    let refuse = |fault, detail: String| StorageError::new(schema.part, fault, detail);
    let sorted = |e: rusqlite::Error| sort(schema.part, &e);
    let number = |c: &Connection, name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let known = schema.steps.len() as i64;
    let version = number(connection, "user_version").map_err(sorted)?;
    let application = number(connection, "application_id").map_err(sorted)?;
    if version > known {
        let detail = format!("schema version {version}, this program knows {known}");
        return Err(refuse(StorageFault::NewerVersion, detail));
    }
    if application != schema.application_id && !(application == 0 && version == 0 && is_empty(connection).map_err(sorted)?) {
        return Err(refuse(StorageFault::Damaged, "the file belongs to another program".into()));
    }
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA secure_delete = ON;",
        schema.synchronous
    );
    connection.execute_batch(&settings).map_err(sorted)?;
    for step in usize::try_from(version).unwrap_or(0)..schema.steps.len() {
        let transaction = connection.transaction().map_err(sorted)?;
        let finish = format!(
            "{}; PRAGMA application_id = {}; PRAGMA user_version = {};",
            schema.steps[step],
            schema.application_id,
            step + 1
        );
        transaction.execute_batch(&finish).map_err(sorted)?;
        transaction.commit().map_err(sorted)?;
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Sorts a database error into the closed list.
pub(super) fn sort(part: Part, error: &rusqlite::Error) -> StorageError {
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StorageFault::DiskFull,
        Some(ErrorCode::ReadOnly) => StorageFault::ReadOnly,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StorageFault::AccessDenied,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
            StorageFault::Damaged
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageFault::InUse,
        _ => StorageFault::Io,
    };
    StorageError::new(part, fault, error.to_string())
}
