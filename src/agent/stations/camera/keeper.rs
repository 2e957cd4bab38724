//! One camera's thread: it alone touches the handle, takes pictures when asked and shows the preview between.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use yidang_device::{
    Camera, CameraDriver, Cancel, Control, ControlName, DeviceCondition, DeviceError, Frame, Mode,
    PreviewWish,
};

use super::clients::Clients;
use super::looks::Looks;
use super::roll::Roll;
use super::watcher;
use super::{Bounds, held};
use crate::events::Events;
use crate::stations::relay::{Duty, Post, Relay, Relieved, Takeover};
use crate::stations::{OPEN_BOUND, RETRY};

/// A call that brings nothing in this time has failed. A driver may tell a stall sooner: then the camera is opened anew
/// within it, so many times in all, and while this much of it is left.
pub(super) const GRAB_TIMEOUT: Duration = Duration::from_secs(5);
const TRIES_MAX: u32 = 3;
const TRY_MIN: Duration = Duration::from_millis(500);
/// The same for a frame of the preview.
const PREVIEW_TIMEOUT: Duration = Duration::from_secs(2);
/// A preview that stalls so many times on end is over.
const STALLS_MAX: u32 = 3;
/// How often a thread that nobody asks for anything looks whether it is to stop.
const IDLE: Duration = Duration::from_secs(1);

/// What a camera can do, and how it stands.
pub(crate) struct Description {
    /// What it can take.
    pub(crate) modes: Vec<Mode>,
    /// What can be adjusted.
    pub(crate) controls: Vec<Control>,
}

/// What is asked of a camera.
pub(super) enum Task {
    /// Nothing: somebody watches, so look.
    Wake,
    /// One picture.
    Grab,
    /// What it can do, after these were adjusted in this order.
    Describe(Vec<(ControlName, i64)>),
}

/// What came of it.
pub(super) enum Done {
    Picture(Frame),
    Description(Description),
}

/// Which cameras are there, and a way to have them looked for.
pub(super) struct Seen {
    pub(super) roll: Arc<Roll>,
    pub(super) looks: Looks,
}

struct Request {
    task: Task,
    reply: oneshot::Sender<Result<Done, DeviceError>>,
}

/// What the keeper's threads share, one after the other, and who asks them.
pub(super) struct Shared {
    pub(super) id: String,
    driver: Arc<dyn CameraDriver>,
    seen: Seen,
    pub(super) events: Arc<Events>,
    pub(super) clients: Clients,
    /// Whether the desk has come to rest with a page on it, while somebody watches.
    pub(super) rest: watch::Sender<bool>,
    /// A thread waits here between two calls of a driver, never within one.
    received: Mutex<Receiver<Request>>,
    /// The request that the camera is at.
    under_way: Mutex<Option<Request>>,
    /// Ends the preview's wait for a frame.
    interrupt: Mutex<Cancel>,
    bounds: Bounds,
    pub(super) stop: Cancel,
}

impl Shared {
    /// The camera cannot be reached: whoever waits for it is told.
    fn lost(&self, why: &DeviceError) {
        self.clients.end(Some(why));
        self.strike(why);
    }

    /// The camera is told lost, until it is listed again.
    fn strike(&self, why: &DeviceError) {
        self.seen.roll.strike(&self.id, why);
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

/// A handle to one camera's thread.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    requests: Mutex<Sender<Request>>,
    pub(super) relay: Relay,
}

impl Keeper {
    /// Starts the thread, and the one that watches the desk while somebody watches the preview.
    pub(super) fn start(
        id: String,
        driver: Arc<dyn CameraDriver>,
        seen: Seen,
        events: Arc<Events>,
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let (requests, received) = channel();
        let shared = Arc::new(Shared {
            id,
            driver,
            seen,
            events,
            clients: Clients::new(),
            rest: watch::Sender::new(false),
            received: Mutex::new(received),
            under_way: Mutex::default(),
            interrupt: Mutex::default(),
            bounds,
            stop: Cancel::new(),
        });
        let watched = shared.clone();
        std::thread::Builder::new().name("desk-watcher".into()).spawn(move || watcher::watch(&watched))?;
        let kept = shared.clone();
        let duty: Duty = Arc::new(move |post| {
            // Relieved: the successor has everything.
            let _ = Hands::new(&kept, post).run();
        });
        let told = shared.clone();
        let takeover: Takeover = Arc::new(move |what, _| told.taken_over(what));
        let relay = Relay::start("camera", bounds.patience, duty, takeover)?;
        Ok(Self { shared, requests: Mutex::new(requests), relay })
    }

