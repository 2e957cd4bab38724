//! How far the ledger has been found to tell what every blob is needed for, so that it is read through once and not at
//! every question.

use std::sync::{Mutex, PoisonError};

use crate::ArchiveError;
use crate::doubt::Doubt;
use crate::storage::EntryHash;
use crate::stores::Stores;
use crate::verify::{check_copies, check_ledger, records_damage};
use crate::{Archive, VerifyReport};

/// What is known of the ledger, as far as it has been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// It has not been read through since the archive was opened, or since the index was made anew.
    #[default]
    Unchecked,
    /// It was whole when it was read through. What came to harm after that was not noticed.
    Whole,
    /// What is there holds together; something is known to be lost for good, as a rebuild entered, or a hold may be and nobody
    /// has confirmed yet that none is.
    Incomplete,
    /// Something of it is missing or does not open.
    Damaged,
}

impl LedgerState {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Whole => "whole",
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
        }
    }
}

/// What was found since the archive was opened.
#[derive(Default)]
pub(crate) struct Proof(Mutex<Found>);

#[derive(Clone, Copy, Default)]
struct Found {
    /// How often the index has been made of the ledger's entries, and not of what was just written.
    rounds: u64,
    /// The last entry up to which all is well, and its hash.
    up_to: (u64, EntryHash),
    /// Whether something before it is lost for good, as the last rebuild entered.
    is_lossy: bool,
    /// What that came to.
    state: LedgerState,
}

impl Proof {
    /// The index is made of ledger entries as they are now: one that has come to harm since it was looked at may be
    /// missing from it.
    pub(crate) fn begin_anew(&self) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *found = Found { rounds: found.rounds + 1, ..Found::default() };
    }

    fn found(&self) -> Found {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, before: Found, doubt: Doubt, is_incomplete: bool) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.rounds == before.rounds {
            found.state = match doubt {
                Doubt::All => LedgerState::Damaged,
                Doubt::StoredUntil(_) => LedgerState::Incomplete,
                Doubt::None if is_incomplete => LedgerState::Incomplete,
                Doubt::None => LedgerState::Whole,
            };
        }
    }

    fn settle(&self, before: Found, up_to: (u64, EntryHash), is_lossy: bool) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.rounds == before.rounds && found.up_to.0 < up_to.0 {
            (found.up_to, found.is_lossy) = (up_to, is_lossy);
        }
    }
}

impl Archive {
    /// Whether the ledger is whole, every entry opens, or does not for a reason, and the index has all of them: only then is a
    /// picture that nothing on file needs surely nobody's. The first time the ledger is read through; after that, what has
    /// been written since. A ledger that is damaged, unreadable pages and all, is no error here: it does not tell.
    pub fn tells_every_blob(&self) -> Result<bool, ArchiveError> {
        Ok(doubt(&self.shared.stores)? == Doubt::None)
    }

    /// What is known of the ledger. Answers from memory: nothing is read for it.
    pub fn ledger_state(&self) -> LedgerState {
        self.shared.stores.proof.found().state
    }

    /// How many places of the ledger and staged sets the index left out, as they are missing or did not open: before the
    /// ledger was last made anew of what was left of it, and since then. A quick question to the index.
    pub fn left_out(&self) -> Result<(u64, u64), ArchiveError> {
        let left_out = self.shared.stores.index.left_out()?;
        Ok((left_out.before, left_out.since))
    }
}

/// See [`Archive::tells_every_blob`]. What was looked at once is not looked at again: an entry that comes to harm later
/// is in the index all the same, until that is made anew.
pub(crate) fn doubt(stores: &Stores) -> Result<Doubt, ArchiveError> {
    let before = stores.proof.found();
    let holds_doubted = stores.index.hold_doubt()?.stands;
    let is_incomplete = || holds_doubted || stores.proof.found().is_lossy;
    let doubt = Doubt::of(stores.index.left_out()?);
    if doubt == Doubt::All {
        stores.proof.tell(before, doubt, is_incomplete());
        return Ok(doubt);
    }
    let is_whole = records_damage(is_as_known(stores, doubt, before))?.unwrap_or_else(|error| {
        tracing::error!(%error, "what every blob is for cannot be told");
        false
    });
    let doubt = if is_whole { doubt } else { Doubt::All };
    stores.proof.tell(before, doubt, is_incomplete());
    Ok(doubt)
}

/// Whether nothing is damaged but what is known: behind the last rebuild nothing, before it what that entered, and what the index
/// left out as its keys were gone. That the index left something out before it does not tell what: it may have come to harm since.
fn is_as_known(stores: &Stores, doubt: Doubt, before: Found) -> Result<bool, ArchiveError> {
    let mut report = VerifyReport::default();
    let (head, hash) = stores.ledger.head()?;
    check_ledger(stores, before.up_to, head, &mut report, &mut |_| {})?;
    check_copies(stores, &mut report)?;
    let known = if doubt == Doubt::None { 0 } else { report.known_damages };
    let is_as_known = report.damage_count == known;
    if is_as_known {
        stores.proof.settle(before, (head, hash), before.is_lossy || report.known_lost > 0);
    }
    Ok(is_as_known)
}
