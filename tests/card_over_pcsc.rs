//! Promise: an ID card is read through the real PC/SC service, and whatever goes wrong on the way has a name
//! and an end.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use yidang_device::conformance::{self, CardBench};
use yidang_device::{Access, Cancel, CardDriver, CardReader, DeviceCondition, Presence, RawCard, ReadWish};
use yidang_pcsc::PcscDriver;
use yidang_virtual_reader::{Card, Fault, IfdCode, VirtualReader};

use crate::support::cards::{CHIP_SERIAL, card, condition, open, pcscd, read, reading, texts, wait_for};
use crate::support::pcscd::Pcscd;

/// Longest reading the contract allows.
const READ_WITHIN: Duration = Duration::from_secs(15);
/// Commands of one reading: six pages and the chip's serial.
const COMMANDS: u32 = 7;

struct Bench(VirtualReader);

impl CardBench for Bench {
    fn open(&self) -> Box<dyn CardReader> {
        open(0)
    }

    fn insert(&self) -> RawCard {
        let [text, ..] = texts();
        self.0.insert(card(&text));
        reading(&text)
    }

    fn remove(&self) {
        self.0.remove();
    }

    fn damage(&self, times: u32) -> bool {
        self.0.fail_next(times, &Fault::Ifd(IfdCode::CommunicationError));
        true
    }
}

#[test]
fn a_reader_behind_pcscd_keeps_every_promise_of_a_card_reader() {
    let Some(mut pcscd) = pcscd(1) else { return };
    let bench = Bench(pcscd.readers.remove(0));
    conformance::card_reader(&bench);
}

#[test]
fn all_four_layouts_come_through_byte_for_byte() {
    let Some(pcscd) = pcscd(1) else { return };
    let mut reader = open(0);
    for text in texts() {
        pcscd.readers[0].insert(card(&text));
        wait_for(reader.as_mut(), Presence::Present);
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("it reads: {e}"));
        assert!(seen == reading(&text));
        pcscd.readers[0].remove();
        wait_for(reader.as_mut(), Presence::Absent);
    }
}

#[test]
fn readers_are_listed_by_name_and_do_not_mix_their_cards() {
    let Some(pcscd) = pcscd(3) else { return };
    let listed = PcscDriver::new().list().expect("they are listed");
    let ids: Vec<&str> = listed.iter().map(|listing| listing.id.as_str()).collect();
    assert_eq!(ids, [Pcscd::reader_name(0), Pcscd::reader_name(1), Pcscd::reader_name(2)]);
    assert!(listed.iter().all(|listing| listing.access == Access::Granted));

    let [resident, foreigner, ..] = texts();
    pcscd.readers[0].insert(card(&resident));
    pcscd.readers[2].insert(card(&foreigner));
    let (mut first, mut second, mut third) = (open(0), open(1), open(2));
    wait_for(first.as_mut(), Presence::Present);
    wait_for(third.as_mut(), Presence::Present);
    assert!(read(first.as_mut()).is_ok_and(|seen| seen == reading(&resident)));
    assert_eq!(condition(read(second.as_mut())), DeviceCondition::NoCard);
    assert!(read(third.as_mut()).is_ok_and(|seen| seen == reading(&foreigner)));
}

#[test]
fn a_missing_reader_and_a_missing_service_are_not_found() {
    let Some(mut pcscd) = pcscd(1) else { return };
    let driver = PcscDriver::new();
    let unknown = driver.open("Some Other Reader 00 00").err().expect("it is not there");
    assert_eq!(unknown.condition, DeviceCondition::NotFound);
    pcscd.kill();
    let stopped = driver.list().expect_err("no service, no list");
    assert_eq!(stopped.condition, DeviceCondition::NotFound);
    assert!(stopped.detail.contains("pcscd does not run"), "{stopped}");
    let stopped = driver.open(&Pcscd::reader_name(0)).err().expect("no service, no reader");
    assert_eq!(stopped.condition, DeviceCondition::NotFound);
}

#[test]
fn a_card_that_cannot_be_read_is_called_what_it_is() {
    let Some(pcscd) = pcscd(1) else { return };
    let mut reader = open(0);
    for (card, wanted) in [
        (Card::without_module(CHIP_SERIAL), DeviceCondition::NoSecurityModule),
        (Card::of_another_kind(), DeviceCondition::CardNotSupported),
    ] {
        pcscd.readers[0].insert(card);
        wait_for(reader.as_mut(), Presence::Present);
        assert_eq!(condition(read(reader.as_mut())), wanted);
        pcscd.readers[0].remove();
        wait_for(reader.as_mut(), Presence::Absent);
    }
}

