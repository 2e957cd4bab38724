//! `keyring.db`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use yidang_model::Timestamp;

use super::database::Database;
use super::schema::KEYRING;
use crate::storage::{EpochRecord, KeyId, KeyPurpose, KeyRecord, Keyring, StorageError, Tag};

const COLUMNS: &str = "id, purpose, tag, epoch, wrapped, created_at";

/// The keyring as an SQLite file.
pub struct SqliteKeyring {
    database: Database,
}

impl SqliteKeyring {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(path, &KEYRING)? })
    }

    fn one(&self, condition: &str, value: &[u8]) -> Result<Option<KeyRecord>, StorageError> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE {condition} = ?1"))?;
            statement.query_row([value], read).optional()
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let word: String = row.get(1)?;
    let purpose = KeyPurpose::from_word(&word).ok_or_else(|| {
        let reason = format!("the key purpose `{word}` is not known to this version");
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, reason.into())
    })?;
    Ok(KeyRecord {
        id: KeyId(row.get(0)?),
        purpose,
        tag: row.get::<_, Option<[u8; 32]>>(2)?.map(Tag),
        epoch: row.get(3)?,
        wrapped: row.get(4)?,
        created_at: Timestamp::from_millis(row.get(5)?),
    })
}

fn all(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<KeyRecord>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE {condition} ORDER BY id"))?;
    statement.query_map([], read)?.collect()
}

impl Keyring for SqliteKeyring {
    fn put_many(&self, keys: &[KeyRecord]) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            let mut insert = transaction.prepare_cached(&format!(
                "INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            ))?;
            for key in keys {
                let tag = key.tag.map(|t| t.0);
                let created_at = key.created_at.as_millis();
                insert.execute(params![key.id.0, key.purpose.as_str(), tag, key.epoch, key.wrapped, created_at])?;
            }
            Ok(())
        })
    }

    fn get(&self, id: KeyId) -> Result<Option<KeyRecord>, StorageError> {
        self.one("id", &id.0)
    }

    fn find_holder(&self, tag: Tag) -> Result<Option<KeyRecord>, StorageError> {
        self.one("purpose = 'holder' AND tag", &tag.0)
    }

    fn store_keys(&self) -> Result<Vec<KeyRecord>, StorageError> {
        self.database.read(|connection| all(connection, "purpose NOT IN ('holder', 'staged')"))
    }

    fn delete_many(&self, ids: &[KeyId]) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM keys WHERE id = ?1")?;
            for id in ids {
                delete.execute([id.0])?;
            }
            Ok(())
        })
    }

    fn current_epoch(&self) -> Result<Option<EpochRecord>, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT epoch, check_sum, began_at FROM epochs ORDER BY epoch DESC LIMIT 1")?;
            let read = |row: &Row<'_>| {
                let began_at = Timestamp::from_millis(row.get(2)?);
                Ok(EpochRecord { epoch: row.get(0)?, check: row.get(1)?, began_at })
            };
            statement.query_row([], read).optional()
        })
    }

    fn begin_epoch(
        &self,
        epoch: &EpochRecord,
        rewrap: &mut dyn FnMut(&KeyRecord) -> Result<Vec<u8>, StorageError>,
    ) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            let mut after: Vec<u8> = Vec::new();
            loop {
                // In pages, so that a hundred thousand keys need no memory to speak of.
                let page: Vec<KeyRecord> = transaction
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE id > ?1 ORDER BY id LIMIT 500"))?
                    .query_map([&after], read)?
                    .collect::<Result<_, _>>()?;
                let Some(last) = page.last() else { break };
                after = last.id.0.to_vec();
                let mut update =
                    transaction.prepare_cached("UPDATE keys SET wrapped = ?2, epoch = ?3 WHERE id = ?1")?;
                for key in &page {
                    update.execute(params![key.id.0, rewrap(key)?, epoch.epoch])?;
                }
            }
            transaction.execute(
                "INSERT INTO epochs (epoch, check_sum, began_at) VALUES (?1, ?2, ?3)",
                params![epoch.epoch, epoch.check, epoch.began_at.as_millis()],
            )?;
            Ok(())
        })
    }

    fn store_id(&self) -> Result<String, StorageError> {
        self.database.read(|connection| connection.query_row("SELECT store_id FROM meta", [], |row| row.get(0)))
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.database.truncate_journal()
    }

    fn count(&self, purpose: KeyPurpose) -> Result<u64, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT count(*) FROM keys WHERE purpose = ?1")?;
            statement.query_row([purpose.as_str()], |row| row.get(0))
        })
    }
}
