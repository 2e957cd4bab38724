//! What an archive lacks that was rebuilt, by what it still knows itself.

use std::collections::HashSet;

use yidang_model::{HoldId, MaterialId};

use super::RebuildReport;
use crate::ArchiveError;
use crate::entry::open_entry;
use crate::lost_holds::lost_holds;
use crate::rebuild::skip_damaged;
use crate::storage::Verb;
use crate::stores::{ENTRIES_AT_A_TIME, Stores};

/// Notes them in the report; these holds stood by the index there was before, and the ledger may name others.
pub(super) fn tell(
    stores: &Stores,
    holds: &[HoldId],
    report: &mut RebuildReport,
) -> Result<(), ArchiveError> {
    report.materials_lost = materials(stores)?;
    report.captures_lost = captures(stores)?;
    let lost = lost_holds(stores, holds.iter().copied())?;
    report.holds_lost = lost.iter().map(HoldId::to_string).collect();
    Ok(())
}

/// How many materials are on file by the ledger whose keys are gone for no reason.
fn materials(stores: &Stores) -> Result<u64, ArchiveError> {
    let mut lost: HashSet<MaterialId> = HashSet::new();
    stores.visit_entries(&mut |entry| {
        if !matches!(entry.content.verb, Verb::Filed | Verb::Refiled) {
            return Ok(());
        }
        let Some(opened) = skip_damaged(open_entry(&stores.keys, entry))? else { return Ok(()) };
        let Some(id) = opened.refs.material.filter(|_| opened.is_forgotten()) else { return Ok(()) };
        // Put right since, it is told by a later entry.
        let stands_by = stores.index.material(id.0)?.map(|row| row.sequence);
        if !stores.is_erased(id.0)? && stands_by.is_none_or(|sequence| sequence == entry.sequence) {
            lost.insert(id.0);
        }
        Ok(())
    })?;
    Ok(lost.len() as u64)
}

/// How many captures wait to be filed whose keys are gone: the index knows nothing of what is in them.
fn captures(stores: &Stores) -> Result<u64, ArchiveError> {
    let (mut lost, mut after) = (0, 0);
    loop {
        let rows = stores.index.unfiled(after, ENTRIES_AT_A_TIME)?;
        let Some(last) = rows.last() else { return Ok(lost) };
        after = last.sequence;
        lost += rows.iter().filter(|row| row.blobs.is_empty()).count() as u64;
    }
}
