//! The archive: what a citizen will not bring twice, kept.
//!
//! The *truth* is sealed blobs ([`storage::BlobStore`]), the hash-chained [`storage::Ledger`] and the
//! [`storage::Keyring`]. The [`storage::Index`] is a view of them: delete it and it is rebuilt. The verbs of
//! [`Archive`] are built on these four traits alone; files and SQLite are their built-in implementation.
//!
//! Every call blocks. Reads go straight to the stores and run side by side; all writes go through one writer
//! thread, which commits what waits together as one group.

mod archive;
mod audit;
mod blob_format;
mod caller;
mod changes;
mod check_report;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod entry;
mod erase;
mod erasing;
mod error;
mod export;
mod file;
pub mod files;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod history;
mod inventory;
mod keys;
mod lag;
mod look;
mod material_record;
mod plan;
mod rebuild;
mod record;
mod refile;
mod scribe;
mod seal;
mod sealed_blob;
pub mod sqlite;
mod stage;
pub mod storage;
mod stores;
mod sweep;
mod veil;
#[cfg(test)]
mod verb_tests;
mod verify;
mod writer;

pub use archive::{Archive, ArchiveOptions, Clock, Parts, Stats, SystemClock};
pub use audit::{AUDIT_LINES_MAX, AuditEnd, AuditLine, AuditOf, AuditQuery};
pub use caller::{Actor, Idempotency};
pub use changes::{CHANGES_MAX, Change, ChangeWhat};
pub use check_report::{CheckReport, DamageLine};
pub use erase::{Erasure, ErasureRequest, ErasureTarget, WentElsewhere};
pub use error::ArchiveError;
pub use export::{EXPORT_MATERIALS_MAX, Export};
pub use file::{Filed, Filing, HOLDERS_MAX, PAGES_MAX};
pub use history::{HISTORY_PAGE_MAX, HistoryPage, Stored};
pub use inventory::{InventoryLine, InventoryPage};
pub use look::{LOOK_MATERIALS_MAX, Look, LookVerb};
pub use refile::Refiling;
pub use stage::{BLOB_BYTES_MAX, NOTE_BYTES_MAX, STAGE_BLOBS_MAX, Stage, Staged, UNFILED_PAGE_MAX};
pub use sweep::{ORPHAN_GRACE_MS, SweepReport};
pub use verify::{DAMAGES_MAX, Damage, DamagedThing, VerifyReport};
