//! Forgetting a material or a person.

use std::collections::HashSet;
use std::fmt;

use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};

use crate::caller::{TEXT_CHARS_MAX, too_long};
use crate::entry::{OpenEntry, Plain, damaged_entry, refs_of, seal_entry};
use crate::file::check_holders;
use crate::held::refuse_held;
use crate::plan::{Answer, Draft, Plan, Planner, Request, SlotKeys, Touch};
use crate::record::{ErasurePersonal, NoPersonal, Office, Refs, Text};
use crate::scribe::Scribe;
use crate::storage::{Entry, ErasureState, IndexChange, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureTarget {
    /// One material, for all its holders.
    Material(MaterialId),
    /// A person: every material that is theirs alone, their part in the others, every look at them.
    Holder(Subject),
}

/// Asks that something be forgotten.
#[derive(Clone)]
pub struct ErasureRequest {
    /// Chosen by the caller. The same request made again under it is recognised.
    pub id: ErasureId,
    /// What is to be forgotten.
    pub target: ErasureTarget,
    /// Why. Personal data: it goes with what it is about.
    pub reason: String,
    /// Who asks.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
    /// Whose papers they are, for what may be held elsewhere alone: the request is sealed for them. Empty: a
    /// material or a person that is not held here is unknown.
    pub elsewhere_of: Vec<Subject>,
}

/// What went elsewhere with an erasure that was decided there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WentElsewhere {
    /// Whether it was decided there: where a hold keeps it from being carried out here, it waits for the hold.
    pub decided: bool,
    /// Materials. Each that is not held here gets its tombstone, so that it can never come here.
    pub materials: Vec<MaterialId>,
    /// Pictures that stay there because someone else's papers have the same bytes.
    pub shared_kept: Vec<Digest>,
    /// When it was decided there, by the clock there: what came to the person here later, by the clock here, stays.
    pub decided_at: Option<Timestamp>,
}

impl fmt::Debug for ErasureRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErasureRequest")
            .field("id", &self.id)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// An erasure and how far it has come.
#[derive(Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The erasure.
    pub id: ErasureId,
    /// How far it has come.
    pub state: ErasureState,
    /// What is to be forgotten; `None` once it was a person and is forgotten, or where the ledger lost it.
    pub target: Option<ErasureTarget>,
    /// Why; `None` once that is forgotten too.
    pub reason: Option<String>,
    /// When it was asked for; where the ledger lost that, when it began to wait for a hold, or the tombstone was set.
    pub requested_at: Timestamp,
    /// When the tombstone was set.
    pub erased_at: Option<Timestamp>,
    /// What went.
    pub materials: Vec<MaterialId>,
    /// Pictures of the erased that stay because someone else's papers have the same bytes, and those of papers that a forgotten
    /// person has on file still: joint ones, and what came to them while their erasure waited for a hold.
    pub shared_kept: Vec<Digest>,
    /// Pictures that a paper may need which could not be read then, as the ledger was damaged. Of a person that was forgotten
    /// they went all the same; of a material they stay, sealed, until the ledger tells.
    pub unproven: u64,
}

impl fmt::Debug for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Erasure");
        shown.field("id", &self.id).field("state", &self.state).field("target", &self.target);
        shown.field("materials", &self.materials).finish_non_exhaustive()
    }
}

impl Archive {
    /// Asks that something be forgotten; nothing is until [`Archive::erase`]. The same identifier and target
    /// again gives the erasure as it stands.
    pub fn request_erasure(&self, request: ErasureRequest) -> Result<Erasure, ArchiveError> {
        let planned = PlannedErasure::new(request, true, &self.shared.stores)?;
        erasure_answer(self.shared.writer.ask(Request::Erasure(Box::new(planned))))
    }

    /// The same for a material that was found to stand by that ledger entry ([`Stored::sequence`](crate::Stored::sequence));
    /// `None`, and nothing is asked, where it was put right since.
    pub fn request_erasure_at(
        &self,
        request: ErasureRequest,
        stands_by: u64,
    ) -> Result<Option<Erasure>, ArchiveError> {
        let planned = PlannedErasure::only_at(request, stands_by, &self.shared.stores)?;
        unless_put_right(self.shared.writer.ask(Request::Erasure(Box::new(planned))))
    }

