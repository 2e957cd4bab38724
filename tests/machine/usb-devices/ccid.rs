//! A card reader of the CCID class that libccid drives, with the cards of the virtual PC/SC reader on it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use yidang_virtual_reader::Card;

use crate::bus::Plugged;
use crate::descriptor::{BULK, Descriptors, INTERRUPT, endpoint};
use crate::device::{Device, Speed};
use crate::wire::Wire;

const FROM_HOST: u8 = 0x01;
const TO_HOST: u8 = 0x82;
const CHANGES: u8 = 0x83;
/// A message's fixed part, both ways.
const HEADER_BYTES: usize = 10;
/// The longest message announced: an extended APDU and the header.
const MESSAGE_BYTES_MAX: u32 = 65_556;

/// What goes wrong with one APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CcidFault {
    /// The card leaves while it is asked.
    TakeCard,
    /// The plug is pulled while the answer is awaited.
    Pull,
    /// The endpoint of answers stalls in place of the answer.
    Stall,
}

/// A reader, plugged in or not.
pub struct Ccid {
    descriptors: Descriptors,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    card: Option<Card>,
    powered: bool,
    /// Bytes of the message that has not wholly arrived.
    message: Vec<u8>,
    /// So many APDUs pass first.
    fault: Option<(u32, CcidFault)>,
    /// While it is plugged in.
    wire: Option<Arc<Wire>>,
}

impl Ccid {
    /// An empty reader.
    pub fn new() -> Arc<Self> {
        let endpoints = [
            endpoint(FROM_HOST, BULK, 512, 0),
            endpoint(TO_HOST, BULK, 512, 0),
            endpoint(CHANGES, INTERRUPT, 8, 8),
        ];
        // A contactless reader that libccid knows, so that its list of readers need not be changed.
        let strings = ["Yidang tests", "CCID reader", "TEST0002"];
        let descriptors = Descriptors::new((0x076B, 0x5321), strings, 0x0B, &class(), &endpoints);
        Arc::new(Self { descriptors, state: Mutex::default() })
    }

    /// Plugs it into a port (0 to 7).
    pub fn plug(self: &Arc<Self>, port: u8) -> io::Result<Plugged> {
        Plugged::new(port, Arc::clone(self) as Arc<dyn Device>)
    }

    /// Puts a card on the reader, or takes the one that lies there away.
    pub fn lay(&self, card: Option<Card>) {
        self.hold().lay(card);
    }

    /// Lets so many APDUs pass, and then one goes wrong.
    pub fn fail_after(&self, passing: u32, fault: CcidFault) {
        self.hold().fault = Some((passing, fault));
    }

