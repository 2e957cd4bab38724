//! An office's old photographs on their way into the archive: a manifest names them, and each becomes a material.
//!
//! ```text
//! manifest → rows → papers → pictures, pages → staged → filed
//! ```
//!
//! Everything up to the pages is done where the command runs, by the rights of who runs it; the archive is opened there
//! too, or the daemon that has it open files. What a paper is recognised by is a digest of its rows and pictures, kept in the
//! ledger as an idempotency key is: run again, or gone on with after a crash at any point, nothing is filed twice.

mod columns;
mod decode;
mod group;
mod manifest;
mod paper;
mod picture;
mod refusal;
mod run;

pub(crate) use manifest::Manifest;
pub(crate) use refusal::{Reason, RefusedRow};
pub(crate) use run::{Import, ImportOptions, Told};
