//! What every driver must do, as functions that a driver's own test calls with its own bench.

mod camera;
mod card;

pub use camera::{CameraBench, Laid, camera};
pub use card::{CardBench, card_reader};
