//! `POST /v1/captures`.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use yidang_archive::{Actor, Idempotency, Stage};
use yidang_device::Frame;
use yidang_imaging::{Crop, PageOptions, PageResult, PaperSize, paper_size, pdf_images};
use yidang_model::{CaptureId, Digest, MaterialId, Origin};

use super::keep::keep;
use super::wish::{CaptureForm, CaptureWish, read_request};
use super::{CaptureBody, LIFETIME_MS, Match, capture_body};
use crate::api::extract::{blocking, pass_over};
use crate::api::faults;
use crate::api::holders::durable_key;
use crate::api::image::{Turn, in_turn, place};
use crate::api::materials::look_at;
use crate::api::words::{CodeBody, QualityBody, degrees};
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::capture_note::{CaptureNote, StoredImage};
use crate::clients::{Client, PlaceKind};
use crate::holders::Holder;
use crate::page_wish::PageWish;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::{clock, random};

/// Most pages of a document that is handed in; each is worked on like a picture.
const DOCUMENT_PAGES_MAX: usize = 50;

/// Takes a picture, or takes one in.
///
/// With JSON, or with no body at all, the camera takes a picture; with `multipart/form-data` the field `file` is
/// the picture. The page is found and straightened, and kept together with the untouched original: both are
/// durable when this answers, and stay for 14 days unless they are filed or thrown away before. Blocks for one
/// frame of the camera and the work on it, about a second; pictures are worked on two at a time, in turn. Where
/// no page is found the whole frame is kept: `corners` is null and `confidence` 0.
///
/// A PDF whose pages are one scanned picture each, 50 at most, becomes one capture a page, whole pages unless `split` is
/// asked for: `captures` lists them. With `split` it lists the papers that lie beside each other.
///
/// `upright` turns the page by its writing, and `codes` reads its barcodes and QR codes; each takes some tenths of a second
/// more. What a code says is somebody else's text, and stands in no log.
///
/// With `when` `settled` the picture is taken as soon as a page lies at rest under the camera: at once where one does
/// already, and else when it comes to rest. Where none does in time the answer is `not_settled` and nothing is kept;
/// hanging up ends the wait. To capture one paper after the other, watch a preview and wait for the event
/// `page.settled` before each.
#[utoipa::path(post, path = "/v1/captures", tag = "captures", operation_id = "capturePaper",
    request_body(description = "How to capture, or the picture; may be left out.", content(
        (CaptureWish = "application/json"),
        (CaptureForm = "multipart/form-data", encoding(("file" = (content_type = "image/jpeg, image/png, application/pdf")))))),
    responses((status = 201, description = "The capture is kept.", body = CaptureBody)))]
pub(crate) async fn capture(
    State(app): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let turn = match admit(&app, &caller) {
        Ok(turn) => turn,
        Err(problem) => {
            pass_over(request).await;
            return Err(problem);
        }
    };
    let (wish, upload) = read_request(&app, request).await?;
    let (page, rest_within) = (wish.page()?, wish.rest_within()?);
    let who = match &wish.holder {
        Some(id) => Some(app.holders.get(caller.owner, id)?),
        None => None,
    };
    let written = serde_json::to_vec(&wish).unwrap_or_default();
    let fingerprint = fingerprint(&[b"captures", &written, upload.as_deref().unwrap_or_default()]);
    let (owner, key) = (caller.owner, caller.idempotency_key.clone());
    let call = async {
        let (frame, turn) = match (upload, rest_within) {
            (Some(bytes), _) => (Frame { bytes, origin: Origin::Upload }, turn),
            (None, None) => (grab(&app, wish.camera.as_deref()).await?, turn),
            (None, Some(within)) => {
                // Others may work while this one waits.
                drop(turn);
                let frame = grab_at_rest(&app, caller.client(), wish.camera.as_deref(), within).await?;
                (frame, place(&app, caller.client())?)
            }
        };
        let from_camera = frame.origin != Origin::Upload;
        let is_document = is_document(&frame);
        let stages = in_turn(&app, turn, move || make_stages(frame, &page))
            .await
            .map_err(|problem| if from_camera { as_camera_fault(problem) } else { problem })?;
        caller.is_still_there()?;
        let worker = app.clone();
        // Telling what is on file is a look, and needs the right to look.
        let who = who.filter(|h| h.basis.may_read() && caller.may(Scope::ArchiveRead));
        let lists = wish.split || is_document;
        let body = blocking(move || {
            let key_of = |at| key_of_paper(&caller, &fingerprint, at);
            let kept = keep(&worker, &caller.actor(), stages, key_of)?;
            let mut bodies = Vec::with_capacity(kept.len());
            for staged in kept {
                let mut body = capture_body(&staged)?;
                if let Some(who) = &who {
                    body.matches = matches(&worker, &caller, who, &body.original_digest)?;
                }
                bodies.push(body);
            }
            answer(bodies, lists)
        })
        .await?;
        Ok((StatusCode::CREATED, Answer(body)).into_response())
    };
    app.replays.once(owner, key.as_deref(), fingerprint, call).await
}

