//! Walking through everything that is on file, without telling whose it is.

use yidang_model::{MaterialId, Origin, Status, Timestamp};

use crate::entry::open_entry;
use crate::rebuild::skip_damaged;
use crate::storage::{Entry, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Archive, ArchiveError};

/// A material that counts, as far as it may be told to someone who opens no dossier: no holder, no word that a
/// window chose. What a paper is (its kind) is sealed with its holders, and so it is not among this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryLine {
    /// The material.
    pub id: MaterialId,
    /// Its ledger entry.
    pub sequence: u64,
    /// How many pages it has.
    pub pages: usize,
    /// Instant of filing, by the filing window's clock.
    pub filed_at: Timestamp,
    /// Window it was filed at.
    pub counter: String,
    /// The least trustworthy origin among its pages.
    pub origin: Origin,
    /// Whether it still counts.
    pub status: Status,
}

/// A stretch of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryPage {
    /// In the order they were filed, or last put right. May be empty though there is more.
    pub lines: Vec<InventoryLine>,
    /// Where it goes on: the next call's `after`. `None`: this was the end.
    pub next: Option<u64>,
}

impl Archive {
    /// The materials that count among the next few ledger entries after that sequence (0: from the beginning).
    /// Time and memory of a call do not grow with the archive. A material whose entry is damaged is left out,
    /// and logged; [`Archive::verify`] names it.
    pub fn inventory(&self, after: u64) -> Result<InventoryPage, ArchiveError> {
        let stores = &self.shared.stores;
        let entries = stores.ledger.after(after, ENTRIES_AT_A_TIME)?;
        let mut lines = Vec::new();
        let filed = |entry: &&Entry| matches!(entry.content.verb, Verb::Filed | Verb::Refiled);
        for entry in entries.iter().filter(filed) {
            lines.extend(skip_damaged(line(stores, entry))?.flatten());
        }
        Ok(InventoryPage { lines, next: entries.last().map(|last| last.sequence) })
    }
}

/// `None` for what has been forgotten, and for what was put right later.
fn line(stores: &Stores, entry: &Entry) -> Result<Option<InventoryLine>, ArchiveError> {
    let Some((material, _)) = open_entry(&stores.keys, entry)?.filed()? else { return Ok(None) };
    let row = stores.index.material(material.id)?;
    if row.is_none_or(|row| row.sequence != entry.sequence) {
        return Ok(None);
    }
    Ok(Some(InventoryLine {
        id: material.id,
        sequence: entry.sequence,
        pages: material.pages.len(),
        filed_at: material.filed_at,
        counter: material.counter,
        origin: material.origin,
        status: material.status,
    }))
}
