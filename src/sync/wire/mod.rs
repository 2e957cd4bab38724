//! What travels between agent and repository, version 1.
//!
//! JSON in snake_case; digests and identifiers are lower-case hexadecimal, instants RFC 3339. A reader ignores
//! fields it does not know, so that either side may be the newer one. Types that hold personal data have no
//! `Debug` that shows it.

mod codes;
mod commits;
mod feed;
mod head;
mod material;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_model::{Digest, Subject, SubjectError, SubjectType, Timestamp};

pub use self::codes::*;
pub use self::commits::{
    CommitAnswer, CommitRequest, CommitResult, Entry, ErasedEntry, ErasureEntry, OriginalsEntry,
    RefilingEntry, Verdict, WirePlace,
};
pub use self::feed::{FeedAnswer, FeedItem, FeedQuery, News, WireHold, part_of};
pub use self::head::{HeadAnswer, HeadRequest, RepositoryHead};
pub use self::material::{WireError, WireImage, WireMaterial, WirePage};
use crate::text;

/// Header that carries a grant to `GET /v1/blobs/{digest}`.
pub const GRANT_HEADER: &str = "Yidang-Grant";

/// Media type of a [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Body of `GET /v1/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The program's version.
    pub version: String,
}

/// Body of `POST /v1/agents/enrol`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The single-use code, however it was typed: case, spaces and hyphens do not matter.
    pub code: String,
    /// The window's name.
    pub counter: String,
}

/// Answer to [`EnrolRequest`]. Given once; the key cannot be asked for again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// The agent's identifier.
    pub agent: String,
    /// Bearer key of all later calls.
    pub key: String,
    /// Opaque; new at each enrolment. Goes with every commit and feed request.
    pub epoch: String,
    /// What parcels are sealed to, as [`CourierKey`](crate::parcel::CourierKey) writes it; absent where the repository
    /// takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<String>,
}

/// A blob by digest and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobSize {
    /// SHA-256 of its bytes.
    #[serde(with = "text")]
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
}

/// The last entry of an agent's ledger: body of `PUT /v1/anchor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAnchor {
    /// Which ledger: its store's random name, 32 hexadecimal digits.
    pub ledger: String,
    /// The entry.
    pub sequence: u64,
    /// Its hash, 64 hexadecimal digits.
    pub hash: String,
}

/// Answer to `GET /v1/anchor?ledger=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorAnswer {
    /// The latest entry that the agent told of; `None`: it told of none.
    pub anchor: Option<LedgerAnchor>,
}

/// Body of `POST /v1/blobs/missing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRequest {
    /// At most [`BLOBS_ASKED_MAX`](crate::limits::BLOBS_ASKED_MAX).
    pub blobs: Vec<BlobSize>,
}

/// Answer to [`MissingRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingAnswer {
    /// Those this agent has to upload, in the order asked.
    #[serde(with = "text::list")]
    pub missing: Vec<Digest>,
    /// Names this answer.
    pub lease: String,
    /// Until when the others stay; not to be relied on afterwards. By the repository's clock.
    #[serde(with = "text")]
    pub expires_at: Timestamp,
}

/// A subject as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSubject {
    /// The word for what kind of number it is.
    pub r#type: String,
    /// The number. Personal data.
    pub value: String,
}

impl fmt::Debug for WireSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireSubject(…)")
    }
}

impl From<&Subject> for WireSubject {
    fn from(subject: &Subject) -> Self {
        Self { r#type: subject.subject_type().as_str().to_owned(), value: subject.value().to_owned() }
    }
}

impl TryFrom<&WireSubject> for Subject {
    type Error = SubjectError;

    fn try_from(wire: &WireSubject) -> Result<Self, SubjectError> {
        Self::new(wire.r#type.parse::<SubjectType>()?, &wire.value)
    }
}

/// Body of `POST /v1/holders/materials`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialsRequest {
    /// Whose materials.
    pub subject: WireSubject,
    /// `card`, or the word for another basis, which then needs `purpose` and `case`.
    pub basis: String,
    /// What for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// For which case.
    #[serde(default)]
    pub case: Option<String>,
    /// Name of the token that looks.
    pub client: String,
    /// The clerk, where the window software said.
    #[serde(default)]
    pub operator: Option<String>,
    /// Only this kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// Only of this item.
    #[serde(default)]
    pub item: Option<String>,
    /// `next_cursor` of the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most [`MATERIALS_MAX`](crate::limits::MATERIALS_MAX).
    #[serde(default)]
    pub limit: Option<usize>,
}

/// Answer to [`MaterialsRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaterialsAnswer {
    /// Newest first.
    pub materials: Vec<WireMaterial>,
    /// Asks for older ones; absent when these were the last.
    pub next_cursor: Option<String>,
    /// Opens the blobs of these materials to this agent; goes into [`GRANT_HEADER`].
    pub grant: String,
    /// When the grant ends, by the repository's clock.
    #[serde(with = "text")]
    pub grant_expires_at: Timestamp,
}

/// What went wrong, as an RFC 9457 problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`: the code tells the kinds apart.
    pub r#type: String,
    /// What is wrong, in the caller's language.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// What to do about it, in the caller's language.
    #[serde(default)]
    pub remedy: String,
    /// What this case adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The digests the repository lacks, with code `blobs_missing`.
    #[serde(with = "text::list", default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Digest>,
}
