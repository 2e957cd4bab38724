//! A segment made ready before it is needed.
//!
//! A file that grows is given room at every write and has its new length written into the file system's journal by every
//! sync, and whoever syncs waits for whatever else the journal holds. A file that has all its room from the beginning
//! spares that. A thread makes one such file at a time, once a store has shown that it takes in much: as a rule by asking
//! for the room alone, since filling it with zeros would take the disk as long as the blobs themselves.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::files::durable;

/// Its file's name until a segment takes it. It may wait for long, and is no leftover.
const FILE: &str = "spare.segment";
/// A disk with less room than so many segments gets no spare one.
#[cfg(target_os = "linux")]
const FREE_SEGMENTS_MIN: u64 = 16;

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    Ready,
}

/// The spare segment of a folder, or the thread that makes it.
pub(super) struct Spare {
    path: PathBuf,
    size_bytes: u64,
    state: Arc<Mutex<State>>,
    /// Set when it is not wanted any more.
    stops: Arc<AtomicBool>,
    maker: Option<JoinHandle<()>>,
}

impl Spare {
    /// Forgets one that an earlier run left.
    pub(super) fn new(folder: &Path, size_bytes: u64) -> Self {
        let path = folder.join(FILE);
        // One that cannot be removed is written over.
        let _ = std::fs::remove_file(&path);
        let (state, stops) = (Arc::new(Mutex::new(State::None)), Arc::default());
        Self { path, size_bytes, state, stops, maker: None }
    }

    /// Has one made, unless there is one or the disk is too full. Returns at once.
    pub(super) fn order(&mut self) {
        if self.maker.as_ref().is_some_and(|maker| !maker.is_finished()) || self.is_ready() {
            return;
        }
        let (path, size_bytes, state) = (self.path.clone(), self.size_bytes, Arc::clone(&self.state));
        if !has_room(&path, size_bytes) {
            return;
        }
        let stops = Arc::clone(&self.stops);
        stops.store(false, Ordering::Relaxed);
        let make = move || match durable::fill_with_zeros(&path, size_bytes, &stops) {
            Ok(()) => *state.lock().unwrap_or_else(PoisonError::into_inner) = State::Ready,
            Err(error) => {
                tracing::warn!(%error, "no segment could be made ready");
                let _ = std::fs::remove_file(&path);
            }
        };
        // Without a thread segments grow as they are filled.
        self.maker = std::thread::Builder::new().name("archive-spare".to_owned()).spawn(make).ok();
    }

    /// Puts the spare segment in that place, durably, if there is one that is ready.
    pub(super) fn take(&mut self, target: &Path) -> io::Result<Option<File>> {
        // Renaming would replace what is there.
        if !self.is_ready() || target.try_exists()? {
            return Ok(None);
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::None;
        durable::put_in_place(&self.path, target)?;
        File::options().read(true).write(true).open(target).map(Some)
    }

    /// Gives the room back.
    pub(super) fn give_up(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(maker) = self.maker.take() {
            // A panic of the thread was its end already.
            let _ = maker.join();
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::None;
        let _ = std::fs::remove_file(&self.path);
    }

    fn is_ready(&self) -> bool {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) == State::Ready
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(target_os = "linux")]
fn has_room(path: &Path, size_bytes: u64) -> bool {
    let room = path.parent().and_then(|folder| rustix::fs::statvfs(folder).ok());
    room.is_some_and(|room| room.f_bavail.saturating_mul(room.f_frsize) / FREE_SEGMENTS_MIN > size_bytes)
}

/// Where room cannot be asked for, none is taken ahead.
#[cfg(not(target_os = "linux"))]
fn has_room(_path: &Path, _size_bytes: u64) -> bool {
    false
}
