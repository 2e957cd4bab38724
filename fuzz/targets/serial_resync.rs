//! Frames and garbage mixed on a serial line: what is a whole frame is found, however the stream is cut, and a
//! reading goes through noise. Each piece of the input is a kind byte, a length byte and so many bytes.
#![no_main]

use std::collections::VecDeque;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use yidang_device::{
    Access, Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, ReadWish, WLT_LENGTH_BYTES,
};
use yidang_idcard::content::CardData;
use yidang_idcard::frame::{
    Command, FrameReader, HEAD_LENGTH_BYTES, LENGTH_MAX, PREAMBLE, REPLY_LENGTH_MIN, REQUEST_LENGTH_MIN,
    Reply, decode,
};
use yidang_idcard::text::{CardText, DocumentType};
use yidang_idcard::{SamReader, SamTransport};
use yidang_model::Origin;

fn pieces(mut left: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([kind, length], rest) = left.split_first_chunk()?;
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        left = rest;
        Some((*kind, piece))
    })
}

/// What a piece puts on the line.
fn on_the_line(kind: u8, piece: &[u8]) -> Vec<u8> {
    let frame = || Reply { status: [0, 0, kind], data: piece.to_vec() }.to_frame();
    match kind % 5 {
        0 => piece.to_vec(),
        1 => frame(),
        2 => {
            let mut damaged = frame();
            if let Some(check) = damaged.last_mut() {
                *check ^= 0x40;
            }
            damaged
        }
        3 => frame()[..HEAD_LENGTH_BYTES + piece.len() / 2].to_vec(),
        _ => [&PREAMBLE[..], piece].concat(),
    }
}

/// Every reply in a stream, found the slow way: a frame is tried at each place.
fn replies_in(stream: &[u8]) -> Vec<Reply> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at + HEAD_LENGTH_BYTES <= stream.len() {
        let length = usize::from(u16::from_be_bytes([stream[at + 5], stream[at + 6]]));
        let possible = (REPLY_LENGTH_MIN..=LENGTH_MAX).contains(&length);
        let whole = stream.get(at..at + HEAD_LENGTH_BYTES + length).filter(|_| possible);
        match whole.map(Reply::from_frame) {
            Some(Ok(reply)) => {
                at += HEAD_LENGTH_BYTES + length;
                found.push(reply);
            }
            _ => at += 1,
        }
    }
    found
}

fn the_reader_finds_what_is_there(data: &[u8]) {
    let mut stream: Vec<u8> = pieces(data).flat_map(|(kind, piece)| on_the_line(kind, piece)).collect();
    // Whatever a false start announces has come by then.
    stream.resize(stream.len() + HEAD_LENGTH_BYTES + LENGTH_MAX, 0);
    let (mut reader, mut found, mut left) = (FrameReader::new(), Vec::new(), &stream[..]);
    for cut in data.iter().map(|&byte| usize::from(byte) + 1).chain(std::iter::repeat(997)) {
        let (piece, rest) = left.split_at(left.len().min(cut));
        left = rest;
        reader.feed(piece);
        found.extend(std::iter::from_fn(|| reader.next_reply()).flatten());
        if left.is_empty() {
            break;
        }
    }
    assert!(found == replies_in(&stream), "a frame is lost, or made up");
}

/// A module that answers truly, each reply behind noise that is no preamble, in pieces.
struct NoisyModule {
    noise: VecDeque<Vec<u8>>,
    pieces: VecDeque<Vec<u8>>,
    content: Vec<u8>,
    now: Duration,
}

impl SamTransport for NoisyModule {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        let body = decode(request, REQUEST_LENGTH_MIN).expect("a request is a whole frame");
        let (status, data) = match Command::from_body(body).expect("a request is a command") {
            Command::Find => (0x9F, vec![0; 4]),
            Command::ReadCardWithFingerprints => (0x90, self.content.clone()),
            Command::ReadNewAddress => (0x91, vec![]),
            Command::ModuleNumber => (0x90, vec![7; 16]),
            _ => (0x90, vec![0; 8]),
        };
        let noise = self.noise.pop_front().unwrap_or_default();
        let stream = [noise, Reply { status: [0, 0, status], data }.to_frame()].concat();
        self.pieces = stream.chunks(64).map(<[u8]>::to_vec).collect();
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, _: &Cancel) -> Result<Vec<u8>, DeviceError> {
        self.now += Duration::from_micros(100);
        self.pieces.pop_front().ok_or_else(|| {
            self.now += timeout;
            DeviceError::new(DeviceCondition::Timeout, "silent")
        })
    }

    fn clock(&self) -> Duration {
        self.now
    }
}

/// Noise in which no frame begins: no preamble, or one with an impossible length.
fn noise(kind: u8, piece: &[u8]) -> Vec<u8> {
    let plain: Vec<u8> = piece.iter().map(|byte| if *byte == 0xAA { 0xAB } else { *byte }).collect();
    match kind % 3 {
        0 => plain,
        1 => [&plain[..], &PREAMBLE, &[0xFF, 0xFF]].concat(),
        _ => [&PREAMBLE[..], &[0, 3], &plain, &PREAMBLE[..usize::from(kind) % 4]].concat(),
    }
}

fn a_reading_goes_through_noise(data: &[u8]) {
    let text = CardText::blank(DocumentType::Resident).encode().expect("a blank card is written");
    let fingerprint = Some(vec![[b'C'; 512]; 2]);
    let card = CardData { text, photo_wlt: vec![0xAA; WLT_LENGTH_BYTES], fingerprint };
    let module = NoisyModule {
        noise: pieces(data).map(|(kind, piece)| noise(kind, piece)).collect(),
        pieces: VecDeque::new(),
        content: card.to_bytes(),
        now: Duration::ZERO,
    };
    let listing = DeviceListing { id: "f".into(), name: "f".into(), access: Access::Granted };
    let mut reader = SamReader::new(module, listing, Origin::Device);
    match reader.read(ReadWish { fingerprint: true }, &Cancel::new()) {
        Ok(read) => assert!(read.photo_wlt == card.photo_wlt && Some(read.fingerprint) == card.fingerprint),
        Err(error) => panic!("the reading does not come through: {error}"),
    }
}

fuzz_target!(|data: &[u8]| {
    the_reader_finds_what_is_there(data);
    a_reading_goes_through_noise(data);
});
