//! `/v1/captures/left` and `/v1/captures/take-over`: what clerks left who are not there any more.
//!
//! Where clerks must sign in, each sees their own captures. A citizen may still sit there when the clerk is relieved, so
//! another takes over: each capture is kept anew in the new clerk's name, the old one is thrown away, and the ledger says
//! before that who took over from whom.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use yidang_archive::storage::StagedState;
use yidang_archive::{
    Actor, Archive, ArchiveError, Attendance, AttendanceVerb, Stage, Staged, UNFILED_PAGE_MAX,
};

use super::{CaptureBody, capture_body};
use crate::api::extract::{Json, blocking};
use crate::api::words::line;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::capture_note::CaptureNote;
use crate::problem::{Advice, Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::tray::TrayView;
use crate::{clock, random};

/// Most captures that one call takes over.
const TAKEN_AT_ONCE: usize = 100;
/// Longest reason, in characters.
const REASON_LENGTH_MAX: usize = 200;

/// What other clerks left.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftCaptures {
    /// The clerks, by name; empty where clerks need not sign in: there everyone sees everything.
    clerks: Vec<LeftBy>,
}

/// What one clerk left.
#[derive(Serialize, ToSchema)]
struct LeftBy {
    /// The clerk.
    operator: String,
    /// How many captures of theirs wait to be filed.
    captures: usize,
    /// When they were last here, or the service's start if they were not since; null: they are here.
    #[schema(format = DateTime)]
    away_since: Option<String>,
    /// Whether the caller may take them over now: they have been away for long enough, or the token has the scope `admin`.
    may_take_over: bool,
}

/// What to take over.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeOver {
    /// The clerk who left it.
    #[schema(min_length = 1, max_length = 64)]
    operator: String,
    /// Why, for the ledger.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// What was taken over.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenOver {
    /// The captures as they are the caller's now, under new identifiers, oldest first; 100 at most.
    captures: Vec<CaptureBody>,
    /// How many are still left: the call takes the next ones.
    left: usize,
}

/// Captures that other clerks left unfiled, by clerk.
///
/// Only where clerks must sign in. Tells nothing of the papers. Answers at once and writes nothing.
#[utoipa::path(get, path = "/v1/captures/left", tag = "captures", operation_id = "listLeftCaptures",
    responses((status = 200, description = "What each of them left.", body = LeftCaptures)))]
pub(crate) async fn left(State(app): State<Shared>, caller: Caller) -> Result<Answer<LeftCaptures>, Problem> {
    caller.require(Scope::Capture)?;
    let TrayView::Of(_) = caller.tray_view() else { return Ok(Answer(LeftCaptures { clerks: Vec::new() })) };
    blocking(move || {
        let view = caller.tray_view();
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        each_waiting(&app.archive, |staged| {
            if let (false, Some(operator)) = (view.shows(&staged.by), &staged.by.operator) {
                *left.entry(operator.clone()).or_default() += 1;
            }
        })?;
        let clerks = left.into_iter().map(|(operator, captures)| {
            let away = app.sessions.away(&operator, Instant::now());
            let ago_ms = away.and_then(|away| i64::try_from(away.as_millis()).ok());
            LeftBy {
                captures,
                away_since: ago_ms.map(|ago_ms| clock::now().plus_millis(-ago_ms).to_string()),
                may_take_over: may_take_over(&app, &caller, away),
                operator,
            }
        });
        Ok(Answer(LeftCaptures { clerks: clerks.collect() }))
    })
    .await
}

/// Takes over what a clerk left who is not there any more.
///
/// Only where clerks must sign in; elsewhere there is nothing to take over. The captures are the caller's from then on,
/// under new identifiers and with the same end; the other clerk sees them no more. Any clerk may once the other has been
/// away for a quarter of an hour (`[operators] take_over_minutes`), and with the scope `admin` at any time; until then it is
/// `right_missing`. Who took over from whom, and why, is in the ledger before the first one is. Takes the time of some
/// durable writes for each capture.
#[utoipa::path(post, path = "/v1/captures/take-over", tag = "captures", operation_id = "takeOverCaptures",
    request_body(content = TakeOver, description = "From whom, and why."),
    responses((status = 200, description = "They are the caller's.", body = TakenOver)))]
