//! The cameras' station: one thread looks which cameras there are, and each camera that is used has one of its
//! own, so that none waits for another.

mod clients;
mod keeper;
mod looks;
mod preview;
mod roll;
mod settle;
#[cfg(test)]
mod tests;
mod watcher;

pub(crate) use clients::Shot;
pub(crate) use keeper::Description;
pub(crate) use preview::Preview;
pub(crate) use roll::Known;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use yidang_device::{CameraDriver, ControlName, DeviceCondition, DeviceError, Frame, PreviewWish};

use self::keeper::{Done, Keeper, Seen, Task};
use self::looks::{Looking, Looks};
use self::roll::Roll;
use super::StationState;
use super::relay::{Duty, Patience, Relay, Takeover};
use crate::events::Events;

/// Longest a driver may take for a picture; past it the thread is abandoned.
const GRAB_BOUND: Duration = Duration::from_secs(20);
/// Cameras that are kept open at once.
const CAMERAS_MAX: usize = 8;
/// Previews at once, those included that wait for a page to come to rest.
const PREVIEWS_MAX: usize = 8;
/// What a wait for a page to come to rest needs to see.
const REST_WISH: PreviewWish = PreviewWish { width_max: 1280, height_max: 960, rate: 10 };

/// How long drivers may take, and what becomes of those that hang.
#[derive(Clone, Copy)]
struct Bounds {
    grab: Duration,
    patience: Patience,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle to the cameras' threads.
pub(crate) struct CameraStation {
    shared: Arc<Looking>,
    events: Arc<Events>,
    looks: Looks,
    keepers: Mutex<BTreeMap<String, Arc<Keeper>>>,
    /// Places for those who watch.
    places: Arc<Semaphore>,
    bounds: Bounds,
    relay: Relay,
}

impl CameraStation {
    /// Starts looking for cameras with these drivers, the preferred one first.
    pub(crate) fn start(drivers: Vec<Arc<dyn CameraDriver>>, events: Arc<Events>) -> std::io::Result<Self> {
        Self::start_with(drivers, events, Bounds { grab: GRAB_BOUND, patience: Patience::default() })
    }

    fn start_with(
        drivers: Vec<Arc<dyn CameraDriver>>,
        events: Arc<Events>,
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let roll = Arc::new(Roll::new(events.clone()));
        let (looks, shared) = Looks::new(drivers, roll);
        // Before the first look, so that nothing falls between the two.
        for driver in &shared.drivers {
            looks.listen(driver, &shared.stop)?;
        }
        let shared = Arc::new(shared);
        let kept = shared.clone();
        let duty: Duty = Arc::new(move |post| {
            // Relieved: the successor has everything.
            let _ = kept.look_around(post);
        });
        // Who waits for a look is answered by the next one; the cameras' own threads go on.
        let takeover: Takeover = Arc::new(|_, _| {});
        let relay = Relay::start("camera-station", bounds.patience, duty, takeover)?;
        Ok(Self {
            shared,
            events,
            looks,
            keepers: Mutex::default(),
            places: Arc::new(Semaphore::new(PREVIEWS_MAX)),
            bounds,
            relay,
        })
    }

    /// Takes one picture with this camera, or the preferred one. Goes between two frames of a preview.
    pub(crate) async fn grab(&self, camera: Option<&str>) -> Result<Frame, DeviceError> {
        match self.keeper(camera).await?.ask(Task::Grab).await? {
            Done::Picture(frame) => Ok(frame),
            _ => Err(DeviceError::new(DeviceCondition::Protocol, "the camera answered something else")),
        }
    }

    /// What this camera can do, after these controls were adjusted in this order.
    pub(crate) async fn describe(
        &self,
        camera: &str,
        settings: Vec<(ControlName, i64)>,
    ) -> Result<Description, DeviceError> {
        match self.keeper(Some(camera)).await?.ask(Task::Describe(settings)).await? {
            Done::Description(description) => Ok(description),
            _ => Err(DeviceError::new(DeviceCondition::Protocol, "the camera answered something else")),
        }
    }

    /// Watches this camera. `None`: too many do already.
    pub(crate) async fn preview(
        &self,
        camera: Option<&str>,
        wish: PreviewWish,
    ) -> Result<Option<Preview>, DeviceError> {
        let keeper = self.keeper(camera).await?;
        let Ok(place) = self.places.clone().try_acquire_owned() else { return Ok(None) };
        let number = keeper.shared.clients.come(wish, place);
        let preview = Preview::new(keeper.clone(), number, &wish);
        keeper.wake();
        Ok(Some(preview))
    }

    /// The same, for who waits for a page to come to rest.
    pub(crate) async fn desk(&self, camera: Option<&str>) -> Result<Option<Preview>, DeviceError> {
        self.preview(camera, REST_WISH).await
    }

    /// Every camera that is there, the preferred ones first, those included that may not be opened.
    pub(crate) async fn all(&self) -> Vec<Known> {
        self.looks.look().await;
        self.shared.roll.all()
    }

    /// The wanted camera, or the preferred one; looked for anew where it is not known.
    pub(crate) async fn find(&self, camera: Option<&str>) -> Result<Known, DeviceError> {
        if let Ok(known) = self.shared.roll.find(camera) {
            return Ok(known);
        }
        self.looks.look().await;
        self.shared.roll.find(camera)
    }

    async fn keeper(&self, camera: Option<&str>) -> Result<Arc<Keeper>, DeviceError> {
        let known = self.find(camera).await?;
        let id = known.device.id;
        let mut keepers = held(&self.keepers);
        if let Some(keeper) = keepers.get(&id) {
            return Ok(keeper.clone());
        }
        if keepers.len() >= CAMERAS_MAX {
            let there: Vec<_> = self.shared.roll.all().into_iter().map(|k| k.device.id).collect();
            keepers.retain(|id, keeper| {
                let stays = there.contains(id);
                if !stays {
                    keeper.stop();
                }
                stays
            });
        }
        if keepers.len() >= CAMERAS_MAX || self.shared.stop.is_cancelled() {
            let detail = format!("at most {CAMERAS_MAX} cameras are kept open");
            return Err(DeviceError::new(DeviceCondition::Busy, detail));
        }
        let driver = self.shared.drivers[known.driver].clone();
        let seen = Seen { roll: self.shared.roll.clone(), looks: self.looks.clone() };
        let started = Keeper::start(id.clone(), driver, seen, self.events.clone(), self.bounds);
        let keeper = Arc::new(started.map_err(|e| DeviceError::new(DeviceCondition::Busy, e.to_string()))?);
        keepers.insert(id, keeper.clone());
        Ok(keeper)
    }

    /// The cameras, the preferred one apart.
    pub(crate) fn state(&self) -> StationState {
        let keepers = held(&self.keepers);
        let trouble = self.relay.trouble().or_else(|| keepers.values().find_map(|k| k.relay.trouble()));
        StationState { trouble, ..self.shared.roll.state() }
    }

    /// Ends the threads; waits for them no longer than a moment, since a driver may hang.
    pub(crate) fn stop(&self) {
        self.shared.stop.cancel();
        self.looks.look_soon();
        let keepers = std::mem::take(&mut *held(&self.keepers));
        keepers.values().for_each(|keeper| keeper.stop());
        keepers.values().for_each(|keeper| keeper.relay.stop());
        self.relay.stop();
    }
}
