//! New files come into the places of damaged ones, which stay under a name with the time.

use std::fs;
use std::io;
use std::path::Path;

use super::io_error;
use crate::backup::{ASIDE, FOLDER as COPIES};
use crate::files::durable;
use crate::sqlite::SqliteIndex;
use crate::{ArchiveError, ArchiveOptions, Clock, SystemClock};

/// Puts these files of `new` in place of damaged ones, and takes the index and the second copies away, which are made
/// anew. Where all of those lie now, below the data folder.
pub(super) fn put_in_place(
    options: &ArchiveOptions,
    new: &Path,
    files: &[&str],
) -> Result<String, ArchiveError> {
    let time: String = SystemClock.now().to_string().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let aside = options.data_dir.join(ASIDE).join(&time);
    let swap = || {
        durable::create_folder(&aside)?;
        for file in files {
            set_aside(&options.data_dir, file, &aside)?;
            durable::put_in_place(&new.join(file), &options.data_dir.join(file))?;
        }
        set_aside(&options.data_dir, SqliteIndex::FILE, &aside)?;
        let copies = options.data_dir.join(COPIES);
        if copies.try_exists()? {
            fs::rename(copies, aside.join(COPIES))?;
        }
        durable::sync_folder(&aside)?;
        durable::sync_folder(&options.data_dir)
    };
    swap().map_err(|e: io::Error| io_error(&e))?;
    Ok(format!("{ASIDE}/{time}"))
}

/// Moves a database and its journals: the journals last, which without it are nobody's.
fn set_aside(data_dir: &Path, file: &str, aside: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let name = format!("{file}{ending}");
        match fs::rename(data_dir.join(&name), aside.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    durable::sync_folder(aside)?;
    durable::sync_folder(data_dir)
}
