//! The one place where files become durable. Nothing else in this crate renames or syncs a file.
//!
//! Segments of blobs grow at their end and are synced as they are; what a cut leaves half-written there is told by
//! its checksum. Everything else comes into being whole:
//!
//! A file is written beside its target under another name, synced, renamed, and then the folder is synced:
//! before that last step a power cut may still take the name away. Folders are made the same way.
//!
//! On Windows folders cannot be synced; there the file system's own journal has to do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::direct::{Blocks, Direct};

/// How every file that is not in its place yet ends.
pub(crate) const UNFINISHED: &str = ".tmp";

/// So many files are synced side by side; more gains nothing on the disks measured.
const THREADS_MAX: usize = 4;

static UNFINISHED_COUNT: AtomicU64 = AtomicU64::new(0);

/// A file to be written.
pub(crate) struct NewFile<'a> {
    /// Its place. The folder is there already.
    pub(crate) target: PathBuf,
    /// What is in it.
    pub(crate) bytes: &'a [u8],
}

/// Writes all files, readable by this account alone. Until they are in place they lie in `unfinished_dir`,
/// which must be on the same file system. A target that exists is replaced in one step. After an error each
/// target is as before or as asked, and nothing unfinished is left.
pub(crate) fn write_files(unfinished_dir: &Path, files: &[NewFile<'_>]) -> io::Result<()> {
    let written = write_unfinished(unfinished_dir, files)?;
    for (unfinished, file) in written.into_iter().zip(files) {
        unfinished.rename_to(&file.target)?;
    }
    sync_folders_of(files.iter().map(|f| f.target.as_path()))
}

/// Puts a complete file that someone else wrote and closed in its place.
pub(crate) fn put_in_place(written: &Path, target: &Path) -> io::Result<()> {
    sync_file(written)?;
    fs::rename(written, target)?;
    sync_folders_of([target])
}

/// Makes a complete file that someone else wrote and closed durable, but for its name.
pub(crate) fn sync_file(written: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(written)?.sync_all()
}

/// Removes files for good; `true` for each that was there.
pub(crate) fn remove_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<u64> {
    let mut removed = Vec::new();
    for path in paths {
        match fs::remove_file(path) {
            Ok(()) => removed.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    sync_folders_of(removed.iter().copied())?;
    Ok(removed.len() as u64)
}

/// Overwrites a file with zeros before it is removed. On a disk that writes elsewhere (any SSD) the old bytes
/// may live on until it reuses them. A file that is not there is no error.
pub(crate) fn shred_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => overwrite(opened?)?,
    }
    remove_files([path]).map(|_| ())
}

/// Overwrites an open file with zeros, whatever names it still has.
pub(crate) fn overwrite(mut file: File) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

/// Overwrites and removes every file of a folder and of those in it, and the folders. One that is not there is no error.
pub(crate) fn shred_folder(path: &Path) -> io::Result<()> {
    let found = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    for entry in found {
        let entry = entry?;
        if entry.file_type()?.is_dir() { shred_folder(&entry.path()) } else { shred_file(&entry.path()) }?;
    }
    fs::remove_dir(path)?;
    sync_folder(parent_of(path))
}

/// The name under which a file lies until it is in that place.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Makes a folder for this account alone, and those above it that are missing; `false` if it was there.
pub fn create_folder(path: &Path) -> io::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let parent = parent_of(path);
    create_folder(parent)?;
    let made = match create_private_dir(path) {
        Ok(()) => true,
        // Somebody else just made it and may not have synced it yet, so it is synced here as well.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => false,
        Err(error) => return Err(error),
    };
    sync_folder(parent)?;
    Ok(made)
}

