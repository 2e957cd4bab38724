//! The cameras' station.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use yidang_device::{
    Access, Camera, CameraDriver, Cancel, DeviceCondition, DeviceError, DeviceListing, Frame,
};

use super::relay::{Duty, Patience, Post, Relay, Relieved, Takeover};
use super::selection::choose;
use super::{LIST_BOUND, ListedDevice, OPEN_BOUND, RETRY, StationState};
use crate::events::Events;

/// A camera that gives no frame in this time has stalled.
const GRAB_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest a driver may take to say so; past it the thread is abandoned.
const GRAB_BOUND: Duration = Duration::from_secs(20);
/// How often the list of cameras is looked at while nobody captures.
const LOOK_EVERY: Duration = Duration::from_millis(900);

struct Request {
    camera: Option<String>,
    reply: oneshot::Sender<Result<Frame, DeviceError>>,
}

/// What the station's threads share, the one after the other.
struct Shared {
    drivers: Vec<Arc<dyn CameraDriver>>,
    events: Arc<Events>,
    /// A thread waits here between two calls of a driver, never within one.
    received: Mutex<Receiver<Request>>,
    /// The request that a camera is at.
    under_way: Mutex<Option<Request>>,
    state: Mutex<StationState>,
    grab_bound: Duration,
    stop: Cancel,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn lost(&self, why: &DeviceError) {
        let lost = {
            let mut state = held(&self.state);
            state.note = why.to_string();
            state.device.take()
        };
        if let Some(device) = lost {
            tracing::warn!(%why, "camera lost");
            self.events.publish("device.lost", json!({"device": device.id, "type": "camera"}));
        }
    }

    /// A driver's call never came back, and its thread with it.
    fn taken_over(&self, what: &str) {
        let detail = format!("the driver did not come back from `{what}`");
        let error = DeviceError::new(DeviceCondition::Lost, detail);
        self.lost(&error);
        if let Some(request) = held(&self.under_way).take() {
            // Whoever hung up needs no answer.
            let _ = request.reply.send(Err(error));
        }
    }
}

/// A handle to the cameras' thread.
pub(crate) struct CameraStation {
    requests: Mutex<Sender<Request>>,
    shared: Arc<Shared>,
    relay: Relay,
}

impl CameraStation {
    /// Starts the thread over these drivers, the preferred one first.
    pub(crate) fn start(drivers: Vec<Arc<dyn CameraDriver>>, events: Arc<Events>) -> std::io::Result<Self> {
        Self::start_with(drivers, events, GRAB_BOUND, Patience::default())
    }

    fn start_with(
        drivers: Vec<Arc<dyn CameraDriver>>,
        events: Arc<Events>,
        grab_bound: Duration,
        patience: Patience,
    ) -> std::io::Result<Self> {
        let (requests, received) = channel();
        let shared = Arc::new(Shared {
            drivers,
            events,
            received: Mutex::new(received),
            under_way: Mutex::default(),
            state: Mutex::default(),
            grab_bound,
            stop: Cancel::new(),
        });
        let kept = shared.clone();
        let duty: Duty = Arc::new(move |post| {
            // Relieved: the successor has everything.
            let _ = Keeper { shared: &kept, post, open: None }.run();
        });
        let told = shared.clone();
        let takeover: Takeover = Arc::new(move |what, _| told.taken_over(what));
        let relay = Relay::start("camera-station", patience, duty, takeover)?;
        Ok(Self { requests: Mutex::new(requests), shared, relay })
    }

    /// Takes one picture with this camera, or the preferred one.
    pub(crate) async fn grab(&self, camera: Option<String>) -> Result<Frame, DeviceError> {
        let gone = || DeviceError::new(DeviceCondition::NotFound, "the camera station has stopped");
        if self.relay.rests() {
            let detail = self.relay.trouble().unwrap_or_default();
            return Err(DeviceError::new(DeviceCondition::NotFound, detail));
        }
        let (reply, answer) = oneshot::channel();
        held(&self.requests).send(Request { camera, reply }).map_err(|_| gone())?;
        match tokio::time::timeout(GRAB_TIMEOUT * 3, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(DeviceError::new(DeviceCondition::Busy, "the camera is still at an earlier call")),
        }
    }

