//! Measures the real binaries from outside: how soon a paper filed at one window is seen at another, what an idle
//! agent and a preview take of the machine, how soon a started one answers, and how soon a paper at rest is kept.
//!
//! `cargo build --release` first; the binaries are looked for beside this one.

mod desk;
#[path = "../percentiles.rs"]
mod percentiles;
mod preview;
mod process;
mod window;

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use tempfile::TempDir;

use crate::percentiles::Percentiles;
use crate::process::Process;
use crate::window::Window;

type Failure = Box<dyn Error + Send + Sync>;

/// A paper that is not seen by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
#[command(about = "Measures the real binaries from outside")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// From filing at window A until `scope=all` shows it at window B
    Visibility {
        /// How many papers
        #[arg(long, default_value_t = 300)]
        papers: u32,
    },
    /// Resident memory and processor time of an agent that nobody asks anything
    Idle {
        /// How long to watch
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Processor time of an agent that shows one client a preview of 1920 x 1080 at 15 frames a second
    Preview {
        /// How long to watch, once over a still desk and once over one where papers come and go
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// From the event `page.settled` until the durable answer of a capture
    Settled {
        /// How many papers
        #[arg(long, default_value_t = 200)]
        papers: u32,
    },
    /// From starting the process until the first answered `health`
    Start {
        /// How often
        #[arg(long, default_value_t = 20)]
        times: u32,
    },
}

fn main() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    match Arguments::parse().command {
        Command::Visibility { papers } => visibility(&folder, papers),
        Command::Idle { seconds } => idle(&folder, seconds),
        Command::Preview { seconds } => preview::preview(&folder, seconds),
        Command::Settled { papers } => desk::settled(&folder, papers),
        Command::Start { times } => start(&folder, times),
    }
}

fn visibility(folder: &TempDir, papers: u32) -> Result<(), Failure> {
    let repository = Process::repository(folder.path())?;
    let a = Window::start(folder.path(), "a", Some(&repository))?;
    let b = Window::start(folder.path(), "b", Some(&repository))?;
    let (at_a, at_b) = (a.read_card()?, b.read_card()?);
    let (mut answered, mut seen) = (Vec::new(), Vec::new());
    for number in 0..papers {
        let capture = a.upload(number)?;
        let began = Instant::now();
        let id = a.file(&at_a, &capture, number)?;
        answered.push(began.elapsed());
        while b.newest(&at_b)? != Some(id.clone()) {
            if began.elapsed() > PATIENCE {
                return Err(format!("paper {number} is not seen").into());
            }
        }
        seen.push(began.elapsed());
    }
    say(&format!("{papers} papers, one at a time, the other window asking without a pause"))?;
    say(&format!("filed, the durable answer   {}", Percentiles::of(answered)))?;
    say(&format!("filed, seen at the other    {}", Percentiles::of(seen)))
}

fn idle(folder: &TempDir, seconds: u64) -> Result<(), Failure> {
    let window = Window::start(folder.path(), "idle", None)?;
    // What starting up still has to do is not idling.
    std::thread::sleep(Duration::from_secs(2));
    let before = window.process.processor_time()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let spent = window.process.processor_time()?.saturating_sub(before);
    let share = spent.as_secs_f64() / seconds as f64 * 100.0;
    let memory = window.process.resident_bytes()? as f64 / 1e6;
    say(&format!("idle for {seconds} s: {memory:.1} MB resident, {share:.2} % of one processor"))
}

fn start(folder: &TempDir, times: u32) -> Result<(), Failure> {
    let mut spans = Vec::new();
    // The first start makes the archive; it is a start like any other for whoever waits for it.
    for _ in 0..times {
        let began = Instant::now();
        let window = Window::launch(folder.path(), "start")?;
        window.health()?;
        spans.push(began.elapsed());
    }
    say(&format!("{times} starts until the first answered health: {}", Percentiles::of(spans)))
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
