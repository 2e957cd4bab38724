//! A disk that is small: a file system in memory with a bound.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The disk. Gone when dropped.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one. `None`, and the skipped test is named, where nothing can be mounted: it needs root.
    pub(crate) fn mount(size_kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={size_kib}k");
        if !run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", text(folder.path())]) {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            // Past the runner, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no file system can be mounted here");
            return None;
        }
        Some(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Someone frees space.
    pub(crate) fn grow(&self, size_kib: u32) {
        assert!(run("mount", &["-o", &format!("remount,size={size_kib}k"), text(self.folder())]));
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

fn run(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}
