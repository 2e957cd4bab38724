//! From the bytes of a frame to the bytes of a page, in one call.

use std::borrow::Cow;

use yidang_model::{MediaType, Quad};

use crate::decode::{completed, decode_planes};
use crate::encode::encode_planes;
use crate::find::{SEARCH_SIDE_PX, find_all_in, find_in};
use crate::judge::judge_pixels;
use crate::paper_size::MM_PER_INCH;
use crate::picture::Pixels;
use crate::planes::Planes;
use crate::rectify::{Scale, check_corners, longest_of, rectify_planes, turned};
use crate::{
    CodeRead, Format, Found, Header, ImageError, Orientation, PageSetting, PaperSize, Quality, Tone, barcode,
    encode_page, inspect, paper_size, runs_out_of_frame, set_tone, upright,
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
    /// Whether the page is turned further by its writing, where that tells which way is up.
    pub upright: bool,
    /// Whether the codes on the page are read, which takes some tenths of a second.
    pub codes: bool,
    /// Pixels an inch for a page that was cut out and whose size or scale is known; `None` keeps the frame's own
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
            upright: false,
            codes: false,
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
    /// Quarter turns clockwise by which the page was turned because of its writing, beyond those that were asked for;
    /// `None` where that was not asked for or the writing did not tell.
    pub turned: Option<u8>,
    /// The codes on the page, in its pixels before it was toned; `None` where they were not asked for.
    pub codes: Option<Vec<CodeRead>>,
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
/// Where the full frame is kept in colour, it is not turned and the frame is stored upright, the page's bytes
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
    let frame = Opened::of(bytes)?;
    watch(Stage::Decoded);
    frame.into_page(options, watch)
}

/// A page of each of several papers in a frame, `most` at most, in the order [`find_pages`](crate::find_pages) gives them;
/// where none is found, the one page that [`make_page`] makes. The frame is decoded once.
///
/// # Errors
/// As [`make_page`].
pub fn make_pages(bytes: &[u8], options: &PageOptions, most: usize) -> Result<Vec<PageResult>, ImageError> {
    let frame = Opened::of(bytes)?;
    let papers = find_all_in(&frame.planes.shrunk(SEARCH_SIDE_PX), &frame.planes, most);
    if papers.is_empty() {
        return Ok(vec![frame.into_page(options, |_| ())?]);
    }
    let page = |found: &Found| {
        let cut_out = CutOut::of(&frame.planes, Some(*found), options)?;
        cut_out.into_page(frame.header, options, &mut |_| ())
    };
    papers.iter().map(page).collect()
}

/// A frame's bytes, with what its camera took for granted, and its pixels.
struct Opened<'a> {
    header: Header,
    bytes: Cow<'a, [u8]>,
    planes: Planes,
}

impl<'a> Opened<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let header = inspect(bytes)?;
        let bytes = completed(bytes, &header);
        let planes = decode_planes(&bytes, &header)?;
        Ok(Self { header, bytes, planes })
    }

    fn into_page(
        self,
        options: &PageOptions,
        mut watch: impl FnMut(Stage),
    ) -> Result<PageResult, ImageError> {
        let found = match options.crop {
            Crop::Full => None,
            Crop::Corners(corners) => {
                check_corners(&self.planes, &corners)?;
                Some(Found { corners, confidence: 1.0 })
            }
            Crop::Auto => find_in(&self.planes.shrunk(SEARCH_SIDE_PX), &self.planes),
        };
        watch(Stage::Found);
        let cut_out = if found.is_none() && is_as_photographed(options, &self.header) {
            match by_writing(&self.planes, options) {
                turned @ (None | Some(0)) => return Ok(self.kept_whole(turned, options, watch)),
                turned @ Some(turns) => {
                    CutOut { turned, ..CutOut::lying(&self.planes, found, options, turns)? }
                }
            }
        } else {
            CutOut::of(&self.planes, found, options)?
        };
        let header = self.header;
        drop(self);
        cut_out.into_page(header, options, &mut watch)
    }

    /// The frame's own bytes are the page.
    fn kept_whole(
        self,
        turned: Option<u8>,
        options: &PageOptions,
        mut watch: impl FnMut(Stage),
    ) -> PageResult {
        let quality = judge_pixels(&self.planes, &PageSetting::default());
        watch(Stage::Judged);
        let codes = options.codes.then(|| barcode::read_in(&self.planes));
        let Header { media_type, width, height, .. } = self.header;
        let page = Encoded { bytes: self.bytes.into_owned(), media_type, width, height };
        let header = self.header;
        PageResult { header, page, corners: None, confidence: 0.0, paper_size: None, quality, turned, codes }
    }
}

