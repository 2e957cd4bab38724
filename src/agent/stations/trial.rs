//! Opening a reader beside the one in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant;

use yidang_device::{CardDriver, CardReader, DeviceCondition, DeviceError};

use super::OPEN_BOUND;
use super::roster::Candidate;

/// Threads that may be opening a reader, those included that never come back.
const RUNNING_MAX: usize = 2;

/// How many threads are opening a reader.
#[derive(Clone, Default)]
pub(super) struct Trials(Arc<AtomicUsize>);

/// A better reader that is being opened on a thread of its own: it may take seconds to find that nothing
/// answers, and the reader in use goes on meanwhile.
pub(super) struct Trial {
    pub(super) candidate: Candidate,
    opened: Receiver<Result<Box<dyn CardReader>, DeviceError>>,
    began: Instant,
}

impl Trial {
    /// Begins, unless earlier ones have not come back.
    pub(super) fn begin(
        candidate: Candidate,
        driver: Arc<dyn CardDriver>,
        trials: &Trials,
    ) -> Result<Self, DeviceError> {
        let failed = |detail: String| DeviceError::new(DeviceCondition::Busy, detail);
        if trials.0.fetch_add(1, Ordering::SeqCst) >= RUNNING_MAX {
            trials.0.fetch_sub(1, Ordering::SeqCst);
            return Err(failed("earlier tries to open a reader never came back".into()));
        }
        let (tell, opened) = channel();
        let (id, running) = (candidate.key.id.clone(), trials.0.clone());
        let started = std::thread::Builder::new().name("card-trial".into()).spawn(move || {
            // Where nobody waits any more, the reader is closed here.
            let _ = tell.send(driver.open(&id));
            running.fetch_sub(1, Ordering::SeqCst);
        });
        match started {
            Ok(_) => Ok(Self { candidate, opened, began: Instant::now() }),
            Err(error) => {
                trials.0.fetch_sub(1, Ordering::SeqCst);
                Err(failed(error.to_string()))
            }
        }
    }

    /// What came of it; `None` while it goes on.
    pub(super) fn outcome(&self) -> Option<Result<Box<dyn CardReader>, DeviceError>> {
        let late = || DeviceError::new(DeviceCondition::Timeout, "it does not open in time");
        match self.opened.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => (self.began.elapsed() > OPEN_BOUND).then(|| Err(late())),
            Err(TryRecvError::Disconnected) => Some(Err(late())),
        }
    }
}
