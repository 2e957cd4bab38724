//! The reading sequence against a scripted module with a clock of its own.

use std::collections::VecDeque;

use proptest::prelude::*;
use yidang_device::{Access, ReadWish, WLT_LENGTH_BYTES};

use super::*;
use crate::frame::{HEAD_LENGTH_BYTES, REQUEST_LENGTH_MIN, Speed, decode};
use crate::text::{CardText, DocumentType};
use crate::vectors;

/// What the module does with one command.
enum Step {
    /// These bytes, in these pieces.
    Bytes(Command, Vec<Vec<u8>>),
    /// No reply until the time is over.
    Silence(Command),
}

/// A module that expects exactly these commands.
struct Script {
    steps: VecDeque<Step>,
    pieces: VecDeque<Vec<u8>>,
    now: Duration,
}

impl SamTransport for Script {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        let body = decode(request, REQUEST_LENGTH_MIN).expect("a request is a whole frame");
        let step = self.steps.pop_front().expect("no further command is expected");
        let (wanted, pieces) = match step {
            Step::Bytes(wanted, pieces) => (wanted, pieces),
            Step::Silence(wanted) => (wanted, vec![]),
        };
        assert_eq!(Command::from_body(body), Some(wanted));
        self.pieces = pieces.into();
        Ok(())
    }

    fn receive(&mut self, timeout: Duration, _: &Cancel) -> Result<Vec<u8>, DeviceError> {
        match self.pieces.pop_front() {
            Some(piece) => {
                self.now += Duration::from_millis(1);
                Ok(piece)
            }
            None => {
                self.now += timeout;
                Err(DeviceError::new(DeviceCondition::Timeout, "scripted silence"))
            }
        }
    }

    fn clock(&self) -> Duration {
        self.now
    }
}

fn reply(command: Command, status: u8, data: &[u8]) -> Step {
    Step::Bytes(command, vec![Reply { status: [0, 0, status], data: data.to_vec() }.to_frame()])
}

fn content() -> Vec<u8> {
    let mut photo_wlt = b"WLf\0".to_vec();
    photo_wlt.resize(WLT_LENGTH_BYTES, 0);
    CardData { text: vectors::text(DocumentType::Resident), photo_wlt, fingerprint: None }.to_bytes()
}

/// The same card's answer to `30 10`, with so many fingers.
fn content_with(fingers: usize) -> Vec<u8> {
    let mut card = CardData::parse(&content()).unwrap();
    card.fingerprint = Some(vectors::fingerprint()[..fingers].to_vec());
    card.to_bytes()
}

fn found_and_selected() -> Vec<Step> {
    vec![reply(Command::Find, 0x9F, &[0; 4]), reply(Command::Select, 0x90, &[0; 8])]
}

fn read_and_rest() -> Vec<Step> {
    vec![
        reply(Command::ReadCard, 0x90, &content()),
        reply(Command::ReadNewAddress, 0x91, &[]),
        reply(Command::ModuleNumber, 0x90, &[7; 16]),
    ]
}

fn reader(steps: Vec<Vec<Step>>) -> SamReader<Script> {
    let steps = steps.into_iter().flatten().collect();
    let listing = DeviceListing { id: "script".into(), name: "script".into(), access: Access::Granted };
    SamReader::new(Script { steps, pieces: VecDeque::new(), now: Duration::ZERO }, listing, Origin::Device)
}

/// Reads once and checks that every step of the script was taken; the condition of a failure.
fn outcome(reader: &mut SamReader<Script>) -> Result<RawCard, DeviceCondition> {
    let outcome = reader.read(ReadWish::default(), &Cancel::new()).map_err(|e| e.condition);
    assert!(reader.transport.steps.is_empty(), "{} steps were not taken", reader.transport.steps.len());
    outcome
}