/// Whether the caller may capture now, and its place in the queue.
fn admit(app: &Shared, caller: &Caller) -> Result<Turn, Problem> {
    caller.require(Scope::Capture)?;
    caller.spend()?;
    app.tray.has_room(&caller.token.name, clock::now())?;
    place(app, caller.client())
}

/// A picture of this camera that is kept as a capture in this name; its identifier and the page's file.
pub(crate) async fn keep_from_camera(
    app: &Shared,
    client: Client,
    camera: &str,
    page: PageWish,
    by: Actor,
) -> Result<(CaptureId, Vec<u8>), Problem> {
    app.tray.has_room(&by.client, clock::now())?;
    let turn = place(app, client)?;
    let frame = grab(app, Some(camera)).await?;
    let stages = in_turn(app, turn, move || make_stages(frame, &page)).await.map_err(as_camera_fault)?;
    let stage = stages.into_iter().next().ok_or(Code::StorageFailed)?;
    let worker = app.clone();
    blocking(move || {
        // The page comes last, and is the frame itself where nothing of it was changed.
        let page = stage.blobs.last().cloned().ok_or(Code::StorageFailed)?;
        let kept = keep(&worker, &by, vec![stage], |_| None)?;
        Ok((kept.first().ok_or(Code::StorageFailed)?.id, page))
    })
    .await
}

/// Where the same original lies in an open dossier. What is found is entered in the ledger as a look.
fn matches(
    app: &App,
    caller: &Caller,
    holder: &Holder,
    original_digest: &str,
) -> Result<Vec<Match>, Problem> {
    let original: Digest = original_digest.parse().map_err(|_| Code::StorageFailed)?;
    let mut found = Vec::new();
    for (id, page) in app.archive.matches(&holder.subject, &original)? {
        // One whose term is over is shown to nobody, nor is it told that it is there.
        if app.archive.material(id)?.is_some_and(|stored| !app.is_restricted(&stored.material)) {
            found.push((id, page));
        }
    }
    if !found.is_empty() {
        app.archive.record(look_at(caller, holder, found.iter().map(|(id, _)| *id)))?;
    }
    let same = |(id, page): (MaterialId, usize)| Match {
        material: id.to_string(),
        page,
        verdict: "same",
        score: 1.0,
    };
    Ok(found.into_iter().map(same).collect())
}

/// A picture that a camera cut off is the camera's fault, not the caller's.
fn as_camera_fault(problem: Problem) -> Problem {
    match problem.code {
        Code::ImageDamaged | Code::NotAnImage | Code::ImageTooLarge => {
            Problem { code: Code::CameraFailed, ..problem }
        }
        _ => problem,
    }
}

/// What is to be kept of each paper in a frame: the paper's page and the whole untouched frame.
fn make_stages(frame: Frame, wish: &PageWish) -> Result<Vec<Stage>, Problem> {
    if is_document(&frame) {
        return document_stages(&frame.bytes, wish);
    }
    let pages = wish.make(&frame.bytes).map_err(faults::picture)?;
    Ok(pages.into_iter().map(|made| stage(&frame, made)).collect())
}

