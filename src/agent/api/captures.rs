//! `/v1/captures`: papers that are captured and not yet filed.

use axum::Json as Answer;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yidang_archive::storage::StagedState;
use yidang_archive::{Archive, Stage, Staged};
use yidang_device::Frame;
use yidang_imaging::Crop;
use yidang_model::{CaptureId, Digest, MaterialId, Origin, Timestamp};

use super::extract::{Address, Json, Parameters, blocking, read_body};
use super::holders::durable_key;
use super::image::{Rendition, WhichRendition, answer, in_turn, place};
use super::materials::look_at;
use super::vocabulary::{self, CaptureState, MatchVerdict, Picture, Rotation, Tone, When};
use super::words::{Corners, QualityBody, corners};
use super::{UPLOAD_BYTES_MAX, faults};
use crate::app::Shared;
use crate::caller::Caller;
use crate::capture_note::{CaptureNote, StoredImage};
use crate::holders::Holder;
use crate::page_wish::{DPI, PageWish, TONES};
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::{clock, random};

/// A capture is kept this long, unless it is filed or thrown away before.
const LIFETIME_MS: i64 = 14 * 24 * 60 * 60 * 1000;
/// Most captures in one answer.
const LIST_MAX: usize = 200;
/// Begins every cursor of this list, so that one of another list is not taken for it.
const CURSOR_PREFIX: &str = "c.";

/// How to capture.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CaptureWish {
    /// Camera id; the preferred one unless said.
    camera: Option<String>,
    /// An open dossier: look there for the same bytes, if it may be read.
    holder: Option<String>,
    /// When to take the picture; the next frame unless said.
    #[schema(value_type = Option<When>)]
    when: Option<String>,
    /// What of the frame to keep; `auto` unless said.
    #[schema(value_type = Option<vocabulary::Crop>)]
    crop: Option<String>,
    /// For `crop` `corners`: where the page lies in the frame.
    #[schema(value_type = Option<vocabulary::Corners>)]
    corners: Option<Corners>,
    /// `colour` unless said.
    #[schema(value_type = Option<Tone>)]
    tone: Option<String>,
    /// How far to turn the page, clockwise; not at all unless said.
    #[schema(value_type = Option<Rotation>)]
    rotate: Option<u16>,
    /// Resolution of the page; as the frame has it unless said.
    #[schema(minimum = 50, maximum = 600)]
    dpi: Option<u32>,
}

/// An upload: the picture, and the fields of a capture as further parts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the multipart form in the OpenAPI document")]
pub(crate) struct CaptureForm {
    /// JPEG or PNG, at most 32 MiB with the rest of the form.
    #[schema(value_type = Picture)]
    file: String,
    /// As in `CaptureWish`.
    #[schema(nullable = false)]
    holder: Option<String>,
    /// As in `CaptureWish`.
    #[schema(value_type = Option<vocabulary::Crop>, nullable = false)]
    crop: Option<String>,
    /// As in `CaptureWish`, written as JSON.
    #[schema(nullable = false, content_media_type = "application/json")]
    corners: Option<String>,
    /// As in `CaptureWish`.
    #[schema(value_type = Option<Tone>, nullable = false)]
    tone: Option<String>,
    /// As in `CaptureWish`.
    #[schema(value_type = Option<Rotation>, nullable = false)]
    rotate: Option<u16>,
    /// As in `CaptureWish`.
    #[schema(nullable = false, minimum = 50, maximum = 600)]
    dpi: Option<u32>,
}

/// Where the same picture is on file already.
#[derive(Serialize, ToSchema)]
struct Match {
    /// The material.
    material: String,
    /// Which of its pages; counts from 1.
    page: usize,
    /// How alike they are.
    #[schema(value_type = MatchVerdict)]
    verdict: &'static str,
    /// How sure that is, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
}

/// A capture that waits to be filed.
#[derive(Serialize, ToSchema)]
#[schema(as = Capture)]
pub(crate) struct CaptureBody {
    /// The capture's identifier.
    id: String,
    /// Width of the page in pixels.
    width: u32,
    /// Height of the page in pixels.
    height: u32,
    /// Where the page lies in the frame; null: the whole frame was kept.
    #[schema(value_type = Option<vocabulary::Corners>)]
    corners: Option<Corners>,
    /// How sure the page finder was, 0 to 1; 0 when it found none.
    #[schema(minimum = 0, maximum = 1)]
    confidence: f32,
    /// How legible the page is.
    quality: QualityBody,
    /// SHA-256 of the page's bytes, hexadecimal.
    digest: String,
    /// SHA-256 of the untouched frame's bytes, hexadecimal.
    original_digest: String,
    /// Where the same picture is on file in the dossier that was named; empty in lists.
    matches: Vec<Match>,
    /// When it was captured.
    #[schema(format = DateTime)]
    captured_at: String,
    /// When it is thrown away unless it is filed: 14 days after.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Where it came from.
    #[schema(value_type = vocabulary::Origin)]
    origin: String,
}

