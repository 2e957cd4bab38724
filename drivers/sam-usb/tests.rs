//! The line over endpoints of software, with the product's simulated module behind them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use nusb::transfer::TransferError;
use yidang_device::{
    Access, Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, RawCard, ReadWish, conformance,
};
use yidang_idcard::frame::{Command, HEAD_LENGTH_BYTES, Reply};
use yidang_idcard::{SamReader, SamTransport};
use yidang_model::Origin;
use yidang_simulated::{CardFault, Desk, Fault, Module};

use crate::endpoint::{Input, Output};
use crate::line::{Line, Pair};

const PACKET_BYTES: usize = 64;
const SHORT: Duration = Duration::from_millis(100);

/// What an endpoint does next.
enum Next {
    Packet(Vec<u8>),
    Error(TransferError),
}

/// A reader of software: two endpoints in each direction, of which the whole-frame form uses the first.
struct Reader {
    split: bool,
    module: Module,
    /// Bytes of the request that has not wholly arrived.
    request: Vec<u8>,
    /// Transfers that arrived, each with the endpoint it came over.
    arrived: Vec<(usize, Vec<u8>)>,
    to_host: [VecDeque<Next>; 2],
    /// What the next transfer towards each endpoint fails with.
    refuses: [Option<TransferError>; 2],
    halts_cleared: usize,
    unplugged: bool,
    /// Every transfer fails as over a bad cable.
    faulty: bool,
    /// Replies are made and kept back.
    holds: bool,
    kept_back: Vec<Vec<u8>>,
}

impl Reader {
    fn take(&mut self, endpoint: usize, bytes: &[u8]) {
        self.arrived.push((endpoint, bytes.to_vec()));
        self.request.extend_from_slice(bytes);
        let whole = match self.request.get(5..HEAD_LENGTH_BYTES) {
            Some(length) => HEAD_LENGTH_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]])),
            None => return,
        };
        if self.request.len() < whole {
            return;
        }
        let reply = self.module.answer(&std::mem::take(&mut self.request)).expect("the module answers");
        if self.holds {
            self.kept_back.push(reply);
        } else {
            self.give(&reply);
        }
    }

    fn give(&mut self, reply: &[u8]) {
        let head = if self.split { reply.len().min(HEAD_LENGTH_BYTES) } else { 0 };
        if self.split {
            self.to_host[0].push_back(Next::Packet(reply[..head].to_vec()));
        }
        let rest = reply[head..].chunks(PACKET_BYTES).map(|packet| Next::Packet(packet.to_vec()));
        self.to_host[usize::from(self.split)].extend(rest);
    }
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<Reader>, Condvar)>);

impl Shared {
    fn new(split: bool, desk: &Desk) -> Self {
        let reader = Reader {
            split,
            module: Module::new(desk),
            request: vec![],
            arrived: vec![],
            to_host: Default::default(),
            refuses: [None; 2],
            halts_cleared: 0,
            unplugged: false,
            faulty: false,
            holds: false,
            kept_back: vec![],
        };
        Self(Arc::new((Mutex::new(reader), Condvar::new())))
    }

    fn hold(&self) -> MutexGuard<'_, Reader> {
        self.0.0.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Reader)) {
        change(&mut self.hold());
        self.0.1.notify_all();
    }

    fn line(&self) -> Line<End, End> {
        let pair =
            |endpoint| Pair { output: End(self.clone(), endpoint), input: End(self.clone(), endpoint) };
        let body = self.hold().split.then(|| pair(1));
        Line::new(pair(0), body)
    }

    fn sam(&self) -> SamReader<Line<End, End>> {
        let listing = DeviceListing { id: "usb".into(), name: "usb".into(), access: Access::Granted };
        SamReader::new(self.line(), listing, Origin::Device)
    }
}

/// One endpoint of the reader, in both directions.
struct End(Shared, usize);

