//! Commits: what the agents report, taken exactly once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use axum::body::Bytes;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use yidang_model::{Digest, HoldId, Material, MaterialId, Origin};
use yidang_sync::limits::{COMMIT_BODY_MAX, COMMIT_ENTRIES_MAX};
use yidang_sync::wire::{
    self, CommitAnswer, CommitRequest, CommitResult, Entry, ErasedEntry, ErasureEntry, OriginalsEntry,
    RefilingEntry, Verdict,
};

use crate::filing::Standing;
use crate::originals::Late;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository, work};
use crate::request::{Caller, parse, receive};
use crate::state::{Answered, CommitRecord, Committed, Tag};

/// `POST /v1/commits`
pub(crate) async fn commit(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let received = receive(&repository, request, COMMIT_BODY_MAX).await?;
    // The turn is kept by the work itself: when the caller goes away half-way, its next try waits for it.
    let turn = agent.turn().await?;
    let body: Bytes = received.bytes.clone();
    let answer = work(&repository, (received, turn), move |r| r.commit(&agent, &body)).await?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], answer).into_response())
}

/// An entry as far as it could be read.
pub(crate) enum Reported {
    /// A material.
    Filed(Box<Material>),
    /// A request to forget.
    Erasure(ErasureEntry),
    /// What is known at the window to be forgotten.
    Erased(ErasedEntry),
    /// A hold that stands at the window.
    Held(HoldId),
    /// A material that was put right.
    Refiling(RefilingEntry),
    /// A request to dispose of a material's originals.
    Originals(OriginalsEntry),
    /// Nothing that could be taken, for this reason.
    Refused(&'static str),
}

/// What carrying out a commit's entries has come to.
#[derive(Default)]
pub(crate) struct Progress {
    /// Result code of each entry that is through; `None`: accepted.
    pub(crate) results: HashMap<usize, Option<&'static str>>,
    /// Entries that have become one with a material of another name.
    pub(crate) filed_as: HashMap<usize, MaterialId>,
    pub(crate) committed: Vec<Committed>,
    pub(crate) contacts: BTreeSet<Tag>,
    pub(crate) used: Vec<(Tag, MaterialId)>,
    /// How materials stood when the blobs were counted, as long as that holds.
    pub(crate) standings: HashMap<usize, Standing>,
    /// Materials on file that were reported with originals they have no more.
    pub(crate) late: Vec<Late>,
}

impl Progress {
    /// This material is on file, as that one.
    pub(crate) fn accept(&mut self, at: usize, material: MaterialId, stored: MaterialId) {
        self.results.insert(at, None);
        if stored != material {
            self.filed_as.insert(at, stored);
        }
        self.committed.push(Committed { material, stored });
    }

    fn result(&self, at: usize, id: String) -> CommitResult {
        let code = match self.results.get(&at) {
            Some(code) => *code,
            // Every entry has its result by now; an entry without one must not count as taken.
            None => Some(wire::INVALID),
        };
        let result = if code.is_none() { Verdict::Accepted } else { Verdict::Rejected };
        let filed_as = self.filed_as.get(&at).copied();
        CommitResult { id, result, code: code.map(str::to_owned), filed_as }
    }
}

impl Repository {
    /// Takes a commit and gives its answer, as JSON.
    pub(crate) fn commit(&self, agent: &Agent, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let CommitRequest { epoch, sequence, entries } = parse::<CommitRequest<Value>>(body)?;
        if epoch != agent.record.epoch {
            return Err(Code::EpochWrong.into());
        }
        if entries.len() > COMMIT_ENTRIES_MAX {
            return Err(Problem::invalid(format!("more than {COMMIT_ENTRIES_MAX} entries")));
        }
        if sequence == 0 || i64::try_from(sequence).is_err() {
            return Err(Problem::invalid("`sequence` is out of range"));
        }
        let tag = self.secrets.body_tag(body);
        if let Some(answered) = self.state.answered(&agent.record, sequence)? {
            let same = answered.body == tag;
            return if same { Ok(answered.answer) } else { Err(Code::SequenceConflict.into()) };
        }
        let ids: Vec<String> = entries.iter().map(identifier).collect();
        let reported: Vec<Reported> = entries.into_iter().map(|e| self.read_entry(e)).collect();
        let mut progress = Progress::default();
        self.carry_out(agent, &reported, &mut progress)?;
        let results = ids.into_iter().enumerate().map(|(at, id)| progress.result(at, id));
        let answer = CommitAnswer { results: results.collect(), head: Some(self.head()?) };
        let answer = serde_json::to_vec(&answer).map_err(|_| Code::StorageFailed)?;
        let answered = Answered { body: tag, answer: answer.clone() };
        self.write_down(agent, &mut progress, Some((sequence, answered)))?;
        tracing::info!(agent = agent.record.name, sequence, entries = reported.len(), "a commit was taken");
        Ok(answer)
    }

