//! What readers take for gone already, while an erasure is still being carried out, or while the index lacks a
//! refiling.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use yidang_model::MaterialId;

use crate::entry::OpenEntry;
use crate::storage::{KeyId, MaterialRow};

/// What tombstones cover that some store still has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Covered {
    /// Keys of people who are being forgotten.
    pub(crate) keys: HashSet<KeyId>,
    /// Materials that an index that lags may still show.
    pub(crate) materials: HashSet<MaterialId>,
    /// Materials that were refiled, and by which entry, of which an index that lags still has the old row.
    pub(crate) refiled: HashMap<MaterialId, u64>,
}

impl Covered {
    /// Adds what an `erased` entry covers.
    pub(crate) fn add(&mut self, tombstone: &OpenEntry) {
        self.materials.extend(tombstone.refs.materials.iter().map(|id| id.0));
        if tombstone.refs.whole_holder {
            self.keys.extend(&tombstone.slot_keys);
        }
    }
}

/// Between the tombstone and the last trace lie several stores, any of which may fail for a while. Readers
/// look through this, so that what is erased in the ledger is gone for them whatever the other stores still
/// have. The writer does not: it needs the key that dies to find what has to die with it.
#[derive(Default)]
pub(crate) struct Veil(RwLock<Covered>);

impl Veil {
    /// Covers this and nothing else.
    pub(crate) fn set(&self, covered: Covered) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = covered;
    }

    pub(crate) fn covers_key(&self, key: KeyId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys.contains(&key)
    }

    /// Whether this row shows what is erased, or shows a material as it was before it was put right.
    pub(crate) fn covers_row(&self, row: &MaterialRow) -> bool {
        let covered = self.0.read().unwrap_or_else(PoisonError::into_inner);
        covered.materials.contains(&row.id)
            || covered.refiled.get(&row.id).is_some_and(|refiled| row.sequence < *refiled)
    }

    pub(crate) fn covers_material(&self, id: MaterialId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).materials.contains(&id)
    }
}
