//! What an examination of a card reader tells: how it is spoken to and where it fails, and nothing of a card.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::DeviceError;

/// One exchange with a reader. Never a byte of what a card said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command: its code in hexadecimal, such as `20 01` or `FF B0 00 00`, or what was done.
    pub command: String,
    /// Bytes sent; 0 where that is not known.
    pub sent: usize,
    /// Bytes received; 0 where that is not known, or nothing came.
    pub received: usize,
    /// The status word or bytes in hexadecimal; `None` where the answer has none, or none came.
    pub status: Option<String>,
    /// Why there is no answer.
    pub error: Option<DeviceError>,
    /// How long it took.
    pub took: Duration,
}

/// The exchanges of an examination under way, each when it has ended. Clones are one list.
#[derive(Clone, Debug, Default)]
pub struct Steps(Arc<Mutex<Vec<Step>>>);

impl Steps {
    /// Adds one.
    pub fn push(&self, step: Step) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// Takes all there are.
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the reader's security module says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleReport {
    /// What came of its self-test.
    pub self_test: Result<(), DeviceError>,
    /// Its number, 16 bytes; `None` when it does not tell it.
    pub number: Option<[u8; 16]>,
}

/// What was found at one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The ATR of the card that lies there; `None` without a card, or where readers tell none.
    pub atr: Option<Vec<u8>>,
    /// The security module; `None` where it cannot be asked by itself.
    pub module: Option<ModuleReport>,
    /// The exchanges, in order.
    pub steps: Vec<Step>,
    /// What came of the reading.
    pub reading: Result<(), DeviceError>,
}

impl Examination {
    /// Of a reader that tells nothing but what comes of a reading.
    pub fn of_reading<T>(read: impl FnOnce() -> Result<T, DeviceError>) -> Self {
        let began = Instant::now();
        let reading = read().map(drop);
        let step = Step {
            command: "reading".into(),
            sent: 0,
            received: 0,
            status: None,
            error: reading.as_ref().err().cloned(),
            took: began.elapsed(),
        };
        Self { atr: None, module: None, steps: vec![step], reading }
    }

    /// Of a reader that could not be opened, or did not come back.
    pub fn failed(error: DeviceError) -> Self {
        Self { atr: None, module: None, steps: Vec::new(), reading: Err(error) }
    }
}
