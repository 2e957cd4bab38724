//! A material as it travels, and both ways between it and the vocabulary's.

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_model::{
    Date, Digest, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Presentation, Quad, Status,
    Subject, Timestamp,
};

use crate::limits::{
    BLOB_SIZE_MAX, HOLDERS_MAX, NAME_LENGTH_MAX, PAGES_MAX, REMARK_LENGTH_MAX, TEXT_LENGTH_MAX,
};
use crate::text;
use crate::wire::WireSubject;

/// Why a material that arrived cannot be one. Names the field, never its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct WireError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: &'static str,
}

/// A picture's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireImage {
    /// SHA-256 of the encoded picture.
    #[serde(with = "text")]
    pub digest: Digest,
    /// Length of the encoded picture.
    pub size_bytes: u64,
    /// `image/jpeg` or `image/png`.
    #[serde(with = "text")]
    pub media_type: MediaType,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WirePage {
    /// The straightened page.
    pub image: WireImage,
    /// The untouched original.
    pub original: WireImage,
    /// Where the page lies in the original.
    #[serde(default)]
    pub corners: Option<Quad>,
    /// How sure the page finder was, 0 to 1.
    pub confidence: f32,
    /// Whom the page is about, where it is fewer than the holders.
    #[serde(default)]
    pub about: Vec<WireSubject>,
    /// Instant of the capture.
    #[serde(with = "text")]
    pub captured_at: Timestamp,
}

/// A material: the fields of [`Material`], under the same names.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is documented where it comes from, at `Material`")]
pub struct WireMaterial {
    #[serde(with = "text")]
    pub id: MaterialId,
    pub holders: Vec<WireSubject>,
    pub kind: String,
    pub pages: Vec<WirePage>,
    #[serde(default)]
    pub case: Option<String>,
    #[serde(default)]
    pub item: Option<String>,
    #[serde(default)]
    pub slot: Option<String>,
    #[serde(with = "text::option", default)]
    pub issued_on: Option<Date>,
    #[serde(with = "text::option", default)]
    pub valid_until: Option<Date>,
    #[serde(default)]
    pub issuer: Option<String>,
    #[serde(default)]
    pub document_number: Option<String>,
    #[serde(with = "text::option", default)]
    pub presented_as: Option<Presentation>,
    #[serde(default)]
    pub original_seen: Option<bool>,
    #[serde(default)]
    pub note: Option<String>,
    #[serde(with = "text")]
    pub captured_at: Timestamp,
    #[serde(with = "text")]
    pub filed_at: Timestamp,
    pub counter: String,
    #[serde(default)]
    pub operator: Option<String>,
    #[serde(with = "text")]
    pub status: Status,
    #[serde(with = "text")]
    pub origin: Origin,
    #[serde(with = "text::option", default)]
    pub duplicate_of: Option<MaterialId>,
    #[serde(with = "text::option", default)]
    pub supersedes: Option<MaterialId>,
}

impl fmt::Debug for WireMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WireMaterial({}, …)", self.id)
    }
}

impl From<&Image> for WireImage {
    fn from(image: &Image) -> Self {
        Self {
            digest: image.digest,
            size_bytes: image.size_bytes,
            media_type: image.media_type,
            width: image.width,
            height: image.height,
        }
    }
}

impl TryFrom<WireImage> for Image {
    type Error = WireError;

    fn try_from(wire: WireImage) -> Result<Self, WireError> {
        if wire.size_bytes == 0 || wire.size_bytes > BLOB_SIZE_MAX as u64 {
            return Err(WireError { field: "size_bytes", fault: "is zero or too large" });
        }
        if wire.width == 0 || wire.height == 0 {
            return Err(WireError { field: "width, height", fault: "must not be zero" });
        }
        Ok(Self {
            digest: wire.digest,
            size_bytes: wire.size_bytes,
            media_type: wire.media_type,
            width: wire.width,
            height: wire.height,
        })
    }
}

impl From<&Page> for WirePage {
    fn from(page: &Page) -> Self {
        Self {
            image: (&page.image).into(),
            original: (&page.original).into(),
            corners: page.corners,
            confidence: page.confidence,
            about: page.about.iter().map(WireSubject::from).collect(),
            captured_at: page.captured_at,
        }
    }
}

impl TryFrom<WirePage> for Page {
    type Error = WireError;

    fn try_from(wire: WirePage) -> Result<Self, WireError> {
        if !(0.0..=1.0).contains(&wire.confidence) {
            return Err(WireError { field: "confidence", fault: "is not between 0 and 1" });
        }
        // A number too large for `f32` is read as infinity.
        if wire.corners.is_some_and(|quad| quad.iter().flatten().any(|c| !c.is_finite())) {
            return Err(WireError { field: "corners", fault: "are out of range" });
        }
        Ok(Self {
            image: wire.image.try_into()?,
            original: wire.original.try_into()?,
            corners: wire.corners,
            confidence: wire.confidence,
            about: subjects(&wire.about, "about")?,
            captured_at: wire.captured_at,
        })
    }
}

