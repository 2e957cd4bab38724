//! The threads that own the devices. One thread per kind of device: it alone touches the handle, takes
//! requests over a channel, and opens the device anew after whatever a counter does to a USB plug.

mod camera;
mod card;
mod selection;

pub(crate) use camera::CameraStation;
pub(crate) use card::CardStation;

use std::time::Duration;

/// What `GET /v1/status` tells about a station's device.
#[derive(Clone, Debug, Default)]
pub(crate) struct StationState {
    /// The device in use; `None` while there is none.
    pub(crate) device: Option<yidang_device::DeviceListing>,
    /// The driver it belongs to, or why there is none.
    pub(crate) note: String,
}

/// Pause before a device that could not be opened is looked for again.
const RETRY: Duration = Duration::from_millis(500);
