//! A document's objects, found by reading the file from its start to its end.
//!
//! The table at the end of a file is not followed: what it points to can differ from what stands in the file, and
//! a scanner's file is read once anyway. Where an object stands twice, the later one counts, as after a change.

use std::collections::HashMap;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::PdfError;
use super::syntax::{Dictionary, Lexer, Object};

/// Most bytes of a document that is read.
pub const PDF_BYTES_MAX: usize = 256 << 20;
/// Most objects of a document that is read.
pub const PDF_OBJECTS_MAX: usize = 20_000;
/// Most bytes that all packed objects of a document may unpack to together.
const PACKED_OBJECTS_MAX_BYTES: usize = 16 << 20;
/// The file's mark stands in its first bytes.
const MARK_WITHIN: usize = 1024;
/// References that refer to references.
const REFERENCES_MAX: usize = 8;
/// Names of things that act, hide files or fill themselves in.
const ACTIVE: [&[u8]; 11] = [
    b"JavaScript",
    b"JS",
    b"Launch",
    b"EmbeddedFile",
    b"EmbeddedFiles",
    b"RichMedia",
    b"XFA",
    b"AcroForm",
    b"SubmitForm",
    b"ImportData",
    b"Rendition",
];

/// An object, and the bytes of its stream where it has one.
struct Entry<'a> {
    object: Object,
    stream: Option<&'a [u8]>,
}

/// A stream: its dictionary, and its bytes as they stand in the file.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    pub(super) dictionary: &'a Dictionary,
    pub(super) data: &'a [u8],
}

pub(super) struct Document<'a> {
    objects: HashMap<u32, Entry<'a>>,
    trailers: Vec<Dictionary>,
    packed_left: usize,
    /// Why packed objects could not be unpacked: in a protected document none can be.
    packed_fault: Option<PdfError>,
}

impl<'a> Document<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PdfError> {
        if bytes.len() > PDF_BYTES_MAX {
            return Err(PdfError::TooLarge);
        }
        let head = &bytes[..bytes.len().min(MARK_WITHIN)];
        let start = head.windows(5).position(|w| w == b"%PDF-").ok_or(PdfError::NotAPdf)?;
        let mut document = Self {
            objects: HashMap::new(),
            trailers: Vec::new(),
            packed_left: PACKED_OBJECTS_MAX_BYTES,
            packed_fault: None,
        };
        let mut lexer = Lexer::new(bytes, start);
        while let Some(object) = lexer.object()? {
            document.take(&mut lexer, object)?;
        }
        if document.trailers.iter().any(|t| t.contains_key(&b"Encrypt"[..])) {
            return Err(PdfError::Encrypted);
        }
        document.packed_fault.map_or(Ok(document), Err)
    }

    /// Takes what begins with `first`: an object, the table of places, or a trailer.
    fn take(&mut self, lexer: &mut Lexer<'a>, first: Object) -> Result<(), PdfError> {
        match first {
            Object::Number(_) => {
                let number = first.count().and_then(|n| u32::try_from(n).ok()).ok_or(PdfError::Damaged)?;
                let generation = lexer.object()?;
                let word = lexer.object()?;
                match (generation, word) {
                    (Some(Object::Number(_)), Some(Object::Keyword(word))) if word == b"obj" => {
                        self.take_object(lexer, number)
                    }
                    _ => Err(PdfError::Damaged),
                }
            }
            Object::Keyword(word) if word == b"xref" => skip_table(lexer),
            Object::Keyword(word) if word == b"trailer" => match lexer.object()? {
                Some(Object::Dictionary(trailer)) => self.add_trailer(trailer),
                _ => Err(PdfError::Damaged),
            },
            Object::Keyword(word) if word == b"startxref" => match lexer.object()? {
                Some(Object::Number(_)) => Ok(()),
                _ => Err(PdfError::Damaged),
            },
            _ => Err(PdfError::Damaged),
        }
    }

    fn add_trailer(&mut self, trailer: Dictionary) -> Result<(), PdfError> {
        if self.trailers.len() >= PDF_OBJECTS_MAX {
            return Err(PdfError::TooLarge);
        }
        self.trailers.push(trailer);
        Ok(())
    }

    fn take_object(&mut self, lexer: &mut Lexer<'a>, number: u32) -> Result<(), PdfError> {
        let object = lexer.object()?.ok_or(PdfError::Damaged)?;
        if object == Object::Keyword(b"endobj".to_vec()) {
            return self.insert(number, Object::Null, None);
        }
        lexer.skip_space();
        let stream = match &object {
            Object::Dictionary(entries) if lexer.take(b"stream") => Some(stream_data(lexer, entries)?),
            _ => None,
        };
        lexer.skip_space();
        if !lexer.take(b"endobj") {
            return Err(PdfError::Damaged);
        }
        if let (Object::Dictionary(entries), Some(data)) = (&object, stream) {
            match entries.get(&b"Type"[..]).and_then(Object::name) {
                Some(b"ObjStm") => {
                    if let Err(fault) = self.take_packed(entries, data) {
                        self.packed_fault = self.packed_fault.or(Some(fault));
                    }
                }
                Some(b"XRef") => self.add_trailer(entries.clone())?,
                _ => {}
            }
        }
        self.insert(number, object, stream)
    }

    fn insert(&mut self, number: u32, object: Object, stream: Option<&'a [u8]>) -> Result<(), PdfError> {
        if self.objects.len() >= PDF_OBJECTS_MAX {
            return Err(PdfError::TooLarge);
        }
        refuse_active(&object)?;
        self.objects.insert(number, Entry { object, stream });
        Ok(())
    }

    /// Objects packed into a stream (7.5.7).
    fn take_packed(&mut self, entries: &Dictionary, data: &[u8]) -> Result<(), PdfError> {
        if entries.get(&b"Filter"[..]).and_then(Object::name) != Some(b"FlateDecode") {
            return Err(PdfError::Damaged);
        }
        let plain =
            decompress_to_vec_zlib_with_limit(data, self.packed_left).map_err(|_| PdfError::Damaged)?;
        self.packed_left -= plain.len();
        let count = |key: &[u8]| entries.get(key).and_then(Object::count).ok_or(PdfError::Damaged);
        let (number_of_objects, first) = (count(b"N")?, count(b"First")?);
        if number_of_objects > PDF_OBJECTS_MAX {
            return Err(PdfError::TooLarge);
        }
        let mut table = Lexer::new(&plain, 0);
        for _ in 0..number_of_objects {
            let mut next = || table.object()?.as_ref().and_then(Object::count).ok_or(PdfError::Damaged);
            let (number, place) = (next()?, next()?);
            let at = first.saturating_add(place);
            if at > plain.len() {
                return Err(PdfError::Damaged);
            }
            let object = Lexer::new(&plain, at).object()?.ok_or(PdfError::Damaged)?;
            let number = u32::try_from(number).map_err(|_| PdfError::Damaged)?;
            self.insert(number, object, None)?;
        }
        Ok(())
    }

    /// What an object refers to, if it does.
    pub(super) fn resolved<'b>(&'b self, mut object: &'b Object) -> &'b Object {
        for _ in 0..REFERENCES_MAX {
            match object {
                Object::Reference(number) => match self.objects.get(number) {
                    Some(entry) => object = &entry.object,
                    None => return &Object::Null,
                },
                _ => return object,
            }
        }
        &Object::Null
    }

    /// A dictionary's entry, with what it refers to.
    pub(super) fn entry<'b>(&'b self, entries: &'b Dictionary, key: &str) -> Option<&'b Object> {
        entries.get(key.as_bytes()).map(|object| self.resolved(object)).filter(|o| **o != Object::Null)
    }

    pub(super) fn dictionary<'b>(&'b self, entries: &'b Dictionary, key: &str) -> Option<&'b Dictionary> {
        match self.entry(entries, key)? {
            Object::Dictionary(found) => Some(found),
            _ => None,
        }
    }

    /// The stream a reference names.
    pub(super) fn stream<'b>(&'b self, object: &Object) -> Option<Stream<'b>> {
        let Object::Reference(number) = object else { return None };
        let entry = self.objects.get(number)?;
        match (&entry.object, entry.stream) {
            (Object::Dictionary(dictionary), Some(data)) => Some(Stream { dictionary, data }),
            _ => None,
        }
    }

    /// The document's catalogue.
    pub(super) fn root(&self) -> Result<&Dictionary, PdfError> {
        let root = self.trailers.iter().rev().find_map(|trailer| self.dictionary(trailer, "Root"));
        root.ok_or(PdfError::Damaged)
    }
}

