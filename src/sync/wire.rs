//! What travels between agent and repository, version 1.
//!
//! JSON in snake_case; digests and identifiers are lower-case hexadecimal, instants RFC 3339. A reader ignores
//! fields it does not know, so that either side may be the newer one. Types that hold personal data have no
//! `Debug` that shows it.

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_model::{Digest, ErasureId, HoldId, MaterialId, Subject, SubjectError, SubjectType, Timestamp};

use crate::text;
pub use crate::wire_material::{WireError, WireImage, WireMaterial, WirePage};

/// Header that carries a grant to `GET /v1/blobs/{digest}`.
pub const GRANT_HEADER: &str = "Yidang-Grant";

/// Media type of a [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Result code: the repository does not take materials of simulated devices.
pub const SIMULATED_REFUSED: &str = "simulated_refused";
/// Result code: the material was erased and cannot come back.
pub const MATERIAL_ERASED: &str = "material_erased";
/// Result code: another material is on file under this identifier.
pub const MATERIAL_CONFLICT: &str = "material_conflict";
/// Result code: this agent may not ask that this be forgotten. It neither filed it itself nor had the dossier
/// open lately.
pub const ERASURE_DENIED: &str = "erasure_denied";
/// Result code: a legal hold keeps this from being forgotten.
pub const LEGAL_HOLD: &str = "legal_hold";
/// Result code: this agent may not put this right. It neither filed it itself nor had the dossier open lately.
pub const REFILING_DENIED: &str = "refiling_denied";
/// Result code: no such material is on file.
pub const MATERIAL_UNKNOWN: &str = "material_unknown";
/// Result code: this agent may not have the originals of this disposed of: another one filed it.
pub const ORIGINALS_DENIED: &str = "originals_denied";
/// Result code: this is of another kind now, which may have another term.
pub const MATERIAL_CHANGED: &str = "material_changed";
/// Result code: the repository's ledger is damaged, and does not tell what every picture is needed for.
pub const LEDGER_DAMAGED: &str = "ledger_damaged";
/// Result code: the entry does not hold together.
pub const INVALID: &str = "invalid";
/// Result code: this version of the repository does not know such entries.
pub const ENTRY_UNKNOWN: &str = "entry_unknown";

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

/// Body of `POST /v1/commits`. `(agent, epoch, sequence)` is the idempotency key: sent again byte for byte it
/// gets the first answer.
///
/// `E` is [`Entry`] for the agent. The repository reads each entry by itself, so that one it cannot read does
/// not spoil the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitRequest<E = Entry> {
    /// What enrolment gave.
    pub epoch: String,
    /// Chosen by the agent: 1, 2, 3 …
    pub sequence: u64,
    /// At most [`COMMIT_ENTRIES_MAX`](crate::limits::COMMIT_ENTRIES_MAX); carried out in this order.
    pub entries: Vec<E>,
}

/// One thing an agent reports.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A material was filed.
    Filed {
        /// The material's identifier, again.
        #[serde(with = "text")]
        id: MaterialId,
        /// The material.
        material: Box<WireMaterial>,
    },
    /// Someone asked that a material or a person be forgotten: exactly one of `material` and `holder`.
    ErasureRequested(ErasureEntry),
    /// A material that had been filed to the wrong person, kind or case was put right.
    Refiled(RefilingEntry),
    /// The term of a material's untouched originals is over: it is asked that they be disposed of everywhere, and the
    /// material stays. They stay at the agent until it hears of it on its feed.
    OriginalsRequested(OriginalsEntry),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filed { id, .. } => write!(f, "Filed({id}, …)"),
            Self::ErasureRequested(entry) => write!(f, "ErasureRequested({}, …)", entry.id),
            Self::Refiled(entry) => write!(f, "Refiled({}, …)", entry.id),
            Self::OriginalsRequested(entry) => write!(f, "OriginalsRequested({}, …)", entry.id),
        }
    }
}

impl Entry {
    /// The identifier its result will carry.
    pub fn id(&self) -> String {
        match self {
            Self::Filed { id, .. } => id.to_string(),
            Self::ErasureRequested(entry) => entry.id.to_string(),
            Self::Refiled(entry) => entry.id.to_string(),
            Self::OriginalsRequested(entry) => entry.id.to_string(),
        }
    }
}

/// A request to forget.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureEntry {
    /// Chosen by the agent.
    #[serde(with = "text")]
    pub id: ErasureId,
    /// The material to forget.
    #[serde(with = "text::option", default)]
    pub material: Option<MaterialId>,
    /// The person to forget.
    #[serde(default)]
    pub holder: Option<WireSubject>,
    /// Why.
    pub reason: String,
    /// The clerk, where the window software said.
    #[serde(default)]
    pub operator: Option<String>,
    /// Name of the token that asked.
    pub client: String,
}

/// A material as it stands after it was put right.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefilingEntry {
    /// The material.
    #[serde(with = "text")]
    pub id: MaterialId,
    /// Whose it is.
    #[serde(flatten)]
    pub now: WirePlace,
    /// Why.
    pub reason: String,
    /// The clerk, where the window software said.
    #[serde(default)]
    pub operator: Option<String>,
    /// Name of the token that put it right.
    pub client: String,
}

