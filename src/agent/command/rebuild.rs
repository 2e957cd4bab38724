//! `yidang archive rebuild`.

use std::process::ExitCode;

use clap::Args;
use yidang_archive::{Actor, Anchor, Archive, ArchiveOptions, Rebuild, Speaker};

use super::output::{say, say_json};
use super::verify::wording;
use crate::config::Config;
use crate::daemon::key_options;
use crate::failure::Failure;
use crate::sync::{SyncError, SyncOptions, anchor_at};

/// In whose name a command does what nobody else asked for.
const CLIENT: &str = "command";

/// Makes ledger and keyring anew of what is left of them, where they are damaged or missing: their own files, their second
/// copies in DATA_DIR/backup, and what an earlier rebuild moved aside; exit code 1 if anything is known to be lost.
///
/// The daemon must not run. What is whole stays as it is. What was damaged lies below DATA_DIR/damaged afterwards, as it
/// was, until the next erasure. The repository is asked up to where it knows the ledger; its own entries it does not have.
/// Run `yidang archive verify` afterwards: what is missing, and what cannot be opened any more, is named there.
#[derive(Args)]
pub(super) struct RebuildCommand {
    /// Who has it done; stands in the ledger.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn rebuild(config: &Config, command: &RebuildCommand) -> Result<ExitCode, Failure> {
    let options = ArchiveOptions { data_dir: config.data_dir.clone(), keys_dir: config.keys_dir.clone() };
    let by = Actor { client: CLIENT.to_owned(), operator: command.operator.clone() };
    let report = Archive::rebuild(
        &options,
        &key_options(config),
        &Rebuild { anchor: &|ledger| anchor(config, ledger), by },
    )?;
    if command.json {
        say_json(&report)?;
    } else {
        say(report.readable(Speaker::Window, wording()).trim_end())?;
    }
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the repository remembers of the ledger.
fn anchor(config: &Config, ledger: &str) -> Anchor {
    let Some(url) = &config.repository_url else { return Anchor::Unknown("no_repository") };
    match anchor_at(&SyncOptions::new(url, &config.data_dir, &config.keys_dir), ledger) {
        Ok(Some((sequence, hash))) => Anchor::Head { sequence, hash },
        Ok(None) => Anchor::Unknown("never_anchored"),
        Err(SyncError::NotEnrolled | SyncError::EnrolAgain) => Anchor::Unknown("not_enrolled"),
        Err(_) => Anchor::Unknown("repository_unreachable"),
    }
}
