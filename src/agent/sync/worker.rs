//! Starting, asking and stopping the worker.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use yidang_archive::Archive;
use yidang_model::{Digest, ErasureId, Material, MaterialId};
use yidang_sync::limits::MATERIALS_MAX;
use yidang_sync::parcel::CourierKey;
use yidang_sync::wire::{MaterialsAnswer, MaterialsRequest, WireSubject};

use super::anchoring;
use super::client::Client;
use super::enroller::Enroller;
use super::enrolment::EnrolmentFile;
use super::errand::{Bell, Errands, Stop};
use super::error::CallError;
use super::pack::{PackListener, PackReport, pack};
use super::poller::Poller;
use super::pusher::Pusher;
use super::receipt::ReceiptReport;
use super::shared::{Parts, Shared};
use super::source::Source;
use super::store::{Decision, SyncStore};
use super::{HolderAnswer, HolderQuery, Listener, SyncError, SyncStatus, Upstream};

/// A window that starts waits so long for the first try to enrol.
const FIRST_TRY_WAIT: Duration = Duration::from_secs(3);

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncOptions {
    /// Address of the repository.
    pub url: String,
    /// `DATA_DIR/sync.db`; its folder must exist.
    pub state_db: PathBuf,
    /// Folder of the epoch keys, where the repository's key is kept too.
    pub keys_dir: PathBuf,
    /// What tells this machine from others: `/etc/machine-id`.
    pub machine_id: PathBuf,
    /// What parcels are sealed to, in place of what the enrolment says.
    pub courier_key: Option<CourierKey>,
}

impl SyncOptions {
    /// The usual places.
    pub fn new(url: &str, data_dir: &std::path::Path, keys_dir: &std::path::Path) -> Self {
        Self {
            url: url.to_owned(),
            state_db: data_dir.join("sync.db"),
            keys_dir: keys_dir.to_owned(),
            machine_id: PathBuf::from("/etc/machine-id"),
            courier_key: None,
        }
    }
}

/// What the repository that this window is enrolled at remembers of a ledger: sequence and hash of an entry. Needs no
/// archive. Blocks on the network for a bounded time.
pub(crate) fn anchor_at(options: &SyncOptions, ledger: &str) -> Result<Option<(u64, [u8; 32])>, SyncError> {
    let client = Client::new(&options.url).ok_or(SyncError::BadUrl)?;
    let enrolment = EnrolmentFile::new(&options.keys_dir, &options.machine_id).load(&options.url)?;
    let asked = anchoring::asked(&client, &enrolment.ok_or(SyncError::NotEnrolled)?.key, ledger);
    asked.or_else(|failed| {
        let records = &options.state_db;
        // Opening makes what is not there.
        let told = records.is_file().then(|| SyncStore::open(records)?.last_told(ledger));
        told.and_then(Result::ok).flatten().map(Some).ok_or_else(|| failed.into())
    })
}

/// Starts the threads that keep a repository up to date.
pub struct SyncWorker;

impl SyncWorker {
    /// Starts them. Without an enrolment they wait for one ([`SyncHandle::enrol`]); an unreachable repository
    /// is no error.
    pub fn start(
        archive: Archive,
        options: &SyncOptions,
        listener: Listener,
    ) -> Result<SyncHandle, SyncError> {
        let news = archive.subscribe();
        Self::start_on(Box::new(archive), news, options, listener)
    }

    /// The same without the threads: nothing is sent, but this window can be enrolled, and it is known what the
    /// repository has. For commands while no daemon runs.
    pub fn at_rest(archive: Archive, options: &SyncOptions) -> Result<SyncHandle, SyncError> {
        let shared = Self::open(Box::new(archive), options, Box::new(|_| {}))?;
        let (stop, threads) = (Stop::default(), Mutex::default());
        let courier_key = options.courier_key;
        Ok(SyncHandle { shared, courier_key, bells: Mutex::default(), stop, threads })
    }

    fn open(
        source: Box<dyn Source>,
        options: &SyncOptions,
        listener: Listener,
    ) -> Result<Arc<Shared>, SyncError> {
        let client = Client::new(&options.url).ok_or(SyncError::BadUrl)?;
        let store = SyncStore::open(&options.state_db)?;
        let file = EnrolmentFile::new(&options.keys_dir, &options.machine_id);
        let url = options.url.clone();
        Ok(Arc::new(Shared::new(Parts { source, url, client, store, file, listener })?))
    }

