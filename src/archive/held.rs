//! Whether a hold keeps something from being forgotten.

use yidang_model::MaterialId;

use crate::backup::is_whole;
use crate::entry::{Plain, seal_entry};
use crate::extent::visit_dossier;
use crate::gaps::{Stretch, cover, numbers};
use crate::hold::HoldTarget;
use crate::left_out::visit_left_out;
use crate::lost_holds::LostHolds;
use crate::plan::{Answer, Draft, Plan, Planner, Request};
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs};
use crate::scribe::Scribe;
use crate::storage::{IndexChange, MaterialRow, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError};

/// Most stretches that are named one by one.
const PLACES_MAX: usize = 1000;

/// [`ArchiveError::LegalHold`] for what is held, [`ArchiveError::HoldsUnproven`] where it may be.
pub(crate) fn refuse_held(stores: &Stores, target: &HoldTarget) -> Result<(), ArchiveError> {
    if is_held(stores, target)? {
        return Err(ArchiveError::LegalHold);
    }
    refuse_unproven(stores)
}

/// The same for what is known to go with an erasure where the ledger lost what it was asked for. While a rebuild may find that, it
/// may be held.
pub(crate) fn refuse_held_of(stores: &Stores, materials: &[MaterialId]) -> Result<(), ArchiveError> {
    for id in materials {
        refuse_held(stores, &HoldTarget::Material(*id))?;
    }
    refuse_unproven(stores)?;
    if awaits_rebuild(stores)? { Err(ArchiveError::HoldsUnproven) } else { Ok(()) }
}

/// How far the holds that stand are all there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldsState {
    /// Whether a hold may be missing, and nobody has confirmed that none is.
    pub in_doubt: bool,
    /// Whether entries are missing or changed and no rebuild has entered that: one that does asks for a confirmation anew.
    pub awaits_rebuild: bool,
}

impl Archive {
    /// Says that the holds that stand are all there are: somebody compared them with the orders that were made. Durable when it
    /// returns; whether there was any doubt. What waited for it is carried out then, or when the archive is opened.
    pub fn confirm_holds(&self, by: &Actor) -> Result<bool, ArchiveError> {
        by.check()?;
        let confirmed = match self.shared.writer.ask(Request::ConfirmHolds(by.clone()))? {
            Answer::Count(count) => count > 0,
            _ => return Err(ArchiveError::Defect),
        };
        self.go_on_with_what_waited(by);
        self.look_again();
        Ok(confirmed)
    }

    /// Carries out what holds have kept waiting, as far as none keeps it any more.
    pub(crate) fn go_on_with_what_waited(&self, by: &Actor) {
        let by = by.clone();
        let finish = move |scribe: &mut Scribe| {
            let finished = scribe.finish_erasures()?;
            scribe.drop_awaited_originals(&by)?;
            Ok(Answer::Count(finished))
        };
        if let Err(error) = self.shared.writer.ask_alone(finish) {
            tracing::warn!(%error, "what waited for a hold waits for the next write or sweep");
        }
    }

    /// Enters that a hold may be missing, as this ledger is not all that it was: nothing is forgotten until the holds are
    /// confirmed. Refused where [`Archive::check_copy`] is.
    pub fn doubt_holds(&self, by: &Actor) -> Result<(), ArchiveError> {
        by.check()?;
        self.check_copy()?;
        self.shared.writer.ask(Request::DoubtHolds(by.clone()))?;
        self.look_again();
        Ok(())
    }

    /// So that who asks how the archive is hears of it at once.
    fn look_again(&self) {
        if let Err(error) = self.tells_every_blob() {
            tracing::warn!(%error, "how the ledger is, is looked at again with the next sweep");
        }
    }

    /// Whether this material is gone wherever else it was, and only a hold keeps it here; or may be, as what waits for holds cannot
    /// all be read.
    pub fn is_held_here_alone(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.known_to_be_held_here_alone(id)?.unwrap_or(true))
    }

    /// The same; `None` where it may be and cannot be told.
    pub fn known_to_be_held_here_alone(&self, id: MaterialId) -> Result<Option<bool>, ArchiveError> {
        known_to_be_held_alone(self.caught_up(), id)
    }

    /// Whether the holds are in doubt, and a rebuild has to come first that would ask for a confirmation again.
    pub fn holds_state(&self) -> Result<HoldsState, ArchiveError> {
        let stores = self.caught_up();
        let in_doubt = !tells_every_hold(stores)?;
        Ok(HoldsState { in_doubt, awaits_rebuild: awaits_rebuild(stores)? })
    }

    /// Whether every hold that was placed is known. While it is not, nothing is forgotten.
    pub fn tells_every_hold(&self) -> Result<bool, ArchiveError> {
        tells_every_hold(self.caught_up())
    }
}

