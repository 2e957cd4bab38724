//! Who filed what just now: a clerk may look again at what they filed in this session, history closed or not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use yidang_model::{MaterialId, Timestamp};

use crate::clock;
use crate::holders::LIFETIME_MS;
use crate::owner::Owner;

/// Most filings remembered.
const REMEMBERED: usize = 4096;

/// Of those, one token's.
const REMEMBERED_OF_ONE: usize = 1024;

/// Filings of the last minutes, by owner.
#[derive(Default)]
pub(crate) struct RecentFilings {
    filings: Mutex<HashMap<(Owner, MaterialId), Timestamp>>,
}

impl RecentFilings {
    /// Remembers that this owner filed this material.
    pub(crate) fn add(&self, owner: Owner, material: MaterialId) {
        let now = clock::now();
        let mut filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        let own = filings.keys().filter(|(whose, _)| whose.token == owner.token).count();
        if filings.len() >= REMEMBERED || own >= REMEMBERED_OF_ONE {
            filings.retain(|_, until| now < *until);
        }
        let own = filings.keys().filter(|(whose, _)| whose.token == owner.token).count();
        if filings.len() < REMEMBERED && own < REMEMBERED_OF_ONE {
            filings.insert((owner, material), now.plus_millis(LIFETIME_MS));
        }
    }

    /// Forgets who else filed it: it is put right, and where it belongs now may be nothing to them.
    pub(crate) fn keep_for(&self, owner: Owner, material: MaterialId) {
        let mut filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        filings.retain(|(whose, filed), _| *filed != material || *whose == owner);
    }

    /// Forgets what was filed with a token, whoever it was.
    pub(crate) fn forget_token(&self, token: i64) {
        let mut filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        filings.retain(|(whose, _), _| whose.token != token);
    }

    /// Whether this owner filed it within its session.
    pub(crate) fn contains(&self, owner: Owner, material: MaterialId) -> bool {
        let filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        filings.get(&(owner, material)).is_some_and(|until| clock::now() < *until)
    }
}
