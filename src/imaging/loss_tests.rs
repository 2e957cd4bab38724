//! Pictures that lost data from their middle and still end as pictures end.

use std::fs;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{ImageError, Picture, decode};

const NAMES: [&str; 5] = ["01-form", "02-certificate", "03-letter", "bare-mat", "small"];

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("{}/../../fixtures/desk/{name}.jpg", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// How a picture is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Typical,
    Optimised,
    Restarts,
    Progressive,
    ProgressiveRestarts,
}

pub(crate) const KINDS: [Kind; 5] =
    [Kind::Typical, Kind::Optimised, Kind::Restarts, Kind::Progressive, Kind::ProgressiveRestarts];

pub(crate) fn written(picture: &Picture, kind: Kind, sampling: SamplingFactor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(sampling);
    match kind {
        Kind::Typical => {}
        Kind::Optimised => encoder.set_optimized_huffman_tables(true),
        Kind::Restarts => encoder.set_restart_interval(picture.width().div_ceil(16) as u16),
        Kind::Progressive => encoder.set_progressive(true),
        Kind::ProgressiveRestarts => {
            encoder.set_progressive(true);
            encoder.set_restart_interval(picture.width().div_ceil(16) as u16);
        }
    }
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture.rgb(), width, height, ColorType::Rgb).unwrap();
    bytes
}

/// A small generator of its own, so that the positions are the same for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

#[derive(Clone, Copy, Debug)]
enum Loss {
    Cut,
    Zeros,
    Noise,
}

const LOSSES: [Loss; 3] = [Loss::Cut, Loss::Zeros, Loss::Noise];

fn lose(bytes: &[u8], at: usize, count: usize, loss: Loss, dice: &mut Dice) -> Vec<u8> {
    let (before, rest) = bytes.split_at(at);
    let (lost, after) = rest.split_at(count);
    let middle: Vec<u8> = match loss {
        Loss::Cut => vec![],
        Loss::Zeros => vec![0; lost.len()],
        Loss::Noise => lost.iter().map(|_| dice.below(256) as u8).collect(),
    };
    [before, &middle, after].concat()
}

/// Positions of losses in each picture.
const POSITIONS: usize = 200;
/// Share of losses that is refused at least, by how many bytes are cut out, zeroed or overwritten. What is let
/// through are a few blocks with wrong colours: their neighbours came out by chance as many as before.
const REFUSED_MIN: [(usize, f64); 4] = [(1, 0.40), (4, 0.55), (16, 0.75), (64, 0.90)];
/// The same for one MCU row's worth, where it is not cut out but zeroed or overwritten. A refining pass of a
/// progressive picture may be all zeros: what is lost then is the last bit of some coefficients.
const ROW_REFUSED_MIN: f64 = 0.97;

/// Start and length of the data, from the first scan to the end marker.
fn data(bytes: &[u8]) -> (usize, usize) {
    let start = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
    (start, bytes.len() - 2 - start)
}

/// How many of the losses are refused, and of how many.
fn refused(bytes: &[u8], count: usize, loss: Loss, seed: u64) -> (usize, usize) {
    let (start, length) = data(bytes);
    let mut dice = Dice(seed);
    let broken = (0..POSITIONS).map(|_| {
        let at = start + dice.below(length - count);
        lose(bytes, at, count, loss, &mut dice)
    });
    let changed: Vec<_> = broken.filter(|b| b != bytes).collect();
    (changed.iter().filter(|b| decode(b).is_err()).count(), changed.len())
}

#[test]
fn a_row_that_is_cut_out_of_a_photograph_is_always_missed() {
    for name in NAMES {
        let bytes = fixture(name);
        let rows = decode(&bytes).unwrap().height().div_ceil(16) as usize;
        let row = data(&bytes).1 / rows;
        let (refused, of) = refused(&bytes, row, Loss::Cut, 1);
        assert_eq!((refused, of), (POSITIONS, POSITIONS), "{name}");
    }
}

#[test]
fn a_row_that_is_cut_out_is_always_missed_however_the_picture_is_written() {
    for kind in KINDS {
        let (mut other, mut of_other) = (0, 0);
        for (name, picture) in small_pictures() {
            let bytes = written(&picture, kind, SamplingFactor::R_4_2_0);
            let row = data(&bytes).1 / picture.height().div_ceil(16) as usize;
            for count in [row, 3 * row] {
                assert_eq!(refused(&bytes, count, Loss::Cut, 2), (POSITIONS, POSITIONS), "{name} {kind:?}");
            }
            for loss in [Loss::Zeros, Loss::Noise] {
                let (refused, of) = refused(&bytes, row, loss, 3);
                (other, of_other) = (other + refused, of_other + of);
            }
        }
        assert!(other as f64 >= ROW_REFUSED_MIN * of_other as f64, "{kind:?}: {other} of {of_other}");
    }
}

