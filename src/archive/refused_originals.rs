//! What the repository would not have disposed of: in the ledger alone, since no later entry needs it.

use std::collections::HashMap;

use yidang_model::MaterialId;

use crate::entry::open_entry;
use crate::rebuild::skip_damaged;
use crate::storage::{Entry, Verb};
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

impl Archive {
    /// The papers whose originals the repository refused to have disposed of, each with the place of the last refusal in the
    /// ledger: one that was put right after that is another paper to it. Reads the ledger through, from its beginning. Those
    /// whose request ended here, by a hold or as it was put right, are not among them.
    pub fn refused_originals(&self) -> Result<HashMap<MaterialId, u64>, ArchiveError> {
        let stores = &self.shared.stores;
        let mut refused = HashMap::new();
        stores.visit_entries(&mut |entry| {
            if entry.content.verb == Verb::OriginalsRefused {
                let material = skip_damaged(refused_by_repository(stores, entry))?.flatten();
                refused.extend(material.map(|material| (material, entry.sequence)));
            }
            Ok(())
        })?;
        Ok(refused)
    }
}

/// The paper, where it was the repository: what ends a request here says on what basis.
fn refused_by_repository(stores: &Stores, entry: &Entry) -> Result<Option<MaterialId>, ArchiveError> {
    let opened = open_entry(&stores.keys, entry)?;
    Ok(opened.refs.material.map(|id| id.0).filter(|_| opened.office.basis.is_none()))
}
