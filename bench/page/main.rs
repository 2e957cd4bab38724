//! A photograph's bytes to a page's bytes: decode, find the page, straighten it to A4 at 300 dpi, encode, hash. Beside
//! the usual OpenCV pipeline (`opencv.py`) and beside libjpeg-turbo that only decodes and encodes.
//!
//! Every side runs in a process of its own, on one thread; the sides take turns, round by round, so that a machine
//! whose speed drifts meets all alike. `python3` needs `opencv-python-headless`; where it lacks it, this says so and
//! measures the rest.

mod ours;
mod photograph;
mod report;
mod side;
mod turbo;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::photograph::PHOTOGRAPHS;
use crate::side::{Measured, Side};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "A photograph to a page, beside OpenCV and bare libjpeg-turbo")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Let the sides take turns and print what came of it
    Compare {
        /// How often each side has its turn
        #[arg(long, default_value_t = 7)]
        rounds: usize,
        /// Photographs in a row in one turn, after one that is not counted
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// The Python that has OpenCV
        #[arg(long, default_value = "python3")]
        python: PathBuf,
    },
    /// Write the photographs into a folder
    Make {
        /// The folder
        out: PathBuf,
    },
    /// One turn of ours
    Ours {
        /// The photograph
        file: PathBuf,
        /// Runs, after one that is not counted
        #[arg(long)]
        runs: usize,
    },
    /// One turn of libjpeg-turbo
    Turbo {
        /// The photograph
        file: PathBuf,
        /// Runs, after one that is not counted
        #[arg(long)]
        runs: usize,
    },
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Compare { rounds, runs, python } => compare(rounds.max(1), runs.max(1), &python),
        Command::Make { out } => photograph::write_all(&out).map(|_| ()),
        Command::Ours { file, runs } => print(&ours::turn(&file, runs)?),
        Command::Turbo { file, runs } => print(&turbo::turn(&file, runs)?),
    }
}

fn print(measured: &Measured) -> Result<(), Failure> {
    say(&serde_json::to_string(measured)?)
}

fn compare(rounds: usize, runs: usize, python: &Path) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let files = photograph::write_all(folder.path())?;
    let mut sides = vec![Side::Ours, Side::Turbo];
    match side::opencv_version(python) {
        Ok(version) => {
            say(&format!("OpenCV {version}, {rounds} rounds of {runs} runs"))?;
            sides.insert(1, Side::OpenCv { python: python.to_owned() });
        }
        Err(missing) => {
            say(&format!("without OpenCV: {missing}"))?;
            say("it comes with: python3 -m venv DIR && DIR/bin/pip install opencv-python-headless")?;
            say("then: bench-page compare --python DIR/bin/python")?;
        }
    }
    say(&format!("on {}", report::machine()))?;
    for (photograph, file) in PHOTOGRAPHS.iter().zip(&files) {
        let mut turns: Vec<Vec<Measured>> = sides.iter().map(|_| Vec::new()).collect();
        for round in 0..rounds {
            // Each round starts with another side.
            for i in 0..sides.len() {
                let i = (i + round) % sides.len();
                turns[i].push(sides[i].turn(file, runs)?);
            }
        }
        say("")?;
        say(&format!("{}, {} bytes", photograph.name, std::fs::metadata(file)?.len()))?;
        for line in report::lines(&sides, turns) {
            say(&line)?;
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
