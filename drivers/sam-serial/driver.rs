//! Finding ports, and the modules behind them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use yidang_device::{CardDriver, CardReader, DeviceCondition, DeviceError, DeviceListing};
use yidang_idcard::SamReader;
use yidang_model::Origin;

use crate::line::SerialLine;
use crate::ports::{Places, Port};
use crate::rate;

/// How long a port that nobody named is left alone once nothing answered there: what hangs there may not be
/// a card reader, and should not be talked to twice a second.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// Card readers with a security module on a serial port.
pub struct SerialDriver {
    /// The ports to use; `None`: adapters of known kinds.
    named: Option<Vec<PathBuf>>,
    places: Places,
    /// What is known of a port, by its id.
    known: Mutex<HashMap<String, Known>>,
}

/// What the last opening of a port showed.
enum Known {
    /// A module answers at this rate, in baud.
    Rate(u32),
    /// Nothing answered.
    Silent { since: Instant, error: DeviceError },
}

impl SerialDriver {
    /// Readers on these ports, by any of their paths (`COM3` on Windows). `None`: on every USB adapter of a
    /// known bridge chip; on systems other than Linux that finds none. Opening a reader sends a status
    /// command at up to five rates, so `None` is for who knows that no other device hangs on such an adapter.
    pub fn new(ports: Option<Vec<PathBuf>>) -> Self {
        Self { named: ports, places: Places::default(), known: Mutex::default() }
    }

    #[cfg(test)]
    pub(crate) fn in_places(ports: Option<Vec<PathBuf>>, places: Places) -> Self {
        Self { places, ..Self::new(ports) }
    }

    fn ports(&self) -> Vec<Port> {
        let Some(named) = &self.named else {
            return self.places.ports().into_iter().filter(Port::is_known_bridge).collect();
        };
        let mut ports: Vec<Port> = Vec::new();
        for port in named.iter().filter_map(|path| self.places.named(path)) {
            // Two paths may lead to one port.
            if ports.iter().all(|other| other.id != port.id) {
                ports.push(port);
            }
        }
        ports
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rate a module answered at before; an error for a port that is to be left alone.
    fn recall(&self, id: &str) -> Result<Option<u32>, DeviceError> {
        match self.known().get(id) {
            Some(Known::Rate(rate)) => Ok(Some(*rate)),
            Some(Known::Silent { since, error }) if self.named.is_none() && since.elapsed() < LEFT_ALONE => {
                Err(error.clone())
            }
            _ => Ok(None),
        }
    }
}

impl CardDriver for SerialDriver {
    fn name(&self) -> &'static str {
        "sam-serial"
    }

    /// Opens nothing. Ports where a module answered come first, those where nothing did last and in turn, so
    /// that who always takes the first finds the module in the end.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let mut ports = self.ports();
        if let (true, Some(named)) = (ports.is_empty(), &self.named) {
            let named: Vec<_> = named.iter().map(|path| path.display().to_string()).collect();
            let detail = format!("there is no serial port {}", named.join(" or "));
            return Err(DeviceError::new(DeviceCondition::NotFound, detail));
        }
        let mut known = self.known();
        // What was learned of an adapter ends with its being unplugged.
        known.retain(|id, _| ports.iter().any(|port| port.id == *id));
        ports.sort_by_key(|port| match known.get(&port.id) {
            Some(Known::Rate(_)) => (0, None),
            None => (1, None),
            Some(Known::Silent { since, .. }) => (2, Some(Reverse(since.elapsed()))),
        });
        Ok(ports.iter().map(Port::listing).collect())
    }

    /// Only what has answered a self-test is opened.
    fn has_module(&self, _id: &str) -> Option<bool> {
        Some(true)
    }

    /// Blocks for at most three seconds. The port is held alone as long as the reader lives: a serial line
    /// cannot be shared.
    fn open(&self, id: &str) -> Result<Box<dyn CardReader>, DeviceError> {
        let port = self.ports().into_iter().find(|port| port.id == id || port.path == Path::new(id));
        let absent = || DeviceError::new(DeviceCondition::NotFound, format!("no serial port {id}"));
        let port = port.ok_or_else(absent)?;
        let rate = self.recall(&port.id)?;
        let line = SerialLine::open(&port.path)?;
        let mut reader = SamReader::new(line, port.listing(), Origin::Device);
        match rate::find(&mut reader, rate) {
            Ok(rate) => {
                self.known().insert(port.id, Known::Rate(rate));
                Ok(Box::new(reader))
            }
            Err(error) => {
                let detail = format!("{}: {}", port.path.display(), error.detail);
                let error = DeviceError { detail, ..error };
                if error.condition == DeviceCondition::NotFound {
                    let silent = Known::Silent { since: Instant::now(), error: error.clone() };
                    self.known().insert(port.id, silent);
                }
                Err(error)
            }
        }
    }
}
