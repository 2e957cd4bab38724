//! ID card readers whose security module (SAM) speaks over a serial port. `README.md` beside this file says
//! how they are wired, which ports are asked and what no real module has confirmed yet.
//!
//! The sequence of a reading is [`SamReader`](yidang_idcard::SamReader)'s; this crate brings the line (`line`),
//! the search for its rate (`rate`), the ports of this machine and who may open them (`ports`, `rights`).
//!
//! - A byte sent to the wrong device can do harm: a modem dials, a scale tares. So nothing is sent to a port
//!   that was neither named nor belongs to a known kind of USB adapter.
//! - A serial line has one conversation at a time, so an open reader holds its port alone.
//! - Replies carry no number that says what they answer. One that was given up is waited for before the next
//!   request goes out; it would be taken for the next one's.
//! - No thread is started: waits are cut into slices, between which a cancelled call ends.

mod condition;
mod driver;
mod hold;
mod line;
mod ports;
mod rate;
mod rights;
#[cfg(all(test, target_os = "linux"))]
mod tests;
#[cfg(all(test, target_os = "linux"))]
mod wire;

pub use driver::SerialDriver;
