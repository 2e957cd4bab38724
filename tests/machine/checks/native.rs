//! Readers in native mode, when all goes well.

use std::sync::Arc;

use yidang_device::{CardDriver as _, CardReader, DeviceCondition, RawCard, conformance};
use yidang_sam_usb::SamUsbDriver;
use yidang_simulated::{CardFault, Desk, Fault};
use yidang_usb_devices::{Form, Plugged, SamUsb};

use crate::reading::{found, gone, open, over_the_wire, reads};
use crate::report::Report;

const PORT: u8 = 0;
/// The cards that come with the simulation.
pub(crate) const CARDS: [&str; 5] =
    ["01-resident", "02-hmt", "03-foreigner-2023", "04-foreigner-2017", "05-other-resident"];

/// A reader and the desk whose cards lie on it.
pub(crate) struct Native {
    pub(crate) desk: Desk,
    pub(crate) reader: Arc<SamUsb>,
    pub(crate) driver: SamUsbDriver,
}

impl Native {
    pub(crate) fn new(form: Form) -> Self {
        let desk = Desk::new(None, None);
        let reader = SamUsb::new(form, desk.clone());
        Self { desk, reader, driver: SamUsbDriver::new() }
    }

    /// Plugs the reader in, after the kernel has forgotten the one before.
    #[track_caller]
    pub(crate) fn plug(&self) -> Plugged {
        gone(&self.driver);
        self.reader.plug(PORT).expect("the kernel takes the device")
    }

    #[track_caller]
    pub(crate) fn lay(&self, card: Option<&str>) {
        self.desk.insert(card).expect("a built-in card");
    }

    #[track_caller]
    pub(crate) fn open(&self) -> Box<dyn CardReader> {
        open(&self.driver)
    }
}

/// The trait's own suite, through the kernel.
struct Bench<'a>(&'a Native);

impl conformance::CardBench for Bench<'_> {
    fn open(&self) -> Box<dyn CardReader> {
        self.0.open()
    }

    fn insert(&self) -> RawCard {
        self.0.lay(Some(CARDS[0]));
        over_the_wire(CARDS[0])
    }

    fn remove(&self) {
        self.0.lay(None);
    }

    fn damage(&self, times: u32) -> bool {
        self.0.desk.fault(Fault::Card(CardFault::ReadFailed), times);
        true
    }
}

/// Checks a reader of this form.
pub(crate) fn check(report: &mut Report, form_word: &str, form: Form) {
    let native = Native::new(form);
    let mut check =
        |name: &str, check: &dyn Fn()| report.check(&format!("native {form_word}: {name}"), check);
    check("found by its port and serial when plugged in, gone when pulled", &|| {
        gone(&native.driver);
        let plugged = native.plug();
        let first = found(&native.driver);
        assert!(first.id.starts_with("usb-") && first.id.ends_with("-TEST0001"), "{}", first.id);
        assert!(first.name.starts_with("SAM reader"), "{}", first.name);
        plugged.unplug();
        gone(&native.driver);
        let _plugged = native.plug();
        assert_eq!(found(&native.driver), first, "the same port gives the same id");
    });
    check("every card reads byte for byte", &|| {
        let _plugged = native.plug();
        let mut reader = native.open();
        for card in CARDS {
            native.lay(Some(card));
            reads(reader.as_mut(), &over_the_wire(card));
        }
    });
    check("every promise of a card reader is kept", &|| {
        let _plugged = native.plug();
        conformance::card_reader(&Bench(&native));
    });
    check("busy while another program has it, free afterwards", &|| {
        let _plugged = native.plug();
        native.lay(Some(CARDS[0]));
        let first = native.open();
        let id = found(&native.driver).id;
        let error = native.driver.open(&id).err().expect("it is claimed");
        assert_eq!(error.condition, DeviceCondition::Busy, "{error}");
        drop(first);
        reads(native.open().as_mut(), &over_the_wire(CARDS[0]));
    });
}
