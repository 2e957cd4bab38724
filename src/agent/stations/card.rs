//! The card readers' station.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use yidang_device::{Cancel, CardDriver, DeviceCondition, DeviceError, Examination, RawCard, ReadWish};

use super::card_keeper::Keeper;
use super::relay::{Duty, Patience, Relay, Takeover};
use super::roster::{ReaderKey, Roster};
use super::teller::Teller;
use super::trial::Trials;
use super::{RETRY, StationState};
use crate::events::Events;

/// Readings that may wait at once.
const PENDING_MAX: usize = 16;
/// A reading is at most this long by the driver's contract; past it the thread counts as stuck.
const READ_BOUND: Duration = Duration::from_secs(15);

/// What is wanted of the reader.
pub(super) enum Wish {
    Read(ReadWish, oneshot::Sender<Result<RawCard, DeviceError>>),
    Examine(oneshot::Sender<Examination>),
}

/// A wish that waits.
pub(super) struct Request {
    pub(super) wish: Wish,
    pub(super) asked: Instant,
    pub(super) deadline: Instant,
    /// Whether a reader was lost under it already: it is tried on one fresh handle, not on every next one.
    pub(super) retried: bool,
    /// A reading found no card; it is tried again when one comes.
    pub(super) absent: Option<DeviceError>,
}

impl Request {
    fn new(wish: Wish, wait: Duration) -> Self {
        let asked = Instant::now();
        Self { wish, asked, deadline: asked + wait, retried: false, absent: None }
    }

    fn is_given_up(&self) -> bool {
        match &self.wish {
            Wish::Read(_, reply) => reply.is_closed(),
            Wish::Examine(reply) => reply.is_closed(),
        }
    }

    /// Answers that it cannot be done.
    pub(super) fn refuse(self, why: DeviceError) {
        // Whoever hung up needs no answer.
        match self.wish {
            Wish::Read(_, reply) => drop(reply.send(Err(why))),
            Wish::Examine(reply) => drop(reply.send(Examination::failed(why))),
        }
    }
}

/// How long the station bears what drivers do.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// For a reading or a wait; past it the thread is abandoned.
    pub(super) reading: Duration,
    pub(super) patience: Patience,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { reading: Duration::from_secs(25), patience: Patience::default() }
    }
}

/// What the station's threads share, the one after the other.
pub(super) struct Shared {
    pub(super) drivers: Vec<Arc<dyn CardDriver>>,
    pub(super) events: Arc<Events>,
    pub(super) bounds: Bounds,
    pub(super) pending: Mutex<VecDeque<Request>>,
    /// The request that the reader is at.
    pub(super) under_way: Mutex<Option<Request>>,
    interrupt: Mutex<Cancel>,
    pub(super) state: Mutex<StationState>,
    /// The reader in use.
    pub(super) in_use: Mutex<Option<ReaderKey>>,
    pub(super) roster: Mutex<Roster>,
    pub(super) teller: Mutex<Teller>,
    pub(super) trials: Trials,
    /// Nobody is to wait any more.
    pub(super) closing: Cancel,
    pub(super) stop: Cancel,
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A raised flag stays raised: each wait gets a new one, made *before* the requests are looked at, so that
    /// a request which comes in between ends the wait at once.
    pub(super) fn fresh_interrupt(&self) -> Cancel {
        let fresh = Cancel::new();
        *held(&self.interrupt) = fresh.clone();
        if self.stop.is_cancelled() {
            fresh.cancel();
        }
        fresh
    }

    fn interrupt(&self) {
        held(&self.interrupt).cancel();
    }

    /// The reader in use is gone, or another takes its place. Tells what was told as there.
    pub(super) fn reader_gone(&self, why: &DeviceError) {
        let device = {
            let mut state = held(&self.state);
            state.note = why.to_string();
            state.why = None;
            state.device.take()
        };
        *held(&self.in_use) = None;
        let had_card = held(&self.teller).lose();
        let Some(device) = device.filter(|_| !self.stop.is_cancelled()) else { return };
        if had_card {
            self.events.publish("card.removed", json!({"device": device.id}));
        }
        tracing::warn!(%why, "card reader lost");
        self.events.publish("device.lost", json!({"device": device.id, "type": "card_reader"}));
    }

