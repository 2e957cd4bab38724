//! What all requests share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{OwnedMutexGuard, Semaphore, watch};
use yidang_archive::sqlite::SqliteLedger;
use yidang_archive::{Archive, ArchiveError, ArchiveOptions, Clock, KeyOptions, SystemClock};
use yidang_model::Timestamp;

use crate::config::Config;
use crate::error::StartError;
use crate::grants::Grants;
use crate::limits::{BODIES_KIB_MAX, POLLS_PER_AGENT_MAX, WORK_MAX, WORK_WAIT};
use crate::problem::{Code, Problem};
use crate::secrets::{Secrets, SecretsError, make_private_folder};
use crate::sqlite_state::{STATE_FILE, SqliteState};
use crate::state::{AgentNumber, AgentRecord, State, StateError};
use crate::state_mark::take_into_use;

/// Between a window's name and its client's, where the ledger says who did something.
pub(crate) const WINDOW_SEPARATOR: char = '/';

/// An open repository.
pub(crate) struct Repository {
    pub(crate) archive: Archive,
    pub(crate) state: Box<dyn State>,
    pub(crate) secrets: Secrets,
    /// How often the state was found to be another one than had been in use.
    pub(crate) exchanged: u64,
    pub(crate) accept_simulated: bool,
    pub(crate) grants: Grants,
    /// Filing and looking hold it for reading, forgetting for writing: a material that is filed or looked at
    /// while its holder is being forgotten would miss being told.
    pub(crate) forgetting: RwLock<()>,
    /// By the fingerprint of their keys. A command that enrols has this process look again.
    agents: RwLock<HashMap<[u8; 32], Arc<Agent>>>,
    by_number: RwLock<HashMap<AgentNumber, Arc<Agent>>>,
    pub(crate) work: Arc<Semaphore>,
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) checking: Arc<tokio::sync::Mutex<()>>,
    stopping: watch::Sender<bool>,
}

/// An enrolled agent and what is going on with it.
pub(crate) struct Agent {
    pub(crate) record: AgentRecord,
    /// Held by the commit under way: a repeated commit waits for the first one's answer.
    pub(crate) lane: Arc<tokio::sync::Mutex<()>>,
    /// Permits for feed polls.
    pub(crate) polls: Arc<Semaphore>,
    /// A hint that the feed has grown, with its head as far as known.
    pub(crate) news: watch::Sender<u64>,
}

/// That a repository ever ran on this folder: opening makes what is not there, and the wrong folder would be found to be an empty
/// archive.
pub(crate) fn must_be_founded(data_dir: &Path) -> Result<(), StartError> {
    let is_there = |name| data_dir.join(name).is_file();
    match is_there(STATE_FILE) || is_there(SqliteLedger::FILE) {
        true => Ok(()),
        false => Err(StartError::Absent(data_dir.display().to_string())),
    }
}

/// The same, and that its state is there.
pub(crate) fn must_have_state(data_dir: &Path) -> Result<(), StartError> {
    must_be_founded(data_dir)?;
    match data_dir.join(STATE_FILE).is_file() {
        true => Ok(()),
        false => Err(StartError::StateMissing(data_dir.display().to_string())),
    }
}

/// Opens the archive of a configuration, or founds it.
pub(crate) fn open_archive(config: &Config) -> Result<Archive, ArchiveError> {
    Archive::open_keyed(&archive_options(config), &key_options(config))
}

/// Where a configuration has the archive.
pub(crate) fn archive_options(config: &Config) -> ArchiveOptions {
    ArchiveOptions { data_dir: config.data_dir.clone(), keys_dir: config.keys_dir.clone() }
}

/// How a configuration has the archive's keys kept.
pub(crate) fn key_options(config: &Config) -> KeyOptions {
    KeyOptions { recovery: config.recovery_key, suite: config.cipher, credential: None }
}

