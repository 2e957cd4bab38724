//! The half that a test links: readers, cards, and the hands that move them and break them.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::IfdCode;
use crate::wire::{Answer, Operation, Question};

/// Bytes of one page of the paged form.
const PAGE_BYTES: usize = 256;
/// ATR of a storage card (PC/SC part 3) of the type-B family, without its check byte. Bytes 13 and 14 are the
/// card's name; 90 00 there is how the paged form announces itself.
const ATR_WITH_MODULE: [u8; 19] =
    [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 0x03, 0x06, 0x07, 0x90, 0x00, 0, 0, 0, 0];
/// ATR an ordinary contactless reader makes up for an ID card, without its check byte: the historical bytes
/// are the card's answer to the type-B request.
const ATR_WITHOUT_MODULE: [u8; 12] = [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0x00, 0x80, 0x80, 0x00];
/// ATR of a card of another kind, without its check byte.
const ATR_OF_ANOTHER_KIND: [u8; 9] = [0x3B, 0x85, 0x80, 0x01, 0x54, 0x45, 0x53, 0x54, 0x31];

const DONE: [u8; 2] = [0x90, 0x00];
const INSTRUCTION_UNKNOWN: [u8; 2] = [0x6D, 0x00];
const NOT_FOUND: [u8; 2] = [0x6A, 0x82];

/// A card as its reader shows it.
#[derive(Clone)]
pub struct Card {
    atr: Vec<u8>,
    /// The paged form's stream; `None` on a reader without a security module.
    stream: Option<Vec<u8>>,
    chip_serial: Option<[u8; 8]>,
}

impl Card {
    /// An ID card on a reader with a security module, served in the paged form.
    pub fn with_module(text: &[u8; 256], photo_wlt: &[u8], chip_serial: [u8; 8]) -> Self {
        let lengths = [[0x01, 0x00], (photo_wlt.len() as u16).to_be_bytes()].concat();
        Self::with_module_stream([&lengths, text.as_slice(), photo_wlt].concat(), chip_serial)
    }

    /// A reader with a security module that serves this stream, whatever it is, in pages.
    pub fn with_module_stream(stream: Vec<u8>, chip_serial: [u8; 8]) -> Self {
        Self { atr: checked(&ATR_WITH_MODULE), stream: Some(stream), chip_serial: Some(chip_serial) }
    }

    /// An ID card on an ordinary contactless reader: its chip answers, its content does not.
    pub fn without_module(chip_serial: [u8; 8]) -> Self {
        Self { atr: checked(&ATR_WITHOUT_MODULE), stream: None, chip_serial: Some(chip_serial) }
    }

    /// A card of another kind, such as a bus card.
    pub fn of_another_kind() -> Self {
        Self { atr: checked(&ATR_OF_ANOTHER_KIND), stream: None, chip_serial: None }
    }

    /// The answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// The answer to one command: R-APDU to C-APDU.
    pub fn answer(&self, command: &[u8]) -> Vec<u8> {
        match (command, &self.stream, self.chip_serial) {
            ([0xFF, 0xB0, page, 0x00, 0x00], Some(stream), _) => {
                match stream.chunks(PAGE_BYTES).nth(usize::from(*page)) {
                    Some(bytes) => [bytes, &DONE].concat(),
                    None => NOT_FOUND.to_vec(),
                }
            }
            ([0x00, 0x36, 0x00, 0x00, 0x08], _, Some(serial)) => [serial.as_slice(), &DONE].concat(),
            _ => INSTRUCTION_UNKNOWN.to_vec(),
        }
    }
}

/// An ATR with its check byte: the exclusive or of everything after the first.
fn checked(atr: &[u8]) -> Vec<u8> {
    let check = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    [atr, &[check]].concat()
}

/// What goes wrong with one transmission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The handler reports this code to pcscd.
    Ifd(IfdCode),
    /// These bytes come in place of the answer, status word and all.
    Answer(Vec<u8>),
    /// The card leaves while it is asked.
    Pull,
    /// Nothing comes until [`VirtualReader::let_go`].
    Hang,
}

