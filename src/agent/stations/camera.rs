//! The cameras' thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use yidang_device::{Camera, CameraDriver, Cancel, DeviceCondition, DeviceError, Frame};

use super::selection::choose;
use super::{RETRY, StationState};
use crate::events::Events;

/// A camera that gives no frame in this time has stalled.
const GRAB_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the list of cameras is looked at while nobody captures.
const LOOK_EVERY: Duration = Duration::from_millis(900);

struct Request {
    camera: Option<String>,
    reply: oneshot::Sender<Result<Frame, DeviceError>>,
}

/// A handle to the cameras' thread.
pub(crate) struct CameraStation {
    requests: Mutex<Sender<Request>>,
    state: Arc<Mutex<StationState>>,
    stop: Cancel,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl CameraStation {
    /// Starts the thread over these drivers, the preferred one first.
    pub(crate) fn start(drivers: Vec<Arc<dyn CameraDriver>>, events: Arc<Events>) -> std::io::Result<Self> {
        let (requests, received) = channel();
        let state = Arc::new(Mutex::new(StationState::default()));
        let stop = Cancel::new();
        let mut keeper = Keeper { drivers, events, state: state.clone(), stop: stop.clone(), open: None };
        let thread =
            std::thread::Builder::new().name("camera-station".into()).spawn(move || keeper.run(&received))?;
        Ok(Self { requests: Mutex::new(requests), state, stop, thread: Mutex::new(Some(thread)) })
    }

    /// Takes one picture with this camera, or the preferred one.
    pub(crate) async fn grab(&self, camera: Option<String>) -> Result<Frame, DeviceError> {
        let (reply, answer) = oneshot::channel();
        let gone = || DeviceError::new(DeviceCondition::NotFound, "the camera station has stopped");
        let sent =
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).send(Request { camera, reply });
        sent.map_err(|_| gone())?;
        match tokio::time::timeout(GRAB_TIMEOUT * 3, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(DeviceError::new(DeviceCondition::Busy, "the camera is still at an earlier call")),
        }
    }

    /// The camera in use.
    pub(crate) fn state(&self) -> StationState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the thread; waits for it no longer than a moment, since a driver may hang.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Dropping the sender wakes the thread at once.
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = channel().0;
        let deadline = Instant::now() + Duration::from_secs(2);
        if let Some(thread) = thread {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

struct Keeper {
    drivers: Vec<Arc<dyn CameraDriver>>,
    events: Arc<Events>,
    state: Arc<Mutex<StationState>>,
    stop: Cancel,
    open: Option<Box<dyn Camera>>,
}

impl Keeper {
    fn run(&mut self, requests: &Receiver<Request>) {
        self.look();
        loop {
            match requests.recv_timeout(LOOK_EVERY) {
                Ok(request) if request.reply.is_closed() => {}
                Ok(request) => {
                    let result = self.grab(request.camera.as_deref());
                    let _ = request.reply.send(result);
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.stop.is_cancelled() {
                return;
            }
        }
    }

    /// Grabs, opening the camera if it is not open, once more with a fresh handle if the old one was dead.
    fn grab(&mut self, wanted: Option<&str>) -> Result<Frame, DeviceError> {
        let mut first = true;
        loop {
            let camera = match self.camera(wanted) {
                // That there is no camera of this name says nothing about the one that works.
                Err(error) if wanted.is_some() => return Err(error),
                camera => camera,
            };
            match camera.and_then(|c| c.grab(GRAB_TIMEOUT, &Cancel::new())) {
                Ok(frame) => return Ok(frame),
                Err(error) => {
                    if error.condition.needs_reopen() {
                        self.close(&error);
                    }
                    if !first || error.condition != DeviceCondition::Lost {
                        return Err(error);
                    }
                    first = false;
                    self.stop.sleep(RETRY);
                }
            }
        }
    }

    fn camera(&mut self, wanted: Option<&str>) -> Result<&mut dyn Camera, DeviceError> {
        let fits = |c: &dyn Camera| wanted.is_none_or(|w| c.listing().id == w);
        if !self.open.as_deref().is_some_and(fits) {
            let lists: Vec<_> = self.drivers.iter().map(|d| d.list()).collect();
            let choice = choose(&lists, wanted)?;
            let driver = &self.drivers[choice.driver];
            self.open = Some(driver.open(&choice.device.id)?);
            self.found(driver.name(), choice.device);
        }
        let gone = || DeviceError::new(DeviceCondition::NotFound, "no camera is open");
        self.open.as_deref_mut().ok_or_else(gone).map(|c| c as &mut dyn Camera)
    }

    /// Notices cameras that came or went while nobody captured.
    fn look(&mut self) {
        let lists: Vec<_> = self.drivers.iter().map(|d| d.list()).collect();
        match choose(&lists, None) {
            Ok(choice) => {
                let driver = self.drivers[choice.driver].name();
                self.found(driver, choice.device);
            }
            Err(error) => self.close(&error),
        }
    }

    fn found(&self, driver: &'static str, device: yidang_device::DeviceListing) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let new = state.device.is_none();
        let id = device.id.clone();
        state.device = Some(device);
        driver.clone_into(&mut state.note);
        drop(state);
        if new {
            tracing::info!(device = %id, driver, "camera found");
            self.events.publish("device.found", json!({"device": id, "type": "camera"}));
        }
    }

    fn close(&mut self, why: &DeviceError) {
        self.open = None;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = state.device.take();
        state.note = why.to_string();
        drop(state);
        if let Some(device) = lost {
            tracing::warn!(%why, "camera lost");
            self.events.publish("device.lost", json!({"device": device.id, "type": "camera"}));
        }
    }
}
