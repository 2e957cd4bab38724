//! Disposing of the untouched originals of papers that stay, whose term is over: decided here, carried out in the archive,
//! then told to every agent that filed them.
//!
//! | step | what a crash right after it leaves | who goes on |
//! |---|---|---|
//! | 1. the decision in the state | the originals | the next start, unless a hold or a refiling has come in between |
//! | 2. the archive's entry, then the pictures | nobody has been told | the next start; what is left of the pictures, the archive's own sweep |
//! | 3. the feeds, and the decision taken out of the state, in one transaction | the agent's commit without its answer | the agent, which sends it again and is told again |

use std::sync::PoisonError;

use yidang_archive::storage::StorageFault;
use yidang_archive::{Actor, ArchiveError, Disposal, DuePaper, ErasureTarget, LOOK_MATERIALS_MAX, Stored};
use yidang_model::{Digest, Kind, Material, MaterialId, Page};
use yidang_sync::limits::{NAME_LENGTH_MAX, TEXT_LENGTH_MAX};
use yidang_sync::wire::{self, OriginalsEntry};

use crate::commits::Progress;
use crate::error::StartError;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::state::{OriginalsOutcome, PlannedOriginals};

/// Who the ledger says did what a crash interrupted, or nobody asked for.
const CLIENT: &str = "yidang-repository";
/// What the kind is sealed for that goes with the news.
pub(crate) const KIND_CONTEXT: &[u8] = b"originals news";

/// A material that was reported with originals that are disposed of here.
pub(crate) struct Late {
    /// The material on file.
    stored: MaterialId,
    /// What kind of paper was reported.
    kind: Kind,
    originals: Vec<Digest>,
}

impl Late {
    /// `None` without any such originals.
    pub(crate) fn of(stored: MaterialId, reported: &Material, originals: Vec<Digest>) -> Option<Self> {
        let late = Self { stored, kind: reported.kind.clone(), originals };
        (!late.originals.is_empty()).then_some(late)
    }
}

fn itself() -> Actor {
    Actor { client: CLIENT.to_owned(), operator: None }
}

impl Repository {
    /// Takes reported requests, and gives each its result: a code if it cannot be one, or is not granted. The caller holds
    /// `forgetting` for writing.
    pub(crate) fn take_originals(
        &self,
        agent: &Agent,
        entries: Vec<(usize, &OriginalsEntry)>,
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        if entries.is_empty() {
            return Ok(());
        }
        // What this very commit filed has to be known before it is asked who is concerned.
        self.write_down(agent, progress, None)?;
        let is_told = self.archive.tells_every_blob()?;
        let number = agent.record.number;
        let (mut granted, mut refused) = (Vec::with_capacity(entries.len()), Vec::new());
        for (at, entry) in &entries {
            let stored = self.state.stored_for(entry.id)?.unwrap_or(entry.id);
            let code = self.decide(agent, entry, stored, is_told)?;
            if let Some(code) = code {
                tracing::warn!(agent = agent.record.name, material = %entry.id, code, "originals stay");
                refused.push((stored, number));
            } else {
                let kind = Some(entry.kind.clone());
                let by = Actor { client: agent.client(&entry.client), operator: entry.operator.clone() };
                granted.push((by, PlannedOriginals { stored, agent: number, named: entry.id, kind }));
            }
            progress.results.insert(*at, code);
        }
        // Plans of an earlier try, which was granted and stopped half-way.
        self.state.unplan_originals(&refused)?;
        let (by, granted): (Vec<Actor>, Vec<PlannedOriginals>) = granted.into_iter().unzip();
        self.state.plan_originals(&granted)?;
        let mut left = Vec::new();
        let mut rest = granted.as_slice();
        for run in by.chunk_by(|one, next| one == next) {
            let (of_one, others) = rest.split_at(run.len());
            left.extend(self.carry_out_originals(of_one, &run[0])?);
            rest = others;
        }
        // Held since it was decided: by whoever runs the repository, this very moment.
        let held = |planned: &&PlannedOriginals| left.contains(&planned.stored);
        for planned in granted.iter().filter(held) {
            let asked = entries.iter().filter(|(_, entry)| entry.id == planned.named);
            progress.results.extend(asked.map(|(at, _)| (*at, Some(wire::LEGAL_HOLD))));
        }
        // Where pictures lie has changed.
        progress.standings.clear();
        Ok(())
    }