impl Output for End {
    fn write(&mut self, bytes: &[u8], _: Duration) -> Result<(), TransferError> {
        let mut reader = self.0.hold();
        if reader.unplugged {
            return Err(TransferError::Disconnected);
        }
        if reader.faulty {
            return Err(TransferError::Fault);
        }
        if let Some(error) = reader.refuses[self.1].take() {
            return Err(error);
        }
        reader.take(self.1, bytes);
        Ok(())
    }

    fn clear_halt(&mut self) -> Result<(), DeviceError> {
        self.0.hold().halts_cleared += 1;
        Ok(())
    }
}

impl Input for End {
    fn read(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, TransferError> {
        let silent =
            |reader: &mut Reader| !reader.unplugged && !reader.faulty && reader.to_host[self.1].is_empty();
        let waited = self.0.0.1.wait_timeout_while(self.0.hold(), limit, silent);
        let (mut reader, _) = waited.unwrap();
        if reader.unplugged {
            return Err(TransferError::Disconnected);
        }
        if reader.faulty {
            return Err(TransferError::Fault);
        }
        match reader.to_host[self.1].pop_front() {
            Some(Next::Packet(bytes)) => Ok(Some(bytes)),
            Some(Next::Error(error)) => Err(error),
            None => Ok(None),
        }
    }

    fn clear_halt(&mut self) -> Result<(), DeviceError> {
        self.0.hold().halts_cleared += 1;
        Ok(())
    }
}

struct Bench {
    desk: Desk,
    reader: Shared,
}

impl conformance::CardBench for Bench {
    fn open(&self) -> Box<dyn CardReader> {
        Box::new(self.reader.sam())
    }

    fn insert(&self) -> RawCard {
        self.desk.insert(Some("01-resident")).unwrap();
        expected("01-resident")
    }

    fn remove(&self) {
        self.desk.insert(None).unwrap();
    }

