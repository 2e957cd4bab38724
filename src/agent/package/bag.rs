//! A bag being filled: a folder beside its place, moved there when it is whole.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use yidang_archive::files::{create_folder, move_folder, sync_folder, write_new_file};

use crate::failure::Failure;
use crate::{clock, random};

/// The folder of what the bag is for.
const PAYLOAD: &str = "data";
/// What says that a folder is a bag; written last.
const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// Most bytes of a bag's manifest, which is in memory until the end: a million files' worth.
const MANIFEST_BYTES_MAX: usize = 128 << 20;

/// A bag that is removed again unless it is finished. Whatever ends before leaves a folder whose name begins with a
/// dot and ends with `.part`, without a declaration in it: nothing takes it for a bag.
pub(crate) struct Bag {
    unfinished: PathBuf,
    target: PathBuf,
    manifest: String,
    files: u64,
    size_bytes: u64,
}

impl Bag {
    /// One for this place: nothing may be there but an empty folder, and it may not lie in the forbidden folders.
    /// Makes the unfinished folder, empty.
    pub(crate) fn create(out: &Path, forbidden: &[&Path]) -> Result<Self, Failure> {
        let (parent, target) = place(out)?;
        // Links lead nowhere else from here on.
        let inside = |folder: &&Path| folder.canonicalize().is_ok_and(|folder| target.starts_with(folder));
        if forbidden.iter().any(inside) {
            let cause = "the target lies in the data folder or the keys' folder";
            return Err(Failure::new("target_inside_data", cause, "choose a folder elsewhere"));
        }
        if !is_free(&target).map_err(|e| not_written(&e))? {
            return Err(not_empty());
        }
        let unfinished = parent.join(format!(".yidang-export-{}.part", hex::encode(random::bytes::<8>())));
        create_folder(&unfinished.join(PAYLOAD)).map_err(|e| not_written(&e))?;
        Ok(Self { unfinished, target, manifest: String::new(), files: 0, size_bytes: 0 })
    }

    /// Files and bytes of the payload by now.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.files, self.size_bytes)
    }

    /// Makes a folder in the payload.
    pub(crate) fn add_folder(&self, name: &str) -> Result<(), Failure> {
        create_folder(&self.payload(name)).map(|_| ()).map_err(|e| not_written(&e))
    }

    /// Puts a file into the payload, by its path there; its SHA-256 in hexadecimal.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<String, Failure> {
        if self.manifest.len() > MANIFEST_BYTES_MAX {
            return Err(Failure::new("package_too_large", "the package has too many files", "see the log"));
        }
        write_new_file(&self.payload(path), bytes).map_err(|e| not_written(&e))?;
        let hash = sha256(bytes);
        // Writing to a string cannot fail.
        let _ = writeln!(self.manifest, "{hash}  {PAYLOAD}/{path}");
        self.files += 1;
        self.size_bytes += bytes.len() as u64;
        Ok(hash)
    }

    /// Makes sure that what a folder of the payload lists stays listed.
    pub(crate) fn close_folder(&self, name: &str) -> Result<(), Failure> {
        sync_folder(&self.payload(name)).map_err(|e| not_written(&e))
    }

    /// Takes a folder of the payload out again, with all that is in it.
    pub(crate) fn remove_folder(&mut self, name: &str) -> Result<(), Failure> {
        let folder = self.payload(name);
        for file in fs::read_dir(&folder).map_err(|e| not_written(&e))? {
            let size_bytes = file.and_then(|file| file.metadata()).map_err(|e| not_written(&e))?.len();
            self.files -= 1;
            self.size_bytes -= size_bytes;
        }
        let prefix = format!("  {PAYLOAD}/{name}/");
        let kept = self.manifest.lines().filter(|line| !line.contains(&prefix));
        self.manifest = kept.map(|line| format!("{line}\n")).collect();
        fs::remove_dir_all(&folder).map_err(|e| not_written(&e))
    }

    /// Writes the tag files and moves the bag to its place, durable when it returns. `info` are the fields of
    /// `bag-info.txt` beside those that follow from the payload.
    pub(crate) fn finish(mut self, info: &[(&str, &str)]) -> Result<(), Failure> {
        self.write_tags(info).map_err(|e| not_written(&e))?;
        match move_folder(&self.unfinished, &self.target) {
            Ok(()) => {
                self.unfinished = PathBuf::new();
                Ok(())
            }
            Err(error) if matches!(is_free(&self.target), Ok(false)) => {
                tracing::debug!(%error, "the target has been taken meanwhile");
                Err(not_empty())
            }
            Err(error) => Err(not_written(&error)),
        }
    }

    fn write_tags(&self, info: &[(&str, &str)]) -> io::Result<()> {
        let date = clock::today().map(|date| date.to_string()).unwrap_or_default();
        let oxum = format!("{}.{}", self.size_bytes, self.files);
        let mut text = format!("Bagging-Date: {date}\nPayload-Oxum: {oxum}\n");
        for (name, value) in info {
            // A line end would begin another field.
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.push_str(&format!("{name}: {value}\n"));
        }
        let tags = [
            ("manifest-sha256.txt", self.manifest.as_str()),
            ("bag-info.txt", text.as_str()),
            ("bagit.txt", DECLARATION),
        ];
        let mut tag_manifest = String::new();
        for (name, text) in tags {
            let _ = writeln!(tag_manifest, "{}  {name}", sha256(text.as_bytes()));
        }
        write_new_file(&self.unfinished.join("tagmanifest-sha256.txt"), tag_manifest.as_bytes())?;
        for (name, text) in tags {
            write_new_file(&self.unfinished.join(name), text.as_bytes())?;
        }
        sync_folder(&self.payload(""))?;
        sync_folder(&self.unfinished)
    }

    fn payload(&self, path: &str) -> PathBuf {
        self.unfinished.join(PAYLOAD).join(path)
    }
}

