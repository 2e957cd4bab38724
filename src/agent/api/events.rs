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
use crate::clients::{Place, PlaceKind};
use crate::events::Event;
use crate::problem::Problem;

/// Longest long poll.
const WAIT_MS_MAX: u64 = 25_000;

/// How often a stream without events looks whether its token still holds.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Asking for a long poll.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Poll {
    /// Events after this id; the answer's `after` of the last poll. Its presence makes this a long poll.
    after: Option<u64>,
    /// How long to wait for the first one, in milliseconds; 0 unless said, and never longer than 25000. Its
    /// presence makes this a long poll too.
    wait_ms: Option<u64>,
}

/// The answer to a long poll.
#[derive(Serialize, ToSchema)]
pub(crate) struct Polled {
    /// What happened, oldest first; empty when the wait is over and nothing did.
    events: Vec<Event>,
    /// What to send as `after` next time.
    after: u64,
}

/// Events as they happen, or those since the last poll.
///
/// Without `after` and `wait_ms` the answer is an endless stream of Server-Sent Events (`text/event-stream`):
/// `id:` is the event's id, `event:` its type, `data:` the whole event as JSON (schema `Event`), and comment
/// lines keep the connection alive. A listener that comes back sends the last id as `Last-Event-ID` and misses
/// nothing of the last 1024 events. With `after` or `wait_ms` the answer is JSON (schema `Polled`), for
/// browsers that have no `EventSource` or cannot give it a token: it comes at once if there are newer events,
/// or else with the first one, or when `wait_ms` is over. Types that are not known yet are to be ignored.
#[utoipa::path(get, path = "/v1/events", tag = "service", operation_id = "watchEvents",
    params(Poll, ("Last-Event-ID" = Option<String>, Header, nullable = false,
        description = "For a stream: the last event's id; the stream goes on after it. Unless said, or if it is \
            no number, the stream begins with the next event.")),
    responses((status = 200, description = "A stream of events, or the answer to a long poll.", content(
        (Polled = "application/json"),
        (String = "text/event-stream", example = json!("id: 1767229200001\nevent: card.inserted\ndata: \
            {\"id\":1767229200001,\"type\":\"card.inserted\",\"at\":\"2026-01-01T01:00:00.123Z\",\
            \"data\":{\"device\":\"simulated\"}}\n\n"))))))]
pub(crate) async fn events(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Parameters(poll): Parameters<Poll>,
) -> Result<Response, Problem> {
    if poll.after.is_none() && poll.wait_ms.is_none() {
        let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let newest = app.events.last();
        // One from before a clock was set back would not be reached for a long time.
        let after = last.unwrap_or(newest).min(newest);
        let place = app.clients.take(caller.client(), PlaceKind::Listener)?;
        return Ok(Sse::new(stream_after(app, caller.token.id, after, place))
            .keep_alive(KeepAlive::default())
            .into_response());
    }
    let after = poll.after.unwrap_or_else(|| app.events.last());
    let mut bell = app.events.listen();
    let wait = Duration::from_millis(poll.wait_ms.unwrap_or(0).min(WAIT_MS_MAX));
    let _place = match wait.is_zero() {
        true => None,
        false => Some(app.clients.take(caller.client(), PlaceKind::Listener)?),
    };
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

/// Ends with the daemon, or once the token has been revoked.
fn stream_after(
    app: Shared,
    token: i64,
    after: u64,
    place: Place,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    let bell = app.events.listen();
    stream::unfold(
        (app, bell, after, Vec::<Event>::new(), place),
        move |(app, mut bell, mut after, mut queue, place)| async move {
            while queue.is_empty() {
                bell.borrow_and_update();
                queue = app.events.after(after).0;
                queue.reverse();
                if !queue.is_empty() {
                    break;
                }
                if app.events.is_over() {
                    return None;
                }
                match tokio::time::timeout(LOOK_EVERY, bell.changed()).await {
                    Ok(Err(_)) => return None,
                    Err(_) if !matches!(app.tokens.is_live(token), Ok(true)) => return None,
                    Ok(Ok(())) | Err(_) => {}
                }
            }
            let event = queue.pop().filter(|_| matches!(app.tokens.is_live(token), Ok(true)))?;
            after = event.id;
            let data = serde_json::to_string(&event).unwrap_or_default();
            let sse = SseEvent::default().id(event.id.to_string()).event(event.kind).data(data);
            Some((Ok(sse), (app, bell, after, queue, place)))
        },
    )
}
