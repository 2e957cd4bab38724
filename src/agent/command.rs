//! The command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use yidang_archive::storage::{StorageError, StorageFault};
use yidang_archive::{ArchiveError, VerifyReport};

use crate::config::{Config, ConfigError, DriverNames};
use crate::daemon::{Daemon, Drivers, StartError, open_archive, open_tokens};
use crate::scope::Scope;

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
    /// Makes, lists and revokes the tokens that programs call with.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Looks after the archive.
    #[command(subcommand)]
    Archive(ArchiveCommand),
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Makes a token and prints its secret, alone; it is not kept.
    Create(CreateToken),
    /// Lists the live tokens.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a token, at once.
    Revoke {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

#[derive(Args)]
struct CreateToken {
    /// The program it is for.
    #[arg(long)]
    name: String,
    /// What it may do, comma-separated: card, capture, archive:write, archive:read …
    #[arg(long, value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// The web origin it is bound to.
    #[arg(long)]
    origin: Option<String>,
}

#[derive(Subcommand)]
enum ArchiveCommand {
    /// Figures of the archive.
    Stats {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Reads everything back and names every damage; exit code 1 if there is any.
    Verify {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Makes the index anew from the ledger and the keyring.
    RebuildIndex,
}

/// Runs the command line of this process. `drivers` makes the drivers that a configuration asks for, or says
/// which of its values no driver can be made of.
pub fn main(
    names: DriverNames<'_>,
    drivers: impl FnOnce(&Config) -> Result<Drivers, ConfigError>,
) -> ExitCode {
    let line = CommandLine::parse();
    let filter = EnvFilter::try_from_env("YIDANG_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    let _ = log.try_init();
    let environment = std::env::vars().filter(|(name, _)| name != "YIDANG_LOG");
    let config = match Config::load(line.config.as_deref(), environment, names) {
        Ok(config) => config,
        Err(error) => return fail("config_invalid", &error.to_string(), "correct the configuration"),
    };
    let done = match line.command {
        Command::Run => match drivers(&config) {
            Ok(drivers) => run(config, drivers),
            Err(error) => return fail("config_invalid", &error.to_string(), "correct the configuration"),
        },
        Command::Token(command) => token(&config, command),
        Command::Archive(command) => archive(&config, command),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let (code, remedy) = advice(&error);
            fail(code, &error.to_string(), remedy)
        }
    }
}

fn run(config: Config, drivers: Drivers) -> Result<ExitCode, StartError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Thread)?;
    runtime.block_on(async {
        let daemon = Daemon::start(config, drivers).await?;
        // Whoever started us may have gone; the daemon serves all the same.
        let _ = say(&format!("listening http://{}", daemon.address()));
        daemon.run(stop_signal()).await.map_err(StartError::Thread)
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

fn token(config: &Config, command: TokenCommand) -> Result<ExitCode, StartError> {
    let tokens = open_tokens(&config.data_dir)?;
    match command {
        TokenCommand::Create(wish) => {
            say(&tokens.create(&wish.name, &wish.scopes, wish.origin.as_deref())?)?;
        }
        TokenCommand::List { json } => {
            let tokens = tokens.list()?;
            let scopes = |t: &crate::tokens::Token| t.scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>();
            if json {
                let rows: Vec<_> = tokens
                    .iter()
                    .map(|t| {
                        serde_json::json!({"name": t.name, "scopes": scopes(t), "origin": t.origin,
                            "created_at": t.created_at.to_string()})
                    })
                    .collect();
                say(&serde_json::Value::from(rows).to_string())?;
            } else {
                for t in &tokens {
                    let origin = t.origin.as_deref().unwrap_or("-");
                    say(&format!("{}\t{}\t{origin}\t{}", t.name, scopes(t).join(","), t.created_at))?;
                }
            }
        }
        TokenCommand::Revoke { name } => {
            if !tokens.revoke(&name)? {
                return Ok(fail("token_unknown", "no live token has this name", "see `yidang token list`"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn archive(config: &Config, command: ArchiveCommand) -> Result<ExitCode, StartError> {
    let archive = open_archive(config)?;
    match command {
        ArchiveCommand::Stats { json } => {
            let stats = archive.stats()?;
            let rows = [
                ("materials", stats.materials),
                ("blobs", stats.blobs),
                ("holders", stats.holders),
                ("unfiled", stats.unfiled),
                ("ledger_head", stats.ledger_head),
                ("epoch", u64::from(stats.epoch)),
            ];
            if json {
                let object: serde_json::Map<_, _> =
                    rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                say(&serde_json::Value::Object(object).to_string())?;
            } else {
                rows.iter().try_for_each(|(name, value)| say(&format!("{name}\t{value}")))?;
            }
        }
        ArchiveCommand::Verify { json } => {
            let report = archive.verify(&mut |_, _| {})?;
            tell(&report, json)?;
            return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ArchiveCommand::RebuildIndex => {
            say(&format!("{} ledger entries applied", archive.rebuild_index()?))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &VerifyReport, json: bool) -> Result<(), StartError> {
    let damages: Vec<String> = report.damages.iter().map(|d| format!("{d:?}")).collect();
    if json {
        return say(&serde_json::json!({"clean": report.is_clean(), "damages": damages}).to_string());
    }
    damages.iter().try_for_each(|d| say(d))?;
    say(if report.is_clean() { "clean" } else { "damaged" })
}

/// A line on standard output, for whoever started the command.
fn say(line: &str) -> Result<(), StartError> {
    writeln!(std::io::stdout(), "{line}").map_err(StartError::Thread)
}

/// A line on standard error: stable code, cause, remedy.
fn fail(code: &str, cause: &str, remedy: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error {code}: {cause}\n  remedy: {remedy}");
    ExitCode::FAILURE
}

fn advice(error: &StartError) -> (&'static str, &'static str) {
    let StartError::Archive(error) = error else {
        return match error {
            StartError::Listen { .. } => {
                ("listen_failed", "another program holds the port, or choose another one")
            }
            StartError::Tokens(_) => ("tokens_failed", "see what the message names"),
            _ => ("start_failed", "see what the message names"),
        };
    };
    match error {
        ArchiveError::Storage(StorageError { fault, .. }) => match fault {
            StorageFault::InUse => ("data_dir_in_use", "another yidang runs on this folder; stop it first"),
            StorageFault::DiskFull => ("disk_full", "free some space"),
            StorageFault::ReadOnly | StorageFault::AccessDenied => {
                ("data_dir_not_writable", "give this account write access to the folder")
            }
            StorageFault::NewerVersion => ("store_newer", "install the newer version again"),
            StorageFault::Damaged | StorageFault::Missing => {
                ("store_damaged", "restore the named part from a backup; the index alone can be deleted")
            }
            StorageFault::Io => ("storage_failed", "check the disk"),
        },
        ArchiveError::Keys(_) => ("keys_missing", "put the epoch key back into the keys' folder"),
        ArchiveError::KeysWrong => ("keys_wrong", "use the keys that belong to this data folder"),
        _ => ("archive_failed", "see what the message names"),
    }
}
