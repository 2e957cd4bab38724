//! Whether the folders an archive lies in keep others out, and nothing lies in them that should not.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use yidang_model::Timestamp;

use crate::check::Check;
use crate::files::{durable, lies_inside};
use crate::storage::{Part, StorageError, StorageFault};
use crate::sweep::ORPHAN_GRACE_MS;
use crate::{ArchiveOptions, DamagedThing, VerifyReport};

/// How plain pictures and documents begin: what a program left behind that forgot to seal them.
const PLAIN_BEGINNINGS: [&[u8]; 3] = [b"\xFF\xD8\xFF", b"\x89PNG\r\n", b"%PDF-"];
/// Longest of them.
const BEGINNING_BYTES: u64 = 6;
/// Ends of the names of databases and of what SQLite keeps beside them.
const DATABASE_ENDINGS: [&str; 4] = [".db", "-wal", "-shm", "-journal"];
/// Folders within folders; the archive's own are two deep.
const DEPTH_MAX: usize = 8;

/// Examines both folders. What cannot be read is an error; what goes away meanwhile is passed over.
pub(crate) fn check_premises(
    place: &ArchiveOptions,
    now: Timestamp,
    report: &mut VerifyReport,
) -> Result<(), StorageError> {
    let apart = !lies_inside(&place.keys_dir, &place.data_dir).map_err(|e| failed(Part::Folder, &e))?;
    report.examined(Check::KeysApart, 1);
    if !apart {
        report.add(Check::KeysApart, Part::KeyKeeper, path("keys"), StorageFault::Exposed);
    }
    let folders = [(&place.data_dir, "data", Part::Folder), (&place.keys_dir, "keys", Part::KeyKeeper)];
    for (folder, name, part) in folders {
        let mut walk = Walk { now, part, report, is_open: false };
        walk.folder(folder, name, 0).map_err(|e| failed(part, &e))?;
    }
    Ok(())
}

fn failed(part: Part, error: &io::Error) -> StorageError {
    StorageError::io(part, error)
}

fn path(name: &str) -> DamagedThing {
    DamagedThing::Path(name.to_owned())
}

struct Walk<'a> {
    now: Timestamp,
    part: Part,
    report: &'a mut VerifyReport,
    /// Whether the outermost folder lets others in.
    is_open: bool,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> io::Result<()> {
        // What is in a closed folder is closed, whatever it says itself.
        if let Some(metadata) = unless_gone(fs::symlink_metadata(folder))?
            && (depth == 0 || self.is_open)
        {
            self.is_open |= self.mode(name, &metadata);
        }
        let Some(entries) = unless_gone(fs::read_dir(folder))? else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            let Some(metadata) = unless_gone(fs::symlink_metadata(entry.path()))? else { continue };
            let name = format!("{name}/{}", told(&entry.file_name().to_string_lossy()));
            if metadata.is_dir() && depth < DEPTH_MAX {
                self.folder(&entry.path(), &name, depth + 1)?;
            } else if metadata.is_file() {
                // A closed folder keeps its files; a key is held to its own mode as well.
                if self.part == Part::KeyKeeper {
                    self.mode(&name, &metadata);
                }
                self.file(&entry.path(), &name, &metadata)?;
            }
        }
        Ok(())
    }

    /// Whether others may look in; tells it if so.
    #[cfg(unix)]
    fn mode(&mut self, name: &str, metadata: &Metadata) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        self.report.examined(Check::Modes, 1);
        let is_open = metadata.permissions().mode() & 0o077 != 0;
        if is_open {
            self.report.add(Check::Modes, self.part, path(name), StorageFault::Exposed);
        }
        is_open
    }

    #[cfg(not(unix))]
    fn mode(&mut self, _name: &str, _metadata: &Metadata) -> bool {
        self.report.pass_over(Check::Modes, "not_on_this_system");
        false
    }

    fn file(&mut self, file: &Path, name: &str, metadata: &Metadata) -> io::Result<()> {
        // A database's journals come and go.
        if !name.ends_with("-wal") && !name.ends_with("-shm") {
            self.report.examined(Check::Leftovers, 1);
        }
        // Closing a file gives up every lock that this process has on it, SQLite's own too: the next command that opened
        // the database would think itself alone and, when done, take the journal away that we are still writing to.
        if DATABASE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            return Ok(());
        }
        let Some(opened) = unless_gone(File::open(file))? else { return Ok(()) };
        let mut begins = Vec::new();
        opened.take(BEGINNING_BYTES).read_to_end(&mut begins)?;
        if PLAIN_BEGINNINGS.iter().any(|plain| begins.starts_with(plain)) {
            self.report.add(Check::Leftovers, self.part, path(name), StorageFault::Exposed);
        } else if name.ends_with(durable::UNFINISHED) && self.is_old(metadata) {
            self.report.add(Check::Leftovers, self.part, path(name), StorageFault::Leftover);
        }
        Ok(())
    }

    /// What is being written at this moment is no leftover.
    fn is_old(&self, metadata: &Metadata) -> bool {
        let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let millis = since.map_or(0, |s| i64::try_from(s.as_millis()).unwrap_or(i64::MAX));
        millis.saturating_add(ORPHAN_GRACE_MS) < self.now.as_millis()
    }
}

/// A file's name as a report may tell it: whoever put a file here may have named it after someone.
fn told(name: &str) -> &str {
    let ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.chars().all(ours) && name.len() <= 80 { name } else { "(a name that is none of ours)" }
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
