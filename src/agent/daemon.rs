//! Starting and stopping the agent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use yidang_archive::storage::BlobName;
use yidang_archive::{
    Archive, ArchiveError, ArchiveOptions, KeyOptions, LedgerState, Scrubber, UNFILED_PAGE_MAX,
};
use yidang_device::{CameraDriver, CardDriver};
use yidang_model::{CaptureId, Timestamp};

use crate::api;
use crate::app::{App, PICTURES_AT_ONCE, PICTURES_WAITING, Shared};
use crate::capture_note::CaptureNote;
use crate::clients::Clients;
use crate::clock;
use crate::config::{Config, Tls};
use crate::control::{CardPlace, Control, Workplace};
use crate::events::Events;
use crate::guard::Arrival;
use crate::holders::Holders;
use crate::operators::{OperatorError, Operators, Sessions};
use crate::pairings::Pairings;
use crate::photo::PhotoDecoder;
use crate::recent::RecentFilings;
use crate::repair::repair;
use crate::replay::Replays;
use crate::server::{self, Entrance};
use crate::shims;
use crate::simulation::Simulation;
use crate::stations::{CameraStation, CardStation};
use crate::sync::{SyncError, SyncEvent, SyncOptions, SyncWorker, Upstream};
use crate::tickets::Tickets;
use crate::tls::{self, Authority, AuthorityError};
use crate::tokens::{TokenError, Tokens};
use crate::tray::Tray;
use crate::users::Users;

/// Calls in flight when the daemon is told to stop get this long.
pub(crate) const FINISH_WITHIN: Duration = Duration::from_secs(10);
/// Name of the credential that the epoch keys' files are sealed with.
const CREDENTIAL: &str = "yidang-key";
/// How often expired captures and orphans are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long before the authority for https ends that is said at each start.
const WARN_OF_AUTHORITY_BEFORE_MS: i64 = 180 * 24 * 60 * 60 * 1000;
/// How long before a capture expires its window is warned.
const WARN_BEFORE_MS: i64 = 24 * 60 * 60 * 1000;

/// The drivers this build has, the preferred ones first, and the simulation if they are simulated.
#[derive(Clone, Default)]
pub struct Drivers {
    /// Card drivers.
    pub card: Vec<Arc<dyn CardDriver>>,
    /// Camera drivers.
    pub camera: Vec<Arc<dyn CameraDriver>>,
    /// Hands for the simulated desk.
    pub simulation: Option<Arc<dyn Simulation>>,
}

