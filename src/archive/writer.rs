//! The one way to what is written, and what a crash can leave behind.
//!
//! Requests wait in a bounded queue. A thread ([`crate::desk`]) takes what has gathered, up to [`GROUP_MAX`] requests,
//! works out what each writes ([`crate::plan`]) and commits that as one group. Two requests of a group that are
//! about the same thing are split: the second is planned when the first is in the stores. While requests keep coming,
//! the blobs of one group are written while the group before it is entered ([`crate::entering`]); two groups never
//! change places. A group that fails is taken back and tried again request by request, so that only the one at fault
//! fails, and the group behind it is planned anew; a panic counts as a failure of its request.
//!
//! # The order of writes
//!
//! | step | durable | what a crash right after it leaves | who puts it right |
//! |---|---|---|---|
//! | 1 | blobs | blobs nothing names: orphans, some of them perhaps in part | [`Archive::sweep`](crate::Archive::sweep) removes them; the same bytes staged again replace them |
//! | 2 | new keys | a holder's key with nothing sealed under it, or a staged set's | used by the holder's next filing; nothing can be opened with it |
//! | 3 | **ledger entries** | everything acknowledged or about to be; the index lags | open: the index catches up |
//! | 4 | index | nothing | |
//! | – | the requests are answered | | |
//! | 5 | used-up keys of staged sets deleted, once nobody waits for the writer or many groups have passed | keys of sets that were filed or discarded | open: deleted for the last entries; no group begins once keys of older ones wait, and no erasure goes on while any does |
//!
//! An erasure is written alone, in steps of its own:
//!
//! | step | durable | what a crash right after it leaves | who puts it right |
//! |---|---|---|---|
//! | 1 | **ledger `erased`** | the tombstone; index, blobs and keys as before | open: catches up, then goes on with step 3 |
//! | 2 | index without the materials, with the list of blobs to delete | traces | open goes on with step 3 |
//! | 3 | blobs nothing needs deleted | | open: deletes again what is left |
//! | 4 | for a person: holder key deleted | the old epoch key could unwrap an old copy of the keyring | open: rotates |
//! | 5 | for a person: new epoch key kept, all keys rewrapped in one transaction, old epoch key destroyed | an unused epoch key, or the old one beside the new | open: the next rotation overwrites the one, opening destroys the other |
//! | 6 | journals of all three databases truncated | | open: once more |
//! | 6b | second copies: the tombstone in the ledger's, for a person the keyring's overwritten and made anew | as before 6b | open: once more |
//! | 7 | ledger `erasure_done`, index | names of deleted blobs in freed pages of the index, if its journal is not truncated once more | the next erasure |
//!
//! Until step 7 is done, nothing new is sealed under the key of the holder who is being forgotten, and readers
//! take for gone what the tombstone covers ([`crate::veil`]), even while the index still has it.
//!
//! An erasure that stops half-way is gone on with before each group. While it stands:
//!
//! | stopped at | that person | everyone else |
//! |---|---|---|
//! | 1 | nothing has happened | is served |
//! | 2, and the index of 7 | is gone for readers | reads; nothing can be filed for anyone until the index can be written |
//! | 3, 4 | is gone for readers; filings and looks are refused | is served |
//! | 5, 6, the ledger of 7 | is gone for readers; what is filed now is sealed under a new key, and stays | is served |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::ArchiveError;
use crate::desk::Desk;
use crate::plan::{Answer, Request};
use crate::scribe::Scribe;

/// Most calls that wait for the writer; a caller beyond that waits for a place.
const QUEUE_MAX: usize = 256;
/// Most requests committed together.
pub(crate) const GROUP_MAX: usize = 64;

/// Something that is done alone, between two groups.
pub(crate) type Task = Box<dyn FnOnce(&mut Scribe) -> Result<Answer, ArchiveError> + Send>;
/// Where the answer to a request goes.
pub(crate) type Reply = SyncSender<Result<Answer, ArchiveError>>;

/// What somebody waits for.
pub(crate) enum Job {
    Grouped(Box<Request>, Reply),
    Alone(Task, Reply),
}

/// The way to the writer thread; dropping it ends the thread once everything asked for is done.
pub(crate) struct Writer {
    sender: Option<SyncSender<Vec<Job>>>,
    thread: Option<JoinHandle<()>>,
    /// Calls that wait for their answer.
    waiting: AtomicUsize,
    subscribers: Arc<Mutex<Vec<SyncSender<u64>>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(scribe: Scribe) -> Result<Self, ArchiveError> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let subscribers = Arc::new(Mutex::new(Vec::new()));
        let desk = Desk::new(scribe, receiver, Arc::clone(&subscribers))?;
        let spawned = spawn("archive-writer", move || desk.run())?;
        let waiting = AtomicUsize::new(0);
        Ok(Self { sender: Some(sender), thread: Some(spawned), waiting, subscribers })
    }

    /// Has one request carried out.
    pub(crate) fn ask(&self, request: Request) -> Result<Answer, ArchiveError> {
        self.ask_many(vec![request]).pop().unwrap_or(Err(ArchiveError::Closed))
    }

    /// Has requests carried out that came together; one answer each, in their order.
    pub(crate) fn ask_many(&self, requests: Vec<Request>) -> Vec<Result<Answer, ArchiveError>> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut jobs = Vec::with_capacity(requests.len());
        for request in requests {
            let (reply, answer) = sync_channel(1);
            jobs.push(Job::Grouped(Box::new(request), reply));
            answers.push(answer);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.send(jobs);
        let answers = answers.into_iter().map(|a| answer_of(&a)).collect();
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        answers
    }

    /// Has something done alone.
    pub(crate) fn ask_alone(
        &self,
        task: impl FnOnce(&mut Scribe) -> Result<Answer, ArchiveError> + Send + 'static,
    ) -> Result<Answer, ArchiveError> {
        let (reply, answer) = sync_channel(1);
        self.send(vec![Job::Alone(Box::new(task), reply)]);
        answer_of(&answer)
    }

    /// Whether requests wait for their answer.
    pub(crate) fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// How many calls wait for their answer.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A receiver that is woken after each commit.
    pub(crate) fn subscribe(&self) -> Receiver<u64> {
        let (sender, receiver) = sync_channel(1);
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn send(&self, jobs: Vec<Job>) {
        // Jobs that cannot be sent are dropped with their replies, which their askers take for "closed".
        if let Some(sender) = &self.sender {
            let _ = sender.send(jobs);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was its end already; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn answer_of(answer: &Receiver<Result<Answer, ArchiveError>>) -> Result<Answer, ArchiveError> {
    answer.recv().unwrap_or(Err(ArchiveError::Closed))
}

/// Starts a thread of the archive's.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, crate::storage::StorageError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|e| crate::storage::StorageError::io(crate::storage::Part::Folder, &e))
}

/// A panic becomes [`ArchiveError::Defect`]. Stores keep their own consistency by transactions, and what a
/// group had in memory is thrown away with it.
pub(crate) fn unwind_guarded<T>(work: impl FnOnce() -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("a request stopped with a panic");
        Err(ArchiveError::Defect)
    })
}
