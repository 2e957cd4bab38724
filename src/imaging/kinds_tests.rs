//! Good pictures of every kind that cameras and browsers make, none of which may be refused; and kinds that
//! nobody makes, which are refused by name.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{ImageError, PageOptions, Picture, decode, inspect, make_page};

const SAMPLINGS: [SamplingFactor; 6] = [
    SamplingFactor::R_4_4_4,
    SamplingFactor::R_4_2_2,
    SamplingFactor::R_4_2_0,
    SamplingFactor::R_4_4_0,
    SamplingFactor::R_4_1_1,
    SamplingFactor::R_4_1_0,
];

struct Written {
    quality: u8,
    sampling: SamplingFactor,
    is_progressive: bool,
    is_optimised: bool,
    restart_interval: u16,
}

const PLAIN: Written = Written {
    quality: 85,
    sampling: SamplingFactor::R_4_2_0,
    is_progressive: false,
    is_optimised: false,
    restart_interval: 0,
};

fn written(picture: &Picture, how: &Written) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, how.quality);
    encoder.set_sampling_factor(how.sampling);
    encoder.set_progressive(how.is_progressive);
    encoder.set_optimized_huffman_tables(how.is_optimised);
    if how.restart_interval > 0 {
        encoder.set_restart_interval(how.restart_interval);
    }
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture.rgb(), width, height, ColorType::Rgb).unwrap();
    bytes
}

fn flat(width: u32, height: u32, colour: [u8; 3]) -> Picture {
    Picture::new(width, height, colour.repeat((width * height) as usize)).unwrap()
}

/// Black and white pixels without any order, the largest coefficients there are.
fn noisy(width: u32, height: u32) -> Picture {
    let mut state = 9_u32;
    let rgb = (0..width * height * 3).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 0 } else { 255 }
    });
    Picture::new(width, height, rgb.collect()).unwrap()
}

fn frame() -> Picture {
    let path = format!("{}/../../fixtures/desk/small.jpg", env!("CARGO_MANIFEST_DIR"));
    decode(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_way_to_write_a_jpeg_is_read() {
    let pictures = [
        flat(1, 1, [255; 3]),
        flat(640, 480, [255; 3]),
        flat(333, 250, [0; 3]),
        flat(97, 401, [128; 3]),
        flat(64, 64, [0, 0, 255]),
        noisy(75, 61),
        frame(),
    ];
    for picture in &pictures {
        for sampling in SAMPLINGS {
            for bits in 0..4 {
                for restart_interval in [0, 1, 7] {
                    let (is_progressive, is_optimised) = (bits & 1 == 1, bits & 2 == 2);
                    // This encoder counts no restarts when it chooses codes, and then lacks some.
                    if is_optimised && restart_interval > 0 {
                        continue;
                    }
                    for quality in [20, 85, 100] {
                        let how =
                            Written { quality, sampling, is_progressive, is_optimised, restart_interval };
                        let read = decode(&written(picture, &how));
                        let kind = format!("{picture:?} {sampling:?} {bits} {restart_interval} {quality}");
                        let read = read.unwrap_or_else(|e| panic!("{kind}: {e}"));
                        assert_eq!((read.width(), read.height()), (picture.width(), picture.height()));
                    }
                }
            }
        }
    }
}

#[test]
fn a_blank_page_is_no_loss() {
    for colour in [[255; 3], [0; 3], [128; 3], [250, 248, 240]] {
        for (is_optimised, is_progressive) in [(false, false), (true, false), (true, true)] {
            let page = flat(1654, 2339, colour);
            let bytes = written(&page, &Written { is_optimised, is_progressive, ..PLAIN });
            assert!(decode(&bytes).is_ok(), "{colour:?} {is_optimised} {is_progressive}");
        }
    }
}

/// The frame as a webcam without Huffman tables sends it.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            bytes.extend_from_slice(&jpeg[at..end]);
        }
        at = end;
    }
    bytes.extend_from_slice(&jpeg[at..]);
    bytes
}

#[test]
fn a_webcam_frame_without_huffman_tables_is_read_and_its_page_has_them() {
    let whole = written(&frame(), &PLAIN);
    let bare = without_tables(&whole);
    assert!(bare.len() < whole.len() - 400);
    assert_eq!(decode(&bare).unwrap(), decode(&whole).unwrap());
    let options = PageOptions { crop: crate::Crop::Full, ..PageOptions::default() };
    let page = make_page(&bare, &options).unwrap().page.bytes;
    assert!(page.windows(2).any(|pair| pair == [0xff, 0xc4]));
    assert_eq!(decode(&page).unwrap(), decode(&whole).unwrap());
}

