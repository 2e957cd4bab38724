//! Takes the scanned pages out of a document.

use std::collections::HashSet;

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use yidang_model::MediaType;

use super::document::{Document, Stream};
use super::scan::{Drawn, drawn};
use super::syntax::{Dictionary, Object};
use super::{PDF_PAGES_MAX, PdfError};
use crate::paper_size::MM_PER_INCH;
use crate::{
    Format, GreyPicture, ImageError, PIXELS_MAX, Picture, SIDE_MAX_PX, Toned, encode_page, inspect, png,
};

/// Deepest nesting of the tree of pages.
const PAGE_TREE_DEPTH_MAX: usize = 16;
/// Most bytes of a page's drawing, unpacked. A scanned page's is a line; one with recognised text some hundred KB.
const DRAWING_MAX_BYTES: usize = 4 << 20;
/// Most bytes of pixels that all pages of a document may unpack to together.
const PIXELS_MAX_BYTES: u64 = 1 << 30;

/// A page that was taken out of a document.
#[derive(Clone, PartialEq)]
pub struct PdfImage {
    /// A JPEG exactly as it stood in the document, or a PNG made of unpacked pixels.
    pub bytes: Vec<u8>,
    /// Which of the two.
    pub media_type: MediaType,
    /// Quarter turns clockwise that show it upright.
    pub quarter_turns: u8,
    /// Width and height of the page in millimetres before it is turned, where the document says.
    pub size_mm: Option<[f64; 2]>,
}

impl std::fmt::Debug for PdfImage {
    /// The size only: the bytes are somebody's paper.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PdfImage({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// Takes the pages out of a document a scanner made: each must be one picture, a JPEG (whose bytes come out as they
/// are) or unpacked grey or colour. Invisible recognised text under the picture is passed over. Everything else is
/// refused, and so is a document with scripts, attachments or forms anywhere.
///
/// # Errors
/// All of [`PdfError`] but `NoPages` for writing.
pub fn pdf_images(bytes: &[u8]) -> Result<Vec<PdfImage>, PdfError> {
    let document = Document::read(bytes)?;
    let tree = document.dictionary(document.root()?, "Pages").ok_or(PdfError::Damaged)?;
    let mut reader = Reader {
        document: &document,
        seen: HashSet::new(),
        images: Vec::new(),
        pixels_left: PIXELS_MAX_BYTES,
    };
    reader.walk(tree, Inherited::default(), 0)?;
    if reader.images.is_empty() { Err(PdfError::NoPages) } else { Ok(reader.images) }
}

/// What pages take from the branches they hang on.
#[derive(Clone, Copy, Default)]
struct Inherited<'a> {
    resources: Option<&'a Dictionary>,
    turn: Option<&'a Object>,
    media_box: Option<&'a Object>,
}

struct Reader<'a> {
    document: &'a Document<'a>,
    seen: HashSet<u32>,
    images: Vec<PdfImage>,
    pixels_left: u64,
}

impl<'a> Reader<'a> {
    fn walk(&mut self, node: &'a Dictionary, above: Inherited<'a>, depth: usize) -> Result<(), PdfError> {
        let here = Inherited {
            resources: self.document.dictionary(node, "Resources").or(above.resources),
            turn: self.document.entry(node, "Rotate").or(above.turn),
            media_box: self.document.entry(node, "MediaBox").or(above.media_box),
        };
        match self.document.entry(node, "Kids") {
            Some(Object::Array(kids)) if depth < PAGE_TREE_DEPTH_MAX => kids.iter().try_for_each(|kid| {
                let Object::Reference(number) = kid else { return Err(PdfError::Damaged) };
                // A tree that bites its tail, or shows a page a thousand times.
                if !self.seen.insert(*number) {
                    return Err(PdfError::Damaged);
                }
                match self.document.resolved(kid) {
                    Object::Dictionary(node) => self.walk(node, here, depth + 1),
                    _ => Err(PdfError::Damaged),
                }
            }),
            Some(_) => Err(PdfError::Damaged),
            None if self.images.len() >= PDF_PAGES_MAX => Err(PdfError::TooManyPages),
            None => {
                let image = self.page(node, here)?;
                self.images.push(image);
                Ok(())
            }
        }
    }

