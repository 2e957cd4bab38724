//! `index.db`: reading the view. Its changes are in `index_rows`.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use yidang_model::{CaptureId, ErasureId, MaterialId, Timestamp};

use super::database::Database;
use super::index_rows;
use super::schema::INDEX;
use crate::storage::{
    BlobName, ErasureState, Index, IndexChange, IndexDump, KeyId, MaterialRow, StagedRow, StagedState,
    StorageError, Tag,
};

/// Tables in the dump; `progress` differs by how often the index was brought up to date.
const TABLES: [&str; 7] =
    ["materials", "material_holders", "blob_users", "staged", "tombstones", "erasures", "doomed_blobs"];

/// The index as an SQLite file.
pub struct SqliteIndex {
    database: Database,
}

impl SqliteIndex {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(path, &INDEX)? })
    }
}

fn blobs_of(connection: &Connection, owner: [u8; 16]) -> rusqlite::Result<Vec<BlobName>> {
    let mut statement = connection.prepare_cached("SELECT blob FROM blob_users WHERE owner = ?1 ORDER BY blob")?;
    statement.query_map([owner], |row| Ok(BlobName(row.get(0)?)))?.collect()
}

fn material(connection: &Connection, row: (([u8; 16], u64), [u8; 32])) -> rusqlite::Result<MaterialRow> {
    let ((id, sequence), filing) = row;
    let mut statement =
        connection.prepare_cached("SELECT holder FROM material_holders WHERE material = ?1 ORDER BY holder")?;
    let holders = statement.query_map([id], |row| Ok(Tag(row.get(0)?)))?.collect::<Result<_, _>>()?;
    let blobs = blobs_of(connection, id)?;
    Ok(MaterialRow { id: MaterialId::from_bytes(id), sequence, holders, filing: Tag(filing), blobs })
}

fn material_columns(row: &Row<'_>) -> rusqlite::Result<(([u8; 16], u64), [u8; 32])> {
    Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
}

fn one_material(connection: &Connection, sql: &str, key: &[u8]) -> rusqlite::Result<Option<MaterialRow>> {
    let found = connection.prepare_cached(sql)?.query_row([key], material_columns).optional()?;
    found.map(|row| material(connection, row)).transpose()
}

const STAGED: &str = "SELECT id, sequence, key, expires_at, state, material FROM staged";

struct StagedColumns {
    row: StagedRow,
}

fn staged_columns(row: &Row<'_>) -> rusqlite::Result<StagedColumns> {
    let state: String = row.get(4)?;
    let material: Option<[u8; 16]> = row.get(5)?;
    Ok(StagedColumns {
        row: StagedRow {
            id: CaptureId::from_bytes(row.get(0)?),
            sequence: row.get(1)?,
            key: KeyId(row.get(2)?),
            expires_at: Timestamp::from_millis(row.get(3)?),
            state: match (state.as_str(), material) {
                ("filed", Some(material)) => StagedState::Filed(MaterialId::from_bytes(material)),
                ("unfiled", _) => StagedState::Unfiled,
                _ => StagedState::Discarded,
            },
            blobs: Vec::new(),
        },
    })
}

fn with_blobs(connection: &Connection, columns: StagedColumns) -> rusqlite::Result<StagedRow> {
    let mut row = columns.row;
    row.blobs = blobs_of(connection, *row.id.as_bytes())?;
    Ok(row)
}

fn staged_rows(connection: &Connection, rest: &str, bound: i64, limit: usize) -> rusqlite::Result<Vec<StagedRow>> {
    let mut statement = connection.prepare_cached(&format!("{STAGED} WHERE state = 'unfiled' AND {rest} LIMIT ?2"))?;
    let found: Vec<_> =
        statement.query_map(params![bound, limit as i64], staged_columns)?.collect::<Result<_, _>>()?;
    found.into_iter().map(|columns| with_blobs(connection, columns)).collect()
}

fn erasure_state(word: &str) -> ErasureState {
    match word {
        "requested" => ErasureState::Requested,
        "refused" => ErasureState::Refused,
        "erasing" => ErasureState::Erasing,
        _ => ErasureState::Done,
    }
}

fn dump_table(connection: &Connection, table: &str, lines: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut line = table.to_owned();
        for column in 0..columns {
            line.push(' ');
            line.push_str(&match row.get_ref(column)? {
                ValueRef::Null => "-".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(bytes) => hex::encode(bytes),
            });
        }
        lines.push(line);
    }
    Ok(())
}

impl Index for SqliteIndex {
    fn applied(&self) -> Result<u64, StorageError> {
        self.database.read(|c| c.query_row("SELECT applied FROM progress", [], |row| row.get(0)))
    }

