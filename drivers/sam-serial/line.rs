//! A serial line to a security module: 8 data bits, no parity, one stop bit, no flow control.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serial2::{KeepSettings, SerialPort};
use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::SamTransport;
use yidang_idcard::frame::{FrameError, FrameReader};

use crate::condition::{Stage, cancelled, hung_up, of_io, silence};
use crate::hold::HeldPort;

/// Longest single wait for a byte, so that a cancelled call ends soon.
const SLICE: Duration = Duration::from_millis(50);
/// Longest time the port may take to accept a request.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
/// How long after its request a reply that nobody waits for any more may still come.
const LATE_BY: Duration = Duration::from_secs(1);
/// Most bytes taken from the port at once.
const PIECE_LENGTH_BYTES: usize = 2048;

/// An open port that nobody else uses.
pub(crate) struct SerialLine {
    path: PathBuf,
    held: HeldPort,
    opened: Instant,
    buffer: Vec<u8>,
    /// When the request was sent whose reply has not wholly come.
    owed: Option<Instant>,
    /// What has come of that reply.
    coming: FrameReader,
}

impl SerialLine {
    /// Opens a port and takes hold of it; its settings stay those it had until [`set_rate`](Self::set_rate).
    pub(crate) fn open(path: &Path) -> Result<Self, DeviceError> {
        // Settings are touched only once the port is ours: another program may be talking.
        let held = SerialPort::open(path, KeepSettings).and_then(HeldPort::take).and_then(|mut held| {
            held.ignore_modem_lines()?;
            held.port().set_write_timeout(WRITTEN_WITHIN)?;
            Ok(held)
        });
        Ok(Self {
            path: path.to_owned(),
            held: held.map_err(|e| of_io(&e, Stage::Opening, path))?,
            opened: Instant::now(),
            buffer: vec![0; PIECE_LENGTH_BYTES],
            owed: None,
            coming: FrameReader::new(),
        })
    }

    /// Sets the port's rate. What is under way at the old one is forgotten.
    pub(crate) fn set_rate(&mut self, baud: u32) -> io::Result<()> {
        self.owed = None;
        self.coming.clear();
        let port = self.held.port();
        port.discard_buffers()?;
        let mut settings = port.get_configuration()?;
        settings.set_raw();
        settings.set_baud_rate(baud)?;
        port.set_configuration(&settings)
    }

    /// What an error of the port means while talking.
    pub(crate) fn explain(&self, error: &io::Error) -> DeviceError {
        of_io(error, Stage::Talking, &self.path)
    }

    /// Lets the reply pass that an earlier call gave up: it would be taken for the answer to the next request.
    /// One that is later still cannot be told apart from that answer.
    fn let_late_reply_pass(&mut self) -> Result<(), DeviceError> {
        let nobody_cancels = Cancel::new();
        while let Some(sent) = self.owed {
            let left = LATE_BY.saturating_sub(sent.elapsed());
            match self.receive(left, &nobody_cancels) {
                Err(e) if e.condition == DeviceCondition::Timeout => break,
                other => other?,
            };
        }
        Ok(())
    }

    /// Notices the end of the reply.
    fn note(&mut self, length: usize) {
        self.coming.feed(&self.buffer[..length]);
        while let Some(reply) = self.coming.next_reply() {
            if matches!(reply, Ok(_) | Err(FrameError::Checksum)) {
                self.owed = None;
            }
        }
    }
}

impl SamTransport for SerialLine {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        self.let_late_reply_pass()?;
        self.coming.clear();
        let port = self.held.port();
        // Both ways: a request that got stuck must not go out before this one.
        let sent = port.discard_buffers().and_then(|()| port.write_all(request));
        sent.map_err(|e| self.explain(&e))?;
        self.owed = Some(Instant::now());
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        let until = Instant::now() + timeout;
        loop {
            if cancel.is_cancelled() {
                return Err(cancelled());
            }
            let left = until.saturating_duration_since(Instant::now());
            // The library counts in whole milliseconds: what is left of one is waited for.
            let slice = left.min(SLICE) + Duration::from_millis(1);
            let port = self.held.port();
            match port.set_read_timeout(slice).and_then(|()| port.read(&mut self.buffer)) {
                Ok(0) => return Err(hung_up(&self.path)),
                Ok(length) => {
                    self.note(length);
                    return Ok(self.buffer[..length].to_vec());
                }
                Err(e) if is_no_byte_yet(e.kind()) && left.is_zero() => return Err(silence(&self.path)),
                Err(e) if is_no_byte_yet(e.kind()) => {}
                Err(e) => return Err(self.explain(&e)),
            }
        }
    }

    fn clock(&self) -> Duration {
        self.opened.elapsed()
    }
}

const fn is_no_byte_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
