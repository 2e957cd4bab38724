//! One open camera.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use yidang_device::{
    Camera, Cancel, Control, ControlName, DeviceCondition, DeviceError, DeviceListing, Frame, Mode,
    PreviewWish, preview_mode, preview_rate,
};
use yidang_model::Origin;

use crate::condition::{Stage, of};
use crate::format::Offer;
use crate::patience::Pace;
use crate::picking::{Before, PREVIEW_AGE_MAX, Picking};
use crate::stream::{Stream, Taken, unless_cancelled};
use crate::{control, ioctl};

/// Buffers of a stream: for a page each picture is looked at as it comes, and each buffer costs the kernel time to clear
/// before the stream starts; in a preview nobody may look for a while.
const BUFFERS_OF_A_PAGE: u32 = 2;
const BUFFERS_OF_A_PREVIEW: u32 = 4;

/// A camera and the stream that runs on it. The stream of a preview goes on between two calls; that of a page alone
/// ends with it, so that nobody sees the camera's lamp burn without a reason.
pub(crate) struct V4l2Camera {
    listing: DeviceListing,
    node: Arc<File>,
    /// Never empty; the first is the mode of pages.
    offers: Vec<Offer>,
    stream: Option<Stream>,
    /// Shared with the handles before and after this one.
    pace: Arc<Mutex<Pace>>,
}

impl V4l2Camera {
    pub(crate) fn new(
        listing: DeviceListing,
        node: File,
        offers: Vec<Offer>,
        pace: Arc<Mutex<Pace>>,
    ) -> Self {
        Self { listing, node: Arc::new(node), offers, stream: None, pace }
    }

    fn page(&mut self, until: Instant, cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        unless_cancelled(cancel)?;
        // Before the stream starts: its first picture is one of those to pass over, and not one from before.
        let began = clock();
        let best = &self.offers[0];
        let before = match self.stream.take_if(|stream| !stream.is_in(best)) {
            Some(_) => Before::OtherMode,
            None => match &self.stream {
                Some(stream) => Before::SameMode { buffers: stream.buffers() },
                None => Before::Rested,
            },
        };
        let stream = match self.stream.as_mut() {
            Some(stream) => stream,
            None => self.stream.insert(Stream::start(&self.node, best, None, BUFFERS_OF_A_PAGE)?),
        };
        let mut picking = Picking::new(before, began, Instant::now());
        let page = loop {
            let taken = next(stream, &self.pace, until, cancel)?;
            if !picking.takes(taken.stamp, Instant::now()) {
                stream.give_back(taken)?;
            } else if let Some(picture) = stream.picture(taken)? {
                break picture;
            }
        };
        if !matches!(before, Before::SameMode { .. }) {
            self.stream = None;
        }
        Ok(page)
    }

    fn live(&mut self, wish: &PreviewWish, until: Instant, cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        // A picture may be there before anybody waits for one.
        unless_cancelled(cancel)?;
        let modes = self.offers.iter().map(|offer| &offer.mode);
        let offer = &self.offers[preview_mode(modes, wish).unwrap_or(0)];
        let rate = preview_rate(&offer.mode.rates, wish);
        self.stream.take_if(|stream| !stream.is_in(offer) || stream.rate() != rate);
        let stream = match self.stream.as_mut() {
            Some(stream) => stream,
            None => self.stream.insert(Stream::start(&self.node, offer, rate, BUFFERS_OF_A_PREVIEW)?),
        };
        let mut newest = newest(stream)?;
        loop {
            let taken = match newest.take() {
                Some(taken) => taken,
                None => next(stream, &self.pace, until, cancel)?,
            };
            if taken.stamp.is_some_and(|stamp| stamp + PREVIEW_AGE_MAX < clock()) {
                stream.give_back(taken)?;
            } else if let Some(picture) = stream.picture(taken)? {
                return Ok(picture);
            }
        }
    }

    /// What the outcome of a call is to the caller; a stream in which anything failed is not used again.
    fn outcome(&mut self, outcome: Result<Vec<u8>, DeviceError>) -> Result<Frame, DeviceError> {
        outcome.map(|bytes| Frame { bytes, origin: Origin::Device }).map_err(|error| {
            self.stream = None;
            self.gone(error)
        })
    }

    /// A camera that is being unplugged fails in many ways; whether it is there says which it was.
    fn gone(&self, error: DeviceError) -> DeviceError {
        match ioctl::capability(&self.node) {
            Err(gone) if error.condition == DeviceCondition::Protocol => of(gone, Stage::Using, "QUERYCAP"),
            _ => error,
        }
    }
}

impl Camera for V4l2Camera {
    fn listing(&self) -> DeviceListing {
        self.listing.clone()
    }

    fn modes(&self) -> Vec<Mode> {
        self.offers.iter().map(|offer| offer.mode.clone()).collect()
    }

    fn controls(&mut self) -> Result<Vec<Control>, DeviceError> {
        control::all(self.node.as_fd()).map_err(|error| self.gone(error))
    }

    fn set_control(&mut self, name: ControlName, value: i64) -> Result<(), DeviceError> {
        control::set(self.node.as_fd(), name, value).map_err(|error| self.gone(error))
    }

    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError> {
        let page = self.page(Instant::now() + timeout, cancel);
        self.outcome(page)
    }

    fn preview(
        &mut self,
        wish: &PreviewWish,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Frame, DeviceError> {
        let picture = self.live(wish, Instant::now() + timeout, cancel);
        self.outcome(picture)
    }

    fn rest(&mut self) {
        self.stream = None;
    }
}

/// The next whole frame; a camera that stalls is told before the caller's time is over.
fn next(
    stream: &mut Stream,
    pace: &Mutex<Pace>,
    until: Instant,
    cancel: &Cancel,
) -> Result<Taken, DeviceError> {
    let pace = || pace.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, began) = (!stream.has_given(), Instant::now());
    let stalls_at = began + pace().patience(first, stream.interval());
    let outcome = stream.next(until.min(stalls_at), cancel);
    match &outcome {
        Ok(_) => pace().came(first, began.elapsed()),
        Err(error) if error.condition == DeviceCondition::Timeout && stalls_at < until => pace().stalled(),
        Err(_) => {}
    }
    outcome
}

/// The newest frame that waits. Where every buffer holds one, the camera had none left for what lies there now.
fn newest(stream: &mut Stream) -> Result<Option<Taken>, DeviceError> {
    let mut newest = None;
    for _ in 0..stream.buffers() {
        let Some(taken) = stream.ready()? else { return Ok(newest) };
        if let Some(older) = newest.replace(taken) {
            stream.give_back(older)?;
        }
    }
    if let Some(stale) = newest.take() {
        stream.give_back(stale)?;
    }
    Ok(newest)
}

/// Now, by the clock that frames are stamped with.
fn clock() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