    /// The cameras, the one in use apart.
    pub(crate) fn state(&self) -> StationState {
        StationState { trouble: self.relay.trouble(), ..held(&self.shared.state).clone() }
    }

    /// Ends the thread; waits for it no longer than a moment, since a driver may hang.
    pub(crate) fn stop(&self) {
        self.shared.stop.cancel();
        // Dropping the sender wakes the thread at once.
        *held(&self.requests) = channel().0;
        self.relay.stop();
    }
}

struct Keeper<'a> {
    shared: &'a Arc<Shared>,
    post: &'a Post,
    open: Option<Box<dyn Camera>>,
}

impl Keeper<'_> {
    /// Until the station stops, or another thread has taken over.
    fn run(&mut self) -> Result<(), Relieved> {
        self.look()?;
        loop {
            let received = held(&self.shared.received).recv_timeout(LOOK_EVERY);
            match received {
                Ok(request) if request.reply.is_closed() => {}
                Ok(request) => {
                    let camera = request.camera.clone();
                    *held(&self.shared.under_way) = Some(request);
                    let result = self.grab(camera.as_deref())?;
                    if let Some(request) = held(&self.shared.under_way).take() {
                        let _ = request.reply.send(result);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.look()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.shared.stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Grabs, opening the camera if it is not open, once more with a fresh handle if the old one was dead.
    fn grab(&mut self, wanted: Option<&str>) -> Result<Result<Frame, DeviceError>, Relieved> {
        let mut first = true;
        loop {
            match self.prepare(wanted)? {
                // That there is no camera of this name says nothing about the one that works.
                Err(error) if wanted.is_some() => return Ok(Err(error)),
                Err(error) => {
                    if error.condition.needs_reopen() {
                        self.close(&error)?;
                    }
                    if !first || error.condition != DeviceCondition::Lost {
                        return Ok(Err(error));
                    }
                }
                Ok(()) => match self.grab_once()? {
                    Ok(frame) => return Ok(Ok(frame)),
                    Err(error) => {
                        if error.condition.needs_reopen() {
                            self.close(&error)?;
                        }
                        if !first || error.condition != DeviceCondition::Lost {
                            return Ok(Err(error));
                        }
                    }
                },
            }
            first = false;
            self.shared.stop.sleep(RETRY);
        }
    }

    fn grab_once(&mut self) -> Result<Result<Frame, DeviceError>, Relieved> {
        let Some(camera) = &mut self.open else {
            return Ok(Err(DeviceError::new(DeviceCondition::NotFound, "no camera is open")));
        };
        self.post.call("grab", self.shared.grab_bound, || camera.grab(GRAB_TIMEOUT, &Cancel::new()))
    }

    fn lists(&self) -> Result<Vec<Result<Vec<DeviceListing>, DeviceError>>, Relieved> {
        let list = |driver: &Arc<dyn CameraDriver>| self.post.call("list", LIST_BOUND, || driver.list());
        self.shared.drivers.iter().map(list).collect()
    }

    /// Opens the wanted camera where it is not open.
    fn prepare(&mut self, wanted: Option<&str>) -> Result<Result<(), DeviceError>, Relieved> {
        let fits = |c: &dyn Camera| wanted.is_none_or(|w| c.listing().id == w);
        if self.open.as_deref().is_some_and(fits) {
            return Ok(Ok(()));
        }
        let choice = match choose(&self.lists()?, wanted) {
            Ok(choice) => choice,
            Err(error) => return Ok(Err(error)),
        };
        let driver = &self.shared.drivers[choice.driver];
        let opened = self.post.call("open", OPEN_BOUND, || driver.open(&choice.device.id))?;
        Ok(opened.map(|camera| {
            self.open = Some(camera);
            self.found(driver.name(), choice.device);
        }))
    }

    /// Notices cameras that came or went while nobody captured.
    fn look(&mut self) -> Result<(), Relieved> {
        let lists = self.lists()?;
        match choose(&lists, None) {
            Ok(choice) => {
                let driver = self.shared.drivers[choice.driver].name();
                self.found(driver, choice.device);
            }
            Err(error) => self.close(&error)?,
        }
        self.show_others(lists);
        Ok(())
    }

    fn show_others(&self, lists: Vec<Result<Vec<DeviceListing>, DeviceError>>) {
        let mut state = held(&self.shared.state);
        let in_use = state.device.as_ref().map(|device| device.id.clone());
        let mut others = Vec::new();
        for (driver, devices) in self.shared.drivers.iter().zip(lists) {
            for device in devices.into_iter().flatten().filter(|d| in_use.as_ref() != Some(&d.id)) {
                let reason = match &device.access {
                    Access::Granted => "not in use: another camera comes first".to_owned(),
                    Access::Denied { remedy } => remedy.clone(),
                };
                others.push(ListedDevice { device, driver: driver.name(), reason });
            }
        }
        state.others = others;
    }

    fn found(&self, driver: &'static str, device: DeviceListing) {
        let mut state = held(&self.shared.state);
        let new = state.device.is_none();
        let id = device.id.clone();
        state.device = Some(device);
        driver.clone_into(&mut state.note);
        drop(state);
        if new {
            tracing::info!(device = %id, driver, "camera found");
            self.shared.events.publish("device.found", json!({"device": id, "type": "camera"}));
        }
    }

    fn close(&mut self, why: &DeviceError) -> Result<(), Relieved> {
        if let Some(camera) = self.open.take() {
            self.post.call("close", OPEN_BOUND, move || drop(camera))?;
        }
        self.shared.lost(why);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use yidang_device::{Control, ControlName, Mode, PreviewWish};
    use yidang_model::Origin;

    use super::*;

    /// A camera whose first picture never comes, and its driver.
    #[derive(Clone, Default)]
    struct Hanging {
        works: Arc<AtomicBool>,
        gate: Arc<(Mutex<()>, Condvar)>,
    }

    fn listing() -> DeviceListing {
        DeviceListing { id: "c".into(), name: "c".into(), access: Access::Granted }
    }

    impl CameraDriver for Hanging {
        fn name(&self) -> &'static str {
            "hanging"
        }

        fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
            Ok(vec![listing()])
        }

        fn open(&self, _id: &str) -> Result<Box<dyn Camera>, DeviceError> {
            Ok(Box::new(self.clone()))
        }
    }

    impl Camera for Hanging {
        fn listing(&self) -> DeviceListing {
            listing()
        }

        fn modes(&self) -> Vec<Mode> {
            Vec::new()
        }

        fn controls(&mut self) -> Result<Vec<Control>, DeviceError> {
            Ok(Vec::new())
        }

        fn set_control(&mut self, _name: ControlName, _value: i64) -> Result<(), DeviceError> {
            Ok(())
        }

        fn preview(
            &mut self,
            _wish: &PreviewWish,
            timeout: Duration,
            cancel: &Cancel,
        ) -> Result<Frame, DeviceError> {
            self.grab(timeout, cancel)
        }

        fn rest(&mut self) {}

        fn grab(&mut self, _timeout: Duration, _cancel: &Cancel) -> Result<Frame, DeviceError> {
            if !self.works.swap(true, Ordering::SeqCst) {
                let guard = self.gate.0.lock().unwrap();
                drop(self.gate.1.wait_while(guard, |()| true).unwrap());
            }
            Ok(Frame { bytes: b"picture".to_vec(), origin: Origin::Device })
        }
    }

    #[test]
    fn a_camera_that_never_comes_back_costs_one_picture() {
        let events = Arc::new(Events::new());
        let start = events.last();
        let bound = Duration::from_millis(300);
        let drivers: Vec<Arc<dyn CameraDriver>> = vec![Arc::new(Hanging::default())];
        let station = CameraStation::start_with(drivers, events.clone(), bound, Patience::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let began = Instant::now();
        let hung = runtime.block_on(station.grab(None)).err().unwrap();
        assert_eq!(hung.condition, DeviceCondition::Lost, "{hung}");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        let frame = runtime.block_on(station.grab(None)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(frame.bytes, b"picture");
        assert!(station.state().trouble.unwrap().starts_with("1 call"));
        let kinds: Vec<_> = events.after(start).0.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, ["device.found", "device.lost", "device.found"]);
        station.stop();
    }
}
