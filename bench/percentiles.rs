//! What a row of times comes to.

use std::fmt;
use std::time::Duration;

/// The middle and the tail, in milliseconds.
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Percentiles {
    /// Of at least one time.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let place = (share * (times.len() - 1) as f64).round() as usize;
            times[place].as_secs_f64() * 1e3
        };
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:7.2} ms  p99 {:7.2} ms", self.p50, self.p99)
    }
}
