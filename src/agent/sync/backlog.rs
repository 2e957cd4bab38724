//! What has been filed here and not committed there, counted as it comes and goes.

use std::collections::HashSet;

use yidang_archive::{ArchiveError, ChangeWhat};
use yidang_model::{Digest, Material};
use yidang_sync::machine::{EntryId, Item};

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
}

/// Materials and the bytes of their pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) materials: u64,
    pub(super) bytes: u64,
}

impl Backlog {
    /// Nothing waits up to this ledger entry.
    pub(super) fn after(confirmed: u64) -> Self {
        Self { counted: confirmed, ..Self::default() }
    }

    /// Takes in what has been filed since it last looked.
    pub(super) fn count(&mut self, source: &dyn Source) -> Result<(), ArchiveError> {
        let head = source.head()?;
        while self.counted < head {
            let page = source.changes(self.counted, PAGE)?;
            let Some(last) = page.last() else { break };
            self.counted = last.sequence;
            for change in &page {
                if let ChangeWhat::Filed(material) = &change.what {
                    self.filed.materials += 1;
                    self.filed.bytes += picture_bytes(material);
                }
            }
        }
        Ok(())
    }

    /// These are through, and with them everything up to `confirmed`.
    pub(super) fn sent(&mut self, items: &[Item], confirmed: u64) {
        for item in items {
            if let EntryId::Material(_) = item.id {
                self.sent.materials += 1;
                self.sent.bytes += item.blobs.iter().map(|b| b.size_bytes).sum::<u64>();
            }
        }
        if confirmed >= self.counted {
            *self = Self::after(confirmed);
        }
    }

    /// What still waits.
    pub(super) fn waiting(&self) -> Total {
        Total {
            materials: self.filed.materials.saturating_sub(self.sent.materials),
            bytes: self.filed.bytes.saturating_sub(self.sent.bytes),
        }
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
