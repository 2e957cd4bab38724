//! Opening and closing an archive.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use yidang_model::Timestamp;

use crate::ArchiveError;
use crate::backup::Backups;
use crate::crypto::Suite;
use crate::files::{BlobSegments, KeyFiles, QuarantineFiles, durable};
use crate::keys::KeyCabinet;
use crate::lag::Lag;
use crate::proof::Proof;
use crate::recovery::{OfficeId, RecoveryKey};
use crate::salvage::{complete_begun, shred_work};
use crate::scribe::Scribe;
use crate::scrub::Scrubbing;
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger};
use crate::storage::{
    BlobStore, EntryHash, Index, KeyKeeper, KeyKeeperError, KeyPurpose, Keyring, Ledger, Part, StorageError,
    StorageFault,
};
use crate::stores::Stores;
use crate::veil::Veil;
use crate::writer::Writer;

/// File in the data folder whose lock says that the archive is open.
pub(crate) const LOCK_FILE: &str = "lock";

/// Where an archive lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Blobs, ledger, keyring, index and the lock.
    pub data_dir: PathBuf,
    /// The epoch keys: a folder outside `data_dir`, so that a copy of that one is worth nothing.
    pub keys_dir: PathBuf,
}

/// How an archive's keys are kept.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    /// The office's recovery key, which each epoch's key is sealed to. `None`: what was sealed stays so until its
    /// epoch ends, and later ones are lost with the key keeper.
    pub recovery: Option<RecoveryKey>,
    /// What a new archive seals and names with; an existing one keeps what it was made with. `None`: AES-256-GCM.
    pub suite: Option<Suite>,
    /// File with the credential that the epoch keys' files are sealed with. `None`: they are bare.
    pub credential: Option<PathBuf>,
}

/// Where the archive learns the time. Never trusted for order.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The stores an archive stands on, for implementations other than the built-in one.
pub struct Parts {
    /// Sealed blobs.
    pub blobs: Box<dyn BlobStore>,
    /// The ledger.
    pub ledger: Box<dyn Ledger>,
    /// Wrapped keys.
    pub keyring: Box<dyn Keyring>,
    /// The view.
    pub index: Box<dyn Index>,
    /// Who holds the epoch keys.
    pub keeper: Box<dyn KeyKeeper>,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// The folders they lie in, where they are folders of this machine.
    pub place: Option<ArchiveOptions>,
}

/// Figures of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Materials that count.
    pub materials: u64,
    /// Blobs that something needs.
    pub blobs: u64,
    /// People and organisations there is a key for.
    pub holders: u64,
    /// Staged sets that wait to be filed.
    pub unfiled: u64,
    /// Sequence of the last ledger entry.
    pub ledger_head: u64,
    /// The current epoch.
    pub epoch: u32,
    /// Whose recovery key opens it; `None`: nobody's.
    pub recovery: Option<OfficeId>,
    /// What everything is sealed and named with.
    pub suite: Suite,
}

/// An open archive. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct Archive {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// Dropped first, so that the thread ends before the stores close.
    pub(crate) writer: Writer,
    pub(crate) stores: Arc<Stores>,
    pub(crate) scrubbing: Mutex<Scrubbing>,
}

impl Archive {
    /// Opens the archive in `options.data_dir`, or founds one in an empty folder, and puts right what a crash
    /// left: leftovers of unfinished writes, an index behind the ledger, missing or damaged, and half-done
    /// erasures. Only one process can have it open: [`StorageFault::InUse`].
    ///
    /// A missing epoch key or one of another store is refused before anything is written. A folder that has
    /// lost its ledger or its keyring is refused too, rather than founded anew: [`StorageFault::Missing`].
    pub fn open(options: &ArchiveOptions) -> Result<Archive, ArchiveError> {
        Self::open_keyed(options, &KeyOptions::default())
    }

