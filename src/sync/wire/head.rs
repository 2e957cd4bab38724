//! The end of the repository's own ledger, which the agents remember: a repository that was put back to an earlier state, or has
//! lost some of what it had, cannot tell so by itself.

use serde::{Deserialize, Serialize};

/// The last entry of the repository's ledger, and how that entry came to be the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryHead {
    /// Which ledger: its store's random name, 32 hexadecimal digits.
    pub ledger: String,
    /// The entry; 0 where there is none yet.
    pub sequence: u64,
    /// Its hash, 64 hexadecimal digits.
    pub hash: String,
    /// Another number after each loss that the ledger's end does not tell: the entry by which it was last made anew without all that
    /// it had (0: never), and how often the rest of the repository was put back to an earlier state.
    pub rebuilt: u64,
    /// When the repository told of it, by its clock: milliseconds since 1970.
    pub told_at: i64,
}

/// Body of `POST /v1/head`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadRequest {
    /// What this agent was told of: the last one that was found to be there when it asked, and the latest since.
    pub known: Vec<RepositoryHead>,
}

/// Answer to [`HeadRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadAnswer {
    /// Whether the repository's ledger has all that the agent knows of.
    pub has_known: bool,
    /// The last one there is now.
    pub head: RepositoryHead,
}

impl HeadAnswer {
    /// Whether the repository has lost some of what it had when an agent was told of `known`: it was put back to an earlier state,
    /// founded anew, or rebuilt with a loss.
    pub fn is_of_loss(&self, known: &[RepositoryHead]) -> bool {
        !self.has_known || known.iter().any(|known| known.rebuilt != self.head.rebuilt)
    }
}
