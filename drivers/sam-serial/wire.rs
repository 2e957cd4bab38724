//! A serial line made of a pseudo-terminal, with the simulated security module at its far end. For tests.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use yidang_idcard::frame::{HEAD_LENGTH_BYTES, PREAMBLE};
use yidang_simulated::{Desk, Module as SimulatedModule};

/// How the module and its line behave.
#[derive(Default)]
pub(crate) struct Manners {
    /// The only rate the module understands; 0: any.
    pub(crate) baud: u32,
    /// What it says to a request at another rate.
    pub(crate) at_other_rates: Vec<u8>,
    /// What comes before each reply.
    pub(crate) garbage: Vec<u8>,
    /// How long it thinks before it replies.
    pub(crate) thinks: Duration,
    /// Replies come in pieces of so many bytes, with a pause after each.
    pub(crate) pieces: Option<(usize, Duration)>,
    /// Replies break off after so many bytes.
    pub(crate) breaks_off_after: Option<usize>,
    /// Replies end after so many bytes, and so does the line.
    pub(crate) hangs_up_after: Option<usize>,
    /// It hears and says nothing.
    pub(crate) mute: bool,
    /// How many more requests it says nothing to.
    pub(crate) deaf_to: u32,
    /// What it says to every request.
    pub(crate) says: Option<Vec<u8>>,
    /// The rate and the command of every request so far.
    pub(crate) heard: Vec<(u32, [u8; 2])>,
}

/// The line. Dropping it hangs up.
pub(crate) struct Wire {
    /// The near end's path, as a driver opens it.
    pub(crate) path: PathBuf,
    /// What lies on the far reader.
    pub(crate) desk: Desk,
    manners: Arc<Mutex<Manners>>,
    far: Arc<Mutex<Option<File>>>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// A line with the first card of the built-in ones on the reader.
    pub(crate) fn new() -> Self {
        let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&far).unwrap();
        unlockpt(&far).unwrap();
        let name = ptsname(&far, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
        let far = Arc::new(Mutex::new(Some(File::from(far))));
        let (desk, manners) = (Desk::new(None, None), Arc::new(Mutex::default()));
        let module = Module { module: SimulatedModule::new(&desk), manners: Arc::clone(&manners) };
        let line = Arc::clone(&far);
        let thread = Some(std::thread::spawn(move || module.serve(&line)));
        Self { path, desk, manners, far, thread }
    }

    /// How the far end behaves from now on.
    pub(crate) fn manners(&self) -> MutexGuard<'_, Manners> {
        locked(&self.manners)
    }

    /// Puts bytes on the line that nobody asked for.
    pub(crate) fn say(&self, bytes: &[u8]) {
        locked(&self.far).as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Hangs up.
    pub(crate) fn hang_up(&self) {
        locked(&self.far).take();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.hang_up();
        let ended = self.thread.take().map(JoinHandle::join);
        // A test that failed already says more.
        assert!(std::thread::panicking() || !matches!(ended, Some(Err(_))), "the far end failed");
    }
}

struct Module {
    module: SimulatedModule,
    manners: Arc<Mutex<Manners>>,
}

impl Module {
    fn serve(mut self, line: &Mutex<Option<File>>) {
        let mut pending = Vec::new();
        while let Some(bytes) = arrived(line) {
            pending.extend(bytes);
            while let Some(request) = next_request(&mut pending) {
                if !self.reply(&request, line) {
                    return;
                }
            }
        }
    }

    /// Replies to a request; `false` when the line has ended.
    fn reply(&mut self, request: &[u8], line: &Mutex<Option<File>>) -> bool {
        let Some(baud) = locked(line).as_ref().map(|line| tcgetattr(line).unwrap().output_speed()) else {
            return false;
        };
        let (reply, thinks, pieces, hangs_up) = {
            let mut manners = locked(&self.manners);
            manners.heard.push((baud, [request[HEAD_LENGTH_BYTES], request[HEAD_LENGTH_BYTES + 1]]));
            let mut reply = manners.garbage.clone();
            if manners.mute || manners.deaf_to > 0 {
                manners.deaf_to = manners.deaf_to.saturating_sub(1);
                reply.clear();
            } else if ![0, baud].contains(&manners.baud) {
                reply.clone_from(&manners.at_other_rates);
            } else if let Some(said) = &manners.says {
                reply.extend(said);
            } else {
                reply.extend(self.module.answer(request).unwrap());
            }
            let end = manners.hangs_up_after.filter(|end| *end < reply.len());
            reply.truncate(end.or(manners.breaks_off_after).unwrap_or(usize::MAX));
            (reply, manners.thinks, manners.pieces, end.is_some())
        };
        std::thread::sleep(thinks);
        let (size, pause) = pieces.unwrap_or((reply.len().max(1), Duration::ZERO));
        for piece in reply.chunks(size) {
            let Some(line) = &mut *locked(line) else { return false };
            line.write_all(piece).unwrap();
            std::thread::sleep(pause);
        }
        if hangs_up {
            // The near end takes what came before, as a wire's end would.
            std::thread::sleep(Duration::from_millis(50));
            locked(line).take();
        }
        true
    }
}

/// A test that fails with this in its hands fails alone.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes from the near end, none where none came for a moment; `None` when the line was hung up.
fn arrived(line: &Mutex<Option<File>>) -> Option<Vec<u8>> {
    let mut line = locked(line);
    let far = line.as_mut()?;
    let moment = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    let seen = {
        let mut wanted = [PollFd::new(far, PollFlags::IN)];
        poll(&mut wanted, Some(&moment)).unwrap();
        wanted[0].revents()
    };
    let mut bytes = [0; 256];
    // Nobody has the near end open: a read would fail.
    let length = if seen.contains(PollFlags::IN) { far.read(&mut bytes).unwrap_or(0) } else { 0 };
    drop(line);
    if length == 0 {
        std::thread::sleep(Duration::from_micros(if seen.is_empty() { 100 } else { 2000 }));
    }
    Some(bytes[..length].to_vec())
}

/// The next whole request among the bytes so far.
fn next_request(pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    let start = pending.windows(PREAMBLE.len()).position(|window| window == PREAMBLE)?;
    pending.drain(..start);
    let head = pending.get(..HEAD_LENGTH_BYTES)?;
    let whole = HEAD_LENGTH_BYTES + usize::from(u16::from_be_bytes([head[5], head[6]]));
    (pending.len() >= whole).then(|| pending.drain(..whole).collect())
}
