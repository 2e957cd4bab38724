//! A running stream: frames out of the kernel's buffers.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use yidang_device::{Cancel, DeviceCondition, DeviceError, FrameFormat, Rate, whole_jpeg};

use crate::buffer::{Mapped, description, read_once};
use crate::condition::{Stage, of};
use crate::format::Offer;
use crate::layout::{
    CAPTURE, CLOCK_MASK, CLOCK_MONOTONIC, FRAME_DAMAGED, Format, Fraction, MEMORY_MAPPED, Pixels,
    RequestBuffers, StreamParameters,
};
use crate::{ioctl, raw};

/// Most buffers that are used, whatever the kernel gives.
const BUFFERS_MAX: u32 = 32;
/// Longest time between two looks at whether the call was cancelled.
const SLICE: Duration = Duration::from_millis(50);

/// A frame in its buffer, which the kernel has handed out.
pub(crate) struct Taken {
    index: usize,
    used_bytes: usize,
    /// When it began to arrive, by the monotonic clock; `None` where the kernel stamps otherwise.
    pub(crate) stamp: Option<Duration>,
}

/// A stream in one mode. Dropping it ends it.
pub(crate) struct Stream {
    node: Arc<File>,
    offer: Offer,
    rate: Option<Rate>,
    /// Time between two frames, as the camera says; zero where it does not.
    interval: Duration,
    pixels: Pixels,
    buffers: Vec<Mapped>,
    /// Whether it has given a frame, damaged or not.
    has_given: bool,
}

impl Stream {
    /// Starts it, at this rate or the camera's own, with so many buffers or as many as the kernel gives.
    pub(crate) fn start(
        node: &Arc<File>,
        offer: &Offer,
        rate: Option<Rate>,
        buffers: u32,
    ) -> Result<Self, DeviceError> {
        let pixels = choose(node, offer)?;
        if let Some(rate) = rate {
            // A camera that keeps its own rate is as good.
            let wanted = Fraction { numerator: rate.seconds, denominator: rate.frames };
            let _ = ioctl::set_parameters(node.as_fd(), &mut parameters(wanted));
        }
        let mut asked = request(buffers);
        ioctl::request_buffers(node.as_fd(), &mut asked).map_err(|e| of(e, Stage::Using, "REQBUFS"))?;
        // From here on dropping it gives the buffers back.
        let mut stream = Self {
            node: Arc::clone(node),
            offer: offer.clone(),
            rate,
            interval: interval(node),
            pixels,
            buffers: Vec::new(),
            has_given: false,
        };
        for index in 0..asked.count.min(BUFFERS_MAX) {
            let mapped = Mapped::new(node.as_fd(), index);
            let mut mapped = mapped.map_err(|e| of(e, Stage::Using, "QUERYBUF"))?;
            mapped.queue(node.as_fd()).map_err(|e| of(e, Stage::Using, "QBUF"))?;
            stream.buffers.push(mapped);
        }
        ioctl::start(node.as_fd()).map_err(|e| of(e, Stage::Using, "STREAMON"))?;
        Ok(stream)
    }

    /// Whether it is in this mode, at whatever rate.
    pub(crate) fn is_in(&self, offer: &Offer) -> bool {
        self.offer == *offer
    }

    pub(crate) fn rate(&self) -> Option<Rate> {
        self.rate
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn has_given(&self) -> bool {
        self.has_given
    }

    /// How many frames may wait at most.
    pub(crate) fn buffers(&self) -> u32 {
        self.buffers.len() as u32
    }

    /// The oldest whole frame that waits; `None` where none does. Damaged ones are passed over.
    pub(crate) fn ready(&mut self) -> Result<Option<Taken>, DeviceError> {
        // More than all of them within one call is a camera that only damages.
        for _ in 0..self.buffers.len() {
            let mut buffer = description(0);
            match ioctl::dequeue(self.node.as_fd(), &mut buffer) {
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(of(error, Stage::Using, "DQBUF")),
                Ok(()) => {}
            }
            self.has_given = true;
            let index = buffer.index as usize;
            if index >= self.buffers.len() {
                return Err(broken("a buffer that does not exist"));
            }
            let [seconds, microseconds] = buffer.stamp.map(|part| u64::try_from(part).unwrap_or(0));
            let stamp = Duration::from_secs(seconds) + Duration::from_micros(microseconds);
            let stamp = (buffer.flags & CLOCK_MASK == CLOCK_MONOTONIC).then_some(stamp);
            let taken = Taken { index, used_bytes: buffer.used_bytes as usize, stamp };
            if buffer.flags & FRAME_DAMAGED == 0 {
                return Ok(Some(taken));
            }
            // Its length says nothing about what was written.
            self.give_back(Taken { used_bytes: usize::MAX, ..taken })?;
        }
        Ok(None)
    }

    /// The next whole frame. Blocks until it is there, until this time, or until the call is cancelled.
    pub(crate) fn next(&mut self, until: Instant, cancel: &Cancel) -> Result<Taken, DeviceError> {
        loop {
            unless_cancelled(cancel)?;
            if let Some(taken) = self.ready()? {
                return Ok(taken);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DeviceError::new(DeviceCondition::Timeout, "no picture came"));
            }
            self.wait(left.min(SLICE))?;
        }
    }

