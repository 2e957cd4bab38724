//! The device's end of the cable: what waits on either side, and what the device has to say.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::transfer::{self, Status, Transfer};

/// The device's end of a cable.
pub(crate) struct Wire {
    state: Mutex<State>,
}

struct State {
    stream: UnixStream,
    /// Transfers towards the host that nothing was there for yet, and those over endpoints that are frozen.
    waiting: VecDeque<Transfer>,
    /// What the device has to say, each with its endpoint.
    ready: VecDeque<(u8, Ready)>,
    /// Endpoints that stall until the host clears them.
    halted: BTreeSet<u8>,
    /// Endpoints that take nothing and say nothing.
    frozen: BTreeSet<u8>,
    pulled: bool,
}

enum Ready {
    Bytes(Vec<u8>),
    /// The plug is pulled when the host asks for more.
    Pull,
}

impl Wire {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (waiting, ready, halted, frozen) = Default::default();
        Self { state: Mutex::new(State { stream, waiting, ready, halted, frozen, pulled: false }) }
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends bytes to the host over this endpoint, when it asks for them. They end one of its transfers.
    pub(crate) fn give(&self, endpoint: u8, bytes: &[u8]) {
        let mut state = self.hold();
        state.ready.push_back((endpoint, Ready::Bytes(bytes.to_vec())));
        state.serve();
    }

    /// Pulls the plug once the host has taken everything given over this endpoint and asks for more.
    pub(crate) fn pull_after(&self, endpoint: u8) {
        let mut state = self.hold();
        state.ready.push_back((endpoint, Ready::Pull));
        state.serve();
    }

    /// Stalls this endpoint until the host clears it.
    pub(crate) fn halt(&self, endpoint: u8) {
        let mut state = self.hold();
        state.halted.insert(endpoint);
        state.serve();
    }

    /// Ends the stall of this endpoint.
    pub(crate) fn clear(&self, endpoint: u8) {
        self.hold().halted.remove(&endpoint);
    }

    /// Lets this endpoint take nothing more from the host.
    pub(crate) fn freeze(&self, endpoint: u8) {
        self.hold().frozen.insert(endpoint);
    }

    /// Whether the host has not taken everything given over this endpoint.
    pub(crate) fn is_behind(&self, endpoint: u8) -> bool {
        self.hold().ready.iter().any(|(over, _)| *over == endpoint)
    }

    /// Takes back what was given over this endpoint and not taken by the host.
    pub(crate) fn forget(&self, endpoint: u8) {
        self.hold().ready.retain(|(over, _)| *over != endpoint);
    }

    /// Whether the plug was pulled.
    pub(crate) fn is_pulled(&self) -> bool {
        self.hold().pulled
    }

    /// Pulls the plug.
    pub(crate) fn pull(&self) {
        self.hold().pull();
    }

    /// Takes a transfer towards the host, which ends when there is something for it.
    pub(crate) fn ask(&self, wanted: Transfer) {
        let mut state = self.hold();
        state.waiting.push_back(wanted);
        state.serve();
    }

    /// Takes a transfer from the host: its bytes, or `None` when its endpoint is halted or frozen.
    pub(crate) fn accept(&self, sent: Transfer) -> Option<Vec<u8>> {
        let mut state = self.hold();
        if state.frozen.contains(&sent.endpoint) {
            state.waiting.push_back(sent);
            return None;
        }
        let open = !state.halted.contains(&sent.endpoint);
        let (status, moved) = if open { (Status::Done, sent.length) } else { (Status::Stall, 0) };
        state.say(&transfer::submitted(sent.sequence, status, moved, &[]));
        open.then_some(sent.data)
    }

    /// Ends a control transfer; `None` stalls it.
    pub(crate) fn answer(&self, asked: &Transfer, answer: Option<&[u8]>) {
        let message = match answer {
            Some(bytes) if asked.endpoint == 0x80 => {
                let bytes = &bytes[..bytes.len().min(asked.length)];
                transfer::submitted(asked.sequence, Status::Done, bytes.len(), bytes)
            }
            Some(_) => transfer::submitted(asked.sequence, Status::Done, asked.length, &[]),
            None => transfer::submitted(asked.sequence, Status::Stall, 0, &[]),
        };
        self.hold().say(&message);
    }

    /// Takes a transfer back that the host no longer wants.
    pub(crate) fn take_back(&self, sequence: u32, of: u32) {
        let mut state = self.hold();
        let before = state.waiting.len();
        state.waiting.retain(|waiting| waiting.sequence != of);
        let taken_back = state.waiting.len() < before;
        state.say(&transfer::unlinked(sequence, taken_back));
    }
}

