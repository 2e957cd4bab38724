//! A commit's body, made from the ledger the same way each time.

use yidang_archive::{Actor, ArchiveError, Change, ChangeWhat, ErasureTarget};
use yidang_model::{Digest, ErasureId, Material, MaterialId};
use yidang_sync::limits::NAME_LENGTH_MAX;
use yidang_sync::machine::{BlobRef, Cut, EntryId, Item, LOAD_ENTRIES_MAX};
use yidang_sync::wire::{
    Entry, ErasureEntry, MATERIAL_ERASED, OriginalsEntry, RefilingEntry, WireMaterial, WirePlace, WireSubject,
};

use super::SyncError;
use super::backlog::{filed_at, pictures};
use super::error::{ARCHIVE_FAILED, STATE_FAILED};
use super::shared::Shared;

/// Changes read at a time.
const PAGE: usize = 256;

/// Why no batch could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The archive does not serve.
    #[error(transparent)]
    Archive(ArchiveError),
    /// The worker's own records do not.
    #[error(transparent)]
    State(SyncError),
    /// An entry cannot be written as JSON.
    #[error("an entry cannot be written as JSON")]
    Unwritable,
}

impl LoadError {
    /// Stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Archive(_) | Self::Unwritable => ARCHIVE_FAILED,
            Self::State(_) => STATE_FAILED,
        }
    }
}

/// A stretch of the ledger as it is to be sent.
#[derive(Default)]
pub(super) struct Batch {
    /// Last ledger entry of the stretch.
    pub(super) to: u64,
    /// What of it is sent.
    pub(super) items: Vec<Item>,
    entries: Vec<Vec<u8>>,
}

impl Batch {
    /// Reads the ledger after `after`, up to and with `to` or as much as `cut` takes; where `to` is `after`, what
    /// was refused and is to be offered once more.
    pub(super) fn load(
        shared: &Shared,
        after: u64,
        to: Option<u64>,
        mut cut: Cut,
    ) -> Result<Self, LoadError> {
        if to == Some(after) {
            return Self::load_again(shared, after, cut);
        }
        let mut batch = Self { to: after, ..Self::default() };
        let end = to.unwrap_or(after + LOAD_ENTRIES_MAX as u64);
        let rejected = shared.store.rejected_between(after + 1, end).map_err(LoadError::State)?;
        while batch.to < end {
            let limit = usize::try_from(end - batch.to).unwrap_or(PAGE).min(PAGE);
            let page = shared.source.changes(batch.to, limit).map_err(LoadError::Archive)?;
            if page.is_empty() {
                break;
            }
            for change in page {
                if !rejected.contains(&change.sequence)
                    && let Some((item, text)) = entry_of(shared, &change)?
                {
                    if to.is_none() && !cut.takes(&item) {
                        return Ok(batch);
                    }
                    batch.items.push(item);
                    batch.entries.push(text);
                }
                batch.to = change.sequence;
            }
        }
        Ok(batch)
    }

    fn load_again(shared: &Shared, to: u64, mut cut: Cut) -> Result<Self, LoadError> {
        let mut batch = Self { to, ..Self::default() };
        for sequence in shared.store.to_offer_again().map_err(LoadError::State)? {
            let on_file = filed_at(shared.source.as_ref(), sequence).map_err(LoadError::Archive)?;
            let Some(material) = on_file else {
                shared.store.forget_rejected(sequence).map_err(LoadError::State)?;
                continue;
            };
            if is_passed_over(shared, sequence, material.id)? {
                continue;
            }
            let (item, text) = filing(sequence, &material)?;
            if !cut.takes(&item) {
                break;
            }
            batch.items.push(item);
            batch.entries.push(text);
        }
        Ok(batch)
    }

    /// The body of its commit.
    pub(super) fn body(&self, epoch: &str, sequence: u64) -> Vec<u8> {
        let length = self.entries.iter().map(|e| e.len() + 1).sum::<usize>();
        let mut body = Vec::with_capacity(length + epoch.len() + 64);
        let head = serde_json::json!({"epoch": epoch, "sequence": sequence}).to_string();
        body.extend_from_slice(head.trim_end_matches('}').as_bytes());
        body.extend_from_slice(b",\"entries\":[");
        body.extend(self.entries.join(&b','));
        body.extend_from_slice(b"]}");
        body
    }

    /// The first entry that names this picture.
    pub(super) fn user_of(&self, digest: &Digest) -> Option<(u64, MaterialId)> {
        self.items.iter().find_map(|item| match item.id {
            EntryId::Material(id) if item.blobs.iter().any(|b| b.digest == *digest) => {
                Some((item.sequence, id))
            }
            _ => None,
        })
    }
}

