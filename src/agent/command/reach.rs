//! How a command gets at what it needs: it opens it, or has the daemon that has it open do the work.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;

use crate::config::Config;
use crate::control::{Connection, Listen, Outcome, Request, Workplace};
use crate::daemon::open_archive;
use crate::failure::Failure;

/// How long a daemon may take from the lock to the socket, or another command may work.
const REACH_WAIT: Duration = Duration::from_secs(5);
/// Pause between two tries.
const REACH_PAUSE: Duration = Duration::from_millis(50);

/// The daemon that runs on the configured folder; `None` where there is none. Does not wait for one that is just
/// starting.
pub(super) fn running_daemon(config: &Config) -> Result<Option<Connection>, Failure> {
    match Connection::open(&config.data_dir) {
        Ok(daemon) => Ok(Some(daemon)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(denied(error)),
        Err(_) => Ok(None),
    }
}

fn denied(error: std::io::Error) -> Failure {
    Failure::new("control_denied", error, "run the command as the account that the daemon runs as")
}

/// Does it, here or in the daemon. Blocks as long as that takes; what was done holds when it returns.
pub(super) fn carry_out(config: &Config, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
    let until = Instant::now() + REACH_WAIT;
    loop {
        match open_archive(config) {
            Ok(archive) => return Workplace::at_rest(config, archive, request)?.carry_out(request, listen),
            Err(ArchiveError::Storage(error)) if error.fault == StorageFault::InUse => {}
            Err(error) => return Err(error.into()),
        }
        match Connection::open(&config.data_dir) {
            Ok(daemon) => return daemon.ask(request, listen),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(denied(error)),
            Err(error) if error.kind() == ErrorKind::Unsupported || Instant::now() >= until => {
                let cause = format!("another yidang has the folder open and takes no requests ({error})");
                return Err(Failure::new("data_dir_in_use", cause, "stop it first"));
            }
            Err(_) => thread::sleep(REACH_PAUSE),
        }
    }
}
