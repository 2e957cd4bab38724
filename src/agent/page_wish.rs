//! How a page may be asked for: the same words and bounds for the local API and the command line.

use std::ops::RangeInclusive;

use yidang_imaging::{Crop, PageOptions};

/// Resolutions a page can be asked for in.
pub(crate) const DPI: RangeInclusive<u32> = 50..=600;

/// The tones there are, the usual one first.
pub(crate) const TONES: &[&str] = &["colour"];

/// A checked wish.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageWish {
    /// Which part of the frame.
    pub(crate) crop: Crop,
    /// Quarter turns clockwise.
    pub(crate) rotate: u8,
    /// Pixels an inch; as the frame has it unless said.
    pub(crate) dpi: Option<u32>,
}

impl Default for PageWish {
    /// The page that is found, as it lies, in its own resolution.
    fn default() -> Self {
        Self { crop: Crop::Auto, rotate: 0, dpi: None }
    }
}

impl PageWish {
    /// What imaging is told.
    pub(crate) fn options(&self) -> PageOptions {
        PageOptions { crop: self.crop, rotate: self.rotate, dpi: self.dpi, ..PageOptions::default() }
    }
}
