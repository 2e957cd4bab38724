//! The daemon and command line at the window: the local API, the device stations, the tokens.
//!
//! Knows no driver by name: the binary brings the drivers along ([`Drivers`]).

mod api;
mod app;
mod caller;
mod capture_note;
mod clients;
pub mod command;
mod config;
mod console;
mod control;
mod daemon;
mod docs;
mod document;
mod events;
mod failure;
mod failure_zh;
mod guard;
mod holders;
mod import;
mod operators;
mod owner;
mod package;
mod page_wish;
mod pairings;
mod photo;
mod policy;
mod private_database;
mod problem;
mod quality_words;
mod random;
mod recent;
mod recover;
mod repair;
mod replay;
mod retention;
mod scope;
mod server;
mod shims;
mod simulation;
mod stations;
mod sync;
mod tickets;
mod tls;
mod tokens;
mod tray;
mod users;
mod visible;
mod web_page;

pub use api::document as openapi_document;
pub use command::{DemoWish, stop_signal};
pub use config::{Config, DriverNames, Tls};
pub use daemon::{Daemon, Drivers, StartError};
pub use operators::{OperatorError, OperatorNeed, OperatorRules};
pub use problem::{Advice, Code, Problem, ProblemDocument};
pub use scope::{Scope, UnknownScope};
pub use shims::ShimConfig;
pub use simulation::{FaultWish, KnownFaults, KnownNames, ScenarioStep, Simulation, SimulationRefusal};
pub use sync::{
    HolderAnswer, HolderQuery, Listener, PackListener, PackNews, PackReport, ReceiptFault, ReceiptReport,
    SyncError, SyncEvent, SyncHandle, SyncOptions, SyncStatus, SyncWorker, Upstream,
};
pub use tls::AuthorityError;
pub use tokens::{Token, TokenError, Tokens};
pub(crate) use yidang_service::clock;
pub use yidang_service::{ConfigError, Language};
