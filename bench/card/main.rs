//! Whole readings through the driver `sam-serial` beside the same frames exchanged by a bare loop, both over
//! pseudo-terminals with a simulated module at the far end. Both sides take turns, so that a busy machine
//! meets both alike. A pseudo-terminal has no rate: what is seen is the driver's own time, which a real line
//! hides behind 120 ms of its own at 115200 baud. Linux only.

#[path = "../percentiles.rs"]
mod percentiles;
#[path = "../../drivers/sam-serial/wire.rs"]
#[allow(dead_code)]
mod wire;

use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use yidang_device::{Cancel, CardDriver, CardReader};
use yidang_idcard::frame::{Command, HEAD_LENGTH_BYTES};
use yidang_sam_serial::SerialDriver;

use crate::percentiles::Percentiles;
use crate::wire::Wire;

type Failure = Box<dyn Error + Send + Sync>;

/// Readings of each side.
const READINGS: usize = 1000;
/// What a reading sends of a card that was read before and still lies there.
const EXCHANGES: [Command; 3] = [Command::Find, Command::ReadCard, Command::ReadNewAddress];

fn main() -> Result<(), Failure> {
    let (driven, bare) = (Wire::new(), Wire::new());
    let driver = SerialDriver::new(Some(vec![driven.path.clone()]));
    let mut reader = driver.open(&driven.path.display().to_string())?;
    let mut line = open_bare(&bare.path)?;
    // The first reading selects the card and asks the module for its number.
    read(reader.as_mut())?;
    for command in [Command::Find, Command::Select, Command::ReadCard] {
        exchange(&mut line, command)?;
    }
    for wire in [&driven, &bare] {
        wire.manners().heard.clear();
    }
    let (mut readings, mut exchanges) = (Vec::new(), Vec::new());
    for _ in 0..READINGS {
        let started = Instant::now();
        read(reader.as_mut())?;
        readings.push(started.elapsed());
        let started = Instant::now();
        for command in EXCHANGES {
            exchange(&mut line, command)?;
        }
        exchanges.push(started.elapsed());
    }
    let commands = |wire: &Wire| wire.manners().heard.iter().map(|(_, command)| *command).collect::<Vec<_>>();
    if commands(&driven) != commands(&bare) {
        return Err("the two sides did not send the same commands".into());
    }
    let (readings, exchanges) = (Percentiles::of(readings), Percentiles::of(exchanges));
    let mut out = std::io::stdout().lock();
    writeln!(out, "reading    {readings}")?;
    writeln!(out, "bare loop  {exchanges}")?;
    writeln!(
        out,
        "ratio      p50 {:7.2}     p99 {:7.2}",
        readings.p50 / exchanges.p50,
        readings.p99 / exchanges.p99
    )?;
    Ok(())
}

fn read(reader: &mut dyn CardReader) -> Result<(), Failure> {
    let card = reader.read(&Cancel::new())?;
    if card.photo_wlt.is_empty() { Err("the reading has no photo".into()) } else { Ok(()) }
}

/// The near end as a program without a driver would open it: raw, blocking.
fn open_bare(path: &Path) -> Result<File, Failure> {
    let line = File::options().read(true).write(true).open(path)?;
    let mut settings = tcgetattr(&line)?;
    settings.make_raw();
    tcsetattr(&line, OptionalActions::Now, &settings)?;
    Ok(line)
}

/// Sends a command and reads as many bytes as the reply announces.
fn exchange(line: &mut File, command: Command) -> Result<(), Failure> {
    line.write_all(&command.to_frame())?;
    let mut head = [0; HEAD_LENGTH_BYTES];
    line.read_exact(&mut head)?;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([head[5], head[6]]))];
    line.read_exact(&mut rest)?;
    Ok(())
}
