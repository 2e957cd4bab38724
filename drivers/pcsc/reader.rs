//! One reader, as the rest of the product sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pcsc::Context;
use yidang_device::{
    Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, Examination, Presence, RawCard, ReadWish,
};

use crate::chosen::Chosen;
use crate::driver::listing;
use crate::limits::{Late, Limits, Progress};
use crate::profile::{PresenceBy, READING_MAX};
use crate::profiles::Profiles;
use crate::session::{NOTICED_WITHIN, Session, WAIT};
use crate::worker::{self, Ended, Pending, Worker};

/// Longest time for finding a reader by its name.
const OPENED_WITHIN: Duration = Duration::from_secs(2);
/// Longest single wait for a card before the caller's cancel flag is looked at.
const SLICE: Duration = Duration::from_millis(125);
/// Time for a wait to look once, so that even one of no length says what is.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// How much longer than asked the service may take to come back from a wait.
const LATE_BY: Duration = Duration::from_secs(2);
/// Longest time for a wait for a card to end that is not wanted any more.
const INTERRUPTED_WITHIN: Duration = Duration::from_secs(1);
/// An interruption that comes before the service waits is lost, so it is repeated.
const INTERRUPTS_EVERY: Duration = Duration::from_millis(2);

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
    /// The session's, to interrupt it when it waits for a card. Stands before the worker, so that it is
    /// dropped first: who drops the last one tells the service, which may hang.
    context: Context,
    worker: Worker<Session>,
    progress: Arc<Progress>,
    /// A wait for a card that outlived the call it was begun by: pcsc-lite spins through the last millisecond
    /// of every wait that runs out, so short ones are dear.
    wait: Option<Wait>,
}

/// A wait for the presence to differ from `last`.
struct Wait {
    last: Presence,
    cancel: Cancel,
    pending: Pending<Result<Presence, DeviceError>>,
}

impl Thread {
    /// Ends the wait that may be under way. `false`: it does not end; walk away from the thread.
    fn interrupt(&mut self) -> bool {
        let Some(Wait { pending, cancel, .. }) = self.wait.take() else { return true };
        cancel.cancel();
        let began = Instant::now();
        while began.elapsed() < INTERRUPTED_WITHIN {
            let context = self.context.clone();
            let asked = worker::once(INTERRUPTED_WITHIN, move || {
                // It fails only when the service is gone, and then the wait is over too.
                let _ = context.cancel();
                Ok(())
            });
            if asked.is_err() {
                return false;
            }
            match pending.wait(INTERRUPTS_EVERY, None, None) {
                Ended::Done(_) | Ended::Died => return true,
                // A module that is being asked cannot be interrupted: what comes next waits for its answer.
                Ended::OverTime if self.progress.late() != Late::Hangs => return true,
                Ended::OverTime | Ended::Cancelled => {}
            }
        }
        false
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.interrupt();
    }
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
        let thread = self.thread()?;
        if !thread.interrupt() {
            return Err(self.give_up(Late::Hangs));
        }
        let mut limits = Limits::new(cancel.clone(), Arc::clone(&thread.progress));
        let job = move |session: &mut Session| call(session, &mut limits);
        match thread.worker.call(READING_MAX, Some(cancel), Some(&thread.progress), job) {
            Ended::Done(result) => result.map_err(|e| self.note(e)),
            Ended::OverTime => {
                let late = thread.progress.late();
                Err(self.give_up(late))
            }
            Ended::Cancelled => {
                self.link = Link::Closed;
                Err(DeviceError::new(DeviceCondition::Cancelled, "a command was given up"))
            }
            Ended::Died => Err(self.note(died())),
        }
    }

    /// Waits for the presence to differ from `last`, for at most a slice of time; what it is then.
    fn look(&mut self, last: Presence, slice: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        let thread = self.thread()?;
        if thread.wait.as_ref().is_some_and(|wait| wait.last != last) && !thread.interrupt() {
            return Err(self.give_up(Late::Hangs));
        }
        let Thread { worker, progress, wait, .. } = thread;
        let under_way = wait.get_or_insert_with(|| {
            // Not the caller's flag: the wait may outlive the call.
            let own = Cancel::new();
            let mut limits = Limits::new(own.clone(), Arc::clone(progress));
            let pending = worker.begin(move |session| session.presence(last, WAIT, &mut limits));
            Wait { last, cancel: own, pending }
        });
        let pending = &under_way.pending;
        let slice = slice.max(FIRST_LOOK.saturating_sub(pending.age()));
        // Whether it is overdue shows soon enough after the slice, and every wake-up costs.
        match pending.wait(slice, None, None) {
            Ended::Done(seen) => {
                *wait = None;
                seen.map_err(|e| self.note(e))
            }
            Ended::Died => Err(self.note(died())),
            Ended::Cancelled => Ok(last),
            Ended::OverTime => match progress.late() {
                // A module can only be asked in our turn. Until then nothing is known, and nothing is lost.
                Late::Turn => {
                    cancel.sleep(slice);
                    Ok(last)
                }
                Late::Slow => Ok(last),
                Late::Hangs if progress.is_overdue() || pending.age() > WAIT + LATE_BY => {
                    Err(self.give_up(Late::Hangs))
                }
                Late::Hangs => Ok(last),
            },
        }
    }

    /// The thread, started where it is not.
    fn thread(&mut self) -> Result<&mut Thread, DeviceError> {
        if let Link::Closed = self.link {
            self.link = Link::Open(connect(&self.chosen).map_err(|e| self.note(e))?);
        }
        match &mut self.link {
            Link::Open(thread) => Ok(thread),
            Link::Closed => Err(DeviceError::new(DeviceCondition::Lost, "the reader is closed")),
            Link::Dead(why) => {
                let detail = format!("must be opened anew: {}", why.detail);
                Err(DeviceError::new(DeviceCondition::Lost, detail))
            }
        }
    }

    /// Walks away from the thread, and says what that means.
    fn give_up(&mut self, late: Late) -> DeviceError {
        if let Link::Open(thread) = &mut self.link {
            thread.wait = None;
        }
        self.link = Link::Closed;
        match late {
            Late::Turn => {
                DeviceError::new(DeviceCondition::Busy, "another program does not let go of the card")
            }
            Late::Slow | Late::Hangs => {
                self.note(DeviceError::new(DeviceCondition::Timeout, "a command has no answer"))
            }
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

fn connect(chosen: &Chosen) -> Result<Thread, DeviceError> {
    let chosen = chosen.clone();
    let session = worker::once(OPENED_WITHIN, move || Session::open(chosen))?;
    let context = session.context();
    Ok(Thread { context, worker: Worker::start(session)?, progress: Progress::new(), wait: None })
}

fn died() -> DeviceError {
    DeviceError::new(DeviceCondition::Lost, "the thread ended")
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
            let seen = self.look(last, left.min(SLICE), cancel)?;
            if seen != last || left.is_zero() {
                return Ok(seen);
            }
        }
    }

    fn read(&mut self, wish: ReadWish, cancel: &Cancel) -> Result<RawCard, DeviceError> {
        self.exchange(cancel, move |session, limits| session.read(wish, limits))
    }

    fn examine(&mut self, cancel: &Cancel) -> Examination {
        self.exchange(cancel, Session::examine).unwrap_or_else(Examination::failed)
    }

    fn notices_within(&self) -> Duration {
        match self.chosen.profile().presence {
            PresenceBy::State => NOTICED_WITHIN,
            PresenceBy::Find => Duration::ZERO,
        }
    }
}
