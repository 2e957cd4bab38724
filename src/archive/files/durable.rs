//! The one place where files are written so that a power cut cannot take them back.
//!
//! A file is written beside its target, synced, renamed, and its folder synced. Nothing else in this crate
//! renames or syncs files.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Ending of a file that is not complete; one that is found at start is a leftover.
pub(super) const UNFINISHED: &str = "part";

/// Writes all files; durable, folder entries included, when it returns. Each target appears whole or not at
/// all; after an error no unfinished file is left behind.
pub(super) fn write_many(files: &[(PathBuf, &[u8])]) -> io::Result<()> {
    let mut written = Vec::with_capacity(files.len());
    let result = files.iter().try_for_each(|(target, bytes)| {
        let part = target.with_extension(UNFINISHED);
        written.push(part.clone());
        write_synced(&part, bytes)
    });
    let result = result.and_then(|()| {
        files.iter().zip(&written).try_for_each(|((target, _), part)| fs::rename(part, target))
    });
    if let Err(error) = result {
        for part in &written {
            let _ = fs::remove_file(part);
        }
        return Err(error);
    }
    let folders: BTreeSet<&Path> = files.iter().filter_map(|(target, _)| target.parent()).collect();
    folders.into_iter().try_for_each(sync_folder)
}

/// Removes files; durable when it returns. A file that is not there is no error.
pub(super) fn remove_many(files: &[PathBuf]) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    for file in files {
        match fs::remove_file(file) {
            Ok(()) => {
                folders.extend(file.parent());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    folders.into_iter().try_for_each(sync_folder)
}

/// Makes a folder that only this account may enter, durably; one that is there already stays as it is.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        create_private_folder(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    folder.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no way to sync a folder; NTFS journals its entries.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    let _: Option<File> = None;
    Ok(())
}
