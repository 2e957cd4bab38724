//! How often something may be done: so many times a second over long, more in a burst.

use std::time::{Duration, Instant};

/// A pace. What is noted of each who keeps to it is one instant: when they would be even, had each step taken its interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How far somebody may be ahead.
    ahead_max: Duration,
}

impl Pace {
    /// So many a second over long, `burst` at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, ahead_max: interval * burst.saturating_sub(1) }
    }

    /// Takes one step. `Err`: after how long it can be taken, unless others are taken before; nothing is noted then.
    pub(super) fn step(&self, even: &mut Option<Instant>, now: Instant) -> Result<(), Duration> {
        let due = even.map_or(now, |even| even.max(now));
        match (due - now).checked_sub(self.ahead_max) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *even = Some(due + self.interval);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_each_interval() {
        let (pace, start) = (Pace::new(10, 5), Instant::now());
        let mut even = None;
        assert!((0..5).all(|_| pace.step(&mut even, start).is_ok()));
        let wait = pace.step(&mut even, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        // Asking in vain does not push the end of the wait away, and who waits as long as told gets through.
        assert_eq!(pace.step(&mut even, start), Err(wait));
        assert_eq!(pace.step(&mut even, start + wait / 2), Err(wait / 2));
        assert_eq!(pace.step(&mut even, start + wait), Ok(()));
        assert!(pace.step(&mut even, start + wait).is_err());
        // Who was silent for long has the whole burst again, and no more than that.
        let late = start + Duration::from_secs(60);
        assert!((0..5).all(|_| pace.step(&mut even, late).is_ok()));
        assert!(pace.step(&mut even, late).is_err());
    }
}
