//! Putting materials right that a window filed to the wrong person, kind or case: in the archive, then told to
//! every agent concerned.

use yidang_archive::{Actor, ArchiveError, Refiling};
use yidang_model::{Kind, Material, Subject};
use yidang_sync::limits::{NAME_LENGTH_MAX, REMARK_LENGTH_MAX, TEXT_LENGTH_MAX};
use yidang_sync::wire::{self, RefilingEntry, WirePlace, WireSubject};

use crate::commits::Progress;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::state::{RefilingOutcome, Tag};

pub(crate) const PLACE_CONTEXT: &[u8] = b"refiling news";

impl Repository {
    /// Takes a reported refiling: a result code if it cannot be one, or if this agent may not report it. The
    /// caller holds `forgetting` for writing, so that what is told is how the material stands.
    ///
    /// A crash between archive and feed leaves the commit unanswered: sent again, it changes nothing in the
    /// archive and goes onto the feeds.
    pub(crate) fn take_refiling(
        &self,
        agent: &Agent,
        entry: &RefilingEntry,
        progress: &mut Progress,
    ) -> Result<Option<&'static str>, Problem> {
        let Some(refiling) = read(agent, entry) else { return Ok(Some(wire::INVALID)) };
        // What this very commit filed has to be known before it is asked who is concerned.
        self.write_down(agent, progress, None)?;
        let stored = self.state.stored_for(entry.id)?.unwrap_or(entry.id);
        let is_erased = self.archive.is_erased(stored)? || self.archive.is_erased(entry.id)?;
        if is_erased || self.is_withdrawn(entry.id)? {
            return Ok(Some(wire::MATERIAL_ERASED));
        }
        let Some(before) = self.archive.material(stored)? else { return Ok(Some(wire::MATERIAL_UNKNOWN)) };
        if !self.may_refile(agent, entry, &before.material)? {
            tracing::warn!(agent = agent.record.name, material = %entry.id, "a refiling was denied");
            return Ok(Some(wire::REFILING_DENIED));
        }
        let after = match self.archive.refile(Refiling { id: stored, ..refiling }) {
            Ok(after) => after.material,
            Err(ArchiveError::Invalid(_)) => return Ok(Some(wire::INVALID)),
            Err(error) => return Err(error.into()),
        };
        self.grants.withdraw(stored);
        let personal = serde_json::to_vec(&place_of(&after)).map_err(|_| Code::StorageFailed)?;
        let outcome = RefilingOutcome {
            stored,
            requester: agent.record.number,
            shown_for: &self.tags_of(&before.material.holders),
            holders: &self.tags_of(&after.holders),
            personal: self.secrets.seal(PLACE_CONTEXT, &personal).ok_or(Code::StorageFailed)?,
        };
        self.announce_all(self.state.finish_refiling(&outcome)?);
        tracing::info!(agent = agent.record.name, material = %stored, "a refiling was carried out");
        Ok(None)
    }

    pub(crate) fn tags_of(&self, people: &[Subject]) -> Vec<Tag> {
        people.iter().map(|who| self.secrets.subject_tag(who)).collect()
    }

    /// Whether this agent may say whose it is: its window filed it, or it has lately had the dossier open here.
    fn may_refile(&self, agent: &Agent, entry: &RefilingEntry, on_file: &Material) -> Result<bool, Problem> {
        let own = agent.record.number;
        if self.is_of_window(own, entry.id)? {
            return Ok(true);
        }
        for holder in &on_file.holders {
            if self.opened_lately(own, holder)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn place_of(material: &Material) -> WirePlace {
    WirePlace {
        holders: material.holders.iter().map(WireSubject::from).collect(),
        kind: material.kind.as_str().to_owned(),
        case: material.case.clone(),
    }
}

/// What is to be put right; `None` if it does not hold together.
fn read(agent: &Agent, entry: &RefilingEntry) -> Option<Refiling> {
    let long = |text: &str, length_max| text.chars().count() > length_max;
    if long(&entry.client, NAME_LENGTH_MAX)
        || entry.operator.as_deref().is_some_and(|operator| long(operator, NAME_LENGTH_MAX))
        || long(&entry.reason, REMARK_LENGTH_MAX)
        || entry.now.case.as_deref().is_some_and(|case| long(case, TEXT_LENGTH_MAX))
    {
        return None;
    }
    let holders = entry.now.holders.iter().map(Subject::try_from).collect::<Result<Vec<Subject>, _>>();
    Some(Refiling {
        id: entry.id,
        holders: Some(holders.ok()?),
        kind: Some(Kind::new(&entry.now.kind).ok()?),
        case: entry.now.case.clone(),
        reason: entry.reason.clone(),
        by: Actor { client: agent.client(&entry.client), operator: entry.operator.clone() },
        idempotency: None,
        decided_elsewhere: true,
        only_at: None,
    })
}