    /// Has something done, in turn. A preview's wait for a frame ends for it.
    pub(super) async fn ask(&self, task: Task) -> Result<Done, DeviceError> {
        let gone = || DeviceError::new(DeviceCondition::NotFound, "the camera station has stopped");
        if self.relay.rests() {
            let detail = self.relay.trouble().unwrap_or_default();
            return Err(DeviceError::new(DeviceCondition::NotFound, detail));
        }
        let (reply, answer) = oneshot::channel();
        held(&self.requests).send(Request { task, reply }).map_err(|_| gone())?;
        held(&self.shared.interrupt).cancel();
        match tokio::time::timeout(GRAB_TIMEOUT * 3, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(DeviceError::new(DeviceCondition::Busy, "the camera is still at an earlier call")),
        }
    }

    /// Has the thread look at once who watches.
    pub(super) fn wake(&self) {
        let (reply, _) = oneshot::channel();
        // Where nobody receives any more, the station has stopped.
        let _ = held(&self.requests).send(Request { task: Task::Wake, reply });
    }

    /// Tells the threads to end; [`Relay::stop`] waits for them.
    pub(super) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.clients.stop();
        held(&self.shared.interrupt).cancel();
        // Dropping the sender wakes the thread at once.
        *held(&self.requests) = channel().0;
    }
}

struct Hands<'a> {
    shared: &'a Arc<Shared>,
    post: &'a Post,
    open: Option<Box<dyn Camera>>,
    /// Whether the handle shows a preview.
    previews: bool,
    stalls: u32,
    /// Whether it was told lost for a stall, and no picture has come since.
    is_struck: bool,
}

impl<'a> Hands<'a> {
    fn new(shared: &'a Arc<Shared>, post: &'a Post) -> Self {
        Self { shared, post, open: None, previews: false, stalls: 0, is_struck: false }
    }

