//! The closed list of things that go wrong with a device.

use std::fmt;

/// What is wrong, in words every driver shares. Vendor codes are mapped to these in one file per driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceCondition {
    /// No such device is connected, or its service does not run.
    NotFound,
    /// The device is there and this process may not open it.
    AccessDenied,
    /// Another program holds the device.
    Busy,
    /// The device was there and is gone (unplugged, service stopped): open it again.
    Lost,
    /// No card lies on the reader.
    NoCard,
    /// The card left while it was being read.
    CardRemoved,
    /// A card is there, but it is none this reader can read, or it cannot be selected.
    CardNotSupported,
    /// The card answered that it cannot be read: damaged, or not held still.
    CardUnreadable,
    /// The card or the security module refused the other's proof.
    CardNotAuthentic,
    /// The reader has no security module, so it can never read the card's text.
    NoSecurityModule,
    /// The security module is not authorised or failed its self-test.
    SecurityModuleFailed,
    /// The device did not answer in time.
    Timeout,
    /// The device answered something that breaks its protocol.
    Protocol,
    /// The device does not take this setting.
    Refused,
    /// The call was cancelled by its own caller.
    Cancelled,
}

impl DeviceCondition {
    /// Whether the device handle is useless from now on and must be opened anew.
    pub const fn needs_reopen(self) -> bool {
        matches!(self, Self::NotFound | Self::AccessDenied | Self::Lost | Self::Timeout)
    }
}

impl fmt::Display for DeviceCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such device is connected",
            Self::AccessDenied => "this account may not open the device",
            Self::Busy => "another program holds the device",
            Self::Lost => "the device went away",
            Self::NoCard => "no card lies on the reader",
            Self::CardRemoved => "the card was taken away during the reading",
            Self::CardNotSupported => "the card is not of a kind this reader can read",
            Self::CardUnreadable => "the card could not be read",
            Self::CardNotAuthentic => "the card was not accepted as genuine",
            Self::NoSecurityModule => "the reader has no security module",
            Self::SecurityModuleFailed => "the reader's security module does not work",
            Self::Timeout => "the device did not answer in time",
            Self::Protocol => "the device sent an answer that makes no sense",
            Self::Refused => "the device does not take this setting",
            Self::Cancelled => "the call was cancelled",
        })
    }
}

/// A condition, and what the driver saw. `detail` names codes, lengths and device names, never card content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{condition} ({detail})")]
pub struct DeviceError {
    /// What is wrong.
    pub condition: DeviceCondition,
    /// What the driver saw: codes, lengths, device names. Never a byte of a card.
    pub detail: String,
}

impl DeviceError {
    /// A condition with what the driver saw.
    pub fn new(condition: DeviceCondition, detail: impl Into<String>) -> Self {
        Self { condition, detail: detail.into() }
    }
}