    /// Opens like [`Archive::open`], with its keys kept in this way.
    pub fn open_keyed(options: &ArchiveOptions, how: &KeyOptions) -> Result<Archive, ArchiveError> {
        let data_dir = options.data_dir.as_path();
        durable::create_folder(data_dir).map_err(|e| StorageError::io(Part::Folder, &e))?;
        let lock = lock(data_dir)?;
        // Not what somebody else has open: that it stood open is for the check to find there.
        durable::close_to_others(data_dir);
        complete_begun(data_dir)?;
        shred_work(data_dir)?;
        let keeper = open_keeper(options, how)?;
        let blobs = BlobSegments::open(data_dir)?;
        let (keyring, ledger) = open_truth(data_dir, &blobs)?;
        let keys = cabinet(Box::new(keyring), Box::new(keeper), how, &ledger)?;
        let index = match SqliteIndex::create(data_dir) {
            Err(error) if matches!(error.fault, StorageFault::Damaged | StorageFault::NewerVersion) => {
                tracing::warn!(%error, "the index cannot be used; it is made anew");
                SqliteIndex::recreate(data_dir)?
            }
            index => index?,
        };
        Self::over(Stores {
            blobs: Box::new(blobs),
            ledger: Box::new(ledger),
            index: Box::new(index),
            keys,
            clock: Box::new(SystemClock),
            place: Some(options.clone()),
            quarantine: Some(QuarantineFiles::open(data_dir)?),
            backups: Some(Backups::new(data_dir)),
            veil: Veil::default(),
            proof: Proof::default(),
            lag: Lag::default(),
            _lock: Some(lock),
        })
    }

    /// Whether an archive was ever opened in this folder, damaged or not: [`Archive::open`] would find one there
    /// rather than found one.
    pub fn is_founded(data_dir: &Path) -> bool {
        [LOCK_FILE, SqliteLedger::FILE, SqliteKeyring::FILE].iter().any(|file| data_dir.join(file).exists())
    }

    /// Opens, or founds, an archive on these stores. The caller makes sure that nobody else writes to them.
    pub fn open_with(parts: Parts) -> Result<Archive, ArchiveError> {
        Self::open_keyed_with(parts, &KeyOptions::default())
    }

    /// Opens like [`Archive::open_with`], with its keys kept in this way.
    pub fn open_keyed_with(parts: Parts, how: &KeyOptions) -> Result<Archive, ArchiveError> {
        let Parts { blobs, ledger, keyring, index, keeper, clock, place } = parts;
        let ledger_is_empty = ledger.head()?.0 == 0;
        let keys = KeyCabinet::open(keyring, keeper, how, ledger_is_empty, clock.now())?;
        let (veil, proof, lag) = Default::default();
        let quarantine = place.as_ref().map(|place| QuarantineFiles::open(&place.data_dir)).transpose()?;
        let backups = place.as_ref().map(|place| Backups::new(&place.data_dir));
        Self::over(Stores {
            blobs,
            ledger,
            index,
            keys,
            clock,
            place,
            quarantine,
            backups,
            veil,
            proof,
            lag,
            _lock: None,
        })
    }

    pub(crate) fn over(stores: Stores) -> Result<Archive, ArchiveError> {
        let stores = Arc::new(stores);
        let leftovers = stores.blobs.clear_leftovers()?;
        if leftovers > 0 {
            tracing::info!(leftovers, "removed what unfinished writes had left");
        }
        let writer = Writer::start(Scribe::take_over(Arc::clone(&stores))?)?;
        let scrubbing = Mutex::new(Scrubbing::open(stores.place.as_ref()));
        Ok(Archive { shared: Arc::new(Shared { writer, stores, scrubbing }) })
    }

    /// Refuses a ledger that ends before its second copy or went another way, because an older one was put in its place
    /// ([`StorageFault::Damaged`]) or another store's ([`ArchiveError::LedgerForeign`]). Ask before anything is entered; an
    /// archive that is only looked at may be as it is.
    pub fn check_copy(&self) -> Result<(), ArchiveError> {
        self.shared.stores.check_copy()
    }

    /// A random name made once with the store, by which two stores are told apart.
    pub fn store_id(&self) -> &str {
        self.shared.stores.keys.store_id()
    }

    /// Figures of the present state.
    pub fn stats(&self) -> Result<Stats, ArchiveError> {
        let stores = &self.shared.stores;
        let (materials, blobs) = stores.index.counts()?;
        Ok(Stats {
            materials,
            blobs,
            holders: stores.keys.count(KeyPurpose::Holder)?,
            unfiled: crate::verify::count_unfiled(stores)?,
            ledger_head: stores.ledger.head()?.0,
            epoch: stores.keys.epoch(),
            recovery: stores.keys.recovery()?,
            suite: stores.keys.suite(),
        })
    }

