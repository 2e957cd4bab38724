//! Everything read and checked, beside restic, in turns.

use std::time::Instant;

use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::peers::{Peer, settle};
use crate::{Arguments, Failure, median, open, rate, say};

/// How many documents are in flight while the archive is filled.
const IN_FLIGHT: u32 = 8;

pub(crate) fn verify(arguments: &Arguments, folder: &TempDir, rounds: u32) -> Result<(), Failure> {
    if !Peer::Restic.is_there() {
        return say("SKIPPED restic: it is not installed");
    }
    let corpus = Corpus::write(&folder.path().join("source"), arguments.documents, arguments.size_bytes)?;
    settle(folder.path())?;
    let archive = open(folder, "archive")?;
    rate(corpus.count, IN_FLIGHT, &|number| {
        let document = corpus.document(number)?;
        archive.ingest(document.filing_with_bytes(), vec![document.bytes])?;
        Ok(())
    })?;
    let place = folder.path().join("restic");
    Peer::Restic.prepare(&place)?;
    Peer::Restic.take_in(&corpus, &place)?;
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let began = Instant::now();
        let report = archive.verify(&mut |_, _| {})?;
        let ours = began.elapsed().as_secs_f64();
        if !report.is_clean() {
            return Err("the archive is damaged".into());
        }
        let began = Instant::now();
        Peer::Restic.check(&place)?;
        let theirs = began.elapsed().as_secs_f64();
        let rate = |seconds: f64| report.blob_bytes as f64 / 1e6 / seconds;
        say(&format!(
            "round {round}: archive verify {ours:.2} s ({:.0} MB/s), restic check --read-data {theirs:.2} s ({:.0} MB/s)",
            rate(ours),
            rate(theirs),
        ))?;
        ratios.push(theirs / ours);
    }
    let (count, size) = (arguments.documents, arguments.size_bytes);
    say(&format!("{count} documents of {size} bytes: {:.2} times as fast, median", median(&mut ratios)))
}
