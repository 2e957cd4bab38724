//! What each change does to the rows of the view. Every change may be applied twice: a catch-up after a crash
//! may begin a little too early.

use rusqlite::{Connection, params};
use yidang_model::{CaptureId, ErasureId, MaterialId};

use crate::storage::{IndexChange, MaterialRow, StagedRow, Tag};

pub(super) fn apply(c: &Connection, change: &IndexChange) -> rusqlite::Result<()> {
    match change {
        IndexChange::Staged(row) => staged(c, row),
        IndexChange::Discarded(id) => leave_staging(c, *id, "discarded", None),
        IndexChange::Filed { row, staged } => {
            filed(c, row)?;
            staged.iter().try_for_each(|id| leave_staging(c, *id, "filed", Some(row.id)))
        }
        IndexChange::FiledUnreadable { id, staged } => {
            staged.iter().try_for_each(|set| leave_staging(c, *set, "filed", Some(*id)))
        }
        IndexChange::ErasureRequested { id, sequence } => {
            c.prepare_cached("INSERT OR IGNORE INTO erasures VALUES (?1, 'requested', ?2, 0)")?
                .execute(params![id.as_bytes(), sequence])?;
            Ok(())
        }
        IndexChange::ErasureRefused(id) => erasure_is(c, *id, "refused"),
        IndexChange::Erased { id, sequence, materials, holder } => {
            erased(c, *id, *sequence, materials, *holder)
        }
        IndexChange::ErasureDone(id) => {
            c.prepare_cached("DELETE FROM doomed_blobs WHERE erasure = ?1")?.execute([id.as_bytes()])?;
            erasure_is(c, *id, "done")
        }
    }
}

fn staged(c: &Connection, row: &StagedRow) -> rusqlite::Result<()> {
    let added = c
        .prepare_cached("INSERT OR IGNORE INTO staged VALUES (?1, ?2, ?3, ?4, 'unfiled', NULL)")?
        .execute(params![row.id.as_bytes(), row.sequence, row.key.0, row.expires_at.as_millis()])?;
    if added == 0 {
        return Ok(());
    }
    uses(c, row.id.as_bytes(), row.sequence, row.blobs.iter().map(|b| b.0))
}

fn leave_staging(c: &Connection, id: CaptureId, state: &str, by: Option<MaterialId>) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE staged SET state = ?2, material = ?3 WHERE id = ?1 AND state = 'unfiled'")?
        .execute(params![id.as_bytes(), state, by.map(|m| *m.as_bytes())])?;
    free(c, id.as_bytes())
}

fn filed(c: &Connection, row: &MaterialRow) -> rusqlite::Result<()> {
    let buried: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstones WHERE material = ?1)")?
        .query_row([row.id.as_bytes()], |r| r.get(0))?;
    if buried {
        return Ok(());
    }
    c.prepare_cached("INSERT OR IGNORE INTO materials VALUES (?1, ?2, ?3)")?
        .execute(params![row.id.as_bytes(), row.sequence, row.filing.0])?;
    let mut holder = c.prepare_cached("INSERT OR IGNORE INTO material_holders VALUES (?1, ?2, ?3)")?;
    for tag in &row.holders {
        holder.execute(params![tag.0, row.sequence, row.id.as_bytes()])?;
    }
    uses(c, row.id.as_bytes(), row.sequence, row.blobs.iter().map(|b| b.0))
}

fn erased(
    c: &Connection,
    id: ErasureId,
    sequence: u64,
    materials: &[MaterialId],
    holder: Option<Tag>,
) -> rusqlite::Result<()> {
    for material in materials {
        let bytes = material.as_bytes();
        c.prepare_cached("INSERT OR IGNORE INTO tombstones VALUES (?1, ?2)")?
            .execute(params![bytes, id.as_bytes()])?;
        c.prepare_cached(
            "INSERT OR IGNORE INTO doomed_blobs SELECT ?2, blob FROM blob_users WHERE owner = ?1",
        )?
        .execute(params![bytes, id.as_bytes()])?;
        c.prepare_cached("DELETE FROM materials WHERE id = ?1")?.execute([bytes])?;
        c.prepare_cached("DELETE FROM material_holders WHERE material = ?1")?.execute([bytes])?;
        free(c, bytes)?;
    }
    if let Some(holder) = holder {
        c.prepare_cached("DELETE FROM material_holders WHERE holder = ?1")?.execute([holder.0])?;
    }
    // What someone still needs stays.
    c.prepare_cached(
        "DELETE FROM doomed_blobs WHERE erasure = ?1 AND blob IN (SELECT blob FROM blob_users)",
    )?
    .execute([id.as_bytes()])?;
    c.prepare_cached(
        "INSERT INTO erasures VALUES (?1, 'erasing', 0, ?2)
         ON CONFLICT (id) DO UPDATE SET state = 'erasing', erased = ?2 WHERE state <> 'done'",
    )?
    .execute(params![id.as_bytes(), sequence])?;
    Ok(())
}

fn erasure_is(c: &Connection, id: ErasureId, state: &str) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE erasures SET state = ?2 WHERE id = ?1")?.execute(params![id.as_bytes(), state])?;
    Ok(())
}

fn uses(
    c: &Connection,
    owner: &[u8; 16],
    sequence: u64,
    blobs: impl Iterator<Item = [u8; 32]>,
) -> rusqlite::Result<()> {
    let mut insert = c.prepare_cached("INSERT OR IGNORE INTO blob_users VALUES (?1, ?2, ?3)")?;
    for blob in blobs {
        insert.execute(params![blob, owner, sequence])?;
        // A blob that is needed again is not to be deleted any more.
        c.prepare_cached("DELETE FROM doomed_blobs WHERE blob = ?1")?.execute([blob])?;
    }
    Ok(())
}

fn free(c: &Connection, owner: &[u8; 16]) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM blob_users WHERE owner = ?1")?.execute([owner])?;
    Ok(())
}
