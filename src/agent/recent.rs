//! Who filed what just now: a clerk may look again at what they filed in this session, history closed or not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use yidang_model::{MaterialId, Timestamp};

use crate::clock;
use crate::holders::LIFETIME_MS;

/// Most filings remembered.
const REMEMBERED: usize = 4096;

/// Filings of the last minutes, by token.
#[derive(Default)]
pub(crate) struct RecentFilings {
    filings: Mutex<HashMap<(i64, MaterialId), Timestamp>>,
}

impl RecentFilings {
    /// Remembers that this token filed this material.
    pub(crate) fn add(&self, token: i64, material: MaterialId) {
        let now = clock::now();
        let mut filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        if filings.len() >= REMEMBERED {
            filings.retain(|_, until| now < *until);
        }
        if filings.len() < REMEMBERED {
            filings.insert((token, material), now.plus_millis(LIFETIME_MS));
        }
    }

    /// Forgets who else filed it: it is put right, and where it belongs now may be nothing to them.
    pub(crate) fn keep_for(&self, token: i64, material: MaterialId) {
        let mut filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        filings.retain(|(whose, filed), _| *filed != material || *whose == token);
    }

    /// Whether this token filed it within its session.
    pub(crate) fn contains(&self, token: i64, material: MaterialId) -> bool {
        let filings = self.filings.lock().unwrap_or_else(PoisonError::into_inner);
        filings.get(&(token, material)).is_some_and(|until| clock::now() < *until)
    }
}
