//! The control socket, `DATA_DIR/control.sock`: how a command reaches the daemon that has the archive open.
//!
//! One connection carries one [`Request`] as a line of JSON; bytes may follow it. The answer is any number of [`News`] lines and then
//! the outcome or the failure. The work itself is the same with and without a daemon: [`Workplace`].

mod audit;
mod card_place;
#[cfg(unix)]
mod client;
#[cfg(not(unix))]
mod elsewhere;
mod export;
mod import;
mod message;
mod probe;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
mod work;

pub(crate) use card_place::CardPlace;
#[cfg(unix)]
pub(crate) use client::Connection;
#[cfg(not(unix))]
pub(crate) use elsewhere::{Connection, Control};
pub(crate) use export::{ExportDamage, ExportNews, ExportRequest, PictureRole, subject};
pub(crate) use import::{
    FileImport, ImportAnswer, ImportNote, ImportRequest, ImportedPage, IngestImport, StageImport,
};
pub(crate) use message::{
    ArchiveStats, AuditTopic, AuditWish, AuditedLine, CardRequest, MaterialLine, News, Outcome, Request,
    WatchedEvent,
};
pub(crate) use probe::{ProbeReport, ProbedModule, ProbedReader};
#[cfg(unix)]
pub(crate) use server::Control;
pub(crate) use work::Workplace;

/// What hears the news of a command's work; an error ends the work where that does no harm.
pub(crate) type Listen<'a> = &'a mut dyn FnMut(News) -> std::io::Result<()>;