impl From<&Material> for WireMaterial {
    fn from(material: &Material) -> Self {
        Self {
            id: material.id,
            holders: material.holders.iter().map(WireSubject::from).collect(),
            kind: material.kind.as_str().to_owned(),
            pages: material.pages.iter().map(WirePage::from).collect(),
            case: material.case.clone(),
            item: material.item.clone(),
            slot: material.slot.clone(),
            issued_on: material.issued_on,
            valid_until: material.valid_until,
            issuer: material.issuer.clone(),
            document_number: material.document_number.clone(),
            presented_as: material.presented_as,
            original_seen: material.original_seen,
            note: material.note.clone(),
            captured_at: material.captured_at,
            filed_at: material.filed_at,
            counter: material.counter.clone(),
            operator: material.operator.clone(),
            status: material.status,
            origin: material.origin,
            duplicate_of: material.duplicate_of,
            supersedes: material.supersedes,
        }
    }
}

impl TryFrom<WireMaterial> for Material {
    type Error = WireError;

    fn try_from(wire: WireMaterial) -> Result<Self, WireError> {
        if wire.holders.is_empty() {
            return Err(WireError { field: "holders", fault: "is empty" });
        }
        if wire.pages.is_empty() || wire.pages.len() > PAGES_MAX {
            return Err(WireError { field: "pages", fault: "is empty or too many" });
        }
        let holders = subjects(&wire.holders, "holders")?;
        for (field, text) in [
            ("case", &wire.case),
            ("item", &wire.item),
            ("slot", &wire.slot),
            ("issuer", &wire.issuer),
            ("document_number", &wire.document_number),
        ] {
            bounded(field, text.as_deref(), TEXT_LENGTH_MAX)?;
        }
        bounded("operator", wire.operator.as_deref(), NAME_LENGTH_MAX)?;
        bounded("counter", Some(&wire.counter), TEXT_LENGTH_MAX)?;
        bounded("note", wire.note.as_deref(), REMARK_LENGTH_MAX)?;
        let pages: Vec<Page> = wire.pages.into_iter().map(Page::try_from).collect::<Result<_, _>>()?;
        if pages.iter().flat_map(|p| &p.about).any(|subject| !holders.contains(subject)) {
            return Err(WireError { field: "about", fault: "names someone who is no holder" });
        }
        Ok(Self {
            id: wire.id,
            holders,
            kind: Kind::new(&wire.kind).map_err(|_| WireError {
                field: "kind",
                fault: "is empty, too long or has control characters",
            })?,
            pages,
            case: wire.case,
            item: wire.item,
            slot: wire.slot,
            issued_on: wire.issued_on,
            valid_until: wire.valid_until,
            issuer: wire.issuer,
            document_number: wire.document_number,
            presented_as: wire.presented_as,
            original_seen: wire.original_seen,
            note: wire.note,
            captured_at: wire.captured_at,
            filed_at: wire.filed_at,
            counter: wire.counter,
            operator: wire.operator,
            status: wire.status,
            origin: wire.origin,
            duplicate_of: wire.duplicate_of,
            supersedes: wire.supersedes,
        })
    }
}

fn subjects(wire: &[WireSubject], field: &'static str) -> Result<Vec<Subject>, WireError> {
    if wire.len() > HOLDERS_MAX {
        return Err(WireError { field, fault: "is too many" });
    }
    let subject = |s| Subject::try_from(s).map_err(|_| WireError { field, fault: "has no valid number" });
    wire.iter().map(subject).collect()
}

