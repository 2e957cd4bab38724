//! A card reader.

use std::time::Duration;

use yidang_model::Origin;

use crate::{Cancel, DeviceError, DeviceListing, Examination};

/// Length of an ID card's text block (GA/T 467), the same for all four layouts.
pub const TEXT_LENGTH_BYTES: usize = 256;
/// Length of an ID card's compressed photo (WLT).
pub const WLT_LENGTH_BYTES: usize = 1024;
/// Length of one finger's block (GA/T 1012).
pub const FINGER_LENGTH_BYTES: usize = 512;
/// Most fingers a card holds.
pub const FINGERS_MAX: usize = 2;

/// Whether a card lies on the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A card is there.
    Present,
    /// None is there.
    Absent,
}

/// A portrait that needs no WLT decoder because the reader brought it along (simulated readers do).
#[derive(Clone, PartialEq, Eq)]
pub struct DecodedPhoto {
    /// A whole PNG or JPEG file.
    pub bytes: Vec<u8>,
}

/// What a card gave, before anyone interprets it. Personal data throughout: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RawCard {
    /// The text block, UTF-16LE.
    pub text: [u8; TEXT_LENGTH_BYTES],
    /// The compressed photo; empty when the card or the reader gave none.
    pub photo_wlt: Vec<u8>,
    /// The newest appended address, 70 bytes UTF-16LE; `None` when the card has none.
    pub new_address: Option<Vec<u8>>,
    /// The security module's own number, 16 bytes; `None` when the reader does not tell it.
    pub sam_id: Option<[u8; 16]>,
    /// The chip's serial, 8 bytes; `None` when the reader does not tell it.
    pub chip_serial: Option<[u8; 8]>,
    /// A portrait that came decoded.
    pub photo: Option<DecodedPhoto>,
    /// The fingers' blocks as they stand on the card, [`FINGER_LENGTH_BYTES`] each and at most
    /// [`FINGERS_MAX`]; empty when nobody asked for them, or card or reader have none.
    pub fingerprint: Vec<[u8; FINGER_LENGTH_BYTES]>,
    /// Where the reading comes from.
    pub origin: Origin,
}

/// What a reading is to bring beside text, photo, newest address and module number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadWish {
    /// The fingerprint, where card and reader have it. Biometric data: nobody asks for it unless told to.
    pub fingerprint: bool,
}

/// A way to find and open card readers. Shared between threads; the readers it opens are not.
pub trait CardDriver: Send + Sync {
    /// The word that selects this driver in the configuration.
    fn name(&self) -> &'static str;

    /// The readers that are there now, including those this process may not open. Blocks for at most a
    /// second. No reader is an empty list; a service that does not run, or a port that was named and is not
    /// there, is an error.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError>;

    /// Opens one reader. Never takes it for itself alone where it can be shared, as PC/SC readers can: other
    /// programs may use it between our calls. A serial line cannot be shared, and is held until dropped.
    fn open(&self, id: &str) -> Result<Box<dyn CardReader>, DeviceError>;

    /// Whether a reader has a security module, as far as that is known without asking it; `None`: it shows
    /// when a card is read. Does not block.
    fn has_module(&self, _id: &str) -> Option<bool> {
        None
    }
}

/// One open reader. Owned by one thread.
pub trait CardReader: Send {
    /// What it is.
    fn listing(&self) -> DeviceListing;

    /// Waits until the card's presence differs from `last` or the timeout passes, and says what it is now.
    ///
    /// A card that was read and still lies there is `Present`, even where the module refuses to find it a
    /// second time. A card that was exchanged for another within one call may go unnoticed.
    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError>;

    /// Reads the card that lies there: text, photo, newest address, module number, and what is wished for. A
    /// reader that cannot give what is wished for gives the rest.
    ///
    /// Blocks for at most 15 seconds, and retries once by itself where a second try is known to help. A card
    /// that was read before may be read again without being lifted.
    fn read(&mut self, wish: ReadWish, cancel: &Cancel) -> Result<RawCard, DeviceError>;

    /// Asks the module, and reads the card, for who installs a reader: every step is told, and nothing of what
    /// the card says. Blocks as [`read`](Self::read) does, and a few seconds for the module.
    fn examine(&mut self, cancel: &Cancel) -> Examination {
        Examination::of_reading(|| self.read(ReadWish::default(), cancel))
    }

    /// How long a card may lie there before a reading finds it, because a service looks only now and then.
    /// Until then a reading's `NoCard` is not the last word.
    fn notices_within(&self) -> Duration {
        Duration::ZERO
    }
}
