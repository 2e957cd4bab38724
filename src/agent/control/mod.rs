//! The control socket, `DATA_DIR/control.sock`: how a command reaches the daemon that has the archive open.
//!
//! One connection carries one [`Request`] as a line of JSON; bytes may follow it. The answer is any number of [`News`] lines and then
//! the outcome or the failure. The work itself is the same with and without a daemon: [`Workplace`].

mod audit;
mod body;
mod card_place;
#[cfg(unix)]
mod client;
mod courier;
mod dispose;
#[cfg(not(unix))]
mod elsewhere;
mod export;
mod hold;
mod import;
mod message;
mod probe;
mod recover;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
mod work;

pub(crate) use body::Body;
pub(crate) use card_place::CardPlace;
#[cfg(unix)]
pub(crate) use client::Connection;
pub(crate) use courier::{CourierNews, CourierRequest, RECEIPT_BYTES_MAX};
pub(crate) use dispose::{DisposeFigures, DisposeLine, DisposePart, DisposeRequest};
#[cfg(not(unix))]
pub(crate) use elsewhere::{Connection, Control};
pub(crate) use export::{ExportDamage, ExportNews, ExportRequest, PictureRole, WRITE_SUBJECT, subject};
pub(crate) use hold::{Held, HoldLine, HoldRequest};
pub(crate) use import::{
    FileImport, ImportAnswer, ImportNote, ImportRequest, ImportedPage, IngestImport, StageImport,
};
pub(crate) use message::{
    ArchiveStats, AuditTopic, AuditWish, CardRequest, LedgerFigures, MaterialLine, News, Outcome,
    RepositoryNeed, Request, ScrubFigures, WatchedEvent,
};
pub(crate) use probe::{ProbeReport, ProbedModule, ProbedReader};
pub(crate) use recover::{RecoverAnswer, RecoverRequest};
#[cfg(unix)]
pub(crate) use server::Control;
pub(crate) use work::Workplace;

/// What hears the news of a command's work; an error ends the work where that does no harm.
pub(crate) type Listen<'a> = &'a mut dyn FnMut(News) -> std::io::Result<()>;
