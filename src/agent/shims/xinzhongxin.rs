//! 新中新 Synthesis readers, port 8989.
//!
//! GET with parameters, JSON or, with `callback`, a script. One call at a time, the others are told that the reader is busy.
//! Fingerprints are not given (`Fp=1` is passed over), nor pictures of the card's two sides.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use yidang_idcard::IdCard;
use yidang_idcard::text::DocumentType;

use super::call::Call;
use super::portrait::PortraitForm;
use super::reply::{HTML, JAVASCRIPT, JSON, digits, reply, valid_until, words};
use super::script::{is_callback, json};
use super::window::{Reading, Window};
use super::{Answering, Kind, LoadedAs, Shim};
use crate::problem::{Code, Problem};

pub(super) const KIND: Kind =
    Kind { name: "xinzhongxin-8989", port: 8989, open: || Arc::new(Xinzhongxin::new()) };

/// The maker's own version whose documentation this follows.
const VERSION: &str = "v3.3.4";
const QUALITY_USUAL: u8 = 100;
/// Asks for a BMP in the place of a quality.
const QUALITY_BMP: &str = "101";
/// States of a reading.
const READ: &str = "0x90";
const NO_CARD: &str = "0x80";
const READ_FAILED: &str = "0x41";
const READER_FAILED: &str = "0x1";

struct Xinzhongxin {
    shared: Arc<State>,
}

struct State {
    turn: Semaphore,
    /// Tells the card that was read last from others, for who wants each once. In memory only.
    last: Mutex<Option<[u8; 32]>>,
}

impl Xinzhongxin {
    fn new() -> Self {
        Self { shared: Arc::new(State { turn: Semaphore::new(1), last: Mutex::new(None) }) }
    }
}

impl Shim for Xinzhongxin {
    fn loaded_as(&self, call: &Call) -> LoadedAs {
        if call.parameter("callback").is_some() { LoadedAs::Script } else { LoadedAs::Data }
    }

    fn answer(&self, window: Window, call: Call) -> Answering {
        let shared = self.shared.clone();
        Box::pin(async move {
            if call.method != Method::GET {
                return Err(Code::MethodNotAllowed.into());
            }
            if call.parameter("callback").is_some_and(|name| !is_callback(name)) {
                return Err(Problem::invalid("callback is no name of a function"));
            }
            let Ok(_turn) = shared.turn.try_acquire() else {
                return Ok(told(&call, &outcome("1", "读卡器正忙，读卡中", READER_FAILED)));
            };
            let answer = match call.path.as_str() {
                "/api/readmsg" | "/api/readmsgjsonp" | "/api/readmsgie" | "/api/readfpmsg" => {
                    read(&shared, &window, &call).await
                }
                "/api/getsamid" => {
                    number(&window, |reading| {
                        reading.card.sam_id.map(|number| number.to_string()).unwrap_or_default()
                    })
                    .await
                }
                "/api/getidserialno" => {
                    number(&window, |reading| {
                        reading.card.chip_serial.clone().unwrap_or_default().to_uppercase()
                    })
                    .await
                }
                "/api/version" => json!({"retcode": "0", "retmsg": VERSION, "errmsg": ""}),
                path if path.starts_with("/api/") => {
                    json!({"retcode": "1", "retmsg": "本机兼容服务不提供此功能", "errmsg": ""})
                }
                _ => return Err(Code::RouteUnknown.into()),
            };
            Ok(told(&call, &answer))
        })
    }
}

/// The answer as the page wants it: a script, text that old kernels show, or JSON. A script is never sent as HTML, which
/// would let a page choose what that begins with.
fn told(call: &Call, answer: &Value) -> Response {
    let text = json(answer);
    match call.parameter("callback") {
        Some(callback) => reply(JAVASCRIPT, format!("{callback}({text});")),
        None if call.is_set("ie") || call.path.ends_with("ie") => reply(HTML, text),
        None => reply(JSON, text),
    }
}

fn outcome(code: &str, message: &str, state: &str) -> Value {
    let mut fields = fields_of(None, "");
    fields["code"] = code.into();
    fields["retcode"] = state.into();
    fields["retmsg"] = message.into();
    fields["errmsg"] = message.into();
    fields
}

async fn read(state: &State, window: &Window, call: &Call) -> Value {
    let wait = call.parameter("waitTime").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let reading = match window.read_card(Duration::from_secs(wait)).await {
        Ok(reading) => reading,
        Err(problem) => return failed(&problem),
    };
    let this = Sha256::digest(reading.text()).into();
    let before = state.last.lock().unwrap_or_else(PoisonError::into_inner).replace(this);
    if call.is_set("readOnce") && before == Some(this) {
        return outcome("1", "同一张身份证只读一次", NO_CARD);
    }
    let wanted = !call.is_set("NoPhoto");
    let form = portrait_form(call.parameter("PhotoQuality"));
    let portrait = if wanted { window.portrait(&reading, form).await } else { String::new() };
    let mut fields = fields_of(Some(&reading.card), &portrait);
    fields["code"] = "0".into();
    // The second number says what became of the portrait.
    let (state, message) = match (wanted, portrait.is_empty()) {
        (true, true) => ("0x0", "操作成功||相片未解码"),
        _ => ("0x1", "操作成功||相片解码解码正确"),
    };
    fields["retcode"] = format!("{READ} {state}").into();
    fields["retmsg"] = message.into();
    fields
}

