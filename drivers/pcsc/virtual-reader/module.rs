//! A security module in a reader, and the door through which frames reach it.

use yidang_idcard::content::CardData;
use yidang_idcard::frame::{Command, PREAMBLE, REQUEST_LENGTH_MIN, Reply, decode};
use yidang_idcard::status;

use crate::Card;

/// The module's own number: 05.01-20260101-0000000001-0000000001.
pub const MODULE_NUMBER: [u8; 16] = [5, 0, 1, 0, 0x05, 0x25, 0x35, 0x01, 1, 0, 0, 0, 1, 0, 0, 0];
/// `SCARD_CTL_CODE(0)` of pcsc-lite.
const CONTROL_BASE: u32 = 0x4200_0000;
/// Bytes of one piece of an answer to a short command.
const PIECE_BYTES: usize = 256;
/// The class bit of every command of a chain but the last.
const CHAINED: u8 = 0x10;
const DONE: [u8; 2] = [0x90, 0x00];
/// Wrong length.
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];

/// The call that reaches the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `SCardTransmit`, with a card in the reader.
    Transmit(Wrap),
    /// `SCardControl` with this function number, and commands around the frames or none.
    Control(u32, Option<Wrap>),
}

/// A command around a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// CLA INS P1 P2.
    pub header: [u8; 4],
    /// Lengths in three bytes; else short commands, chains of them, and answers in pieces of 256 bytes.
    pub extended: bool,
}

/// Which parts of a frame go through the door, both ways; the body always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The five bytes at the start.
    pub preamble: bool,
    /// The two bytes after them.
    pub length: bool,
    /// The last byte.
    pub check: bool,
}

impl Parts {
    /// Whole frames.
    pub const ALL: Self = Self { preamble: true, length: true, check: true };
}

/// A module of "protective design": it finds a card only until that was read, and then knows it only by the
/// question for its newest address.
pub struct Module {
    door: Door,
    parts: Parts,
    selected: bool,
    read: bool,
    /// The links of a chain that is not over.
    chain: Vec<u8>,
    /// What was not fetched yet of the last answer.
    rest: Vec<u8>,
}

impl Module {
    /// A module behind this door.
    pub fn new(door: Door, parts: Parts) -> Self {
        Self { door, parts, selected: false, read: false, chain: Vec::new(), rest: Vec::new() }
    }

    /// Another card lies there.
    pub(crate) fn forget_card(&mut self) {
        (self.selected, self.read) = (false, false);
    }

    /// The answer to a command; `None`: it is not for the module.
    pub(crate) fn transmit(&mut self, command: &[u8], card: Option<&Card>) -> Option<Vec<u8>> {
        match self.door {
            Door::Transmit(wrap) => self.unwrap(wrap, command, card),
            Door::Control(..) => None,
        }
    }

    /// The answer to an escape command; `None`: there is no such function.
    pub(crate) fn control(&mut self, code: u32, sent: &[u8], card: Option<&Card>) -> Option<Vec<u8>> {
        match self.door {
            Door::Control(function, wrap) if code == CONTROL_BASE + function => match wrap {
                Some(wrap) => self.unwrap(wrap, sent, card),
                None => Some(self.answer(sent, card)),
            },
            _ => None,
        }
    }

    /// Takes a frame out of its command, and puts the answer into a response.
    fn unwrap(&mut self, wrap: Wrap, command: &[u8], card: Option<&Card>) -> Option<Vec<u8>> {
        if let [0x00, 0xC0, 0x00, 0x00, _] = command {
            return Some(self.piece());
        }
        let (header, after) = command.split_first_chunk::<4>()?;
        let [class, rest @ ..] = wrap.header;
        let chained = !wrap.extended && header[0] == class | CHAINED && class & CHAINED == 0;
        if !(chained || header[0] == class) || header[1..] != rest {
            return None;
        }
        let data = match (wrap.extended, after) {
            (true, [0, high, low, rest @ ..]) => rest.get(..usize::from(u16::from_be_bytes([*high, *low]))),
            (false, [length, rest @ ..]) => rest.get(..usize::from(*length)),
            _ => None,
        };
        let Some(data) = data else { return Some(WRONG_LENGTH.to_vec()) };
        self.chain.extend_from_slice(data);
        if chained {
            return Some(DONE.to_vec());
        }
        let frame = std::mem::take(&mut self.chain);
        let answer = self.answer(&frame, card);
        if wrap.extended {
            return Some([&answer[..], &DONE].concat());
        }
        self.rest = answer;
        Some(self.piece())
    }

    /// The next piece of an answer, and how much there is after it.
    fn piece(&mut self) -> Vec<u8> {
        let mut piece: Vec<u8> = self.rest.drain(..self.rest.len().min(PIECE_BYTES)).collect();
        match self.rest.len() {
            0 => piece.extend_from_slice(&DONE),
            // Zero says 256 or more.
            left => piece.extend_from_slice(&[0x61, u8::try_from(left).unwrap_or(0)]),
        }
        piece
    }