fn bounded(field: &'static str, text: Option<&str>, length_max: usize) -> Result<(), WireError> {
    match text {
        Some(text) if text.chars().count() > length_max => Err(WireError { field, fault: "is too long" }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yidang_model::SubjectType;

    use super::*;
    use crate::wire::{CommitRequest, FeedAnswer, MaterialsAnswer};

    fn image(bytes: &[u8]) -> Image {
        Image {
            digest: Digest::of(bytes),
            size_bytes: bytes.len() as u64,
            media_type: MediaType::Jpeg,
            width: 2480,
            height: 3508,
        }
    }

    fn material() -> Material {
        let holder = Subject::new(SubjectType::Resident, "11010519491231002X").unwrap();
        let at = Timestamp::from_millis(1_795_000_000_123);
        Material {
            id: MaterialId::from_bytes([9; 16]),
            holders: vec![holder.clone(), Subject::new(SubjectType::Foreigner, "CAN110081080319").unwrap()],
            kind: Kind::new("household_register").unwrap(),
            pages: vec![Page {
                image: image(b"page"),
                original: image(b"frame"),
                corners: Some([[0.1, 1.0 / 3.0], [2479.7, 3.3e-5], [2400.0, 3500.123], [7.0, 3507.0]]),
                confidence: 0.937_5,
                about: vec![holder],
                captured_at: at,
            }],
            case: Some("2026-000001".into()),
            item: Some("440604-0017".into()),
            slot: Some("household".into()),
            issued_on: "2020-02-29".parse().ok(),
            valid_until: "2030-02-28".parse().ok(),
            issuer: Some("派出所".into()),
            document_number: Some("A1".into()),
            presented_as: Some(Presentation::Certified),
            original_seen: Some(true),
            note: Some("角落折损".into()),
            captured_at: at,
            filed_at: at.plus_millis(5),
            counter: "zumiao-03".into(),
            operator: Some("clerk 7".into()),
            status: Status::Superseded,
            origin: Origin::Upload,
            duplicate_of: Some(MaterialId::from_bytes([8; 16])),
            supersedes: Some(MaterialId::from_bytes([7; 16])),
        }
    }

    #[test]
    fn every_field_survives_the_wire() {
        let there = material();
        let text = serde_json::to_string(&WireMaterial::from(&there)).unwrap();
        let back: WireMaterial = serde_json::from_str(&text).unwrap();
        assert_eq!(Material::try_from(back).unwrap(), there);
    }

    #[test]
    fn what_may_be_absent_may_be_absent() {
        let mut bare = material();
        bare.pages[0].corners = None;
        bare.pages[0].about.clear();
        (bare.case, bare.item, bare.slot, bare.issuer, bare.note) = (None, None, None, None, None);
        (bare.issued_on, bare.valid_until, bare.presented_as, bare.original_seen) = (None, None, None, None);
        (bare.document_number, bare.operator, bare.duplicate_of) = (None, None, None);
        bare.supersedes = None;
        let mut json = serde_json::to_value(WireMaterial::from(&bare)).unwrap();
        json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let back: WireMaterial = serde_json::from_value(json).unwrap();
        assert_eq!(Material::try_from(back).unwrap(), bare);
    }

    #[test]
    fn what_cannot_be_a_material_is_refused_by_field() {
        type Spoil = fn(&mut WireMaterial);
        let cases: [(&str, Spoil); 9] = [
            ("holders", |m| m.holders.clear()),
            ("holders", |m| m.holders[0].value = "12".into()),
            ("pages", |m| m.pages.clear()),
            ("kind", |m| m.kind = " ".into()),
            ("case", |m| m.case = Some("9".repeat(TEXT_LENGTH_MAX + 1))),
            ("confidence", |m| m.pages[0].confidence = f32::NAN),
            ("corners", |m| m.pages[0].corners = Some([[f32::INFINITY; 2]; 4])),
            ("size_bytes", |m| m.pages[0].original.size_bytes = BLOB_SIZE_MAX as u64 + 1),
            ("about", |m| m.pages[0].about[0].value = "440524188001010014".into()),
        ];
        for (field, spoil) in cases {
            let mut wire = WireMaterial::from(&material());
            spoil(&mut wire);
            assert_eq!(Material::try_from(wire).unwrap_err().field, field);
        }
    }

    #[test]
    fn debug_output_hides_the_content() {
        let shown = format!("{:?}", WireMaterial::from(&material()));
        assert_eq!(shown, format!("WireMaterial({}, …)", "09".repeat(16)));
    }

    proptest! {
        #[test]
        fn a_changed_message_is_refused_or_says_what_it_said(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
        ) {
            let mut json = serde_json::to_vec(&WireMaterial::from(&material())).unwrap();
            for (at, byte, what) in changes {
                let at = at.index(json.len());
                match what {
                    0 => json[at] = byte,
                    1 => json.insert(at, byte),
                    _ => drop(json.remove(at)),
                }
            }
            let Ok(wire) = serde_json::from_slice::<WireMaterial>(&json) else { return Ok(()) };
            if let Ok(read) = Material::try_from(wire) {
                let written = serde_json::to_vec(&WireMaterial::from(&read)).unwrap();
                let again: WireMaterial = serde_json::from_slice(&written).unwrap();
                prop_assert!(Material::try_from(again) == Ok(read));
            }
        }

        #[test]
        fn messages_of_any_words_never_panic(
            words in prop::collection::vec(prop::sample::select(WORDS), 0..24),
        ) {
            let json = words.concat();
            let _ = serde_json::from_str::<CommitRequest>(&json);
            let _ = serde_json::from_str::<FeedAnswer>(&json);
            let _ = serde_json::from_str::<MaterialsAnswer>(&json);
            if let Ok(wire) = serde_json::from_str::<WireSubject>(&json)
                && let Ok(subject) = Subject::try_from(&wire)
            {
                prop_assert!(Subject::try_from(&WireSubject::from(&subject)) == Ok(subject));
            }
        }
    }

    /// Pieces of messages, and of what none may have.
    const WORDS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "18446744073709551616",
        "\"\"",
        "\"type\"",
        "\"value\"",
        "\"resident\"",
        "\"erased\"",
        "\"filed\"",
        "\"items\"",
        "\"after\"",
        "\"head\"",
        "\"entries\"",
        "\"epoch\"",
        "\"sequence\"",
        "\"materials\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"１２\"",
        "\"000000194912310029\"",
        "{\"type\":\"resident\",\"value\":",
    ];
}
