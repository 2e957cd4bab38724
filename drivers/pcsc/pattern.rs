//! Patterns in a profile's `[match]`: of reader names and of ATRs. The more a pattern spells out, the more
//! specific it is.

use std::fmt;

use serde::Deserialize;

/// Longest reader name a PC/SC service gives.
const NAME_CHARS_MAX: usize = 128;
/// Longest ATR (ISO 7816-3).
const ATR_BYTES_MAX: usize = 33;

/// A reader name in which `*` stands for any run of characters and `?` for any single one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct NamePattern(String);

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            0 => Err("a reader name pattern is empty; `*` matches every reader".into()),
            1..=NAME_CHARS_MAX => Ok(Self(text)),
            _ => Err(format!("a reader name pattern has at most {NAME_CHARS_MAX} characters")),
        }
    }
}

impl NamePattern {
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.0.chars().collect(), name.chars().collect());
        let (mut at, mut seen) = (0, 0);
        // Where the last star stands, and up to where it was let match.
        let mut star: Option<(usize, usize)> = None;
        while seen < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, seen));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == name[seen] => {
                    at += 1;
                    seen += 1;
                }
                _ => match &mut star {
                    Some((place, matched)) => {
                        *matched += 1;
                        (at, seen) = (*place + 1, *matched);
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|rest| *rest == '*')
    }

    /// How many characters it spells out.
    pub(crate) fn literals(&self) -> usize {
        self.0.chars().filter(|c| !matches!(c, '*' | '?')).count()
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ATR in hexadecimal, bytes apart, in which `??` stands for any byte and a final `*` for any rest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AtrPattern {
    bytes: Vec<Option<u8>>,
    open_ended: bool,
}

impl TryFrom<String> for AtrPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let open_ended = words.last() == Some(&"*");
        if open_ended {
            words.pop();
        }
        let bytes = words.iter().map(|word| if *word == "??" { Ok(None) } else { byte(word).map(Some) });
        let bytes: Vec<Option<u8>> = bytes.collect::<Result<_, _>>()?;
        if bytes.len() > ATR_BYTES_MAX {
            return Err(format!("an ATR has at most {ATR_BYTES_MAX} bytes"));
        }
        if bytes.iter().all(Option::is_none) {
            return Err("an ATR pattern must spell out at least one byte".into());
        }
        Ok(Self { bytes, open_ended })
    }
}

impl AtrPattern {
    pub(crate) fn matches(&self, atr: &[u8]) -> bool {
        let long_enough =
            if self.open_ended { atr.len() >= self.bytes.len() } else { atr.len() == self.bytes.len() };
        long_enough
            && self.bytes.iter().zip(atr).all(|(wanted, seen)| wanted.is_none_or(|byte| byte == *seen))
    }

    /// How many bytes it spells out.
    pub(crate) fn literals(&self) -> usize {
        self.bytes.iter().flatten().count()
    }
}

impl fmt::Display for AtrPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> =
            self.bytes.iter().map(|byte| byte.map_or("??".into(), |b| format!("{b:02X}"))).collect();
        if self.open_ended {
            words.push("*".into());
        }
        f.write_str(&words.join(" "))
    }
}

/// One byte in two hexadecimal digits.
pub(crate) fn byte(word: &str) -> Result<u8, String> {
    let digits = word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
    match u8::from_str_radix(word, 16) {
        Ok(byte) if digits => Ok(byte),
        _ => Err(format!("`{word}` is no byte: write two hexadecimal digits, bytes apart")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> NamePattern {
        NamePattern::try_from(text.to_owned()).unwrap()
    }

    fn atr(text: &str) -> AtrPattern {
        AtrPattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn names_match_whole_with_stars_and_question_marks() {
        for (pattern, seen, wanted) in [
            ("*", "", true),
            ("*", "anything", true),
            ("ACME*", "ACME IDR 00 00", true),
            ("ACME*", "An ACME IDR", false),
            ("*IDR*", "ACME IDR 00 00", true),
            ("ACME ?DR", "ACME IDR", true),
            ("ACME ?DR", "ACME DR", false),
            ("*a*b", "aabab", true),
            ("*a*b", "aaba", false),
            ("读卡器*", "读卡器 01", true),
        ] {
            assert_eq!(name(pattern).matches(seen), wanted, "{pattern} on {seen}");
        }
        assert_eq!(name("A?*B").literals(), 2);
    }

    #[test]
    fn atrs_match_whole_unless_the_pattern_ends_in_a_star() {
        assert!(atr("3B ?? 80").matches(&[0x3B, 0x12, 0x80]));
        assert!(!atr("3B ?? 80").matches(&[0x3B, 0x12, 0x80, 0x01]));
        assert!(atr("3B ?? 80 *").matches(&[0x3B, 0x12, 0x80, 0x01]));
        assert!(!atr("3B ?? 80 *").matches(&[0x3B, 0x12]));
        assert!(!atr("3B *").matches(&[]));
        assert_eq!((atr("3b ?? 80 *").literals(), atr("3b ?? 80 *").to_string()), (2, "3B ?? 80 *".into()));
        for bad in ["", "*", "?? ??", "3", "3B8F", "zz", "+1", &"00 ".repeat(34)] {
            assert!(AtrPattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_every_pattern_is_answered(text in ".{1,40}", other in "[ab*?]{1,12}") {
            let plain = text.replace(['*', '?'], "x");
            prop_assert!(name(&plain).matches(&plain));
            prop_assert!(name(&other).matches(&other.replace(['*', '?'], "a")));
            let _ = name(&other).matches(&text);
            let _ = AtrPattern::try_from(text);
        }
    }
}
