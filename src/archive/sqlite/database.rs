//! One SQLite file: its one writing connection and its readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::fault::Failure;
use super::row::unsigned;
use super::schema::Schema;
use crate::files::durable;
use crate::storage::{StorageError, StorageFault};

/// How long one connection waits for another. Only a journal that is being emptied makes any wait.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Reading connections kept open for the next reader. More are opened when as many threads read at once.
const IDLE_READERS_MAX: usize = 8;
/// Prepared statements kept by each connection; more than any of the three databases has.
const STATEMENTS_MAX: usize = 64;
/// How long a journal may stay once it has been used, in bytes.
const JOURNAL_BYTES_MAX: i64 = 16 << 20;
/// The same for a view, whose journal is moved into its file more rarely: that takes two syncs, each of which would
/// make whoever files wait.
const VIEW_JOURNAL_BYTES_MAX: i64 = 48 << 20;
/// How many pages a view's journal has before it is moved.
const VIEW_CHECKPOINT_PAGES: i64 = 8192;

/// An open database. Readers never wait for the writer, nor for its disk.
pub(super) struct Database {
    schema: &'static Schema,
    folder: PathBuf,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the file and takes the migrations it lacks. [`StorageFault::Missing`] when there is none.
    pub(super) fn open(schema: &'static Schema, folder: &Path) -> Result<Self, StorageError> {
        let sorted = |failure: Failure| failure.into_storage(schema.part, folder);
        let path = folder.join(schema.file);
        // SQLite takes an empty file for a new database. Ours come into being with their tables in them.
        let found = fs::metadata(&path).map_err(|e| StorageError::io(schema.part, &e))?;
        if found.is_dir() {
            // Somebody put it there, and what is in it may be theirs: it is not cleared away.
            let detail =
                format!("{} is a folder, and a file belongs there: move the folder away", path.display());
            return Err(StorageError::new(schema.part, StorageFault::Io, detail));
        }
        let length = found.len();
        if length == 0 {
            return Err(damaged(schema, "the file is empty"));
        }
        let mut writer = connect(&path).map_err(|e| sorted(e.into()))?;
        check_identity(schema, &writer).map_err(sorted)?;
        check_length(schema, &writer, &path, length).map_err(sorted)?;
        prepare_writer(schema, &writer).map_err(|e| sorted(e.into()))?;
        migrate(schema, &mut writer).map_err(sorted)?;
        check_tables(schema, &writer).map_err(sorted)?;
        let (writer, idle_readers) = (Mutex::new(writer), Mutex::new(Vec::new()));
        Ok(Self { schema, folder: folder.to_path_buf(), writer, idle_readers })
    }

    /// Makes the file if it is not there, tables and the rows of `fill` included, and opens it. Whatever
    /// interrupts this, there is a whole database or none.
    pub(super) fn create(
        schema: &'static Schema,
        folder: &Path,
        fill: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<Self, StorageError> {
        let io_error = |e| StorageError::io(schema.part, &e);
        let path = folder.join(schema.file);
        if !path.try_exists().map_err(io_error)? {
            let unfinished = durable::unfinished(&path);
            remove(&unfinished).map_err(io_error)?;
            let made = make_file(schema, &unfinished, fill)
                .map_err(|failure| failure.into_storage(schema.part, folder))
                // A journal without its database could be taken for the journal of the new one.
                .and_then(|()| remove_journal(&path).map_err(io_error))
                .and_then(|()| durable::put_in_place(&unfinished, &path).map_err(io_error));
            if let Err(error) = made {
                // The first error is the one to report.
                let _ = remove(&unfinished);
                return Err(error);
            }
        }
        Self::open(schema, folder)
    }

    /// Runs `work` in a transaction and commits it; after an error nothing of it is there.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        // A panic in `work` has rolled its transaction back: the connection can be used again.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        run().map_err(|failure: Failure| self.sort(failure))
    }

    /// Runs `work` on one consistent state.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let run = || {
            let mut reader = match idle {
                Some(reader) => reader,
                None => connect_reader(&self.folder.join(self.schema.file))?,
            };
            let snapshot = reader.transaction()?;
            let answer = work(&snapshot)?;
            snapshot.finish()?;
            let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_READERS_MAX {
                idle.push(reader);
            }
            Ok(answer)
        };
        run().map_err(|failure: Failure| self.sort(failure))
    }

    /// Moves everything from the journal into the file and empties the journal.
    pub(super) fn empty_journal(&self) -> Result<(), StorageError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let busy: i64 = writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|e| self.sort(e.into()))?;
        if busy != 0 {
            let detail = "a reader kept the journal from being emptied";
            return Err(StorageError::new(self.schema.part, StorageFault::InUse, detail));
        }
        Ok(())
    }

    /// Writes the whole file anew, which leaves nothing in it but what is stored, and empties the journal.
    /// `secure_delete` alone does not do that: when pages are split and merged, copies of rows stay behind in
    /// unused parts of pages, where nothing finds them when the row is deleted. Takes as much memory, and for a
    /// moment as much room, as the file is long.
    pub(super) fn rewrite(&self) -> Result<(), StorageError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.execute_batch("VACUUM").map_err(|e| self.sort(e.into()))?;
        drop(writer);
        self.empty_journal()
    }

    /// Whether SQLite finds nothing wrong with the file. Reads all of it.
    pub(super) fn is_sound(&self) -> Result<bool, StorageError> {
        let said = self.read(|connection| {
            Ok(connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))?)
        });
        match said {
            Err(error) if error.fault == StorageFault::Damaged => Ok(false),
            said => Ok(said? == "ok"),
        }
    }

    /// This database's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn sort(&self, failure: Failure) -> StorageError {
        failure.into_storage(self.schema.part, &self.folder)
    }
}

