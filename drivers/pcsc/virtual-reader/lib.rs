//! A card reader made of software, for tests against the real PC/SC service.
//!
//! Two halves that meet at a Unix socket:
//!
//! - `handler` is an *IFD handler*, the kind of shared library pcscd loads for a reader. Its `LIBPATH` in
//!   reader.conf is this crate's cdylib and its `DEVICENAME` is the path of the socket. pcscd polls a reader
//!   for its card every 400 ms, so a card that is put on or taken off shows within that time.
//! - `reader` is what a test links: it serves the socket, holds the [`Card`] and perhaps a security
//!   [`Module`], and does what goes wrong.
//!
//! Any number of readers can share one pcscd; each has its own socket.
//!
//! # Protocol
//!
//! The handler connects and asks, one question at a time. Integers are big-endian. The first byte of every
//! message is the version, 1; a peer that meets another version closes the connection.
//!
//! | message | layout |
//! |---|---|
//! | question | version u8, operation u8, length u32, body |
//! | answer | version u8, IFD code u16, length u32, body |
//!
//! | operation | question's body | answer's body |
//! |---|---|---|
//! | `P` is a card there | none | none; code 615 yes, 616 no |
//! | `U` power up, `R` reset | none | the ATR |
//! | `D` power down | none | none |
//! | `S` choose a protocol | none | none |
//! | `T` transmit | the C-APDU | the R-APDU, or whatever the test wants pcscd to see in its place |
//! | `C` control | the control code u32, what is sent | what is received, or whatever the test wants |
//!
//! A body is at most 128 KiB. While no one serves the socket, the reader is empty.
#![cfg(target_os = "linux")]

mod card;
mod handler;
mod ifd;
mod module;
mod reader;
mod wire;

pub use card::{Card, Content};
pub use ifd::IfdCode;
pub use module::{Door, MODULE_NUMBER, Module, Parts, Wrap};
pub use reader::{Fault, VirtualReader};
