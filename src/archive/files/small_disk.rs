//! A real disk that is small, or cannot be written, for tests of what happens then.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A file system in memory, gone when dropped.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of that size. Needs root: where that is not to be had, says which test is skipped.
    pub(crate) fn mount(test: &str, size_kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={size_kib}k");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", text(folder.path())]);
        if !mounted {
            skip(test, "no file system can be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From now on nothing can be written. Nothing may be open for writing.
    pub(crate) fn make_read_only(&self) {
        assert!(run("mount", &["-o", "remount,ro", text(self.folder())]));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["--lazy", text(self.folder())]);
    }
}

/// A folder in which not even root may make a file.
pub(crate) struct ForbiddenFolder(TempDir);

impl ForbiddenFolder {
    /// Forbids a new folder to be changed; says which test is skipped where that cannot be done.
    pub(crate) fn make(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !run("chattr", &["+i", text(folder.path())]) {
            skip(test, "no folder can be made immutable here");
            return None;
        }
        Some(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for ForbiddenFolder {
    fn drop(&mut self) {
        run("chattr", &["-i", text(self.folder())]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn skip(test: &str, why: &str) {
    // Past the runner, which keeps to itself what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}
