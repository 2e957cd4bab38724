//! A real ext4 in a file, mounted over a loop device, whose power can be cut.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failure;

/// Length of the image. It is sparse: only what is written takes room.
const IMAGE_BYTES: u64 = 3 << 30;
/// How often a mount point is taken away that is still in use, and how long between.
const TRIES: u32 = 50;
const TRY_EVERY: Duration = Duration::from_millis(20);

/// The disk. Unmounted when dropped.
pub(crate) struct Disk {
    image: PathBuf,
    folder: PathBuf,
    cutter: PathBuf,
}

impl Disk {
    /// Makes and mounts a new one below that folder. Fails without root and loop devices.
    pub(crate) fn make(below: &Path) -> Result<Self, Failure> {
        let (image, folder, cutter) = (below.join("disk.img"), below.join("disk"), below.join("cut"));
        build(include_str!("cut.c"), &cutter, &[])?;
        File::create(&image)?.set_len(IMAGE_BYTES)?;
        run("mkfs.ext4", &["-q", text(&image)])?;
        fs::create_dir_all(&folder)?;
        let disk = Self { image, folder, cutter };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this is the file that it all lies in.
    pub(crate) fn is_image(&self, path: &Path) -> bool {
        self.image == path
    }

    /// Cuts its power: what has not reached it by now never does. Takes a few milliseconds.
    pub(crate) fn cut(&self) -> Result<(), Failure> {
        run(text(&self.cutter), &[text(&self.folder)])
    }

    /// Stops all writing, as ext4 itself does when it meets an error.
    pub(crate) fn stop_writing(&self) -> Result<(), Failure> {
        run("mount", &["-o", "remount,abort", text(&self.folder)])
    }

    /// Gives it its power back; its journal is replayed. Nobody may use it any more.
    pub(crate) fn recover(&self) -> Result<(), Failure> {
        self.unmount()?;
        self.mount()
    }

    /// Has the file system checked, and mounts it again. Nobody may use it any more.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.unmount()?;
        run("e2fsck", &["-fn", text(&self.image)])?;
        self.mount()
    }

    fn mount(&self) -> Result<(), Failure> {
        run("mount", &["-o", "loop", text(&self.image), text(&self.folder)])
    }

    fn unmount(&self) -> Result<(), Failure> {
        let mut tries = 1;
        while let Err(failure) = run("umount", &[text(&self.folder)]) {
            if tries == TRIES {
                return Err(failure);
            }
            tries += 1;
            std::thread::sleep(TRY_EVERY);
        }
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.unmount().is_err() {
            let _ = run("umount", &["--lazy", text(&self.folder)]);
        }
    }
}

/// Compiles a C text to that file.
pub(crate) fn build(source: &str, target: &Path, options: &[&str]) -> Result<(), Failure> {
    let file = target.with_extension("c");
    fs::write(&file, source)?;
    let mut arguments = vec!["-O2", "-Wall", "-o", text(target)];
    arguments.extend_from_slice(options);
    arguments.push(text(&file));
    run("cc", &arguments)
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&said)).into())
}

/// Our own paths are plain.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
