//! Previews: a one-time ticket, and the stream of frames it admits to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yidang_device::{DeviceCondition, DeviceError, PreviewWish};
use yidang_imaging::complete_jpeg;

use super::extract::{Address, Json, Parameters, read_body};
use super::faults;
use super::vocabulary::Picture;
use crate::app::Shared;
use crate::caller::Caller;
use crate::clients::{self, Client, Place, PlaceKind};
use crate::clock;
use crate::owner::Owner;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::stations::{Preview, Shot};
use crate::tickets::{self, Ticket};

/// Largest preview that can be asked for, and what is asked for unless said.
const SIDE_MAX: u32 = 8192;
const SIDE_MIN: u32 = 160;
const WIDTH_USUAL: u32 = 1920;
const HEIGHT_USUAL: u32 = 1080;
/// Frames a second: at most, and unless said.
const RATE_MAX: u32 = 30;
const RATE_USUAL: u32 = 15;
/// Longest wait for the first frame, before which nothing is answered.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(8);
/// How often a preview looks whether its token still holds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What stands between two frames. The next frame's is sent with the frame before, since browsers show a frame only
/// when they see it.
const BOUNDARY: &str = "--yidang-frame\r\n";
const MEDIA_TYPE: &str = "multipart/x-mixed-replace; boundary=yidang-frame";

/// Which preview.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[schema(as = RequestPreview)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TicketWish {
    /// Camera id; the preferred one unless said.
    camera: Option<String>,
    /// Most pixels across, 1920 unless said. The camera gives the largest of its modes that fits, or its smallest.
    #[schema(minimum = 160, maximum = 8192)]
    width_max: Option<u32>,
    /// Most pixels down, 1080 unless said.
    #[schema(minimum = 160, maximum = 8192)]
    height_max: Option<u32>,
    /// Most frames a second, 15 unless said.
    #[schema(minimum = 1, maximum = 30)]
    rate: Option<u32>,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewTicket)]
pub(crate) struct TicketBody {
    /// Good for one preview.
    ticket: String,
    /// Where the preview is, the ticket with it; below this service's own address.
    url: String,
    /// The camera.
    camera: String,
    /// Until when the preview can be begun; it may then go on as long as the token holds.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The ticket.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithTicket {
    /// As `requestPreview` gave it out; without one there is no preview.
    ticket: Option<String>,
}

/// A ticket for one preview.
///
/// The address goes into an `<img crossorigin="anonymous">`, which cannot send a token: without `crossorigin` browsers
/// do not say which page asks, and are refused. Bound to the token and to the page's origin. While somebody watches,
/// `page.outline` and `page.settled` tell where the page lies. Answers at once.
#[utoipa::path(post, path = "/v1/preview-tickets", tag = "cameras", operation_id = "requestPreview",
    request_body(content = TicketWish, description = "Which preview; may be left out."),
    responses((status = 201, description = "The ticket, good for 30 seconds.", body = TicketBody)))]
pub(crate) async fn ticket(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    caller.spend()?;
    let wish = read_wish(&app, request).await?;
    let written = serde_json::to_vec(&wish).unwrap_or_default();
    let preview = PreviewWish {
        width_max: within("width_max", wish.width_max, SIDE_MIN, SIDE_MAX, WIDTH_USUAL)?,
        height_max: within("height_max", wish.height_max, SIDE_MIN, SIDE_MAX, HEIGHT_USUAL)?,
        rate: within("rate", wish.rate, 1, RATE_MAX, RATE_USUAL)?,
    };
    let owner = caller.owner;
    let call = async {
        let known = app.camera.find(wish.camera.as_deref()).await.map_err(|e| faults::camera(&e))?;
        let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let camera = known.device.id;
        let ticket = Ticket { owner, origin, camera: camera.clone(), wish: preview };
        let ticket = app.tickets.give(ticket, Instant::now()).map_err(clients::wait)?;
        let lifetime_ms = i64::try_from(tickets::LIFETIME.as_millis()).unwrap_or_default();
        let body = TicketBody {
            url: format!("/v1/cameras/{}/preview?ticket={ticket}", percent_encoded(&camera)),
            ticket,
            camera,
            expires_at: clock::now().plus_millis(lifetime_ms).to_string(),
        };
        Ok((StatusCode::CREATED, Answer(body)).into_response())
    };
    let fingerprint = fingerprint(&[b"preview-tickets", &written]);
    app.replays.once(owner, caller.idempotency_key.as_deref(), fingerprint, call).await
}

async fn read_wish(app: &Shared, request: Request) -> Result<TicketWish, Problem> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        return Json::from_request(request, app).await.map(|Json(wish)| wish);
    }
    match read_body(request, app).await?.is_empty() {
        true => Ok(TicketWish::default()),
        false => Err(Problem::invalid("the body must come as Content-Type: application/json")),
    }
}

fn within(field: &str, value: Option<u32>, min: u32, max: u32, usual: u32) -> Result<u32, Problem> {
    match value {
        Some(value) if !(min..=max).contains(&value) => {
            Err(Problem::invalid(format!("{field} is {min} to {max}")))
        }
        value => Ok(value.unwrap_or(usual)),
    }
}

