//! Hearing of cameras that come and go, beside looking for them.

use std::time::Duration;

use crate::{Cancel, DeviceError};

/// Hears that the cameras of a driver may have changed. Owned by one thread. It only says that a look is worth while:
/// what is there, [`CameraDriver::list`](crate::CameraDriver::list) tells, and who looks now and then anyway misses
/// nothing but time.
pub trait CameraWatch: Send {
    /// Waits until a camera may have come, gone, or become one that may be opened, since the watch began or the call
    /// before returned `true`; `false` after this long, or once the flag is raised. What is told may not be ready
    /// yet: look again a moment later, too. An error: it hears no more.
    fn wait(&mut self, timeout: Duration, cancel: &Cancel) -> Result<bool, DeviceError>;
}
