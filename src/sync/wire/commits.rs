//! What an agent reports, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_model::{ErasureId, HoldId, MaterialId, Timestamp};

use super::{RepositoryHead, WireMaterial, WireSubject};
use crate::text;

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
    /// What the repository decided to forget is forgotten at this agent: a repository that was put back to an earlier state
    /// learns of it by this, and carries it out once more.
    Erased(ErasedEntry),
    /// A hold of the repository's stands at this agent: one that was put back to an earlier state lifts it once its own holds are
    /// confirmed, unless it knows it.
    Held {
        /// The hold.
        #[serde(with = "text")]
        id: HoldId,
    },
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filed { id, .. } => write!(f, "Filed({id}, …)"),
            Self::ErasureRequested(entry) => write!(f, "ErasureRequested({}, …)", entry.id),
            Self::Refiled(entry) => write!(f, "Refiled({}, …)", entry.id),
            Self::OriginalsRequested(entry) => write!(f, "OriginalsRequested({}, …)", entry.id),
            Self::Erased(entry) => write!(f, "Erased({}, …)", entry.id),
            Self::Held { id } => write!(f, "Held({id})"),
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
            Self::Erased(entry) => entry.id.to_string(),
            Self::Held { id } => id.to_string(),
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

/// A decision of the repository's as its news told it, without a word about whom it forgot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedEntry {
    /// The erasure.
    #[serde(with = "text")]
    pub id: ErasureId,
    /// Materials that went, in the order of the news.
    #[serde(with = "text::list")]
    pub materials: Vec<MaterialId>,
    /// When it was decided, by the repository's clock.
    #[serde(with = "text")]
    pub decided_at: Timestamp,
    /// What the news gave as such.
    pub proof: String,
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
    /// The end of the repository's ledger with these in it; absent where it tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<RepositoryHead>,
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
