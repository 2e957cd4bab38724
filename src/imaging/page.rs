//! From the bytes of a frame to the bytes of a page, in one call.

use yidang_model::{MediaType, Quad};

use crate::decode::{completed, decode_inspected};
use crate::rectify::check_corners;
use crate::{
    Format, Header, ImageError, Orientation, Picture, Quality, Tone, encode_page, find_page, inspect, judge,
    rectify, set_tone,
};

/// Which part of the frame becomes the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crop {
    /// The page that [`find_page`] finds; the full frame where it finds none.
    Auto,
    /// The full frame.
    Full,
    /// The page with these corners: top-left, top-right, bottom-right, bottom-left, in pixels of the upright
    /// frame.
    Corners(Quad),
}

/// How a page is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageOptions {
    /// Which part of the frame.
    pub crop: Crop,
    /// Quarter turns clockwise, counted from how the page lies in the upright frame; only the remainder of
    /// division by four counts.
    pub rotate: u8,
    /// Pixels an inch for a page that was cut out and has A-series proportions; `None` keeps the frame's own
    /// resolution.
    pub dpi: Option<u32>,
    /// How it is coloured.
    pub tone: Tone,
    /// Which file it becomes.
    pub format: Format,
}

impl Default for PageOptions {
    /// The page that is found, as it lies, at the frame's resolution, in colour, a JPEG of quality 85.
    fn default() -> Self {
        Self { crop: Crop::Auto, rotate: 0, dpi: None, tone: Tone::Colour, format: Format::default() }
    }
}

/// An encoded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// How it is encoded.
    pub media_type: MediaType,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl std::fmt::Debug for Encoded {
    /// The size only: the bytes are somebody's paper.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoded({}, {} x {})", self.media_type, self.width, self.height)
    }
}

/// A page, and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct PageResult {
    /// The frame's header.
    pub header: Header,
    /// The page. Its bytes are the frame's own where nothing had to be done to them.
    pub page: Encoded,
    /// Where the page lies in the upright frame; `None`: the full frame was kept.
    pub corners: Option<Quad>,
    /// How sure the page finder was, 0 to 1; 1 for corners from the caller, 0 for a full frame.
    pub confidence: f32,
    /// What was measured on the page.
    pub quality: Quality,
}

/// Makes a page of a frame. The same bytes and options give the same page bytes.
///
/// Where the full frame is kept in colour, no turn is asked for and the frame is stored upright, the page's bytes
/// *are* the frame's: nothing is lost by encoding it again, and equal bytes share a blob. Only a webcam's JPEG without
/// Huffman tables is given them, for readers that do not know them.
///
/// # Errors
/// `NotAnImage`, `Unsupported`, `Damaged`, `TooLarge`; `BadCorners` for corners from the caller; `Encode`.
pub fn make_page(bytes: &[u8], options: &PageOptions) -> Result<PageResult, ImageError> {
    let header = inspect(bytes)?;
    let bytes = completed(bytes, &header);
    let frame = decode_inspected(&bytes, &header)?;
    let (corners, confidence) = match options.crop {
        Crop::Full => (None, 0.0),
        Crop::Corners(corners) => {
            check_corners(&frame, &corners)?;
            (Some(corners), 1.0)
        }
        Crop::Auto => match find_page(&frame) {
            Some(found) => (Some(found.corners), found.confidence),
            None => (None, 0.0),
        },
    };
    let rotate = options.rotate % 4;
    let (page, quality) = match corners {
        Some(corners) => {
            let page = rectify(&frame, &corners, rotate, options.dpi)?;
            made(page, options)?
        }
        None if rotate == 0
            && is_as_photographed(options, &header)
            && header.orientation == Orientation::Upright =>
        {
            let page = Encoded {
                bytes: bytes.into_owned(),
                media_type: header.media_type,
                width: header.width,
                height: header.height,
            };
            (page, judge(&frame))
        }
        None => made(turned(frame, rotate), options)?,
    };
    Ok(PageResult { header, page, corners, confidence, quality })
}

fn turned(frame: Picture, quarter_turns: u8) -> Picture {
    frame.oriented(match quarter_turns {
        1 => Orientation::Clockwise,
        2 => Orientation::HalfTurn,
        3 => Orientation::CounterClockwise,
        _ => Orientation::Upright,
    })
}

/// Whether the frame's own bytes can be the page: nothing about its pixels is to change.
fn is_as_photographed(options: &PageOptions, header: &Header) -> bool {
    let wants_png = options.format == Format::Png;
    options.tone == Tone::Colour && (!wants_png || header.media_type == MediaType::Png)
}

/// The page's file, and what was measured on it before its tone was set.
fn made(page: Picture, options: &PageOptions) -> Result<(Encoded, Quality), ImageError> {
    let quality = judge(&page);
    Ok((encode_page(&set_tone(page, options.tone)?, options.format)?, quality))
}
