//! The system's own list of authorities, which curl, Python, Java's packages and the like go by.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::authority::Authority;
use super::trust::{TrustState, same_certificate};
use crate::failure::Failure;

/// Folders that systems read, and what makes them read anew.
const KNOWN: [(&str, &str); 2] = [
    ("usr/local/share/ca-certificates", "update-ca-certificates"),
    ("etc/pki/ca-trust/source/anchors", "update-ca-trust"),
];
const FILE: &str = "yidang-loopback.crt";

/// The list of the system below a root.
pub(crate) struct SystemStore {
    file: PathBuf,
    /// Run once the folder has changed; `None` below another root, whose system is not this one.
    update: Option<&'static str>,
}

impl SystemStore {
    pub(super) fn find(root: &Path) -> Option<Self> {
        let (folder, update) = KNOWN.iter().find(|(folder, _)| root.join(folder).is_dir())?;
        let is_here = root == Path::new("/");
        Some(Self { file: root.join(folder).join(FILE), update: is_here.then_some(update) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    pub(super) fn look(&self, authority: &Authority) -> TrustState {
        match fs::read_to_string(&self.file) {
            Ok(text) if same_certificate(&text, &authority.pem) => TrustState::Trusted,
            Err(error) if error.kind() != io::ErrorKind::NotFound => TrustState::Unknown(error.to_string()),
            _ => TrustState::Missing,
        }
    }

    pub(super) fn install(&self, authority: &Authority) -> Result<(), Failure> {
        let written = fs::write(&self.file, &authority.pem);
        written.map_err(|error| self.not_writable(&error))?;
        // Every account reads it.
        #[cfg(unix)]
        fs::set_permissions(&self.file, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .map_err(|error| self.not_writable(&error))?;
        self.update()
    }

    pub(super) fn remove(&self) -> Result<bool, Failure> {
        match fs::remove_file(&self.file) {
            Ok(()) => self.update().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.not_writable(&error)),
        }
    }

    fn update(&self) -> Result<(), Failure> {
        let Some(program) = self.update else { return Ok(()) };
        let remedy = format!("run `{program}` as root");
        match Command::new(program).output() {
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => {
                let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
                Err(Failure::new("trust_not_updated", format!("{program}: {said}"), remedy))
            }
            Err(error) => Err(Failure::new("trust_not_updated", format!("{program}: {error}"), remedy)),
        }
    }

    fn not_writable(&self, error: &io::Error) -> Failure {
        let cause = format!("{}: {error}", self.file.display());
        Failure::new("trust_not_writable", cause, "run the command as root")
    }
}
