//! Whole readings through the driver `sam-serial` beside the same frames exchanged by a bare loop, both over
//! pseudo-terminals with a simulated module at the far end, in turn. A pseudo-terminal has no rate: what is seen is
//! the driver's own time, which a real line hides behind 120 ms of its own at 115200 baud. Linux only.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use yidang_device::{Cancel, CardDriver, CardReader, ReadWish};
use yidang_idcard::frame::{Command, HEAD_LENGTH_BYTES};
use yidang_sam_serial::SerialDriver;

use crate::percentiles::Percentiles;
use crate::wire::Wire;
use crate::{Failure, say};

/// What a reading sends of a card that was read before and still lies there.
const EXCHANGES: [Command; 3] = [Command::Find, Command::ReadCard, Command::ReadNewAddress];

/// So many readings of each side.
pub(crate) fn overhead(readings: u32) -> Result<(), Failure> {
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
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..readings {
        let started = Instant::now();
        read(reader.as_mut())?;
        ours.push(started.elapsed());
        let started = Instant::now();
        for command in EXCHANGES {
            exchange(&mut line, command)?;
        }
        theirs.push(started.elapsed());
    }
    let commands = |wire: &Wire| wire.manners().heard.iter().map(|(_, command)| *command).collect::<Vec<_>>();
    if commands(&driven) != commands(&bare) {
        return Err("the two sides did not send the same commands".into());
    }
    let (ours, theirs) = (Percentiles::of(ours), Percentiles::of(theirs));
    say(&format!(
        "serial line: {readings} readings, and as many times the same {} commands",
        EXCHANGES.len()
    ))?;
    say(&format!("  whole reading  {ours}"))?;
    say(&format!("  bare loop      {theirs}"))?;
    say(&format!("  ratio at the median {:.2}", ours.p50 / theirs.p50))
}

fn read(reader: &mut dyn CardReader) -> Result<(), Failure> {
    let card = reader.read(ReadWish::default(), &Cancel::new())?;
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
