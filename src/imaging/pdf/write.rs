//! Writes a document of pictures (ISO 32000-1), each stored as it came.

use std::borrow::Cow;
use std::fmt::Write as _;

use yidang_model::{MediaType, Timestamp};

use super::PdfError;
use crate::paper_size::MM_PER_INCH;
use crate::{Header, Orientation, decode, encode_png, inspect, jpeg, png};

/// Most pages a document may have, written or read.
pub const PDF_PAGES_MAX: usize = 500;

const POINTS_PER_INCH: f64 = 72.0;
/// Longest side of a page that every reader shows (ISO 32000-1, annex C).
const SIDE_MAX_PT: f64 = 14_400.0;
const SIDE_MIN_PT: f64 = 3.0;
/// Objects before the first page's: catalogue, page tree, information.
const FIRST_PAGE_OBJECT: usize = 4;

/// One page of a document to be written.
#[derive(Clone, Copy)]
pub struct PdfPage<'a> {
    /// A whole JPEG or PNG.
    pub bytes: &'a [u8],
    /// Width and height of the paper in millimetres, as the upright picture lies.
    pub size_mm: [f64; 2],
}

impl<'a> PdfPage<'a> {
    /// A page as large as its picture is at so many pixels an inch.
    ///
    /// # Errors
    /// `Picture`.
    pub fn at_dpi(bytes: &'a [u8], dpi: f64) -> Result<Self, PdfError> {
        let header = inspect(bytes)?;
        let size_mm = [header.width, header.height].map(|px| f64::from(px) * MM_PER_INCH / dpi.max(1.0));
        Ok(Self { bytes, size_mm })
    }
}

/// What a document says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct PdfInfo<'a> {
    /// Shown in the window's title.
    pub title: Option<&'a str>,
    /// When it was made; nothing is written where it is not given.
    pub created_at: Option<Timestamp>,
}

/// A picture with its place on a page, in points from the lower left.
struct Placed<'a> {
    picture: Stored<'a>,
    left: f64,
    bottom: f64,
    size: [f64; 2],
}

/// A picture as PDF stores it.
struct Stored<'a> {
    header: Header,
    data: Cow<'a, [u8]>,
    /// Entries of its dictionary that say how it is packed.
    packed: String,
}

/// Writes one document, a page for each picture. A JPEG's bytes stand in it unchanged; so does the packed data of a
/// PNG that is plain grey or colour, any other PNG is packed anew. The same pages and information give the same
/// bytes.
///
/// # Errors
/// `NoPages`, `TooManyPages`, and `Picture` for a page that is no JPEG or PNG.
pub fn write_pdf(pages: &[PdfPage], info: &PdfInfo) -> Result<Vec<u8>, PdfError> {
    if pages.is_empty() {
        return Err(PdfError::NoPages);
    }
    if pages.len() > PDF_PAGES_MAX {
        return Err(PdfError::TooManyPages);
    }
    let mut out = Document::new();
    let mut kids = Vec::with_capacity(pages.len());
    for page in pages {
        let size = page.size_mm.map(points);
        let whole = Placed { picture: stored(page.bytes)?, left: 0.0, bottom: 0.0, size };
        kids.push(out.page(size, &[whole]));
    }
    Ok(out.finished(&kids, info))
}

/// Writes both sides of a card on one A4 page in the card's own size, the front above the back.
///
/// # Errors
/// `Picture` for a side that is no JPEG or PNG.
pub fn write_card_pdf(front: &PdfPage, back: &PdfPage, info: &PdfInfo) -> Result<Vec<u8>, PdfError> {
    let sheet = [210.0, 297.0].map(points);
    let gap = points(20.0);
    let (above, below) = (front.size_mm.map(points), back.size_mm.map(points));
    let bottom = ((sheet[1] - above[1] - gap - below[1]) / 2.0).max(0.0);
    let left = |size: [f64; 2]| (sheet[0] - size[0]) / 2.0;
    let sides = [
        Placed {
            picture: stored(front.bytes)?,
            left: left(above),
            bottom: bottom + below[1] + gap,
            size: above,
        },
        Placed { picture: stored(back.bytes)?, left: left(below), bottom, size: below },
    ];
    let mut out = Document::new();
    let kid = out.page(sheet, &sides);
    Ok(out.finished(&[kid], info))
}

fn points(mm: f64) -> f64 {
    let points = mm / MM_PER_INCH * POINTS_PER_INCH;
    if points.is_finite() { points.clamp(SIDE_MIN_PT, SIDE_MAX_PT) } else { SIDE_MIN_PT }
}

fn stored(bytes: &[u8]) -> Result<Stored<'_>, PdfError> {
    let header = inspect(bytes)?;
    match header.media_type {
        MediaType::Jpeg => {
            let colours = if jpeg::components(bytes) == Some(1) { "/DeviceGray" } else { "/DeviceRGB" };
            let packed = format!("/ColorSpace {colours} /BitsPerComponent 8 /Filter /DCTDecode");
            Ok(Stored { header, data: jpeg::complete(bytes), packed })
        }
        MediaType::Png => match png::plain(bytes) {
            Some(plain) => Ok(stored_png(header, plain)),
            None => {
                let again = encode_png(&decode(bytes)?)?;
                let plain = png::plain(&again).ok_or(PdfError::Damaged)?;
                let header = Header { orientation: Orientation::Upright, ..header };
                Ok(stored_png(header, plain))
            }
        },
    }
}

