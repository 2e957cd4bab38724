//! Which of the kernel's errors mean what: the only place where its words become ours.

use rustix::io::Errno;
use yidang_device::{DeviceCondition, DeviceError};

/// What was being done; the same error means different things at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Opening the camera.
    Opening,
    /// Using the open camera.
    Using,
}

/// What a failed call means.
pub(crate) fn of(error: Errno, stage: Stage, call: &str) -> DeviceError {
    let condition = match (error, stage) {
        (Errno::NOENT | Errno::NODEV | Errno::NXIO, Stage::Opening) => DeviceCondition::NotFound,
        (Errno::NODEV | Errno::NXIO | Errno::SHUTDOWN, Stage::Using) => DeviceCondition::Lost,
        (Errno::ACCESS | Errno::PERM, Stage::Opening) => DeviceCondition::AccessDenied,
        // No room on the bus beside another camera's stream counts as held by another, too.
        (Errno::BUSY | Errno::NOSPC, _) => DeviceCondition::Busy,
        (Errno::TIMEDOUT, _) => DeviceCondition::Timeout,
        _ => DeviceCondition::Protocol,
    };
    DeviceError::new(condition, format!("V4L2 {call}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_there_is_told_from_one_that_went_away() {
        assert_eq!(of(Errno::NODEV, Stage::Opening, "open").condition, DeviceCondition::NotFound);
        assert_eq!(of(Errno::NODEV, Stage::Using, "DQBUF").condition, DeviceCondition::Lost);
    }

    #[test]
    fn a_closed_node_and_another_programs_stream_are_told_apart() {
        assert_eq!(of(Errno::ACCESS, Stage::Opening, "open").condition, DeviceCondition::AccessDenied);
        for errno in [Errno::BUSY, Errno::NOSPC] {
            assert_eq!(of(errno, Stage::Using, "STREAMON").condition, DeviceCondition::Busy);
        }
        assert_eq!(of(Errno::IO, Stage::Using, "STREAMON").condition, DeviceCondition::Protocol);
    }
}
