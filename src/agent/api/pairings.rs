//! `/v1/pairings`: how a page or a program gets a token without a command line.

use std::time::Instant;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::extract::{Json, blocking};
use super::vocabulary::{PairingScope, PairingState};
use crate::app::Shared;
use crate::caller::Caller;
use crate::clock;
use crate::owner::Owner;
use crate::pairings::{self, Asking, LIFETIME, SCOPES};
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::tokens::{is_origin, is_token_name};

/// Whose idempotency keys those are that come without a token.
const NOBODY: Owner = Owner::of_token(0);

/// Who asks for what.
#[derive(Deserialize, ToSchema)]
#[schema(as = RequestPairing)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// What the program is called: an administrator reads it, and the ledger names it with all it does. 1 to 64
    /// characters in one line.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*[^\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}][^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]*$"
    )]
    name: String,
    /// What it wants to do; other scopes are given at the command line only.
    #[schema(value_type = Vec<PairingScope>, min_items = 1)]
    scopes: Vec<String>,
}

/// A request that waits.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestedPairing)]
pub(crate) struct Requested {
    /// With it, and from the same origin, the answer is fetched. Keep it in memory, and show it to nobody.
    pairing: String,
    /// Six digits to show: the administrator finds the same ones on the clerk's page.
    code: String,
    /// Until when it can be decided and fetched.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Which request.
#[derive(Deserialize, ToSchema)]
#[schema(as = CollectPairing)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collect {
    /// As `requestPairing` gave it out.
    pairing: String,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = CollectedPairing)]
pub(crate) struct Collected {
    /// How far it has come.
    #[schema(value_type = PairingState)]
    state: &'static str,
    /// The token, given out this once; null unless paired.
    token: Option<String>,
}

/// A request as the administrator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingPairing)]
pub(crate) struct WaitingBody {
    /// The digits that the page or program shows.
    code: String,
    /// What it calls itself.
    name: String,
    /// The web origin, as the browser says, to which the token will be bound; null: a program that is no page.
    origin: Option<String>,
    /// What it wants to do.
    #[schema(value_type = Vec<PairingScope>)]
    scopes: Vec<&'static str>,
    /// Until when it waits.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// All that wait.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingPairings)]
pub(crate) struct WaitingList {
    /// The oldest first; eight at most.
    pairings: Vec<WaitingBody>,
}

/// Yes or no.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = DecidePairing)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// The digits.
    code: String,
    /// Whether it is given a token.
    accept: bool,
}

/// Asks for a token.
///
/// Open to every web page and program on this machine, and to those alone to which the configuration opens pairing. The
/// answer is no token yet: an administrator compares the code, on the clerk's page or by `listPairings`, and decides;
/// `collectPairing` then gives the token, bound to the origin the request came from. A page or program has one request
/// at a time, the newest. Answers at once.
#[utoipa::path(post, path = "/v1/pairings", tag = "pairing", operation_id = "requestPairing",
    request_body(content = Wish, description = "Who asks, and for what."),
    responses((status = 201, description = "It waits, for five minutes.", body = Requested)))]
pub(crate) async fn request(
    State(app): State<Shared>,
    headers: HeaderMap,
    Json(wish): Json<Wish>,
) -> Result<Response, Problem> {
    is_open(&app)?;
    // As it came: a line's end is no part of a name.
    if !is_token_name(&wish.name) {
        return Err(Problem::invalid("name: 1 to 64 visible characters in one line"));
    }
    let name = wish.name.trim().to_owned();
    let scopes = wish.scopes.iter().map(|word| read_scope(word)).collect::<Result<Vec<_>, _>>()?;
    if scopes.is_empty() {
        return Err(Problem::invalid("scopes: at least one"));
    }
    let origin = origin_of(&headers)?;
    let asked = fingerprint(&[
        b"pairings",
        origin.as_deref().unwrap_or_default().as_bytes(),
        name.as_bytes(),
        wish.scopes.join(" ").as_bytes(),
    ]);
    let call = async {
        let asking = Asking { name, origin, scopes };
        let (pairing, code) = app.pairings.ask(asking, Instant::now()).ok_or(Code::TooMany)?;
        app.events.publish("pairing.requested", Value::Null);
        let body = Requested { pairing, code, expires_at: expires_at(LIFETIME) };
        Ok((StatusCode::CREATED, Answer(body)).into_response())
    };
    app.pairing_replays.once(NOBODY, key_of(&headers)?, asked, call).await
}

