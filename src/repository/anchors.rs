//! The heads of the agents' ledgers: what an auditor holds a window's own ledger against.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State as Shared};
use serde::Deserialize;
use yidang_sync::limits::JSON_BODY_MAX;
use yidang_sync::wire::{AnchorAnswer, LedgerAnchor};

use crate::problem::{Code, Problem};
use crate::repository::{Repository, work};
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
    let invalid = || Problem::invalid("`ledger`, `sequence` or `hash` is none");
    let mut hash = [0; 32];
    hex::decode_to_slice(&told.hash, &mut hash).map_err(|_| invalid())?;
    let ledger = name_of(&told.ledger)?;
    if told.sequence == 0 || i64::try_from(told.sequence).is_err() {
        return Err(invalid());
    }
    let anchor = Anchor { ledger, sequence: told.sequence, hash };
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
    let told = |anchor: Anchor| LedgerAnchor {
        ledger: query.ledger.clone(),
        sequence: anchor.sequence,
        hash: hex::encode(anchor.hash),
    };
    Ok(Json(AnchorAnswer { anchor: found.map(told) }))
}

fn name_of(text: &str) -> Result<[u8; 16], Problem> {
    let mut name = [0; 16];
    hex::decode_to_slice(text, &mut name)
        .map_err(|_| Problem::invalid("`ledger` is not 32 hexadecimal digits"))?;
    Ok(name)
}
