//! Sealing an entry's body, and opening it again as far as its keys are there.

use yidang_model::{Material, Subject};
use zeroize::Zeroizing;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caller::{Actor, Idempotency};
use crate::crypto::Suite;
use crate::keys::{KeyCabinet, NamedKey};
use crate::record::{
    Bytes, Envelope, FiledPersonal, Office, Refs, SecretBytes, Slot, SlotContents, SubjectRecord, from_json,
    to_json,
};
use crate::storage::{Entry, KeyId, NewEntry, Part, StorageError, StorageFault, Verb};
use crate::veil::Veil;
use crate::{ArchiveError, Clock, seal};

/// Who can open an entry: a holder, or for a staged set (without a subject) its own key.
pub(crate) struct SlotKey<'a> {
    pub(crate) key: NamedKey,
    pub(crate) subject: Option<&'a Subject>,
}

/// What is to be written, in the clear.
pub(crate) struct Plain<'a, P: Serialize> {
    pub(crate) verb: Verb,
    pub(crate) refs: Refs,
    pub(crate) office: Office,
    /// Left out when there is no slot: nobody could open it.
    pub(crate) personal: P,
    pub(crate) slots: &'a [SlotKey<'a>],
    pub(crate) idempotency: Option<&'a Idempotency>,
}

impl Office {
    pub(crate) fn of(actor: &Actor) -> Self {
        Self { client: actor.client.clone(), operator: actor.operator.clone(), ..Self::default() }
    }

    /// Who did it.
    pub(crate) fn by(&self) -> Actor {
        Actor { client: self.client.clone(), operator: self.operator.clone() }
    }
}

/// Seals an entry.
pub(crate) fn seal_entry<P: Serialize>(
    keys: &KeyCabinet,
    clock: &dyn Clock,
    plain: Plain<'_, P>,
) -> Result<NewEntry, ArchiveError> {
    let Plain { verb, refs, office, personal, slots, idempotency } = plain;
    let context = |part| context_of(part, verb, &refs);
    let office = Bytes(seal::seal(keys.office(), &context("office")?, &json(&office)?)?);
    let mut sealed_slots = Vec::with_capacity(slots.len());
    let mut sealed_personal = None;
    if !slots.is_empty() {
        let data_key = seal::random_secret(keys.suite())?;
        sealed_personal = Some(Bytes(seal::seal(&data_key, &context("personal")?, &json(&personal)?)?));
        for slot in slots {
            let contents = SlotContents {
                data_key: SecretBytes(data_key.clone()),
                subject: slot.subject.map(SubjectRecord::of),
            };
            let sealed = Bytes(seal::seal(&slot.key.secret, &context("slot")?, &json(&contents)?)?);
            sealed_slots.push(Slot { key: slot.key.id, sealed });
        }
    }
    let envelope = Envelope { refs, office, personal: sealed_personal, slots: sealed_slots };
    let tags = idempotency.map(|i| keys.idempotency_tags(i));
    Ok(NewEntry {
        version: keys.suite().number().into(),
        at: clock.now(),
        verb,
        idempotency: tags.map(|t| t.0),
        request: tags.map(|t| t.1),
        body: json(&envelope)?.to_vec(),
    })
}

/// An entry, opened as far as its keys are there.
pub(crate) struct OpenEntry {
    pub(crate) sequence: u64,
    pub(crate) verb: Verb,
    pub(crate) refs: Refs,
    pub(crate) office: Office,
    /// One per slot; `None` where the key is forgotten or the slot has no subject.
    pub(crate) subjects: Vec<Option<Subject>>,
    /// The slots' keys.
    pub(crate) slot_keys: Vec<KeyId>,
    personal: Option<Zeroizing<Vec<u8>>>,
}

/// Opens an entry. Keys that are gone are no error; everything that does not hold together is
/// [`StorageFault::Damaged`].
pub(crate) fn open_entry(keys: &KeyCabinet, entry: &Entry) -> Result<OpenEntry, ArchiveError> {
    open_without(keys, entry, &|_| false)
}

/// Opens an entry for someone who reads: keys of people who are being forgotten count as gone.
pub(crate) fn open_beneath(veil: &Veil, keys: &KeyCabinet, entry: &Entry) -> Result<OpenEntry, ArchiveError> {
    open_without(keys, entry, &|key| veil.covers_key(key))
}

