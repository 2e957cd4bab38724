//! The simulated camera.

use std::time::Duration;

use yidang_device::{
    Access, Camera, CameraDriver, Cancel, DeviceCondition, DeviceError, DeviceListing, Frame,
};
use yidang_model::Origin;

use crate::desk::Desk;
use crate::fault::CameraFault;

const CAMERA_ID: &str = "simulated-camera";

/// Finds the desk's one camera.
pub(crate) struct SimulatedCameras {
    desk: Desk,
}

impl SimulatedCameras {
    /// The way to a desk's camera.
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

impl CameraDriver for SimulatedCameras {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let there = self.desk.state().camera.look();
        self.desk.check_frames().map_err(|e| e.for_device())?;
        Ok(if there { vec![listing()] } else { vec![] })
    }

    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError> {
        if id != CAMERA_ID || !self.desk.state().camera.look() {
            return Err(DeviceError::new(DeviceCondition::NotFound, "no such simulated camera"));
        }
        self.desk.check_frames().map_err(|e| e.for_device())?;
        let plugged = self.desk.state().camera.time;
        Ok(Box::new(SimulatedCamera { desk: self.desk.clone(), plugged }))
    }
}

fn listing() -> DeviceListing {
    DeviceListing {
        id: CAMERA_ID.to_owned(),
        name: "Simulated document camera".to_owned(),
        access: Access::Granted,
    }
}

struct SimulatedCamera {
    desk: Desk,
    /// The camera's plug time when it was opened.
    plugged: u64,
}

impl SimulatedCamera {
    fn plugged_in(&self) -> Result<(), DeviceError> {
        if self.desk.state().camera.time == self.plugged {
            return Ok(());
        }
        Err(DeviceError::new(DeviceCondition::Lost, "the simulated camera is unplugged"))
    }
}

impl Camera for SimulatedCamera {
    fn listing(&self) -> DeviceListing {
        listing()
    }

    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError> {
        self.plugged_in()?;
        let cancelled = || DeviceError::new(DeviceCondition::Cancelled, "while waiting for a picture");
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        if self.desk.state().camera_fault.strike(CameraFault::Stall) {
            if cancel.sleep(timeout) {
                return Err(cancelled());
            }
            self.plugged_in()?;
            return Err(DeviceError::new(DeviceCondition::Timeout, "the simulated camera stalls"));
        }
        let mut bytes = self.desk.next_frame().map_err(|e| e.for_device())?;
        if self.desk.state().camera_fault.strike(CameraFault::Truncated) {
            bytes.truncate(bytes.len() / 2);
        }
        Ok(Frame { bytes, origin: Origin::Simulated })
    }
}
