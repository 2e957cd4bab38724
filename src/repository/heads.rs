//! The end of this repository's ledger, which the windows remember, and what it means that one remembers another.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Shared};
use yidang_archive::Actor;
use yidang_sync::limits::JSON_BODY_MAX;
use yidang_sync::wire::{HeadAnswer, HeadRequest, RepositoryHead};

use crate::problem::Problem;
use crate::repository::{Agent, Repository, work};
use crate::request::{Caller, parse, receive};

/// More than any window remembers.
const KNOWN_MAX: usize = 4;

/// `POST /v1/head`. A window that knows of an entry which is not here knows that this repository was put back to an earlier
/// state, or has lost what it had: a hold may be among that, so nothing is forgotten until the holds are confirmed.
pub(crate) async fn head(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    request: Request,
) -> Result<Json<HeadAnswer>, Problem> {
    let received = receive(&repository, request, JSON_BODY_MAX).await?;
    let HeadRequest { known } = parse(&received.bytes)?;
    work(&repository, received, move |r| {
        let has_known = r.has_known(&agent, &known)?;
        Ok(Json(HeadAnswer { has_known, head: r.head()? }))
    })
    .await
}

impl Repository {
    /// The last entry of the ledger.
    pub(crate) fn head(&self) -> Result<RepositoryHead, Problem> {
        let (sequence, hash) = self.archive.anchor()?;
        Ok(RepositoryHead {
            ledger: self.archive.store_id().to_owned(),
            sequence,
            hash: hex::encode(hash),
            // One more is another loss to whoever was told before.
            rebuilt: self.archive.rebuilt_at()? + self.exchanged,
            told_at: self.now().as_millis(),
        })
    }

    /// Whether the ledger has all that a window knows of it, however it was told. Where it has not, the holds are doubted.
    pub(crate) fn has_known(&self, agent: &Agent, known: &[RepositoryHead]) -> Result<bool, Problem> {
        if known.len() > KNOWN_MAX {
            return Err(Problem::invalid("`known` names too many"));
        }
        let mut has_known = true;
        for known in known {
            has_known &= self.is_remembered_well(agent, known)?;
        }
        Ok(has_known)
    }

    /// Whether the ledger has this that a window knows of it. Where it has not, holds may be missing: that is entered, unless they were
    /// confirmed since the window was told.
    fn is_remembered_well(&self, agent: &Agent, known: &RepositoryHead) -> Result<bool, Problem> {
        let RepositoryHead { ledger, sequence, hash, rebuilt: _, told_at } = known;
        let mut known_hash = [0; 32];
        if hex::decode_to_slice(hash, &mut known_hash).is_err() || i64::try_from(*sequence).is_err() {
            return Err(Problem::invalid("`sequence` or `hash` is none"));
        }
        let is_own = ledger == self.archive.store_id();
        if *sequence == 0 || is_own && self.archive.entry_hash(*sequence)? == Some(known_hash) {
            return Ok(true);
        }
        let is_told = is_own && self.archive.accounts_for(*sequence, known_hash)?;
        let is_settled = self.state.holds_confirmed_at()?.is_some_and(|at| at.as_millis() >= *told_at);
        if !is_told && !is_settled && self.archive.tells_every_hold()? {
            tracing::error!(
                agent = agent.record.name,
                sequence,
                "a window remembers an entry that this ledger has not, as of a repository that was put back from a backup: compare \
                 the holds with the office's files, place what is missing, then run `yidang-repository hold confirm`"
            );
            self.archive.doubt_holds(&Actor { client: agent.record.name.clone(), operator: None })?;
        }
        Ok(false)
    }
}
