//! An epoch's key in memory, for as long as what it opens is read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::storage::{KeyKeeper, KeyKeeperError, Secret};

/// A key keeper without a place.
pub(crate) struct HeldKey(Mutex<HashMap<u32, Secret>>);

impl HeldKey {
    pub(crate) fn new(epoch: u32, key: Secret) -> Self {
        Self(Mutex::new(HashMap::from([(epoch, key)])))
    }

    fn held<T>(&self, look: impl FnOnce(&mut HashMap<u32, Secret>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyKeeper for HeldKey {
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError> {
        self.held(|keys| keys.get(&epoch).cloned()).ok_or(KeyKeeperError::Missing(epoch))
    }

    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        self.held(|keys| keys.insert(epoch, key.clone()));
        Ok(())
    }

    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError> {
        self.held(|keys| keys.remove(&epoch));
        Ok(())
    }
}
