//! A security module that answers real frames about the card on the desk.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use yidang_device::{Cancel, DeviceCondition, DeviceError, FINGER_LENGTH_BYTES, WLT_LENGTH_BYTES};
use yidang_idcard::content::CardData;
use yidang_idcard::fingerprint::{Finger, FingerHead, Registration};
use yidang_idcard::frame::{Command, FrameError, REQUEST_LENGTH_MIN, Reply, decode};
use yidang_idcard::{SamTransport, status};

use crate::desk::{Desk, LoadedCard, Lying};
use crate::fault::CardFault;

/// The module's own number: 05.01-20260101-0000000001-0000000001.
const MODULE_NUMBER: [u8; 16] = [5, 0, 1, 0, 0x05, 0x25, 0x35, 0x01, 1, 0, 0, 0, 1, 0, 0, 0];
/// Replies arrive in pieces of this size, as over USB.
const PIECE_LENGTH_BYTES: usize = 64;
/// The status for a request of an impossible length.
const STATUS_LENGTH: u8 = 0x11;

/// A line to the simulated module.
pub(crate) struct SamSimulator {
    desk: Desk,
    /// The reader's plug time when the line was opened.
    plugged: u64,
    opened: Instant,
    pieces: VecDeque<Vec<u8>>,
    /// The placement that was selected.
    selected: Option<u64>,
    /// A fault hides the card until the next successful look.
    hidden: bool,
    /// The reply that is being made gets a wrong check byte.
    spoil_check_byte: bool,
    /// A reading is under way: only then do faults strike.
    reading: bool,
    /// The card whose content was given out last.
    given: Option<LoadedCard>,
}

impl SamSimulator {
    /// A line to the module of a desk.
    pub(crate) fn new(desk: Desk) -> Self {
        let plugged = desk.state().reader.time;
        Self {
            desk,
            plugged,
            opened: Instant::now(),
            pieces: VecDeque::new(),
            selected: None,
            hidden: false,
            spoil_check_byte: false,
            reading: false,
            given: None,
        }
    }

    /// Starts a reading.
    pub(crate) fn begin_reading(&mut self) {
        self.reading = true;
        self.given = None;
    }

    /// Ends a reading; the card that was given out.
    pub(crate) fn end_reading(&mut self) -> Option<LoadedCard> {
        self.reading = false;
        self.hidden = false;
        self.given.take()
    }

    /// The card in the field, where no fault hides it.
    fn lying(&self) -> Result<Option<Lying>, DeviceError> {
        let lying = self.desk.lying().map_err(|e| e.for_device())?;
        Ok(lying.filter(|_| !self.hidden))
    }

    fn load(&self, lying: &Lying) -> Result<LoadedCard, DeviceError> {
        self.desk.load_lying(lying).map_err(|e| e.for_device())
    }

    fn plugged_in(&self) -> Result<(), DeviceError> {
        if self.desk.state().reader.time == self.plugged {
            return Ok(());
        }
        Err(DeviceError::new(DeviceCondition::Lost, "the simulated reader is unplugged"))
    }

    /// Whether a fault strikes now: one that was asked for, or the card's own.
    fn strikes(&self, fault: CardFault, own: Option<CardFault>) -> bool {
        self.reading && (own == Some(fault) || self.desk.state().card_fault.strike(fault))
    }

    /// Carries out a command; `None`: no reply, ever.
    fn answer(&mut self, command: Command) -> Result<Option<Reply>, DeviceError> {
        match command {
            Command::Find => self.find(),
            Command::Select => self.select().map(Some),
            Command::ReadCard => self.read(false).map(Some),
            Command::ReadCardWithFingerprints => self.read(true).map(Some),
            Command::ReadNewAddress => self.read_new_address().map(Some),
            Command::ModuleNumber => Ok(Some(reply(status::SUCCESS, MODULE_NUMBER.to_vec()))),
            Command::Reset | Command::Status | Command::SetSpeed(_) | Command::SetRadioFrame(_) => {
                Ok(Some(reply(status::SUCCESS, vec![])))
            }
        }
    }

    fn find(&mut self) -> Result<Option<Reply>, DeviceError> {
        self.hidden = false;
        let lying = self.lying()?;
        let own = match &lying {
            // A look needs no more than the file to be there.
            Some(lying) if self.reading => self.load(lying)?.file.fault,
            _ => None,
        };
        if self.strikes(CardFault::Unplug, own) {
            self.desk.state().reader.pull(1);
            self.plugged_in()?;
        }
        if self.strikes(CardFault::Hang, own) {
            return Ok(None);
        }
        let short = self.strikes(CardFault::ShortFrame, own);
        self.hidden = self.strikes(CardFault::NoCard, own);
        let read = self.desk.state().read;
        // A card is found until it was read; one that is not to be selected must first be found.
        let refuses_select = own == Some(CardFault::SelectFailed)
            || self.reading && self.desk.state().card_fault.is(CardFault::SelectFailed);
        let found = lying.is_some_and(|lying| read != Some(lying.placement) || refuses_select);
        let found = found && !self.hidden;
        let answer =
            if found { reply(status::FOUND, vec![0; 4]) } else { reply(status::FIND_FAILED, vec![]) };
        if short {
            let frame = answer.to_frame();
            self.pieces.push_back(frame[..frame.len() / 2].to_vec());
            return Ok(None);
        }
        Ok(Some(answer))
    }

