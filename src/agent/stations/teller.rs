//! When a card's coming and going is told.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use yidang_device::Presence;

/// A card counts as gone when it was away this long: a contact that flickers is no exchange of cards.
const GONE_FOR: Duration = Duration::from_millis(250);
/// At most this many changes are told within [`STORM_SPAN`]; what is true at its end is told then.
const STORM_MAX: usize = 8;
const STORM_SPAN: Duration = Duration::from_secs(10);

/// What was told last, and what is held back.
pub(super) struct Teller {
    told: Presence,
    gone_since: Option<Instant>,
    told_at: VecDeque<Instant>,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { told: Presence::Absent, gone_since: None, told_at: VecDeque::new() }
    }

    /// Takes what is seen now; the presence to be told, if it is news. To be called again and again, also
    /// when nothing changes: what was held back comes due.
    pub(super) fn see(&mut self, seen: Presence, at: Instant) -> Option<Presence> {
        if seen == self.told {
            self.gone_since = None;
            return None;
        }
        if seen == Presence::Absent {
            let since = *self.gone_since.get_or_insert(at);
            if at.saturating_duration_since(since) < GONE_FOR {
                return None;
            }
        }
        self.told_at.retain(|told| at.saturating_duration_since(*told) < STORM_SPAN);
        if self.told_at.len() >= STORM_MAX {
            return None;
        }
        self.told_at.push_back(at);
        (self.told, self.gone_since) = (seen, None);
        Some(seen)
    }

    /// The reader itself is gone, and the card with it; whether that is news.
    pub(super) fn lose(&mut self) -> bool {
        self.gone_since = None;
        std::mem::replace(&mut self.told, Presence::Absent) == Presence::Present
    }

    /// Whether a card seems to be gone and that may soon be told.
    pub(super) fn holds_back(&self) -> bool {
        self.gone_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Presence::{Absent, Present};

    /// What is told when this is seen so many milliseconds after the start.
    fn told(seen: impl IntoIterator<Item = (u64, Presence)>) -> Vec<(u64, Presence)> {
        let (mut teller, start) = (Teller::new(), Instant::now());
        let tell = |(at, seen)| Some((at, teller.see(seen, start + Duration::from_millis(at))?));
        seen.into_iter().filter_map(tell).collect()
    }

    #[test]
    fn a_card_that_comes_is_told_at_once_and_one_that_goes_soon() {
        let seen =
            [(0, Absent), (10, Present), (300, Present), (1000, Absent), (1250, Absent), (1500, Absent)];
        assert_eq!(told(seen), [(10, Present), (1250, Absent)]);
    }

    #[test]
    fn a_flickering_contact_is_one_card() {
        let flicker = (0..100).map(|n| (n * 100, if n % 2 == 0 { Present } else { Absent }));
        assert_eq!(told(flicker), [(0, Present)]);
    }

    #[test]
    fn slower_flicker_is_no_storm_and_its_end_is_told() {
        let flicker = (0..200).map(|n| (n * 150, if n % 8 < 4 { Present } else { Absent }));
        let end = (0..200).map(|n| (30_000 + n * 100, Absent));
        let all = told(flicker.chain(end));
        for (at, _) in &all {
            let within = all.iter().filter(|(other, _)| other.abs_diff(*at) < 10_000 && other >= at);
            assert!(within.count() <= STORM_MAX, "{all:?}");
        }
        assert!(all.windows(2).all(|pair| pair[0].1 != pair[1].1), "{all:?}");
        assert_eq!(all.last().unwrap().1, Absent);
    }

    #[test]
    fn a_lost_reader_takes_its_card_along_once() {
        let mut teller = Teller::new();
        assert!(!teller.lose());
        teller.see(Present, Instant::now());
        assert!(teller.lose() && !teller.lose());
    }
}
