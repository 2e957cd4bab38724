//! A filed material and its pages.

use std::fmt;
use std::str::FromStr;

use crate::{Date, Digest, MaterialId, Origin, Subject, Timestamp};

/// What a paper is, as a word the office chose (`household_register`, `proof_of_income` …).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(String);

/// The word is empty, longer than 64 characters, or has control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kind is 1 to 64 characters without control characters")]
pub struct KindError;

impl Kind {
    /// A kind, outer spaces cut.
    pub fn new(text: &str) -> Result<Self, KindError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 64 || text.chars().any(char::is_control) {
            return Err(KindError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word used in the API, on the wire and in stored records.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// What form of the paper the clerk was shown.
    Presentation {
        /// The original.
        Original = "original",
        /// A plain copy.
        Copy = "copy",
        /// A copy certified by its issuer or a notary.
        Certified = "certified",
        /// An electronic licence (电子证照).
        ELicence = "e_licence",
    }
);

words!(
    /// Whether a material still counts.
    Status {
        /// It counts.
        Current = "current",
        /// A newer paper of its kind took its place.
        Superseded = "superseded",
        /// Its issuer took it back.
        Revoked = "revoked",
    }
);

words!(
    /// How a picture is encoded.
    MediaType {
        /// JPEG.
        Jpeg = "image/jpeg",
        /// PNG.
        Png = "image/png",
    }
);

/// One stored picture. Width and height are in pixels, after EXIF orientation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// SHA-256 of the encoded picture.
    pub digest: Digest,
    /// Length of the encoded picture.
    pub size_bytes: u64,
    /// How it is encoded.
    pub media_type: MediaType,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Where a page lies in its original: top-left, top-right, bottom-right, bottom-left *of the page*, in pixels
/// of the original after EXIF orientation.
pub type Quad = [[f32; 2]; 4];

/// One page of a material: the straightened page and the untouched original it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The straightened page; the same picture as `original` when no page was found.
    pub image: Image,
    /// The frame as the camera or the caller gave it.
    pub original: Image,
    /// Where the page lies in the original; `None`: the full frame was kept.
    pub corners: Option<Quad>,
    /// How sure the page finder was, 0 to 1.
    pub confidence: f32,
    /// Whom this page is about, where it is fewer than the material's holders.
    pub about: Vec<Subject>,
    /// Instant of the capture.
    pub captured_at: Timestamp,
}

/// A filed paper (材料).
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Chosen by the agent that filed it; the same everywhere.
    pub id: MaterialId,
    /// Whose paper it is; at least one.
    pub holders: Vec<Subject>,
    /// What it is.
    pub kind: Kind,
    /// At least one; page 1 comes first.
    pub pages: Vec<Page>,
    /// Case number (办件) it was filed for.
    pub case: Option<String>,
    /// Code of the item (事项).
    pub item: Option<String>,
    /// Which required paper of the item it is.
    pub slot: Option<String>,
    /// Date of issue on the paper.
    pub issued_on: Option<Date>,
    /// Last day it counts.
    pub valid_until: Option<Date>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Number on the paper.
    pub document_number: Option<String>,
    /// What form was shown.
    pub presented_as: Option<Presentation>,
    /// Whether the clerk saw the original.
    pub original_seen: Option<bool>,
    /// The clerk's remark.
    pub note: Option<String>,
    /// Instant of the latest capture among its pages.
    pub captured_at: Timestamp,
    /// Instant of filing, by the filing window's clock.
    pub filed_at: Timestamp,
    /// Window it was filed at.
    pub counter: String,
    /// Clerk who filed it, where the window software said.
    pub operator: Option<String>,
    /// Whether it still counts.
    pub status: Status,
    /// The least trustworthy origin among its pages.
    pub origin: Origin,
    /// An earlier material of the same holders with the same bytes.
    pub duplicate_of: Option<MaterialId>,
    /// The older paper of the same kind that this one takes the place of, where the filing said so.
    pub supersedes: Option<MaterialId>,
}
