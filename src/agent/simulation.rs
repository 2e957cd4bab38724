//! What the agent asks of simulated devices. The binary brings an implementation; the agent knows none.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::vocabulary::SimulatedDevice;

/// Why the simulation would not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationRefusal {
    /// Nothing in its folders has this name.
    #[error("{0}")]
    UnknownName(String),
    /// The wish makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// A fault to come.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = SimulateFault)]
#[serde(deny_unknown_fields)]
pub struct FaultWish {
    /// `card` or `camera`.
    #[schema(value_type = SimulatedDevice)]
    pub device: String,
    /// One of the faults listed for it.
    pub fault: String,
    /// How many operations it hits; 1 unless said.
    #[serde(default = "once")]
    #[schema(value_type = u64, maximum = 4_294_967_295_u64)]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// One step of a scenario. Exactly one of `card`, `frame`, `fault`, `remove_card`, `bare_mat`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioStep {
    /// Wait this long after the step before, in milliseconds; all steps together at most ten minutes.
    #[schema(maximum = 600_000)]
    pub after_ms: u64,
    /// Put this card on the reader.
    pub card: Option<String>,
    /// Take the card away.
    pub remove_card: bool,
    /// Lay this frame under the camera.
    pub frame: Option<String>,
    /// Clear the mat.
    pub bare_mat: bool,
    /// Let this fault come.
    pub fault: Option<FaultWish>,
}

/// The faults a device knows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KnownFaults {
    /// `card` or `camera`.
    #[schema(value_type = SimulatedDevice)]
    pub device: &'static str,
    /// Their names.
    pub faults: Vec<String>,
}

/// What can be put on the simulated desk.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulatedNames)]
pub struct KnownNames {
    /// The cards, in name order.
    pub cards: Vec<String>,
    /// The frames, in name order.
    pub frames: Vec<String>,
}

/// Hands that put cards on a simulated reader and papers under a simulated camera.
pub trait Simulation: Send + Sync {
    /// Puts a card on the reader, or takes it away.
    fn insert(&self, name: Option<&str>) -> Result<(), SimulationRefusal>;
    /// Lays a frame under the camera, or clears the mat.
    fn lay(&self, name: Option<&str>) -> Result<(), SimulationRefusal>;
    /// Lets the next operations fail.
    fn fault(&self, wish: &FaultWish) -> Result<(), SimulationRefusal>;
    /// What can fail how.
    fn faults(&self) -> Vec<KnownFaults>;
    /// What cards and frames there are. Blocks as long as the disk does.
    fn names(&self) -> Result<KnownNames, SimulationRefusal>;
    /// Plays steps in the background, in place of any that still play.
    fn play(&self, steps: &[ScenarioStep]) -> Result<(), SimulationRefusal>;
    /// As at the start: first card, first frame, no fault.
    fn reset(&self);
}
