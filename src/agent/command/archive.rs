//! `yidang archive`.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Subcommand;
use yidang_archive::Archive;

use super::audit::{AuditCommand, audit};
use super::dispose::{DisposeCommand, dispose};
use super::export::{ExportCommand, export};
use super::hold::{HoldCommand, hold};
use super::import::{ImportCommand, import};
use super::output::{cut_off, head, say, say_json};
use super::progress::Bar;
use super::reach;
use super::rebuild::{RebuildCommand, rebuild};
use super::recover::{RecoverCommand, recover};
use super::verify::{VerifyCommand, verify};
use crate::config::Config;
use crate::control::{ArchiveStats, MaterialLine, News, Outcome, Request};
use crate::failure::Failure;

/// How the JSON document of the list begins.
const LIST_BEGINS: &str = "{\"materials\":[";

/// The columns of the list, named as in the JSON document.
const COLUMNS: [&str; 7] = ["id", "filed_at", "counter", "pages", "origin", "status", "safe_at"];

#[derive(Subcommand)]
pub(super) enum ArchiveCommand {
    /// Names every material on file, without a word about whose it is.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Figures of the archive.
    Stats {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    Verify(VerifyCommand),
    /// Tells from the ledger who did what; the question itself is entered there too.
    Audit(AuditCommand),
    /// Makes the index anew from the ledger and the keyring.
    RebuildIndex {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    Rebuild(RebuildCommand),
    Dispose(DisposeCommand),
    #[command(subcommand)]
    Hold(HoldCommand),
    Export(ExportCommand),
    Import(ImportCommand),
    Recover(RecoverCommand),
}

pub(super) fn archive(config: &Config, command: &ArchiveCommand) -> Result<ExitCode, Failure> {
    // Opening makes what is not there: a check of the wrong folder would find an empty archive to be clean.
    if !Archive::is_founded(&config.data_dir) {
        let cause = format!("{}: no archive was ever kept here", config.data_dir.display());
        let remedy = "check `[agent] data_dir`; `yidang run` founds the archive";
        return Err(Failure::new("archive_absent", cause, remedy));
    }
    match *command {
        ArchiveCommand::Audit(ref wish) => audit(config, wish)?,
        ArchiveCommand::Dispose(ref command) => return dispose(config, command),
        ArchiveCommand::Hold(ref command) => hold(config, command)?,
        ArchiveCommand::Export(ref command) => return export(config, command),
        ArchiveCommand::Import(ref command) => return import(config, command),
        ArchiveCommand::Recover(ref command) => return recover(config, command),
        ArchiveCommand::Rebuild(ref command) => return rebuild(config, command),
        ArchiveCommand::List { json } => list(config, json)?,
        ArchiveCommand::Stats { json } => {
            if let Outcome::Stats(figures) = ask(config, &Request::Stats)? {
                stats(&figures, json)?;
            }
        }
        ArchiveCommand::Verify(ref command) => return verify(config, command),
        ArchiveCommand::RebuildIndex { json } => {
            if let Outcome::Rebuilt { entries } = ask(config, &Request::RebuildIndex)? {
                if json {
                    say_json(&serde_json::json!({"entries": entries}))?;
                } else {
                    say(&format!("{entries} ledger entries applied"))?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Has something done, with a progress bar on a terminal.
pub(super) fn ask(config: &Config, request: &Request) -> Result<Outcome, Failure> {
    let mut bar = Bar::new();
    let outcome = reach::carry_out(config, request, &mut |news| {
        if let News::Progress { done, all } = news {
            bar.show(done, all);
        }
        Ok(())
    });
    bar.clear();
    outcome
}

/// Written as it comes: there may be a million.
fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let mut output = BufWriter::new(io::stdout().lock());
    // Where the archive cannot be read, nothing has been begun.
    let mut before = LIST_BEGINS;
    reach::carry_out(config, &Request::List, &mut |news| {
        let News::Materials(lines) = news else { return Ok(()) };
        if !json && before == LIST_BEGINS {
            head(&COLUMNS);
            before = ",";
        }
        for line in &lines {
            if json {
                output.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut output, line)?;
                before = ",";
            } else {
                write_row(&mut output, line)?;
            }
        }
        Ok(())
    })?;
    if json {
        let end = if before == LIST_BEGINS { "{\"materials\":[]}\n" } else { "]}\n" };
        output.write_all(end.as_bytes()).map_err(cut_off)?;
    }
    output.flush().map_err(cut_off)
}

fn write_row(output: &mut impl Write, line: &MaterialLine) -> io::Result<()> {
    let MaterialLine { id, filed_at, counter, pages, origin, status, safe_at } = line;
    writeln!(output, "{id}\t{filed_at}\t{counter}\t{pages}\t{origin}\t{status}\t{safe_at}")
}

fn stats(stats: &ArchiveStats, json: bool) -> Result<(), Failure> {
    if json {
        return say_json(stats);
    }
    let rows = [
        ("materials", stats.materials),
        ("blobs", stats.blobs),
        ("holders", stats.holders),
        ("unfiled", stats.unfiled),
        ("ledger_head", stats.ledger_head),
        ("epoch", u64::from(stats.epoch)),
    ];
    rows.iter().try_for_each(|(name, value)| say(&format!("{name}\t{value}")))?;
    say(&format!("cipher\t{}", stats.cipher))?;
    say(&format!("recovery\t{}", stats.recovery.as_deref().unwrap_or("none")))?;
    let scrub = &stats.scrub;
    let last = scrub.last_ended_at.as_deref().unwrap_or("never");
    say(&format!("scrubbed\t{last}"))?;
    say(&format!("scrub_damaged\t{}", scrub.last_damaged))?;
    say(&format!("quarantined\t{}", scrub.quarantined))?;
    let Some(ledger) = &stats.ledger else { return Ok(()) };
    say(&format!("ledger\t{}", ledger.state))?;
    say(&format!("ledger_left_out\t{}", ledger.left_out))
}
