//! Places of the ledger that are empty, and those that a rebuild has entered as lost.

use crate::check::Check;
use crate::entry::refs_of;
use crate::storage::{Entry, Part, StorageFault, Verb};
use crate::{DAMAGES_MAX, DamagedThing, VerifyReport};

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

/// What a walk through the ledger finds of them.
#[derive(Default)]
pub(crate) struct Gaps {
    empty: Vec<Stretch>,
    entered: Vec<Stretch>,
}

impl Gaps {
    /// Takes note of an entry, and of what is missing between it and the one before.
    pub(crate) fn see(&mut self, before: u64, entry: &Entry) {
        if before + 1 < entry.sequence {
            self.empty.push((before + 1, entry.sequence - 1));
        }
        if entry.content.verb == Verb::Rebuilt {
            self.entered.extend(stretches(&refs_of(entry).unwrap_or_default().entries));
        }
    }

    /// The ledger ends though something is known to follow.
    pub(crate) fn see_end(&mut self, at: u64) {
        self.empty.push((at, at));
    }

    /// Reports what is missing. What was entered as lost is known, and nothing that anybody has to see to.
    pub(crate) fn report(self, report: &mut VerifyReport) {
        let Self { empty, entered } = self;
        let is_entered = |gap: &Stretch| entered.iter().any(|known| known.0 <= gap.0 && gap.1 <= known.1);
        for gap in empty {
            if is_entered(&gap) {
                report.known_lost += gap.1 - gap.0 + 1;
                continue;
            }
            for missing in (gap.0..=gap.1).take(DAMAGES_MAX) {
                report.add(Check::Chain, Part::Ledger, DamagedThing::Entry(missing), StorageFault::Missing);
            }
        }
    }
}
