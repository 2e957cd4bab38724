//! What there is on a dead disk, and what of it is nowhere else.

use std::collections::HashSet;

use yidang_archive::storage::{Part, StorageFault};
use yidang_archive::{ArchiveError, Change, ChangeWhat, Hold, UNFILED_PAGE_MAX};
use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId};

use super::{Dead, Left, LeftThing, Reason};

/// Changes read at a time.
const PAGE: usize = 256;

/// What was found. Some ten bytes of memory a paper.
#[derive(Default)]
pub(crate) struct Survey {
    /// Ledger entries that say of a material that it was filed, where the repository does not have it.
    pub(crate) unsent: Vec<u64>,
    /// Materials that the repository has.
    pub(crate) at_repository: u64,
    /// Captures that were not filed.
    pub(crate) captures: Vec<CaptureId>,
    /// Holds that the dead PC placed itself: the repository's stand at the repository.
    pub(crate) holds: Vec<Hold>,
    /// What cannot be brought at all.
    pub(crate) left: Vec<Left>,
}

impl Survey {
    /// Goes through the whole ledger.
    pub(crate) fn make(dead: &Dead) -> Result<Self, ArchiveError> {
        let mut holds = dead.archive.holds()?;
        let left = lost_with_the_end(dead, &holds)?;
        holds.retain(|hold| !hold.decided_elsewhere);
        let mut survey = Self { holds, left, ..Self::default() };
        if !dead.archive.tells_every_hold()? {
            let what = LeftThing::Ledger;
            survey.left.push(Left { what, reason: Reason::HoldsUnproven });
        }
        let mut unsent = HashSet::new();
        let head = dead.archive.head()?;
        let mut after = 0;
        while after < head {
            let page = survey.page(dead, after)?;
            for change in &page {
                survey.take(dead, change, &mut unsent)?;
            }
            // Of a page without changes the first entry was left.
            after = page.last().map_or(after + 1, |last| last.sequence);
        }
        let mut after = 0;
        loop {
            let page = dead.archive.unfiled(after, UNFILED_PAGE_MAX)?;
            let Some(last) = page.last() else { return Ok(survey) };
            after = last.sequence;
            survey.captures.extend(page.iter().map(|set| set.id));
        }
    }

    /// How many papers are nowhere else.
    pub(crate) fn count(&self) -> u64 {
        (self.unsent.len() + self.captures.len()) as u64
    }

    /// The changes after this one; where one of them does not open, those before it, or none and it is left.
    fn page(&mut self, dead: &Dead, after: u64) -> Result<Vec<Change>, ArchiveError> {
        let mut limit = PAGE;
        loop {
            match dead.archive.changes(after, limit) {
                Err(ArchiveError::Storage(error)) if is_damage(error.part, error.fault) && limit > 1 => {
                    limit /= 2
                }
                Err(ArchiveError::Storage(error)) if is_damage(error.part, error.fault) => {
                    self.left.push(Left { what: LeftThing::Entry(after + 1), reason: Reason::EntryDamaged });
                    return Ok(Vec::new());
                }
                found => return found,
            }
        }
    }

    fn take(
        &mut self,
        dead: &Dead,
        change: &Change,
        unsent: &mut HashSet<MaterialId>,
    ) -> Result<(), ArchiveError> {
        let is_sent = match &change.what {
            ChangeWhat::Filed(material) => dead.sent.has_material(change.sequence, material.id),
            _ => dead.sent.has(change.sequence),
        };
        match &change.what {
            ChangeWhat::Filed(material) if is_sent && dead.archive.is_held_here_alone(material.id)? => {
                let what = LeftThing::Material(material.id);
                self.left.push(Left { what, reason: Reason::HeldThereAlone });
            }
            ChangeWhat::Filed(_) if is_sent => self.at_repository += 1,
            ChangeWhat::Filed(material) => {
                unsent.insert(material.id);
                self.unsent.push(change.sequence);
            }
            // One that is brought is brought as it stands.
            ChangeWhat::Refiled { material, .. } if !is_sent && !unsent.contains(&material.id) => {
                let what = LeftThing::Material(material.id);
                self.left.push(Left { what, reason: Reason::RefilingUnsent });
            }
            ChangeWhat::OriginalsRequested { id, .. } if !is_sent => {
                let what = LeftThing::Material(*id);
                self.left.push(Left { what, reason: Reason::OriginalsUnsent });
            }
            ChangeWhat::ErasureRequested { id, .. } if is_unheard(dead, change.sequence, *id) => {
                self.left.push(Left { what: LeftThing::Erasure(*id), reason: Reason::ErasureUnsent });
            }
            _ => {}
        }
        Ok(())
    }
}

/// What the dead PC's index knew behind the end of the ledger that is left.
fn lost_with_the_end(dead: &Dead, holds: &[Hold]) -> Result<Vec<Left>, ArchiveError> {
    if dead.index.applied <= dead.archive.head()? {
        return Ok(Vec::new());
    }
    let is_told = |id: &HoldId| holds.iter().any(|hold| hold.id == *id);
    let lost = dead.index.holds.iter().filter(|id| !is_told(id));
    let lost = lost.map(|id| Left { what: LeftThing::Hold(*id), reason: Reason::HoldLost });
    Ok(std::iter::once(Left { what: LeftThing::Ledger, reason: Reason::LedgerCut }).chain(lost).collect())
}

/// Whether nobody but the dead PC knew of an erasure that it was asked for and had not carried out.
fn is_unheard(dead: &Dead, sequence: u64, id: ErasureId) -> bool {
    let is_erased = dead.archive.erasure(id).is_ok_and(|found| found.is_some_and(|e| e.erased_at.is_some()));
    !is_erased && !dead.sent.has_erasure(sequence, id)
}

fn is_damage(part: Part, fault: StorageFault) -> bool {
    fault == StorageFault::Damaged && matches!(part, Part::Ledger | Part::Keyring)
}
