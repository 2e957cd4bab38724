//! Versions of a paper: which one takes whose place.
//!
//! A link is part of the newer record and stays there: it counts as long as both are of the same kind and have a
//! holder in common, so a paper that is put right and back again takes its place again. Two papers may take the
//! place of the same one where two windows filed them apart; both are current then, and the older one is not.

use std::collections::HashSet;

use yidang_model::{Material, MaterialId};

use crate::rebuild::skip_damaged;
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

impl Archive {
    /// Whether a material here takes the place of this one, which may be on file elsewhere.
    pub fn has_newer(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(!self.caught_up().index.superseding(id)?.is_empty())
    }
}

impl Stores {
    /// Whether another paper of the same kind and of one of the same people takes its place.
    pub(crate) fn is_superseded(&self, material: &Material) -> Result<bool, ArchiveError> {
        self.is_followed(material.id, material)
    }

    /// Whether a material that takes the place of this one is a version of `paper`, and another than that.
    fn is_followed(&self, older: MaterialId, paper: &Material) -> Result<bool, ArchiveError> {
        for row in self.index.superseding(older)? {
            // One that is damaged is for the fixity check to report, and takes nobody's place meanwhile.
            let newer = skip_damaged(self.filed_as_recorded(&row))?.flatten();
            if newer.is_some_and(|(newer, _)| row.id != paper.id && are_versions(&newer.material, paper)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// [`ArchiveError::MaterialSuperseded`] where another version took the place that this one is to take.
    pub(crate) fn check_place(&self, newer: &Material) -> Result<(), ArchiveError> {
        match newer.supersedes {
            Some(older) if self.is_followed(older, newer)? => Err(ArchiveError::MaterialSuperseded),
            _ => Ok(()),
        }
    }

    /// Takes a link out of a record that is shown, where the older paper is here and no version of it.
    pub(crate) fn hide_foreign_link(&self, material: &mut Material) -> Result<(), ArchiveError> {
        let Some(older) = material.supersedes else { return Ok(()) };
        let Some(row) = self.index.material(older)? else { return Ok(()) };
        let older = skip_damaged(self.filed_as_recorded(&row))?.flatten();
        if older.is_some_and(|(older, _)| !are_versions(&older.material, material)) {
            material.supersedes = None;
        }
        Ok(())
    }
}

fn are_versions(one: &Material, other: &Material) -> bool {
    one.kind == other.kind && one.holders.iter().any(|who| other.holders.contains(who))
}

/// Papers that stay while those whose place they take are going, each with the one before those: what it had
/// superseded through them stays superseded.
pub(crate) fn around(
    stores: &Stores,
    going: &[MaterialId],
) -> Result<Vec<(MaterialId, MaterialId)>, ArchiveError> {
    let goes: HashSet<MaterialId> = going.iter().copied().collect();
    let mut relinked = Vec::new();
    for id in going {
        let mut passed = HashSet::from([*id]);
        let mut older = stores.index.material(*id)?.and_then(|row| row.supersedes);
        while let Some(next) = older.filter(|next| goes.contains(next)) {
            // Nothing that was filed orderly goes round in a circle.
            older = if passed.insert(next) {
                stores.index.material(next)?.and_then(|row| row.supersedes)
            } else {
                None
            };
        }
        let Some(older) = older else { continue };
        let newer = stores.index.superseding(*id)?.into_iter().map(|row| row.id);
        relinked.extend(newer.filter(|newer| !goes.contains(newer) && *newer != older).map(|n| (n, older)));
    }
    Ok(relinked)
}
