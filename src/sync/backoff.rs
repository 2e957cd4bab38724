//! How long to leave a repository alone that just failed.

/// First delay, in milliseconds.
pub const BACKOFF_MIN_MS: u64 = 200;
/// Longest delay, in milliseconds.
pub const BACKOFF_MAX_MS: u64 = 30_000;

/// Exponential back-off. Clock and randomness are the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure: how long to wait, in milliseconds. Doubles from 0.2 s to 30 s, less up to a quarter
    /// by `jitter` (any random number), so that the windows of an office do not come back in step.
    pub fn failed(&mut self, jitter: u32) -> u64 {
        let whole = BACKOFF_MIN_MS.saturating_mul(1 << self.failures.min(20)).min(BACKOFF_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        shortened(whole, jitter)
    }

    /// A failure that asking again soon cannot mend: the longest delay at once.
    pub fn refused(&mut self, jitter: u32) -> u64 {
        self.failures = self.failures.saturating_add(1);
        shortened(BACKOFF_MAX_MS, jitter)
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

fn shortened(whole: u64, jitter: u32) -> u64 {
    let cut = whole / 4 * u64::from(jitter) / u64::from(u32::MAX);
    (whole - cut).max(BACKOFF_MIN_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_cap_and_start_over() {
        let mut backoff = Backoff::default();
        let delays: Vec<u64> = (0..10).map(|_| backoff.failed(0)).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.failed(0), 200);
    }

    #[test]
    fn jitter_takes_off_a_quarter_at_most_and_never_goes_below_the_first_delay() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.failed(u32::MAX), 200);
        assert_eq!(backoff.failed(u32::MAX), 300);
        assert_eq!(backoff.refused(u32::MAX), 22_500);
        for _ in 0..100 {
            let delay = backoff.failed(u32::MAX / 2);
            assert!((BACKOFF_MIN_MS..=BACKOFF_MAX_MS).contains(&delay));
        }
    }
}
