//! One open camera.

use std::time::Duration;

use yidang_device::{
    Camera, Cancel, Control, ControlName, DeviceCondition, DeviceError, DeviceListing, Frame, Mode,
    PreviewWish, preview_mode, preview_rate,
};
use yidang_model::Origin;

use crate::session::Session;
use crate::worker::Worker;

/// Longest time the camera may take to end its stream; past it the next call waits for it.
const REST_WITHIN: Duration = Duration::from_secs(2);

/// A camera behind a thread of its own.
pub(crate) struct NokhwaCamera {
    listing: DeviceListing,
    worker: Worker<Session>,
    /// Never empty; the first is the mode of pages.
    modes: Vec<Mode>,
    previews: bool,
}

impl NokhwaCamera {
    pub(crate) fn new(listing: DeviceListing, worker: Worker<Session>, modes: Vec<Mode>) -> Self {
        Self { listing, worker, modes, previews: false }
    }
}

impl Camera for NokhwaCamera {
    fn listing(&self) -> DeviceListing {
        self.listing.clone()
    }

    fn modes(&self) -> Vec<Mode> {
        self.modes.clone()
    }

    fn controls(&mut self) -> Result<Vec<Control>, DeviceError> {
        Ok(Vec::new())
    }

    fn set_control(&mut self, name: ControlName, _value: i64) -> Result<(), DeviceError> {
        Err(DeviceError::new(DeviceCondition::Refused, format!("{} through nokhwa", name.as_str())))
    }

    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError> {
        let (mode, rests_after) = (self.modes[0].clone(), !self.previews);
        let bytes = self.worker.call(timeout, cancel, move |session| {
            let page = session.picture(&mode, None, true);
            if rests_after {
                session.rest();
            }
            page
        })?;
        Ok(Frame { bytes, origin: Origin::Device })
    }

    fn preview(
        &mut self,
        wish: &PreviewWish,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Frame, DeviceError> {
        let mode = self.modes[preview_mode(&self.modes, wish).unwrap_or(0)].clone();
        let rate = preview_rate(&mode.rates, wish);
        self.previews = true;
        let bytes = self.worker.call(timeout, cancel, move |session| session.picture(&mode, rate, false))?;
        Ok(Frame { bytes, origin: Origin::Device })
    }

    fn rest(&mut self) {
        self.previews = false;
        let rest = |session: &mut Session| {
            session.rest();
            Ok(())
        };
        // One that is stuck rests when it comes back, or is left behind.
        let _ = self.worker.call(REST_WITHIN, &Cancel::new(), rest);
    }
}