    fn page(&mut self, page: &Dictionary, here: Inherited) -> Result<PdfImage, PdfError> {
        let Drawn { picture, quarter_turns } = drawn(&self.drawing(page)?)?;
        let pictures = here.resources.and_then(|r| self.document.dictionary(r, "XObject"));
        let object = pictures.and_then(|p| p.get(&picture)).ok_or(PdfError::Damaged)?;
        let stream = self.document.stream(object).ok_or(PdfError::Damaged)?;
        if self.document.entry(stream.dictionary, "Subtype").and_then(Object::name) != Some(b"Image") {
            return Err(PdfError::NotScanned);
        }
        let (bytes, media_type) = self.image(stream)?;
        let turn = here.turn.and_then(Object::number).unwrap_or(0.0);
        if turn % 90.0 != 0.0 {
            return Err(PdfError::Damaged);
        }
        let quarter_turns = (quarter_turns + (turn / 90.0).rem_euclid(4.0) as u8) % 4;
        Ok(PdfImage {
            bytes,
            media_type,
            quarter_turns,
            size_mm: here.media_box.and_then(|b| self.size_mm(b)),
        })
    }

    fn size_mm(&self, media_box: &Object) -> Option<[f64; 2]> {
        let Object::Array(sides) = media_box else { return None };
        let sides: Vec<f64> = sides.iter().map_while(|side| self.document.resolved(side).number()).collect();
        let [left, bottom, right, top] = sides[..] else { return None };
        let size = [right - left, top - bottom].map(|points| points.abs() / 72.0 * MM_PER_INCH);
        size.iter().all(|side| (1.0..=5_100.0).contains(side)).then_some(size)
    }

    /// What the page draws, its parts put together.
    fn drawing(&self, page: &Dictionary) -> Result<Vec<u8>, PdfError> {
        let contents = page.get(&b"Contents"[..]).ok_or(PdfError::NotScanned)?;
        let parts = match (contents, self.document.resolved(contents)) {
            (_, Object::Array(parts)) => &parts[..],
            (one, _) => std::slice::from_ref(one),
        };
        let mut drawing = Vec::new();
        for part in parts {
            let stream = self.document.stream(part).ok_or(PdfError::Damaged)?;
            let left = DRAWING_MAX_BYTES - drawing.len();
            match filters(self.document, stream.dictionary)?[..] {
                [] if stream.data.len() < left => drawing.extend_from_slice(stream.data),
                [b"FlateDecode"] => drawing.extend(unpacked(stream.data, left)?),
                [] => return Err(PdfError::TooLarge),
                _ => return Err(PdfError::NotScanned),
            }
            // Parts are apart, as if white space stood between them.
            if drawing.len() < DRAWING_MAX_BYTES {
                drawing.push(b'\n');
            }
        }
        Ok(drawing)
    }

    fn image(&mut self, stream: Stream) -> Result<(Vec<u8>, MediaType), PdfError> {
        let entry = |key: &str| self.document.entry(stream.dictionary, key);
        // Masks and turned-about values would show something else than the picture's bytes.
        if ["SMask", "Mask", "ImageMask", "Decode"].iter().any(|key| entry(key).is_some()) {
            return Err(PdfError::UnsupportedPicture);
        }
        let side = |key: &str| entry(key).and_then(Object::count).and_then(|n| u32::try_from(n).ok());
        let (Some(width), Some(height)) = (side("Width"), side("Height")) else {
            return Err(PdfError::Damaged);
        };
        let is_too_large =
            u64::from(width) * u64::from(height) > PIXELS_MAX || width.max(height) > SIDE_MAX_PX;
        if is_too_large || width.min(height) == 0 {
            return Err(ImageError::TooLarge { width, height }.into());
        }
        match filters(self.document, stream.dictionary)?[..] {
            [b"DCTDecode"] => jpeg(stream.data.to_vec(), [width, height]),
            [b"FlateDecode", b"DCTDecode"] => {
                let most = self.take_pixels(u64::from(width) * u64::from(height) * 3)?;
                jpeg(unpacked(stream.data, most)?, [width, height])
            }
            [b"FlateDecode"] => self.flat(stream, [width, height]),
            _ => Err(PdfError::UnsupportedPicture),
        }
    }

    /// Counts pixels against what a document may unpack to; as many bytes as asked for.
    fn take_pixels(&mut self, bytes: u64) -> Result<usize, PdfError> {
        self.pixels_left = self.pixels_left.checked_sub(bytes).ok_or(PdfError::TooLarge)?;
        usize::try_from(bytes).map_err(|_| PdfError::TooLarge)
    }

