//! Promise: a reader is spoken to as its profile says, whatever way it reaches its security module, and a
//! profile is a file.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pcsc::{Context, Protocols, Scope, ShareMode};
use yidang_device::conformance::{self, CardBench};
use yidang_device::{Cancel, CardDriver, CardReader, DeviceCondition, Presence, RawCard, ReadWish};
use yidang_pcsc::PcscDriver;
use yidang_virtual_reader::{Card, Door, Fault, IfdCode, Module, Parts, VirtualReader, Wrap};

use crate::support::agent::Agent;
use crate::support::cards::{
    CHIP_SERIAL, card, condition, driver, fingerprint, module_card, open_by, pcscd, read, reading, texts,
    wait_for,
};
use crate::support::pcscd::Pcscd;

/// A way to the security module: what a profile says of it, and the reader that has it.
struct Way {
    name: &'static str,
    /// The profile without its `[match]`.
    profile: &'static str,
    module: Option<(Door, Parts)>,
    hides_cards: bool,
}

/// Longest time until pcscd asks a reader again whether a card lies there.
const POLLED_WITHIN: Duration = Duration::from_millis(600);

const SHORT: Wrap = Wrap { header: [0xFF, 0xF0, 0x00, 0x00], extended: false };
const CHAINED: Wrap = Wrap { header: [0x80, 0x10, 0x01, 0x02], extended: false };
const EXTENDED: Wrap = Wrap { header: [0xFF, 0xF0, 0x00, 0x00], extended: true };
const BODY: Parts = Parts { preamble: false, length: false, check: false };

const PAGED: Way = Way {
    name: "paged",
    profile: "[paged]\ncommand = \"FF B0 pp 00 00\"\n",
    module: None,
    hides_cards: false,
};
const TUNNEL_SHORT: Way = Way {
    name: "tunnel-short",
    profile: "[transmit]\nheader = \"FF F0 00 00\"\n",
    module: Some((Door::Transmit(SHORT), Parts::ALL)),
    hides_cards: false,
};
const TUNNEL_CHAINED: Way = Way {
    name: "tunnel-chained",
    profile: "[transmit]\nheader = \"80 10 01 02\"\nchunk_bytes = 4\n",
    module: Some((Door::Transmit(CHAINED), Parts::ALL)),
    hides_cards: false,
};
const TUNNEL_EXTENDED: Way = Way {
    name: "tunnel-extended",
    profile: "[transmit]\nheader = \"FF F0 00 00\"\nlength = \"extended\"\nframe = []\n",
    module: Some((Door::Transmit(EXTENDED), BODY)),
    hides_cards: false,
};
const ESCAPE: Way = Way {
    name: "escape",
    profile: "presence = \"find\"\n[control]\ncode = 1\nshare = \"direct\"\n",
    module: Some((Door::Control(1, None), Parts::ALL)),
    hides_cards: true,
};
const ESCAPE_WRAPPED: Way = Way {
    name: "escape-wrapped",
    profile: "[control]\ncode = 2079\nshare = \"shared\"\nheader = \"FF F0 00 00\"\n\
              frame = [\"length\", \"check\"]\n",
    module: Some((Door::Control(2079, Some(SHORT)), Parts { preamble: false, length: true, check: true })),
    hides_cards: false,
};
const WAYS: [&Way; 6] = [&PAGED, &TUNNEL_SHORT, &TUNNEL_CHAINED, &TUNNEL_EXTENDED, &ESCAPE, &ESCAPE_WRAPPED];

impl Way {
    fn equip(&self, reader: &VirtualReader) {
        if let Some((door, parts)) = self.module {
            reader.install(Module::new(door, parts));
        }
        if self.hides_cards {
            reader.hide_cards();
        }
    }

    /// The card, and what it must read as over this way.
    fn card(&self, text: &[u8; 256]) -> (Card, RawCard) {
        if self.module.is_some() { module_card(text) } else { (card(text), reading(text)) }
    }

    /// The whole profile, for the reader of this number.
    fn file(&self, number: usize) -> (String, String) {
        let text = self.profile;
        let (before, form) = text.split_at(text.find('[').unwrap_or(0));
        let matching = format!("[match]\nreaders = [\"Yidang Virtual Reader {number} *\"]\n");
        (format!("{}-{number}.toml", self.name), format!("{before}{matching}{form}"))
    }
}