/// What an entry looks like on the wire; `None` if it is nothing to send.
fn entry_of(shared: &Shared, change: &Change) -> Result<Option<(Item, Vec<u8>)>, LoadError> {
    match &change.what {
        ChangeWhat::Filed(material) if is_passed_over(shared, change.sequence, material.id)? => Ok(None),
        ChangeWhat::Filed(material) => filing(change.sequence, material).map(Some),
        ChangeWhat::ErasureRequested { id, target, reason, by } => {
            match request(shared, *id, target, reason, by)? {
                Some(entry) => {
                    let entry = Entry::ErasureRequested(entry);
                    written(change.sequence, EntryId::Erasure(*id), &entry, Vec::new()).map(Some)
                }
                None => Ok(None),
            }
        }
        ChangeWhat::Refiled { material, reason, by } => {
            let (client, operator) = names(by);
            let entry = Entry::Refiled(RefilingEntry {
                id: material.id,
                now: place_of(material),
                reason: reason.clone(),
                operator,
                client,
            });
            written(change.sequence, EntryId::Refiling(material.id), &entry, Vec::new()).map(Some)
        }
        ChangeWhat::OriginalsRequested { id, kind, by } => {
            let (client, operator) = names(by);
            let entry = Entry::OriginalsRequested(OriginalsEntry {
                id: *id,
                kind: kind.as_str().to_owned(),
                operator,
                client,
            });
            written(change.sequence, EntryId::Originals(*id), &entry, Vec::new()).map(Some)
        }
        ChangeWhat::Erased { id, .. } => {
            let Some(decided) = shared.store.erased(*id).map_err(LoadError::State)? else { return Ok(None) };
            let id = EntryId::Erased(decided.id);
            written(change.sequence, id, &Entry::Erased(decided), Vec::new()).map(Some)
        }
        ChangeWhat::Held { id } => {
            if !shared.store.was_held(*id).map_err(LoadError::State)? {
                return Ok(None);
            }
            written(change.sequence, EntryId::Held(*id), &Entry::Held { id: *id }, Vec::new()).map(Some)
        }
        // What was forgotten before it was sent never leaves this window.
        ChangeWhat::Unreadable | ChangeWhat::Other => Ok(None),
    }
}

/// What was forgotten everywhere, and only a hold keeps here, does not leave this window any more: a repository that was put back
/// would take it for a paper it lacks.
fn is_passed_over(shared: &Shared, sequence: u64, id: MaterialId) -> Result<bool, LoadError> {
    if !shared.source.is_held_alone(id).map_err(LoadError::Archive)? {
        return Ok(false);
    }
    shared.store.pass_over(sequence, id, MATERIAL_ERASED).map_err(LoadError::State)?;
    Ok(true)
}

/// Client and clerk as the wire has them. A name that is too long for it is cut: it is no reason for a refusal.
fn names(by: &Actor) -> (String, Option<String>) {
    let cut = |name: &String| name.chars().take(NAME_LENGTH_MAX).collect::<String>();
    (cut(&by.client), by.operator.as_ref().map(cut))
}

fn place_of(material: &Material) -> WirePlace {
    WirePlace {
        holders: material.holders.iter().map(WireSubject::from).collect(),
        kind: material.kind.as_str().to_owned(),
        case: material.case.clone(),
    }
}

fn filing(sequence: u64, material: &Material) -> Result<(Item, Vec<u8>), LoadError> {
    let blobs = pictures(material).map(|(digest, size_bytes)| BlobRef { digest, size_bytes }).collect();
    let wire = Box::new(WireMaterial::from(material));
    let entry = Entry::Filed { id: material.id, material: wire };
    written(sequence, EntryId::Material(material.id), &entry, blobs)
}

fn written(
    sequence: u64,
    id: EntryId,
    entry: &Entry,
    blobs: Vec<BlobRef>,
) -> Result<(Item, Vec<u8>), LoadError> {
    let text = serde_json::to_vec(entry).map_err(|_| LoadError::Unwritable)?;
    Ok((Item { sequence, id, size_bytes: text.len() as u64, blobs }, text))
}

fn request(
    shared: &Shared,
    id: ErasureId,
    target: &ErasureTarget,
    reason: &Option<String>,
    by: &Actor,
) -> Result<Option<ErasureEntry>, LoadError> {
    if shared.store.decision(id).map_err(LoadError::State)?.is_some() {
        // The repository knows of it: the decision came from there.
        return Ok(None);
    }
    let (material, holder) = match target {
        ErasureTarget::Material(material) => (Some(*material), None),
        ErasureTarget::Holder(subject) => (None, Some(WireSubject::from(subject))),
    };
    let reason = reason.clone().unwrap_or_default();
    let (client, operator) = names(by);
    Ok(Some(ErasureEntry { id, material, holder, reason, operator, client }))
}
