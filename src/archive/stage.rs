//! Taking blobs in before anything is filed: captures at a window, uploads at the repository.

use std::collections::HashSet;
use std::fmt;

use yidang_model::{CaptureId, Digest, HashedBytes, Timestamp};

use crate::entry::{Plain, SlotKey, seal_entry};
use crate::plan::{Answer, Draft, Plan, Planner, Request, Touch};
use crate::record::{BlobRecord, Bytes, NoPersonal, Office, Refs, StagedPersonal, StagedRef, Text};
use crate::sealed_blob::{self, SealedBlob, seal_all};
use crate::storage::{BlobName, Entry, IndexChange, KeyPurpose, StagedRow, StagedState, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// Most blobs in one staged set.
pub const STAGE_BLOBS_MAX: usize = 64;
/// Longest blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 64 << 20;
/// Longest note of a staged set, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 << 10;

/// Most sets in one page of unfiled ones; a higher limit is cut to it.
pub const UNFILED_PAGE_MAX: usize = 200;

/// A set of blobs to take in.
#[derive(Clone)]
pub struct Stage {
    /// Chosen by the caller. The same set staged again under it is recognised.
    pub id: CaptureId,
    /// Plain bytes, at least one blob. The order is kept.
    pub blobs: Vec<Vec<u8>>,
    /// The caller's own description: sealed, and given back as it is while the set waits.
    pub note: Vec<u8>,
    /// When it may be swept if it has not been filed by then.
    pub expires_at: Timestamp,
    /// Who stages it.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("id", &self.id)
            .field("blobs", &self.blobs.len())
            .finish_non_exhaustive()
    }
}

/// A staged set. `digests` and `note` are empty once it has been filed or thrown away.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// The set.
    pub id: CaptureId,
    /// Its ledger entry; unfiled sets are listed in this order.
    pub sequence: u64,
    /// Its blobs, in the order they were handed in.
    pub digests: Vec<Digest>,
    /// The caller's own description.
    pub note: Vec<u8>,
    /// When it was taken in.
    pub staged_at: Timestamp,
    /// When it may be swept.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: StagedState,
    /// Who staged it.
    pub by: Actor,
    /// Whether this answers a repeated call.
    pub replayed: bool,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Staged");
        shown.field("id", &self.id).field("sequence", &self.sequence).field("digests", &self.digests);
        shown.field("state", &self.state).field("replayed", &self.replayed).finish_non_exhaustive()
    }
}

impl Archive {
    /// Seals the blobs and stores them; durable when it returns.
    pub fn stage(&self, stage: Stage) -> Result<Staged, ArchiveError> {
        let prepared = PreparedStage::new(stage, &self.shared.stores)?;
        self.mend(&prepared.blobs)?;
        let names: Vec<BlobName> = prepared.blobs.iter().map(|blob| blob.name).collect();
        match self.take_in(&names, Request::Stage(Box::new(prepared)))? {
            Answer::Staged(staged) => Ok(*staged),
            _ => Err(ArchiveError::Defect),
        }
    }

    /// A staged set in whatever state; `None` if there never was one.
    pub fn staged(&self, id: CaptureId) -> Result<Option<Staged>, ArchiveError> {
        let stores = self.caught_up();
        let row = stores.lag.surely(stores.index.staged(id)?)?;
        row.map(|row| staged_of(stores, &row)).transpose()
    }

    /// Sets that wait to be filed, in the order of their sequence, after that one.
    pub fn unfiled(&self, after: u64, limit: usize) -> Result<Vec<Staged>, ArchiveError> {
        let stores = self.caught_up();
        let rows = stores.index.unfiled(after, limit.min(UNFILED_PAGE_MAX))?;
        rows.iter().map(|row| staged_of(stores, row)).collect()
    }

    /// The plain bytes of a blob of an unfiled set, hashed again.
    pub fn staged_blob(&self, id: CaptureId, digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        let stores = self.caught_up();
        let row = stores.lag.surely(stores.index.staged(id)?)?.ok_or(ArchiveError::StagedUnknown)?;
        check_unfiled(&row)?;
        let blobs = staged_personal(stores, &row)?.map(|(_, p)| p.blobs).unwrap_or_default();
        let blob = blobs.iter().find(|b| b.digest.0 == *digest);
        stores.plain_blob(&blob.ok_or(ArchiveError::BlobUnknown { digest: *digest })?.blob_key(), digest)
    }

