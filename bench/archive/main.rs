//! The archive beside a bare durable write of the same bytes (a new file, written, synced, renamed, its folder
//! synced), and beside programs that keep files. All sides take turns, so that a drifting disk meets all alike.
//!
//! `one` handles one document at a time and prints percentiles; `many` keeps several in flight and prints rates;
//! `ingest` does so beside the programs there are; `verify` reads everything again beside restic. `lookup` and
//! `rotate` ask how long one person takes among very many, `import` how much memory very many photographs.

mod bare;
mod corpus;
mod documents;
mod import;
mod ingest;
mod lookup;
mod peers;
#[path = "../percentiles.rs"]
mod percentiles;
mod rotate;
mod verify;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
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
    /// Several at once, beside restic, borg, rclone, cp and dd
    Ingest {
        /// How many at once
        #[arg(long, default_value_t = 8)]
        in_flight: u32,
        /// How often each side has its turn
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// One person's materials among very many
    Lookup {
        /// How many materials, in rising order
        #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
        materials: Vec<u64>,
        /// How many people are looked up
        #[arg(long, default_value_t = 20_000)]
        looks: u64,
    },
    /// One person forgotten among very many
    Rotate {
        /// How many people there are
        #[arg(long, default_value_t = 100_000)]
        holders: u32,
        /// How many of them are forgotten
        #[arg(long, default_value_t = 3)]
        rounds: u8,
    },
    /// The real command's memory while it imports very many photographs
    Import {
        /// The program
        #[arg(long, default_value = "target/release/yidang")]
        binary: PathBuf,
        /// How many photographs
        #[arg(long, default_value_t = 100_000)]
        files: u32,
    },
    /// Everything read and checked, beside restic
    Verify {
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
        Command::Ingest { in_flight, rounds } => ingest::ingest(&arguments, &folder, in_flight, rounds),
        Command::Lookup { ref materials, looks } => lookup::lookup(&folder, materials, looks),
        Command::Rotate { holders, rounds } => rotate::rotate(&folder, holders, rounds),
        Command::Import { ref binary, files } => import::import(&folder, binary, files),
        Command::Verify { rounds } => verify::verify(&arguments, &folder, rounds),
    }
}

fn open(folder: impl AsRef<Path>, name: &str) -> Result<Archive, Failure> {
    let path = folder.as_ref().join(name);
    let keys_dir = folder.as_ref().join(format!("{name}.keys"));
    Ok(Archive::open(&ArchiveOptions { data_dir: path, keys_dir })?)
}

fn one(arguments: &Arguments, folder: &TempDir) -> Result<(), Failure> {
    let archive = open(folder, "archive")?;
    let bare = bare::Folder::new(&folder.path().join("bare"))?;
    let [mut control, mut staged, mut filed, mut both, mut once]: [Vec<Duration>; 5] = Default::default();
    for number in 0..arguments.documents {
        let bytes = Document::new(number, arguments.size_bytes).bytes.into_bytes();
        time(&mut control, || bare.keep(number, &bytes))?;
        let began = Instant::now();
        let document = Document::of(number, bytes);
        let filing = document.filing();
        time(&mut staged, || archive.stage(document.stage()))?;
        time(&mut filed, || archive.file(filing))?;
        both.push(began.elapsed());
        let number = arguments.documents + number;
        let bytes = Document::new(number, arguments.size_bytes).bytes.into_bytes();
        time(&mut once, || {
            let document = Document::of(number, bytes);
            archive.ingest(document.filing_with_bytes(), vec![document.bytes])
        })?;
    }
    let count = arguments.documents;
    say(&format!("{count} documents of {} bytes, one at a time, both sides in turn", arguments.size_bytes))?;
    let control = Percentiles::of(control);
    for (name, times) in [
        ("captured (blob durable)", staged),
        ("filed (entry durable)", filed),
        ("both", both),
        ("in one step", once),
    ] {
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
            rate(count, in_flight, &|number| bare.keep(number, Document::new(number, size).bytes.as_ref()))?;
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
    let middle = median(&mut ratios);
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

/// The middle one of at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
