//! A card's content as readers hand it over: a header with the lengths, the text block, the photo, and the
//! fingerprint where it was asked for.

use yidang_device::{FINGER_LENGTH_BYTES, FINGERS_MAX, TEXT_LENGTH_BYTES, WLT_LENGTH_BYTES};

/// Length of the header before text and photo: two big-endian lengths, `01 00 04 00` for a whole card.
pub const HEADER_LENGTH_BYTES: usize = 4;
/// Length of the header before text, photo and fingerprint: three of them, `01 00 04 00 04 00`.
pub const FINGERPRINT_HEADER_LENGTH_BYTES: usize = 6;

/// The content of one card. Personal data: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CardData {
    /// UTF-16LE, in one of the four layouts.
    pub text: [u8; TEXT_LENGTH_BYTES],
    /// Compressed photo (WLT), 0 to 1024 bytes; empty when the card has none.
    pub photo_wlt: Vec<u8>,
    /// The fingers' blocks, at most two; `None` when they were not asked for, which makes the shorter header.
    pub fingerprint: Option<Vec<[u8; FINGER_LENGTH_BYTES]>>,
}

/// The lengths that precede a card's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the photo, 0 to 1024 bytes. The text is always 256.
    pub photo_length: usize,
    /// Length of the fingerprint, 0, 512 or 1024 bytes; `None` in a header that has no such length.
    pub fingerprint_length: Option<usize>,
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
    /// The header promises a fingerprint of another length than 0, 512 or 1024.
    #[error("the card content announces a fingerprint of {0} bytes")]
    FingerprintLength(usize),
}

impl Header {
    /// Reads the header at the start of the answer to `30 01`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let [text, photo] = lengths(bytes)?;
        Self { photo_length: photo, fingerprint_length: None }.checked(text)
    }

    /// Reads the header at the start of the answer to `30 10`.
    pub fn parse_with_fingerprint(bytes: &[u8]) -> Result<Self, ContentError> {
        let [text, photo, fingerprint] = lengths(bytes)?;
        Self { photo_length: photo, fingerprint_length: Some(fingerprint) }.checked(text)
    }

    fn checked(self, text_length: usize) -> Result<Self, ContentError> {
        let fingerprint = self.fingerprint_length.unwrap_or(0);
        let whole_blocks = fingerprint.is_multiple_of(FINGER_LENGTH_BYTES);
        if text_length != TEXT_LENGTH_BYTES {
            Err(ContentError::TextLength(text_length))
        } else if self.photo_length > WLT_LENGTH_BYTES {
            Err(ContentError::PhotoLength(self.photo_length))
        } else if !whole_blocks || fingerprint > FINGERS_MAX * FINGER_LENGTH_BYTES {
            Err(ContentError::FingerprintLength(fingerprint))
        } else {
            Ok(self)
        }
    }

    /// Length of the header itself.
    pub const fn length(self) -> usize {
        match self.fingerprint_length {
            Some(_) => FINGERPRINT_HEADER_LENGTH_BYTES,
            None => HEADER_LENGTH_BYTES,
        }
    }

    /// Length of header, text, photo and fingerprint together.
    pub const fn total_length(self) -> usize {
        let fingerprint = match self.fingerprint_length {
            Some(length) => length,
            None => 0,
        };
        self.length() + TEXT_LENGTH_BYTES + self.photo_length + fingerprint
    }
}

/// So many big-endian lengths at the start.
fn lengths<const N: usize>(bytes: &[u8]) -> Result<[usize; N], ContentError> {
    if bytes.len() < 2 * N {
        return Err(ContentError::TooShort { got: bytes.len(), needed: 2 * N });
    }
    Ok(std::array::from_fn(|at| usize::from(u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]))))
}

