//! The central repository: takes what the windows file, hands out what they may see, and tells them what to
//! forget.
//!
//! Papers and the record of every look lie in an [archive](yidang_archive); what it has to know beside that
//! (agents, uploads, answers given, feeds) is its own state. Requests are HTTP and asynchronous; all work on
//! archive and state blocks and is handed to threads.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use yidang_repository::{Config, Server, make_enrol_code};
//!
//! let config = Config::new(std::path::Path::new("repository"))?;
//! let server = Server::bind(&config).await?;
//! let code = make_enrol_code(&config.data_dir, Some("counter-1"))?;
//! let address = server.address();
//! server.run(std::future::pending()).await;
//! # Ok(()) }
//! ```

mod anchors;
mod audit;
mod audit_command;
mod check;
mod command;
mod commits;
mod config;
mod control;
mod courier;
mod enrolment;
mod erased;
mod erasures;
mod error;
mod feed;
mod filing;
mod grants;
mod heads;
mod hold_command;
mod holds;
mod limits;
#[cfg(test)]
mod loopback;
mod originals;
mod problem;
mod reading;
mod rebuild;
mod refilings;
mod repository;
mod request;
mod routes;
mod schema;
mod secrets;
mod server;
mod sqlite_feed;
mod sqlite_state;
mod state;
mod state_mark;
#[cfg(test)]
mod state_tests;
mod tombstones;
mod uploads;
mod windows;

pub use check::check;
pub use command::run_command;
pub use config::Config;
pub use enrolment::{make_enrol_code, make_enrolment};
pub use error::StartError;
pub use problem::Code;
pub use secrets::SecretsError;
pub use server::Server;
pub use state::{StateError, StateFault};
pub use yidang_archive::{CheckReport, DamageLine};
pub use yidang_service::{ConfigError, Language};
