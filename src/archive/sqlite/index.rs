//! `index.db`: what is found in it. What happens to it is in [`super::index_changes`].

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};
use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId, Timestamp};

use super::database::{Database, damaged, remove_database};
use super::fault::Failure;
use super::row::{row_limit, stored, unsigned};
use super::schema::INDEX;
use super::{index_changes, index_dump, index_holds};
use crate::storage::{
    AwaitedOriginals, BlobName, ErasureState, HoldDoubt, HoldRow, Index, IndexChange, IndexDump, KeyId,
    LeftOut, MaterialRow, RebuiltLine, StagedRow, StagedState, StorageError, StorageFault, Tag,
};

const STAGED_COLUMNS: &str = "sequence, id, key, expires_at_millis, state, material";
/// Blob names read at once by [`Index::visit_blobs`]: 128 KiB.
const NAMES_AT_ONCE: usize = 4096;

/// The built-in index.
pub struct SqliteIndex {
    /// `None` only while, and if ever after, a damaged file could not be replaced. Held for reading by every
    /// use; a replacement waits for them, because connections to a removed file would take its successor's
    /// journal away when they close.
    database: RwLock<Option<Database>>,
    folder: std::path::PathBuf,
}

impl SqliteIndex {
    /// Its file in the data folder.
    pub const FILE: &str = INDEX.file;

    /// Opens the index of a data folder; [`StorageFault::Missing`] when there is none.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self::over(Database::open(&INDEX, data_dir)?))
    }

    /// Makes an empty index if there is none, and opens it.
    pub fn create(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self::over(Database::create(&INDEX, data_dir, |_| Ok(()))?))
    }

    /// Throws away what is there, whatever it is, and makes an empty index. Nobody has it open.
    pub fn recreate(data_dir: &Path) -> Result<Self, StorageError> {
        remove_database(&INDEX, data_dir)?;
        Self::create(data_dir)
    }

    fn over(database: Database) -> Self {
        let folder = database.folder().to_path_buf();
        Self { database: RwLock::new(Some(database)), folder }
    }

    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => work(database),
            None => Err(damaged(&INDEX, "the damaged file could not be replaced")),
        }
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StorageError> {
        self.with_database(|database| database.read(work))
    }

    fn replace(&self) -> Result<(), StorageError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Closes every connection.
        *database = None;
        remove_database(&INDEX, &self.folder)?;
        *database = Some(Database::create(&INDEX, &self.folder, |_| Ok(()))?);
        Ok(())
    }
}

impl Index for SqliteIndex {
    fn applied(&self) -> Result<u64, StorageError> {
        self.read(applied)
    }

    fn apply_many(&self, changes: &[IndexChange], sequence: u64) -> Result<(), StorageError> {
        self.with_database(|database| {
            database.write(|transaction| {
                if applied(transaction)? > sequence {
                    return Err(damaged(&INDEX, "the index is ahead of what is applied to it").into());
                }
                changes.iter().try_for_each(|change| index_changes::apply(transaction, change))?;
                transaction
                    .prepare_cached("UPDATE applied SET sequence = ?1")?
                    .execute([stored(sequence)])?;
                Ok(())
            })
        })
    }

