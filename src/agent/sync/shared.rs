//! What the worker's threads and its handle share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use yidang_model::MaterialId;

use super::anchoring::Anchoring;
use super::backlog::Backlog;
use super::client::Client;
use super::enrolment::{Enrolment, EnrolmentFile};
use super::error::{ENROL_AGAIN, FAILED, TOKEN_INVALID, TOKEN_MISSING, UNREACHABLE, UNTRUSTED};
use super::feed::Feed;
use super::source::Source;
use super::store::SyncStore;
use super::{Listener, SyncError, SyncEvent, SyncStatus};
use yidang_sync::machine::{Acceptance, Position, REPOSITORY_PROTOCOL, Rejection, SEQUENCE_CONFLICT};
use yidang_sync::wire::{EnrolAnswer, RepositoryHead};

/// Which of the threads reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Push,
    Feed,
    Enrol,
}

/// Whether this window may call, and as whom.
pub(super) enum Standing {
    Enrolled(Arc<Enrolment>),
    /// Why not.
    Not(SyncError),
}

pub(super) struct Shared {
    pub(super) source: Box<dyn Source>,
    pub(super) url: String,
    pub(super) client: Arc<Client>,
    pub(super) store: SyncStore,
    pub(super) file: EnrolmentFile,
    pub(super) feed: Feed,
    pub(super) listener: Listener,
    standing: RwLock<Standing>,
    confirmed: AtomicU64,
    backlog: Mutex<Backlog>,
    errors: Mutex<[Option<&'static str>; 3]>,
    retry: AtomicBool,
    missed_news: AtomicBool,
    anchoring: Mutex<Anchoring>,
    enrolling: Mutex<()>,
    fixing: Mutex<()>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Result<Self, SyncError> {
        let Parts { source, url, client, store, file, listener } = parts;
        let standing = match file.load(&url) {
            Ok(Some(enrolment)) => {
                store.adopt(&url, &enrolment.epoch)?;
                Standing::Enrolled(Arc::new(enrolment))
            }
            Ok(None) => Standing::Not(SyncError::NotEnrolled),
            Err(SyncError::EnrolAgain) => Standing::Not(SyncError::EnrolAgain),
            Err(error) => return Err(error),
        };
        if is_of_another_ledger(source.as_ref(), &store)? {
            tracing::warn!(
                "the ledger is not the one that was sent from: all of it is offered to the repository again"
            );
            match source.doubt_holds() {
                Ok(()) => store.start_over()?,
                Err(error) => {
                    tracing::error!(%error, "nothing may be entered in it; this is tried again at the next start");
                }
            }
        }
        if let Ok(rebuilt) = source.rebuilt_at()
            && store.hear_anew(rebuilt)?
        {
            tracing::info!("the ledger was made anew: the repository's news are heard once more");
        }
        let (confirmed, refused) = (store.position()?.confirmed, store.refused()?);
        Ok(Self {
            source,
            url,
            client: Arc::new(client),
            store,
            file,
            feed: Feed::default(),
            listener,
            standing: RwLock::new(standing),
            confirmed: AtomicU64::new(confirmed),
            backlog: Mutex::new(Backlog::after(confirmed, refused)),
            errors: Mutex::default(),
            retry: AtomicBool::new(false),
            missed_news: AtomicBool::new(false),
            anchoring: Mutex::default(),
            enrolling: Mutex::default(),
            fixing: Mutex::default(),
        })
    }

    /// Keeps a position, with what tells its place in this ledger from the same place in another; see [`SyncStore::save`].
    pub(super) fn keep(
        &self,
        epoch: &str,
        position: &Position,
        rejected: &[Rejection],
        accepted: &[Acceptance],
    ) -> Result<bool, SyncError> {
        let hash = self.source.hash_at(position.confirmed).unwrap_or_else(|error| {
            tracing::warn!(%error, "the entry that everything was sent up to cannot be read");
            None
        });
        self.store.save(epoch, position, hash, rejected, accepted)
    }

    /// The enrolment to call under.
    pub(super) fn enrolment(&self) -> Result<Arc<Enrolment>, SyncError> {
        match &*self.standing.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Enrolled(enrolment) => Ok(enrolment.clone()),
            Standing::Not(why) => Err(why.clone()),
        }
    }

    /// What this run knows of what the repository remembers of the ledger.
    pub(super) fn anchoring(&self) -> MutexGuard<'_, Anchoring> {
        self.anchoring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The repository lacks what it had confirmed by the time that `known` was told of: it was put back to an earlier state, founded
    /// anew, or rebuilt with a loss. All is offered to it again, from now on; what is known of it begins with `head`.
    pub(super) fn offer_again(&self, known: &[RepositoryHead], head: &RepositoryHead) {
        if let Err(error) = self.try_to_offer_again(known, head) {
            tracing::error!(%error, "that it is to be offered again is not kept; this is tried again with the next call");
        }
    }