    pub(super) fn start_on(
        source: Box<dyn Source>,
        news: Receiver<u64>,
        options: &SyncOptions,
        listener: Listener,
    ) -> Result<SyncHandle, SyncError> {
        let shared = Self::open(source, options, listener)?;
        let stop = Stop::default();
        let thread = |e: std::io::Error| SyncError::State(format!("cannot start a thread: {e}"));
        let (push_errands, push_bell) = Errands::start("sync-push-call", stop.clone()).map_err(thread)?;
        let (feed_errands, feed_bell) = Errands::start("sync-feed-call", stop.clone()).map_err(thread)?;
        let bells: [Arc<dyn Bell>; 2] = [Arc::new(push_bell), Arc::new(feed_bell)];
        let [push_bell, feed_bell] = bells.clone();
        let pusher = Pusher::new(shared.clone(), push_errands, stop.clone(), feed_bell);
        let poller = Poller::new(shared.clone(), feed_errands, stop.clone(), push_bell.clone());
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(work).map_err(thread)
        };
        let threads = vec![
            spawn("sync-push", Box::new(move || pusher.run()))?,
            spawn("sync-feed", Box::new(move || poller.run()))?,
        ];
        let handle = SyncHandle {
            shared,
            courier_key: options.courier_key,
            bells: Mutex::new(bells.to_vec()),
            stop: stop.clone(),
            threads: Mutex::new(threads),
        };
        // Holds nothing but its end of the channel, so nobody has to wait for it: it ends with the archive,
        // or with the first news after the worker was stopped.
        spawn(
            "sync-news",
            Box::new(move || {
                for _ in news {
                    if stop.is_set() {
                        return;
                    }
                    push_bell.ring();
                }
            }),
        )?;
        Ok(handle)
    }
}