fn open_without(
    keys: &KeyCabinet,
    entry: &Entry,
    is_gone: &dyn Fn(KeyId) -> bool,
) -> Result<OpenEntry, ArchiveError> {
    let envelope = envelope_of(entry)?;
    let damaged = || damaged_entry(entry.sequence);
    let verb = entry.content.verb;
    let context = |part| context_of(part, verb, &envelope.refs);
    let office = seal::open(keys.office(), &context("office")?, &envelope.office.0).ok_or_else(damaged)?;
    let mut data_key = None;
    let mut subjects = Vec::with_capacity(envelope.slots.len());
    for slot in &envelope.slots {
        let secret = if is_gone(slot.key) { None } else { keys.get(slot.key)? };
        let Some(secret) = secret else {
            subjects.push(None);
            continue;
        };
        let contents = seal::open(&secret, &context("slot")?, &slot.sealed.0).ok_or_else(damaged)?;
        let contents: SlotContents = from_json(&contents).ok_or_else(damaged)?;
        let subject = contents.subject.as_ref().map(|s| s.to_subject().ok_or_else(damaged)).transpose()?;
        subjects.push(subject);
        data_key = Some(contents.data_key.0);
    }
    let personal = match (data_key, &envelope.personal) {
        (Some(key), Some(sealed)) => {
            Some(seal::open(&key, &context("personal")?, &sealed.0).ok_or_else(damaged)?)
        }
        _ => None,
    };
    Ok(OpenEntry {
        sequence: entry.sequence,
        verb,
        office: from_json(&office).ok_or_else(damaged)?,
        subjects,
        slot_keys: envelope.slots.iter().map(|s| s.key).collect(),
        personal,
        refs: envelope.refs,
    })
}

/// What stands in the clear in an entry.
pub(crate) fn refs_of(entry: &Entry) -> Result<Refs, ArchiveError> {
    Ok(envelope_of(entry)?.refs)
}

impl OpenEntry {
    /// Whether it had something personal in it that nobody can open any more.
    pub(crate) fn is_forgotten(&self) -> bool {
        !self.slot_keys.is_empty() && self.personal.is_none()
    }

    /// What is personal in it; `None` once it is forgotten.
    pub(crate) fn personal<P: DeserializeOwned>(&self) -> Result<Option<P>, ArchiveError> {
        let Some(json) = &self.personal else { return Ok(None) };
        from_json(json).map(Some).ok_or_else(|| damaged_entry(self.sequence))
    }

    /// The material of a `filed` entry and how its blobs open; `None` once it is forgotten.
    pub(crate) fn filed(&self) -> Result<Option<(Material, FiledPersonal)>, ArchiveError> {
        let Some(personal) = self.personal::<FiledPersonal>()? else { return Ok(None) };
        let id = self.refs.material.ok_or_else(|| damaged_entry(self.sequence))?.0;
        let material = personal.material.to_material(id, &self.subjects);
        Ok(Some((material.ok_or_else(|| damaged_entry(self.sequence))?, personal)))
    }
}

pub(crate) fn damaged_entry(sequence: u64) -> ArchiveError {
    let detail = format!("entry {sequence} does not hold together");
    StorageError::new(Part::Ledger, StorageFault::Damaged, detail).into()
}

pub(crate) fn envelope_of(entry: &Entry) -> Result<Envelope, ArchiveError> {
    if Suite::of_number(entry.content.version).is_none() {
        let detail = format!("entry {} has version {}", entry.sequence, entry.content.version);
        return Err(StorageError::new(Part::Ledger, StorageFault::NewerVersion, detail).into());
    }
    from_json(&entry.content.body).ok_or_else(|| damaged_entry(entry.sequence))
}

/// Binds a sealed part to its place: exchanged between entries or parts, it does not open.
fn context_of(part: &str, verb: Verb, refs: &Refs) -> Result<Vec<u8>, ArchiveError> {
    Ok(seal::framed("entry body 1", &[part.as_bytes(), verb.as_str().as_bytes(), &json(refs)?]))
}

fn json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, ArchiveError> {
    to_json(value).ok_or(ArchiveError::Invalid("a number in the record is not finite"))
}