    /// The same; on an error nothing has changed.
    pub(super) fn try_to_offer_again(
        &self,
        known: &[RepositoryHead],
        head: &RepositoryHead,
    ) -> Result<(), SyncError> {
        let _turn = self.fixing();
        // Another thread may have heard the same.
        if self.store.repository_heads()?.first() != known.first() {
            return Ok(());
        }
        tracing::error!(
            "the repository lacks what it had confirmed, as one that was put back from a backup: all of it is offered again"
        );
        self.store.start_over_with(head)?;
        self.renew()
    }

    /// Keeps the end of the repository's ledger that came with an answer, before anything is made of that. An older answer may
    /// come later.
    pub(super) fn keep_told_head(&self, head: &RepositoryHead) {
        let is_later = |known: &RepositoryHead| known.ledger != head.ledger || known.sequence < head.sequence;
        let keep = || match self.store.repository_heads()?.last() {
            Some(known) if !is_later(known) => Ok(()),
            _ => self.store.keep_told_head(head),
        };
        kept(keep());
    }

    /// Keeps the end of a ledger that has all that was known of it.
    pub(super) fn keep_proven_head(&self, known: &[RepositoryHead], head: &RepositoryHead) {
        // Told once more of the same end, it is known as it was: nothing was confirmed in between either.
        let is_same =
            |known: &RepositoryHead| RepositoryHead { told_at: head.told_at, ..known.clone() } == *head;
        if !matches!(known, [known] if is_same(known)) {
            kept(self.store.keep_proven_head(known, head));
        }
    }

    /// One enrolment at a time: held from the question to the taking up.
    pub(super) fn enrolling(&self) -> MutexGuard<'_, ()> {
        self.enrolling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what an enrolment gave and goes on under it. Durable when it returns.
    pub(super) fn take_up(&self, answer: EnrolAnswer) -> Result<(), SyncError> {
        let EnrolAnswer { agent, key, epoch, courier } = answer;
        let (url, machine) = (self.url.clone(), self.file.machine().to_owned());
        let enrolment = Enrolment { version: Enrolment::VERSION, url, agent, epoch, key, machine, courier };
        if !enrolment.is_sane() {
            return Err(SyncError::Protocol);
        }
        tracing::info!(agent = enrolment.agent, "this window has been enrolled");
        self.file.keep(&enrolment)?;
        self.adopt(enrolment)
    }

    fn adopt(&self, enrolment: Enrolment) -> Result<(), SyncError> {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        self.store.adopt(&self.url, &enrolment.epoch)?;
        let (confirmed, refused) = (self.store.position()?.confirmed, self.store.refused()?);
        self.confirmed.store(confirmed, Ordering::SeqCst);
        *self.backlog() = Backlog::after(confirmed, refused);
        *standing = Standing::Enrolled(Arc::new(enrolment));
        // Whatever went wrong went wrong under another one, or under none.
        *self.errors.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        Ok(())
    }

    /// Held while a position is read and moved on, or while what leaves is given its number.
    pub(super) fn fixing(&self) -> MutexGuard<'_, ()> {
        self.fixing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kept position was moved by someone else than the pushing thread, which begins anew from there. The caller
    /// holds [`Self::fixing`].
    pub(super) fn renew(&self) -> Result<(), SyncError> {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        let Standing::Enrolled(enrolment) = &*standing else { return Ok(()) };
        let again = Arc::new(Enrolment::clone(enrolment));
        let (confirmed, refused) = (self.store.position()?.confirmed, self.store.refused()?);
        self.confirmed.store(confirmed, Ordering::SeqCst);
        *self.backlog() = Backlog::after(confirmed, refused);
        *standing = Standing::Enrolled(again);
        Ok(())
    }

    pub(super) fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is reason to believe that it works again: the pushing thread, once woken, waits no longer.
    pub(super) fn retry(&self) {
        self.retry.store(true, Ordering::SeqCst);
    }

    /// Whether there was, since this was last asked.
    pub(super) fn take_retry(&self) -> bool {
        self.retry.swap(false, Ordering::SeqCst)
    }

    /// The feed could not be asked: nothing more is sent before the pushing thread has asked it.
    pub(super) fn miss_news(&self) {
        self.missed_news.store(true, Ordering::SeqCst);
    }

    /// Whether it could not, since this was last asked.
    pub(super) fn take_missed_news(&self) -> bool {
        self.missed_news.swap(false, Ordering::SeqCst)
    }