    /// Throws an unfiled set away; `false` if there is none. A filed one is
    /// [`ArchiveError::StagedFiled`].
    pub fn discard(&self, id: CaptureId, by: &Actor) -> Result<bool, ArchiveError> {
        by.check()?;
        match self.shared.writer.ask(Request::Discard { id, by: by.clone() })? {
            Answer::Discarded(done) => Ok(done),
            _ => Err(ArchiveError::Defect),
        }
    }
}

/// A set whose blobs have been hashed and sealed, on the caller's thread.
pub(crate) struct PreparedStage {
    id: CaptureId,
    note: Vec<u8>,
    expires_at: Timestamp,
    by: Actor,
    idempotency: Option<Idempotency>,
    idempotency_touch: Option<Touch>,
    /// In the order they were handed in.
    digests: Vec<Digest>,
    /// Each once.
    blobs: Vec<SealedBlob>,
}

impl PreparedStage {
    fn new(stage: Stage, stores: &Stores) -> Result<Self, ArchiveError> {
        stage.by.check()?;
        stage.idempotency.as_ref().map_or(Ok(()), Idempotency::check)?;
        if stage.blobs.is_empty() || stage.blobs.len() > STAGE_BLOBS_MAX {
            return Err(ArchiveError::Invalid("a staged set has 1 to 64 blobs"));
        }
        if stage.note.len() > NOTE_BYTES_MAX {
            return Err(ArchiveError::Invalid("a note is at most 64 KiB long"));
        }
        let (digests, blobs) = seal_all(stage.blobs.into_iter().map(HashedBytes::new).collect(), stores)?;
        let tags = stage.idempotency.as_ref().map(|i| stores.keys.idempotency_tags(i));
        Ok(Self {
            id: stage.id,
            note: stage.note,
            expires_at: stage.expires_at,
            by: stage.by,
            idempotency: stage.idempotency,
            idempotency_touch: tags.map(|t| Touch::Idempotency(t.0)),
            digests,
            blobs,
        })
    }

    pub(crate) fn touches(&self) -> HashSet<Touch> {
        let blobs = self.blobs.iter().map(|b| Touch::Blob(b.name));
        blobs.chain(self.idempotency_touch).chain([Touch::Staged(self.id)]).collect()
    }

