//! Browser policies: which web origins may reach this PC's own service (Local Network Access).
//!
//! Chromium's kind takes a folder of files, of which one is ours alone; Firefox takes one file, into which our part is
//! put beside what others wrote. Windows has neither: [`registry_file`] is what `regedit` takes.

mod allowed;
mod chromium;
mod firefox;
mod places;
mod registry;
#[cfg(test)]
mod tests;

pub(crate) use allowed::Allowed;
pub(crate) use places::{Place, places};
pub(crate) use registry::registry_file;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::whole_file::WholeFile;
use crate::failure::Failure;
use places::Shape;

/// Largest policy file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How a browser's policy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// As the configuration would have it.
    Current,
    /// Nothing of ours is there.
    Missing,
    /// Something of ours is there, for other origins.
    Differs,
}

/// What was found at a place.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) file: PathBuf,
    pub(crate) state: State,
    /// What is to be there, and what of ours is.
    pub(crate) wanted: Value,
    pub(crate) there: Value,
    /// Files of others that set the same: browsers take one of the two.
    pub(crate) also_set_by: Vec<String>,
}

impl Place {
    /// Looks, and writes nothing.
    pub(crate) fn look(&self, allowed: &Allowed) -> Result<Finding, Failure> {
        match self.shape {
            Shape::Folder => chromium::look(&self.path, allowed),
            Shape::OneFile => firefox::look(&self.path, allowed),
        }
    }

    /// Writes what is to be there; twice is as once.
    pub(crate) fn install(&self, allowed: &Allowed) -> Result<(), Failure> {
        match self.shape {
            Shape::Folder => chromium::install(&self.path, allowed),
            Shape::OneFile => firefox::install(&self.path, allowed),
        }
    }

    /// Takes away what is ours, and that alone. Whether there was anything.
    pub(crate) fn remove(&self) -> Result<bool, Failure> {
        match self.shape {
            Shape::Folder => chromium::remove(&self.path),
            Shape::OneFile => firefox::remove(&self.path),
        }
    }
}

/// A file's JSON; `None` where there is no file.
fn read(file: &Path) -> Result<Option<Value>, Failure> {
    let mut text = String::new();
    match File::open(file).and_then(|opened| opened.take(FILE_BYTES_MAX).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(file, &error)),
    }
    serde_json::from_str(&text).map(Some).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &dyn std::error::Error) -> Failure {
    let cause = format!("{}: {error} (不能读取，或不是 JSON)", file.display());
    let remedy = "correct or remove the file: it is not replaced, since others wrote it; \
        请改正或移走该文件，其中有他人的设置，不会覆盖";
    Failure::new("policy_unreadable", cause, remedy)
}

/// Writes the file whole, for every account to read: a browser runs as anybody.
fn write(file: &Path, document: &Value) -> Result<(), Failure> {
    let written = || {
        if let Some(folder) = file.parent() {
            create_folders(folder)?;
        }
        let mut whole = WholeFile::create(file.to_owned())?;
        writeln!(whole, "{document:#}")?;
        whole.finish()?;
        let_all_read(file, 0o644)
    };
    written().map_err(|error| not_writable(file, &error))
}

/// The folder, and those above it that are not there yet.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        create_folders(above)?;
    }
    fs::create_dir(folder)?;
    let_all_read(folder, 0o755)
}

/// Windows gives no such permissions, and has no such files.
fn let_all_read(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let _ = (path, mode);
    Ok(())
}

fn delete(file: &Path) -> Result<bool, Failure> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(not_writable(file, &error)),
    }
}

fn not_writable(file: &Path, error: &io::Error) -> Failure {
    let cause = format!("{}: {error} (不能写入)", file.display());
    Failure::new("policy_not_writable", cause, "run the command as root; 请以 root 运行")
}
