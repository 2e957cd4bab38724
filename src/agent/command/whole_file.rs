//! Files that take their place once they are whole: what breaks off leaves what was there as it was.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that is written beside its place. Dropped before it is finished, it is gone.
pub(crate) struct WholeFile {
    part: PathBuf,
    target: PathBuf,
    file: File,
    is_whole: bool,
}

impl WholeFile {
    /// For a place as [`resolved`] gives it.
    pub(crate) fn create(target: PathBuf) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        let file = File::create_new(&part)?;
        Ok(Self { part, target, file, is_whole: false })
    }

    /// The same, and there is no going back: the file and its place are on the medium when this returns.
    pub(crate) fn finish_durably(self) -> io::Result<()> {
        self.file.sync_all()?;
        #[cfg(unix)]
        let folder = self.target.parent().map(File::open).transpose()?;
        self.finish()?;
        // On Windows a folder cannot be synced; the file system's journal has to do.
        #[cfg(unix)]
        if let Some(folder) = folder {
            folder.sync_all()?;
        }
        Ok(())
    }

    /// Takes the place, and an older file's with it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        fs::rename(&self.part, &self.target)?;
        self.is_whole = true;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed is named like what it is.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Where a name leads, links followed, whether anything is there or not.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    if let Ok(target) = path.canonicalize() {
        return Ok(target);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::other("no name of a file"))?;
    Ok(folder.canonicalize()?.join(name))
}
