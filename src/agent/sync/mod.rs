//! What the local API asks of the repository's side. The worker that keeps a repository up to date stands
//! behind [`Upstream`]; an agent without a repository has none.

use yidang_model::{Digest, Material, MaterialId, Subject, Timestamp};

/// What went wrong between this window and the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// No connection, or none in time.
    #[error("the repository cannot be reached")]
    Unreachable,
    /// The repository does not show this any more: erased, or the grant ran out.
    #[error("the repository does not show this any more")]
    Gone,
    /// The repository refused, with its stable code.
    #[error("the repository refused: {0}")]
    Refused(String),
    /// The repository's answer breaks the protocol, or its bytes are not what their digest says.
    #[error("the repository's answer makes no sense")]
    Protocol,
}

impl SyncError {
    /// The stable word for `last_error`.
    pub fn code(&self) -> String {
        match self {
            Self::Unreachable => "repository_unreachable".into(),
            Self::Gone => "repository_gone".into(),
            Self::Refused(code) => code.clone(),
            Self::Protocol => "repository_protocol".into(),
        }
    }
}

/// What a window asks about an open holder.
pub struct HolderQuery {
    /// Whose dossier.
    pub subject: Subject,
    /// On what ground it is open here.
    pub basis: String,
    /// What for.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// The client's token name.
    pub client: String,
    /// The clerk.
    pub operator: Option<String>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only for this item.
    pub item: Option<String>,
    /// The repository's own cursor.
    pub cursor: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// What the repository answers.
pub struct HolderAnswer {
    /// A page of the dossier, newest first.
    pub materials: Vec<Material>,
    /// Where it goes on.
    pub next_cursor: Option<String>,
    /// With what the pictures of these materials may be fetched for a while.
    pub grant: String,
}

/// How far the repository is behind.
pub struct SyncStatus {
    /// `not_enrolled`, `connected` or `unreachable`.
    pub repository: &'static str,
    /// Materials not committed there.
    pub backlog_materials: u64,
    /// Their bytes.
    pub backlog_bytes: u64,
    /// When it last answered.
    pub last_contact_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// The repository, as the local API needs it. All calls but `status` and `is_committed` block on the network
/// for a bounded time.
pub trait Upstream: Send + Sync {
    /// How far it is behind.
    fn status(&self) -> SyncStatus;
    /// Whether it has committed this material, filed by this ledger entry.
    fn is_committed(&self, sequence: u64, material: MaterialId) -> bool;
    /// A holder's dossier as the repository has it.
    fn query(&self, query: &HolderQuery) -> Result<HolderAnswer, SyncError>;
    /// A picture's bytes, hashed again here.
    fn fetch_blob(&self, digest: &Digest, grant: &str) -> Result<Vec<u8>, SyncError>;
    /// Ends its threads promptly.
    fn stop(&self);
}