/// The bytes of a stream whose keyword was just read.
fn stream_data<'a>(lexer: &mut Lexer<'a>, entries: &Dictionary) -> Result<&'a [u8], PdfError> {
    if !lexer.take(b"\r\n") && !lexer.take(b"\n") {
        return Err(PdfError::Damaged);
    }
    let start = lexer.at;
    let bytes = lexer.bytes;
    if let Some(length) = entries.get(&b"Length"[..]).and_then(Object::count)
        && let Some(data) = bytes.get(start..start.saturating_add(length))
    {
        lexer.at = start + length;
        // No comment can stand here, but the data may be followed by an end of line.
        let _ = lexer.take(b"\r");
        let _ = lexer.take(b"\n");
        if lexer.take(b"endstream") {
            return Ok(data);
        }
    }
    // The length stands elsewhere, or is wrong.
    let rest = &bytes[start..];
    let end = rest.windows(9).position(|w| w == b"endstream").ok_or(PdfError::Damaged)?;
    lexer.at = start + end + 9;
    let data = &rest[..end];
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    Ok(data.strip_suffix(b"\r").unwrap_or(data))
}

fn skip_table(lexer: &mut Lexer) -> Result<(), PdfError> {
    loop {
        let before = lexer.at;
        match lexer.object()? {
            Some(Object::Number(_)) => {}
            Some(Object::Keyword(word)) if matches!(&word[..], b"n" | b"f") => {}
            Some(Object::Keyword(word)) if word == b"trailer" => {
                lexer.at = before;
                return Ok(());
            }
            _ => return Err(PdfError::Damaged),
        }
    }
}

/// Objects nest no deeper than the lexer lets them, so this does not either.
fn refuse_active(object: &Object) -> Result<(), PdfError> {
    let acts = |name: &[u8]| ACTIVE.contains(&name);
    match object {
        Object::Name(name) if acts(name) => Err(PdfError::Active),
        Object::Array(items) => items.iter().try_for_each(refuse_active),
        Object::Dictionary(entries) => {
            entries.iter().try_for_each(
                |(key, value)| {
                    if acts(key) { Err(PdfError::Active) } else { refuse_active(value) }
                },
            )
        }
        _ => Ok(()),
    }
}