/// A request to dispose of a material's untouched originals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalsEntry {
    /// The material.
    #[serde(with = "text")]
    pub id: MaterialId,
    /// Its kind, by whose rule the term is over.
    pub kind: String,
    /// The clerk, where the window software said.
    #[serde(default)]
    pub operator: Option<String>,
    /// Name of the token that asked.
    pub client: String,
}

/// Where a material belongs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePlace {
    /// Whose it is; at least one.
    pub holders: Vec<WireSubject>,
    /// What it is.
    pub kind: String,
    /// Its case number.
    #[serde(default)]
    pub case: Option<String>,
}

impl fmt::Debug for WirePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WirePlace(…)")
    }
}

/// Answer to [`CommitRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitAnswer {
    /// One for each entry, in their order.
    pub results: Vec<CommitResult>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitResult {
    /// The entry's identifier; empty for an entry that named none.
    pub id: String,
    /// Whether it is on file now.
    pub result: Verdict,
    /// Why not: one of the result codes of this module, or one a newer repository knows.
    pub code: Option<String>,
    /// The material it has become one with: the same paper, filed at another window for the same case and slot,
    /// about which both wrote down the same. Absent when it is on file under its own identifier.
    #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
    pub filed_as: Option<MaterialId>,
}

/// Whether an entry was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is durable at the repository.
    Accepted,
    /// It never will be: sending it again changes nothing.
    Rejected,
}

/// Query of `GET /v1/feed`. To ask after a sequence is to say that everything up to it has been carried out
/// durably: the repository then forgets what it no longer needs of those items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedQuery {
    /// What enrolment gave.
    pub epoch: String,
    /// Last sequence carried out; 0 at first.
    #[serde(default)]
    pub after: u64,
    /// Seconds to wait when there is nothing new, at most [`FEED_WAIT_MAX_S`](crate::limits::FEED_WAIT_MAX_S).
    #[serde(default)]
    pub wait: u64,
}

/// Answer to [`FeedQuery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedAnswer {
    /// At most [`FEED_ITEMS_MAX`](crate::limits::FEED_ITEMS_MAX), in order.
    pub items: Vec<FeedItem>,
    /// The last sequence given here; the request's `after` when there was nothing new.
    pub after: u64,
    /// The last sequence there is.
    pub head: u64,
}

/// One item of an agent's own feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// 1, 2, 3 … in this agent's feed.
    pub sequence: u64,
    /// The sequence before it; where it is not the last one carried out, something is missing.
    pub previous: u64,
    /// What happened.
    #[serde(flatten)]
    pub news: News,
}

/// What an agent has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum News {
    /// These are gone and must go at the window too.
    Erased {
        /// The erasure.
        #[serde(with = "text")]
        erasure: ErasureId,
        /// Materials that went.
        #[serde(with = "text::list")]
        materials: Vec<MaterialId>,
        /// The forgotten person, for an erasure of a person; absent once this agent has carried it out.
        #[serde(default)]
        holder: Option<WireSubject>,
        /// Blobs that stay because others need them; empty once this agent has carried it out.
        #[serde(with = "text::list", default)]
        shared_kept: Vec<Digest>,
    },
    /// The request was refused.
    ErasureRefused {
        /// The erasure.
        #[serde(with = "text")]
        erasure: ErasureId,
    },
    /// These were put right: whoever was shown them as they were must ask again.
    Refiled {
        /// One material under the names it has.
        #[serde(with = "text::list")]
        materials: Vec<MaterialId>,
        /// Where it belongs; only for an agent that filed it, and absent once it has carried that out.
        #[serde(default)]
        now: Option<WirePlace>,
    },
    /// The untouched originals of these are disposed of and must go at the window too; the materials stay.
    OriginalsDisposed {
        /// One material under the names it has.
        #[serde(with = "text::list")]
        materials: Vec<MaterialId>,
        /// What it was when that was decided: a window that put it right and has not been heard yet keeps them; absent once
        /// this agent has carried it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// These, or a person's papers, may not be forgotten until further notice.
    Held {
        /// The hold.
        #[serde(with = "text")]
        hold: HoldId,
        /// One material under the names it has; empty for a person's papers.
        #[serde(with = "text::list")]
        materials: Vec<MaterialId>,
        /// What the window keeps of it; absent once it has carried that out.
        #[serde(default)]
        order: Option<WireHold>,
    },
    /// They may again.
    HoldLifted {
        /// The hold.
        #[serde(with = "text")]
        hold: HoldId,
    },
    /// Something this version does not know; to be passed over.
    #[serde(other)]
    Unknown,
}

/// What a window keeps of a legal hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireHold {
    /// The person whose papers are held; absent for a material.
    #[serde(default)]
    pub holder: Option<WireSubject>,
    /// Why.
    pub reason: String,
    /// The case it was placed for.
    #[serde(default)]
    pub case: Option<String>,
    /// Who placed it.
    #[serde(default)]
    pub operator: Option<String>,
}