/// A page of captures.
#[derive(Serialize, ToSchema)]
pub(crate) struct Captures {
    /// The captures, oldest first.
    captures: Vec<CaptureBody>,
    /// What to send as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Which captures.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichCaptures {
    /// Which captures; `unfiled` are all there are.
    #[param(value_type = Option<CaptureState>, inline)]
    state: Option<String>,
    /// `next_cursor` of the answer before, as it was given out.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many; 50 unless said, and never more than 200.
    limit: Option<usize>,
}

/// Takes a picture, or takes one in.
///
/// With JSON, or with no body at all, the camera takes a picture; with `multipart/form-data` the field `file` is
/// the picture. The page is found and straightened, and kept together with the untouched original: both are
/// durable when this answers, and stay for 14 days unless they are filed or thrown away before. Blocks for one
/// frame of the camera and the work on it, about a second; pictures are worked on two at a time, in turn. Where
/// no page is found the whole frame is kept: `corners` is null and `confidence` 0.
#[utoipa::path(post, path = "/v1/captures", tag = "captures", operation_id = "capturePaper",
    request_body(description = "How to capture, or the picture; may be left out.", content(
        (CaptureWish = "application/json"),
        (CaptureForm = "multipart/form-data", encoding(("file" = (content_type = "image/jpeg, image/png")))))),
    responses((status = 201, description = "The capture is kept.", body = CaptureBody)))]
pub(crate) async fn capture(
    State(app): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let place = match caller.require(Scope::Capture).and_then(|()| place(&app)) {
        Ok(place) => place,
        Err(problem) => {
            pass_over(request).await;
            return Err(problem);
        }
    };
    let (wish, upload) = read_request(&app, request).await?;
    let page = page_wish(&wish)?;
    let who = match &wish.holder {
        Some(id) => Some(app.holders.get(caller.token.id, id)?),
        None => None,
    };
    let written = serde_json::to_vec(&wish).unwrap_or_default();
    let fingerprint = fingerprint(&[b"captures", &written, upload.as_deref().unwrap_or_default()]);
    let (token, key) = (caller.token.id, caller.idempotency_key.clone());
    let call = async {
        let frame = match upload {
            Some(bytes) => Frame { bytes, origin: Origin::Upload },
            None => app.camera.grab(wish.camera.clone()).await.map_err(|e| faults::camera(&e))?,
        };
        let from_camera = frame.origin != Origin::Upload;
        let stage = in_turn(&app, place, move || make_stage(frame, &page))
            .await
            .map_err(|problem| if from_camera { as_camera_fault(problem) } else { problem })?;
        let stage = Stage { by: caller.actor(), idempotency: durable_key(&caller, &fingerprint), ..stage };
        let archive = app.archive.clone();
        // Telling what is on file is a look, and needs the right to look.
        let who = who.filter(|h| h.basis.may_read() && caller.may(Scope::ArchiveRead));
        let body = blocking(move || {
            let staged = archive.stage(stage)?;
            let mut body = capture_body(&staged)?;
            if let Some(who) = who {
                body.matches = matches(&archive, &caller, &who, &body.original_digest)?;
            }
            Ok(body)
        })
        .await?;
        Ok((StatusCode::CREATED, Answer(body)).into_response())
    };
    app.replays.once(token, key.as_deref(), fingerprint, call).await
}

/// Where the same original lies in an open dossier. What is found is entered in the ledger as a look.
fn matches(
    archive: &Archive,
    caller: &Caller,
    holder: &Holder,
    original_digest: &str,
) -> Result<Vec<Match>, Problem> {
    let original: Digest = original_digest.parse().map_err(|_| Code::StorageFailed)?;
    let found = archive.matches(&holder.subject, &original)?;
    if !found.is_empty() {
        archive.record(look_at(caller, holder, found.iter().map(|(id, _)| *id)))?;
    }
    let same = |(id, page): (MaterialId, usize)| Match {
        material: id.to_string(),
        page,
        verdict: "same",
        score: 1.0,
    };
    Ok(found.into_iter().map(same).collect())
}

/// Captures that wait to be filed, oldest first.
///
/// Those of every token of this window. Answers at once and writes nothing.
#[utoipa::path(get, path = "/v1/captures", tag = "captures", operation_id = "listCaptures", params(WhichCaptures),
    responses((status = 200, description = "A page of captures.", body = Captures)))]
