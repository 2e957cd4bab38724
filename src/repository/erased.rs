//! What the windows know to be forgotten: a repository that was put back to an earlier state shows it again, and is told by those
//! that carried it out.

use serde::{Deserialize, Serialize};
use yidang_archive::storage::ErasureState;
use yidang_archive::{
    ArchiveError, Erasure, ErasureTarget, HISTORY_PAGE_MAX, HistoryPage, Stored, WentElsewhere,
};
use yidang_model::{ErasureId, MaterialId, Subject, Timestamp};
use yidang_sync::wire::{self, ErasedEntry, ErasureEntry, WireSubject, part_of};

use crate::commits::Progress;
use crate::problem::Problem;
use crate::repository::{Agent, Repository};

/// Why, in the ledger: the window that says so knows no better.
const REASON: &str = "decided before this repository was put back to an earlier state";

/// What of a decision is kept with its request until it is carried out.
#[derive(Serialize, Deserialize)]
pub(crate) struct KnownDecision {
    /// Milliseconds since 1970.
    pub(crate) decided_at: i64,
    /// Names of what went, on file or not.
    pub(crate) materials: Vec<String>,
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
        let mut named = Vec::new();
        for material in &entry.materials {
            let target = ErasureTarget::Material(*material);
            // Without a proof, as of a repository whose keys are lost, it is this window's word alone.
            if is_own || self.may_erase(agent, &target)? {
                named.extend([*material, self.state.stored_for(*material)?.unwrap_or(*material)]);
            }
        }
        named.sort_unstable();
        named.dedup();
        let Some(first) = named.first() else {
            return Ok((!is_own).then_some(wire::ERASURE_DENIED));
        };
        let is_known = match self.archive.erasure(entry.id)? {
            Some(erasure) => erasure.state != ErasureState::Requested,
            None => self.are_erased(&named)?,
        };
        if is_known {
            return Ok(None);
        }
        for (id, target) in self.what_stands(entry, is_own, &named, *first)? {
            self.repeat(agent, id, &target, entry.decided_at, &named)?;
        }
        Ok(None)
    }

    fn are_erased(&self, named: &[MaterialId]) -> Result<bool, ArchiveError> {
        for material in named {
            if !self.archive.is_erased(*material)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The erasure, and one for each paper on file that does not go with it: whose it is here may be from before it was put right.
    fn what_stands(
        &self,
        entry: &ErasedEntry,
        is_own: bool,
        named: &[MaterialId],
        first: MaterialId,
    ) -> Result<Vec<(ErasureId, ErasureTarget)>, Problem> {
        let (mut person, mut of_person, mut others) = (None, Vec::new(), Vec::new());
        for id in named {
            let Some(stored) = self.archive.material(*id)? else { continue };
            match &stored.material.holders[..] {
                [holder] if is_own && self.secrets.is_decided_about(entry, holder) => {
                    person = Some(holder.clone());
                    of_person.push(*id);
                }
                _ => others.push(*id),
            }
        }
        if let Some(who) = &person
            && self.has_others(who, named)?
        {
            others.append(&mut of_person);
            person = None;
        }
        let mut alone = others.into_iter();
        let target = match person {
            Some(who) => ErasureTarget::Holder(who),
            None => ErasureTarget::Material(alone.next().unwrap_or(first)),
        };
        let parts = alone.map(|id| (part_of(entry.id, id), ErasureTarget::Material(id)));
        Ok([(entry.id, target)].into_iter().chain(parts).collect())
    }

    /// Whether this person alone has a paper on file that the decision does not name: they came again since, or it was put right to
    /// somebody else before, and the window that did so has not said so yet. Then it is no part of that, and the person stays.
    fn has_others(&self, who: &Subject, named: &[MaterialId]) -> Result<bool, ArchiveError> {
        let mut before = u64::MAX;
        loop {
            let page = self.archive.history(who, HistoryPage { before, limit: HISTORY_PAGE_MAX })?;
            let Some(last) = page.last() else { return Ok(false) };
            before = last.sequence;
            let is_other =
                |stored: &Stored| stored.material.holders.len() == 1 && !named.contains(&stored.material.id);
            if page.iter().any(is_other) {
                return Ok(true);
            }
        }
    }

    fn repeat(
        &self,
        agent: &Agent,
        id: ErasureId,
        target: &ErasureTarget,
        decided_at: Timestamp,
        named: &[MaterialId],
    ) -> Result<(), Problem> {
        let (material, holder) = match target {
            ErasureTarget::Material(material) => (Some(*material), None),
            ErasureTarget::Holder(subject) => (None, Some(WireSubject::from(subject))),
        };
        tracing::warn!(erasure = %id, agent = agent.record.name, "an erasure that this repository had lost is carried out once more");
        let client = agent.record.name.clone();
        let entry = ErasureEntry { id, material, holder, reason: REASON.to_owned(), operator: None, client };
        let materials = named.iter().map(MaterialId::to_string).collect();
        let decided = KnownDecision { decided_at: decided_at.as_millis(), materials };
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
    ) -> Result<Option<Erasure>, ArchiveError> {
        let elsewhere = WentElsewhere {
            decided: true,
            materials: decided.materials.iter().filter_map(|id| id.parse().ok()).collect(),
            shared_kept: Vec::new(),
            decided_at: Some(Timestamp::from_millis(decided.decided_at)),
        };
        let done = match self.archive.erasure(entry.id)? {
            Some(erasure) if erasure.state == ErasureState::Done => Ok(erasure),
            Some(_) => self.archive.erase_with(entry.id, elsewhere),
            None => self.archive.erase_now_with(self.request(entry, target), elsewhere),
        };
        match done {
            Ok(erasure) => Ok(Some(erasure)),
            Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a paper on file is known to be forgotten, and waits for a hold alone: it is shown to nobody.
    pub(crate) fn is_withdrawn(&self, material: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.archive.known_to_be_held_here_alone(material)? == Some(true))
    }
}
