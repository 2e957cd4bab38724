//! Calls that may never come back, on a thread that can be given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use yidang_device::{Cancel, DeviceCondition, DeviceError};

use crate::limits::Progress;

/// Most threads at a time, those included that were given up and still hang in the service.
const MAX_THREADS: usize = 32;
/// How often a caller that waits looks at its cancel flag, and at what the thread is at.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// How long a cancelled call has to end in an orderly way before it is given up.
const GRACE_AFTER_CANCEL: Duration = Duration::from_secs(1);

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// One of the [`MAX_THREADS`] places, until it is dropped.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let more = |taken: usize| (taken < MAX_THREADS).then_some(taken + 1);
        THREADS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// It came back.
    Done(T),
    /// It did not come back in time. The thread still hangs in it: drop the worker.
    OverTime,
    /// It was cancelled and did not come back soon after. Drop the worker.
    Cancelled,
    /// The thread died.
    Died,
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that owns `S` and works on it. Dropping the worker ends the thread after the call it is in.
pub(crate) struct Worker<S> {
    jobs: Sender<Job<S>>,
}

impl<S: Send + 'static> Worker<S> {
    /// Starts the thread.
    pub(crate) fn start(mut state: S) -> Result<Self, DeviceError> {
        let Some(place) = Place::take() else {
            return Err(DeviceError::new(
                DeviceCondition::Busy,
                format!("{MAX_THREADS} earlier calls still hang in the PC/SC service"),
            ));
        };
        let (jobs, inbox): (_, Receiver<Job<S>>) = channel();
        let run = move || {
            let _place = place;
            while let Ok(job) = inbox.recv() {
                job(&mut state);
            }
        };
        match std::thread::Builder::new().name("pcsc".into()).spawn(run) {
            Ok(_) => Ok(Self { jobs }),
            Err(e) => Err(DeviceError::new(DeviceCondition::Busy, format!("no thread: {}", e.kind()))),
        }
    }

    /// Runs a call on the thread and waits for it for at most `limit`, less when it is cancelled or what it is
    /// at is overdue. A call that was given up before it began is not made.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        cancel: Option<&Cancel>,
        progress: Option<&Progress>,
        call: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Ended<T> {
        self.begin(call).wait(limit, cancel, progress)
    }

    /// Begins a call, to be waited for later and more than once.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Pending<T> {
        let (answer, answered) = channel();
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let job = move |state: &mut S| {
            if still_wanted.upgrade().is_some() {
                // Nobody listens any more when the call was given up meanwhile.
                let _ = answer.send(call(state));
            }
        };
        // A thread that died takes no job, and drops the sender of the answer, which shows in the waiting.
        let _ = self.jobs.send(Box::new(job));
        Pending { begun: Instant::now(), answered, _wanted: wanted }
    }
}

/// A call under way. Dropping it gives the call up.
pub(crate) struct Pending<T> {
    begun: Instant,
    answered: Receiver<T>,
    _wanted: Arc<()>,
}

impl<T> Pending<T> {
    /// How long it has been under way.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits as [`Worker::call`] does. After [`Ended::OverTime`] it may be waited for again.
    pub(crate) fn wait(
        &self,
        limit: Duration,
        cancel: Option<&Cancel>,
        progress: Option<&Progress>,
    ) -> Ended<T> {
        let mut give_up = (Instant::now() + limit, Ended::OverTime);
        let mut cancel = cancel;
        loop {
            let left = give_up.0.saturating_duration_since(Instant::now());
            let looks = cancel.is_some() || progress.is_some();
            let slice = if looks { left.min(LOOKS_EVERY) } else { left };
            match self.answered.recv_timeout(slice) {
                Ok(answer) => return Ended::Done(answer),
                Err(RecvTimeoutError::Disconnected) => return Ended::Died,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return give_up.1,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if progress.is_some_and(Progress::is_overdue) {
                return Ended::OverTime;
            }
            if cancel.is_some_and(Cancel::is_cancelled) {
                cancel = None;
                give_up = (give_up.0.min(Instant::now() + GRACE_AFTER_CANCEL), Ended::Cancelled);
            }
        }
    }
}

/// Runs one call on a thread of its own.
pub(crate) fn once<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> Result<T, DeviceError> + Send + 'static,
) -> Result<T, DeviceError> {
    match Worker::start(())?.call(limit, None, None, |()| call()) {
        Ended::Done(result) => result,
        Ended::OverTime | Ended::Cancelled | Ended::Died => {
            Err(DeviceError::new(DeviceCondition::Timeout, "the PC/SC service does not answer"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::profile::TimeLimits;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn calls_work_on_one_state_in_turn() {
        let worker = Worker::start(1).unwrap();
        assert_eq!(worker.call(LONG, None, None, |n: &mut i32| std::mem::replace(n, 5)), Ended::Done(1));
        assert_eq!(worker.call(LONG, Some(&Cancel::new()), None, |n| *n), Ended::Done(5));
    }

    #[test]
    fn a_call_that_hangs_is_given_up() {
        let (end, hang) = channel::<()>();
        let worker = Worker::start(()).unwrap();
        let ended = worker.call(Duration::from_millis(20), None, None, move |()| hang.recv().is_ok());
        assert_eq!(ended, Ended::OverTime);
        drop(end);
    }

    #[test]
    fn a_cancelled_call_may_end_by_itself_and_is_given_up_if_it_does_not() {
        let cancel = Cancel::new();
        let seen = cancel.clone();
        let worker = Worker::start(()).unwrap();
        let canceller = cancel.clone();
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            canceller.cancel();
        });
        assert_eq!(worker.call(LONG, Some(&cancel), None, move |()| seen.sleep(LONG)), Ended::Done(true));
        timer.join().unwrap();

        let (end, hang) = channel::<()>();
        let started = Instant::now();
        assert_eq!(worker.call(LONG, Some(&cancel), None, move |()| hang.recv().is_ok()), Ended::Cancelled);
        assert!(started.elapsed() < LONG / 2);
        drop(end);
    }

    #[test]
    fn a_call_that_panics_is_noticed() {
        let worker = Worker::start(()).unwrap();
        assert_eq!(worker.call(LONG, None, None, |()| assert_eq!(1, 2, "on purpose")), Ended::Died);
        assert_eq!(worker.call(LONG, None, None, |()| ()), Ended::Died);
    }

    #[test]
    fn a_call_given_up_before_it_began_is_not_made() {
        let (end, hang) = channel::<()>();
        let (begun, seen) = channel::<()>();
        let worker = Worker::start(()).unwrap();
        let short = Duration::from_millis(20);
        assert_eq!(worker.call(short, None, None, move |()| hang.recv().is_ok()), Ended::OverTime);
        assert_eq!(worker.call(short, None, None, move |()| begun.send(()).is_ok()), Ended::OverTime);
        drop(end);
        assert_eq!(worker.call(LONG, None, None, |()| 1), Ended::Done(1));
        assert!(seen.recv().is_err());
    }

    #[test]
    fn an_overdue_command_ends_the_wait() {
        let progress = Progress::new();
        let mut limits = Limits::new(Cancel::new(), Arc::clone(&progress));
        limits.hold_to(TimeLimits { command: Duration::from_millis(30), reading: LONG });
        let (end, hang) = channel::<()>();
        let worker = Worker::start(()).unwrap();
        let job = move |(): &mut ()| limits.command(|| hang.recv().is_ok());
        assert_eq!(worker.call(LONG, None, Some(&progress), job), Ended::OverTime);
        drop(end);
    }
}
