//! `/v1/cameras`: what cameras there are, and what can be adjusted on them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use yidang_device::{Access, Control, ControlName, DeviceCondition, DeviceError, FrameFormat, Mode};

use super::extract::{Address, Json};
use super::faults;
use super::vocabulary::{self, CameraState};
use crate::app::Shared;
use crate::caller::Caller;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::stations::{Description, Known};

/// The cameras.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cameras {
    /// Those that are there; the first that is `ready` is used where none is named.
    cameras: Vec<CameraBody>,
}

/// One camera.
#[derive(Serialize, ToSchema)]
#[schema(as = Camera)]
struct CameraBody {
    /// Stable identifier: the same camera at the same place keeps it.
    id: String,
    /// As its maker calls it.
    name: String,
    /// The driver it belongs to.
    driver: &'static str,
    /// Whether it can be used.
    #[schema(value_type = CameraState)]
    state: &'static str,
    /// Why it cannot be used, or what would open it; null where it is ready.
    reason: Option<String>,
    /// What it can take, the largest first; empty where it cannot be asked.
    modes: Vec<ModeBody>,
    /// What can be adjusted; empty where it cannot be asked.
    controls: Vec<ControlBody>,
}

/// One size and encoding of pictures.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraMode)]
struct ModeBody {
    /// How they are encoded.
    #[schema(value_type = vocabulary::FrameFormat)]
    format: &'static str,
    /// Pixels across.
    width: u32,
    /// Pixels down.
    height: u32,
    /// The rates it offers, the fastest first; empty where the camera does not say.
    rates: Vec<RateBody>,
}

/// Frames a second, as a fraction: `frames` in `seconds`.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraRate)]
struct RateBody {
    /// So many frames …
    frames: u32,
    /// … in so many seconds.
    seconds: u32,
}

/// One thing that can be adjusted, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraControl)]
struct ControlBody {
    /// Which.
    #[schema(value_type = vocabulary::ControlName)]
    name: &'static str,
    /// Smallest value.
    min: i64,
    /// Largest value.
    max: i64,
    /// Between two values.
    step: i64,
    /// What the camera starts with.
    default: i64,
    /// What it is now.
    value: i64,
    /// Whether the camera takes a new value now: not `focus` while it focuses by itself.
    active: bool,
}

/// What one camera's controls are after a change.
#[derive(Serialize, ToSchema)]
pub(crate) struct Controls {
    /// All of them.
    controls: Vec<ControlBody>,
}

/// New values, by control.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Adjustments(BTreeMap<String, i64>);

impl PartialSchema for Adjustments {
    fn schema() -> RefOr<Schema> {
        let mut object = ObjectBuilder::new().schema_type(Type::Object);
        for name in ControlName::ALL {
            let about = format!("New value of `{}`, within its range.", name.as_str());
            let value = ObjectBuilder::new().schema_type(Type::Integer).description(Some(about));
            object = object.property(name.as_str(), value);
        }
        let about = "New values, at least one. Those that switch something on or off are set first.";
        object
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .description(Some(about))
            .into()
    }
}

impl ToSchema for Adjustments {
    fn name() -> Cow<'static, str> {
        "AdjustControls".into()
    }
}

impl From<Mode> for ModeBody {
    fn from(mode: Mode) -> Self {
        let rates = mode.rates.iter().map(|r| RateBody { frames: r.frames, seconds: r.seconds });
        Self {
            format: format_word(mode.format),
            width: mode.width,
            height: mode.height,
            rates: rates.collect(),
        }
    }
}

/// The word for an encoding.
pub(super) const fn format_word(format: FrameFormat) -> &'static str {
    match format {
        FrameFormat::Mjpeg => "mjpeg",
        FrameFormat::Raw => "raw",
    }
}

fn controls(controls: Vec<Control>) -> Vec<ControlBody> {
    let body = |c: Control| ControlBody {
        name: c.name.as_str(),
        min: c.min,
        max: c.max,
        step: c.step,
        default: c.default,
        value: c.value,
        active: c.active,
    };
    controls.into_iter().map(body).collect()
}

