//! A document camera.

use std::time::Duration;

use yidang_model::Origin;

use crate::{Cancel, DeviceError, DeviceListing};

/// One picture as the camera gave it: a whole JPEG or PNG file, exactly its own bytes and none of another's.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A way to find and open cameras. Shared between threads; the cameras it opens are not.
pub trait CameraDriver: Send + Sync {
    /// The word that selects this driver in the configuration.
    fn name(&self) -> &'static str;

    /// The cameras that are there now, including those this process may not open.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError>;

    /// Opens one camera.
    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError>;
}

/// One open camera. Owned by one thread.
pub trait Camera: Send {
    /// What it is.
    fn listing(&self) -> DeviceListing;

    /// Takes one picture at the best resolution. Blocks for at most `timeout`; a stalled camera is
    /// [`DeviceCondition::Timeout`](crate::DeviceCondition::Timeout), never a hang.
    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError>;
}
