//! `GET /v1/events`: Server-Sent Events, or a long poll for browsers that have none.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Parameters;
use crate::app::Shared;
use crate::caller::Caller;
use crate::events::Event;
use crate::problem::Problem;

/// Longest long poll.
const WAIT_MS_MAX: u64 = 25_000;

/// Asking for a long poll.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Poll {
    /// Events after this id; the answer's `after` of the last poll. Its presence makes this a long poll.
    after: Option<u64>,
    /// How long to wait for the first one, at most 25000.
    wait_ms: Option<u64>,
}

/// The answer to a long poll.
#[derive(Serialize, ToSchema)]
pub(crate) struct Polled {
    events: Vec<Event>,
    /// What to send as `after` next time.
    after: u64,
}

/// Events as they happen (`text/event-stream`, resumed by `Last-Event-ID`), or with `after` or `wait_ms` those
/// since then, waiting for one if there is none.
#[utoipa::path(get, path = "/v1/events", tag = "service", params(Poll),
    responses((status = 200, description = "A stream of events, or the answer to a long poll",
        content((Polled = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn events(
    State(app): State<Shared>,
    _caller: Caller,
    headers: HeaderMap,
    Parameters(poll): Parameters<Poll>,
) -> Result<Response, Problem> {
    if poll.after.is_none() && poll.wait_ms.is_none() {
        let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let after = last.unwrap_or_else(|| app.events.last());
        return Ok(Sse::new(stream_after(app, after)).keep_alive(KeepAlive::default()).into_response());
    }
    let after = poll.after.unwrap_or_else(|| app.events.last());
    let mut bell = app.events.listen();
    let wait = Duration::from_millis(poll.wait_ms.unwrap_or(0).min(WAIT_MS_MAX));
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        bell.borrow_and_update();
        let (events, last) = app.events.after(after);
        let over = tokio::time::timeout_at(deadline, bell.changed());
        if !events.is_empty() || app.events.is_over() || over.await.is_err() {
            let after = events.last().map_or(after.min(last), |e| e.id);
            return Ok(Json(Polled { events, after }).into_response());
        }
    }
}

fn stream_after(app: Shared, after: u64) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    let bell = app.events.listen();
    stream::unfold(
        (app, bell, after, Vec::<Event>::new()),
        |(app, mut bell, mut after, mut queue)| async move {
            while queue.is_empty() {
                bell.borrow_and_update();
                queue = app.events.after(after).0;
                queue.reverse();
                if queue.is_empty() && (app.events.is_over() || bell.changed().await.is_err()) {
                    return None;
                }
            }
            let event = queue.pop()?;
            after = event.id;
            let data = serde_json::to_string(&event).unwrap_or_default();
            let sse = SseEvent::default().id(event.id.to_string()).event(event.kind).data(data);
            Some((Ok(sse), (app, bell, after, queue)))
        },
    )
}
