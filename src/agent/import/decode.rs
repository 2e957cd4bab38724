//! The manifest's text: UTF-8, with or without a mark at its beginning, or GB18030, as spreadsheets in China write it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_8};

use crate::failure::Failure;

/// Bytes read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// The mark that Windows programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// In which of the two a file is written. Reads it as a whole, in pieces.
pub(super) fn encoding(path: &Path) -> Result<&'static Encoding, Failure> {
    let unreadable = |error: io::Error| {
        let cause = format!("{}: {error}", path.display());
        Failure::new("manifest_unreadable", cause, "check the name and the rights of the manifest")
    };
    let whole = std::fs::metadata(path).map_err(unreadable)?;
    if !whole.is_file() {
        return Err(unreadable(io::Error::other("it is no plain file")));
    }
    for encoding in [UTF_8, GB18030] {
        match is_written_in(path, encoding).map_err(unreadable)? {
            Written::So => return Ok(encoding),
            Written::NoText => break,
            Written::Otherwise => {}
        }
    }
    let cause = "the manifest is neither UTF-8 nor GB18030 text";
    Err(Failure::new("manifest_encoding", cause, "save it from the spreadsheet as \"CSV UTF-8\""))
}

enum Written {
    So,
    Otherwise,
    /// It has zero bytes: UTF-16, or no text at all.
    NoText,
}

fn is_written_in(path: &Path, encoding: &'static Encoding) -> io::Result<Written> {
    let mut file = File::open(path)?;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (mut bytes, mut text) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    loop {
        let count = file.read(&mut bytes)?;
        if bytes[..count].contains(&0) {
            return Ok(Written::NoText);
        }
        let mut left = &bytes[..count];
        loop {
            let (result, read, _) = decoder.decode_to_utf8_without_replacement(left, &mut text, count == 0);
            left = &left[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return Ok(Written::Otherwise),
            }
        }
        if count == 0 {
            return Ok(Written::So);
        }
    }
}

/// Opens a manifest as UTF-8.
pub(super) fn open(path: &Path, encoding: &'static Encoding) -> io::Result<Decoded> {
    let mut file = BufReader::new(File::open(path)?);
    let mut begin = Vec::with_capacity(BYTE_ORDER_MARK.len());
    (&mut file).take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut begin)?;
    if begin == BYTE_ORDER_MARK {
        begin.clear();
    }
    let decoder = encoding.new_decoder_without_bom_handling();
    Ok(Decoded { file, decoder, encoded: begin, text: Vec::new(), given: 0, is_over: false })
}

/// A file, decoded as it is read.
pub(super) struct Decoded {
    file: BufReader<File>,
    decoder: Decoder,
    /// Read and not decoded yet.
    encoded: Vec<u8>,
    text: Vec<u8>,
    /// So much of the text has been handed on.
    given: usize,
    is_over: bool,
}

impl Decoded {
    fn fill(&mut self) -> io::Result<()> {
        if self.encoded.is_empty() {
            let count = (&mut self.file).take(PIECE_BYTES as u64).read_to_end(&mut self.encoded)?;
            self.is_over = count == 0;
        }
        self.text.resize(PIECE_BYTES, 0);
        let (_, read, written, _) = self.decoder.decode_to_utf8(&self.encoded, &mut self.text, self.is_over);
        self.encoded.drain(..read);
        self.text.truncate(written);
        self.given = 0;
        Ok(())
    }
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.is_over {
            self.fill()?;
        }
        let count = buffer.len().min(self.text.len() - self.given);
        buffer[..count].copy_from_slice(&self.text[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, bytes).unwrap();
        let encoding = encoding(&path).map_err(|failure| failure.code)?;
        let mut text = String::new();
        open(&path, encoding).unwrap().read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn both_encodings_give_the_same_text_however_long() {
        let text = "身份证复印件,某备注,a\n".repeat(20_000);
        let (gb18030, _, _) = GB18030.encode(&text);
        assert_eq!(read(text.as_bytes()).unwrap(), text);
        assert_eq!(read(&[BYTE_ORDER_MARK, text.as_bytes()].concat()).unwrap(), text);
        assert_eq!(read(&gb18030).unwrap(), text);
        assert_eq!(read(b"a").unwrap(), "a");
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn what_is_neither_is_named() {
        assert_eq!(read(b"a\xFF\xFFb").unwrap_err(), "manifest_encoding");
        assert_eq!(
            read("\u{feff}a,b".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice())
                .unwrap_err(),
            "manifest_encoding"
        );
        let missing = encoding(Path::new("/nowhere/m.csv")).unwrap_err();
        assert_eq!(missing.code, "manifest_unreadable");
        assert_eq!(encoding(Path::new("/")).unwrap_err().code, "manifest_unreadable");
    }
}