    /// Whether a fault still waits for its APDU.
    pub fn waits_to_fail(&self) -> bool {
        self.hold().fault.is_some()
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The class descriptor (CCID 1.1, table 5.1-1): one slot, T=0 and T=1, extended APDUs.
fn class() -> Vec<u8> {
    let mut bytes = vec![0x36, 0x21, 0x10, 0x01, 0, 7];
    let number = |bytes: &mut Vec<u8>, numbers: &[u32]| {
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    };
    // Protocols; clocks in kHz; how many there are.
    number(&mut bytes, &[3, 4000, 4000]);
    bytes.push(0);
    // Data rates in bit/s; how many there are.
    number(&mut bytes, &[10_752, 344_086]);
    bytes.push(0);
    // IFSD; no synchronous protocols; nothing mechanical; everything automatic, extended APDUs.
    number(&mut bytes, &[254, 0, 0, 0x0004_00BE, MESSAGE_BYTES_MAX]);
    // GET RESPONSE and ENVELOPE classes echoed, no display, no keypad, one slot busy at a time.
    bytes.extend([0xFF, 0xFF, 0, 0, 0, 1]);
    bytes
}

impl State {
    fn lay(&mut self, card: Option<Card>) {
        self.powered = false;
        self.card = card;
        if let Some(wire) = &self.wire {
            // RDR_to_PC_NotifySlotChange: changed, and whether a card is there.
            wire.give(CHANGES, &[0x50, 2 | u8::from(self.card.is_some())]);
        }
    }

    /// Active, inactive, or absent.
    fn card_status(&self) -> u8 {
        match (&self.card, self.powered) {
            (None, _) => 2,
            (Some(_), false) => 1,
            (Some(_), true) => 0,
        }
    }

    /// An answer to this message: its kind, its last header byte, its data.
    fn answer(&self, to: &[u8], kind: u8, last: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u32).to_le_bytes();
        [&[kind], length.as_slice(), &[to[5], to[6], self.card_status(), 0, last], data].concat()
    }

    /// An answer that says why there is none.
    fn refusal(&self, to: &[u8], kind: u8, error: u8) -> Vec<u8> {
        let mut answer = self.answer(to, kind, 0, &[]);
        answer[7] |= 0x40;
        answer[8] = error;
        answer
    }

    fn carry_out(&mut self, message: &[u8], wire: &Wire) {
        const DATA: u8 = 0x80;
        const SLOT: u8 = 0x81;
        const PARAMETERS: u8 = 0x82;
        const MUTE: u8 = 0xFE;
        let reply = match (message[0], &self.card) {
            (0x62, Some(card)) => {
                let atr = card.atr().to_vec();
                self.powered = true;
                self.answer(message, DATA, 0, &atr)
            }
            (0x6F, Some(_)) => return self.transmit(message, wire),
            (0x62 | 0x6F, None) => self.refusal(message, DATA, MUTE),
            (0x63, _) => {
                self.powered = false;
                self.answer(message, SLOT, 0, &[])
            }
            (0x65, _) => self.answer(message, SLOT, 0, &[]),
            // T=1 with the usual parameters.
            (0x61 | 0x6C | 0x6D, _) => {
                self.answer(message, PARAMETERS, 1, &[0x11, 0x10, 0, 0x4D, 0, 0xFE, 0])
            }
            _ => self.refusal(message, SLOT, 0),
        };
        wire.give(TO_HOST, &reply);
    }

    fn transmit(&mut self, message: &[u8], wire: &Wire) {
        let fault = match &mut self.fault {
            Some((passing, _)) if *passing > 0 => {
                *passing -= 1;
                None
            }
            due => due.take().map(|(_, fault)| fault),
        };
        if fault == Some(CcidFault::TakeCard) {
            self.lay(None);
        }
        let reply = match &self.card {
            Some(card) => self.answer(message, 0x80, 0, &card.answer(&message[HEADER_BYTES..])),
            None => self.refusal(message, 0x80, 0xFE),
        };
        match fault {
            None | Some(CcidFault::TakeCard) => wire.give(TO_HOST, &reply),
            Some(CcidFault::Pull) => wire.pull_after(TO_HOST),
            Some(CcidFault::Stall) => wire.halt(TO_HOST),
        }
    }
}

impl Device for Ccid {
    fn speed(&self) -> Speed {
        Speed::High
    }

    fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    /// ABORT is the class's one request libccid may send.
    fn request(&self, setup: [u8; 8], _: &[u8]) -> Option<Vec<u8>> {
        (setup[..2] == [0x21, 1]).then(Vec::new)
    }

    fn power_up(&self, wire: &Arc<Wire>) {
        let mut state = self.hold();
        state.powered = false;
        state.message.clear();
        state.wire = Some(Arc::clone(wire));
    }

    fn take(&self, _: u8, bytes: &[u8], wire: &Wire) {
        let mut state = self.hold();
        state.message.extend_from_slice(bytes);
        while let Some(length) = state.message.get(1..5) {
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
            let whole = HEADER_BYTES + length.min(MESSAGE_BYTES_MAX) as usize;
            if state.message.len() < whole {
                return;
            }
            let message: Vec<u8> = state.message.drain(..whole).collect();
            state.carry_out(&message, wire);
        }
    }
}
