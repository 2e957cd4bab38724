//! A document camera of the USB video class: MJPEG over a bulk endpoint, the pictures given from outside.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bus::Plugged;
use crate::descriptor::Descriptors;
use crate::device::{Device, Speed};
use crate::uvc_control::Controls;
use crate::uvc_descriptor::{PICTURES, SIZES, STREAMING, descriptors, picture_bytes_max};
use crate::wire::Wire;

/// Largest piece of a picture, its header included.
const PIECE_BYTES: usize = 16_384;
/// Bytes of a probe or commit.
const SETTINGS_BYTES: usize = 26;
const PROBE: u8 = 1;
const COMMIT: u8 = 2;
/// Longest time until a camera that rests notices that its plug is pulled.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What goes wrong with the next picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UvcFault {
    /// No picture comes any more until the stream is started anew; of a camera that rests, after its next start.
    Stall,
    /// Its last piece says that something went wrong.
    Damage,
    /// It breaks off in the middle.
    Cut,
    /// The plug is pulled in its middle.
    Pull,
}

/// A camera, plugged in or not.
pub struct Uvc {
    descriptors: Descriptors,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// One picture of each size.
    pictures: [Arc<[u8]>; SIZES.len()],
    controls: Controls,
    settings: [u8; SETTINGS_BYTES],
    /// Which size is streamed, and the time between two pictures.
    streaming: Option<(usize, Duration)>,
    stalled: bool,
    fault: Option<UvcFault>,
    /// Changes from picture to picture.
    parity: bool,
}

impl Uvc {
    /// A camera with this serial number.
    pub fn new(serial: &'static str) -> Arc<Self> {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new() };
        Arc::new(Self { descriptors: descriptors(serial), shared: Arc::new(shared) })
    }

    /// Plugs it into a port (0 to 7).
    pub fn plug(self: &Arc<Self>, port: u8) -> io::Result<Plugged> {
        Plugged::new(port, Arc::clone(self) as Arc<dyn Device>)
    }

    /// What it sees from the next picture on: as a page, and as a preview.
    pub fn lay(&self, page: &[u8], preview: &[u8]) {
        self.shared.hold().pictures = [page.into(), preview.into()];
    }

    /// Makes the next picture go wrong.
    pub fn fail(&self, fault: UvcFault) {
        self.shared.hold().fault = Some(fault);
    }

    /// Whether a fault still waits for its picture.
    pub fn waits_to_fail(&self) -> bool {
        self.shared.hold().fault.is_some()
    }

    /// Whether the host lets it stream.
    pub fn is_streaming(&self) -> bool {
        self.shared.hold().streaming.is_some()
    }
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives one picture after the other while the host streams, until the plug is pulled.
    fn stream(&self, wire: &Wire) {
        while !wire.is_pulled() {
            let pause = {
                let mut state = self.hold();
                // A host that is behind gets fewer pictures, not older ones.
                if state.streaming.is_some() && !wire.is_behind(PICTURES) {
                    state.show(wire);
                }
                state.streaming.map(|(_, interval)| interval)
            };
            match pause {
                Some(interval) => std::thread::sleep(interval),
                None => {
                    let state = self.hold();
                    let rests = |state: &mut State| state.streaming.is_none();
                    let _ = self.changed.wait_timeout_while(state, LOOK_EVERY, rests);
                }
            }
        }
    }
}

