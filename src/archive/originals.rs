//! Disposing of the untouched originals of papers that stay.
//!
//! | step | what a crash right after it leaves | who goes on |
//! |---|---|---|
//! | 1. the entry, which names the papers | an index that lags | opening |
//! | 2. the index, where nothing needs those pictures any more | pictures that nothing needs | the sweep, or an erasure of the paper |
//! | 3. the pictures and what was moved aside of them overwritten | | |

use std::collections::HashSet;

use yidang_model::{Digest, Material, MaterialId};

use crate::disposal::{Disposal, check_disposal};
use crate::doubt::Doubt;
use crate::entry::{Plain, open_entry, seal_entry};
use crate::erasing::BLOBS_PER_DELETION;
use crate::held::{is_row_held, refuse_unproven};
use crate::plan::{Answer, Draft};
use crate::proof::doubt;
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs, Text};
use crate::scribe::Scribe;
use crate::storage::{
    BlobName, DisposedOriginals, IndexChange, MaterialRow, Part, StorageError, StorageFault, Verb,
};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError};

impl Archive {
    /// Disposes of the untouched originals of these papers, whose pages and records stay; which papers it was done to:
    /// those that are on file with originals of their own and stand by the entry they were found to, and that no hold
    /// keeps. One entry, durable when it returns, as the originals are gone. A picture that something else needs stays where
    /// it is, and so do the originals of a paper of which one may be needed by something that was lost.
    /// [`StorageFault::Damaged`] while the ledger does not tell what every picture is needed for.
    pub fn dispose_of_originals(&self, disposal: Disposal) -> Result<Vec<MaterialId>, ArchiveError> {
        check_disposal(&disposal)?;
        // Read through here, where nobody has to wait for it.
        self.tells_every_blob()?;
        let dispose =
            move |scribe: &mut Scribe| Ok(Answer::Materials(scribe.dispose_of_originals(&disposal)?));
        match self.shared.writer.ask_alone(dispose)? {
            Answer::Materials(materials) => Ok(materials),
            _ => Err(ArchiveError::Defect),
        }
    }
}

impl Scribe {
    fn dispose_of_originals(&mut self, disposal: &Disposal) -> Result<Vec<MaterialId>, ArchiveError> {
        let stores = self.stores.clone();
        refuse_unproven(&stores)?;
        // Papers that were cut out of one frame share it, and one whose entry does not open is not in the index.
        let doubt = doubt(&stores)?;
        if doubt == Doubt::All {
            let detail = "it does not tell what every picture is needed for; have it rebuilt";
            return Err(StorageError::new(Part::Ledger, StorageFault::Damaged, detail).into());
        }
        let mut rows: Vec<MaterialRow> = Vec::with_capacity(disposal.papers.len());
        for paper in &disposal.papers {
            let row = stores.index.material(paper.id)?;
            let counts = |row: &MaterialRow| {
                row.sequence == paper.stands_by && rows.iter().all(|known| known.id != row.id)
            };
            if let Some(row) = row.filter(counts)
                && !is_row_held(&stores, &row)?
                && !is_any_in_doubt(&stores, doubt, &row)?
            {
                rows.push(row);
            }
        }
        self.dispose_of_rows(&rows, &disposal.by, false)
    }

