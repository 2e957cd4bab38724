//! Which file a page becomes.

use png::{BitDepth, ColorType, Compression};
use yidang_model::MediaType;

use crate::encode::encode_grey_jpeg;
use crate::{Encoded, GreyPicture, ImageError, Picture, Toned, encode_jpeg};

/// Which file a page becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, for colour and grey. A page in black and white becomes PNG all the same: a JPEG of it is several
    /// times as large and smears its rims.
    Jpeg {
        /// 1 to 100; other values are moved to the nearer end.
        quality: u8,
    },
    /// PNG, without loss: 24, 8 or 1 bits a pixel for colour, grey, and black and white.
    Png,
}

impl Default for Format {
    fn default() -> Self {
        Self::Jpeg { quality: 85 }
    }
}

/// Encodes a page. The same page and format give the same bytes.
///
/// # Errors
/// `Encode`, where a side is longer than JPEG can say.
pub fn encode_page(page: &Toned, format: Format) -> Result<Encoded, ImageError> {
    let (bytes, media_type) = match (page, format) {
        (Toned::Colour(picture), Format::Jpeg { quality }) => {
            (encode_jpeg(picture, quality)?, MediaType::Jpeg)
        }
        (Toned::Grey(grey), Format::Jpeg { quality }) => (encode_grey_jpeg(grey, quality)?, MediaType::Jpeg),
        (Toned::Colour(picture), Format::Png) => (encode_png(picture)?, MediaType::Png),
        (Toned::Grey(grey), Format::Png) => (grey_png(grey)?, MediaType::Png),
        (Toned::BlackWhite(grey), _) => (black_white_png(grey)?, MediaType::Png),
    };
    Ok(Encoded { bytes, media_type, width: page.width(), height: page.height() })
}

/// Encodes a PNG of 24 bits a pixel, without loss. The same picture gives the same bytes.
///
/// # Errors
/// `Encode`.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, ImageError> {
    png([picture.width(), picture.height()], ColorType::Rgb, BitDepth::Eight, picture.rgb())
}

fn grey_png(grey: &GreyPicture) -> Result<Vec<u8>, ImageError> {
    png([grey.width(), grey.height()], ColorType::Grayscale, BitDepth::Eight, grey.luma())
}

/// One bit a pixel, the leftmost in the highest; what is 128 and brighter is white.
fn black_white_png(grey: &GreyPicture) -> Result<Vec<u8>, ImageError> {
    let rows = grey.luma().chunks_exact(grey.width() as usize);
    let bits: Vec<u8> = rows
        .flat_map(|row| {
            row.chunks(8).map(|dots| {
                dots.iter().enumerate().fold(0, |byte, (i, dot)| byte | (u8::from(*dot >= 128) << (7 - i)))
            })
        })
        .collect();
    png([grey.width(), grey.height()], ColorType::Grayscale, BitDepth::One, &bits)
}

fn png(
    [width, height]: [u32; 2],
    colour: ColorType,
    depth: BitDepth,
    data: &[u8],
) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    // One bit a pixel is small and packs well when tried harder; the large ones must not keep the clerk waiting.
    encoder.set_compression(if depth == BitDepth::One { Compression::Balanced } else { Compression::Fast });
    let mut writer = encoder.write_header().map_err(|_| ImageError::Encode)?;
    writer.write_image_data(data).map_err(|_| ImageError::Encode)?;
    writer.finish().map_err(|_| ImageError::Encode)?;
    Ok(bytes)
}