#[test]
fn the_whole_replies_have_the_published_lengths_and_check_bytes() {
    for (kind, text) in vectors::texts() {
        let mut photo_wlt = b"WLf\0".to_vec();
        photo_wlt.resize(WLT_LENGTH_BYTES, 0);
        let fingers = [None, Some(vectors::fingerprint().to_vec()), Some(vec![])];
        for ((fingerprint, length), check) in
            fingers.into_iter().zip([1295, 2321, 1297]).zip(vectors::checks(kind))
        {
            let card = CardData { text, photo_wlt: photo_wlt.clone(), fingerprint };
            let frame = Reply { status: [0, 0, 0x90], data: card.to_bytes() }.to_frame();
            assert_eq!((frame.len(), frame.last().copied()), (length, Some(check)), "{}", kind.as_str());
        }
    }
}

#[test]
fn a_card_is_read_with_address_and_module_number() {
    let address = crate::text::encode_new_address("某市测试新址3号").unwrap();
    let mut steps = read_and_rest();
    steps[1] = reply(Command::ReadNewAddress, 0x90, &address);
    let mut reader = reader(vec![found_and_selected(), steps]);
    let card = outcome(&mut reader).unwrap_or_else(|e| panic!("{e}"));
    assert!(card.text == vectors::text(DocumentType::Resident));
    assert_eq!(card.photo_wlt.len(), WLT_LENGTH_BYTES);
    assert!(card.new_address == Some(address.to_vec()));
    assert_eq!(card.sam_id, Some([7; 16]));
    assert_eq!(card.origin, Origin::Device);
}

/// A reading with the fingerprint, whose content comes in these steps.
fn with_fingerprint(content: Vec<Step>) -> Result<RawCard, DeviceCondition> {
    let mut rest = read_and_rest();
    rest.remove(0);
    let mut reader = reader(vec![found_and_selected(), content, rest]);
    let outcome = reader.read(ReadWish { fingerprint: true }, &Cancel::new()).map_err(|e| e.condition);
    assert!(reader.transport.steps.is_empty(), "{} steps were not taken", reader.transport.steps.len());
    outcome
}

#[test]
fn a_fingerprint_is_read_when_it_is_wished_for_and_its_length_is_the_headers() {
    for fingers in 0..=2 {
        let answer = reply(Command::ReadCardWithFingerprints, 0x90, &content_with(fingers));
        let card = with_fingerprint(vec![answer]).unwrap_or_else(|e| panic!("{e}"));
        assert!(card.fingerprint == vectors::fingerprint()[..fingers]);
        assert!(card.text == vectors::text(DocumentType::Resident));
        assert_eq!(card.photo_wlt.len(), WLT_LENGTH_BYTES);
    }
}

#[test]
fn a_module_without_fingerprints_gives_the_rest() {
    for refusal in [status::COMMAND, status::FORBIDDEN] {
        let steps = vec![
            reply(Command::ReadCardWithFingerprints, refusal, &[]),
            reply(Command::ReadCard, 0x90, &content()),
        ];
        assert!(with_fingerprint(steps).is_ok_and(|card| card.fingerprint.is_empty()));
    }
}

#[test]
fn a_fingerprint_that_fails_gets_one_second_try() {
    let mut steps = vec![reply(Command::ReadCardWithFingerprints, 0x41, &[])];
    steps.extend(found_and_selected());
    steps.push(reply(Command::ReadCardWithFingerprints, 0x90, &content_with(2)));
    assert!(with_fingerprint(steps).is_ok_and(|card| card.fingerprint.len() == 2));
}

#[test]
fn a_blank_appended_address_is_none() {
    let mut steps = read_and_rest();
    steps[1] = reply(Command::ReadNewAddress, 0x90, &[b' ', 0].repeat(35));
    assert!(outcome(&mut reader(vec![found_and_selected(), steps])).is_ok_and(|c| c.new_address.is_none()));
}

#[test]
fn a_moved_card_a_silent_module_and_a_broken_reply_get_one_second_try() {
    let mut damaged = Reply { status: [0, 0, 0x90], data: content() }.to_frame();
    damaged[100] ^= 1;
    for failure in [
        reply(Command::ReadCard, 0x41, &[]),
        reply(Command::ReadCard, 0x32, &[]),
        Step::Silence(Command::ReadCard),
        Step::Bytes(Command::ReadCard, vec![damaged.clone()]),
        Step::Bytes(Command::ReadCard, vec![damaged[..600].to_vec()]),
    ] {
        let steps = vec![found_and_selected(), vec![failure], found_and_selected(), read_and_rest()];
        assert!(outcome(&mut reader(steps)).is_ok());
    }
}

