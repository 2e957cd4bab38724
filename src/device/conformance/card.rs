//! What every card reader must do.

use std::time::{Duration, Instant};

use crate::{Cancel, CardReader, DeviceCondition, Presence, RawCard, ReadWish};

/// A card reader under test, and the hands that put cards on it.
pub trait CardBench {
    /// Opens the reader under test.
    fn open(&self) -> Box<dyn CardReader>;
    /// Puts the bench's card on the reader; what it must read as.
    fn insert(&self) -> RawCard;
    /// Takes the card away.
    fn remove(&self);
    /// Makes the next `times` readings fail as a damaged card does; `false` where the bench cannot.
    fn damage(&self, times: u32) -> bool;
}

/// Longest time a presence change may take to be noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// Runs every promise of [`CardReader`].
///
/// # Panics
/// Panics at the first promise that is broken.
pub fn card_reader(bench: &dyn CardBench) {
    presence_follows_the_card(bench);
    reading_gives_the_card_and_can_be_repeated(bench);
    reading_without_a_card_says_so(bench);
    a_damaged_card_is_an_error_and_the_next_reading_works(bench);
    waiting_can_be_cancelled(bench);
}

fn wait_for(reader: &mut dyn CardReader, wanted: Presence) {
    let cancel = Cancel::new();
    let other = if wanted == Presence::Present { Presence::Absent } else { Presence::Present };
    let started = Instant::now();
    let mut seen = other;
    while seen != wanted && started.elapsed() < NOTICED_WITHIN {
        seen = reader.wait(other, Duration::from_millis(250), &cancel).expect("waiting works");
    }
    assert_eq!(seen, wanted, "the presence change was not noticed in time");
}

fn presence_follows_the_card(bench: &dyn CardBench) {
    bench.remove();
    let mut reader = bench.open();
    wait_for(reader.as_mut(), Presence::Absent);
    bench.insert();
    wait_for(reader.as_mut(), Presence::Present);
    bench.remove();
    wait_for(reader.as_mut(), Presence::Absent);
}

fn reading_gives_the_card_and_can_be_repeated(bench: &dyn CardBench) {
    let wanted = bench.insert();
    let mut reader = bench.open();
    wait_for(reader.as_mut(), Presence::Present);
    for _ in 0..3 {
        let card = reader
            .read(ReadWish::default(), &Cancel::new())
            .unwrap_or_else(|e| panic!("the card reads: {e}"));
        assert!(card == wanted, "the reading differs from the card");
    }
    // A module that refuses to find a card twice must not look like a removal.
    let still = reader.wait(Presence::Present, Duration::from_millis(600), &Cancel::new());
    assert_eq!(still, Ok(Presence::Present));
}

fn reading_without_a_card_says_so(bench: &dyn CardBench) {
    bench.remove();
    let mut reader = bench.open();
    wait_for(reader.as_mut(), Presence::Absent);
    let error =
        reader.read(ReadWish::default(), &Cancel::new()).err().expect("an empty reader reads nothing");
    assert_eq!(error.condition, DeviceCondition::NoCard, "{error}");
}

fn a_damaged_card_is_an_error_and_the_next_reading_works(bench: &dyn CardBench) {
    let wanted = bench.insert();
    let mut reader = bench.open();
    wait_for(reader.as_mut(), Presence::Present);
    // More failures than a reader's own retries hide.
    if !bench.damage(2) {
        return;
    }
    let error = reader.read(ReadWish::default(), &Cancel::new()).err().expect("a damaged card does not read");
    assert_eq!(error.condition, DeviceCondition::CardUnreadable, "{error}");
    let card = reader
        .read(ReadWish::default(), &Cancel::new())
        .unwrap_or_else(|e| panic!("the card reads again: {e}"));
    assert!(card == wanted, "the reading differs from the card");
}

fn waiting_can_be_cancelled(bench: &dyn CardBench) {
    bench.remove();
    let mut reader = bench.open();
    wait_for(reader.as_mut(), Presence::Absent);
    let cancel = Cancel::new();
    let other = cancel.clone();
    let started = Instant::now();
    let waiter = std::thread::spawn(move || {
        let ended = reader.wait(Presence::Absent, Duration::from_secs(30), &other);
        (ended, started.elapsed())
    });
    std::thread::sleep(Duration::from_millis(50));
    cancel.cancel();
    let (ended, took) = waiter.join().expect("the waiting thread lives");
    assert_eq!(ended.map_err(|e| e.condition), Err(DeviceCondition::Cancelled));
    assert!(took < Duration::from_secs(5), "cancelling took {took:?}");
}
