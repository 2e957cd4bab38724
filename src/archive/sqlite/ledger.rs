//! `ledger.db`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use yidang_model::Timestamp;

use super::database::{Database, damaged};
use super::fault::Failure;
use super::row::{row_limit, stored, unsigned};
use super::schema::LEDGER;
use crate::storage::{Entry, EntryHash, Ledger, NewEntry, StorageError, StorageFault, Tag, Verb, chain_hash};

const COLUMNS: &str = "sequence, version, at_millis, verb, idempotency, request, previous, hash, body";

/// The built-in ledger.
pub struct SqliteLedger {
    database: Database,
}

impl SqliteLedger {
    /// Its file in the data folder.
    pub const FILE: &str = LEDGER.file;

    /// Opens the ledger of a data folder; [`StorageFault::Missing`] when there is none.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(&LEDGER, data_dir)? })
    }

    /// Makes the ledger if there is none, and opens it.
    pub fn create(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::create(&LEDGER, data_dir, |_| Ok(()))? })
    }

    /// Whether SQLite finds nothing wrong with the file.
    pub(crate) fn is_sound(&self) -> Result<bool, StorageError> {
        self.database.is_sound()
    }

    /// Takes over entries of another ledger as they are, each with its own place and hash, in the order of their places
    /// and behind what is there; all or none, durable when it returns. Whether they are what they say is for the caller
    /// to have checked.
    pub(crate) fn take_over(&self, entries: &[Entry]) -> Result<(), StorageError> {
        self.database.write(|transaction| entries.iter().try_for_each(|entry| insert(transaction, entry)))
    }
}

impl Ledger for SqliteLedger {
    fn append_many(&self, entries: &[NewEntry]) -> Result<Vec<Entry>, StorageError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.database.write(|transaction| {
            let (mut sequence, mut previous) = checked_head(transaction)?;
            let mut appended = Vec::with_capacity(entries.len());
            for content in entries {
                sequence += 1;
                let hash = chain_hash(&previous, sequence, content);
                let entry = Entry { sequence, previous, hash, content: content.clone() };
                insert(transaction, &entry)?;
                appended.push(entry);
                previous = hash;
            }
            Ok(appended)
        })
    }

    fn append_behind_gap(&self, sequence: u64, content: &NewEntry) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            // What it says is that something before it is lost: the last entry's own predecessor may be.
            let (head, previous) = last_entry(transaction)?;
            if sequence <= head || !content.verb.tells_of_a_gap() {
                return Err(damaged(&LEDGER, "there is no gap before this entry").into());
            }
            let hash = chain_hash(&previous, sequence, content);
            insert(transaction, &Entry { sequence, previous, hash, content: content.clone() })
        })
    }

    fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
            ))?;
            let mut rows = statement.query(params![stored(sequence), row_limit(limit)])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(entry_of(row)?);
            }
            Ok(entries)
        })
    }

    fn get_many(&self, sequences: &[u64]) -> Result<Vec<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE sequence = ?1"))?;
            let mut entries = Vec::with_capacity(sequences.len());
            for sequence in sequences {
                let mut rows = statement.query([stored(*sequence)])?;
                if let Some(row) = rows.next()? {
                    entries.push(entry_of(row)?);
                }
            }
            Ok(entries)
        })
    }

    fn find_idempotent(&self, idempotency: Tag) -> Result<Option<Entry>, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE idempotency = ?1"))?;
            let mut rows = statement.query([idempotency.0])?;
            rows.next()?.map(entry_of).transpose()
        })
    }

    fn head(&self) -> Result<(u64, EntryHash), StorageError> {
        self.database.read(last_entry)
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.database.empty_journal()
    }
}

/// The head, as it stands.
fn last_entry(connection: &Connection) -> Result<(u64, EntryHash), Failure> {
    let head = connection
        .prepare_cached("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((unsigned(row, 0)?, row.get(1)?)))
        .optional()?;
    Ok(head.unwrap_or((0, [0; 32])))
}

/// The head, after making sure that it is what was appended and that no entry before it is missing: nothing
/// is chained to damage.
fn checked_head(connection: &Connection) -> Result<(u64, EntryHash), Failure> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM entries ORDER BY sequence DESC LIMIT 2"))?;
    let mut rows = statement.query([])?;
    let Some(head) = rows.next()?.map(entry_of).transpose()? else { return Ok((0, [0; 32])) };
    let before = rows.next()?.map(entry_of).transpose()?;
    let (sequence, hash) = before.map_or((0, [0; 32]), |entry| (entry.sequence, entry.hash));
    // Behind what is known to be lost; see `append_behind_gap`.
    let behind_gap = head.content.verb.tells_of_a_gap() && head.sequence > sequence;
    let whole = (head.sequence == sequence + 1 || behind_gap)
        && head.previous == hash
        && head.hash == chain_hash(&head.previous, head.sequence, &head.content);
    if !whole {
        return Err(damaged(&LEDGER, "the last entry does not follow from the one before").into());
    }
    Ok((head.sequence, head.hash))
}

fn insert(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), Failure> {
    let content = &entry.content;
    transaction
        .prepare_cached(&format!("INSERT INTO entries ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)"))?
        .execute(params![
            stored(entry.sequence),
            content.version,
            content.at.as_millis(),
            content.verb.as_str(),
            content.idempotency.map(|t| t.0),
            content.request.map(|t| t.0),
            entry.previous,
            entry.hash,
            content.body,
        ])?;
    Ok(())
}

fn entry_of(row: &Row<'_>) -> Result<Entry, Failure> {
    let sequence = unsigned(row, 0)?;
    let word: String = row.get(3)?;
    let Some(verb) = Verb::from_word(&word) else {
        let detail = format!("entry {sequence} is of a kind this version does not know");
        return Err(StorageError::new(LEDGER.part, StorageFault::NewerVersion, detail).into());
    };
    let content = NewEntry {
        version: row.get(1)?,
        at: Timestamp::from_millis(row.get(2)?),
        verb,
        idempotency: row.get::<_, Option<[u8; 32]>>(4)?.map(Tag),
        request: row.get::<_, Option<[u8; 32]>>(5)?.map(Tag),
        body: row.get(8)?,
    };
    Ok(Entry { sequence, previous: row.get(6)?, hash: row.get(7)?, content })
}
