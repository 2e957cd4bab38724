//! Bulk endpoints of a real device.

use std::time::Duration;

use nusb::transfer::{Buffer, Bulk, In, Out, TransferError};
use nusb::{Endpoint, MaybeFuture};
use yidang_device::DeviceError;

use crate::condition::{Stage, of_error};
use crate::endpoint::{Input, Output};

/// How long the kernel may take to give a cancelled transfer back.
const GIVEN_BACK_WITHIN: Duration = Duration::from_millis(500);

/// A bulk endpoint towards the device.
pub(crate) struct BulkOut(pub(crate) Endpoint<Bulk, Out>);

impl Output for BulkOut {
    fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), TransferError> {
        // One that was never given back: the endpoint is good for nothing any more.
        if self.0.pending() > 0 {
            return Err(TransferError::Cancelled);
        }
        self.0.submit(bytes.to_vec().into());
        if let Some(done) = self.0.wait_next_complete(limit) {
            return done.status;
        }
        self.0.cancel_all();
        match self.0.wait_next_complete(GIVEN_BACK_WITHIN) {
            // It went through at the last moment, or the device is gone.
            Some(done) => done.status,
            None => Err(TransferError::Cancelled),
        }
    }

    fn clear_halt(&mut self) -> Result<(), DeviceError> {
        self.0.clear_halt().wait().map_err(|e| of_error(&e, Stage::Talking))
    }
}

/// A bulk endpoint from the device. A transfer always waits with the kernel: what the reader sends unasked
/// arrives when it is sent, not when the next reply is expected.
pub(crate) struct BulkIn(Endpoint<Bulk, In>);

impl BulkIn {
    /// Starts to listen.
    pub(crate) fn new(endpoint: Endpoint<Bulk, In>) -> Self {
        let mut listening = Self(endpoint);
        listening.listen();
        listening
    }

    fn listen(&mut self) {
        if self.0.pending() == 0 {
            // One packet at a time ends with every packet. A longer transfer would hang on a reply that fills
            // its last packet, since no reader was seen to send an empty one after it.
            self.0.submit(Buffer::new(self.0.max_packet_size()));
        }
    }
}

impl Input for BulkIn {
    fn read(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, TransferError> {
        self.listen();
        let Some(done) = self.0.wait_next_complete(limit) else { return Ok(None) };
        done.status?;
        self.listen();
        Ok(Some(done.buffer.into_vec()))
    }

    fn clear_halt(&mut self) -> Result<(), DeviceError> {
        self.0.clear_halt().wait().map_err(|e| of_error(&e, Stage::Talking))
    }
}
