//! The stores side by side, and what is read from several of them at once.

use std::fs::File;

use yidang_model::{Digest, MaterialId, Status};

use crate::backup::Backups;
use crate::blob_format::{self, BlobKey};
use crate::caller::Idempotency;
use crate::entry::{OpenEntry, open_beneath, open_entry, refs_of};
use crate::files::QuarantineFiles;
use crate::gaps::Harm;
use crate::keys::KeyCabinet;
use crate::lag::Lag;
use crate::proof::Proof;
use crate::rebuild::skip_damaged;
use crate::record::{BlobRecord, FiledPersonal, StagedPersonal};
use crate::storage::{BlobName, BlobStore, Entry, EntryHash, Index, Ledger, MaterialRow, Tag, Verb};
use crate::veil::Veil;
use crate::{ArchiveError, ArchiveOptions, Clock, Stored};

/// How many entries are read from the ledger at a time when many are looked through.
pub(crate) const ENTRIES_AT_A_TIME: usize = 64;

/// All stores of one archive.
pub(crate) struct Stores {
    pub(crate) blobs: Box<dyn BlobStore>,
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) index: Box<dyn Index>,
    pub(crate) keys: KeyCabinet,
    pub(crate) clock: Box<dyn Clock>,
    /// The folders they lie in, if any.
    pub(crate) place: Option<ArchiveOptions>,
    /// Damaged blobs that were moved aside, where there is a place for them.
    pub(crate) quarantine: Option<QuarantineFiles>,
    /// Second copies of ledger and keyring, where there is a place for them.
    pub(crate) backups: Option<Backups>,
    /// What readers take for gone.
    pub(crate) veil: Veil,
    /// How far the ledger tells what every blob is needed for.
    pub(crate) proof: Proof,
    /// Whether the index lacks something that happened.
    pub(crate) lag: Lag,
    /// Held, not read: the lock lasts as long as the file is open.
    pub(crate) _lock: Option<File>,
}

impl Stores {
    /// Refuses a ledger that ends before its second copy, or is another one than that is a copy of.
    pub(crate) fn check_copy(&self) -> Result<(), ArchiveError> {
        self.backups.as_ref().map_or(Ok(()), |backups| backups.check_beside(self.ledger.as_ref()))
    }

    /// This entry, opened; `None` if there is none.
    pub(crate) fn entry(&self, sequence: u64) -> Result<Option<(Entry, OpenEntry)>, ArchiveError> {
        let Some(entry) = self.ledger.get_many(&[sequence])?.pop() else { return Ok(None) };
        let opened = open_entry(&self.keys, &entry)?;
        Ok(Some((entry, opened)))
    }

    /// Goes through all entries of the ledger that are there, in their order.
    pub(crate) fn visit_entries(
        &self,
        visit: &mut dyn FnMut(&Entry) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        self.visit_entries_between(0, u64::MAX, visit)
    }

    /// Goes through those behind `after`, up to and with the one in the place `last`.
    pub(crate) fn visit_entries_between(
        &self,
        mut after: u64,
        last: u64,
        visit: &mut dyn FnMut(&Entry) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        while after < last {
            let entries = self.ledger.after(after, ENTRIES_AT_A_TIME)?;
            let Some(newest) = entries.last() else { return Ok(()) };
            after = newest.sequence;
            entries.iter().filter(|entry| entry.sequence <= last).try_for_each(&mut *visit)?;
        }
        Ok(())
    }

    /// The hash of the entry in that place; `None` where there is none.
    pub(crate) fn entry_hash(&self, sequence: u64) -> Result<Option<EntryHash>, ArchiveError> {
        Ok(self.ledger.get_many(&[sequence])?.pop().map(|entry| entry.hash))
    }

    /// Whether the ledger has the entry that somebody remembers of it, or tells behind that place that it is lost.
    pub(crate) fn accounts_for(&self, sequence: u64, hash: EntryHash) -> Result<bool, ArchiveError> {
        if self.entry_hash(sequence)? == Some(hash) {
            return Ok(true);
        }
        let mut accounts = false;
        self.visit_entries_between(sequence, u64::MAX, &mut |entry| {
            accounts |= Harm::entered_by(entry).is_some_and(|harm| harm.accounts_for(sequence));
            Ok(())
        })?;
        Ok(accounts)
    }

