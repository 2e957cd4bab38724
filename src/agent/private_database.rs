//! A small database of the agent's own, for this account alone.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use yidang_archive::files::probe_folder;

/// Opens it or makes an empty one, every commit of which waits for the disk; `None` where a newer version has written
/// it. The folder must exist. Once its tables are there, `user_version` is for the caller to set.
pub(crate) fn open(path: &Path, application_id: i64, version: i64) -> rusqlite::Result<Option<Connection>> {
    let opened = open_as_it_is(path, application_id, version);
    opened.map_err(|error| if is_for_want_of_room(path, &error) { full() } else { error })
}

/// Whether there was no room left on the disk.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// What SQLite says of a full disk where it finds out by writing.
fn full() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    rusqlite::Error::SqliteFailure(code, Some("database or disk is full".to_owned()))
}

/// Where the memory beside a database gets no room, SQLite says only that the operating system failed: writing there finds
/// out why.
fn is_for_want_of_room(path: &Path, error: &rusqlite::Error) -> bool {
    let is_vague =
        matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen));
    let is_full = |e: std::io::Error| e.kind() == std::io::ErrorKind::StorageFull;
    is_vague && path.parent().is_some_and(|folder| probe_folder(folder).is_err_and(is_full))
}

fn open_as_it_is(path: &Path, application_id: i64, version: i64) -> rusqlite::Result<Option<Connection>> {
    let connection = Connection::open_with_flags(path, OpenFlags::default())?;
    // Before anything is in it; SQLite gives its journals the same rights.
    #[cfg(unix)]
    keep_private(path);
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > version {
        return Ok(None);
    }
    connection.pragma_update(None, "application_id", application_id)?;
    Ok(Some(connection))
}

/// Nobody else needs to know what is in it. Where this account may not change it, it is another's.
#[cfg(unix)]
fn keep_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        tracing::warn!(%error, "{file} stays readable by others");
    }
}
