//! What the windows know to be forgotten: a repository that was put back to an earlier state shows it again, and is told by those
//! that carried it out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use yidang_archive::storage::ErasureState;
use yidang_archive::{ArchiveError, ErasureTarget, WentElsewhere};
use yidang_model::{ErasureId, Material, MaterialId, Subject, Timestamp};
use yidang_sync::wire::{self, ErasedEntry, ErasureEntry, WireSubject, part_of};

use crate::commits::Progress;
use crate::erasures::Went;
use crate::error::StartError;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::secrets::random;
use crate::state::{AgentNumber, ErasureOutcome, Tag};

/// Why, in the ledger: the window that says so knows no better.
const REASON: &str = "decided before this repository was put back to an earlier state";

/// Who the ledger says did what a crash had interrupted.
const CLIENT: &str = "yidang-repository";

/// What of a decision is kept with its request until it is carried out.
#[derive(Serialize, Deserialize)]
pub(crate) struct KnownDecision {
    /// Milliseconds since 1970.
    pub(crate) decided_at: i64,
    /// Names of what goes, on file or not.
    pub(crate) materials: Vec<String>,
}

/// What a decision takes of what is on file.
struct WhatStands {
    /// Whom it forgot, if they are known here.
    person: Option<Subject>,
    /// Tags of those whose dossiers show it.
    shown_for: Vec<Tag>,
    /// Each with the names that go with it.
    erasures: Vec<(ErasureId, ErasureTarget, Vec<String>)>,
}