/// Fetches what came of a request for a token.
///
/// Ask every two seconds or so while `state` is `waiting`. A refusal and the token are told once; the request is gone
/// then, as it is after five minutes. Answers at once.
#[utoipa::path(post, path = "/v1/pairings/collect", tag = "pairing", operation_id = "collectPairing",
    request_body(content = Collect, description = "Which request."),
    responses((status = 200, description = "How far it has come, and the token.", body = Collected)))]
pub(crate) async fn collect(
    State(app): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Collect>,
) -> Result<Response, Problem> {
    is_open(&app)?;
    let origin = origin_of(&headers)?;
    let place = origin.as_deref().unwrap_or_default();
    let asked = fingerprint(&[b"pairings/collect", place.as_bytes(), body.pairing.as_bytes()]);
    let call = async {
        let answer = app.pairings.collect(&body.pairing, origin.as_deref(), Instant::now());
        let collected = match answer.ok_or(Code::PairingUnknown)? {
            pairings::Answer::Waiting => Collected { state: "waiting", token: None },
            pairings::Answer::Refused => Collected { state: "refused", token: None },
            pairings::Answer::Accepted(asking) => {
                Collected { state: "paired", token: Some(make_token(&app, asking).await?) }
            }
        };
        Ok(Answer(collected).into_response())
    };
    app.pairing_replays.once(NOBODY, key_of(&headers)?, asked, call).await
}

async fn make_token(app: &Shared, asking: Asking) -> Result<String, Problem> {
    let tokens = app.tokens.clone();
    blocking(move || {
        let made = tokens.pair(&asking.name, &asking.scopes, asking.origin.as_deref());
        made.map_err(|error| Problem::new(Code::StorageFailed, error.to_string()))
    })
    .await
}

/// What waits to be decided.
///
/// `pairing.requested` tells of each new one. Answers at once.
#[utoipa::path(get, path = "/v1/pairings", tag = "pairing", operation_id = "listPairings",
    responses((status = 200, description = "All that wait, the oldest first.", body = WaitingList)))]
pub(crate) async fn list(State(app): State<Shared>, caller: Caller) -> Result<Answer<WaitingList>, Problem> {
    caller.require(Scope::Admin)?;
    let waiting = app.pairings.waiting(Instant::now()).into_iter().map(|one| WaitingBody {
        code: one.code,
        name: one.asking.name,
        origin: one.asking.origin,
        scopes: one.asking.scopes.iter().map(|s| s.as_str()).collect(),
        expires_at: expires_at(one.remaining),
    });
    Ok(Answer(WaitingList { pairings: waiting.collect() }))
}

/// Says yes or no to a request for a token.
///
/// Compare the code with the one that the page or program shows, and the origin with the one you know. The token is
/// made when it is fetched; `yidang token list` then has it. Answers at once.
#[utoipa::path(post, path = "/v1/pairings/decide", tag = "pairing", operation_id = "decidePairing",
    request_body(content = Decision, description = "Which, and whether."),
    responses((status = 204, description = "It is decided.")))]
pub(crate) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Decision>,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let written = serde_json::to_vec(&body).unwrap_or_default();
    let call = async {
        if !app.pairings.decide(&body.code, body.accept, Instant::now()) {
            return Err(Code::PairingUnknown.into());
        }
        app.events.publish("pairing.decided", Value::Null);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    let request = fingerprint(&[b"pairings/decide", &written]);
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

fn is_open(app: &Shared) -> Result<(), Problem> {
    if app.config.pairing { Ok(()) } else { Err(Code::PairingClosed.into()) }
}

/// The page's origin; one that is none, such as `null`, can be bound to nothing.
fn origin_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin = origin.to_str().ok().filter(|origin| is_origin(origin)).ok_or(Code::OriginDenied)?;
    Ok(Some(origin.to_owned()))
}

fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let key = headers.get("idempotency-key").map(|key| key.to_str());
    key.transpose().map_err(|_| Problem::invalid("idempotency-key is not text"))
}

fn read_scope(word: &str) -> Result<Scope, Problem> {
    let known = SCOPES.into_iter().find(|scope| scope.as_str() == word);
    known.ok_or_else(|| {
        let words: Vec<_> = SCOPES.iter().map(|scope| scope.as_str()).collect();
        Problem::invalid(format!("scopes: expected one of {}", words.join(", ")))
    })
}

fn expires_at(remaining: std::time::Duration) -> String {
    let remaining_ms = i64::try_from(remaining.as_millis()).unwrap_or_default();
    clock::now().plus_millis(remaining_ms).to_string()
}