impl State {
    /// Ends every waiting transfer that something is there for.
    fn serve(&mut self) {
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            let (sequence, endpoint, length) = (waiting.sequence, waiting.endpoint, waiting.length);
            if self.halted.contains(&endpoint) {
                self.waiting.remove(at);
                self.say(&transfer::submitted(sequence, Status::Stall, 0, &[]));
                continue;
            }
            let Some(next) = self.ready.iter().position(|(over, _)| *over == endpoint) else {
                at += 1;
                continue;
            };
            let bytes: Vec<u8> = match &mut self.ready[next].1 {
                Ready::Pull => return self.pull(),
                Ready::Bytes(bytes) => bytes.drain(..length.min(bytes.len())).collect(),
            };
            if matches!(&self.ready[next].1, Ready::Bytes(rest) if rest.is_empty()) {
                self.ready.remove(next);
            }
            self.waiting.remove(at);
            self.say(&transfer::submitted(sequence, Status::Done, bytes.len(), &bytes));
        }
    }

    fn say(&mut self, message: &[u8]) {
        // A host that hung up has pulled the plug itself; the reading end notices.
        let _ = self.stream.write_all(message);
    }

    fn pull(&mut self) {
        self.pulled = true;
        // It may be pulled already, which is what is wanted.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn wire() -> (Wire, UnixStream) {
        let (device, host) = UnixStream::pair().unwrap();
        (Wire::new(device), host)
    }

    fn asks(sequence: u32, endpoint: u8, length: usize) -> Transfer {
        Transfer { sequence, endpoint, length, setup: [0; 8], data: vec![] }
    }

    /// Sequence, status and data of the next message.
    fn said(host: &mut UnixStream) -> (u32, i32, Vec<u8>) {
        let mut header = [0; 48];
        host.read_exact(&mut header).unwrap();
        let word = |at: usize| <[u8; 4]>::try_from(&header[at * 4..at * 4 + 4]).unwrap();
        let mut data = vec![0; u32::from_be_bytes(word(6)) as usize];
        host.read_exact(&mut data).unwrap();
        (u32::from_be_bytes(word(1)), i32::from_be_bytes(word(5)), data)
    }

    #[test]
    fn bytes_go_out_in_transfers_of_the_hosts_size_each_over_its_endpoint() {
        let (wire, mut host) = wire();
        wire.ask(asks(1, 0x85, 64));
        wire.ask(asks(2, 0x81, 2));
        wire.give(0x81, &[1, 2, 3]);
        assert_eq!(said(&mut host), (2, 0, vec![1, 2]));
        wire.ask(asks(3, 0x81, 2));
        assert_eq!(said(&mut host), (3, 0, vec![3]));
        wire.take_back(4, 1);
        assert_eq!(said(&mut host), (4, -104, vec![]));
    }

    #[test]
    fn a_halted_endpoint_stalls_until_it_is_cleared() {
        let (wire, mut host) = wire();
        wire.give(0x81, &[7]);
        wire.halt(0x81);
        wire.ask(asks(1, 0x81, 64));
        assert_eq!(said(&mut host), (1, -32, vec![]));
        wire.clear(0x81);
        wire.ask(asks(2, 0x81, 64));
        assert_eq!(said(&mut host), (2, 0, vec![7]));
        wire.halt(0x02);
        assert_eq!(wire.accept(asks(3, 0x02, 0)), None);
        assert_eq!(said(&mut host), (3, -32, vec![]));
    }

    #[test]
    fn a_frozen_endpoint_takes_nothing_until_the_host_gives_up() {
        let (wire, mut host) = wire();
        assert_eq!(wire.accept(asks(1, 0x02, 0)), Some(vec![]));
        assert_eq!(said(&mut host), (1, 0, vec![]));
        wire.freeze(0x02);
        assert_eq!(wire.accept(asks(2, 0x02, 0)), None);
        wire.take_back(3, 2);
        assert_eq!(said(&mut host), (3, -104, vec![]));
    }

    #[test]
    fn what_is_forgotten_is_not_sent() {
        let (wire, mut host) = wire();
        wire.give(0x81, &[1]);
        wire.give(0x82, &[2]);
        assert!(wire.is_behind(0x81));
        wire.forget(0x81);
        assert!(!wire.is_behind(0x81));
        wire.ask(asks(1, 0x81, 64));
        wire.ask(asks(2, 0x82, 64));
        assert_eq!(said(&mut host), (2, 0, vec![2]));
    }

    #[test]
    fn a_plug_is_pulled_only_after_what_was_given_is_taken() {
        let (wire, mut host) = wire();
        wire.give(0x81, &[1]);
        wire.pull_after(0x81);
        wire.ask(asks(1, 0x81, 64));
        assert_eq!(said(&mut host), (1, 0, vec![1]));
        wire.ask(asks(2, 0x81, 64));
        assert_eq!(host.read(&mut [0; 48]).unwrap(), 0);
    }
}
