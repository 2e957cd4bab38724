//! What a fingerprint block says about itself. The minutiae are nobody's business here.

use yidang_device::FINGER_LENGTH_BYTES;

/// The byte every block starts with.
const MARK: u8 = b'C';
/// The best quality.
const QUALITY_MAX: u8 = 100;

/// Where the bytes of the head stand.
const VERSION_AT: usize = 1;
const SCANNER_AT: usize = 2;
const DEVELOPER_AT: usize = 3;
const REGISTRATION_AT: usize = 4;
const FINGER_AT: usize = 5;
const QUALITY_AT: usize = 6;

/// The head of one finger's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerHead {
    /// Version of the algorithm that took the minutiae.
    pub version: u8,
    /// Code of the scanner.
    pub scanner: u8,
    /// Code of the algorithm's developer.
    pub developer: u8,
    /// Whether this finger was registered.
    pub registration: Registration,
    /// Which finger it is.
    pub finger: Finger,
    /// 1 to 100; `None`: not known.
    pub quality: Option<u8>,
}

/// How the registration of a finger ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The finger is registered.
    Registered,
    /// It was tried in vain.
    Failed,
    /// It was not tried.
    NotRegistered,
    /// Nobody knows.
    Unknown,
}

/// A finger, or what is known of which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finger {
    /// Of the right hand: 1 the thumb to 5 the little finger.
    Right(u8),
    /// Of the left hand: 1 the thumb to 5 the little finger.
    Left(u8),
    /// Some finger of the right hand.
    RightUncertain,
    /// Some finger of the left hand.
    LeftUncertain,
    /// Some finger.
    Uncertain,
}

/// Why a block is no finger's. Names the byte that is wrong, never the minutiae.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerError {
    /// It does not start with C.
    #[error("the fingerprint block starts with {0:02X}, not with 43")]
    Mark(u8),
    /// No source lists this registration result.
    #[error("the registration result {0:02X} is not known")]
    Registration(u8),
    /// No source lists this finger.
    #[error("the finger code {0:02X} is not known")]
    Finger(u8),
    /// A quality above 100.
    #[error("the quality {0} is above 100")]
    Quality(u8),
}

impl FingerHead {
    /// Reads the head of a block.
    pub fn decode(block: &[u8; FINGER_LENGTH_BYTES]) -> Result<Self, FingerError> {
        if block[0] != MARK {
            return Err(FingerError::Mark(block[0]));
        }
        let quality = block[QUALITY_AT];
        if quality > QUALITY_MAX {
            return Err(FingerError::Quality(quality));
        }
        let registration = block[REGISTRATION_AT];
        let finger = block[FINGER_AT];
        Ok(Self {
            version: block[VERSION_AT],
            scanner: block[SCANNER_AT],
            developer: block[DEVELOPER_AT],
            registration: Registration::of(registration).ok_or(FingerError::Registration(registration))?,
            finger: Finger::of(finger).ok_or(FingerError::Finger(finger))?,
            quality: (quality != 0).then_some(quality),
        })
    }

    /// A block with this head and no minutiae, for cards that are made up.
    pub fn to_empty_block(self) -> [u8; FINGER_LENGTH_BYTES] {
        let mut block = [0; FINGER_LENGTH_BYTES];
        block[0] = MARK;
        block[VERSION_AT] = self.version;
        block[SCANNER_AT] = self.scanner;
        block[DEVELOPER_AT] = self.developer;
        block[REGISTRATION_AT] = self.registration.code();
        block[FINGER_AT] = self.finger.code();
        block[QUALITY_AT] = self.quality.unwrap_or(0);
        block
    }
}

impl Registration {
    const ALL: [Self; 4] = [Self::Registered, Self::Failed, Self::NotRegistered, Self::Unknown];

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    const fn code(self) -> u8 {
        match self {
            Self::Registered => 0x01,
            Self::Failed => 0x02,
            Self::NotRegistered => 0x03,
            Self::Unknown => 0x09,
        }
    }
}

impl Finger {
    const fn of(code: u8) -> Option<Self> {
        match code {
            0x0B..=0x0F => Some(Self::Right(code - 0x0A)),
            0x10..=0x14 => Some(Self::Left(code - 0x0F)),
            0x61 => Some(Self::RightUncertain),
            0x62 => Some(Self::LeftUncertain),
            0x63 => Some(Self::Uncertain),
            _ => None,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Right(number) => 0x0A + number,
            Self::Left(number) => 0x0F + number,
            Self::RightUncertain => 0x61,
            Self::LeftUncertain => 0x62,
            Self::Uncertain => 0x63,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors;

    #[test]
    fn the_synthetic_fingers_read_as_published() {
        let [first, second] = vectors::fingerprint().map(|block| FingerHead::decode(&block).unwrap());
        assert_eq!(first.registration, Registration::Registered);
        assert_eq!((first.finger, first.quality), (Finger::Left(1), Some(80)));
        assert_eq!(second.registration, Registration::NotRegistered);
        assert_eq!((second.finger, second.quality), (Finger::RightUncertain, None));
    }

    #[test]
    fn every_finger_has_its_code_and_no_other_byte_is_one() {
        let known: Vec<u8> = (0..=u8::MAX).filter(|&code| Finger::of(code).is_some()).collect();
        assert_eq!(known, [(0x0B..=0x14).collect(), vec![0x61, 0x62, 0x63]].concat());
        assert!(known.iter().all(|&code| Finger::of(code).map(Finger::code) == Some(code)));
        assert_eq!((Finger::of(0x0F), Finger::of(0x10)), (Some(Finger::Right(5)), Some(Finger::Left(1))));
        let results: Vec<u8> = (0..=u8::MAX).filter(|&code| Registration::of(code).is_some()).collect();
        assert_eq!(results, [1, 2, 3, 9]);
    }

    #[test]
    fn a_block_that_is_none_says_which_byte_is_wrong() {
        for (at, byte, error) in [
            (0, b'D', FingerError::Mark(b'D')),
            (4, 4, FingerError::Registration(4)),
            (5, 0x15, FingerError::Finger(0x15)),
            (6, 101, FingerError::Quality(101)),
        ] {
            let [mut block, _] = vectors::fingerprint();
            block[at] = byte;
            assert_eq!(FingerHead::decode(&block), Err(error));
        }
    }

    proptest! {
        #[test]
        fn a_head_reads_back(bytes: [u8; 7]) {
            let mut block = [0; FINGER_LENGTH_BYTES];
            block[..7].copy_from_slice(&bytes);
            if let Ok(head) = FingerHead::decode(&block) {
                prop_assert_eq!(head.to_empty_block(), block);
            }
            block[0] = MARK;
            block[4..7].copy_from_slice(&[1 + bytes[4] % 3, 0x0B + bytes[5] % 10, bytes[6] % 101]);
            prop_assert_eq!(FingerHead::decode(&block).unwrap().to_empty_block(), block);
        }
    }
}
