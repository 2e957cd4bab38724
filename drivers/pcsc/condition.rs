//! Which codes mean what: the only place where PC/SC's words become ours.

use pcsc::Error;
use yidang_device::{DeviceCondition, DeviceError};

use crate::exchange::Status;

/// What was being done when PC/SC refused; the same code means different things at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Looking for the service and its readers.
    Finding,
    /// Waiting for a card on a reader that was found.
    Waiting,
    /// Connecting to the card.
    Connecting,
    /// Talking to a card that was connected.
    Exchanging,
}

/// What a PC/SC error means.
pub(crate) fn of_error(error: Error, stage: Stage) -> DeviceError {
    let condition = match error {
        // CommError is the connection to pcscd breaking, InvalidValue what an unplugged reader's old handle
        // gives. ServiceStopped was never seen on Linux; Windows has it.
        Error::NoService
        | Error::ServiceStopped
        | Error::CommError
        | Error::InvalidHandle
        | Error::InvalidValue
        | Error::Shutdown
        | Error::SystemCancelled
        | Error::UnknownReader
        | Error::ReaderUnavailable
        | Error::NoReadersAvailable => match stage {
            Stage::Finding => DeviceCondition::NotFound,
            Stage::Waiting | Stage::Connecting | Stage::Exchanging => DeviceCondition::Lost,
        },
        Error::NoSmartcard | Error::RemovedCard => match stage {
            Stage::Finding | Stage::Waiting | Stage::Connecting => DeviceCondition::NoCard,
            Stage::Exchanging => DeviceCondition::CardRemoved,
        },
        Error::NoAccess | Error::SecurityViolation => DeviceCondition::AccessDenied,
        Error::SharingViolation | Error::ServerTooBusy => DeviceCondition::Busy,
        Error::NotTransacted
        | Error::CommDataLost
        | Error::NotReady
        | Error::InvalidAtr
        | Error::ResetCard
        | Error::UnpoweredCard
        | Error::UnresponsiveCard => DeviceCondition::CardUnreadable,
        Error::ProtoMismatch
        | Error::CardUnsupported
        | Error::UnsupportedCard
        | Error::UnsupportedFeature
        | Error::UnknownCard => DeviceCondition::CardNotSupported,
        Error::Timeout | Error::WaitedTooLong => DeviceCondition::Timeout,
        Error::Cancelled => DeviceCondition::Cancelled,
        _ => DeviceCondition::Protocol,
    };
    DeviceError::new(condition, format!("PC/SC: {error:?}, code {:08X}", error as u32))
}

/// What a card's status word means where the wanted content did not come.
pub(crate) fn of_status(status: Status) -> DeviceCondition {
    match status.0.to_be_bytes() {
        // Warnings, execution errors, and "no precise diagnosis", by ISO 7816-4.
        [0x62..=0x65 | 0x6F, _] => DeviceCondition::CardUnreadable,
        // Wrong length, class, parameters or instruction; not allowed; not found.
        [0x67..=0x6B | 0x6D | 0x6E, _] => DeviceCondition::CardNotSupported,
        _ => DeviceCondition::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_there_is_told_from_one_that_went_away() {
        for error in [Error::NoService, Error::CommError, Error::UnknownReader, Error::ReaderUnavailable] {
            assert_eq!(of_error(error, Stage::Finding).condition, DeviceCondition::NotFound);
            for stage in [Stage::Waiting, Stage::Connecting, Stage::Exchanging] {
                assert_eq!(of_error(error, stage).condition, DeviceCondition::Lost);
            }
        }
    }

    #[test]
    fn an_empty_reader_is_told_from_a_card_that_left() {
        for error in [Error::NoSmartcard, Error::RemovedCard] {
            assert_eq!(of_error(error, Stage::Connecting).condition, DeviceCondition::NoCard);
            assert_eq!(of_error(error, Stage::Exchanging).condition, DeviceCondition::CardRemoved);
        }
    }

    #[test]
    fn status_words_are_sorted_by_what_a_person_can_do() {
        for (status, condition) in [
            (0x6F00, DeviceCondition::CardUnreadable),
            (0x6281, DeviceCondition::CardUnreadable),
            (0x6300, DeviceCondition::CardUnreadable),
            (0x6400, DeviceCondition::CardUnreadable),
            (0x6A82, DeviceCondition::CardNotSupported),
            (0x6D00, DeviceCondition::CardNotSupported),
            (0x6982, DeviceCondition::CardNotSupported),
            (0x0000, DeviceCondition::Protocol),
            (0x9100, DeviceCondition::Protocol),
        ] {
            assert_eq!(of_status(Status(status)), condition, "{status:04X}");
        }
    }
}
