//! What has been forgotten, as far as anything may still be told of it.

use yidang_model::{Digest, ErasureId, MaterialId};

use crate::rebuild::skip_damaged;
use crate::{Actor, Archive, ArchiveError};

/// The entry by which something is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Its place in the ledger.
    pub sequence: u64,
    /// The erasure.
    pub erasure: ErasureId,
    /// What went, on file here or not.
    pub materials: Vec<MaterialId>,
    /// Pictures that stay because someone else's papers have the same bytes.
    pub shared_kept: Vec<Digest>,
    /// Who asked; `None` where the ledger lost that.
    pub by: Option<Actor>,
}

impl Archive {
    /// At most `limit` tombstones behind that ledger entry, in order; those that cannot be read are left out.
    pub fn tombstones(&self, after: u64, limit: usize) -> Result<Vec<Tombstone>, ArchiveError> {
        let stores = self.caught_up();
        let mut after = after;
        loop {
            let places = stores.index.tombstones(after, limit)?;
            let Some((_, last)) = places.last() else { return Ok(Vec::new()) };
            after = *last;
            let mut found = Vec::with_capacity(places.len());
            for (erasure, sequence) in places {
                let Some((_, opened)) = skip_damaged(stores.entry(sequence))?.flatten() else { continue };
                let by = opened.office.by();
                found.push(Tombstone {
                    sequence,
                    erasure,
                    materials: opened.refs.materials.iter().map(|id| id.0).collect(),
                    shared_kept: opened.office.shared_kept.iter().map(|digest| digest.0).collect(),
                    by: (!by.client.is_empty()).then_some(by),
                });
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
}
