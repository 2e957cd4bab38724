//! One reader, as the rest of the product sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use yidang_device::{Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, Presence, RawCard};

use crate::driver::listing;
use crate::session::{Limits, Session};
use crate::worker::{self, Ended, Worker};

/// Longest time for finding a reader by its name.
const OPENED_WITHIN: Duration = Duration::from_secs(2);
/// Longest single wait for a card, so that a cancelled one ends soon.
const SLICE: Duration = Duration::from_millis(250);
/// How much longer than asked the service may take to come back from a wait.
const LATE_BY: Duration = Duration::from_secs(2);
/// Longest reading; the contract's 15 seconds less what opening a connection anew may take.
const READ_WITHIN: Duration = Duration::from_secs(12);

/// A card reader behind the PC/SC service.
pub struct PcscReader {
    id: String,
    link: Link,
}

enum Link {
    Open(Worker<Session>),
    /// The last call was given up, for a reason that leaves the reader as it was.
    Closed,
    /// The reader must be opened anew.
    Dead(DeviceError),
}

impl PcscReader {
    /// Opens the reader of this PC/SC name.
    pub(crate) fn open(id: &str) -> Result<Self, DeviceError> {
        let link = Link::Open(connect(id)?);
        Ok(Self { id: id.to_owned(), link })
    }

    /// Runs a call on the reader's own thread. `given_up` says what a call that does not come back means.
    fn call<T: Send + 'static>(
        &mut self,
        limit: Duration,
        cancel: Option<&Cancel>,
        given_up: impl FnOnce() -> DeviceError,
        call: impl FnOnce(&mut Session) -> Result<T, DeviceError> + Send + 'static,
    ) -> Result<T, DeviceError> {
        if let Link::Closed = self.link {
            self.link = Link::Open(connect(&self.id).map_err(|e| self.note(e))?);
        }
        let worker = match &self.link {
            Link::Open(worker) => worker,
            Link::Closed => return Err(DeviceError::new(DeviceCondition::Lost, "the reader is closed")),
            Link::Dead(why) => {
                let detail = format!("must be opened anew: {}", why.detail);
                return Err(DeviceError::new(DeviceCondition::Lost, detail));
            }
        };
        match worker.call(limit, cancel, call) {
            Ended::Done(Ok(value)) => Ok(value),
            Ended::Done(Err(error)) => Err(self.note(error)),
            Ended::OverTime => {
                self.link = Link::Closed;
                Err(self.note(given_up()))
            }
            Ended::Cancelled => {
                self.link = Link::Closed;
                Err(DeviceError::new(DeviceCondition::Cancelled, "a command was given up"))
            }
            Ended::Died => Err(self.note(DeviceError::new(DeviceCondition::Lost, "the thread ended"))),
        }
    }

    /// Remembers an error after which nothing works any more.
    fn note(&mut self, error: DeviceError) -> DeviceError {
        if error.condition.needs_reopen() {
            self.link = Link::Dead(error.clone());
        }
        error
    }
}

fn connect(id: &str) -> Result<Worker<Session>, DeviceError> {
    let id = id.to_owned();
    Worker::start(worker::once(OPENED_WITHIN, move || Session::open(&id))?)
}

impl CardReader for PcscReader {
    fn listing(&self) -> DeviceListing {
        listing(&self.id)
    }

    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        let until = Instant::now() + timeout;
        loop {
            if cancel.is_cancelled() {
                return Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a card"));
            }
            let left = until.saturating_duration_since(Instant::now());
            let slice = left.min(SLICE);
            let late = || DeviceError::new(DeviceCondition::Timeout, "the PC/SC service does not answer");
            let seen =
                self.call(slice + LATE_BY, None, late, move |session| session.presence(last, slice))?;
            if seen != last || left.is_zero() {
                return Ok(seen);
            }
        }
    }

    fn read(&mut self, cancel: &Cancel) -> Result<RawCard, DeviceError> {
        let waits_for_turn = Arc::new(AtomicBool::new(false));
        let until = Instant::now() + READ_WITHIN;
        let limits = Limits { cancel: cancel.clone(), until, waits_for_turn: Arc::clone(&waits_for_turn) };
        let given_up = || {
            if waits_for_turn.load(Ordering::SeqCst) {
                DeviceError::new(DeviceCondition::Busy, "another program does not let go of the card")
            } else {
                DeviceError::new(DeviceCondition::Timeout, "a command has no answer")
            }
        };
        self.call(READ_WITHIN, Some(cancel), given_up, move |session| session.read(&limits))
    }
}
