//! A sequence of things that happen by themselves.

use std::time::Duration;

use crate::SimulationError;
use crate::fault::Fault;

/// Most steps of a scenario.
pub const STEPS_MAX: usize = 1000;
/// Longest time a scenario takes in all.
pub const DURATION_MAX: Duration = Duration::from_secs(600);

/// A sequence of things that happen by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// At most [`STEPS_MAX`], in all at most [`DURATION_MAX`] long.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Time after the step before, or after the start.
    pub after: Duration,
    /// What happens then.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts a card on the reader; `None` takes it away.
    Card(Option<String>),
    /// Lays a frame under the camera; `None` leaves the bare mat.
    Frame(Option<String>),
    /// Makes something go wrong.
    Fault {
        /// What.
        fault: Fault,
        /// How many times.
        times: u32,
    },
}

impl Scenario {
    /// Refuses what is too long.
    pub(crate) fn check(&self) -> Result<(), SimulationError> {
        if self.steps.len() > STEPS_MAX {
            return Err(SimulationError::TooManySteps);
        }
        let whole = self.steps.iter().try_fold(Duration::ZERO, |sum, step| sum.checked_add(step.after));
        if whole.is_none_or(|whole| whole > DURATION_MAX) {
            return Err(SimulationError::TooLong);
        }
        Ok(())
    }
}
