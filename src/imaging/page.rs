//! From the bytes of a frame to the bytes of a page, in one call.

use yidang_model::{MediaType, Quad};

use crate::decode::{completed, decode_planes};
use crate::encode::encode_planes;
use crate::find::{SEARCH_SIDE_PX, find_in};
use crate::judge::judge_pixels;
use crate::picture::Pixels;
use crate::planes::Planes;
use crate::rectify::{check_corners, longest_of, rectify_planes, turned};
use crate::{
    Format, Header, ImageError, Orientation, PageSetting, PaperSize, Quality, Tone, encode_page, inspect,
    paper_size, runs_out_of_frame, set_tone,
};

/// Which part of the frame becomes the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crop {
    /// The page that [`find_page`](crate::find_page) finds; the full frame where it finds none.
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

/// A stage of making a page, in the order they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The frame's bytes became pixels.
    Decoded,
    /// The page was looked for, or its corners were checked.
    Found,
    /// The page was cut out and straightened, or the frame turned.
    Straightened,
    /// The page's quality was measured.
    Judged,
    /// The page's pixels became bytes.
    Encoded,
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
    make_page_watched(bytes, options, |_| ())
}

/// The same, and `watch` is called as each stage ends. A frame whose own bytes become the page is not straightened
/// and not encoded.
///
/// # Errors
/// As [`make_page`].
pub fn make_page_watched(
    bytes: &[u8],
    options: &PageOptions,
    mut watch: impl FnMut(Stage),
) -> Result<PageResult, ImageError> {
    let header = inspect(bytes)?;
    let bytes = completed(bytes, &header);
    let frame = decode_planes(&bytes, &header)?;
    watch(Stage::Decoded);
    let (corners, confidence) = match options.crop {
        Crop::Full => (None, 0.0),
        Crop::Corners(corners) => {
            check_corners(&frame, &corners)?;
            (Some(corners), 1.0)
        }
        Crop::Auto => match find_in(&frame.shrunk(SEARCH_SIDE_PX), &frame) {
            Some(found) => (Some(found.corners), found.confidence),
            None => (None, 0.0),
        },
    };
    watch(Stage::Found);
    let rotate = options.rotate % 4;
    let mut known = (None, PageSetting::default());
    let page = match corners {
        Some(corners) => {
            let page = rectify_planes(&frame, &corners, rotate, options.dpi)?;
            known = placed(&page, &frame, &corners, options.px_per_mm);
            page
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
            let quality = judge_pixels(&frame, &known.1);
            watch(Stage::Judged);
            return Ok(PageResult { header, page, corners, confidence, paper_size: None, quality });
        }
        None => turned(&frame, rotate)?,
    };
    drop(frame);
    watch(Stage::Straightened);
    let (paper_size, setting) = known;
    let quality = judge_pixels(&page, &setting);
    watch(Stage::Judged);
    let page = encoded(page, options)?;
    watch(Stage::Encoded);
    Ok(PageResult { header, page, corners, confidence, paper_size, quality })
}

/// Whether the frame's own bytes can be the page: nothing about its pixels is to change.
fn is_as_photographed(options: &PageOptions, header: &Header) -> bool {
    let wants_png = options.format == Format::Png;
    options.tone == Tone::Colour && (!wants_png || header.media_type == MediaType::Png)
}

/// Which paper a page is that was cut out of a frame, and how it lay there.
fn placed(
    page: &Planes,
    frame: &Planes,
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

/// The page's file. In colour its planes are encoded as they are.
fn encoded(page: Planes, options: &PageOptions) -> Result<Encoded, ImageError> {
    if let (Tone::Colour, Format::Jpeg { quality }) = (options.tone, options.format) {
        let bytes = encode_planes(&page, quality)?;
        return Ok(Encoded {
            bytes,
            media_type: MediaType::Jpeg,
            width: page.width(),
            height: page.height(),
        });
    }
    let picture = page.to_picture();
    drop(page);
    encode_page(&set_tone(picture, options.tone)?, options.format)
}