impl Repository {
    /// Carries an erasure out once more, where this repository does not know of it any more. What a hold keeps, or may keep, waits,
    /// and is not shown meanwhile. The caller holds `forgetting` for writing.
    pub(crate) fn take_erased(
        &self,
        agent: &Agent,
        entry: &ErasedEntry,
        progress: &mut Progress,
    ) -> Result<Option<&'static str>, Problem> {
        self.write_down(agent, progress, None)?;
        let is_own = self.secrets.is_decided(entry);
        let named = if is_own { self.named(entry)? } else { self.unheard_of(entry)? };
        if named.is_empty() {
            return Ok((!is_own && !entry.materials.is_empty()).then_some(wire::ERASURE_DENIED));
        }
        let standing = self.standing_of(&named)?;
        if standing.is_empty() {
            return Ok(None);
        }
        if is_own {
            let kept = serde_json::to_vec(entry).map_err(|_| Code::StorageFailed)?;
            self.state.keep_decision(agent.record.number, entry.id, &kept, &named)?;
        }
        let by = (agent.record.number, &agent.record.name[..]);
        let done = self.repeat_all(by, entry, is_own, &named, standing);
        if let (Err(problem), true) = (&done, is_own) {
            // It is kept, and the window's own papers wait for nothing.
            let code = problem.code.as_str();
            tracing::error!(erasure = %entry.id, code, "an erasure that was lost is tried again with the next start");
            return Ok(None);
        }
        done.map(|()| None)
    }

    /// Goes on with what a crash interrupted. Called before the first request.
    pub(crate) fn finish_decisions(&self) -> Result<(), StartError> {
        for (agent, kept) in self.state.decisions()? {
            let Ok(entry) = serde_json::from_slice::<ErasedEntry>(&kept) else { continue };
            let repeat = |named: Vec<MaterialId>| {
                let standing = self.standing_of(&named)?;
                self.repeat_all((agent, CLIENT), &entry, true, &named, standing)
            };
            if let Err(problem) = self.named(&entry).and_then(repeat) {
                let code = problem.code.as_str();
                tracing::error!(erasure = %entry.id, code, "an erasure that was lost is tried again with the next start");
            }
        }
        Ok(())
    }

    /// Whoever has to hear of it hears of the decision as it was; what of it is on file here goes as far as no hold keeps it.
    fn repeat_all(
        &self,
        (agent, client): (AgentNumber, &str),
        entry: &ErasedEntry,
        is_own: bool,
        named: &[MaterialId],
        standing: Vec<MaterialId>,
    ) -> Result<(), Problem> {
        if standing.is_empty() {
            return Ok(());
        }
        let what = self.what_stands(entry, is_own, named, standing)?;
        if is_own {
            self.tell_concerned(agent, entry, named, &what)?;
        }
        for (id, target, materials) in what.erasures {
            let decided = KnownDecision { decided_at: entry.decided_at.as_millis(), materials };
            self.repeat(agent, client, id, &target, decided)?;
        }
        Ok(())
    }

    fn tell_concerned(
        &self,
        agent: AgentNumber,
        entry: &ErasedEntry,
        named: &[MaterialId],
        what: &WhatStands,
    ) -> Result<(), Problem> {
        let WhatStands { person, shown_for, .. } = what;
        let outcome = ErasureOutcome {
            id: entry.id,
            requester: Some(agent),
            materials: named,
            holder: person.as_ref().map(|person| self.secrets.subject_tag(person)),
            shown_for,
            personal: self.personal_news(person.as_ref(), &[], Some(entry.decided_at))?,
        };
        self.announce_all(self.state.announce_erasure(&outcome)?);
        Ok(())
    }

    /// Those that have no tombstone, under the name they were on file by either.
    fn standing_of(&self, named: &[MaterialId]) -> Result<Vec<MaterialId>, Problem> {
        let mut standing = Vec::with_capacity(named.len());
        for material in named {
            let stored = self.state.stored_for(*material)?.unwrap_or(*material);
            if !self.archive.is_erased(*material)? && !self.archive.is_erased(stored)? {
                standing.push(*material);
            }
        }
        Ok(standing)
    }

    /// Every name of what the decision is about. A paper that has a name beside those that it was told under was brought again
    /// since: then it is no part of that.
    fn named(&self, entry: &ErasedEntry) -> Result<Vec<MaterialId>, Problem> {
        let mut named = Vec::new();
        for material in &entry.materials {
            let stored = self.state.stored_for(*material)?.unwrap_or(*material);
            let names = self.state.names_of(stored)?;
            if names.iter().all(|name| entry.materials.contains(name)) {
                named.extend([*material, stored]);
            } else {
                tracing::info!(material = %stored, erasure = %entry.id, "a paper that was forgotten has been brought again since");
            }
        }
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }

    /// Without a proof, as of a repository whose keys are lost, it is this window's word alone: it counts for what nobody has
    /// filed here.
    fn unheard_of(&self, entry: &ErasedEntry) -> Result<Vec<MaterialId>, Problem> {
        let mut named = Vec::new();
        for material in &entry.materials {
            if self.state.committers(*material)?.is_empty() && self.archive.material(*material)?.is_none() {
                named.push(*material);
            }
        }
        Ok(named)
    }

    /// The erasures it takes, each with the names that go with it: of the person, where they are on file with nothing else, and of
    /// each other paper by itself, as whose it is here may be from before it was put right. Names that are not on file go
    /// with the first.
    fn what_stands(
        &self,
        entry: &ErasedEntry,
        is_own: bool,
        named: &[MaterialId],
        standing: Vec<MaterialId>,
    ) -> Result<WhatStands, Problem> {
        let (mut person, mut of_person, mut shown_for) = (None, Vec::new(), BTreeSet::new());
        let (mut alone, mut unfiled) = (Vec::new(), Vec::new());
        for id in standing {
            let Some(stored) = self.archive.material(id)? else {
                unfiled.push(id);
                continue;
            };
            shown_for.extend(self.tags_of(&stored.material.holders));
            match &stored.material.holders[..] {
                [holder] if self.secrets.is_decided_about(entry, holder) => {
                    person = Some(holder.clone());
                    of_person.push(id);
                }
                _ => alone.push(id),
            }
        }
        let mut going = Vec::new();
        match &person {
            Some(who) if !self.has_others(who, named)? => {
                going.push((entry.id, ErasureTarget::Holder(who.clone()), of_person));
            }
            _ => alone.append(&mut of_person),
        }
        if going.is_empty() && alone.is_empty() {
            alone.extend(unfiled.pop());
        }
        let is_one = entry.materials.len() == 1;
        let part = |id| if is_one { entry.id } else { part_of(entry.id, id) };
        going.extend(alone.into_iter().map(|id| (part(id), ErasureTarget::Material(id), vec![id])));
        if let Some((.., with_it)) = going.first_mut() {
            with_it.append(&mut unfiled);
        }
        let whole = |(id, target, with_it): (ErasureId, ErasureTarget, Vec<MaterialId>)| {
            let names = with_it.iter().map(MaterialId::to_string).collect();
            Ok((self.free(id, is_own)?, target, names))
        };
        let erasures = going.into_iter().map(whole).collect::<Result<_, Problem>>()?;
        Ok(WhatStands { person, shown_for: shown_for.into_iter().collect(), erasures })
    }

    /// The name of an erasure that is still to be carried out: another one where it is at its end, or where anybody may have
    /// chosen it.
    fn free(&self, id: ErasureId, is_own: bool) -> Result<ErasureId, ArchiveError> {
        let is_open = |state| matches!(state, ErasureState::Requested | ErasureState::Erasing);
        let is_free = self.archive.erasure(id)?.is_none_or(|erasure| is_open(erasure.state));
        Ok(if is_own && is_free { id } else { ErasureId::from_bytes(random()) })
    }

    /// Whether this person alone has a paper on file that the decision does not name: they came again since, or it was put right to
    /// somebody else before, and the window that did so has not said so yet. Then it is no part of that, and the person stays.
    fn has_others(&self, who: &Subject, named: &[MaterialId]) -> Result<bool, ArchiveError> {
        Ok(self.papers_of_alone(who)?.iter().any(|paper| !named.contains(paper)))
    }

    fn repeat(
        &self,
        agent: AgentNumber,
        client: &str,
        id: ErasureId,
        target: &ErasureTarget,
        decided: KnownDecision,
    ) -> Result<(), Problem> {
        let (material, holder) = match target {
            ErasureTarget::Material(material) => (Some(*material), None),
            ErasureTarget::Holder(subject) => (None, Some(WireSubject::from(subject))),
        };
        tracing::warn!(erasure = %id, client, "an erasure that this repository had lost is carried out once more");
        let (reason, client) = (REASON.to_owned(), client.to_owned());
        let entry = ErasureEntry { id, material, holder, reason, operator: None, client };
        let planned = self.planned(agent, entry, Some(decided))?;
        self.state.plan_erasure_again(&planned)?;
        self.forget(&planned)
    }

    /// The archive's part; `None` while a hold keeps it, or may.
    pub(crate) fn erase_again(
        &self,
        entry: &ErasureEntry,
        target: &ErasureTarget,
        decided: &KnownDecision,
    ) -> Result<Option<Went>, ArchiveError> {
        let elsewhere = WentElsewhere {
            decided: true,
            materials: decided.materials.iter().filter_map(|id| id.parse().ok()).collect(),
            shared_kept: Vec::new(),
            decided_at: Some(Timestamp::from_millis(decided.decided_at)),
        };
        let done = match self.archive.erasure(entry.id)? {
            Some(erasure) if erasure.state == ErasureState::Done => Ok(erasure),
            Some(_) if !self.archive.is_erasure_request_lost(entry.id)? => {
                self.archive.erase_with(entry.id, elsewhere)
            }
            _ => self.archive.erase_now_with(self.request(entry, target), elsewhere),
        };
        match done {
            Ok(erasure) => Ok(Some((erasure.materials, erasure.shared_kept))),
            Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven) => {
                tracing::info!(erasure = %entry.id, "an erasure waits for a hold, or until the holds are confirmed");
                Ok(None)
            }
            // Nothing of that person is on file any more.
            Err(ArchiveError::HolderUnknown) => Ok(Some(Went::default())),
            Err(error) => Err(error),
        }
    }

    /// Whether a window told that a paper on file was forgotten before this repository was put back: it is shown to nobody, and no
    /// other paper becomes one with it, whether a hold keeps it still or not.
    pub(crate) fn is_withdrawn(&self, material: MaterialId) -> Result<bool, Problem> {
        Ok(self.state.decision_about(material)?.is_some())
    }

    /// Tells a window that offers what was forgotten before this repository or its state was put back, and has not heard of it.
    pub(crate) fn tell_of_erased(&self, agent: &Agent, offered: &Material) -> Result<(), Problem> {
        let Some((erasure, kept)) = self.state.decision_about(offered.id)? else {
            return self.tell_of_tombstone_on(agent, offered.id);
        };
        let entry: ErasedEntry = serde_json::from_slice(&kept).map_err(|_| Code::StorageFailed)?;
        let holder = match &offered.holders[..] {
            [holder] if self.secrets.is_decided_about(&entry, holder) => Some(holder),
            // It was put right there since: then it is not the one that went with the person.
            _ if self.secrets.is_about_somebody(&entry) => return Ok(()),
            _ => None,
        };
        let personal = self.personal_news(holder, &[], Some(entry.decided_at))?;
        let number = agent.record.number;
        if let Some(head) = self.state.tell_erased(number, erasure, &entry.materials, &personal)? {
            self.announce(number, head);
        }
        Ok(())
    }
}
