//! 华视 CVR readers, port 19196.
//!
//! Pages read the answer as text with regular expressions of their own, such as `"certNumber" : "(.*?)"` and
//! `"resultFlag" : (.*)`: a field a line, in the order of the alphabet, a space on both sides of the colon, and the flag last
//! so that no comma follows it. A `picpath` that a page passes is not looked at.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use yidang_idcard::IdCard;
use yidang_idcard::text::DocumentType;

use super::call::Call;
use super::portrait::PortraitForm;
use super::reply::{TEXT, digits, reply, valid_until, words};
use super::window::Window;
use super::{Answering, Kind, LoadedAs, Shim};
use crate::problem::{Code, Problem};

pub(super) const KIND: Kind = Kind { name: "huashi-19196", port: 19196, open: || Arc::new(Huashi) };

const OK: i32 = 0;
/// The reader is at fault.
const READER_FAILED: i32 = -1;
/// The card is at fault, or there is none.
const CARD_FAILED: i32 = -11;
const PORTRAIT: PortraitForm = PortraitForm::Jpeg(95);

struct Huashi;

impl Shim for Huashi {
    fn loaded_as(&self, _: &Call) -> LoadedAs {
        LoadedAs::Data
    }

    fn answer(&self, window: Window, call: Call) -> Answering {
        Box::pin(async move {
            match call.path.as_str() {
                "/opendevice" if window.has_reader() => Ok(outcome("打开设备成功", OK)),
                "/opendevice" => Ok(outcome(words(&Code::ReaderAbsent.into()), READER_FAILED)),
                // Others may be using the reader: it stays open.
                "/closedevice" => Ok(outcome("关闭设备成功", OK)),
                "/readcard" => Ok(read(&window).await),
                _ => Err(Code::RouteUnknown.into()),
            }
        })
    }
}

/// What opening and closing come to.
fn outcome(message: &str, flag: i32) -> Response {
    reply(TEXT, lines(&[("errorMsg", message)], flag))
}

async fn read(window: &Window) -> Response {
    match window.read_card(Duration::ZERO).await {
        Ok(reading) => {
            let portrait = window.portrait(&reading, PORTRAIT).await;
            reply(TEXT, card_lines(&reading.card, &portrait))
        }
        Err(problem) => reply(TEXT, failed_lines(&problem)),
    }
}

fn card_lines(card: &IdCard, portrait: &str) -> String {
    let kind = match card.document_type {
        DocumentType::Resident => " ",
        DocumentType::Foreigner2017 => "I",
        DocumentType::Hmt => "J",
        DocumentType::Foreigner2023 => "Y",
    };
    let nation = card.ethnicity.or(card.nationality.as_deref()).unwrap_or_default();
    let name = card.name.as_deref().or(card.name_en.as_deref()).unwrap_or_default();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let fields = [
        ("bornDay", digits(card.birth_date)),
        ("certAddress", text(&card.address)),
        ("certNumber", text(&card.id_number)),
        ("certOrg", text(&card.issuer)),
        ("certType", kind.to_owned()),
        ("effDate", digits(card.valid_from)),
        ("errorMsg", "读卡成功".to_owned()),
        ("expDate", valid_until(card.valid_until, card.long_term)),
        ("gender", card.sex.unwrap_or_default().to_owned()),
        ("identityPic", portrait.to_owned()),
        ("nation", nation.to_owned()),
        ("nationCode", text(&card.ethnicity_code)),
        ("partyName", name.to_owned()),
    ];
    lines(&fields.each_ref().map(|(name, value)| (*name, value.as_str())), OK)
}

/// The same fields, all of them empty: pages look at them before they look at the flag.
fn failed_lines(problem: &Problem) -> String {
    let flag = match problem.code {
        Code::CardAbsent | Code::CardUnreadable => CARD_FAILED,
        _ => READER_FAILED,
    };
    let before = ["bornDay", "certAddress", "certNumber", "certOrg", "certType", "effDate"];
    let after = ["expDate", "gender", "identityPic", "nation", "nationCode", "partyName"];
    let empty = |name: &'static str| (name, "");
    let mut fields: Vec<_> = before.map(empty).to_vec();
    fields.push(("errorMsg", words(problem)));
    fields.extend(after.map(empty));
    lines(&fields, flag)
}

fn lines(fields: &[(&str, &str)], flag: i32) -> String {
    let mut text = "{\n".to_owned();
    for (name, value) in fields {
        text.push_str(&format!("   \"{name}\" : {},\n", serde_json::Value::from(*value)));
    }
    text.push_str(&format!("   \"resultFlag\" : {flag}\n}}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_makers_lines() {
        let text = failed_lines(&Code::CardAbsent.into());
        let expected = "{\n   \"bornDay\" : \"\",\n   \"certAddress\" : \"\",\n   \"certNumber\" : \"\",\n   \
                        \"certOrg\" : \"\",\n   \"certType\" : \"\",\n   \"effDate\" : \"\",\n   \"errorMsg\" : \
                        \"读卡器上没有证件。\",\n   \"expDate\" : \"\",\n   \"gender\" : \"\",\n   \"identityPic\" : \
                        \"\",\n   \"nation\" : \"\",\n   \"nationCode\" : \"\",\n   \"partyName\" : \"\",\n   \
                        \"resultFlag\" : -11\n}\n";
        assert_eq!(text, expected);
        assert_eq!(
            lines(&[("errorMsg", "a\"\n")], 0),
            "{\n   \"errorMsg\" : \"a\\\"\\n\",\n   \"resultFlag\" : 0\n}\n"
        );
    }
}