pub(crate) async fn unfiled(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(which): Parameters<WhichCaptures>,
) -> Result<Answer<Captures>, Problem> {
    caller.require(Scope::Capture)?;
    if which.state.as_deref().is_some_and(|s| s != "unfiled") {
        return Err(Problem::invalid("state is `unfiled`"));
    }
    let after = which.cursor.as_deref().map_or(Ok(0), read_cursor)?;
    let limit = which.limit.unwrap_or(50).clamp(1, LIST_MAX);
    let archive = app.archive.clone();
    blocking(move || {
        let found = archive.unfiled(after, limit)?;
        let last = found.last().filter(|_| found.len() == limit);
        let next_cursor = last.map(|s| format!("{CURSOR_PREFIX}{}", s.sequence));
        // A staged set whose note is not a capture's belongs to another part of the program.
        let now = clock::now();
        let captures =
            found.iter().filter(|s| now < s.expires_at).filter_map(|s| capture_body(s).ok()).collect();
        Ok(Answer(Captures { captures, next_cursor }))
    })
    .await
}

/// The sequence a cursor stands for.
fn read_cursor(cursor: &str) -> Result<u64, Problem> {
    let sequence = cursor.strip_prefix(CURSOR_PREFIX).and_then(|s| s.parse().ok());
    // The archive counts in 63 bits.
    sequence
        .filter(|s| i64::try_from(*s).is_ok())
        .ok_or_else(|| Problem::invalid("cursor is not one that was given out here"))
}

/// A picture of an unfiled capture.
///
/// Stored pictures come at once; a thumbnail is made in its turn, within about a second. Writes nothing.
#[utoipa::path(get, path = "/v1/captures/{id}/image", tag = "captures", operation_id = "readCaptureImage",
    params(("id" = String, Path, description = "The capture, 32 hexadecimal digits."), WhichRendition),
    responses((status = 200, description = "The picture; `Content-Type` says which of the two it is.",
        content((Picture = "image/jpeg"), (Picture = "image/png")))))]
pub(crate) async fn image(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
    Parameters(which): Parameters<WhichRendition>,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    let id: CaptureId = id.parse().map_err(|_| Code::CaptureUnknown)?;
    let archive = app.archive.clone();
    let (image, bytes) = blocking(move || {
        let note = CaptureNote::read(&open_staged(&archive, id)?.note).ok_or(Code::CaptureUnknown)?;
        let image = if which.rendition == Rendition::Original { note.original } else { note.page };
        let digest = image.digest.parse().map_err(|_| Code::StorageFailed)?;
        let bytes = archive.staged_blob(id, &digest)?;
        Ok((image, bytes))
    })
    .await?;
    answer(&app, which.rendition, image.media_type(), bytes).await
}

/// Throws a capture away.
///
/// It is gone for good when this answers, within the time of one durable write.
#[utoipa::path(delete, path = "/v1/captures/{id}", tag = "captures", operation_id = "discardCapture",
    params(("id" = String, Path, description = "The capture, 32 hexadecimal digits.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn discard(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    let id: CaptureId = id.parse().map_err(|_| Code::CaptureUnknown)?;
    let archive = app.archive.clone();
    let by = caller.actor();
    let call = async {
        let gone = blocking(move || Ok(archive.discard(id, &by)?)).await?;
        if gone { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Code::CaptureUnknown.into()) }
    };
    let request = fingerprint(&[b"captures/discard", id.as_bytes()]);
    app.replays.once(caller.token.id, caller.idempotency_key.as_deref(), request, call).await
}

/// An unfiled capture's record.
pub(crate) fn open_staged(archive: &Archive, id: CaptureId) -> Result<Staged, Problem> {
    let staged = archive.staged(id)?.ok_or(Code::CaptureUnknown)?;
    match staged.state {
        StagedState::Unfiled if clock::now() < staged.expires_at => Ok(staged),
        // Expired, and not swept yet.
        StagedState::Unfiled => Err(Code::CaptureUnknown.into()),
        StagedState::Filed(_) => Err(Code::CaptureFiled.into()),
        StagedState::Discarded => Err(Code::CaptureUnknown.into()),
    }
}

