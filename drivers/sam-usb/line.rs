//! Frames over bulk endpoints: what goes where, and what is left over from before.

use std::time::{Duration, Instant};

use nusb::transfer::TransferError;
use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::SamTransport;
use yidang_idcard::frame::{HEAD_LENGTH_BYTES, LENGTH_MAX, PREAMBLE, REPLY_LENGTH_MIN};

use crate::condition::of_transfer;
use crate::endpoint::{Input, Output};

/// Longest time the reader may take to accept a request.
const SENT_WITHIN: Duration = Duration::from_secs(1);
/// How often a wait for a reply looks at its cancel flag.
const LOOKS_AT_CANCEL_EVERY: Duration = Duration::from_millis(50);
/// How long the reply to a request that was given up may still be coming.
const OVERDUE_WITHIN: Duration = Duration::from_secs(1);
/// A reply that began and then paused this long has broken off.
const BROKEN_OFF_AFTER: Duration = Duration::from_millis(100);
/// How long what was sent unasked may be on its way through the operating system.
const READY_WITHIN: Duration = Duration::from_millis(2);
/// How long a line must be silent after it was found, or may be, in the middle of something.
const SILENT_FOR: Duration = Duration::from_millis(50);
/// Left-over packets after which a reader counts as mad.
const LEFT_OVER_MAX: usize = 256;
/// How long a hub may take to notice that a plug was pulled. Until then transfers fail as on a bad cable.
const UNPLUGGED_SHOWS_WITHIN: Duration = Duration::from_millis(200);

/// One endpoint in each direction.
pub(crate) struct Pair<O, I> {
    pub(crate) output: O,
    pub(crate) input: I,
}

/// The way to a security module over one pair of endpoints or two.
pub(crate) struct Line<O, I> {
    /// Carries whole frames, or their heads where `body` carries the rest.
    head: Pair<O, I>,
    body: Option<Pair<O, I>>,
    awaited: Awaited,
    /// Something may be left over: from another program, or from an exchange that failed.
    unclean: bool,
    opened: Instant,
}

/// What is still to come of the reply to the last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Nothing.
    Nothing,
    /// So many bytes of a head were seen; those of the length are kept.
    Head { seen: usize, length: u16 },
    /// So many bytes after the head.
    Body(usize),
}

impl Awaited {
    const REPLY: Self = Self::Head { seen: 0, length: 0 };

    /// What is still to come after these bytes. Bytes that are no head are skipped, as the session does.
    fn after(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |awaited, &byte| match awaited {
            Self::Nothing | Self::Body(0 | 1) => Self::Nothing,
            Self::Body(left) => Self::Body(left - 1),
            Self::Head { seen, .. } if seen < PREAMBLE.len() => {
                let seen = match byte {
                    _ if byte == PREAMBLE[seen] => seen + 1,
                    // After three AA and a fourth, the last three may be the preamble's.
                    0xAA if seen == 3 => 3,
                    0xAA => 1,
                    _ => 0,
                };
                Self::Head { seen, length: 0 }
            }
            Self::Head { seen, length } => {
                let length = length << 8 | u16::from(byte);
                match usize::from(length) {
                    _ if seen + 1 < HEAD_LENGTH_BYTES => Self::Head { seen: seen + 1, length },
                    left if (REPLY_LENGTH_MIN..=LENGTH_MAX).contains(&left) => Self::Body(left),
                    _ => Self::REPLY,
                }
            }
        })
    }
}

impl<O: Output, I: Input> Line<O, I> {
    /// A line over open endpoints: `head` alone for whole frames, both for split ones.
    pub(crate) fn new(head: Pair<O, I>, body: Option<Pair<O, I>>) -> Self {
        Self { head, body, awaited: Awaited::Nothing, unclean: true, opened: Instant::now() }
    }

    /// Where the next bytes of the reply come from.
    fn input(&mut self) -> &mut I {
        match (self.awaited, &mut self.body) {
            (Awaited::Body(_), Some(body)) => &mut body.input,
            _ => &mut self.head.input,
        }
    }

