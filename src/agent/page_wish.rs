//! How a page may be asked for: the same words and bounds for the local API and the command line.

use std::ops::RangeInclusive;

use yidang_imaging::{Crop, ImageError, PageOptions, PageResult};

/// Resolutions a page can be asked for in.
pub(crate) const DPI: RangeInclusive<u32> = 50..=600;

/// The tones there are, the usual one first.
pub(crate) const TONES: &[&str] = &["colour"];

/// Most papers that one frame becomes.
const PAPERS_MAX: usize = 8;

/// A checked wish.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageWish {
    /// Which part of the frame.
    pub(crate) crop: Crop,
    /// Quarter turns clockwise.
    pub(crate) rotate: u8,
    /// Pixels an inch; as the frame has it unless said.
    pub(crate) dpi: Option<u32>,
    /// Whether several papers become a page each.
    pub(crate) split: bool,
}

impl Default for PageWish {
    /// The page that is found, as it lies, in its own resolution.
    fn default() -> Self {
        Self { crop: Crop::Auto, rotate: 0, dpi: None, split: false }
    }
}

impl PageWish {
    /// The pages of a frame, at least one.
    pub(crate) fn make(&self, frame: &[u8]) -> Result<Vec<PageResult>, ImageError> {
        let options =
            PageOptions { crop: self.crop, rotate: self.rotate, dpi: self.dpi, ..PageOptions::default() };
        let mut pages = vec![yidang_imaging::make_page(frame, &options)?];
        pages.truncate(if self.split { PAPERS_MAX } else { 1 });
        Ok(pages)
    }
}
