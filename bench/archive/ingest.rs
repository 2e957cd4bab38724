//! Everything taken in by everybody, in turns.

use std::fs;
use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::peers::{Peer, settle};
use crate::{Arguments, Failure, bare, median, open, rate, say};

/// How each document comes into our archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// Taken in and filed with one answer.
    One,
    /// Taken in, answered, then filed, answered.
    Two,
}

/// Rates of one side, a round each.
struct Side {
    name: String,
    rates: Vec<f64>,
}

pub(crate) fn ingest(
    arguments: &Arguments,
    folder: &TempDir,
    in_flight: u32,
    rounds: u32,
) -> Result<(), Failure> {
    let corpus = Corpus::write(&folder.path().join("source"), arguments.documents, arguments.size_bytes)?;
    settle(folder.path())?;
    let peers: Vec<Peer> = Peer::ALL.into_iter().filter(|peer| peer.is_there()).collect();
    for peer in Peer::ALL.iter().filter(|peer| !peers.contains(peer)) {
        say(&format!("SKIPPED {}: it is not installed", peer.name()))?;
    }
    let mut sides: Vec<Side> = Vec::new();
    for _ in 0..rounds {
        let place = folder.path().join("turn");
        let mut turn = |name: &str, rate: f64| -> Result<(), Failure> {
            match sides.iter_mut().find(|side| side.name == name) {
                Some(side) => side.rates.push(rate),
                None => sides.push(Side { name: name.to_owned(), rates: vec![rate] }),
            }
            fs::remove_dir_all(&place)?;
            settle(folder.path())
        };
        turn("archive", ours(&corpus, &place, in_flight, Steps::One)?)?;
        for peer in &peers {
            turn(peer.name(), theirs(*peer, &corpus, &place)?)?;
        }
        turn("archive in two steps", ours(&corpus, &place, in_flight, Steps::Two)?)?;
        turn("bare write+fsync+rename+fsync", bare_writes(&corpus, &place, in_flight)?)?;
    }
    let (count, size) = (arguments.documents, arguments.size_bytes);
    say(&format!("{count} documents of {size} bytes, {in_flight} in flight, {rounds} rounds in turns"))?;
    for side in &sides {
        tell(side, &sides[0], size)?;
    }
    Ok(())
}

fn tell(side: &Side, ours: &Side, size_bytes: usize) -> Result<(), Failure> {
    let mut ratios: Vec<f64> =
        ours.rates.iter().zip(&side.rates).map(|(ours, theirs)| ours / theirs).collect();
    let rates: Vec<String> = side.rates.iter().map(|rate| format!("{rate:.0}")).collect();
    let middle = median(&mut side.rates.clone());
    let told = Peer::ALL.into_iter().find(|peer| peer.name() == side.name).map_or("", Peer::told);
    say(&format!(
        "{:<30} median {middle:6.0}/s  {:6.0} MB/s  archive ÷ this: median {:.2}   ({})  {told}",
        side.name,
        middle * size_bytes as f64 / 1e6,
        median(&mut ratios),
        rates.join(", "),
    ))
}

fn ours(corpus: &Corpus, place: &Path, in_flight: u32, steps: Steps) -> Result<f64, Failure> {
    fs::create_dir_all(place)?;
    let archive = open(place, "archive")?;
    rate(corpus.count, in_flight, &|number| {
        let document = corpus.document(number)?;
        match steps {
            Steps::One => drop(archive.ingest(document.filing_with_bytes(), vec![document.bytes])?),
            Steps::Two => {
                let filing = document.filing();
                archive.stage(document.stage())?;
                archive.file(filing)?;
            }
        }
        Ok(())
    })
}

fn theirs(peer: Peer, corpus: &Corpus, place: &Path) -> Result<f64, Failure> {
    peer.prepare(place)?;
    let began = Instant::now();
    peer.take_in(corpus, place)?;
    Ok(f64::from(corpus.count) / began.elapsed().as_secs_f64())
}

fn bare_writes(corpus: &Corpus, place: &Path, in_flight: u32) -> Result<f64, Failure> {
    let bare = bare::Folder::new(place)?;
    rate(corpus.count, in_flight, &|number| bare.keep(number, &fs::read(corpus.path(number))?))
}
