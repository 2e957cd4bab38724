//! `keyring.db`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use yidang_model::Timestamp;

use super::database::{Database, damaged, replace_database};
use super::fault::Failure;
use super::row::unsigned;
use super::schema::KEYRING;
use crate::recovery::OfficeId;
use crate::storage::{
    EpochRecord, KeyId, KeyPurpose, KeyRecord, Keyring, RecoverySeal, StorageError, StorageFault, Tag,
};

const COLUMNS: &str = "id, purpose, tag, epoch, wrapped, created_at_millis";
/// Keys rewrapped between two looks at the table; bounds the memory a rotation takes.
const REWRAPPED_AT_ONCE: i64 = 1000;

/// Puts one key into a keyring that is being made.
pub(crate) type PutKey<'a> = &'a dyn Fn(&KeyRecord) -> Result<(), StorageError>;

/// The built-in keyring.
pub struct SqliteKeyring {
    database: Database,
}

impl SqliteKeyring {
    /// Its file in the data folder.
    pub const FILE: &str = KEYRING.file;

    /// Opens the keyring of a data folder; [`StorageFault::Missing`] when there is none.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(&KEYRING, data_dir)? })
    }

    /// Makes the keyring if there is none, and names the store; then opens it.
    pub fn create(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::create(&KEYRING, data_dir, name_store)? })
    }

    /// Whether SQLite finds nothing wrong with the file.
    pub(crate) fn is_sound(&self) -> Result<bool, StorageError> {
        self.database.is_sound()
    }

    /// Makes a keyring of this name, epoch and keys in that folder, in place of one that is there and is overwritten
    /// first; nobody has it open. `fill` hands the keys over. Until all are there the new one lies beside it.
    pub(crate) fn write_anew(
        folder: &Path,
        store_id: &str,
        epoch: &EpochRecord,
        fill: &mut dyn FnMut(PutKey<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut name = [0; 16];
        hex::decode_to_slice(store_id, &mut name).map_err(|_| damaged(&KEYRING, "no name of a store"))?;
        replace_database(&KEYRING, folder, |transaction| {
            transaction.execute("INSERT INTO meta (one, store_id) VALUES (1, ?1)", [name])?;
            insert_epoch(transaction, epoch)?;
            let put = |key: &KeyRecord| {
                insert(transaction, key).map_err(|failure| failure.into_storage(KEYRING.part, folder))
            };
            Ok(fill(&put)?)
        })
    }
}

impl Keyring for SqliteKeyring {
    fn store_id(&self) -> Result<String, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT store_id FROM meta")?;
            let id: [u8; 16] = statement.query_row([], |row| row.get(0))?;
            Ok(hex::encode(id))
        })
    }

    fn put_many(&self, keys: &[KeyRecord]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.database.write(|transaction| keys.iter().try_for_each(|key| insert(transaction, key)))
    }

    fn get(&self, id: KeyId) -> Result<Option<KeyRecord>, StorageError> {
        self.database.read(|connection| find(connection, "id = ?1", &id.0))
    }

    fn find_holder(&self, tag: Tag) -> Result<Option<KeyRecord>, StorageError> {
        self.database.read(|connection| find(connection, "tag = ?1", &tag.0))
    }

    fn store_keys(&self) -> Result<Vec<KeyRecord>, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM keys WHERE purpose IN (?1, ?2, ?3) ORDER BY id"
            ))?;
            let purposes = [KeyPurpose::BlobNames, KeyPurpose::Tags, KeyPurpose::Office];
            collect(statement.query(purposes.map(KeyPurpose::as_str))?)
        })
    }

    fn delete_many(&self, ids: &[KeyId]) -> Result<(), StorageError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.database.write(|transaction| {
            let mut statement = transaction.prepare_cached("DELETE FROM keys WHERE id = ?1")?;
            for id in ids {
                statement.execute([id.0])?;
            }
            Ok(())
        })
    }

    fn current_epoch(&self) -> Result<Option<EpochRecord>, StorageError> {
        self.database.read(current_epoch)
    }

    fn begin_epoch(
        &self,
        epoch: &EpochRecord,
        rewrap: &mut dyn FnMut(&KeyRecord) -> Result<Vec<u8>, StorageError>,
    ) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            if current_epoch(transaction)?.is_some_and(|current| current.epoch >= epoch.epoch) {
                return Err(damaged(&KEYRING, "a new epoch must be later than the current one").into());
            }
            transaction.execute("UPDATE epochs SET recovery = NULL, office = NULL", [])?;
            insert_epoch(transaction, epoch)?;
            rewrap_all(transaction, epoch.epoch, rewrap)
        })
    }

    fn set_recovery(&self, epoch: u32, seal: &RecoverySeal) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            if current_epoch(transaction)?.is_none_or(|current| current.epoch != epoch) {
                return Err(damaged(&KEYRING, "only the current epoch can be recovered").into());
            }
            set_recovery(transaction, epoch, seal)
        })
    }

    fn visit(
        &self,
        visit: &mut dyn FnMut(KeyRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                visit(record_of(row)?)?;
            }
            Ok(())
        })
    }

    fn count(&self, purpose: KeyPurpose) -> Result<u64, StorageError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT count(*) FROM keys WHERE purpose = ?1")?;
            Ok(statement.query_row([purpose.as_str()], |row| unsigned(row, 0))?)
        })
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.database.rewrite()
    }
}