    fn damage(&self, times: u32) -> bool {
        self.desk.fault(Fault::Card(CardFault::ReadFailed), times);
        true
    }
}

/// What the card reads as: what the simulated reader gives, without what comes beside its frames.
fn expected(card: &str) -> RawCard {
    let desk = Desk::new(None, None);
    desk.insert(Some(card)).unwrap();
    let mut reader = desk.card_driver().open("simulated-reader").unwrap_or_else(|e| panic!("{e}"));
    let card = reader.read(ReadWish::default(), &Cancel::new()).unwrap_or_else(|e| panic!("{e}"));
    RawCard { chip_serial: None, photo: None, origin: Origin::Device, ..card }
}

fn reader(split: bool) -> Shared {
    Shared::new(split, &Desk::new(None, None))
}

/// The next whole reply, its pieces put together.
fn reply(line: &mut Line<End, End>) -> Result<Vec<u8>, DeviceCondition> {
    let mut frame = vec![];
    loop {
        frame.extend(line.receive(SHORT, &Cancel::new()).map_err(|e| e.condition)?);
        if Reply::from_frame(&frame).is_ok() {
            return Ok(frame);
        }
    }
}

fn ask(line: &mut Line<End, End>, command: Command) -> Result<Vec<u8>, DeviceCondition> {
    line.send(&command.to_frame()).map_err(|e| e.condition)?;
    reply(line)
}

const STATUS_REPLY: [u8; 11] = [0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0, 0, 0x90, 0x94];

#[test]
fn the_split_reader_keeps_every_promise_of_its_trait() {
    let desk = Desk::new(None, None);
    conformance::card_reader(&Bench { reader: Shared::new(true, &desk), desk });
}

#[test]
fn the_whole_frame_reader_keeps_every_promise_of_its_trait() {
    let desk = Desk::new(None, None);
    conformance::card_reader(&Bench { reader: Shared::new(false, &desk), desk });
}

#[test]
fn a_request_is_split_after_its_seventh_byte() {
    let split = reader(true);
    assert_eq!(ask(&mut split.line(), Command::Status), Ok(STATUS_REPLY.to_vec()));
    let frame = Command::Status.to_frame();
    assert_eq!(split.hold().arrived, [(0, frame[..7].to_vec()), (1, frame[7..].to_vec())]);

    let whole = reader(false);
    assert_eq!(ask(&mut whole.line(), Command::Status), Ok(STATUS_REPLY.to_vec()));
    assert_eq!(whole.hold().arrived, [(0, frame)]);
}

#[test]
fn a_head_in_pieces_and_a_body_with_empty_packets_are_one_reply() {
    let split = reader(true);
    let mut line = split.line();
    split.hold().holds = true;
    line.send(&Command::Status.to_frame()).unwrap();
    split.change(|reader| {
        let packets = |bytes: &[&[u8]]| bytes.iter().map(|b| Next::Packet(b.to_vec())).collect();
        reader.to_host[0] = packets(&[&STATUS_REPLY[..3], &[], &STATUS_REPLY[3..7]]);
        reader.to_host[1] = packets(&[&[], &STATUS_REPLY[7..9], &STATUS_REPLY[9..]]);
    });
    assert_eq!(reply(&mut line), Ok(STATUS_REPLY.to_vec()));
}

#[test]
fn what_arrived_unasked_is_thrown_away_on_both_endpoints() {
    for split in [true, false] {
        let reader = reader(split);
        let mut line = reader.line();
        for _ in 0..2 {
            reader.change(|reader| {
                reader.give(&Reply { status: [0, 0, 0x80], data: vec![7; 200] }.to_frame());
                reader.to_host[0].push_back(Next::Packet(vec![0xAA; 64]));
            });
            assert_eq!(ask(&mut line, Command::Status), Ok(STATUS_REPLY.to_vec()), "split: {split}");
        }
    }
}

#[test]
fn a_late_reply_to_a_cancelled_request_is_not_taken_for_the_next() {
    for split in [true, false] {
        let reader = reader(split);
        let mut line = reader.line();
        reader.hold().holds = true;
        line.send(&Command::ModuleNumber.to_frame()).unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        let ended = line.receive(Duration::from_secs(9), &cancel).map_err(|e| e.condition);
        assert_eq!(ended, Err(DeviceCondition::Cancelled));

        let late = reader.clone();
        let module = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            late.change(|reader| {
                reader.holds = false;
                let reply = reader.kept_back.remove(0);
                reader.give(&reply);
            });
        });
        assert_eq!(ask(&mut line, Command::Status), Ok(STATUS_REPLY.to_vec()), "split: {split}");
        module.join().unwrap();
    }
}

#[test]
fn a_module_that_stays_busy_is_opened_anew_instead_of_misunderstood() {
    let reader = reader(true);
    let mut line = reader.line();
    reader.hold().holds = true;
    line.send(&Command::ReadCard.to_frame()).unwrap();
    let error = line.send(&Command::Status.to_frame()).unwrap_err();
    assert_eq!(error.condition, DeviceCondition::Timeout, "{error}");
    assert_eq!(reader.hold().kept_back.len(), 1, "the second request was never sent");
}