    /// Until the station stops, or another thread has taken over.
    fn run(&mut self) -> Result<(), Relieved> {
        loop {
            // Before looking for requests, so that one that comes after it ends the wait for a frame.
            let interrupt = Cancel::new();
            *held(&self.shared.interrupt) = interrupt.clone();
            let wish = self.shared.clients.wish();
            let wait = if wish.is_some() { Duration::ZERO } else { IDLE };
            if wish.is_none() {
                self.rest()?;
            }
            let received = held(&self.shared.received).recv_timeout(wait);
            match received {
                Ok(request) => self.serve(request)?,
                Err(RecvTimeoutError::Disconnected) => return self.close(),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(wish) = wish {
                        self.show(&wish, &interrupt)?;
                    } else if self.open.is_some() && !self.shared.seen.roll.has(&self.shared.id) {
                        // Held on to, what is left of it would keep its number from the next one.
                        self.close()?;
                    }
                }
            }
            if self.shared.stop.is_cancelled() {
                return self.close();
            }
        }
    }

    fn serve(&mut self, request: Request) -> Result<(), Relieved> {
        if matches!(request.task, Task::Wake) || request.reply.is_closed() {
            return Ok(());
        }
        let wanted = match &request.task {
            Task::Describe(settings) => Some(settings.clone()),
            _ => None,
        };
        *held(&self.shared.under_way) = Some(request);
        let result = match wanted {
            Some(settings) => self.with_retry(|hands, _| hands.describe(&settings))?.map(Done::Description),
            None => self.with_retry(Self::grab)?.map(Done::Picture),
        };
        if let Some(request) = held(&self.shared.under_way).take() {
            // Whoever hung up needs no answer.
            let _ = request.reply.send(result);
        }
        Ok(())
    }

    /// Again with a fresh handle, where the old one was dead or the camera has stalled, and time is left.
    fn with_retry<T>(
        &mut self,
        mut work: impl FnMut(&mut Self, Duration) -> Result<Result<T, DeviceError>, Relieved>,
    ) -> Result<Result<T, DeviceError>, Relieved> {
        let mut until = Instant::now() + GRAB_TIMEOUT;
        let (mut tries, mut was_lost) = (0, false);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let result = match self.prepare()? {
                Ok(()) => work(self, left)?,
                Err(error) => Err(error),
            };
            let Err(error) = &result else {
                self.came();
                return Ok(result);
            };
            if error.condition.needs_reopen() {
                self.close()?;
            }
            tries += 1;
            match error.condition {
                // It may be plugged in again already, under the same id.
                DeviceCondition::Lost if !was_lost => {
                    was_lost = true;
                    until = Instant::now() + GRAB_TIMEOUT;
                    continue;
                }
                DeviceCondition::Timeout => {
                    self.stalled(error);
                    let left = until.saturating_duration_since(Instant::now());
                    if tries < TRIES_MAX && left >= TRY_MIN && !self.shared.stop.is_cancelled() {
                        continue;
                    }
                }
                _ if is_gone(error) => self.shared.lost(error),
                _ => {}
            }
            return Ok(result);
        }
    }

    fn stalled(&mut self, error: &DeviceError) {
        self.shared.strike(error);
        self.is_struck = true;
    }

    /// The camera works: should it have been told lost, it is found at once.
    fn came(&mut self) {
        if std::mem::take(&mut self.is_struck) {
            self.shared.seen.looks.look_soon();
        }
    }

    fn grab(&mut self, within: Duration) -> Result<Result<Frame, DeviceError>, Relieved> {
        let (stop, bound) = (&self.shared.stop, self.shared.bounds.grab);
        let Some(camera) = &mut self.open else { return Ok(Err(not_open())) };
        self.post.call("grab", bound, || camera.grab(within, stop))
    }

    fn describe(
        &mut self,
        settings: &[(ControlName, i64)],
    ) -> Result<Result<Description, DeviceError>, Relieved> {
        let Some(camera) = &mut self.open else { return Ok(Err(not_open())) };
        self.post.call("controls", self.shared.bounds.grab, || {
            for (name, value) in settings {
                camera.set_control(*name, *value)?;
            }
            Ok(Description { modes: camera.modes(), controls: camera.controls()? })
        })
    }

    /// One frame of the preview to everybody who watches.
    fn show(&mut self, wish: &PreviewWish, interrupt: &Cancel) -> Result<(), Relieved> {
        let shown = self.with_retry_of_preview(wish, interrupt)?;
        match shown {
            Ok(frame) => {
                self.stalls = 0;
                self.came();
                self.shared.clients.show(frame);
            }
            Err(error) if error.condition == DeviceCondition::Cancelled => {}
            Err(error) if is_gone(&error) => self.shared.lost(&error),
            Err(error) => {
                // The preview pauses while the camera is opened anew: at once, the first time it stalls.
                self.stalls += 1;
                let is_first_stall = self.stalls == 1 && error.condition == DeviceCondition::Timeout;
                if error.condition == DeviceCondition::Timeout {
                    self.stalled(&error);
                }
                if self.stalls >= STALLS_MAX {
                    self.stalls = 0;
                    self.shared.clients.end(Some(&error));
                }
                if !is_first_stall {
                    interrupt.sleep(RETRY);
                }
            }
        }
        Ok(())
    }

    /// A handle that was dead before it was used says nothing about the camera.
    fn with_retry_of_preview(
        &mut self,
        wish: &PreviewWish,
        interrupt: &Cancel,
    ) -> Result<Result<Frame, DeviceError>, Relieved> {
        let fresh = self.open.is_none() || self.previews;
        let mut result = self.preview(wish, interrupt)?;
        if let Err(error) = &result
            && !fresh
            && error.condition == DeviceCondition::Lost
        {
            result = self.preview(wish, interrupt)?;
        }
        Ok(result)
    }

    fn preview(
        &mut self,
        wish: &PreviewWish,
        interrupt: &Cancel,
    ) -> Result<Result<Frame, DeviceError>, Relieved> {
        if let Err(error) = self.prepare()? {
            return Ok(Err(error));
        }
        let bound = self.shared.bounds.grab;
        let Some(camera) = &mut self.open else { return Ok(Err(not_open())) };
        self.previews = true;
        let result = self.post.call("preview", bound, || camera.preview(wish, PREVIEW_TIMEOUT, interrupt))?;
        if result.as_ref().is_err_and(|error| error.condition.needs_reopen()) {
            self.close()?;
        }
        Ok(result)
    }

    /// Lets the sensor rest once nobody watches.
    fn rest(&mut self) -> Result<(), Relieved> {
        if !std::mem::take(&mut self.previews) {
            return Ok(());
        }
        self.shared.clients.forget();
        let Some(camera) = &mut self.open else { return Ok(()) };
        self.post.call("rest", OPEN_BOUND, || camera.rest())
    }

    /// Opens the camera where it is not open.
    fn prepare(&mut self) -> Result<Result<(), DeviceError>, Relieved> {
        if self.open.is_some() {
            return Ok(Ok(()));
        }
        let opened = self.post.call("open", OPEN_BOUND, || self.shared.driver.open(&self.shared.id))?;
        Ok(opened.map(|camera| self.open = Some(camera)))
    }

    fn close(&mut self) -> Result<(), Relieved> {
        self.previews = false;
        match self.open.take() {
            Some(camera) => self.post.call("close", OPEN_BOUND, move || drop(camera)),
            None => Ok(()),
        }
    }
}

fn not_open() -> DeviceError {
    DeviceError::new(DeviceCondition::NotFound, "no camera is open")
}

/// Whether the camera itself is out of reach, and not only this picture.
fn is_gone(error: &DeviceError) -> bool {
    matches!(
        error.condition,
        DeviceCondition::Lost | DeviceCondition::NotFound | DeviceCondition::AccessDenied
    )
}