/// One reader, served from this process until it is dropped.
pub struct VirtualReader {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    socket: PathBuf,
    state: Mutex<State>,
    let_go: Condvar,
}

#[derive(Default)]
struct State {
    card: Option<Card>,
    /// What happens to the next transmissions, in order; `None` lets one pass.
    script: VecDeque<Option<Fault>>,
    transmissions: u64,
    /// How often hanging transmissions were let go; a hanging one waits for the number to change.
    releases: u64,
    stopped: bool,
    connections: Vec<UnixStream>,
}

impl VirtualReader {
    /// Serves a reader at this path, which must be free and at most 107 bytes long. The reader starts empty.
    pub fn serve(socket: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let shared = Arc::new(Shared {
            socket: socket.to_owned(),
            state: Mutex::new(State::default()),
            let_go: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let accepting = std::thread::Builder::new()
            .name("virtual-reader".into())
            .spawn(move || accept_all(&serving, &listener))?;
        Ok(Self { shared, accepting: Some(accepting) })
    }

    /// The path pcscd's configuration names as `DEVICENAME`.
    pub fn socket(&self) -> &Path {
        &self.shared.socket
    }

    /// Puts a card on the reader, in place of the one that may lie there. pcscd polls, so an exchange it must
    /// notice needs a [`remove`](Self::remove) and half a second first.
    pub fn insert(&self, card: Card) {
        self.shared.hold().card = Some(card);
    }

    /// Takes the card away.
    pub fn remove(&self) {
        self.shared.hold().card = None;
    }

    /// The next `times` transmissions go wrong in this way; those after them are right again.
    pub fn fail_next(&self, times: u32, fault: &Fault) {
        self.fail_after(0, times, fault);
    }

    /// Lets `passing` transmissions pass, and then `times` go wrong in this way.
    pub fn fail_after(&self, passing: u32, times: u32, fault: &Fault) {
        let mut state = self.shared.hold();
        state.script.extend((0..passing).map(|_| None));
        state.script.extend((0..times).map(|_| Some(fault.clone())));
    }

    /// Forgets every fault that did not happen yet.
    pub fn heal(&self) {
        self.shared.hold().script.clear();
    }

    /// Ends the transmissions that hang now; pcscd sees them as communication errors.
    pub fn let_go(&self) {
        self.shared.hold().releases += 1;
        self.shared.let_go.notify_all();
    }

    /// How many transmissions reached the reader so far.
    pub fn transmissions(&self) -> u64 {
        self.shared.hold().transmissions
    }
}

impl Drop for VirtualReader {
    /// Dies as a reader does whose plug is pulled: connections break, the socket is gone.
    fn drop(&mut self) {
        {
            let mut state = self.shared.hold();
            state.stopped = true;
            for connection in state.connections.drain(..) {
                // It may be closed already, which is what is wanted.
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
        self.shared.let_go.notify_all();
        // The accepting thread looks at `stopped` after each connection: give it one.
        if UnixStream::connect(&self.shared.socket).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            // It cannot have panicked in a way that matters any more.
            let _ = accepting.join();
        }
        let _ = std::fs::remove_file(&self.shared.socket);
    }
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, question: &Question) -> Answer {
        let mut state = self.hold();
        match (question.operation, &state.card) {
            (Operation::Presence, Some(_)) => Answer::new(IfdCode::CardPresent, Vec::new()),
            (Operation::Presence, None) => Answer::new(IfdCode::CardAbsent, Vec::new()),
            (Operation::PowerDown, _) => Answer::new(IfdCode::Success, Vec::new()),
            (Operation::PowerUp | Operation::Reset, Some(card)) => {
                Answer::new(IfdCode::Success, card.atr.clone())
            }
            (Operation::PowerUp | Operation::Reset, None) => Answer::new(IfdCode::PowerFailed, Vec::new()),
            (Operation::Transmit, _) => {
                state.transmissions += 1;
                let fault = state.script.pop_front().flatten();
                self.transmit(state, fault, &question.body)
            }
        }
    }

    fn transmit(&self, mut state: MutexGuard<'_, State>, fault: Option<Fault>, command: &[u8]) -> Answer {
        let broken = || Answer::new(IfdCode::CommunicationError, Vec::new());
        match fault {
            Some(Fault::Ifd(code)) => Answer::new(code, Vec::new()),
            Some(Fault::Answer(bytes)) => Answer::new(IfdCode::Success, bytes),
            Some(Fault::Pull) => {
                state.card = None;
                broken()
            }
            Some(Fault::Hang) => {
                let before = state.releases;
                let held = |state: &mut State| state.releases == before && !state.stopped;
                drop(self.let_go.wait_while(state, held).unwrap_or_else(PoisonError::into_inner));
                broken()
            }
            None => match &state.card {
                Some(card) => Answer::new(IfdCode::Success, card.answer(command)),
                None => broken(),
            },
        }
    }
}

fn accept_all(shared: &Arc<Shared>, listener: &UnixListener) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let mut state = shared.hold();
        if state.stopped {
            return;
        }
        let Ok(kept) = stream.try_clone() else { return };
        state.connections.push(kept);
        drop(state);
        let serving = Arc::clone(shared);
        let started = std::thread::Builder::new()
            .name("virtual-reader".into())
            .spawn(move || serve_connection(&serving, stream));
        if started.is_err() {
            return;
        }
    }
}