    /// Why the originals of the material on file stay; `None`: they go, or have gone.
    fn decide(
        &self,
        agent: &Agent,
        entry: &OriginalsEntry,
        stored: MaterialId,
        is_told: bool,
    ) -> Result<Option<&'static str>, Problem> {
        let long = |text: &str, length_max| text.chars().count() > length_max;
        if long(&entry.client, NAME_LENGTH_MAX)
            || entry.operator.as_deref().is_some_and(|operator| long(operator, NAME_LENGTH_MAX))
            || long(&entry.kind, TEXT_LENGTH_MAX)
        {
            return Ok(Some(wire::INVALID));
        }
        if self.archive.is_erased(stored)? || self.archive.is_erased(entry.id)? {
            return Ok(Some(wire::MATERIAL_ERASED));
        }
        let Some(on_file) = self.archive.material(stored)? else {
            // One that nobody has committed is this agent's own affair, as with an erasure.
            let is_nobodys = self.state.committers(entry.id)?.is_empty();
            return Ok((!is_nobodys).then_some(wire::MATERIAL_UNKNOWN));
        };
        Ok(if !self.is_of_window(agent.record.number, entry.id)? {
            Some(wire::ORIGINALS_DENIED)
        } else if !on_file.has_originals() {
            // A crash may have come before anybody was told; what a hold keeps at the windows waits there.
            None
        } else if self.archive.is_held(&ErasureTarget::Material(stored))? {
            Some(wire::LEGAL_HOLD)
        } else if on_file.material.kind.as_str() != entry.kind {
            Some(wire::MATERIAL_CHANGED)
        } else if !is_told {
            Some(wire::LEDGER_DAMAGED)
        } else if !self.archive.tells_every_hold()? {
            Some(wire::HOLDS_UNPROVEN)
        } else {
            None
        })
    }

    /// Steps 2 and 3. Each can be done again. What is held by now, or of another kind, stays, and nobody is told; those.
    fn carry_out_originals(
        &self,
        planned: &[PlannedOriginals],
        by: &Actor,
    ) -> Result<Vec<MaterialId>, Problem> {
        let mut left = Vec::new();
        for some in planned.chunks(LOOK_MATERIALS_MAX) {
            let mut papers = Vec::with_capacity(some.len());
            for PlannedOriginals { stored, kind, .. } in some {
                let on_file = self.archive.material(*stored)?;
                let due = on_file.filter(|s| kind.as_deref() == Some(s.material.kind.as_str()));
                papers.extend(due.map(|s| DuePaper { id: *stored, stands_by: s.sequence }));
            }
            if !papers.is_empty() {
                self.archive.dispose_of_originals(Disposal { papers, by: by.clone() })?;
            }
            let (mut told, mut stay) = (Vec::with_capacity(some.len()), Vec::new());
            for planned in some {
                match self.archive.material(planned.stored)? {
                    Some(on_file) if on_file.has_originals() => stay.push((planned.stored, planned.agent)),
                    on_file => {
                        let digests = on_file.map(|stored| stored.originals()).unwrap_or_default();
                        told.push(self.outcome(planned.clone(), &digests)?);
                    }
                }
            }
            self.state.unplan_originals(&stay)?;
            left.extend(stay.into_iter().map(|(stored, _)| stored));
            self.announce_all(self.state.finish_originals(&told)?.into_iter().collect());
            tracing::info!(materials = told.len(), left = left.len(), "originals were disposed of");
        }
        Ok(left)
    }

    /// What the agents and the state have to know of it.
    fn outcome(&self, planned: PlannedOriginals, digests: &[Digest]) -> Result<OriginalsOutcome, Problem> {
        let personal = self.sealed_kind(planned.kind.as_deref())?;
        self.grants.withdraw_pictures(planned.stored, digests);
        let mut gone = Vec::with_capacity(digests.len());
        for digest in digests {
            gone.push((self.secrets.digest_tag(digest), self.archive.needing(digest)?));
        }
        Ok(OriginalsOutcome { planned, gone, personal })
    }

    fn sealed_kind(&self, kind: Option<&str>) -> Result<Vec<u8>, Problem> {
        let json = serde_json::to_vec(&kind).map_err(|_| Code::StorageFailed)?;
        Ok(self.secrets.seal(KIND_CONTEXT, &json).ok_or(Code::StorageFailed)?)
    }

    /// Goes on with disposals that a crash interrupted. Called before the first request. While the ledger is damaged they
    /// wait: nothing else has to.
    pub(crate) fn finish_originals(&self) -> Result<(), StartError> {
        let _writing = self.forgetting.write().unwrap_or_else(PoisonError::into_inner);
        let planned = self.state.unfinished_originals()?;
        if planned.is_empty() {
            return Ok(());
        }
        match self.archive.tells_every_blob() {
            Ok(true) if !self.archive.tells_every_hold()? => {
                tracing::error!("interrupted disposals of originals wait until the holds are confirmed");
                return Ok(());
            }
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("interrupted disposals of originals wait until the ledger has been rebuilt");
                return Ok(());
            }
            Err(ArchiveError::Storage(error)) if error.fault == StorageFault::Damaged => {
                tracing::error!(%error, "interrupted disposals of originals wait until the ledger has been rebuilt");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        self.carry_out_originals(&planned, &itself()).map(drop).map_err(|problem| {
            StartError::System(format!(
                "disposals of originals could not be finished: {}",
                problem.code.as_str()
            ))
        })
    }

    /// What a commit has filed, or reported once more, with originals that are disposed of here: its agent is told, and
    /// what it uploaded of them is thrown away. Before the commit is answered, so that a crash repeats it.
    pub(crate) fn tell_late(&self, agent: &Agent, progress: &mut Progress) -> Result<(), Problem> {
        let late = std::mem::take(&mut progress.late);
        if late.is_empty() {
            return Ok(());
        }
        // Who gave it which name has to be written down first.
        self.write_down(agent, progress, None)?;
        for Late { stored, kind, originals } in late {
            let tags: Vec<_> = originals.iter().map(|digest| self.secrets.digest_tag(digest)).collect();
            let uploads = self.state.uploads(agent.record.number, &tags)?;
            for (tag, upload) in tags.iter().zip(uploads) {
                let Some(upload) = upload.filter(|upload| upload.material.is_none()) else { continue };
                self.state.forget_uploads(agent.record.number, &[*tag])?;
                match self.archive.discard(upload.staged, &itself()) {
                    Ok(_) | Err(ArchiveError::StagedUnknown | ArchiveError::StagedFiled { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let personal = self.sealed_kind(Some(kind.as_str()))?;
            let head = self.state.tell_originals(agent.record.number, stored, &personal)?;
            self.announce(agent.record.number, head);
            tracing::info!(agent = agent.record.name, material = %stored, "originals came late and are not taken");
        }
        Ok(())
    }
}

/// The originals that a report has and that were disposed of: of the material on file itself, or by a window that reported
/// it without them.
pub(crate) fn late_originals(on_file: &Stored, reported: &Material) -> Vec<Digest> {
    let is_alone = |page: &Page| page.original.digest != page.image.digest;
    let pages = reported.pages.iter().zip(&on_file.material.pages);
    let late = pages.filter(|(reported, here)| {
        is_alone(reported) && (!is_alone(here) || on_file.lacks(&here.original.digest))
    });
    let is_page = |digest: &Digest| reported.pages.iter().any(|page| page.image.digest == *digest);
    late.map(|(reported, _)| reported.original.digest).filter(|digest| !is_page(digest)).collect()
}
