//! Holds that are known to be lost: they stood by an index, and the ledger it was of does not tell of them any more.
//!
//! Whatever is about to make the index anew enters their names first, as nothing else knows them.

use yidang_model::HoldId;

use crate::ArchiveError;
use crate::entry::refs_of;
use crate::rebuild::skip_damaged;
use crate::record::Text;
use crate::storage::{Entry, Verb};
use crate::stores::Stores;

/// What entries say of them, one after another.
#[derive(Default)]
pub(crate) struct LostHolds(Vec<HoldId>);

impl LostHolds {
    /// These were known, whether the ledger tells of them or not.
    pub(crate) fn of(known: impl IntoIterator<Item = HoldId>) -> Self {
        let mut holds = Self::default();
        holds.name(known);
        holds
    }

    fn name(&mut self, known: impl IntoIterator<Item = HoldId>) {
        for id in known {
            if !self.0.contains(&id) {
                self.0.push(id);
            }
        }
    }

    /// Takes note of what an entry names as lost, and of what it lifts. Whoever confirmed the holds that stand had the names
    /// before them.
    fn see(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        match entry.content.verb {
            Verb::HoldsConfirmed => self.0.clear(),
            Verb::HoldsDoubted | Verb::Rebuilt => {
                let refs = skip_damaged(refs_of(entry))?.unwrap_or_default();
                self.name(refs.holds.iter().map(|id| id.0));
            }
            Verb::HoldLifted => self.drop_named(entry)?,
            _ => {}
        }
        Ok(())
    }

    /// Whoever this entry is about is not lost.
    fn drop_named(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        let told = skip_damaged(refs_of(entry))?.and_then(|refs| refs.hold);
        self.0.retain(|id| told.is_none_or(|told| told.0 != *id));
        Ok(())
    }

    /// Those that no entry places: the chain of a ledger that is made anew, before its index is.
    pub(crate) fn see_placed(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        match entry.content.verb {
            Verb::Held | Verb::HoldLifted => self.drop_named(entry),
            _ => Ok(()),
        }
    }

    /// As an entry names them.
    pub(crate) fn refs(self) -> Vec<Text<HoldId>> {
        self.0.into_iter().map(Text).collect()
    }
}

/// Those that the ledger names since the holds were last confirmed, and `known`; none that stands or was lifted.
pub(crate) fn lost_holds(
    stores: &Stores,
    known: impl IntoIterator<Item = HoldId>,
) -> Result<Vec<HoldId>, ArchiveError> {
    let mut named = LostHolds::default();
    let mut known = LostHolds::of(known);
    stores.visit_entries(&mut |entry| {
        if entry.content.verb == Verb::HoldLifted {
            known.drop_named(entry)?;
        }
        named.see(entry)
    })?;
    known.name(named.0);
    let mut lost = Vec::new();
    for id in known.0 {
        if stores.index.hold(id)?.is_none() {
            lost.push(id);
        }
    }
    Ok(lost)
}
