//! The station over readers that do what no real reader can be made to do on demand.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use yidang_device::{
    Access, Cancel, CardDriver, CardReader, DeviceCondition, DeviceError, DeviceListing, Presence, RawCard,
    ReadWish,
};
use yidang_model::Origin;

use super::CardStation;
use super::card::Bounds;
use super::relay::Patience;
use crate::events::{Event, Events};

/// What a busy machine may add to any of the times below.
const SLACK: Duration = Duration::from_secs(2);
/// Longest a test waits for what happens in the background.
const WITHIN: Duration = Duration::from_secs(10);
/// How soon a fact has to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// What the test's hands do to a reader.
#[derive(Clone, Default)]
struct Hand {
    plugged: bool,
    denied: bool,
    card: bool,
    /// What a reading of the card fails with.
    fails: Option<DeviceCondition>,
    /// Readings, or openings, do not come back while this is set.
    hangs_reading: bool,
    hangs_opening: bool,
    /// Nothing answers when it is opened.
    silent: bool,
    opened: usize,
}

/// One reader, and the driver that has it alone.
#[derive(Clone)]
struct Fake {
    id: &'static str,
    module: Option<bool>,
    /// How long its service takes to notice a card.
    notices: Duration,
    hand: Arc<(Mutex<Hand>, Condvar)>,
    cards_at: Arc<Mutex<Option<Instant>>>,
}

impl Fake {
    fn new(id: &'static str, module: Option<bool>) -> Self {
        let hand = Hand { plugged: true, ..Hand::default() };
        let hand = Arc::new((Mutex::new(hand), Condvar::new()));
        Self { id, module, notices: Duration::ZERO, hand, cards_at: Arc::default() }
    }

    fn unplugged(id: &'static str, module: Option<bool>) -> Self {
        let fake = Self::new(id, module);
        fake.set(|hand| hand.plugged = false);
        fake
    }

    fn set(&self, change: impl FnOnce(&mut Hand)) {
        let mut hand = self.hand.0.lock().unwrap();
        let card = hand.card;
        change(&mut hand);
        if hand.card != card {
            *self.cards_at.lock().unwrap() = Some(Instant::now());
        }
        self.hand.1.notify_all();
    }

    fn now(&self) -> Hand {
        self.hand.0.lock().unwrap().clone()
    }

    fn listing(&self) -> DeviceListing {
        let remedy = || "add the rule X".to_owned();
        let access = if self.now().denied { Access::Denied { remedy: remedy() } } else { Access::Granted };
        DeviceListing { id: self.id.into(), name: self.id.into(), access }
    }

    /// The card, as far as the service has noticed.
    fn noticed(&self) -> bool {
        let changed = *self.cards_at.lock().unwrap();
        let noticed = changed.is_none_or(|at| at.elapsed() >= self.notices);
        self.now().card == noticed
    }

    fn hang_while(&self, hangs: impl Fn(&Hand) -> bool) {
        let guard = self.hand.0.lock().unwrap();
        drop(self.hand.1.wait_while(guard, |hand| hangs(hand)).unwrap());
    }

    fn lost_if_unplugged(&self) -> Result<(), DeviceError> {
        let lost = || DeviceError::new(DeviceCondition::Lost, "unplugged");
        if self.now().plugged { Ok(()) } else { Err(lost()) }
    }
}

impl CardDriver for Fake {
    fn name(&self) -> &'static str {
        self.id
    }

    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        Ok(if self.now().plugged { vec![self.listing()] } else { vec![] })
    }

    fn open(&self, _id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        self.set(|hand| hand.opened += 1);
        self.hang_while(|hand| hand.hangs_opening);
        if self.now().silent {
            return Err(DeviceError::new(DeviceCondition::NotFound, "no module answers"));
        }
        self.lost_if_unplugged()?;
        Ok(Box::new(self.clone()))
    }

    fn has_module(&self, _id: &str) -> Option<bool> {
        self.module
    }
}

