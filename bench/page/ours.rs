//! Our side: one call, and the hash of what it returns.

use std::path::Path;
use std::time::Instant;

use sha2::{Digest, Sha256};
use yidang_imaging::{PageOptions, Stage, make_page_watched};

use crate::Failure;
use crate::side::{Measured, memory_bytes};

const STAGES: [Stage; 5] = [Stage::Decoded, Stage::Found, Stage::Straightened, Stage::Judged, Stage::Encoded];
const NAMES: [&str; 6] = ["decode", "find", "warp", "judge", "encode", "hash"];

pub(crate) fn turn(file: &Path, runs: usize) -> Result<Measured, Failure> {
    let bytes = std::fs::read(file)?;
    let [start_bytes, _] = memory_bytes();
    let options = PageOptions { dpi: Some(300), ..PageOptions::default() };
    let mut page = [0; 3];
    let mut runs_ms = Vec::new();
    for run in 0..=runs {
        let mut times = Vec::with_capacity(NAMES.len());
        let mut last = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            let ms = (now - last).as_secs_f64() * 1e3;
            last = now;
            ms
        };
        let mut seen = Vec::with_capacity(STAGES.len());
        let made = make_page_watched(&bytes, &options, |stage| {
            times.push(lap());
            seen.push(stage);
        })?;
        std::hint::black_box(Sha256::digest(&made.page.bytes));
        times.push(lap());
        if seen != STAGES || made.corners.is_none() {
            return Err("no page was found".into());
        }
        page = [made.page.width as usize, made.page.height as usize, made.page.bytes.len()];
        if run > 0 {
            runs_ms.push(times);
        }
    }
    let [_, peak_bytes] = memory_bytes();
    Ok(Measured { stages: NAMES.map(str::to_owned).to_vec(), runs_ms, start_bytes, peak_bytes, page })
}
