//! Programs that keep the same files, each as it is used, in a folder of its own. Those that leave bytes to the
//! operating system are followed by a sync of their disk, since an answer here means that the bytes are durable.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::corpus::Corpus;

/// Opens what the encrypting peers write; there is nothing in it.
const PASSWORD: &str = "bench";

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Restic,
    ResticUncompressed,
    Borg,
    Rclone,
    Cp,
    Dd,
}

impl Peer {
    pub(crate) const ALL: [Self; 6] =
        [Self::Restic, Self::ResticUncompressed, Self::Borg, Self::Rclone, Self::Cp, Self::Dd];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Restic => "restic",
            Self::ResticUncompressed => "restic, uncompressed",
            Self::Borg => "borg",
            Self::Rclone => "rclone",
            Self::Cp => "cp",
            Self::Dd => "dd",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::ResticUncompressed => "restic",
            other => other.name(),
        }
    }

    /// What was run, for whoever reads the figures.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::Restic => "restic backup, then sync",
            Self::ResticUncompressed => "restic backup --compression off, then sync",
            Self::Borg => "borg create --compression none (repokey-blake2), then sync",
            Self::Rclone => "rclone copy --transfers 8, then sync; not encrypted",
            Self::Cp => "cp -r, then sync; not encrypted",
            Self::Dd => "dd bs=1M conv=fsync of all bytes into one file; not encrypted",
        }
    }

    /// Whether it can be run here.
    pub(crate) fn is_there(self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(self.program()).is_file())
    }

    /// Makes what it needs before it can take anything in.
    pub(crate) fn prepare(self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder)?;
        match self {
            Self::Restic | Self::ResticUncompressed => run(self.command(folder).arg("init")),
            Self::Borg => run(self
                .command(folder)
                .args(["init", "--encryption", "repokey-blake2"])
                .arg(repository(folder))),
            Self::Rclone | Self::Cp | Self::Dd => Ok(()),
        }
    }

    /// Takes everything in; durable when it returns.
    pub(crate) fn take_in(self, corpus: &Corpus, folder: &Path) -> Result<(), Failure> {
        let mut command = self.command(folder);
        match self {
            Self::Restic => run(command.args(["backup", "--quiet"]).arg(&corpus.folder))?,
            Self::ResticUncompressed => {
                run(command.args(["backup", "--quiet", "--compression", "off"]).arg(&corpus.folder))?;
            }
            Self::Borg => {
                let archive = format!("{}::one", repository(folder).display());
                run(command.args(["create", "--compression", "none"]).arg(archive).arg(&corpus.folder))?;
            }
            Self::Rclone => {
                run(command.args(["copy", "--transfers", "8"]).arg(&corpus.folder).arg(folder.join("copy")))?;
            }
            Self::Cp => run(command.arg("-r").arg(&corpus.folder).arg(folder.join("copy")))?,
            Self::Dd => {
                command.args(["bs=1M", "iflag=fullblock", "conv=fsync"]);
                return feed(command.arg(format!("of={}", folder.join("all").display())), corpus);
            }
        }
        settle(folder)
    }

    /// Reads everything it keeps and checks it.
    pub(crate) fn check(self, folder: &Path) -> Result<(), Failure> {
        match self {
            Self::Restic => run(self.command(folder).args(["check", "--read-data"])),
            _ => Err("only restic is asked to check".into()),
        }
    }

    fn command(self, folder: &Path) -> Command {
        let mut command = Command::new(self.program());
        command.env("RESTIC_PASSWORD", PASSWORD).env("RESTIC_REPOSITORY", repository(folder));
        command.env("RESTIC_CACHE_DIR", folder.join("cache"));
        command.env("BORG_PASSPHRASE", PASSWORD).env("BORG_BASE_DIR", folder);
        command.env("RCLONE_CONFIG", folder.join("rclone.conf"));
        command
    }
}

/// Waits until all that was written to and removed from this folder's disk is there: nobody's turn pays for what was
/// before it.
pub(crate) fn settle(folder: &Path) -> Result<(), Failure> {
    run(Command::new("sync").arg("-f").arg(folder))
}

fn repository(folder: &Path) -> PathBuf {
    folder.join("repository")
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let done = command.stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&done.stderr)).into())
}

/// Runs a command that reads all bytes of the corpus.
fn feed(command: &mut Command, corpus: &Corpus) -> Result<(), Failure> {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().ok_or("there is no way in")?;
    for number in 0..corpus.count {
        input.write_all(&fs::read(corpus.path(number))?)?;
    }
    drop(input);
    if child.wait()?.success() { Ok(()) } else { Err("dd failed".into()) }
}
