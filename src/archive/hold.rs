//! Legal holds: what may not be forgotten until further notice.
//!
//! A hold on a person covers every paper that is theirs while it stands, those filed later among them; one that
//! is put right meanwhile and proves to be someone else's stays held by name. A joint paper is held for all its
//! holders. Seeing, filing and putting right go on as ever: a hold forbids forgetting, and nothing else.

use std::fmt;

use yidang_model::{ErasureId, HoldId, MaterialId, Subject, Timestamp};

use crate::caller::{TEXT_CHARS_MAX, too_long};
use crate::entry::{OpenEntry, Plain, damaged_entry, open_entry, refs_of, seal_entry};
use crate::erase::ErasureTarget;
use crate::file::LABEL_CHARS_MAX;
use crate::plan::{Answer, Draft, Plan, Planner, Request, SlotKeys};
use crate::rebuild::skip_damaged;
use crate::record::{HoldPersonal, Office, Refs, Text};
use crate::storage::{ErasureState, HoldRow, IndexChange, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError};

/// Most holds that stand at a time.
pub const HOLDS_MAX: usize = 10_000;

/// What may not be forgotten: the same things that can be.
pub type HoldTarget = ErasureTarget;

/// A hold to place.
#[derive(Clone)]
pub struct PlaceHold {
    /// Chosen by the caller. The same hold placed again under it is recognised.
    pub id: HoldId,
    /// What is held.
    pub target: HoldTarget,
    /// Why. Personal data: it is sealed for those whose papers are held.
    pub reason: String,
    /// The case it is placed for.
    pub case: Option<String>,
    /// Who places it.
    pub by: Actor,
    /// Whether the repository decided it, which then alone lifts it.
    pub decided_elsewhere: bool,
}

/// A hold to lift.
#[derive(Clone)]
pub struct LiftHold {
    /// The hold.
    pub id: HoldId,
    /// Why. Personal data: sealed like the hold's own.
    pub reason: String,
    /// Who lifts it.
    pub by: Actor,
    /// Whether it may be one that the repository placed.
    pub decided_elsewhere: bool,
}

/// A hold that stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Hold {
    /// The hold.
    pub id: HoldId,
    /// What is held.
    pub target: HoldTarget,
    /// Papers held by name beside the target: they were the held person's until they were put right.
    pub materials: Vec<MaterialId>,
    /// Why; `None` where those it was sealed for are forgotten, who had the held paper before it was put right.
    pub reason: Option<String>,
    /// The case it was placed for.
    pub case: Option<String>,
    /// When.
    pub placed_at: Timestamp,
    /// Who placed it.
    pub by: Actor,
    /// Whether the repository decided it.
    pub decided_elsewhere: bool,
}

impl fmt::Debug for PlaceHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaceHold").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for LiftHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiftHold").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Archive {
    /// Places a hold; durable when it returns, and it wins over every erasure that has no tombstone yet. The
    /// same identifier again gives the hold that stands. A person nothing is on file of can be held; a material
    /// must be on file.
    pub fn place_hold(&self, hold: PlaceHold) -> Result<Hold, ArchiveError> {
        hold.by.check()?;
        check_texts(&hold.reason, hold.case.as_deref())?;
        match self.shared.writer.ask(Request::Hold(Box::new(hold)))? {
            Answer::Hold(hold) => Ok(*hold),
            _ => Err(ArchiveError::Defect),
        }
    }

    /// Lifts a hold; durable when it returns. Erasures that waited for nothing else are carried out then, or when
    /// the archive is opened. [`ArchiveError::HoldUnknown`] for one that does not stand.
    pub fn lift_hold(&self, lift: LiftHold) -> Result<(), ArchiveError> {
        lift.by.check()?;
        check_texts(&lift.reason, None)?;
        let by = lift.by.clone();
        let lifter = lift.by.clone();
        let end = move |scribe: &mut crate::scribe::Scribe| {
            scribe.end_held_requests(&lifter)?;
            Ok(Answer::Count(0))
        };
        self.shared.writer.ask_alone(end)?;
        self.shared.writer.ask(Request::Lift(Box::new(lift)))?;
        self.go_on_with_what_waited(&by);
        Ok(())
    }

    /// The holds that stand, in the order they were placed; not those of [`Archive::unreadable_holds`].
    pub fn holds(&self) -> Result<Vec<Hold>, ArchiveError> {
        let stores = self.caught_up();
        let rows = stores.index.holds(0, HOLDS_MAX)?;
        let told = rows.into_iter().map(|row| hold_of(stores, row));
        told.filter_map(|hold| skip_damaged(hold).transpose()).collect()
    }

