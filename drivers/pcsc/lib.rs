//! Card readers behind the PC/SC service: pcscd on Linux, winscard on Windows.
//!
//! PC/SC has no way to read an ID card as such: a reader with a security module hides it behind commands of
//! its own. The one form known publicly serves the card in pages of 256 bytes (`paged`); a further form
//! would be a module beside it, called from `reading`.
//!
//! What to know about PC/SC itself, all of it measured against pcscd 1.9.9:
//!
//! - A context that waits for a card blocks every other call on it, so each reader has a context of its own.
//! - A transmission has no timeout, so every call runs on the reader's own thread (`worker`) and is given up
//!   when its time is over.
//! - When the service restarts, contexts and cards of the old one stay dead for ever: the reader says
//!   [`Lost`](yidang_device::DeviceCondition::Lost), and opening it again works at once.
//! - A card is held only while it is read, never alone, and left as it is: other programs may use it between.

mod atr;
mod condition;
mod driver;
mod exchange;
mod paged;
mod reader;
mod reading;
mod session;
mod worker;

pub use driver::PcscDriver;
pub use reader::PcscReader;