    fn select(&mut self) -> Result<Reply, DeviceError> {
        let Some(lying) = self.lying()? else { return Ok(reply(status::SELECT_FAILED, vec![])) };
        let own = self.load(&lying)?.file.fault;
        if self.strikes(CardFault::SelectFailed, own) {
            return Ok(reply(status::SELECT_FAILED, vec![]));
        }
        self.selected = Some(lying.placement);
        Ok(reply(status::SUCCESS, vec![0; 8]))
    }

    fn read(&mut self, with_fingerprint: bool) -> Result<Reply, DeviceError> {
        let Some(lying) = self.within_reach()? else { return Ok(reply(status::READ_FAILED, vec![])) };
        let card = self.load(&lying)?;
        if self.strikes(CardFault::ReadFailed, card.file.fault) {
            return Ok(reply(status::READ_FAILED, vec![]));
        }
        let text = card.file.text.encode().map_err(|_| not_written())?;
        let mut photo_wlt = b"WLf\0".to_vec();
        photo_wlt.resize(WLT_LENGTH_BYTES, 0);
        let fingerprint = with_fingerprint.then(|| if card.file.fingerprint { fingers() } else { vec![] });
        let answer = reply(status::SUCCESS, CardData { text, photo_wlt, fingerprint }.to_bytes());
        if self.strikes(CardFault::BadChecksum, card.file.fault) {
            self.spoil_check_byte = true;
        } else {
            self.desk.state().read = Some(lying.placement);
            self.given = Some(card);
        }
        Ok(answer)
    }

    fn read_new_address(&mut self) -> Result<Reply, DeviceError> {
        let Some(lying) = self.within_reach()? else { return Ok(reply(status::READ_FAILED, vec![])) };
        // A file that broke meanwhile shows at the next reading, not while looking for the card.
        let address = self.load(&lying).ok().and_then(|card| card.file.new_address);
        Ok(address.map_or(reply(status::NO_CONTENT, vec![]), |bytes| reply(status::SUCCESS, bytes)))
    }

    /// The lying card, if it was selected or read before.
    fn within_reach(&self) -> Result<Option<Lying>, DeviceError> {
        let read = self.desk.state().read;
        Ok(self.lying()?.filter(|lying| [self.selected, read].contains(&Some(lying.placement))))
    }
}

impl SamTransport for SamSimulator {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        self.plugged_in()?;
        self.pieces.clear();
        self.spoil_check_byte = false;
        let answer = match decode(request, REQUEST_LENGTH_MIN) {
            Ok(body) => match Command::from_body(body) {
                Some(command) => self.answer(command)?,
                None => Some(reply(status::COMMAND, vec![])),
            },
            Err(FrameError::Checksum) => Some(reply(status::CHECKSUM, vec![])),
            Err(_) => Some(reply(STATUS_LENGTH, vec![])),
        };
        if let Some(answer) = answer {
            let mut frame = answer.to_frame();
            if let (true, Some(check)) = (self.spoil_check_byte, frame.last_mut()) {
                *check ^= 0xFF;
            }
            self.pieces.extend(frame.chunks(PIECE_LENGTH_BYTES).map(<[u8]>::to_vec));
        }
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        self.plugged_in()?;
        if let Some(piece) = self.pieces.pop_front() {
            return Ok(piece);
        }
        if cancel.sleep(timeout) {
            return Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a reply"));
        }
        self.plugged_in()?;
        Err(DeviceError::new(DeviceCondition::Timeout, "the simulated module does not answer"))
    }

    fn clock(&self) -> Duration {
        self.opened.elapsed()
    }
}

/// Two fingers that nobody has: a left thumb, and one of the right hand that was not registered. No minutiae.
fn fingers() -> Vec<[u8; FINGER_LENGTH_BYTES]> {
    let made_up = |registration, finger, quality| {
        FingerHead { version: 0, scanner: 0, developer: 0, registration, finger, quality }.to_empty_block()
    };
    vec![
        made_up(Registration::Registered, Finger::Left(1), Some(80)),
        made_up(Registration::NotRegistered, Finger::RightUncertain, None),
    ]
}

fn reply(status: u8, data: Vec<u8>) -> Reply {
    Reply { status: [0, 0, status], data }
}

/// Card files are checked when they are parsed, so this tells of a fault of ours.
fn not_written() -> DeviceError {
    DeviceError::new(DeviceCondition::CardUnreadable, "the card's text does not fit")
}
