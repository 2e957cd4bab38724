//! `POST /v1/card/read`.

use std::time::Duration;

use axum::Json as Answer;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use yidang_device::RawCard;
use yidang_idcard::IdCard;

use super::extract::read_json;
use super::faults;
use crate::app::Shared;
use crate::caller::Caller;
use crate::clock;
use crate::holders::Basis;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;

/// Longest wait for a card.
const WAIT_MS_MAX: u64 = 120_000;

/// How to read. An empty body reads what lies there now.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadCard {
    /// Wait this long for a card to come; at most 120000.
    wait_ms: u64,
}

/// What the card says. Whatever the card or the reader does not give is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct CardReading {
    /// `resident`, `foreigner_2017`, `foreigner_2023` or `hmt`.
    document_type: &'static str,
    name: Option<String>,
    name_en: Option<String>,
    sex: Option<String>,
    /// GB/T 2261.1.
    sex_code: Option<String>,
    ethnicity: Option<String>,
    /// GB/T 3304.
    ethnicity_code: Option<String>,
    /// GB/T 2659, three letters.
    nationality: Option<String>,
    #[schema(format = Date)]
    birth_date: Option<String>,
    address: Option<String>,
    /// The newest address appended to the card.
    new_address: Option<String>,
    id_number: Option<String>,
    issuer: Option<String>,
    #[schema(format = Date)]
    valid_from: Option<String>,
    #[schema(format = Date)]
    valid_until: Option<String>,
    /// 长期: no end of validity.
    long_term: bool,
    /// Number of the travel permit, on residence permits for Hong Kong, Macao and Taiwan residents.
    pass_number: Option<String>,
    /// The compressed photo as the card holds it, base64.
    photo_wlt: Option<String>,
    /// The portrait as PNG or JPEG, base64.
    photo: Option<String>,
    /// `decoded`, `no_decoder`, `failed` or `none`.
    photo_status: &'static str,
    /// The chip's serial, hexadecimal.
    chip_serial: Option<String>,
    /// The security module's number.
    sam_id: Option<String>,
    /// What is odd about the card.
    warnings: Vec<&'static str>,
    /// The open dossier; null when the card's number identifies nobody.
    holder: Option<String>,
    /// `file`, `read`.
    rights: Vec<&'static str>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// `device` or `simulated`.
    origin: &'static str,
}

/// Reads the card on the reader and opens its holder's dossier.
#[utoipa::path(post, path = "/v1/card/read", tag = "card", request_body = Option<ReadCard>,
    responses((status = 200, body = CardReading)))]
pub(crate) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require(Scope::Card)?;
    let wish: ReadCard = if body.trim_ascii().is_empty() { ReadCard::default() } else { read_json(&body)? };
    if wish.wait_ms > WAIT_MS_MAX {
        return Err(Problem::invalid(format!("wait_ms is at most {WAIT_MS_MAX}")));
    }
    let key = caller.idempotency_key.clone();
    let request = fingerprint(&[b"card/read", &body]);
    let call = async {
        let wait = Duration::from_millis(wish.wait_ms);
        let raw = app.card.read(wait).await.map_err(|e| faults::card(&e))?;
        let reading = open(&app, &caller, &raw)?;
        Ok(Answer(reading).into_response())
    };
    app.replays.once(caller.token.id, key.as_deref(), request, call).await
}

fn open(app: &Shared, caller: &Caller, raw: &RawCard) -> Result<CardReading, Problem> {
    let card = IdCard::from_raw(raw, clock::today())
        .map_err(|e| Problem::new(Code::CardUnreadable, e.to_string()))?;
    let holder = card
        .subject()
        .ok()
        .map(|subject| app.holders.open(caller.token.id, subject, Basis::Card, None, None));
    let photo_status = match (&raw.photo, raw.photo_wlt.is_empty()) {
        (Some(_), _) => "decoded",
        (None, false) => "no_decoder",
        (None, true) => "none",
    };
    Ok(CardReading {
        document_type: card.document_type.as_str(),
        name: card.name,
        name_en: card.name_en,
        sex: card.sex.map(str::to_owned),
        sex_code: card.sex_code,
        ethnicity: card.ethnicity.map(str::to_owned),
        ethnicity_code: card.ethnicity_code,
        nationality: card.nationality,
        birth_date: card.birth_date.map(|d| d.to_string()),
        address: card.address,
        new_address: card.new_address,
        id_number: card.id_number,
        issuer: card.issuer,
        valid_from: card.valid_from.map(|d| d.to_string()),
        valid_until: card.valid_until.map(|d| d.to_string()),
        long_term: card.long_term,
        pass_number: card.pass_number,
        photo_wlt: (!raw.photo_wlt.is_empty()).then(|| STANDARD.encode(&raw.photo_wlt)),
        photo: raw.photo.as_ref().map(|p| STANDARD.encode(&p.bytes)),
        photo_status,
        chip_serial: card.chip_serial,
        sam_id: card.sam_id.map(|id| id.to_string()),
        warnings: card.warnings.iter().map(|w| w.code()).collect(),
        rights: if holder.is_some() { vec!["file", "read"] } else { Vec::new() },
        expires_at: holder.as_ref().map(|h| h.expires_at.to_string()),
        holder: holder.map(|h| h.id),
        origin: card.origin.as_str(),
    })
}