impl Repository {
    /// Opens archive, state and keys, and finishes what a crash interrupted.
    pub(crate) fn open(config: &Config) -> Result<Self, StartError> {
        // The archive's lock comes first: whoever does not get it must not touch the rest.
        make_private_folder(&config.data_dir)
            .map_err(|e| StartError::System(format!("the data folder: {e}")))?;
        let archive = open_archive(config)?;
        archive.check_copy()?;
        let state = SqliteState::open(&config.data_dir)?;
        let secrets = Secrets::open(&config.keys_dir, state.is_keyless()?)?;
        if state.key_check(secrets.check())? != secrets.check() {
            return Err(SecretsError::Foreign.into());
        }
        let has_ledger = archive.head()? > 0;
        let exchanged = take_into_use(&config.data_dir, &state, has_ledger)?;
        let repository = Self {
            archive,
            secrets,
            exchanged,
            accept_simulated: config.accept_simulated,
            grants: Grants::default(),
            forgetting: RwLock::new(()),
            agents: RwLock::default(),
            by_number: RwLock::default(),
            work: Arc::new(Semaphore::new(WORK_MAX)),
            bodies: Arc::new(Semaphore::new(BODIES_KIB_MAX as usize)),
            checking: Arc::default(),
            stopping: watch::Sender::new(false),
            state: Box::new(state),
        };
        for record in repository.state.agents()? {
            repository.admit(record);
        }
        repository.finish_erasures()?;
        repository.finish_decisions()?;
        repository.tell_of_tombstones()?;
        repository.finish_originals()?;
        repository.finish_holds()?;
        Ok(repository)
    }

    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub(crate) fn admit(&self, record: AgentRecord) {
        let (key, number) = (record.key, record.number);
        let agent = Arc::new(Agent {
            record,
            lane: Arc::default(),
            polls: Arc::new(Semaphore::new(POLLS_PER_AGENT_MAX)),
            news: watch::Sender::new(0),
        });
        self.agents.write().unwrap_or_else(PoisonError::into_inner).insert(key, agent.clone());
        self.by_number.write().unwrap_or_else(PoisonError::into_inner).insert(number, agent);
    }

    /// The agent with this key's fingerprint.
    pub(crate) fn agent(&self, key: &[u8; 32]) -> Option<Arc<Agent>> {
        self.agents.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The same, where it may have been enrolled by a command since this repository was opened.
    pub(crate) fn agent_ever(&self, key: &[u8; 32]) -> Result<Option<Arc<Agent>>, StateError> {
        if self.agent(key).is_none() {
            self.admit_new()?;
        }
        Ok(self.agent(key))
    }

    /// Admits those whom a command has enrolled since this repository was opened.
    pub(crate) fn admit_new(&self) -> Result<(), StateError> {
        for record in self.state.agents()? {
            if self.agent(&record.key).is_none() {
                self.admit(record);
            }
        }
        Ok(())
    }

    /// Wakes the polls of an agent whose feed has grown.
    pub(crate) fn announce(&self, agent: AgentNumber, head: u64) {
        if let Some(agent) = self.by_number.read().unwrap_or_else(PoisonError::into_inner).get(&agent) {
            agent.news.send_replace(head);
        }
    }

    /// Wakes the polls of all these.
    pub(crate) fn announce_all(&self, heads: Vec<(AgentNumber, u64)>) {
        heads.into_iter().for_each(|(agent, head)| self.announce(agent, head));
    }

    /// Tells waiting polls that the repository stops.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// Runs blocking work when its turn comes. It runs to its end even when the caller goes away, and holds `keep`
/// until then.
pub(crate) async fn work<T: Send + 'static, K: Send + 'static>(
    repository: &Arc<Repository>,
    keep: K,
    call: impl FnOnce(&Repository) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(WORK_WAIT, repository.work.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Code::Busy.into());
    };
    let repository = repository.clone();
    let done = tokio::task::spawn_blocking(move || {
        let result = call(&repository);
        drop((turn, keep));
        result
    });
    done.await.unwrap_or_else(|e| {
        tracing::error!(panicked = e.is_panic(), "a request stopped on a defect");
        Err(Code::StorageFailed.into())
    })
}

impl Agent {
    /// How the ledger names a client of that window.
    pub(crate) fn client(&self, client: &str) -> String {
        format!("{}{WINDOW_SEPARATOR}{client}", self.record.name)
    }

    /// Waits until this agent's other commit is through.
    pub(crate) async fn turn(&self) -> Result<OwnedMutexGuard<()>, Problem> {
        let turn = tokio::time::timeout(WORK_WAIT, self.lane.clone().lock_owned()).await;
        turn.map_err(|_| Code::Busy.into())
    }
}