    /// Carries a requested erasure out: when it returns, every trace is gone. Called again it does what is
    /// left to do. A crash on the way is made good when the archive is opened. [`ArchiveError::LegalHold`] where a
    /// hold was placed before its tombstone was set.
    pub fn erase(&self, id: ErasureId) -> Result<Erasure, ArchiveError> {
        self.erase_with(id, WentElsewhere::default())
    }

    /// Carries a requested erasure out that was decided elsewhere, like [`Archive::erase`]. What went there is
    /// entered with it, unless it had been carried out before. Where a hold keeps it from being carried out, that
    /// is entered, and it is carried out when the hold is lifted: of a person then goes what was on file for them when it was
    /// entered.
    pub fn erase_with(&self, id: ErasureId, elsewhere: WentElsewhere) -> Result<Erasure, ArchiveError> {
        erasure_answer(self.shared.writer.ask_alone(move |scribe| erased_answer(scribe, id, &elsewhere)))
    }

    /// Refuses a requested erasure; one that has been refused stays so, one carried out is
    /// [`ArchiveError::Invalid`].
    pub fn refuse_erasure(&self, id: ErasureId) -> Result<Erasure, ArchiveError> {
        erasure_answer(self.shared.writer.ask(Request::Refusal { id }))
    }

    /// Asks and carries out in one go, for what was decided elsewhere. A material that is not held here still
    /// gets its tombstone, so that it can never come back.
    pub fn erase_now(&self, request: ErasureRequest) -> Result<Erasure, ArchiveError> {
        self.erase_now_with(request, WentElsewhere::default())
    }

    /// Like [`Archive::erase_now`], with what went elsewhere.
    pub fn erase_now_with(
        &self,
        request: ErasureRequest,
        elsewhere: WentElsewhere,
    ) -> Result<Erasure, ArchiveError> {
        let planned = PlannedErasure::new(request, false, &self.shared.stores)?;
        erasure_answer(self.shared.writer.ask_alone(move |scribe| planned.carry_out(scribe, &elsewhere)))
    }

    /// Asks and carries out in one go, for a material that was found to stand by that ledger entry; `None`, and nothing
    /// is done, where it was put right since.
    pub fn erase_now_at(
        &self,
        request: ErasureRequest,
        stands_by: u64,
    ) -> Result<Option<Erasure>, ArchiveError> {
        let planned = PlannedErasure::only_at(request, stands_by, &self.shared.stores)?;
        let none = WentElsewhere::default();
        unless_put_right(self.shared.writer.ask_alone(move |scribe| planned.carry_out(scribe, &none)))
    }

    /// An erasure as it stands.
    pub fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, ArchiveError> {
        let stores = self.caught_up();
        stores.lag.surely(erasure_of(stores, id)?)
    }

    /// Whether the ledger lost what asked for an erasure that is still to be carried out: asked for once more, it is known again
    /// what it is about.
    pub fn is_erasure_request_lost(&self, id: ErasureId) -> Result<bool, ArchiveError> {
        let found = self.caught_up().index.erasure(id)?;
        Ok(matches!(found, Some((ErasureState::Requested, 0, _))))
    }

    /// Whether an erasure stands half-way: its tombstone is in the ledger, and it has not come to its end. Goes by the ledger
    /// where the index lags behind it, and writes nothing.
    pub fn is_erasing(&self, id: ErasureId) -> Result<bool, ArchiveError> {
        let stores = &self.shared.stores;
        // First, so that what is taken up meanwhile is not missed.
        let mut after = stores.index.applied()?;
        match stores.index.erasure(id)? {
            Some((ErasureState::Erasing, ..)) => return Ok(true),
            Some((ErasureState::Done, ..)) => return Ok(false),
            _ => {}
        }
        loop {
            let lagging = stores.ledger.after(after, ENTRIES_AT_A_TIME)?;
            let Some(last) = lagging.last() else { return Ok(false) };
            after = last.sequence;
            let is_tombstone = |entry: &Entry| {
                let named = || refs_of(entry).ok().and_then(|refs| refs.erasure);
                entry.content.verb == Verb::Erased && named().is_some_and(|named| named.0 == id)
            };
            if lagging.iter().any(is_tombstone) {
                return Ok(true);
            }
        }
    }
}

