//! The second half of a group's way, done while the blobs of the next group are being written.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::ArchiveError;
use crate::plan::Request;
use crate::scribe::{self, Batch};
use crate::storage::{BlobName, StorageError};
use crate::stores::Stores;
use crate::writer::{Reply, spawn, unwind_guarded};

/// A group whose blobs are durable: its entries are what is left to write.
pub(crate) struct Kept {
    pub(crate) batch: Batch,
    pub(crate) waiting: Vec<(Box<Request>, Reply)>,
    /// Its blobs, should it have to be tried again.
    pub(crate) blobs: Vec<(BlobName, Vec<u8>)>,
}

/// What has become of one.
pub(crate) enum Entered {
    /// All who waited are answered.
    Shown(Batch),
    /// It has happened, but the index does not show it; nobody is answered yet.
    Hidden(Kept),
    /// It may not have happened.
    Failed(Kept, ArchiveError),
}

impl Kept {
    /// Writes its keys and entries, shows it in the index and answers.
    pub(crate) fn enter(mut self, stores: &Stores) -> Entered {
        if let Err(error) = unwind_guarded(|| scribe::enter(stores, &self.batch)) {
            return Entered::Failed(self, error);
        }
        self.blobs = Vec::new();
        if unwind_guarded(|| scribe::show(stores, &self.batch)).is_err() {
            return Entered::Hidden(self);
        }
        self.answer();
        Entered::Shown(self.batch)
    }

    /// Tells those who wait that it has happened.
    pub(crate) fn answer(&mut self) {
        for ((_, reply), answer) in self.waiting.drain(..).zip(self.batch.answers()) {
            let _ = reply.send(Ok(answer));
        }
    }
}

/// The thread that enters groups, one at a time; dropping this ends it.
pub(crate) struct Entering {
    kept: Option<SyncSender<Kept>>,
    entered: Receiver<Entered>,
    thread: Option<JoinHandle<()>>,
}

impl Entering {
    /// Starts the thread.
    pub(crate) fn start(stores: Arc<Stores>) -> Result<Self, StorageError> {
        let (kept, to_enter) = sync_channel::<Kept>(1);
        let (done, entered) = sync_channel(1);
        let work = move || {
            for kept in to_enter {
                if done.send(kept.enter(&stores)).is_err() {
                    return;
                }
            }
        };
        let thread = Some(spawn("archive-entries", work)?);
        Ok(Self { kept: Some(kept), entered, thread })
    }

    /// Hands a group over; what has become of it is to be asked for before the next one. Gives it back if the thread is
    /// gone.
    pub(crate) fn begin(&self, kept: Kept) -> Option<Kept> {
        match &self.kept {
            Some(sender) => sender.send(kept).err().map(|refused| refused.0),
            None => Some(kept),
        }
    }

    /// Waits for what has become of the last group; `None` if the thread is gone, and with it everybody's answer.
    pub(crate) fn end(&self) -> Option<Entered> {
        self.entered.recv().ok()
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        self.kept = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was its end already.
            let _ = thread.join();
        }
    }
}