impl CardReader for Fake {
    fn listing(&self) -> DeviceListing {
        Fake::listing(self)
    }

    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        let until = Instant::now() + timeout;
        loop {
            self.lost_if_unplugged()?;
            let seen = if self.noticed() { Presence::Present } else { Presence::Absent };
            if seen != last || Instant::now() >= until {
                return Ok(seen);
            }
            if cancel.sleep(Duration::from_millis(5)) {
                return Err(DeviceError::new(DeviceCondition::Cancelled, "a test"));
            }
        }
    }

    fn read(&mut self, _wish: ReadWish, _cancel: &Cancel) -> Result<RawCard, DeviceError> {
        self.hang_while(|hand| hand.hangs_reading);
        self.lost_if_unplugged()?;
        if !self.noticed() {
            return Err(DeviceError::new(DeviceCondition::NoCard, "a test"));
        }
        if let Some(condition) = self.now().fails {
            return Err(DeviceError::new(condition, "a test"));
        }
        let (photo_wlt, new_address, sam_id, chip_serial, photo) = (vec![], None, None, None, None);
        let text = [b' '; 256];
        let fingerprint = Vec::new();
        Ok(RawCard {
            text,
            photo_wlt,
            fingerprint,
            new_address,
            sam_id,
            chip_serial,
            photo,
            origin: Origin::Device,
        })
    }

    fn notices_within(&self) -> Duration {
        self.notices
    }
}

struct Bench {
    station: CardStation,
    events: Arc<Events>,
    start: u64,
    runtime: tokio::runtime::Runtime,
}

fn bench(fakes: &[&Fake]) -> Bench {
    bench_with(fakes, Bounds::default())
}

fn bench_with(fakes: &[&Fake], bounds: Bounds) -> Bench {
    let events = Arc::new(Events::new());
    let start = events.last();
    let drivers = fakes.iter().map(|fake| Arc::new((*fake).clone()) as Arc<dyn CardDriver>).collect();
    let station = CardStation::start_with(drivers, events.clone(), bounds).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    Bench { station, events, start, runtime }
}

impl Bench {
    fn read(&self, wait_ms: u64) -> Result<(), DeviceCondition> {
        let wait = Duration::from_millis(wait_ms);
        self.runtime.block_on(self.station.read(ReadWish::default(), wait)).map(drop).map_err(|e| e.condition)
    }

    fn told(&self) -> Vec<Event> {
        self.events.after(self.start).0
    }

    /// What was told, each with its device.
    fn tale(&self) -> Vec<String> {
        let of = |event: &Event| format!("{} {}", event.kind, event.data["device"].as_str().unwrap());
        self.told().iter().map(of).collect()
    }

    /// Waits until this many things were told; how long that took.
    fn wait_told(&self, count: usize) -> Duration {
        self.wait_until(|| self.told().len() >= count)
    }

    fn wait_until(&self, mut holds: impl FnMut() -> bool) -> Duration {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WITHIN, "{:?} {:?}", self.tale(), self.station.state());
            std::thread::sleep(Duration::from_millis(2));
        }
        began.elapsed()
    }

    fn in_use(&self) -> Option<String> {
        self.station.state().device.map(|device| device.id)
    }
}

#[test]
fn cards_and_readers_are_told_within_a_second() {
    let reader = Fake::new("r", Some(true));
    let bench = bench(&[&reader]);
    bench.wait_told(1);
    for (count, change) in [
        (2, Box::new(|h: &mut Hand| h.card = true) as Box<dyn Fn(&mut Hand)>),
        (3, Box::new(|h: &mut Hand| h.card = false)),
        (4, Box::new(|h: &mut Hand| h.card = true)),
        (6, Box::new(|h: &mut Hand| h.plugged = false)),
        (8, Box::new(|h: &mut Hand| h.plugged = true)),
    ] {
        reader.set(change);
        let took = bench.wait_told(count);
        assert!(took < TOLD_WITHIN, "{count}: {took:?}");
    }
    let tale = [
        "device.found r",
        "card.inserted r",
        "card.removed r",
        "card.inserted r",
        "card.removed r",
        "device.lost r",
        "device.found r",
        "card.inserted r",
    ];
    assert_eq!(bench.tale(), tale);
    bench.station.stop();
}