/// Why the agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The clock shows a time that no answer can be dated with.
    #[error("this PC's clock shows a time before 1970 or after 9999, so that no request could be answered")]
    ClockWrong,
    /// The archive would not open.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The tokens could not be read.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// There is no certificate for https.
    #[error(transparent)]
    Certificate(#[from] AuthorityError),
    /// The clerks could not be read.
    #[error(transparent)]
    Operators(#[from] OperatorError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        reason: String,
    },
    /// The repository's side would not start, or the enrolment failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A started agent that listens.
pub struct Daemon {
    app: Shared,
    /// For who examines readers that are not in use.
    card_drivers: Vec<Arc<dyn CardDriver>>,
    plain: Entrance,
    secure: Option<Entrance>,
    control: Option<Control>,
}

impl Daemon {
    /// Opens the archive, starts the stations and listens. The drivers are those the configuration chose.
    pub async fn start(config: Config, drivers: Drivers) -> Result<Self, StartError> {
        if !clock::can_date_answers() {
            return Err(StartError::ClockWrong);
        }
        let archive = open_archive(&config)?;
        archive.check_copy()?;
        let tokens = Arc::new(Tokens::open(&config.data_dir)?);
        let operators = Arc::new(Operators::open(&config.data_dir, &config.keys_dir)?);
        let sessions = Sessions::new(config.operators.idle_lock);
        let plain = listen(config.listen, None)?;
        let secure = config.tls.map(|tls| listen_by_https(&config, tls)).transpose()?;
        let (address, tls_address) = (plain.arrival.address, secure.as_ref().map(|s| s.arrival.address));
        let events = Arc::new(Events::new());
        let card = CardStation::start(drivers.card.clone(), events.clone()).map_err(StartError::Thread)?;
        let card = Arc::new(card);
        let camera = CameraStation::start(drivers.camera, events.clone()).map_err(StartError::Thread)?;
        tracing::info!("{config}");
        let photos = config.card_photo_decoder.clone().map(PhotoDecoder::new);
        photos.iter().for_each(PhotoDecoder::warn);
        let holders = Arc::new(Holders::default());
        let sync = start_sync(&config, &archive, &events, &holders).await?;
        let no_control = "no control socket: `enrol` and `archive` need the daemon stopped";
        let control = Control::bind(&config.data_dir);
        let clients = Arc::new(Clients::new(config.calls_per_second));
        let tray = Tray::of(&archive)?;
        let control = control.inspect_err(|error| tracing::warn!(%error, "{no_control}")).ok();
        let app = Arc::new(App {
            config,
            address,
            tls_address,
            archive,
            tokens,
            operators,
            sessions,
            clients,
            tray,
            holders,
            recent: RecentFilings::default(),
            replays: Replays::default(),
            events,
            card,
            card_users: Users::default(),
            camera,
            tickets: Tickets::default(),
            pairings: Pairings::default(),
            pairing_replays: Replays::default(),
            photos,
            simulation: drivers.simulation,
            sync,
            pictures: Arc::new(Semaphore::new(PICTURES_AT_ONCE)),
            picture_queue: Arc::new(Semaphore::new(PICTURES_WAITING + PICTURES_AT_ONCE)),
        });
        Ok(Self { app, card_drivers: drivers.card, plain, secure, control })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.app.address
    }

    /// Where it serves https, if it does.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.app.tls_address
    }

    /// Serves until `stop` resolves. Then whoever waits for an event or for a card is told that nothing more
    /// comes, and what is in flight is finished.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let (stopping, mut stopped) = tokio::sync::watch::channel(false);
        let sweeper = tokio::spawn(sweep(self.app.clone()));
        let usher = tokio::spawn(api::watch_sessions(self.app.clone()));
        let scrubber = start_scrub(&self.app);
        let place = workplace(&self.app, self.card_drivers);
        let controlled = self.control.map(|control| tokio::spawn(control.serve(place)));
        let service = api::service(self.app.clone());
        let shims = shims::serve(self.app.clone(), stopped.clone());
        let app = self.app.clone();
        let serving = server::serve(self.plain, self.secure, service, async move {
            stop.await;
            app.card.end_waiting();
            app.events.end();
            let _ = stopping.send(true);
        });
        let late = async {
            let _ = stopped.changed().await;
            // A client that sends its request byte by byte, or a device that hangs.
            tokio::time::sleep(FINISH_WITHIN).await;
        };
        tokio::select! {
            _ = futures_util::future::join(serving, shims) => {}
            () = late => tracing::warn!("connections were cut off at the end of the waiting time"),
        }
        for task in [Some(sweeper), Some(usher), controlled].into_iter().flatten() {
            task.abort();
            // Once it has been let go of, the socket is gone.
            drop(task.await);
        }
        let app = self.app;
        let _ = tokio::task::spawn_blocking(move || {
            // What its repairs wait for ends with the sync's threads.
            app.sync.as_ref().inspect(|sync| sync.stop());
            drop(scrubber);
            app.card.stop();
            app.camera.stop();
        })
        .await;
    }
}

