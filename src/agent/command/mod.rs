//! The command line: one file per command.

mod archive;
mod audit;
mod card;
mod certificate;
mod courier;
mod demo;
mod dispose;
mod enrol;
mod export;
mod hold;
mod import;
mod import_report;
mod operator;
mod output;
mod page;
mod page_out;
mod policy;
mod probed;
mod progress;
mod reach;
mod rebuild;
mod recover;
mod recovery_key;
mod report_file;
mod run;
mod token;
mod verify;
pub(crate) mod whole_file;

pub use demo::DemoWish;
pub use run::stop_signal;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::ConfigError;
use crate::config::{Config, DriverNames};
use crate::daemon::Drivers;
use crate::failure::Failure;

/// Reads ID cards, captures papers, keeps dossiers: the agent at the window.
#[derive(Parser)]
#[command(name = "yidang", version)]
struct CommandLine {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the daemon until it is told to stop.
    Run,
    /// Shows the main job on simulated devices: two windows and a repository on this machine.
    Demo(DemoWish),
    /// Reads, watches and examines card readers, beside a running daemon as well as without one.
    #[command(subcommand)]
    Card(card::CardCommand),
    /// Makes pages of pictures: found, straightened, judged.
    Page(page::PageCommand),
    /// Makes, lists and revokes the tokens that programs call with.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Says who may sit at this window, by PIN or on a window system's word.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Lets the configured pages reach this PC's service, by the policies of its browsers.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Has this PC's own authority trusted, so that pages may call by https and wss.
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Enrols this window with the configured repository, or enrols it anew.
    Enrol(enrol::Enrol),
    /// Makes the office's recovery key, which opens the disk of a dead PC.
    #[command(subcommand)]
    RecoveryKey(recovery_key::RecoveryKeyCommand),
    /// Takes papers to the repository on a stick, where no network does.
    #[command(subcommand)]
    Courier(courier::CourierCommand),
    /// Looks after the archive.
    #[command(subcommand)]
    Archive(archive::ArchiveCommand),
}

/// Runs the command line of this process: exit code 0 done, 1 could not, 2 usage. `drivers` makes the drivers
/// that a configuration asks for, or says which of its values no driver can be made of; `demo` shows the main job, for which it brings a repository along.
pub fn main(
    names: DriverNames<'_>,
    drivers: impl FnOnce(&Config) -> Result<Drivers, ConfigError>,
    demo: impl FnOnce(&DemoWish) -> ExitCode,
) -> ExitCode {
    let line = CommandLine::parse();
    if let Command::Demo(wish) = &line.command {
        return demo(wish);
    }
    if let Command::Enrol(enrol) = &line.command {
        enrol.check();
    }
    log(&line.command);
    if let Command::Page(wish) = &line.command {
        // Needs no window, so none has to be configured.
        return ended(page::page(wish));
    }
    if let Command::RecoveryKey(command) = &line.command {
        return ended(recovery_key::recovery_key(command));
    }
    let config =
        environment().and_then(|variables| Ok(Config::load(line.config.as_deref(), variables, names)?));
    let done = config.and_then(|config| match line.command {
        Command::Run => {
            let drivers = drivers(&config)?;
            run::run(config, drivers)
        }
        Command::Demo(_) | Command::Page(_) | Command::RecoveryKey(_) => Ok(ExitCode::SUCCESS),
        Command::Card(command) => card::card(&config, command, drivers),
        Command::Token(command) => token::token(&config, command),
        Command::Operator(command) => operator::operator(&config, command),
        Command::Policy(command) => policy::policy(&config, command),
        Command::Certificate(command) => certificate::certificate(&config, command),
        Command::Enrol(enrol) => enrol.enrol(&config),
        Command::Courier(command) => courier::courier(&config, command),
        Command::Archive(command) => archive::archive(&config, &command),
    });
    ended(done)
}

fn ended(done: Result<ExitCode, Failure>) -> ExitCode {
    done.unwrap_or_else(|failure| {
        output::complain(&failure);
        ExitCode::FAILURE
    })
}

/// This process's environment. One of our variables that is no text is an error, anybody else's is passed over.
fn environment() -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => texts.push((name, value)),
            (name, _) => {
                let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
                if name.starts_with("YIDANG_") {
                    let cause = format!("the environment variable {name} is not UTF-8");
                    return Err(Failure::new("config_invalid", cause, "correct the environment"));
                }
            }
        }
    }
    texts.retain(|(name, _)| name != "YIDANG_LOG");
    Ok(texts)
}

/// The daemon tells what happens; a command tells what went wrong. The damages a check finds are its output.
fn log(command: &Command) {
    let usual = match command {
        Command::Run => "info",
        // What becomes of a reader is this command's output.
        Command::Card(_) => "error,yidang_agent::stations=off",
        _ => "warn,yidang_archive::verify=off",
    };
    let filter = EnvFilter::try_from_env("YIDANG_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    let _ = log.try_init();
}

/// Ends the process with the usage of a command: exit code 2.
fn misused(message: &str) -> ! {
    CommandLine::command().error(ErrorKind::ValueValidation, message).exit()
}
