//! The objects PDF is written in (ISO 32000-1, 7.2 and 7.3).

use std::collections::BTreeMap;

use super::PdfError;

/// Deepest nesting of arrays and dictionaries.
const DEPTH_MAX: u32 = 24;
/// Longest name, number or keyword, in bytes.
const WORD_MAX: usize = 256;

/// A dictionary, by names without their slash.
pub(super) type Dictionary = BTreeMap<Vec<u8>, Object>;

/// A value. Strings are skipped, because nothing that is read here is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Null,
    Boolean,
    String,
    Number(f64),
    Name(Vec<u8>),
    Array(Vec<Self>),
    Dictionary(Dictionary),
    Reference(u32),
    /// A bare word: an operator, or `obj`, `stream`, `trailer`.
    Keyword(Vec<u8>),
}

impl Object {
    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// A number that counts something.
    pub(super) fn count(&self) -> Option<usize> {
        let number = self.number()?;
        (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as usize)
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }
}

/// Reads objects from bytes, one after the other.
pub(super) struct Lexer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes past white space and comments.
    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => {
                    while self.peek().is_some_and(|b| !matches!(b, b'\r' | b'\n')) {
                        self.at += 1;
                    }
                }
                byte if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// Takes these bytes, if they come next.
    pub(super) fn take(&mut self, word: &[u8]) -> bool {
        let comes = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if comes {
            self.at += word.len();
        }
        comes
    }

    /// The next object; `None` at the end.
    pub(super) fn object(&mut self) -> Result<Option<Object>, PdfError> {
        self.nested(0)
    }

    fn nested(&mut self, depth: u32) -> Result<Option<Object>, PdfError> {
        if depth > DEPTH_MAX {
            return Err(PdfError::Damaged);
        }
        self.skip_space();
        let Some(byte) = self.peek() else { return Ok(None) };
        let object = match byte {
            b'/' => Object::Name(self.name()?),
            b'(' => self.string()?,
            b'<' if self.take(b"<<") => self.dictionary(depth)?,
            b'<' => self.hex_string()?,
            b'[' => self.array(depth)?,
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number_or_reference()?,
            // One byte at a time, so that a lone bracket is an operator that nobody knows.
            b']' | b'>' | b'{' | b'}' | b')' => {
                self.at += 1;
                Object::Keyword(vec![byte])
            }
            _ => match self.word()? {
                b"null" => Object::Null,
                b"true" | b"false" => Object::Boolean,
                word => Object::Keyword(word.to_vec()),
            },
        };
        Ok(Some(object))
    }

    fn word(&mut self) -> Result<&'a [u8], PdfError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| is_space(*b) || is_delimiter(*b)).unwrap_or(rest.len());
        if end == 0 || end > WORD_MAX {
            return Err(PdfError::Damaged);
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// A name; `#` and two digits stand for a byte, and hide nothing.
    fn name(&mut self) -> Result<Vec<u8>, PdfError> {
        self.at += 1;
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| is_space(*b) || is_delimiter(*b)).unwrap_or(rest.len());
        if end > WORD_MAX {
            return Err(PdfError::Damaged);
        }
        self.at += end;
        let mut name = Vec::with_capacity(end);
        let mut bytes = rest[..end].iter();
        while let Some(byte) = bytes.next() {
            let digits = bytes.as_slice();
            let hex = |i: usize| digits.get(i).and_then(|b| char::from(*b).to_digit(16));
            match (byte, hex(0), hex(1)) {
                (b'#', Some(high), Some(low)) => {
                    name.push((high * 16 + low) as u8);
                    bytes = digits[2..].iter();
                }
                _ => name.push(*byte),
            }
        }
        Ok(name)
    }

    fn string(&mut self) -> Result<Object, PdfError> {
        let mut open = 0_u32;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'(' => open += 1,
                b')' if open == 1 => return Ok(Object::String),
                b')' => open -= 1,
                _ => {}
            }
        }
        Err(PdfError::Damaged)
    }

    fn hex_string(&mut self) -> Result<Object, PdfError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'>').ok_or(PdfError::Damaged)?;
        self.at += end + 1;
        Ok(Object::String)
    }

    fn array(&mut self, depth: u32) -> Result<Object, PdfError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.nested(depth + 1)? {
                None => return Err(PdfError::Damaged),
                Some(Object::Keyword(word)) if word == b"]" => return Ok(Object::Array(items)),
                Some(Object::Keyword(_)) => return Err(PdfError::Damaged),
                Some(item) => items.push(item),
            }
        }
    }

    fn dictionary(&mut self, depth: u32) -> Result<Object, PdfError> {
        let mut entries = Dictionary::new();
        loop {
            self.skip_space();
            if self.take(b">>") {
                return Ok(Object::Dictionary(entries));
            }
            let Some(Object::Name(key)) = self.nested(depth + 1)? else { return Err(PdfError::Damaged) };
            match self.nested(depth + 1)? {
                None | Some(Object::Keyword(_)) => return Err(PdfError::Damaged),
                Some(value) => entries.insert(key, value),
            };
        }
    }

    /// `12 0 R` is a reference, `12` alone a number.
    fn number_or_reference(&mut self) -> Result<Object, PdfError> {
        let number = number(self.word()?)?;
        let after = self.at;
        if let Some(object) = Object::Number(number).count() {
            self.skip_space();
            if self.peek().is_some_and(|b| b.is_ascii_digit()) && self.word()?.iter().all(u8::is_ascii_digit)
            {
                self.skip_space();
                let is_reference = self.peek() == Some(b'R')
                    && self.bytes.get(self.at + 1).is_none_or(|b| is_space(*b) || is_delimiter(*b));
                if is_reference {
                    self.at += 1;
                    return u32::try_from(object).map(Object::Reference).map_err(|_| PdfError::Damaged);
                }
            }
            self.at = after;
        }
        Ok(Object::Number(number))
    }
}

fn number(word: &[u8]) -> Result<f64, PdfError> {
    let is_number = word.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.'));
    let text = std::str::from_utf8(word).map_err(|_| PdfError::Damaged)?;
    if is_number { text.parse().map_err(|_| PdfError::Damaged) } else { Err(PdfError::Damaged) }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}