impl fmt::Debug for WireHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireHold(…)")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_entry_is_tagged_and_flat() {
        let entry = Entry::ErasureRequested(ErasureEntry {
            id: ErasureId::from_bytes([7; 16]),
            material: None,
            holder: Some(WireSubject { r#type: "resident".into(), value: "11010519491231002X".into() }),
            reason: "filed by mistake".into(),
            operator: None,
            client: "window".into(),
        });
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["type"], "erasure_requested");
        assert_eq!(json["id"], "07".repeat(16));
        assert!(json["material"].is_null());
        assert_eq!(json["holder"]["value"], "11010519491231002X");
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
        assert!(!format!("{entry:?}").contains("1949"));
    }

    #[test]
    fn a_feed_item_is_flat_and_an_unknown_one_is_passed_over() {
        let item = FeedItem {
            sequence: 3,
            previous: 2,
            news: News::Erased {
                erasure: ErasureId::from_bytes([1; 16]),
                materials: vec![MaterialId::from_bytes([2; 16])],
                holder: None,
                shared_kept: vec![Digest::of(b"kept")],
            },
        };
        let json = serde_json::to_value(&item).unwrap();
        assert_eq!(json["type"], "erased");
        assert_eq!(json["materials"][0], "02".repeat(16));
        assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);

        let newer = r#"{"sequence":4,"previous":3,"type":"not_known_yet","from":"a","number":7}"#;
        let item: FeedItem = serde_json::from_str(newer).unwrap();
        assert_eq!((item.sequence, item.previous, item.news), (4, 3, News::Unknown));
    }

    #[test]
    fn a_refiling_is_flat_and_shows_nobody_in_its_debug_form() {
        let now = WirePlace {
            holders: vec![WireSubject { r#type: "resident".into(), value: "11010519491231002X".into() }],
            kind: "form".into(),
            case: None,
        };
        let id = MaterialId::from_bytes([7; 16]);
        let (reason, client) = ("wrong card".into(), "window".into());
        let entry = Entry::Refiled(RefilingEntry { id, now: now.clone(), reason, operator: None, client });
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!((&json["type"], &json["kind"]), (&"refiled".into(), &"form".into()));
        assert_eq!(json["holders"][0]["value"], "11010519491231002X");
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
        let news = News::Refiled { materials: vec![id], now: Some(now) };
        let item = FeedItem { sequence: 2, previous: 1, news };
        let json = serde_json::to_value(&item).unwrap();
        assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);
        assert!(!format!("{entry:?}{item:?}").contains("1949"));
    }

    #[test]
    fn a_request_about_originals_and_its_news_are_flat() {
        let id = MaterialId::from_bytes([7; 16]);
        let (kind, client) = ("form".to_owned(), "window".to_owned());
        let entry = Entry::OriginalsRequested(OriginalsEntry { id, kind, operator: None, client });
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!((&json["type"], &json["kind"]), (&"originals_requested".into(), &"form".into()));
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
        let news = News::OriginalsDisposed { materials: vec![id], kind: Some("form".to_owned()) };
        let item = FeedItem { sequence: 2, previous: 1, news };
        let mut json = serde_json::to_value(&item).unwrap();
        assert_eq!(
            (&json["type"], &json["materials"][0], &json["kind"]),
            (&"originals_disposed".into(), &"07".repeat(16).into(), &"form".into())
        );
        assert_eq!(serde_json::from_value::<FeedItem>(json.clone()).unwrap(), item);
        json.as_object_mut().unwrap().remove("kind");
        let news = News::OriginalsDisposed { materials: vec![id], kind: None };
        let item = FeedItem { sequence: 2, previous: 1, news };
        assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);
    }

    #[test]
    fn fields_of_a_newer_version_are_ignored_and_wrong_text_is_refused() {
        let text = format!(r#"{{"digest":"{}","size_bytes":3,"colour":"red"}}"#, Digest::of(b"abc"));
        assert_eq!(serde_json::from_str::<BlobSize>(&text).unwrap().digest, Digest::of(b"abc"));
        let error = serde_json::from_str::<BlobSize>(r#"{"digest":"11010519491231002X","size_bytes":3}"#);
        assert!(!error.unwrap_err().to_string().contains("1949"));
    }

    #[test]
    fn a_problem_names_what_is_missing_only_where_something_is() {
        let mut problem = Problem {
            r#type: "about:blank".into(),
            title: "t".into(),
            status: 412,
            code: "blobs_missing".into(),
            remedy: "r".into(),
            detail: None,
            missing: vec![Digest::of(b"a")],
        };
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        problem.missing.clear();
        assert!(!serde_json::to_string(&problem).unwrap().contains("missing\":["));
    }

    #[test]
    fn subjects_come_back_normalised() {
        let wire = WireSubject { r#type: "resident".into(), value: "110105491231002".into() };
        let subject = Subject::try_from(&wire).unwrap();
        assert_eq!(WireSubject::from(&subject).value, "11010519491231002X");
        let wire = WireSubject { r#type: "robot".into(), value: "1".into() };
        assert_eq!(Subject::try_from(&wire), Err(SubjectError::UnknownType));
    }
}
