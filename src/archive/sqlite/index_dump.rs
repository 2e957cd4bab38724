//! The whole index as text, the same for the same truth.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::fault::Failure;
use crate::storage::IndexDump;

/// One query per table. Row numbers are ledger sequences and so belong to the truth; nothing else in the
/// file, such as the order in which rows came, shows.
const TABLES: [(&str, &str); 15] = [
    ("applied", "SELECT sequence, rebuilt, stored_until_millis, holds_doubted FROM applied"),
    ("left out", "SELECT sequence, last, material, hold FROM left_out"),
    ("material", "SELECT id, sequence, filing, supersedes, originals_disposed FROM materials"),
    ("awaited originals", "SELECT material, sequence, decided FROM awaited_originals"),
    ("material holder", "SELECT material, holder FROM material_holders"),
    ("material blob", "SELECT material, name FROM material_blobs"),
    ("staged", "SELECT id, sequence, key, expires_at_millis, state, material FROM staged"),
    ("staged blob", "SELECT staged, name FROM staged_blobs"),
    ("tombstone", "SELECT material FROM tombstones"),
    ("erasure", "SELECT id, state, requested, erased FROM erasures"),
    ("doomed blob", "SELECT erasure, name FROM doomed_blobs"),
    ("hold", "SELECT id, sequence, holder FROM holds"),
    ("held material", "SELECT hold, material FROM held_materials"),
    ("confirmed place", "SELECT first, last FROM confirmed_places"),
    ("deferred erasure", "SELECT erasure, sequence FROM deferred_erasures"),
];

/// Every row of every table as one line, sorted.
pub(super) fn dump(connection: &Connection) -> Result<IndexDump, Failure> {
    let mut lines = Vec::new();
    for (what, query) in TABLES {
        let mut statement = connection.prepare(query)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            lines.push(line(what, row, columns)?);
        }
    }
    lines.sort_unstable();
    Ok(IndexDump { lines })
}

fn line(what: &str, row: &Row<'_>, columns: usize) -> rusqlite::Result<String> {
    let mut line = what.to_owned();
    for column in 0..columns {
        line.push(' ');
        match row.get_ref(column)? {
            ValueRef::Null => line.push('-'),
            ValueRef::Integer(number) => line.push_str(&number.to_string()),
            ValueRef::Real(number) => line.push_str(&number.to_string()),
            ValueRef::Text(text) => line.push_str(&String::from_utf8_lossy(text)),
            ValueRef::Blob(bytes) => line.push_str(&hex::encode(bytes)),
        }
    }
    Ok(line)
}
