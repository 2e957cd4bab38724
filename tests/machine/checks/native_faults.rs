//! Readers in native mode, when something goes wrong.

use std::time::{Duration, Instant};

use yidang_device::{Cancel, CardReader, DeviceCondition, Presence, RawCard};
use yidang_idcard::frame::{Command, Reply};
use yidang_usb_devices::{Form, SamFault};

use crate::native::{CARDS, Native};
use crate::reading::{fails, found, gone, over_the_wire, reads};
use crate::report::Report;

/// Longest time until a pulled plug or a raised flag shows, on a slow emulated machine.
const SHOWS_WITHIN: Duration = Duration::from_secs(2);

/// One check: the reader, and what its first card must read as.
type Check = fn(&Native, &RawCard);

/// Checks a reader of this form.
pub(crate) fn check(report: &mut Report, form_word: &str, form: Form) {
    let native = Native::new(form);
    let card = over_the_wire(CARDS[0]);
    let checks: [(&str, Check); 9] = [
        ("pulled within a reply it is lost, plugged in again it reads", pulled_within_a_reply),
        ("pulled while a reply is awaited it is lost", pulled_while_waiting),
        ("pulled between two looks it is lost at the next", pulled_between_looks),
        ("a stalled reply is cleared and the card read", stalled_reply),
        ("a stalled request is cleared and the card read", stalled_request),
        ("one that takes no request runs out of time, and reads when plugged in again", frozen),
        ("what was sent unasked spoils no reading", babble),
        ("a card taken during the reading is said to be removed", card_taken),
        ("a cancelled wait ends soon, and its late reply spoils no reading", cancelled),
    ];
    for (name, check) in checks {
        report.check(&format!("native {form_word}: {name}"), || {
            native.lay(Some(CARDS[0]));
            check(&native, &card);
            assert!(!native.reader.waits_to_fail(), "what was to go wrong did not");
        });
    }
}

/// The condition of a reading that fails soon.
#[track_caller]
fn fails_soon(reader: &mut dyn CardReader) -> DeviceCondition {
    let started = Instant::now();
    let error = fails(reader);
    assert!(started.elapsed() < SHOWS_WITHIN, "{error} took {:?}", started.elapsed());
    error.condition
}

fn pulled_within_a_reply(native: &Native, card: &RawCard) {
    // In the head, at its end, and in the body.
    for bytes in [3, 7, 600] {
        let plugged = native.plug();
        let mut reader = native.open();
        native.reader.fail(Command::ReadCard, SamFault::PullAfter(bytes));
        assert_eq!(fails_soon(reader.as_mut()), DeviceCondition::Lost, "after {bytes} bytes");
        drop((reader, plugged));
        gone(&native.driver);
        let _plugged = native.plug();
        reads(native.open().as_mut(), card);
    }
}

fn pulled_while_waiting(native: &Native, _: &RawCard) {
    let _plugged = native.plug();
    let mut reader = native.open();
    native.reader.fail(Command::ReadCard, SamFault::PullAfter(0));
    assert_eq!(fails_soon(reader.as_mut()), DeviceCondition::Lost);
}

fn pulled_between_looks(native: &Native, _: &RawCard) {
    let plugged = native.plug();
    let mut reader = native.open();
    let look = |reader: &mut dyn CardReader| {
        let looked = reader.wait(Presence::Absent, Duration::ZERO, &Cancel::new());
        looked.map_err(|e| e.condition)
    };
    assert_eq!(look(reader.as_mut()), Ok(Presence::Present));
    plugged.unplug();
    assert_eq!(look(reader.as_mut()), Err(DeviceCondition::Lost));
}

fn stalled_reply(native: &Native, card: &RawCard) {
    let _plugged = native.plug();
    let mut reader = native.open();
    for command in [Command::Find, Command::Select, Command::ReadCard, Command::ReadNewAddress] {
        // Put down anew, so that every command is asked.
        native.lay(Some(CARDS[0]));
        native.reader.fail(command, SamFault::Stall);
        reads(reader.as_mut(), card);
        assert!(!native.reader.waits_to_fail(), "{command:?} was never asked");
    }
}

fn stalled_request(native: &Native, card: &RawCard) {
    let plugged = native.plug();
    let mut reader = native.open();
    native.reader.refuse_requests(&plugged);
    reads(reader.as_mut(), card);
}

fn frozen(native: &Native, card: &RawCard) {
    let plugged = native.plug();
    let mut reader = native.open();
    native.reader.freeze(&plugged);
    // The session tries a second time.
    let started = Instant::now();
    assert_eq!(fails(reader.as_mut()).condition, DeviceCondition::Timeout);
    assert!(started.elapsed() < 3 * SHOWS_WITHIN, "it took {:?}", started.elapsed());
    drop((reader, plugged));
    let _plugged = native.plug();
    reads(native.open().as_mut(), card);
}

fn babble(native: &Native, card: &RawCard) {
    let plugged = native.plug();
    // Before it is opened, as a program that was killed leaves it, and between readings.
    let stale = Reply { status: [0, 0, 0x80], data: vec![0xAA; 150] }.to_frame();
    native.reader.babble(&plugged, &stale);
    let mut reader = native.open();
    for _ in 0..3 {
        native.reader.babble(&plugged, &stale);
        // It arrived before the request, not while that was sent.
        std::thread::sleep(Duration::from_millis(50));
        reads(reader.as_mut(), card);
    }
}

fn card_taken(native: &Native, card: &RawCard) {
    let _plugged = native.plug();
    let mut reader = native.open();
    native.reader.fail(Command::ReadCard, SamFault::TakeCard);
    assert_eq!(fails(reader.as_mut()).condition, DeviceCondition::CardRemoved);
    assert_eq!(fails(reader.as_mut()).condition, DeviceCondition::NoCard);
    native.lay(Some(CARDS[0]));
    reads(reader.as_mut(), card);
}

fn cancelled(native: &Native, card: &RawCard) {
    let plugged = native.plug();
    let mut reader = native.open();
    native.reader.fail(Command::Find, SamFault::HoldBack);
    let cancel = Cancel::new();
    let canceller = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        canceller.cancel();
        Instant::now()
    });
    let ended = reader.wait(Presence::Absent, Duration::from_secs(30), &cancel).map_err(|e| e.condition);
    let took = timer.join().expect("the timer lives").elapsed();
    assert_eq!(ended, Err(DeviceCondition::Cancelled));
    assert!(took < SHOWS_WITHIN, "cancelling took {took:?}");
    // It comes while the next request waits for its turn.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            native.reader.release(&plugged);
        });
        reads(reader.as_mut(), card);
    });
    assert_eq!(found(&native.driver).id, reader.listing().id);
}
