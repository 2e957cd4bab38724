//! Calls that may never come back, on a thread that may be left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use yidang_device::{Cancel, DeviceCondition, DeviceError};

/// Most threads of one driver at a time, those that were left behind among them. With all of them stuck, no camera is
/// opened any more until one comes back.
const THREADS_MAX: usize = 8;
/// Longest time between two looks at whether the call was cancelled.
const SLICE: Duration = Duration::from_millis(20);

/// The threads of one driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<AtomicUsize>,
}

/// One thread's place among them, free again when it ends.
struct Seat(Arc<AtomicUsize>);

impl Seats {
    fn take(&self) -> Option<Seat> {
        let more = |taken: usize| (taken < THREADS_MAX).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Seat(Arc::clone(&self.taken)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread with something that belongs to it alone. Dropping this lets the thread end after the call it is at; one
/// that is stuck in a call is left behind.
pub(crate) struct Worker<S> {
    jobs: SyncSender<Job<S>>,
}

impl<S: 'static> Worker<S> {
    /// Makes a thing on a new thread, where it stays.
    pub(crate) fn start(
        seats: &Seats,
        within: Duration,
        make: impl FnOnce() -> Result<S, DeviceError> + Send + 'static,
    ) -> Result<Self, DeviceError> {
        let stuck =
            || DeviceError::new(DeviceCondition::Busy, "too many calls of the camera never came back");
        let seat = seats.take().ok_or_else(stuck)?;
        // One call may wait while one that was given up is under way.
        let (jobs, received) = sync_channel::<Job<S>>(1);
        let (made, outcome) = sync_channel(1);
        let thread = std::thread::Builder::new().name("camera".to_owned());
        let started = thread.spawn(move || {
            let _seat = seat;
            let mut thing = match make() {
                Ok(thing) => thing,
                Err(error) => {
                    let _ = made.send(Err(error));
                    return;
                }
            };
            let _ = made.send(Ok(()));
            while let Ok(job) = received.recv() {
                job(&mut thing);
            }
        });
        started.map_err(|_| DeviceError::new(DeviceCondition::Busy, "no thread for the camera"))?;
        match outcome.recv_timeout(within) {
            Ok(outcome) => outcome.map(|()| Self { jobs }),
            Err(_) => Err(late()),
        }
    }

    /// Does something with the thing. Blocks for at most this long, and for a moment after the flag was raised; then
    /// what the call still brings is thrown away, and the next call waits for it to end.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        within: Duration,
        cancel: &Cancel,
        work: impl FnOnce(&mut S) -> Result<T, DeviceError> + Send + 'static,
    ) -> Result<T, DeviceError> {
        let until = Instant::now() + within;
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let (done, outcome) = sync_channel(1);
        let job: Job<S> = Box::new(move |thing| {
            let _ = done.send(work(thing));
        });
        self.jobs.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => late(),
            TrySendError::Disconnected(_) => gone(),
        })?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match outcome.recv_timeout(left.min(SLICE)) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => return Err(cancelled()),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(late()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn cancelled() -> DeviceError {
    DeviceError::new(DeviceCondition::Cancelled, "while waiting for the camera")
}

fn late() -> DeviceError {
    DeviceError::new(DeviceCondition::Timeout, "a call of the camera did not come back in time")
}

/// The thread ended, which only a panic in the camera's library makes it do.
fn gone() -> DeviceError {
    DeviceError::new(DeviceCondition::Lost, "the camera's thread ended")
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(50);

    /// A door that calls stand before until it is opened.
    #[derive(Clone, Default)]
    struct Door(Arc<(Mutex<bool>, Condvar)>);

    impl Door {
        fn pass(&self) {
            let guard = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(guard, |open| !*open).unwrap());
        }

        fn open(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_all();
        }
    }

    fn condition<T>(outcome: Result<T, DeviceError>) -> Option<DeviceCondition> {
        outcome.err().map(|e| e.condition)
    }

    fn counter(seats: &Seats) -> Worker<u32> {
        Worker::start(seats, LONG, || Ok(0)).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn calls_are_done_in_order_on_the_one_thing() {
        let worker = counter(&Seats::default());
        for wanted in 1..=3 {
            let count = |count: &mut u32| {
                *count += 1;
                Ok(*count)
            };
            assert_eq!(worker.call(LONG, &Cancel::new(), count), Ok(wanted));
        }
    }

    #[test]
    fn a_call_that_never_comes_back_holds_nobody_and_its_late_outcome_reaches_nobody() {
        let (door, seats) = (Door::default(), Seats::default());
        let worker = counter(&seats);
        let stands = door.clone();
        let stuck = worker.call(SHORT, &Cancel::new(), move |_| {
            stands.pass();
            Ok(77)
        });
        assert_eq!(condition(stuck), Some(DeviceCondition::Timeout));
        assert_eq!(condition(worker.call(SHORT, &Cancel::new(), |_| Ok(1))), Some(DeviceCondition::Timeout));
        assert_eq!(condition(worker.call(SHORT, &Cancel::new(), |_| Ok(2))), Some(DeviceCondition::Timeout));
        door.open();
        // The second is still done; its outcome reaches nobody, either.
        let mut last = Err(late());
        while last.is_err() {
            last = worker.call(LONG, &Cancel::new(), |_| Ok(3));
        }
        assert_eq!(last, Ok(3));
    }

    #[test]
    fn a_raised_flag_ends_a_call_that_does_not_come_back() {
        let (door, cancel) = (Door::default(), Cancel::new());
        let worker = counter(&Seats::default());
        let (stands, other) = (door.clone(), cancel.clone());
        let stuck = worker.call(LONG, &cancel, move |_| {
            other.cancel();
            stands.pass();
            Ok(())
        });
        assert_eq!(condition(stuck), Some(DeviceCondition::Cancelled));
        assert_eq!(condition(worker.call(LONG, &cancel, |_| Ok(()))), Some(DeviceCondition::Cancelled));
        door.open();
    }

    #[test]
    fn threads_that_are_left_behind_are_bounded_and_their_places_come_back() {
        let (door, seats) = (Door::default(), Seats::default());
        for _ in 0..THREADS_MAX {
            let stands = door.clone();
            let stuck = Worker::start(&seats, SHORT, move || {
                stands.pass();
                Ok(())
            });
            assert_eq!(condition(stuck), Some(DeviceCondition::Timeout));
        }
        assert_eq!(condition(Worker::start(&seats, SHORT, || Ok(()))), Some(DeviceCondition::Busy));
        door.open();
        while seats.taken.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
        assert_eq!(condition(Worker::start(&seats, LONG, || Ok(()))), None);
    }

    #[test]
    fn what_cannot_be_made_says_why_and_leaves_no_thread() {
        let seats = Seats::default();
        let failed = Worker::<()>::start(&seats, LONG, || Err(gone()));
        assert_eq!(condition(failed), Some(DeviceCondition::Lost));
        while seats.taken.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
    }
}
