//! The stream of a security module: frames cut into any pieces, and a whole reading answered by it.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use yidang_device::{Access, Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, ReadWish};
use yidang_idcard::frame::{FrameReader, Reply};
use yidang_idcard::{SamReader, SamTransport};
use yidang_model::Origin;

/// A module that answers each request with the next piece of the input, a length byte before each.
struct Answers<'a> {
    left: &'a [u8],
    now: Duration,
}

fn piece<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = left.split_first()?;
    let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length) + 1));
    *left = rest;
    Some(piece)
}

impl SamTransport for Answers<'_> {
    fn send(&mut self, _: &[u8]) -> Result<(), DeviceError> {
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, _: &Cancel) -> Result<Vec<u8>, DeviceError> {
        match piece(&mut self.left) {
            Some(piece) if !piece.is_empty() => {
                self.now += Duration::from_millis(1);
                Ok(piece.to_vec())
            }
            _ => {
                self.now += timeout;
                Err(DeviceError::new(DeviceCondition::Timeout, "silent"))
            }
        }
    }

    fn clock(&self) -> Duration {
        self.now
    }
}

fuzz_target!(|data: &[u8]| {
    let mut frames = FrameReader::new();
    let mut left = data;
    let mut replies = 0;
    while let Some(piece) = piece(&mut left) {
        frames.feed(piece);
        while let Some(reply) = frames.next_reply() {
            replies += 1;
            if let Ok(reply) = reply {
                assert!(Reply::from_frame(&reply.to_frame()) == Ok(reply), "a frame does not read back");
            }
        }
    }
    assert!(replies <= data.len(), "more replies than bytes");

    let listing = DeviceListing { id: "f".into(), name: "f".into(), access: Access::Granted };
    let answers = Answers { left: data, now: Duration::ZERO };
    let _ = SamReader::new(answers, listing, Origin::Device).read(ReadWish::default(), &Cancel::new());
});
