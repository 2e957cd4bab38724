//! The cabinet all keys are taken from and put back to.
//!
//! Holder keys and the keys of staged sets are read from the keyring and unwrapped each time: what has been
//! deleted there must not live on in a cache. Only the store's own three keys stay in memory, which last as
//! long as the store.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use subtle::ConstantTimeEq;
use yidang_model::{Digest, Subject, Timestamp};
use zeroize::Zeroizing;

use crate::caller::Idempotency;
use crate::crypto::Suite;
use crate::recovery::{OfficeId, RecoveryKey};
use crate::seal;
use crate::sqlite::SqliteKeyring;
use crate::storage::{
    BlobName, EpochRecord, KeyId, KeyKeeper, KeyKeeperError, KeyPurpose, KeyRecord, Keyring, Part, Secret,
    StorageError, StorageFault, Tag,
};
use crate::{ArchiveError, KeyOptions};

/// A key and the name under which sealed things refer to it.
#[derive(Clone, Debug)]
pub(crate) struct NamedKey {
    pub(crate) id: KeyId,
    pub(crate) secret: Secret,
}

/// A key that has been made and is not in the keyring yet.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) key: NamedKey,
    pub(crate) record: KeyRecord,
}

struct Epoch {
    number: u32,
    secret: Secret,
}

/// Keyring and key keeper together.
pub(crate) struct KeyCabinet {
    keyring: Box<dyn Keyring>,
    keeper: Box<dyn KeyKeeper>,
    /// What each epoch's key is sealed to.
    recovery: Option<RecoveryKey>,
    /// Held for reading while a record is fetched and unwrapped, for writing while all are rewrapped: a
    /// reader never meets a record of one epoch with the key of another.
    epoch: RwLock<Epoch>,
    store_id: String,
    /// What everything is sealed and named with, as it was when the store was founded.
    suite: Suite,
    blob_names: Secret,
    tags: Secret,
    office: Secret,
}

/// An epoch's key by itself, for whoever mends a keyring.
pub(crate) struct EpochKey(Epoch);

impl EpochKey {
    pub(crate) fn new(number: u32, secret: Secret) -> Self {
        Self(Epoch { number, secret })
    }

    /// Whether this key was wrapped by it.
    pub(crate) fn opens(&self, record: &KeyRecord) -> bool {
        record.epoch == self.0.number && unwrap_key(&self.0, record).is_ok()
    }

    /// A new key of a holder, wrapped by it.
    #[cfg(test)]
    pub(crate) fn make_holder(&self, tag: Tag, now: Timestamp) -> Result<KeyRecord, ArchiveError> {
        Ok(make_key(&self.0, KeyPurpose::Holder, Some(tag), now)?.record)
    }

    /// Whether that is what a keyring of this store says of it.
    pub(crate) fn is_checked_by(&self, record: &EpochRecord, store_id: &str) -> bool {
        bool::from(epoch_check(&self.0, store_id).ct_eq(&record.check))
    }

    /// What a keyring of this store would say of it, sealed to nobody.
    pub(crate) fn record(&self, store_id: &str, now: Timestamp) -> Result<EpochRecord, StorageError> {
        epoch_record(&self.0, None, store_id, now)
    }
}

/// The store's own keys.
pub(crate) const STORE_PURPOSES: [KeyPurpose; 3] =
    [KeyPurpose::BlobNames, KeyPurpose::Tags, KeyPurpose::Office];

