//! What a ledger entry does to the index.

use rusqlite::{Connection, Transaction, params};
use yidang_model::{CaptureId, ErasureId, MaterialId};

use super::database::damaged;
use super::fault::Failure;
use super::index_holds as holds;
use super::row::stored;
use super::schema::INDEX;
use crate::storage::{
    AwaitedOriginals, DisposedOriginals, IndexChange, MaterialRow, StagedRow, StagedState, Tag,
};

/// Applies one change.
pub(super) fn apply(transaction: &Transaction<'_>, change: &IndexChange) -> Result<(), Failure> {
    match change {
        IndexChange::Staged(row) => stage(transaction, row),
        IndexChange::Discarded(id) => discard(transaction, *id),
        IndexChange::Filed { row, staged } => {
            // Nothing erased comes back, whoever asks for it.
            if !is_erased(transaction, row.id)? {
                file(transaction, row)?;
            }
            use_up(transaction, row.id, staged)
        }
        IndexChange::Refiled { id, row } => refile(transaction, *id, row.as_ref()),
        IndexChange::OriginalsDisposed(gone) => gone.iter().try_for_each(|gone| let_go(transaction, gone)),
        IndexChange::OriginalsAwaited(awaited) => awaited.iter().try_for_each(|one| wait(transaction, one)),
        IndexChange::OriginalsKept { material, deferral } => keep(transaction, *material, *deferral),
        IndexChange::LeftOut { sequence, last } => leave_out(transaction, *sequence, *last, None),
        IndexChange::Unreadable { id, sequence, staged } => {
            refile(transaction, *id, None)?;
            if !is_erased(transaction, *id)? {
                leave_out(transaction, *sequence, *sequence, Some(*id))?;
            }
            use_up(transaction, *id, staged)
        }
        IndexChange::Rebuilt { line, is_lossy, lost } => {
            holds::unconfirm_but(transaction, lost)?;
            if let Some(line) = line {
                transaction
                    .prepare_cached("UPDATE applied SET rebuilt = ?1, stored_until_millis = ?2")?
                    .execute(params![stored(line.sequence), line.stored_until.as_millis()])?;
            }
            if *is_lossy { holds::doubt(transaction) } else { Ok(()) }
        }
        IndexChange::StoredAgain(at) => {
            transaction
                .prepare_cached(
                    "UPDATE applied SET stored_until_millis = max(stored_until_millis, ?1) WHERE rebuilt > 0",
                )?
                .execute([at.as_millis()])?;
            Ok(())
        }
        IndexChange::UsedUp { id, staged } => use_up(transaction, *id, staged),
        IndexChange::ErasureRequested { id, sequence } => request(transaction, *id, *sequence),
        IndexChange::ErasureRefused(id) => refuse(transaction, *id),
        IndexChange::Erased { id, sequence, materials, relinked, holder } => {
            erase(transaction, *id, *sequence, materials, *holder)?;
            relink(transaction, relinked)
        }
        IndexChange::ErasureDone(id) => finish(transaction, *id),
        IndexChange::ErasureDeferred { id, sequence } => holds::defer(transaction, *id, *sequence),
        IndexChange::Held(row) => holds::place(transaction, row),
        IndexChange::HoldLifted(id) => holds::lift(transaction, *id),
        IndexChange::HoldUnreadable { id, sequence } => holds::leave_out(transaction, *id, *sequence),
        IndexChange::HoldsDoubted => holds::doubt(transaction),
        IndexChange::HoldsConfirmed(places) => holds::confirm(transaction, places),
    }
}

/// Removes every row.
pub(super) fn clear(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction.execute_batch(
        "DELETE FROM awaited_originals; DELETE FROM deferred_erasures; DELETE FROM held_materials; DELETE FROM holds;
         DELETE FROM doomed_blobs; DELETE FROM erasures; DELETE FROM tombstones; DELETE FROM staged_blobs;
         DELETE FROM staged; DELETE FROM material_blobs; DELETE FROM material_holders; DELETE FROM materials;
         DELETE FROM left_out; DELETE FROM confirmed_places;
         UPDATE applied SET sequence = 0, rebuilt = 0, stored_until_millis = 0, holds_doubted = 0;",
    )?;
    Ok(())
}

/// Whether a tombstone stands for this material.
pub(super) fn is_erased(connection: &Connection, id: MaterialId) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM tombstones WHERE material = ?1")?;
    Ok(statement.exists([id.as_bytes()])?)
}

