//! A picture that a manifest names, on the disk of who imports it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use yidang_imaging::{Crop, ImageError, PageOptions, PageResult, make_page};
use yidang_model::Timestamp;

use super::refusal::{Reason, Refusal};
use crate::api::UPLOAD_BYTES_MAX;

/// A file, whole, and when it was last written.
pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
    pub(super) written_at: Option<Timestamp>,
}

/// Reads a picture by its path within the folder, both ways of writing one.
pub(super) fn read(folder: &Path, path: &str) -> Result<Picture, Refusal> {
    let place = place(folder, path)?;
    let unreadable = |error: io::Error| refused(&error);
    // Before it is opened: a pipe would wait for somebody to write to it.
    if !std::fs::metadata(&place).map_err(unreadable)?.is_file() {
        return Err(Refusal::in_column(Reason::NotAFile, "path"));
    }
    let file = File::open(&place).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.len() > UPLOAD_BYTES_MAX as u64 {
        return Err(Refusal::in_column(Reason::FileTooLarge, "path"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.take(UPLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(Refusal::in_column(Reason::FileTooLarge, "path"));
    }
    let written_at = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let written_at = written_at.and_then(|span| i64::try_from(span.as_millis()).ok());
    Ok(Picture { bytes, written_at: written_at.map(Timestamp::from_millis) })
}

/// Where a path leads, links resolved: nowhere but into the folder.
fn place(folder: &Path, path: &str) -> Result<PathBuf, Refusal> {
    let invalid = Refusal::in_column(Reason::PathInvalid, "path");
    // Manifests are written on Windows as well.
    let path = path.replace('\\', "/");
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    let path = Path::new(&path);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if path.as_os_str().is_empty() || is_drive || !stays {
        return Err(invalid);
    }
    let place = folder.join(path).canonicalize().map_err(|error| refused(&error))?;
    if !place.starts_with(folder) {
        return Err(Refusal::in_column(Reason::PathOutside, "path"));
    }
    Ok(place)
}

fn refused(error: &io::Error) -> Refusal {
    let reason = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reason::FileMissing,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => Reason::PathInvalid,
        _ => Reason::FileUnreadable,
    };
    Refusal::in_column(reason, "path")
}

/// The page of a picture; with `as_is` the picture itself, after the same checks.
pub(super) fn page(bytes: &[u8], as_is: bool) -> Result<PageResult, Refusal> {
    let crop = if as_is { Crop::Full } else { Crop::Auto };
    make_page(bytes, &PageOptions { crop, ..PageOptions::default() }).map_err(|error| {
        let reason = match error {
            ImageError::NotAnImage | ImageError::Unsupported => Reason::NotAnImage,
            ImageError::TooLarge { .. } => Reason::ImageTooLarge,
            ImageError::Damaged | ImageError::BadCorners | ImageError::Encode => Reason::ImageDamaged,
        };
        Refusal::in_column(reason, "path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(folder: &Path, path: &str) -> &'static str {
        read(&folder.canonicalize().unwrap(), path).err().map_or("", |refusal| refusal.reason.code())
    }

    #[test]
    fn a_path_leads_nowhere_but_into_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("photos");
        std::fs::create_dir_all(folder.join("a")).unwrap();
        for path in ["photos/a/1.jpg", "secret.jpg"] {
            std::fs::write(outer.path().join(path), b"picture").unwrap();
        }
        for path in ["a/1.jpg", "./a/1.jpg", "a\\1.jpg"] {
            assert_eq!(code(&folder, path), "", "{path}");
        }
        let absolute = outer.path().join("secret.jpg");
        for path in [
            "",
            "..",
            "../secret.jpg",
            "a/../../secret.jpg",
            "C:\\secret.jpg",
            "a\0",
            absolute.to_str().unwrap(),
        ] {
            assert_eq!(code(&folder, path), "path_invalid", "{path}");
        }
        assert_eq!(code(&folder, "a/2.jpg"), "file_missing");
        assert_eq!(code(&folder, "a/1.jpg/2.jpg"), "file_missing");
        assert_eq!(code(&folder, "a"), "not_a_file");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&absolute, folder.join("out.jpg")).unwrap();
            std::os::unix::fs::symlink(folder.join("a/1.jpg"), folder.join("in.jpg")).unwrap();
            assert_eq!(code(&folder, "out.jpg"), "path_outside");
            assert_eq!(code(&folder, "in.jpg"), "");
        }
    }

    #[test]
    fn a_large_file_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("a")).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(code(folder.path(), "a"), "file_too_large");
    }
}
