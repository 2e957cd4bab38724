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
use yidang_device::{RawCard, ReadWish};
use yidang_idcard::IdCard;

use super::extract::{blocking, read_json};
use super::faults;
use super::vocabulary::{CardOrigin, CardWarning, DocumentType, PhotoStatus, Right};
use crate::app::Shared;
use crate::caller::Caller;
use crate::clients::PlaceKind;
use crate::clock;
use crate::holders::Basis;
use crate::photo::{DECODED_WITHIN, DecodeError};
use crate::problem::{Code, Problem};
use crate::replay::{acceptable, fingerprint};
use crate::scope::Scope;

/// Longest wait for a card.
const WAIT_MS_MAX: u64 = 120_000;
/// How long a photo decoder may be at dying.
const GRACE: Duration = Duration::from_secs(1);

/// How to read. An empty body reads what lies there now.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadCard {
    /// Wait this long for a card to come, in milliseconds.
    #[schema(maximum = 120_000, default = 0)]
    wait_ms: u64,
}

/// What the card says. Whatever the card or the reader does not give is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct CardReading {
    /// Which of the four cards it is.
    #[schema(value_type = DocumentType)]
    document_type: &'static str,
    /// The name in Chinese.
    name: Option<String>,
    /// The name in Latin letters, on foreigners' cards.
    name_en: Option<String>,
    /// The sex in Chinese: 男, 女, or another word of GB/T 2261.1.
    sex: Option<String>,
    /// The sex as the digit of GB/T 2261.1.
    sex_code: Option<String>,
    /// The ethnic group in Chinese, without 族.
    ethnicity: Option<String>,
    /// The ethnic group as the two digits of GB/T 3304.
    ethnicity_code: Option<String>,
    /// The nationality as the three letters of GB/T 2659, on foreigners' cards.
    nationality: Option<String>,
    /// Date of birth.
    #[schema(format = Date)]
    birth_date: Option<String>,
    /// The address printed on the card.
    address: Option<String>,
    /// The newest address appended to the card.
    new_address: Option<String>,
    /// The number of the person, 18 characters on residents' cards.
    id_number: Option<String>,
    /// The authority that issued the card.
    issuer: Option<String>,
    /// First day of validity.
    #[schema(format = Date)]
    valid_from: Option<String>,
    /// Last day of validity; null with `long_term`.
    #[schema(format = Date)]
    valid_until: Option<String>,
    /// 长期: no end of validity.
    long_term: bool,
    /// Number of the travel permit, on residence permits for Hong Kong, Macao and Taiwan residents.
    pass_number: Option<String>,
    /// The fingers' blocks of 512 bytes as they stand on the card, base64; null unless the configuration and the
    /// scope `card:fingerprint` both allow it and the card has them.
    fingerprint: Option<Vec<String>>,
    /// The compressed photo as the card holds it, base64.
    photo_wlt: Option<String>,
    /// The portrait as PNG or JPEG, base64.
    photo: Option<String>,
    /// What became of the portrait.
    #[schema(value_type = PhotoStatus)]
    photo_status: &'static str,
    /// The chip's serial, hexadecimal.
    chip_serial: Option<String>,
    /// The security module's number.
    sam_id: Option<String>,
    /// What is odd about the card; empty as a rule.
    #[schema(value_type = Vec<CardWarning>)]
    warnings: Vec<&'static str>,
    /// The open dossier; null when the card's number identifies nobody.
    holder: Option<String>,
    /// What the open dossier allows.
    #[schema(value_type = Vec<Right>)]
    rights: Vec<&'static str>,
    /// When the dossier closes by itself, unless it is used before.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether a real card was read.
    #[schema(value_type = CardOrigin)]
    origin: &'static str,
}

/// Reads the card on the reader and opens its holder's dossier.
///
/// Blocks while the card is read, about a second, after up to `wait_ms` for a card to come. Writes nothing: the
/// dossier is open in memory, for this token, until 15 minutes after its last use, also when the card is gone.
/// Reading the same card again gives the same `holder`, prolonged. An empty body reads what lies there now.
///
/// The portrait comes decoded where the operator has configured a decoder, which takes up to five seconds more.
/// The fingerprint is read where the configuration allows it and the token has the scope `card:fingerprint`
/// besides; such a reading is kept nowhere, so a repeated `Idempotency-Key` reads again.
#[utoipa::path(post, path = "/v1/card/read", tag = "card", operation_id = "readCard",
    request_body(content = ReadCard, description = "How long to wait; may be left out."),
    responses((status = 200, description = "What the card says, and the open dossier.", body = CardReading)))]
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
    caller.spend()?;
    let key = caller.idempotency_key.clone();
    let request = fingerprint(&[b"card/read", &body]);
    let allowed = app.config.card_fingerprint && caller.may(Scope::CardFingerprint);
    let from_card = ReadWish { fingerprint: allowed };
    let call = async {
        let wait = Duration::from_millis(wish.wait_ms);
        let _place = app.clients.take(caller.client(), PlaceKind::CardReading)?;
        let user = app.card_users.enter(&caller.token.name);
        let read = app.card.read(from_card, wait).await;
        let raw = read.map_err(|error| user.explain(faults::card(&error)))?;
        drop(user);
        let portrait = Portrait::of(&app, &raw).await;
        let reading = open(&app, &caller, &raw, portrait)?;
        Ok(Answer(reading).into_response())
    };
    if from_card.fingerprint {
        key.as_deref().map(acceptable).transpose()?;
        return call.await;
    }
    app.replays.once(caller.owner, key.as_deref(), request, call).await
}