#[test]
fn what_webcams_leave_around_the_data_is_harmless() {
    let picture = frame();
    let how = Written { restart_interval: picture.width().div_ceil(16) as u16, ..PLAIN };
    let whole = written(&picture, &how);
    let same = decode(&whole).unwrap();
    let end = whole.len() - 2;
    for spare in [&[0][..], &[0x55], &[0; 10], &[0xff], &[0xff, 0xff, 0xff], &[0xff, 0xd0 + 6]] {
        let restarts = whole.windows(2).filter(|w| w[0] == 0xff && (0xd0..0xd8).contains(&w[1])).count();
        let is_next_restart = spare.len() == 2;
        let spare = if is_next_restart { vec![0xff, 0xd0 + (restarts % 8) as u8] } else { spare.to_vec() };
        let bytes = [&whole[..end], &spare, &whole[end..]].concat();
        assert_eq!(decode(&bytes), Ok(same.clone()), "{spare:x?} before the end");
    }
    for after in [vec![0; 5000], b"\xff\xd9".to_vec(), b"anything \xff\xd8\xff\xe0".to_vec()] {
        assert_eq!(decode(&[&whole[..], &after].concat()), Ok(same.clone()));
    }
    // "Extraneous bytes before marker 0xd3", as some do before each restart.
    let mut padded = Vec::new();
    for (i, byte) in whole.iter().enumerate() {
        let next = whole.get(i + 1).copied().unwrap_or(0);
        if *byte == 0xff && (0xd0..=0xd7).contains(&next) {
            padded.extend([0x12, 0x34, 0, 0, 0]);
        }
        padded.push(*byte);
    }
    assert!(padded.len() > whole.len() + 20);
    assert_eq!(decode(&padded), Ok(same));
}

#[test]
fn grey_pictures_are_read() {
    let grey =
        DynamicImage::ImageRgb8(image::RgbImage::from_raw(75, 61, noisy(75, 61).rgb().to_vec()).unwrap())
            .into_luma8();
    for is_progressive in [false, true] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 85);
        encoder.set_progressive(is_progressive);
        encoder.encode(grey.as_raw(), 75, 61, ColorType::Luma).unwrap();
        let read = decode(&bytes).unwrap();
        assert!(read.rgb().chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    }
}

#[test]
fn kinds_of_jpeg_that_nobody_makes_are_refused_by_name() {
    let whole = written(&frame(), &PLAIN);
    let frame_at = whole.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    // Lossless, hierarchical, arithmetic.
    for marker in [0xc3, 0xc5, 0xc7, 0xc9, 0xca, 0xcb, 0xcf] {
        let mut other = whole.clone();
        other[frame_at + 1] = marker;
        assert_eq!(decode(&other), Err(ImageError::Unsupported), "{marker:x}");
        assert_eq!(inspect(&other), Err(ImageError::Unsupported));
    }
    let mut deep = whole;
    deep[frame_at + 4] = 12;
    assert_eq!(decode(&deep), Err(ImageError::Unsupported));
    let mut cmyk = Vec::new();
    Encoder::new(&mut cmyk, 85).encode(&[0; 16 * 16 * 4], 16, 16, ColorType::Cmyk).unwrap();
    assert_eq!(decode(&cmyk), Err(ImageError::Unsupported));
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn png_of_every_depth_is_read() {
    let rgb = image::RgbImage::from_raw(75, 61, noisy(75, 61).rgb().to_vec()).unwrap();
    let eight = DynamicImage::ImageRgb8(rgb);
    let want = decode(&png(&eight)).unwrap();
    assert_eq!(want.rgb(), eight.as_bytes());
    assert_eq!(decode(&png(&DynamicImage::ImageRgb16(eight.to_rgb16()))).unwrap(), want);
    assert_eq!(decode(&png(&DynamicImage::ImageRgba8(eight.to_rgba8()))).unwrap(), want);
    let grey = decode(&png(&DynamicImage::ImageLuma16(eight.to_luma16()))).unwrap();
    assert_eq!(grey, decode(&png(&DynamicImage::ImageLuma8(eight.to_luma8()))).unwrap());
}

/// Eight by eight pixels, interlaced, two bits each into a palette of red, green, blue and (9, 8, 7): the colour
/// at (x, y) is number (x + 2 y) mod 4.
const INTERLACED_PALETTE_PNG: &str = concat!(
    "89504e470d0a1a0a0000000d4948445200000008000000080203000001ce66668e0000000c504c5445ff000000ff0000",
    "00ff090807a2d262c0000000174944415478da636000830540a80484e550b871231c0100656a08e9268a57ff00000000",
    "49454e44ae426082",
);

#[test]
fn an_interlaced_png_with_a_palette_is_read() {
    let digits = INTERLACED_PALETTE_PNG.as_bytes().chunks(2);
    let bytes: Vec<u8> =
        digits.map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect();
    let picture = decode(&bytes).unwrap();
    let palette = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]];
    for (x, y) in (0..64).map(|i| (i % 8, i / 8)) {
        assert_eq!(picture.pixel(x, y), palette[(x + 2 * y) % 4], "{x}, {y}");
    }
}
