//! Measures the local API of the real binary from outside, beside a bare axum handler that does nothing, in one run: each
//! main call's latency, two hundred clients at once, memory over a million requests, and events to fifty listeners.
//!
//! `cargo build --release -p yidang -p yidang-bench-api` first; the binary is looked for beside this one.

mod bare;
mod client;
mod events;
mod latency;
mod load;
#[path = "../percentiles.rs"]
mod percentiles;
mod service;

use std::error::Error;

use clap::{Parser, Subcommand};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Measures the local API beside a bare handler")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Each main call, and the bare handler in turn with it
    Latency {
        /// How many of each
        #[arg(long, default_value_t = 2000)]
        requests: u32,
    },
    /// Many clients at once, at the bare handler and at the API
    Parallel {
        /// How many
        #[arg(long, default_value_t = 200)]
        clients: u32,
        /// How many requests each makes
        #[arg(long, default_value_t = 200)]
        requests: u32,
    },
    /// Resident memory while requests come and come
    Memory {
        /// How many
        #[arg(long, default_value_t = 1_000_000)]
        requests: u32,
    },
    /// From an action until the last of many listeners has heard of it
    Events {
        /// How many listen
        #[arg(long, default_value_t = 50)]
        listeners: u32,
        /// How many actions
        #[arg(long, default_value_t = 200)]
        actions: u32,
    },
    /// Serves the bare handler; the other commands start it
    #[command(hide = true)]
    Bare,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Latency { requests } => latency::run(requests),
        Command::Parallel { clients, requests } => load::parallel(clients, requests),
        Command::Memory { requests } => load::memory(requests),
        Command::Events { listeners, actions } => events::run(listeners, actions),
        Command::Bare => bare::serve(),
    }
}

/// One line of the report.
fn say(line: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