fn erasure_answer(answer: Result<Answer, ArchiveError>) -> Result<Erasure, ArchiveError> {
    match answer? {
        Answer::Erasure(erasure) => Ok(*erasure),
        _ => Err(ArchiveError::Defect),
    }
}

fn unless_put_right(answer: Result<Answer, ArchiveError>) -> Result<Option<Erasure>, ArchiveError> {
    match answer {
        Ok(Answer::PutRight) => Ok(None),
        answer => erasure_answer(answer).map(Some),
    }
}

fn erased_answer(
    scribe: &mut Scribe,
    id: ErasureId,
    elsewhere: &WentElsewhere,
) -> Result<Answer, ArchiveError> {
    scribe.erase(id, elsewhere)?;
    let erasure = erasure_of(&scribe.stores, id)?.ok_or(ArchiveError::ErasureUnknown)?;
    Ok(Answer::Erasure(Box::new(erasure)))
}

/// What an erasure's request is about; `None` once that person is forgotten.
pub(crate) fn target_of(opened: &OpenEntry) -> Option<ErasureTarget> {
    if opened.refs.whole_holder {
        return opened.subjects.first().cloned().flatten().map(ErasureTarget::Holder);
    }
    opened.refs.materials.first().map(|id| ErasureTarget::Material(id.0))
}

/// The entry that asked for an erasure; `None` where a ledger that was made anew had lost it.
pub(crate) fn erasure_request(
    stores: &Stores,
    requested: u64,
) -> Result<Option<(Entry, OpenEntry)>, ArchiveError> {
    if requested == 0 {
        return Ok(None);
    }
    stores.entry(requested)?.ok_or_else(|| damaged_entry(requested)).map(Some)
}

fn erasure_of(stores: &Stores, id: ErasureId) -> Result<Option<Erasure>, ArchiveError> {
    let Some((state, requested, erased)) = stores.index.erasure(id)? else { return Ok(None) };
    let (target, reason, requested_at) = match erasure_request(stores, requested)? {
        Some((request, opened)) => {
            let reason = opened.personal::<ErasurePersonal>()?.map(|personal| personal.reason);
            (target_of(&opened), reason, request.content.at)
        }
        None => (None, None, first_heard_of(stores, id, erased)?),
    };
    let mut erasure = Erasure {
        id,
        state,
        target,
        reason,
        requested_at,
        erased_at: None,
        materials: Vec::new(),
        shared_kept: Vec::new(),
        unproven: 0,
    };
    if erased > 0 {
        let (tombstone, opened) = stores.entry(erased)?.ok_or_else(|| damaged_entry(erased))?;
        erasure.erased_at = Some(tombstone.content.at);
        erasure.materials = opened.refs.materials.iter().map(|m| m.0).collect();
        erasure.shared_kept = opened.office.shared_kept.iter().map(|d| d.0).collect();
        erasure.unproven = opened.office.unproven;
    }
    Ok(Some(erasure))
}

/// The entry by which an erasure waits, where it does.
pub(crate) fn deferral_of(stores: &Stores, id: ErasureId) -> Result<Option<u64>, ArchiveError> {
    let waiting = stores.index.deferred()?.into_iter().find(|(waiting, _)| *waiting == id);
    Ok(waiting.map(|(_, sequence)| sequence))
}

/// When the ledger first tells of an erasure whose request it lost.
fn first_heard_of(stores: &Stores, id: ErasureId, erased: u64) -> Result<Timestamp, ArchiveError> {
    let sequence = deferral_of(stores, id)?.unwrap_or(erased);
    let (entry, _) = stores.entry(sequence)?.ok_or_else(|| damaged_entry(sequence))?;
    Ok(entry.content.at)
}

/// A request for an erasure that is within bounds.
pub(crate) struct PlannedErasure {
    request: ErasureRequest,
    /// Whether a material must be on file here to be erased. If not, the erasure was decided elsewhere, or is.
    must_be_on_file: bool,
    /// The ledger entry that the material must still stand by.
    only_at: Option<u64>,
    idempotency_touch: Option<Touch>,
}

