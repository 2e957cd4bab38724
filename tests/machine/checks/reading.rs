//! What every reader's checks need: the driver's view, waiting, and what cards must read as.

use std::time::{Duration, Instant};

use yidang_device::{Access, Cancel, CardDriver, CardReader, DeviceError, DeviceListing, RawCard, ReadWish};
use yidang_model::Origin;
use yidang_simulated::Desk;

/// Longest time anything may take that the kernel, udev or pcscd does by itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// Waits until it is so.
///
/// # Panics
/// Panics when it takes too long.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = is_so() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{what} took longer than {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The one reader that is connected and may be opened, once the driver lists it twice alike: pcscd writes a reader's
/// name while it tells it.
#[track_caller]
pub(crate) fn found(driver: &dyn CardDriver) -> DeviceListing {
    let mut before = None;
    until("finding the reader", || {
        let readers = driver.list().ok()?;
        let reader = readers.into_iter().find(|reader| reader.access == Access::Granted)?;
        let again = before.replace(reader.clone());
        again.filter(|again| *again == reader)
    })
}

/// Waits until the driver lists no reader.
#[track_caller]
pub(crate) fn gone(driver: &dyn CardDriver) {
    until("losing the reader", || driver.list().ok()?.is_empty().then_some(()));
}

/// Opens the one reader.
#[track_caller]
pub(crate) fn open(driver: &dyn CardDriver) -> Box<dyn CardReader> {
    let id = found(driver).id;
    driver.open(&id).unwrap_or_else(|e| panic!("{id} opens: {e}"))
}

/// Reads and compares, byte for byte.
#[track_caller]
pub(crate) fn reads(reader: &mut dyn CardReader, wanted: &RawCard) {
    let card =
        reader.read(ReadWish::default(), &Cancel::new()).unwrap_or_else(|e| panic!("the card reads: {e}"));
    assert!(card.text == wanted.text, "the text differs");
    assert!(card.photo_wlt == wanted.photo_wlt, "the photo differs");
    assert!(card == *wanted, "address, module number, serial or origin differ");
}

/// Reads, which must fail.
#[track_caller]
pub(crate) fn fails(reader: &mut dyn CardReader) -> DeviceError {
    reader.read(ReadWish::default(), &Cancel::new()).err().expect("the reading fails")
}

/// What a card of the simulation reads as over a wire: its frames alone, from a real device.
pub(crate) fn over_the_wire(card: &str) -> RawCard {
    let desk = Desk::new(None, None);
    desk.insert(Some(card)).expect("a built-in card");
    let mut reader = desk.card_driver().open("simulated-reader").expect("the simulated reader");
    let card = reader
        .read(ReadWish::default(), &Cancel::new())
        .unwrap_or_else(|e| panic!("the simulated card reads: {e}"));
    RawCard { chip_serial: None, photo: None, origin: Origin::Device, ..card }
}
