//! Who this window is to the repository: `KEYS_DIR/repository.key`.
//!
//! The bearer key lies in the clear in that file, beside the epoch keys and never in the data folder, and only
//! this account may read it. The enrolment is bound to the machine: on another one, as after copying a disk,
//! it is not used, and the window has to be enrolled again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SyncError;

const FILE: &str = "repository.key";
const UNFINISHED: &str = "repository.key.tmp";
/// Longest file that is read.
const FILE_SIZE_MAX: u64 = 64 << 10;
/// Longest text a repository may give as agent, key or epoch.
const TEXT_LENGTH_MAX: usize = 1024;

/// What an enrolment gave. A stored format; it has no `Debug`, for the key's sake.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Enrolment {
    /// Version of this format.
    pub(super) version: u16,
    /// Address of the repository.
    pub(super) url: String,
    /// Name the repository gave this window.
    pub(super) agent: String,
    /// New at each enrolment.
    pub(super) epoch: String,
    /// Bearer key of every call.
    pub(super) key: String,
    /// Fingerprint of the machine it was made on.
    pub(super) machine: String,
    /// What parcels are sealed to, where the repository said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) courier: Option<String>,
}

impl Enrolment {
    pub(super) const VERSION: u16 = 1;

    /// Whether the texts can go into headers and files.
    pub(super) fn is_sane(&self) -> bool {
        [&self.agent, &self.epoch, &self.key].into_iter().all(|text| {
            (1..=TEXT_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        })
    }

    /// Tells one commit's body from another. Keyed, so that the fingerprint, which lies in the data folder,
    /// does not let anyone try out whose number was in it.
    pub(super) fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"yidang commit 1\0");
        hasher.update((self.key.len() as u64).to_be_bytes());
        hasher.update(self.key.as_bytes());
        hasher.update(body);
        hasher.finalize().into()
    }
}

/// Where the enrolment is kept.
pub(super) struct EnrolmentFile {
    keys_dir: PathBuf,
    machine: String,
}

impl EnrolmentFile {
    /// `machine_id` names the file that tells one machine from another, such as `/etc/machine-id`; where it is
    /// not there, all machines look alike.
    pub(super) fn new(keys_dir: &Path, machine_id: &Path) -> Self {
        let id = fs::read(machine_id).unwrap_or_default();
        let mut hasher = Sha256::new();
        hasher.update(b"yidang machine 1\0");
        hasher.update(id.trim_ascii());
        Self { keys_dir: keys_dir.to_owned(), machine: hex::encode(hasher.finalize()) }
    }

    /// Fingerprint of this machine.
    pub(super) fn machine(&self) -> &str {
        &self.machine
    }

    /// The enrolment for this repository; `None` if there never was one, [`SyncError::EnrolAgain`] if it is
    /// another machine's or another repository's.
    pub(super) fn load(&self, url: &str) -> Result<Option<Enrolment>, SyncError> {
        let mut text = Vec::new();
        match File::open(self.keys_dir.join(FILE)) {
            Ok(file) => file.take(FILE_SIZE_MAX).read_to_end(&mut text).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let damaged = || SyncError::State("repository.key is damaged".to_owned());
        let enrolment: Enrolment = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if enrolment.version > Enrolment::VERSION {
            return Err(SyncError::NewerVersion);
        }
        if !enrolment.is_sane() {
            return Err(damaged());
        }
        if enrolment.machine != self.machine || enrolment.url != url {
            return Err(SyncError::EnrolAgain);
        }
        Ok(Some(enrolment))
    }

    /// Keeps it in place of any other; durable when it returns.
    pub(super) fn keep(&self, enrolment: &Enrolment) -> Result<(), SyncError> {
        let text = serde_json::to_vec(enrolment).map_err(|e| SyncError::State(e.to_string()))?;
        self.write(&text).map_err(failed)
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        let unfinished = self.keys_dir.join(UNFINISHED);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(text)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&unfinished, self.keys_dir.join(FILE))?;
        // On Windows a folder cannot be synced; the file system's journal has to do.
        #[cfg(unix)]
        File::open(&self.keys_dir)?.sync_all()?;
        Ok(())
    }
}

fn failed(error: io::Error) -> SyncError {
    SyncError::State(format!("repository.key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment(file: &EnrolmentFile) -> Enrolment {
        Enrolment {
            version: Enrolment::VERSION,
            url: "http://r".into(),
            agent: "agent-1".into(),
            epoch: "e1".into(),
            key: "secret".into(),
            machine: file.machine().to_owned(),
            courier: None,
        }
    }

    #[test]
    fn an_enrolment_comes_back_on_its_own_machine_only() {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("machine-id");
        fs::write(&id, "first\n").unwrap();
        let file = EnrolmentFile::new(folder.path(), &id);
        assert!(file.load("http://r").unwrap().is_none());
        let kept = enrolment(&file);
        file.keep(&kept).unwrap();
        assert!(file.load("http://r").unwrap() == Some(kept.clone()));
        assert_eq!(file.load("http://other").err(), Some(SyncError::EnrolAgain));
        fs::write(&id, "second\n").unwrap();
        let elsewhere = EnrolmentFile::new(folder.path(), &id);
        assert_eq!(elsewhere.load("http://r").err(), Some(SyncError::EnrolAgain));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = EnrolmentFile::new(folder.path(), Path::new("/nonexistent"));
        file.keep(&enrolment(&file)).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_told_from_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = EnrolmentFile::new(folder.path(), Path::new("/nonexistent"));
        for text in ["", "{", "{\"version\":1}"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert!(matches!(file.load("http://r"), Err(SyncError::State(_))), "{text}");
        }
    }
}
