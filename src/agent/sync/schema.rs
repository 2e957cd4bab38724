//! The tables of `sync.db`, and the steps by which records of earlier versions come to them.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::SyncError;
use super::store::write;

const SCHEMA_VERSION: i64 = 9;
/// `YDsy`, so that `file` can tell what it is.
const APPLICATION_ID: i64 = 0x5944_7379;
/// What the first version had.
const FIRST: &str = "
CREATE TABLE progress (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    url          TEXT NOT NULL,
    epoch        TEXT NOT NULL,
    confirmed    INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    tainted      INTEGER NOT NULL,
    pending_from INTEGER,
    pending_to   INTEGER,
    fingerprint  BLOB,
    feed_after   INTEGER NOT NULL
) STRICT;
CREATE TABLE rejected (
    sequence INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    id       BLOB NOT NULL,
    code     TEXT NOT NULL
) STRICT;
CREATE INDEX rejected_ids ON rejected (id);
CREATE TABLE decided (
    id     BLOB PRIMARY KEY,
    erased INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
/// What records of version 1 lack.
const SINCE_1: &str = "
ALTER TABLE rejected ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
CREATE TABLE merged (
    material BLOB PRIMARY KEY,
    filed_as BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";
/// What records of version 2 lack.
const SINCE_2: &str = "
CREATE TABLE packed (
    sequence    INTEGER PRIMARY KEY,
    from_entry  INTEGER NOT NULL,
    to_entry    INTEGER NOT NULL,
    fingerprint BLOB NOT NULL
) STRICT;
";
/// A program that wrote records up to version 3 passed over news of originals as something it did not know. The feed is heard
/// once more from its beginning: what has been carried out changes nothing. A new kind of news needs another such step.
const SINCE_3: &str = "UPDATE progress SET feed_after = 0;";
/// What records of version 4 lack.
const SINCE_4: &str = "ALTER TABLE progress ADD COLUMN confirmed_hash BLOB;";
/// What records of version 5 lack: why an erasure was refused, and whether the repository was found to have lost what it had.
const SINCE_5: &str = "
ALTER TABLE decided ADD COLUMN code TEXT;
ALTER TABLE progress ADD COLUMN offer_again INTEGER NOT NULL DEFAULT 0 CHECK (offer_again IN (0, 1));
";
/// What records of version 6 lack: what is known of the repository's own ledger. What it has lost is offered again at once.
const SINCE_6: &str = "
ALTER TABLE progress DROP COLUMN offer_again;
CREATE TABLE repository_head (
    is_proven INTEGER PRIMARY KEY CHECK (is_proven IN (0, 1)),
    ledger    TEXT NOT NULL,
    sequence  INTEGER NOT NULL,
    hash      TEXT NOT NULL,
    rebuilt   INTEGER NOT NULL,
    told_at   INTEGER NOT NULL
) STRICT;
";
/// What records of version 7 lack: what the repository decided to forget, by the name that the erasure has here, and to hold.
const SINCE_7: &str = "
CREATE TABLE erased (
    here       BLOB PRIMARY KEY,
    id         BLOB NOT NULL,
    materials  BLOB NOT NULL,
    decided_at INTEGER NOT NULL,
    proof      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
    id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
";
/// What records of version 8 lack: when the ledger here was last made anew, and what a receipt said to be remembered of it.
const SINCE_8: &str = "
ALTER TABLE progress ADD COLUMN rebuilt INTEGER NOT NULL DEFAULT 0;
CREATE TABLE anchored (
    ledger   TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";
/// In their order: the step from version `n` to the next is at `n - 1`.
const STEPS: [&str; SCHEMA_VERSION as usize - 1] =
    [SINCE_1, SINCE_2, SINCE_3, SINCE_4, SINCE_5, SINCE_6, SINCE_7, SINCE_8];

/// Opens the records or makes them, taking the steps their version lacks. The folder must exist.
pub(super) fn open(path: &Path) -> Result<Connection, SyncError> {
    let mut connection = Connection::open(path)?;
    #[cfg(unix)]
    {
        // Before the first write: the journal files take the mode of the database.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|e| SyncError::State(format!("sync.db: {e}")))?;
    }
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = write(&mut connection)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > SCHEMA_VERSION {
        return Err(SyncError::NewerVersion);
    }
    if version == 0 {
        transaction.execute_batch(FIRST)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    let taken = usize::try_from(version).unwrap_or_default().saturating_sub(1);
    for step in &STEPS[taken..] {
        transaction.execute_batch(step)?;
    }
    if version < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(connection)
}
