//! What an erasure takes away of what is on file.

use std::collections::{BTreeSet, HashSet};

use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};

use crate::ArchiveError;
use crate::entry::{OpenEntry, open_entry, refs_of};
use crate::erase::{ErasureTarget, WentElsewhere, deferral_of, target_of};
use crate::rebuild::skip_damaged;
use crate::storage::{BlobName, Entry, MaterialRow, Tag, Verb};
use crate::stores::Stores;

/// Rows read at a time when a whole dossier is gone through.
const ROWS_AT_A_TIME: usize = 200;

/// What an erasure takes away.
#[derive(Default)]
pub(crate) struct Extent {
    /// Materials that go.
    pub(crate) materials: Vec<MaterialId>,
    /// Pictures that stay with someone else.
    pub(crate) shared_kept: BTreeSet<Digest>,
    /// Pictures that nothing else is known to need.
    pub(crate) doomed: HashSet<BlobName>,
    /// Whether papers of the person stay, and with them the key.
    pub(crate) keeps_holder: bool,
}

impl Extent {
    /// By what was asked for, with the person if it is one; where the ledger lost that, by what is known to have gone elsewhere with it.
    pub(crate) fn of(
        stores: &Stores,
        erasure: ErasureId,
        request: Option<&OpenEntry>,
        elsewhere: &WentElsewhere,
    ) -> Result<(Self, Option<Subject>), ArchiveError> {
        let (mut extent, subject) = match request.map(target_of) {
            Some(Some(ErasureTarget::Material(id))) => (extent_of_materials(stores, &[id])?, None),
            Some(Some(ErasureTarget::Holder(who))) => {
                (extent_of_holder(stores, &who, erasure, elsewhere)?, Some(who))
            }
            // Another erasure forgot that person in the meantime.
            Some(None) => (Extent::default(), None),
            None => {
                tracing::warn!(%erasure, "what asked for an erasure is lost: it takes what went elsewhere with it");
                (extent_of_materials(stores, &still_whose_they_were(stores, erasure, elsewhere)?)?, None)
            }
        };
        extent.add(stores, elsewhere)?;
        Ok((extent, subject))
    }

    /// Adds what went elsewhere with the same erasure, apart from what is someone else's paper here.
    fn add(&mut self, stores: &Stores, elsewhere: &WentElsewhere) -> Result<(), ArchiveError> {
        for id in &elsewhere.materials {
            if !self.materials.contains(id) && stores.index.material(*id)?.is_none() {
                self.materials.push(*id);
            }
        }
        self.materials.sort_unstable();
        self.shared_kept.extend(&elsewhere.shared_kept);
        Ok(())
    }
}

fn extent_of_materials(stores: &Stores, ids: &[MaterialId]) -> Result<Extent, ArchiveError> {
    // Not held here, it still gets its tombstone.
    let mut extent = Extent { materials: ids.to_vec(), ..Extent::default() };
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(stores.index.material(*id)?);
    }
    let going = rows.iter().map(|row| row.sequence).collect();
    for row in &rows {
        extent.shared_kept.extend(kept_pictures(stores, row, &going, &mut extent.doomed)?);
    }
    Ok(extent)
}

/// Of what went elsewhere, what is on file here for nobody to whom it came since the erasure began to wait.
fn still_whose_they_were(
    stores: &Stores,
    erasure: ErasureId,
    elsewhere: &WentElsewhere,
) -> Result<Vec<MaterialId>, ArchiveError> {
    let waited = deferral_of(stores, erasure)?;
    let mut going = Vec::new();
    for id in &elsewhere.materials {
        let Some(row) = stores.index.material(*id)? else { continue };
        let mut is_theirs = true;
        // Put right since, and where that cannot be read it stays.
        if let Some(deferral) = waited.filter(|deferral| row.sequence > *deferral) {
            let stored = skip_damaged(stores.stored(&row))?.flatten();
            let holders = stored.map(|stored| stored.material.holders);
            is_theirs = holders.is_some();
            for who in holders.iter().flatten() {
                is_theirs = is_theirs && !came_since(stores, &row, who, deferral)?;
            }
        }
        if is_theirs {
            going.push(*id);
        }
    }
    Ok(going)
}