#[test]
fn every_fault_has_its_name_and_the_next_reading_works() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    let short_page = [vec![1, 0, 4, 0], vec![0; 100], vec![0x90, 0x00]].concat();
    let hostile_head = [vec![0xFF; 256], vec![0x90, 0x00]].concat();
    for (fault, wanted) in [
        (Fault::Ifd(IfdCode::CommunicationError), DeviceCondition::CardUnreadable),
        (Fault::Ifd(IfdCode::ResponseTimeout), DeviceCondition::CardUnreadable),
        (Fault::Answer(Vec::new()), DeviceCondition::CardUnreadable),
        (Fault::Answer(vec![0x90]), DeviceCondition::CardUnreadable),
        (Fault::Answer(vec![0x6F, 0x00]), DeviceCondition::CardUnreadable),
        (Fault::Answer(vec![0x62, 0x81]), DeviceCondition::CardUnreadable),
        (Fault::Answer(vec![0x12, 0x34]), DeviceCondition::Protocol),
        (Fault::Answer(short_page), DeviceCondition::Protocol),
        (Fault::Answer(hostile_head), DeviceCondition::Protocol),
    ] {
        pcscd.readers[0].fail_next(2, &fault);
        let started = Instant::now();
        assert_eq!(condition(read(reader.as_mut())), wanted, "{fault:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{fault:?} took {:?}", started.elapsed());
        pcscd.readers[0].heal();
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("after {fault:?}: {e}"));
        assert!(seen == reading(&text));
    }
}

#[test]
fn a_single_failure_is_hidden_by_the_second_try() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    for passing in 0..COMMANDS - 1 {
        pcscd.readers[0].fail_after(passing, 1, &Fault::Ifd(IfdCode::CommunicationError));
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("failure after {passing}: {e}"));
        assert!(seen == reading(&text));
    }
}

#[test]
fn a_card_pulled_while_it_is_read_is_removed_not_unreadable() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    let mut reader = open(0);
    for passing in 0..COMMANDS - 1 {
        pcscd.readers[0].insert(card(&text));
        wait_for(reader.as_mut(), Presence::Present);
        pcscd.readers[0].fail_after(passing, 1, &Fault::Pull);
        assert_eq!(condition(read(reader.as_mut())), DeviceCondition::CardRemoved, "after {passing}");
        wait_for(reader.as_mut(), Presence::Absent);
        assert_eq!(condition(read(reader.as_mut())), DeviceCondition::NoCard);
    }
}

/// Another program's connection to the reader.
fn other_program(share: ShareMode) -> pcsc::Card {
    let context = Context::establish(Scope::User).expect("it reaches the service");
    let name = std::ffi::CString::new(Pcscd::reader_name(0)).expect("a name without zero bytes");
    context.connect(&name, share, Protocols::ANY).expect("it connects to the card")
}

#[test]
fn another_program_may_use_and_reset_the_card_between_our_commands() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    let (stop, turns) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut other = other_program(ShareMode::Shared);
            let mut buffer = [0; 300];
            while !stop.load(Ordering::SeqCst) {
                let turn = other.transaction().expect("it has its turn");
                let answer = turn.transmit(&[0x00, 0x36, 0, 0, 8], &mut buffer).expect("it is answered");
                assert_eq!(answer, [CHIP_SERIAL.as_slice(), &[0x90, 0x00]].concat());
                // Every third turn ends with a reset, which our own connection must get over. The other
                // gets over its own too; a reset of ours would make it fail to have its turn.
                let resets = turns.fetch_add(1, Ordering::SeqCst) % 3 == 0;
                let end = if resets { Disposition::ResetCard } else { Disposition::LeaveCard };
                turn.end(end).map_err(|(_, e)| e).expect("its turn ends");
                if resets {
                    let again = other.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard);
                    again.expect("it gets over its own reset");
                }
            }
        });
        // Both have many turns: neither may starve the other.
        let started = Instant::now();
        let (mut readings, mut failed) = (0, None);
        while failed.is_none() && (readings < 20 || turns.load(Ordering::SeqCst) < 10) {
            match read(reader.as_mut()) {
                Ok(seen) if seen == reading(&text) => readings += 1,
                Ok(_) => failed = Some("another card came".to_owned()),
                // On a machine that has other work, the other may have all turns of one reading's time.
                Err(e) if e.condition == DeviceCondition::Busy => {}
                Err(e) => failed = Some(e.to_string()),
            }
            if started.elapsed() > Duration::from_secs(30) {
                failed = Some(format!("{readings} readings and {turns:?} turns of the other"));
            }
        }
        stop.store(true, Ordering::SeqCst);
        other.join().expect("the other program is not disturbed");
        assert_eq!(failed, None);
    });
}

#[test]
fn a_card_another_program_has_for_itself_is_busy() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    let other = other_program(ShareMode::Exclusive);
    assert_eq!(condition(read(reader.as_mut())), DeviceCondition::Busy);
    drop(other);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == reading(&text)));
}