/// PNG and PDF pack alike: the same Deflate stream, the same predictors.
fn stored_png(header: Header, plain: png::Plain) -> Stored<'static> {
    let (space, colours) = if plain.is_grey { ("/DeviceGray", 1) } else { ("/DeviceRGB", 3) };
    let [width, _] = stored_size(&header);
    let packed = format!(
        "/ColorSpace {space} /BitsPerComponent {bits} /Filter /FlateDecode /DecodeParms << /Predictor 15 \
         /Colors {colours} /BitsPerComponent {bits} /Columns {width} >>",
        bits = plain.bits
    );
    Stored { header, data: Cow::Owned(plain.packed), packed }
}

fn stored_size(header: &Header) -> [u32; 2] {
    match header.orientation.swaps_sides() {
        true => [header.height, header.width],
        false => [header.width, header.height],
    }
}

impl Placed<'_> {
    /// The operators that draw the picture, which is stored in the unit square, in its place and upright.
    fn drawing(&self, name: usize) -> String {
        let [w, h] = self.size;
        let [a, b, c, d, e, f] = match self.picture.header.orientation {
            Orientation::Upright => [w, 0.0, 0.0, h, 0.0, 0.0],
            Orientation::Mirror => [-w, 0.0, 0.0, h, w, 0.0],
            Orientation::HalfTurn => [-w, 0.0, 0.0, -h, w, h],
            Orientation::Flip => [w, 0.0, 0.0, -h, 0.0, h],
            Orientation::Transpose => [0.0, -h, -w, 0.0, w, h],
            Orientation::Clockwise => [0.0, -h, w, 0.0, 0.0, h],
            Orientation::Transverse => [0.0, h, w, 0.0, 0.0, 0.0],
            Orientation::CounterClockwise => [0.0, h, -w, 0.0, w, 0.0],
        };
        let matrix = [a, b, c, d, e + self.left, f + self.bottom].map(number).join(" ");
        format!("q {matrix} cm /P{name} Do Q\n")
    }
}

/// Three decimals are a thousandth of a point; the same on every machine.
fn number(value: f64) -> String {
    format!("{value:.3}")
}

struct Document {
    bytes: Vec<u8>,
    /// Where each object starts; object n at n - 1.
    places: Vec<usize>,
}

impl Document {
    fn new() -> Self {
        // The second line has bytes above 127, so that nobody takes the file for text.
        Self { bytes: b"%PDF-1.4\n%\xe6\xa1\xa3\xe7\n".to_vec(), places: vec![0; FIRST_PAGE_OBJECT - 1] }
    }

    fn begin(&mut self, object: usize) {
        self.places[object - 1] = self.bytes.len();
        self.text(&format!("{object} 0 obj\n"));
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn object(&mut self, object: usize, body: &str) {
        self.begin(object);
        self.text(body);
        self.text("\nendobj\n");
    }

    fn stream(&mut self, object: usize, entries: &str, data: &[u8]) {
        self.begin(object);
        self.text(&format!("<< {entries} /Length {} >>\nstream\n", data.len()));
        self.bytes.extend_from_slice(data);
        self.text("\nendstream\nendobj\n");
    }

    /// Adds a page with its pictures; the page's object number.
    fn page(&mut self, size: [f64; 2], pictures: &[Placed]) -> usize {
        let page = self.places.len() + 1;
        self.places.resize(self.places.len() + 2 + pictures.len(), 0);
        let mut names = String::new();
        let mut drawing = String::new();
        for (i, placed) in pictures.iter().enumerate() {
            let _ = write!(names, "/P{i} {} 0 R ", page + 2 + i);
            drawing.push_str(&placed.drawing(i));
        }
        let [width, height] = size.map(number);
        let entries = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << /XObject << {names}>> >> \
             /Contents {} 0 R >>",
            page + 1
        );
        self.object(page, &entries);
        self.stream(page + 1, "", drawing.as_bytes());
        for (i, Placed { picture, .. }) in pictures.iter().enumerate() {
            let [width, height] = stored_size(&picture.header);
            let entries =
                format!("/Type /XObject /Subtype /Image /Width {width} /Height {height} {}", picture.packed);
            self.stream(page + 2 + i, &entries, &picture.data);
        }
        page
    }

    fn finished(mut self, kids: &[usize], info: &PdfInfo) -> Vec<u8> {
        self.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
        let list: String = kids.iter().map(|kid| format!("{kid} 0 R ")).collect();
        self.object(2, &format!("<< /Type /Pages /Kids [{list}] /Count {} >>", kids.len()));
        self.object(3, &information(info));
        let start = self.bytes.len();
        let count = self.places.len() + 1;
        let mut table = format!("xref\n0 {count}\n0000000000 65535 f \n");
        for place in &self.places {
            let _ = writeln!(table, "{place:010} 00000 n ");
        }
        let _ = write!(
            table,
            "trailer\n<< /Size {count} /Root 1 0 R /Info 3 0 R >>\nstartxref\n{start}\n%%EOF\n"
        );
        self.text(&table);
        self.bytes
    }
}

fn information(info: &PdfInfo) -> String {
    let mut entries = String::from("<< /Producer (Yidang)");
    if let Some(title) = info.title {
        entries.push_str(" /Title <FEFF");
        title.encode_utf16().for_each(|unit| {
            let _ = write!(entries, "{unit:04X}");
        });
        entries.push('>');
    }
    let written = info.created_at.map(|at| at.to_string());
    // 2026-01-31T08:30:00Z becomes D:20260131083000Z; years that RFC 3339 cannot write are left out.
    if let Some(digits) = written.as_deref().and_then(|text| text.get(..19)) {
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        if digits.len() == 14 {
            let _ = write!(entries, " /CreationDate (D:{digits}Z)");
        }
    }
    entries + " >>"
}