    fn left_out(&self) -> Result<LeftOut, StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "WITH unknown (last, places) AS (
                     SELECT last, last - sequence + 1 FROM left_out
                     UNION ALL
                     SELECT sequence, 1 FROM staged WHERE state = 'unfiled'
                     AND NOT EXISTS (SELECT 1 FROM staged_blobs WHERE staged = sequence))
                 SELECT coalesce(sum(places) FILTER (WHERE last < rebuilt), 0),
                 coalesce(sum(places) FILTER (WHERE last > rebuilt), 0), rebuilt, stored_until_millis
                 FROM applied LEFT JOIN unknown",
            )?;
            Ok(statement.query_row([], left_out_columns)?)
        })
    }

    fn left_out_places(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64)>, StorageError> {
        self.read(|connection| {
            let sql = "SELECT sequence, last FROM left_out WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let places = statement.query_map(params![stored(after), row_limit(limit)], |row| {
                Ok((unsigned(row, 0)?, unsigned(row, 1)?))
            })?;
            Ok(places.collect::<Result<_, _>>()?)
        })
    }

    fn clear(&self) -> Result<(), StorageError> {
        let cleared = self.with_database(|database| database.write(index_changes::clear));
        match cleared {
            Err(error) if matches!(error.fault, StorageFault::Damaged | StorageFault::Missing) => {
                self.replace()
            }
            cleared => cleared,
        }
    }

    fn material(&self, id: MaterialId) -> Result<Option<MaterialRow>, StorageError> {
        self.read(|connection| one_material(connection, "id = ?1", id.as_bytes()))
    }

    fn is_erased(&self, id: MaterialId) -> Result<bool, StorageError> {
        self.read(|connection| index_changes::is_erased(connection, id))
    }

    fn materials_of(&self, holder: Tag, before: u64, limit: usize) -> Result<Vec<MaterialRow>, StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, id, filing, supersedes, originals_disposed FROM material_holders JOIN materials ON sequence = material
                 WHERE holder = ?1 AND material < ?2 ORDER BY material DESC LIMIT ?3",
            )?;
            let found: Result<Vec<_>, _> = statement
                .query_map(params![holder.0, stored(before), row_limit(limit)], material_columns)?
                .collect();
            found?.into_iter().map(|material| whole_material(connection, material)).collect()
        })
    }

    fn find_filing(&self, filing: Tag, holders: &[Tag]) -> Result<Option<MaterialRow>, StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, id, filing, supersedes, originals_disposed FROM materials WHERE filing = ?1 ORDER BY sequence",
            )?;
            let mut found = statement.query_map([filing.0], material_columns)?;
            found
                .by_ref()
                .map(|material| whole_material(connection, material?))
                .find(|row| row.as_ref().map_or(true, |row| row.holders == holders))
                .transpose()
        })
    }

    fn superseding(&self, id: MaterialId) -> Result<Vec<MaterialRow>, StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, id, filing, supersedes, originals_disposed FROM materials WHERE supersedes = ?1 ORDER BY sequence",
            )?;
            let found: Result<Vec<_>, _> = statement.query_map([id.as_bytes()], material_columns)?.collect();
            found?.into_iter().map(|material| whole_material(connection, material)).collect()
        })
    }

    fn blob_users(&self, name: BlobName) -> Result<Vec<u64>, StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT material FROM material_blobs WHERE name = ?1
                 UNION ALL SELECT staged FROM staged_blobs WHERE name = ?1 ORDER BY 1",
            )?;
            let users = statement.query_map([name.0], |row| unsigned(row, 0))?;
            Ok(users.collect::<Result<_, _>>()?)
        })
    }

    fn staged(&self, id: CaptureId) -> Result<Option<StagedRow>, StorageError> {
        self.read(|connection| {
            let statement =
                connection.prepare_cached(&format!("SELECT {STAGED_COLUMNS} FROM staged WHERE id = ?1"))?;
            Ok(staged_rows(connection, statement, [id.as_bytes()])?.pop())
        })
    }

    fn unfiled(&self, after: u64, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        self.read(|connection| {
            let statement = connection.prepare_cached(&format!(
                "SELECT {STAGED_COLUMNS} FROM staged WHERE state = 'unfiled' AND sequence > ?1
                 ORDER BY sequence LIMIT ?2"
            ))?;
            staged_rows(connection, statement, params![stored(after), row_limit(limit)])
        })
    }

    fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        self.read(|connection| {
            let statement = connection.prepare_cached(&format!(
                "SELECT {STAGED_COLUMNS} FROM staged WHERE state = 'unfiled' AND expires_at_millis <= ?1
                 ORDER BY expires_at_millis, sequence LIMIT ?2"
            ))?;
            staged_rows(connection, statement, params![now.as_millis(), row_limit(limit)])
        })
    }

    fn erasure(&self, id: ErasureId) -> Result<Option<(ErasureState, u64, u64)>, StorageError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT state, requested, erased FROM erasures WHERE id = ?1")?;
            let found = statement.query_row([id.as_bytes()], |row| {
                Ok((row.get::<_, String>(0)?, unsigned(row, 1)?, unsigned(row, 2)?))
            });
            let Some((word, requested, erased)) = found.optional()? else { return Ok(None) };
            Ok(Some((erasure_state(&word)?, requested, erased)))
        })
    }

    fn erasing(&self) -> Result<Vec<(ErasureId, Vec<BlobName>)>, StorageError> {
        self.read(|connection| {
            let mut erasures =
                connection.prepare_cached("SELECT id FROM erasures WHERE state = 'erasing' ORDER BY id")?;
            let mut doomed = connection.prepare_cached(
                "SELECT name FROM doomed_blobs AS d WHERE erasure = ?1
                 AND NOT EXISTS (SELECT 1 FROM material_blobs WHERE name = d.name)
                 AND NOT EXISTS (SELECT 1 FROM staged_blobs WHERE name = d.name) ORDER BY name",
            )?;
            let ids: Result<Vec<[u8; 16]>, _> = erasures.query_map([], |row| row.get(0))?.collect();
            let with_blobs = |id: [u8; 16]| {
                let names: Result<Vec<_>, _> =
                    doomed.query_map([id], |row| row.get(0).map(BlobName))?.collect();
                Ok((ErasureId::from_bytes(id), names?))
            };
            ids?.into_iter().map(with_blobs).collect()
        })
    }

    fn tombstones(&self, after: u64, limit: usize) -> Result<Vec<(ErasureId, u64)>, StorageError> {
        self.read(|connection| {
            let sql = "SELECT id, erased FROM erasures WHERE erased > ?1 ORDER BY erased LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let place = |row: &Row<'_>| Ok((ErasureId::from_bytes(row.get(0)?), unsigned(row, 1)?));
            let places = statement.query_map(params![stored(after), row_limit(limit)], place)?;
            Ok(places.collect::<Result<_, _>>()?)
        })
    }

    fn deferred(&self) -> Result<Vec<(ErasureId, u64)>, StorageError> {
        self.read(index_holds::deferred)
    }

    fn awaited_originals(&self) -> Result<Vec<AwaitedOriginals>, StorageError> {
        self.read(|connection| {
            let sql = "SELECT material, sequence, decided FROM awaited_originals ORDER BY material";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_map([], awaited_columns)?.collect::<Result<_, _>>()?)
        })
    }

    fn awaits_originals(&self, id: MaterialId) -> Result<Option<AwaitedOriginals>, StorageError> {
        self.read(|connection| {
            let sql = "SELECT material, sequence, decided FROM awaited_originals WHERE material = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([id.as_bytes()], awaited_columns).optional()?)
        })
    }

    fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StorageError> {
        self.read(|connection| index_holds::hold(connection, id))
    }

    fn holds(&self, after: u64, limit: usize) -> Result<Vec<HoldRow>, StorageError> {
        self.read(|connection| index_holds::holds(connection, after, limit))
    }

    fn hold_doubt(&self) -> Result<HoldDoubt, StorageError> {
        self.read(index_holds::doubt_of)
    }

    fn is_held(&self, material: Option<MaterialId>, holders: &[Tag]) -> Result<bool, StorageError> {
        self.read(|connection| index_holds::is_held(connection, material, holders))
    }

    fn counts(&self) -> Result<(u64, u64), StorageError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT count(*) FROM materials), (SELECT count(*) FROM
                 (SELECT name FROM material_blobs UNION SELECT name FROM staged_blobs))",
            )?;
            Ok(statement.query_row([], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?)
        })
    }

    fn visit_blobs(&self, visit: &mut dyn FnMut(BlobName) -> bool) -> Result<(), StorageError> {
        // Every name sorts after the empty one.
        let mut last: Vec<u8> = Vec::new();
        loop {
            let names = self.read(|connection| names_after(connection, &last, NAMES_AT_ONCE))?;
            for name in &names {
                if !visit(*name) {
                    return Ok(());
                }
            }
            match names.last() {
                Some(name) if names.len() == NAMES_AT_ONCE => last = name.0.to_vec(),
                _ => return Ok(()),
            }
        }
    }

    fn blobs_after(&self, after: Option<BlobName>, limit: usize) -> Result<Vec<BlobName>, StorageError> {
        let after = after.map(|name| name.0.to_vec()).unwrap_or_default();
        self.read(|connection| names_after(connection, &after, limit))
    }

    fn dump(&self) -> Result<IndexDump, StorageError> {
        self.read(index_dump::dump)
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.with_database(Database::rewrite)
    }
}