/// The same for a document that was handed in: the picture of each of its pages counts as a frame. Pages that were
/// scanned are straight already, so what is on them is not looked for unless that is asked for.
fn document_stages(document: &[u8], wish: &PageWish) -> Result<Vec<Stage>, Problem> {
    if matches!(wish.options.crop, Crop::Corners(_)) {
        return Err(Problem::invalid("corners go with one picture, not with a document"));
    }
    let pictures = pdf_images(document).map_err(faults::document)?;
    if pictures.len() > DOCUMENT_PAGES_MAX {
        return Err(faults::too_long(format!("a document of more than {DOCUMENT_PAGES_MAX} pages")));
    }
    let mut stages = Vec::with_capacity(pictures.len());
    for picture in pictures {
        let crop = if wish.split { wish.options.crop } else { Crop::Full };
        let rotate = wish.options.rotate + picture.quarter_turns;
        let wish = PageWish { options: PageOptions { crop, rotate, ..wish.options }, ..*wish };
        let frame = Frame { bytes: picture.bytes, origin: Origin::Upload };
        let pages = wish.make(&frame.bytes).map_err(faults::picture)?;
        stages.extend(pages.into_iter().map(|made| {
            let paper_size = made.paper_size.or_else(|| size_of_whole(&made, picture.size_mm?));
            stage(&frame, PageResult { paper_size, ..made })
        }));
    }
    Ok(stages)
}

/// The size of a document's page that was kept whole, by what the document says of it.
fn size_of_whole(made: &PageResult, size_mm: [f64; 2]) -> Option<PaperSize> {
    if made.corners.is_some() {
        return None;
    }
    let [short, long] = [size_mm[0].min(size_mm[1]), size_mm[0].max(size_mm[1])];
    paper_size(long / short, long, Some(1.0))
}

fn is_document(frame: &Frame) -> bool {
    frame.origin == Origin::Upload && frame.bytes.starts_with(b"%PDF-")
}

fn stage(frame: &Frame, made: PageResult) -> Stage {
    let captured_at = clock::now();
    let header = made.header;
    let note = CaptureNote {
        original: StoredImage::new(&frame.bytes, header.media_type, header.width, header.height),
        page: StoredImage::new(&made.page.bytes, made.page.media_type, made.page.width, made.page.height),
        corners: made.corners,
        confidence: made.confidence,
        size: made.paper_size.map(|size| size.as_str().to_owned()),
        turned_degrees: made.turned.map(degrees),
        codes: made.codes.as_deref().map(CodeBody::list),
        quality: QualityBody::from(&made.quality),
        origin: frame.origin.as_str().to_owned(),
        captured_at: captured_at.as_millis(),
    };
    let mut blobs = vec![frame.bytes.clone()];
    if made.page.bytes != blobs[0] {
        blobs.push(made.page.bytes);
    }
    Stage {
        id: random::capture_id(),
        blobs,
        note: note.write(),
        expires_at: captured_at.plus_millis(LIFETIME_MS),
        by: Actor { client: String::new(), operator: None },
        idempotency: None,
    }
}

/// The caller's key for one paper of several: each is kept by itself.
fn key_of_paper(caller: &Caller, request: &[u8; 32], at: usize) -> Option<Idempotency> {
    let mut key = durable_key(caller, request)?;
    if at > 0 {
        key.key.extend_from_slice(format!("\0{at}").as_bytes());
    }
    Some(key)
}

/// The first paper's capture; with all of them where there may be several.
fn answer(captures: Vec<CaptureBody>, lists: bool) -> Result<CaptureBody, Problem> {
    let first = captures.first().cloned().ok_or(Code::StorageFailed)?;
    Ok(CaptureBody { captures: lists.then_some(captures), ..first })
}

async fn grab(app: &Shared, camera: Option<&str>) -> Result<Frame, Problem> {
    app.camera.grab(camera).await.map_err(|e| faults::camera(&e))
}

/// Waits until a page lies at rest, and takes the picture then.
async fn grab_at_rest(
    app: &Shared,
    client: Client,
    camera: Option<&str>,
    within: Duration,
) -> Result<Frame, Problem> {
    let _place = app.clients.take(client, PlaceKind::Preview)?;
    let deadline = tokio::time::Instant::now() + within;
    let desk = app.camera.desk(camera).await.map_err(|e| faults::camera(&e))?;
    let mut desk = desk.ok_or(Code::TooMany)?;
    let mut bell = app.events.listen();
    let over = async { while !app.events.is_over() && bell.changed().await.is_ok() {} };
    tokio::select! {
        rest = tokio::time::timeout_at(deadline, desk.at_rest()) => match rest {
            Ok(rest) => rest.map_err(|e| faults::camera(&e))?,
            Err(_) => return Err(Code::NotSettled.into()),
        },
        () = over => return Err(Code::Busy.into()),
    }
    // The camera goes on watching until the picture is taken: it need not be started for that.
    grab(app, Some(desk.camera())).await
}
