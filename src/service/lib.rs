//! What the daemon at the window and the central repository have in common: the two languages, how error codes are listed, how a
//! configuration file is read, and the clock.

pub mod clock;
mod codes;
pub mod config;
mod language;

pub use config::ConfigError;
pub use language::Language;
