//! The heads of the agents' ledgers: what an auditor holds a window's own ledger against.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State as Shared};
use serde::Deserialize;
use yidang_sync::limits::JSON_BODY_MAX;
use yidang_sync::parcel::ParcelAnchor;
use yidang_sync::wire::{AnchorAnswer, LedgerAnchor};

use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository, work};
use crate::request::{Caller, parse, receive};
use crate::state::Anchor;

/// Which ledger is asked about.
#[derive(Deserialize)]
pub(crate) struct AnchorQuery {
    ledger: String,
}

/// `PUT /v1/anchor`. A ledger only grows: an earlier entry, or another one of the same sequence, is refused, and the
/// one that is known stays.
pub(crate) async fn put(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    request: Request,
) -> Result<Json<LedgerAnchor>, Problem> {
    let received = receive(&repository, request, JSON_BODY_MAX).await?;
    let told: LedgerAnchor = parse(&received.bytes)?;
    let anchor = anchor_of(&told)?;
    work(&repository, received, move |r| {
        if r.state.put_anchor(agent.record.number, &anchor, r.now())? {
            return Ok(Json(told));
        }
        tracing::warn!(agent = agent.record.name, "a ledger is not what it was when it was last anchored");
        Err(Code::AnchorConflict.into())
    })
    .await
}

/// `GET /v1/anchor`. Of a ledger that came under another number, a window enrolled anew hears what that told: a ledger's name is
/// drawn at random, so who knows it has the ledger or a copy of it.
pub(crate) async fn get(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    Query(query): Query<AnchorQuery>,
) -> Result<Json<AnchorAnswer>, Problem> {
    let ledger = name_of(&query.ledger)?;
    let found = work(&repository, (), move |r| Ok(r.state.anchor(agent.record.number, ledger)?)).await?;
    Ok(Json(AnchorAnswer { anchor: found.as_ref().map(told) }))
}

impl Repository {
    /// Takes in the end of a ledger that came in a parcel; what is remembered of that ledger now. Parcels come late, and more than
    /// once: only one whose window knows what was remembered before has something newer.
    pub(crate) fn take_anchor(
        &self,
        agent: &Agent,
        sent: &ParcelAnchor,
    ) -> Result<Option<LedgerAnchor>, Problem> {
        let (number, anchor) = (agent.record.number, anchor_of(&sent.end)?);
        let known = self.state.anchor(number, anchor.ledger)?;
        let is_next = known.as_ref().is_none_or(|known| sent.follows == Some(known.sequence));
        if is_next && !self.state.put_anchor(number, &anchor, self.now())? {
            tracing::warn!(
                agent = agent.record.name,
                "a ledger is not what it was when it was last anchored"
            );
        }
        Ok(self.state.anchor(number, anchor.ledger)?.as_ref().map(told))
    }
}

fn anchor_of(told: &LedgerAnchor) -> Result<Anchor, Problem> {
    let invalid = || Problem::invalid("`ledger`, `sequence` or `hash` is none");
    let mut hash = [0; 32];
    hex::decode_to_slice(&told.hash, &mut hash).map_err(|_| invalid())?;
    let ledger = name_of(&told.ledger)?;
    if told.sequence == 0 || i64::try_from(told.sequence).is_err() {
        return Err(invalid());
    }
    Ok(Anchor { ledger, sequence: told.sequence, hash })
}

fn told(anchor: &Anchor) -> LedgerAnchor {
    let Anchor { ledger, sequence, hash } = anchor;
    LedgerAnchor { ledger: hex::encode(ledger), sequence: *sequence, hash: hex::encode(hash) }
}

fn name_of(text: &str) -> Result<[u8; 16], Problem> {
    let mut name = [0; 16];
    hex::decode_to_slice(text, &mut name)
        .map_err(|_| Problem::invalid("`ledger` is not 32 hexadecimal digits"))?;
    Ok(name)
}