    /// One packet of the reply; `None` when none came in time.
    fn packet(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, DeviceError> {
        match self.input().read(limit) {
            Ok(Some(bytes)) => {
                self.awaited = self.awaited.after(&bytes);
                Ok(Some(bytes))
            }
            Ok(None) => Ok(None),
            Err(TransferError::Stall) => {
                // The module has refused; nothing more of this reply comes.
                let cleared = self.input().clear_halt();
                self.abandon();
                Err(cleared.err().unwrap_or_else(|| of_transfer(TransferError::Stall)))
            }
            Err(error) => {
                self.unclean = true;
                Err(failed(error))
            }
        }
    }

    /// Waits for the reply to a request that was given up, so that it is not taken for that to the next.
    fn settle(&mut self) -> Result<(), DeviceError> {
        let until = Instant::now() + OVERDUE_WITHIN;
        while self.awaited != Awaited::Nothing {
            let left = until.saturating_duration_since(Instant::now());
            let begun = self.awaited != Awaited::REPLY;
            let limit = if begun { left.min(BROKEN_OFF_AFTER) } else { left };
            if self.packet(limit)?.is_none() {
                if !begun {
                    let detail = "the module is still busy with an earlier request";
                    return Err(DeviceError::new(DeviceCondition::Timeout, detail));
                }
                self.abandon();
            }
        }
        Ok(())
    }

    /// Expects no more of the reply.
    fn abandon(&mut self) {
        self.awaited = Awaited::Nothing;
        self.unclean = true;
    }

    /// Throws away what has arrived unasked.
    fn drain(&mut self) -> Result<(), DeviceError> {
        let at_first = if self.unclean { SILENT_FOR } else { READY_WITHIN };
        let inputs = [Some(&mut self.head.input), self.body.as_mut().map(|pair| &mut pair.input)];
        for input in inputs.into_iter().flatten() {
            let (mut left_over, mut limit) = (0, at_first);
            loop {
                match input.read(limit) {
                    Ok(None) => break,
                    Ok(Some(_)) => {}
                    Err(TransferError::Stall) => input.clear_halt()?,
                    Err(error) => return Err(failed(error)),
                }
                left_over += 1;
                limit = SILENT_FOR;
                if left_over > LEFT_OVER_MAX {
                    let detail = "the reader sends without being asked and does not end";
                    return Err(DeviceError::new(DeviceCondition::Protocol, detail));
                }
            }
        }
        self.unclean = false;
        Ok(())
    }
}

/// Sends through one endpoint. A stall left from before is cleared, and the bytes are sent once more.
fn write(output: &mut impl Output, bytes: &[u8]) -> Result<(), DeviceError> {
    match output.write(bytes, SENT_WITHIN) {
        Err(TransferError::Stall) => {
            output.clear_halt()?;
            output.write(bytes, SENT_WITHIN).map_err(failed)
        }
        outcome => outcome.map_err(failed),
    }
}

/// A failed transfer. After a fault the caller's next try must not come before a pulled plug shows as such.
fn failed(error: TransferError) -> DeviceError {
    if error == TransferError::Fault {
        std::thread::sleep(UNPLUGGED_SHOWS_WITHIN);
    }
    of_transfer(error)
}

impl<O: Output, I: Input> SamTransport for Line<O, I> {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        match self.settle() {
            // How an earlier reply failed is no matter of this request's.
            Err(error) if error.condition != DeviceCondition::Protocol => return Err(error),
            Err(_) => self.abandon(),
            Ok(()) => {}
        }
        self.drain()?;
        match &mut self.body {
            Some(body) => {
                let (head, rest) = request.split_at(request.len().min(HEAD_LENGTH_BYTES));
                write(&mut self.head.output, head)?;
                write(&mut body.output, rest)?;
            }
            None => write(&mut self.head.output, request)?,
        }
        self.awaited = Awaited::REPLY;
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        let until = Instant::now() + timeout;
        loop {
            if cancel.is_cancelled() {
                return Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a reply"));
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.packet(left.min(LOOKS_AT_CANCEL_EVERY))? {
                // A reply that fills its last packet may be followed by an empty one.
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => return Ok(bytes),
                None if left.is_zero() => {
                    let detail = "no reply over USB";
                    return Err(DeviceError::new(DeviceCondition::Timeout, detail));
                }
                None => {}
            }
        }
    }

    fn clock(&self) -> Duration {
        self.opened.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use yidang_idcard::frame::Reply;

    use super::*;

    #[test]
    fn the_end_of_a_reply_is_known_whatever_came_before() {
        let reply = Reply { status: [0, 0, 0x90], data: vec![0xAA; 300] }.to_frame();
        let impossible = [&PREAMBLE[..], &[0xFF, 0xFF]].concat();
        let too_short = [&PREAMBLE[..], &[0, 3]].concat();
        for noise in
            [&[][..], &[0xAA], &[0xAA; 4], &[0, 0xAA, 0xAA, 0xAA, 0x96, 0xAA], &impossible, &too_short]
        {
            let begun = Awaited::REPLY.after(noise);
            assert_ne!(begun, Awaited::Nothing);
            assert_eq!(begun.after(&reply[..HEAD_LENGTH_BYTES]), Awaited::Body(304), "after {noise:02X?}");
            assert_eq!(begun.after(&reply[..reply.len() - 1]), Awaited::Body(1));
            assert_eq!(begun.after(&reply), Awaited::Nothing);
        }
        assert_eq!(Awaited::Nothing.after(&reply), Awaited::Nothing);
    }
}
