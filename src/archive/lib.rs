//! The archive: what a citizen will not bring twice, kept.
//!
//! The *truth* is sealed blobs ([`storage::BlobStore`]), the hash-chained [`storage::Ledger`] and the
//! [`storage::Keyring`]. The [`storage::Index`] is a view of them: delete it and it is rebuilt. The verbs of
//! [`Archive`] are built on these four traits alone; files and SQLite are their built-in implementation.
//!
//! Every call blocks. Reads go straight to the stores and run side by side; all writes go through one writer
//! thread, which commits what waits together as one group.

mod archive;
mod asked_originals;
mod attend;
mod audit;
mod audited_line;
mod backup;
mod blob_format;
mod blob_pages;
mod caller;
mod changes;
mod check;
mod check_report;
mod check_text;
mod compare_index;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod crypto;
mod dead;
mod desk;
mod disposal;
mod doubt;
mod entering;
mod entry;
mod erase;
mod erasing;
mod error;
mod export;
mod extent;
mod file;
pub mod files;
mod findings;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gaps;
mod held;
mod history;
mod hold;
mod inventory;
mod keys;
mod lag;
mod left_out;
mod look;
mod lost_holds;
mod material_record;
mod originals;
mod plan;
mod premises;
mod proof;
mod quarantine;
mod rebuild;
mod record;
mod recovered;
pub mod recovery;
mod refile;
mod refused_originals;
mod report_words;
mod salvage;
mod scribe;
mod scrub;
mod scrubber;
mod seal;
mod sealed_blob;
mod speaker;
pub mod sqlite;
mod stage;
pub mod storage;
mod stores;
mod sweep;
mod tombstones;
mod veil;
#[cfg(test)]
mod verb_tests;
mod verify;
mod verify_report;
mod versions;
mod writer;

pub use archive::{Archive, ArchiveOptions, Clock, KeyOptions, Parts, Stats, SystemClock};
pub use attend::{Attendance, AttendanceVerb};
pub use audit::{AUDIT_LINES_MAX, AuditEnd, AuditLine, AuditOf, AuditQuery, told_unproven};
pub use audited_line::AuditedLine;
pub use blob_pages::BlobUse;
pub use caller::{Actor, Idempotency};
pub use changes::{CHANGES_MAX, Change, ChangeWhat};
pub use check::{Check, Property, Remedy, Words};
pub use check_report::{CheckLine, CheckReport, DamageLine, PropertyLine, RemedyLine, RepairLine};
pub use check_text::{REPORT_BEGINNINGS, Wording};
pub use dead::DeadIndex;
pub use disposal::{Disposal, DuePaper, OnFilePage};
pub use erase::{Erasure, ErasureRequest, ErasureTarget, WentElsewhere};
pub use error::ArchiveError;
pub use export::{EXPORT_MATERIALS_MAX, Export};
pub use file::{Filed, Filing, HOLDERS_MAX, PAGES_MAX};
pub use findings::{FINDINGS, Finding};
pub use held::HoldsState;
pub use history::{HISTORY_PAGE_MAX, HistoryPage, Stored};
pub use hold::{HOLDS_MAX, Hold, HoldTarget, LiftHold, PlaceHold};
pub use inventory::{InventoryLine, InventoryPage};
pub use look::{LOOK_MATERIALS_MAX, Look, LookVerb};
pub use proof::LedgerState;
pub use recovered::Recovery;
pub use refile::Refiling;
pub use salvage::{KeyringRebuild, LedgerRebuild, Rebuild, RebuildReport};
pub use scrub::{SCRUB_ROUND_MS, ScrubRound, ScrubState, ScrubStep};
pub use scrubber::{DamageListener, Scrubber};
pub use speaker::Speaker;
pub use stage::{BLOB_BYTES_MAX, NOTE_BYTES_MAX, STAGE_BLOBS_MAX, Stage, Staged, UNFILED_PAGE_MAX};
pub use sweep::{ORPHAN_GRACE_MS, SweepReport};
pub use tombstones::Tombstone;
pub use verify::{OpensPicture, PICTURES_SAMPLED, VerifyWish};
pub use verify_report::{Anchor, DAMAGES_MAX, Damage, DamagedRow, DamagedThing, Tally, VerifyReport};
