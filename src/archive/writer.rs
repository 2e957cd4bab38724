//! The one thread that writes, and what a crash can leave behind.
//!
//! Requests wait in a bounded queue. The thread takes what has gathered, up to [`GROUP_MAX`] requests, works
//! out what each writes ([`crate::plan`]) and commits that as one group. Two requests of a group that are
//! about the same thing are split: the second is planned when the first is in the stores. A group that fails
//! is taken back and tried again request by request, so that only the one at fault fails; a panic counts as a
//! failure of its request.
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

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::ArchiveError;
use crate::plan::{Answer, Plan, Request, Touch};
use crate::scribe::{Batch, Scribe};

/// Most calls that wait for the writer; a caller beyond that waits for a place.
const QUEUE_MAX: usize = 256;
/// Most requests committed together.
pub(crate) const GROUP_MAX: usize = 64;

/// Something that is done alone, between two groups.
type Task = Box<dyn FnOnce(&mut Scribe) -> Result<Answer, ArchiveError> + Send>;
type Reply = SyncSender<Result<Answer, ArchiveError>>;

enum Job {
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
        let desk = Desk { scribe, subscribers: Arc::clone(&subscribers) };
        let spawned = std::thread::Builder::new()
            .name("archive-writer".to_owned())
            .spawn(move || desk.run(&receiver))
            .map_err(|e| crate::storage::StorageError::io(crate::storage::Part::Folder, &e))?;
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

/// A group being put together, and who waits for it.
struct Group {
    batch: Batch,
    touched: HashSet<Touch>,
    waiting: Vec<(Box<Request>, Reply)>,
}

struct Desk {
    scribe: Scribe,
    subscribers: Arc<Mutex<Vec<SyncSender<u64>>>>,
}

impl Desk {
    fn run(mut self, receiver: &Receiver<Vec<Job>>) {
        while let Some(mut jobs) = self.next_jobs(receiver) {
            while jobs.len() < GROUP_MAX {
                match receiver.try_recv() {
                    Ok(more) => jobs.extend(more),
                    Err(_) => break,
                }
            }
            let before = self.scribe.last_head;
            self.work_off(jobs);
            if self.scribe.last_head != before {
                self.wake_subscribers();
            }
        }
    }

    /// What waits, or else, when all that is left undone has been done, what comes next; `None` when nobody is left
    /// to ask for anything.
    fn next_jobs(&mut self, receiver: &Receiver<Vec<Job>>) -> Option<Vec<Job>> {
        if let Ok(jobs) = receiver.try_recv() {
            return Some(jobs);
        }
        self.scribe.try_to_forget_used_up();
        receiver.recv().ok()
    }

    fn work_off(&mut self, jobs: Vec<Job>) {
        let mut group = None;
        for job in jobs {
            match job {
                Job::Grouped(request, reply) => self.take_in(&mut group, request, reply),
                Job::Alone(task, reply) => {
                    self.commit(group.take());
                    let scribe = &mut self.scribe;
                    scribe.try_to_forget_used_up();
                    let answer = unwind_guarded(|| {
                        scribe.settle()?;
                        task(scribe)
                    });
                    let _ = reply.send(answer);
                }
            }
        }
        self.commit(group);
    }

    /// Plans a request into the group, after committing a group it cannot join.
    fn take_in(&mut self, group: &mut Option<Group>, mut request: Box<Request>, reply: Reply) {
        let touches = request.touches();
        let joins = |g: &Group| {
            g.waiting.len() < GROUP_MAX && !request.wants_settled_state() && g.touched.is_disjoint(&touches)
        };
        if !group.as_ref().is_some_and(joins) {
            self.commit(group.take());
        }
        let scribe = &mut self.scribe;
        let planned = unwind_guarded(|| {
            if group.is_none() {
                let batch = scribe.begin()?;
                *group = Some(Group { batch, touched: HashSet::new(), waiting: Vec::new() });
            }
            let open = group.as_mut().ok_or(ArchiveError::Defect)?;
            match request.plan(&scribe.planner(&open.batch))? {
                Plan::Answer(answer) => Ok(Some(answer)),
                Plan::Write(draft) => {
                    open.batch.push(*draft);
                    Ok(None)
                }
            }
        });
        match (planned, group) {
            (Ok(None), Some(group)) => {
                group.touched.extend(touches);
                group.waiting.push((request, reply));
            }
            (Ok(Some(answer)), _) => drop(reply.send(Ok(answer))),
            (Ok(None), None) => drop(reply.send(Err(ArchiveError::Defect))),
            (Err(error), _) => drop(reply.send(Err(error))),
        }
    }

    fn commit(&mut self, group: Option<Group>) {
        let Some(Group { mut batch, mut waiting, .. }) = group else { return };
        if batch.is_empty() {
            return;
        }
        let blobs = batch.take_blobs();
        let scribe = &mut self.scribe;
        match unwind_guarded(|| scribe.store(&batch, &blobs)) {
            Ok(()) => {
                drop(blobs);
                let answers = batch.answers();
                if unwind_guarded(|| scribe.show(&batch)).is_err() {
                    // It has happened and is answered so. If the index cannot catch up at once, it does
                    // before the next group.
                    let settled = unwind_guarded(|| scribe.settle());
                    tracing::warn!(caught_up = settled.is_ok(), "the index lagged behind the ledger");
                    if let Err(error) = settled {
                        if let Err(error) = unwind_guarded(|| scribe.draw_veil()) {
                            tracing::warn!(%error, "what the index lacks cannot be told");
                        }
                        scribe.stores.lag.begin(error);
                    }
                }
                for ((_, reply), answer) in waiting.into_iter().zip(answers) {
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) => {
                let _ = unwind_guarded(|| scribe.undo(&batch, &blobs));
                if waiting.len() == 1 {
                    if let Some((_, reply)) = waiting.pop() {
                        let _ = reply.send(Err(error));
                    }
                    return;
                }
                tracing::warn!(requests = waiting.len(), %error, "a group could not be written; trying one by one");
                self.retry(waiting, blobs);
            }
        }
    }

    fn retry(
        &mut self,
        waiting: Vec<(Box<Request>, Reply)>,
        blobs: Vec<(crate::storage::BlobName, Vec<u8>)>,
    ) {
        let mut by_name: HashMap<_, _> = blobs.into_iter().collect();
        for (mut request, reply) in waiting {
            let names = request.touches().into_iter();
            let own = names.filter_map(|touch| match touch {
                Touch::Blob(name) => by_name.remove(&name).map(|bytes| (name, bytes)),
                _ => None,
            });
            request.give_back(own.collect());
            let mut group = None;
            self.take_in(&mut group, request, reply);
            self.commit(group);
        }
    }

    fn wake_subscribers(&self) {
        use std::sync::mpsc::TrySendError;
        let head = self.scribe.last_head;
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|s| !matches!(s.try_send(head), Err(TrySendError::Disconnected(_))));
    }
}

/// A panic becomes [`ArchiveError::Defect`]. Stores keep their own consistency by transactions, and what a
/// group had in memory is thrown away with it.
pub(crate) fn unwind_guarded<T>(work: impl FnOnce() -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("a request stopped with a panic");
        Err(ArchiveError::Defect)
    })
}