#[test]
fn a_flapping_contact_and_a_loose_plug_are_no_storm() {
    let reader = Fake::new("r", Some(true));
    let bench = bench(&[&reader]);
    bench.wait_told(1);
    for turn in 0..40 {
        reader.set(|hand| hand.card = turn % 2 == 0);
        std::thread::sleep(Duration::from_millis(40));
    }
    reader.set(|hand| hand.card = true);
    std::thread::sleep(TOLD_WITHIN);
    assert_eq!(bench.tale(), ["device.found r", "card.inserted r"]);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        reader.set(|hand| hand.plugged = !hand.plugged);
        std::thread::sleep(Duration::from_millis(60));
    }
    let found = bench.tale().iter().filter(|told| told.starts_with("device.found")).count();
    assert!(found <= 6, "{:?}", bench.tale());
    reader.set(|hand| hand.plugged = true);
    bench.wait_until(|| bench.read(0) == Ok(()));
    bench.station.stop();
}

#[test]
fn a_card_pulled_in_a_reading_is_removed_once_and_the_next_reading_finds_none() {
    let reader = Fake::new("r", Some(true));
    reader.set(|hand| (hand.card, hand.fails) = (true, Some(DeviceCondition::CardRemoved)));
    let bench = bench(&[&reader]);
    bench.wait_told(2);
    assert_eq!(bench.read(0), Err(DeviceCondition::CardRemoved));
    reader.set(|hand| hand.card = false);
    assert_eq!(bench.read(0), Err(DeviceCondition::NoCard));
    bench.wait_told(3);
    std::thread::sleep(TOLD_WITHIN);
    assert_eq!(bench.tale(), ["device.found r", "card.inserted r", "card.removed r"]);
    bench.station.stop();
}

#[test]
fn a_reading_waits_for_a_slow_service_and_answers_soon_after_it() {
    let notices = Duration::from_millis(400);
    let reader = Fake { notices, ..Fake::new("r", Some(true)) };
    let bench = bench(&[&reader]);
    bench.wait_told(1);
    // At once after the card was laid, when the service has not looked yet.
    reader.set(|hand| hand.card = true);
    let began = Instant::now();
    assert_eq!(bench.read(0), Ok(()));
    assert!(began.elapsed() < notices + SLACK, "{:?}", began.elapsed());
    reader.set(|hand| hand.card = false);
    bench.wait_until(|| bench.tale().last().is_some_and(|told| told == "card.removed r"));
    let began = Instant::now();
    assert_eq!(bench.read(0), Err(DeviceCondition::NoCard));
    assert!(began.elapsed() < notices * 2 + SLACK, "{:?}", began.elapsed());
    // A call that waits while the card comes.
    let hands = reader.clone();
    let laid = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        hands.set(|hand| hand.card = true);
        Instant::now()
    });
    assert_eq!(bench.read(5000), Ok(()));
    let took = laid.join().unwrap().elapsed();
    assert!(took < notices + SLACK, "{took:?}");
    bench.station.stop();
}

