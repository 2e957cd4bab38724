//! An ID card reader in native USB mode, 0400:C35A.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use yidang_idcard::frame::{Command, HEAD_LENGTH_BYTES, REQUEST_LENGTH_MIN, decode};
use yidang_simulated::{Desk, Module};

use crate::bus::Plugged;
use crate::descriptor::{BULK, Descriptors, endpoint};
use crate::device::{Device, Speed};
use crate::wire::Wire;

/// Full speed, as these readers are said to be.
const PACKET_BYTES: u16 = 64;
/// Endpoints of heads and of whole frames.
const HEAD: (u8, u8) = (0x02, 0x81);
/// Endpoints of what follows the head.
const BODY: (u8, u8) = (0x06, 0x85);

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Head and rest over an endpoint pair each.
    Split,
    /// Over one endpoint pair.
    Whole,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamFault {
    /// The card leaves before the request is answered.
    TakeCard,
    /// The plug is pulled after so many bytes of the reply.
    PullAfter(usize),
    /// The reply's endpoint stalls in place of the reply.
    Stall,
    /// The reply comes only when the reader is told to [`release`](SamUsb::release) it.
    HoldBack,
}

/// A reader, plugged in or not, with the security module of a desk.
pub struct SamUsb {
    form: Form,
    desk: Desk,
    descriptors: Descriptors,
    state: Mutex<State>,
}

struct State {
    module: Module,
    /// Bytes of the request that has not wholly arrived.
    request: Vec<u8>,
    fault: Option<(Command, SamFault)>,
    held_back: Vec<Vec<u8>>,
}

impl SamUsb {
    /// A reader of this form.
    pub fn new(form: Form, desk: Desk) -> Arc<Self> {
        let pairs = match form {
            Form::Split => &[HEAD, BODY][..],
            Form::Whole => &[HEAD],
        };
        let endpoints: Vec<_> = pairs
            .iter()
            .flat_map(|(output, input)| [*input, *output])
            .map(|address| endpoint(address, BULK, PACKET_BYTES, 0))
            .collect();
        let strings = ["Yidang tests", "SAM reader", "TEST0001"];
        let descriptors = Descriptors::new((0x0400, 0xC35A), strings, 0xFF, &[], &endpoints);
        let module = Module::new(&desk);
        let state = State { module, request: vec![], fault: None, held_back: vec![] };
        Arc::new(Self { form, desk, descriptors, state: Mutex::new(state) })
    }

    /// Plugs it into a port (0 to 7).
    pub fn plug(self: &Arc<Self>, port: u8) -> io::Result<Plugged> {
        Plugged::new(port, Arc::clone(self) as Arc<dyn Device>)
    }

    /// Makes the next request of this kind go wrong.
    pub fn fail(&self, command: Command, fault: SamFault) {
        self.hold().fault = Some((command, fault));
    }

    /// Whether a fault still waits for its request.
    pub fn waits_to_fail(&self) -> bool {
        self.hold().fault.is_some()
    }

    /// Sends the replies that were held back.
    pub fn release(&self, plugged: &Plugged) {
        for reply in std::mem::take(&mut self.hold().held_back) {
            self.give(&reply, plugged.wire());
        }
    }

    /// Sends bytes nobody asked for, over every endpoint.
    pub fn babble(&self, plugged: &Plugged, bytes: &[u8]) {
        plugged.wire().give(HEAD.1, bytes);
        if self.form == Form::Split {
            plugged.wire().give(BODY.1, bytes);
        }
    }

    /// Stalls the endpoint of requests until the host clears it.
    pub fn refuse_requests(&self, plugged: &Plugged) {
        plugged.wire().halt(HEAD.0);
    }

    /// Takes no request any more, until it is plugged in again.
    pub fn freeze(&self, plugged: &Plugged) {
        plugged.wire().freeze(HEAD.0);
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a reply, or its beginning; the endpoint that would carry the next byte.
    fn give(&self, reply: &[u8], wire: &Wire) -> u8 {
        if self.form == Form::Whole {
            wire.give(HEAD.1, reply);
            return HEAD.1;
        }
        let (head, body) = reply.split_at(reply.len().min(HEAD_LENGTH_BYTES));
        wire.give(HEAD.1, head);
        if !body.is_empty() {
            wire.give(BODY.1, body);
        }
        if head.len() < HEAD_LENGTH_BYTES { HEAD.1 } else { BODY.1 }
    }

    /// Answers a whole request.
    fn answer(&self, request: &[u8], wire: &Wire) {
        let command = decode(request, REQUEST_LENGTH_MIN).ok().and_then(Command::from_body);
        let mut state = self.hold();
        let fault = state.fault.take_if(|(of, _)| Some(*of) == command).map(|(_, fault)| fault);
        if fault == Some(SamFault::TakeCard) {
            // Taking a card away reads no file and so cannot fail.
            let _ = self.desk.insert(None);
        }
        // A module whose desk fails is a module that does not answer.
        let reply = state.module.answer(request).unwrap_or_default();
        match fault {
            None | Some(SamFault::TakeCard) if !reply.is_empty() => {
                self.give(&reply, wire);
            }
            None | Some(SamFault::TakeCard) => {}
            Some(SamFault::PullAfter(bytes)) => {
                let next = self.give(&reply[..reply.len().min(bytes)], wire);
                wire.pull_after(next);
            }
            Some(SamFault::Stall) => wire.halt(HEAD.1),
            Some(SamFault::HoldBack) => state.held_back.push(reply),
        }
    }
}

impl Device for SamUsb {
    fn speed(&self) -> Speed {
        Speed::Full
    }

    fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    fn request(&self, _: [u8; 8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn power_up(&self, _: &Arc<Wire>) {
        let mut state = self.hold();
        state.module = Module::new(&self.desk);
        state.request.clear();
        state.held_back.clear();
    }

    fn take(&self, endpoint: u8, bytes: &[u8], wire: &Wire) {
        let request = {
            let mut state = self.hold();
            let of_head = endpoint == HEAD.0;
            // A head over the wrong endpoint is what a driver that mixes the forms up would send.
            if self.form == Form::Split && of_head != (state.request.len() < HEAD_LENGTH_BYTES) {
                state.request.clear();
                return;
            }
            state.request.extend_from_slice(bytes);
            let Some(length) = state.request.get(5..HEAD_LENGTH_BYTES) else { return };
            let whole = HEAD_LENGTH_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]]));
            if state.request.len() < whole {
                return;
            }
            std::mem::take(&mut state.request)
        };
        self.answer(&request, wire);
    }
}
