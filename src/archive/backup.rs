//! Second copies of ledger and keyring: `DATA_DIR/backup/ledger.db` and `keyring.db`, for a damaged page or a lost file.
//! A lost disk takes them along; against that there is the repository, and whoever backs the whole folder up.
//!
//! The ledger's copy follows the ledger, entry by entry, each hashed again: what is damaged is not copied. The keyring's
//! is made anew each time, as one file of the keys that count, each unwrapped once; those of staged sets are left out,
//! which are forgotten one by one, as captures are used up, and not by an erasure. So there is one copy of each, about
//! as long as what it is a copy of, and none is older than the last erasure: before an erasure is done the ledger's copy
//! has its tombstone, and the keyring's copy from before a person was forgotten is overwritten.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::files::durable;
use crate::sqlite::{SqliteKeyring, SqliteLedger, shred_database};
use crate::storage::{Entry, EntryHash, Ledger, Part, StorageError, StorageFault, chain_hash};
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

/// The folder of the copies, in the data folder.
pub(crate) const FOLDER: &str = "backup";
/// Where `rebuild` puts what it found damaged, in the data folder.
pub(crate) const ASIDE: &str = "damaged";
/// Entries copied in one transaction.
const ENTRIES_AT_A_TIME: usize = 1024;

/// The copies of an archive. One call at a time works on them.
pub(crate) struct Backups {
    data_dir: PathBuf,
    copies: Mutex<Copies>,
}

#[derive(Default)]
struct Copies {
    ledger: Option<SqliteLedger>,
    /// Whether the keyring's copy was made since the archive was opened, under the recovery key that is configured.
    has_keyring: bool,
}

impl Archive {
    /// Brings the second copies of ledger and keyring up to date; how many entries were copied. Where nothing has
    /// happened since, nothing is written. Filing goes on meanwhile. Takes as long as the new entries take, and as the
    /// keyring.
    pub fn back_up(&self) -> Result<u64, ArchiveError> {
        let stores = &self.shared.stores;
        stores.backups.as_ref().map_or(Ok(0), |backups| backups.bring_up(stores))
    }
}