#[test]
fn the_reader_with_a_module_is_used_and_taken_over_to_when_it_comes() {
    let (plain, unknown, sam) = (
        Fake::new("plain", Some(false)),
        Fake::unplugged("unknown", None),
        Fake::unplugged("sam", Some(true)),
    );
    let bench = bench(&[&plain, &unknown, &sam]);
    bench.wait_told(1);
    assert_eq!(bench.in_use().as_deref(), Some("plain"));
    assert_eq!(bench.station.state().why.as_deref(), Some("it has no security module"));
    unknown.set(|hand| hand.plugged = true);
    bench.wait_until(|| bench.in_use().as_deref() == Some("unknown"));
    // It turns out to have none either, and the order of the drivers decides.
    unknown.set(|hand| (hand.card, hand.fails) = (true, Some(DeviceCondition::NoSecurityModule)));
    assert_eq!(bench.read(1000), Err(DeviceCondition::NoSecurityModule));
    bench.wait_until(|| bench.in_use().as_deref() == Some("plain"));
    let others = bench.station.state().others;
    assert_eq!((others.len(), others[0].driver), (1, "unknown"));
    assert!(others[0].reason.contains("no security module"), "{}", others[0].reason);
    sam.set(|hand| hand.plugged = true);
    let took = bench.wait_until(|| bench.in_use().as_deref() == Some("sam"));
    assert!(took < TOLD_WITHIN + Duration::from_millis(500), "{took:?}");
    // Nothing better comes any more.
    std::thread::sleep(TOLD_WITHIN * 2);
    let end = ["device.lost plain", "device.found sam"];
    assert!(bench.tale().ends_with(&end.map(str::to_owned)), "{:?}", bench.tale());
    bench.station.stop();
}

#[test]
fn a_better_reader_that_does_not_open_disturbs_nobody() {
    let (port, plain) = (Fake::new("port", Some(true)), Fake::new("plain", Some(false)));
    port.set(|hand| hand.silent = true);
    plain.set(|hand| hand.card = true);
    let bench = bench(&[&port, &plain]);
    bench.wait_told(2);
    port.set(|hand| (hand.silent, hand.hangs_opening) = (false, true));
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(bench.read(0), Ok(()));
        assert!(began.elapsed() < SLACK * 2, "{:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(port.now().opened, 1, "it is left alone for a while");
    let others = bench.station.state().others;
    assert!(others[0].reason.contains("no module answers"), "{}", others[0].reason);
    port.set(|hand| hand.hangs_opening = false);
    bench.station.stop();
}

#[test]
fn a_reader_that_may_not_be_opened_is_told_with_the_rule() {
    let (denied, plain) = (Fake::new("denied", Some(true)), Fake::new("plain", None));
    denied.set(|hand| hand.denied = true);
    let bench = bench(&[&denied, &plain]);
    bench.wait_told(1);
    assert_eq!(bench.in_use().as_deref(), Some("plain"));
    let others = bench.station.state().others;
    assert!(matches!(&others[0].device.access, Access::Denied { remedy } if remedy == "add the rule X"));
    bench.station.stop();
}

#[test]
fn a_driver_that_never_comes_back_costs_a_thread_and_not_the_station() {
    let reader = Fake::new("r", Some(true));
    reader.set(|hand| (hand.card, hand.hangs_reading) = (true, true));
    let patience = Patience { before_rest: 2, abandoned_max: 4, rest: Duration::from_secs(2) };
    let bench = bench_with(&[&reader], Bounds { reading: Duration::from_millis(700), patience });
    bench.wait_told(2);
    let began = Instant::now();
    assert_eq!(bench.read(0), Err(DeviceCondition::Lost));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    bench.wait_told(6);
    let tale = bench.tale();
    let again = ["card.removed r", "device.lost r", "device.found r", "card.inserted r"];
    assert_eq!(tale[2..6], again.map(str::to_owned), "{tale:?}");
    assert!(bench.station.state().trouble.unwrap().starts_with("1 call"));
    // The second one costs a rest, in which nobody waits for anything.
    assert_eq!(bench.read(0), Err(DeviceCondition::Lost));
    let began = Instant::now();
    assert_eq!(bench.read(60_000), Err(DeviceCondition::Lost));
    assert!(began.elapsed() < SLACK * 2, "{:?}", began.elapsed());
    assert!(bench.station.state().trouble.unwrap().contains("left alone"));
    // What hung comes back and is heard no more; after the rest the reader works.
    reader.set(|hand| hand.hangs_reading = false);
    bench.wait_until(|| bench.read(0) == Ok(()));
    bench.wait_until(|| bench.station.state().trouble.is_none());
    bench.station.stop();
}