fn left_out_columns(row: &Row<'_>) -> rusqlite::Result<LeftOut> {
    let sequence = unsigned(row, 2)?;
    let stored_until = Timestamp::from_millis(row.get(3)?);
    let line = (sequence > 0).then_some(RebuiltLine { sequence, stored_until });
    Ok(LeftOut { before: unsigned(row, 0)?, since: unsigned(row, 1)?, line })
}

fn awaited_columns(row: &Row<'_>) -> rusqlite::Result<AwaitedOriginals> {
    let material = MaterialId::from_bytes(row.get(0)?);
    Ok(AwaitedOriginals { material, sequence: unsigned(row, 1)?, decided: row.get(2)? })
}

fn applied(connection: &Connection) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached("SELECT sequence FROM applied")?;
    Ok(statement.query_row([], |row| unsigned(row, 0))?)
}

fn names_after(connection: &Connection, last: &[u8], limit: usize) -> Result<Vec<BlobName>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM material_blobs WHERE name > ?1
         UNION SELECT name FROM staged_blobs WHERE name > ?1 ORDER BY name LIMIT ?2",
    )?;
    let names = statement.query_map(params![last, row_limit(limit)], |row| row.get(0).map(BlobName))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// A row of `materials`; holders and blobs are in tables of their own.
