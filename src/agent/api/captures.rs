//! `/v1/captures`: papers that are captured and not yet filed.

use axum::Json as Answer;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yidang_archive::storage::StagedState;
use yidang_archive::{Archive, Stage, Staged};
use yidang_device::Frame;
use yidang_imaging::{Crop, PageOptions};
use yidang_model::{CaptureId, Digest, Origin, Timestamp};

use super::extract::{Address, Json, Parameters, blocking};
use super::holders::durable_key;
use super::image::{Rendition, WhichRendition, answer, in_turn};
use super::words::{Corners, QualityBody, corners};
use super::{UPLOAD_BYTES_MAX, faults};
use crate::app::Shared;
use crate::caller::Caller;
use crate::capture_note::{CaptureNote, StoredImage};
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
    /// Look for the same bytes in this open dossier.
    holder: Option<String>,
    /// `now`.
    when: Option<String>,
    /// `auto` (default): find the page; `full`: keep the whole frame; `corners`: take the given ones.
    crop: Option<String>,
    /// For `crop` `corners`: four points, pixels of the frame, clockwise from the page's top-left.
    #[schema(value_type = Option<Vec<Vec<f32>>>)]
    corners: Option<Corners>,
    /// `colour`.
    tone: Option<String>,
    /// Clockwise: 0, 90, 180 or 270 degrees.
    rotate: Option<u16>,
    /// Resolution of the page, 50 to 600; natural unless said.
    dpi: Option<u32>,
}

/// An upload: the picture, and the fields of a capture as further parts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the multipart form in the OpenAPI document")]
pub(crate) struct CaptureForm {
    /// JPEG or PNG.
    #[schema(value_type = String, format = Binary)]
    file: String,
    holder: Option<String>,
    crop: Option<String>,
    /// JSON: four points.
    corners: Option<String>,
    tone: Option<String>,
    rotate: Option<u16>,
    dpi: Option<u32>,
}

/// Where the same picture is on file already.
#[derive(Serialize, ToSchema)]
struct Match {
    material: String,
    /// Counts from 1.
    page: usize,
    /// `same`: equal bytes.
    verdict: &'static str,
    score: f32,
}

/// A capture that waits to be filed.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaptureBody {
    id: String,
    /// Pixels of the page.
    width: u32,
    height: u32,
    /// Where the page lies in the frame; null: the whole frame was kept.
    #[schema(value_type = Option<Vec<Vec<f32>>>)]
    corners: Option<Corners>,
    /// How sure the page finder was, 0 to 1.
    confidence: f32,
    quality: QualityBody,
    digest: String,
    original_digest: String,
    matches: Vec<Match>,
    #[schema(format = DateTime)]
    captured_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// `device`, `simulated` or `upload`.
    origin: String,
}

/// A page of captures.
#[derive(Serialize, ToSchema)]
pub(crate) struct Captures {
    captures: Vec<CaptureBody>,
    next_cursor: Option<String>,
}

/// Which captures.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichCaptures {
    /// `unfiled`.
    state: Option<String>,
    /// `next_cursor` of the answer before, as it was given out.
    cursor: Option<String>,
    /// At most 200.
    limit: Option<usize>,
}

/// Takes a picture, or takes one in (`multipart/form-data` with `file`): finds and straightens the page, and
/// keeps it together with the untouched original. Durable when it answers.
#[utoipa::path(post, path = "/v1/captures", tag = "captures",
    request_body(content((CaptureWish = "application/json"), (CaptureForm = "multipart/form-data"))),
    responses((status = 201, body = CaptureBody)))]
