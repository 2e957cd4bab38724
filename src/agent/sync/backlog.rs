//! What has been filed here and not committed there, counted as it comes and goes.

use std::collections::{BTreeMap, HashSet};

use yidang_archive::{ArchiveError, ChangeWhat};
use yidang_model::{Digest, Material, MaterialId};
use yidang_sync::machine::{Acceptance, EntryId, Item, Rejection};

use super::source::Source;

/// Changes read at a time.
const PAGE: usize = 256;

/// Running totals. What is erased while it waits is taken off when everything else has been sent.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Last ledger entry that is in the totals.
    counted: u64,
    filed: Total,
    sent: Total,
    /// What was refused, or can never be sent, and is on file here, by its place in the ledger. In none of the
    /// totals.
    refused: BTreeMap<u64, Refused>,
    /// Refused according to the records, and not looked up yet.
    unread: Vec<(u64, String)>,
}

/// A material that is on file here alone.
#[derive(Debug)]
struct Refused {
    material: MaterialId,
    bytes: u64,
    code: String,
}

/// Materials and the bytes of their pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) materials: u64,
    pub(super) bytes: u64,
}

impl Total {
    fn add(&mut self, bytes: u64) {
        self.materials += 1;
        self.bytes += bytes;
    }
}

impl Backlog {
    /// Nothing waits up to this ledger entry but what was refused: places in the ledger, and why.
    pub(super) fn after(confirmed: u64, refused: Vec<(u64, String)>) -> Self {
        Self { counted: confirmed, unread: refused, ..Self::default() }
    }

    /// Takes in what has been filed and erased since it last looked.
    pub(super) fn count(&mut self, source: &dyn Source) -> Result<(), ArchiveError> {
        while let Some((sequence, code)) = self.unread.last() {
            if let Some(material) = filed_at(source, *sequence)? {
                let (id, bytes) = (material.id, picture_bytes(&material));
                self.refused.insert(*sequence, Refused { material: id, bytes, code: code.clone() });
            }
            self.unread.pop();
        }
        let head = source.head()?;
        while self.counted < head {
            let page = source.changes(self.counted, PAGE)?;
            let Some(last) = page.last() else { break };
            self.counted = last.sequence;
            for change in &page {
                match &change.what {
                    // One that was passed over while its batch was on its way is refused, and does not wait.
                    ChangeWhat::Filed(_) if self.refused.contains_key(&change.sequence) => {}
                    ChangeWhat::Filed(material) => self.filed.add(picture_bytes(material)),
                    ChangeWhat::Erased { materials, .. } => {
                        self.refused.retain(|_, refused| !materials.contains(&refused.material));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// This came of entries that were sent. To be called when everything has been counted.
    pub(super) fn settled(
        &mut self,
        source: &dyn Source,
        items: &[Item],
        rejected: &[Rejection],
        accepted: &[Acceptance],
    ) -> Result<(), ArchiveError> {
        let mut outcome = Ok(());
        for acceptance in accepted {
            if let (None, Some((_, bytes))) =
                (self.refused.remove(&acceptance.sequence), paper(items, acceptance.sequence))
            {
                self.sent.add(bytes);
            }
        }
        for rejection in rejected {
            let Some((material, bytes)) = paper(items, rejection.sequence) else { continue };
            let refused = Refused { material, bytes, code: rejection.code.clone() };
            if self.refused.insert(rejection.sequence, refused).is_none() {
                self.sent.add(bytes);
            }
            // It may have been erased, and that been counted, while it was on its way.
            match filed_at(source, rejection.sequence) {
                Ok(Some(_)) => {}
                Ok(None) => drop(self.refused.remove(&rejection.sequence)),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Everything up to here is through. Where that is all that has been counted, nothing waits.
    pub(super) fn confirmed(&mut self, confirmed: u64) {
        if confirmed == self.counted {
            (self.filed, self.sent) = Default::default();
        }
    }

    /// What still waits, and what will not go.
    pub(super) fn waiting(&self) -> Total {
        let refused = self.refused.values();
        Total {
            materials: self.filed.materials.saturating_sub(self.sent.materials) + self.refused.len() as u64,
            bytes: self.filed.bytes.saturating_sub(self.sent.bytes) + refused.map(|r| r.bytes).sum::<u64>(),
        }
    }

    /// Why the last of those that were refused was.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refused.values().next_back().map(|refused| refused.code.as_str())
    }
}

/// The material filed at this place, if it is on file.
pub(super) fn filed_at(source: &dyn Source, sequence: u64) -> Result<Option<Box<Material>>, ArchiveError> {
    let change = source.changes(sequence - 1, 1)?.pop();
    Ok(change.and_then(|change| match change.what {
        ChangeWhat::Filed(material) if change.sequence == sequence => Some(material),
        _ => None,
    }))
}

/// The material an item is about, and the bytes of its pictures.
fn paper(items: &[Item], sequence: u64) -> Option<(MaterialId, u64)> {
    let item = items.iter().find(|item| item.sequence == sequence)?;
    match item.id {
        EntryId::Material(id) => Some((id, item.blobs.iter().map(|b| b.size_bytes).sum())),
        EntryId::Erasure(_)
        | EntryId::Refiling(_)
        | EntryId::Originals(_)
        | EntryId::Erased(_)
        | EntryId::Held(_) => None,
    }
}

/// Bytes of a material's pictures, each counted once.
fn picture_bytes(material: &Material) -> u64 {
    pictures(material).map(|(_, size_bytes)| size_bytes).sum()
}

/// A material's pictures, each once, in the order of its pages.
pub(super) fn pictures(material: &Material) -> impl Iterator<Item = (Digest, u64)> {
    let mut seen = HashSet::new();
    material
        .pages
        .iter()
        .flat_map(|page| [&page.image, &page.original])
        .filter(move |image| seen.insert(image.digest))
        .map(|image| (image.digest, image.size_bytes))
}