#[test]
fn a_reply_that_broke_off_does_not_hold_up_the_next() {
    let reader = reader(true);
    let mut line = reader.line();
    reader.hold().holds = true;
    line.send(&Command::Status.to_frame()).unwrap();
    reader.change(|reader| {
        reader.holds = false;
        reader.to_host[0].push_back(Next::Packet(STATUS_REPLY[..7].to_vec()));
    });
    assert_eq!(reply(&mut line), Err(DeviceCondition::Timeout));
    let started = Instant::now();
    assert_eq!(ask(&mut line, Command::Status), Ok(STATUS_REPLY.to_vec()));
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn a_stall_is_cleared_and_the_reading_tried_again() {
    for split in [true, false] {
        let reader = reader(split);
        let mut sam = reader.sam();
        reader.hold().refuses[0] = Some(TransferError::Stall);
        let card = sam.read(ReadWish::default(), &Cancel::new()).unwrap_or_else(|e| panic!("{e}"));
        assert!(card == expected("01-resident"));
        assert_eq!(reader.hold().halts_cleared, 1);

        let mut line = reader.line();
        reader.hold().holds = true;
        line.send(&Command::Status.to_frame()).unwrap();
        reader.change(|reader| {
            reader.holds = false;
            reader.to_host[0].push_back(Next::Error(TransferError::Stall));
        });
        assert_eq!(reply(&mut line), Err(DeviceCondition::Protocol));
        assert_eq!(reader.hold().halts_cleared, 2);
        assert_eq!(ask(&mut line, Command::Status), Ok(STATUS_REPLY.to_vec()));
    }
}

#[test]
fn a_pulled_plug_is_lost_even_where_it_shows_as_a_fault_first() {
    let reader = reader(true);
    let mut sam = reader.sam();
    let puller = reader.clone();
    reader.hold().faulty = true;
    let pull = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        puller.change(|reader| reader.unplugged = true);
    });
    let error = sam.read(ReadWish::default(), &Cancel::new()).err().expect("nothing is read");
    assert_eq!(error.condition, DeviceCondition::Lost, "{error}");
    pull.join().unwrap();
}

#[test]
fn a_plug_pulled_while_a_reply_is_awaited_ends_the_wait_at_once() {
    let reader = reader(false);
    let mut line = reader.line();
    reader.hold().holds = true;
    line.send(&Command::Find.to_frame()).unwrap();
    let started = Instant::now();
    let puller = reader.clone();
    let pull = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        puller.change(|reader| reader.unplugged = true);
    });
    let error = line.receive(Duration::from_secs(30), &Cancel::new()).unwrap_err();
    assert_eq!(error.condition, DeviceCondition::Lost);
    assert!(started.elapsed() < Duration::from_secs(5));
    pull.join().unwrap();
}

#[test]
fn a_silent_wait_ends_soon_after_it_is_cancelled() {
    let reader = reader(true);
    let mut line = reader.line();
    reader.hold().holds = true;
    line.send(&Command::Find.to_frame()).unwrap();
    let cancel = Cancel::new();
    let canceller = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        canceller.cancel();
        Instant::now()
    });
    let error = line.receive(Duration::from_secs(30), &cancel).unwrap_err();
    let took = timer.join().unwrap().elapsed();
    assert_eq!(error.condition, DeviceCondition::Cancelled);
    assert!(took < Duration::from_secs(1), "it took {took:?}");
}

#[test]
fn a_reader_that_never_stops_sending_is_an_error() {
    let reader = reader(false);
    reader.change(|reader| {
        reader.to_host[0].extend((0..1000).map(|_| Next::Packet(vec![0; 64])));
    });
    let error = reader.line().send(&Command::Status.to_frame()).unwrap_err();
    assert_eq!(error.condition, DeviceCondition::Protocol);
}

#[test]
fn noise_before_a_reply_is_skipped_in_the_whole_frame_form() {
    let reader = reader(false);
    let mut sam = reader.sam();
    reader.hold().holds = true;
    let noisy = [&[0xAA, 0xAA, 0xAA, 0xAA, 0x96, 0xAA, 0x00][..], &STATUS_REPLY].concat();
    let giver = reader.clone();
    let give = std::thread::spawn(move || {
        while giver.hold().kept_back.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        giver.change(|reader| {
            reader.holds = false;
            reader.give(&noisy);
        });
    });
    assert_eq!(sam.self_test(Duration::from_secs(5), &Cancel::new()), Ok(()));
    give.join().unwrap();
    let started = Instant::now();
    assert_eq!(sam.self_test(Duration::from_secs(5), &Cancel::new()), Ok(()));
    assert!(started.elapsed() < Duration::from_millis(500), "the first reply was seen to its end");
}