pub(crate) async fn take_over(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<TakeOver>,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    caller.spend()?;
    let written = serde_json::to_vec(&body).unwrap_or_default();
    let operator =
        line("operator", Some(body.operator), 64)?.ok_or_else(|| Problem::invalid("operator is empty"))?;
    let reason = line("reason", body.reason, REASON_LENGTH_MAX)?;
    let (owner, key) = (caller.owner, caller.idempotency_key.clone());
    let worker = app.clone();
    let call = async {
        let done = blocking(move || hand_over(&worker, &caller, &operator, reason.as_deref())).await?;
        Ok(Answer(done).into_response())
    };
    let request = fingerprint(&[b"captures/take-over", &written]);
    app.replays.once(owner, key.as_deref(), request, call).await
}

fn may_take_over(app: &App, caller: &Caller, away: Option<Duration>) -> bool {
    caller.may(Scope::Admin) || away.is_some_and(|away| away >= app.config.operators.take_over)
}

fn hand_over(app: &App, caller: &Caller, from: &str, reason: Option<&str>) -> Result<TakenOver, Problem> {
    let view = caller.tray_view();
    let mut theirs = Vec::new();
    each_waiting(&app.archive, |staged| {
        if staged.by.operator.as_deref() == Some(from) && !view.shows(&staged.by) {
            theirs.push(staged);
        }
    })?;
    let away = app.sessions.away(from, Instant::now());
    if !theirs.is_empty() && !may_take_over(app, caller, away) {
        let minutes = app.config.operators.take_over.as_secs().div_ceil(60);
        let detail = match away {
            None => "they are signed in".to_owned(),
            Some(away) => format!("away for {} of {minutes} minutes", away.as_secs() / 60),
        };
        return Err(Problem::new(Code::RightMissing, detail).with_advice(STILL_HERE));
    }
    let count = theirs.len().min(TAKEN_AT_ONCE);
    let left = theirs.len() - count;
    let mut captures = Vec::with_capacity(count);
    if count > 0 {
        let basis = [Some(from), reason].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let (by, count) = (caller.actor(), count as u64);
        app.archive.attend(Attendance { verb: AttendanceVerb::TookOver, by, basis, count })?;
    }
    for staged in theirs.into_iter().take(TAKEN_AT_ONCE) {
        if let Some(own) = keep_anew(app, &caller.actor(), staged)? {
            captures.push(capture_body(&own)?);
        }
    }
    Ok(TakenOver { captures, left })
}

/// Keeps it in another name. `None`: it was filed, thrown away or taken over meanwhile.
fn keep_anew(app: &App, by: &Actor, old: Staged) -> Result<Option<Staged>, Problem> {
    let blobs = old.digests.iter().map(|digest| app.archive.staged_blob(old.id, digest));
    let blobs = match blobs.collect::<Result<Vec<_>, _>>() {
        Ok(blobs) => blobs,
        Err(ArchiveError::StagedFiled { .. } | ArchiveError::StagedUnknown) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let own = app.archive.stage(Stage {
        id: random::capture_id(),
        blobs,
        note: old.note,
        expires_at: old.expires_at,
        by: by.clone(),
        idempotency: None,
    })?;
    match app.archive.discard(old.id, by) {
        Ok(true) => {
            app.tray.hand_over(old.id, own.id, &by.client);
            Ok(Some(own))
        }
        // There must not be two of it.
        Ok(false) | Err(ArchiveError::StagedFiled { .. }) => {
            app.archive.discard(own.id, by)?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Every capture that waits to be filed, oldest first.
fn each_waiting(archive: &Archive, mut each: impl FnMut(Staged)) -> Result<(), Problem> {
    let now = clock::now();
    let mut after = 0;
    loop {
        let found = archive.unfiled(after, UNFILED_PAGE_MAX)?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.sequence;
        found
            .into_iter()
            .filter(|staged| now < staged.expires_at && staged.state == StagedState::Unfiled)
            .filter(|staged| CaptureNote::read(&staged.note).is_some())
            .for_each(&mut each);
    }
}

const STILL_HERE: Advice = Advice {
    what: [
        "该经办人还在本窗口，或刚离开不久。",
        "This clerk is still at this window, or has only just left.",
    ],
    remedy: [
        "请等其离开满规定时间（[operators] take_over_minutes）后再接手，或请管理员接手。",
        "Take over once they have been away for as long as `[operators] take_over_minutes` says, or have an administrator do it.",
    ],
};