impl Drop for Bag {
    fn drop(&mut self) {
        if !self.unfinished.as_os_str().is_empty() {
            // What cannot be removed does not look like a bag.
            let _ = fs::remove_dir_all(&self.unfinished);
        }
    }
}

/// The folder a target lies in and the target, links in the former resolved.
fn place(out: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let invalid = |cause: &str| {
        Failure::new("target_invalid", cause, "name a new folder in one that is there, and may be written to")
    };
    let whole = std::path::absolute(out).map_err(|_| invalid("the target is no path"))?;
    let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(invalid("the target is no folder that could be made"));
    };
    let parent =
        parent.canonicalize().map_err(|e| invalid(&format!("the folder the target lies in: {e}")))?;
    let target = parent.join(name);
    Ok((parent, target))
}

/// Whether nothing is there, or an empty folder.
fn is_free(target: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Ok(found) if found.is_dir() => Ok(fs::read_dir(target)?.next().is_none()),
        found => found.map(|_| false),
    }
}

fn not_empty() -> Failure {
    Failure::new("target_not_empty", "the target is there and is no empty folder", "name a new folder")
}

fn not_written(error: &io::Error) -> Failure {
    let (code, remedy) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("disk_full", "free some space"),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            ("target_not_writable", "choose a folder that this account may write to")
        }
        _ => ("package_not_written", "check the disk the package goes to"),
    };
    Failure::new(code, format!("the package could not be written: {error}"), remedy)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(made: Result<Bag, Failure>) -> String {
        made.err().map(|failure| failure.code).unwrap_or_default()
    }

    #[test]
    fn a_bag_is_there_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut bag = Bag::create(&out, &[]).unwrap();
        bag.add("a", b"one").unwrap();
        bag.add_folder("gone").unwrap();
        bag.add("gone/b", b"two").unwrap();
        bag.remove_folder("gone").unwrap();
        assert_eq!(bag.size(), (1, 3));
        assert!(!out.exists() && !bag.unfinished.join("bagit.txt").exists());
        bag.finish(&[("Note", "first\nsecond: x")]).unwrap();
        let manifest = fs::read_to_string(out.join("manifest-sha256.txt")).unwrap();
        assert_eq!(manifest, format!("{}  data/a\n", sha256(b"one")));
        let info = fs::read_to_string(out.join("bag-info.txt")).unwrap();
        assert!(info.contains("Payload-Oxum: 3.1\n") && info.ends_with("Note: first second: x\n"), "{info}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_bag_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut bag = Bag::create(&folder.path().join("out"), &[]).unwrap();
        bag.add("a", b"one").unwrap();
        drop(bag);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_place_that_is_taken_or_forbidden_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        assert_eq!(code(Bag::create(&out, &[folder.path()])), "target_inside_data");
        assert_eq!(code(Bag::create(&out, &[&out])), "target_inside_data");
        drop(Bag::create(&out, &[]).unwrap());
        fs::write(out.join("a"), b"here").unwrap();
        assert_eq!(code(Bag::create(&out, &[])), "target_not_empty");
        assert_eq!(code(Bag::create(&out.join("a"), &[])), "target_not_empty");
        assert_eq!(code(Bag::create(&out.join("b/c"), &[])), "target_invalid");
        assert_eq!(code(Bag::create(Path::new("/"), &[])), "target_invalid");
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&out, &link).unwrap();
            assert_eq!(code(Bag::create(&link.join("new"), &[&out])), "target_inside_data");
            fs::remove_file(out.join("a")).unwrap();
            assert_eq!(code(Bag::create(&link, &[])), "target_not_empty", "a link is no folder of ours");
        }
    }

    #[test]
    fn what_takes_the_place_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let bag = Bag::create(&out, &[]).unwrap();
        fs::create_dir(&out).unwrap();
        fs::write(out.join("a"), b"here").unwrap();
        assert_eq!(bag.finish(&[]).unwrap_err().code, "target_not_empty");
        assert_eq!(fs::read(out.join("a")).unwrap(), b"here");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
