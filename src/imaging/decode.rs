//! Bytes to pixels.

use std::borrow::Cow;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use yidang_model::MediaType;

use crate::jpeg_decode::Jpeg;
use crate::planes::Planes;
use crate::{Header, ImageError, Picture, inspect, jpeg, png};

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

/// The same, made smaller so that the longer side is at most `longest_px` (at least 1). A JPEG is made smaller while
/// it is decoded, which takes a fraction of the time and memory.
///
/// # Errors
/// As [`decode`].
pub fn decode_small(bytes: &[u8], longest_px: u32) -> Result<Picture, ImageError> {
    let header = inspect(bytes)?;
    let bytes = completed(bytes, &header);
    let longest_px = longest_px.max(1);
    if header.media_type == MediaType::Png {
        return Ok(decode_inspected(&bytes, &header)?.shrunk(longest_px));
    }
    let (width, height, rgb) = Jpeg::new(&bytes, &header)?.small_rgb(longest_px as usize)?;
    let picture = Picture::new(width as u32, height as u32, rgb).ok_or(ImageError::Damaged)?;
    Ok(picture.shrunk(longest_px).oriented(header.orientation))
}

/// The picture's bytes with what its camera took for granted.
pub(crate) fn completed<'a>(bytes: &'a [u8], header: &Header) -> Cow<'a, [u8]> {
    match header.media_type {
        MediaType::Jpeg => jpeg::complete(bytes),
        MediaType::Png => Cow::Borrowed(bytes),
    }
}

/// As [`decode`], for bytes that are completed and whose header was read before.
pub(crate) fn decode_inspected(bytes: &[u8], header: &Header) -> Result<Picture, ImageError> {
    let (width, height, rgb) = match header.media_type {
        MediaType::Jpeg => Jpeg::new(bytes, header)?.rgb()?,
        MediaType::Png => decode_png(bytes)?,
    };
    let picture = Picture::new(width as u32, height as u32, rgb).ok_or(ImageError::Damaged)?;
    Ok(picture.oriented(header.orientation))
}

/// The same, in planes: a JPEG's own wherever they can be had.
pub(crate) fn decode_planes(bytes: &[u8], header: &Header) -> Result<Planes, ImageError> {
    if header.media_type == MediaType::Jpeg
        && let Some(planes) = Jpeg::new(bytes, header)?.planes()?
    {
        return Ok(planes);
    }
    Ok(Planes::of_picture(&decode_inspected(bytes, header)?))
}

fn decode_png(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), ImageError> {
    if !png::is_whole(bytes) {
        return Err(ImageError::Damaged);
    }
    let decoded = image::load(Cursor::new(bytes), ImageFormat::Png).map_err(|_| ImageError::Damaged)?;
    let rgb = if decoded.color().has_alpha() { on_white(&decoded) } else { decoded.into_rgb8() };
    Ok((rgb.width() as usize, rgb.height() as usize, rgb.into_raw()))
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
