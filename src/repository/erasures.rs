//! Forgetting: carried out in the archive, then told to every agent concerned.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use yidang_archive::storage::ErasureState;
use yidang_archive::{
    Actor, ArchiveError, Erasure, ErasureRequest, ErasureTarget, HISTORY_PAGE_MAX, HistoryPage, Stored,
    WentElsewhere,
};
use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};
use yidang_sync::limits::{NAME_LENGTH_MAX, REMARK_LENGTH_MAX};
use yidang_sync::wire::{self, ErasureEntry, WireSubject};

use crate::commits::Progress;
use crate::erased::KnownDecision;
use crate::error::StartError;
use crate::limits::OPENED_LATELY_MS;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::state::{AgentNumber, ErasureOutcome, PlannedErasure, Tag};

/// The part of the news that is personal; sealed until the agent has carried it out.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct PersonalNews {
    pub(crate) holder: Option<WireSubject>,
    pub(crate) shared_kept: Vec<String>,
    /// Milliseconds since 1970; absent where it is not known any more whom it was about, and in the news of earlier versions.
    #[serde(default)]
    pub(crate) decided_at: Option<i64>,
}

/// What went, and the pictures that stay because they are shared.
pub(crate) type Went = (Vec<MaterialId>, Vec<Digest>);

/// A request as it is kept, sealed, until it is done.
#[derive(Serialize, Deserialize)]
struct KeptRequest {
    #[serde(flatten)]
    entry: ErasureEntry,
    /// Tags of those whose material it is: once it is gone, nobody could tell whose dossier showed it.
    #[serde(default)]
    holders: Vec<String>,
    /// Where this was decided before this repository was put back to an earlier state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided: Option<KnownDecision>,
}

pub(crate) const REQUEST_CONTEXT: &[u8] = b"erasure request";
pub(crate) const NEWS_CONTEXT: &[u8] = b"erasure news";

