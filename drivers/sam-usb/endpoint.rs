//! One direction of one bulk endpoint. The line is written against these, so that it can be tested without a
//! USB device.

use std::time::Duration;

use nusb::transfer::TransferError;
use yidang_device::DeviceError;

/// A bulk endpoint towards the device.
pub(crate) trait Output: Send {
    /// Sends these bytes as one transfer. Blocks for little longer than `limit`, past which it is
    /// [`TransferError::Cancelled`].
    fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), TransferError>;

    /// Ends a stall. Blocks for at most as long as the kernel waits for a control transfer (5 s on Linux).
    fn clear_halt(&mut self) -> Result<(), DeviceError>;
}

/// A bulk endpoint from the device.
pub(crate) trait Input: Send {
    /// One packet, which may be empty. Blocks for at most `limit`; `None` when nothing came in that time.
    /// What comes afterwards is not lost: the next call gives it.
    fn read(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, TransferError>;

    /// Ends a stall; blocks as that of an [`Output`] does.
    fn clear_halt(&mut self) -> Result<(), DeviceError>;
}
