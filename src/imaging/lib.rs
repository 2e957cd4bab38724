//! From a camera's frame to a page: find the page, straighten it, judge whether it is legible, encode it.
//!
//! Pure and deterministic: no file, no clock, no thread; the same bytes and options give the same page bytes,
//! which lets equal pages share one stored blob. [`make_page`] does everything in one call; the verbs it is
//! made of stand beside it, one file each.
//!
//! Points are in pixels of the upright picture (after EXIF orientation); the middle of the top-left pixel is
//! at (0.5, 0.5).

mod barcode;
mod bent;
mod candidates;
mod decode;
mod edges;
mod encode;
mod error;
mod figures;
mod find;
mod geometry;
mod glance;
mod grey;
mod header;
mod hull;
mod jpeg;
mod jpeg_check;
mod jpeg_decode;
mod jpeg_huffman;
mod jpeg_scan;
mod jpeg_typical;
mod judge;
mod net;
mod output;
mod page;
mod paper_size;
mod patches;
mod pdf;
mod picture;
mod planes;
mod png;
mod portrait;
mod put_right;
mod quality;
mod rectify;
mod rim;
mod score;
mod sharpness;
mod shrink;
mod sides;
mod span;
mod tone;
mod upright;
mod warp;

#[cfg(test)]
mod bent_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod find_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod loss_tests;
#[cfg(test)]
mod put_right_tests;
#[cfg(test)]
mod scene_tests;
#[cfg(test)]
mod upright_tests;
#[cfg(test)]
mod warp_tests;

pub use barcode::{CODE_TEXT_MAX_BYTES, CODES_MAX, CodeRead, Symbology, read_codes};
pub use decode::{decode, decode_small};
pub use encode::{encode_jpeg, thumbnail};
pub use error::ImageError;
pub use find::{Found, PAGES_MAX, Sight, find_page, find_pages, look_for_page};
pub use geometry::intersection_over_union;
pub use grey::GreyPicture;
pub use header::{Header, Orientation, PIXELS_MAX, SIDE_MAX_PX, inspect};
pub use jpeg::complete as complete_jpeg;
pub use judge::{PageSetting, judge, judge_page, runs_out_of_frame};
pub use output::{Format, encode_page, encode_png};
pub use page::{Crop, Encoded, PageOptions, PageResult, Stage, make_page, make_page_watched, make_pages};
pub use paper_size::{PaperSize, paper_size};
pub use pdf::{
    PDF_BYTES_MAX, PDF_OBJECTS_MAX, PDF_PAGES_MAX, PdfError, PdfImage, PdfInfo, PdfPage, pdf_images,
    write_card_pdf, write_pdf,
};
pub use picture::Picture;
pub use portrait::{
    PORTRAIT_PIXELS_MAX, PORTRAIT_SIDE_MAX_PX, PORTRAIT_SIDE_MIN_PX, PortraitError, portrait,
};
pub use quality::{Issue, Quality, QualityIssue};
pub use rectify::{PAGE_SIDE_MAX_PX, rectify};
pub use tone::{Tone, Toned, UnknownTone, set_tone, whiten};
pub use upright::{Upright, upright};