fn stage(transaction: &Transaction<'_>, row: &StagedRow) -> Result<(), Failure> {
    if row.state != StagedState::Unfiled {
        return Err(damaged(&INDEX, "a set is staged that is no longer unfiled").into());
    }
    transaction
        .prepare_cached(
            "INSERT INTO staged (sequence, id, key, expires_at_millis, state) VALUES (?1,?2,?3,?4,'unfiled')",
        )?
        .execute(params![stored(row.sequence), row.id.as_bytes(), row.key.0, row.expires_at.as_millis()])?;
    let mut add =
        transaction.prepare_cached("INSERT OR IGNORE INTO staged_blobs (name, staged) VALUES (?1, ?2)")?;
    for name in &row.blobs {
        add.execute(params![name.0, stored(row.sequence)])?;
    }
    Ok(())
}

fn discard(transaction: &Transaction<'_>, id: CaptureId) -> Result<(), Failure> {
    release_blobs(transaction, id)?;
    transaction
        .prepare_cached("UPDATE staged SET state = 'discarded' WHERE id = ?1 AND state = 'unfiled'")?
        .execute([id.as_bytes()])?;
    Ok(())
}

fn file(transaction: &Transaction<'_>, row: &MaterialRow) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT INTO materials (sequence, id, filing, supersedes, originals_disposed) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            stored(row.sequence),
            row.id.as_bytes(),
            row.filing.0,
            row.supersedes.map(|id| *id.as_bytes()),
            row.originals_disposed,
        ])?;
    let mut add = transaction
        .prepare_cached("INSERT OR IGNORE INTO material_holders (holder, material) VALUES (?1, ?2)")?;
    for holder in &row.holders {
        add.execute(params![holder.0, stored(row.sequence)])?;
    }
    let mut add = transaction
        .prepare_cached("INSERT OR IGNORE INTO material_blobs (name, material) VALUES (?1, ?2)")?;
    for name in &row.blobs {
        add.execute(params![name.0, stored(row.sequence)])?;
    }
    Ok(())
}

/// Its originals are to go.
fn wait(transaction: &Transaction<'_>, awaited: &AwaitedOriginals) -> Result<(), Failure> {
    let AwaitedOriginals { material, sequence, decided } = awaited;
    transaction
        .prepare_cached(
            "INSERT INTO awaited_originals (material, sequence, decided) VALUES (?1, ?2, ?3)
             ON CONFLICT (material) DO UPDATE SET sequence = excluded.sequence, decided = excluded.decided
             WHERE decided <= excluded.decided",
        )?
        .execute(params![material.as_bytes(), stored(*sequence), decided])?;
    Ok(())
}

/// Its originals stay.
fn keep(transaction: &Transaction<'_>, material: MaterialId, deferral: Option<u64>) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "DELETE FROM awaited_originals WHERE material = ?1 AND (decided = 0 OR sequence = ?2)",
        )?
        .execute(params![material.as_bytes(), deferral.map(stored)])?;
    Ok(())
}

fn wait_no_more(transaction: &Transaction<'_>, material: MaterialId) -> Result<(), Failure> {
    transaction
        .prepare_cached("DELETE FROM awaited_originals WHERE material = ?1")?
        .execute([material.as_bytes()])?;
    Ok(())
}

/// Its originals are no longer among what it needs.
fn let_go(transaction: &Transaction<'_>, gone: &DisposedOriginals) -> Result<(), Failure> {
    wait_no_more(transaction, gone.material)?;
    let sequence = stored(gone.sequence);
    let marked = transaction
        .prepare_cached("UPDATE materials SET originals_disposed = 1 WHERE id = ?1 AND sequence = ?2")?
        .execute(params![gone.material.as_bytes(), sequence])?;
    // Put right or erased since.
    if marked == 0 {
        return Ok(());
    }
    let mut remove =
        transaction.prepare_cached("DELETE FROM material_blobs WHERE name = ?1 AND material = ?2")?;
    for name in &gone.names {
        remove.execute(params![name.0, sequence])?;
    }
    Ok(())
}

/// What these places need is not known; of a material, until it is erased or put right.
fn leave_out(
    transaction: &Transaction<'_>,
    sequence: u64,
    last: u64,
    material: Option<MaterialId>,
) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO left_out (sequence, last, material) VALUES (?1, ?2, ?3)")?
        .execute(params![stored(sequence), stored(last), material.map(|id| *id.as_bytes())])?;
    Ok(())
}

fn leave_out_no_more(transaction: &Transaction<'_>, material: MaterialId) -> Result<(), Failure> {
    transaction.prepare_cached("DELETE FROM left_out WHERE material = ?1")?.execute([material.as_bytes()])?;
    Ok(())
}