    /// A driver's call never came back, and its thread with it.
    fn taken_over(&self, what: &str, rests: bool) {
        let detail = format!("the driver did not come back from `{what}`");
        let error = DeviceError::new(DeviceCondition::Lost, detail);
        let at_fault = held(&self.in_use).clone();
        if let Some(reader) = at_fault {
            held(&self.roster).learn_failure(&reader, error.clone());
        }
        self.reader_gone(&error);
        if let Some(request) = held(&self.under_way).take() {
            request.refuse(error.clone());
        }
        if rests {
            for request in std::mem::take(&mut *held(&self.pending)) {
                request.refuse(error.clone());
            }
        }
    }
}

/// A handle to the card readers' thread.
pub(crate) struct CardStation {
    shared: Arc<Shared>,
    relay: Relay,
}

impl CardStation {
    /// Starts the thread over these drivers, the preferred one first.
    pub(crate) fn start(drivers: Vec<Arc<dyn CardDriver>>, events: Arc<Events>) -> std::io::Result<Self> {
        Self::start_with(drivers, events, Bounds::default())
    }

    pub(super) fn start_with(
        drivers: Vec<Arc<dyn CardDriver>>,
        events: Arc<Events>,
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            drivers,
            events,
            bounds,
            pending: Mutex::default(),
            under_way: Mutex::default(),
            interrupt: Mutex::default(),
            state: Mutex::default(),
            in_use: Mutex::default(),
            roster: Mutex::default(),
            teller: Mutex::new(Teller::new()),
            trials: Trials::default(),
            closing: Cancel::new(),
            stop: Cancel::new(),
        });
        let kept = shared.clone();
        let duty: Duty = Arc::new(move |post| {
            // Relieved: the successor has everything.
            let _ = Keeper::new(&kept, post).run();
        });
        let told = shared.clone();
        let takeover: Takeover = Arc::new(move |what, rests| told.taken_over(what, rests));
        let relay = Relay::start("card-station", bounds.patience, duty, takeover)?;
        Ok(Self { shared, relay })
    }

    /// Reads the card and what is wished for, waiting up to `wait` for one to come. Never takes longer than
    /// `wait` and the driver's own bound.
    pub(crate) async fn read(&self, wish: ReadWish, wait: Duration) -> Result<RawCard, DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Request::new(Wish::Read(wish, reply), wait))?;
        match tokio::time::timeout(wait + READ_BOUND + RETRY * 2, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(still_busy()),
        }
    }

    /// Examines the reader in use; where there is none, the reading says why.
    pub(crate) async fn examine(&self) -> Examination {
        let (reply, answer) = oneshot::channel();
        if let Err(error) = self.submit(Request::new(Wish::Examine(reply), Duration::ZERO)) {
            return Examination::failed(error);
        }
        match tokio::time::timeout(self.shared.bounds.reading + RETRY * 2, answer).await {
            Ok(Ok(examination)) => examination,
            Ok(Err(_)) => Examination::failed(gone()),
            Err(_) => Examination::failed(still_busy()),
        }
    }

    fn submit(&self, request: Request) -> Result<(), DeviceError> {
        if self.shared.stop.is_cancelled() {
            return Err(gone());
        }
        if self.relay.rests() {
            let detail = self.relay.trouble().unwrap_or_default();
            return Err(DeviceError::new(DeviceCondition::Lost, detail));
        }
        let mut pending = held(&self.shared.pending);
        // Whoever hung up needs no reading.
        pending.retain(|request| !request.is_given_up());
        if pending.len() >= PENDING_MAX {
            return Err(DeviceError::new(DeviceCondition::Busy, "too many readings wait"));
        }
        pending.push_back(request);
        drop(pending);
        self.shared.interrupt();
        Ok(())
    }

    /// The readers, the one in use apart.
    pub(crate) fn state(&self) -> StationState {
        StationState { trouble: self.relay.trouble(), ..held(&self.shared.state).clone() }
    }

    /// From now on nobody waits for a card to come: those who do are answered at once. A reading under way is
    /// finished.
    pub(crate) fn end_waiting(&self) {
        // Raised first: whoever looks after the interruption sees it.
        self.shared.closing.cancel();
        self.shared.interrupt();
    }

    /// Ends the thread; waits for it no longer than a moment, since a driver may hang.
    pub(crate) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.interrupt();
        self.relay.stop();
    }
}

impl Drop for CardStation {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.interrupt();
    }
}

fn gone() -> DeviceError {
    DeviceError::new(DeviceCondition::NotFound, "the card station has stopped")
}

fn still_busy() -> DeviceError {
    DeviceError::new(DeviceCondition::Busy, "the reader is still at an earlier call")
}
