//! From the bytes of a frame to the bytes of a page, in one call.

use yidang_model::{MediaType, Quad};

use crate::decode::{completed, decode_inspected};
use crate::rectify::{check_corners, longest_of};
use crate::{
    Format, Header, ImageError, Orientation, PageSetting, PaperSize, Picture, Quality, Tone, encode_page,
    find_page, inspect, judge, judge_page, paper_size, rectify, runs_out_of_frame, set_tone,
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
    /// Pixels an inch for a page that was cut out and is of a known size; `None` keeps the frame's own
    /// resolution.
    pub dpi: Option<u32>,
    /// The camera's scale on the mat, where it is known: sizes of paper are then told by size, not by proportions
    /// alone.
    pub px_per_mm: Option<f64>,
    /// How it is coloured.
    pub tone: Tone,
    /// Which file it becomes.
    pub format: Format,
}

impl Default for PageOptions {
    /// The page that is found, as it lies, at the frame's resolution, in colour, a JPEG of quality 85.
    fn default() -> Self {
        Self {
            crop: Crop::Auto,
            rotate: 0,
            dpi: None,
            px_per_mm: None,
            tone: Tone::Colour,
            format: Format::default(),
        }
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
    /// Which paper it is, where it was cut out and is one of those that are known.
    pub paper_size: Option<PaperSize>,
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
    let mut paper_size = None;
    let (page, quality) = match corners {
        Some(corners) => {
            let page = rectify(&frame, &corners, rotate, options.dpi)?;
            let (size, setting) = placed(&page, &frame, &corners, options.px_per_mm);
            paper_size = size;
            made(page, options, &setting)?
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
        None => made(turned(frame, rotate), options, &PageSetting::default())?,
    };
    Ok(PageResult { header, page, corners, confidence, paper_size, quality })
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

/// Which paper a page is that was cut out of a frame, and how it lay there.
fn placed(
    page: &Picture,
    frame: &Picture,
    corners: &Quad,
    px_per_mm: Option<f64>,
) -> (Option<PaperSize>, PageSetting) {
    let longest = longest_of(corners);
    let aspect = f64::from(page.width()) / f64::from(page.height());
    let size = paper_size(aspect, longest, px_per_mm);
    let setting = PageSetting {
        is_cut_out: true,
        runs_out_of_frame: runs_out_of_frame(corners, frame.width(), frame.height()),
        dpi: size.map(|size| size.dpi(longest) as f32),
    };
    (size, setting)
}

/// The page's file, and what was measured on it before its tone was set.
fn made(
    page: Picture,
    options: &PageOptions,
    setting: &PageSetting,
) -> Result<(Encoded, Quality), ImageError> {
    let quality = judge_page(&page, setting);
    Ok((encode_page(&set_tone(page, options.tone)?, options.format)?, quality))
}
