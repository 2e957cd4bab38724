//! How a capture is asked for: as JSON, or as a form that brings the picture along.

use std::time::Duration;

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use yidang_imaging::{Crop, PageOptions, UnknownTone};

use crate::api::UPLOAD_BYTES_MAX;
use crate::api::extract::{Json, read_body};
use crate::api::vocabulary::{self, Picture, Rotation, Tone, When};
use crate::api::words::{Corners, corners};
use crate::app::Shared;
use crate::page_wish::{DPI, PX_PER_MM, PageWish};
use crate::problem::{Code, Problem};

/// How long to wait for a paper to come to rest: at most, and unless said.
const TIMEOUT_MS_MAX: u64 = 60_000;
const TIMEOUT_MS_USUAL: u64 = 10_000;

/// Whether it is said; null says nothing.
fn said<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// How to capture.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CaptureWish {
    /// Camera id; the preferred one unless said.
    pub(super) camera: Option<String>,
    /// An open dossier: look there for the same bytes, if it may be read.
    pub(super) holder: Option<String>,
    /// When to take the picture; the next frame unless said.
    #[schema(value_type = Option<When>)]
    when: Option<String>,
    /// For `when` `settled`: how long to wait for that, in milliseconds; 10000 unless said.
    #[schema(maximum = 60_000)]
    timeout_ms: Option<u64>,
    /// Whether several papers beside each other become one capture each; not unless said.
    #[schema(value_type = Option<bool>)]
    #[serde(deserialize_with = "said")]
    pub(super) split: bool,
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
    /// Whether the page is turned further by its writing, where that tells which way is up; not unless said.
    // What is not said is not written either: a key of a call made before these were there stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    upright: Option<bool>,
    /// Whether the barcodes and QR codes on the page are read, some tenths of a second; not unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<bool>,
    /// Resolution of the page; as the frame has it unless said.
    #[schema(minimum = 50, maximum = 600)]
    dpi: Option<u32>,
    /// The camera's scale on the mat, in pixels a millimetre of paper. With it sizes are told by size, and A5 and B5 from
    /// A4; without it by proportions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 50)]
    px_per_mm: Option<f64>,
}

/// An upload: the picture, and the fields of a capture as further parts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the multipart form in the OpenAPI document")]
pub(crate) struct CaptureForm {
    /// JPEG, PNG or PDF, at most 32 MiB with the rest of the form.
    #[schema(value_type = Picture)]
    file: String,
    /// As in `CaptureWish`.
    #[schema(nullable = false)]
    holder: Option<String>,
    /// As in `CaptureWish`.
    #[schema(nullable = false)]
    split: Option<bool>,
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
    #[schema(nullable = false)]
    upright: Option<bool>,
    /// As in `CaptureWish`.
    #[schema(nullable = false)]
    codes: Option<bool>,
    /// As in `CaptureWish`.
    #[schema(nullable = false, minimum = 50, maximum = 600)]
    dpi: Option<u32>,
    /// As in `CaptureWish`.
    #[schema(nullable = false, minimum = 1, maximum = 50)]
    px_per_mm: Option<f64>,
}

pub(super) async fn read_request(
    app: &Shared,
    request: Request,
) -> Result<(CaptureWish, Option<Vec<u8>>), Problem> {
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
            "split" => wish.split = text.parse().map_err(|_| wrong())?,
            "crop" => wish.crop = Some(text),
            "tone" => wish.tone = Some(text),
            "corners" => wish.corners = Some(serde_json::from_str(&text).map_err(|_| wrong())?),
            "rotate" => wish.rotate = Some(text.parse().map_err(|_| wrong())?),
            "upright" => wish.upright = Some(text.parse().map_err(|_| wrong())?),
            "codes" => wish.codes = Some(text.parse().map_err(|_| wrong())?),
            "dpi" => wish.dpi = Some(text.parse().map_err(|_| wrong())?),
            "px_per_mm" => wish.px_per_mm = Some(text.parse().map_err(|_| wrong())?),
            _ => return Err(Problem::invalid("the form has a field that is not known here")),
        }
    }
    let file = file.ok_or_else(|| Problem::invalid("the form has no field `file`"))?;
    Ok((wish, file))
}

impl CaptureWish {
    /// How long to wait for a paper to come to rest; `None`: not at all.
    pub(super) fn rest_within(&self) -> Result<Option<Duration>, Problem> {
        let timeout_ms = self.timeout_ms.unwrap_or(TIMEOUT_MS_USUAL);
        if timeout_ms > TIMEOUT_MS_MAX {
            return Err(Problem::invalid(format!("timeout_ms is at most {TIMEOUT_MS_MAX}")));
        }
        match self.when.as_deref() {
            Some("settled") => Ok(Some(Duration::from_millis(timeout_ms))),
            None | Some("now") if self.timeout_ms.is_none() => Ok(None),
            None | Some("now") => Err(Problem::invalid("timeout_ms goes with when `settled`")),
            Some(_) => Err(Problem::invalid("when is `now` or `settled`")),
        }
    }

    /// What page is wished for.
    pub(super) fn page(&self) -> Result<PageWish, Problem> {
        page(self)
    }
}

fn page(wish: &CaptureWish) -> Result<PageWish, Problem> {
    let tone = wish.tone.as_deref().map(str::parse).transpose();
    let tone = tone.map_err(|error: UnknownTone| Problem::invalid(error.to_string()))?.unwrap_or_default();
    if wish.dpi.is_some_and(|d| !DPI.contains(&d)) {
        return Err(Problem::invalid(format!("dpi is {} to {}", DPI.start(), DPI.end())));
    }
    if wish.px_per_mm.is_some_and(|scale| !PX_PER_MM.contains(&scale)) {
        return Err(Problem::invalid(format!("px_per_mm is {} to {}", PX_PER_MM.start(), PX_PER_MM.end())));
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
    if wish.split && crop != Crop::Auto {
        return Err(Problem::invalid("split goes with crop `auto`"));
    }
    let CaptureWish { dpi, px_per_mm, split, .. } = *wish;
    let (upright, codes) = (wish.upright.unwrap_or(false), wish.codes.unwrap_or(false));
    let options =
        PageOptions { crop, rotate, upright, codes, dpi, px_per_mm, tone, ..PageOptions::default() };
    Ok(PageWish { options, split })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_asks_for_nothing_new_is_written_as_it_was() {
        // A call is told from another of the same key by what is written of its wish.
        let written = serde_json::to_string(&CaptureWish::default()).unwrap();
        let before = r#"{"camera":null,"holder":null,"when":null,"timeout_ms":null,"split":false,"crop":null,"corners":null,"tone":null,"rotate":null,"dpi":null}"#;
        assert_eq!(written, before);
        let asked: CaptureWish = serde_json::from_str(r#"{"upright":true,"codes":null}"#).unwrap();
        let (page, unasked) = (asked.page().unwrap(), CaptureWish::default().page().unwrap());
        let (page, unasked) = (page.options, unasked.options);
        assert!(page.upright && !page.codes && !unasked.upright && !unasked.codes);
        assert_ne!(serde_json::to_string(&asked).unwrap(), before);
    }
}
