//! Which errors mean what: the only place where USB's words become ours.

use nusb::ErrorKind;
use nusb::transfer::TransferError;
use yidang_device::{DeviceCondition, DeviceError};

/// What was being done; the same error means different things at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Looking for a reader, or opening it.
    Opening,
    /// Talking to an open reader.
    Talking,
}

/// What an error outside transfers means.
pub(crate) fn of_error(error: &nusb::Error, stage: Stage) -> DeviceError {
    DeviceError::new(of_kind(error.kind(), stage), format!("USB: {error}"))
}

fn of_kind(kind: ErrorKind, stage: Stage) -> DeviceCondition {
    match (kind, stage) {
        (ErrorKind::Disconnected, Stage::Opening) => DeviceCondition::NotFound,
        (ErrorKind::Disconnected, Stage::Talking) => DeviceCondition::Lost,
        (ErrorKind::Busy, _) => DeviceCondition::Busy,
        // Windows says "unsupported" of a device that another driver than WinUSB serves.
        (ErrorKind::PermissionDenied | ErrorKind::Unsupported, _) => DeviceCondition::AccessDenied,
        _ => DeviceCondition::Protocol,
    }
}

/// What a failed transfer means.
pub(crate) fn of_transfer(error: TransferError) -> DeviceError {
    let condition = match error {
        TransferError::Disconnected => DeviceCondition::Lost,
        TransferError::Cancelled => DeviceCondition::Timeout,
        TransferError::Stall
        | TransferError::Fault
        | TransferError::InvalidArgument
        | TransferError::Unknown(_) => DeviceCondition::Protocol,
    };
    DeviceError::new(condition, format!("USB: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_is_not_there_is_told_from_one_that_went_away() {
        assert_eq!(of_kind(ErrorKind::Disconnected, Stage::Opening), DeviceCondition::NotFound);
        assert_eq!(of_kind(ErrorKind::Disconnected, Stage::Talking), DeviceCondition::Lost);
        assert_eq!(of_transfer(TransferError::Disconnected).condition, DeviceCondition::Lost);
    }

    #[test]
    fn another_programs_claim_and_a_closed_node_are_told_apart() {
        for stage in [Stage::Opening, Stage::Talking] {
            assert_eq!(of_kind(ErrorKind::Busy, stage), DeviceCondition::Busy);
            assert_eq!(of_kind(ErrorKind::PermissionDenied, stage), DeviceCondition::AccessDenied);
        }
    }

    #[test]
    fn a_failed_transfer_asks_for_a_second_try_only_where_one_may_help() {
        for error in [TransferError::Stall, TransferError::Fault, TransferError::Unknown(5)] {
            assert_eq!(of_transfer(error).condition, DeviceCondition::Protocol);
        }
        assert!(of_transfer(TransferError::Cancelled).condition.needs_reopen());
    }
}
