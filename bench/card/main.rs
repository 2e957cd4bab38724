//! Measures what the product adds to the reader's own time: whole readings beside the same commands sent by a
//! bare loop, one of each in turn; and the processor time of waiting for a card.
//!
//! `cargo build --release -p yidang-virtual-reader -p yidang-bench-card` first. Needs pcscd, as the tests do.

mod bare;
mod form;
#[path = "../../tests/support/pcscd.rs"]
mod pcscd;
#[path = "../percentiles.rs"]
mod percentiles;
mod serial;
#[path = "../../drivers/sam-serial/wire.rs"]
#[allow(dead_code)]
mod wire;

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use yidang_device::{Cancel, CardDriver, CardReader, Presence, ReadWish};

use crate::bare::Bare;
use crate::form::Form;
use crate::pcscd::Pcscd;
use crate::percentiles::Percentiles;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Measures card readings over PC/SC")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Whole readings and bare loops, in turn
    Overhead {
        /// How many of each
        #[arg(long, default_value_t = 500)]
        readings: u32,
    },
    /// The same over a serial line
    Serial {
        /// How many of each
        #[arg(long, default_value_t = 1000)]
        readings: u32,
    },
    /// Processor time of waiting at an empty reader
    Idle {
        /// How long
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Overhead { readings } => Form::ALL.into_iter().try_for_each(|form| overhead(form, readings)),
        Command::Idle { seconds } => Form::ALL.into_iter().try_for_each(|form| idle(form, seconds)),
        Command::Serial { readings } => serial::overhead(readings),
    }
}

/// A pcscd with one reader of this form, and that reader opened by the product.
fn desk(form: Form) -> Result<(Pcscd, Box<dyn CardReader>), Failure> {
    let pcscd = Pcscd::start(1).map_err(|why| why.to_string())?;
    form.equip(&pcscd.readers[0]);
    let reader = form.driver()?.open(&Pcscd::reader_name(0))?;
    Ok((pcscd, reader))
}

fn overhead(form: Form, readings: u32) -> Result<(), Failure> {
    let (pcscd, mut reader) = desk(form)?;
    pcscd.readers[0].insert(form.card());
    let cancel = Cancel::new();
    if reader.wait(Presence::Absent, Duration::from_secs(3), &cancel)? != Presence::Present {
        return Err("the card is not noticed".into());
    }
    // The first reading asks for more, once: the module's number.
    reader.read(ReadWish::default(), &cancel)?;
    let bare = Bare::connect(&Pcscd::reader_name(0), form)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..readings {
        let began = Instant::now();
        reader.read(ReadWish::default(), &cancel)?;
        ours.push(began.elapsed());
        let began = Instant::now();
        bare.read()?;
        theirs.push(began.elapsed());
    }
    let (ours, theirs) = (Percentiles::of(ours), Percentiles::of(theirs));
    say(&format!("{form}: {readings} readings, and as many times the same {} commands", bare.commands()))?;
    say(&format!("  whole reading  {ours}"))?;
    say(&format!("  bare loop      {theirs}"))?;
    let (added, ratio) = (ours.p50 - theirs.p50, ours.p50 / theirs.p50);
    say(&format!("  overhead at the median {added:.2} ms, ratio {ratio:.2}"))
}

fn idle(form: Form, seconds: u64) -> Result<(), Failure> {
    let (_pcscd, mut reader) = desk(form)?;
    let cancel = Cancel::new();
    let span = Duration::from_secs(seconds);
    let (began, before) = (Instant::now(), processor_time()?);
    // As the agent waits.
    while began.elapsed() < span {
        reader.wait(Presence::Absent, Duration::from_millis(250), &cancel)?;
    }
    let spent = processor_time()?.saturating_sub(before);
    let share = spent.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    say(&format!("{form}: {seconds} s at an empty reader, {spent:?} of processor time, {share:.3} %"))
}

/// Processor time so far of this process's threads but those that play the reader.
fn processor_time() -> Result<Duration, Failure> {
    let mut spent = Duration::ZERO;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.starts_with("virtual-reader") {
            continue;
        }
        let text = std::fs::read_to_string(task.join("schedstat"))?;
        let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
        spent += Duration::from_nanos(nanoseconds);
    }
    Ok(spent)
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
