//! What the archive has forgotten and the state does not know of: `repository.db` alone was put back to an earlier state, and
//! windows that had not heard by then would show it for ever.

use yidang_archive::{Erasure, ErasureTarget, Tombstone};
use yidang_model::{ErasureId, MaterialId};
use yidang_sync::wire::part_of;

use crate::error::StartError;
use crate::problem::Problem;
use crate::repository::{Agent, Repository, WINDOW_SEPARATOR};
use crate::state::{AgentNumber, ErasureOutcome, PlannedErasure};

/// Tombstones read at a time.
const TOMBSTONES_AT_A_TIME: usize = 200;

impl Repository {
    /// Tells everyone who filed it. Called before the first request, when what a crash interrupted has been finished.
    pub(crate) fn tell_of_tombstones(&self) -> Result<(), StartError> {
        let known_to = self.state.tombstones_known_to()?;
        let mut after = known_to;
        loop {
            let tombstones = self.archive.tombstones(after, TOMBSTONES_AT_A_TIME)?;
            let Some(last) = tombstones.last() else { break };
            after = last.sequence;
            for tombstone in &tombstones {
                self.tell_of_tombstone(tombstone).map_err(|problem| {
                    let (id, code) = (tombstone.erasure, problem.code.as_str());
                    StartError::System(format!("the windows could not be told of erasure {id}: {code}"))
                })?;
            }
        }
        if after > known_to {
            self.state.put_tombstones_known_to(after)?;
        }
        Ok(())
    }

    fn tell_of_tombstone(&self, tombstone: &Tombstone) -> Result<(), Problem> {
        let id = tombstone.erasure;
        if self.state.erasure(id)?.is_some() {
            return Ok(());
        }
        let requester = self.window_that_asked(tombstone)?;
        // Whom it forgot, nothing tells any more; about a paper it is told that it was.
        let decided_at = match self.archive.erasure(id)? {
            Some(Erasure { target: Some(ErasureTarget::Material(_)), erased_at, .. }) => erased_at,
            _ => None,
        };
        let outcome = ErasureOutcome {
            id,
            requester,
            materials: &tombstone.materials,
            holder: None,
            shown_for: &[],
            personal: self.personal_news(None, &tombstone.shared_kept, decided_at)?,
        };
        let heads = self.state.announce_erasure(&outcome)?;
        tracing::warn!(erasure = %id, windows = heads.len(), "windows are told of an erasure that this repository.db does not know");
        self.state.forget_erased(&outcome)?;
        if let Some(agent) = requester {
            self.state.plan_erasure(&PlannedErasure { id, agent, request: None })?;
        }
        Ok(())
    }

    /// Tells a window of a tombstone on what it offers, unless it was told of that before: it may have filed it under this name when
    /// the state was a later one.
    pub(crate) fn tell_of_tombstone_on(&self, agent: &Agent, offered: MaterialId) -> Result<(), Problem> {
        let number = agent.record.number;
        if !self.archive.is_erased(offered)? || self.state.was_told_erased(number, offered)? {
            return Ok(());
        }
        // Which erasure it was, no index tells: one of this name alone.
        let erasure = part_of(ErasureId::from_bytes(*offered.as_bytes()), offered);
        let personal = self.personal_news(None, &[], None)?;
        if let Some(head) = self.state.tell_erased(number, erasure, &[offered], &personal)? {
            self.announce(number, head);
        }
        Ok(())
    }

    /// By the name that the ledger has; `None` where it enrolled since, or the ledger does not tell.
    fn window_that_asked(&self, tombstone: &Tombstone) -> Result<Option<AgentNumber>, Problem> {
        let name = tombstone.by.as_ref().and_then(|by| by.client.split(WINDOW_SEPARATOR).next());
        let agents = self.state.agents()?;
        Ok(agents.into_iter().find(|agent| Some(agent.name.as_str()) == name).map(|agent| agent.number))
    }
}