    /// One that stands; `None` too where its entry cannot be read.
    pub fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        let stores = self.caught_up();
        let Some(row) = stores.index.hold(id)? else { return Ok(None) };
        skip_damaged(hold_of(stores, row))
    }

    /// Whether a hold keeps this from being forgotten.
    pub fn is_held(&self, target: &HoldTarget) -> Result<bool, ArchiveError> {
        crate::held::is_held(self.caught_up(), target)
    }

    /// Holds that stand, and whose entries cannot be read: their names, and the papers they hold by name.
    pub fn unreadable_holds(&self) -> Result<Vec<(HoldId, Vec<MaterialId>)>, ArchiveError> {
        let stores = self.caught_up();
        let mut unreadable = Vec::new();
        for row in stores.index.holds(0, HOLDS_MAX)? {
            let (id, materials) = (row.id, row.materials.clone());
            if skip_damaged(hold_of(stores, row))?.is_none() {
                unreadable.push((id, materials));
            }
        }
        Ok(unreadable)
    }

    /// Whether a hold was ever placed under this name. Reads the whole ledger.
    pub fn was_placed(&self, id: HoldId) -> Result<bool, ArchiveError> {
        let mut was_placed = false;
        self.caught_up().visit_entries(&mut |entry| {
            if entry.content.verb == Verb::Held {
                let refs = skip_damaged(refs_of(entry))?.unwrap_or_default();
                was_placed |= refs.hold.is_some_and(|hold| hold.0 == id);
            }
            Ok(())
        })?;
        Ok(was_placed)
    }

    /// What an erasure is refused for: [`ArchiveError::LegalHold`] where a hold keeps this from being forgotten,
    /// [`ArchiveError::HoldsUnproven`] where something in the ledger that cannot be read may be one.
    pub fn refuse_held(&self, target: &HoldTarget) -> Result<(), ArchiveError> {
        crate::held::refuse_held(self.caught_up(), target)
    }
}

fn check_texts(reason: &str, case: Option<&str>) -> Result<(), ArchiveError> {
    if too_long(reason, TEXT_CHARS_MAX) {
        return Err(ArchiveError::Invalid("the reason is longer than 4000 characters"));
    }
    if case.is_some_and(|case| too_long(case, LABEL_CHARS_MAX)) {
        return Err(ArchiveError::Invalid("the case number is longer than 256 characters"));
    }
    Ok(())
}

/// Places a hold.
pub(crate) fn plan_hold(wish: &PlaceHold, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    if let Some(row) = stores.index.hold(wish.id)? {
        let hold = hold_of(stores, row)?;
        let same = hold.target == wish.target;
        let answer = Answer::Hold(Box::new(hold));
        return if same { Ok(Plan::Answer(answer)) } else { Err(ArchiveError::IdempotencyConflict) };
    }
    if stores.index.holds(0, HOLDS_MAX)?.len() >= HOLDS_MAX {
        return Err(ArchiveError::Invalid("10000 holds stand already"));
    }
    let subjects = match &wish.target {
        HoldTarget::Holder(who) => vec![who.clone()],
        HoldTarget::Material(id) => match stores.stored_by_id(*id)? {
            Some(stored) => stored.material.holders,
            None if stores.is_erased(*id)? => return Err(ArchiveError::MaterialErased),
            None => return Err(ArchiveError::MaterialUnknown),
        },
    };
    let keys = planner.holder_keys(&subjects)?;
    let holder = match &wish.target {
        HoldTarget::Holder(who) => Some(stores.keys.subject_tag(who)),
        HoldTarget::Material(_) => None,
    };
    let materials: Vec<MaterialId> = match &wish.target {
        HoldTarget::Material(id) => vec![*id],
        HoldTarget::Holder(_) => Vec::new(),
    };
    let refs = Refs {
        hold: Some(Text(wish.id)),
        materials: materials.iter().copied().map(Text).collect(),
        whole_holder: holder.is_some(),
        elsewhere: wish.decided_elsewhere,
        ..Refs::default()
    };
    let personal = HoldPersonal { reason: wish.reason.clone(), case: wish.case.clone() };
    let entry = seal(planner, Verb::Held, refs, &wish.by, personal, &keys.slots(&subjects))?;
    let hold = Hold {
        id: wish.id,
        target: wish.target.clone(),
        materials: Vec::new(),
        reason: Some(wish.reason.clone()),
        case: wish.case.clone(),
        placed_at: entry.at,
        by: wish.by.clone(),
        decided_elsewhere: wish.decided_elsewhere,
    };
    let row = HoldRow { id: wish.id, sequence: planner.sequence, holder, materials };
    let written = Draft::of(entry, IndexChange::Held(row), Answer::Hold(Box::new(hold)));
    Ok(Plan::Write(Box::new(Draft { keys: keys.records, holders: keys.new_holders, ..written })))
}