    /// Sequence of the last ledger entry; 0 when nothing ever happened.
    pub fn head(&self) -> Result<u64, ArchiveError> {
        Ok(self.shared.stores.ledger.head()?.0)
    }

    /// Sequence and hash of the last ledger entry, by which someone else can tell later whether the ledger has been
    /// cut off or replaced.
    pub fn anchor(&self) -> Result<(u64, EntryHash), ArchiveError> {
        Ok(self.shared.stores.ledger.head()?)
    }

    /// The hash of the ledger entry in that place; `None` where there is none.
    pub fn entry_hash(&self, sequence: u64) -> Result<Option<EntryHash>, ArchiveError> {
        self.shared.stores.entry_hash(sequence)
    }

    /// The entry by which the ledger was last made anew of what was left of it; 0 where it never was.
    pub fn rebuilt_at(&self) -> Result<u64, ArchiveError> {
        Ok(self.caught_up().index.left_out()?.line.map_or(0, |line| line.sequence))
    }

    /// Whether the ledger still has the entry that somebody remembers of it, or tells behind that place that it is lost.
    pub fn accounts_for(&self, sequence: u64, hash: EntryHash) -> Result<bool, ArchiveError> {
        self.shared.stores.accounts_for(sequence, hash)
    }

    /// Whether something waits to be written or is being written.
    pub fn is_writing(&self) -> bool {
        self.shared.writer.is_busy()
    }

    /// Wakes its receiver after each commit. It holds one number, some head of the ledger since it was last
    /// read; later ones are dropped until it is, so ask [`Archive::changes`] until nothing more comes.
    pub fn subscribe(&self) -> Receiver<u64> {
        self.shared.writer.subscribe()
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("store_id", &self.store_id()).finish_non_exhaustive()
    }
}

/// The keeper of the epoch keys, as they are configured to be kept.
pub(crate) fn open_keeper(options: &ArchiveOptions, how: &KeyOptions) -> Result<KeyFiles, KeyKeeperError> {
    let (keys_dir, data_dir) = (options.keys_dir.as_path(), options.data_dir.as_path());
    match &how.credential {
        Some(credential) => KeyFiles::open_sealed(keys_dir, data_dir, credential),
        None => KeyFiles::open(keys_dir, data_dir),
    }
}

/// The lock lasts as long as the file is open, however the process ends.
pub(crate) fn lock(data_dir: &Path) -> Result<File, ArchiveError> {
    let path = data_dir.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|e| StorageError::io(Part::Folder, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let detail = "another process has the archive open";
            Err(StorageError::new(Part::Folder, StorageFault::InUse, detail).into())
        }
        Err(TryLockError::Error(error)) => Err(StorageError::io(Part::Folder, &error).into()),
    }
}

fn cabinet(
    keyring: Box<dyn Keyring>,
    keeper: Box<dyn KeyKeeper>,
    how: &KeyOptions,
    ledger: &dyn Ledger,
) -> Result<KeyCabinet, ArchiveError> {
    KeyCabinet::open(keyring, keeper, how, ledger.head()?.0 == 0, SystemClock.now())
}

/// Opens keyring and ledger, or makes them: the keyring first, and either only as long as the other one shows
/// that nothing was ever kept here. What is missing beside something that was kept has been lost.
fn open_truth(data_dir: &Path, blobs: &BlobSegments) -> Result<(SqliteKeyring, SqliteLedger), ArchiveError> {
    let has_keyring = data_dir.join(SqliteKeyring::FILE).exists();
    let has_ledger = data_dir.join(SqliteLedger::FILE).exists();
    if has_keyring && has_ledger {
        return Ok((SqliteKeyring::open(data_dir)?, SqliteLedger::open(data_dir)?));
    }
    let mut has_blobs = false;
    blobs.visit(&mut |_| {
        has_blobs = true;
        false
    })?;
    if has_blobs || has_ledger {
        let part = if has_ledger { Part::Keyring } else { Part::Ledger };
        return Err(StorageError::new(part, StorageFault::Missing, "the other parts are there").into());
    }
    let keyring = SqliteKeyring::create(data_dir)?;
    if keyring.count(KeyPurpose::Holder)? + keyring.count(KeyPurpose::Staged)? > 0 {
        return Err(StorageError::new(Part::Ledger, StorageFault::Missing, "the keyring has keys").into());
    }
    Ok((keyring, SqliteLedger::create(data_dir)?))
}
