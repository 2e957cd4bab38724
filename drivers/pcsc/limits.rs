//! What ends a call early, and what a call is at while its caller waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use yidang_device::{Cancel, DeviceCondition, DeviceError, Step, Steps};

use crate::profile::TimeLimits;

/// What a call on a reader's thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing that could hang.
    Own,
    /// Another program's turn with the card must be waited for.
    WaitsForTurn { until: Instant },
    /// The reader works on a command.
    Command { until: Instant },
}

/// Why a call has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// It waits for another program's turn to end.
    Turn,
    /// A command takes its time, which is not over.
    Slow,
    /// A command's time is over, or the service itself does not answer.
    Hangs,
}

/// What one reader's thread is at. Shared with the caller, who may give the thread up.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<Doing>);

impl Progress {
    /// Of a thread that has not begun.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Doing::Own)))
    }

    fn hold(&self) -> MutexGuard<'_, Doing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what the thread is at takes longer than it may.
    pub(crate) fn is_overdue(&self) -> bool {
        match *self.hold() {
            Doing::Own => false,
            Doing::WaitsForTurn { until } | Doing::Command { until } => Instant::now() > until,
        }
    }

    /// What a call is at that its caller waited for in vain.
    pub(crate) fn late(&self) -> Late {
        match *self.hold() {
            Doing::WaitsForTurn { .. } => Late::Turn,
            Doing::Command { until } if Instant::now() <= until => Late::Slow,
            Doing::Own | Doing::Command { .. } => Late::Hangs,
        }
    }
}

/// What ends one call.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) cancel: Cancel,
    started: Instant,
    times: TimeLimits,
    progress: Arc<Progress>,
    /// The exchanges of an examination.
    steps: Option<Steps>,
}

impl Limits {
    /// From now on, on the thread whose progress this is.
    pub(crate) fn new(cancel: Cancel, progress: Arc<Progress>) -> Self {
        Self { cancel, started: Instant::now(), times: TimeLimits::default(), progress, steps: None }
    }

    /// From now on every exchange is told there.
    pub(crate) fn record(&mut self, steps: Steps) {
        self.steps = Some(steps);
    }

    /// Where exchanges are told, if they are.
    pub(crate) fn steps(&self) -> Option<Steps> {
        self.steps.clone()
    }

    pub(crate) fn tell(&self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &self.steps {
            steps.push(step());
        }
    }

    /// A profile's times hold from here on.
    pub(crate) fn hold_to(&mut self, times: TimeLimits) {
        self.times = times;
    }

    pub(crate) const fn times(&self) -> TimeLimits {
        self.times
    }

    fn until(&self) -> Instant {
        self.started + self.times.reading
    }

    pub(crate) fn check(&self) -> Result<(), DeviceError> {
        if self.cancel.is_cancelled() {
            return Err(DeviceError::new(DeviceCondition::Cancelled, "between two commands"));
        }
        if Instant::now() >= self.until() {
            return Err(DeviceError::new(DeviceCondition::Timeout, "the reading takes too long"));
        }
        Ok(())
    }

    /// Time left of the whole reading.
    pub(crate) fn left(&self) -> Duration {
        self.until().saturating_duration_since(Instant::now())
    }

    /// Does what may have to wait for another program's turn.
    pub(crate) fn waiting_for_turn<T>(&self, call: impl FnOnce() -> T) -> T {
        self.doing(Doing::WaitsForTurn { until: self.until() }, call)
    }

    /// Does one exchange with the reader.
    pub(crate) fn command<T>(&self, call: impl FnOnce() -> T) -> T {
        let until = self.until().min(Instant::now() + self.times.command);
        self.doing(Doing::Command { until }, call)
    }

    fn doing<T>(&self, what: Doing, call: impl FnOnce() -> T) -> T {
        *self.progress.hold() = what;
        let done = call();
        *self.progress.hold() = Doing::Own;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_command_is_overdue_after_its_own_limit_and_a_turn_after_the_readings() {
        let watched = Progress::new();
        let mut limits = Limits::new(Cancel::new(), Arc::clone(&watched));
        limits.hold_to(TimeLimits { command: Duration::ZERO, reading: LONG });
        let late = limits.command(|| {
            std::thread::sleep(Duration::from_millis(1));
            watched.is_overdue() && watched.late() == Late::Hangs
        });
        assert!(late && !watched.is_overdue());
        limits.waiting_for_turn(|| assert!(watched.late() == Late::Turn && !watched.is_overdue()));
        assert_eq!(watched.late(), Late::Hangs, "nothing of the reader's: the service");
        limits.hold_to(TimeLimits { command: LONG, reading: LONG });
        limits.command(|| assert!(watched.late() == Late::Slow && !watched.is_overdue()));
        assert!(limits.check().is_ok());
        limits.hold_to(TimeLimits { command: Duration::ZERO, reading: Duration::ZERO });
        assert_eq!(limits.check().unwrap_err().condition, DeviceCondition::Timeout);
    }
}
