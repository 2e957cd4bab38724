//! 良田 Eloam document cameras, port 38088.
//!
//! POST with JSON in a text body, values as texts. What pages name files by (`filepath`) is a label that comes back as it was
//! given: no file is opened or written, and the picture always comes in the answer. It is kept as a capture too, and waits at
//! this window to be filed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use yidang_device::FrameFormat;
use yidang_imaging::{Crop, PageOptions, Tone};

use super::call::{Call, Fields};
use super::portrait::PortraitForm;
use super::reply::{JSON, digits, reply, valid_until, words};
use super::script::json;
use super::window::{Reading, Window};
use super::{Answering, Kind, LoadedAs, Shim};
use crate::page_wish::PageWish;
use crate::problem::{Code, Problem};

pub(super) const KIND: Kind =
    Kind { name: "liangtian-38088", port: 38088, open: || Arc::new(Liangtian::default()) };

/// Lenses that pages know: the one over the desk, and the one at its side.
const LENSES: usize = 2;
/// Longest label of a picture, in characters.
const LABEL_LENGTH_MAX: usize = 260;
const PORTRAIT: PortraitForm = PortraitForm::Jpeg(95);

#[derive(Default)]
struct Liangtian {
    /// How often the preview of each lens was closed: those that began before end.
    closings: [Arc<AtomicU64>; LENSES],
}

impl Shim for Liangtian {
    fn loaded_as(&self, call: &Call) -> LoadedAs {
        if call.path == "/video=stream" { LoadedAs::Picture } else { LoadedAs::Data }
    }

    fn answer(&self, window: Window, call: Call) -> Answering {
        let closings = self.closings.clone();
        Box::pin(async move {
            if call.path == "/video=stream" && call.method == Method::GET {
                return stream(&window, &call, &closings).await;
            }
            if call.method != Method::POST {
                return Err(Code::MethodNotAllowed.into());
            }
            let answer = answer(&window, &call, &closings).await;
            Ok(reply(JSON, json(&answer.unwrap_or_else(|problem| failed(&problem)))))
        })
    }
}

async fn stream(
    window: &Window,
    call: &Call,
    closings: &[Arc<AtomicU64>; LENSES],
) -> Result<Response, Problem> {
    let lens = lens(call.parameter("camidx").unwrap_or_default())?;
    let closed = closings[lens].clone();
    let before = closed.load(Ordering::Relaxed);
    window.preview(lens, move || closed.load(Ordering::Relaxed) == before).await
}

async fn answer(window: &Window, call: &Call, closings: &[Arc<AtomicU64>; LENSES]) -> Result<Value, Problem> {
    let fields = call.fields()?;
    Ok(match call.path.as_str() {
        "/video=grabimage" => grab(window, &fields).await?,
        "/video=close" => {
            closings[lens(&fields.text("camidx"))?].fetch_add(1, Ordering::Relaxed);
            done("ok")
        }
        "/video=status" => {
            let there = window.cameras().await.len();
            let state = |lens: usize| if lens < there { "ok" } else { "no" };
            json!({"code": "0", "message": "ok", "video0": state(0), "video1": state(1)})
        }
        "/device=isconnect" => with_data(&window.cameras().await.len().to_string()),
        "/device=getequipmenttype" => {
            let name = window.cameras().await.into_iter().next().map(|known| known.device.name);
            with_data(&name.ok_or(Code::CameraAbsent)?)
        }
        "/device=getresolution" => with_data(&resolutions(window, &fields).await?),
        // The largest picture is always taken, and a preview is made to fit.
        "/device=setresolution" => done("ok"),
        "/card=idcard" => card(window).await?,
        _ => return Err(not_here("本机兼容服务不提供此功能")),
    })
}

/// What this service does not do is told, so that nobody takes a picture for something it is not.
fn not_here(what: &'static str) -> Problem {
    Problem::new(Code::RouteUnknown, what)
}

fn done(message: &str) -> Value {
    json!({"code": "0", "message": message})
}

fn with_data(data: &str) -> Value {
    json!({"code": "0", "message": "ok", "data": data})
}

fn failed(problem: &Problem) -> Value {
    let said = match problem.code {
        Code::RouteUnknown => problem.detail.as_deref(),
        _ => None,
    };
    json!({"code": "-1", "message": said.unwrap_or_else(|| words(problem))})
}

fn lens(text: &str) -> Result<usize, Problem> {
    match text {
        "" | "0" => Ok(0),
        "1" => Ok(1),
        _ => Err(Problem::invalid("camidx is 0 or 1")),
    }
}