impl Backups {
    /// Those of a data folder; the first use makes them.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_path_buf(), copies: Mutex::default() }
    }

    fn bring_up(&self, stores: &Stores) -> Result<u64, ArchiveError> {
        let mut copies = self.lock();
        let copied = self.follow(&mut copies.ledger, stores)?;
        if copied > 0 || !copies.has_keyring {
            copies.has_keyring = false;
            stores.keys.copy_to(&self.folder())?;
            copies.has_keyring = true;
        }
        Ok(copied)
    }

    /// What an erasure asks of the copies once its tombstone, that entry, is in the ledger and what it takes is gone from
    /// the keyring. When it returns nothing in them brings it back, even if new copies could not be made.
    pub(crate) fn forget(
        &self,
        stores: &Stores,
        tombstone: u64,
        whole_holder: bool,
    ) -> Result<(), ArchiveError> {
        let mut copies = self.lock();
        self.shred_aside()?;
        if self.has_none(&copies) {
            return self.shred(SqliteKeyring::FILE, Part::Keyring);
        }
        let followed = self.follow(&mut copies.ledger, stores);
        if let Err(error) = &followed {
            tracing::warn!(%error, "the ledger's copy does not follow");
        }
        // One that is ahead of a ledger that was cut off is all there is of what was cut off.
        if followed.is_err() && !has_entry(copies.ledger.as_ref(), stores, tombstone) {
            tracing::warn!("the ledger's copy lacks an erasure and goes");
            copies.ledger = None;
            self.shred(SqliteLedger::FILE, Part::Ledger)?;
        }
        if whole_holder {
            copies.has_keyring = false;
            self.shred(SqliteKeyring::FILE, Part::Keyring)?;
            if let Err(error) = stores.keys.copy_to(&self.folder()) {
                tracing::warn!(%error, "there is no copy of the keyring until the next one is made");
            }
        }
        Ok(())
    }

    /// Sequence and hash of the last entry that the ledger's copy has; `None` where there is no copy.
    pub(crate) fn head(&self) -> Result<Option<(u64, EntryHash)>, StorageError> {
        let mut copies = self.lock();
        if self.has_none(&copies) {
            return Ok(None);
        }
        let head = self.opened(&mut copies.ledger)?.head()?;
        Ok((head.0 > 0).then_some(head))
    }

    /// Refuses a ledger that ends before its copy: an older one lies in its place, or another store's. Whatever was
    /// entered behind its end would displace what only the copy has by then.
    pub(crate) fn check_behind(&self, ledger: &dyn Ledger) -> Result<(), StorageError> {
        let mut copies = self.lock();
        if self.has_none(&copies) {
            return Ok(());
        }
        let copy = self.opened(&mut copies.ledger);
        let (copy, copied) = match copy.and_then(|copy| Ok((copy, copy.head()?.0))) {
            Ok(copied) => copied,
            Err(error) => {
                tracing::warn!(%error, "how far the ledger's copy goes cannot be read");
                return Ok(());
            }
        };
        let (head, hash) = ledger.head()?;
        if head >= copied {
            return Ok(());
        }
        let is_older = copy.get_many(&[head])?.first().is_none_or(|entry| entry.hash == hash);
        let what = if is_older {
            "an older one lies in its place"
        } else {
            "another store's lies in its place, and has to be moved away before a rebuild"
        };
        let detail = format!("it ends at entry {head} and its second copy at {copied}: {what}");
        Err(StorageError::new(Part::Ledger, StorageFault::Damaged, detail))
    }

    /// Copies what the ledger's copy lacks; how many entries.
    fn follow(&self, slot: &mut Option<SqliteLedger>, stores: &Stores) -> Result<u64, ArchiveError> {
        let copy = self.opened(slot)?;
        let (mut at, hash) = copy.head()?;
        if at > 0 && stores.ledger.get_many(&[at])?.first().is_none_or(|entry| entry.hash != hash) {
            let detail = format!("its copy has another entry {at}; the copy stays as it is");
            return Err(StorageError::new(Part::Ledger, StorageFault::Damaged, detail).into());
        }
        let mut copied = 0;
        loop {
            let mut entries = stores.ledger.after(at, ENTRIES_AT_A_TIME)?;
            let Some(last) = entries.last() else { return Ok(copied) };
            at = last.sequence;
            entries.retain(is_whole);
            copy.take_over(&entries)?;
            copied += entries.len() as u64;
        }
    }

    /// Whether there is no copy of the ledger.
    fn has_none(&self, copies: &Copies) -> bool {
        copies.ledger.is_none() && !self.folder().join(SqliteLedger::FILE).exists()
    }

    fn opened<'a>(&self, slot: &'a mut Option<SqliteLedger>) -> Result<&'a SqliteLedger, StorageError> {
        if slot.is_none() {
            durable::create_folder(&self.folder()).map_err(|e| StorageError::io(Part::Folder, &e))?;
            *slot = Some(match SqliteLedger::create(&self.folder()) {
                Err(error) if error.fault == StorageFault::Damaged => {
                    tracing::warn!(%error, "the ledger's copy is damaged; it is made anew");
                    let path = self.folder().join(SqliteLedger::FILE);
                    shred_database(&path).map_err(|e| StorageError::io(Part::Ledger, &e))?;
                    SqliteLedger::create(&self.folder())?
                }
                opened => opened?,
            });
        }
        slot.as_ref().ok_or_else(|| StorageError::new(Part::Ledger, StorageFault::Missing, "no copy"))
    }

    fn shred(&self, file: &str, part: Part) -> Result<(), ArchiveError> {
        let path = self.folder().join(file);
        for path in [durable::unfinished(&path), path] {
            shred_database(&path).map_err(|e| StorageError::io(part, &e))?;
        }
        Ok(())
    }

    /// What was found damaged once and moved aside: what could be proven of it is in the ledger and the keyring.
    fn shred_aside(&self) -> Result<(), StorageError> {
        durable::shred_folder(&self.data_dir.join(ASIDE)).map_err(|e| StorageError::io(Part::Folder, &e))
    }

    fn folder(&self) -> PathBuf {
        self.data_dir.join(FOLDER)
    }

    fn lock(&self) -> MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a copy has the entry that the ledger has there. One that cannot be read has not.
fn has_entry(copy: Option<&SqliteLedger>, stores: &Stores, sequence: u64) -> bool {
    let in_ledger = stores.ledger.get_many(&[sequence]);
    let in_copy = copy.map(|copy| copy.get_many(&[sequence]));
    matches!((in_ledger, in_copy), (Ok(ours), Some(Ok(copied))) if !ours.is_empty() && ours == copied)
}

/// Whether an entry is what was appended in its place.
pub(crate) fn is_whole(entry: &Entry) -> bool {
    chain_hash(&entry.previous, entry.sequence, &entry.content) == entry.hash
}