type MaterialColumns = (u64, [u8; 16], [u8; 32], Option<[u8; 16]>, bool);

fn material_columns(row: &Row<'_>) -> rusqlite::Result<MaterialColumns> {
    Ok((unsigned(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn one_material(
    connection: &Connection,
    condition: &str,
    value: &[u8],
) -> Result<Option<MaterialRow>, Failure> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT sequence, id, filing, supersedes, originals_disposed FROM materials WHERE {condition}"
        ))?
        .query_row([value], material_columns)
        .optional()?;
    found.map(|material| whole_material(connection, material)).transpose()
}

fn whole_material(
    connection: &Connection,
    (sequence, id, filing, supersedes, originals_disposed): MaterialColumns,
) -> Result<MaterialRow, Failure> {
    let holders = "SELECT holder FROM material_holders WHERE material = ?1 ORDER BY holder";
    let blobs = "SELECT name FROM material_blobs WHERE material = ?1 ORDER BY name";
    Ok(MaterialRow {
        id: MaterialId::from_bytes(id),
        sequence,
        holders: column(connection, holders, sequence)?.into_iter().map(Tag).collect(),
        filing: Tag(filing),
        blobs: column(connection, blobs, sequence)?.into_iter().map(BlobName).collect(),
        supersedes: supersedes.map(MaterialId::from_bytes),
        originals_disposed,
    })
}

fn staged_rows(
    connection: &Connection,
    mut statement: CachedStatement<'_>,
    bounds: impl Params,
) -> Result<Vec<StagedRow>, Failure> {
    let mut rows = statement.query(bounds)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = unsigned(row, 0)?;
        let material: Option<[u8; 16]> = row.get(5)?;
        let word: String = row.get(4)?;
        let state = match (word.as_str(), material) {
            ("unfiled", None) => StagedState::Unfiled,
            ("filed", Some(id)) => StagedState::Filed(MaterialId::from_bytes(id)),
            ("discarded", None) => StagedState::Discarded,
            _ => return Err(damaged(&INDEX, "a staged set is in no state there is").into()),
        };
        let blobs = "SELECT name FROM staged_blobs WHERE staged = ?1 ORDER BY name";
        found.push(StagedRow {
            id: CaptureId::from_bytes(row.get(1)?),
            sequence,
            key: KeyId(row.get(2)?),
            expires_at: Timestamp::from_millis(row.get(3)?),
            state,
            blobs: column(connection, blobs, sequence)?.into_iter().map(BlobName).collect(),
        });
    }
    Ok(found)
}

fn column(connection: &Connection, query: &str, sequence: u64) -> Result<Vec<[u8; 32]>, Failure> {
    let mut statement = connection.prepare_cached(query)?;
    let values = statement.query_map([stored(sequence)], |row| row.get(0))?;
    Ok(values.collect::<Result<_, _>>()?)
}

fn erasure_state(word: &str) -> Result<ErasureState, Failure> {
    match word {
        "requested" => Ok(ErasureState::Requested),
        "refused" => Ok(ErasureState::Refused),
        "erasing" => Ok(ErasureState::Erasing),
        "done" => Ok(ErasureState::Done),
        _ => Err(damaged(&INDEX, "an erasure is in no state there is").into()),
    }
}