#[test]
fn most_small_losses_are_missed() {
    for (count, least) in REFUSED_MIN {
        let (mut all, mut of_all) = (0, 0);
        for kind in KINDS {
            for (_, picture) in small_pictures() {
                let bytes = written(&picture, kind, SamplingFactor::R_4_2_0);
                for loss in LOSSES {
                    let (refused, of) = refused(&bytes, count, loss, 4);
                    (all, of_all) = (all + refused, of_all + of);
                }
            }
        }
        assert!(all as f64 >= least * of_all as f64, "{count} bytes: {all} of {of_all}");
    }
}

/// A photograph of a form and one of a bare desk, small enough to be broken thousands of times.
fn small_pictures() -> [(&'static str, Picture); 2] {
    ["01-form", "bare-mat"].map(|name| (name, decode(&fixture(name)).unwrap().shrunk(400)))
}

#[test]
fn an_end_or_a_start_in_the_middle_is_refused() {
    for kind in KINDS {
        let bytes = written(&small_pictures()[0].1, kind, SamplingFactor::R_4_2_0);
        let (start, length) = data(&bytes);
        for marker in [0xd8, 0xd9, 0xda, 0xc0, 0xc4, 0xd0, 0xd5, 0xfe, 0x02] {
            for at in (start + 1..start + length).step_by(length / 7) {
                let broken = [&bytes[..at], &[0xff, marker], &bytes[at..]].concat();
                assert_eq!(decode(&broken), Err(ImageError::Damaged), "{kind:?} {marker:x} at {at}");
            }
        }
    }
}

#[test]
fn restarts_out_of_order_are_refused() {
    let bytes = written(&small_pictures()[0].1, Kind::Restarts, SamplingFactor::R_4_2_0);
    let restarts: Vec<usize> = restarts(&bytes);
    assert!(restarts.len() > 10);
    let mut renumbered = bytes.clone();
    renumbered[restarts[3] + 1] = 0xd0;
    assert_eq!(decode(&renumbered), Err(ImageError::Damaged));
    // A whole interval, or eight of them, whose numbers then fit.
    for count in [1, 8] {
        let cut = [&bytes[..restarts[1]], &bytes[restarts[1 + count]..]].concat();
        assert_eq!(decode(&cut), Err(ImageError::Damaged), "{count} intervals");
    }
}

fn restarts(bytes: &[u8]) -> Vec<usize> {
    let (start, _) = data(bytes);
    let is_restart = |i: &usize| bytes[*i] == 0xff && (0xd0..=0xd7).contains(&bytes[*i + 1]);
    (start..bytes.len() - 1).filter(is_restart).collect()
}

#[test]
fn files_that_were_zeroed_by_a_power_cut_are_refused() {
    for kind in KINDS {
        let bytes = written(&small_pictures()[0].1, kind, SamplingFactor::R_4_2_0);
        let (start, length) = data(&bytes);
        for part in 1..8 {
            let from = start + length * part / 8;
            let mut to_the_end = bytes.clone();
            to_the_end[from..].fill(0);
            assert_eq!(decode(&to_the_end), Err(ImageError::Damaged));
            let mut with_an_end = bytes.clone();
            with_an_end[from..start + length].fill(0);
            assert_eq!(decode(&with_an_end), Err(ImageError::Damaged), "{kind:?} from {part}/8");
        }
    }
}

#[test]
fn every_way_to_decode_refuses_the_same_losses() {
    let options = crate::PageOptions { crop: crate::Crop::Full, rotate: 1, ..crate::PageOptions::default() };
    let mut dice = Dice(5);
    for kind in KINDS {
        let bytes = written(&small_pictures()[0].1, kind, SamplingFactor::R_4_2_0);
        let (start, length) = data(&bytes);
        for count in [1, 4, 16] {
            for loss in LOSSES {
                for _ in 0..20 {
                    let broken = lose(&bytes, start + dice.below(length - count), count, loss, &mut dice);
                    let is_whole = decode(&broken).is_ok();
                    assert_eq!(crate::make_page(&broken, &options).is_ok(), is_whole, "{kind:?} {loss:?}");
                    assert_eq!(crate::decode_small(&broken, 40).is_ok(), is_whole, "{kind:?} {loss:?}");
                }
            }
        }
    }
}
