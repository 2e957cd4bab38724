//! Which of the frames that come shows what lies there now, and shows it well.

use std::time::{Duration, Instant};

/// A camera that starts exposes by itself from nothing: its first pictures may be dark. So many are passed over …
const FRAMES_TO_SETTLE: u32 = 3;
/// … but not for longer than this, for cameras with seconds between two pictures.
const SETTLES_WITHIN: Duration = Duration::from_millis(600);
/// One whose stream merely changes its mode has settled before.
const FRAMES_TO_SWITCH: u32 = 1;
/// A picture that begins to arrive after the call was in part exposed before it.
const FRAMES_UNDER_WAY: u32 = 1;
/// Oldest picture of a preview, by the time when it began to arrive.
pub(crate) const PREVIEW_AGE_MAX: Duration = Duration::from_secs(2);

/// What the stream was at when a page was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing.
    Rested,
    /// A preview in another mode.
    OtherMode,
    /// The mode pages are taken in, with so many buffers that may hold pictures from before.
    SameMode { buffers: u32 },
}

/// Chooses the picture of a page.
pub(crate) struct Picking {
    /// By the clock that pictures are stamped with.
    began: Duration,
    skipped: u32,
    to_skip: u32,
    /// Buffers that may hold old pictures, should those have no stamps.
    unstamped: u32,
    settled_at: Option<Instant>,
}

impl Picking {
    /// For a call that began at this time of the stamps' clock, which is `now`.
    pub(crate) fn new(before: Before, began: Duration, now: Instant) -> Self {
        let (to_skip, unstamped, settled_at) = match before {
            Before::Rested => (FRAMES_TO_SETTLE, 0, Some(now + SETTLES_WITHIN)),
            Before::OtherMode => (FRAMES_TO_SWITCH, 0, Some(now + SETTLES_WITHIN)),
            Before::SameMode { buffers } => (FRAMES_UNDER_WAY, buffers, None),
        };
        Self { began, skipped: 0, to_skip, unstamped, settled_at }
    }

    /// Whether the picture that came now is the one. Once it is, so are those after it.
    pub(crate) fn takes(&mut self, stamp: Option<Duration>, now: Instant) -> bool {
        match stamp {
            Some(stamp) if stamp < self.began => return false,
            None if self.unstamped > 0 => {
                self.unstamped -= 1;
                return false;
            }
            _ => {}
        }
        let settled = self.settled_at.is_some_and(|at| now >= at);
        if self.skipped < self.to_skip && !settled {
            self.skipped += 1;
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Which of the pictures with these stamps, each come at this time, is taken first.
    fn taken(before: Before, pictures: &[(Option<u32>, u32)]) -> Option<usize> {
        let now = Instant::now();
        let mut picking = Picking::new(before, MS * 1000, now);
        pictures
            .iter()
            .position(|(stamp, came)| picking.takes(stamp.map(|stamp| MS * stamp), now + MS * *came))
    }

    #[test]
    fn pictures_from_before_the_call_and_the_one_under_way_are_passed_over() {
        let stamps = [900, 940, 980, 1020, 1060, 1100];
        let pictures = stamps.map(|stamp| (Some(stamp), stamp - 900));
        assert_eq!(taken(Before::SameMode { buffers: 4 }, &pictures), Some(4));
    }

    #[test]
    fn without_stamps_every_buffer_counts_as_old() {
        let pictures = [(None, 0), (None, 0), (None, 1), (None, 30), (None, 60), (None, 90)];
        assert_eq!(taken(Before::SameMode { buffers: 4 }, &pictures), Some(5));
        assert_eq!(taken(Before::Rested, &pictures), Some(3));
    }

    #[test]
    fn the_first_pictures_are_passed_over_but_not_for_long() {
        let quick: Vec<_> = (0..9).map(|n| (Some(1000 + n * 33), n * 33)).collect();
        assert_eq!(taken(Before::Rested, &quick), Some(3));
        assert_eq!(taken(Before::OtherMode, &quick), Some(1));
        let slow: Vec<_> = (0..9).map(|n| (Some(1000 + n * 500), n * 500)).collect();
        assert_eq!(taken(Before::Rested, &slow), Some(2));
    }
}
