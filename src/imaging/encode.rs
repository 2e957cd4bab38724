//! Pixels to JPEG.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{GreyPicture, ImageError, Picture};

/// Quality of thumbnails: small and good enough to recognise a paper by.
const THUMBNAIL_QUALITY: u8 = 78;

/// Encodes a baseline JPEG with colour at half resolution (4:2:0). `quality` is 1 to 100; other values are
/// moved to the nearer end. The same picture gives the same bytes.
///
/// # Errors
/// `Encode`, where a side is longer than JPEG can say.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let side = |v: u32| u16::try_from(v).map_err(|_| ImageError::Encode);
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let mut bytes = Vec::with_capacity(picture.rgb().len() / 8);
    let mut encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(picture.rgb(), width, height, ColorType::Rgb).map_err(|_| ImageError::Encode)?;
    Ok(bytes)
}

/// Encodes a baseline JPEG of brightness alone.
pub(crate) fn encode_grey_jpeg(grey: &GreyPicture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let side = |v: u32| u16::try_from(v).map_err(|_| ImageError::Encode);
    let (width, height) = (side(grey.width())?, side(grey.height())?);
    let mut bytes = Vec::with_capacity(grey.luma().len() / 4);
    let encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    encoder.encode(grey.luma(), width, height, ColorType::Luma).map_err(|_| ImageError::Encode)?;
    Ok(bytes)
}

/// A small JPEG of the whole picture whose longer side is at most `longest_px` (at least 1); a picture that
/// is smaller already keeps its size.
///
/// # Errors
/// `Encode`.
pub fn thumbnail(picture: &Picture, longest_px: u32) -> Result<Vec<u8>, ImageError> {
    encode_jpeg(&picture.shrunk(longest_px.max(1)), THUMBNAIL_QUALITY)
}