/// A pcscd with one reader for each way, and the driver that knows them.
fn desk(ways: &[&Way]) -> Option<(Pcscd, PcscDriver)> {
    let pcscd = pcscd(ways.len())?;
    for (way, reader) in ways.iter().zip(&pcscd.readers) {
        way.equip(reader);
    }
    let files: Vec<_> = ways.iter().enumerate().map(|(number, way)| way.file(number)).collect();
    Some((pcscd, driver(&files)))
}

struct Bench<'a> {
    way: &'a Way,
    number: usize,
    driver: &'a PcscDriver,
    reader: &'a VirtualReader,
}

impl CardBench for Bench<'_> {
    fn open(&self) -> Box<dyn CardReader> {
        open_by(self.driver, self.number)
    }

    fn insert(&self) -> RawCard {
        let (card, wanted) = self.way.card(&texts()[0]);
        self.reader.insert(card);
        wanted
    }

    fn remove(&self) {
        self.reader.remove();
    }

    fn damage(&self, times: u32) -> bool {
        self.reader.fail_next(times, &Fault::Ifd(IfdCode::CommunicationError));
        true
    }
}

#[test]
fn every_form_keeps_every_promise_of_a_card_reader() {
    let Some((pcscd, driver)) = desk(&WAYS) else { return };
    thread::scope(|scope| {
        for (number, (way, reader)) in WAYS.iter().zip(&pcscd.readers).enumerate() {
            let bench = Bench { way, number, driver: &driver, reader };
            let named = thread::Builder::new().name(way.name.into());
            named.spawn_scoped(scope, move || conformance::card_reader(&bench)).expect("a thread");
        }
    });
}

#[test]
fn a_fingerprint_comes_over_every_tunnel_and_over_no_pages() {
    let ways = [&PAGED, &TUNNEL_SHORT, &TUNNEL_EXTENDED, &ESCAPE];
    let Some((pcscd, driver)) = desk(&ways) else { return };
    for (number, (way, reader)) in ways.iter().zip(&pcscd.readers).enumerate() {
        let (card, wanted) = way.card(&texts()[0]);
        reader.insert(card);
        let mut open = open_by(&driver, number);
        wait_for(open.as_mut(), Presence::Present);
        let seen = open.read(ReadWish { fingerprint: true }, &Cancel::new());
        let seen = seen.unwrap_or_else(|e| panic!("{}: {e}", way.name));
        let fingerprint = if way.module.is_some() { fingerprint() } else { vec![] };
        assert!(seen == RawCard { fingerprint, ..wanted }, "{}: the reading differs", way.name);
    }
}

#[test]
fn five_readers_read_at_once_and_do_not_mix() {
    let ways = [&PAGED, &TUNNEL_SHORT, &TUNNEL_EXTENDED, &ESCAPE, &ESCAPE];
    let Some((pcscd, driver)) = desk(&ways) else { return };
    let [first, second, third, fourth] = texts();
    let mut fifth = first;
    // Another name, so that all five differ.
    fifth[4] ^= 1;
    thread::scope(|scope| {
        for (number, text) in [first, second, third, fourth, fifth].iter().enumerate() {
            let (card, wanted) = ways[number].card(text);
            pcscd.readers[number].insert(card);
            let driver = &driver;
            scope.spawn(move || {
                let mut reader = open_by(driver, number);
                wait_for(reader.as_mut(), Presence::Present);
                for _ in 0..20 {
                    let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("reader {number}: {e}"));
                    assert!(seen == wanted, "reader {number} gave another card");
                }
            });
        }
    });
}

/// How a fault must end, and whether the card must be lifted before the next reading.
struct Wanted {
    fault: Fault,
    condition: DeviceCondition,
    lift: bool,
}

