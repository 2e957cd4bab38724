//! From a camera's frame to a page: find the page, straighten it, judge whether it is legible, encode it.
//!
//! Pure and deterministic: no file, no clock, no thread; the same bytes and options give the same page bytes,
//! which lets equal pages share one stored blob. [`make_page`] does everything in one call; the verbs it is
//! made of stand beside it, one file each.
//!
//! Points are in pixels of the upright picture (after EXIF orientation); the middle of the top-left pixel is
//! at (0.5, 0.5).

mod decode;
mod edges;
mod encode;
mod error;
mod find;
mod geometry;
mod gradient;
mod header;
mod hull;
mod jpeg;
mod jpeg_check;
mod jpeg_huffman;
mod jpeg_scan;
mod jpeg_typical;
mod judge;
mod lines;
mod page;
mod picture;
mod png;
mod portrait;
mod quads;
mod rectify;
mod regions;
mod score;
mod segments;
mod sides;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod find_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod loss_tests;
#[cfg(test)]
mod scene_tests;

pub use decode::decode;
pub use encode::{encode_jpeg, thumbnail};
pub use error::ImageError;
pub use find::{Found, PAGES_MAX, Sight, find_page, find_pages, look_for_page};
pub use header::{Header, Orientation, PIXELS_MAX, SIDE_MAX_PX, inspect};
pub use judge::{Quality, QualityIssue, judge};
pub use page::{Crop, Encoded, PageOptions, PageResult, make_page};
pub use picture::Picture;
pub use portrait::{
    PORTRAIT_PIXELS_MAX, PORTRAIT_SIDE_MAX_PX, PORTRAIT_SIDE_MIN_PX, PortraitError, portrait,
};
pub use rectify::{PAGE_SIDE_MAX_PX, rectify};
