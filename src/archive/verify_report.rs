//! What a fixity check has found.

use std::collections::BTreeMap;

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId};

use crate::check::{Check, Remedy};
use crate::findings::FINDINGS;
use crate::storage::{BlobName, EntryHash, Part, StorageFault};

/// Most damages named in one report; the rest are counted.
pub const DAMAGES_MAX: usize = 1000;

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamagedThing {
    /// A blob.
    Blob(BlobName),
    /// A ledger entry.
    Entry(u64),
    /// A material.
    Material(MaterialId),
    /// A staged set.
    Staged(CaptureId),
    /// Something else in the index.
    Row(DamagedRow),
    /// An epoch's key.
    Epoch(u32),
    /// A file or folder, by its path below `data` or `keys`.
    Path(String),
}

/// What else is damaged in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamagedRow {
    /// An erasure.
    Erasure(ErasureId),
    /// One that waits for a hold.
    DeferredErasure(ErasureId),
    /// A material whose originals are to go.
    AwaitedOriginals(MaterialId),
    /// A hold.
    Hold(HoldId),
    /// What holds there are.
    Holds,
    /// Materials or staged sets that the ledger knows nothing of.
    Surplus,
}

/// What somebody else remembers of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Nothing, for this reason: a stable word.
    Unknown(&'static str),
    /// Its last entry at some time.
    Head {
        /// That entry.
        sequence: u64,
        /// Its hash.
        hash: EntryHash,
    },
}

impl Default for Anchor {
    fn default() -> Self {
        Self::Unknown("not_asked")
    }
}

/// How one examination went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Things looked at.
    pub examined: u64,
    /// Those that are damaged.
    pub failed: u64,
    /// Of how many they are a sample; 0 where everything is looked at.
    pub of: u64,
    /// Why nothing was looked at: a stable word.
    pub passed_over: Option<&'static str>,
}

/// One damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What found it.
    pub check: Check,
    /// Where.
    pub part: Part,
    /// What.
    pub what: DamagedThing,
    /// How.
    pub fault: StorageFault,
}

/// What a fixity check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Ledger entries read.
    pub entries: u64,
    /// Entries whose keys are gone, as they should be.
    pub forgotten: u64,
    /// Blobs opened and hashed.
    pub blobs: u64,
    /// Their length as stored, in bytes.
    pub blob_bytes: u64,
    /// Blobs nothing needs, waiting to be swept. No damage.
    pub orphans: u64,
    /// Places of the ledger whose entries are lost, and that a rebuild has entered as such: empty ones, and one in which somebody
    /// else remembered another entry. No damage: nobody can do more.
    pub known_lost: u64,
    /// Entries that were changed, and that a rebuild has entered as such; they stay damaged.
    pub known_breaks: Vec<u64>,
    /// Holds that are known to be lost, while the holds that stand are in doubt.
    pub holds_lost: Vec<HoldId>,
    /// What is damaged, at most [`DAMAGES_MAX`].
    pub damages: Vec<Damage>,
    /// How many damages there are in all.
    pub damage_count: u64,
    /// How many of those in the ledger are known: entries that a rebuild named as changed, and such as the index left out when it
    /// was made, as their keys were gone by then.
    pub(crate) known_damages: u64,
    /// Whether it may still turn out to be none: nothing of it is logged before another report takes it in.
    pub(crate) is_draft: bool,
    /// How each examination went.
    pub tallies: BTreeMap<Check, Tally>,
}

impl VerifyReport {
    /// Whether nothing is damaged.
    pub fn is_clean(&self) -> bool {
        self.damage_count == 0
    }
}

impl Damage {
    /// What helps against it.
    pub fn remedy(&self) -> Remedy {
        self.check.remedy(&self.what, self.fault)
    }
}

impl VerifyReport {
    /// What helps against one of its damages: of an entry that a rebuild named as changed, no further rebuild.
    pub(crate) fn remedy_of(&self, damage: &Damage) -> Remedy {
        let is_known = matches!(damage.what, DamagedThing::Entry(at) if self.known_breaks.contains(&at));
        match damage.remedy() {
            Remedy::RestoreLedger if is_known => Remedy::KnownChange,
            remedy => remedy,
        }
    }

    /// Adds a damage, unless it is named already.
    pub(crate) fn add(&mut self, check: Check, part: Part, what: DamagedThing, fault: StorageFault) {
        debug_assert!(
            FINDINGS.contains(&(check, part, fault)),
            "{check:?} {part:?} {fault:?} is no finding yet"
        );
        let damage = Damage { check, part, what, fault };
        if self.damages.contains(&damage) {
            return;
        }
        self.count_failed(check, 1);
        if self.damages.len() < DAMAGES_MAX {
            if !self.is_draft {
                tracing::error!(?damage, "found damaged");
            }
            self.damages.push(damage);
        }
    }

    fn count_failed(&mut self, check: Check, count: u64) {
        self.damage_count += count;
        self.tallies.entry(check).or_default().failed += count;
    }

    /// Counts what was looked at.
    pub(crate) fn examined(&mut self, check: Check, count: u64) {
        self.tallies.entry(check).or_default().examined += count;
    }

    /// Says of how many those looked at are a sample.
    pub(crate) fn of(&mut self, check: Check, count: u64) {
        self.tallies.entry(check).or_default().of = count;
    }

    /// Says why nothing was looked at.
    pub(crate) fn pass_over(&mut self, check: Check, reason: &'static str) {
        self.tallies.entry(check).or_default().passed_over = Some(reason);
    }

    /// Adds what a part of the check has found, in its order. What is named in both counts once.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.blob_bytes += other.blob_bytes;
        for (check, tally) in other.tallies {
            self.examined(check, tally.examined);
            let named = other.damages.iter().filter(|damage| damage.check == check).count();
            self.count_failed(check, tally.failed.saturating_sub(named as u64));
        }
        for damage in other.damages {
            if self.damages.contains(&damage) {
                continue;
            }
            self.count_failed(damage.check, 1);
            if self.damages.len() < DAMAGES_MAX {
                if other.is_draft && !self.is_draft {
                    tracing::error!(?damage, "found damaged");
                }
                self.damages.push(damage);
            }
        }
    }
}
