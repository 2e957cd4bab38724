//! What is on file, for whoever decides how long it is kept; and the record of what was disposed of.

use yidang_model::{MaterialId, Timestamp};

use crate::entry::{Plain, open_beneath, refs_of, seal_entry};
use crate::held::{is_row_held, refuse_unproven};
use crate::look::LOOK_MATERIALS_MAX;
use crate::plan::{Answer, Draft, Plan, Planner, Request};
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs, Text};
use crate::storage::{Entry, MaterialRow, Verb};
use crate::stores::ENTRIES_AT_A_TIME;
use crate::{Actor, Archive, ArchiveError, Stored};

/// A stretch of what is on file.
#[derive(Clone, Debug, PartialEq)]
pub struct OnFilePage {
    /// In the order they were filed, or last put right. May be empty though there is more.
    pub materials: Vec<Stored>,
    /// Where it goes on: the next call's `after`. `None`: this was the end.
    pub next: Option<u64>,
}

/// A paper whose term is over, or whose originals' term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuePaper {
    /// Which.
    pub id: MaterialId,
    /// The ledger entry it was found to stand by ([`Stored::sequence`]): one that was put right since may be of another
    /// kind, and is left alone.
    pub stands_by: u64,
}

/// A batch of papers whose term is over and that are about to be erased, or whose originals' term is.
#[derive(Clone, Debug)]
pub struct Disposal {
    /// Which; at most [`LOOK_MATERIALS_MAX`].
    pub papers: Vec<DuePaper>,
    /// Who disposes of them.
    pub by: Actor,
}

impl Archive {
    /// The archive's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.stores.clock.now()
    }

    /// When the last ledger entry was written, by the clock of that moment.
    pub fn last_entry_at(&self) -> Result<Option<Timestamp>, ArchiveError> {
        let ledger = &self.shared.stores.ledger;
        let (head, _) = ledger.head()?;
        Ok(ledger.get_many(&[head])?.pop().map(|entry| entry.content.at))
    }

    /// The materials that count among the next few ledger entries after that sequence (0: from the beginning).
    /// Time and memory of a call do not grow with the archive. Tells nobody: it is for the archive's own rules. A
    /// material whose entry is damaged is left out, and logged.
    pub fn on_file(&self, after: u64) -> Result<OnFilePage, ArchiveError> {
        let stores = self.caught_up();
        let entries = stores.ledger.after(after, ENTRIES_AT_A_TIME)?;
        let filed = |entry: &&Entry| matches!(entry.content.verb, Verb::Filed | Verb::Refiled);
        let mut materials = Vec::new();
        for entry in entries.iter().filter(filed) {
            let Some(id) = skip_damaged(refs_of(entry))?.and_then(|refs| refs.material) else { continue };
            let row = stores.index.material(id.0)?;
            let counts = |row: &MaterialRow| row.sequence == entry.sequence && !stores.veil.covers_row(row);
            let Some(row) = row.filter(counts) else { continue };
            let opened = open_beneath(&stores.veil, &stores.keys, entry).and_then(|opened| opened.filed());
            let stored = skip_damaged(opened)?.flatten();
            let originals_disposed = row.originals_disposed;
            materials.extend(stored.map(|(material, _)| Stored {
                material,
                sequence: entry.sequence,
                originals_disposed,
            }));
        }
        Ok(OnFilePage { materials, next: entries.last().map(|last| last.sequence) })
    }

    /// Enters that these are disposed of, durable when it returns; which of them, without those that were put right
    /// since or that a hold keeps. It takes nothing away: each is erased next, and whatever comes between keeps its paper,
    /// so that only its `erased` entry says that it is gone.
    pub fn record_disposal(&self, disposal: Disposal) -> Result<Vec<MaterialId>, ArchiveError> {
        check_disposal(&disposal)?;
        match self.shared.writer.ask(Request::Dispose(Box::new(disposal)))? {
            Answer::Materials(materials) => Ok(materials),
            _ => Err(ArchiveError::Defect),
        }
    }
}

pub(crate) fn check_disposal(disposal: &Disposal) -> Result<(), ArchiveError> {
    disposal.by.check()?;
    if disposal.papers.is_empty() || disposal.papers.len() > LOOK_MATERIALS_MAX {
        return Err(ArchiveError::Invalid("a disposal names 1 to 1000 materials"));
    }
    Ok(())
}

/// The entry of a disposal.
pub(crate) fn plan_disposal(disposal: &Disposal, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    refuse_unproven(stores)?;
    let mut materials = Vec::with_capacity(disposal.papers.len());
    for paper in &disposal.papers {
        let row = stores.index.material(paper.id)?.filter(|row| row.sequence == paper.stands_by);
        if let Some(row) = row
            && !is_row_held(stores, &row)?
        {
            materials.push(paper.id);
        }
    }
    if materials.is_empty() {
        return Ok(Plan::Answer(Answer::Materials(materials)));
    }
    let plain = Plain {
        verb: Verb::Disposed,
        refs: Refs { materials: materials.iter().copied().map(Text).collect(), ..Refs::default() },
        office: Office {
            basis: Some("retention".to_owned()),
            count: materials.len() as u64,
            ..Office::of(&disposal.by)
        },
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Plan::Write(Box::new(Draft::of(entry, None, Answer::Materials(materials)))))
}
