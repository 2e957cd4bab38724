//! A card's portrait, as whatever decoder wrote it.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageDecoder as _, ImageEncoder as _};

use crate::decode::{decode_inspected, on_white};
use crate::{ImageError, Picture, inspect};

/// Longest side of a portrait. A card's own is 102 × 126.
pub const PORTRAIT_SIDE_MAX_PX: u32 = 1000;
/// Shortest side of what can show a face.
pub const PORTRAIT_SIDE_MIN_PX: u32 = 32;
/// Most pixels of a portrait, so that what is made of it stays below 730 000 bytes whatever it shows.
pub const PORTRAIT_PIXELS_MAX: u32 = 240_000;

/// Why bytes are no portrait. Nothing here quotes the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortraitError {
    /// The bytes are neither BMP, PNG nor JPEG, or of a kind that is not read.
    #[error("this is no BMP, PNG or JPEG picture")]
    NotAnImage,
    /// The picture is cut off or corrupt.
    #[error("the picture is damaged or cut off")]
    Damaged,
    /// A side outside [`PORTRAIT_SIDE_MIN_PX`] to [`PORTRAIT_SIDE_MAX_PX`], or more pixels than
    /// [`PORTRAIT_PIXELS_MAX`]. Known before memory for the pixels is taken.
    #[error("a portrait is not {width} x {height} pixels large")]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
}

impl From<ImageError> for PortraitError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::NotAnImage | ImageError::Unsupported => Self::NotAnImage,
            ImageError::TooLarge { width, height } => Self::Size { width, height },
            ImageError::Damaged | ImageError::BadCorners | ImageError::Encode => Self::Damaged,
        }
    }
}

/// Reads a portrait, BMP, PNG or JPEG, and writes it anew as PNG, so that nothing of the file but its pixels
/// goes on.
pub fn portrait(bytes: &[u8]) -> Result<Vec<u8>, PortraitError> {
    let picture = if bytes.starts_with(b"BM") { decode_bmp(bytes)? } else { decode_known(bytes)? };
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(picture.rgb(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|_| PortraitError::Damaged)?;
    Ok(png)
}

fn decode_known(bytes: &[u8]) -> Result<Picture, PortraitError> {
    let header = inspect(bytes)?;
    sized(header.width, header.height)?;
    Ok(decode_inspected(&crate::decode::completed(bytes, &header), &header)?)
}

fn decode_bmp(bytes: &[u8]) -> Result<Picture, PortraitError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|_| PortraitError::Damaged)?;
    let (width, height) = decoder.dimensions();
    sized(width, height)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(|_| PortraitError::Damaged)?;
    let rgb = if decoded.color().has_alpha() { on_white(&decoded) } else { decoded.into_rgb8() };
    Picture::new(width, height, rgb.into_raw()).ok_or(PortraitError::Damaged)
}