/// Whether a material is forgotten wherever else it was, and waits here for a hold; `None` where that cannot be told.
pub(crate) fn known_to_be_held_alone(stores: &Stores, id: MaterialId) -> Result<Option<bool>, ArchiveError> {
    let mut known = Some(false);
    // Hardly ever does anything wait for a hold.
    for (_, sequence) in stores.index.deferred()? {
        match skip_damaged(stores.entry(sequence))?.flatten() {
            Some((_, deferral)) if deferral.refs.materials.iter().any(|gone| gone.0 == id) => {
                return Ok(Some(true));
            }
            Some(_) => {}
            None => known = None,
        }
    }
    Ok(known)
}

pub(crate) fn tells_every_hold(stores: &Stores) -> Result<bool, ArchiveError> {
    match refuse_unproven(stores) {
        Err(ArchiveError::HoldsUnproven) => Ok(false),
        proven => proven.map(|()| true),
    }
}

/// [`ArchiveError::HoldsUnproven`] while the index lacks what may have been a hold, or something is known to be lost, and nobody
/// has confirmed since that the holds that stand are all there are.
pub(crate) fn refuse_unproven(stores: &Stores) -> Result<(), ArchiveError> {
    let doubt = stores.index.hold_doubt()?;
    if doubt.stands {
        return Err(ArchiveError::HoldsUnproven);
    }
    let some_stand = !stores.index.holds(0, 1)?.is_empty();
    visit_left_out(stores, &mut |first, last| {
        let is_confirmed = cover(&doubt.confirmed, (first, last));
        if !is_confirmed && may_have_held(stores, first, last, some_stand)? {
            return Err(ArchiveError::HoldsUnproven);
        }
        Ok(())
    })
}

/// Whether the index left out places, since the ledger was last made anew, in which there is no entry as it was written.
fn awaits_rebuild(stores: &Stores) -> Result<bool, ArchiveError> {
    let line = stores.index.left_out()?.line.map_or(0, |line| line.sequence);
    let mut awaits = false;
    visit_left_out(stores, &mut |first, last| {
        if !awaits && last > line {
            let found = skip_damaged(stores.ledger.get_many(&[first]).map_err(ArchiveError::from))?;
            awaits = found.is_none_or(|entries| !entries.iter().any(is_whole));
        }
        Ok(())
    })?;
    Ok(awaits)
}

/// Whether a hold may have been entered in one of these places: the place is empty, cannot be read, or says so. Where holds
/// stand, one may also hold a paper by name that was put right by what cannot be read.
fn may_have_held(stores: &Stores, first: u64, last: u64, some_stand: bool) -> Result<bool, ArchiveError> {
    for sequence in first..=last {
        // Another kind of entry whose content came to harm is still known for what it was.
        let found = skip_damaged(stores.ledger.get_many(&[sequence]).map_err(ArchiveError::from))?;
        let may = match found.and_then(|mut entries| entries.pop()).map(|entry| entry.content.verb) {
            None | Some(Verb::Held | Verb::Rebuilt | Verb::HoldsDoubted) => true,
            Some(Verb::Filed | Verb::Refiled) => some_stand,
            Some(_) => false,
        };
        if may {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Enters that the holds that stand are all there are; nothing where nobody doubts it.
pub(crate) fn plan_confirmation(by: &Actor, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    if refuse_unproven(stores).is_ok() {
        return Ok(Plan::Answer(Answer::Count(0)));
    }
    let mut places: Vec<Stretch> = Vec::new();
    visit_left_out(stores, &mut |first, last| {
        let is_full = places.len() == PLACES_MAX;
        match places.last_mut() {
            // What lies between is not told from it any more.
            Some(end) if is_full => end.1 = last,
            _ => places.push((first, last)),
        }
        Ok(())
    })?;
    let refs = Refs { entries: numbers(&places), ..Refs::default() };
    let change = IndexChange::HoldsConfirmed(places);
    Ok(Plan::Write(Box::new(about_holds(planner, Verb::HoldsConfirmed, refs, by, change)?)))
}

/// Enters that a hold may be missing; nothing where that is known.
pub(crate) fn plan_doubting(by: &Actor, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    if planner.stores.index.hold_doubt()?.stands {
        return Ok(Plan::Answer(Answer::Count(0)));
    }
    Ok(Plan::Write(Box::new(doubting(by, planner, LostHolds::default())?)))
}

/// That a hold may be missing, whether that is known or not; and those that are known to be.
pub(crate) fn doubting(by: &Actor, planner: &Planner<'_>, lost: LostHolds) -> Result<Draft, ArchiveError> {
    let refs = Refs { holds: lost.refs(), ..Refs::default() };
    about_holds(planner, Verb::HoldsDoubted, refs, by, IndexChange::HoldsDoubted)
}

fn about_holds(
    planner: &Planner<'_>,
    verb: Verb,
    refs: Refs,
    by: &Actor,
    change: IndexChange,
) -> Result<Draft, ArchiveError> {
    let stores = planner.stores;
    let (office, personal) = (Office::of(by), NoPersonal {});
    let plain = Plain { verb, refs, office, personal, slots: &[], idempotency: None };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Draft::of(entry, change, Answer::Count(1)))
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
