//! Ingest of documents into the archive, beside a bare durable write of the same bytes: a new file, written,
//! synced, renamed, its folder synced. Both sides take turns, so that a drifting disk meets both alike.
//!
//! `one` handles one document at a time and prints percentiles; `many` keeps several in flight and prints rates.

mod bare;
mod documents;
#[path = "../percentiles.rs"]
mod percentiles;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use tempfile::TempDir;
use yidang_archive::{Archive, ArchiveOptions};

use crate::documents::Document;
use crate::percentiles::Percentiles;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Ingest into the archive beside bare durable writes")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How many documents
    #[arg(long, global = true, default_value_t = 6000)]
    documents: u32,
    /// Their size in bytes
    #[arg(long, global = true, default_value_t = 300_000)]
    size_bytes: usize,
    /// Where to write; must be on a disk, not in memory
    #[arg(long, global = true, default_value = ".")]
    dir: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// One after the other: how long each takes
    One,
    /// Several at once: how many a second
    Many {
        /// How many at once
        #[arg(long, default_value_t = 8)]
        in_flight: u32,
        /// How often each side has its turn
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let folder = TempDir::new_in(&arguments.dir)?;
    match arguments.command {
        Command::One => one(&arguments, &folder),
        Command::Many { in_flight, rounds } => many(&arguments, &folder, in_flight, rounds),
    }
}

fn open(folder: &TempDir, name: &str) -> Result<Archive, Failure> {
    let path = folder.path().join(name);
    let keys_dir = folder.path().join(format!("{name}.keys"));
    Ok(Archive::open(&ArchiveOptions { data_dir: path, keys_dir })?)
}

fn one(arguments: &Arguments, folder: &TempDir) -> Result<(), Failure> {
    let archive = open(folder, "archive")?;
    let bare = bare::Folder::new(&folder.path().join("bare"))?;
    let [mut control, mut staged, mut filed, mut both]: [Vec<Duration>; 4] = Default::default();
    for number in 0..arguments.documents {
        let document = Document::new(number, arguments.size_bytes);
        let bytes = document.bytes.clone();
        time(&mut control, || bare.keep(number, &bytes))?;
        let began = Instant::now();
        let filing = document.filing();
        time(&mut staged, || archive.stage(document.stage()))?;
        time(&mut filed, || archive.file(filing))?;
        both.push(began.elapsed());
    }
    let count = arguments.documents;
    say(&format!("{count} documents of {} bytes, one at a time, both sides in turn", arguments.size_bytes))?;
    let control = Percentiles::of(control);
    for (name, times) in
        [("captured (blob durable)", staged), ("filed (entry durable)", filed), ("both", both)]
    {
        let seen = Percentiles::of(times);
        let [middle, tail] = [seen.p50 / control.p50, seen.p99 / control.p99];
        say(&format!("{name:<28} {seen}   × bare write: p50 {middle:.2}, p99 {tail:.2}"))?;
    }
    say(&format!("{:<28} {control}", "bare write+fsync+rename+fsync"))
}

fn many(arguments: &Arguments, folder: &TempDir, in_flight: u32, rounds: u32) -> Result<(), Failure> {
    let (count, size) = (arguments.documents, arguments.size_bytes);
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let bare = bare::Folder::new(&folder.path().join(format!("bare-{round}")))?;
        let control =
            rate(count, in_flight, &|number| bare.keep(number, &Document::new(number, size).bytes))?;
        drop(bare);
        let archive = open(folder, &format!("archive-{round}"))?;
        let ours = rate(count, in_flight, &|number| {
            let document = Document::new(number, size);
            let filing = document.filing();
            archive.stage(document.stage())?;
            archive.file(filing)?;
            Ok(())
        })?;
        say(&format!(
            "round {round}: archive {ours:.0}/s, bare {control:.0}/s, ratio {:.2}",
            ours / control
        ))?;
        ratios.push(ours / control);
    }
    ratios.sort_by(f64::total_cmp);
    let middle = ratios[ratios.len() / 2];
    say(&format!("{count} documents of {size} bytes, {in_flight} in flight: median ratio {middle:.2}"))
}

/// Documents a second, with so many threads that each take the next one.
fn rate(
    count: u32,
    in_flight: u32,
    work: &(dyn Fn(u32) -> Result<(), Failure> + Sync),
) -> Result<f64, Failure> {
    let next = AtomicU32::new(0);
    let take_all = || -> Result<(), Failure> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            work(number)?;
        }
    };
    let began = Instant::now();
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..in_flight).map(|_| scope.spawn(take_all)).collect();
        hands.into_iter().try_for_each(|hand| hand.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })?;
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn time<T, E>(times: &mut Vec<Duration>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let began = Instant::now();
    let done = work()?;
    times.push(began.elapsed());
    Ok(done)
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
