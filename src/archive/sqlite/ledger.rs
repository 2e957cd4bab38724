//! `ledger.db`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use yidang_model::Timestamp;

use super::database::Database;
use super::schema::LEDGER;
use crate::storage::{
    Entry, EntryHash, Ledger, NewEntry, Part, StorageError, StorageFault, Tag, Verb, chain_hash,
};

const COLUMNS: &str = "sequence, version, at, verb, idempotency, request, previous, hash, body";

/// The ledger as an SQLite file.
pub struct SqliteLedger {
    database: Database,
}

impl SqliteLedger {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(path, &LEDGER)? })
    }
}

fn head(connection: &Connection) -> rusqlite::Result<(u64, EntryHash)> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1")?;
    let last = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(last.unwrap_or((0, [0; 32])))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let word: String = row.get(3)?;
    let verb = Verb::from_word(&word).ok_or_else(|| {
        let reason = format!("the verb `{word}` is not known to this version");
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, reason.into())
    })?;
    Ok(Entry {
        sequence: row.get(0)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
        content: NewEntry {
            version: row.get(1)?,
            at: Timestamp::from_millis(row.get(2)?),
            verb,
            idempotency: row.get::<_, Option<[u8; 32]>>(4)?.map(Tag),
            request: row.get::<_, Option<[u8; 32]>>(5)?.map(Tag),
            body: row.get(8)?,
        },
    })
}

impl Ledger for SqliteLedger {
    fn append_many(&self, entries: &[NewEntry]) -> Result<Vec<Entry>, StorageError> {
        self.database.write(|transaction| {
            let (mut sequence, mut previous) = head(transaction)?;
            let mut insert = transaction.prepare_cached(&format!(
                "INSERT INTO entries ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            ))?;
            let mut placed = Vec::with_capacity(entries.len());
            for entry in entries {
                sequence += 1;
                let hash = chain_hash(&previous, sequence, entry);
                insert.execute(params![
                    sequence,
                    entry.version,
                    entry.at.as_millis(),
                    entry.verb.as_str(),
                    entry.idempotency.map(|t| t.0),
                    entry.request.map(|t| t.0),
                    previous,
                    hash,
                    entry.body,
                ])?;
                placed.push(Entry { sequence, previous, hash, content: entry.clone() });
                previous = hash;
            }
            Ok(placed)
        })
    }

    fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
            ))?;
            statement.query_map(params![sequence, limit as i64], read)?.collect()
        })
    }

    fn get_many(&self, sequences: &[u64]) -> Result<Vec<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE sequence = ?1"))?;
            let mut found = Vec::with_capacity(sequences.len());
            for sequence in sequences {
                found.extend(statement.query_row([sequence], read).optional()?);
            }
            Ok(found)
        })
    }

    fn find_idempotent(&self, idempotency: Tag) -> Result<Option<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE idempotency = ?1"))?;
            statement.query_row([idempotency.0], read).optional()
        })
    }

    fn head(&self) -> Result<(u64, EntryHash), StorageError> {
        let (sequence, hash) = self.database.read(head)?;
        if sequence == 0 && hash != [0; 32] {
            return Err(StorageError::new(Part::Ledger, StorageFault::Damaged, "an entry without a place"));
        }
        Ok((sequence, hash))
    }
}
