//! Whether `repository.db` is the one that was last in use here: where an older one was put in its place, windows have heard of
//! more than it knows, under numbers that it gives once more.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::StartError;
use crate::secrets::{random, write_durably};
use crate::state::State;

/// Lies beside it, and is not put back with it alone.
const MARK_FILE: &str = "repository.mark";

/// What the file says.
#[derive(Default, Serialize, Deserialize)]
struct Mark {
    /// What the state is marked with.
    mark: Option<String>,
    /// What it was marked with before, where it may still be: the power can go between two files.
    before: Option<String>,
    /// How often another one was found in its place.
    exchanged: u64,
}

/// Marks the state as the one in use; how often another one has been found in its place so far. The folder is this process's own.
/// `has_ledger`: whether anything was ever entered there.
pub(crate) fn take_into_use(data_dir: &Path, state: &dyn State, has_ledger: bool) -> Result<u64, StartError> {
    let is_new = state.agents()?.is_empty();
    let path = data_dir.join(MARK_FILE);
    let failed = |e: io::Error| StartError::System(format!("{}: {e}", path.display()));
    let found: Option<Mark> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .inspect_err(|error| tracing::warn!(%error, "{MARK_FILE} cannot be read, and is made anew"))
            .ok(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(failed(e)),
    };
    let before = state.mark()?;
    let is_another = match &found {
        Some(found) => found.before != before && found.mark != before,
        // Of a state of an earlier version nothing tells.
        None => before.is_some() || is_new && has_ledger,
    };
    let exchanged = found.map_or(0, |found| found.exchanged) + u64::from(is_another);
    if is_another {
        match is_new {
            false => tracing::warn!(
                "repository.db is not the one that was in use here before: every window is asked for everything again"
            ),
            true => tracing::warn!(
                "repository.db is not here any more, and is made anew: every window has to enrol anew with a code for its counter"
            ),
        }
    }
    let fresh = hex::encode(random::<16>());
    let write = |before| {
        let mark = Mark { mark: Some(fresh.clone()), before, exchanged };
        let text = serde_json::to_vec(&mark).map_err(|e| StartError::System(e.to_string()))?;
        write_durably(data_dir, &path, &text).map_err(failed)
    };
    write(before)?;
    state.put_mark(&fresh)?;
    write(Some(fresh.clone()))?;
    Ok(exchanged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite_state::{STATE_FILE, SqliteState};

    #[test]
    fn a_state_that_was_in_use_here_before_the_last_one_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = || SqliteState::open(folder.path()).unwrap();
        let marked = || take_into_use(folder.path(), &open(), false).unwrap();
        assert_eq!((marked(), marked()), (0, 0));
        let copies: Vec<Vec<u8>> = (0..2)
            .map(|_| {
                marked();
                fs::read(folder.path().join(STATE_FILE)).unwrap()
            })
            .collect();
        marked();
        for (exchanged, copy) in (1..).zip(copies) {
            fs::write(folder.path().join(STATE_FILE), copy).unwrap();
            assert_eq!((marked(), marked()), (exchanged, exchanged));
        }
        // Founded anew; and then the file is gone too.
        fs::remove_file(folder.path().join(STATE_FILE)).unwrap();
        assert_eq!((marked(), marked()), (3, 3));
        fs::remove_file(folder.path().join(MARK_FILE)).unwrap();
        assert_eq!(marked(), 1, "nothing tells that it is the one");
        fs::remove_file(folder.path().join(MARK_FILE)).unwrap();
        fs::remove_file(folder.path().join(STATE_FILE)).unwrap();
        assert_eq!(take_into_use(folder.path(), &open(), true).unwrap(), 1, "a ledger is older than it");
    }

    #[test]
    fn a_start_that_is_cut_short_between_the_two_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = SqliteState::open(folder.path()).unwrap();
        take_into_use(folder.path(), &state, false).unwrap();
        let before = state.mark().unwrap();
        take_into_use(folder.path(), &state, false).unwrap();
        let (path, now) = (folder.path().join(MARK_FILE), state.mark().unwrap());
        let cut = Mark { mark: now.clone(), before: before.clone(), exchanged: 0 };
        for left in [before, now] {
            fs::write(&path, serde_json::to_vec(&cut).unwrap()).unwrap();
            state.put_mark(&left.unwrap()).unwrap();
            assert_eq!(take_into_use(folder.path(), &state, false).unwrap(), 0);
        }
    }
}