/// The portrait, and what became of it.
pub(crate) struct Portrait {
    /// A whole PNG or JPEG file.
    pub(crate) picture: Option<Vec<u8>>,
    status: &'static str,
}

impl Portrait {
    /// The one the reader brought along, or the one the configured decoder makes. A decoder that fails or hangs
    /// costs the reading its time, nothing else.
    pub(crate) async fn of(app: &Shared, raw: &RawCard) -> Self {
        if let Some(photo) = &raw.photo {
            return Self { picture: Some(photo.bytes.clone()), status: "decoded" };
        }
        let without = |status| Self { picture: None, status };
        if raw.photo_wlt.is_empty() {
            return without("none");
        }
        if app.photos.is_none() {
            return without("no_decoder");
        }
        let (decoding, photo_wlt) = (app.clone(), raw.photo_wlt.clone());
        let decoded = blocking(move || Ok(decoding.photos.as_ref().map(|photos| photos.decode(&photo_wlt))));
        match tokio::time::timeout(DECODED_WITHIN + GRACE, decoded).await {
            Ok(Ok(Some(Ok(png)))) => return Self { picture: Some(png), status: "decoded" },
            Ok(Ok(Some(Err(DecodeError::NoDecoder(_))))) => return without("no_decoder"),
            Ok(Ok(Some(Err(error)))) => tracing::warn!(%error, "a photo was not decoded"),
            _ => tracing::warn!("the photo decoder cannot be ended"),
        }
        without("failed")
    }
}

fn open(app: &Shared, caller: &Caller, raw: &RawCard, portrait: Portrait) -> Result<CardReading, Problem> {
    caller.is_still_there()?;
    let card = interpret(raw)?;
    let holder =
        card.subject().ok().map(|subject| app.holders.open(caller.owner, subject, Basis::Card, None, None));
    Ok(CardReading {
        photo: portrait.picture.map(|picture| STANDARD.encode(picture)),
        photo_status: portrait.status,
        rights: if holder.is_some() { vec!["file", "read"] } else { Vec::new() },
        expires_at: holder.as_ref().map(|h| h.expires_at.to_string()),
        holder: holder.map(|h| h.id),
        ..CardReading::of(card, raw)
    })
}

/// What a reading says today.
pub(crate) fn interpret(raw: &RawCard) -> Result<IdCard, Problem> {
    IdCard::from_raw(raw, clock::today()).map_err(|e| Problem::new(Code::CardUnreadable, e.to_string()))
}

impl CardReading {
    /// All that the card says; nobody's dossier is opened.
    pub(crate) fn of(card: IdCard, raw: &RawCard) -> Self {
        let photo_status = match (&raw.photo, raw.photo_wlt.is_empty()) {
            (Some(_), _) => "decoded",
            (None, false) => "no_decoder",
            (None, true) => "none",
        };
        Self {
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
            fingerprint: (!raw.fingerprint.is_empty())
                .then(|| raw.fingerprint.iter().map(|block| STANDARD.encode(block)).collect()),
            photo_wlt: (!raw.photo_wlt.is_empty()).then(|| STANDARD.encode(&raw.photo_wlt)),
            photo: raw.photo.as_ref().map(|p| STANDARD.encode(&p.bytes)),
            photo_status,
            chip_serial: card.chip_serial,
            sam_id: card.sam_id.map(|id| id.to_string()),
            warnings: card.warnings.iter().map(|w| w.code()).collect(),
            holder: None,
            rights: Vec::new(),
            expires_at: None,
            origin: card.origin.as_str(),
        }
    }

    /// Without what tells who the person is: the name's first character is left, and of numbers the first six
    /// characters and the last two; what cannot be shortened is null.
    pub(crate) fn mask(&mut self) {
        for name in [&mut self.name, &mut self.name_en] {
            *name = name.take().map(|name| masked(&name, 1, 0));
        }
        for number in [&mut self.id_number, &mut self.pass_number] {
            *number = number.take().map(|number| masked(&number, 6, 2));
        }
        let hidden = [
            &mut self.birth_date,
            &mut self.address,
            &mut self.new_address,
            &mut self.photo_wlt,
            &mut self.photo,
            &mut self.chip_serial,
        ];
        for field in hidden {
            *field = None;
        }
        self.fingerprint = None;
    }
}

/// The first and the last characters, stars between; of a short text fewer are left, so that most is hidden.
fn masked(text: &str, first: usize, last: usize) -> String {
    let length = text.chars().count();
    let (first, last) = if length > first + last + 1 { (first, last) } else { (1, 0) };
    let hide = |(at, c)| if at < first || at >= length - last { c } else { '*' };
    text.chars().enumerate().map(hide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_text_hides_its_middle() {
        assert_eq!(masked("张一档", 1, 0), "张**");
        assert_eq!(masked("00000019900228001X", 6, 2), "000000**********1X");
        assert_eq!(masked("H00000001", 6, 2), "H********");
        assert_eq!((masked("", 1, 0), masked("张", 6, 2)), (String::new(), "张".to_owned()));
    }
}