/// A camera's id as one part of an address.
fn percent_encoded(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The preview: an endless stream of frames.
///
/// Each part is one frame, the camera's own bytes, with its `Content-Length`; a webcam's JPEG that leaves the usual
/// Huffman tables out is given them. A client that is slower than the
/// camera misses frames and gets the newest. Needs a ticket, which is used up whatever comes of the call. Answers with
/// the first frame; ends when the camera goes or stalls for long, the token is revoked, or the session it was asked for in ends or locks. Eight previews at once are
/// shown, four of them to one token.
#[utoipa::path(get, path = "/v1/cameras/{id}/preview", tag = "cameras", operation_id = "watchCamera",
    params(("id" = String, Path, description = "The camera's identifier."), WithTicket),
    responses((status = 200, description = "Frames.", content((Picture = "multipart/x-mixed-replace")))))]
pub(crate) async fn preview(
    State(app): State<Shared>,
    headers: HeaderMap,
    Address(id): Address<String>,
    Parameters(with): Parameters<WithTicket>,
) -> Result<Response, Problem> {
    let ticket = with.ticket.and_then(|secret| app.tickets.take(&secret, Instant::now()));
    let ticket = ticket.ok_or(Code::TicketInvalid)?;
    if ticket.camera != id || !may_use(&app, &ticket, &headers) || !is_live(&app, ticket.owner) {
        return Err(Code::TicketInvalid.into());
    }
    let place = app.clients.take(Client::Token(ticket.owner.token), PlaceKind::Preview)?;
    let watched = app.camera.preview(Some(&id), ticket.wish).await.map_err(|e| faults::camera(&e))?;
    let preview = watched.ok_or(Code::TooMany)?;
    show(app, preview, place, move |app| is_live(app, ticket.owner)).await
}

/// The answer that goes on as long as the camera does, and this says yes.
pub(crate) async fn show(
    app: Shared,
    mut preview: Preview,
    place: Place,
    may_go_on: impl Fn(&Shared) -> bool + Send + 'static,
) -> Result<Response, Problem> {
    let first = first_frame(&mut preview).await.map_err(|e| faults::camera(&e))?;
    let begin = Bytes::from_static(BOUNDARY.as_bytes());
    let watching = Watching { app, preview, _place: place, may_go_on, looked_at: Instant::now() };
    let frames = stream::unfold((watching, Some(first)), |(mut watching, first)| async {
        let shot = match first {
            Some(first) => first,
            None => watching.next().await?,
        };
        Some((Ok::<_, std::convert::Infallible>(part(&shot)), (watching, None)))
    });
    let begun = stream::once(async { Ok(begin) });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(begun, frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}

/// A page that asks must be the one the ticket was given to.
fn may_use(app: &Shared, ticket: &Ticket, headers: &HeaderMap) -> bool {
    let asks = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
    match (&ticket.origin, asks) {
        (Some(given), Some(asks)) => given == asks || app.is_own_page(asks),
        _ => true,
    }
}

/// Whether the token holds, and the clerk who asked still sits there.
fn is_live(app: &Shared, owner: Owner) -> bool {
    app.sessions.is_open(owner, Instant::now()) && matches!(app.tokens.is_live(owner.token), Ok(true))
}

async fn first_frame(preview: &mut Preview) -> Result<Arc<Shot>, DeviceError> {
    let stalls = || DeviceError::new(DeviceCondition::Timeout, "no frame of the preview came");
    let came = async {
        loop {
            if let Some(shot) = preview.next().await? {
                return Ok(shot);
            }
        }
    };
    tokio::time::timeout(FIRST_FRAME_WITHIN, came).await.unwrap_or_else(|_| Err(stalls()))
}

struct Watching<F> {
    app: Shared,
    preview: Preview,
    _place: Place,
    may_go_on: F,
    looked_at: Instant,
}

impl<F: Fn(&Shared) -> bool> Watching<F> {
    /// The next frame; `None`: the end.
    async fn next(&mut self) -> Option<Arc<Shot>> {
        let mut bell = self.app.events.listen();
        loop {
            if self.looked_at.elapsed() >= LOOK_EVERY {
                self.looked_at = Instant::now();
                if !(self.may_go_on)(&self.app) {
                    return None;
                }
            }
            bell.borrow_and_update();
            if self.app.events.is_over() {
                return None;
            }
            tokio::select! {
                shot = self.preview.next() => match shot {
                    Ok(Some(shot)) => return Some(shot),
                    Ok(None) => {}
                    Err(_) => return None,
                },
                // Events are told, or the daemon stops.
                rung = bell.changed() => rung.ok()?,
            }
        }
    }
}

/// One frame as a part of the stream, and the line that begins the next.
fn part(shot: &Shot) -> Bytes {
    let is_png = shot.frame.bytes.starts_with(b"\x89PNG");
    let media_type = if is_png { "image/png" } else { "image/jpeg" };
    // Not every browser's picture decoder knows the tables that webcams leave out.
    let picture = if is_png { (&shot.frame.bytes).into() } else { complete_jpeg(&shot.frame.bytes) };
    let head = format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n", picture.len());
    let mut part = Vec::with_capacity(head.len() + picture.len() + BOUNDARY.len() + 2);
    part.extend_from_slice(head.as_bytes());
    part.extend_from_slice(&picture);
    part.extend_from_slice(b"\r\n");
    part.extend_from_slice(BOUNDARY.as_bytes());
    part.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_identifier_is_one_part_of_an_address() {
        assert_eq!(percent_encoded("usb-1.2:0ac8/3420 高"), "usb-1.2%3A0ac8%2F3420%20%E9%AB%98");
    }
}
