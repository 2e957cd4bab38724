//! Between the agent at a window and the central repository.
//!
//! [`wire`] is what travels, [`limits`] is how much of it. Nothing here does I/O or reads a clock.

pub mod limits;
mod text;
pub mod wire;
mod wire_material;