impl KeyCabinet {
    /// Opens the keyring with the epoch key, which is checked before anything is written. A new keyring gets
    /// its first epoch and the store's keys, but only for a ledger that is empty too: with entries in it, a
    /// keyring without keys has been lost. Before any key of the epoch is used, the epoch's own is sealed to
    /// the office's recovery key, unless it has been. A keyring keeps the suite it was founded with.
    pub(crate) fn open(
        keyring: Box<dyn Keyring>,
        keeper: Box<dyn KeyKeeper>,
        how: &KeyOptions,
        ledger_is_empty: bool,
        now: Timestamp,
    ) -> Result<Self, ArchiveError> {
        let (store_id, recovery) = (keyring.store_id()?, how.recovery);
        let mut store_keys = keyring.store_keys()?;
        let founding = ledger_is_empty && store_keys.len() < STORE_PURPOSES.len();
        let found = |number| {
            let (keyring, keeper) = (keyring.as_ref(), keeper.as_ref());
            let secret = seal::random_secret(how.suite.unwrap_or_default())?;
            found_epoch(keyring, keeper, recovery.as_ref(), &store_id, Epoch { number, secret }, now)
        };
        let epoch = match keyring.current_epoch()? {
            Some(record) => match load_epoch(keeper.as_ref(), &store_id, &record) {
                // The first start was interrupted before the epoch's key was kept, so nothing is wrapped by it.
                Err(ArchiveError::Keys(KeyKeeperError::Missing(_))) if founding && store_keys.is_empty() => {
                    found(record.epoch + 1)?
                }
                loaded => {
                    let epoch = loaded?;
                    seal_for_recovery(keyring.as_ref(), recovery.as_ref(), &store_id, &epoch, &record)?;
                    epoch
                }
            },
            None if ledger_is_empty => found(1)?,
            None => return Err(lost("the ledger has entries, the keyring has no epoch")),
        };
        if founding {
            let present: Vec<KeyPurpose> = store_keys.iter().map(|k| k.purpose).collect();
            let missing = STORE_PURPOSES.into_iter().filter(|p| !present.contains(p));
            let made: Result<Vec<NewKey>, ArchiveError> =
                missing.map(|purpose| make_key(&epoch, purpose, None, now)).collect();
            let records: Vec<KeyRecord> = made?.into_iter().map(|k| k.record).collect();
            keyring.put_many(&records)?;
            store_keys.extend(records);
        }
        let key_of = |purpose: KeyPurpose| {
            let record = store_keys.iter().find(|k| k.purpose == purpose);
            unwrap_key(&epoch, record.ok_or_else(|| lost("one of the store's own keys is not there"))?)
        };
        let (blob_names, tags) = (key_of(KeyPurpose::BlobNames)?, key_of(KeyPurpose::Tags)?);
        let office = key_of(KeyPurpose::Office)?;
        // A crash between beginning an epoch and destroying its predecessor's key leaves that key behind.
        keeper.destroy(epoch.number - 1)?;
        let suite = epoch.secret.suite();
        if how.suite.is_some_and(|wanted| wanted != suite) {
            tracing::warn!(%suite, "the archive keeps the cipher it was made with, whatever is configured now");
        }
        let epoch = RwLock::new(epoch);
        Ok(Self { keyring, keeper, recovery, epoch, store_id, suite, blob_names, tags, office })
    }

    pub(crate) fn store_id(&self) -> &str {
        &self.store_id
    }

    /// What everything is sealed and named with.
    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    /// Name of the blob with these plain bytes.
    pub(crate) fn blob_name(&self, digest: &Digest) -> BlobName {
        BlobName(seal::keyed_hash(&self.blob_names, "blob 1", &[digest.as_bytes()]))
    }

    /// Tag of a subject.
    pub(crate) fn subject_tag(&self, subject: &Subject) -> Tag {
        let text = Zeroizing::new(format!("{}:{}", subject.subject_type().as_str(), subject.value()));
        Tag(seal::keyed_hash(&self.tags, "subject 1", &[text.as_bytes()]))
    }

    /// Tag of a filing's parts.
    pub(crate) fn filing_tag(&self, parts: &[&[u8]]) -> Tag {
        Tag(seal::keyed_hash(&self.tags, "filing 1", parts))
    }

    /// Tags of an idempotency key and its request.
    pub(crate) fn idempotency_tags(&self, idempotency: &Idempotency) -> (Tag, Tag) {
        let key = seal::keyed_hash(&self.tags, "idempotency 1", &[&idempotency.key]);
        (Tag(key), Tag(seal::keyed_hash(&self.tags, "request 1", &[&idempotency.request])))
    }