/// The running worker. Dropped, it stops.
pub struct SyncHandle {
    shared: Arc<Shared>,
    courier_key: Option<CourierKey>,
    bells: Mutex<Vec<Arc<dyn Bell>>>,
    stop: Stop,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SyncHandle {
    /// See [`Upstream::enrol`].
    pub fn enrol(&self, code: &str, counter: &str) -> Result<(), SyncError> {
        let turn = self.shared.enrolling();
        let answer = if code.trim_start().starts_with('{') {
            // The whole answer, brought here by hand where no network reaches.
            serde_json::from_str(code).map_err(|_| SyncError::Refused("code_spent".to_owned()))?
        } else {
            self.shared.client.enrol(code, counter)?
        };
        self.shared.take_up(answer)?;
        drop(turn);
        self.wake();
        Ok(())
    }

    /// Enrols with a code that was given beforehand, unless this window is enrolled: tries until it is, or until
    /// the repository refuses the code, which [`SyncStatus::last_error`] then names. Blocks until the first try has
    /// come to something, for seconds at most; later ones are made in the background.
    pub fn enrol_in_time(&self, code: &str, counter: &str) -> Result<(), SyncError> {
        if self.enrolled().is_ok() {
            return Ok(());
        }
        let thread = |e: std::io::Error| SyncError::State(format!("cannot start a thread: {e}"));
        let (errands, bell) = Errands::start("sync-enrol-call", self.stop.clone()).map_err(thread)?;
        let others = self.bells().clone();
        self.bells().push(Arc::new(bell));
        let (tell, told) = sync_channel(1);
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        let enroller = Enroller::new(shared, errands, stop, others, code.to_owned(), counter.to_owned());
        let work = move || enroller.run(&tell);
        let started = thread::Builder::new().name("sync-enrol".to_owned()).spawn(work).map_err(thread)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(started);
        match told.recv_timeout(FIRST_TRY_WAIT) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    fn bells(&self) -> MutexGuard<'_, Vec<Arc<dyn Bell>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this window may call the repository; if not, why.
    pub fn enrolled(&self) -> Result<(), SyncError> {
        self.shared.enrolment().map(drop)
    }

    /// Tries at once whatever waits for another try.
    pub fn wake(&self) {
        self.shared.retry();
        self.bells().iter().for_each(|bell| bell.ring());
    }

    /// Why a material will not be at the repository; `None` when nothing is known against it.
    pub fn rejected(&self, material: MaterialId) -> Result<Option<String>, SyncError> {
        self.shared.store.rejected(material)
    }
}

impl Upstream for SyncHandle {
    fn status(&self) -> SyncStatus {
        self.shared.status()
    }

    fn enrol(&self, code: &str, counter: &str) -> Result<(), SyncError> {
        Self::enrol(self, code, counter)
    }

    fn pack(&self, size_max: u64, listen: PackListener<'_>) -> Result<PackReport, SyncError> {
        let own = self.shared.enrolment()?.courier.as_deref().and_then(CourierKey::parse);
        let courier = self.courier_key.or(own).ok_or(SyncError::CourierKeyMissing)?;
        pack(&self.shared, courier, size_max, listen)
    }

    fn take_receipt(&self, receipt: &[u8]) -> Result<ReceiptReport, SyncError> {
        let report = super::receipt::take(&self.shared, receipt);
        self.wake();
        report
    }

    fn is_committed(&self, sequence: u64, material: MaterialId) -> bool {
        self.shared.is_committed(sequence, material)
    }

    fn filed_as(&self, material: MaterialId) -> Option<MaterialId> {
        self.shared.filed_as(material)
    }

    fn erasure_confirmed(&self, erasure: ErasureId) -> bool {
        matches!(self.shared.store.decision(erasure), Ok(Some(Decision::Erased)))
    }

    fn erasure_refusal(&self, erasure: ErasureId) -> Option<String> {
        self.shared.store.denial(erasure).unwrap_or_default()
    }

    fn query(&self, query: &HolderQuery) -> Result<HolderAnswer, SyncError> {
        if self.stop.is_set() {
            return Err(SyncError::Stopped);
        }
        let limit = query.limit.clamp(1, MATERIALS_MAX);
        let request = MaterialsRequest {
            subject: WireSubject::from(&query.subject),
            basis: query.basis.clone(),
            purpose: query.purpose.clone(),
            case: query.case.clone(),
            client: query.client.clone(),
            operator: query.operator.clone(),
            kind: query.kind.clone(),
            item: query.item.clone(),
            cursor: query.cursor.clone(),
            limit: Some(limit),
        };
        let enrolment = self.shared.enrolment()?;
        let answer = self.shared.client.materials(&enrolment.key, &request)?;
        let MaterialsAnswer { materials, next_cursor, grant, .. } = answer;
        let materials: Result<Vec<Material>, _> = materials.into_iter().map(Material::try_from).collect();
        let materials = materials.map_err(|_| SyncError::Protocol)?;
        // Somebody else's paper must not come up here, whoever mixed it up.
        if materials.len() > limit || materials.iter().any(|m| !m.holders.contains(&query.subject)) {
            return Err(SyncError::Protocol);
        }
        Ok(HolderAnswer { materials, next_cursor, grant })
    }

    fn fetch_blob(&self, digest: &Digest, grant: &str) -> Result<Vec<u8>, SyncError> {
        if self.stop.is_set() {
            return Err(SyncError::Stopped);
        }
        let enrolment = self.shared.enrolment()?;
        self.shared.client.blob(&enrolment.key, grant, digest).map_err(|error| match error {
            CallError::Refused(p) if matches!(p.code.as_str(), "grant_invalid" | "blob_unknown") => {
                SyncError::Gone
            }
            error => error.into(),
        })
    }

    fn own_blob(&self, digest: &Digest) -> Result<Vec<u8>, SyncError> {
        let enrolment = self.shared.enrolment()?;
        self.shared.client.own_blob(&enrolment.key, digest).map_err(|error| match error {
            CallError::Refused(p) if matches!(p.code.as_str(), "blob_unknown" | "route_unknown") => {
                SyncError::Gone
            }
            error => error.into(),
        })
    }

    fn anchor(&self, ledger: &str) -> Result<Option<(u64, [u8; 32])>, SyncError> {
        let shared = &self.shared;
        let asked = anchoring::asked(&shared.client, &shared.enrolment()?.key, ledger);
        asked.or_else(|failed| shared.store.last_told(ledger)?.map(Some).ok_or_else(|| failed.into()))
    }

    fn stop(&self) {
        self.stop.set();
        self.bells().iter().for_each(|bell| bell.ring());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of sync ended on a defect");
            }
        }
    }
}

impl Drop for SyncHandle {
    fn drop(&mut self) {
        self.stop();
    }
}
