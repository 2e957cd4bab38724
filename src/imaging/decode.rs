//! Bytes to pixels.

use std::borrow::Cow;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use yidang_model::MediaType;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::{Header, ImageError, Picture, SIDE_MAX_PX, inspect, jpeg, jpeg_check, png};

/// Decodes a JPEG or PNG and turns it upright. What is transparent becomes white.
///
/// A picture that is cut off, at whatever place, or that lost data from its middle is refused; bytes after its end
/// are ignored.
///
/// # Errors
/// `NotAnImage`, `Unsupported`, `Damaged`, `TooLarge`.
pub fn decode(bytes: &[u8]) -> Result<Picture, ImageError> {
    let header = inspect(bytes)?;
    decode_inspected(&completed(bytes, &header), &header)
}

/// The picture's bytes with what its camera took for granted.
pub(crate) fn completed<'a>(bytes: &'a [u8], header: &Header) -> Cow<'a, [u8]> {
    match header.media_type {
        MediaType::Jpeg => jpeg::complete(bytes),
        MediaType::Png => Cow::Borrowed(bytes),
    }
}

/// The same, for bytes that are completed and whose header was read before.
pub(crate) fn decode_inspected(bytes: &[u8], header: &Header) -> Result<Picture, ImageError> {
    let (width, height) = match header.orientation.swaps_sides() {
        true => (header.height, header.width),
        false => (header.width, header.height),
    };
    let rgb = match header.media_type {
        MediaType::Jpeg => decode_jpeg(bytes)?,
        MediaType::Png => decode_png(bytes)?,
    };
    let picture = Picture::new(width, height, rgb).ok_or(ImageError::Damaged)?;
    Ok(picture.oriented(header.orientation))
}

fn decode_jpeg(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    jpeg_check::check(bytes)?;
    // Strict besides: otherwise the decoder paints what it cannot read in grey and reports success.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(SIDE_MAX_PX as usize)
        .set_max_height(SIDE_MAX_PX as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().map_err(|_| ImageError::Damaged)
}

fn decode_png(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    if !png::is_whole(bytes) {
        return Err(ImageError::Damaged);
    }
    let decoded = image::load(Cursor::new(bytes), ImageFormat::Png).map_err(|_| ImageError::Damaged)?;
    Ok(if decoded.color().has_alpha() { on_white(&decoded) } else { decoded.into_rgb8() }.into_raw())
}

pub(crate) fn on_white(picture: &DynamicImage) -> RgbImage {
    let rgba = picture.to_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [r, g, b, alpha] = from.0.map(u32::from);
        to.0 = [r, g, b].map(|c| ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    rgb
}