impl Repository {
    /// Takes a reported erasure: a result code if it cannot be one, or if this agent may not ask for it. It is
    /// carried out as it comes. The caller holds `forgetting` for writing.
    pub(crate) fn take_erasure(
        &self,
        agent: &Agent,
        entry: &ErasureEntry,
        progress: &mut Progress,
    ) -> Result<Option<&'static str>, Problem> {
        let Some(target) = target(entry).filter(|_| is_within(entry)) else { return Ok(Some(wire::INVALID)) };
        // What this very commit filed has to be known before it is asked who is concerned.
        self.write_down(agent, progress, None)?;
        if !self.may_ask(agent, entry.id, &target)? {
            tracing::warn!(agent = agent.record.name, erasure = %entry.id, "an erasure was denied");
            return Ok(Some(wire::ERASURE_DENIED));
        }
        let (id, mut entry) = (entry.id, entry.clone());
        // The ledger tells of every window: a client's own name does not say at which one it was.
        entry.client = agent.client(&entry.client);
        let mut on_file = target;
        if let Some(material) = entry.material {
            let stored = self.state.stored_for(material)?.unwrap_or(material);
            entry.material = Some(stored);
            on_file = ErasureTarget::Material(stored);
        }
        if let ErasureTarget::Material(material) = on_file
            && self.state.erasure(id)?.is_none()
            && self.archive.is_erased(material)?
        {
            self.say_it_is_gone(agent, id, material)?;
            return Ok(None);
        }
        // What was taken on before a hold was placed is through: holds wait for it.
        if self.state.erasure(id)?.is_none()
            && let Err(error) = self.archive.refuse_held(&on_file)
        {
            let code = match error {
                ArchiveError::LegalHold => wire::LEGAL_HOLD,
                ArchiveError::HoldsUnproven => wire::HOLDS_UNPROVEN,
                error => return Err(error.into()),
            };
            tracing::warn!(agent = agent.record.name, erasure = %id, code, "an erasure is refused");
            return Ok(Some(code));
        }
        let planned = self.planned(agent.record.number, entry, None)?;
        let planned = self.state.plan_erasure(&planned)?;
        self.forget(&planned)?;
        Ok(None)
    }

    /// What is forgotten already is no news to anybody but whoever asks.
    fn say_it_is_gone(&self, agent: &Agent, id: ErasureId, material: MaterialId) -> Result<(), Problem> {
        let number = agent.record.number;
        self.state.plan_erasure(&PlannedErasure { id, agent: number, request: None })?;
        let mut names = self.state.names_of(material)?;
        names.push(material);
        let personal = self.personal_news(None, &[], Some(self.now()))?;
        if let Some(head) = self.state.tell_erased(number, id, &names, &personal)? {
            self.announce(number, head);
        }
        Ok(())
    }

    /// A request as the state keeps it.
    pub(crate) fn planned(
        &self,
        agent: AgentNumber,
        entry: ErasureEntry,
        decided: Option<KnownDecision>,
    ) -> Result<PlannedErasure, Problem> {
        let (id, holders) = (entry.id, self.holders_of(entry.material)?.iter().map(hex::encode).collect());
        let request =
            serde_json::to_vec(&KeptRequest { entry, holders, decided }).map_err(|_| Code::StorageFailed)?;
        let request = self.secrets.seal(REQUEST_CONTEXT, &request).ok_or(Code::StorageFailed)?;
        Ok(PlannedErasure { id, agent, request: Some(request) })
    }

    /// Tags of the people whose material this is, as long as it is on file.
    fn holders_of(&self, material: Option<MaterialId>) -> Result<Vec<Tag>, Problem> {
        let on_file = match material {
            Some(material) => self.archive.material(material)?,
            None => None,
        };
        let holders = on_file.map(|stored| stored.material.holders).unwrap_or_default();
        Ok(holders.iter().map(|holder| self.secrets.subject_tag(holder)).collect())
    }

    /// Whether this agent may have this forgotten: its window filed it, or it has lately had the dossier open here.
    ///
    /// A material nobody has committed is this window's own affair: its paper may have been forgotten at the
    /// window before it could be sent, and nobody else can have learned its name. The same holds for a person
    /// nobody else ever filed for or looked at. And what is forgotten already, at another window's request that
    /// came a moment earlier, is not forgotten twice.
    fn may_ask(&self, agent: &Agent, id: ErasureId, target: &ErasureTarget) -> Result<bool, Problem> {
        let own = agent.record.number;
        let window = self.state.numbers_of_window(own)?;
        // Asked before: what it was granted on may have gone with what it forgot.
        if let Some(known) = self.state.erasure(id)? {
            return Ok(window.contains(&known.agent));
        }
        match target {
            ErasureTarget::Holder(person) => {
                let contacts = self.state.contacts(self.secrets.subject_tag(person))?;
                Ok(contacts.iter().all(|(agent, _)| window.contains(agent))
                    || self.opened_lately(own, person)?)
            }
            ErasureTarget::Material(material) => {
                let committers = self.state.committers(*material)?;
                let stored = self.state.stored_for(*material)?.unwrap_or(*material);
                let on_file = self.archive.material(stored)?;
                let is_nobodys = committers.is_empty() && on_file.is_none();
                let is_own = committers.iter().any(|filer| window.contains(filer));
                if is_own || is_nobodys || self.archive.is_erased(stored)? {
                    return Ok(true);
                }
                let holders = on_file.map(|s| s.material.holders).unwrap_or_default();
                for holder in &holders {
                    if self.opened_lately(own, holder)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Whether this agent's window committed this material, under whatever name.
    pub(crate) fn is_of_window(&self, agent: AgentNumber, material: MaterialId) -> Result<bool, Problem> {
        let window = self.state.numbers_of_window(agent)?;
        Ok(self.state.committers(material)?.iter().any(|filer| window.contains(filer)))
    }

    /// Whether a dossier's grant to this agent holds or has ended not long ago.
    pub(crate) fn opened_lately(&self, agent: AgentNumber, person: &Subject) -> Result<bool, Problem> {
        let since = self.now().plus_millis(-OPENED_LATELY_MS);
        let contacts = self.state.contacts(self.secrets.subject_tag(person))?;
        let own = contacts.into_iter().find(|(other, _)| *other == agent);
        Ok(own.and_then(|(_, opened_at)| opened_at).is_some_and(|at| at > since))
    }

    /// Finishes erasures that a crash interrupted. Called before the first request.
    pub(crate) fn finish_erasures(&self) -> Result<(), StartError> {
        let _writing = self.forgetting.write().unwrap_or_else(PoisonError::into_inner);
        for planned in self.state.unfinished_erasures()? {
            tracing::info!(erasure = %planned.id, "an interrupted erasure is being finished");
            let done = self.forget(&planned);
            if done.is_err() && !self.archive.tells_every_hold()? {
                tracing::error!("interrupted erasures wait until the ledger has been rebuilt");
                return Ok(());
            }
            done.map_err(|p| {
                StartError::System(format!(
                    "erasure {} could not be finished: {}",
                    planned.id,
                    p.code.as_str()
                ))
            })?;
        }
        Ok(())
    }

    /// Does what is left to do of an erasure.
    pub(crate) fn forget(&self, planned: &PlannedErasure) -> Result<(), Problem> {
        let Some(sealed) = &planned.request else {
            return Ok(());
        };
        let entry = self.secrets.open_sealed(REQUEST_CONTEXT, sealed);
        let kept = entry.and_then(|plain| serde_json::from_slice::<KeptRequest>(&plain).ok());
        let Some((KeptRequest { entry, holders, decided }, target)) =
            kept.and_then(|kept| target(&kept.entry).map(|target| (kept, target)))
        else {
            tracing::error!(erasure = %planned.id, "the request of an erasure does not open");
            return Err(Code::StorageFailed.into());
        };
        let went = match &decided {
            Some(decided) => match self.erase_again(&entry, &target, decided) {
                // It stays on the list, and keeps nothing else from going on.
                Err(error) => {
                    tracing::error!(erasure = %planned.id, %error, "an erasure that was lost is tried again with the next start");
                    None
                }
                went => went?,
            },
            None => Some(self.erase(&entry, &target, self.named_with(&target)?)?),
        };
        let Some((materials, shared_kept)) = went else { return Ok(()) };
        let holder = match &target {
            ErasureTarget::Holder(subject) => Some(subject),
            ErasureTarget::Material(_) => None,
        };
        let outcome = ErasureOutcome {
            id: planned.id,
            requester: Some(planned.agent),
            materials: &materials,
            holder: holder.map(|subject| self.secrets.subject_tag(subject)),
            shown_for: &holders
                .iter()
                .filter_map(|tag| hex::FromHex::from_hex(tag).ok())
                .collect::<Vec<Tag>>(),
            personal: self.personal_news(holder, &shared_kept, Some(self.now()))?,
        };
        if decided.is_some() {
            self.state.forget_erased(&outcome)?;
        } else {
            self.announce_all(self.state.finish_erasure(&outcome)?);
        }
        tracing::info!(erasure = %planned.id, materials = materials.len(), "an erasure was carried out");
        Ok(())
    }

    /// The personal part of the news of an erasure, sealed. Without a date: nobody knows any more whether it was about a person, and
    /// a window that put such a paper right keeps it.
    pub(crate) fn personal_news(
        &self,
        holder: Option<&Subject>,
        shared_kept: &[Digest],
        decided_at: Option<Timestamp>,
    ) -> Result<Vec<u8>, Problem> {
        let personal = PersonalNews {
            holder: holder.map(WireSubject::from),
            shared_kept: shared_kept.iter().map(Digest::to_string).collect(),
            decided_at: decided_at.map(Timestamp::as_millis),
        };
        let personal = serde_json::to_vec(&personal).map_err(|_| Code::StorageFailed)?;
        Ok(self.secrets.seal(NEWS_CONTEXT, &personal).ok_or(Code::StorageFailed)?)
    }

    /// Every name under which what goes was filed: by the tombstone it is known under each of them, whatever becomes of the state.
    fn named_with(&self, target: &ErasureTarget) -> Result<WentElsewhere, Problem> {
        let mut materials = Vec::new();
        match target {
            ErasureTarget::Material(material) => materials = self.state.names_of(*material)?,
            ErasureTarget::Holder(who) => {
                for stored in self.papers_of_alone(who)? {
                    materials.extend(self.state.names_of(stored)?);
                }
            }
        }
        Ok(WentElsewhere { materials, ..WentElsewhere::default() })
    }

    /// The papers on file that are this person's and nobody else's.
    pub(crate) fn papers_of_alone(&self, who: &Subject) -> Result<Vec<MaterialId>, ArchiveError> {
        let (mut papers, mut before) = (Vec::new(), u64::MAX);
        loop {
            let page = self.archive.history(who, HistoryPage { before, limit: HISTORY_PAGE_MAX })?;
            let Some(last) = page.last() else { return Ok(papers) };
            before = last.sequence;
            let is_alone = |stored: &&Stored| stored.material.holders.len() == 1;
            papers.extend(page.iter().filter(is_alone).map(|stored| stored.material.id));
        }
    }

    /// The archive's part; what went, and what stays because it is shared.
    fn erase(
        &self,
        entry: &ErasureEntry,
        target: &ErasureTarget,
        named: WentElsewhere,
    ) -> Result<Went, ArchiveError> {
        let done = match self.archive.erasure(entry.id)? {
            Some(erasure) if erasure.state == ErasureState::Done => erasure,
            Some(_) => self.archive.erase_with(entry.id, named)?,
            None => match self.request_and_erase(entry, target, named)? {
                Some(erasure) => erasure,
                // Nothing on file: there may still be something at the windows.
                None => return Ok(Went::default()),
            },
        };
        let mut materials = done.materials;
        if let ErasureTarget::Material(material) = target
            && !materials.contains(material)
        {
            materials.push(*material);
        }
        Ok((materials, done.shared_kept))
    }

    fn request_and_erase(
        &self,
        entry: &ErasureEntry,
        target: &ErasureTarget,
        named: WentElsewhere,
    ) -> Result<Option<Erasure>, ArchiveError> {
        let request = self.request(entry, target);
        match self.archive.request_erasure(request.clone()) {
            Ok(erasure) => self.archive.erase_with(erasure.id, named).map(Some),
            // Not committed yet, or erased before: the tombstone keeps it from ever being filed.
            Err(ArchiveError::MaterialUnknown | ArchiveError::MaterialErased) => {
                self.archive.erase_now_with(request, named).map(Some)
            }
            Err(ArchiveError::HolderUnknown) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for the archive.
    pub(crate) fn request(&self, entry: &ErasureEntry, target: &ErasureTarget) -> ErasureRequest {
        ErasureRequest {
            id: entry.id,
            target: target.clone(),
            reason: entry.reason.clone(),
            by: Actor { client: entry.client.clone(), operator: entry.operator.clone() },
            idempotency: None,
            elsewhere_of: Vec::new(),
        }
    }
}

/// Whether the texts of a request that came over the wire are as long as they may be.
fn is_within(entry: &ErasureEntry) -> bool {
    let long = |text: &str, length_max| text.chars().count() > length_max;
    !long(&entry.client, NAME_LENGTH_MAX)
        && !entry.operator.as_deref().is_some_and(|operator| long(operator, NAME_LENGTH_MAX))
        && !long(&entry.reason, REMARK_LENGTH_MAX)
}

/// What a request is about; `None` if it is about nothing, or about two things.
fn target(entry: &ErasureEntry) -> Option<ErasureTarget> {
    match (entry.material, &entry.holder) {
        (Some(material), None) => Some(ErasureTarget::Material(material)),
        (None, Some(holder)) => Subject::try_from(holder).ok().map(ErasureTarget::Holder),
        _ => None,
    }
}
