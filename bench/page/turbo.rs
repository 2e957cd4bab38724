//! The floor: libjpeg-turbo alone decodes the photograph, and encodes a page of the same size, into memory that it
//! keeps. Nothing is found and nothing straightened.

use std::path::Path;
use std::time::Instant;

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

use crate::Failure;
use crate::side::{Measured, memory_bytes};

/// A4 at 300 dpi.
const PAGE_PX: [usize; 2] = [2480, 3508];

pub(crate) fn turn(file: &Path, runs: usize) -> Result<Measured, Failure> {
    let bytes = std::fs::read(file)?;
    let [start_bytes, _] = memory_bytes();
    let mut decoder = Decompressor::new()?;
    let mut encoder = Compressor::new()?;
    encoder.set_quality(85)?;
    encoder.set_subsamp(Subsamp::Sub2x2)?;
    let read = decoder.read_header(&bytes)?;
    let (width, height, format) = (read.width, read.height, PixelFormat::RGB);
    let mut pixels = vec![0; width * height * 3];
    let mut page = [0; 3];
    let mut runs_ms = Vec::new();
    for run in 0..=runs {
        let start = Instant::now();
        decoder
            .decompress(&bytes, Image { pixels: &mut pixels[..], width, pitch: width * 3, height, format })?;
        let decoded = Instant::now();
        // The page is a part of the photograph: rows are its width apart.
        let [across, down] = [PAGE_PX[0].min(width), PAGE_PX[1].min(height)];
        let part = Image { pixels: &pixels[..], width: across, pitch: width * 3, height: down, format };
        let written = encoder.compress_to_vec(part)?;
        let times = [decoded - start, decoded.elapsed()].map(|time| time.as_secs_f64() * 1e3);
        page = [across, down, written.len()];
        if run > 0 {
            runs_ms.push(times.to_vec());
        }
    }
    let [_, peak_bytes] = memory_bytes();
    Ok(Measured {
        stages: vec!["decode".to_owned(), "encode".to_owned()],
        runs_ms,
        start_bytes,
        peak_bytes,
        page,
    })
}
