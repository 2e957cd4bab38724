//! The simulated card reader: the product's own reader over the simulated module.

use std::time::Duration;

use yidang_device::{
    Access, Cancel, CardDriver, CardReader, DeviceCondition, DeviceError, DeviceListing, Examination,
    Presence, RawCard, ReadWish,
};
use yidang_idcard::SamReader;
use yidang_model::Origin;

use crate::desk::Desk;
use crate::module::SamSimulator;

const READER_ID: &str = "simulated-reader";

/// Finds the desk's one reader.
pub(crate) struct SimulatedReaders {
    desk: Desk,
}

impl SimulatedReaders {
    /// The way to a desk's reader.
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

impl CardDriver for SimulatedReaders {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let there = self.desk.state().reader.look();
        self.desk.lying().map_err(|e| e.for_device())?;
        Ok(if there { vec![listing()] } else { vec![] })
    }

    fn open(&self, id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        if id != READER_ID || !self.desk.state().reader.look() {
            return Err(DeviceError::new(DeviceCondition::NotFound, "no such simulated reader"));
        }
        self.desk.lying().map_err(|e| e.for_device())?;
        let module = SamSimulator::new(self.desk.clone());
        Ok(Box::new(SimulatedReader { reader: SamReader::new(module, listing(), Origin::Simulated) }))
    }

    fn has_module(&self, _id: &str) -> Option<bool> {
        Some(true)
    }
}

fn listing() -> DeviceListing {
    DeviceListing {
        id: READER_ID.to_owned(),
        name: "Simulated ID card reader".to_owned(),
        access: Access::Granted,
    }
}

struct SimulatedReader {
    reader: SamReader<SamSimulator>,
}

impl CardReader for SimulatedReader {
    fn listing(&self) -> DeviceListing {
        self.reader.listing()
    }

    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        self.reader.wait(last, timeout, cancel)
    }

    fn read(&mut self, wish: ReadWish, cancel: &Cancel) -> Result<RawCard, DeviceError> {
        self.reader.transport().begin_reading();
        let outcome = self.reader.read(wish, cancel);
        let given = self.reader.transport().end_reading();
        let mut card = outcome?;
        // What no frame carries comes from the file: the portrait, the chip's serial, another module.
        if let Some(given) = given {
            card.photo = given.photo;
            card.chip_serial = given.file.chip_serial;
            card.sam_id = given.file.sam_id.map(|number| number.0).or(card.sam_id);
        }
        Ok(card)
    }

    fn examine(&mut self, cancel: &Cancel) -> Examination {
        self.reader.transport().begin_reading();
        let examination = self.reader.examine(cancel);
        self.reader.transport().end_reading();
        examination
    }
}
