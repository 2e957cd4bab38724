//! What is kept with a capture's pictures until it is filed: a stored format, sealed by the archive.

use serde::{Deserialize, Serialize};
use yidang_model::{Digest, Image, MediaType, Page, Quad, Timestamp};

use crate::api::{CodeBody, QualityBody};

/// A picture of the capture.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredImage {
    pub(crate) digest: String,
    pub(crate) size_bytes: u64,
    pub(crate) png: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl StoredImage {
    pub(crate) fn new(bytes: &[u8], media_type: MediaType, width: u32, height: u32) -> Self {
        Self {
            digest: Digest::of(bytes).to_string(),
            size_bytes: bytes.len() as u64,
            png: media_type == MediaType::Png,
            width,
            height,
        }
    }

    pub(crate) fn media_type(&self) -> MediaType {
        if self.png { MediaType::Png } else { MediaType::Jpeg }
    }

    /// As the model has it; `None` where the digest is none.
    pub(crate) fn image(&self) -> Option<Image> {
        Some(Image {
            digest: self.digest.parse().ok()?,
            size_bytes: self.size_bytes,
            media_type: self.media_type(),
            width: self.width,
            height: self.height,
        })
    }
}

/// The description of a capture.
#[derive(Serialize, Deserialize)]
pub(crate) struct CaptureNote {
    pub(crate) original: StoredImage,
    pub(crate) page: StoredImage,
    pub(crate) corners: Option<Quad>,
    pub(crate) confidence: f32,
    /// Not in the notes of before it was told, nor are the next two.
    #[serde(default)]
    pub(crate) size: Option<String>,
    #[serde(default)]
    pub(crate) turned_degrees: Option<u16>,
    #[serde(default)]
    pub(crate) codes: Option<Vec<CodeBody>>,
    pub(crate) quality: QualityBody,
    pub(crate) origin: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) captured_at: i64,
}

impl CaptureNote {
    /// The bytes to keep.
    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads kept bytes; `None` when they are no capture's.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The page it becomes when filed.
    pub(crate) fn into_page(self) -> Option<Page> {
        Some(Page {
            image: self.page.image()?,
            original: self.original.image()?,
            corners: self.corners,
            confidence: self.confidence,
            about: Vec::new(),
            captured_at: Timestamp::from_millis(self.captured_at),
        })
    }
}