impl PlannedErasure {
    fn new(request: ErasureRequest, must_be_on_file: bool, stores: &Stores) -> Result<Self, ArchiveError> {
        stores.check_copy()?;
        request.by.check()?;
        request.idempotency.as_ref().map_or(Ok(()), Idempotency::check)?;
        if !request.elsewhere_of.is_empty() {
            check_holders(&request.elsewhere_of)?;
        }
        if too_long(&request.reason, TEXT_CHARS_MAX) {
            return Err(ArchiveError::Invalid("the reason is longer than 4000 characters"));
        }
        let tags = request.idempotency.as_ref().map(|i| stores.keys.idempotency_tags(i));
        let idempotency_touch = tags.map(|t| Touch::Idempotency(t.0));
        Ok(Self { request, must_be_on_file, only_at: None, idempotency_touch })
    }

    /// For a material that was found to stand by that ledger entry.
    fn only_at(request: ErasureRequest, stands_by: u64, stores: &Stores) -> Result<Self, ArchiveError> {
        Ok(Self { only_at: Some(stands_by), ..Self::new(request, true, stores)? })
    }

    /// Asks and carries out, on the writer's thread.
    fn carry_out(&self, scribe: &mut Scribe, elsewhere: &WentElsewhere) -> Result<Answer, ArchiveError> {
        if !elsewhere.decided {
            refuse_held(&scribe.stores, &self.request.target)?;
        }
        let mut known = None;
        let asked = scribe.write_alone(|planner| match self.plan(planner)? {
            Plan::Write(draft) => Ok(*draft),
            Plan::Answer(answer) => {
                known = Some(answer);
                Err(ArchiveError::IdempotencyConflict)
            }
        });
        match known {
            // Asked for before, perhaps under another identifier.
            Some(Answer::Erasure(erasure)) => erased_answer(scribe, erasure.id, elsewhere),
            Some(Answer::PutRight) => Ok(Answer::PutRight),
            _ => asked.and_then(|()| erased_answer(scribe, self.request.id, elsewhere)),
        }
    }

    /// Whether the material stands by a later entry than it was found to.
    fn is_put_right(&self, stores: &Stores) -> Result<bool, ArchiveError> {
        let (Some(sequence), ErasureTarget::Material(id)) = (self.only_at, &self.request.target) else {
            return Ok(false);
        };
        Ok(stores.index.material(*id)?.is_some_and(|row| row.sequence != sequence))
    }

    pub(crate) fn touches(&self) -> HashSet<Touch> {
        self.idempotency_touch.into_iter().chain([Touch::Erasure(self.request.id)]).collect()
    }

    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let (stores, request) = (planner.stores, &self.request);
        if let Some(erasure) = self.known(stores)? {
            return Ok(Plan::Answer(Answer::Erasure(Box::new(erasure))));
        }
        if self.is_put_right(stores)? {
            return Ok(Plan::Answer(Answer::PutRight));
        }
        if self.must_be_on_file {
            refuse_held(stores, &request.target)?;
        }
        let (whole_holder, materials, subjects) = match &request.target {
            ErasureTarget::Material(id) => (false, vec![Text(*id)], self.holders_of(stores, *id)?),
            ErasureTarget::Holder(who) => (true, Vec::new(), vec![who.clone()]),
        };
        let keys = self.slot_keys(planner, &subjects)?;
        let plain = Plain {
            verb: Verb::ErasureRequested,
            refs: Refs { erasure: Some(Text(request.id)), materials, whole_holder, ..Refs::default() },
            office: Office::of(&request.by),
            personal: ErasurePersonal { reason: request.reason.clone() },
            slots: &keys.slots(&subjects),
            idempotency: request.idempotency.as_ref(),
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let answer = Erasure {
            id: request.id,
            state: ErasureState::Requested,
            target: Some(request.target.clone()),
            reason: (!subjects.is_empty()).then(|| request.reason.clone()),
            requested_at: entry.at,
            erased_at: None,
            materials: Vec::new(),
            shared_kept: Vec::new(),
            unproven: 0,
        };
        let change = IndexChange::ErasureRequested { id: request.id, sequence: planner.sequence };
        let draft = Draft::of(entry, change, Answer::Erasure(Box::new(answer)));
        Ok(Plan::Write(Box::new(Draft { keys: keys.records, holders: keys.new_holders, ..draft })))
    }

