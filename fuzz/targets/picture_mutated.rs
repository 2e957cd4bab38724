//! A small whole JPEG of some kind, broken at some places: the first byte chooses the kind, each four more say
//! where, what and how.
#![no_main]

use std::sync::LazyLock;

use jpeg_encoder::{ColorType, Encoder};
use libfuzzer_sys::{Corpus, fuzz_target};
use yidang_imaging::{Crop, PageOptions, decode, decode_small, inspect, make_page};

const SIDE_PX: u32 = 48;

static KINDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (0..8).map(written).collect());

/// Bit 0: progressive, 1: with restarts, 2: with codes of its own, which this encoder cannot choose for restarts.
fn written(kind: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 70);
    encoder.set_progressive(kind & 1 != 0);
    encoder.set_restart_interval(if kind & 6 == 2 { 3 } else { 0 });
    encoder.set_optimized_huffman_tables(kind & 4 != 0);
    let pixel = |i: u32| ((i % SIDE_PX * 5) ^ (i / SIDE_PX * 3)) as u8;
    let rgb: Vec<u8> = (0..SIDE_PX * SIDE_PX).flat_map(|i| [pixel(i), pixel(i + 9), pixel(i * 3)]).collect();
    encoder.encode(&rgb, SIDE_PX as u16, SIDE_PX as u16, ColorType::Rgb).expect("the picture is written");
    bytes
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((kind, edits)) = data.split_first() else { return Corpus::Reject };
    let mut bytes = KINDS[usize::from(kind & 7)].clone();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % bytes.len();
        match edit[2] & 3 {
            0 => bytes[at] = edit[3],
            1 => bytes[at] ^= 1 << (edit[3] & 7),
            2 => bytes.insert(at, edit[3]),
            _ => drop(bytes.drain(at..bytes.len().min(at + usize::from(edit[3] & 15)))),
        }
        if bytes.is_empty() {
            return Corpus::Reject;
        }
    }
    let Ok(header) = inspect(&bytes) else { return Corpus::Keep };
    if u64::from(header.width) * u64::from(header.height) > 100_000 {
        return Corpus::Reject;
    }
    let (width, height) = (header.width as f32, header.height as f32);
    let corners = [[0.0, 0.0], [width, height * 0.1], [width * 0.9, height], [0.0, height * 0.8]];
    let turn = kind >> 3 & 3;
    let whole = decode(&bytes);
    // Pixels and planes are decoded by different ways of one decoder, which must agree on what is damaged.
    for crop in [Crop::Auto, Crop::Full, Crop::Corners(corners)] {
        let page = make_page(&bytes, &PageOptions { crop, rotate: turn, ..PageOptions::default() });
        assert!(page.is_ok() == whole.is_ok() || matches!(crop, Crop::Corners(_)), "{crop:?}");
    }
    assert_eq!(decode_small(&bytes, 12).is_ok(), whole.is_ok());
    if let Ok(picture) = whole {
        assert_eq!((picture.width(), picture.height()), (header.width, header.height));
    }
    Corpus::Keep
});