    /// Sleeps until a frame waits, or this long.
    fn wait(&self, span: Duration) -> Result<(), DeviceError> {
        let node = self.node.as_fd();
        let mut asked = [PollFd::from_borrowed_fd(node, PollFlags::IN)];
        let span = Timespec { tv_sec: span.as_secs() as i64, tv_nsec: i64::from(span.subsec_nanos()) };
        match poll(&mut asked, Some(&span)) {
            Err(Errno::INTR) => return Ok(()),
            answer => answer.map_err(|e| of(e, Stage::Using, "poll"))?,
        };
        let flags = asked[0].revents();
        if flags.intersects(PollFlags::ERR | PollFlags::HUP) && !flags.contains(PollFlags::IN) {
            // A camera that is gone says so itself; anything else is a stream that broke.
            ioctl::capability(node).map_err(|e| of(e, Stage::Using, "QUERYCAP"))?;
            return Err(broken("the stream ended"));
        }
        Ok(())
    }

    /// Lets the kernel fill the buffer anew. Nothing of the frame stays in it.
    pub(crate) fn give_back(&mut self, taken: Taken) -> Result<(), DeviceError> {
        self.read(taken, |_, _| None).map(|_| ())
    }

    /// The picture, as a whole JPEG, and the buffer back to the kernel. `None` where the frame holds no whole picture.
    pub(crate) fn picture(&mut self, taken: Taken) -> Result<Option<Vec<u8>>, DeviceError> {
        let format = self.offer.mode.format;
        self.read(taken, |pixels, frame| match format {
            FrameFormat::Mjpeg => whole_jpeg(frame),
            FrameFormat::Raw => raw::encode(pixels, frame),
        })
    }

    fn read(
        &mut self,
        taken: Taken,
        read: impl FnOnce(&Pixels, &[u8]) -> Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, DeviceError> {
        let buffer = &mut self.buffers[taken.index];
        let picture = read_once(buffer.content(), taken.used_bytes, |frame| read(&self.pixels, frame));
        buffer.queue(self.node.as_fd()).map_err(|e| of(e, Stage::Using, "QBUF"))?;
        Ok(picture)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A camera that is gone has nothing left to end.
        let _ = ioctl::stop(self.node.as_fd());
        self.buffers.clear();
        let _ = ioctl::request_buffers(self.node.as_fd(), &mut request(0));
    }
}

fn request(count: u32) -> RequestBuffers {
    RequestBuffers { count, kind: CAPTURE, memory: MEMORY_MAPPED, ..RequestBuffers::default() }
}

fn parameters(interval: Fraction) -> StreamParameters {
    StreamParameters { kind: CAPTURE, capability: 0, mode: 0, interval, rest: [0; 46] }
}

/// The time between two frames that the camera has set.
fn interval(node: &Arc<File>) -> Duration {
    let mut asked = parameters(Fraction { numerator: 0, denominator: 0 });
    let Fraction { numerator, denominator } = match ioctl::get_parameters(node.as_fd(), &mut asked) {
        Ok(()) => asked.interval,
        Err(_) => return Duration::ZERO,
    };
    Duration::from_secs(u64::from(numerator)).checked_div(denominator).unwrap_or_default()
}

/// Sets the mode; what it is in the camera's words.
fn choose(node: &Arc<File>, offer: &Offer) -> Result<Pixels, DeviceError> {
    let (width, height, pixel_format) = (offer.mode.width, offer.mode.height, offer.pixel_format);
    let pixels = Pixels { width, height, pixel_format, ..Pixels::default() };
    let mut format = Format { kind: CAPTURE, aligned: 0, pixels, rest: [0; 19] };
    ioctl::set_format(node.as_fd(), &mut format).map_err(|e| of(e, Stage::Using, "S_FMT"))?;
    let set = format.pixels;
    if (set.width, set.height, set.pixel_format) != (width, height, pixel_format) {
        return Err(broken("the camera does not take a mode it offers"));
    }
    Ok(set)
}

/// An error once the caller does not want the picture any more.
pub(crate) fn unless_cancelled(cancel: &Cancel) -> Result<(), DeviceError> {
    match cancel.is_cancelled() {
        true => Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a picture")),
        false => Ok(()),
    }
}

fn broken(detail: &str) -> DeviceError {
    DeviceError::new(DeviceCondition::Protocol, format!("V4L2: {detail}"))
}