    /// The answer to what came through the door, as it goes back through it.
    fn answer(&mut self, came: &[u8], card: Option<&Card>) -> Vec<u8> {
        let mut frame = came.to_vec();
        if !self.parts.length {
            let at = if self.parts.preamble { PREAMBLE.len().min(frame.len()) } else { 0 };
            let length = (frame.len() - at + usize::from(!self.parts.check)) as u16;
            frame.splice(at..at, length.to_be_bytes());
        }
        if !self.parts.preamble {
            frame.splice(..0, PREAMBLE);
        }
        if !self.parts.check {
            frame.push(frame.iter().skip(PREAMBLE.len()).fold(0, |sum, byte| sum ^ byte));
        }
        let reply = match decode(&frame, REQUEST_LENGTH_MIN).ok().map(Command::from_body) {
            Some(Some(command)) => self.carry_out(command, card),
            Some(None) => reply(status::COMMAND, &[]),
            None => reply(status::CHECKSUM, &[]),
        };
        let whole = reply.to_frame();
        let keep = |at: usize| match at {
            0..=4 => self.parts.preamble,
            5 | 6 => self.parts.length,
            _ => at + 1 < whole.len() || self.parts.check,
        };
        whole.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, byte)| *byte).collect()
    }

    fn carry_out(&mut self, command: Command, card: Option<&Card>) -> Reply {
        let content = card.and_then(|card| card.content.as_ref());
        if content.is_none() {
            self.forget_card();
        }
        match (command, content) {
            (Command::Find, Some(_)) if !self.read => reply(status::FOUND, &[0; 4]),
            (Command::Find, _) => reply(status::FIND_FAILED, &[]),
            (Command::Select, Some(_)) => {
                self.selected = true;
                reply(status::SUCCESS, &[0; 8])
            }
            (Command::Select, None) => reply(status::SELECT_FAILED, &[]),
            (Command::ReadCard | Command::ReadCardWithFingerprints, Some(content)) if self.selected => {
                self.read = true;
                let (text, photo_wlt) = (content.text, content.photo_wlt.clone());
                let wanted = command == Command::ReadCardWithFingerprints;
                let fingerprint = wanted.then(|| content.fingerprint.clone());
                reply(status::SUCCESS, &CardData { text, photo_wlt, fingerprint }.to_bytes())
            }
            (Command::ReadNewAddress, Some(content)) if self.selected => match &content.new_address {
                Some(address) => reply(status::SUCCESS, address),
                None => reply(status::NO_CONTENT, &[]),
            },
            (Command::ReadCard | Command::ReadCardWithFingerprints | Command::ReadNewAddress, _) => {
                reply(status::READ_FAILED, &[])
            }
            (Command::ModuleNumber, _) => reply(status::SUCCESS, &MODULE_NUMBER),
            (Command::Reset | Command::Status | Command::SetRadioFrame(_), _) => reply(status::SUCCESS, &[]),
            (Command::SetSpeed(_), _) => reply(status::COMMAND, &[]),
        }
    }
}

fn reply(status: u8, data: &[u8]) -> Reply {
    Reply { status: [0, 0, status], data: data.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;

    fn card() -> Card {
        let content = Content {
            text: [b't'; 256],
            photo_wlt: vec![b'p'; 1024],
            new_address: None,
            fingerprint: vec![],
        };
        Card::with_content(content, [7; 8])
    }

    fn ask(module: &mut Module, command: Command, card: Option<&Card>) -> Reply {
        let answer = module.control(CONTROL_BASE + 1, &command.to_frame(), card).unwrap();
        Reply::from_frame(&answer).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_card_is_found_until_it_was_read_and_known_after() {
        let mut module = Module::new(Door::Control(1, None), Parts::ALL);
        let card = card();
        let mut status = |command, card: Option<&Card>| ask(&mut module, command, card).status[2];
        assert_eq!(status(Command::Find, None), 0x80);
        assert_eq!(status(Command::ReadCard, Some(&card)), 0x41);
        assert_eq!(status(Command::Find, Some(&card)), 0x9F);
        assert_eq!(status(Command::Select, Some(&card)), 0x90);
        assert_eq!(status(Command::ReadCard, Some(&card)), 0x90);
        assert_eq!(status(Command::Find, Some(&card)), 0x80);
        assert_eq!(status(Command::ReadNewAddress, Some(&card)), 0x91);
        assert_eq!(status(Command::ReadNewAddress, None), 0x41);
        assert_eq!(status(Command::Find, Some(&card)), 0x9F);
        assert!(module.control(CONTROL_BASE + 2, &[], None).is_none());
    }

    #[test]
    fn a_long_answer_comes_in_pieces_and_a_chain_is_one_frame() {
        let wrap = Wrap { header: [0x80, 1, 2, 3], extended: false };
        let mut module = Module::new(Door::Transmit(wrap), Parts::ALL);
        let card = card();
        let mut send = |command: &[u8]| module.transmit(command, Some(&card));
        let select = Command::Select.to_frame();
        let (first, second) = select.split_at(4);
        assert_eq!(send(&[&[0x90, 1, 2, 3, 4], first].concat()), Some(DONE.to_vec()));
        let selected = send(&[&[0x80, 1, 2, 3, 6], second, &[0]].concat());
        assert_eq!(selected.map(|answer| answer.len()), Some(19 + 2));
        let first = send(&[&[0x80, 1, 2, 3, 10], &Command::ReadCard.to_frame()[..], &[0]].concat());
        assert_eq!(first.map(|answer| answer[PIECE_BYTES..].to_vec()), Some(vec![0x61, 0x00]));
        let pieces: Vec<Vec<u8>> = (0..5).filter_map(|_| send(&[0, 0xC0, 0, 0, 0])).collect();
        assert_eq!(pieces.iter().map(|piece| piece.len() - 2).sum::<usize>(), 1295 - PIECE_BYTES);
        assert_eq!(pieces[3][PIECE_BYTES..], [0x61, 15]);
        assert_eq!(send(&[0x80, 9, 9, 9, 1, 0]), None);
        assert_eq!(send(&[0x80, 1, 2, 3, 9, 0]), Some(WRONG_LENGTH.to_vec()));
    }
}