fn faults() -> Vec<Wanted> {
    use DeviceCondition::{CardRemoved, CardUnreadable, Lost, Protocol};
    let ifd = |code, condition, lift| Wanted { fault: Fault::Ifd(code), condition, lift };
    let answer =
        |bytes: &[u8], condition| Wanted { fault: Fault::Answer(bytes.to_vec()), condition, lift: false };
    vec![
        ifd(IfdCode::ProtocolFailed, CardUnreadable, false),
        ifd(IfdCode::CommunicationError, CardUnreadable, false),
        ifd(IfdCode::ResponseTimeout, CardUnreadable, false),
        ifd(IfdCode::CardAbsent, CardRemoved, true),
        ifd(IfdCode::NoSuchDevice, Lost, true),
        ifd(IfdCode::BufferTooSmall, CardUnreadable, false),
        answer(&[], CardUnreadable),
        answer(&[0x90], CardUnreadable),
        answer(&[0x90, 0x00], Protocol),
        answer(&[0x6F, 0x00], CardUnreadable),
        answer(&[0xAA, 0xAA, 0xAA, 0x96, 0x69, 0x00, 0x08, 0x90, 0x00], Protocol),
    ]
}

#[test]
fn every_fault_of_a_tunnel_has_its_name_and_the_next_reading_works() {
    let Some((pcscd, driver)) = desk(&[&TUNNEL_SHORT]) else { return };
    let (card, right) = TUNNEL_SHORT.card(&texts()[0]);
    let virtual_reader = &pcscd.readers[0];
    virtual_reader.insert(card.clone());
    let mut reader = open_by(&driver, 0);
    wait_for(reader.as_mut(), Presence::Present);
    for Wanted { fault, condition: wanted, lift } in faults() {
        // Find fails, then select, in both tries.
        for passing in 0..2 {
            virtual_reader.fail_after(passing, 8, &fault);
            let started = Instant::now();
            let seen = read(reader.as_mut()).err().map(|e| e.condition);
            assert_eq!(seen, Some(wanted), "{fault:?} after {passing}");
            assert!(started.elapsed() < Duration::from_secs(3), "{fault:?} took {:?}", started.elapsed());
            virtual_reader.heal();
            if wanted == DeviceCondition::Lost {
                reader = open_by(&driver, 0);
            }
            if lift {
                virtual_reader.remove();
                wait_for(reader.as_mut(), Presence::Absent);
                // The service calls the card absent before its poll has noticed.
                thread::sleep(POLLED_WITHIN);
                virtual_reader.insert(card.clone());
                wait_for(reader.as_mut(), Presence::Present);
            }
            let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("after {fault:?}: {e}"));
            assert!(seen == right);
        }
    }
    // A protocol is chosen once for each card, by whoever connects to it first.
    virtual_reader.remove();
    wait_for(reader.as_mut(), Presence::Absent);
    virtual_reader.insert(card);
    wait_for(reader.as_mut(), Presence::Present);
    virtual_reader.fail_protocol(2, IfdCode::ProtocolFailed);
    assert_eq!(condition(read(reader.as_mut())), DeviceCondition::CardUnreadable);
    virtual_reader.fail_protocol(1, IfdCode::ProtocolFailed);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == right));
}

#[test]
fn every_fault_of_an_escape_reader_has_its_name_and_the_next_reading_works() {
    let Some((pcscd, driver)) = desk(&[&ESCAPE]) else { return };
    let (card, right) = ESCAPE.card(&texts()[0]);
    pcscd.readers[0].insert(card);
    let mut reader = open_by(&driver, 0);
    wait_for(reader.as_mut(), Presence::Present);
    for fault in [
        Fault::Ifd(IfdCode::ProtocolFailed),
        Fault::Ifd(IfdCode::CommunicationError),
        Fault::Ifd(IfdCode::ResponseTimeout),
        Fault::Ifd(IfdCode::CardAbsent),
        Fault::Ifd(IfdCode::NoSuchDevice),
        Fault::Ifd(IfdCode::BufferTooSmall),
        Fault::Answer(vec![]),
        Fault::Answer(vec![0xAA, 0xAA, 0xAA]),
    ] {
        pcscd.readers[0].fail_next(8, &fault);
        let failed = condition(read(reader.as_mut()));
        pcscd.readers[0].heal();
        if failed == DeviceCondition::Lost {
            reader = open_by(&driver, 0);
        }
        let seen = reader.wait(Presence::Absent, Duration::from_millis(600), &Cancel::new());
        assert_eq!(seen, Ok(Presence::Present), "after {fault:?}, which was {failed:?}");
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("after {fault:?}, {failed:?}: {e}"));
        assert!(seen == right);
        let wanted = match fault {
            Fault::Ifd(IfdCode::NoSuchDevice) => DeviceCondition::Lost,
            Fault::Ifd(IfdCode::BufferTooSmall) | Fault::Answer(_) => DeviceCondition::Protocol,
            _ => DeviceCondition::CardUnreadable,
        };
        assert_eq!(failed, wanted, "{fault:?}");
    }
}