    /// A PNG of unpacked pixels.
    fn flat(&mut self, stream: Stream, [width, height]: [u32; 2]) -> Result<(Vec<u8>, MediaType), PdfError> {
        let document = self.document;
        let entry = |key: &str| document.entry(stream.dictionary, key);
        let colours = entry("ColorSpace").and_then(|space| colours(document, space));
        let bits = entry("BitsPerComponent").and_then(Object::count).unwrap_or(8);
        let (colours, bits) = match (colours, bits) {
            (Some(1), 1 | 8) => (1_u8, bits as u8),
            (Some(3), 8) => (3, 8),
            _ => return Err(PdfError::UnsupportedPicture),
        };
        let row = (u64::from(width) * u64::from(colours) * u64::from(bits)).div_ceil(8);
        let most = self.take_pixels((row + 1) * u64::from(height))?;
        let parameters = document.dictionary(stream.dictionary, "DecodeParms");
        let parameter = |key: &str, or: usize| {
            parameters.and_then(|p| document.entry(p, key)).map_or(Some(or), Object::count)
        };
        let rows = match parameter("Predictor", 1) {
            Some(1) => {
                let mut rows = unpacked(stream.data, most)?;
                let expected = row * u64::from(height);
                if (rows.len() as u64) < expected {
                    return Err(PdfError::Damaged);
                }
                rows.truncate(expected as usize);
                rows
            }
            Some(10..=15) => {
                let asked =
                    [parameter("Columns", 1), parameter("Colors", 1), parameter("BitsPerComponent", 8)];
                if asked != [Some(width as usize), Some(usize::from(colours)), Some(usize::from(bits))] {
                    return Err(PdfError::Damaged);
                }
                let filtered = unpacked(stream.data, most)?;
                png::unfiltered(&filtered, row as usize, height as usize, usize::from(colours))
                    .ok_or(PdfError::Damaged)?
            }
            _ => return Err(PdfError::UnsupportedPicture),
        };
        let page = page_of(rows, [width, height], colours, bits).ok_or(PdfError::Damaged)?;
        Ok((encode_page(&page, Format::Png)?.bytes, MediaType::Png))
    }
}

/// Pixels from their rows; a row of single bits ends at a whole byte.
fn page_of(rows: Vec<u8>, [width, height]: [u32; 2], colours: u8, bits: u8) -> Option<Toned> {
    Some(match (colours, bits) {
        (3, _) => Toned::Colour(Picture::new(width, height, rows)?),
        (_, 1) => {
            let width_px = width as usize;
            let spread = |row: &[u8]| -> Vec<u8> {
                (0..width_px).map(|x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 }).collect()
            };
            let luma = rows.chunks_exact(width_px.div_ceil(8)).flat_map(spread).collect();
            Toned::BlackWhite(GreyPicture::new(width, height, luma)?)
        }
        _ => Toned::Grey(GreyPicture::new(width, height, rows)?),
    })
}

/// A JPEG whose header agrees with what the document says of it.
fn jpeg(bytes: Vec<u8>, size: [u32; 2]) -> Result<(Vec<u8>, MediaType), PdfError> {
    let header = inspect(&bytes)?;
    let stored = match header.orientation.swaps_sides() {
        true => [header.height, header.width],
        false => [header.width, header.height],
    };
    let agrees = header.media_type == MediaType::Jpeg && stored == size;
    if agrees { Ok((bytes, MediaType::Jpeg)) } else { Err(PdfError::Damaged) }
}

fn unpacked(data: &[u8], most: usize) -> Result<Vec<u8>, PdfError> {
    decompress_to_vec_zlib_with_limit(data, most).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => PdfError::TooLarge,
        _ => PdfError::Damaged,
    })
}

/// The names of a stream's filters, outermost first.
fn filters<'a>(document: &'a Document, entries: &'a Dictionary) -> Result<Vec<&'a [u8]>, PdfError> {
    match document.entry(entries, "Filter") {
        None => Ok(Vec::new()),
        Some(Object::Name(name)) => Ok(vec![name]),
        Some(Object::Array(names)) if names.len() <= 2 => {
            names.iter().map(|name| document.resolved(name).name().ok_or(PdfError::Damaged)).collect()
        }
        Some(_) => Err(PdfError::UnsupportedPicture),
    }
}

/// How many colours a colour space has, where it is plain grey or red, green and blue.
fn colours(document: &Document, space: &Object) -> Option<u8> {
    match space {
        Object::Name(name) => match &name[..] {
            b"DeviceGray" => Some(1),
            b"DeviceRGB" => Some(3),
            _ => None,
        },
        Object::Array(parts) => match document.resolved(parts.first()?).name()? {
            b"CalGray" => Some(1),
            b"CalRGB" => Some(3),
            b"ICCBased" => match document.entry(document.stream(parts.get(1)?)?.dictionary, "N")?.count()? {
                1 => Some(1),
                3 => Some(3),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
