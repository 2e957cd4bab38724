//! Pixels without colour.

use std::fmt;

use crate::Picture;

/// An upright picture of 8-bit grey. Never without pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct GreyPicture {
    width: u32,
    height: u32,
    luma: Vec<u8>,
}

impl GreyPicture {
    /// A picture of these bytes, row by row, one a pixel, 0 black and 255 white; `None` where their number does
    /// not fit the size or the size is zero.
    pub fn new(width: u32, height: u32, luma: Vec<u8>) -> Option<Self> {
        let fits = u64::from(width) * u64::from(height) == luma.len() as u64;
        (fits && !luma.is_empty()).then_some(Self { width, height, luma })
    }

    /// The brightness of a picture in colour, weighted as JPEG weights it.
    pub fn of(picture: &Picture) -> Self {
        let luma = picture.rgb().chunks_exact(3).map(|p| luma([p[0], p[1], p[2]])).collect();
        Self { width: picture.width(), height: picture.height(), luma }
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, row by row from the top, one a pixel.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }
}

/// Brightness of a colour, weighted as JPEG weights it.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8
}

impl fmt::Debug for GreyPicture {
    /// The size only: the pixels are somebody's paper.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GreyPicture({} x {})", self.width, self.height)
    }
}
