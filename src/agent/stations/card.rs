//! The card reader's thread.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use yidang_device::{
    Cancel, CardDriver, CardReader, DeviceCondition, DeviceError, Presence, RawCard, ReadWish,
};

use super::selection::choose;
use super::{RETRY, StationState};
use crate::events::Events;

/// Longest single wait for a presence change; bounds how late a stop is noticed.
const WAIT_SLICE: Duration = Duration::from_millis(250);
/// Readings that may wait at once.
const PENDING_MAX: usize = 16;
/// A reading is at most this long by the driver's contract; past it the thread counts as stuck.
const READ_BOUND: Duration = Duration::from_secs(15);

struct Request {
    wish: ReadWish,
    deadline: Instant,
    /// Whether a reader was lost under it already: it is tried on one fresh handle, not on every next one.
    retried: bool,
    reply: oneshot::Sender<Result<RawCard, DeviceError>>,
}

/// A handle to the card reader's thread.
pub(crate) struct CardStation {
    requests: Sender<Request>,
    interrupt: Arc<Mutex<Cancel>>,
    state: Arc<Mutex<StationState>>,
    closing: Cancel,
    stop: Cancel,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl CardStation {
    /// Starts the thread over these drivers, the preferred one first.
    pub(crate) fn start(drivers: Vec<Arc<dyn CardDriver>>, events: Arc<Events>) -> std::io::Result<Self> {
        let (requests, received) = channel();
        let interrupt = Arc::new(Mutex::new(Cancel::new()));
        let state = Arc::new(Mutex::new(StationState::default()));
        let (closing, stop) = (Cancel::new(), Cancel::new());
        let mut keeper = Keeper {
            drivers,
            events,
            interrupt: interrupt.clone(),
            state: state.clone(),
            closing: closing.clone(),
            stop: stop.clone(),
            pending: VecDeque::new(),
            presence: Presence::Absent,
        };
        let thread =
            std::thread::Builder::new().name("card-station".into()).spawn(move || keeper.run(&received))?;
        Ok(Self { requests, interrupt, state, closing, stop, thread: Mutex::new(Some(thread)) })
    }

    /// Reads the card and what is wished for, waiting up to `wait` for one to come. Never takes longer than `wait` and the driver's
    /// own bound.
    pub(crate) async fn read(&self, wish: ReadWish, wait: Duration) -> Result<RawCard, DeviceError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { wish, deadline: Instant::now() + wait, retried: false, reply };
        let gone = || DeviceError::new(DeviceCondition::NotFound, "the card station has stopped");
        self.requests.send(request).map_err(|_| gone())?;
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        match tokio::time::timeout(wait + READ_BOUND + RETRY, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(DeviceError::new(DeviceCondition::Busy, "the reader is still at an earlier call")),
        }
    }