    /// Keys to seal the request with. Only someone whose papers are elsewhere may get one for it.
    fn slot_keys(&self, planner: &Planner<'_>, subjects: &[Subject]) -> Result<SlotKeys, ArchiveError> {
        if subjects.iter().all(|subject| self.request.elsewhere_of.contains(subject)) {
            return planner.holder_keys(subjects);
        }
        let mut keys = SlotKeys::default();
        for subject in subjects {
            let known = planner.known_holder(planner.stores.keys.subject_tag(subject))?;
            keys.keys.push(known.ok_or(ArchiveError::HolderUnknown)?);
        }
        Ok(keys)
    }

    fn known(&self, stores: &Stores) -> Result<Option<Erasure>, ArchiveError> {
        let replayed = stores.replayed(self.request.idempotency.as_ref(), &[Verb::ErasureRequested])?;
        if let Some(entry) = replayed {
            let id = refs_of(&entry)?.erasure.ok_or_else(|| damaged_entry(entry.sequence))?;
            return erasure_of(stores, id.0);
        }
        let Some((state, requested, _)) = stores.index.erasure(self.request.id)? else { return Ok(None) };
        // Asked for once more, it is known again what it is about.
        if requested == 0 && state == ErasureState::Requested {
            return Ok(None);
        }
        let Some(erasure) = erasure_of(stores, self.request.id)? else { return Ok(None) };
        match (&erasure.target, &self.request.target) {
            (Some(theirs), ours) if theirs == ours => Ok(Some(erasure)),
            (None, ErasureTarget::Material(id)) if erasure.materials.contains(id) => Ok(Some(erasure)),
            // Whom it was about is forgotten, so this much of a comparison is left.
            (None, ErasureTarget::Holder(_)) => Ok(Some(erasure)),
            _ => Err(ArchiveError::IdempotencyConflict),
        }
    }

    fn holders_of(&self, stores: &Stores, id: MaterialId) -> Result<Vec<Subject>, ArchiveError> {
        match stores.stored_by_id(id)? {
            Some(stored) => Ok(stored.material.holders),
            None if !self.must_be_on_file => Ok(Vec::new()),
            None if stores.is_erased(id)? => Err(ArchiveError::MaterialErased),
            None if !self.request.elsewhere_of.is_empty() => Ok(self.request.elsewhere_of.clone()),
            None => Err(ArchiveError::MaterialUnknown),
        }
    }
}

/// Refuses an erasure.
pub(crate) fn plan_refusal(id: ErasureId, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    let mut erasure = erasure_of(stores, id)?.ok_or(ArchiveError::ErasureUnknown)?;
    match erasure.state {
        ErasureState::Requested => {}
        ErasureState::Refused => return Ok(Plan::Answer(Answer::Erasure(Box::new(erasure)))),
        ErasureState::Erasing | ErasureState::Done => {
            return Err(ArchiveError::Invalid("the erasure has been carried out"));
        }
    }
    erasure.state = ErasureState::Refused;
    let plain = Plain {
        verb: Verb::ErasureRefused,
        refs: Refs { erasure: Some(Text(id)), ..Refs::default() },
        office: Office::default(),
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    let answer = Answer::Erasure(Box::new(erasure));
    Ok(Plan::Write(Box::new(Draft::of(entry, IndexChange::ErasureRefused(id), answer))))
}

/// Enters that an erasure that was decided elsewhere waits for a hold.
pub(crate) fn plan_deferral(
    id: ErasureId,
    elsewhere: &WentElsewhere,
    planner: &Planner<'_>,
) -> Result<Draft, ArchiveError> {
    let stores = planner.stores;
    let plain = Plain {
        verb: Verb::ErasureDeferred,
        refs: Refs {
            erasure: Some(Text(id)),
            materials: elsewhere.materials.iter().copied().map(Text).collect(),
            elsewhere: true,
            decided_at: elsewhere.decided_at.map(Timestamp::as_millis),
            ..Refs::default()
        },
        office: Office {
            shared_kept: elsewhere.shared_kept.iter().copied().map(Text).collect(),
            ..Office::default()
        },
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    let sequence = planner.sequence;
    Ok(Draft::of(entry, IndexChange::ErasureDeferred { id, sequence }, Answer::Sequence(sequence)))
}