#[test]
fn the_modules_speed_is_never_changed() {
    let mut reader = reader(vec![]);
    let asked = reader.ask(Command::SetSpeed(Speed::Baud9600), SamLimits::USUAL.short, &Cancel::new());
    assert_eq!(asked.err().map(|e| e.condition), Some(DeviceCondition::Protocol));
}

#[test]
fn a_second_failure_is_reported() {
    let failing = |status| {
        let failure = || vec![reply(Command::ReadCard, status, &[])];
        outcome(&mut reader(vec![found_and_selected(), failure(), found_and_selected(), failure()])).err()
    };
    assert_eq!(failing(0x41), Some(DeviceCondition::CardUnreadable));
    assert_eq!(failing(0x32), Some(DeviceCondition::CardNotAuthentic));
}

#[test]
fn what_a_second_try_does_not_cure_is_reported_at_once() {
    let select = vec![reply(Command::Find, 0x9F, &[0; 4]), reply(Command::Select, 0x81, &[])];
    assert_eq!(outcome(&mut reader(vec![select])).err(), Some(DeviceCondition::CardNotSupported));
    let module = vec![reply(Command::Find, 0x66, &[])];
    assert_eq!(outcome(&mut reader(vec![module])).err(), Some(DeviceCondition::SecurityModuleFailed));
}

#[test]
fn a_silent_module_costs_each_commands_limit_and_no_more() {
    let mut reader = reader(vec![vec![Step::Silence(Command::Find), Step::Silence(Command::Find)]]);
    assert_eq!(outcome(&mut reader).err(), Some(DeviceCondition::Timeout));
    assert_eq!(reader.transport.now, Duration::from_secs(2));
}

#[test]
fn a_whole_reading_stays_within_its_limit() {
    let slow = || {
        let mut steps = found_and_selected();
        steps.extend([reply(Command::ReadCard, 0x90, &content()), Step::Silence(Command::ReadNewAddress)]);
        steps
    };
    let mut reader = reader(vec![slow(), slow()]);
    assert_eq!(outcome(&mut reader).err(), Some(DeviceCondition::Timeout));
    assert!(reader.transport.now <= SamLimits::USUAL.reading);
}

#[test]
fn a_card_the_module_refuses_to_find_again_is_still_read_and_present() {
    let steps = vec![
        found_and_selected(),
        read_and_rest(),
        vec![reply(Command::Find, 0x80, &[]), reply(Command::ReadCard, 0x90, &content())],
        vec![reply(Command::ReadNewAddress, 0x91, &[])],
        vec![reply(Command::ReadNewAddress, 0x91, &[])],
    ];
    let mut reader = reader(steps);
    assert!(reader.read(ReadWish::default(), &Cancel::new()).is_ok());
    assert!(reader.read(ReadWish::default(), &Cancel::new()).is_ok());
    let presence = reader.wait(Presence::Absent, Duration::ZERO, &Cancel::new());
    assert_eq!(presence, Ok(Presence::Present));
    assert!(reader.transport.steps.is_empty());
}

#[test]
fn a_card_that_another_program_read_is_present() {
    let steps = vec![vec![reply(Command::Find, 0x80, &[]), reply(Command::ReadNewAddress, 0x91, &[])]];
    let presence = reader(steps).wait(Presence::Absent, Duration::ZERO, &Cancel::new());
    assert_eq!(presence, Ok(Presence::Present));
}

#[test]
fn a_card_that_was_read_and_leaves_is_absent() {
    let steps = vec![
        found_and_selected(),
        read_and_rest(),
        vec![reply(Command::ReadNewAddress, 0x41, &[]), reply(Command::Find, 0x80, &[])],
    ];
    let mut reader = reader(steps);
    assert!(reader.read(ReadWish::default(), &Cancel::new()).is_ok());
    assert_eq!(reader.wait(Presence::Present, Duration::ZERO, &Cancel::new()), Ok(Presence::Absent));
}

