//! What an ID card says and how it is asked: the security module's frames, the reading sequence, the four
//! text layouts and their code tables.
//!
//! Pure: bytes in, values out. The only thing that waits is a [`SamTransport`], which a driver brings along
//! together with its clock. No type here prints personal data, and no error quotes a byte of a card.

mod card;
pub mod codes;
pub mod content;
pub mod fingerprint;
pub mod frame;
mod module_number;
pub mod pages;
mod sam;
pub mod status;
pub mod text;
#[cfg(test)]
mod vector_tests;
#[cfg(test)]
mod vectors;

pub use card::{IdCard, Warning};
pub use module_number::{ModuleNumber, ModuleNumberError};
pub use sam::{SamLimits, SamReader, SamTransport};
