//! Invented people and papers.

use yidang_model::{
    CaptureId, Digest, ErasureId, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Status,
    Subject, SubjectType, Timestamp, check_digit,
};

use crate::{Actor, ErasureRequest, ErasureTarget, Filing, Idempotency, Look, LookVerb, Refiling, Stage};

/// The instant every test begins at.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_500_000_000);
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Someone of an area that does not exist.
pub(crate) fn resident(number: u16) -> Subject {
    let seventeen = format!("00000019900101{number:03}");
    let last = check_digit(&seventeen).unwrap();
    Subject::new(SubjectType::Resident, &format!("{seventeen}{last}")).unwrap()
}

pub(crate) fn clerk() -> Actor {
    Actor { client: "hall".to_owned(), operator: Some("Operator Okoye".to_owned()) }
}

pub(crate) fn capture(number: u8) -> CaptureId {
    CaptureId::from_bytes([number; 16])
}

pub(crate) fn material_id(number: u8) -> MaterialId {
    MaterialId::from_bytes([number; 16])
}

pub(crate) fn erasure_id(number: u8) -> ErasureId {
    ErasureId::from_bytes([number; 16])
}

/// Bytes of a picture: `number` decides them, long enough for two chunks.
pub(crate) fn picture(number: u8) -> Vec<u8> {
    (0..70_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ number).collect()
}

pub(crate) fn idempotency(key: u8, request: u8) -> Option<Idempotency> {
    Some(Idempotency { key: vec![key; 8], request: vec![request; 8] })
}

/// A set of pictures under that number.
pub(crate) fn stage_of(number: u8, pictures: &[u8]) -> Stage {
    Stage {
        id: capture(number),
        blobs: pictures.iter().map(|p| picture(*p)).collect(),
        note: format!("note {number}").into_bytes(),
        expires_at: START.plus_millis(14 * DAY_MS),
        by: clerk(),
        idempotency: None,
    }
}

fn image(number: u8) -> Image {
    let bytes = picture(number);
    Image {
        digest: Digest::of(&bytes),
        size_bytes: bytes.len() as u64,
        media_type: MediaType::Jpeg,
        width: 1240,
        height: 1754,
    }
}

/// A one-page paper of these holders, whose picture is `picture(number)`.
pub(crate) fn shared_paper(number: u8, holders: &[Subject]) -> Material {
    Material {
        id: material_id(number),
        holders: holders.to_vec(),
        kind: Kind::new("household_register").unwrap(),
        pages: vec![Page {
            image: image(number),
            original: image(number),
            corners: None,
            confidence: 0.75,
            about: Vec::new(),
            captured_at: START,
        }],
        case: Some("case-1".to_owned()),
        item: Some("item-1".to_owned()),
        slot: Some("slot-1".to_owned()),
        issued_on: "2020-02-29".parse().ok(),
        valid_until: None,
        issuer: Some("Bureau Nowhere".to_owned()),
        document_number: Some("DOC-7".to_owned()),
        presented_as: None,
        original_seen: Some(true),
        note: Some("remark".to_owned()),
        captured_at: START,
        filed_at: START,
        counter: "window-1".to_owned(),
        operator: Some("Operator Okoye".to_owned()),
        status: Status::Current,
        origin: Origin::Simulated,
        duplicate_of: None,
        supersedes: None,
    }
}

/// The filing of a material out of one staged set of the same number.
pub(crate) fn filing_of(material: Material, from: &[u8]) -> Filing {
    Filing {
        material,
        from: from.iter().map(|n| capture(*n)).collect(),
        page_sets: Vec::new(),
        may_fork: false,
        by: clerk(),
        purpose: Some("housing".to_owned()),
        idempotency: None,
    }
}

/// A refiling of that material that changes nothing yet.
pub(crate) fn refiling_of(number: u8) -> Refiling {
    Refiling {
        id: material_id(number),
        holders: None,
        kind: None,
        case: None,
        reason: "wrong card".to_owned(),
        by: clerk(),
        idempotency: None,
        decided_elsewhere: false,
        only_at: None,
    }
}

pub(crate) fn look_at(who: &Subject, materials: &[u8]) -> Look {
    Look {
        verb: LookVerb::Looked,
        who: vec![who.clone()],
        materials: materials.iter().map(|n| material_id(*n)).collect(),
        basis: "card".to_owned(),
        purpose: Some("housing".to_owned()),
        case: Some("case-1".to_owned()),
        by: clerk(),
        idempotency: None,
    }
}

pub(crate) fn erasure_of_person(number: u8, who: &Subject) -> ErasureRequest {
    erasure(number, ErasureTarget::Holder(who.clone()))
}

pub(crate) fn erasure_of_material(number: u8, material: u8) -> ErasureRequest {
    erasure(number, ErasureTarget::Material(material_id(material)))
}

fn erasure(number: u8, target: ErasureTarget) -> ErasureRequest {
    ErasureRequest {
        id: erasure_id(number),
        target,
        reason: "asked for it".to_owned(),
        by: clerk(),
        idempotency: None,
        elsewhere_of: Vec::new(),
    }
}
