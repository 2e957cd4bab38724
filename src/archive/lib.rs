//! The archive: what a citizen will not bring twice, kept.
//!
//! The *truth* is sealed blobs ([`storage::BlobStore`]), the hash-chained [`storage::Ledger`] and the
//! [`storage::Keyring`]. The [`storage::Index`] is a view of them: delete it and it is rebuilt. The verbs of
//! [`Archive`] are built on these four traits alone; files and SQLite are their built-in implementation.
//!
//! Every call blocks. Reads go straight to the stores and run side by side; all writes go through one writer
//! thread, which commits what waits together as one group.

mod archive;
mod caller;
mod changes;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod erase;
mod error;
mod file;
pub mod files;
mod history;
mod look;
mod rebuild;
pub mod sqlite;
mod stage;
pub mod storage;
mod sweep;
mod verify;

pub use archive::{Archive, ArchiveOptions, Clock, Parts, Stats, SystemClock};
pub use caller::{Actor, Idempotency};
pub use changes::{CHANGES_MAX, Change, ChangeWhat};
pub use erase::{Erasure, ErasureRequest, ErasureTarget};
pub use error::ArchiveError;
pub use file::{Filed, Filing, HOLDERS_MAX, PAGES_MAX};
pub use history::{HISTORY_PAGE_MAX, HistoryPage, Stored};
pub use look::{LOOK_MATERIALS_MAX, Look, LookVerb};
pub use stage::{BLOB_BYTES_MAX, NOTE_BYTES_MAX, STAGE_BLOBS_MAX, Stage, Staged};
pub use sweep::{ORPHAN_GRACE_MS, SweepReport};
pub use verify::{DAMAGES_MAX, Damage, DamagedThing, VerifyReport};