/// Answers one pcscd until it goes away.
fn serve_connection(shared: &Shared, mut stream: UnixStream) {
    while let Ok(question) = Question::read(&mut stream) {
        if shared.answer(&question).write(&mut stream).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_atrs_carry_their_check_byte() {
        let card = Card::without_module([0; 8]);
        // As published for an ID card on an ordinary reader.
        assert_eq!(card.atr, [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0, 0x80, 0x80, 0, 0x58]);
        let card = Card::with_module(&[0; 256], &[0; 1024], [0; 8]);
        assert_eq!(card.atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte), 0);
        assert_eq!(card.atr[13..15], [0x90, 0x00]);
    }

    #[test]
    fn a_card_serves_its_stream_in_pages() {
        let card = Card::with_module(&[b't'; 256], &[b'p'; 1024], *b"12345678");
        let pages: Vec<Vec<u8>> = (0..6).map(|page| card.answer(&[0xFF, 0xB0, page, 0, 0])).collect();
        assert_eq!(pages.iter().map(|page| page.len() - 2).sum::<usize>(), 4 + 256 + 1024);
        assert_eq!(pages[0][..5], [1, 0, 4, 0, b't']);
        assert_eq!(pages[5], [b'p', b'p', b'p', b'p', 0x90, 0x00]);
        assert_eq!(card.answer(&[0xFF, 0xB0, 6, 0, 0]), NOT_FOUND);
        assert_eq!(card.answer(&[0x00, 0x36, 0, 0, 8]), *b"12345678\x90\x00");
    }

    #[test]
    fn faults_come_in_their_order_and_then_end() {
        let folder = std::env::temp_dir().join(format!("yidang-virtual-reader-{}", std::process::id()));
        let reader = VirtualReader::serve(&folder).unwrap();
        reader.insert(Card::of_another_kind());
        reader.fail_after(1, 1, &Fault::Answer(vec![1]));
        reader.fail_next(1, &Fault::Pull);
        let ask = || {
            let question = Question { operation: Operation::Transmit, body: vec![0; 5] };
            let answer = reader.shared.answer(&question);
            (answer.code, answer.body)
        };
        assert_eq!(ask(), (IfdCode::Success, INSTRUCTION_UNKNOWN.to_vec()));
        assert_eq!(ask(), (IfdCode::Success, vec![1]));
        assert_eq!(ask(), (IfdCode::CommunicationError, vec![]));
        assert!(reader.shared.hold().card.is_none(), "the card was pulled");
        assert_eq!(reader.transmissions(), 3);
    }
}
