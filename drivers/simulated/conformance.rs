//! The simulated security module by itself, for tests of drivers that bring frames to a real one.

use std::time::Duration;

use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::SamTransport;

use crate::desk::Desk;
use crate::module::SamSimulator;

/// The security module of a desk: frames in, frames out. Faults of the desk strike whichever request comes.
pub struct Module {
    simulator: SamSimulator,
}

impl Module {
    /// The module under the card of this desk.
    pub fn new(desk: &Desk) -> Self {
        let mut simulator = SamSimulator::new(desk.clone());
        simulator.begin_reading();
        Self { simulator }
    }

    /// The whole reply to one whole request frame, or as much of it as ever comes; empty when none does.
    /// Blocks as long as the disk does. A desk whose reader is unplugged is an error.
    pub fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.simulator.send(request)?;
        let mut reply = Vec::new();
        loop {
            match self.simulator.receive(Duration::ZERO, &Cancel::new()) {
                Ok(piece) => reply.extend(piece),
                Err(error) if error.condition == DeviceCondition::Timeout => return Ok(reply),
                Err(error) => return Err(error),
            }
        }
    }
}