async fn resolutions(window: &Window, fields: &Fields) -> Result<String, Problem> {
    let format = if fields.text("mode") == "0" { FrameFormat::Raw } else { FrameFormat::Mjpeg };
    let described = window.describe(lens(&fields.text("camidx"))?).await?;
    let sizes = described.modes.iter().filter(|mode| mode.format == format);
    let sizes: Vec<_> = sizes.map(|mode| format!("{}*{}", mode.width, mode.height)).collect();
    Ok(sizes.join("|"))
}

async fn grab(window: &Window, fields: &Fields) -> Result<Value, Problem> {
    let wish = wish(fields)?;
    let label: String = fields.text("filepath").chars().take(LABEL_LENGTH_MAX).collect();
    let captured = window.capture(lens(&fields.text("camidx"))?, wish).await?;
    Ok(json!({
        "code": "0",
        "message": "ok",
        "uuid": captured.id,
        "filepath": label,
        "photoBase64": STANDARD.encode(captured.page),
    }))
}

fn wish(fields: &Fields) -> Result<PageWish, Problem> {
    if fields.says("watermark") {
        return Err(not_here("本机兼容服务不加水印"));
    }
    // Older versions call it deskew.
    let is_cut = fields.text("cutpage") == "1" || fields.text("deskew") == "1";
    let tone = match fields.text("ColorMode").as_str() {
        "" | "0" => Tone::Colour,
        "1" => Tone::Grey,
        "2" => Tone::BlackWhite,
        // White paper with what is coloured on it left so: what pages mean by taking the background away too.
        "3" | "4" | "5" => Tone::Seal,
        _ => return Err(Problem::invalid("ColorMode is 0 to 5")),
    };
    // The maker turns to the left.
    let rotate = match fields.text("rotate").as_str() {
        "" | "0" | "360" => 0,
        "90" => 3,
        "180" => 2,
        "270" => 1,
        _ => return Err(Problem::invalid("rotate is 0, 90, 180 or 270")),
    };
    let options = PageOptions {
        crop: if is_cut { Crop::Auto } else { Crop::Full },
        tone,
        rotate,
        upright: fields.text("bAutoAdjust") == "1",
        ..PageOptions::default()
    };
    Ok(PageWish { options, split: false })
}

async fn card(window: &Window) -> Result<Value, Problem> {
    let reading = window.read_card(Duration::ZERO).await?;
    let portrait = window.portrait(&reading, PORTRAIT).await;
    Ok(json!({"code": 0, "message": "ok", "IDCardInfo": card_fields(&reading, &portrait)}))
}

fn card_fields(Reading { card, .. }: &Reading, portrait: &str) -> Value {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    json!({
        "name": card.name.as_deref().or(card.name_en.as_deref()).unwrap_or_default(),
        "sex": card.sex.unwrap_or_default(),
        "sexCode": text(&card.sex_code),
        "nation": card.ethnicity.or(card.nationality.as_deref()).unwrap_or_default(),
        "nationCode": text(&card.ethnicity_code),
        "birthday": digits(card.birth_date),
        "address": text(&card.address),
        "cardID": text(&card.id_number),
        "issueOrgan": text(&card.issuer),
        "validStart": digits(card.valid_from),
        "validEnd": valid_until(card.valid_until, card.long_term),
        "appendMsg": text(&card.new_address),
        "strIDUID": text(&card.chip_serial).to_uppercase(),
        "strICUID": "",
        "photoBase64": portrait,
        "photoBase64_Z": "",
        "photoBase64_F": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish_of(body: &str) -> Result<PageWish, Code> {
        let request = axum::extract::Request::post("/video=grabimage").body(body.to_owned().into()).unwrap();
        let call =
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(Call::read(request));
        wish(&call.unwrap().fields().unwrap()).map_err(|problem| problem.code)
    }

    #[test]
    fn a_grab_is_asked_for_in_texts_or_numbers() {
        let plain = wish_of(r#"{"filepath":"base64","rotate":"0","camidx":"0","cutpage":"0"}"#).unwrap();
        assert_eq!((plain.options.crop, plain.options.rotate), (Crop::Full, 0));
        let asked =
            wish_of(r#"{"rotate":90,"cutpage":1,"ColorMode":"3","bAutoAdjust":"1"}"#).unwrap().options;
        assert_eq!((asked.crop, asked.rotate, asked.tone, asked.upright), (Crop::Auto, 3, Tone::Seal, true));
        assert_eq!(wish_of(r#"{"rotate":"45"}"#).unwrap_err(), Code::Invalid);
        assert_eq!(wish_of(r#"{"ColorMode":"9"}"#).unwrap_err(), Code::Invalid);
        assert_eq!(wish_of(r#"{"watermark":{"pos":"4"}}"#).unwrap_err(), Code::RouteUnknown);
        assert!(wish_of(r#"{"watermark":""}"#).is_ok());
    }
}