pub(crate) async fn capture(
    State(app): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    let (wish, upload) = read_request(&app, request).await?;
    let options = page_options(&wish)?;
    let who = match &wish.holder {
        Some(id) => Some(app.holders.get(caller.token.id, id)?),
        None => None,
    };
    let written = serde_json::to_vec(&wish).unwrap_or_default();
    let fingerprint = fingerprint(&[b"captures", &written, upload.as_deref().unwrap_or_default()]);
    let call = async {
        let frame = match upload {
            Some(bytes) => Frame { bytes, origin: Origin::Upload },
            None => app.camera.grab(wish.camera.clone()).await.map_err(|e| faults::camera(&e))?,
        };
        let from_camera = frame.origin != Origin::Upload;
        let stage = in_turn(&app, move || make_stage(frame, &options))
            .await
            .map_err(|problem| if from_camera { as_camera_fault(problem) } else { problem })?;
        let stage = Stage { by: caller.actor(), idempotency: durable_key(&caller, &fingerprint), ..stage };
        let archive = app.archive.clone();
        let who = who.filter(|h| h.basis.may_read()).map(|h| h.subject);
        let body = blocking(move || {
            let staged = archive.stage(stage)?;
            let mut body = capture_body(&staged)?;
            if let Some(who) = who {
                let original: Digest = body.original_digest.parse().map_err(|_| Code::StorageFailed)?;
                let matches = archive.matches(&who, &original)?;
                body.matches = matches
                    .into_iter()
                    .map(|(id, page)| Match { material: id.to_string(), page, verdict: "same", score: 1.0 })
                    .collect();
            }
            Ok(body)
        })
        .await?;
        Ok((StatusCode::CREATED, Answer(body)).into_response())
    };
    app.replays.once(caller.token.id, caller.idempotency_key.as_deref(), fingerprint, call).await
}

/// Captures that wait to be filed, oldest first.
#[utoipa::path(get, path = "/v1/captures", tag = "captures", params(WhichCaptures),
    responses((status = 200, body = Captures)))]
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
        let captures = found.iter().filter_map(|s| capture_body(s).ok()).collect();
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
#[utoipa::path(get, path = "/v1/captures/{id}/image", tag = "captures",
    params(("id" = String, Path), WhichRendition),
    responses((status = 200, content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")))))]
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
#[utoipa::path(delete, path = "/v1/captures/{id}", tag = "captures", params(("id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn discard(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Capture)?;
    let id: CaptureId = id.parse().map_err(|_| Code::CaptureUnknown)?;
    let archive = app.archive.clone();
    let by = caller.actor();
    let gone = blocking(move || Ok(archive.discard(id, &by)?)).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Code::CaptureUnknown.into()) }
}

/// An unfiled capture's record.
pub(crate) fn open_staged(archive: &Archive, id: CaptureId) -> Result<Staged, Problem> {
    let staged = archive.staged(id)?.ok_or(Code::CaptureUnknown)?;
    match staged.state {
        StagedState::Unfiled => Ok(staged),
        StagedState::Filed(_) => Err(Code::CaptureFiled.into()),
        StagedState::Discarded => Err(Code::CaptureUnknown.into()),
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
    if request.headers().get(header::CONTENT_LENGTH).is_none_or(|l| l == "0") && content_type.is_none() {
        return Ok((CaptureWish::default(), None));
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
            file = Some(field.bytes().await.map_err(broken)?.to_vec());
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

fn page_options(wish: &CaptureWish) -> Result<PageOptions, Problem> {
    if wish.when.as_deref().is_some_and(|w| w != "now") {
        return Err(Problem::invalid("when is `now`"));
    }
    if wish.tone.as_deref().is_some_and(|t| t != "colour") {
        return Err(Problem::invalid("tone is `colour`"));
    }
    if wish.dpi.is_some_and(|d| !(50..=600).contains(&d)) {
        return Err(Problem::invalid("dpi is 50 to 600"));
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
    Ok(PageOptions { crop, rotate, dpi: wish.dpi, ..PageOptions::default() })
}

/// A picture that a camera cut off is the camera's fault, not the caller's.
fn as_camera_fault(problem: Problem) -> Problem {
    match problem.code {
        Code::ImageDamaged | Code::NotAnImage | Code::ImageTooLarge => {
            Problem { code: Code::CameraFailed, detail: problem.detail }
        }
        _ => problem,
    }
}

fn make_stage(frame: Frame, options: &PageOptions) -> Result<Stage, Problem> {
    let made = yidang_imaging::make_page(&frame.bytes, options).map_err(faults::picture)?;
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
