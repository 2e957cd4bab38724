//! A blob between the caller, on whose thread it is hashed and sealed, and the store.

use yidang_model::{Digest, HashedBytes};

use crate::ArchiveError;
use crate::blob_format::{self, BlobKey};
use crate::proof::doubt;
use crate::record::BlobRecord;
use crate::stage::BLOB_BYTES_MAX;
use crate::storage::{BlobName, StorageFault};
use crate::stores::Stores;

/// A blob that the store may lack.
pub(crate) struct SealedBlob {
    pub(crate) digest: Digest,
    pub(crate) name: BlobName,
    /// What it opens with in the store: its own key, or the one that what is there already opens with.
    key: BlobKey,
    sealed_with: BlobKey,
    /// Whether the store lacks it, as the last plan found.
    is_missing: bool,
    /// Empty while a plan has them.
    bytes: Vec<u8>,
}

/// Seals; the digests in their order, and each blob once.
pub(crate) fn seal_all(
    blobs: Vec<HashedBytes>,
    stores: &Stores,
) -> Result<(Vec<Digest>, Vec<SealedBlob>), ArchiveError> {
    if blobs.iter().any(|b| b.as_ref().len() > BLOB_BYTES_MAX) {
        return Err(ArchiveError::Invalid("a blob is at most 64 MiB long"));
    }
    let mut digests = Vec::with_capacity(blobs.len());
    let mut sealed: Vec<SealedBlob> = Vec::with_capacity(blobs.len());
    for plain in blobs {
        let digest = plain.digest();
        digests.push(digest);
        if sealed.iter().all(|b| b.digest != digest) {
            let key = BlobKey::random(stores.keys.suite())?;
            let bytes = blob_format::seal_blob(&key, plain.as_ref())?;
            let name = stores.keys.blob_name(&digest);
            sealed.push(SealedBlob {
                digest,
                name,
                key: key.clone(),
                sealed_with: key,
                is_missing: true,
                bytes,
            });
        }
    }
    Ok((digests, sealed))
}

/// Puts back what [`SealedBlob::take`] took.
pub(crate) fn give_back(sealed: &mut [SealedBlob], taken: Vec<(BlobName, Vec<u8>)>) {
    for (name, bytes) in taken {
        if let Some(blob) = sealed.iter_mut().find(|b| b.name == name) {
            blob.bytes = bytes;
        }
    }
}

impl SealedBlob {
    /// Makes its key the one that what is stored under its name has or gets.
    pub(crate) fn settle(&mut self, stores: &Stores) -> Result<(), ArchiveError> {
        let Some(live) = stores.live_key(self.name)? else {
            // Nothing needs what is stored under this name, so if there is anything its key is lost: it is replaced. But
            // what cannot be read now may be read once ledger and keyring are rebuilt, with the key it has: it is kept aside
            // until these bytes, which are the same, are safely in its place.
            let is_there = stores.blobs.stat(self.name)?.is_some();
            let is_needed = || -> Result<bool, ArchiveError> {
                Ok(!stores.index.blob_users(self.name)?.is_empty()
                    || doubt(stores)?.covers(stores, self.name)?)
            };
            if is_there && is_needed()? {
                self.keep_unopened(stores)?;
            }
            self.key = self.sealed_with.clone();
            self.is_missing = true;
            return Ok(());
        };
        self.is_missing = !stores.blobs.has(self.name)?;
        if self.is_missing {
            // It got lost. Sealed with the key the others know, it is whole again for them too.
            self.bytes = blob_format::seal_blob(&live, &self.plain()?)?;
            self.sealed_with = live.clone();
        }
        self.key = live;
        Ok(())
    }

    /// Keeps what is stored under its name, and nothing can open, for an entry that is found again and knows the key.
    fn keep_unopened(&self, stores: &Stores) -> Result<(), ArchiveError> {
        let damaged = || ArchiveError::BlobDamaged { name: self.name };
        let quarantine = stores.quarantine.as_ref().ok_or_else(damaged)?;
        let found = match stores.blobs.get(self.name) {
            Err(error) if error.fault == StorageFault::Damaged => None,
            found => found?,
        };
        if let Some(found) = found {
            quarantine.keep(self.name, &found)?;
            tracing::warn!(
                blob = self.name.to_hex(),
                "a blob that nothing here can open is replaced by the same picture"
            );
        }
        Ok(())
    }

    /// What was sealed; not while a plan has it.
    pub(crate) fn plain(&self) -> Result<Vec<u8>, ArchiveError> {
        let opened = blob_format::open_blob(&self.sealed_with, &self.bytes);
        opened.ok_or(ArchiveError::BlobDamaged { name: self.name })
    }

    /// How it opens once it is settled.
    pub(crate) fn record(&self) -> BlobRecord {
        BlobRecord::new(self.digest, &self.key)
    }

    /// What has to be written of it; `None` where it is stored already.
    pub(crate) fn take(&mut self) -> Option<(BlobName, Vec<u8>)> {
        self.is_missing.then(|| (self.name, std::mem::take(&mut self.bytes)))
    }
}