    fn apply_many(&self, changes: &[IndexChange], sequence: u64) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            for change in changes {
                index_rows::apply(transaction, change)?;
            }
            transaction.execute("UPDATE progress SET applied = ?1", [sequence])?;
            Ok(())
        })
    }

    fn clear(&self) -> Result<(), StorageError> {
        self.database.write(|transaction| {
            for table in TABLES {
                transaction.execute(&format!("DELETE FROM {table}"), [])?;
            }
            transaction.execute("UPDATE progress SET applied = 0", [])?;
            Ok(())
        })
    }

    fn material(&self, id: MaterialId) -> Result<Option<MaterialRow>, StorageError> {
        let sql = "SELECT id, sequence, filing FROM materials WHERE id = ?1";
        self.database.read(|c| one_material(c, sql, id.as_bytes()))
    }

    fn is_erased(&self, id: MaterialId) -> Result<bool, StorageError> {
        self.database.read(|c| {
            c.prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstones WHERE material = ?1)")?
                .query_row([id.as_bytes()], |row| row.get(0))
        })
    }

    fn materials_of(&self, holder: Tag, before: u64, limit: usize) -> Result<Vec<MaterialRow>, StorageError> {
        // SQLite's integers are signed.
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        self.database.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT m.id, m.sequence, m.filing FROM material_holders h JOIN materials m ON m.id = h.material
                 WHERE h.holder = ?1 AND h.sequence < ?2 ORDER BY h.sequence DESC LIMIT ?3",
            )?;
            let found: Vec<_> = statement
                .query_map(params![holder.0, before, limit as i64], material_columns)?
                .collect::<Result<_, _>>()?;
            found.into_iter().map(|row| material(c, row)).collect()
        })
    }

    fn find_filing(&self, filing: Tag) -> Result<Option<MaterialRow>, StorageError> {
        let sql = "SELECT id, sequence, filing FROM materials WHERE filing = ?1 ORDER BY sequence LIMIT 1";
        self.database.read(|c| one_material(c, sql, &filing.0))
    }

    fn blob_users(&self, name: BlobName) -> Result<Vec<u64>, StorageError> {
        self.database.read(|c| {
            c.prepare_cached("SELECT sequence FROM blob_users WHERE blob = ?1 ORDER BY sequence")?
                .query_map([name.0], |row| row.get(0))?
                .collect()
        })
    }

    fn staged(&self, id: CaptureId) -> Result<Option<StagedRow>, StorageError> {
        self.database.read(|c| {
            let mut statement = c.prepare_cached(&format!("{STAGED} WHERE id = ?1"))?;
            let found = statement.query_row([id.as_bytes()], staged_columns).optional()?;
            found.map(|columns| with_blobs(c, columns)).transpose()
        })
    }

    fn unfiled(&self, after: u64, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.database.read(|c| staged_rows(c, "sequence > ?1 ORDER BY sequence", after, limit))
    }

    fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<StagedRow>, StorageError> {
        self.database.read(|c| staged_rows(c, "expires_at <= ?1 ORDER BY expires_at", now.as_millis(), limit))
    }

    fn erasure(&self, id: ErasureId) -> Result<Option<(ErasureState, u64, u64)>, StorageError> {
        self.database.read(|c| {
            c.prepare_cached("SELECT state, requested, erased FROM erasures WHERE id = ?1")?
                .query_row([id.as_bytes()], |row| {
                    Ok((erasure_state(&row.get::<_, String>(0)?), row.get(1)?, row.get(2)?))
                })
                .optional()
        })
    }

    fn erasing(&self) -> Result<Vec<(ErasureId, Vec<BlobName>)>, StorageError> {
        self.database.read(|c| {
            let mut ids = c.prepare_cached("SELECT id FROM erasures WHERE state = 'erasing' ORDER BY erased")?;
            let ids: Vec<[u8; 16]> = ids.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut blobs = c.prepare_cached("SELECT blob FROM doomed_blobs WHERE erasure = ?1 ORDER BY blob")?;
            ids.into_iter()
                .map(|id| {
                    let names = blobs.query_map([id], |row| Ok(BlobName(row.get(0)?)))?;
                    Ok((ErasureId::from_bytes(id), names.collect::<Result<_, _>>()?))
                })
                .collect()
        })
    }

    fn counts(&self) -> Result<(u64, u64), StorageError> {
        self.database.read(|c| {
            let sql = "SELECT (SELECT count(*) FROM materials), (SELECT count(DISTINCT blob) FROM blob_users)";
            c.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        })
    }

    fn visit_blobs(&self, visit: &mut dyn FnMut(BlobName) -> bool) -> Result<(), StorageError> {
        self.database.read(|c| {
            let mut statement = c.prepare_cached("SELECT DISTINCT blob FROM blob_users ORDER BY blob")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !visit(BlobName(row.get(0)?)) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn scrub(&self) -> Result<(), StorageError> {
        self.database.truncate_journal()
    }

    fn dump(&self) -> Result<IndexDump, StorageError> {
        self.database.read(|c| {
            let mut lines = Vec::new();
            for table in TABLES {
                dump_table(c, table, &mut lines)?;
            }
            lines.sort_unstable();
            Ok(IndexDump { lines })
        })
    }
}