    /// Steps 1 to 3 for papers that nothing keeps; those that still had originals of their own.
    pub(crate) fn dispose_of_rows(
        &mut self,
        rows: &[MaterialRow],
        by: &Actor,
        elsewhere: bool,
    ) -> Result<Vec<MaterialId>, ArchiveError> {
        let stores = self.stores.clone();
        let mut going: Vec<DisposedOriginals> = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| !row.originals_disposed) {
            // One that cannot be read keeps the others from nothing.
            let Some((stored, _)) = skip_damaged(stores.filed_as_recorded(row))?.flatten() else { continue };
            let names = names_of_originals(&stores, &stored.material);
            if !names.is_empty() {
                going.push(DisposedOriginals { material: row.id, sequence: row.sequence, names });
            }
        }
        if going.is_empty() {
            return Ok(Vec::new());
        }
        let materials: Vec<MaterialId> = going.iter().map(|gone| gone.material).collect();
        let mut names: Vec<BlobName> = going.iter().flat_map(|gone| gone.names.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let plain = Plain {
            verb: Verb::OriginalsDisposed,
            refs: Refs {
                materials: materials.iter().copied().map(Text).collect(),
                entries: going.iter().map(|gone| gone.sequence).collect(),
                elsewhere,
                ..Refs::default()
            },
            office: Office {
                basis: Some("retention".to_owned()),
                count: names.len() as u64,
                ..Office::of(by)
            },
            personal: NoPersonal {},
            slots: &[],
            idempotency: None,
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        self.write_alone(|planner| {
            Ok(Draft::of(entry, IndexChange::OriginalsDisposed(going), Answer::Sequence(planner.sequence)))
        })?;
        delete_unneeded(&stores, &names)?;
        Ok(materials)
    }
}

/// Whether something that is lacking may need an original of this paper, or it cannot be read which those are.
pub(crate) fn is_any_in_doubt(
    stores: &Stores,
    doubt: Doubt,
    row: &MaterialRow,
) -> Result<bool, ArchiveError> {
    if doubt != Doubt::All {
        let stored = skip_damaged(stores.filed_as_recorded(row))?;
        let Some(stored) = stored else { return Ok(true) };
        let names = stored.map(|(stored, _)| names_of_originals(stores, &stored.material));
        for name in names.unwrap_or_default() {
            if doubt.covers(stores, name)? {
                return Ok(true);
            }
        }
    }
    Ok(doubt == Doubt::All)
}

/// Step 3.
fn delete_unneeded(stores: &Stores, names: &[BlobName]) -> Result<(), ArchiveError> {
    for some in names.chunks(BLOBS_PER_DELETION) {
        let mut unneeded = Vec::with_capacity(some.len());
        for name in some {
            if stores.index.blob_users(*name)?.is_empty() {
                unneeded.push(*name);
            }
        }
        stores.blobs.delete_many(&unneeded)?;
        if let Some(quarantine) = &stores.quarantine {
            quarantine.forget_many(&unneeded)?;
        }
    }
    Ok(())
}

/// Step 3 for papers that are about to be forgotten, where a crash came before it: the sweep would come too late. How many
/// of these pictures something may need that is lacking; they stay, unless a whole person goes.
pub(crate) fn finish_disposals(
    stores: &Stores,
    materials: &[MaterialId],
    doubt: Doubt,
    whole_holder: bool,
) -> Result<u64, ArchiveError> {
    let (mut left, mut unproven) = (Vec::new(), HashSet::new());
    for id in materials {
        let Some(row) = stores.index.material(*id)?.filter(|row| row.originals_disposed) else { continue };
        let Some((stored, _)) = skip_damaged(stores.filed_as_recorded(&row))?.flatten() else { continue };
        for name in names_of_originals(stores, &stored.material) {
            let is_there = stores.blobs.stat(name)?.is_some() || stores.is_quarantined(name);
            if !is_there || !stores.index.blob_users(name)?.is_empty() {
                continue;
            }
            let is_in_doubt = doubt.covers(stores, name)?;
            if is_in_doubt {
                unproven.insert(name);
            }
            if !is_in_doubt || whole_holder {
                left.push(name);
            }
        }
    }
    delete_unneeded(stores, &left)?;
    Ok(unproven.len() as u64)
}

/// What an entry says was disposed of. Of a paper that is forgotten nothing is known any more; nor is it in the index.
pub(crate) fn disposed_by(stores: &Stores, refs: &Refs) -> Result<Vec<DisposedOriginals>, ArchiveError> {
    let mut disposed = Vec::with_capacity(refs.materials.len());
    for (id, sequence) in refs.materials.iter().zip(&refs.entries) {
        let filed = stores.ledger.get_many(&[*sequence])?;
        let filed = filed.first().map(|entry| open_entry(&stores.keys, entry)?.filed()).transpose();
        let material = skip_damaged(filed)?.flatten().flatten().map(|(material, _)| material);
        let names = material.map(|material| names_of_originals(stores, &material)).unwrap_or_default();
        disposed.push(DisposedOriginals { material: id.0, sequence: *sequence, names });
    }
    Ok(disposed)
}

/// The originals of a paper that are not a page of it as well, as they are where no page was found: each once, sorted.
pub(crate) fn originals_alone(material: &Material) -> Vec<Digest> {
    let is_page = |digest: &Digest| material.pages.iter().any(|page| page.image.digest == *digest);
    let originals = material.pages.iter().map(|page| page.original.digest);
    let mut alone: Vec<Digest> = originals.filter(|digest| !is_page(digest)).collect();
    alone.sort_unstable();
    alone.dedup();
    alone
}

/// The same by the names their blobs have, sorted.
pub(crate) fn names_of_originals(stores: &Stores, material: &Material) -> Vec<BlobName> {
    let mut names: Vec<BlobName> =
        originals_alone(material).iter().map(|digest| stores.keys.blob_name(digest)).collect();
    names.sort_unstable();
    names
}

/// Shows a paper whose originals are gone as one that never had any: to whoever has to be given every picture it names.
pub(crate) fn without_originals(material: &mut Material) {
    let gone = originals_alone(material);
    for page in material.pages.iter_mut().filter(|page| gone.contains(&page.original.digest)) {
        page.original = page.image.clone();
        page.corners = None;
    }
}
