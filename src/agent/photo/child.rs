//! A program's output, within bounds, and nothing of it left running.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::DecodeError;

/// Longest wait before looking whether the program has ended: one of its children may hold its output open.
const SLICE: Duration = Duration::from_millis(20);
/// Most bytes taken from the program at once.
const PIECE_LENGTH_BYTES: usize = 64 << 10;

/// Runs the command with this input, which must fit a pipe's buffer of 4096 bytes, and gives what it wrote.
pub(super) fn output(
    mut command: Command,
    input: &[u8],
    time: Duration,
    bytes_max: usize,
) -> Result<Vec<u8>, DecodeError> {
    let deadline = Instant::now() + time;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut family = Family::start(&mut command)?;
    if let Some(mut stdin) = family.child.stdin.take() {
        // It need not read what it does not want.
        drop(stdin.write_all(input));
    }
    let written = family.written(deadline, bytes_max)?;
    let status = family.end(deadline)?;
    if status.success() { Ok(written) } else { Err(DecodeError::Failed(status)) }
}

/// A program and its children. Dropped, all of its process group is killed.
struct Family {
    child: Child,
    group: Pid,
}

impl Family {
    fn start(command: &mut Command) -> Result<Self, DecodeError> {
        let child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        Ok(Self { child, group })
    }

    fn written(&mut self, deadline: Instant, bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
        let Some(mut stdout) = self.child.stdout.take() else { return Ok(Vec::new()) };
        let (mut written, mut piece) = (Vec::new(), vec![0; PIECE_LENGTH_BYTES]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DecodeError::Time);
            }
            // Asked before the pipe, so that what was written before the end is not missed.
            let ended = self.has_ended()?;
            let wait = if ended { Duration::ZERO } else { left.min(SLICE) };
            if !has_bytes(&stdout, wait)? {
                if ended {
                    return Ok(written);
                }
                continue;
            }
            match stdout.read(&mut piece) {
                Ok(0) => return Ok(written),
                Ok(length) => written.extend_from_slice(&piece[..length]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
            if written.len() > bytes_max {
                return Err(DecodeError::TooMuch);
            }
        }
    }

    /// Waits for the program's own end, then kills what it left behind.
    fn end(mut self, deadline: Instant) -> Result<ExitStatus, DecodeError> {
        while !self.has_ended()? {
            if Instant::now() >= deadline {
                return Err(DecodeError::Time);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        Ok(self.child.wait()?)
    }

    /// Whether the program has ended. It is not taken off the process table, so that its group keeps its number.
    fn has_ended(&self) -> Result<bool, DecodeError> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.group), options) {
            Ok(status) => Ok(status.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(DecodeError::System(e.into())),
        }
    }

    fn kill(&self) {
        // A group that is gone needs no killing.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // Once the program was waited for, its number may be another's.
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            drop(self.child.wait());
        }
    }
}

fn has_bytes(stream: &impl AsFd, wait: Duration) -> Result<bool, DecodeError> {
    let mut watched = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) as _ };
    match poll(&mut watched, Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(DecodeError::System(e.into())),
    }
}
