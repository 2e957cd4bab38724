//! A card reader and a document camera without hardware, driven by files. `README.md` beside this file says
//! how card files and frames are written and what each fault does.
//!
//! The reader is the product's own [`SamReader`](yidang_idcard::SamReader) over a simulated security module
//! that answers real frames, so frames, retries and the decoder are the ones that run with hardware.
//! Everything it gives is marked [`Origin::Simulated`](yidang_model::Origin::Simulated).

mod camera;
mod card_file;
mod card_reader;
#[cfg(feature = "conformance")]
mod conformance;
mod desk;
mod error;
mod fault;
mod folder;
mod module;
mod scenario;
mod size;
#[cfg(test)]
mod tests;

pub use card_file::CardFileProblem;
#[cfg(feature = "conformance")]
pub use conformance::Module;
pub use desk::{Desk, DeskNames};
pub use error::SimulationError;
pub use fault::{CameraFault, CardFault, Device, Fault, UnknownFault};
pub use folder::FolderError;
pub use scenario::{Action, DURATION_MAX, STEPS_MAX, Scenario, Step};