fn failed(problem: &Problem) -> Value {
    let state = match problem.code {
        Code::CardAbsent => NO_CARD,
        Code::CardUnreadable => READ_FAILED,
        _ => READER_FAILED,
    };
    outcome("1", words(problem), state)
}

fn portrait_form(quality: Option<&str>) -> PortraitForm {
    match quality {
        Some(QUALITY_BMP) => PortraitForm::Bmp,
        quality => {
            let quality = quality.and_then(|text| text.parse().ok()).filter(|q| (1..=100).contains(q));
            PortraitForm::Jpeg(quality.unwrap_or(QUALITY_USUAL))
        }
    }
}

/// A number that a reading gives.
async fn number(window: &Window, of: impl Fn(&Reading) -> String) -> Value {
    match window.read_card(Duration::ZERO).await.map(|reading| of(&reading)) {
        Ok(number) if !number.is_empty() => json!({"retcode": "0", "retmsg": number, "errmsg": ""}),
        Ok(_) => json!({"retcode": "1", "retmsg": "", "errmsg": "读卡器没有给出此编号"}),
        Err(problem) => json!({"retcode": "1", "retmsg": "", "errmsg": words(&problem)}),
    }
}

/// Every field that pages may look for, empty without a card.
fn fields_of(card: Option<&IdCard>, portrait: &str) -> Value {
    let text = |of: fn(&IdCard) -> Option<String>| card.and_then(of).unwrap_or_default();
    let (kind, kind_name) = card.map_or(("", ""), |card| kind_of(card.document_type));
    let issues = text(|c| c.issue_count.clone().or_else(|| c.renewal_count.clone()));
    let mut fields = json!({
        "code": "", "retcode": "", "retmsg": "", "errmsg": "",
        "name": text(|c| c.name.clone()),
        "sex": text(|c| c.sex.map(str::to_owned)),
        "nation": text(|c| c.ethnicity.map(str::to_owned).or_else(|| c.nationality.clone())),
        "born": text(|c| Some(digits(c.birth_date))),
        "address": text(|c| c.address.clone()),
        "cardno": text(|c| c.id_number.clone()),
        "userlifeb": text(|c| Some(digits(c.valid_from))),
        "userlifee": text(|c| Some(valid_until(c.valid_until, c.long_term))),
        "police": text(|c| c.issuer.clone()),
        "photobase64": portrait,
        "FpDescribe": "", "FpData": null,
        "CardType": kind,
        "CardTypeName": kind_name,
        "EngName": text(|c| c.name_en.clone()),
        "CertVol": "",
        "PassID": text(|c| c.pass_number.clone()),
        "IssuesTimes": issues,
        "Reserved": "", "frontImg": "", "backImg": "",
    });
    for finger in ["1", "2"] {
        for of in ["FpFingerName", "FpQuality", "FpRegResult", "FpFeature"] {
            fields[format!("{of}{finger}")] = "".into();
        }
    }
    fields
}

fn kind_of(kind: DocumentType) -> (&'static str, &'static str) {
    match kind {
        DocumentType::Resident => ("0", "居民身份证"),
        DocumentType::Foreigner2017 => ("1", "外国人永久居留身份证"),
        DocumentType::Hmt => ("2", "港澳台居民居住证"),
        DocumentType::Foreigner2023 => ("3", "2023版外国人永久居留身份证"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_that_is_none_is_the_usual_one() {
        assert_eq!(portrait_form(Some("101")), PortraitForm::Bmp);
        assert_eq!(portrait_form(Some("60")), PortraitForm::Jpeg(60));
        for none in [None, Some("0"), Some("102"), Some("-1"), Some("a"), Some("")] {
            assert_eq!(portrait_form(none), PortraitForm::Jpeg(QUALITY_USUAL), "{none:?}");
        }
    }

    #[test]
    fn a_failure_has_every_field_and_says_nothing_of_anybody() {
        let (absent, unreadable) = (failed(&Code::CardAbsent.into()), failed(&Code::CardUnreadable.into()));
        assert_eq!((&absent["code"], &absent["retcode"]), (&json!("1"), &json!("0x80")));
        assert_eq!(unreadable["retcode"], "0x41");
        assert_eq!(failed(&Code::ReaderAbsent.into())["retcode"], "0x1");
        assert_eq!(absent.as_object().unwrap().len(), 33);
        assert_eq!(absent["cardno"], "");
    }
}