    /// Everything up to this ledger entry is through, durably.
    pub(super) fn confirm(&self, confirmed: u64) {
        self.confirmed.store(confirmed, Ordering::SeqCst);
    }

    /// What keeps a side from going on; `None`: nothing.
    pub(super) fn report(&self, side: Side, error: Option<&'static str>) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut errors[side as usize];
        if *kept == error {
            return;
        }
        *kept = error;
        drop(errors);
        match error {
            Some(code) => match by_hand(code) {
                Some(remedy) => tracing::warn!(code, remedy, "sync does not go on"),
                None => tracing::warn!(code, "sync does not go on"),
            },
            None => tracing::info!("sync goes on"),
        }
        (self.listener)(SyncEvent::Progress);
    }

    /// The material this one has become one with at the repository. Where it cannot be looked up, it is not said.
    pub(super) fn filed_as(&self, material: MaterialId) -> Option<MaterialId> {
        self.store.filed_as(material).unwrap_or_else(|error| {
            tracing::error!(%error, "it cannot be looked up as what a material was filed");
            None
        })
    }

    pub(super) fn is_committed(&self, sequence: u64, material: MaterialId) -> bool {
        sequence <= self.confirmed.load(Ordering::SeqCst)
            // Where it cannot be looked up, nobody is told that the paper is safe.
            && matches!(self.store.rejected(material), Ok(None))
    }

    pub(super) fn status(&self) -> SyncStatus {
        let mut backlog = self.backlog();
        let counted = backlog.count(self.source.as_ref());
        let (waiting, refusal) = (backlog.waiting(), backlog.refusal().map(str::to_owned));
        drop(backlog);
        let last_contact_at = self.client.last_contact();
        let [push, feed, enrol] = *self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let error = push.or(feed);
        let (repository, last_error) = match self.enrolment() {
            Err(SyncError::NotEnrolled) => ("not_enrolled", enrol.map(str::to_owned)),
            Err(why) => ("not_enrolled", Some(enrol.map_or_else(|| why.code(), str::to_owned))),
            Ok(_) => (word(error, last_contact_at.is_some()), error.map(str::to_owned)),
        };
        let last_error = counted.err().map(|_| super::error::ARCHIVE_FAILED.to_owned()).or(last_error);
        // What the repository will not take is not there, however well it answers.
        let last_error = last_error.or(refusal);
        SyncStatus {
            repository,
            backlog_materials: waiting.materials,
            backlog_bytes: waiting.bytes,
            last_contact_at,
            last_error,
        }
    }
}

/// What [`Shared`] is made of.
pub(super) struct Parts {
    pub(super) source: Box<dyn Source>,
    pub(super) url: String,
    pub(super) client: Client,
    pub(super) store: SyncStore,
    pub(super) file: EnrolmentFile,
    pub(super) listener: Listener,
}

/// What a person has to do where nothing heals by itself.
fn by_hand(code: &str) -> Option<&'static str> {
    matches!(code, SEQUENCE_CONFLICT | TOKEN_INVALID | "epoch_wrong" | ENROL_AGAIN).then_some(
        "the data folder is a copy or was put back from a backup, or the repository was: enrol this window anew, with a code that \
         `yidang-repository enrol-code --counter NAME` makes for its name; nothing is filed twice or lost / \
         请用 yidang-repository enrol-code --counter 窗口名 生成登记码，重新登记本窗口；材料不会重复，也不会遗失",
    )
}

fn kept(result: Result<(), SyncError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the end of the repository's ledger is not kept");
    }
}

fn word(error: Option<&str>, contacted: bool) -> &'static str {
    match error {
        None if contacted => "connected",
        None => "connecting",
        // It knows this window no more, and answers nothing else.
        Some(TOKEN_INVALID | TOKEN_MISSING) => "not_enrolled",
        Some(UNREACHABLE | UNTRUSTED | FAILED | REPOSITORY_PROTOCOL) => "unreachable",
        // It answers: what it will not take, or what fails here, is in `last_error`.
        Some(_) => "connected",
    }
}

/// Whether another ledger lies here than what was sent out of, as an older one that was put back: it ends before what was
/// confirmed, or has another entry there, or none. One that cannot be read says nothing.
fn is_of_another_ledger(source: &dyn Source, store: &SyncStore) -> Result<bool, SyncError> {
    let (confirmed, hash) = store.confirmed_entry()?;
    let Ok(head) = source.head() else { return Ok(false) };
    if confirmed > head {
        return Ok(true);
    }
    let (Some(hash), Ok(found)) = (hash, source.hash_at(confirmed)) else { return Ok(false) };
    Ok(found != Some(hash))
}
