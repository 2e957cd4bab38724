//! What a picture says about itself before it is decoded.

use yidang_model::MediaType;

use crate::geometry::Point;
use crate::{ImageError, jpeg, png};

/// Most pixels a picture may have: more than any document camera gives, and 180 MB once decoded.
pub const PIXELS_MAX: u64 = 60_000_000;
/// Longest side a picture may have, in pixels.
pub const SIDE_MAX_PX: u32 = 20_000;

/// A picture's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How it is encoded.
    pub media_type: MediaType,
    /// Pixels across, after `orientation`.
    pub width: u32,
    /// Pixels down, after `orientation`.
    pub height: u32,
    /// What must be done to the stored pixels for the picture to stand upright.
    pub orientation: Orientation,
}

impl Header {
    /// Pixels across and down, as stored.
    pub(crate) const fn stored_size(&self) -> [u32; 2] {
        if self.orientation.swaps_sides() { [self.height, self.width] } else { [self.width, self.height] }
    }
}

/// What the EXIF orientation tag asks for, under its eight numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// 1: stored upright.
    Upright,
    /// 2: mirror left and right.
    Mirror,
    /// 3: half a turn.
    HalfTurn,
    /// 4: mirror top and bottom.
    Flip,
    /// 5: swap the axes.
    Transpose,
    /// 6: a quarter turn clockwise.
    Clockwise,
    /// 7: swap the axes and turn by half.
    Transverse,
    /// 8: a quarter turn counter-clockwise.
    CounterClockwise,
}

impl Orientation {
    /// Reads the tag from EXIF data that starts at its TIFF header; anything unreadable is upright, as every
    /// viewer has it.
    pub(crate) fn from_exif(tiff: &[u8]) -> Self {
        let tag = image::metadata::Orientation::from_exif_chunk(tiff).map_or(1, |found| found.to_exif());
        match tag {
            2 => Self::Mirror,
            3 => Self::HalfTurn,
            4 => Self::Flip,
            5 => Self::Transpose,
            6 => Self::Clockwise,
            7 => Self::Transverse,
            8 => Self::CounterClockwise,
            _ => Self::Upright,
        }
    }

    /// Where a point of the upright picture lies in the stored one, whose size is given.
    pub(crate) fn to_stored(self, [x, y]: Point, [width, height]: [f32; 2]) -> Point {
        match self {
            Self::Upright => [x, y],
            Self::Mirror => [width - x, y],
            Self::HalfTurn => [width - x, height - y],
            Self::Flip => [x, height - y],
            Self::Transpose => [y, x],
            Self::Clockwise => [y, height - x],
            Self::Transverse => [width - y, height - x],
            Self::CounterClockwise => [width - y, x],
        }
    }

    /// Whether width and height change places.
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Clockwise | Self::Transverse | Self::CounterClockwise)
    }
}

/// Reads the header of a JPEG or PNG.
///
/// Only the header: a picture whose pixels are cut off passes here and is refused by [`decode`](crate::decode).
/// Takes no memory that depends on what the header claims.
///
/// # Errors
/// `NotAnImage`, `Unsupported`, `Damaged` where the header itself is, `TooLarge`.
pub fn inspect(bytes: &[u8]) -> Result<Header, ImageError> {
    let media_type = media_type(bytes)?;
    let (width, height, orientation) = match media_type {
        MediaType::Jpeg => jpeg::read_header(bytes)?,
        MediaType::Png => png::read_header(bytes)?,
    };
    if width == 0 || height == 0 {
        return Err(ImageError::Damaged);
    }
    if width.max(height) > SIDE_MAX_PX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(ImageError::TooLarge { width, height });
    }
    let (width, height) = if orientation.swaps_sides() { (height, width) } else { (width, height) };
    Ok(Header { media_type, width, height, orientation })
}

fn media_type(bytes: &[u8]) -> Result<MediaType, ImageError> {
    if bytes.starts_with(&jpeg::SIGNATURE) {
        Ok(MediaType::Jpeg)
    } else if bytes.starts_with(&png::SIGNATURE) {
        Ok(MediaType::Png)
    } else {
        Err(ImageError::NotAnImage)
    }
}
