//! Damaged blobs: moved aside, and made whole again from the same bytes, wherever those come from.
//!
//! | step | durable | what a crash right after it leaves | who puts it right |
//! |---|---|---|---|
//! | 1 | a copy in the quarantine | the damaged blob in its place too | the next scrub finds it again |
//! | 2 | ledger `quarantined` | the same | the same, with another entry |
//! | 3 | the damaged blob deleted | nothing | |
//!
//! and back: the blob sealed anew and read again, the entry `repaired`, the copy wiped. A crash between them leaves
//! a copy whose blob is whole; whatever looks at the quarantine next settles it.

use yidang_model::Digest;

use crate::blob_format::{self, BlobKey};
use crate::doubt::Doubt;
use crate::entry::{Plain, refs_of, seal_entry};
use crate::plan::{Answer, Draft, Request};
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs};
use crate::scribe::Scribe;
use crate::sealed_blob::SealedBlob;
use crate::storage::{BlobName, IndexChange, StorageFault, Verb};
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

/// In whose name the archive looks after itself.
const CARETAKER: &str = "archive";
/// Most materials an entry about a blob names; who else needs the blob is for the index to say.
const NAMED_MAX: usize = 100;

impl Archive {
    /// Moves a blob aside that is there and damaged; `false` where there is none, where it is whole, and where this
    /// archive has no quarantine. Until it is [repaired](Archive::repair) whoever asks for it hears
    /// [`ArchiveError::BlobDamaged`].
    pub fn set_aside(&self, name: BlobName) -> Result<bool, ArchiveError> {
        yes(self.shared.writer.ask_alone(move |scribe| answer(scribe.set_aside(name)?))?)
    }

    /// Makes a damaged or missing blob whole again from its plain bytes; `false` if it was whole, or nothing needs
    /// it. Bytes that are not the blob's are [`ArchiveError::BlobUnknown`]. It is read again before it counts as
    /// repaired.
    pub fn repair(&self, name: BlobName, plain: Vec<u8>) -> Result<bool, ArchiveError> {
        let digest = Digest::of(&plain);
        if self.shared.stores.keys.blob_name(&digest) != name {
            return Err(ArchiveError::BlobUnknown { digest });
        }
        yes(self.shared.writer.ask_alone(move |scribe| answer(scribe.repair(name, &plain)?))?)
    }

    /// The digest of a blob's plain bytes, by which someone else may have them. Personal data.
    pub fn digest_of(&self, name: BlobName) -> Result<Option<Digest>, ArchiveError> {
        Ok(self.shared.stores.live_record(name)?.map(|record| record.digest.0))
    }

    /// Blobs in the quarantine.
    pub fn quarantined(&self) -> Vec<BlobName> {
        self.shared.stores.quarantine.as_ref().map(|q| q.list()).unwrap_or_default()
    }

    /// Whether the blob with these plain bytes is in the quarantine, so that they are welcome.
    pub fn wants(&self, digest: &Digest) -> bool {
        let stores = &self.shared.stores;
        stores.is_quarantined(stores.keys.blob_name(digest))
    }

    /// Before these bytes are taken in: what is on file under their names and is damaged or missing is made whole
    /// from them, whatever becomes of the request. What is recognised writes nothing else.
    pub(crate) fn mend(&self, blobs: &[SealedBlob]) -> Result<(), ArchiveError> {
        let stores = &self.shared.stores;
        for blob in blobs {
            let Some(key) = stores.live_key(blob.name)? else { continue };
            if read_whole(stores, blob.name, &key)?.is_err() {
                self.set_aside(blob.name)?;
                self.repair(blob.name, blob.plain()?)?;
            }
        }
        Ok(())
    }

    /// Has the writer take these blobs in, those of the request.
    pub(crate) fn take_in(&self, names: &[BlobName], request: Request) -> Result<Answer, ArchiveError> {
        let answer = self.shared.writer.ask(request)?;
        if let Err(error) = self.settle_quarantine(names) {
            tracing::warn!(%error, "that a blob is whole again is entered later");
        }
        Ok(answer)
    }

    /// After bytes were taken in: those of quarantined blobs have repaired them.
    pub(crate) fn settle_quarantine(&self, names: &[BlobName]) -> Result<u64, ArchiveError> {
        let held = |name: &&BlobName| self.shared.stores.is_quarantined(**name);
        let names: Vec<BlobName> = names.iter().filter(held).copied().collect();
        if names.is_empty() {
            return Ok(0);
        }
        let settle = move |scribe: &mut Scribe| Ok(Answer::Count(scribe.settle_quarantine(&names)?));
        match self.shared.writer.ask_alone(settle)? {
            Answer::Count(count) => Ok(count),
            _ => Err(ArchiveError::Defect),
        }
    }
}

