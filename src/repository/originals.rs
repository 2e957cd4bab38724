//! Disposing of the untouched originals of papers that stay, whose term is over: decided here, carried out in the archive,
//! then told to every agent that filed them.
//!
//! | step | what a crash right after it leaves | who goes on |
//! |---|---|---|
//! | 1. the decision in the state | the originals | the next start |
//! | 2. the archive's entry, then the pictures | nobody has been told | the next start; what is left of the pictures, the archive's own sweep |
//! | 3. the feeds, and the decision taken out of the state, in one transaction | the agent's commit without its answer | the agent, which sends it again and is told again |

use std::sync::PoisonError;

use yidang_archive::storage::StorageFault;
use yidang_archive::{Actor, ArchiveError, Disposal, DuePaper, ErasureTarget, LOOK_MATERIALS_MAX, Stored};
use yidang_model::{Digest, Material, MaterialId, Page};
use yidang_sync::limits::{NAME_LENGTH_MAX, TEXT_LENGTH_MAX};
use yidang_sync::wire::{self, OriginalsEntry};

use crate::commits::Progress;
use crate::error::StartError;
use crate::problem::Problem;
use crate::repository::{Agent, Repository};
use crate::state::{OriginalsOutcome, PlannedOriginals};

/// Who the ledger says did what a crash interrupted.
const CLIENT: &str = "yidang-repository";

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
        let mut granted = Vec::with_capacity(entries.len());
        for (at, entry) in entries {
            let code = match self.decide(agent, entry, is_told)? {
                Ok(stored) => {
                    granted.push(PlannedOriginals { stored, agent: agent.record.number, named: entry.id });
                    None
                }
                Err(code) => {
                    tracing::warn!(agent = agent.record.name, material = %entry.id, code, "originals stay");
                    Some(code)
                }
            };
            progress.results.insert(at, code);
        }
        self.state.plan_originals(&granted)?;
        let by = Actor { client: agent.record.name.clone(), operator: None };
        self.carry_out_originals(&granted, &by)?;
        // Where pictures lie has changed.
        progress.standings.clear();
        Ok(())
    }

    /// The material on file, or why its originals stay.
    fn decide(
        &self,
        agent: &Agent,
        entry: &OriginalsEntry,
        is_told: bool,
    ) -> Result<Result<MaterialId, &'static str>, Problem> {
        let long = |text: &str, length_max| text.chars().count() > length_max;
        if long(&entry.client, NAME_LENGTH_MAX)
            || entry.operator.as_deref().is_some_and(|operator| long(operator, NAME_LENGTH_MAX))
            || long(&entry.kind, TEXT_LENGTH_MAX)
        {
            return Ok(Err(wire::INVALID));
        }
        let stored = self.state.stored_for(entry.id)?.unwrap_or(entry.id);
        if self.archive.is_erased(stored)? || self.archive.is_erased(entry.id)? {
            return Ok(Err(wire::MATERIAL_ERASED));
        }
        let Some(on_file) = self.archive.material(stored)? else {
            // One that nobody has committed is this agent's own affair, as with an erasure.
            let is_nobodys = self.state.committers(entry.id)?.is_empty();
            return Ok(if is_nobodys { Ok(stored) } else { Err(wire::MATERIAL_UNKNOWN) });
        };
        Ok(if !self.state.is_of_counter(agent.record.number, entry.id)? {
            Err(wire::ORIGINALS_DENIED)
        } else if self.archive.is_held(&ErasureTarget::Material(stored))? {
            Err(wire::LEGAL_HOLD)
        } else if on_file.material.kind.as_str() != entry.kind {
            Err(wire::MATERIAL_CHANGED)
        } else if !is_told {
            Err(wire::LEDGER_DAMAGED)
        } else {
            Ok(stored)
        })
    }

    /// Steps 2 and 3. Each can be done again.
    fn carry_out_originals(&self, granted: &[PlannedOriginals], by: &Actor) -> Result<(), Problem> {
        for some in granted.chunks(LOOK_MATERIALS_MAX) {
            let (mut papers, mut outcomes) = (Vec::with_capacity(some.len()), Vec::with_capacity(some.len()));
            for planned in some {
                let on_file = self.archive.material(planned.stored)?;
                papers.extend(on_file.iter().map(|s| DuePaper { id: planned.stored, stands_by: s.sequence }));
                outcomes.push((planned, on_file.map(|stored| stored.originals()).unwrap_or_default()));
            }
            if !papers.is_empty() {
                self.archive.dispose_of_originals(Disposal { papers, by: by.clone() })?;
            }
            let told = outcomes.into_iter().map(|(planned, digests)| self.outcome(*planned, &digests));
            let told = told.collect::<Result<Vec<OriginalsOutcome>, Problem>>()?;
            for (agent, head) in self.state.finish_originals(&told)? {
                self.announce(agent, head);
            }
            tracing::info!(materials = told.len(), "originals were disposed of");
        }
        Ok(())
    }

    /// What the agents and the state have to know of it.
    fn outcome(&self, planned: PlannedOriginals, digests: &[Digest]) -> Result<OriginalsOutcome, Problem> {
        self.grants.withdraw_pictures(planned.stored, digests);
        let mut gone = Vec::with_capacity(digests.len());
        for digest in digests {
            gone.push((self.secrets.digest_tag(digest), self.archive.needing(digest)?));
        }
        Ok(OriginalsOutcome { planned, gone })
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
        let by = Actor { client: CLIENT.to_owned(), operator: None };
        self.carry_out_originals(&planned, &by).map_err(|problem| {
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
        for (stored, digests) in late {
            let tags: Vec<_> = digests.iter().map(|digest| self.secrets.digest_tag(digest)).collect();
            let uploads = self.state.uploads(agent.record.number, &tags)?;
            for (tag, upload) in tags.iter().zip(uploads) {
                let Some(upload) = upload.filter(|upload| upload.material.is_none()) else { continue };
                self.state.forget_uploads(agent.record.number, &[*tag])?;
                match self
                    .archive
                    .discard(upload.staged, &Actor { client: CLIENT.to_owned(), operator: None })
                {
                    Ok(_) | Err(ArchiveError::StagedUnknown | ArchiveError::StagedFiled { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let head = self.state.tell_originals(agent.record.number, stored)?;
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
