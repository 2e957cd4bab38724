//! Reading the archive of a PC that is dead: its disk is there, its epoch key is not.

use std::fs::{File, TryLockError};
use std::path::Path;

use yidang_model::HoldId;

use crate::archive::LOCK_FILE;
use crate::files::{ForeignBlobs, durable};
use crate::hold::HOLDS_MAX;
use crate::keys::KeyCabinet;
use crate::lag::Lag;
use crate::proof::Proof;
use crate::recovery::{HeldKey, RecoverySecret};
use crate::salvage::folder_of;
use crate::scribe::INDEX_AHEAD;
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger, copy_database};
use crate::storage::{Index, Keyring, Ledger, Part, StorageError, StorageFault};
use crate::stores::Stores;
use crate::veil::Veil;
use crate::{Archive, ArchiveError, Clock, KeyOptions, SystemClock};

impl Archive {
    /// Opens the archive in a folder that stays as it is, with the office's recovery key: ledger and keyring are copied
    /// to `work`, an empty folder on a disk with room for twice the ledger, and the index is made there; pictures are
    /// read where they are. Whatever a crash left half done is done in the copy alone. What it is asked to write that
    /// needs the folder itself is [`StorageFault::ReadOnly`].
    ///
    /// [`StorageFault::InUse`] where the folder belongs to a process that runs, [`StorageFault::Missing`] where keyring
    /// or ledger are not in it, and [`ArchiveError::Recovery`] where the key does not open it.
    pub fn open_dead(from: &Path, work: &Path, secret: &RecoverySecret) -> Result<Archive, ArchiveError> {
        let lock = share_lock(from)?;
        for (part, file) in [(Part::Keyring, SqliteKeyring::FILE), (Part::Ledger, SqliteLedger::FILE)] {
            // A swap that a crash cut off is read as it would have ended: this folder is nobody's to write to.
            let copied = folder_of(from, file).and_then(|folder| copy_database(&folder, file, work));
            let copied = copied.map_err(|e| StorageError::io(part, &e))?;
            if !copied {
                return Err(StorageError::new(part, StorageFault::Missing, "it is not in the folder").into());
            }
        }
        let keyring = SqliteKeyring::open(work)?;
        let ledger = SqliteLedger::open(work)?;
        let missing = || StorageError::new(Part::Keyring, StorageFault::Missing, "the keyring has no epoch");
        let epoch = keyring.current_epoch()?.ok_or_else(missing)?;
        let key = secret.open(epoch.recovery.as_ref(), &keyring.store_id()?, epoch.epoch)?;
        let keeper = Box::new(HeldKey::new(epoch.epoch, key));
        let is_empty = ledger.head()?.0 == 0;
        // It is sealed to that office's key already; with none, it would be missed.
        let how = KeyOptions { recovery: Some(secret.public()), ..KeyOptions::default() };
        let keys = KeyCabinet::open(Box::new(keyring), keeper, &how, is_empty, SystemClock.now())?;
        Self::over(Stores {
            blobs: Box::new(ForeignBlobs::open(from, work)?),
            ledger: Box::new(ledger),
            index: Box::new(SqliteIndex::create(work)?),
            keys,
            clock: Box::new(SystemClock),
            place: None,
            quarantine: None,
            backups: None,
            veil: Veil::default(),
            proof: Proof::default(),
            lag: Lag::default(),
            _lock: lock,
        })
    }
}

/// What the index of a dead PC knew that its ledger does not tell: the ledger was cut off, or is an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadIndex {
    /// The last entry it knew of; 0 where there is no index, or none that can be read.
    pub applied: u64,
    /// The holds that stood by it.
    pub holds: Vec<HoldId>,
}

impl DeadIndex {
    /// Reads a copy of it, made in `work`; the folder stays as it is. Fails where it cannot be copied.
    pub fn read(from: &Path, work: &Path) -> Result<Self, StorageError> {
        let copied = work.join("index");
        let copy = || {
            durable::create_folder(&copied)?;
            copy_database(from, SqliteIndex::FILE, &copied)
        };
        copy().map_err(|e| StorageError::io(Part::Index, &e))?;
        Ok(SqliteIndex::open(&copied).and_then(|index| Self::of(&index)).unwrap_or_default())
    }

    pub(crate) fn of(index: &SqliteIndex) -> Result<Self, StorageError> {
        let holds = index.holds(0, HOLDS_MAX)?.into_iter().map(|row| row.id).collect();
        Ok(Self { applied: index.applied()? & !INDEX_AHEAD, holds })
    }
}

/// Keeps a daemon from starting on the folder meanwhile. A copied folder may have no lock.
fn share_lock(from: &Path) -> Result<Option<File>, ArchiveError> {
    let Ok(file) = File::open(from.join(LOCK_FILE)) else { return Ok(None) };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let detail = "a running process has the archive open";
            Err(StorageError::new(Part::Folder, StorageFault::InUse, detail).into())
        }
        // Some file systems know no locks; a disk that is mounted to be read is nobody else's.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}
