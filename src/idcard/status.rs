//! What the module's status byte (SW3) means.

use yidang_device::{DeviceCondition, DeviceError};

/// Done.
pub const SUCCESS: u8 = 0x90;
/// Done; the card has nothing of what was asked for.
pub const NO_CONTENT: u8 = 0x91;
/// A card was found.
pub const FOUND: u8 = 0x9F;
/// What the host sent had a wrong check byte.
pub const CHECKSUM: u8 = 0x10;
/// The module knows no such command.
pub const COMMAND: u8 = 0x21;
/// The command is not allowed now.
pub const FORBIDDEN: u8 = 0x23;
/// The module did not accept the card's proof.
pub const CARD_REFUSED: u8 = 0x32;
/// The card could not be read.
pub const READ_FAILED: u8 = 0x41;
/// No card was found, or none that had not been read already.
pub const FIND_FAILED: u8 = 0x80;
/// The card could not be selected.
pub const SELECT_FAILED: u8 = 0x81;

/// Whether the status says that the command was carried out.
pub const fn is_success(status: u8) -> bool {
    matches!(status, SUCCESS | NO_CONTENT | FOUND)
}

/// The shared condition of a status that is no success. A status no source lists is a broken protocol.
pub const fn condition(status: u8) -> DeviceCondition {
    match status {
        // The card did not accept the module, the module did not accept the card, the data did not verify.
        0x31 | CARD_REFUSED | 0x33 => DeviceCondition::CardNotAuthentic,
        // Not a kind of card it knows; not selectable.
        0x40 | SELECT_FAILED => DeviceCondition::CardNotSupported,
        // Reading failed, an unrecognised error, no random number from the card.
        READ_FAILED | 0x24 | 0x47 => DeviceCondition::CardUnreadable,
        // Self-test failed, not authorised.
        0x60 | 0x66 => DeviceCondition::SecurityModuleFailed,
        FIND_FAILED => DeviceCondition::NoCard,
        // Wrong check byte, wrong length, unknown command, not allowed now, or nothing known.
        _ => DeviceCondition::Protocol,
    }
}

/// The error for a status that is no success; `detail` reads `SAM status 41`, with the card's own status
/// where the module passed one on.
pub fn error(status: [u8; 3]) -> DeviceError {
    let [sw1, sw2, sw3] = status;
    let detail = match (sw1, sw2) {
        (0, 0) => format!("SAM status {sw3:02X}"),
        _ => format!("SAM status {sw3:02X}, card status {sw1:02X}{sw2:02X}"),
    };
    DeviceError::new(condition(sw3), detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_status_has_its_condition() {
        use DeviceCondition::{
            CardNotAuthentic, CardNotSupported, CardUnreadable, NoCard, Protocol, SecurityModuleFailed,
        };
        for (condition_wanted, statuses) in [
            (Protocol, &[0x10, 0x11, 0x21, 0x23][..]),
            (CardUnreadable, &[0x24, 0x41, 0x47]),
            (CardNotAuthentic, &[0x31, 0x32, 0x33]),
            (CardNotSupported, &[0x40, 0x81]),
            (SecurityModuleFailed, &[0x60, 0x66]),
            (NoCard, &[0x80]),
        ] {
            for &status in statuses {
                assert_eq!(condition(status), condition_wanted, "{status:02X}");
                assert!(!is_success(status), "{status:02X}");
            }
        }
        assert!([0x90, 0x91, 0x9F].into_iter().all(is_success));
        assert_eq!(condition(0x77), Protocol);
    }

    #[test]
    fn the_detail_names_both_codes() {
        assert_eq!(error([0, 0, 0x41]).detail, "SAM status 41");
        assert_eq!(error([0x69, 0x82, 0x31]).detail, "SAM status 31, card status 6982");
    }
}
