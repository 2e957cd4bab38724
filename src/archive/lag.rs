//! An index that lags behind the ledger and cannot catch up, as on a full disk.
//!
//! What was acknowledged is in the ledger. While the index lacks it, a reader who does not find something cannot
//! know that it is not there: it is told what keeps the index from catching up.

use std::sync::{Mutex, PoisonError};

use crate::plan::Answer;
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

/// What keeps the index behind; nothing, nearly always.
#[derive(Default)]
pub(crate) struct Lag {
    why: Mutex<Option<ArchiveError>>,
}

impl Lag {
    /// The index could not be written, for this reason.
    pub(crate) fn begin(&self, why: ArchiveError) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// The index has caught up.
    pub(crate) fn end(&self) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn why(&self) -> Option<ArchiveError> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was looked up; the reason for the lag where it was not found and there is one.
    pub(crate) fn surely<T>(&self, found: Option<T>) -> Result<Option<T>, ArchiveError> {
        match (found, self.why()) {
            (None, Some(why)) => Err(why),
            (found, _) => Ok(found),
        }
    }
}

impl Archive {
    /// The stores. An index that is known to lag has another try to catch up first.
    pub(crate) fn caught_up(&self) -> &Stores {
        if self.shared.stores.lag.why().is_some() {
            // Whether it came through shows in the lag itself.
            let _ = self.wait_for_writer();
        }
        &self.shared.stores
    }

    /// Waits until the index has what the ledger had when this was called, if it can be written.
    pub(crate) fn wait_for_writer(&self) -> Result<(), ArchiveError> {
        self.shared.writer.ask_alone(|_| Ok(Answer::Count(0))).map(|_| ())
    }
}
