//! Finding and opening cameras.

use std::time::Duration;

use nokhwa::utils::{ApiBackend, CameraInfo};
use yidang_device::{Access, Camera, CameraDriver, Cancel, DeviceCondition, DeviceError, DeviceListing};

use crate::camera::NokhwaCamera;
use crate::session::{Session, failed};
use crate::worker::{Seats, Worker};

/// Longest time for asking the system which cameras there are, and for opening one.
const LIST_WITHIN: Duration = Duration::from_secs(5);
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// The cameras of this machine.
#[derive(Debug, Default)]
pub struct NokhwaDriver {
    seats: Seats,
}

impl NokhwaDriver {
    /// The cameras the system knows.
    pub fn new() -> Self {
        Self::default()
    }

    fn connected(&self) -> Result<Vec<CameraInfo>, DeviceError> {
        let asker = Worker::start(&self.seats, LIST_WITHIN, || Ok(()))?;
        let query = |(): &mut ()| nokhwa::query(ApiBackend::Auto).map_err(|e| failed(&e));
        asker.call(LIST_WITHIN, &Cancel::new(), query)
    }
}

impl CameraDriver for NokhwaDriver {
    fn name(&self) -> &'static str {
        "nokhwa"
    }

    /// A camera's id is the system's own name for it, which on Windows holds the port and, where there is one, the
    /// serial number.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        Ok(self.connected()?.iter().map(listing).collect())
    }

    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError> {
        let found = self.connected()?.into_iter().find(|camera| self::id(camera) == id);
        let found =
            found.ok_or_else(|| DeviceError::new(DeviceCondition::NotFound, format!("no camera {id}")))?;
        let index = found.index().clone();
        let (told, modes) = std::sync::mpsc::sync_channel(1);
        let worker = Worker::start(&self.seats, OPEN_WITHIN, move || {
            let (session, modes) = Session::open(index)?;
            let _ = told.send(modes);
            Ok(session)
        })?;
        let modes = modes.try_recv().unwrap_or_default();
        if modes.is_empty() {
            let detail = "the camera offers no mode with a whole rate";
            return Err(DeviceError::new(DeviceCondition::Protocol, detail));
        }
        Ok(Box::new(NokhwaCamera::new(listing(&found), worker, modes)))
    }
}

fn listing(camera: &CameraInfo) -> DeviceListing {
    let name: String = camera.human_name().chars().filter(|c| !c.is_control()).take(80).collect();
    DeviceListing { id: id(camera), name: name.trim().to_owned(), access: Access::Granted }
}

/// What may stand in an id, which becomes part of a URL.
fn id(camera: &CameraInfo) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let id: String = camera.misc().chars().map(word).take(200).collect();
    let id = id.trim_matches('-');
    if id.is_empty() { format!("camera-{}", camera.index()) } else { id.to_owned() }
}
