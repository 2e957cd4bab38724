//! The disk of a dead PC, opened to be read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use yidang_archive::recovery::{OfficeId, RecoverySecret, RecoveryShare, join_shares};
use yidang_archive::sqlite::copy_database;
use yidang_archive::{Archive, ArchiveError, DeadIndex};

use crate::failure::Failure;
use crate::sync::Sent;

/// How the name of a folder begins that holds copies while a disk is read.
const WORK_PREFIX: &str = "recovering-";
/// Whose lock says that the folder is in use.
const WORK_LOCK: &str = "in-use";
/// The records of what had been sent.
const SENT_FILE: &str = "sync.db";

/// An open dead archive. The copies it is read from go when it is dropped.
pub(crate) struct Dead {
    pub(crate) archive: Archive,
    /// What its index knew, beside its ledger.
    pub(crate) index: DeadIndex,
    pub(crate) sent: Sent,
    pub(crate) office: OfficeId,
    /// Whether the records of what had been sent could not be read, so that everything is taken for unsent.
    pub(crate) sent_unknown: bool,
    _work: WorkFolder,
}

impl Dead {
    /// Opens the folder, which stays as it is, with these people's shares. Copies of its ledger and keyring, as sealed as
    /// they are there, lie in `data_dir` meanwhile.
    pub(crate) fn open(from: &Path, shares: &[PathBuf], data_dir: &Path) -> Result<Self, Failure> {
        if !from.is_dir() {
            let cause = format!("{}: there is no such folder", from.display());
            return Err(Failure::new(
                "recover_from_absent",
                cause,
                "name the dead PC's data folder with --from",
            ));
        }
        if from.canonicalize().ok() == data_dir.canonicalize().ok() {
            let cause = "this is the window's own data folder";
            return Err(Failure::new(
                "recover_from_own",
                cause,
                "name the dead PC's data folder with --from",
            ));
        }
        let secret = secret_of(shares)?;
        let work = WorkFolder::make(data_dir).map_err(|error| {
            let cause = format!("{}: {error}", data_dir.display());
            Failure::new("data_dir_not_writable", cause, "make room, and give this account write access")
        })?;
        let archive = Archive::open_dead(from, work.path(), &secret).map_err(not_opened)?;
        let index = DeadIndex::read(from, work.path()).unwrap_or_else(|error| {
            tracing::warn!(%error, "what the index knew is not compared with the ledger");
            DeadIndex::default()
        });
        let (sent, sent_unknown) = match sent_of(from, work.path()) {
            Ok(sent) => (sent, false),
            Err(error) => {
                tracing::warn!(error, "what had been sent is not known; everything is taken for unsent");
                (Sent::default(), true)
            }
        };
        Ok(Self { archive, index, sent, office: secret.public().office(), sent_unknown, _work: work })
    }
}

fn secret_of(shares: &[PathBuf]) -> Result<RecoverySecret, Failure> {
    let mut read = Vec::with_capacity(shares.len());
    for path in shares {
        let share = RecoveryShare::load(path).map_err(|error| {
            let known =
                error.get_ref().and_then(|e| e.downcast_ref::<yidang_archive::recovery::RecoveryError>());
            let mut failure = match known {
                Some(known) => Failure::from(*known),
                None => Failure::new("share_unreadable", &error, "check the file's name and its rights"),
            };
            failure.cause = format!("{}: {}", path.display(), failure.cause);
            failure
        })?;
        read.push(share);
    }
    Ok(join_shares(&read)?)
}

/// What is wrong with a dead disk is put right elsewhere than what is wrong with one's own.
fn not_opened(error: ArchiveError) -> Failure {
    let failure = Failure::from(error);
    match failure.code.as_str() {
        "store_damaged" => Failure {
            code: "dead_store_damaged".to_owned(),
            remedy: "copy the disk anew, with keyring.db and ledger.db and what lies beside them; try a backup of the part \
                     that is named"
                .to_owned(),
            ..failure
        },
        _ => failure,
    }
}

fn sent_of(from: &Path, work: &Path) -> Result<Sent, String> {
    match copy_database(from, SENT_FILE, work) {
        Ok(false) => Ok(Sent::default()),
        Ok(true) => Sent::read(&work.join(SENT_FILE)).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A folder for copies, on the disk where there is room for an archive.
struct WorkFolder {
    folder: TempDir,
    _lock: File,
}

impl WorkFolder {
    fn make(data_dir: &Path) -> std::io::Result<Self> {
        clear(data_dir)?;
        let folder = tempfile::Builder::new().prefix(WORK_PREFIX).tempdir_in(data_dir)?;
        let lock = File::create_new(folder.path().join(WORK_LOCK))?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes away what a run that was killed has left.
fn clear(data_dir: &Path) -> std::io::Result<()> {
    for found in fs::read_dir(data_dir)? {
        let path = found?.path();
        let is_work =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(WORK_PREFIX));
        // One without its lock is just being made, or was being when its run was killed: it is as good as empty.
        let is_left = is_work && File::open(path.join(WORK_LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_left && let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(%error, "copies of an earlier recovery could not be removed");
        }
    }
    Ok(())
}
