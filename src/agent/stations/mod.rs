//! The threads that own the devices. One thread for the card readers and one for each camera: it alone touches the
//! handle, takes requests from a queue, and opens the device anew after whatever a counter does to a USB plug. It is
//! watched from outside (`relay`): a driver that never comes back costs a thread, not the station.

mod camera;
mod card;
mod card_keeper;
#[cfg(test)]
mod card_tests;
mod relay;
mod roster;
mod selection;
mod teller;
mod trial;

pub(crate) use camera::{CameraStation, Description, Known, Preview, Shot};
pub(crate) use card::CardStation;

use std::time::Duration;

use yidang_device::DeviceListing;

/// What `GET /v1/status` tells about a station's devices.
#[derive(Clone, Debug, Default)]
pub(crate) struct StationState {
    /// The device in use; `None` while there is none.
    pub(crate) device: Option<DeviceListing>,
    /// The driver it belongs to, or why there is none.
    pub(crate) note: String,
    /// Why this one is in use.
    pub(crate) why: Option<String>,
    /// The devices that are there beside it.
    pub(crate) others: Vec<ListedDevice>,
    /// What the drivers did that they must not.
    pub(crate) trouble: Option<String>,
}

/// A device that is there and not in use.
#[derive(Clone, Debug)]
pub(crate) struct ListedDevice {
    pub(crate) device: DeviceListing,
    pub(crate) driver: &'static str,
    /// Why it is not in use.
    pub(crate) reason: String,
}

/// Pause before a device that could not be opened is looked for again.
const RETRY: Duration = Duration::from_millis(500);
/// Longest a driver may take to list its devices; its contract says a second.
const LIST_BOUND: Duration = Duration::from_secs(10);
/// Longest a driver may take to open or close a device.
const OPEN_BOUND: Duration = Duration::from_secs(20);
