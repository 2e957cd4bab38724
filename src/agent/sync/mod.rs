//! The repository's side of this window: the worker that brings it what is filed here, carries out what it
//! decides, and asks it what the local API wants to know ([`Upstream`]). An agent without a repository has none.
//!
//! Two threads work: one pushes ([`pusher`]), one waits for news ([`poller`]). Each makes its calls on a thread
//! of its own that it can walk away from ([`errand`]). What survives a restart is in [`store`] and [`enrolment`].

mod anchoring;
mod backlog;
mod batch;
mod client;
mod enroller;
mod enrolment;
mod erased;
mod errand;
mod error;
mod feed;
mod heads;
mod hearing;
mod pack;
mod plan;
mod poller;
mod pusher;
mod receipt;
mod schema;
mod sent;
mod shared;
mod source;
mod store;
#[cfg(test)]
mod tests;
mod worker;

use yidang_model::{Digest, ErasureId, Material, MaterialId, Subject, Timestamp};

pub use error::{ReceiptFault, SyncError};
pub use pack::{PackListener, PackNews, PackReport};
pub use receipt::ReceiptReport;
pub(crate) use sent::Sent;
pub(crate) use worker::anchor_at;
pub use worker::{SyncHandle, SyncOptions, SyncWorker};

/// What happened, for those who watch. Free of personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncEvent {
    /// [`SyncStatus`] has changed.
    Progress,
    /// A material is not at the repository and is not offered again before the next start or enrolment: the repository refused it
    /// (`simulated_refused` ...), or it cannot be sent (`blob_damaged`, `blob_missing`, `body_too_large`).
    Rejected {
        /// Which one.
        material: MaterialId,
        /// Stable code.
        code: String,
    },
    /// The repository had this erased, and it has been erased here.
    Erased {
        /// The erasure.
        erasure: ErasureId,
        /// What went at the repository.
        materials: Vec<MaterialId>,
    },
    /// The repository had this put right; where it is on file here, it has been put right here.
    Refiled {
        /// One material under the names it has.
        materials: Vec<MaterialId>,
    },
}

/// Told of everything that happens, on the worker's threads: it must be quick and must not call the worker.
pub type Listener = Box<dyn Fn(SyncEvent) + Send + Sync>;

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
    /// `not_enrolled`, `connecting` (not asked yet), `connected` or `unreachable`.
    pub repository: &'static str,
    /// Materials not committed there, those it refused or that cannot be sent among them.
    pub backlog_materials: u64,
    /// Their bytes.
    pub backlog_bytes: u64,
    /// When it last answered.
    pub last_contact_at: Option<Timestamp>,
    /// What went wrong last; with nothing else wrong, why a material was refused.
    pub last_error: Option<String>,
}

/// The repository, as the local API needs it. All calls but `status`, `is_committed`, `filed_as` and
/// `erasure_confirmed` block on the network for a bounded time.
pub trait Upstream: Send + Sync {
    /// How far it is behind. Exact: it counts what has been filed since it was last asked, which takes a
    /// moment after a start with a long backlog.
    fn status(&self) -> SyncStatus;
    /// Enrols this window, or enrols it anew, and goes on under the new enrolment. Durable when it returns.
    /// Blocks on the network for seconds at most.
    fn enrol(&self, code: &str, counter: &str) -> Result<(), SyncError>;
    /// Packs everything that waits for it into parcels of at most so many bytes, where a single picture does not go
    /// beyond. What is packed still waits: for a receipt, or for the network. Blocks as long as the reading takes.
    fn pack(&self, size_max: u64, listen: PackListener<'_>) -> Result<PackReport, SyncError>;
    /// Takes the repository's receipt for parcels: what it has waits no longer, and its news are carried out. A
    /// receipt that is not whole changes nothing.
    fn take_receipt(&self, receipt: &[u8]) -> Result<ReceiptReport, SyncError>;
    /// Whether it has committed this material, filed by this ledger entry.
    fn is_committed(&self, sequence: u64, material: MaterialId) -> bool;
    /// The material this one has become one with there, since another window had filed the same paper for the
    /// same case and slot and written down the same about it.
    fn filed_as(&self, material: MaterialId) -> Option<MaterialId>;
    /// Whether it has carried this erasure out.
    fn erasure_confirmed(&self, erasure: ErasureId) -> bool;
    /// Why the repository refused an erasure; `None` if it did not, or did not say.
    fn erasure_refusal(&self, erasure: ErasureId) -> Option<String>;
    /// A holder's dossier as the repository has it.
    fn query(&self, query: &HolderQuery) -> Result<HolderAnswer, SyncError>;
    /// A picture's bytes, hashed again here.
    fn fetch_blob(&self, digest: &Digest, grant: &str) -> Result<Vec<u8>, SyncError>;
    /// A picture's bytes that this window committed, hashed again here; [`SyncError::Gone`] where it has none.
    fn own_blob(&self, digest: &Digest) -> Result<Vec<u8>, SyncError>;
    /// Sequence and hash of the latest entry of this ledger that it was told of.
    fn anchor(&self, ledger: &str) -> Result<Option<(u64, [u8; 32])>, SyncError>;
    /// Ends its threads promptly.
    fn stop(&self);
}