#[test]
fn an_empty_field_is_told_from_a_card_that_left() {
    let nothing = || {
        vec![
            reply(Command::Find, 0x80, &[]),
            reply(Command::ReadCard, 0x41, &[]),
            reply(Command::ReadNewAddress, 0x41, &[]),
        ]
    };
    assert_eq!(outcome(&mut reader(vec![nothing()])).err(), Some(DeviceCondition::NoCard));
    let leaving = vec![found_and_selected(), vec![reply(Command::ReadCard, 0x41, &[])], nothing()];
    assert_eq!(outcome(&mut reader(leaving)).err(), Some(DeviceCondition::CardRemoved));
}

#[test]
fn a_reply_is_found_behind_noise_and_in_single_bytes() {
    let frame = Reply { status: [0, 0, 0x90], data: vec![] }.to_frame();
    let noise = [0x00, 0xAA, 0xAA, 0xAA, 0x96, 0x69, 0xFF, 0xFF];
    let pieces = noise.iter().chain(&frame).map(|&byte| vec![byte]).collect();
    let mut reader = reader(vec![vec![Step::Bytes(Command::Status, pieces)]]);
    assert_eq!(reader.self_test(SamLimits::USUAL.short, &Cancel::new()), Ok(()));
}

#[test]
fn every_single_bit_flip_of_a_reading_is_rejected_or_harmless() {
    let frame = Reply { status: [0, 0, 0x90], data: content() }.to_frame();
    for at in 0..frame.len() {
        for bit in 0..8 {
            let mut flipped = frame.clone();
            flipped[at] ^= 1 << bit;
            assert!(Reply::from_frame(&flipped).is_err(), "bit {bit} of byte {at} goes unnoticed");
            // The same damage with a check byte that fits must not panic further up either.
            if at >= HEAD_LENGTH_BYTES && at + 1 < frame.len() {
                let body = &flipped[HEAD_LENGTH_BYTES..frame.len() - 1];
                let reply = Reply { status: [0, 0, 0x90], data: body[3..].to_vec() };
                if let Ok(data) = CardData::parse(&reply.data) {
                    let _ = CardText::decode(&data.text);
                }
            }
        }
    }
}

#[test]
fn a_session_goes_on_over_another_transport_with_limits_of_its_own() {
    let mut reader = reader(vec![found_and_selected(), read_and_rest()]);
    assert!(outcome(&mut reader).is_ok());
    let (between, script) = reader.over(());
    // The module's number is known, and that the card was read.
    let mut script = script;
    script.steps.push_back(reply(Command::ReadNewAddress, 0x91, &[]));
    script.steps.push_back(Step::Silence(Command::Find));
    script.steps.push_back(Step::Silence(Command::Find));
    let short = Duration::from_millis(300);
    let (mut reader, ()) = between.with_limits(SamLimits { short, ..SamLimits::USUAL }).over(script);
    assert_eq!(reader.wait(Presence::Absent, Duration::ZERO, &Cancel::new()), Ok(Presence::Present));
    let before = reader.transport.now;
    assert_eq!(outcome(&mut reader).err(), Some(DeviceCondition::Timeout));
    assert_eq!(reader.transport.now - before, short * 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_module_that_answers_anything_never_panics_us(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..100), 0..6),
        status: u8,
        data in proptest::collection::vec(any::<u8>(), 0..300),
        fingerprint: bool,
    ) {
        let noise = vec![Step::Bytes(Command::Status, pieces)];
        let _ = reader(vec![noise]).self_test(SamLimits::USUAL.short, &Cancel::new());
        let command = if fingerprint { Command::ReadCardWithFingerprints } else { Command::ReadCard };
        let mut reader = reader(vec![vec![reply(command, status, &data), reply(Command::ReadCard, status, &data)]]);
        let _ = reader.read_content(ReadWish { fingerprint }, SamLimits::USUAL.read, &Cancel::new());
    }
}
