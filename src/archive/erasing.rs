//! Carrying an erasure out, step by step; the steps and what a crash between them leaves are laid down in
//! [`crate::writer`].

use std::collections::HashMap;

use yidang_model::{ErasureId, Subject, Timestamp};

use crate::ArchiveError;
use crate::doubt::Doubt;
use crate::entry::{OpenEntry, Plain, SlotKey, open_entry, refs_of, seal_entry};
use crate::erase::{WentElsewhere, deferral_of, erasure_request, plan_deferral, target_of};
use crate::extent::Extent;
use crate::held::{refuse_held, refuse_held_of};
use crate::originals::finish_disposals;
use crate::plan::{Answer, Draft};
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs, Text};
use crate::scribe::Scribe;
use crate::storage::{BlobName, ErasureState, IndexChange, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::veil::Covered;
use crate::writer::unwind_guarded;

/// Blobs deleted in one call.
pub(crate) const BLOBS_PER_DELETION: usize = 256;

impl Scribe {
    /// Carries an erasure out, from wherever it stands to the end.
    pub(crate) fn erase(&mut self, id: ErasureId, elsewhere: &WentElsewhere) -> Result<(), ArchiveError> {
        match self.stores.index.erasure(id)? {
            None => Err(ArchiveError::ErasureUnknown),
            Some((ErasureState::Refused, ..)) => Err(ArchiveError::Invalid("the erasure has been refused")),
            Some((ErasureState::Done, ..)) => Ok(()),
            Some((state, requested, _)) => {
                // What the ledger lost, it told itself by what it was to take when it began to wait.
                let waited = if requested == 0 { self.waits_with(id)? } else { None };
                let elsewhere = waited.as_ref().unwrap_or(elsewhere);
                if state == ErasureState::Requested {
                    self.respect_holds(id, requested, elsewhere)?;
                }
                // Whatever happens from here on, it is gone on with before anything else is written.
                self.unfinished = true;
                if state == ErasureState::Requested {
                    self.set_tombstone(id, requested, elsewhere)?;
                }
                self.finish_erasure(id)?;
                // Another one may still stand half-way.
                self.unfinished = !self.stores.index.erasing()?.is_empty();
                self.draw_veil()
            }
        }
    }

    /// [`ArchiveError::LegalHold`] where one stands or [`ArchiveError::HoldsUnproven`] where one may; what was decided
    /// elsewhere then waits.
    fn respect_holds(
        &mut self,
        id: ErasureId,
        requested: u64,
        elsewhere: &WentElsewhere,
    ) -> Result<(), ArchiveError> {
        let request = erasure_request(&self.stores, requested)?.map(|(_, request)| request);
        let held = match request.as_ref().map(target_of) {
            Some(Some(target)) => refuse_held(&self.stores, &target),
            Some(None) => return Ok(()),
            None => refuse_held_of(&self.stores, &elsewhere.materials),
        };
        let may_be_held = matches!(held, Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven));
        if may_be_held && elsewhere.decided && deferral_of(&self.stores, id)?.is_none() {
            // By what it would take, it is known later whose papers are meant, whatever becomes of the request.
            let extent = skip_damaged(Extent::of(&self.stores, id, request.as_ref(), elsewhere))?;
            let materials =
                extent.map_or_else(|| elsewhere.materials.clone(), |(extent, _)| extent.materials);
            let went = WentElsewhere { materials, ..elsewhere.clone() };
            self.write_alone(|planner| plan_deferral(id, &went, planner))?;
        }
        held
    }

    /// Carries out what has waited for a hold, as far as none keeps it any more.
    fn erase_deferred(&mut self, stopped: &mut bool) -> Result<u64, ArchiveError> {
        let mut finished = 0;
        for (id, sequence) in self.stores.index.deferred()? {
            // One that came to harm waits on; it keeps nobody else waiting.
            let Some((_, deferral)) = skip_damaged(self.stores.entry(sequence))?.flatten() else { continue };
            match unwind_guarded(|| self.erase(id, &went_with(&deferral))) {
                Ok(()) => finished += 1,
                Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven) => {}
                Err(error) => {
                    tracing::error!(erasure = %id, %error, "an erasure that waited for a hold is tried again");
                    *stopped = true;
                }
            }
        }
        Ok(finished)
    }

    /// What an erasure that waits takes with it, as it was decided elsewhere.
    fn waits_with(&self, id: ErasureId) -> Result<Option<WentElsewhere>, ArchiveError> {
        let Some(sequence) = deferral_of(&self.stores, id)? else { return Ok(None) };
        Ok(self.stores.entry(sequence)?.map(|(_, deferral)| went_with(&deferral)))
    }

    /// Goes on with erasures that stopped half-way, or waited for a hold. One that stops again keeps its holder doomed and nobody
    /// else from filing.
    pub(crate) fn finish_erasures(&mut self) -> Result<u64, ArchiveError> {
        // Holds, and keeps everyone waiting, if this itself is cut short: until it is known who is doomed,
        // nothing may be sealed for anyone.
        self.unfinished = true;
        let mut doomed = HashMap::new();
        let (mut finished, mut stopped) = (0, false);
        for (id, _) in self.stores.index.erasing()? {
            let Err(error) = unwind_guarded(|| self.finish_erasure(id)) else {
                finished += 1;
                continue;
            };
            tracing::error!(erasure = %id, %error, "an erasure could not be finished; it is tried again");
            stopped = true;
            if let Some(tombstone) = self.tombstone(id)?.filter(|t| t.refs.whole_holder) {
                doomed.extend(tombstone.slot_keys.iter().map(|key| (*key, error.clone())));
            }
        }
        self.draw_veil()?;
        self.doomed = doomed;
        finished += self.erase_deferred(&mut stopped)?;
        self.unfinished = stopped;
        Ok(finished)
    }

    /// Has readers take for gone what tombstones cover, whether the index has taken them up or not, and what it
    /// still shows as it was before it was put right.
    pub(crate) fn draw_veil(&self) -> Result<(), ArchiveError> {
        let mut covered = Covered::default();
        for (id, _) in self.stores.index.erasing()? {
            if let Some(tombstone) = self.tombstone(id)? {
                covered.add(&tombstone);
            }
        }
        let mut after = self.stores.index.applied()?;
        loop {
            let lagging = self.stores.ledger.after(after, ENTRIES_AT_A_TIME)?;
            let Some(last) = lagging.last() else { break };
            after = last.sequence;
            for entry in &lagging {
                // One that does not hold together is for the fixity check to report.
                match entry.content.verb {
                    Verb::Erased => {
                        if let Some(tombstone) = skip_damaged(open_entry(&self.stores.keys, entry))? {
                            covered.add(&tombstone);
                        }
                    }
                    Verb::Refiled => {
                        let refiled = skip_damaged(refs_of(entry))?.and_then(|refs| refs.material);
                        covered.refiled.extend(refiled.map(|id| (id.0, entry.sequence)));
                    }
                    _ => {}
                }
            }
        }
        self.stores.veil.set(covered);
        Ok(())
    }

    /// Steps 1 and 2. Whatever becomes of them, readers go by the ledger.
    fn set_tombstone(
        &mut self,
        id: ErasureId,
        requested: u64,
        elsewhere: &WentElsewhere,
    ) -> Result<(), ArchiveError> {
        let set = self.write_tombstone(id, requested, elsewhere);
        if set.is_err()
            && let Err(error) = self.draw_veil()
        {
            tracing::warn!(%error, "what is being erased stays hidden until the stores can be read");
        }
        set
    }

    fn write_tombstone(
        &mut self,
        id: ErasureId,
        requested: u64,
        elsewhere: &WentElsewhere,
    ) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        let request = erasure_request(&stores, requested)?.map(|(_, request)| request);
        let (extent, subject) = Extent::of(&stores, id, request.as_ref(), elsewhere)?;
        let subjects: Vec<Subject> = subject.into_iter().filter(|_| !extent.keeps_holder).collect();
        let holder = subjects.first().map(|who| stores.keys.subject_tag(who));
        let whole_holder = request.as_ref().is_some_and(|r| r.refs.whole_holder) && !extent.keeps_holder;
        // What an entry needs that could not be read when the index was made, the index does not know.
        let doubt = Doubt::of(stores.index.left_out()?);
        let mut unproven = finish_disposals(&stores, &extent.materials, doubt, whole_holder)?;
        for name in &extent.doomed {
            unproven += u64::from(doubt.covers(&stores, *name)?);
        }
        let relinked = crate::versions::around(&stores, &extent.materials)?;
        self.write_alone(|planner| {
            let mut slots = Vec::with_capacity(subjects.len());
            for subject in &subjects {
                let key = planner.known_holder(stores.keys.subject_tag(subject))?;
                let key = key.ok_or(ArchiveError::HolderUnknown)?;
                slots.push(SlotKey { key, subject: Some(subject) });
            }
            let plain = Plain {
                verb: Verb::Erased,
                refs: Refs {
                    erasure: Some(Text(id)),
                    materials: extent.materials.iter().copied().map(Text).collect(),
                    whole_holder,
                    relinked: relinked.iter().map(|(newer, older)| (Text(*newer), Text(*older))).collect(),
                    ..Refs::default()
                },
                office: Office {
                    count: extent.materials.len() as u64,
                    shared_kept: extent.shared_kept.iter().copied().map(Text).collect(),
                    unproven,
                    ..request.as_ref().map(|request| request.office.clone()).unwrap_or_default()
                },
                personal: NoPersonal {},
                slots: &slots,
                idempotency: None,
            };
            let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
            let sequence = planner.sequence;
            let (materials, relinked) = (extent.materials.clone(), relinked.clone());
            let change = IndexChange::Erased { id, sequence, materials, relinked, holder };
            Ok(Draft::of(entry, change, Answer::Sequence(sequence)))
        })
    }

    /// Steps 3 to 7. Each can be done again.
    fn finish_erasure(&mut self, id: ErasureId) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        // A staged set's key opens pictures and what was noted with them, whosever they became.
        self.forget_used_up()?;
        let doomed = stores.index.erasing()?.into_iter().find(|(erasing, _)| *erasing == id);
        let (mut surely, mut in_doubt) = (Vec::new(), Vec::new());
        // As it is now: the index may have been made anew since the tombstone was set.
        let doubt = Doubt::of(stores.index.left_out()?);
        for name in doomed.into_iter().flat_map(|(_, names)| names) {
            if doubt.covers(&stores, name)? { in_doubt.push(name) } else { surely.push(name) }
        }
        delete_everywhere(&stores, &surely)?;
        let tombstone = self.tombstone(id)?.ok_or(ArchiveError::ErasureUnknown)?;
        // Whoever orders that a person be forgotten orders it whatever becomes of a paper that cannot be read; whoever has
        // one paper erased does not take a picture from another. It stays sealed, and goes with the sweep once it is known
        // to be nobody's.
        if tombstone.refs.whole_holder {
            delete_everywhere(&stores, &in_doubt)?;
        }
        // Rewrapping every key takes time; a later step that fails over and over does not repeat it.
        if tombstone.refs.whole_holder && !self.rotated.contains(&id) {
            stores.keys.forget(&tombstone.slot_keys)?;
            stores.keys.rotate(stores.clock.now())?;
            self.rotated.insert(id);
        }
        stores.index.scrub()?;
        stores.ledger.scrub()?;
        stores.keys.scrub()?;
        if let Some(backups) = &stores.backups {
            backups.forget(&stores, tombstone.sequence, tombstone.refs.whole_holder)?;
        }
        self.write_alone(|planner| {
            let plain = Plain {
                verb: Verb::ErasureDone,
                refs: Refs { erasure: Some(Text(id)), ..Refs::default() },
                office: Office::default(),
                personal: NoPersonal {},
                slots: &[],
                idempotency: None,
            };
            let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
            Ok(Draft::of(entry, IndexChange::ErasureDone(id), Answer::Sequence(planner.sequence)))
        })?;
        self.rotated.remove(&id);
        // The list of deleted blobs, keyed hashes, was in the index until now. The erasure is done without
        // this; a failure leaves them to the next erasure.
        if let Err(error) = stores.index.scrub() {
            tracing::warn!(%error, "the names of deleted blobs stay in the index's free pages for now");
        }
        Ok(())
    }

    /// The `erased` entry of an erasure.
    fn tombstone(&self, id: ErasureId) -> Result<Option<OpenEntry>, ArchiveError> {
        match self.stores.index.erasure(id)? {
            Some((_, _, sequence)) if sequence > 0 => Ok(self.stores.entry(sequence)?.map(|(_, t)| t)),
            _ => Ok(None),
        }
    }
}

/// What went elsewhere with an erasure, by the entry that says that it waits.
fn went_with(deferral: &OpenEntry) -> WentElsewhere {
    WentElsewhere {
        decided: true,
        materials: deferral.refs.materials.iter().map(|id| id.0).collect(),
        shared_kept: deferral.office.shared_kept.iter().map(|digest| digest.0).collect(),
        decided_at: deferral.refs.decided_at.map(Timestamp::from_millis),
    }
}

fn delete_everywhere(stores: &Stores, names: &[BlobName]) -> Result<(), ArchiveError> {
    for names in names.chunks(BLOBS_PER_DELETION) {
        stores.blobs.delete_many(names)?;
        if let Some(quarantine) = &stores.quarantine {
            quarantine.forget_many(names)?;
        }
    }
    Ok(())
}
