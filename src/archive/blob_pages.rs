//! What a blob is a picture of, for whoever has to look after it: identifiers alone, not whose they are.

use yidang_model::{CaptureId, MaterialId};

use crate::storage::BlobName;
use crate::{Archive, ArchiveError, UNFILED_PAGE_MAX};

/// What needs a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobUse {
    /// A page, from 1, of a material on file.
    Page(MaterialId, usize),
    /// A capture that waits to be filed.
    Capture(CaptureId),
}

impl Archive {
    /// What on file needs this blob, and which captures that wait, at most `limit` of either, as far as the ledger can be read.
    pub fn uses_of_blob(&self, name: BlobName, limit: usize) -> Result<Vec<BlobUse>, ArchiveError> {
        let stores = &self.shared.stores;
        let mut uses = Vec::new();
        stores.visit_users(name, &|_| true, &mut |row, stored, _| {
            for (number, page) in (1..).zip(&stored.material.pages) {
                let pictures = [&page.original.digest, &page.image.digest];
                if pictures.iter().any(|digest| stores.keys.blob_name(digest) == name) {
                    uses.push(BlobUse::Page(row.id, number));
                }
            }
            Ok(uses.len() < limit)
        })?;
        let mut after = 0;
        while uses.len() < limit {
            let sets = stores.index.unfiled(after, UNFILED_PAGE_MAX)?;
            let Some(last) = sets.last() else { break };
            after = last.sequence;
            let needing = sets.iter().filter(|set| set.blobs.contains(&name));
            uses.extend(needing.map(|set| BlobUse::Capture(set.id)));
        }
        uses.truncate(limit);
        Ok(uses)
    }
}