/// Lifts a hold.
pub(crate) fn plan_lift(lift: &LiftHold, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    let row = stores.index.hold(lift.id)?.ok_or(ArchiveError::HoldUnknown)?;
    let Some((_, held)) = skip_damaged(stores.entry(row.sequence))?.flatten() else {
        return plan_lift_unread(lift, planner);
    };
    if held.refs.elsewhere && !lift.decided_elsewhere {
        return Err(ArchiveError::HoldElsewhere);
    }
    // Whoever had a paper before it was put right, and is forgotten, is left out.
    let subjects: Vec<Subject> = held.subjects.iter().flatten().cloned().collect();
    let mut keys = SlotKeys::default();
    for subject in &subjects {
        let key = planner.known_holder(stores.keys.subject_tag(subject))?;
        keys.keys.push(key.ok_or(ArchiveError::HolderUnknown)?);
    }
    let refs = Refs {
        hold: Some(Text(lift.id)),
        materials: held.refs.materials.clone(),
        whole_holder: held.refs.whole_holder,
        elsewhere: held.refs.elsewhere,
        ..Refs::default()
    };
    let personal = HoldPersonal { reason: lift.reason.clone(), case: None };
    let entry = seal(planner, Verb::HoldLifted, refs, &lift.by, personal, &keys.slots(&subjects))?;
    let answer = Answer::Sequence(planner.sequence);
    Ok(Plan::Write(Box::new(Draft::of(entry, IndexChange::HoldLifted(lift.id), answer))))
}

/// Lifts a hold whose entry cannot be read: nobody knows whose papers it was on, so it is sealed for nobody.
fn plan_lift_unread(lift: &LiftHold, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let refs = Refs { hold: Some(Text(lift.id)), ..Refs::default() };
    let personal = HoldPersonal { reason: String::new(), case: None };
    let entry = seal(planner, Verb::HoldLifted, refs, &lift.by, personal, &[])?;
    let answer = Answer::Sequence(planner.sequence);
    Ok(Plan::Write(Box::new(Draft::of(entry, IndexChange::HoldLifted(lift.id), answer))))
}

fn seal(
    planner: &Planner<'_>,
    verb: Verb,
    refs: Refs,
    by: &Actor,
    personal: HoldPersonal,
    slots: &[crate::entry::SlotKey<'_>],
) -> Result<crate::storage::NewEntry, ArchiveError> {
    let stores = planner.stores;
    let plain = Plain { verb, refs, office: Office::of(by), personal, slots, idempotency: None };
    seal_entry(&stores.keys, stores.clock.as_ref(), plain)
}

/// What a `held` entry changes in the index.
pub(crate) fn placed_by(stores: &Stores, opened: &OpenEntry) -> Result<IndexChange, ArchiveError> {
    let row = row_of(stores, opened)?;
    let is_on_nobody = opened.refs.whole_holder && row.holder.is_none();
    Ok(if is_on_nobody {
        // The held person's key is gone: lost, or with them once the hold was lifted.
        IndexChange::HoldUnreadable { id: row.id, sequence: row.sequence }
    } else {
        IndexChange::Held(row)
    })
}

/// The row of a `held` entry.
fn row_of(stores: &Stores, opened: &OpenEntry) -> Result<HoldRow, ArchiveError> {
    let id = opened.refs.hold.ok_or_else(|| damaged_entry(opened.sequence))?.0;
    let who = opened.subjects.iter().flatten().next().filter(|_| opened.refs.whole_holder);
    Ok(HoldRow {
        id,
        sequence: opened.sequence,
        holder: who.map(|who| stores.keys.subject_tag(who)),
        materials: opened.refs.materials.iter().map(|id| id.0).collect(),
    })
}

fn hold_of(stores: &Stores, row: HoldRow) -> Result<Hold, ArchiveError> {
    let damaged = || damaged_entry(row.sequence);
    let entry = stores.ledger.get_many(&[row.sequence])?.pop().ok_or_else(damaged)?;
    let opened = open_entry(&stores.keys, &entry)?;
    let target = crate::erase::target_of(&opened).ok_or_else(damaged)?;
    let personal = opened.personal::<HoldPersonal>()?;
    let named = |id: &MaterialId| target != HoldTarget::Material(*id);
    Ok(Hold {
        id: row.id,
        materials: row.materials.into_iter().filter(named).collect(),
        reason: personal.as_ref().map(|personal| personal.reason.clone()),
        case: personal.and_then(|personal| personal.case),
        placed_at: entry.content.at,
        by: Actor { client: opened.office.client.clone(), operator: opened.office.operator.clone() },
        decided_elsewhere: opened.refs.elsewhere,
        target,
    })
}

/// Whether the index has a hold as its entry says, or none where it was lifted.
pub(crate) fn shows_hold(stores: &Stores, row: &HoldRow, is_lifted: bool) -> Result<bool, ArchiveError> {
    Ok(match stores.index.hold(row.id)? {
        None => is_lifted,
        Some(live) => {
            !is_lifted
                && (live.sequence, live.holder) == (row.sequence, row.holder)
                && row.materials.iter().all(|id| live.materials.contains(id))
        }
    })
}

/// Whether the index has an erasure waiting by this entry, or carried out or refused.
pub(crate) fn shows_deferral(stores: &Stores, id: ErasureId, sequence: u64) -> Result<bool, ArchiveError> {
    let waits = stores.index.deferred()?.contains(&(id, sequence));
    let state = stores.index.erasure(id)?.map(|(state, ..)| state);
    Ok(state.is_some() && waits == (state == Some(ErasureState::Requested)))
}
