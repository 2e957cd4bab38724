//! Reading what is on file. Nothing here writes: whoever shows it to someone records the look.

use yidang_model::{Digest, Material, MaterialId, Page, Subject};

use crate::file::filing_tag;
use crate::originals::{originals_alone, without_originals};
use crate::rebuild::skip_damaged;
use crate::storage::MaterialRow;
use crate::{Archive, ArchiveError};

/// Most materials in one page of a history; a higher limit is cut to it.
pub const HISTORY_PAGE_MAX: usize = 200;

/// Which part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Materials with a sequence below this one; `u64::MAX` for the newest.
    pub before: u64,
    /// At most so many.
    pub limit: usize,
}

/// A material on file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The record. Holders that have been forgotten are not in it.
    pub material: Material,
    /// Its ledger entry: the `filed` one, or the last `refiled` one.
    pub sequence: u64,
    /// Whether its untouched originals were disposed of.
    pub originals_disposed: bool,
}

impl Stored {
    /// Whether it has untouched originals beside its pages.
    pub fn has_originals(&self) -> bool {
        !self.originals_disposed && !originals_alone(&self.material).is_empty()
    }

    /// The untouched originals that it has, or had, apart from its pages: each once, sorted.
    pub fn originals(&self) -> Vec<Digest> {
        originals_alone(&self.material)
    }

    /// Whether this picture of it was disposed of.
    pub fn lacks(&self, digest: &Digest) -> bool {
        self.originals_disposed && originals_alone(&self.material).contains(digest)
    }

    /// The record for whoever has to be given every picture it names: where the originals were disposed of, that of a paper
    /// that never had any.
    pub fn as_given(&self) -> Material {
        let mut material = self.material.clone();
        if self.originals_disposed {
            without_originals(&mut material);
        }
        material
    }

    /// Whether the untouched original of a page is not here any more. Where no page was found the original is the page,
    /// and stays.
    pub fn is_original_gone(&self, page: &Page) -> bool {
        self.originals_disposed && originals_alone(&self.material).contains(&page.original.digest)
    }
}

impl Archive {
    /// What is on file for a holder, newest first. A material whose ledger entry is damaged is left out, and
    /// logged, so that the others can still be shown; [`Archive::verify`] names it.
    pub fn history(&self, who: &Subject, page: HistoryPage) -> Result<Vec<Stored>, ArchiveError> {
        let stores = self.caught_up();
        let tag = stores.keys.subject_tag(who);
        let rows = stores.index.materials_of(tag, page.before, page.limit.min(HISTORY_PAGE_MAX))?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            // An index that lags may still have someone in a joint paper who is being forgotten.
            let stored = skip_damaged(stores.stored(row))?.flatten();
            found.extend(stored.filter(|s| s.material.holders.contains(who)));
        }
        Ok(found)
    }

    /// A material; `None` for an unknown and for an erased one.
    pub fn material(&self, id: MaterialId) -> Result<Option<Stored>, ArchiveError> {
        let stores = self.caught_up();
        match stores.stored_by_id(id)? {
            None if stores.is_erased(id)? => Ok(None),
            found => stores.lag.surely(found),
        }
    }

    /// Whether a material of this identifier was erased.
    pub fn is_erased(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        self.shared.stores.is_erased(id)
    }

    /// The plain bytes of one of a material's pictures, hashed again. [`ArchiveError::OriginalDisposed`] of an original whose
    /// term was shorter than the paper's.
    pub fn blob(&self, of: MaterialId, digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        let stores = self.caught_up();
        let gone = || match stores.is_erased(of) {
            Ok(true) => ArchiveError::MaterialErased,
            Ok(false) => ArchiveError::MaterialUnknown,
            Err(error) => error,
        };
        let row = match stores.index.material(of)? {
            None if stores.is_erased(of)? => None,
            row => stores.lag.surely(row)?,
        };
        let row = row.ok_or_else(gone)?;
        let filed = match stores.filed(&row)? {
            None if stores.is_erased(of)? => None,
            filed => stores.lag.surely(filed)?,
        };
        let (stored, personal) = filed.ok_or_else(gone)?;
        let is_original = originals_alone(&stored.material).contains(digest);
        if stored.originals_disposed && is_original {
            return Err(ArchiveError::OriginalDisposed);
        }
        let blob = personal.blobs.iter().find(|b| b.digest.0 == *digest);
        let read =
            stores.plain_blob(&blob.ok_or(ArchiveError::BlobUnknown { digest: *digest })?.blob_key(), digest);
        // Pictures go after the entry that says so: what is not there any more is forgotten or disposed of, and not lost.
        if read.is_err() && stores.is_erased(of)? {
            return Err(ArchiveError::MaterialErased);
        }
        if read.is_err()
            && is_original
            && stores.index.material(of)?.is_some_and(|row| row.originals_disposed)
        {
            return Err(ArchiveError::OriginalDisposed);
        }
        read
    }

    /// The materials on file that need these very bytes, in the order they were filed. Tells nobody: it is for the
    /// archive's own rules.
    pub fn needing(&self, digest: &Digest) -> Result<Vec<MaterialId>, ArchiveError> {
        let stores = self.caught_up();
        let mut found = Vec::new();
        stores.visit_users(stores.keys.blob_name(digest), &|_| true, &mut |row, _, _| {
            found.push(row.id);
            Ok(true)
        })?;
        Ok(found)
    }

    /// The paper on file that one of these holders, case, slot and bytes would be recognised as.
    pub fn recognised_as(&self, material: &Material) -> Result<Option<Stored>, ArchiveError> {
        let stores = self.caught_up();
        let holders = stores.sorted_tags(&material.holders);
        let row = stores.index.find_filing(filing_tag(stores, material, &holders), &holders)?;
        Ok(row.map(|row| stores.stored(&row)).transpose()?.flatten())
    }

    /// Where in a holder's dossier these very bytes are a page or its original: material and page from 1.
    pub fn matches(
        &self,
        who: &Subject,
        original: &Digest,
    ) -> Result<Vec<(MaterialId, usize)>, ArchiveError> {
        let stores = self.caught_up();
        let tag = stores.keys.subject_tag(who);
        let theirs = |row: &MaterialRow| row.holders.contains(&tag);
        let mut found = Vec::new();
        stores.visit_users(stores.keys.blob_name(original), &theirs, &mut |row, stored, _| {
            if !stored.material.holders.contains(who) {
                return Ok(true);
            }
            for (number, page) in stored.material.pages.iter().enumerate() {
                if page.original.digest == *original || page.image.digest == *original {
                    found.push((row.id, number + 1));
                }
            }
            Ok(true)
        })?;
        Ok(found)
    }
}