fn sized(width: u32, height: u32) -> Result<(), PortraitError> {
    let fits = |side| (PORTRAIT_SIDE_MIN_PX..=PORTRAIT_SIDE_MAX_PX).contains(&side);
    if fits(width) && fits(height) && width * height <= PORTRAIT_PIXELS_MAX {
        Ok(())
    } else {
        Err(PortraitError::Size { width, height })
    }
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;
    use proptest::prelude::*;

    use super::*;
    use crate::{decode, encode_jpeg};

    /// A drawn picture in which no two pixels of a row or column are alike.
    fn drawn(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 2) as u8, (y * 2) as u8, (x ^ y) as u8])
        }))
    }

    fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        if format == ImageFormat::Jpeg {
            let rgb = picture.to_rgb8();
            let picture = Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).unwrap();
            return encode_jpeg(&picture, 85).unwrap();
        }
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A BMP as card decoders write it, byte by byte: 24 bits, bottom-up, rows padded to four bytes.
    fn card_bmp() -> Vec<u8> {
        const ROW: usize = 308;
        let mut bytes = b"BM".to_vec();
        for word in [54 + 126 * ROW as u32, 0, 54, 40, 102, 126] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([1, 0, 24, 0]);
        bytes.extend([0; 24]);
        for y in (0..126_u32).rev() {
            for x in 0..102_u32 {
                bytes.extend([(x ^ y) as u8, (y * 2) as u8, (x * 2) as u8]);
            }
            bytes.extend([0; ROW - 306]);
        }
        bytes
    }

    #[test]
    fn the_bmp_that_card_decoders_write_keeps_every_pixel() {
        let bytes = card_bmp();
        assert_eq!(bytes.len(), 38862);
        let png = portrait(&bytes).unwrap();
        let picture = decode(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (102, 126));
        assert!(picture.rgb() == drawn(102, 126).as_bytes());
    }

    #[test]
    fn png_and_jpeg_are_read_as_well() {
        let png = portrait(&written(&drawn(102, 126), ImageFormat::Png)).unwrap();
        assert!(decode(&png).unwrap().rgb() == drawn(102, 126).as_bytes());
        let jpeg = portrait(&written(&drawn(102, 126), ImageFormat::Jpeg)).unwrap();
        assert_eq!(decode(&jpeg).unwrap().width(), 102);
    }

    #[test]
    fn what_is_transparent_becomes_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(40, 40, image::Rgba([9, 9, 9, 0])));
        for format in [ImageFormat::Png, ImageFormat::Bmp] {
            let picture = decode(&portrait(&written(&clear, format)).unwrap()).unwrap();
            assert!(picture.rgb().iter().all(|&channel| channel == 255), "{format:?}");
        }
    }

    #[test]
    fn what_is_no_portrait_says_why() {
        assert_eq!(portrait(b""), Err(PortraitError::NotAnImage));
        assert_eq!(portrait(&[0; 1024]), Err(PortraitError::NotAnImage));
        assert_eq!(portrait(b"BM and nothing more"), Err(PortraitError::Damaged));
        for format in [ImageFormat::Bmp, ImageFormat::Png, ImageFormat::Jpeg] {
            let large = portrait(&written(&drawn(1001, 40), format));
            assert_eq!(large, Err(PortraitError::Size { width: 1001, height: 40 }), "{format:?}");
            let small = portrait(&written(&drawn(40, 31), format));
            assert_eq!(small, Err(PortraitError::Size { width: 40, height: 31 }), "{format:?}");
            let whole = written(&drawn(102, 126), format);
            for kept in [whole.len() / 2, whole.len() * 3 / 4] {
                assert_eq!(portrait(&whole[..kept]), Err(PortraitError::Damaged), "{format:?}, {kept} bytes");
            }
        }
    }

    #[test]
    fn the_largest_portrait_stays_small_whatever_it_shows() {
        let noise = |width, height| {
            let mut state = 1_u32;
            DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |_, _| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 20) as u8])
            }))
        };
        assert!(portrait(&written(&noise(240, 1000), ImageFormat::Bmp)).unwrap().len() < 730_000);
        let more = portrait(&written(&noise(241, 1000), ImageFormat::Bmp));
        assert_eq!(more, Err(PortraitError::Size { width: 241, height: 1000 }));
    }

    #[test]
    fn a_bmp_that_lacks_its_last_row_is_damaged() {
        let bytes = card_bmp();
        assert_eq!(portrait(&bytes[..bytes.len() - 308]), Err(PortraitError::Damaged));
    }

    #[test]
    fn a_claim_of_size_takes_no_memory() {
        let mut huge = card_bmp();
        huge[18..26].copy_from_slice(&[0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0]);
        assert_eq!(portrait(&huge), Err(PortraitError::Size { width: 65535, height: 65535 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_bmp_is_refused_or_becomes_a_portrait(
            changes in proptest::collection::vec((0_usize..60, any::<u8>()), 1..8),
        ) {
            let mut bytes = card_bmp();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            if let Ok(png) = portrait(&bytes) {
                let picture = decode(&png).unwrap();
                prop_assert!(sized(picture.width(), picture.height()).is_ok());
            }
        }
    }
}
