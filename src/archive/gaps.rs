//! Places of the ledger that are empty, and those that a rebuild has entered as lost.

use crate::check::Check;
use crate::entry::refs_of;
use crate::record::Refs;
use crate::storage::{Entry, Part, StorageFault, Verb};
use crate::{DAMAGES_MAX, Damage, DamagedThing, VerifyReport};

/// First and last place of a stretch.
pub(crate) type Stretch = (u64, u64);

/// The stretches that an entry of these numbers, two for each, is about.
pub(crate) fn stretches(numbers: &[u64]) -> Vec<Stretch> {
    numbers.chunks_exact(2).map(|place| (place[0], place[1])).collect()
}

/// The same the other way round.
pub(crate) fn numbers(stretches: &[Stretch]) -> Vec<u64> {
    stretches.iter().flat_map(|(first, last)| [*first, *last]).collect()
}

/// Whether one of these stretches has all of that one.
pub(crate) fn cover(stretches: &[Stretch], (first, last): Stretch) -> bool {
    stretches.iter().any(|(begin, end)| *begin <= first && last <= *end)
}

/// Most stretches, and most changed entries, that one entry names.
const NAMED_MAX: usize = 100_000;

/// What a rebuild knows to be lost or changed, and enters: all there is of it then, so that the last such entry tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Harm {
    /// Places that are empty.
    lost: Vec<Stretch>,
    /// Entries that were changed or follow from none before, and stay as they are.
    breaks: Vec<u64>,
    /// The place in which somebody else remembers another entry.
    anchored: Option<u64>,
}

impl Harm {
    pub(crate) fn lose(&mut self, first: u64, last: u64) {
        if self.lost.len() < NAMED_MAX {
            self.lost.push((first, last));
        }
    }

    pub(crate) fn break_at(&mut self, sequence: u64) {
        if self.breaks.len() < NAMED_MAX {
            self.breaks.push(sequence);
        }
    }

    pub(crate) fn differ_at(&mut self, sequence: u64) {
        self.anchored = Some(sequence);
    }

    /// The place in which somebody else remembers another entry.
    pub(crate) fn differs_at(&self) -> Option<u64> {
        self.anchored
    }

    /// What a `rebuilt` entry says; `None` for any other.
    pub(crate) fn entered_by(entry: &Entry) -> Option<Self> {
        (entry.content.verb == Verb::Rebuilt).then(|| {
            let Refs { entries, breaks, anchored, .. } = refs_of(entry).unwrap_or_default();
            Self { lost: stretches(&entries), breaks, anchored }
        })
    }

    pub(crate) fn refs(&self) -> Refs {
        let Self { lost, breaks, anchored } = self;
        Refs { entries: numbers(lost), breaks: breaks.clone(), anchored: *anchored, ..Refs::default() }
    }

    /// Whether it names that place as lost, or as one that somebody remembers another entry in.
    pub(crate) fn accounts_for(&self, sequence: u64) -> bool {
        self.anchored == Some(sequence) || cover(&self.lost, (sequence, sequence))
    }

    /// Whether this says all that the other does: what somebody else remembers may have been settled since.
    pub(crate) fn tells(&self, other: &Self) -> bool {
        self.lost == other.lost
            && self.breaks == other.breaks
            && other.anchored.is_none_or(|place| self.accounts_for(place))
    }

    pub(crate) fn into_lost(self) -> Vec<Stretch> {
        self.lost
    }
}

/// What a walk through the ledger finds of them.
#[derive(Default)]
pub(crate) struct Gaps {
    empty: Vec<Stretch>,
    /// By the last rebuild: what was lost before and has been found since is whole, and is damage if it is gone again.
    entered: Harm,
}

impl Gaps {
    /// Takes note of an entry, and of what is missing between it and the one before.
    pub(crate) fn see(&mut self, before: u64, entry: &Entry) {
        if before + 1 < entry.sequence {
            self.empty.push((before + 1, entry.sequence - 1));
        }
        if let Some(harm) = Harm::entered_by(entry) {
            self.entered = harm;
        }
    }

    /// The ledger ends though something is known to follow.
    pub(crate) fn see_end(&mut self, at: u64) {
        self.empty.push((at, at));
    }

    /// Reports what is missing. What was entered as lost is known, and nothing that anybody has to see to.
    pub(crate) fn report(self, report: &mut VerifyReport) {
        let Self { empty, entered } = self;
        for gap in empty {
            if cover(&entered.lost, gap) {
                report.known_lost += gap.1 - gap.0 + 1;
                continue;
            }
            for missing in (gap.0..=gap.1).take(DAMAGES_MAX) {
                report.add(Check::Chain, Part::Ledger, DamagedThing::Entry(missing), StorageFault::Missing);
            }
        }
        // The place has an entry, and the one that was there before is lost all the same.
        let is_taken = |place: u64| !cover(&entered.lost, (place, place));
        report.known_lost += u64::from(entered.anchored.is_some_and(is_taken));
        let is_known = |damage: &&Damage| {
            matches!(damage.what, DamagedThing::Entry(at) if entered.breaks.contains(&at))
                && (damage.part, damage.fault) == (Part::Ledger, StorageFault::Damaged)
        };
        report.known_damages += report.damages.iter().filter(is_known).count() as u64;
        report.known_breaks = entered.breaks;
    }
}
