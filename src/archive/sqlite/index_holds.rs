//! Holds in the index, and the erasures that wait for them.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use yidang_model::{ErasureId, HoldId, MaterialId};

use super::fault::Failure;
use super::row::{row_limit, stored, unsigned};
use crate::gaps::cover;
use crate::storage::{HoldDoubt, HoldRow, MaterialRow, Tag};

/// A hold stands.
pub(super) fn place(transaction: &Transaction<'_>, row: &HoldRow) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT INTO holds (id, sequence, holder) VALUES (?1, ?2, ?3)")?
        .execute(params![row.id.as_bytes(), stored(row.sequence), row.holder.map(|tag| tag.0)])?;
    row.materials.iter().try_for_each(|material| name(transaction, row.id.as_bytes(), *material))
}

/// A hold is gone, and what it held by name with it.
pub(super) fn lift(transaction: &Transaction<'_>, id: HoldId) -> Result<(), Failure> {
    transaction.prepare_cached("DELETE FROM holds WHERE id = ?1")?.execute([id.as_bytes()])?;
    transaction.prepare_cached("DELETE FROM left_out WHERE hold = ?1")?.execute([id.as_bytes()])?;
    Ok(())
}

/// A hold stands, and nobody knows on whom.
pub(super) fn leave_out(transaction: &Transaction<'_>, id: HoldId, sequence: u64) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO left_out (sequence, last, hold) VALUES (?1, ?1, ?2)")?
        .execute(params![stored(sequence), id.as_bytes()])?;
    Ok(())
}

/// A hold may be missing.
pub(super) fn doubt(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction.prepare_cached("UPDATE applied SET holds_doubted = 1")?.execute([])?;
    Ok(())
}

/// None is, and none was in these places.
pub(super) fn confirm(transaction: &Transaction<'_>, places: &[(u64, u64)]) -> Result<(), Failure> {
    transaction.prepare_cached("UPDATE applied SET holds_doubted = 0")?.execute([])?;
    transaction.prepare_cached("DELETE FROM confirmed_places")?.execute([])?;
    let mut add = transaction
        .prepare_cached("INSERT OR REPLACE INTO confirmed_places (first, last) VALUES (?1, ?2)")?;
    for (first, last) in places {
        add.execute(params![stored(*first), stored(*last)])?;
    }
    Ok(())
}

/// What was confirmed of any other place than these counts no more.
pub(super) fn unconfirm_but(transaction: &Transaction<'_>, lost: &[(u64, u64)]) -> Result<(), Failure> {
    let confirmed = doubt_of(transaction)?.confirmed;
    let mut remove = transaction.prepare_cached("DELETE FROM confirmed_places WHERE first = ?1")?;
    for (first, last) in confirmed {
        if !cover(lost, (first, last)) {
            remove.execute([stored(first)])?;
        }
    }
    Ok(())
}

/// How far the holds that stand are all there are.
pub(super) fn doubt_of(connection: &Connection) -> Result<HoldDoubt, Failure> {
    let stands =
        connection.prepare_cached("SELECT holds_doubted FROM applied")?.query_row([], |row| row.get(0))?;
    let mut statement =
        connection.prepare_cached("SELECT first, last FROM confirmed_places ORDER BY first")?;
    let places = statement.query_map([], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?;
    Ok(HoldDoubt { stands, confirmed: places.collect::<Result<_, _>>()? })
}

/// A material is about to get another row: whoever's it was and is held keeps it held.
pub(super) fn follow(
    transaction: &Transaction<'_>,
    id: MaterialId,
    row: Option<&MaterialRow>,
) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT holds.id, holds.holder FROM materials JOIN material_holders ON material = materials.sequence
         JOIN holds ON holds.holder = material_holders.holder WHERE materials.id = ?1",
    )?;
    let held: Result<Vec<([u8; 16], [u8; 32])>, _> =
        statement.query_map([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    for (hold, holder) in held? {
        if row.is_none_or(|row| !row.holders.contains(&Tag(holder))) {
            name(transaction, &hold, id)?;
        }
    }
    Ok(())
}

fn name(transaction: &Transaction<'_>, hold: &[u8; 16], material: MaterialId) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO held_materials (material, hold) VALUES (?1, ?2)")?
        .execute(params![material.as_bytes(), hold])?;
    Ok(())
}

/// An erasure waits, whether the entry that asked for it is there or lost.
pub(super) fn defer(transaction: &Transaction<'_>, id: ErasureId, sequence: u64) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO erasures (id, state, requested, erased) VALUES (?1, 'requested', 0, 0)",
        )?
        .execute([id.as_bytes()])?;
    transaction
        .prepare_cached("INSERT OR IGNORE INTO deferred_erasures (erasure, sequence) VALUES (?1, ?2)")?
        .execute(params![id.as_bytes(), stored(sequence)])?;
    Ok(())
}

/// An erasure waits no more.
pub(super) fn settle(transaction: &Transaction<'_>, id: ErasureId) -> Result<(), Failure> {
    transaction
        .prepare_cached("DELETE FROM deferred_erasures WHERE erasure = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Every erasure that waits.
pub(super) fn deferred(connection: &Connection) -> Result<Vec<(ErasureId, u64)>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT erasure, sequence FROM deferred_erasures ORDER BY sequence")?;
    let rows = statement.query_map([], |row| Ok((ErasureId::from_bytes(row.get(0)?), unsigned(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One hold.
pub(super) fn hold(connection: &Connection, id: HoldId) -> Result<Option<HoldRow>, Failure> {
    let found = connection
        .prepare_cached("SELECT id, sequence, holder FROM holds WHERE id = ?1")?
        .query_row([id.as_bytes()], columns)
        .optional()?;
    found.map(|row| with_materials(connection, row)).transpose()
}

/// Some holds, in the order they were placed.
pub(super) fn holds(connection: &Connection, after: u64, limit: usize) -> Result<Vec<HoldRow>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT id, sequence, holder FROM holds WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let found: Result<Vec<_>, _> =
        statement.query_map(params![stored(after), row_limit(limit)], columns)?.collect();
    found?.into_iter().map(|row| with_materials(connection, row)).collect()
}

/// Whether any hold stands on one of these.
pub(super) fn is_held(
    connection: &Connection,
    material: Option<MaterialId>,
    holders: &[Tag],
) -> Result<bool, Failure> {
    if let Some(material) = material {
        let mut named = connection.prepare_cached("SELECT 1 FROM held_materials WHERE material = ?1")?;
        if named.exists([material.as_bytes()])? {
            return Ok(true);
        }
    }
    let mut person = connection.prepare_cached("SELECT 1 FROM holds WHERE holder = ?1")?;
    for holder in holders {
        if person.exists([holder.0])? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn columns(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    Ok(HoldRow {
        id: HoldId::from_bytes(row.get(0)?),
        sequence: unsigned(row, 1)?,
        holder: row.get::<_, Option<[u8; 32]>>(2)?.map(Tag),
        materials: Vec::new(),
    })
}

fn with_materials(connection: &Connection, row: HoldRow) -> Result<HoldRow, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT material FROM held_materials WHERE hold = ?1 ORDER BY material")?;
    let named = statement.query_map([row.id.as_bytes()], |row| row.get(0).map(MaterialId::from_bytes))?;
    Ok(HoldRow { materials: named.collect::<Result<_, _>>()?, ..row })
}