fn name_store(transaction: &Transaction<'_>) -> Result<(), Failure> {
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id).map_err(|_| {
        let detail = "the operating system gave no random bytes";
        StorageError::new(KEYRING.part, StorageFault::Io, detail)
    })?;
    transaction.execute("INSERT INTO meta (one, store_id) VALUES (1, ?1)", [id])?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<(), Failure> {
    transaction
        .prepare_cached(&format!("INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))?
        .execute(params![
            key.id.0,
            key.purpose.as_str(),
            key.tag.map(|t| t.0),
            key.epoch,
            key.wrapped,
            key.created_at.as_millis(),
        ])?;
    Ok(())
}

fn find(connection: &Connection, condition: &str, value: &[u8]) -> Result<Option<KeyRecord>, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE {condition}"))?;
    let mut rows = statement.query([value])?;
    rows.next()?.map(record_of).transpose()
}

fn current_epoch(connection: &Connection) -> Result<Option<EpochRecord>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch, proof, began_at_millis, office, recovery FROM epochs ORDER BY epoch DESC LIMIT 1",
    )?;
    let epoch = statement.query_row([], |row| {
        let began_at = Timestamp::from_millis(row.get(2)?);
        let seal = row.get::<_, Option<[u8; 8]>>(3)?.map(|office| (OfficeId(office), row.get(4)));
        let seal = seal.map(|(office, sealed)| sealed.map(|sealed| RecoverySeal { office, sealed }));
        Ok(EpochRecord { epoch: row.get(0)?, check: row.get(1)?, began_at, recovery: seal.transpose()? })
    });
    Ok(epoch.optional()?)
}

fn insert_epoch(transaction: &Transaction<'_>, epoch: &EpochRecord) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT INTO epochs (epoch, proof, began_at_millis) VALUES (?1, ?2, ?3)")?
        .execute(params![epoch.epoch, epoch.check, epoch.began_at.as_millis()])?;
    epoch.recovery.as_ref().map_or(Ok(()), |seal| set_recovery(transaction, epoch.epoch, seal))
}

fn set_recovery(transaction: &Transaction<'_>, epoch: u32, seal: &RecoverySeal) -> Result<(), Failure> {
    transaction
        .prepare_cached("UPDATE epochs SET recovery = ?2, office = ?3 WHERE epoch = ?1")?
        .execute(params![epoch, seal.sealed, seal.office.0])?;
    Ok(())
}

fn rewrap_all(
    transaction: &Transaction<'_>,
    epoch: u32,
    rewrap: &mut dyn FnMut(&KeyRecord) -> Result<Vec<u8>, StorageError>,
) -> Result<(), Failure> {
    let mut select = transaction.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM keys WHERE id > ?1 ORDER BY id LIMIT {REWRAPPED_AT_ONCE}"
    ))?;
    let mut update = transaction.prepare_cached("UPDATE keys SET wrapped = ?2, epoch = ?3 WHERE id = ?1")?;
    // Every identifier sorts after the empty one.
    let mut last: Vec<u8> = Vec::new();
    loop {
        let records = collect(select.query([&last])?)?;
        let Some(newest) = records.last() else { return Ok(()) };
        last = newest.id.0.to_vec();
        for record in &records {
            update.execute(params![record.id.0, rewrap(record)?, epoch])?;
        }
    }
}

fn collect(mut rows: rusqlite::Rows<'_>) -> Result<Vec<KeyRecord>, Failure> {
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record_of(row)?);
    }
    Ok(records)
}

fn record_of(row: &Row<'_>) -> Result<KeyRecord, Failure> {
    let word: String = row.get(1)?;
    let purpose = KeyPurpose::from_word(&word)
        .ok_or_else(|| damaged(&KEYRING, "a key is for a purpose this version does not know"))?;
    Ok(KeyRecord {
        id: KeyId(row.get(0)?),
        purpose,
        tag: row.get::<_, Option<[u8; 32]>>(2)?.map(Tag),
        epoch: row.get(3)?,
        wrapped: row.get(4)?,
        created_at: Timestamp::from_millis(row.get(5)?),
    })
}