#[test]
fn a_card_pulled_from_a_tunnel_is_removed_not_unreadable() {
    let ways = [&TUNNEL_SHORT, &ESCAPE];
    let Some((pcscd, driver)) = desk(&ways) else { return };
    for (number, way) in ways.iter().enumerate() {
        let mut reader = open_by(&driver, number);
        for passing in 1..4 {
            pcscd.readers[number].insert(way.card(&texts()[0]).0);
            wait_for(reader.as_mut(), Presence::Present);
            pcscd.readers[number].fail_after(passing, 1, &Fault::Pull);
            let seen = condition(read(reader.as_mut()));
            assert_eq!(seen, DeviceCondition::CardRemoved, "{} after {passing}", way.name);
            wait_for(reader.as_mut(), Presence::Absent);
            assert_eq!(condition(read(reader.as_mut())), DeviceCondition::NoCard, "{}", way.name);
        }
    }
}

#[test]
fn a_reader_that_hangs_is_given_up_after_its_profiles_limit_and_opened_anew() {
    const HASTY: Way = Way {
        name: "hasty",
        profile: "[limits]\ncommand_ms = 400\n[transmit]\nheader = \"FF F0 00 00\"\n",
        ..TUNNEL_SHORT
    };
    let Some((pcscd, driver)) = desk(&[&HASTY, &PAGED]) else { return };
    let (hanging_card, right) = HASTY.card(&texts()[0]);
    pcscd.readers[0].insert(hanging_card);
    pcscd.readers[1].insert(card(&texts()[1]));
    let (mut hanging, mut other) = (open_by(&driver, 0), open_by(&driver, 1));
    wait_for(hanging.as_mut(), Presence::Present);
    wait_for(other.as_mut(), Presence::Present);
    for _ in 0..3 {
        pcscd.readers[0].fail_after(2, 1, &Fault::Hang);
        let started = Instant::now();
        assert_eq!(condition(read(hanging.as_mut())), DeviceCondition::Timeout);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(2), "it was given up after {took:?}");
        // While one reader hangs in the service, the others are as before.
        assert!(read(other.as_mut()).is_ok_and(|seen| seen == reading(&texts()[1])));
        pcscd.readers[0].let_go();
        hanging = open_by(&driver, 0);
        assert!(read(hanging.as_mut()).is_ok_and(|seen| seen == right));
    }
}

#[test]
fn two_programs_share_a_reader_turn_by_turn() {
    let ways = [&TUNNEL_SHORT, &ESCAPE];
    let Some((pcscd, driver)) = desk(&ways) else { return };
    for (number, way) in ways.iter().enumerate() {
        let (card, right) = way.card(&texts()[0]);
        pcscd.readers[number].insert(card);
        let mut reader = open_by(&driver, number);
        wait_for(reader.as_mut(), Presence::Present);
        let (stop, turns) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let context = Context::establish(Scope::User).expect("it reaches the service");
                let name = std::ffi::CString::new(Pcscd::reader_name(number)).expect("a name");
                let (share, protocols) = match way.hides_cards {
                    true => (ShareMode::Direct, Protocols::UNDEFINED),
                    false => (ShareMode::Shared, Protocols::ANY),
                };
                let mut other = context.connect(&name, share, protocols).expect("it connects");
                while !stop.load(Ordering::SeqCst) {
                    let turn = other.transaction().expect("it has its turn");
                    thread::sleep(Duration::from_millis(5));
                    turn.end(pcsc::Disposition::LeaveCard).map_err(|(_, e)| e).expect("its turn ends");
                    turns.fetch_add(1, Ordering::SeqCst);
                    // pcsc-lite looks for its turn every 100 ms: who takes it again at once keeps it.
                    thread::sleep(Duration::from_millis(5));
                }
            });
            let started = Instant::now();
            let (mut readings, mut failed) = (0, None);
            while failed.is_none() && (readings < 10 || turns.load(Ordering::SeqCst) < 5) {
                match read(reader.as_mut()) {
                    Ok(seen) if seen == right => readings += 1,
                    Ok(_) => failed = Some("another card came".to_owned()),
                    Err(e) => failed = Some(e.to_string()),
                }
                if started.elapsed() > Duration::from_secs(30) {
                    failed = Some(format!("{readings} readings and {turns:?} turns of the other"));
                }
            }
            stop.store(true, Ordering::SeqCst);
            other.join().expect("the other program is not disturbed");
            assert_eq!(failed, None, "{}", way.name);
        });
    }
}

