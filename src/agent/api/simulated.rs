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
use crate::simulation::{FaultWish, KnownFaults, ScenarioStep, Simulation, SimulationRefusal};

/// Which card.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Insert {
    /// A card file's stem; null takes the card away.
    #[serde(deserialize_with = "Option::deserialize")]
    insert: Option<String>,
}

/// Which frame.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lay {
    /// A frame file's stem; null leaves the bare mat.
    #[serde(deserialize_with = "Option::deserialize")]
    frame: Option<String>,
}

/// Steps to play.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    steps: Vec<ScenarioStep>,
}

/// What can fail how.
#[derive(Serialize, ToSchema)]
pub(crate) struct Faults {
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
    app.replays.once(caller.token.id, key, fingerprint(&asked), call).await
}

fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// Puts a card on the reader, or takes it away.
#[utoipa::path(post, path = "/v1/simulated/card", tag = "simulated", request_body = Insert, responses((status = 204)))]
pub(crate) async fn card(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Insert>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/card", &written(&body)], move |s| s.insert(body.insert.as_deref())).await
}

/// Lays a frame under the camera, or clears the mat.
#[utoipa::path(post, path = "/v1/simulated/desk", tag = "simulated", request_body = Lay, responses((status = 204)))]
pub(crate) async fn desk(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Lay>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/desk", &written(&body)], move |s| s.lay(body.frame.as_deref())).await
}

/// Lets the next operations of a device fail.
#[utoipa::path(post, path = "/v1/simulated/fault", tag = "simulated", request_body = FaultWish, responses((status = 204)))]
pub(crate) async fn fault(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<FaultWish>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/fault", &written(&body)], move |s| s.fault(&body)).await
}

/// What can fail how.
#[utoipa::path(get, path = "/v1/simulated/faults", tag = "simulated", responses((status = 200, body = Faults)))]
pub(crate) async fn faults(State(app): State<Shared>, caller: Caller) -> Result<Answer<Faults>, Problem> {
    caller.require(Scope::Admin)?;
    let simulation = app.simulation.as_ref().ok_or(Code::RouteUnknown)?;
    Ok(Answer(Faults { faults: simulation.faults() }))
}

/// Plays steps in the background.
#[utoipa::path(post, path = "/v1/simulated/scenario", tag = "simulated", request_body = Scenario, responses((status = 204)))]
pub(crate) async fn scenario(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Scenario>,
) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/scenario", &written(&body)], move |s| s.play(&body.steps)).await
}

/// As at the start: first card, first frame, no fault.
#[utoipa::path(post, path = "/v1/simulated/reset", tag = "simulated", responses((status = 204)))]
pub(crate) async fn reset(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    with(&app, &caller, [b"simulated/reset", b""], |s| {
        s.reset();
        Ok(())
    })
    .await
}
