//! A person forgotten among very many, whose keys are all wrapped anew for it.

use std::time::Instant;

use tempfile::TempDir;
use yidang_archive::{ErasureRequest, ErasureTarget};
use yidang_model::ErasureId;

use crate::documents::{Document, clerk, someone};
use crate::{Failure, median, open, rate, say};

/// Bytes of each person's paper.
const SIZE_BYTES: usize = 1000;
const IN_FLIGHT: u32 = 32;

pub(crate) fn rotate(folder: &TempDir, holders: u32, rounds: u8) -> Result<(), Failure> {
    let archive = open(folder, "archive")?;
    rate(holders, IN_FLIGHT, &|number| {
        let document = Document::new(number, SIZE_BYTES);
        archive.ingest(document.filing_of(someone(number)), vec![document.bytes])?;
        Ok(())
    })?;
    let mut seconds = Vec::new();
    for round in 0..rounds {
        let before = archive.stats()?;
        let began = Instant::now();
        archive.erase_now(ErasureRequest {
            id: ErasureId::from_bytes([round + 1; 16]),
            target: ErasureTarget::Holder(someone(u32::from(round))),
            reason: "bench".to_owned(),
            by: clerk(),
            idempotency: None,
            elsewhere_of: Vec::new(),
        })?;
        seconds.push(began.elapsed().as_secs_f64());
        let after = archive.stats()?;
        if (after.epoch, after.holders) != (before.epoch + 1, before.holders - 1) {
            return Err("the epoch was not rotated".into());
        }
    }
    say(&format!(
        "{holders} holders: forgetting one, with the rotation of the epoch, median of {rounds}: {:.2} s",
        median(&mut seconds)
    ))
}