/// What was cut out of a frame, or the full frame turned.
struct CutOut {
    planes: Planes,
    found: Option<Found>,
    paper_size: Option<PaperSize>,
    setting: PageSetting,
    turned: Option<u8>,
}

impl CutOut {
    /// As its writing lies, where that is asked for and it tells.
    fn of(frame: &Planes, found: Option<Found>, options: &PageOptions) -> Result<Self, ImageError> {
        let lying = Self::lying(frame, found, options, options.rotate)?;
        match by_writing(&lying.planes, options) {
            turned @ (None | Some(0)) => Ok(Self { turned, ..lying }),
            turned @ Some(turns) => {
                drop(lying);
                // From the frame again: the same bytes as if this turn had been asked for.
                Ok(Self { turned, ..Self::lying(frame, found, options, options.rotate % 4 + turns)? })
            }
        }
    }

    fn lying(
        frame: &Planes,
        found: Option<Found>,
        options: &PageOptions,
        rotate: u8,
    ) -> Result<Self, ImageError> {
        let Some(Found { corners, .. }) = found else {
            let planes = turned(frame, rotate)?;
            let setting = PageSetting::default();
            return Ok(Self { planes, found, paper_size: None, setting, turned: None });
        };
        let scale = Scale { dpi: options.dpi, px_per_mm: options.px_per_mm };
        let planes = rectify_planes(frame, &corners, rotate, scale)?;
        let (paper_size, setting) = placed(&planes, frame, &corners, options.px_per_mm);
        Ok(Self { planes, found, paper_size, setting, turned: None })
    }

    /// Judged and encoded.
    fn into_page(
        self,
        header: Header,
        options: &PageOptions,
        watch: &mut impl FnMut(Stage),
    ) -> Result<PageResult, ImageError> {
        watch(Stage::Straightened);
        let quality = judge_pixels(&self.planes, &self.setting);
        watch(Stage::Judged);
        let codes = options.codes.then(|| barcode::read_in(&self.planes));
        let page = encoded(self.planes, options)?;
        watch(Stage::Encoded);
        let (corners, confidence) = (self.found.map(|f| f.corners), self.found.map_or(0.0, |f| f.confidence));
        let (paper_size, turned) = (self.paper_size, self.turned);
        Ok(PageResult { header, page, corners, confidence, paper_size, quality, turned, codes })
    }
}

/// How many quarter turns stand a page upright, where that is asked for and its writing tells.
fn by_writing(page: &Planes, options: &PageOptions) -> Option<u8> {
    options.upright.then(|| upright::by_planes(page)).flatten().map(|upright| upright.quarter_turns)
}

/// Whether the frame's own bytes can be the page: nothing about its pixels is to change.
fn is_as_photographed(options: &PageOptions, header: &Header) -> bool {
    let wants_png = options.format == Format::Png;
    options.tone == Tone::Colour
        && (!wants_png || header.media_type == MediaType::Png)
        && options.rotate.is_multiple_of(4)
        && header.orientation == Orientation::Upright
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
        // A scale tells what a receipt resolves, too.
        dpi: size
            .map(|size| size.dpi(longest))
            .or(px_per_mm.map(|scale| scale * MM_PER_INCH))
            .map(|dpi| dpi as f32),
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
