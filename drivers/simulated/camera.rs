//! The simulated camera.

use std::time::Duration;

use yidang_device::{
    Access, Camera, CameraDriver, Cancel, Control, ControlName, DeviceCondition, DeviceError, DeviceListing,
    Frame, FrameFormat, Mode, PreviewWish, Rate,
};
use yidang_model::Origin;

use crate::SimulationError;
use crate::desk::Desk;
use crate::fault::CameraFault;
use crate::size::size;

const CAMERA_ID: &str = "simulated-camera";
/// What a frame that cannot be read is said to be, across and down.
const USUAL_SIZE_PX: (u32, u32) = (1600, 1200);
/// How soon a stall is told in a preview; the caller's time is usually longer.
const STALL_TOLD_AFTER: Duration = Duration::from_secs(1);
/// Frames a second of the preview.
const PREVIEW_RATE: u32 = 15;

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
        Ok(Box::new(SimulatedCamera { desk: self.desk.clone(), plugged, zoom: ZOOM.default }))
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
    /// Kept, and nothing more: the frames are files.
    zoom: i64,
}

const ZOOM: Control =
    Control { name: ControlName::Zoom, min: 100, max: 400, step: 10, default: 100, value: 100, active: true };

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

    fn modes(&self) -> Vec<Mode> {
        let rates = vec![Rate { frames: PREVIEW_RATE, seconds: 1 }];
        let frame = self.desk.frame_before_capture().ok();
        let (width, height) = frame.and_then(|bytes| size(&bytes)).unwrap_or(USUAL_SIZE_PX);
        vec![Mode { format: FrameFormat::Mjpeg, width, height, rates }]
    }

    fn controls(&mut self) -> Result<Vec<Control>, DeviceError> {
        self.plugged_in()?;
        Ok(vec![Control { value: self.zoom, ..ZOOM }])
    }

    fn set_control(&mut self, name: ControlName, value: i64) -> Result<(), DeviceError> {
        self.plugged_in()?;
        if name != ZOOM.name || !(ZOOM.min..=ZOOM.max).contains(&value) {
            let detail = format!("{} of the simulated camera", name.as_str());
            return Err(DeviceError::new(DeviceCondition::Refused, detail));
        }
        self.zoom = value;
        Ok(())
    }

    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError> {
        self.picture(timeout, cancel, Desk::next_frame)
    }

    fn preview(
        &mut self,
        _wish: &PreviewWish,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Frame, DeviceError> {
        if cancel.sleep(Duration::from_secs(1) / PREVIEW_RATE) {
            return Err(cancelled());
        }
        self.picture(timeout.min(STALL_TOLD_AFTER), cancel, Desk::frame_before_capture)
    }

    fn rest(&mut self) {}
}

fn cancelled() -> DeviceError {
    DeviceError::new(DeviceCondition::Cancelled, "while waiting for a picture")
}

impl SimulatedCamera {
    fn picture(
        &mut self,
        timeout: Duration,
        cancel: &Cancel,
        look: impl FnOnce(&Desk) -> Result<Vec<u8>, SimulationError>,
    ) -> Result<Frame, DeviceError> {
        self.plugged_in()?;
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
        let mut bytes = look(&self.desk).map_err(|e| e.for_device())?;
        if self.desk.state().camera_fault.strike(CameraFault::Truncated) {
            bytes.truncate(bytes.len() / 2);
        }
        Ok(Frame { bytes, origin: Origin::Simulated })
    }
}
