//! A card's content as readers hand it over: a header with two lengths, the text block, the photo.

use yidang_device::{TEXT_LENGTH_BYTES, WLT_LENGTH_BYTES};

/// Length of the header: two big-endian lengths, `01 00 04 00` for a card with text and photo.
pub const HEADER_LENGTH_BYTES: usize = 4;

/// The text block and the compressed photo of one card. Personal data: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CardData {
    /// UTF-16LE, in one of the four layouts.
    pub text: [u8; TEXT_LENGTH_BYTES],
    /// Compressed photo (WLT), 0 to 1024 bytes; empty when the card has none.
    pub photo_wlt: Vec<u8>,
}

/// The lengths that precede a card's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the photo, 0 to 1024 bytes. The text is always 256.
    pub photo_length: usize,
}

/// Why bytes are no card content. Names lengths only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Fewer bytes than the header, or than the lengths in it promise.
    #[error("the card content has {got} bytes where {needed} are needed")]
    TooShort {
        /// Bytes that are there.
        got: usize,
        /// Bytes that must be there.
        needed: usize,
    },
    /// The header promises a text block of another length than 256.
    #[error("the card content announces a text of {0} bytes")]
    TextLength(usize),
    /// The header promises a photo longer than 1024 bytes.
    #[error("the card content announces a photo of {0} bytes")]
    PhotoLength(usize),
}

impl Header {
    /// Reads the header at the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let &[text_high, text_low, photo_high, photo_low, ..] = bytes else {
            return Err(ContentError::TooShort { got: bytes.len(), needed: HEADER_LENGTH_BYTES });
        };
        let text_length = usize::from(u16::from_be_bytes([text_high, text_low]));
        let photo_length = usize::from(u16::from_be_bytes([photo_high, photo_low]));
        if text_length != TEXT_LENGTH_BYTES {
            return Err(ContentError::TextLength(text_length));
        }
        if photo_length > WLT_LENGTH_BYTES {
            return Err(ContentError::PhotoLength(photo_length));
        }
        Ok(Self { photo_length })
    }

    /// Length of header, text and photo together.
    pub const fn total_length(self) -> usize {
        HEADER_LENGTH_BYTES + TEXT_LENGTH_BYTES + self.photo_length
    }
}

impl CardData {
    /// Reads header, text and photo; bytes after them are left alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let header = Header::parse(bytes)?;
        let short = ContentError::TooShort { got: bytes.len(), needed: header.total_length() };
        let content = bytes.get(HEADER_LENGTH_BYTES..header.total_length()).ok_or(short)?;
        let (text, photo) = content.split_first_chunk::<TEXT_LENGTH_BYTES>().ok_or(short)?;
        Ok(Self { text: *text, photo_wlt: photo.to_vec() })
    }

    /// Header, text and photo in one run of bytes. A photo longer than 1024 bytes is cut there.
    pub fn to_bytes(&self) -> Vec<u8> {
        let photo = &self.photo_wlt[..self.photo_wlt.len().min(WLT_LENGTH_BYTES)];
        let mut bytes = Vec::with_capacity(HEADER_LENGTH_BYTES + TEXT_LENGTH_BYTES + photo.len());
        bytes.extend_from_slice(&(TEXT_LENGTH_BYTES as u16).to_be_bytes());
        bytes.extend_from_slice(&(photo.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&self.text);
        bytes.extend_from_slice(photo);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_of_a_whole_card_is_the_published_one() {
        let card = CardData { text: [0x20; TEXT_LENGTH_BYTES], photo_wlt: vec![7; WLT_LENGTH_BYTES] };
        let bytes = card.to_bytes();
        assert_eq!(bytes[..4], [0x01, 0x00, 0x04, 0x00]);
        assert_eq!(bytes.len(), 1284);
        assert!(CardData::parse(&bytes) == Ok(card));
    }

    #[test]
    fn lengths_that_no_card_has_are_refused() {
        assert_eq!(Header::parse(&[1, 0, 4]), Err(ContentError::TooShort { got: 3, needed: 4 }));
        assert_eq!(Header::parse(&[0xff, 0xff, 4, 0]), Err(ContentError::TextLength(0xffff)));
        assert_eq!(Header::parse(&[1, 0, 4, 1]), Err(ContentError::PhotoLength(1025)));
        let short = CardData::parse(&[1, 0, 0, 0, 0x20]).err();
        assert_eq!(short, Some(ContentError::TooShort { got: 5, needed: 260 }));
    }

    proptest! {
        // Long byte strings are slow to draw in an unoptimised build.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1400)) {
            let _ = CardData::parse(&bytes);
            let mut led = vec![1, 0, 4, 0];
            led.extend_from_slice(&bytes);
            prop_assert_eq!(CardData::parse(&led).is_ok(), bytes.len() >= 1280);
        }
    }
}
