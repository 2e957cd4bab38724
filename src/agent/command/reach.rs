//! How a command gets at what it needs: it opens it, or has the daemon that has it open do the work.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;

use crate::config::Config;
use crate::control::{Connection, Listen, Outcome, RepositoryNeed, Request, Workplace};
use crate::daemon::open_archive;
use crate::failure::Failure;

/// How long a daemon may take from the lock to the socket, or another command may work.
const REACH_WAIT: Duration = Duration::from_secs(5);
/// Pause between two tries.
const REACH_PAUSE: Duration = Duration::from_millis(50);

/// What the daemon listens on, in the data folder.
const SOCKET: &str = "control.sock";

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

/// Where the archive is open: here, or in a daemon.
pub(super) enum Place {
    Here(Box<Workplace>),
    Daemon(PathBuf),
}

impl Place {
    /// Opens the archive, or finds the daemon that has it open.
    pub(super) fn find(config: &Config) -> Result<Self, Failure> {
        Self::find_for(config, RepositoryNeed::None)
    }

    fn find_for(config: &Config, need: RepositoryNeed) -> Result<Self, Failure> {
        let until = Instant::now() + REACH_WAIT;
        loop {
            match open_archive(config) {
                Ok(archive) => {
                    let place = Workplace::at_rest(config, archive, need)?;
                    return Ok(Self::Here(Box::new(place)));
                }
                Err(ArchiveError::Storage(error)) if error.fault == StorageFault::InUse => {}
                Err(error) => return Err(error.into()),
            }
            match Connection::open(&config.data_dir) {
                Ok(_) => return Ok(Self::Daemon(config.data_dir.clone())),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(denied(error)),
                Err(error) if error.kind() == ErrorKind::Unsupported || Instant::now() >= until => {
                    let socket = config.data_dir.join(SOCKET);
                    let cause = format!(
                        "another yidang has the folder open and takes no requests ({}: {error})",
                        socket.display()
                    );
                    return Err(Failure::new("data_dir_in_use", cause, "stop it first"));
                }
                Err(_) => thread::sleep(REACH_PAUSE),
            }
        }
    }

    /// Does it. Blocks as long as that takes; what was done holds when it returns.
    pub(super) fn carry_out(&self, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
        match self {
            Self::Here(place) => place.carry_out(request, listen),
            Self::Daemon(data_dir) => {
                let lost = |error| {
                    let cause = format!("the daemon has ended ({error})");
                    Failure::new("daemon_lost", cause, "try again: what was done by then holds")
                };
                Connection::open(data_dir).map_err(lost)?.ask(request, listen)
            }
        }
    }
}

/// Does it, here or in the daemon. Blocks as long as that takes; what was done holds when it returns.
pub(super) fn carry_out(config: &Config, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
    Place::find_for(config, request.repository())?.carry_out(request, listen)
}