fn answer(done: bool) -> Result<Answer, ArchiveError> {
    Ok(Answer::Count(u64::from(done)))
}

fn yes(answer: Answer) -> Result<bool, ArchiveError> {
    match answer {
        Answer::Count(count) => Ok(count > 0),
        _ => Err(ArchiveError::Defect),
    }
}

impl Scribe {
    fn set_aside(&mut self, name: BlobName) -> Result<bool, ArchiveError> {
        let stores = self.stores.clone();
        let Some(quarantine) = &stores.quarantine else { return Ok(false) };
        let Some(key) = stores.live_key(name)? else { return Ok(false) };
        if !stores.blobs.has(name)? {
            return Ok(false);
        }
        let Err(found) = read_whole(&stores, name, &key)? else { return Ok(false) };
        quarantine.put(name, &found)?;
        self.note(Verb::Quarantined, name)?;
        stores.blobs.delete_many(&[name])?;
        tracing::error!(blob = name.to_hex(), "a damaged blob was moved aside");
        Ok(true)
    }

    fn repair(&mut self, name: BlobName, plain: &[u8]) -> Result<bool, ArchiveError> {
        let stores = self.stores.clone();
        let Some(key) = stores.live_key(name)? else { return Ok(false) };
        let is_there = stores.blobs.has(name)?;
        if !is_there || read_whole(&stores, name, &key)?.is_err() {
            stores.blobs.put_many(&[(name, blob_format::seal_blob(&key, plain)?)])?;
            if read_whole(&stores, name, &key)?.is_err() {
                return Err(ArchiveError::BlobDamaged { name });
            }
            if !stores.is_quarantined(name) {
                self.note(Verb::Repaired, name)?;
                return Ok(true);
            }
        }
        Ok(self.settle_quarantine(&[name])? > 0)
    }

    /// Enters those of these quarantined blobs as repaired that are whole again, and wipes their copies and the
    /// copies that nothing needs; how many were repaired.
    pub(crate) fn settle_quarantine(&mut self, names: &[BlobName]) -> Result<u64, ArchiveError> {
        let stores = self.stores.clone();
        let Some(quarantine) = &stores.quarantine else { return Ok(0) };
        let mut repaired = 0;
        let doubt = Doubt::of(stores.index.left_out()?);
        for name in names.iter().filter(|name| quarantine.has(**name)) {
            if stores.index.blob_users(*name)?.is_empty() {
                // What the index lacks may need it, damaged as it is.
                if !doubt.covers(&stores, *name)? {
                    quarantine.remove_many(&[*name])?;
                }
                continue;
            }
            let Some(key) = stores.live_key(*name)? else { continue };
            if stores.blobs.has(*name)? && read_whole(&stores, *name, &key)?.is_ok() {
                self.note(Verb::Repaired, *name)?;
                quarantine.remove_many(&[*name])?;
                tracing::info!(blob = name.to_hex(), "a damaged blob is whole again");
                repaired += 1;
            }
        }
        Ok(repaired)
    }

    /// Enters what became of a blob. The entry names the materials that need it and not the blob: a keyed hash of a
    /// picture would stay in the ledger when the picture has to be forgotten.
    fn note(&mut self, verb: Verb, name: BlobName) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        let mut refs = Refs::default();
        let users = stores.index.blob_users(name)?;
        for entry in stores.ledger.get_many(&users[..users.len().min(NAMED_MAX)])? {
            let user = skip_damaged(refs_of(&entry))?.unwrap_or_default();
            refs.materials.extend(user.material);
            refs.staged.extend(user.material.is_none().then(|| user.staged.first().cloned()).flatten());
        }
        let stored = if verb == Verb::Repaired { stores.blobs.stat(name)? } else { None };
        self.write_alone(|planner| {
            let at = stored.map(|stat| stat.written_at);
            let stored_until = at.map(|at| at.as_millis());
            let office = Office { client: CARETAKER.to_owned(), count: 1, stored_until, ..Office::default() };
            let (personal, idempotency) = (NoPersonal {}, None);
            let plain = Plain { verb, refs, office, personal, slots: &[], idempotency };
            let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
            Ok(Draft::of(entry, at.map(IndexChange::StoredAgain), Answer::Sequence(planner.sequence)))
        })
    }
}

/// A blob's plain bytes, or, where they are not what its name says, what lies there.
fn read_whole(
    stores: &Stores,
    name: BlobName,
    key: &BlobKey,
) -> Result<Result<Vec<u8>, Vec<u8>>, ArchiveError> {
    let sealed = match stores.blobs.get(name) {
        Ok(sealed) => sealed.unwrap_or_default(),
        Err(error) if error.fault == StorageFault::Damaged => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(stores.open_stored(name, key, &sealed)?.ok_or(sealed))
}