/// The row it had goes, and with it whom it was filed to.
fn refile(transaction: &Transaction<'_>, id: MaterialId, row: Option<&MaterialRow>) -> Result<(), Failure> {
    leave_out_no_more(transaction, id)?;
    holds::follow(transaction, id, row)?;
    transaction.prepare_cached("DELETE FROM materials WHERE id = ?1")?.execute([id.as_bytes()])?;
    match row {
        Some(row) if !is_erased(transaction, id)? => file(transaction, row),
        _ => Ok(()),
    }
}

/// The sets became part of a material, which needs their blobs from now on, as far as it does.
fn use_up(transaction: &Transaction<'_>, material: MaterialId, staged: &[CaptureId]) -> Result<(), Failure> {
    let mut update = transaction.prepare_cached(
        "UPDATE staged SET state = 'filed', material = ?2 WHERE id = ?1 AND state = 'unfiled'",
    )?;
    for id in staged {
        release_blobs(transaction, *id)?;
        update.execute(params![id.as_bytes(), material.as_bytes()])?;
    }
    Ok(())
}

fn release_blobs(transaction: &Transaction<'_>, id: CaptureId) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "DELETE FROM staged_blobs WHERE staged = (SELECT sequence FROM staged WHERE id = ?1)",
        )?
        .execute([id.as_bytes()])?;
    Ok(())
}

fn request(transaction: &Transaction<'_>, id: ErasureId, sequence: u64) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO erasures (id, state, requested, erased) VALUES (?1, 'requested', ?2, 0)
             ON CONFLICT (id) DO UPDATE SET requested = excluded.requested WHERE requested = 0",
        )?
        .execute(params![id.as_bytes(), stored(sequence)])?;
    Ok(())
}

fn refuse(transaction: &Transaction<'_>, id: ErasureId) -> Result<(), Failure> {
    transaction
        .prepare_cached("UPDATE erasures SET state = 'refused' WHERE id = ?1 AND state = 'requested'")?
        .execute([id.as_bytes()])?;
    holds::settle(transaction, id)
}

fn erase(
    transaction: &Transaction<'_>,
    id: ErasureId,
    sequence: u64,
    materials: &[MaterialId],
    holder: Option<Tag>,
) -> Result<(), Failure> {
    transaction
        .prepare_cached(
            "INSERT INTO erasures (id, state, requested, erased) VALUES (?1, 'erasing', 0, ?2)
             ON CONFLICT (id) DO UPDATE SET erased = excluded.erased,
             state = CASE state WHEN 'done' THEN 'done' ELSE 'erasing' END",
        )?
        .execute(params![id.as_bytes(), stored(sequence)])?;
    holds::settle(transaction, id)?;
    let mut doom = transaction.prepare_cached(
        "INSERT OR IGNORE INTO doomed_blobs (erasure, name)
         SELECT ?1, name FROM material_blobs JOIN materials ON sequence = material WHERE id = ?2",
    )?;
    let mut remove = transaction.prepare_cached("DELETE FROM materials WHERE id = ?1")?;
    let mut bury = transaction.prepare_cached("INSERT OR IGNORE INTO tombstones (material) VALUES (?1)")?;
    for material in materials {
        doom.execute(params![id.as_bytes(), material.as_bytes()])?;
        remove.execute([material.as_bytes()])?;
        bury.execute([material.as_bytes()])?;
        wait_no_more(transaction, *material)?;
        leave_out_no_more(transaction, *material)?;
    }
    // All materials are gone by now, so two of them that share a blob do not keep it for each other.
    transaction
        .prepare_cached(
            "DELETE FROM doomed_blobs WHERE erasure = ?1
             AND (name IN (SELECT name FROM material_blobs) OR name IN (SELECT name FROM staged_blobs))",
        )?
        .execute([id.as_bytes()])?;
    if let Some(holder) = holder {
        transaction.prepare_cached("DELETE FROM material_holders WHERE holder = ?1")?.execute([holder.0])?;
    }
    Ok(())
}

/// The versions around one that is gone follow each other.
fn relink(transaction: &Transaction<'_>, relinked: &[(MaterialId, MaterialId)]) -> Result<(), Failure> {
    let mut link = transaction.prepare_cached("UPDATE materials SET supersedes = ?2 WHERE id = ?1")?;
    for (newer, older) in relinked {
        link.execute(params![newer.as_bytes(), older.as_bytes()])?;
    }
    Ok(())
}

fn finish(transaction: &Transaction<'_>, id: ErasureId) -> Result<(), Failure> {
    transaction.prepare_cached("DELETE FROM doomed_blobs WHERE erasure = ?1")?.execute([id.as_bytes()])?;
    transaction
        .prepare_cached("UPDATE erasures SET state = 'done' WHERE id = ?1 AND state = 'erasing'")?
        .execute([id.as_bytes()])?;
    Ok(())
}
