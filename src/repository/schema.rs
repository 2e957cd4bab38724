//! The tables of the state, and the steps by which a state of an earlier version comes to them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::state::{StateError, StateFault};

/// How long a call waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SCHEMA_VERSION: i64 = 8;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE codes (
    code BLOB PRIMARY KEY, counter TEXT, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE agents (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL,
    key BLOB NOT NULL UNIQUE, counter TEXT NOT NULL, enrolled_at INTEGER NOT NULL,
    feed_head INTEGER NOT NULL DEFAULT 0, counter_named INTEGER NOT NULL DEFAULT 0,
    feed_done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE uploads (
    agent INTEGER NOT NULL REFERENCES agents, digest BLOB NOT NULL, staged BLOB NOT NULL,
    material BLOB, expires_at INTEGER NOT NULL, PRIMARY KEY (agent, digest)
) WITHOUT ROWID;
CREATE INDEX uploads_material ON uploads (material) WHERE material IS NOT NULL;
CREATE INDEX uploads_expiry ON uploads (expires_at) WHERE material IS NULL;
CREATE TABLE commits (
    agent INTEGER NOT NULL REFERENCES agents, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
    body BLOB NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (agent, epoch, sequence)
) WITHOUT ROWID;
CREATE TABLE committed (
    material BLOB NOT NULL, agent INTEGER NOT NULL REFERENCES agents, stored BLOB NOT NULL,
    PRIMARY KEY (material, agent)
) WITHOUT ROWID;
CREATE INDEX committed_stored ON committed (stored);
CREATE TABLE contacts (
    subject BLOB NOT NULL, agent INTEGER NOT NULL REFERENCES agents, opened_at INTEGER,
    PRIMARY KEY (subject, agent)
) WITHOUT ROWID;
CREATE TABLE erasures (
    id BLOB PRIMARY KEY, agent INTEGER NOT NULL REFERENCES agents, request BLOB
) WITHOUT ROWID;
CREATE INDEX erasures_open ON erasures (id) WHERE request IS NOT NULL;
CREATE TABLE planned_originals (
    material BLOB PRIMARY KEY, agent INTEGER NOT NULL REFERENCES agents, named BLOB NOT NULL, kind TEXT
) WITHOUT ROWID;
CREATE TABLE feed (
    agent INTEGER NOT NULL REFERENCES agents, sequence INTEGER NOT NULL, previous INTEGER NOT NULL,
    erasure BLOB NOT NULL, materials BLOB NOT NULL, personal BLOB, what TEXT NOT NULL DEFAULT 'erased',
    PRIMARY KEY (agent, sequence)
) WITHOUT ROWID;
CREATE INDEX feed_personal ON feed (agent, sequence) WHERE personal IS NOT NULL;
CREATE TABLE anchors (
    agent INTEGER NOT NULL REFERENCES agents, ledger BLOB NOT NULL, sequence INTEGER NOT NULL,
    hash BLOB NOT NULL, anchored_at INTEGER NOT NULL, PRIMARY KEY (agent, ledger)
) WITHOUT ROWID;
CREATE TABLE decisions (
    id BLOB PRIMARY KEY, agent INTEGER NOT NULL REFERENCES agents, decision BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE decided_names (
    material BLOB PRIMARY KEY, decision_id BLOB NOT NULL REFERENCES decisions
) WITHOUT ROWID;
";

/// What a state of version 1 lacks, then what one of version 2 does, and so on.
const SINCE: [&str; SCHEMA_VERSION as usize - 1] = [
    "ALTER TABLE contacts ADD COLUMN opened_at INTEGER;",
    // `erasure` holds the name of the material, or of the hold, where the item is no erasure.
    "ALTER TABLE feed ADD COLUMN what TEXT NOT NULL DEFAULT 'erased';",
    "CREATE TABLE anchors (
        agent INTEGER NOT NULL REFERENCES agents, ledger BLOB NOT NULL, sequence INTEGER NOT NULL,
        hash BLOB NOT NULL, anchored_at INTEGER NOT NULL, PRIMARY KEY (agent, ledger)
    ) WITHOUT ROWID;",
    "CREATE TABLE planned_originals (
        material BLOB PRIMARY KEY, agent INTEGER NOT NULL REFERENCES agents, named BLOB NOT NULL
    ) WITHOUT ROWID;",
    // Nobody knows any more whether an agent chose its counter's name itself.
    "ALTER TABLE planned_originals ADD COLUMN kind TEXT;
     ALTER TABLE agents ADD COLUMN counter_named INTEGER NOT NULL DEFAULT 0;",
    // How far each agent is it says at its next poll; a later number of its window hears what it may know.
    "ALTER TABLE agents ADD COLUMN feed_done INTEGER NOT NULL DEFAULT 0;",
    // Erasures that windows tell a state of which was put back to before them.
    "CREATE TABLE decisions (
        id BLOB PRIMARY KEY, agent INTEGER NOT NULL REFERENCES agents, decision BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE decided_names (
        material BLOB PRIMARY KEY, decision_id BLOB NOT NULL REFERENCES decisions
    ) WITHOUT ROWID;",
];

/// Opens the file for this process alone or beside others.
pub(crate) fn connect(path: &Path) -> Result<Connection, StateError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Founds the tables, or takes the steps that they lack.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), StateError> {
    // Immediate, so that of two processes founding it at once one waits for the other.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > SCHEMA_VERSION {
        return Err(StateError::new(StateFault::NewerVersion, "written by a newer version"));
    }
    match usize::try_from(version) {
        Ok(0) => transaction.execute_batch(SCHEMA)?,
        Ok(version) => transaction.execute_batch(&SINCE[version - 1..].concat())?,
        Err(_) => {}
    }
    if version < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Lets nobody else read the file.
#[cfg(unix)]
pub(crate) fn private(path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|e| StateError::new(StateFault::AccessDenied, e.to_string()))
}

/// Lets nobody else read the file.
#[cfg(not(unix))]
pub(crate) fn private(_path: &Path) -> Result<(), StateError> {
    Ok(())
}