/// Removes the file and its journals; nobody has it open.
pub(super) fn remove_database(schema: &Schema, folder: &Path) -> Result<(), StorageError> {
    let path = folder.join(schema.file);
    remove(&path).map_err(|e| StorageError::io(schema.part, &e))
}

/// Makes a database with the rows of `fill` in place of one that is there, which is overwritten with zeros first;
/// nobody has that open. A crash in between leaves none, and the new one beside its place.
pub(super) fn replace_database(
    schema: &Schema,
    folder: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>,
) -> Result<(), StorageError> {
    let io_error = |e| StorageError::io(schema.part, &e);
    let path = folder.join(schema.file);
    let unfinished = durable::unfinished(&path);
    remove(&unfinished).map_err(io_error)?;
    let made = make_file(schema, &unfinished, fill)
        .map_err(|failure| failure.into_storage(schema.part, folder))
        .and_then(|()| shred_database(&path).map_err(io_error))
        .and_then(|()| durable::put_in_place(&unfinished, &path).map_err(io_error));
    if made.is_err() {
        // The first error is the one to report.
        let _ = shred_database(&unfinished);
    }
    made
}

/// Overwrites a database and its journals with zeros and removes them; nobody has it open.
pub(crate) fn shred_database(path: &Path) -> std::io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        durable::shred_file(&beside(path, suffix))?;
    }
    Ok(())
}

/// A fault of a database that is there.
pub(super) fn damaged(schema: &Schema, detail: &str) -> StorageError {
    StorageError::new(schema.part, StorageFault::Damaged, detail)
}

fn remove(path: &Path) -> std::io::Result<()> {
    remove_journal(path)?;
    durable::remove_files([path]).map(|_| ())
}

fn remove_journal(path: &Path) -> std::io::Result<()> {
    let files = ["-wal", "-shm", "-journal"].map(|suffix| beside(path, suffix));
    durable::remove_files(files.iter().map(PathBuf::as_path)).map(|_| ())
}

/// The name SQLite gives a file that belongs to a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn make_file(
    schema: &Schema,
    path: &Path,
    fill: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    durable::create_private_file(path).map_err(|e| StorageError::io(schema.part, &e))?;
    let mut connection = connect(path)?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    take_steps(schema, &transaction, 0)?;
    fill(&transaction)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // What is spilled to a temporary file is out of reach of every promise made here.
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let reader = connect(path)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

fn prepare_writer(schema: &Schema, writer: &Connection) -> rusqlite::Result<()> {
    let mode: String = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    debug_assert_eq!(mode, "wal");
    writer.pragma_update(None, "synchronous", if schema.durable { "FULL" } else { "NORMAL" })?;
    let length = if schema.durable { JOURNAL_BYTES_MAX } else { VIEW_JOURNAL_BYTES_MAX };
    let _: i64 = writer.pragma_update_and_check(None, "journal_size_limit", length, |row| row.get(0))?;
    if !schema.durable {
        let pages = VIEW_CHECKPOINT_PAGES;
        let _: i64 = writer.pragma_update_and_check(None, "wal_autocheckpoint", pages, |row| row.get(0))?;
    }
    Ok(())
}

/// Refuses other programs' files and newer versions before anything is written.
fn check_identity(schema: &Schema, connection: &Connection) -> Result<(), Failure> {
    let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application_id != schema.application_id {
        return Err(damaged(schema, "the file is another program's, or another of our databases").into());
    }
    let version = version(connection)?;
    if usize::try_from(version).is_ok_and(|v| v > schema.migrations.len()) {
        let detail = format!("schema version {version}, this program knows {}", schema.migrations.len());
        return Err(StorageError::new(schema.part, StorageFault::NewerVersion, detail).into());
    }
    Ok(())
}

/// SQLite fills up a last page that was cut short with zeros and takes it as whole. With a journal beside the
/// file it is right to do so: a crash may have stopped it in the middle of a page that the journal still has.
fn check_length(schema: &Schema, connection: &Connection, path: &Path, length: u64) -> Result<(), Failure> {
    let page_size: u64 = connection.pragma_query_value(None, "page_size", |row| unsigned(row, 0))?;
    let journal = fs::metadata(beside(path, "-wal")).is_ok_and(|journal| journal.len() > 0);
    if !journal && !length.is_multiple_of(page_size) {
        return Err(damaged(schema, "the last page has been cut short").into());
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(schema: &Schema, connection: &mut Connection) -> Result<(), Failure> {
    let taken = usize::try_from(version(connection)?).unwrap_or(0);
    if taken == schema.migrations.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    take_steps(schema, &transaction, taken)?;
    Ok(transaction.commit()?)
}

fn take_steps(schema: &Schema, connection: &Connection, taken: usize) -> rusqlite::Result<()> {
    for step in &schema.migrations[taken..] {
        connection.execute_batch(step)?;
    }
    let version = i64::try_from(schema.migrations.len()).unwrap_or(i64::MAX);
    connection.pragma_update(None, "user_version", version)
}

/// A file with the right version and other tables has been meddled with, or its first page is damaged.
fn check_tables(schema: &Schema, connection: &Connection) -> Result<(), Failure> {
    let mut fresh = Connection::open_in_memory()?;
    let transaction = fresh.transaction()?;
    take_steps(schema, &transaction, 0)?;
    if table_definitions(connection)? != table_definitions(&transaction)? {
        return Err(damaged(schema, "the tables are not those of this schema version").into());
    }
    Ok(())
}

fn table_definitions(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
