//! Putting a material right that was filed to the wrong person, kind or case.
//!
//! One entry holds the whole record anew, with the keys of its blobs, sealed for those whose it is from then on.
//! What was filed stays in the ledger as it was, sealed for those it was filed to, and nothing reads it any more:
//! forgetting them takes nothing from the material, and forgetting its holders takes it whole.

use std::collections::HashSet;
use std::fmt;

use yidang_model::{Kind, Material, MaterialId, Subject};

use crate::caller::{TEXT_CHARS_MAX, too_long};
use crate::entry::{Plain, damaged_entry, refs_of, seal_entry};
use crate::file::{LABEL_CHARS_MAX, check_holders, earlier_with_same_bytes, filing_tag};
use crate::material_record::MaterialRecord;
use crate::originals::originals_alone;
use crate::plan::{Answer, Draft, Plan, Planner, Request, Touch};
use crate::record::{FiledPersonal, Office, Refs, Text};
use crate::storage::{IndexChange, MaterialRow, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError, Idempotency, Stored};

/// What is to be put right about a material.
#[derive(Clone)]
pub struct Refiling {
    /// The material.
    pub id: MaterialId,
    /// Whose it is; `None` leaves that as it is.
    pub holders: Option<Vec<Subject>>,
    /// What it is; `None` leaves that as it is.
    pub kind: Option<Kind>,
    /// Its case number; `None` leaves that as it is.
    pub case: Option<String>,
    /// Why. Personal data: it is sealed for those whose the material is from then on.
    pub reason: String,
    /// Who puts it right.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
    /// Whether the repository decided it, so that nobody has to tell it.
    pub decided_elsewhere: bool,
    /// The ledger entry that must still be the one the material stands by ([`Stored::sequence`]); where it is not, nothing
    /// is written.
    pub only_at: Option<u64>,
}

impl fmt::Debug for Refiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refiling").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Archive {
    /// Puts a material right; durable when it returns, and shown to nobody as it was from then on. What would
    /// change nothing, or comes too late ([`Refiling::only_at`]), writes nothing. [`ArchiveError::MaterialErased`] and [`ArchiveError::MaterialUnknown`] for
    /// one that is not on file.
    pub fn refile(&self, refiling: Refiling) -> Result<Stored, ArchiveError> {
        let prepared = PreparedRefiling::new(refiling, &self.shared.stores)?;
        match self.shared.writer.ask(Request::Refile(Box::new(prepared)))? {
            Answer::Refiled(stored) => Ok(*stored),
            _ => Err(ArchiveError::Defect),
        }
    }

    /// What a refiling with this key and request came to: `None` if there was none,
    /// [`ArchiveError::IdempotencyConflict`] if the key came with another request.
    pub fn find_refiled(&self, idempotency: &Idempotency) -> Result<Option<Stored>, ArchiveError> {
        find_replayed(&self.shared.stores, Some(idempotency))
    }
}

fn find_replayed(stores: &Stores, idempotency: Option<&Idempotency>) -> Result<Option<Stored>, ArchiveError> {
    let Some(entry) = stores.replayed(idempotency, &[Verb::Refiled])? else { return Ok(None) };
    let id = refs_of(&entry)?.material.ok_or_else(|| damaged_entry(entry.sequence))?.0;
    Ok(Some(stores.stored_by_id(id)?.ok_or(ArchiveError::MaterialErased)?))
}

/// A refiling that is within bounds.
pub(crate) struct PreparedRefiling {
    refiling: Refiling,
    idempotency_touch: Option<Touch>,
}

impl PreparedRefiling {
    fn new(refiling: Refiling, stores: &Stores) -> Result<Self, ArchiveError> {
        refiling.by.check()?;
        refiling.idempotency.as_ref().map_or(Ok(()), Idempotency::check)?;
        refiling.holders.as_deref().map_or(Ok(()), check_holders)?;
        if refiling.case.as_ref().is_some_and(|case| too_long(case, LABEL_CHARS_MAX)) {
            return Err(ArchiveError::Invalid(
                "a word or number in the record is longer than 256 characters",
            ));
        }
        if too_long(&refiling.reason, TEXT_CHARS_MAX) {
            return Err(ArchiveError::Invalid("the reason is longer than 4000 characters"));
        }
        let tags = refiling.idempotency.as_ref().map(|i| stores.keys.idempotency_tags(i));
        Ok(Self { refiling, idempotency_touch: tags.map(|t| Touch::Idempotency(t.0)) })
    }