    /// Writes down what a commit has come to since this was last called.
    pub(crate) fn write_down(
        &self,
        agent: &Agent,
        progress: &mut Progress,
        answered: Option<(u64, Answered)>,
    ) -> Result<(), Problem> {
        self.state.put_commit(&CommitRecord {
            agent: &agent.record,
            answered,
            committed: std::mem::take(&mut progress.committed),
            contacts: std::mem::take(&mut progress.contacts),
            used: std::mem::take(&mut progress.used),
        })?;
        Ok(())
    }

    /// Carries the entries out in their order. Nothing is written before it is certain that no blob is
    /// missing. After an error some entries may have been carried out; the same commit again finds them done.
    fn carry_out(
        &self,
        agent: &Agent,
        reported: &[Reported],
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        if reported.iter().any(|r| matches!(r, Reported::Originals(_))) {
            // Read through here, where nobody has to wait for it.
            self.archive.tells_every_blob()?;
        }
        let forgets = reported.iter().any(|r| !matches!(r, Reported::Filed(_) | Reported::Refused(_)));
        let reading = (!forgets).then(|| self.forgetting.read().unwrap_or_else(PoisonError::into_inner));
        let writing = forgets.then(|| self.forgetting.write().unwrap_or_else(PoisonError::into_inner));
        self.require_blobs(agent, reported, progress)?;
        let mut run: Vec<(usize, &Material)> = Vec::new();
        let mut originals: Vec<(usize, &OriginalsEntry)> = Vec::new();
        for (at, reported) in reported.iter().enumerate() {
            if !matches!(reported, Reported::Originals(_)) {
                self.take_originals(agent, std::mem::take(&mut originals), progress)?;
            }
            match reported {
                Reported::Filed(material) => run.push((at, material)),
                Reported::Refused(code) => drop(progress.results.insert(at, Some(*code))),
                Reported::Erasure(entry) => {
                    self.file_run(agent, std::mem::take(&mut run), progress)?;
                    let code = self.take_erasure(agent, entry, progress)?;
                    progress.standings.clear();
                    progress.results.insert(at, code);
                }
                Reported::Erased(entry) => {
                    self.file_run(agent, std::mem::take(&mut run), progress)?;
                    let code = self.take_erased(agent, entry, progress)?;
                    progress.standings.clear();
                    progress.results.insert(at, code);
                }
                Reported::Held(id) => {
                    self.take_held(agent, *id)?;
                    progress.results.insert(at, None);
                }
                Reported::Originals(entry) => {
                    self.file_run(agent, std::mem::take(&mut run), progress)?;
                    originals.push((at, entry));
                }
                Reported::Refiling(entry) => {
                    self.file_run(agent, std::mem::take(&mut run), progress)?;
                    let code = self.take_refiling(agent, entry, progress)?;
                    progress.standings.clear();
                    progress.results.insert(at, code);
                }
            }
        }
        self.file_run(agent, run, progress)?;
        self.take_originals(agent, originals, progress)?;
        self.tell_late(agent, progress)?;
        drop((reading, writing));
        Ok(())
    }

    fn require_blobs(
        &self,
        agent: &Agent,
        reported: &[Reported],
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        let mut missing: BTreeSet<Digest> = BTreeSet::new();
        for (at, reported) in reported.iter().enumerate() {
            if let Reported::Filed(material) = reported {
                match self.standing(agent, material)? {
                    Standing::Lacking(digests) => missing.extend(digests),
                    standing => drop(progress.standings.insert(at, standing)),
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Problem::missing(missing.into_iter().collect())) }
    }

    /// Reads one entry. What this version cannot read is refused by itself: an agent whose queue has it would
    /// otherwise never get past it.
    fn read_entry(&self, entry: Value) -> Reported {
        let known = matches!(
            entry["type"].as_str(),
            Some("filed" | "erasure_requested" | "erased" | "held" | "refiled" | "originals_requested")
        );
        match serde_json::from_value::<Entry>(entry) {
            Err(_) if !known => Reported::Refused(wire::ENTRY_UNKNOWN),
            Err(_) => Reported::Refused(wire::INVALID),
            Ok(Entry::ErasureRequested(entry)) => Reported::Erasure(entry),
            Ok(Entry::Erased(entry)) => Reported::Erased(entry),
            Ok(Entry::Held { id }) => Reported::Held(id),
            Ok(Entry::Refiled(entry)) => Reported::Refiling(entry),
            Ok(Entry::OriginalsRequested(entry)) => Reported::Originals(entry),
            Ok(Entry::Filed { id, material }) => match Material::try_from(*material) {
                Ok(material) if material.id != id => Reported::Refused(wire::INVALID),
                Ok(material) if material.origin == Origin::Simulated && !self.accept_simulated => {
                    Reported::Refused(wire::SIMULATED_REFUSED)
                }
                Ok(material) => Reported::Filed(Box::new(material)),
                Err(error) => {
                    tracing::warn!(%error, "an entry does not hold together");
                    Reported::Refused(wire::INVALID)
                }
            },
        }
    }
}

/// The entry's identifier, for its result; only where it is one, since the answer is kept.
fn identifier(entry: &Value) -> String {
    let id = entry["id"].as_str().and_then(|text| text.parse::<MaterialId>().ok());
    id.map(|id| id.to_string()).unwrap_or_default()
}