/// Makes what was written into an open file durable, and its length.
pub(crate) fn sync_written(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Makes a file that reads as zeros for this account alone, durable but for its name; ends with an error once `stops` is
/// set. Where the file system gives room out without writing to it, nothing is written.
pub(crate) fn fill_with_zeros(path: &Path, size_bytes: u64, stops: &AtomicBool) -> io::Result<()> {
    let file = create_private_file(path)?;
    if !take_room(&file, size_bytes) {
        write_zeros(path, &file, size_bytes, stops)?;
    }
    file.sync_all()
}

#[cfg(target_os = "linux")]
fn take_room(file: &File, size_bytes: u64) -> bool {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size_bytes).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn take_room(_file: &File, _size_bytes: u64) -> bool {
    false
}

fn write_zeros(path: &Path, file: &File, size_bytes: u64, stops: &AtomicBool) -> io::Result<()> {
    const AT_ONCE: usize = 1 << 20;
    let direct = Direct::open(path);
    let zeros = Blocks::new(AT_ONCE);
    let mut at = 0;
    while at < size_bytes {
        if stops.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let some = usize::try_from(size_bytes - at).unwrap_or(AT_ONCE).min(AT_ONCE);
        direct.write_at(file, &zeros.bytes()[..some], at)?;
        at += some as u64;
    }
    Ok(())
}

/// Cuts an open file to that length, durably.
pub(crate) fn cut(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_all()
}

/// Makes sure that what is listed in a folder stays listed.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes sure that what is listed in a folder stays listed.
#[cfg(not(unix))]
pub fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes a file that is not there yet, for this account alone. It is durable once its folder is synced too.
pub fn write_new_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a folder in its place, durable when it returns; all that is in it has been synced. An empty folder there
/// is replaced, anything else is an error.
pub fn move_folder(written: &Path, target: &Path) -> io::Result<()> {
    #[cfg(not(unix))]
    if target.is_dir() {
        fs::remove_dir(target)?;
    }
    fs::rename(written, target)?;
    sync_folders_of([target])
}

/// Makes an empty file that only this account can read. It fails if there is one already.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Finds out why a folder cannot be written to: writes something there and takes it away again.
pub fn probe(folder: &Path) -> io::Result<()> {
    let unfinished = Unfinished::create(folder)?;
    let mut file = OpenOptions::new().write(true).open(&unfinished.path)?;
    // As much as SQLite needs at once for its shared memory and a page or two.
    file.write_all(&[0; 64 << 10])?;
    file.sync_all()
}

/// Removes what interrupted writes left in that folder; how many there were.
pub(crate) fn clear_unfinished(folder: &Path) -> io::Result<u64> {
    let mut leftovers = Vec::new();
    for found in fs::read_dir(folder)? {
        let found = found?;
        if found.file_name().as_encoded_bytes().ends_with(UNFINISHED.as_bytes()) {
            leftovers.push(found.path());
        }
    }
    remove_files(leftovers.iter().map(PathBuf::as_path))
}

/// A file that is removed again unless it reaches its place.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn create(folder: &Path) -> io::Result<Self> {
        loop {
            let number = UNFINISHED_COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}{UNFINISHED}", process::id()));
            match create_private_file(&path) {
                Ok(_) => return Ok(Self { path }),
                // Left behind by an earlier process of the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        let unfinished = Self::create(folder)?;
        let mut file = OpenOptions::new().write(true).open(&unfinished.path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(unfinished)
    }

    fn rename_to(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What cannot be removed now is a leftover, removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn write_unfinished(folder: &Path, files: &[NewFile<'_>]) -> io::Result<Vec<Unfinished>> {
    side_by_side(files, |file| Unfinished::write(folder, file.bytes))
}

/// Does `work` on all items, several at a time, since most of it is waiting for the disk. Results come in the
/// order of the items; after an error no work is under way any more and the results there were are dropped.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> io::Result<R> + Sync,
) -> io::Result<Vec<R>> {
    let work = &work;
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let share = items.len().div_ceil(THREADS_MAX);
    thread::scope(|scope| {
        let start = |items: &[T]| items.iter().map(work).collect::<io::Result<Vec<R>>>();
        let shares: Vec<_> = items.chunks(share).map(|items| scope.spawn(move || start(items))).collect();
        // All are awaited before the first error is handed on, or their files would come into being later.
        let results: Vec<_> = shares.into_iter().map(|s| s.join()).collect();
        let mut done = Vec::with_capacity(items.len());
        for result in results {
            done.extend(result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(done)
    })
}

/// Syncs the folders of these files, each once.
fn sync_folders_of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    let mut folders: Vec<&Path> = paths.into_iter().map(parent_of).collect();
    folders.sort_unstable();
    folders.dedup();
    side_by_side(&folders, |folder| sync_folder(folder)).map(|_| ())
}

/// The folder a path lies in.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Closes a folder to other accounts that whoever set it up left open to them. Where this account may not, it stays
/// open: a check of the archive tells it.
#[cfg(unix)]
pub(crate) fn close_to_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = |found: fs::Metadata| found.permissions().mode() & 0o077 != 0;
    if !fs::metadata(folder).is_ok_and(is_open) {
        return;
    }
    match fs::set_permissions(folder, fs::Permissions::from_mode(0o700)) {
        Ok(()) => tracing::warn!(folder = %folder.display(), "closed to other accounts"),
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "stays open to other accounts"),
    }
}

#[cfg(not(unix))]
pub(crate) fn close_to_others(_folder: &Path) {}

#[cfg(unix)]
fn create_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_and_nothing_unfinished_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        for bytes in [b"one".as_slice(), b"second"] {
            write_files(dir.path(), &[NewFile { target: target.clone(), bytes }]).unwrap();
            assert_eq!(fs::read(&target).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_leaves_the_old_file_and_nothing_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<NewFile<'_>> = (0..9)
            .map(|n| NewFile { target: dir.path().join(format!("folder-{}/{n}", n % 2)), bytes: b"new" })
            .collect();
        fs::create_dir(dir.path().join("folder-0")).unwrap();
        fs::write(&files[0].target, b"old").unwrap();
        // The folder of every second target is missing, so the second rename fails.
        let error = write_files(dir.path(), &files).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read(&files[0].target).unwrap(), b"new");
        assert!(!files[2].target.exists());
        assert_eq!(clear_unfinished(dir.path()).unwrap(), 0);
    }

    #[test]
    fn leftovers_of_an_earlier_process_are_stepped_over_and_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let next = UNFINISHED_COUNT.load(Ordering::Relaxed);
        for number in next..next + 40 {
            fs::write(dir.path().join(format!("{}-{number}{UNFINISHED}", process::id())), b"half").unwrap();
        }
        let target = dir.path().join("a");
        write_files(dir.path(), &[NewFile { target: target.clone(), bytes: b"whole" }]).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(clear_unfinished(dir.path()).unwrap(), 40);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_takes_the_place_of_an_empty_one_alone() {
        let dir = tempfile::tempdir().unwrap();
        let [written, target] = ["written", "target"].map(|name| dir.path().join(name));
        for folder in [&written, &target] {
            create_folder(folder).unwrap();
        }
        write_new_file(&written.join("a"), b"one").unwrap();
        assert_eq!(
            write_new_file(&written.join("a"), b"two").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        move_folder(&written, &target).unwrap();
        assert_eq!(fs::read(target.join("a")).unwrap(), b"one");
        create_folder(&written).unwrap();
        assert!(move_folder(&written, &target).is_err());
        assert_eq!(fs::read(target.join("a")).unwrap(), b"one");
    }

    #[cfg(unix)]
    #[test]
    fn files_and_folders_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        assert!(create_folder(&folder).unwrap());
        assert!(!create_folder(&folder).unwrap());
        let target = folder.join("c");
        write_files(&folder, &[NewFile { target: target.clone(), bytes: b"" }]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&folder), mode(&target)], [0o700, 0o600]);
    }
}
