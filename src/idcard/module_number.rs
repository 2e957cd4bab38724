//! The security module's own number.

use std::fmt;
use std::str::FromStr;

/// A security module's number: 16 bytes, written as `05.01-20101129-0001228293-0296863149`: two 16-bit and
/// three 32-bit little-endian numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModuleNumber(pub [u8; 16]);

/// The text is not a module number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a security module's number is written as 05.01-20101129-0001228293-0296863149")]
pub struct ModuleNumberError;

impl fmt::Display for ModuleNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |at: usize| u16::from_le_bytes([self.0[at], self.0[at + 1]]);
        let long = |at: usize| u32::from(short(at)) | u32::from(short(at + 2)) << 16;
        write!(f, "{:02}.{:02}-{}-{:010}-{:010}", short(0), short(2), long(4), long(8), long(12))
    }
}

impl FromStr for ModuleNumber {
    type Err = ModuleNumberError;

    fn from_str(text: &str) -> Result<Self, ModuleNumberError> {
        let parts: Vec<&str> = text.split(['.', '-']).collect();
        let [first, second, third, fourth, fifth] = parts[..] else { return Err(ModuleNumberError) };
        let mut bytes = [0; 16];
        for (at, part) in [(0, first), (2, second)] {
            let number: u16 = part.parse().map_err(|_| ModuleNumberError)?;
            bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
        }
        for (at, part) in [(4, third), (8, fourth), (12, fifth)] {
            let number: u32 = part.parse().map_err(|_| ModuleNumberError)?;
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let number = Self(bytes);
        // Any other way to write the same number is refused, so that a number has one text.
        if number.to_string() == text { Ok(number) } else { Err(ModuleNumberError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_number_is_written_as_published() {
        let mut bytes = [0; 16];
        hex::decode_to_slice("05000100 09B83201 05BE1200 ADC5B111".replace(' ', ""), &mut bytes).unwrap();
        let text = "05.01-20101129-0001228293-0296863149";
        assert_eq!(ModuleNumber(bytes).to_string(), text);
        assert_eq!(text.parse(), Ok(ModuleNumber(bytes)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "05.01", "5.1-20101129-1228293-296863149", "05-01.20101129-0001228293-0296863149"] {
            assert_eq!(text.parse::<ModuleNumber>(), Err(ModuleNumberError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back(bytes: [u8; 16]) {
            let number = ModuleNumber(bytes);
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }
    }
}