#[test]
fn a_look_for_a_card_waits_while_another_program_holds_the_reader_and_loses_nothing() {
    let Some((pcscd, driver)) = desk(&[&ESCAPE]) else { return };
    let (card, right) = ESCAPE.card(&texts()[0]);
    let mut reader = open_by(&driver, 0);
    wait_for(reader.as_mut(), Presence::Absent);
    let context = Context::establish(Scope::User).expect("it reaches the service");
    let name = std::ffi::CString::new(Pcscd::reader_name(0)).expect("a name");
    let mut other = context.connect(&name, ShareMode::Direct, Protocols::UNDEFINED).expect("it connects");
    let turn = other.transaction().expect("the other program has its turn");
    pcscd.readers[0].insert(card);
    for _ in 0..2 {
        let seen = reader.wait(Presence::Absent, Duration::from_millis(300), &Cancel::new());
        assert_eq!(seen, Ok(Presence::Absent), "nothing is known while the other has its turn");
    }
    drop(turn);
    wait_for(reader.as_mut(), Presence::Present);
    assert!(read(reader.as_mut()).is_ok_and(|seen| seen == right));
}

#[test]
fn a_look_that_takes_its_time_is_no_lost_reader() {
    let Some((pcscd, driver)) = desk(&[&ESCAPE]) else { return };
    let mut reader = open_by(&driver, 0);
    wait_for(reader.as_mut(), Presence::Absent);
    pcscd.readers[0].fail_next(1, &Fault::Hang);
    let seen = reader.wait(Presence::Absent, Duration::from_secs(1), &Cancel::new());
    assert_eq!(seen, Ok(Presence::Absent), "nothing else is known so far");
    pcscd.readers[0].let_go();
    let seen = reader.wait(Presence::Absent, Duration::from_secs(1), &Cancel::new());
    assert_eq!(seen.map_err(|e| e.condition), Err(DeviceCondition::CardUnreadable));
    pcscd.readers[0].insert(ESCAPE.card(&texts()[0]).0);
    wait_for(reader.as_mut(), Presence::Present);

    // One that takes longer than it may is one.
    pcscd.readers[0].fail_next(1, &Fault::Hang);
    let started = Instant::now();
    let seen = reader.wait(Presence::Present, Duration::from_secs(20), &Cancel::new());
    assert_eq!(seen.map_err(|e| e.condition), Err(DeviceCondition::Timeout));
    assert!(started.elapsed() < Duration::from_secs(8), "it took {:?}", started.elapsed());
    pcscd.readers[0].let_go();
    wait_for(open_by(&driver, 0).as_mut(), Presence::Present);
}

#[test]
fn the_listing_says_which_profile_and_why() {
    let Some((pcscd, driver)) = desk(&[&ESCAPE, &PAGED]) else { return };
    let names = |driver: &PcscDriver| -> Vec<String> {
        driver.list().expect("they are listed").into_iter().map(|listing| listing.name).collect()
    };
    let configured = names(&driver);
    assert!(configured[0].starts_with("Yidang Virtual Reader 0 00 00 (profile escape-0, from the folder,"));
    assert!(configured[0].contains("reader name like \"Yidang Virtual Reader 0 *\""), "{configured:?}");
    let unknown = "Yidang Virtual Reader 1 01 00 (profile unknown, built in, for want of a better one)";
    assert_eq!(names(&PcscDriver::new())[1], unknown);

    // A card that comes may be for another profile.
    let plain = PcscDriver::new();
    let mut reader = open_by(&plain, 1);
    assert_eq!(reader.listing().name, unknown);
    pcscd.readers[1].insert(card(&texts()[0]));
    wait_for(reader.as_mut(), Presence::Present);
    let listed = reader.listing();
    assert!(listed.name.contains("profile paged, built in, ATR like"), "{}", listed.name);
    assert_eq!(listed.id, Pcscd::reader_name(1));
}