    pub(crate) fn plan(&mut self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let stores = planner.stores;
        if let Some(staged) = self.known(stores)? {
            return Ok(Plan::Answer(Answer::Staged(Box::new(staged))));
        }
        let key = stores.keys.make(KeyPurpose::Staged, None, stores.clock.now())?;
        for blob in &mut self.blobs {
            blob.settle(stores)?;
        }
        let records: Vec<BlobRecord> = self.blobs.iter().map(SealedBlob::record).collect();
        let in_order = self.digests.iter().filter_map(|d| records.iter().find(|r| r.digest.0 == *d).cloned());
        let plain = Plain {
            verb: Verb::Staged,
            refs: Refs {
                staged: vec![StagedRef { id: Text(self.id), key: key.key.id }],
                expires_at: Some(self.expires_at.as_millis()),
                ..Refs::default()
            },
            office: Office { count: self.digests.len() as u64, ..Office::of(&self.by) },
            personal: StagedPersonal { note: Bytes(self.note.clone()), blobs: in_order.collect() },
            slots: &[SlotKey { key: key.key.clone(), subject: None }],
            idempotency: self.idempotency.as_ref(),
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let mut names: Vec<BlobName> = self.blobs.iter().map(|b| b.name).collect();
        names.sort_unstable();
        let row = StagedRow {
            id: self.id,
            sequence: planner.sequence,
            key: key.key.id,
            expires_at: self.expires_at,
            state: StagedState::Unfiled,
            blobs: names,
        };
        let answer = Staged {
            id: self.id,
            sequence: planner.sequence,
            digests: self.digests.clone(),
            note: self.note.clone(),
            staged_at: entry.at,
            expires_at: self.expires_at,
            state: StagedState::Unfiled,
            by: self.by.clone(),
            replayed: false,
        };
        Ok(Plan::Write(Box::new(Draft {
            blobs: self.blobs.iter_mut().filter_map(SealedBlob::take).collect(),
            keys: vec![key.record],
            holders: Vec::new(),
            entry,
            change: Some(IndexChange::Staged(row)),
            forget: Vec::new(),
            answer: Answer::Staged(Box::new(answer)),
        })))
    }

    pub(crate) fn give_back(&mut self, blobs: Vec<(BlobName, Vec<u8>)>) {
        sealed_blob::give_back(&mut self.blobs, blobs);
    }

    /// What an earlier call answered.
    fn known(&self, stores: &Stores) -> Result<Option<Staged>, ArchiveError> {
        let mut id = self.id;
        let replayed = stores.replayed(self.idempotency.as_ref(), &[Verb::Staged])?;
        if let Some(entry) = &replayed {
            id = staged_ref(entry)?.id.0;
        }
        let Some(row) = stores.index.staged(id)? else { return Ok(None) };
        let staged = staged_of(stores, &row)?;
        match row.state {
            _ if replayed.is_some() => {}
            StagedState::Unfiled if staged.digests == self.digests => {}
            StagedState::Filed(by) => return Err(ArchiveError::StagedFiled { by }),
            _ => return Err(ArchiveError::IdempotencyConflict),
        }
        Ok(Some(Staged { replayed: true, ..staged }))
    }
}

/// Throws a set away.
pub(crate) fn plan_discard(id: CaptureId, by: &Actor, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    let row = match stores.index.staged(id)? {
        Some(row) if row.state == StagedState::Unfiled => row,
        Some(StagedRow { state: StagedState::Filed(by), .. }) => {
            return Err(ArchiveError::StagedFiled { by });
        }
        _ => return Ok(Plan::Answer(Answer::Discarded(false))),
    };
    let plain = Plain {
        verb: Verb::Discarded,
        refs: Refs { staged: vec![StagedRef { id: Text(id), key: row.key }], ..Refs::default() },
        office: Office { count: row.blobs.len() as u64, ..Office::of(by) },
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    let written = Draft::of(entry, IndexChange::Discarded(id), Answer::Discarded(true));
    Ok(Plan::Write(Box::new(Draft { forget: vec![row.key], ..written })))
}

/// Refuses a set that is used up.
pub(crate) fn check_unfiled(row: &StagedRow) -> Result<(), ArchiveError> {
    match row.state {
        StagedState::Unfiled => Ok(()),
        StagedState::Filed(by) => Err(ArchiveError::StagedFiled { by }),
        StagedState::Discarded => Err(ArchiveError::StagedUnknown),
    }
}

/// A set's entry and what is sealed in it; `None` once it is used up.
pub(crate) fn staged_personal(
    stores: &Stores,
    row: &StagedRow,
) -> Result<Option<(Entry, StagedPersonal)>, ArchiveError> {
    let Some((entry, opened)) = stores.entry(row.sequence)? else { return Ok(None) };
    Ok(opened.personal::<StagedPersonal>()?.map(|personal| (entry, personal)))
}

/// The set an entry is about.
pub(crate) fn staged_ref(entry: &Entry) -> Result<StagedRef, ArchiveError> {
    let mut refs = crate::entry::refs_of(entry)?;
    refs.staged.pop().ok_or_else(|| crate::entry::damaged_entry(entry.sequence))
}

fn staged_of(stores: &Stores, row: &StagedRow) -> Result<Staged, ArchiveError> {
    let (entry, opened) =
        stores.entry(row.sequence)?.ok_or_else(|| crate::entry::damaged_entry(row.sequence))?;
    let personal = match row.state {
        StagedState::Unfiled => opened.personal::<StagedPersonal>()?,
        _ => None,
    };
    let (note, blobs) = personal.map_or_else(Default::default, |p| (p.note.0, p.blobs));
    Ok(Staged {
        id: row.id,
        sequence: row.sequence,
        digests: blobs.iter().map(|b| b.digest.0).collect(),
        note,
        staged_at: entry.content.at,
        expires_at: row.expires_at,
        state: row.state,
        by: Actor { client: opened.office.client, operator: opened.office.operator },
        replayed: false,
    })
}
