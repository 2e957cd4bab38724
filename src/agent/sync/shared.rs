//! What the worker's threads and its handle share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use yidang_model::MaterialId;

use super::backlog::Backlog;
use super::client::Client;
use super::enrolment::{Enrolment, EnrolmentFile};
use super::error::{FAILED, UNREACHABLE, UNTRUSTED};
use super::feed::Feed;
use super::source::Source;
use super::store::SyncStore;
use super::{Listener, SyncError, SyncEvent, SyncStatus};
use yidang_sync::machine::REPOSITORY_PROTOCOL;

/// Which of the two threads reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Push,
    Feed,
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
    errors: Mutex<[Option<&'static str>; 2]>,
    retry: AtomicBool,
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
        let confirmed = store.position()?.confirmed;
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
            backlog: Mutex::new(Backlog::after(confirmed)),
            errors: Mutex::new([None; 2]),
            retry: AtomicBool::new(false),
        })
    }

    /// The enrolment to call under.
    pub(super) fn enrolment(&self) -> Result<Arc<Enrolment>, SyncError> {
        match &*self.standing.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Enrolled(enrolment) => Ok(enrolment.clone()),
            Standing::Not(why) => Err(why.clone()),
        }
    }

    /// Takes a new enrolment up. It has been kept already.
    pub(super) fn adopt(&self, enrolment: Enrolment) -> Result<(), SyncError> {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        self.store.adopt(&self.url, &enrolment.epoch)?;
        let confirmed = self.store.position()?.confirmed;
        self.confirmed.store(confirmed, Ordering::SeqCst);
        *self.backlog() = Backlog::after(confirmed);
        *standing = Standing::Enrolled(Arc::new(enrolment));
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
            Some(code) => tracing::warn!(code, "sync does not go on"),
            None => tracing::info!("sync goes on"),
        }
        (self.listener)(SyncEvent::Progress);
    }

    pub(super) fn is_committed(&self, sequence: u64, material: MaterialId) -> bool {
        sequence <= self.confirmed.load(Ordering::SeqCst)
            // Where it cannot be looked up, nobody is told that the paper is safe.
            && matches!(self.store.rejected(material), Ok(None))
    }

    pub(super) fn status(&self) -> SyncStatus {
        let mut backlog = self.backlog();
        let counted = backlog.count(self.source.as_ref());
        let waiting = backlog.waiting();
        drop(backlog);
        let last_contact_at = self.client.last_contact();
        let [push, feed] = *self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let error = push.or(feed);
        let (repository, last_error) = match self.enrolment() {
            Err(SyncError::NotEnrolled) => ("not_enrolled", None),
            Err(error) => ("not_enrolled", Some(error.code())),
            Ok(_) => (word(error, last_contact_at.is_some()), error.map(str::to_owned)),
        };
        let last_error = counted.err().map(|_| super::error::ARCHIVE_FAILED.to_owned()).or(last_error);
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

fn word(error: Option<&str>, contacted: bool) -> &'static str {
    match error {
        None if contacted => "connected",
        None => "connecting",
        Some(UNREACHABLE | UNTRUSTED | FAILED | REPOSITORY_PROTOCOL) => "unreachable",
        // It answers: what it will not take, or what fails here, is in `last_error`.
        Some(_) => "connected",
    }
}
