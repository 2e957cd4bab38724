//! Bare pixels to JPEG.

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use crate::layout::{COLORSPACE_JPEG, DEFAULT_RANGE, FULL_RANGE, Pixels};

/// The frame is the original that is kept, so little may be lost.
const QUALITY: u8 = 95;

/// A picture in YUYV: two pixels in four bytes.
struct Yuyv<'a> {
    width: u16,
    height: u16,
    line_bytes: usize,
    bytes: &'a [u8],
    /// What each brightness and each colour difference of the camera is in a JPEG.
    brightness: [u8; 256],
    colour: [u8; 256],
}

/// The JPEG of one frame; `None` where its length is not the mode's.
pub(crate) fn encode(pixels: &Pixels, bytes: &[u8]) -> Option<Vec<u8>> {
    let width = u16::try_from(pixels.width).ok().filter(|width| width.is_multiple_of(2) && *width > 0)?;
    let height = u16::try_from(pixels.height).ok().filter(|height| *height > 0)?;
    let line_bytes = (pixels.line_bytes as usize).max(usize::from(width) * 2);
    // The last line may end with its last pixel.
    let least = line_bytes * usize::from(height - 1) + usize::from(width) * 2;
    if bytes.len() < least || bytes.len() > line_bytes * usize::from(height) {
        return None;
    }
    let (brightness, colour) = tables(is_full_range(pixels));
    let image = Yuyv { width, height, line_bytes, bytes, brightness, colour };
    let mut jpeg = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_1);
    encoder.encode_image(image).ok()?;
    Some(jpeg)
}

/// V4L2's rule: without a word about it, only JPEG's own colours use every value.
fn is_full_range(pixels: &Pixels) -> bool {
    pixels.quantization == FULL_RANGE
        || pixels.quantization == DEFAULT_RANGE && pixels.colorspace == COLORSPACE_JPEG
}

fn tables(full_range: bool) -> ([u8; 256], [u8; 256]) {
    let stretch = |from: i32, span: i32, around: i32| {
        std::array::from_fn(|value| {
            let stretched = (value as i32 - from) * 255;
            let rounded = (2 * stretched + stretched.signum() * span) / (2 * span);
            (rounded + around).clamp(0, 255) as u8
        })
    };
    if full_range {
        return (std::array::from_fn(|value| value as u8), std::array::from_fn(|value| value as u8));
    }
    (stretch(16, 219, 0), stretch(128, 224, 128))
}

impl ImageBuffer for Yuyv<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let start = usize::from(y) * self.line_bytes;
        let line = &self.bytes[start..start + usize::from(self.width) * 2];
        let [luminance, blue, red, _] = buffers;
        for [y0, u, y1, v] in line.as_chunks().0 {
            luminance.extend([self.brightness[usize::from(*y0)], self.brightness[usize::from(*y1)]]);
            blue.extend([self.colour[usize::from(*u)]; 2]);
            red.extend([self.colour[usize::from(*v)]; 2]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(width: u32, height: u32, line_bytes: u32) -> Pixels {
        Pixels { width, height, line_bytes, ..Pixels::default() }
    }

    #[test]
    fn limited_range_is_stretched() {
        let (brightness, colour) = tables(false);
        assert_eq!([0, 16, 126, 235, 255].map(|value: usize| brightness[value]), [0, 0, 128, 255, 255]);
        assert_eq!([0, 16, 128, 240, 255].map(|value: usize| colour[value]), [0, 0, 128, 255, 255]);
        let (brightness, colour) = tables(true);
        assert_eq!((brightness[16], colour[240]), (16, 240));
    }

    #[test]
    fn a_picture_is_encoded_with_its_own_colours_and_without_the_lines_padding() {
        // White, and a strong red, in lines with eight bytes of padding.
        let line = |pair: [u8; 4]| [pair.repeat(8), vec![77; 8]].concat();
        let bytes = [line([235, 128, 235, 128]).repeat(8), line([81, 90, 81, 240]).repeat(8)].concat();
        let jpeg = encode(&pixels(16, 16, 40), &bytes).expect("the length is right");
        let image = image::load_from_memory(&jpeg).expect("it is a JPEG").to_rgb8();
        assert_eq!(image.dimensions(), (16, 16));
        let near = |at: (u32, u32), wanted: [u8; 3]| {
            let seen = image.get_pixel(at.0, at.1).0;
            assert!(seen.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 8), "{at:?} is {seen:?}");
        };
        near((3, 3), [255, 255, 255]);
        near((12, 12), [255, 0, 0]);
        assert_eq!(yidang_device::whole_jpeg(&jpeg).as_ref(), Some(&jpeg));
    }

    #[test]
    fn missing_huffman_tables_are_the_ones_encoders_use() {
        let bytes: Vec<u8> = (0..64 * 64 * 2).map(|at: u32| (at * 7 % 251) as u8).collect();
        let jpeg = encode(&pixels(64, 64, 128), &bytes).expect("the length is right");
        let mut bare = jpeg[..2].to_vec();
        let mut at = 2;
        while jpeg[at + 1] != 0xDA {
            let next = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != 0xC4 {
                bare.extend(&jpeg[at..next]);
            }
            at = next;
        }
        bare.extend(&jpeg[at..]);
        assert!(bare.len() < jpeg.len());
        let mended = yidang_device::whole_jpeg(&bare).expect("it is whole");
        let [wanted, seen] =
            [&jpeg, &mended].map(|jpeg| image::load_from_memory(jpeg).expect("it is a JPEG"));
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_frame_of_another_length_is_none() {
        let mode = pixels(16, 4, 40);
        assert!(encode(&mode, &[128; 160]).is_some());
        assert!(encode(&mode, &[128; 152]).is_some());
        for length in [0, 151, 161] {
            assert!(encode(&mode, &vec![128; length]).is_none(), "{length} bytes");
        }
        assert!(encode(&pixels(15, 4, 30), &[128; 120]).is_none());
    }
}
