//! `yidang card probe`: what every driver finds and how a reading goes, without a word about the card.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use yidang_device::{
    Access, Cancel, CardDriver, DeviceCondition, DeviceError, DeviceListing, Examination, Step,
};
use yidang_idcard::ModuleNumber;

use super::Listen;
use super::card_place::alive;
use crate::failure::Failure;
use crate::stations::CardStation;

/// Longest a reader beside the one in use may take.
const EXAMINED_WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for a reader that the station itself is trying to open.
const BUSY_FOR: Duration = Duration::from_secs(6);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbeReport {
    /// In the order in which they are preferred.
    pub(crate) drivers: Vec<ProbedDriver>,
}

/// What one driver found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbedDriver {
    pub(crate) driver: String,
    /// Why it could not look.
    pub(crate) error: Option<String>,
    pub(crate) readers: Vec<ProbedReader>,
}

/// One reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbedReader {
    pub(crate) id: String,
    /// As its driver calls it; of a PC/SC reader with the profile, and why that one.
    pub(crate) name: String,
    pub(crate) in_use: bool,
    /// Why it is in use, or is not; `None` without a station.
    pub(crate) reason: Option<String>,
    /// What would open it; `None`: it may be opened.
    pub(crate) remedy: Option<String>,
    /// Hexadecimal, of the card that lies there.
    pub(crate) atr: Option<String>,
    /// `None` where it cannot be asked by itself, or the reader was not opened.
    pub(crate) module: Option<ProbedModule>,
    pub(crate) steps: Vec<ProbedStep>,
    pub(crate) reading: ProbedReading,
}

/// The security module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbedModule {
    pub(crate) works: bool,
    pub(crate) error: Option<String>,
    pub(crate) number: Option<String>,
}

/// One exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbedStep {
    pub(crate) command: String,
    pub(crate) sent_bytes: usize,
    pub(crate) received_bytes: usize,
    pub(crate) status: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) elapsed_ms: u64,
}

/// What came of the reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbedReading {
    pub(crate) done: bool,
    /// The API's code for what went wrong, the cause, and what to do.
    pub(crate) failure: Option<Failure>,
}

/// Asks every driver and every reader, the one in use by its station. Blocks for at most half a minute a
/// reader.
pub(super) fn probe(
    drivers: &[Arc<dyn CardDriver>],
    station: &CardStation,
    listen: Listen<'_>,
) -> Result<ProbeReport, Failure> {
    let mut report = Vec::with_capacity(drivers.len());
    for driver in drivers {
        let (error, listed) = match driver.list() {
            Ok(listed) => (None, listed),
            Err(error) => (Some(error.to_string()), Vec::new()),
        };
        let mut readers = Vec::with_capacity(listed.len());
        for device in listed {
            readers.push(reader(driver, device, station, listen)?);
        }
        report.push(ProbedDriver { driver: driver.name().to_owned(), error, readers });
    }
    Ok(ProbeReport { drivers: report })
}

fn reader(
    driver: &Arc<dyn CardDriver>,
    device: DeviceListing,
    station: &CardStation,
    listen: Listen<'_>,
) -> Result<ProbedReader, Failure> {
    let uses = || {
        let state = station.state();
        state.note == driver.name() && state.device.is_some_and(|used| used.id == device.id)
    };
    let remedy = match &device.access {
        Access::Granted => None,
        Access::Denied { remedy } => Some(remedy.clone()),
    };
    let mut in_use = uses();
    let examination = if let Some(remedy) = &remedy {
        Examination::failed(DeviceError::new(DeviceCondition::AccessDenied, remedy))
    } else if in_use {
        alive(station.examine(), listen)?
    } else {
        let (driver, id) = (driver.clone(), device.id.clone());
        let (tell, told) = channel();
        // On a thread of its own: it may never come back.
        let started = std::thread::Builder::new().name("card-probe".into()).spawn(move || {
            let _ = tell.send(examine(driver.as_ref(), &id));
        });
        let failed = |detail: String| Examination::failed(DeviceError::new(DeviceCondition::Timeout, detail));
        match started {
            Ok(_) => told
                .recv_timeout(EXAMINED_WITHIN)
                .unwrap_or_else(|_| failed("the driver does not come back".into())),
            Err(error) => failed(error.to_string()),
        }
    };
    // The station may have taken it meanwhile, and its name may have changed with the card.
    in_use |= uses();
    let state = station.state();
    let other = state.others.iter().find(|other| other.device.id == device.id);
    let reason = if in_use { state.why.clone() } else { other.map(|other| other.reason.clone()) };
    let name = state.device.filter(|_| in_use).map_or(device.name, |used| used.name);
    Ok(told(
        ProbedReader {
            id: device.id,
            name,
            in_use,
            reason,
            remedy,
            atr: None,
            module: None,
            steps: Vec::new(),
            reading: ProbedReading { done: false, failure: None },
        },
        examination,
    ))
}

/// Opens a reader that is not in use and examines it.
fn examine(driver: &dyn CardDriver, id: &str) -> Examination {
    let began = Instant::now();
    loop {
        match driver.open(id) {
            Ok(mut reader) => return reader.examine(&Cancel::new()),
            Err(error) if error.condition == DeviceCondition::Busy && began.elapsed() < BUSY_FOR => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Examination::failed(error),
        }
    }
}

fn told(reader: ProbedReader, examination: Examination) -> ProbedReader {
    let Examination { atr, module, steps, reading } = examination;
    let hexadecimal = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ");
    ProbedReader {
        atr: atr.map(hexadecimal),
        module: module.map(|module| ProbedModule {
            works: module.self_test.is_ok(),
            error: module.self_test.err().map(|e| e.to_string()),
            number: module.number.map(|number| ModuleNumber(number).to_string()),
        }),
        steps: steps.into_iter().map(step).collect(),
        reading: ProbedReading {
            done: reading.is_ok(),
            failure: reading.err().map(|e| super::card_place::fault(&e)),
        },
        ..reader
    }
}

fn step(step: Step) -> ProbedStep {
    ProbedStep {
        command: step.command,
        sent_bytes: step.sent,
        received_bytes: step.received,
        status: step.status,
        error: step.error.map(|e| e.to_string()),
        elapsed_ms: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
    }
}
