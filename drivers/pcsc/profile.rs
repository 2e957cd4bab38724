//! How one model of reader is spoken to.

use std::fmt;
use std::time::Duration;

use crate::pattern::{AtrPattern, NamePattern};

/// Longest single exchange with a reader unless a profile says otherwise.
const COMMAND_DEFAULT: Duration = Duration::from_secs(5);
/// Longest reading there may be; the contract's 15 seconds less what opening a connection anew may take.
pub(crate) const READING_MAX: Duration = Duration::from_secs(12);

/// A reader model's profile. `profile_file` says how it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Empty: every reader.
    pub(crate) readers: Vec<NamePattern>,
    /// Empty: every card, and none.
    pub(crate) atrs: Vec<AtrPattern>,
    pub(crate) presence: PresenceBy,
    pub(crate) limits: TimeLimits,
    /// Whether the chip is asked for its serial after a reading.
    pub(crate) chip_serial: bool,
    pub(crate) form: Form,
}

impl Profile {
    /// How much its patterns spell out of a reader's name; `None`: it is not for that reader.
    pub(crate) fn name_literals(&self, reader: &str) -> Option<usize> {
        if self.readers.is_empty() {
            return Some(0);
        }
        self.readers.iter().filter(|pattern| pattern.matches(reader)).map(NamePattern::literals).max()
    }
}

/// Where a profile comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Compiled in.
    BuiltIn,
    /// The configured folder; goes before a built-in one that is as specific.
    Folder,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "built in",
            Self::Folder => "from the folder",
        })
    }
}

/// What tells whether a card lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PresenceBy {
    /// The reader's state in the service.
    State,
    /// Asking the security module again and again; for readers that never report a card.
    Find,
}

/// Longest times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimits {
    /// One exchange with the reader; one that takes longer is given up, and the reader opened anew.
    pub(crate) command: Duration,
    /// A whole reading, second try included.
    pub(crate) reading: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { command: COMMAND_DEFAULT, reading: READING_MAX }
    }
}

/// The four forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The card's content in pages, one command each.
    Paged(PagedForm),
    /// Frames of the security module, carried through.
    Tunnel(TunnelForm),
    /// No security module.
    Bare,
}

impl Form {
    /// Whether the card must be connected to, or the reader itself is.
    pub(crate) const fn carrier(&self) -> Carrier {
        match self {
            Self::Paged(_) | Self::Bare => Carrier::Transmit,
            Self::Tunnel(form) => form.carrier,
        }
    }
}

/// Pages of one stream: lengths, text, photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PagedForm {
    /// The five bytes of the command; `page_at` is where the page's number goes.
    pub(crate) command: [u8; 5],
    pub(crate) page_at: usize,
    /// Most pages a stream may have.
    pub(crate) pages: usize,
    pub(crate) page_bytes: usize,
    /// Whether the stream starts with the two lengths; without them, text and photo have their full length.
    pub(crate) lengths: bool,
}

/// A way for frames to and from the security module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TunnelForm {
    pub(crate) carrier: Carrier,
    /// The command around a frame; `None`: the frame is all that is sent and all that comes back.
    pub(crate) wrapping: Option<Wrapping>,
    pub(crate) parts: FrameParts,
}

/// Which call of the service carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// `SCardTransmit`, to a card in shared mode.
    Transmit,
    /// `SCardControl` with this function number.
    Control { code: u32, share: Share },
}

/// How the reader is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// To the card in it, beside other programs.
    Shared,
    /// To the reader itself, card or no card.
    Direct,
}

/// A command (ISO 7816-4) around a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrapping {
    /// CLA INS P1 P2.
    pub(crate) header: [u8; 4],
    pub(crate) length: LengthForm,
    /// Whether the command says how much it expects (Le).
    pub(crate) le: bool,
    /// CLA INS P1 P2 of the command that fetches the rest of an answer.
    pub(crate) get_response: [u8; 4],
}

/// How lengths are written in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LengthForm {
    /// One byte; a frame longer than this many bytes goes in a chain of commands.
    Short { chunk: usize },
    /// Three bytes, two.
    Extended,
}

/// Which parts of a frame go over the tunnel, in both directions; the body always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameParts {
    pub(crate) preamble: bool,
    pub(crate) length: bool,
    pub(crate) check: bool,
}

impl FrameParts {
    pub(crate) const ALL: Self = Self { preamble: true, length: true, check: true };
}
