//! The thread where requests become groups.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use crate::ArchiveError;
use crate::entering::{Entered, Entering, Kept};
use crate::plan::{Plan, Request, Touch};
use crate::scribe::{Batch, Scribe};
use crate::storage::BlobName;
use crate::writer::{GROUP_MAX, Job, Reply, Task, unwind_guarded};

/// A group being put together, and who waits for it.
struct Group {
    batch: Batch,
    touched: HashSet<Touch>,
    waiting: Vec<(Box<Request>, Reply)>,
    /// It is of one request, which is about so much that nothing is planned behind it before the stores are settled.
    stands_alone: bool,
}

/// What a group that is being entered will have changed.
struct Ahead {
    /// Begins where that one ends.
    behind: Batch,
    touched: HashSet<Touch>,
}

/// Takes requests in and commits them.
pub(crate) struct Desk {
    scribe: Scribe,
    receiver: Receiver<Vec<Job>>,
    /// Taken from the queue and not looked at yet.
    jobs: VecDeque<Job>,
    entering: Entering,
    /// The group that is being entered, if one is.
    ahead: Option<Ahead>,
    subscribers: Arc<Mutex<Vec<SyncSender<u64>>>>,
    /// The head that the subscribers were told last.
    told_head: u64,
}

impl Group {
    fn new(batch: Batch) -> Self {
        Self { batch, touched: HashSet::new(), waiting: Vec::new(), stands_alone: false }
    }

    fn takes(&self, request: &Request, touches: &HashSet<Touch>) -> bool {
        self.waiting.len() < GROUP_MAX
            && !self.stands_alone
            && !request.wants_settled_state()
            && self.touched.is_disjoint(touches)
    }
}

impl Desk {
    /// Starts the thread that enters groups.
    pub(crate) fn new(
        scribe: Scribe,
        receiver: Receiver<Vec<Job>>,
        subscribers: Arc<Mutex<Vec<SyncSender<u64>>>>,
    ) -> Result<Self, ArchiveError> {
        let entering = Entering::start(Arc::clone(&scribe.stores))?;
        let told_head = scribe.last_head;
        Ok(Self { scribe, receiver, jobs: VecDeque::new(), entering, ahead: None, subscribers, told_head })
    }

    /// Works until nobody is left to ask for anything.
    pub(crate) fn run(mut self) {
        while self.gather() {
            let mut group = None;
            while let Some(job) = self.jobs.pop_front() {
                match job {
                    Job::Grouped(request, reply) => self.take_in(&mut group, request, reply),
                    Job::Alone(task, reply) => {
                        self.commit(group.take());
                        self.do_alone(task, &reply);
                    }
                }
            }
            self.commit(group);
            // Settling moves the head too, even where nothing was to be written after it.
            self.wake_subscribers();
        }
    }

    /// Waits until there is something to do, when all that was left undone has been done; `false` when there never
    /// will be.
    fn gather(&mut self) -> bool {
        if !self.more_waits() {
            self.finish_ahead();
        }
        if !self.more_waits() {
            self.scribe.try_to_forget_used_up();
            match self.receiver.recv() {
                Ok(jobs) => self.jobs.extend(jobs),
                Err(_) => return false,
            }
        }
        while self.jobs.len() < GROUP_MAX {
            match self.receiver.try_recv() {
                Ok(more) => self.jobs.extend(more),
                Err(_) => break,
            }
        }
        true
    }

    fn more_waits(&mut self) -> bool {
        if self.jobs.is_empty() {
            self.jobs.extend(self.receiver.try_recv().into_iter().flatten());
        }
        !self.jobs.is_empty()
    }

    fn do_alone(&mut self, task: Task, reply: &Reply) {
        self.finish_ahead();
        let scribe = &mut self.scribe;
        scribe.try_to_forget_used_up();
        let answer = unwind_guarded(|| {
            scribe.settle()?;
            task(scribe)
        });
        let _ = reply.send(answer);
        self.wake_subscribers();
    }

