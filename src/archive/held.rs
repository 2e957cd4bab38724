//! Whether a hold keeps something from being forgotten.

use crate::erasing::visit_dossier;
use crate::hold::HoldTarget;
use crate::storage::{MaterialRow, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Archive, ArchiveError};

/// [`ArchiveError::LegalHold`] for what is held, [`ArchiveError::HoldsUnproven`] where it may be.
pub(crate) fn refuse_held(stores: &Stores, target: &HoldTarget) -> Result<(), ArchiveError> {
    if is_held(stores, target)? {
        return Err(ArchiveError::LegalHold);
    }
    refuse_unproven(stores)
}

impl Archive {
    /// Whether every hold that was placed is known. While it is not, nothing is forgotten.
    pub fn tells_every_hold(&self) -> Result<bool, ArchiveError> {
        match refuse_unproven(self.caught_up()) {
            Err(ArchiveError::HoldsUnproven) => Ok(false),
            proven => proven.map(|()| true),
        }
    }
}

/// [`ArchiveError::HoldsUnproven`] while the index lacks what may have been a hold. Once the ledger has been made anew of
/// what is left of it, what is lost has been told, and whoever placed a hold can place it again.
pub(crate) fn refuse_unproven(stores: &Stores) -> Result<(), ArchiveError> {
    let since = stores.index.left_out()?.line.map_or(0, |line| line.sequence);
    let mut after = since;
    loop {
        let places = stores.index.left_out_places(after, ENTRIES_AT_A_TIME)?;
        let Some((begin, _)) = places.last() else { return Ok(()) };
        after = *begin;
        for (first, last) in places {
            if may_have_held(stores, first, last)? {
                return Err(ArchiveError::HoldsUnproven);
            }
        }
    }
}

/// Whether a hold may have been entered in one of these places: the place is empty, cannot be read, or says so.
fn may_have_held(stores: &Stores, first: u64, last: u64) -> Result<bool, ArchiveError> {
    for sequence in first..=last {
        // Another kind of entry whose content came to harm is still known for what it was.
        let found =
            crate::rebuild::skip_damaged(stores.ledger.get_many(&[sequence]).map_err(ArchiveError::from))?;
        let verb = found.and_then(|mut entries| entries.pop()).map(|entry| entry.content.verb);
        if verb.is_none_or(|verb| verb == Verb::Held) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A person is held, too, by any paper of theirs that is: to forget them would take them out of it.
pub(crate) fn is_held(stores: &Stores, target: &HoldTarget) -> Result<bool, ArchiveError> {
    // Hardly ever does any hold stand, and nearly every question is asked then.
    if stores.index.holds(0, 1)?.is_empty() {
        return Ok(false);
    }
    match target {
        HoldTarget::Material(id) => match stores.index.material(*id)? {
            Some(row) => is_row_held(stores, &row),
            None => Ok(stores.index.is_held(Some(*id), &[])?),
        },
        HoldTarget::Holder(who) => {
            let tag = stores.keys.subject_tag(who);
            let mut held = stores.index.is_held(None, &[tag])?;
            visit_dossier(stores, tag, &mut |row| {
                held = held || is_row_held(stores, row)?;
                Ok(())
            })?;
            Ok(held)
        }
    }
}

/// Whether a hold stands on a material or on one of its holders.
pub(crate) fn is_row_held(stores: &Stores, row: &MaterialRow) -> Result<bool, ArchiveError> {
    Ok(stores.index.is_held(Some(row.id), &row.holders)?)
}