/// Takes a refused body off the line and keeps nothing of it: its sender would not get to see the answer before
/// it has sent everything.
async fn pass_over(request: Request) {
    let mut left = UPLOAD_BYTES_MAX;
    let mut body = request.into_body().into_data_stream();
    while let Some(Ok(piece)) = body.next().await {
        match left.checked_sub(piece.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

async fn read_request(app: &Shared, request: Request) -> Result<(CaptureWish, Option<Vec<u8>>), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if content_type.is_some_and(|t| t.to_ascii_lowercase().starts_with("multipart/form-data")) {
        let form = Multipart::from_request(request, app)
            .await
            .map_err(|_| Problem::invalid("the form's boundary is missing"))?;
        let (wish, file) = read_form(form).await?;
        return Ok((wish, Some(file)));
    }
    if content_type.is_none() {
        return match read_body(request, app).await?.is_empty() {
            true => Ok((CaptureWish::default(), None)),
            false => Err(Problem::invalid("the body must come with its Content-Type")),
        };
    }
    let Json(wish) = Json::from_request(request, app).await?;
    Ok((wish, None))
}

async fn read_form(mut form: Multipart) -> Result<(CaptureWish, Vec<u8>), Problem> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Problem::new(Code::BodyTooLarge, format!("at most {UPLOAD_BYTES_MAX} bytes"));
        }
        Problem::invalid("the form is cut off or malformed")
    };
    let mut wish = CaptureWish::default();
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            file = Some(Vec::from(field.bytes().await.map_err(broken)?));
            continue;
        }
        let text = field.text().await.map_err(broken)?;
        let wrong = || Problem::invalid(format!("the form field `{name}` has the wrong form"));
        match name.as_str() {
            "holder" => wish.holder = Some(text),
            "crop" => wish.crop = Some(text),
            "tone" => wish.tone = Some(text),
            "corners" => wish.corners = Some(serde_json::from_str(&text).map_err(|_| wrong())?),
            "rotate" => wish.rotate = Some(text.parse().map_err(|_| wrong())?),
            "dpi" => wish.dpi = Some(text.parse().map_err(|_| wrong())?),
            _ => return Err(Problem::invalid("the form has a field that is not known here")),
        }
    }
    let file = file.ok_or_else(|| Problem::invalid("the form has no field `file`"))?;
    Ok((wish, file))
}

fn page_wish(wish: &CaptureWish) -> Result<PageWish, Problem> {
    if wish.when.as_deref().is_some_and(|w| w != "now") {
        return Err(Problem::invalid("when is `now`"));
    }
    if wish.tone.as_deref().is_some_and(|t| !TONES.contains(&t)) {
        return Err(Problem::invalid(format!("tone is one of {}", TONES.join(", "))));
    }
    if wish.dpi.is_some_and(|d| !DPI.contains(&d)) {
        return Err(Problem::invalid(format!("dpi is {} to {}", DPI.start(), DPI.end())));
    }
    let rotate = match wish.rotate.unwrap_or(0) {
        degrees @ (0 | 90 | 180 | 270) => (degrees / 90) as u8,
        _ => return Err(Problem::invalid("rotate is 0, 90, 180 or 270")),
    };
    let crop = match wish.crop.as_deref() {
        None | Some("auto") => Crop::Auto,
        Some("full") => Crop::Full,
        Some("corners") => Crop::Corners(corners(wish.corners)?),
        Some(_) => return Err(Problem::invalid("crop is `auto`, `full` or `corners`")),
    };
    Ok(PageWish { crop, rotate, dpi: wish.dpi })
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

fn make_stage(frame: Frame, wish: &PageWish) -> Result<Stage, Problem> {
    let made = yidang_imaging::make_page(&frame.bytes, &wish.options()).map_err(faults::picture)?;
    let captured_at = clock::now();
    let header = made.header;
    let note = CaptureNote {
        original: StoredImage::new(&frame.bytes, header.media_type, header.width, header.height),
        page: StoredImage::new(&made.page.bytes, made.page.media_type, made.page.width, made.page.height),
        corners: made.corners,
        confidence: made.confidence,
        quality: QualityBody::from(&made.quality),
        origin: frame.origin.as_str().to_owned(),
        captured_at: captured_at.as_millis(),
    };
    let mut blobs = vec![frame.bytes];
    if made.page.bytes != blobs[0] {
        blobs.push(made.page.bytes);
    }
    Ok(Stage {
        id: random::capture_id(),
        blobs,
        note: note.write(),
        expires_at: captured_at.plus_millis(LIFETIME_MS),
        by: yidang_archive::Actor { client: String::new(), operator: None },
        idempotency: None,
    })
}

fn capture_body(staged: &Staged) -> Result<CaptureBody, Problem> {
    let note = CaptureNote::read(&staged.note).ok_or(Code::CaptureFiled)?;
    Ok(CaptureBody {
        id: staged.id.to_string(),
        width: note.page.width,
        height: note.page.height,
        corners: note.corners,
        confidence: note.confidence,
        quality: note.quality,
        digest: note.page.digest,
        original_digest: note.original.digest,
        matches: Vec::new(),
        captured_at: Timestamp::from_millis(note.captured_at).to_string(),
        expires_at: staged.expires_at.to_string(),
        origin: note.origin,
    })
}