impl State {
    /// Gives one picture, or what goes wrong in its place.
    fn show(&mut self, wire: &Wire) {
        let fault = self.fault.take();
        self.stalled |= fault == Some(UvcFault::Stall);
        let Some((size, _)) = self.streaming.filter(|_| !self.stalled) else { return };
        let picture = Arc::clone(&self.pictures[size]);
        let whole = !matches!(fault, Some(UvcFault::Cut | UvcFault::Pull));
        let picture = if whole { &picture[..] } else { &picture[..picture.len() / 2] };
        let mut pieces = picture.chunks(PIECE_BYTES - 2).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let ends = last && fault != Some(UvcFault::Pull);
            let damaged = last && fault == Some(UvcFault::Damage);
            let flags = 0x80 | u8::from(damaged) << 6 | u8::from(ends) << 1 | u8::from(self.parity);
            wire.give(PICTURES, &[&[2, flags], piece].concat());
        }
        self.parity = !self.parity;
        if fault == Some(UvcFault::Pull) {
            wire.pull_after(PICTURES);
        }
    }

    /// What the host proposes becomes what the camera can do.
    fn settle(&mut self, proposed: &[u8]) {
        let number = |at: usize| {
            proposed
                .get(at..at + 4)
                .map_or(0, |bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let index =
            proposed.get(3).copied().filter(|index| (1..=SIZES.len() as u8).contains(index)).unwrap_or(1);
        let size = &SIZES[usize::from(index) - 1];
        let wanted = number(4);
        let interval =
            size.intervals.iter().find(|interval| **interval == wanted).unwrap_or(&size.intervals[0]);
        let mut settings = [0; SETTINGS_BYTES];
        settings[2..4].copy_from_slice(&[1, index]);
        settings[4..8].copy_from_slice(&interval.to_le_bytes());
        settings[18..22].copy_from_slice(&picture_bytes_max(size).to_le_bytes());
        settings[22..26].copy_from_slice(&(PIECE_BYTES as u32).to_le_bytes());
        self.settings = settings;
    }

    fn start(&mut self) {
        let [_, _, _, index, a, b, c, d, ..] = self.settings;
        let interval = Duration::from_nanos(u64::from(u32::from_le_bytes([a, b, c, d])) * 100);
        self.streaming = Some((usize::from(index) - 1, interval));
        self.stalled = false;
    }
}

impl Device for Uvc {
    fn speed(&self) -> Speed {
        Speed::High
    }

    fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    fn request(&self, setup: [u8; 8], data: &[u8]) -> Option<Vec<u8>> {
        let [_, request, _, selector, interface, entity, ..] = setup;
        let mut state = self.shared.hold();
        if interface != STREAMING {
            return state.controls.answer(request, (entity, selector), data);
        }
        match (request, selector) {
            (0x01, PROBE | COMMIT) => {
                state.settle(data);
                if selector == COMMIT {
                    state.start();
                    self.shared.changed.notify_all();
                }
                Some(vec![])
            }
            (0x81..=0x83 | 0x87, PROBE | COMMIT) => {
                if state.settings[3] == 0 {
                    state.settle(&[]);
                }
                Some(state.settings.to_vec())
            }
            (0x85, PROBE | COMMIT) => Some(vec![SETTINGS_BYTES as u8, 0]),
            (0x86, PROBE | COMMIT) => Some(vec![3]),
            _ => None,
        }
    }

    /// This is how a host ends a stream over a bulk endpoint.
    fn cleared(&self, endpoint: u8, wire: &Wire) {
        if endpoint == PICTURES {
            self.shared.hold().streaming = None;
            wire.forget(PICTURES);
        }
    }

    fn power_up(&self, wire: &Arc<Wire>) {
        {
            let mut state = self.shared.hold();
            state.controls = Controls::default();
            state.settings = [0; SETTINGS_BYTES];
            state.streaming = None;
            state.stalled = false;
        }
        let (shared, wire) = (Arc::clone(&self.shared), Arc::clone(wire));
        // Its end is that of the wire.
        let _ = std::thread::Builder::new().name("usb-camera".to_owned()).spawn(move || shared.stream(&wire));
    }

    fn take(&self, _: u8, _: &[u8], _: &Wire) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_becomes_what_the_camera_can_do() {
        let mut state = State::default();
        let mut wish = [0; SETTINGS_BYTES];
        wish[3] = 2;
        wish[4..8].copy_from_slice(&666_666u32.to_le_bytes());
        state.settle(&wish);
        assert_eq!((state.settings[3], &state.settings[4..8]), (2, &666_666u32.to_le_bytes()[..]));
        wish[3] = 9;
        state.settle(&wish);
        assert_eq!((state.settings[3], &state.settings[4..8]), (1, &1_000_000u32.to_le_bytes()[..]));
    }
}
