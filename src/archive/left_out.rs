//! What the index left out, as it could not be read, and whether it can be now.

use crate::ArchiveError;
use crate::rebuild::{index_change, skip_damaged};
use crate::storage::{Entry, IndexChange, StagedState, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};

/// Stretches of the ledger that were left out: first and last place of each, in their order.
type Places = Vec<(u64, u64)>;

/// Whether the index gains by being made anew: something that was left out can be read now, and the ledger still tells
/// everything else that the index knows. An entry that has come to harm since is only in the index.
pub(crate) fn gains_by_rebuild(stores: &Stores) -> Result<bool, ArchiveError> {
    let mut places = Places::new();
    visit_left_out(stores, &mut |first, last| {
        places.push((first, last));
        Ok(())
    })?;
    Ok(something_opens_now(stores, &places)? && tells_all_of_the_index(stores, &places)?)
}

/// Goes through the stretches that were left out, in their order: first and last place of each.
pub(crate) fn visit_left_out(
    stores: &Stores,
    visit: &mut dyn FnMut(u64, u64) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut after = 0;
    loop {
        let places = stores.index.left_out_places(after, ENTRIES_AT_A_TIME)?;
        let Some((begin, _)) = places.last() else { return Ok(()) };
        after = *begin;
        places.iter().try_for_each(|(first, last)| visit(*first, *last))?;
    }
}

fn something_opens_now(stores: &Stores, places: &Places) -> Result<bool, ArchiveError> {
    for (first, last) in places {
        let found = skip_damaged(stores.ledger.after(first - 1, 1).map_err(ArchiveError::from))?;
        let found = found.and_then(|mut entries| entries.pop()).filter(|entry| entry.sequence <= *last);
        let Some(entry) = found else { continue };
        let change = skip_damaged(index_change(stores, &entry))?;
        if change.is_some_and(|change| !matches!(change, Some(IndexChange::Unreadable { .. }))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether all these places were left out.
fn are_left_out(places: &Places, first: u64, last: u64) -> bool {
    let behind = places.partition_point(|(begin, _)| *begin <= first);
    behind.checked_sub(1).is_some_and(|at| places[at].1 >= last)
}

fn tells_all_of_the_index(stores: &Stores, places: &Places) -> Result<bool, ArchiveError> {
    let (applied, mut after, mut is_cut) = (stores.index.applied()?, 0, false);
    while after < applied {
        let entries =
            skip_damaged(stores.ledger.after(after, ENTRIES_AT_A_TIME).map_err(ArchiveError::from))?;
        let Some(entries) = entries.filter(|entries| !entries.is_empty()) else { return Ok(false) };
        for entry in entries {
            let is_gap = entry.sequence > after + 1;
            is_cut = is_cut || is_gap && !are_left_out(places, after + 1, entry.sequence - 1);
            after = entry.sequence;
            let is_known = after <= applied && !are_left_out(places, after, after);
            if is_known && !tells_what_is_known(stores, &entry)? {
                return Ok(false);
            }
            // The index was made after it: of what was missing by then it knows nothing either.
            is_cut = is_cut && entry.content.verb != Verb::Rebuilt;
        }
    }
    Ok(!is_cut)
}

/// Whether an entry tells what the index has of it.
fn tells_what_is_known(stores: &Stores, entry: &Entry) -> Result<bool, ArchiveError> {
    let Some(change) = skip_damaged(index_change(stores, entry))? else { return Ok(false) };
    Ok(match change {
        Some(IndexChange::Unreadable { id, .. }) => {
            stores.index.material(id)?.is_none_or(|row| row.sequence != entry.sequence)
        }
        Some(IndexChange::Staged(set)) if set.blobs.is_empty() => {
            let known = stores.index.staged(set.id)?;
            known.is_none_or(|known| known.state != StagedState::Unfiled || known.blobs.is_empty())
        }
        _ => true,
    })
}
