//! Reads the barcodes and QR codes on a page.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::{BarcodeFormat, DecodeHints, RXingResult};

use crate::picture::Pixels as _;
use crate::planes::Planes;
use crate::{GreyPicture, Picture};

/// Most codes that are read from one page.
pub const CODES_MAX: usize = 16;
/// Longest text of a code, in bytes; the largest QR code holds 7,089 digits. A longer one is left out.
pub const CODE_TEXT_MAX_BYTES: usize = 8_192;
/// Longer side of the picture that is searched, in pixels: A4 at some 200 dpi, at which the bars of a form are two
/// pixels wide and more.
const SEARCH_SIDE_PX: u32 = 2_340;

/// Kinds of codes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbology {
    /// QR code.
    Qr,
    /// Data Matrix.
    DataMatrix,
    /// PDF417.
    Pdf417,
    /// Code 128.
    Code128,
    /// Code 39.
    Code39,
    /// EAN-13.
    Ean13,
}

impl Symbology {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Qr, Self::DataMatrix, Self::Pdf417, Self::Code128, Self::Code39, Self::Ean13];

    /// The stable word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::DataMatrix => "data_matrix",
            Self::Pdf417 => "pdf417",
            Self::Code128 => "code128",
            Self::Code39 => "code39",
            Self::Ean13 => "ean13",
        }
    }

    const fn format(self) -> BarcodeFormat {
        match self {
            Self::Qr => BarcodeFormat::QR_CODE,
            Self::DataMatrix => BarcodeFormat::DATA_MATRIX,
            Self::Pdf417 => BarcodeFormat::PDF_417,
            Self::Code128 => BarcodeFormat::CODE_128,
            Self::Code39 => BarcodeFormat::CODE_39,
            Self::Ean13 => BarcodeFormat::EAN_13,
        }
    }
}

impl fmt::Display for Symbology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code on a page.
#[derive(Clone, PartialEq)]
pub struct CodeRead {
    /// Its kind.
    pub symbology: Symbology,
    /// What it says. Text of foreign origin: to be shown, never to be followed.
    pub text: String,
    /// The upright rectangle around the places by which it was found, in pixels of the page, clockwise from the
    /// top left. A bar code's has no height: it was read along a line.
    pub corners: [[f32; 2]; 4],
}

impl fmt::Debug for CodeRead {
    /// Without the text, which may be somebody's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeRead({}, {} bytes)", self.symbology, self.text.len())
    }
}

/// Reads the codes on a page, from top to bottom, at most [`CODES_MAX`]. Takes some tenths of a second on a full
/// page, so it is a step of its own.
pub fn read_codes(page: &Picture) -> Vec<CodeRead> {
    codes_in(&page.shrunk(SEARCH_SIDE_PX), page.width())
}

/// The same, of a page in planes.
pub(crate) fn read_in(page: &Planes) -> Vec<CodeRead> {
    codes_in(&page.shrunk(SEARCH_SIDE_PX), page.width())
}

