//! What goes wrong when the simulation is told what to do.

use yidang_device::{DeviceCondition, DeviceError};

use crate::card_file::CardFileProblem;
use crate::folder::FolderError;
use crate::scenario::{DURATION_MAX, STEPS_MAX};

/// Why the simulation did not do what it was told, or cannot give a card or a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// No file of the folder has this name.
    #[error("no simulated card or frame has this name")]
    UnknownName,
    /// The scenario has too many steps.
    #[error("a scenario has at most {STEPS_MAX} steps")]
    TooManySteps,
    /// The scenario takes too long in all.
    #[error("a scenario takes at most {} seconds", DURATION_MAX.as_secs())]
    TooLong,
    /// The system gave no thread to play the scenario on.
    #[error("the system gave no thread to play the scenario on")]
    NoThread,
    /// A card file cannot be used; the others can.
    #[error("card file {file}: {problem}")]
    CardFile {
        /// The file's name without its folder.
        file: String,
        /// What is wrong with it.
        problem: CardFileProblem,
    },
    /// The folder of cards or frames cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl SimulationError {
    /// The same, as the device that lives from these files reports it.
    pub(crate) fn for_device(&self) -> DeviceError {
        let condition = match self {
            Self::CardFile { .. } => DeviceCondition::CardUnreadable,
            _ => DeviceCondition::NotFound,
        };
        DeviceError::new(condition, self.to_string())
    }
}
