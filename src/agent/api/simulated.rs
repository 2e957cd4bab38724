//! `/v1/simulated/*`: hands for the simulated desk. These calls exist only with simulated drivers.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Json, blocking};
use crate::app::Shared;
use crate::caller::Caller;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::simulation::{FaultWish, KnownFaults, KnownNames, ScenarioStep, Simulation, SimulationRefusal};

/// Which card.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = InsertCard)]
#[serde(deny_unknown_fields)]
pub(crate) struct Insert {
    /// A card file's stem; null takes the card away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    insert: Option<String>,
}

/// Which frame.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = LayFrame)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lay {
    /// A frame file's stem; null leaves the bare mat.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    frame: Option<String>,
}

/// Steps to play.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = PlayScenario)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Played one after the other.
    steps: Vec<ScenarioStep>,
}

/// What can fail how.
#[derive(Serialize, ToSchema)]
#[schema(as = SimulatedFaults)]
pub(crate) struct Faults {
    /// By device.
    faults: Vec<KnownFaults>,
}

impl From<SimulationRefusal> for Problem {
    fn from(refusal: SimulationRefusal) -> Self {
        match refusal {
            SimulationRefusal::UnknownName(detail) => Self::new(Code::SimulatedUnknown, detail),
            SimulationRefusal::Invalid(detail) => Self::invalid(detail),
        }
    }
}

/// Lets the hands do something; `asked` is the call and all that it carried.
async fn with<F>(app: &Shared, caller: &Caller, asked: [&[u8]; 2], wish: F) -> Result<Response, Problem>
where
    F: FnOnce(&dyn Simulation) -> Result<(), SimulationRefusal> + Send + 'static,
{
    caller.require(Scope::Admin)?;
    let simulation = app.simulation.as_ref().map(Arc::clone).ok_or(Code::RouteUnknown)?;
    let call = async {
        blocking(move || Ok(wish(simulation.as_ref())?)).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    let key = caller.idempotency_key.as_deref();
    app.replays.once(caller.owner, key, fingerprint(&asked), call).await
}

fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// Puts a card on the simulated reader, or takes it away.
///
/// Answers at once, or within a second where another card has to be lifted first; `card.removed` and `card.inserted` follow.
#[utoipa::path(post, path = "/v1/simulated/card", tag = "simulated", operation_id = "simulateCard",
    request_body(content = Insert, description = "Which card."),
    responses((status = 204, description = "It lies there, or is gone.")))]
pub(crate) async fn card(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Insert>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/card", &written(&body)], move |s| s.insert(body.insert.as_deref())).await
}

/// Lays a frame under the simulated camera, or clears the mat.
///
/// Answers at once. Captures see this frame until another one is laid.
#[utoipa::path(post, path = "/v1/simulated/desk", tag = "simulated", operation_id = "simulateDesk",
    request_body(content = Lay, description = "Which frame."),
    responses((status = 204, description = "It lies there, or the mat is bare.")))]
pub(crate) async fn desk(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Lay>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/desk", &written(&body)], move |s| s.lay(body.frame.as_deref())).await
}

/// What can be put on the simulated desk.
///
/// Names are files' stems, listed anew at each call, which takes as long as the disk does.
#[utoipa::path(get, path = "/v1/simulated/desk", tag = "simulated", operation_id = "listSimulatedDesk",
    responses((status = 200, description = "The names of cards and frames.", body = KnownNames)))]
pub(crate) async fn names(State(app): State<Shared>, caller: Caller) -> Result<Answer<KnownNames>, Problem> {
    caller.require(Scope::Admin)?;
    let simulation = app.simulation.as_ref().map(Arc::clone).ok_or(Code::RouteUnknown)?;
    blocking(move || Ok(Answer(simulation.names()?))).await
}

/// Lets the next operations of a simulated device fail.
///
/// Answers at once; nothing fails before the next operation.
#[utoipa::path(post, path = "/v1/simulated/fault", tag = "simulated", operation_id = "simulateFault",
    request_body(content = FaultWish, description = "What is to fail, how and how often."),
    responses((status = 204, description = "It will fail.")))]
pub(crate) async fn fault(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<FaultWish>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/fault", &written(&body)], move |s| s.fault(&body)).await
}

/// What can be made to fail how.
///
/// Answers at once and changes nothing.
#[utoipa::path(get, path = "/v1/simulated/faults", tag = "simulated", operation_id = "listSimulatedFaults",
    responses((status = 200, description = "The faults of each device.", body = Faults)))]
pub(crate) async fn faults(State(app): State<Shared>, caller: Caller) -> Result<Answer<Faults>, Problem> {
    caller.require(Scope::Admin)?;
    let simulation = app.simulation.as_ref().ok_or(Code::RouteUnknown)?;
    Ok(Answer(Faults { faults: simulation.faults() }))
}

/// Plays steps in the background, in place of any that still play.
///
/// Answers at once, before the first step. At most 1000 steps.
#[utoipa::path(post, path = "/v1/simulated/scenario", tag = "simulated", operation_id = "playScenario",
    request_body(content = Scenario, description = "The steps."),
    responses((status = 204, description = "They play.")))]
pub(crate) async fn scenario(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Scenario>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/scenario", &written(&body)], move |s| s.play(&body.steps)).await
}

/// Puts the simulated desk back: first card, first frame, no fault.
///
/// Answers at once and ends a scenario. The archive stays as it is.
#[utoipa::path(post, path = "/v1/simulated/reset", tag = "simulated", operation_id = "resetSimulation",
    responses((status = 204, description = "As at the start.")))]
pub(crate) async fn reset(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/reset", b""], |s| {
        s.reset();
        Ok(())
    })
    .await
}
