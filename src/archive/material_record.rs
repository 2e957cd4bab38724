//! The stored form of a material inside a `filed` entry.

use serde::{Deserialize, Serialize};
use yidang_model::{
    Date, Digest, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Presentation, Status, Subject,
    Timestamp,
};

use crate::record::Text;

/// A material without its holders, which stand in the entry's slots.
#[derive(Serialize, Deserialize)]
pub(crate) struct MaterialRecord {
    kind: String,
    pages: Vec<PageRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_on: Option<Text<Date>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<Text<Date>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    presented_as: Option<Text<Presentation>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_seen: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    captured_at: i64,
    filed_at: i64,
    counter: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    status: Text<Status>,
    origin: Text<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<Text<MaterialId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supersedes: Option<Text<MaterialId>>,
}

/// Numbers that are `f32` in the model are `f64` here: every `f32` survives that way there and back.
#[derive(Serialize, Deserialize)]
struct PageRecord {
    image: ImageRecord,
    /// Absent when it is the same picture as `image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<ImageRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corners: Option<[[f64; 2]; 4]>,
    confidence: f64,
    /// Slot numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    about: Vec<usize>,
    captured_at: i64,
}

#[derive(Serialize, Deserialize)]
struct ImageRecord {
    digest: Text<Digest>,
    size_bytes: u64,
    media_type: Text<MediaType>,
    width: u32,
    height: u32,
}

impl ImageRecord {
    fn of(image: &Image) -> Self {
        Self {
            digest: Text(image.digest),
            size_bytes: image.size_bytes,
            media_type: Text(image.media_type),
            width: image.width,
            height: image.height,
        }
    }

    fn to_image(&self) -> Image {
        Image {
            digest: self.digest.0,
            size_bytes: self.size_bytes,
            media_type: self.media_type.0,
            width: self.width,
            height: self.height,
        }
    }
}

impl PageRecord {
    fn of(page: &Page, holders: &[Subject]) -> Self {
        Self {
            image: ImageRecord::of(&page.image),
            original: (page.original != page.image).then(|| ImageRecord::of(&page.original)),
            corners: page.corners.map(|quad| quad.map(|point| point.map(f64::from))),
            confidence: f64::from(page.confidence),
            about: page.about.iter().filter_map(|who| holders.iter().position(|h| h == who)).collect(),
            captured_at: page.captured_at.as_millis(),
        }
    }

    fn to_page(&self, slots: &[Option<Subject>]) -> Page {
        let image = self.image.to_image();
        Page {
            original: self.original.as_ref().map_or_else(|| image.clone(), ImageRecord::to_image),
            image,
            corners: self.corners.map(|quad| quad.map(|point| point.map(|v| v as f32))),
            confidence: self.confidence as f32,
            about: self.about.iter().filter_map(|&slot| slots.get(slot).cloned().flatten()).collect(),
            captured_at: Timestamp::from_millis(self.captured_at),
        }
    }
}

impl MaterialRecord {
    /// What is stored of a material; its holders become slots in their order.
    pub(crate) fn of(material: &Material) -> Self {
        Self {
            kind: material.kind.as_str().to_owned(),
            pages: material.pages.iter().map(|p| PageRecord::of(p, &material.holders)).collect(),
            case: material.case.clone(),
            item: material.item.clone(),
            slot: material.slot.clone(),
            issued_on: material.issued_on.map(Text),
            valid_until: material.valid_until.map(Text),
            issuer: material.issuer.clone(),
            document_number: material.document_number.clone(),
            presented_as: material.presented_as.map(Text),
            original_seen: material.original_seen,
            note: material.note.clone(),
            captured_at: material.captured_at.as_millis(),
            filed_at: material.filed_at.as_millis(),
            counter: material.counter.clone(),
            operator: material.operator.clone(),
            status: Text(material.status),
            origin: Text(material.origin),
            duplicate_of: material.duplicate_of.map(Text),
            supersedes: material.supersedes.map(Text),
        }
    }

    /// The material, with the holders whose slots opened; `None` if its kind is none.
    pub(crate) fn to_material(&self, id: MaterialId, slots: &[Option<Subject>]) -> Option<Material> {
        Some(Material {
            id,
            holders: slots.iter().flatten().cloned().collect(),
            kind: Kind::new(&self.kind).ok()?,
            pages: self.pages.iter().map(|p| p.to_page(slots)).collect(),
            case: self.case.clone(),
            item: self.item.clone(),
            slot: self.slot.clone(),
            issued_on: self.issued_on.map(|t| t.0),
            valid_until: self.valid_until.map(|t| t.0),
            issuer: self.issuer.clone(),
            document_number: self.document_number.clone(),
            presented_as: self.presented_as.map(|t| t.0),
            original_seen: self.original_seen,
            note: self.note.clone(),
            captured_at: Timestamp::from_millis(self.captured_at),
            filed_at: Timestamp::from_millis(self.filed_at),
            counter: self.counter.clone(),
            operator: self.operator.clone(),
            status: self.status.0,
            origin: self.origin.0,
            duplicate_of: self.duplicate_of.map(|t| t.0),
            supersedes: self.supersedes.map(|t| t.0),
        })
    }

    /// The material whose place it takes.
    pub(crate) fn supersedes(&self) -> Option<MaterialId> {
        self.supersedes.map(|t| t.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verb_tests::papers::{resident, shared_paper};

    #[test]
    fn a_material_comes_back_as_it_was() {
        let mut material = shared_paper(1, &[resident(1), resident(2)]);
        material.pages[0].about = vec![resident(2)];
        material.pages[0].corners = Some([[0.1, 1e-7], [16_777_216.0, 3.3], [1.0 / 3.0, 5.5], [7.7, 8.8]]);
        material.pages[0].confidence = 0.1 + 0.2;
        let json = crate::record::to_json(&MaterialRecord::of(&material)).unwrap();
        let back: MaterialRecord = crate::record::from_json(&json).unwrap();
        let slots = [Some(resident(1)), Some(resident(2))];
        assert_eq!(back.to_material(material.id, &slots), Some(material.clone()));

        let forgotten = back.to_material(material.id, &[Some(resident(1)), None]).unwrap();
        assert_eq!(forgotten.holders, [resident(1)]);
        assert_eq!(forgotten.pages[0].about, []);
        let text = String::from_utf8(json.to_vec()).unwrap();
        assert!(!text.contains(resident(2).value()), "holders stand in the slots alone");
    }
}
