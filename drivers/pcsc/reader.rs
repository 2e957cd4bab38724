//! One reader, as the rest of the product sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use yidang_device::{Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, Presence, RawCard};

use crate::chosen::Chosen;
use crate::driver::listing;
use crate::limits::{Limits, Progress};
use crate::profile::READING_MAX;
use crate::profiles::Profiles;
use crate::session::Session;
use crate::worker::{self, Ended, Worker};

/// Longest time for finding a reader by its name.
const OPENED_WITHIN: Duration = Duration::from_secs(2);
/// Longest single wait for a card, so that a cancelled one ends soon; and the pause between two questions to
/// a security module whether a card lies there.
const SLICE: Duration = Duration::from_millis(250);
/// How much longer than asked the service may take to come back from a wait.
const LATE_BY: Duration = Duration::from_secs(2);

/// A card reader behind the PC/SC service.
pub struct PcscReader {
    chosen: Chosen,
    link: Link,
}

enum Link {
    Open(Thread),
    /// The last call was given up, for a reason that leaves the reader as it was.
    Closed,
    /// The reader must be opened anew.
    Dead(DeviceError),
}

/// The reader's own thread, and what it is at.
struct Thread {
    worker: Worker<Session>,
    progress: Arc<Progress>,
}

impl PcscReader {
    /// Opens the reader of this PC/SC name.
    pub(crate) fn open(id: &str, profiles: Arc<Profiles>) -> Result<Self, DeviceError> {
        let chosen = Chosen::new(id, profiles);
        let link = Link::Open(connect(&chosen)?);
        Ok(Self { chosen, link })
    }

    /// The serial of the chip that lies there, 8 bytes; `None` when the card does not tell one. An ID card
    /// tells it any contactless reader, without a security module. It is no number that is printed on the
    /// card, but it is the person's all the same. Blocks as [`read`](CardReader::read) does.
    pub fn chip_serial(&mut self, cancel: &Cancel) -> Result<Option<[u8; 8]>, DeviceError> {
        self.exchange(cancel, Session::chip_serial)
    }

    /// Runs a call that talks to the card, within the limits of the reader's profile.
    fn exchange<T: Send + 'static>(
        &mut self,
        cancel: &Cancel,
        call: impl FnOnce(&mut Session, &mut Limits) -> Result<T, DeviceError> + Send + 'static,
    ) -> Result<T, DeviceError> {
        match self.call(READING_MAX, cancel, Some(cancel), call)? {
            Ok(done) => Ok(done),
            Err(late) => Err(self.give_up(late)),
        }
    }

    /// Runs a call on the reader's own thread, which looks at `cancel` between commands; `given_up_on` ends
    /// even a command.
    fn call<T: Send + 'static>(
        &mut self,
        limit: Duration,
        cancel: &Cancel,
        given_up_on: Option<&Cancel>,
        call: impl FnOnce(&mut Session, &mut Limits) -> Result<T, DeviceError> + Send + 'static,
    ) -> Result<Result<T, Late>, DeviceError> {
        if let Link::Closed = self.link {
            self.link = Link::Open(connect(&self.chosen).map_err(|e| self.note(e))?);
        }
        let Thread { worker, progress } = match &self.link {
            Link::Open(thread) => thread,
            Link::Closed => return Err(DeviceError::new(DeviceCondition::Lost, "the reader is closed")),
            Link::Dead(why) => {
                let detail = format!("must be opened anew: {}", why.detail);
                return Err(DeviceError::new(DeviceCondition::Lost, detail));
            }
        };
        let mut limits = Limits::new(cancel.clone(), Arc::clone(progress));
        let job = move |session: &mut Session| call(session, &mut limits);
        match worker.call(limit, given_up_on, Some(progress), job) {
            Ended::Done(Ok(value)) => Ok(Ok(value)),
            Ended::Done(Err(error)) => Err(self.note(error)),
            Ended::OverTime if progress.waits_for_turn() => Ok(Err(Late::Turn)),
            Ended::OverTime => Ok(Err(Late::Command)),
            Ended::Cancelled => {
                self.link = Link::Closed;
                Err(DeviceError::new(DeviceCondition::Cancelled, "a command was given up"))
            }
            Ended::Died => Err(self.note(DeviceError::new(DeviceCondition::Lost, "the thread ended"))),
        }
    }

    /// Walks away from the thread, and says what that means.
    fn give_up(&mut self, late: Late) -> DeviceError {
        self.link = Link::Closed;
        match late {
            Late::Turn => {
                DeviceError::new(DeviceCondition::Busy, "another program does not let go of the card")
            }
            Late::Command => self.note(DeviceError::new(DeviceCondition::Timeout, "a command has no answer")),
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

/// What a call was at that did not come back in time.
enum Late {
    /// Waiting for another program's turn to end.
    Turn,
    /// A command, or the service itself.
    Command,
}

fn connect(chosen: &Chosen) -> Result<Thread, DeviceError> {
    let chosen = chosen.clone();
    let worker = Worker::start(worker::once(OPENED_WITHIN, move || Session::open(chosen))?)?;
    Ok(Thread { worker, progress: Progress::new() })
}

impl CardReader for PcscReader {
    fn listing(&self) -> DeviceListing {
        listing(&self.chosen)
    }

    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        let until = Instant::now() + timeout;
        loop {
            if cancel.is_cancelled() {
                return Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a card"));
            }
            let left = until.saturating_duration_since(Instant::now());
            let slice = left.min(SLICE);
            let look =
                move |session: &mut Session, limits: &mut Limits| session.presence(last, slice, limits);
            let seen = match self.call(slice + LATE_BY, cancel, None, look)? {
                Ok(seen) => seen,
                // A module can only be asked in our turn. Until then nothing is known, and nothing is lost:
                // the thread is not given up, it goes on when the other program lets go.
                Err(Late::Turn) => {
                    cancel.sleep(slice);
                    last
                }
                Err(Late::Command) => return Err(self.give_up(Late::Command)),
            };
            if seen != last || left.is_zero() {
                return Ok(seen);
            }
        }
    }

    fn read(&mut self, cancel: &Cancel) -> Result<RawCard, DeviceError> {
        self.exchange(cancel, Session::read)
    }
}