impl CardData {
    /// Reads the answer to `30 01`: header, text and photo. Bytes after them are left alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        Self::behind(Header::parse(bytes)?, bytes)
    }

    /// Reads the answer to `30 10`: header, text, photo and fingerprint. Bytes after them are left alone.
    pub fn parse_with_fingerprint(bytes: &[u8]) -> Result<Self, ContentError> {
        Self::behind(Header::parse_with_fingerprint(bytes)?, bytes)
    }

    fn behind(header: Header, bytes: &[u8]) -> Result<Self, ContentError> {
        let short = ContentError::TooShort { got: bytes.len(), needed: header.total_length() };
        let content = bytes.get(header.length()..header.total_length()).ok_or(short)?;
        let (text, rest) = content.split_first_chunk::<TEXT_LENGTH_BYTES>().ok_or(short)?;
        let (photo, fingers) = rest.split_at(header.photo_length);
        let (blocks, _) = fingers.as_chunks::<FINGER_LENGTH_BYTES>();
        let fingerprint = header.fingerprint_length.map(|_| blocks.to_vec());
        Ok(Self { text: *text, photo_wlt: photo.to_vec(), fingerprint })
    }

    /// The content in one run of bytes, header first. A photo longer than 1024 bytes is cut there, and so are
    /// fingers after the second.
    pub fn to_bytes(&self) -> Vec<u8> {
        let photo = &self.photo_wlt[..self.photo_wlt.len().min(WLT_LENGTH_BYTES)];
        let fingers = self.fingerprint.as_deref().map(|blocks| &blocks[..blocks.len().min(FINGERS_MAX)]);
        let fingers = fingers.map(<[_]>::as_flattened);
        let lengths = [Some(TEXT_LENGTH_BYTES), Some(photo.len()), fingers.map(<[u8]>::len)];
        let mut bytes = Vec::new();
        for length in lengths.into_iter().flatten() {
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        bytes.extend_from_slice(&self.text);
        bytes.extend_from_slice(photo);
        bytes.extend_from_slice(fingers.unwrap_or_default());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(fingers: Option<usize>) -> CardData {
        CardData {
            text: [0x20; TEXT_LENGTH_BYTES],
            photo_wlt: vec![7; WLT_LENGTH_BYTES],
            fingerprint: fingers.map(|count| vec![[9; FINGER_LENGTH_BYTES]; count]),
        }
    }

    #[test]
    fn the_header_of_a_whole_card_is_the_published_one() {
        let bytes = whole(None).to_bytes();
        assert_eq!(bytes[..4], [0x01, 0x00, 0x04, 0x00]);
        assert_eq!(bytes.len(), 1284);
        assert!(CardData::parse(&bytes) == Ok(whole(None)));
        for (fingers, third, length) in [(2, [0x04, 0x00], 2310), (1, [0x02, 0x00], 1798), (0, [0, 0], 1286)]
        {
            let bytes = whole(Some(fingers)).to_bytes();
            assert_eq!((&bytes[..4], &bytes[4..6]), (&[0x01, 0x00, 0x04, 0x00][..], &third[..]));
            assert_eq!(bytes.len(), length);
            assert!(CardData::parse_with_fingerprint(&bytes) == Ok(whole(Some(fingers))));
        }
    }

    #[test]
    fn lengths_that_no_card_has_are_refused() {
        assert_eq!(Header::parse(&[1, 0, 4]), Err(ContentError::TooShort { got: 3, needed: 4 }));
        assert_eq!(Header::parse(&[0xff, 0xff, 4, 0]), Err(ContentError::TextLength(0xffff)));
        assert_eq!(Header::parse(&[1, 0, 4, 1]), Err(ContentError::PhotoLength(1025)));
        let short = CardData::parse(&[1, 0, 0, 0, 0x20]).err();
        assert_eq!(short, Some(ContentError::TooShort { got: 5, needed: 260 }));
        let with = Header::parse_with_fingerprint;
        assert_eq!(with(&[1, 0, 4, 0, 4]), Err(ContentError::TooShort { got: 5, needed: 6 }));
        assert_eq!(with(&[1, 0, 4, 0, 1, 0]), Err(ContentError::FingerprintLength(256)));
        assert_eq!(with(&[1, 0, 4, 0, 6, 0]), Err(ContentError::FingerprintLength(1536)));
        let cut = &whole(Some(2)).to_bytes()[..2309];
        let short = CardData::parse_with_fingerprint(cut).err();
        assert_eq!(short, Some(ContentError::TooShort { got: 2309, needed: 2310 }));
    }

    proptest! {
        // Long byte strings are slow to draw in an unoptimised build.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1400)) {
            let _ = CardData::parse(&bytes);
            let _ = CardData::parse_with_fingerprint(&bytes);
            let mut led = vec![1, 0, 4, 0];
            led.extend_from_slice(&bytes);
            prop_assert_eq!(CardData::parse(&led).is_ok(), bytes.len() >= 1280);
        }

        #[test]
        fn what_is_written_reads_back(
            text in proptest::collection::vec(any::<u8>(), TEXT_LENGTH_BYTES),
            photo_wlt in proptest::collection::vec(any::<u8>(), 0..=WLT_LENGTH_BYTES),
            fingers in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=FINGERS_MAX)),
        ) {
            let fingerprint = fingers.map(|seeds| seeds.into_iter().map(|seed| [seed; FINGER_LENGTH_BYTES]).collect());
            let card = CardData { text: text.try_into().unwrap(), photo_wlt, fingerprint };
            let parse = if card.fingerprint.is_some() { CardData::parse_with_fingerprint } else { CardData::parse };
            prop_assert!(parse(&card.to_bytes()) == Ok(card));
        }
    }
}
