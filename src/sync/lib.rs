//! Between the agent at a window and the central repository.
//!
//! [`wire`] is what travels, [`limits`] is how much of it, [`machine`] is what the agent does next. Nothing
//! here does I/O or reads a clock.

pub mod backoff;
pub mod limits;
pub mod machine;
#[cfg(test)]
mod simulation;
mod text;
pub mod wire;
mod wire_material;