impl CameraBody {
    fn of(known: Known, described: Result<Description, DeviceError>) -> Self {
        let (state, reason) = match (&known.device.access, &described) {
            (Access::Denied { remedy }, _) => ("denied", Some(remedy.clone())),
            (Access::Granted, Err(error)) => ("failed", Some(error.to_string())),
            (Access::Granted, Ok(_)) => ("ready", None),
        };
        let (modes, found) = described.map(|d| (d.modes, d.controls)).unwrap_or_default();
        Self {
            id: known.device.id,
            name: known.device.name,
            driver: known.driver_name,
            state,
            reason,
            modes: modes.into_iter().map(ModeBody::from).collect(),
            controls: controls(found),
        }
    }
}

/// The cameras that are there.
///
/// Each is asked what it can do, between two frames where it shows a preview, and opened for that if it is not open
/// yet: that may take a few seconds. A camera that does not answer is in the list and says so.
#[utoipa::path(get, path = "/v1/cameras", tag = "cameras", operation_id = "listCameras",
    responses((status = 200, description = "The cameras; none where none is connected.", body = Cameras)))]
pub(crate) async fn list(State(app): State<Shared>, caller: Caller) -> Result<Answer<Cameras>, Problem> {
    caller.require(Scope::Capture)?;
    let known = app.camera.all().await;
    let described = known.into_iter().map(|known| {
        let app = app.clone();
        async move {
            let described = match known.may_be_used() {
                true => app.camera.describe(&known.device.id, Vec::new()).await,
                false => Err(DeviceError::new(DeviceCondition::AccessDenied, known.device.name.clone())),
            };
            CameraBody::of(known, described)
        }
    });
    Ok(Answer(Cameras { cameras: join_all(described).await }))
}

/// Adjusts a camera.
///
/// What switches the camera's own hand on or off (`focus_auto`, `exposure_auto`, `white_balance_auto`) is set
/// first, so that one call can take the focus over and set it. A name or value that the camera does not take is
/// `invalid`; what was set before it stays set. Holds as long as the camera is connected and remembers it, and
/// shows in the preview at once. Blocks for a moment.
#[utoipa::path(patch, path = "/v1/cameras/{id}/controls", tag = "cameras", operation_id = "adjustCamera",
    params(("id" = String, Path, description = "The camera's identifier.")),
    request_body(content = Adjustments, description = "New values, by control."),
    responses((status = 200, description = "All controls as they are now.", body = Controls)))]
pub(crate) async fn adjust(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
    Json(body): Json<Adjustments>,
) -> Result<Response, Problem> {
    caller.require(Scope::Capture)?;
    let settings = settings(&body)?;
    let written = serde_json::to_vec(&body).unwrap_or_default();
    let request = fingerprint(&[b"cameras/controls", id.as_bytes(), &written]);
    let call = async {
        let described = app.camera.describe(&id, settings).await.map_err(|error| refused(&error))?;
        Ok(Answer(Controls { controls: controls(described.controls) }).into_response())
    };
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

fn settings(body: &Adjustments) -> Result<Vec<(ControlName, i64)>, Problem> {
    let mut settings = Vec::with_capacity(body.0.len());
    for (word, value) in &body.0 {
        let name = ControlName::ALL.iter().find(|name| name.as_str() == word);
        let name = name.ok_or_else(|| Problem::invalid("a control that is not known here"))?;
        settings.push((*name, *value));
    }
    if settings.is_empty() {
        return Err(Problem::invalid("at least one control"));
    }
    settings.sort_by_key(|(name, _)| !name.as_str().ends_with("_auto"));
    Ok(settings)
}

/// What the camera does not take, the caller must correct.
fn refused(error: &DeviceError) -> Problem {
    match error.condition {
        DeviceCondition::Refused => Problem::new(Code::Invalid, error.to_string()),
        _ => faults::camera(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cameras_own_hand_is_taken_off_before_a_value_is_set() {
        let body =
            Adjustments([("exposure".into(), 5), ("focus".into(), 3), ("focus_auto".into(), 0)].into());
        let names: Vec<_> = settings(&body).unwrap().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["focus_auto", "exposure", "focus"]);
        assert!(settings(&Adjustments([("shutter".into(), 1)].into())).is_err());
        assert!(settings(&Adjustments(BTreeMap::new())).is_err());
    }
}