    /// The key of what the office can still read when a person is forgotten.
    pub(crate) fn office(&self) -> &Secret {
        &self.office
    }

    /// Makes a key, wrapped by the current epoch. It is nowhere until it is [added](Self::add).
    pub(crate) fn make(
        &self,
        purpose: KeyPurpose,
        tag: Option<Tag>,
        now: Timestamp,
    ) -> Result<NewKey, ArchiveError> {
        make_key(&self.epoch.read().unwrap_or_else(PoisonError::into_inner), purpose, tag, now)
    }

    /// Puts keys into the keyring; durable when it returns.
    pub(crate) fn add(&self, keys: &[KeyRecord]) -> Result<(), ArchiveError> {
        Ok(self.keyring.put_many(keys)?)
    }

    /// A key; `None` once it is forgotten.
    pub(crate) fn get(&self, id: KeyId) -> Result<Option<Secret>, ArchiveError> {
        Ok(self.fetch(|keyring| keyring.get(id))?.map(|key| key.secret))
    }

    /// A holder's key.
    pub(crate) fn holder(&self, tag: Tag) -> Result<Option<NamedKey>, ArchiveError> {
        self.fetch(|keyring| keyring.find_holder(tag))
    }

    /// Deletes keys for good. Unknown ones are no error.
    pub(crate) fn forget(&self, ids: &[KeyId]) -> Result<(), ArchiveError> {
        Ok(self.keyring.delete_many(ids)?)
    }

    /// Truncates the keyring's journal.
    pub(crate) fn scrub(&self) -> Result<(), ArchiveError> {
        Ok(self.keyring.scrub()?)
    }

