//! The return codes of an IFD handler (pcsc-lite, `ifdhandler.h`).

/// What an IFD handler tells pcscd about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum IfdCode {
    /// Done.
    Success = 0,
    /// The attribute asked for is not known.
    UnknownTag = 600,
    /// The card's protocol could not be chosen.
    ProtocolFailed = 605,
    /// The card could not be powered.
    PowerFailed = 608,
    /// Talking to the card went wrong.
    CommunicationError = 612,
    /// The card did not answer in the time its protocol allows.
    ResponseTimeout = 613,
    /// The operation is not supported.
    NotSupported = 614,
    /// A card is there.
    CardPresent = 615,
    /// No card is there.
    CardAbsent = 616,
    /// The reader is gone.
    NoSuchDevice = 617,
    /// The answer does not fit the buffer.
    BufferTooSmall = 618,
}

impl IfdCode {
    /// The code with this number, if it is one of ours.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        [
            Self::Success,
            Self::UnknownTag,
            Self::ProtocolFailed,
            Self::PowerFailed,
            Self::CommunicationError,
            Self::ResponseTimeout,
            Self::NotSupported,
            Self::CardPresent,
            Self::CardAbsent,
            Self::NoSuchDevice,
            Self::BufferTooSmall,
        ]
        .into_iter()
        .find(|code| *code as u16 == number)
    }
}