/// What goes with a person: what was on file for them when it was decided, and of an erasure that has waited for a hold, when it
/// began to. Whoever decided it knew nothing of what came to them since: that stays, and the person's key with it.
fn extent_of_holder(
    stores: &Stores,
    who: &Subject,
    erasure: ErasureId,
    elsewhere: &WentElsewhere,
) -> Result<Extent, ArchiveError> {
    let holder = stores.keys.subject_tag(who);
    let waited = deferral_of(stores, erasure)?;
    let mut going = HashSet::new();
    let mut extent = Extent::default();
    visit_dossier(stores, holder, &mut |row| {
        let is_named = elsewhere.materials.contains(&row.id);
        let came_later = || match waited {
            Some(deferral) if came_since(stores, row, who, deferral)? => Ok(true),
            _ => came_after(stores, row, who, elsewhere.decided_at),
        };
        if !is_named && came_later()? {
            extent.keeps_holder = true;
        } else if row.holders == [holder] {
            going.insert(row.sequence);
            extent.materials.push(row.id);
        }
        Ok(())
    })?;
    let (mut kept, mut doomed) = (BTreeSet::new(), HashSet::new());
    visit_dossier(stores, holder, &mut |row| {
        kept.extend(kept_pictures(stores, row, &going, &mut doomed)?);
        Ok(())
    })?;
    (extent.shared_kept, extent.doomed) = (kept, doomed);
    Ok(extent)
}

/// The entry by which a paper stands, as far as it can be read.
fn stands_by(stores: &Stores, row: &MaterialRow) -> Result<Option<Entry>, ArchiveError> {
    let found = skip_damaged(stores.ledger.get_many(&[row.sequence]).map_err(ArchiveError::from))?;
    Ok(found.and_then(|mut entries| entries.pop()))
}

/// Whether a paper of this person came to them later than that, as far as the clocks agree.
fn came_after(
    stores: &Stores,
    row: &MaterialRow,
    who: &Subject,
    at: Option<Timestamp>,
) -> Result<bool, ArchiveError> {
    let Some(at) = at else { return Ok(false) };
    match stands_by(stores, row)? {
        Some(entry) if entry.content.at > at => came_since(stores, row, who, row.sequence - 1),
        _ => Ok(false),
    }
}

/// Whether a paper of this person was not theirs yet when that entry was made. Where that cannot be read, it stays.
fn came_since(stores: &Stores, row: &MaterialRow, who: &Subject, entry: u64) -> Result<bool, ArchiveError> {
    if row.sequence < entry {
        return Ok(false);
    }
    let refs = stands_by(stores, row)?.map(|entry| skip_damaged(refs_of(&entry))).transpose()?.flatten();
    // Put right since: whose it was before is told by the entries before. A `filed` entry names none.
    let Some(filed) = refs.and_then(|refs| refs.filed).filter(|filed| *filed < entry) else {
        return Ok(true);
    };
    let mut was_theirs = false;
    stores.visit_entries_between(filed.saturating_sub(1), entry, &mut |earlier| {
        let is_of_it = matches!(earlier.content.verb, Verb::Filed | Verb::Refiled)
            && skip_damaged(refs_of(earlier))?
                .and_then(|refs| refs.material)
                .is_some_and(|id| id.0 == row.id);
        if is_of_it {
            let opened = skip_damaged(open_entry(&stores.keys, earlier))?;
            was_theirs = opened.is_some_and(|opened| opened.subjects.iter().flatten().any(|one| one == who));
        }
        Ok(())
    })?;
    Ok(!was_theirs)
}

/// Goes through the materials of a person.
pub(crate) fn visit_dossier(
    stores: &Stores,
    holder: Tag,
    visit: &mut dyn FnMut(&MaterialRow) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut before = u64::MAX;
    loop {
        let rows = stores.index.materials_of(holder, before, ROWS_AT_A_TIME)?;
        let Some(last) = rows.last() else { return Ok(()) };
        before = last.sequence;
        rows.iter().try_for_each(&mut *visit)?;
    }
}

/// The pictures of a material that something else than what is going needs; those that nothing else does are put with
/// the doomed.
fn kept_pictures(
    stores: &Stores,
    row: &MaterialRow,
    going: &HashSet<u64>,
    doomed: &mut HashSet<BlobName>,
) -> Result<BTreeSet<Digest>, ArchiveError> {
    let mut kept: HashSet<BlobName> = HashSet::new();
    for name in &row.blobs {
        if stores.index.blob_users(*name)?.iter().any(|user| !going.contains(user)) {
            kept.insert(*name);
        } else {
            doomed.insert(*name);
        }
    }
    if kept.is_empty() {
        return Ok(BTreeSet::new());
    }
    let blobs = stores.filed(row)?.map(|(_, personal)| personal.blobs).unwrap_or_default();
    let digests = blobs.iter().map(|b| b.digest.0);
    Ok(digests.filter(|digest| kept.contains(&stores.keys.blob_name(digest))).collect())
}
