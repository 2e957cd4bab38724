//! Taking out everything of one person: first written down, then read material by material.

use std::fmt;

use yidang_model::{MaterialId, Subject};

use crate::history::HISTORY_PAGE_MAX;
use crate::look::LOOK_MATERIALS_MAX;
use crate::{Actor, Archive, ArchiveError, Look, LookVerb};

/// Most materials of one export. Their identifiers are in memory while it lasts.
pub const EXPORT_MATERIALS_MAX: usize = 100_000;

/// An export of one person's dossier.
#[derive(Clone)]
pub struct Export {
    /// Whose.
    pub who: Subject,
    /// What for.
    pub purpose: String,
    /// For which case.
    pub case: Option<String>,
    /// Who takes it out.
    pub by: Actor,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Archive {
    /// Writes down that everything on file for this person is taken out, durable when it returns; hand nothing
    /// out before. Which materials those are, in the order they were filed: one entry a
    /// [`LOOK_MATERIALS_MAX`] of them. [`ArchiveError::HolderUnknown`], and no entry, where nothing is on file.
    ///
    /// A material may be erased between this and its reading, and one whose entry is damaged is among them:
    /// [`Archive::material`] tells both.
    pub fn begin_export(&self, export: Export) -> Result<Vec<MaterialId>, ArchiveError> {
        let materials = self.materials_of(&export.who)?;
        for named in materials.chunks(LOOK_MATERIALS_MAX) {
            self.record(Look {
                verb: LookVerb::Exported,
                who: vec![export.who.clone()],
                materials: named.to_vec(),
                basis: "export".to_owned(),
                purpose: Some(export.purpose.clone()),
                case: export.case.clone(),
                by: export.by.clone(),
                idempotency: None,
            })?;
        }
        Ok(materials)
    }

    fn materials_of(&self, who: &Subject) -> Result<Vec<MaterialId>, ArchiveError> {
        let stores = self.caught_up();
        // Of an index that lags it is not known what it lacks, and half a dossier must not pass for the whole.
        stores.lag.surely(None::<MaterialId>)?;
        let tag = stores.keys.subject_tag(who);
        let (mut found, mut before) = (Vec::new(), u64::MAX);
        loop {
            let rows = stores.index.materials_of(tag, before, HISTORY_PAGE_MAX)?;
            let Some(last) = rows.last() else { break };
            before = last.sequence;
            found.extend(rows.iter().map(|row| row.id).filter(|id| !stores.veil.covers_material(*id)));
            if found.len() > EXPORT_MATERIALS_MAX {
                return Err(ArchiveError::Invalid("more than 100000 materials are on file for this person"));
            }
        }
        found.reverse();
        if found.is_empty() { Err(ArchiveError::HolderUnknown) } else { Ok(found) }
    }
}
