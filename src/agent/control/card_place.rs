//! What the `card` commands do, in the daemon that holds the reader or by themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use yidang_device::{CardDriver, DeviceError, RawCard, ReadWish};

use super::message::WatchedEvent;
use super::{CardRequest, Listen, News, Outcome, probe};
use crate::api::card::{CardReading, interpret};
use crate::api::faults;
use crate::events::{Event, Events};
use crate::failure::Failure;
use crate::stations::CardStation;

/// Whoever asked is told that the work goes on this often; who has gone is noticed by it.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Longest a station may take to find its first reader.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// The card readers of this window.
pub(crate) struct CardPlace {
    drivers: Vec<Arc<dyn CardDriver>>,
    station: Arc<CardStation>,
    events: Arc<Events>,
    /// Whether everything since the station's start is told, or only what is yet to come.
    tells_all: bool,
}

impl CardPlace {
    /// The running daemon's.
    pub(crate) fn of_daemon(
        drivers: Vec<Arc<dyn CardDriver>>,
        station: Arc<CardStation>,
        events: Arc<Events>,
    ) -> Self {
        Self { drivers, station, events, tells_all: false }
    }

    /// A command's own.
    pub(crate) fn at_rest(drivers: Vec<Arc<dyn CardDriver>>) -> std::io::Result<Self> {
        let events = Arc::new(Events::new());
        let station = Arc::new(CardStation::start(drivers.clone(), events.clone())?);
        Ok(Self { drivers, station, events, tells_all: true })
    }

    /// Lets go of the reader.
    pub(crate) fn stop(&self) {
        self.station.stop();
    }

    /// Does it. Blocks as long as that takes.
    pub(crate) fn carry_out(&self, request: &CardRequest, listen: Listen<'_>) -> Result<Outcome, Failure> {
        match *request {
            CardRequest::Read { wait_ms, full } => self.read(wait_ms, full, listen),
            CardRequest::Watch => self.watch(listen),
            CardRequest::Probe => {
                self.settle();
                Ok(Outcome::Probed(probe::probe(&self.drivers, &self.station, listen)?))
            }
        }
    }

    /// Waits until the station knows whether it has a reader: two must not open one at a time.
    fn settle(&self) {
        let began = Instant::now();
        let knows = || {
            let state = self.station.state();
            state.device.is_some() || !state.note.is_empty()
        };
        while !knows() && began.elapsed() < SETTLES_WITHIN {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn read(&self, wait_ms: u64, full: bool, listen: Listen<'_>) -> Result<Outcome, Failure> {
        let wait = Duration::from_millis(wait_ms);
        let raw = alive(self.station.read(ReadWish::default(), wait), listen)?.map_err(|e| fault(&e))?;
        Ok(Outcome::Card(Box::new(reading(&raw, full)?)))
    }

    fn watch(&self, listen: Listen<'_>) -> Result<Outcome, Failure> {
        let mut bell = self.events.listen();
        let mut last = if self.tells_all { 0 } else { self.events.last() };
        let runtime = runtime()?;
        loop {
            bell.borrow_and_update();
            let (events, newest) = self.events.after(last);
            last = newest;
            for event in events.into_iter().filter(is_about_cards) {
                listen(News::Event(watched(event))).map_err(cut)?;
            }
            if self.events.is_over() {
                return Ok(Outcome::Watched);
            }
            // Late is as good as rung: everything is looked at again.
            if runtime.block_on(async { timeout(ALIVE_EVERY, bell.changed()).await }).is_err() {
                listen(News::Alive).map_err(cut)?;
            }
        }
    }
}

/// Waits for a station's answer; whoever asked may go meanwhile.
pub(super) fn alive<T>(work: impl Future<Output = T>, listen: Listen<'_>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep(ALIVE_EVERY) => listen(News::Alive).map_err(cut)?,
            }
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let made = tokio::runtime::Builder::new_current_thread().enable_time().build();
    made.map_err(|e| Failure::new("start_failed", e, "see what the message names"))
}

fn cut(error: std::io::Error) -> Failure {
    Failure::new("output_failed", error, "see what takes the output")
}

/// A card reader's fault, as the API has it.
pub(super) fn fault(error: &DeviceError) -> Failure {
    faults::card(error).into()
}

/// The fields of `POST /v1/card/read`, and whether they are masked. Masked here, so that what is not asked for
/// goes nowhere.
fn reading(raw: &RawCard, full: bool) -> Result<Value, Failure> {
    let mut reading = CardReading::of(interpret(raw)?, raw);
    if !full {
        reading.mask();
    }
    let mut fields = serde_json::to_value(reading).unwrap_or_default();
    fields["masked"] = json!(!full);
    Ok(fields)
}

fn is_about_cards(event: &Event) -> bool {
    match event.kind {
        "card.inserted" | "card.removed" => true,
        "device.lost" | "device.found" => event.data.get("type").is_some_and(|t| t == "card_reader"),
        _ => false,
    }
}

fn watched(event: Event) -> WatchedEvent {
    WatchedEvent { id: event.id, kind: event.kind.to_owned(), at: event.at, data: event.data }
}
