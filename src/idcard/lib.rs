//! What an ID card says and how it is asked: the security module's frames, the reading sequence, the four
//! text layouts and their code tables.
//!
//! Pure: bytes in, values out. The only thing that waits is a [`SamTransport`](sam::SamTransport), which a
//! driver brings along. No type here prints personal data, and no error quotes a byte of a card.

pub mod content;
pub mod frame;
pub mod pages;
pub mod status;