    /// Makes a keyring in that folder of every key but those of staged sets, in place of the one that is there. A key
    /// that does not unwrap ends it: what is damaged takes no whole copy's place.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<(), ArchiveError> {
        let epoch = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        let record = self.keyring.current_epoch()?.filter(|record| record.epoch == epoch.number);
        let record = record.ok_or_else(|| lost("the keyring is in another epoch"))?;
        SqliteKeyring::write_anew(folder, &self.store_id, &record, &mut |put| {
            self.keyring.visit(&mut |key| {
                if key.purpose == KeyPurpose::Staged {
                    return Ok(());
                }
                unwrap_key(&epoch, &key).map_err(into_storage)?;
                put(&key)
            })
        })?;
        Ok(())
    }

    /// How many keys of a purpose there are.
    pub(crate) fn count(&self, purpose: KeyPurpose) -> Result<u64, ArchiveError> {
        Ok(self.keyring.count(purpose)?)
    }

    /// The current epoch.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.read().unwrap_or_else(PoisonError::into_inner).number
    }

    /// Whose recovery key the current epoch is sealed to.
    pub(crate) fn recovery(&self) -> Result<Option<OfficeId>, ArchiveError> {
        Ok(self.keyring.current_epoch()?.and_then(|epoch| epoch.recovery).map(|seal| seal.office))
    }

    /// Whether the keeper still has the right key of the current epoch.
    pub(crate) fn check_epoch(&self) -> Result<(), ArchiveError> {
        let record = self.keyring.current_epoch()?.ok_or_else(|| lost("the keyring has no epoch"))?;
        load_epoch(self.keeper.as_ref(), &self.store_id, &record).map(|_| ())
    }

    /// Begins a new epoch and destroys the old one's key, so that what was deleted from the keyring cannot be
    /// unwrapped any more even from an old copy of it. Stopped anywhere, it can simply be called again.
    pub(crate) fn rotate(&self, now: Timestamp) -> Result<(), ArchiveError> {
        self.reload()?;
        let mut epoch = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        // An earlier rotation may have stopped just before this; never let two old keys pile up.
        self.keeper.destroy(epoch.number - 1)?;
        let next = Epoch { number: epoch.number + 1, secret: seal::random_secret(self.suite)? };
        self.keeper.keep(next.number, &next.secret)?;
        let record = epoch_record(&next, self.recovery.as_ref(), &self.store_id, now)?;
        let began = self.keyring.begin_epoch(&record, &mut |record| {
            let secret = unwrap_key(&epoch, record).map_err(into_storage)?;
            wrap_key(&next, record, &secret)
        });
        if let Err(error) = began {
            drop(epoch);
            // Whether it took hold is for the keyring to say.
            self.reload()?;
            return Err(error.into());
        }
        let old = epoch.number;
        *epoch = next;
        Ok(self.keeper.destroy(old)?)
    }

    /// The epoch key in use, to look for where it must not be.
    #[cfg(test)]
    pub(crate) fn epoch_secret_for_tests(&self) -> Secret {
        self.epoch.read().unwrap_or_else(PoisonError::into_inner).secret.clone()
    }

    /// A key as the keyring has it, to look for where it must not be.
    #[cfg(test)]
    pub(crate) fn wrapped_for_tests(&self, id: KeyId) -> Vec<u8> {
        self.keyring.get(id).ok().flatten().map(|record| record.wrapped).unwrap_or_default()
    }

    fn fetch(
        &self,
        find: impl Fn(&dyn Keyring) -> Result<Option<KeyRecord>, StorageError>,
    ) -> Result<Option<NamedKey>, ArchiveError> {
        for attempt in 0..2 {
            let epoch = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
            let Some(record) = find(self.keyring.as_ref())? else { return Ok(None) };
            if record.epoch == epoch.number || attempt == 1 {
                return Ok(Some(NamedKey { id: record.id, secret: unwrap_key(&epoch, &record)? }));
            }
            drop(epoch);
            self.reload()?;
        }
        Ok(None)
    }

    /// Takes up the epoch the keyring is in, where that changed without this process being told: a rotation
    /// that took hold and was reported as failed.
    fn reload(&self) -> Result<(), ArchiveError> {
        let mut epoch = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        let record = self.keyring.current_epoch()?.ok_or_else(|| lost("the keyring has no epoch"))?;
        if record.epoch != epoch.number {
            *epoch = load_epoch(self.keeper.as_ref(), &self.store_id, &record)?;
        }
        Ok(())
    }
}

/// The keyring first, then the keeper: a key that some other store keeps in the same place is found and
/// refused instead of being overwritten.
fn found_epoch(
    keyring: &dyn Keyring,
    keeper: &dyn KeyKeeper,
    recovery: Option<&RecoveryKey>,
    store_id: &str,
    epoch: Epoch,
    now: Timestamp,
) -> Result<Epoch, ArchiveError> {
    match keeper.load(epoch.number) {
        Err(KeyKeeperError::Missing(_)) => {}
        Ok(_) => return Err(ArchiveError::KeysWrong),
        Err(error) => return Err(error.into()),
    }
    keyring.begin_epoch(&epoch_record(&epoch, recovery, store_id, now)?, &mut |_| {
        Err(StorageError::new(Part::Keyring, StorageFault::Damaged, "keys without an epoch"))
    })?;
    keeper.keep(epoch.number, &epoch.secret)?;
    Ok(epoch)
}

fn load_epoch(keeper: &dyn KeyKeeper, store_id: &str, record: &EpochRecord) -> Result<Epoch, ArchiveError> {
    let epoch = Epoch { number: record.epoch, secret: keeper.load(record.epoch)? };
    if !bool::from(epoch_check(&epoch, store_id).ct_eq(&record.check)) {
        return Err(ArchiveError::KeysWrong);
    }
    Ok(epoch)
}

fn epoch_check(epoch: &Epoch, store_id: &str) -> [u8; 32] {
    let parts: [&[u8]; 2] = [&epoch.number.to_be_bytes(), store_id.as_bytes()];
    seal::keyed_hash(&epoch.secret, "epoch check 1", &parts)
}

