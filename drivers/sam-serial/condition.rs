//! Which errors mean what: the only place where the operating system's words become ours.

use std::io::{Error, ErrorKind};
use std::path::Path;

use yidang_device::{DeviceCondition, DeviceError};

/// What was being done with the port when the operating system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Opening it, taking hold of it and setting it up.
    Opening,
    /// Talking to what is behind it.
    Talking,
}

/// What an operating system's error means.
pub(crate) fn of_io(error: &Error, stage: Stage, port: &Path) -> DeviceError {
    let condition = match (error.kind(), stage) {
        // Windows opens a serial port for one program, and calls it denied to the second.
        (ErrorKind::PermissionDenied, Stage::Opening) if cfg!(windows) => DeviceCondition::Busy,
        (ErrorKind::PermissionDenied, Stage::Opening) => DeviceCondition::AccessDenied,
        (ErrorKind::ResourceBusy | ErrorKind::WouldBlock, Stage::Opening) => DeviceCondition::Busy,
        (ErrorKind::TimedOut, Stage::Talking) => DeviceCondition::Timeout,
        // No such file, no such device behind the file, or a file that is no serial port.
        (_, Stage::Opening) => DeviceCondition::NotFound,
        // An adapter that was pulled out says many things: input/output error, no such device, end of file.
        (_, Stage::Talking) => DeviceCondition::Lost,
    };
    DeviceError::new(condition, format!("{}: {error}", port.display()))
}

/// A line that ended: nobody is at its other end any more.
pub(crate) fn hung_up(port: &Path) -> DeviceError {
    DeviceError::new(DeviceCondition::Lost, format!("{}: the line was hung up", port.display()))
}

/// No byte came in time.
pub(crate) fn silence(port: &Path) -> DeviceError {
    DeviceError::new(DeviceCondition::Timeout, format!("{}: no answer", port.display()))
}

/// The caller changed its mind.
pub(crate) fn cancelled() -> DeviceError {
    DeviceError::new(DeviceCondition::Cancelled, "while waiting for a reply")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind, stage: Stage) -> DeviceCondition {
        of_io(&kind.into(), stage, Path::new("/dev/ttyUSB0")).condition
    }

    #[test]
    fn a_port_that_is_not_there_is_told_from_one_that_went_away() {
        for kind in [ErrorKind::NotFound, ErrorKind::Other, ErrorKind::BrokenPipe] {
            assert_eq!(of(kind, Stage::Opening), DeviceCondition::NotFound);
            assert_eq!(of(kind, Stage::Talking), DeviceCondition::Lost);
        }
    }

    #[test]
    fn a_held_port_is_told_from_a_forbidden_one() {
        assert_eq!(of(ErrorKind::ResourceBusy, Stage::Opening), DeviceCondition::Busy);
        assert_eq!(of(ErrorKind::WouldBlock, Stage::Opening), DeviceCondition::Busy);
        let forbidden = of(ErrorKind::PermissionDenied, Stage::Opening);
        assert_eq!(forbidden == DeviceCondition::Busy, cfg!(windows));
    }

    #[test]
    fn the_detail_names_the_port() {
        let error = of_io(&ErrorKind::TimedOut.into(), Stage::Talking, Path::new("/dev/ttyUSB0"));
        assert_eq!(error.condition, DeviceCondition::Timeout);
        assert!(error.detail.starts_with("/dev/ttyUSB0: "), "{error}");
    }
}
