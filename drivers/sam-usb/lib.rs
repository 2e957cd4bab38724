//! ID card readers in native USB mode: vendor 0400, product C35A, no device class. `README.md` beside this
//! file says what they need and what was never tried on hardware.
//!
//! The reader is the product's own [`SamReader`](yidang_idcard::SamReader); this crate brings the way to its
//! security module (`line`) over bulk endpoints. Two forms are known, and the descriptors tell which it is
//! (`layout`):
//!
//! | endpoints | requests and replies |
//! |---|---|
//! | two out, two in | the seven bytes of preamble and length over the first, the rest over the second |
//! | one out, one in | the whole frame over the one |
//!
//! A USB interface belongs to one program at a time. It is claimed while the reader is open; another program
//! that wants it meanwhile is told that it is busy, as this one is when the other came first.

mod access;
mod bulk;
mod condition;
mod driver;
mod endpoint;
mod layout;
mod line;
#[cfg(test)]
mod tests;

pub use driver::SamUsbDriver;
