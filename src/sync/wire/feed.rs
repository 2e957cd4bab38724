//! What an agent is told.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use yidang_model::{Digest, ErasureId, HoldId, MaterialId, Timestamp};

use super::{RepositoryHead, WirePlace, WireSubject};
use crate::text;

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
    /// The end of the repository's ledger, with what these tell of in it; absent where it tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<RepositoryHead>,
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
        /// When it was decided, by the repository's clock: what a person has filed since is no part of it. Absent once this agent
        /// has carried it out.
        #[serde(with = "text::option", default, skip_serializing_if = "Option::is_none")]
        decided_at: Option<Timestamp>,
        /// By this the repository knows its decision again when it has lost it, see [`ErasedEntry`](super::ErasedEntry). Absent
        /// once this agent has carried it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
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

/// An erasure forgets one thing; where one names several materials and no person, each gets an erasure of its own, the same
/// whenever it is carried out again.
pub fn part_of(erasure: ErasureId, material: MaterialId) -> ErasureId {
    let mut hasher = Sha256::new();
    hasher.update(b"yidang erasure part 1\0");
    hasher.update(erasure.as_bytes());
    hasher.update(material.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ErasureId::from_bytes(id)
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
