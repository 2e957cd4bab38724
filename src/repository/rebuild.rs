//! `yidang-repository rebuild`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use yidang_archive::{Actor, Anchor, Archive, Rebuild, Speaker, Wording};

use crate::config::Config;
use crate::error::StartError;
use crate::repository::{archive_options, key_options, must_be_founded, open_archive};

/// In whose name it is entered.
const CLIENT: &str = "yidang-repository rebuild";

/// Make ledger and keyring anew of what is left of them, where they are damaged or missing: their own files, their second
/// copies in DATA_DIR/backup, and what an earlier rebuild moved aside. Exit 1 if anything is known to be lost.
///
/// The repository must not run. What is whole stays as it is; what was damaged lies below DATA_DIR/damaged afterwards, until the
/// next erasure. `repository.db` is not touched. Run `yidang-repository check` afterwards.
#[derive(Args)]
pub(crate) struct RebuildCommand {
    /// Who has it done; stands in the ledger.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// Makes the index anew from ledger and keyring; how many entries were applied. Blocks as long as reading the ledger takes.
/// Not beside a running repository: while the index is made, windows would be shown dossiers that lack papers.
pub(crate) fn rebuild_index(config: &Config) -> Result<u64, StartError> {
    must_be_founded(&config.data_dir)?;
    let archive = open_archive(config)?;
    archive.check_copy()?;
    Ok(archive.rebuild_index()?)
}

/// Does it. Blocks as long as reading ledger and keyring twice takes.
pub(crate) fn rebuild(
    config: &Config,
    command: &RebuildCommand,
    wording: Wording,
) -> Result<ExitCode, StartError> {
    must_be_founded(&config.data_dir)?;
    let by = Actor { client: CLIENT.to_owned(), operator: command.operator.clone() };
    // Nobody else remembers what this ledger was.
    let anchor = |_: &str| Anchor::Unknown("no_repository");
    let wish = Rebuild { anchor: &anchor, by };
    let report = Archive::rebuild(&archive_options(config), &key_options(config), &wish)?;
    let text = if command.json {
        serde_json::to_string(&report).map_err(|e| StartError::System(e.to_string()))?
    } else {
        report.readable(Speaker::Repository, wording).trim_end().to_owned()
    };
    let _ = writeln!(io::stdout(), "{text}");
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
