//! Pixels to JPEG.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvImage};

use crate::planes::Planes;
use crate::{GreyPicture, ImageError, Picture};

/// Quality of thumbnails: small and good enough to recognise a paper by.
const THUMBNAIL_QUALITY: u8 = 78;

/// Encodes a baseline JPEG with colour at half resolution (4:2:0). `quality` is 1 to 100; other values are
/// moved to the nearer end. The same picture gives the same bytes.
///
/// # Errors
/// `Encode`, where a side is longer than JPEG can say.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let image = Image { pixels: picture.rgb(), width, pitch: width * 3, height, format: PixelFormat::RGB };
    let mut encoder = encoder(quality)?;
    encoder.compress_to_vec(image).map_err(|_| ImageError::Encode)
}

/// The same, for planes that are stored upright with colour at half resolution each way.
///
/// # Errors
/// `Encode`, for other planes too.
pub(crate) fn encode_planes(planes: &Planes, quality: u8) -> Result<Vec<u8>, ImageError> {
    if planes.colours().is_none_or(|(sampling, _)| sampling != [2, 2]) {
        return Err(ImageError::Encode);
    }
    let [width, height] = planes.stored_size();
    let image = YuvImage { pixels: planes.bytes(), width, align: 1, height, subsamp: Subsamp::Sub2x2 };
    encoder(quality)?.compress_yuv_to_vec(image).map_err(|_| ImageError::Encode)
}

fn encoder(quality: u8) -> Result<Compressor, ImageError> {
    let configured = || {
        let mut encoder = Compressor::new()?;
        encoder.set_quality(i32::from(quality.clamp(1, 100)))?;
        encoder.set_subsamp(Subsamp::Sub2x2)?;
        turbojpeg::Result::Ok(encoder)
    };
    configured().map_err(|_| ImageError::Encode)
}

/// Encodes a baseline JPEG of brightness alone.
pub(crate) fn encode_grey_jpeg(grey: &GreyPicture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let image = Image { pixels: grey.luma(), width, pitch: width, height, format: PixelFormat::GRAY };
    let mut encoder = encoder(quality)?;
    encoder.set_subsamp(Subsamp::Gray).map_err(|_| ImageError::Encode)?;
    encoder.compress_to_vec(image).map_err(|_| ImageError::Encode)
}

/// A small JPEG of the whole picture whose longer side is at most `longest_px` (at least 1); a picture that
/// is smaller already keeps its size. Of bytes, [`decode_small`](crate::decode_small) makes the picture faster.
///
/// # Errors
/// `Encode`.
pub fn thumbnail(picture: &Picture, longest_px: u32) -> Result<Vec<u8>, ImageError> {
    encode_jpeg(&picture.shrunk(longest_px.max(1)), THUMBNAIL_QUALITY)
}
