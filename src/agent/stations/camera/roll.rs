//! Which cameras are there.

use std::sync::{Arc, Mutex};

use serde_json::json;
use yidang_device::{Access, CameraDriver, DeviceCondition, DeviceError, DeviceListing};

use super::held;
use crate::events::Events;
use crate::stations::selection::choose;
use crate::stations::{ListedDevice, StationState};

/// What each driver lists, in the drivers' order.
pub(super) type Lists = Vec<Result<Vec<DeviceListing>, DeviceError>>;

/// A camera that is there.
#[derive(Clone)]
pub(crate) struct Known {
    /// What it is, and whether it may be opened.
    pub(crate) device: DeviceListing,
    /// Position of its driver.
    pub(super) driver: usize,
    /// The driver's name.
    pub(crate) driver_name: &'static str,
}

struct State {
    /// The preferred ones first.
    known: Vec<Known>,
    /// Why there is none to use.
    absence: DeviceError,
}

/// The cameras of this window, as they come and go.
pub(super) struct Roll {
    events: Arc<Events>,
    state: Mutex<State>,
}

impl Roll {
    /// Nothing has been looked for yet.
    pub(super) fn new(events: Arc<Events>) -> Self {
        let absence = DeviceError::new(DeviceCondition::NotFound, "no camera was looked for yet");
        Self { events, state: Mutex::new(State { known: Vec::new(), absence }) }
    }

    /// Takes down what the drivers list, and tells what came and went.
    pub(super) fn take_down(&self, drivers: &[Arc<dyn CameraDriver>], lists: &Lists) {
        let mut known = Vec::new();
        for (at, (driver, devices)) in drivers.iter().zip(lists).enumerate() {
            for device in devices.iter().flatten() {
                known.push(Known { device: device.clone(), driver: at, driver_name: driver.name() });
            }
        }
        let mut state = held(&self.state);
        let before = std::mem::replace(&mut state.known, known);
        if let Err(absence) = choose(lists, None) {
            state.absence = absence;
        }
        let there = |list: &[Known], id: &str| list.iter().any(|k| k.device.id == id && k.may_be_used());
        for gone in before.iter().filter(|k| k.may_be_used() && !there(&state.known, &k.device.id)) {
            self.tell_lost(&gone.device.id, &"it is not listed any more");
        }
        for new in state.known.iter().filter(|k| k.may_be_used() && !there(&before, &k.device.id)) {
            let id = &new.device.id;
            tracing::info!(device = %id, driver = new.driver_name, "camera found");
            self.events.publish("device.found", json!({"device": id, "type": "camera"}));
        }
    }

    /// Strikes a camera out that could not be reached, until it is listed again.
    pub(super) fn strike(&self, id: &str, why: &DeviceError) {
        let mut state = held(&self.state);
        let before = state.known.len();
        state.known.retain(|k| k.device.id != id);
        if state.known.len() < before {
            state.absence = why.clone();
            self.tell_lost(id, why);
        }
    }

    fn tell_lost(&self, id: &str, why: &dyn std::fmt::Display) {
        tracing::warn!(device = %id, %why, "camera lost");
        self.events.publish("device.lost", json!({"device": id, "type": "camera"}));
    }

    /// Every camera that is there, those included that may not be opened.
    pub(super) fn all(&self) -> Vec<Known> {
        held(&self.state).known.clone()
    }

    /// Whether this camera is there.
    pub(super) fn has(&self, id: &str) -> bool {
        held(&self.state).known.iter().any(|k| k.device.id == id)
    }

    /// The wanted camera, or the preferred one.
    pub(super) fn find(&self, wanted: Option<&str>) -> Result<Known, DeviceError> {
        let state = held(&self.state);
        let mut fitting = state.known.iter().filter(|k| wanted.is_none_or(|w| w == k.device.id)).peekable();
        let first = fitting.peek().copied();
        if let Some(usable) = fitting.find(|k| k.may_be_used()) {
            return Ok(usable.clone());
        }
        Err(match (first.map(|k| &k.device), wanted) {
            (Some(DeviceListing { name, access: Access::Denied { remedy }, .. }), _) => {
                DeviceError::new(DeviceCondition::AccessDenied, format!("{name}: {remedy}"))
            }
            (_, Some(_)) => DeviceError::new(DeviceCondition::NotFound, "no camera of this id is connected"),
            (_, None) => state.absence.clone(),
        })
    }

    /// As the status tells it: the preferred camera, and the others.
    pub(super) fn state(&self) -> StationState {
        let preferred = self.find(None);
        let id = preferred.as_ref().ok().map(|k| k.device.id.clone());
        let others = self.all().into_iter().filter(|k| Some(&k.device.id) != id.as_ref());
        let others = others.map(|k| ListedDevice {
            reason: match &k.device.access {
                Access::Granted => "used where it is named: another camera comes first".to_owned(),
                Access::Denied { remedy } => remedy.clone(),
            },
            driver: k.driver_name,
            device: k.device,
        });
        let others = others.collect();
        match preferred {
            Ok(k) => StationState {
                device: Some(k.device),
                note: k.driver_name.to_owned(),
                others,
                ..StationState::default()
            },
            Err(absence) => StationState { note: absence.to_string(), others, ..StationState::default() },
        }
    }
}

impl Known {
    /// Whether it may be opened.
    pub(crate) fn may_be_used(&self) -> bool {
        matches!(self.device.access, Access::Granted)
    }
}