fn listen(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Entrance, StartError> {
    let cannot = |e: std::io::Error| StartError::Listen { address, reason: e.to_string() };
    let listener = server::listen(address).map_err(cannot)?;
    let arrival = Arrival { address: listener.local_addr().map_err(cannot)?, is_tls: tls.is_some() };
    Ok(Entrance { listener, tls, arrival })
}

fn listen_by_https(config: &Config, wanted: Tls) -> Result<Entrance, StartError> {
    let authority = Authority::open(&config.data_dir)?;
    let soon = clock::now().plus_millis(WARN_OF_AUTHORITY_BEFORE_MS);
    if authority.ends_at < soon {
        tracing::warn!(ends_at = %authority.ends_at, "the authority for https ends: make a new one and install it");
    }
    listen(wanted.listen, Some(tls::acceptor(authority, wanted.life)?))
}

fn workplace(app: &Shared, card_drivers: Vec<Arc<dyn CardDriver>>) -> Arc<Workplace> {
    let card = CardPlace::of_daemon(card_drivers, app.card.clone(), app.events.clone());
    Arc::new(Workplace {
        archive: app.archive.clone(),
        sync: app.sync.clone(),
        repository: app.config.repository_url.clone(),
        counter: app.config.counter.clone(),
        retention: app.config.retention.clone(),
        card: Some(card),
    })
}

/// Starts the repository's side when one is configured, and enrols with the configured code if that is still
/// to be done. Neither a repository that is away nor a code that does not serve keeps the window from starting.
async fn start_sync(
    config: &Config,
    archive: &Archive,
    events: &Arc<Events>,
    holders: &Arc<Holders>,
) -> Result<Option<Arc<dyn Upstream>>, StartError> {
    let Some(url) = config.repository_url.clone() else { return Ok(None) };
    let options = SyncOptions {
        courier_key: config.courier_key,
        ..SyncOptions::new(&url, &config.data_dir, &config.keys_dir)
    };
    let (archive, events, holders) = (archive.clone(), events.clone(), holders.clone());
    let (code, counter) = (config.enrol_code.clone(), config.counter.clone());
    let start = move || {
        let listener = Box::new(move |event: SyncEvent| tell(&events, &holders, event));
        let handle = SyncWorker::start(archive, &options, listener)?;
        if let Some(code) = code {
            handle.enrol_in_time(&code, &counter)?;
        }
        Ok::<_, SyncError>(handle)
    };
    let started = tokio::task::spawn_blocking(start).await;
    let handle = started.map_err(|e| StartError::Thread(std::io::Error::other(e)))??;
    Ok(Some(Arc::new(handle)))
}

/// What the repository's side tells, as events for window programs. What was erased leaves open dossiers first.
fn tell(events: &Events, holders: &Holders, event: SyncEvent) {
    match event {
        SyncEvent::Progress => events.publish("sync.progress", Value::Null),
        SyncEvent::Rejected { material, code } => {
            let data = json!({"material": material.to_string(), "code": code});
            events.publish("sync.rejected", data);
        }
        SyncEvent::Refiled { materials } => {
            for material in materials {
                holders.drop_remote(material);
                events.publish("material.refiled", json!({"material": material.to_string()}));
            }
        }
        SyncEvent::Erased { materials, .. } => {
            for material in materials {
                holders.forget(material);
                events.publish("material.erased", json!({"material": material.to_string()}));
            }
        }
    }
}

/// Opens the archive of a configuration, making the data folder if it is not there.
pub(crate) fn open_archive(config: &Config) -> Result<Archive, ArchiveError> {
    let options = ArchiveOptions { data_dir: config.data_dir.clone(), keys_dir: config.keys_dir.clone() };
    Archive::open_keyed(&options, &key_options(config))
}

/// How a configuration has the archive's keys kept.
pub(crate) fn key_options(config: &Config) -> KeyOptions {
    // Where systemd says, of the service alone.
    let credentials = || std::env::var_os("CREDENTIALS_DIRECTORY").unwrap_or_default();
    let credential = config.keys_are_sealed.then(|| Path::new(&credentials()).join(CREDENTIAL));
    KeyOptions { recovery: config.recovery_key, suite: config.cipher, credential }
}

/// Opens the tokens of a configuration, making the data folder if it is not there.
pub(crate) fn open_tokens(data_dir: &Path) -> Result<Tokens, StartError> {
    yidang_archive::files::create_folder(data_dir).map_err(StartError::Thread)?;
    Ok(Tokens::open(data_dir)?)
}

/// Opens the clerks of a configuration, making the folders if they are not there.
pub(crate) fn open_operators(config: &Config) -> Result<Operators, StartError> {
    yidang_archive::files::create_folder(&config.data_dir).map_err(StartError::Thread)?;
    Ok(Operators::open(&config.data_dir, &config.keys_dir)?)
}

/// Warns of captures that are about to expire, and removes what has: at the start, since many a PC is switched
/// off before an hour is over, and now and then.
async fn sweep(app: Shared) {
    let mut warned = HashSet::new();
    loop {
        let sweeping = app.clone();
        let swept = tokio::task::spawn_blocking(move || {
            let archive = &sweeping.archive;
            let swept = (expiring(archive)?, archive.sweep()?);
            repair_aside(archive, sweeping.sync.as_deref(), &archive.quarantined());
            // So that it is known, and told who asks. After the first time, what has been written since.
            if !archive.tells_every_blob()? && archive.ledger_state() == LedgerState::Damaged {
                tracing::error!("the ledger is damaged: run `yidang archive verify`");
            }
            if !archive.tells_every_hold()? {
                tracing::error!(
                    "a legal hold may be missing, and nothing is forgotten: where `yidang archive verify` names damage, run `yidang archive rebuild` first; compare `yidang archive hold list` with the orders that were made, and say so with `yidang archive hold confirm --operator NAME`"
                );
            }
            Ok::<_, ArchiveError>(swept)
        });
        match swept.await {
            Ok(Ok((expiring, report))) => {
                tracing::debug!(?report, "swept");
                for (capture, expires_at) in expiring {
                    if warned.insert(capture) {
                        let data =
                            json!({"capture": capture.to_string(), "expires_at": expires_at.to_string()});
                        app.events.publish("capture.expiring", data);
                    }
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "sweeping failed"),
            Err(_) => tracing::error!("sweeping stopped on a defect"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// Starts reading blobs back, unless the configuration wants none read.
fn start_scrub(app: &Shared) -> Option<Scrubber> {
    let rate = app.config.scrub_bytes_per_second;
    if rate == 0 {
        return None;
    }
    let (archive, sync) = (app.archive.clone(), app.sync.clone());
    let found = move |damaged: &[BlobName]| repair_aside(&archive, sync.as_deref(), damaged);
    let started = Scrubber::start(app.archive.clone(), rate, Box::new(found));
    started.inspect_err(|error| tracing::warn!(%error, "nothing is scrubbed")).ok()
}

/// Repairs damaged blobs as far as the repository has them. What is left is tried again with the next sweep.
fn repair_aside(archive: &Archive, sync: Option<&dyn Upstream>, names: &[BlobName]) {
    if names.is_empty() {
        return;
    }
    match repair(archive, sync, names) {
        Ok(line) => tracing::warn!(repaired = line.repaired, left = line.left, "damaged pictures"),
        Err(error) => tracing::warn!(%error, "damaged pictures could not be repaired"),
    }
}

/// Unfiled captures whose last day has come.
fn expiring(archive: &Archive) -> Result<Vec<(CaptureId, Timestamp)>, ArchiveError> {
    let now = clock::now();
    let soon = now.plus_millis(WARN_BEFORE_MS);
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = archive.unfiled(after, UNFILED_PAGE_MAX)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.sequence;
        let due = page.iter().filter(|set| now < set.expires_at && set.expires_at < soon);
        // What an import left behind is no capture, and no window can file it.
        let due = due.filter(|set| CaptureNote::read(&set.note).is_some());
        found.extend(due.map(|set| (set.id, set.expires_at)));
    }
}
