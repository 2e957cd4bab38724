//! `/v1/captures`: papers that are captured and not yet filed.

mod keep;
mod left;
mod take;
mod wish;

#[cfg(test)]
pub(crate) use left::TakeOver;
pub(crate) use left::{__path_left, __path_take_over, left, take_over};
pub(crate) use take::{__path_capture, capture, keep_from_camera};
#[cfg(test)]
pub(crate) use wish::CaptureWish;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yidang_archive::storage::StagedState;
use yidang_archive::{Archive, Staged};
use yidang_model::{CaptureId, Timestamp};

use super::extract::{Address, Parameters, blocking};
use super::image::{Rendition, WhichRendition, answer};
use super::partial::Conditions;
use super::vocabulary::{self, CaptureState, MatchVerdict, Picture};
use super::words::{CodeBody, Corners, QualityBody};
use crate::app::Shared;
use crate::caller::Caller;
use crate::capture_note::CaptureNote;
use crate::clock;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::tray::TrayView;

/// A capture is kept this long, unless it is filed or thrown away before.
pub(crate) const LIFETIME_MS: i64 = 14 * 24 * 60 * 60 * 1000;
/// Most captures in one answer.
const LIST_MAX: usize = 200;
/// Begins every cursor of this list, so that one of another list is not taken for it.
const CURSOR_PREFIX: &str = "c.";

/// Where the same picture is on file already.
#[derive(Clone, Serialize, ToSchema)]
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
#[derive(Clone, Serialize, ToSchema)]
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
    /// Which paper the page is; null where it is none of those that are known, or where the whole frame was kept. A PDF's
    /// page is told by the size that the PDF gives it. Without `px_per_mm` a photographed A5 or B5 counts as A4, whose
    /// proportions it has.
    #[schema(value_type = Option<vocabulary::PaperSize>)]
    size: Option<String>,
    /// How far the page was turned clockwise because of its writing, after `rotate`, in degrees: 0, 90, 180 or 270; null
    /// where `upright` was not asked for, or the writing did not tell and the page stays as it lay.
    #[schema(minimum = 0, maximum = 270)]
    turned_degrees: Option<u16>,
    /// The barcodes and QR codes on the page, from top to bottom, 16 and 32 KiB of text at most; null where `codes` was not
    /// asked for.
    codes: Option<Vec<CodeBody>>,
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
    /// Where `split` was asked for or a PDF handed in, the capture of each paper or page, this one first; else null.
    #[schema(no_recursion)]
    captures: Option<Vec<CaptureBody>>,
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

/// Captures that wait to be filed, oldest first.
///
/// Those of every token of this window; where its clerks must sign in, those of the clerk who has, and those that nobody
/// signed in took. What other clerks left is listed by `listLeftCaptures`. Answers at once and writes nothing.
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
    let (archive, view) = (app.archive.clone(), caller.tray_view());
    blocking(move || {
        let now = clock::now();
        let mut after = after;
        let mut captures = Vec::new();
        loop {
            let wanted = limit - captures.len();
            let found = archive.unfiled(after, wanted)?;
            let shown = found.iter().filter(|s| now < s.expires_at && view.shows(&s.by));
            // A staged set whose note is not a capture's belongs to another part of the program.
            captures.extend(shown.filter_map(|s| capture_body(s).ok()));
            let next = found.last().filter(|_| found.len() == wanted).map(|s| s.sequence);
            match next {
                // Others' are passed over, so that a page is full unless it is the last.
                Some(last) if view != TrayView::All && captures.len() < limit => after = last,
                _ => {
                    let next_cursor = next.map(|last| format!("{CURSOR_PREFIX}{last}"));
                    return Ok(Answer(Captures { captures, next_cursor }));
                }
            }
        }
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
/// Stored pictures come at once; a thumbnail is made in its turn, within about a second. Writes nothing. One `Range` is
/// given; the `ETag` stays the same as long as the picture does.
#[utoipa::path(get, path = "/v1/captures/{id}/image", tag = "captures", operation_id = "readCaptureImage",
    params(("id" = String, Path, description = "The capture, 32 hexadecimal digits."), WhichRendition),
    responses((status = 200, description = "The picture; `Content-Type` says which of the two it is.",
        content((Picture = "image/jpeg"), (Picture = "image/png"))),
        (status = 206, description = "The part that `Range` asked for; `Content-Range` says which.",
            content((Picture = "image/jpeg"), (Picture = "image/png"))),
        (status = 304, description = "The caller has it: `If-None-Match` names its `ETag`.")))]
pub(crate) async fn image(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
    conditions: Conditions,
    Parameters(which): Parameters<WhichRendition>,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    let id: CaptureId = id.parse().map_err(|_| Code::CaptureUnknown)?;
    let (archive, view) = (app.archive.clone(), caller.tray_view());
    let (image, bytes) = blocking(move || {
        let note = CaptureNote::read(&open_staged(&archive, id, &view)?.note).ok_or(Code::CaptureUnknown)?;
        let image = if which.rendition == Rendition::Original { note.original } else { note.page };
        let digest = image.digest.parse().map_err(|_| Code::StorageFailed)?;
        let bytes = archive.staged_blob(id, &digest)?;
        Ok((image, bytes))
    })
    .await?;
    answer(&app, caller.client(), which.rendition, &conditions, image.media_type(), bytes).await
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
    let (worker, by, view) = (app.clone(), caller.actor(), caller.tray_view());
    let call = async {
        let gone = blocking(move || {
            let staged = worker.archive.staged(id)?;
            if staged.is_none_or(|staged| !view.shows(&staged.by)) {
                return Ok(false);
            }
            let gone = worker.archive.discard(id, &by)?;
            worker.tray.leave([id]);
            Ok(gone)
        })
        .await?;
        if gone { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Code::CaptureUnknown.into()) }
    };
    let request = fingerprint(&[b"captures/discard", id.as_bytes()]);
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

/// An unfiled capture's record. Another clerk's is as if it were not there.
pub(crate) fn open_staged(archive: &Archive, id: CaptureId, view: &TrayView) -> Result<Staged, Problem> {
    let staged = archive.staged(id)?.filter(|staged| view.shows(&staged.by)).ok_or(Code::CaptureUnknown)?;
    match staged.state {
        StagedState::Unfiled if clock::now() < staged.expires_at => Ok(staged),
        // Expired, and not swept yet.
        StagedState::Unfiled => Err(Code::CaptureUnknown.into()),
        StagedState::Filed(_) => Err(Code::CaptureFiled.into()),
        StagedState::Discarded => Err(Code::CaptureUnknown.into()),
    }
}

fn capture_body(staged: &Staged) -> Result<CaptureBody, Problem> {
    let note = CaptureNote::read(&staged.note).ok_or(Code::CaptureFiled)?;
    Ok(CaptureBody {
        id: staged.id.to_string(),
        width: note.page.width,
        height: note.page.height,
        corners: note.corners,
        confidence: note.confidence,
        size: note.size,
        turned_degrees: note.turned_degrees,
        codes: note.codes,
        quality: note.quality,
        digest: note.page.digest,
        original_digest: note.original.digest,
        matches: Vec::new(),
        captured_at: Timestamp::from_millis(note.captured_at).to_string(),
        expires_at: staged.expires_at.to_string(),
        origin: note.origin,
        captures: None,
    })
}