#[test]
fn a_bare_reader_says_so_and_gives_the_chips_serial() {
    let bare = Way { name: "bare", profile: "[bare]\n", ..PAGED };
    let Some((pcscd, driver)) = desk(&[&bare]) else { return };
    pcscd.readers[0].insert(Card::without_module(CHIP_SERIAL));
    let mut reader = driver.reader(&Pcscd::reader_name(0)).unwrap_or_else(|e| panic!("{e}"));
    wait_for(&mut reader, Presence::Present);
    let error = read(&mut reader).err().expect("it has no security module");
    assert_eq!(error.condition, DeviceCondition::NoSecurityModule);
    let serial: String = CHIP_SERIAL.iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(!error.to_string().to_uppercase().contains(&serial), "{error}");
    assert_eq!(reader.chip_serial(&Cancel::new()), Ok(Some(CHIP_SERIAL)));
    pcscd.readers[0].remove();
    wait_for(&mut reader, Presence::Absent);
    pcscd.readers[0].insert(Card::of_another_kind());
    wait_for(&mut reader, Presence::Present);
    assert_eq!(condition(read(&mut reader)), DeviceCondition::CardNotSupported);
    assert_eq!(reader.chip_serial(&Cancel::new()), Ok(None));
}

#[test]
fn the_daemon_reads_by_a_profile_of_the_configured_folder_and_outlives_hangs_and_restarts() {
    let Some((mut pcscd, _)) = desk(&[&ESCAPE]) else { return };
    let (name, text) = ESCAPE.file(0);
    let hasty = text.replace("[control]", "[limits]\ncommand_ms = 400\n[control]");
    let agent = Agent::start_over_pcsc(&[(&name, &hasty)]);
    let (card, _) = ESCAPE.card(&texts()[0]);
    pcscd.readers[0].insert(card);
    let read = || agent.post("/v1/card/read", &serde_json::json!({"wait_ms": 5000}));
    assert_eq!(read().expect(200)["sam_id"], "05.01-20260101-0000000001-0000000001");
    let status = agent.get("/v1/status").expect(200);
    let device = status["devices"][0]["name"].as_str().expect("a name").to_owned();
    assert!(device.contains("(profile escape-0, from the folder"), "{device}");

    pcscd.readers[0].fail_next(1, &Fault::Hang);
    let started = Instant::now();
    let hung = read();
    assert!(started.elapsed() < Duration::from_secs(12), "it took {:?}", started.elapsed());
    assert!(hung.status == 200 || hung.status >= 500, "{}", hung.status);
    agent.get("/v1/health").expect(200);
    pcscd.readers[0].let_go();
    pcscd.readers[0].heal();
    assert_eq!(read().expect(200)["id_number"], "11010519491231002X");

    for _ in 0..3 {
        pcscd.kill();
        pcscd.start_again().unwrap_or_else(|e| panic!("it starts again: {e}"));
        let started = Instant::now();
        read().expect(200);
        assert!(started.elapsed() < Duration::from_secs(10), "it reads after {:?}", started.elapsed());
    }
}

#[test]
fn a_bad_profile_keeps_the_daemon_from_starting_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).expect("a folder");
    std::fs::write(profiles.join("new.toml"), "[transmit]\nheadr = \"FF 00 00 00\"\n").expect("written");
    let config = "[agent]\ncounter = \"c\"\ndata_dir = \"data\"\n[card]\nprofiles = \"profiles\"\n";
    let file = folder.path().join("yidang.toml");
    std::fs::write(&file, config).expect("written");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_yidang"))
        .args(["run", "--config"])
        .arg(&file)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(1), "{said}");
    for word in ["card.profiles", "new.toml", "line 2", "headr"] {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
}