    /// Plans a request into the group, after committing a group it cannot join.
    fn take_in(&mut self, group: &mut Option<Group>, mut request: Box<Request>, reply: Reply) {
        let touches = request.touches();
        if !group.as_ref().is_some_and(|group| group.takes(&request, &touches)) {
            self.commit(group.take());
        }
        if self.ahead.as_ref().is_some_and(|ahead| !ahead.lets_plan(&request, &touches)) {
            self.commit(group.take());
            self.finish_ahead();
        }
        let (scribe, ahead) = (&mut self.scribe, &self.ahead);
        let planned = unwind_guarded(|| {
            if group.is_none() {
                let batch =
                    ahead.as_ref().map_or_else(|| scribe.begin(), |ahead| Ok(ahead.behind.clone()))?;
                *group = Some(Group::new(batch));
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
                group.stands_alone |= request.wants_settled_state();
                group.touched.extend(touches);
                group.waiting.push((request, reply));
            }
            (Ok(Some(answer)), _) => drop(reply.send(Ok(answer))),
            (Ok(None), None) => drop(reply.send(Err(ArchiveError::Defect))),
            (Err(error), _) => drop(reply.send(Err(error))),
        }
    }

    /// Writes a group's blobs and has the rest of it entered: by the other thread while there is more to do here.
    fn commit(&mut self, group: Option<Group>) {
        let Some(Group { batch, touched, waiting, stands_alone }) = group else { return };
        let Some(kept) = self.keep(batch, waiting) else { return };
        if stands_alone || !self.more_waits() || !self.scribe.lets_begin_behind(&kept.batch) {
            self.enter_here(kept);
            return;
        }
        let ahead = Ahead { behind: kept.batch.behind(), touched };
        match self.entering.begin(kept) {
            None => self.ahead = Some(ahead),
            Some(kept) => self.enter_here(kept),
        }
    }

    /// Makes a group's blobs durable and waits for the group before it; `None` if it could not be, and has been
    /// answered.
    fn keep(&mut self, mut batch: Batch, waiting: Vec<(Box<Request>, Reply)>) -> Option<Kept> {
        if batch.is_empty() {
            return None;
        }
        let blobs = batch.take_blobs();
        let written = unwind_guarded(|| self.scribe.keep_blobs(&blobs));
        let follows = self.finish_ahead() && self.scribe.last_head == batch.head;
        let kept = Kept { batch, waiting, blobs };
        if written.is_ok() && follows {
            return Some(kept);
        }
        // Nobody has tried to write its entries, wherever the ledger's head is.
        let _ = unwind_guarded(|| self.scribe.undo_blobs(&kept.blobs));
        match written {
            // What it was planned with has not come about.
            Ok(()) => self.retry(kept),
            Err(error) => self.try_one_by_one(kept, error),
        }
        None
    }

    fn enter_here(&mut self, kept: Kept) {
        let entered = kept.enter(&self.scribe.stores);
        self.note(entered);
    }

    /// Waits for the group that is being entered; whether the next can be entered as it was planned.
    fn finish_ahead(&mut self) -> bool {
        if self.ahead.take().is_none() {
            return true;
        }
        self.entering.end().is_some_and(|entered| self.note(entered))
    }

    /// Takes note of what has become of a group; whether all is as those behind it were planned with.
    fn note(&mut self, entered: Entered) -> bool {
        let all_is_shown = match entered {
            Entered::Shown(batch) => {
                self.scribe.note_entered(&batch);
                true
            }
            Entered::Hidden(mut kept) => {
                self.scribe.note_entered(&kept.batch);
                let caught_up = self.catch_up();
                kept.answer();
                caught_up
            }
            Entered::Failed(kept, error) => {
                let _ = unwind_guarded(|| self.scribe.undo(&kept.batch, &kept.blobs));
                self.try_one_by_one(kept, error);
                false
            }
        };
        self.wake_subscribers();
        all_is_shown
    }

    /// A group has happened and is answered so, but the index could not show it. If it cannot catch up at once, it does
    /// before the next group.
    fn catch_up(&mut self) -> bool {
        let scribe = &mut self.scribe;
        let settled = unwind_guarded(|| scribe.settle());
        tracing::warn!(caught_up = settled.is_ok(), "the index lagged behind the ledger");
        let Err(error) = settled else { return true };
        if let Err(error) = unwind_guarded(|| scribe.draw_veil()) {
            tracing::warn!(%error, "what the index lacks cannot be told");
        }
        scribe.stores.lag.begin(error);
        false
    }

    /// Tries the requests of a group that could not be written one by one, so that only the one at fault fails.
    fn try_one_by_one(&mut self, mut kept: Kept, error: ArchiveError) {
        if kept.waiting.len() == 1 {
            if let Some((_, reply)) = kept.waiting.pop() {
                let _ = reply.send(Err(error));
            }
            return;
        }
        tracing::warn!(requests = kept.waiting.len(), %error, "a group could not be written; trying one by one");
        self.retry(kept);
    }

    fn retry(&mut self, kept: Kept) {
        let mut by_name: HashMap<BlobName, Vec<u8>> = kept.blobs.into_iter().collect();
        for (mut request, reply) in kept.waiting {
            let names = request.touches().into_iter();
            let own = names.filter_map(|touch| match touch {
                Touch::Blob(name) => by_name.remove(&name).map(|bytes| (name, bytes)),
                _ => None,
            });
            request.give_back(own.collect());
            let mut group = None;
            self.take_in(&mut group, request, reply);
            if let Some(kept) = group.and_then(|group| self.keep(group.batch, group.waiting)) {
                self.enter_here(kept);
            }
        }
    }

    fn wake_subscribers(&mut self) {
        let head = self.scribe.last_head;
        if head == std::mem::replace(&mut self.told_head, head) {
            return;
        }
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|s| !matches!(s.try_send(head), Err(TrySendError::Disconnected(_))));
    }
}

impl Ahead {
    /// Whether a request can be planned before that group is in the stores.
    fn lets_plan(&self, request: &Request, touches: &HashSet<Touch>) -> bool {
        !request.wants_settled_state() && self.touched.is_disjoint(touches)
    }
}
