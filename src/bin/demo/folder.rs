//! The one folder that a demo keeps everything in.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Failure;

/// Marks a folder as a demo's, which the next demo may clear.
const MARK: &str = "yidang-demo";
/// The three programs whose state lies in it, each as a configuration, a data folder and a keys' folder.
const PROGRAMS: [&str; 3] = ["window-a", "window-b", "repository"];
const PICTURES: &str = "pictures";
const LOG: &str = "log";

/// The folder. No other demo runs in it meanwhile.
pub(super) struct DemoFolder {
    path: PathBuf,
    /// Held, not read: the lock lasts as long as the file is open.
    _mark: File,
}

impl DemoFolder {
    /// Makes the folder, or clears one that an earlier demo left. A folder with anything else in it is refused, and
    /// one that a demo is at work in. Without a wish it is a new one among the system's temporary files.
    pub(super) fn prepare(wished: Option<&Path>) -> Result<Self, Failure> {
        let path = match wished {
            Some(path) => std::path::absolute(path)?,
            None => new_name(),
        };
        make_private(&path, wished.is_some()).map_err(|e| format!("{}: {e}", path.display()))?;
        let mark = mark(&path)?;
        // Nothing but what a demo makes is ever removed.
        for program in PROGRAMS {
            for part in ["", ".keys", ".toml"] {
                remove(&path.join(format!("{program}{part}")))?;
            }
        }
        remove(&path.join(LOG))?;
        remove(&path.join(PICTURES))?;
        fs::create_dir(path.join(PICTURES))?;
        Ok(Self { path, _mark: mark })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a picture where a person can look at it; the file.
    pub(super) fn keep_picture(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join(PICTURES).join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Sends what the three programs log into a file, so that the steps stand alone on the screen.
    pub(super) fn keep_log(&self) -> Result<(), Failure> {
        let file = File::create_new(self.path.join(LOG))?;
        let log = tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false);
        log.try_init()
    }
}

/// A name that nobody can have prepared.
fn new_name() -> PathBuf {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    std::env::temp_dir().join(format!("yidang-demo-{}-{:08x}", std::process::id(), now.subsec_nanos()))
}

/// Papers of the demo are made up, but the habit holds: nobody else may read a folder it makes.
fn make_private(path: &Path, may_exist: bool) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(may_exist);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Marks an empty folder as a demo's, or finds the mark, and takes the folder for this one.
fn mark(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(MARK);
    let is_empty = fs::read_dir(folder)?.next().is_none();
    if is_empty {
        File::create_new(&path)?
            .write_all(b"Made by `yidang demo`, which clears this folder when it is run here again.\n")?;
    }
    if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
        return Err(format!(
            "{} holds something that is not a demo's; name another folder",
            folder.display()
        )
        .into());
    }
    let mark = File::open(&path)?;
    mark.try_lock().map_err(|_| format!("a demo is at work in {}", folder.display()))?;
    Ok(mark)
}

fn remove(path: &Path) -> std::io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
