//! Which rate a module talks at.

use std::time::Duration;

use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::frame::Command;
use yidang_idcard::{SamReader, status};

use crate::line::SerialLine;

/// In baud, the one modules come with first.
pub(crate) const RATES: [u32; 5] = [115_200, 57_600, 38_400, 19_200, 9_600];
/// Longest time a module may take to say that it works; 25 ms of it are the line's at the slowest rate.
const ANSWERED_WITHIN: Duration = Duration::from_millis(300);

/// Finds the rate at which the module behind the line answers its status command, and leaves the line at it.
/// `known` is asked first. The module's own rate is never changed: it would stay changed for every other
/// program. Blocks for at most three seconds.
///
/// A module that answers that it does not work is an error of its own condition, a port behind which nothing
/// answers [`DeviceCondition::NotFound`] with what was tried.
pub(crate) fn find(reader: &mut SamReader<SerialLine>, known: Option<u32>) -> Result<u32, DeviceError> {
    let rates = known.into_iter().chain(RATES.into_iter().filter(|rate| Some(*rate) != known));
    let mut heard = Vec::new();
    for rate in rates {
        match ask(reader, rate)? {
            Heard::Module => return Ok(rate),
            Heard::Noise => heard.push(format!("something that is no reply came at {rate}")),
            Heard::Refused(why) => heard.push(format!("the port does not take {rate} ({why})")),
            Heard::Nothing => {}
        }
    }
    let tried = RATES.map(|rate| rate.to_string()).join(", ");
    let mut detail = format!("no security module answers; tried {tried} baud");
    if !heard.is_empty() {
        detail = format!("{detail}: {}", heard.join("; "));
    }
    Err(DeviceError::new(DeviceCondition::NotFound, detail))
}

enum Heard {
    Module,
    Nothing,
    Noise,
    /// The port cannot be set to the rate.
    Refused(String),
}

/// Asks at one rate, at most twice: what the module heard at the rates before may have kept it from hearing
/// the first request, and what comes first may be an answer to the port's last user.
fn ask(reader: &mut SamReader<SerialLine>, rate: u32) -> Result<Heard, DeviceError> {
    let mut heard = Heard::Nothing;
    for _ in 0..2 {
        if let Err(why) = reader.transport().set_rate(rate) {
            let gone = why.raw_os_error().is_some_and(|_| why.kind() != std::io::ErrorKind::InvalidInput);
            return if gone {
                Err(reader.transport().explain(&why))
            } else {
                Ok(Heard::Refused(why.to_string()))
            };
        }
        match reader.ask(Command::Status, ANSWERED_WITHIN, &Cancel::new()) {
            Ok(reply) if reply.status[2] == status::SUCCESS => return Ok(Heard::Module),
            Ok(reply) if status::condition(reply.status[2]) == DeviceCondition::SecurityModuleFailed => {
                return Err(status::error(reply.status));
            }
            Ok(_) => heard = Heard::Noise,
            Err(e) if e.condition == DeviceCondition::Protocol => heard = Heard::Noise,
            Err(e) if e.condition == DeviceCondition::Timeout => {}
            Err(e) => return Err(e),
        }
    }
    Ok(heard)
}
