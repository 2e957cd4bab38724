//! A document camera.

use std::time::Duration;

use yidang_model::Origin;

use crate::{CameraWatch, Cancel, Control, ControlName, DeviceError, DeviceListing, Mode};

/// One picture as the camera gave it: a whole JPEG or PNG file, exactly its own bytes and none of another's.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// Where it comes from.
    pub origin: Origin,
}

/// How large a preview may be. The camera gives the largest mode that fits, or its smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewWish {
    /// Most pixels across.
    pub width_max: u32,
    /// Most pixels down.
    pub height_max: u32,
    /// Frames a second that are enough; the camera may give more.
    pub rate: u32,
}

/// A way to find and open cameras. Shared between threads; the cameras it opens are not.
pub trait CameraDriver: Send + Sync {
    /// The word that selects this driver in the configuration.
    fn name(&self) -> &'static str;

    /// The cameras that are there now, including those this process may not open.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError>;

    /// Opens one camera.
    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError>;

    /// Hears of cameras that come and go from now on; `None` where the system does not tell.
    fn watch(&self) -> Option<Box<dyn CameraWatch>> {
        None
    }
}

/// One open camera. Owned by one thread.
pub trait Camera: Send {
    /// What it is.
    fn listing(&self) -> DeviceListing;

    /// What it can take, the largest first. Known from opening on; never empty.
    fn modes(&self) -> Vec<Mode>;

    /// What can be adjusted, with the values of now.
    fn controls(&mut self) -> Result<Vec<Control>, DeviceError>;

    /// Adjusts one control. A value outside its range, or a control it has not, is
    /// [`DeviceCondition::Refused`](crate::DeviceCondition::Refused).
    fn set_control(&mut self, name: ControlName, value: i64) -> Result<(), DeviceError>;

    /// Takes one picture at the best resolution, of what lies there after the call began. Blocks for at most
    /// `timeout`; a stalled camera is [`DeviceCondition::Timeout`](crate::DeviceCondition::Timeout), never a hang.
    /// A driver that sees sooner that the camera has stalled says so at once: opened anew, it may give a picture
    /// within the time that is left.
    fn grab(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Frame, DeviceError>;

    /// The next frame of the preview, the camera's own bytes where it encodes JPEG itself. The first call starts
    /// it, and the first after a `grab` starts it anew. Blocks as `grab` does.
    fn preview(
        &mut self,
        wish: &PreviewWish,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Frame, DeviceError>;

    /// Ends the preview and lets the sensor rest; nothing where none runs.
    fn rest(&mut self);
}
