//! `yidang archive verify`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use yidang_archive::{REPORT_BEGINNINGS, Speaker, Wording};

use super::archive::ask;
use super::output::{say, say_json};
use super::report_file;
use crate::config::Config;
use crate::control::{Outcome, Request};
use crate::failure::Failure;

/// How a report begins that was written as JSON.
const JSON_BEGINS: &str = "{\"clean\":";

/// Reads everything back and reports on authenticity, integrity, usability and security; exit code 1 if anything is
/// damaged.
///
/// Each damage is named with what helps. The report is in Chinese where the locale is (LC_ALL, LC_MESSAGES, LANG),
/// else in English.
#[derive(Args)]
pub(super) struct VerifyCommand {
    /// Decodes every picture, not only about a hundred of them.
    #[arg(long)]
    deep: bool,
    /// Fetches what is damaged from the repository, as far as this window brought it there.
    #[arg(long)]
    repair: bool,
    /// Writes the report to this file too, as JSON with `--json`. An earlier report is replaced once this one is
    /// whole; nothing else is.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(config: &Config, command: &VerifyCommand) -> Result<ExitCode, Failure> {
    let forbidden = [config.data_dir.as_path(), config.keys_dir.as_path()];
    let begins = [REPORT_BEGINNINGS[0].as_bytes(), REPORT_BEGINNINGS[1].as_bytes(), JSON_BEGINS.as_bytes()];
    let create = |path: &PathBuf| report_file::create(path, &forbidden, &begins);
    // Before the work, which may take an hour.
    let file = command.report.as_ref().map(create).transpose()?;
    let request = Request::Verify { deep: command.deep, repair: command.repair };
    let Outcome::Verified(report) = ask(config, &request)? else {
        return Ok(ExitCode::FAILURE);
    };
    let readable = report.readable(Speaker::Window, wording());
    if let Some(mut file) = file {
        let json = serde_json::to_string(&report).map_err(|error| report_file::not_written(error.into()))?;
        let text = if command.json { json + "\n" } else { readable.clone() };
        file.write_all(text.as_bytes()).and_then(|()| file.finish()).map_err(report_file::not_written)?;
    }
    if command.json {
        say_json(&report)?;
    } else {
        say(&report.printed(Speaker::Window, wording()))?;
    }
    Ok(if report.clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The language of this command's reports.
pub(super) fn wording() -> Wording {
    Wording::of_locale(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok()))
}
