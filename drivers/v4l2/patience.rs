//! How long a camera may give no picture before it counts as stalled.

use std::time::Duration;

/// Patience with a camera of which nothing is known, for the first picture of a stream and for a later one; most give
/// theirs within half of it.
const USUAL_START: Duration = Duration::from_millis(900);
const USUAL: Duration = Duration::from_millis(800);
/// The most, whatever a camera has done.
const MOST: Duration = Duration::from_secs(5);
/// A picture may take so many times as long as one took a while ago …
const SLACK: u32 = 2;
/// … and so many times as long as the camera says it takes.
const INTERVALS: u32 = 4;
/// Of the longest time so much is forgotten with each picture.
const FORGOTTEN: u32 = 16;
/// Stalls in a row that lengthen the patience.
const STALLS_MAX: u32 = 3;

/// What is known of one camera's pace; a camera keeps it over being opened anew. Whoever is merely slow is stalled once,
/// and then waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// From the start of a stream to its first picture, and from one picture to the next.
    starting: Duration,
    running: Duration,
    stalls: u32,
}

impl Pace {
    /// How long the next picture is waited for: the first of a stream, or a later one, where the camera says that this
    /// long lies between two.
    pub(crate) fn patience(&self, first: bool, interval: Duration) -> Duration {
        let (usual, longest) = if first { (USUAL_START, self.starting) } else { (USUAL, self.running) };
        let span = usual.max(longest * SLACK).max(interval.min(MOST) * INTERVALS);
        span.saturating_mul(1 << self.stalls.min(STALLS_MAX)).min(MOST)
    }

    /// A picture came after this long.
    pub(crate) fn came(&mut self, first: bool, waited: Duration) {
        let longest = if first { &mut self.starting } else { &mut self.running };
        *longest = waited.max(*longest - *longest / FORGOTTEN);
        self.stalls = 0;
    }

    /// None came.
    pub(crate) fn stalled(&mut self) {
        self.stalls = self.stalls.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_slow_camera_is_stalled_once_and_then_waited_for() {
        let mut pace = Pace::default();
        assert!(pace.patience(true, Duration::ZERO) < 1000 * MS);
        pace.stalled();
        let second = pace.patience(true, Duration::ZERO);
        assert!(second > 1500 * MS);
        pace.came(true, 1500 * MS);
        assert!(pace.patience(true, Duration::ZERO) >= 3000 * MS, "it has shown how slow it is");
        assert_eq!(pace.patience(false, Duration::ZERO), USUAL, "once it streams, it is as quick as others");
        for _ in 0..60 {
            pace.came(true, 300 * MS);
        }
        assert_eq!(
            pace.patience(true, Duration::ZERO),
            USUAL_START,
            "one slow start is not held against it for ever"
        );
    }

    #[test]
    fn a_slow_rate_is_no_stall_and_nothing_is_waited_for_without_end() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(false, 1000 * MS), 4000 * MS);
        assert_eq!(pace.patience(false, 80 * MS), USUAL);
        for _ in 0..100 {
            pace.stalled();
        }
        assert_eq!(pace.patience(false, Duration::MAX), MOST);
    }
}