    /// The reader in use.
    pub(crate) fn state(&self) -> StationState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on nobody waits for a card to come: those who do are answered at once. A reading under way is
    /// finished.
    pub(crate) fn end_waiting(&self) {
        // Raised first: whoever looks after the interruption sees it.
        self.closing.cancel();
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Ends the thread; waits for it no longer than a moment, since a driver may hang.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let deadline = Instant::now() + Duration::from_secs(2);
        if let Some(thread) = thread {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn stops() -> DeviceError {
    DeviceError::new(DeviceCondition::Cancelled, "the daemon stops")
}

struct Keeper {
    drivers: Vec<Arc<dyn CardDriver>>,
    events: Arc<Events>,
    interrupt: Arc<Mutex<Cancel>>,
    state: Arc<Mutex<StationState>>,
    /// Nobody is to wait any more.
    closing: Cancel,
    stop: Cancel,
    pending: VecDeque<Request>,
    presence: Presence,
}

impl Keeper {
    fn run(&mut self, requests: &Receiver<Request>) {
        while !self.stop.is_cancelled() {
            match self.open() {
                Ok(mut reader) => {
                    let lost = self.serve(reader.as_mut(), requests);
                    self.device_lost(&lost);
                }
                Err(error) => {
                    self.note(&error);
                    self.take(requests);
                    self.answer_while_absent(&error);
                    self.rest();
                }
            }
        }
    }

    fn open(&mut self) -> Result<Box<dyn CardReader>, DeviceError> {
        let lists: Vec<_> = self.drivers.iter().map(|d| d.list()).collect();
        let choice = choose(&lists, None)?;
        let driver = &self.drivers[choice.driver];
        let reader = driver.open(&choice.device.id)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.device = Some(reader.listing());
        driver.name().clone_into(&mut state.note);
        self.presence = Presence::Absent;
        tracing::info!(device = %choice.device.name, driver = driver.name(), "card reader found");
        self.events.publish("device.found", json!({"device": choice.device.id, "type": "card_reader"}));
        Ok(reader)
    }

    /// Serves until the reader is lost or the station stops; says why.
    fn serve(&mut self, reader: &mut dyn CardReader, requests: &Receiver<Request>) -> DeviceError {
        loop {
            if self.stop.is_cancelled() {
                return stops();
            }
            let interrupt = self.fresh_interrupt();
            self.take(requests);
            if let Err(lost) = self.read_pending(reader) {
                return lost;
            }
            match reader.wait(self.presence, WAIT_SLICE, &interrupt) {
                Ok(presence) => self.presence_at(reader, presence),
                Err(error) if error.condition == DeviceCondition::Cancelled => {}
                Err(error) if error.condition.needs_reopen() => return error,
                Err(error) => {
                    tracing::debug!(%error, "waiting for a card");
                    self.stop.sleep(WAIT_SLICE);
                }
            }
        }
    }

    /// A raised flag stays raised: each wait gets a new one, made *before* the requests are taken, so that a
    /// request which comes in between ends the wait at once.
    fn fresh_interrupt(&self) -> Cancel {
        let fresh = Cancel::new();
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        if self.stop.is_cancelled() {
            fresh.cancel();
        }
        fresh
    }

    fn take(&mut self, requests: &Receiver<Request>) {
        while let Ok(request) = requests.try_recv() {
            if self.pending.len() < PENDING_MAX {
                self.pending.push_back(request);
            } else {
                let busy = DeviceError::new(DeviceCondition::Busy, "too many readings wait");
                let _ = request.reply.send(Err(busy));
            }
        }
        // Whoever hung up needs no reading.
        self.pending.retain(|r| !r.reply.is_closed());
    }

    /// Tries the readings that wait; those without a card stay until their time is over.
    fn read_pending(&mut self, reader: &mut dyn CardReader) -> Result<(), DeviceError> {
        let mut still = VecDeque::new();
        while let Some(mut request) = self.pending.pop_front() {
            if self.presence == Presence::Absent && !still.is_empty() {
                still.push_back(request);
                continue;
            }
            match reader.read(request.wish, &self.stop) {
                Ok(card) => {
                    self.presence_at(reader, Presence::Present);
                    let _ = request.reply.send(Ok(card));
                }
                Err(error)
                    if error.condition == DeviceCondition::NoCard && Instant::now() < request.deadline =>
                {
                    self.presence_is(Presence::Absent);
                    if self.closing.is_cancelled() {
                        let _ = request.reply.send(Err(stops()));
                    } else {
                        still.push_back(request);
                    }
                }
                Err(error) if error.condition == DeviceCondition::Lost && !request.retried => {
                    request.retried = true;
                    still.push_back(request);
                    still.append(&mut self.pending);
                    self.pending = still;
                    return Err(error);
                }
                Err(error) => {
                    let lost = error.condition.needs_reopen();
                    let _ = request.reply.send(Err(error.clone()));
                    if lost {
                        still.append(&mut self.pending);
                        self.pending = still;
                        return Err(error);
                    }
                }
            }
        }
        self.pending = still;
        Ok(())
    }

    /// A card that comes may change how its reader is spoken to, and so what it is listed as.
    fn presence_at(&mut self, reader: &dyn CardReader, now: Presence) {
        if now != self.presence {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).device = Some(reader.listing());
        }
        self.presence_is(now);
    }

    fn presence_is(&mut self, now: Presence) {
        if now == self.presence {
            return;
        }
        self.presence = now;
        let kind = if now == Presence::Present { "card.inserted" } else { "card.removed" };
        self.events.publish(kind, json!({"device": self.device_id()}));
    }

    fn device_lost(&mut self, why: &DeviceError) {
        let device = self.device_id();
        self.presence_is(Presence::Absent);
        self.note(why);
        if !self.stop.is_cancelled() {
            tracing::warn!(%why, "card reader lost");
            self.events.publish("device.lost", json!({"device": device, "type": "card_reader"}));
        }
    }

    /// Readings without a reader: answered when their time is over, at once when they do not wait.
    fn answer_while_absent(&mut self, why: &DeviceError) {
        let now = Instant::now();
        for request in std::mem::take(&mut self.pending) {
            if now < request.deadline && self.closing.is_cancelled() {
                let _ = request.reply.send(Err(stops()));
            } else if now < request.deadline {
                self.pending.push_back(request);
            } else {
                let _ = request.reply.send(Err(why.clone()));
            }
        }
    }

    fn note(&self, why: &DeviceError) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.device = None;
        state.note = why.to_string();
    }

    fn device_id(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.device.as_ref().map(|d| d.id.clone()).unwrap_or_default()
    }

    /// Rests before looking for a reader again; a new request ends the rest.
    fn rest(&self) {
        self.fresh_interrupt().sleep(RETRY);
    }
}