#[test]
fn a_reading_that_hangs_ends_in_time() {
    let Some(pcscd) = pcscd(2) else { return };
    let [text, ..] = texts();
    for virtual_reader in &pcscd.readers {
        virtual_reader.insert(card(&text));
    }
    let (mut held, mut hanging) = (open(0), open(1));
    wait_for(held.as_mut(), Presence::Present);
    wait_for(hanging.as_mut(), Presence::Present);
    pcscd.readers[1].fail_after(2, 1, &Fault::Hang);

    // Another program that does not let go, and a card that does not answer, side by side.
    let mut other = other_program(ShareMode::Shared);
    let turn = other.transaction().expect("the other program has its turn");
    let started = Instant::now();
    thread::scope(|scope| {
        let busy = scope.spawn(|| condition(read(held.as_mut())));
        assert_eq!(condition(read(hanging.as_mut())), DeviceCondition::Timeout);
        assert_eq!(busy.join().expect("the reading ends"), DeviceCondition::Busy);
    });
    assert!(started.elapsed() < READ_WITHIN, "it took {:?}", started.elapsed());

    // Busy passes. A reader that timed out is dead at once, and a new one works when it answers again.
    drop(turn);
    drop(other);
    assert!(read(held.as_mut()).is_ok_and(|seen| seen == reading(&text)));
    let started = Instant::now();
    assert_eq!(condition(read(hanging.as_mut())), DeviceCondition::Lost);
    assert!(started.elapsed() < Duration::from_secs(1));
    pcscd.readers[1].let_go();
    assert!(read(open(1).as_mut()).is_ok_and(|seen| seen == reading(&text)));
}

#[test]
fn a_reading_that_hangs_can_be_cancelled() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    pcscd.readers[0].fail_next(1, &Fault::Hang);
    let cancel = Cancel::new();
    let other = cancel.clone();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        other.cancel();
    });
    let started = Instant::now();
    assert_eq!(condition(reader.read(ReadWish::default(), &cancel)), DeviceCondition::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
    canceller.join().expect("it cancels");
    pcscd.readers[0].let_go();
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == reading(&text)), "the same reader reads again");
}

#[test]
fn when_pcscd_dies_the_reader_is_lost_and_a_new_one_reads_after_its_restart() {
    let Some(mut pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut waiting = open(0);
    wait_for(waiting.as_mut(), Presence::Present);

    // Killed while one thread waits for the card to leave.
    let waiter = thread::spawn(move || {
        let seen = waiting.wait(Presence::Present, Duration::from_secs(30), &Cancel::new());
        (waiting, seen.map_err(|e| e.condition))
    });
    thread::sleep(Duration::from_millis(100));
    pcscd.kill();
    let killed = Instant::now();
    let (mut dead, seen) = waiter.join().expect("the waiting thread lives");
    assert_eq!(seen, Err(DeviceCondition::Lost));
    assert!(killed.elapsed() < Duration::from_secs(5), "it took {:?}", killed.elapsed());

    pcscd.start_again().unwrap_or_else(|e| panic!("it starts again: {e}"));
    assert_eq!(condition(read(dead.as_mut())), DeviceCondition::Lost, "the old reader stays dead");
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == reading(&text)));

    // Killed in the middle of a reading.
    pcscd.readers[0].fail_after(3, 1, &Fault::Hang);
    let reading_thread = thread::spawn(move || condition(read(reader.as_mut())));
    thread::sleep(Duration::from_millis(200));
    pcscd.kill();
    let killed = Instant::now();
    assert_eq!(reading_thread.join().expect("the reading thread lives"), DeviceCondition::Lost);
    assert!(killed.elapsed() < Duration::from_secs(5), "it took {:?}", killed.elapsed());

    pcscd.readers[0].let_go();
    pcscd.start_again().unwrap_or_else(|e| panic!("it starts again: {e}"));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == reading(&text)));
}

#[test]
fn a_service_that_stands_still_holds_nobody_up() {
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    let stays = reader.wait(Presence::Present, Duration::from_millis(100), &Cancel::new());
    assert_eq!(stays, Ok(Presence::Present));

    let process = std::fs::read_to_string("/run/pcscd/pcscd.pid").expect("pcscd says which process it is");
    let signal = |name: &str| {
        let sent =
            std::process::Command::new("kill").args([name, process.trim_matches(char::is_control)]).output();
        let sent = sent.expect("the program kill is there");
        assert!(sent.status.success(), "{name}: {}", String::from_utf8_lossy(&sent.stderr));
    };
    signal("-STOP");
    let started = Instant::now();
    let failed = condition(read(reader.as_mut()));
    let took = started.elapsed();
    let listed = PcscDriver::new().list().map_err(|e| e.condition);
    drop(reader);
    let all = started.elapsed();
    signal("-CONT");
    assert_eq!(failed, DeviceCondition::Timeout);
    assert_eq!(listed, Err(DeviceCondition::Timeout));
    assert!(took < Duration::from_secs(4) && all < Duration::from_secs(8), "it took {took:?} and {all:?}");
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == reading(&text)));
}