/// Searches a page that was made small enough; `width`: the page's own.
fn codes_in(small: &Picture, width: u32) -> Vec<CodeRead> {
    let scale = width as f32 / small.width() as f32;
    let grey = GreyPicture::of(small);
    let mut hints = DecodeHints {
        PossibleFormats: Some(HashSet::from(Symbology::ALL.map(Symbology::format))),
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    let search = || {
        let (width, height) = (grey.width(), grey.height());
        rxing::helpers::detect_multiple_in_luma_with_hints(grey.luma().to_vec(), width, height, &mut hints)
    };
    // The reader is not ours, and a picture may show it anything: should it fail, the page has no codes.
    let found = catch_unwind(AssertUnwindSafe(search)).ok().and_then(Result::ok).unwrap_or_default();
    let mut codes: Vec<CodeRead> = found.iter().filter_map(|code| code_read(code, scale)).collect();
    codes.sort_by(|a, b| {
        let key = |code: &CodeRead| (code.corners[0][1], code.corners[0][0]);
        let ((ay, ax), (by, bx)) = (key(a), key(b));
        ay.total_cmp(&by).then(ax.total_cmp(&bx)).then_with(|| a.text.cmp(&b.text))
    });
    codes.dedup_by(|a, b| a.symbology == b.symbology && a.text == b.text);
    codes.truncate(CODES_MAX);
    codes
}

fn code_read(found: &RXingResult, scale: f32) -> Option<CodeRead> {
    let symbology = Symbology::ALL.into_iter().find(|s| s.format() == *found.getBarcodeFormat())?;
    let text = found.getText();
    let points = found.getPoints();
    if text.is_empty() || text.len() > CODE_TEXT_MAX_BYTES || points.is_empty() {
        return None;
    }
    let least = |of: fn(&rxing::Point) -> f32| points.iter().map(of).fold(f32::INFINITY, f32::min) * scale;
    let most = |of: fn(&rxing::Point) -> f32| points.iter().map(of).fold(f32::NEG_INFINITY, f32::max) * scale;
    let (left, top, right, bottom) = (least(|p| p.x), least(|p| p.y), most(|p| p.x), most(|p| p.y));
    let corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
    Some(CodeRead { symbology, text: text.to_owned(), corners })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTH: usize = 900;
    const HEIGHT: usize = 1_200;

    /// A page with dark dots where `is_dark` says, a little noisy and grey, as from a camera.
    fn page(is_dark: impl Fn(usize, usize) -> bool) -> Picture {
        let rgb = (0..WIDTH * HEIGHT).flat_map(|i| {
            let grain = (i * 7919 % 17) as u8;
            let value = if is_dark(i % WIDTH, i / WIDTH) { 30 + grain } else { 205 + grain };
            [value, value, value.saturating_sub(8)]
        });
        Picture::new(WIDTH as u32, HEIGHT as u32, rgb.collect()).unwrap()
    }

    fn qr(text: &str) -> (usize, Vec<bool>) {
        let code = qrcode::QrCode::new(text).unwrap();
        (code.width(), code.to_colors().into_iter().map(|c| c == qrcode::Color::Dark).collect())
    }

    #[test]
    fn qr_codes_and_bars_are_read_where_they_stand() {
        let (one_width, one) = qr("https://example.invalid/申请/0317");
        let (two_width, two) = qr("YZ-2026-000317");
        let bars = barcoders::sym::code128::Code128::new("\u{0181}YD0003170086").unwrap().encode();
        let square = |x: usize, y: usize, at: [usize; 2], width: usize, dots: &[bool]| {
            let (x, y) = (x.wrapping_sub(at[0]) / 5, y.wrapping_sub(at[1]) / 5);
            x < width && y < width && dots[y * width + x]
        };
        let page = page(|x, y| {
            let bar = x.wrapping_sub(120) / 3;
            square(x, y, [80, 90], one_width, &one)
                || square(x, y, [600, 800], two_width, &two)
                || ((500..580).contains(&y) && bars.get(bar).is_some_and(|b| *b == 1))
        });
        let codes = read_codes(&page);
        assert_eq!(codes, read_codes(&page));
        let said: Vec<(Symbology, &str)> = codes.iter().map(|c| (c.symbology, c.text.as_str())).collect();
        assert_eq!(
            said,
            [
                (Symbology::Qr, "https://example.invalid/申请/0317"),
                (Symbology::Code128, "YD0003170086"),
                (Symbology::Qr, "YZ-2026-000317"),
            ]
        );
        let [left, top] = codes[2].corners[0];
        assert!((600.0..640.0).contains(&left) && (800.0..840.0).contains(&top), "{left} {top}");
    }

    #[test]
    fn writing_and_blank_paper_are_no_codes() {
        assert_eq!(read_codes(&page(|_, _| false)), []);
        let lines = page(|x, y| y % 24 < 12 && (x / 3 * 7 + y / 24 * 11) % 5 < 2 && (60..840).contains(&x));
        assert_eq!(read_codes(&lines), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn no_picture_panics(
            (width, height, rgb) in (1_u32..60, 1_u32..60).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), proptest::collection::vec(any::<u8>(), (w * h * 3) as usize))
            }),
        ) {
            let codes = read_codes(&Picture::new(width, height, rgb).unwrap());
            prop_assert!(codes.len() <= CODES_MAX);
        }
    }
}
