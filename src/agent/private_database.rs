//! A small database of the agent's own, for this account alone.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Opens it or makes an empty one, every commit of which waits for the disk; `None` where a newer version has written
/// it. The folder must exist. Once its tables are there, `user_version` is for the caller to set.
pub(crate) fn open(path: &Path, application_id: i64, version: i64) -> rusqlite::Result<Option<Connection>> {
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
