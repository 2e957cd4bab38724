//! The half that a test links: readers, and the hands that move cards and break things.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::wire::{Answer, Operation, Question};
use crate::{Card, IfdCode, Module};

/// What goes wrong with one transmission or escape command.
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
    /// The reader never tells that a card is there.
    hides_cards: bool,
    module: Option<Module>,
    /// What the next choices of a card protocol end with.
    protocol_failures: VecDeque<IfdCode>,
    /// What happens to the next transmissions, in order; `None` lets one pass.
    script: VecDeque<Option<Fault>>,
    transmissions: u64,
    /// How often hanging transmissions were let go; a hanging one waits for the number to change.
    releases: u64,
    stopped: bool,
    /// By a number of their own, to break them when the reader goes away.
    connections: BTreeMap<u64, UnixStream>,
    connected: u64,
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

    /// Puts a security module into the reader, in place of the one that may be there.
    pub fn install(&self, module: Module) {
        self.shared.hold().module = Some(module);
    }

    /// From now on the service sees no card, whether or not one lies there; the module does.
    pub fn hide_cards(&self) {
        self.shared.hold().hides_cards = true;
    }

    /// Puts a card on the reader, in place of the one that may lie there. pcscd polls, so an exchange it must
    /// notice needs a [`remove`](Self::remove) and half a second first.
    pub fn insert(&self, card: Card) {
        let mut state = self.shared.hold();
        state.card = Some(card);
        if let Some(module) = &mut state.module {
            module.forget_card();
        }
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

    /// The next `times` choices of a card protocol, which come with connecting, end with this code.
    pub fn fail_protocol(&self, times: usize, code: IfdCode) {
        self.shared.hold().protocol_failures.extend(std::iter::repeat_n(code, times));
    }

    /// Forgets every fault that did not happen yet.
    pub fn heal(&self) {
        let mut state = self.shared.hold();
        state.script.clear();
        state.protocol_failures.clear();
    }

    /// Ends the transmissions that hang now; pcscd sees them as communication errors.
    pub fn let_go(&self) {
        self.shared.hold().releases += 1;
        self.shared.let_go.notify_all();
    }

    /// How many transmissions and escape commands reached the reader so far.
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
            for connection in std::mem::take(&mut state.connections).into_values() {
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
        let seen = state.card.as_ref().filter(|_| !state.hides_cards);
        match (question.operation, seen) {
            (Operation::Presence, Some(_)) => Answer::new(IfdCode::CardPresent, Vec::new()),
            (Operation::Presence, None) => Answer::new(IfdCode::CardAbsent, Vec::new()),
            (Operation::PowerDown, _) => Answer::new(IfdCode::Success, Vec::new()),
            (Operation::PowerUp | Operation::Reset, Some(card)) => {
                Answer::new(IfdCode::Success, card.atr.clone())
            }
            (Operation::PowerUp | Operation::Reset, None) => Answer::new(IfdCode::PowerFailed, Vec::new()),
            (Operation::Protocol, _) => {
                Answer::new(state.protocol_failures.pop_front().unwrap_or(IfdCode::Success), Vec::new())
            }
            (Operation::Transmit | Operation::Control, _) => {
                state.transmissions += 1;
                let fault = state.script.pop_front().flatten();
                self.exchange(state, fault, question)
            }
        }
    }

    fn exchange(
        &self,
        mut state: MutexGuard<'_, State>,
        fault: Option<Fault>,
        question: &Question,
    ) -> Answer {
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
            None if question.operation == Operation::Control => state.control(&question.body),
            None => state
                .transmit(&question.body)
                .map_or_else(broken, |bytes| Answer::new(IfdCode::Success, bytes)),
        }
    }
}

impl State {
    /// `None`: there is no card to send anything to.
    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let Self { card, module, .. } = self;
        let card = card.as_ref()?;
        let tunnelled = module.as_mut().and_then(|module| module.transmit(command, Some(card)));
        Some(tunnelled.unwrap_or_else(|| card.answer(command)))
    }

    /// The body is the control code, four bytes, and what is sent.
    fn control(&mut self, body: &[u8]) -> Answer {
        let Self { card, module, .. } = self;
        let answer = body.split_first_chunk::<4>().zip(module.as_mut()).and_then(|((code, sent), module)| {
            module.control(u32::from_be_bytes(*code), sent, card.as_ref())
        });
        match answer {
            Some(bytes) => Answer::new(IfdCode::Success, bytes),
            None => Answer::new(IfdCode::NotSupported, Vec::new()),
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
        state.connected += 1;
        let number = state.connected;
        state.connections.insert(number, kept);
        drop(state);
        let serving = Arc::clone(shared);
        let started = std::thread::Builder::new().name("virtual-reader".into()).spawn(move || {
            serve_connection(&serving, stream);
            serving.hold().connections.remove(&number);
        });
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
        assert_eq!(ask(), (IfdCode::Success, vec![0x6D, 0x00]));
        assert_eq!(ask(), (IfdCode::Success, vec![1]));
        assert_eq!(ask(), (IfdCode::CommunicationError, vec![]));
        assert!(reader.shared.hold().card.is_none(), "the card was pulled");
        assert_eq!(reader.transmissions(), 3);
    }
}
