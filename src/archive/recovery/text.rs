//! Text that people print, keep and type again: letters of either case, any spacing, empty lines, and lines for people
//! alone, which begin with `#`.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::RecoveryError;

/// The version written.
const VERSION: u32 = 1;

/// The lines after the first one.
pub(super) struct Lines {
    lines: std::vec::IntoIter<Zeroizing<String>>,
}

impl Lines {
    /// Text whose first line is `words` and a version; anything else is `malformed`.
    pub(super) fn read(written: &str, words: &str, malformed: RecoveryError) -> Result<Self, RecoveryError> {
        let lines = written.trim_start_matches('\u{feff}').lines();
        let lines = lines.map(|line| {
            let words: Zeroizing<Vec<String>> =
                Zeroizing::new(line.split_whitespace().map(str::to_lowercase).collect());
            Zeroizing::new(words.join(" "))
        });
        let mut lines =
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().into_iter();
        let first = lines.next().ok_or(malformed)?;
        let version = first.strip_prefix(words).and_then(|rest| rest.trim().parse::<u32>().ok());
        match version {
            Some(VERSION) => Ok(Self { lines }),
            Some(newer) if newer > VERSION => Err(RecoveryError::NewerVersion),
            _ => Err(malformed),
        }
    }

    /// What follows this word on the next line, its spaces left out.
    pub(super) fn word(&mut self, name: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(self.words(name)?.replace(' ', "")))
    }

    /// What follows this word on the next line.
    pub(super) fn words(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let line = self.lines.next()?;
        Some(Zeroizing::new(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned()))
    }

    /// So many bytes in hexadecimal digits, after this word on the next line.
    pub(super) fn bytes<const N: usize>(&mut self, name: &str) -> Option<Zeroizing<[u8; N]>> {
        let mut bytes = Zeroizing::new([0; N]);
        hex::decode_to_slice(self.word(name)?.as_bytes(), &mut *bytes).ok()?;
        Some(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.lines.as_slice().is_empty()
    }
}

/// Hexadecimal digits in fours, which are easier to type.
pub(super) fn grouped(bytes: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(hex::encode(bytes));
    let mut text = Zeroizing::new(String::with_capacity(digits.len() * 5 / 4));
    for (at, digit) in digits.char_indices() {
        if at > 0 && at % 4 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Against a wrong letter only: whoever can write the text can write its checksum. Eight hexadecimal digits.
pub(super) fn checksum(words: &str, parts: &[&[u8]]) -> String {
    let digest: [u8; 32] = Sha256::digest(crate::seal::framed(words, parts)).into();
    hex::encode(&digest[..4])
}
