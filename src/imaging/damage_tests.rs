//! Broken, cut-off, oversized and hostile files.

use jpeg_encoder::SamplingFactor;
use proptest::prelude::*;

use crate::loss_tests::{KINDS, written};
use crate::{ImageError, Orientation, PageOptions, Picture, decode, encode_jpeg, inspect, make_page};

fn patterned(width: u32, height: u32) -> Picture {
    let rgb = (0..width * height).flat_map(|i| {
        let (x, y) = (i % width, i / width);
        [(x * 7 + y * 3) as u8, (x ^ y) as u8, (y * 5) as u8]
    });
    Picture::new(width, height, rgb.collect()).unwrap()
}

fn jpeg() -> Vec<u8> {
    encode_jpeg(&patterned(80, 56), 80).unwrap()
}

fn png() -> Vec<u8> {
    let picture = patterned(40, 30);
    let image = image::RgbImage::from_raw(40, 30, picture.rgb().to_vec()).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn other_files_are_not_images() {
    for bytes in [&b""[..], b"\xff", b"\xff\xd8", b"hello", b"GIF89a\x01\x00\x01\x00", b"%PDF-1.7\n", b"BM"] {
        assert_eq!(inspect(bytes), Err(ImageError::NotAnImage));
        assert_eq!(make_page(bytes, &PageOptions::default()).unwrap_err(), ImageError::NotAnImage);
    }
}

#[test]
fn a_picture_cut_off_anywhere_is_damaged() {
    for (whole, start) in [(jpeg(), 3), (png(), 8)] {
        assert!(decode(&whole).is_ok());
        for end in start..whole.len() {
            assert_eq!(decode(&whole[..end]).unwrap_err(), ImageError::Damaged, "cut at {end}");
        }
    }
}

#[test]
fn a_png_that_lost_bytes_anywhere_is_damaged() {
    let whole = png();
    // The last four bytes are the checksum of an empty chunk: nothing can be lost there.
    for at in 8..whole.len() - 4 {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        assert!(decode(&flipped).is_err(), "changed at {at}");
        for count in [1, 7, 40] {
            let after = whole.get(at + count..).unwrap_or_default();
            assert!(decode(&[&whole[..at], after].concat()).is_err(), "{count} cut out at {at}");
            let zeroed = [&whole[..at], &vec![0; count.min(whole.len() - at)], after].concat();
            assert!(zeroed == whole || decode(&zeroed).is_err(), "{count} zeroed at {at}");
        }
    }
}

#[test]
fn what_follows_the_end_does_not_matter() {
    for whole in [jpeg(), png()] {
        let longer = [&whole[..], b"appended by some camera \xff\xd8\xff"].concat();
        assert_eq!(decode(&longer).unwrap(), decode(&whole).unwrap());
    }
}

#[test]
fn a_claim_of_too_many_pixels_is_refused_by_its_header() {
    let mut bomb = jpeg();
    let frame = bomb.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bomb[frame + 5..frame + 9].fill(0xff);
    assert_eq!(inspect(&bomb), Err(ImageError::TooLarge { width: 65535, height: 65535 }));
    assert_eq!(decode(&bomb), Err(ImageError::TooLarge { width: 65535, height: 65535 }));
    let mut bomb = png();
    bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    assert!(matches!(decode(&bomb), Err(ImageError::TooLarge { .. })));
    let mut empty = png();
    empty[16..20].fill(0);
    assert_eq!(inspect(&empty), Err(ImageError::Damaged));
}

/// An APP1 segment with the orientation tag alone, put behind the start of image.
fn with_orientation(jpeg: &[u8], tag: u8) -> Vec<u8> {
    let tiff =
        [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[tag, 0, 0, 0, 0, 0, 0, 0]].concat();
    let body = [b"Exif\0\0".as_slice(), &tiff].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

#[test]
fn a_frame_stored_lying_is_stood_up() {
    let stored = decode(&jpeg()).unwrap();
    let bytes = with_orientation(&jpeg(), 6);
    let header = inspect(&bytes).unwrap();
    assert_eq!((header.width, header.height, header.orientation), (56, 80, Orientation::Clockwise));
    let upright = decode(&bytes).unwrap();
    // Tag 6: the stored left column is the visible top row, read from the bottom.
    assert_eq!(upright.pixel(0, 0), stored.pixel(0, 55));
    assert_eq!(upright.pixel(55, 0), stored.pixel(0, 0));
    let page = make_page(&bytes, &PageOptions::default()).unwrap().page;
    assert!(page.bytes != bytes);
    assert_eq!(inspect(&page.bytes).unwrap().orientation, Orientation::Upright);
    assert_eq!((page.width, page.height), (56, 80));
}

#[test]
fn what_is_transparent_becomes_white() {
    let image = image::RgbaImage::from_pixel(4, 4, image::Rgba([200, 0, 0, 0]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    assert_eq!(decode(&bytes.into_inner()).unwrap().pixel(1, 1), [255, 255, 255]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..3) {
        let start: &[u8] = [&b""[..], &crate::jpeg::SIGNATURE, &crate::png::SIGNATURE][kind as usize];
        let _ = make_page(&[start, &tail].concat(), &PageOptions::default());
    }

    #[test]
    fn mutated_pictures_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        kind in 0..=KINDS.len(),
    ) {
        let kind = KINDS.get(kind);
        let mut bytes =
            kind.map_or_else(png, |kind| written(&patterned(80, 56), *kind, SamplingFactor::R_4_2_0));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Oversized claims of a mutated header are legal and slow; they are tested above.
        if inspect(&bytes).is_ok_and(|h| u64::from(h.width) * u64::from(h.height) < 1_000_000) {
            let _ = make_page(&bytes, &PageOptions::default());
        }
    }
}
