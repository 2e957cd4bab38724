//! Ending a blocking device call from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A flag that one thread raises to end another's blocking device call. Sticky: a call that starts after it
/// was raised returns at once.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    raised: AtomicBool,
    sleeping: Mutex<()>,
    wake: Condvar,
}

impl Cancel {
    /// A flag nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag and wakes every sleeper.
    pub fn cancel(&self) {
        let guard = self.shared.sleeping.lock();
        self.shared.raised.store(true, Ordering::SeqCst);
        self.shared.wake.notify_all();
        drop(guard);
    }

    /// Whether the flag was raised.
    pub fn is_cancelled(&self) -> bool {
        self.shared.raised.load(Ordering::SeqCst)
    }

    /// Sleeps for the span or until the flag is raised; `true` when it was raised.
    pub fn sleep(&self, span: Duration) -> bool {
        let guard = self.shared.sleeping.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let waiting = self.shared.wake.wait_timeout_while(guard, span, |()| !self.is_cancelled());
        drop(waiting);
        self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_flag_ends_a_sleep_and_stays_raised() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        let sleeper = std::thread::spawn(move || other.sleep(Duration::from_secs(60)));
        cancel.cancel();
        assert!(sleeper.join().unwrap());
        assert!(cancel.sleep(Duration::from_secs(60)));
    }

    #[test]
    fn a_sleep_nobody_ends_runs_out() {
        assert!(!Cancel::new().sleep(Duration::from_millis(1)));
    }
}
