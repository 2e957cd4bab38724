//! `yidang demo`: the main job from the card on the reader to the paper seen at another window, without hardware
//! and without configuration.
//!
//! Two windows and a repository run in this process, each on its own loopback port with its own folder, joined
//! by nothing but HTTP. The steps drive them from outside, as a window program does, and believe only answers.

mod folder;
mod office;
mod report;
mod steps;
mod window;

use std::process::ExitCode;

use yidang_agent::{DemoWish, Language};

use folder::DemoFolder;
use office::Office;
use report::Report;

/// Why a step failed: in plain words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the demo; exit code 1 when a step fails. Without `once` it stays up until it is told to stop.
pub(crate) fn run(wish: &DemoWish) -> ExitCode {
    let language = report::language(|name| std::env::var(name).ok());
    let mut report = Report::new(language);
    match play(wish, language, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report.failed(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn play(wish: &DemoWish, language: Language, report: &mut Report) -> Result<(), Failure> {
    let folder = DemoFolder::prepare(wish.dir.as_deref())?;
    folder.keep_log()?;
    report.begin(folder.path());
    let mut office = Office::open(&folder, wish.port)?;
    let played = steps::all(&mut office, &folder, language, report).and_then(|()| {
        report.end(folder.path());
        if wish.once {
            return Ok(());
        }
        report.stays(office.a());
        office.wait_for_signal()
    });
    office.close();
    played
}