    pub(crate) fn touches(&self) -> HashSet<Touch> {
        self.idempotency_touch.into_iter().chain([Touch::Material(self.refiling.id)]).collect()
    }

    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let (stores, refiling) = (planner.stores, &self.refiling);
        if let Some(stored) = find_replayed(stores, refiling.idempotency.as_ref())? {
            return Ok(Plan::Answer(Answer::Refiled(Box::new(stored))));
        }
        let gone = || match stores.is_erased(refiling.id) {
            Ok(true) => ArchiveError::MaterialErased,
            Ok(false) => ArchiveError::MaterialUnknown,
            Err(error) => error,
        };
        let row = stores.index.material(refiling.id)?.ok_or_else(gone)?;
        let (stored, personal) = stores.filed_as_recorded(&row)?.ok_or_else(gone)?;
        let material = self.put_right(stores, &stored.material)?;
        let is_late = refiling.only_at.is_some_and(|sequence| sequence != row.sequence);
        if is_late || material == stored.material {
            let Some(stored) = stores.stored(&row)? else { return Err(gone()) };
            return Ok(Plan::Answer(Answer::Refiled(Box::new(stored))));
        }
        self.draft(planner, &row, material, personal)
    }

    /// The record as it is to be.
    fn put_right(&self, stores: &Stores, before: &Material) -> Result<Material, ArchiveError> {
        let refiling = &self.refiling;
        let mut material = before.clone();
        if let Some(kind) = &refiling.kind {
            material.kind = kind.clone();
        }
        if let Some(case) = &refiling.case {
            material.case = Some(case.clone());
        }
        let same = |holders: &[Subject]| stores.sorted_tags(holders) == stores.sorted_tags(&before.holders);
        if let Some(holders) = refiling.holders.as_ref().filter(|holders| !same(holders)) {
            material.holders = holders.clone();
            for page in &mut material.pages {
                page.about.retain(|who| holders.contains(who));
            }
            // The earlier one is someone else's paper.
            material.duplicate_of = earlier_with_same_bytes(stores, &material)?;
        }
        Ok(material)
    }

    fn draft(
        &self,
        planner: &Planner<'_>,
        before: &MaterialRow,
        material: Material,
        personal: FiledPersonal,
    ) -> Result<Plan, ArchiveError> {
        let (stores, refiling) = (planner.stores, &self.refiling);
        let keys = planner.holder_keys(&material.holders)?;
        let holders = stores.sorted_tags(&material.holders);
        let filing = filing_tag(stores, &material, &holders);
        let originals_disposed = before.originals_disposed;
        let mut blobs = personal.blobs;
        if originals_disposed {
            let gone = originals_alone(&material);
            blobs.retain(|blob| !gone.contains(&blob.digest.0));
        }
        let plain = Plain {
            verb: Verb::Refiled,
            refs: Refs {
                material: Some(Text(material.id)),
                filed: Some(filed_entry(stores, before.sequence)?),
                elsewhere: refiling.decided_elsewhere,
                ..Refs::default()
            },
            office: Office { count: material.pages.len() as u64, ..Office::of(&refiling.by) },
            personal: FiledPersonal {
                material: MaterialRecord::of(&material),
                filing,
                blobs,
                originals_disposed,
                reason: Some(refiling.reason.clone()),
                ..personal
            },
            slots: &keys.slots(&material.holders),
            idempotency: refiling.idempotency.as_ref(),
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let sequence = planner.sequence;
        let (id, blobs) = (material.id, before.blobs.clone());
        let supersedes = material.supersedes;
        let row = MaterialRow { id, sequence, holders, filing, blobs, supersedes, originals_disposed };
        let mut material = material;
        stores.hide_foreign_link(&mut material)?;
        Ok(Plan::Write(Box::new(Draft {
            blobs: Vec::new(),
            keys: keys.records,
            holders: keys.new_holders,
            entry,
            change: Some(IndexChange::Refiled { id, row: Some(row) }),
            forget: Vec::new(),
            answer: Answer::Refiled(Box::new(Stored { material, sequence, originals_disposed })),
        })))
    }
}

/// The `filed` entry of a material whose row names this entry.
fn filed_entry(stores: &Stores, sequence: u64) -> Result<u64, ArchiveError> {
    let entry = stores.ledger.get_many(&[sequence])?.pop().ok_or_else(|| damaged_entry(sequence))?;
    Ok(refs_of(&entry)?.filed.unwrap_or(sequence))
}