    /// The entry an earlier call with this idempotency key wrote.
    pub(crate) fn replayed(
        &self,
        idempotency: Option<&Idempotency>,
        verbs: &[Verb],
    ) -> Result<Option<Entry>, ArchiveError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let (key, request) = self.keys.idempotency_tags(idempotency);
        let Some(entry) = self.ledger.find_idempotent(key)? else { return Ok(None) };
        if entry.content.request != Some(request) || !verbs.contains(&entry.content.verb) {
            return Err(ArchiveError::IdempotencyConflict);
        }
        Ok(Some(entry))
    }

    /// The material of a row; `None` when it was forgotten since the row was read.
    pub(crate) fn stored(&self, row: &MaterialRow) -> Result<Option<Stored>, ArchiveError> {
        Ok(self.filed(row)?.map(|(stored, _)| stored))
    }

    /// The material of a row, with the status it has now, and how its blobs open.
    pub(crate) fn filed(&self, row: &MaterialRow) -> Result<Option<(Stored, FiledPersonal)>, ArchiveError> {
        let Some((mut stored, personal)) = self.filed_as_recorded(row)? else { return Ok(None) };
        if stored.material.status == Status::Current && self.is_superseded(&stored.material)? {
            stored.material.status = Status::Superseded;
        }
        self.hide_foreign_link(&mut stored.material)?;
        Ok(Some((stored, personal)))
    }

    /// The material of a row as the ledger has it, and how its blobs open.
    pub(crate) fn filed_as_recorded(
        &self,
        row: &MaterialRow,
    ) -> Result<Option<(Stored, FiledPersonal)>, ArchiveError> {
        if self.veil.covers_row(row) {
            return Ok(None);
        }
        let Some(entry) = self.ledger.get_many(&[row.sequence])?.pop() else { return Ok(None) };
        let filed = open_beneath(&self.veil, &self.keys, &entry)?.filed()?;
        Ok(filed.map(|(mut material, personal)| {
            // What an erasure has relinked since is in the index.
            material.supersedes = row.supersedes;
            let originals_disposed = row.originals_disposed;
            (Stored { material, sequence: entry.sequence, originals_disposed }, personal)
        }))
    }

    /// Whether a tombstone stands for this material, in the index or still on its way there.
    pub(crate) fn is_erased(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.veil.covers_material(id) || self.index.is_erased(id)?)
    }

    /// A material by its identifier, if it counts.
    pub(crate) fn stored_by_id(&self, id: MaterialId) -> Result<Option<Stored>, ArchiveError> {
        match self.index.material(id)? {
            Some(row) => self.stored(&row),
            None => Ok(None),
        }
    }

    /// The key a stored blob opens with, taken from anything that counts and names it. `None`: nothing does,
    /// so a file of that name is an orphan.
    pub(crate) fn live_key(&self, name: BlobName) -> Result<Option<BlobKey>, ArchiveError> {
        Ok(self.live_record(name)?.map(|record| record.blob_key()))
    }

    /// The same, with its digest.
    pub(crate) fn live_record(&self, name: BlobName) -> Result<Option<BlobRecord>, ArchiveError> {
        let mut found = None;
        self.visit_records(name, &mut |record| {
            found = Some(record);
            false
        })?;
        Ok(found)
    }

    /// Goes through what its users have recorded of a blob, as far as they can be read; `visit` returns `false` to stop.
    fn visit_records(
        &self,
        name: BlobName,
        visit: &mut dyn FnMut(BlobRecord) -> bool,
    ) -> Result<(), ArchiveError> {
        let users = self.index.blob_users(name)?;
        for chunk in users.chunks(ENTRIES_AT_A_TIME) {
            for entry in self.ledger.get_many(chunk)? {
                let opened = open_entry(&self.keys, &entry).and_then(|opened| blobs_of(&opened));
                let blobs = skip_damaged(opened)?.unwrap_or_default();
                let record = blobs.into_iter().find(|b| self.keys.blob_name(&b.digest.0) == name);
                if let Some(record) = record
                    && !visit(record)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Visits the materials that count, need this blob and `wanted` says so, in the order they were filed;
    /// `visit` returns `false` to stop.
    pub(crate) fn visit_users(
        &self,
        name: BlobName,
        wanted: &dyn Fn(&MaterialRow) -> bool,
        visit: &mut dyn FnMut(&MaterialRow, Stored, FiledPersonal) -> Result<bool, ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let mut users = self.index.blob_users(name)?;
        users.sort_unstable();
        for chunk in users.chunks(ENTRIES_AT_A_TIME) {
            for entry in self.ledger.get_many(chunk)? {
                // Staged sets need blobs too. Only a row that is wanted is worth opening.
                let refs = skip_damaged(refs_of(&entry))?.unwrap_or_default();
                let Some(id) = refs.material else { continue };
                let Some(row) = self.index.material(id.0)?.filter(wanted) else { continue };
                if self.veil.covers_row(&row) {
                    continue;
                }
                let opened = open_beneath(&self.veil, &self.keys, &entry);
                let filed = opened.and_then(|opened| opened.filed());
                let Some((material, personal)) = skip_damaged(filed)?.flatten() else { continue };
                let originals_disposed = row.originals_disposed;
                let stored = Stored { material, sequence: entry.sequence, originals_disposed };
                if !visit(&row, stored, personal)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A blob's plain bytes, hashed again.
    pub(crate) fn plain_blob(&self, key: &BlobKey, digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        let name = self.keys.blob_name(digest);
        let Some(sealed) = self.blobs.get(name)? else {
            let damaged = self.is_quarantined(name);
            return Err(if damaged {
                ArchiveError::BlobDamaged { name }
            } else {
                ArchiveError::BlobMissing { name }
            });
        };
        self.open_stored(name, key, &sealed)?.ok_or(ArchiveError::BlobDamaged { name })
    }

    /// What is stored under a name, opened and hashed again; `None` if it is damaged. What was taken in again while the entry that
    /// knows this key could not be read has the key of another entry, and a copy of what had this one was kept.
    pub(crate) fn open_stored(
        &self,
        name: BlobName,
        key: &BlobKey,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, ArchiveError> {
        let open = |key: &BlobKey, sealed: &[u8]| {
            let plain = blob_format::open_blob(key, sealed);
            plain.filter(|plain| self.keys.blob_name(&Digest::of(plain)) == name)
        };
        if let Some(plain) = open(key, sealed) {
            return Ok(Some(plain));
        }
        let kept = self.quarantine.as_ref().map(|quarantine| quarantine.kept_copy(name)).transpose()?;
        let Some(kept) = kept.flatten() else { return Ok(None) };
        let mut found = open(key, &kept);
        self.visit_records(name, &mut |record| {
            found = found.take().or_else(|| open(&record.blob_key(), sealed));
            found.is_none()
        })?;
        Ok(found)
    }

    /// Whether a blob was moved aside and is not whole again yet.
    pub(crate) fn is_quarantined(&self, name: BlobName) -> bool {
        self.quarantine.as_ref().is_some_and(|quarantine| quarantine.has(name))
    }

    /// Tags of these subjects, sorted.
    pub(crate) fn sorted_tags<'a>(
        &self,
        subjects: impl IntoIterator<Item = &'a yidang_model::Subject>,
    ) -> Vec<Tag> {
        let mut tags: Vec<Tag> = subjects.into_iter().map(|s| self.keys.subject_tag(s)).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}

/// The blobs an entry keeps alive and can still open.
pub(crate) fn blobs_of(opened: &OpenEntry) -> Result<Vec<BlobRecord>, ArchiveError> {
    Ok(match opened.verb {
        Verb::Staged => opened.personal::<StagedPersonal>()?.map(|p| p.blobs).unwrap_or_default(),
        Verb::Filed | Verb::Refiled => {
            opened.personal::<FiledPersonal>()?.map(|p| p.blobs).unwrap_or_default()
        }
        _ => Vec::new(),
    })
}
