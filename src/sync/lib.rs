//! Between the agent at a window and the central repository.
//!
//! [`wire`] is what travels, [`limits`] is how much of it, [`machine`] is what the agent does next, [`parcel`] is how
//! it travels on a stick. Nothing here does I/O of its own or reads a clock.

pub mod backoff;
pub mod limits;
pub mod machine;
pub mod parcel;
#[cfg(test)]
mod simulation;
mod text;
pub mod wire;
