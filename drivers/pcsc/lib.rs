//! Card readers behind the PC/SC service: pcscd on Linux, winscard on Windows.
//!
//! PC/SC has no way to read an ID card as such: a reader with a security module hides it behind commands of
//! its own. What they are is data, a [profile](Profiles) per reader model: content in pages (`paged`), the
//! module's frames through a tunnel (`tunnel`), or no module at all. `../README.md` says how to write one.
//!
//! What to know about PC/SC itself, all of it measured against pcscd 1.9.9:
//!
//! - A context that waits for a card blocks every other call on it, so each reader has a context of its own.
//! - A transmission has no timeout, so every call runs on the reader's own thread (`worker`) and is given up
//!   when its time is over.
//! - When the service restarts, contexts and cards of the old one stay dead for ever: the reader says
//!   [`Lost`](yidang_device::DeviceCondition::Lost), and opening it again works at once.
//! - A card is held only while it is read, never alone, and left as it is: other programs may use it between.

mod chosen;
mod condition;
mod driver;
mod exchange;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod limits;
mod paged;
mod pattern;
mod profile;
mod profile_file;
mod profiles;
mod reader;
mod reading;
mod session;
mod tunnel;
mod turn;
mod worker;

pub use driver::PcscDriver;
pub use profiles::{ProfileError, Profiles};
pub use reader::PcscReader;
