//! Is everything there, and is it what it was?

use yidang_archive::storage::StorageFault;
use yidang_archive::{Archive, ArchiveError, CheckReport, Speaker};

use crate::config::Config;
use crate::control::ask_check;
use crate::error::StartError;
use crate::repository::{must_have_state, open_archive};
use crate::sqlite_state::SqliteState;
use crate::state::State;

/// Checks the repository of this configuration: itself, or through the one that runs on the folder. Blocks for
/// as long as it takes to read everything. `progress` hears steps done and steps in all, where it checks itself.
pub fn check(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> Result<CheckReport, StartError> {
    must_have_state(&config.data_dir)?;
    let state = SqliteState::open(&config.data_dir)?;
    if state.is_keyless()? {
        return Err(StartError::Absent(config.data_dir.display().to_string()));
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
