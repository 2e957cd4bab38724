//! The command line of `yidang-repository`.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use yidang_archive::{Speaker, Wording};

use crate::audit_command::{AuditCommand, audit};
use crate::check::check;
use crate::config::Config;
use crate::courier::{Carried, CourierError, FailedLine, carry, courier_key};
use crate::enrolment::{make_enrol_code, make_enrolment};
use crate::error::StartError;
use crate::hold_command::{HoldCommand, hold};
use crate::rebuild::{RebuildCommand, rebuild, rebuild_index};
use crate::server::Server;
use crate::windows::{WindowsCommand, windows};

/// How long the runtime waits for threads that are still at work when all else has stopped.
const THREADS_WAIT: Duration = Duration::from_secs(1);
/// Width of the progress bar in characters.
const BAR_WIDTH: u64 = 40;

/// The central repository: takes what the windows file and hands out what they may see.
#[derive(Parser)]
#[command(name = "yidang-repository", version, arg_required_else_help = true)]
struct Arguments {
    /// Configuration file (TOML). Without it: defaults and the environment, YIDANG_SERVER_<SECTION>_<KEY>.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop.
    Run,
    /// Print a code that enrols one window within 24 hours.
    EnrolCode {
        /// Only the window of this name.
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        counter: Option<String>,
        /// For a window that no network reaches: enrol it now, and print the line to give to `yidang enrol --code -`
        /// there. Whoever has that line is that window.
        #[arg(long, requires = "counter")]
        offline: bool,
    },
    #[command(subcommand)]
    Hold(HoldCommand),
    /// What goes between here and windows without a network, on a stick.
    #[command(subcommand)]
    Courier(CourierCommand),
    Audit(AuditCommand),
    Windows(WindowsCommand),
    Rebuild(RebuildCommand),
    /// Make the index anew from the ledger and the keyring. The repository must not run.
    RebuildIndex {
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Read everything and see whether it is what it was. Exit 1 if it is not.
    Check {
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum CourierCommand {
    /// Print the key that windows seal their parcels to: `[repository] courier_key` there.
    Key,
    /// Take parcels in, as if their windows had sent them, and write a receipt for each window. Works beside a running
    /// repository. A parcel that was taken before does no harm; exit 1 if any was not taken or something is missing.
    Unpack {
        /// Files that `yidang courier pack` wrote.
        #[arg(required = true, value_name = "PARCEL")]
        parcels: Vec<PathBuf>,
        /// The folder for the receipts.
        #[arg(long, value_name = "DIR")]
        receipt: PathBuf,
        /// One JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command line of this process: exit code 0 done, 1 could not, 2 usage.
pub fn run_command() -> ExitCode {
    let arguments = Arguments::parse();
    let carried_out = Config::load(arguments.config.as_deref(), environment())
        .map_err(StartError::from)
        .and_then(|config| carry_out(arguments.command, &config));
    match carried_out {
        Ok(code) => code,
        Err(error) => {
            let (code, remedy, zh) = (error.code(), error.remedy(), error.remedy_zh());
            say(&mut io::stderr(), &format!("error: {code}: {error}; {remedy}\n  处理办法：{zh}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command, config: &Config) -> Result<ExitCode, StartError> {
    match command {
        Command::Run => {
            log();
            serve(config)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Courier(CourierCommand::Key) => {
            say(&mut io::stdout(), &courier_key(config)?.to_string());
            Ok(ExitCode::SUCCESS)
        }
        Command::Courier(CourierCommand::Unpack { parcels, receipt, json }) => {
            let mut bar = Bar { shown: u64::MAX };
            let carried = carry(config, &parcels, &receipt, &mut |done, all| bar.show(done, all))?;
            bar.clear();
            tell(&carried, json)?;
            Ok(if carried.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::EnrolCode { counter, offline } => {
            let code = match counter {
                Some(counter) if offline => make_enrolment(config, &counter)?,
                counter => make_enrol_code(&config.data_dir, counter.as_deref())?,
            };
            say(&mut io::stdout(), &code);
            Ok(ExitCode::SUCCESS)
        }
        Command::Hold(command) => {
            hold(config, command)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit(command) => audit(config, &command),
        Command::Windows(command) => {
            windows(config, &command)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Rebuild(command) => rebuild(config, &command, wording()),
        Command::RebuildIndex { json } => {
            let entries = rebuild_index(config)?;
            let text = if json {
                serde_json::json!({"entries": entries}).to_string()
            } else {
                format!("{entries} entries applied")
            };
            say(&mut io::stdout(), &text);
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { json } => {
            let mut bar = Bar { shown: u64::MAX };
            let report = check(config, &mut |done, all| bar.show(done, all))?;
            bar.clear();
            let text = if json {
                serde_json::to_string(&report).map_err(|e| StartError::System(e.to_string()))?
            } else {
                report.printed(Speaker::Repository, wording())
            };
            say(&mut io::stdout(), &text);
            Ok(if report.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// The language of whoever started the command.
fn wording() -> Wording {
    Wording::of_locale(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok()))
}

/// Says what became of the parcels.
fn tell(carried: &Carried, json: bool) -> Result<(), StartError> {
    warn(carried);
    if json {
        let text = serde_json::to_string(carried).map_err(|e| StartError::System(e.to_string()))?;
        say(&mut io::stdout(), &text);
        return Ok(());
    }
    for line in &carried.parcels {
        let (file, taken) = (&line.file, &line.taken);
        let [commits, now, known] = [taken.commits, taken.carried_out, taken.known];
        let [accepted, refused] = [taken.accepted, taken.refused_count];
        let text = format!(
            "{file}: {commits} commits, {now} carried out now ({accepted} entries taken, {refused} refused), {known} known, \
             {} overtaken, {} held back",
            taken.overtaken, taken.held_back
        );
        say(&mut io::stdout(), &text);
        for entry in &taken.refused {
            say(&mut io::stdout(), &format!("  refused {}: {}", entry.id, entry.code));
        }
        if let Some(missing) = &taken.missing {
            complain(file, &FailedLine::new(std::path::Path::new(file), &CourierError::new(missing)));
        }
    }
    for line in &carried.failed {
        complain(&line.file, line);
    }
    for receipt in &carried.receipts {
        say(&mut io::stdout(), &format!("receipt: {receipt}"));
    }
    Ok(())
}

/// Names each window that knows of more than there is here, once, and says what to do.
fn warn(carried: &Carried) {
    let mut told = BTreeSet::new();
    for taken in carried.parcels.iter().map(|line| &line.taken).filter(|taken| taken.lacks_known) {
        let codes = [("confirmed_lost", true), ("holds_unproven", taken.holds_unproven)];
        for (code, _) in
            codes.into_iter().filter(|(code, is_so)| *is_so && told.insert((&taken.agent, *code)))
        {
            let line = FailedLine::new(std::path::Path::new(&taken.agent), &CourierError::new(code));
            about("warning", &taken.agent, &line);
        }
    }
}

fn complain(file: &str, line: &FailedLine) {
    about("error", file, line);
}

fn about(how: &str, what: &str, line: &FailedLine) {
    let FailedLine { code, cause, remedy, cause_zh, remedy_zh, .. } = line;
    say(&mut io::stderr(), &format!("{how}: {code}: {what}: {cause}; {remedy}\n  {cause_zh}{remedy_zh}"));
}

/// Only text that is text: a variable that is not cannot be ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn log() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var("YIDANG_LOG")
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
}

fn serve(config: &Config) -> Result<(), StartError> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| StartError::System(e.to_string()))?;
    let served = runtime.block_on(async {
        let stop = stop_signal()?;
        let server = Server::bind(config).await?;
        say(&mut io::stdout(), &format!("listening http://{}", server.address()));
        server.run(stop).await;
        Ok(())
    });
    runtime.shutdown_timeout(THREADS_WAIT);
    served
}

#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|e| StartError::System(e.to_string()));
    // Listening begins here: a signal that comes while the repository opens is not lost.
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
    })
}

/// Writes a line. When nobody reads it any more there is nobody to tell.
fn say(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// A progress bar on a terminal, and nothing elsewhere.
struct Bar {
    shown: u64,
}

impl Bar {
    fn show(&mut self, done: u64, all: u64) {
        let filled = (done * BAR_WIDTH).checked_div(all).unwrap_or(0).min(BAR_WIDTH);
        if filled != self.shown && io::stderr().is_terminal() {
            self.shown = filled;
            let (full, rest) = ("#".repeat(filled as usize), ".".repeat((BAR_WIDTH - filled) as usize));
            let _ = write!(io::stderr(), "\r[{full}{rest}] {done}/{all}");
        }
    }

    fn clear(&self) {
        if self.shown != u64::MAX {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = BAR_WIDTH as usize + 44);
        }
    }
}