fn epoch_record(
    epoch: &Epoch,
    recovery: Option<&RecoveryKey>,
    store_id: &str,
    now: Timestamp,
) -> Result<EpochRecord, StorageError> {
    let recovery = recovery.map(|key| key.seal(&epoch.secret, store_id, epoch.number)).transpose()?;
    Ok(EpochRecord { epoch: epoch.number, check: epoch_check(epoch, store_id), began_at: now, recovery })
}

/// Seals an epoch that began before the recovery key was configured, or under another one.
fn seal_for_recovery(
    keyring: &dyn Keyring,
    recovery: Option<&RecoveryKey>,
    store_id: &str,
    epoch: &Epoch,
    record: &EpochRecord,
) -> Result<(), ArchiveError> {
    let sealed = record.recovery.as_ref().map(|seal| seal.office);
    let Some(key) = recovery else {
        if let Some(office) = sealed {
            tracing::warn!(
                %office,
                "no recovery key is configured any more; this epoch stays sealed to the last one. Set `[agent] recovery_key` (at the \
                 repository `[repository] recovery_key`) to that office's key again, or to another one"
            );
        }
        return Ok(());
    };
    if sealed == Some(key.office()) {
        return Ok(());
    }
    let seal = key.seal(&epoch.secret, store_id, epoch.number)?;
    let set = keyring.set_recovery(epoch.number, &seal).and_then(|()| {
        // Whoever has the shares of the key before must not find its seal in the journal.
        if sealed.is_some() { keyring.scrub() } else { Ok(()) }
    });
    match set {
        // What is on file can be read from a full disk too; the next start puts the rest right.
        Err(error) if matches!(error.fault, StorageFault::DiskFull | StorageFault::ReadOnly) => {
            tracing::warn!(%error, "the epoch's key is not sealed to the recovery key yet");
            Ok(())
        }
        set => Ok(set?),
    }
}

fn make_key(
    epoch: &Epoch,
    purpose: KeyPurpose,
    tag: Option<Tag>,
    now: Timestamp,
) -> Result<NewKey, ArchiveError> {
    let key = NamedKey { id: KeyId(seal::random()?), secret: seal::random_secret(epoch.secret.suite())? };
    let mut record =
        KeyRecord { id: key.id, purpose, tag, epoch: epoch.number, wrapped: Vec::new(), created_at: now };
    record.wrapped = wrap_key(epoch, &record, &key.secret)?;
    Ok(NewKey { key, record })
}

fn wrap_key(epoch: &Epoch, record: &KeyRecord, secret: &Secret) -> Result<Vec<u8>, StorageError> {
    seal::seal(&epoch.secret, &wrapping_context(epoch.number, record), secret.expose())
}

fn unwrap_key(epoch: &Epoch, record: &KeyRecord) -> Result<Secret, ArchiveError> {
    let plain = seal::open(&epoch.secret, &wrapping_context(epoch.number, record), &record.wrapped);
    plain.and_then(|plain| Secret::from_slice(&plain)).ok_or_else(|| {
        let detail = format!("key {} does not unwrap", record.id.to_hex());
        StorageError::new(Part::Keyring, StorageFault::Damaged, detail).into()
    })
}

/// Binds a wrapped key to its row: exchanged between rows, it does not unwrap.
fn wrapping_context(epoch: u32, record: &KeyRecord) -> Vec<u8> {
    let tag = record.tag.map_or(Vec::new(), |t| t.0.to_vec());
    let parts: [&[u8]; 4] = [&epoch.to_be_bytes(), &record.id.0, record.purpose.as_str().as_bytes(), &tag];
    seal::framed("wrapped key 1", &parts)
}

fn into_storage(error: ArchiveError) -> StorageError {
    match error {
        ArchiveError::Storage(error) => error,
        other => StorageError::new(Part::Keyring, StorageFault::Io, other.to_string()),
    }
}

fn lost(detail: &str) -> ArchiveError {
    StorageError::new(Part::Keyring, StorageFault::Missing, detail).into()
}
