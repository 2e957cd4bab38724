//! Is everything there, and is it what it was?

use yidang_archive::storage::StorageFault;
use yidang_archive::{Archive, ArchiveError, CheckReport, Speaker};

use crate::config::Config;
use crate::control::ask_check;
use crate::error::StartError;
use crate::repository::open_archive;
use crate::sqlite_state::{STATE_FILE, SqliteState};
use crate::state::State;

/// Checks the repository of this configuration: itself, or through the one that runs on the folder. Blocks for
/// as long as it takes to read everything. `progress` hears steps done and steps in all, where it checks itself.
pub fn check(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> Result<CheckReport, StartError> {
    let none = || StartError::System(format!("{}: no repository ever ran here", config.data_dir.display()));
    // Opening makes what is not there: a check of the wrong folder would find an empty archive to be clean.
    if !config.data_dir.join(STATE_FILE).is_file() {
        return Err(none());
    }
    let state = SqliteState::open(&config.data_dir)?;
    if state.is_keyless()? {
        return Err(none());
    }
    match open_archive(config) {
        Ok(archive) => check_open(&archive, &state, progress),
        Err(ArchiveError::Storage(error)) if error.fault == StorageFault::InUse => {
            let asked = ask_check(&config.data_dir).map_err(|e| StartError::Control(e.to_string()))?;
            asked.map_err(StartError::Control)
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn check_open(
    archive: &Archive,
    state: &dyn State,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<CheckReport, StartError> {
    let mut report = CheckReport::new(&archive.verify(progress)?, Speaker::Repository);
    report.add_state(1, state.verify()?);
    Ok(report)
}
