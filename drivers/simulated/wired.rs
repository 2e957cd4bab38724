//! The simulated module at the end of a real wire, for the tests of transports.

use std::time::Duration;

use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::SamTransport;

use crate::desk::Desk;
use crate::module::SamSimulator;

/// A desk's security module without a reader: request frames go in, the bytes of its replies come out.
pub struct WiredModule(SamSimulator);

impl WiredModule {
    /// The module of a desk. It cannot know when a reading begins, so the desk's faults strike looks for the
    /// card as well.
    pub fn new(desk: Desk) -> Self {
        let mut module = SamSimulator::new(desk);
        module.begin_reading();
        Self(module)
    }

    /// What the module sends back to one whole request frame; nothing where a fault makes it hang, a part of
    /// the reply where one breaks it off. An unplugged reader is [`DeviceCondition::Lost`].
    pub fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.0.send(request)?;
        let mut reply = Vec::new();
        loop {
            match self.0.receive(Duration::ZERO, &Cancel::new()) {
                Ok(piece) => reply.extend(piece),
                Err(e) if e.condition == DeviceCondition::Timeout => return Ok(reply),
                Err(e) => return Err(e),
            }
        }
    }
}
