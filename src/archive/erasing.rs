//! Carrying an erasure out, step by step; the steps and what a crash between them leaves are laid down in
//! [`crate::writer`].

use std::collections::{BTreeSet, HashMap, HashSet};

use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};

use crate::ArchiveError;
use crate::doubt::Doubt;
use crate::entry::{OpenEntry, Plain, SlotKey, damaged_entry, open_entry, refs_of, seal_entry};
use crate::erase::{ErasureTarget, WentElsewhere, plan_deferral, target_of};
use crate::held::refuse_held;
use crate::originals::finish_disposals;
use crate::plan::{Answer, Draft};
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs, Text};
use crate::scribe::Scribe;
use crate::storage::{BlobName, Entry, ErasureState, IndexChange, MaterialRow, Tag, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::veil::Covered;
use crate::writer::unwind_guarded;

/// Rows read at a time when a whole dossier is gone through.
const ROWS_AT_A_TIME: usize = 200;
/// Blobs deleted in one call.
pub(crate) const BLOBS_PER_DELETION: usize = 256;

/// What an erasure takes away.
#[derive(Default)]
struct Extent {
    /// Materials that go.
    materials: Vec<MaterialId>,
    /// Pictures that stay with someone else.
    shared_kept: BTreeSet<Digest>,
    /// Pictures that nothing else is known to need.
    doomed: HashSet<BlobName>,
    /// Whether papers of the person stay, and with them the key.
    keeps_holder: bool,
}

impl Scribe {
    /// Carries an erasure out, from wherever it stands to the end.
    pub(crate) fn erase(&mut self, id: ErasureId, elsewhere: &WentElsewhere) -> Result<(), ArchiveError> {
        match self.stores.index.erasure(id)? {
            None => Err(ArchiveError::ErasureUnknown),
            Some((ErasureState::Refused, ..)) => Err(ArchiveError::Invalid("the erasure has been refused")),
            Some((ErasureState::Done, ..)) => Ok(()),
            Some((state, requested, _)) => {
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
        let (_, request) = self.stores.entry(requested)?.ok_or_else(|| damaged_entry(requested))?;
        let Some(target) = target_of(&request) else { return Ok(()) };
        let held = refuse_held(&self.stores, &target);
        let waits = || Ok::<_, ArchiveError>(self.stores.index.deferred()?.iter().any(|(d, _)| *d == id));
        let may_be_held = matches!(held, Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven));
        if may_be_held && elsewhere.decided && !waits()? {
            self.write_alone(|planner| plan_deferral(id, elsewhere, planner))?;
        }
        held
    }

    /// Carries out what has waited for a hold, as far as none keeps it any more.
    fn erase_deferred(&mut self, stopped: &mut bool) -> Result<u64, ArchiveError> {
        let mut finished = 0;
        for (id, sequence) in self.stores.index.deferred()? {
            // One that came to harm waits on; it keeps nobody else waiting.
            let Some((_, deferral)) = skip_damaged(self.stores.entry(sequence))?.flatten() else { continue };
            let elsewhere = WentElsewhere {
                decided: true,
                materials: deferral.refs.materials.iter().map(|id| id.0).collect(),
                shared_kept: deferral.office.shared_kept.iter().map(|digest| digest.0).collect(),
                decided_at: deferral.refs.decided_at.map(Timestamp::from_millis),
            };
            match unwind_guarded(|| self.erase(id, &elsewhere)) {
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
        let (_, request) = stores.entry(requested)?.ok_or_else(|| damaged_entry(requested))?;
        let (mut extent, subject) = match target_of(&request) {
            Some(ErasureTarget::Material(id)) => (extent_of_material(&stores, id)?, None),
            Some(ErasureTarget::Holder(who)) => (extent_of_holder(&stores, &who, id, elsewhere)?, Some(who)),
            // Another erasure forgot that person in the meantime.
            None => (Extent::default(), None),
        };
        extent.add(&stores, elsewhere)?;
        let subjects: Vec<Subject> = subject.into_iter().filter(|_| !extent.keeps_holder).collect();
        let holder = subjects.first().map(|who| stores.keys.subject_tag(who));
        let whole_holder = request.refs.whole_holder && !extent.keeps_holder;
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
                    ..request.office.clone()
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

impl Extent {
    /// Adds what went elsewhere with the same erasure, apart from what is someone else's paper here.
    fn add(&mut self, stores: &Stores, elsewhere: &WentElsewhere) -> Result<(), ArchiveError> {
        for id in &elsewhere.materials {
            if !self.materials.contains(id) && stores.index.material(*id)?.is_none() {
                self.materials.push(*id);
            }
        }
        self.materials.sort_unstable();
        self.shared_kept.extend(&elsewhere.shared_kept);
        Ok(())
    }
}

fn extent_of_material(stores: &Stores, id: MaterialId) -> Result<Extent, ArchiveError> {
    // Not held here, it still gets its tombstone.
    let mut extent = Extent { materials: vec![id], ..Extent::default() };
    if let Some(row) = stores.index.material(id)? {
        let going = HashSet::from([row.sequence]);
        extent.shared_kept = kept_pictures(stores, &row, &going, &mut extent.doomed)?;
    }
    Ok(extent)
}

/// What goes with a person: what was on file for them when it was decided, and of an erasure that has waited for a hold, when it
/// began to. Whoever decided it knew nothing of what came to them since: that stays, and the person's key with it.
fn extent_of_holder(
    stores: &Stores,
    who: &Subject,
    erasure: ErasureId,
    elsewhere: &WentElsewhere,
) -> Result<Extent, ArchiveError> {
    let holder = stores.keys.subject_tag(who);
    let waited = stores.index.deferred()?.into_iter().find(|(waiting, _)| *waiting == erasure);
    let mut going = HashSet::new();
    let mut extent = Extent::default();
    visit_dossier(stores, holder, &mut |row| {
        let is_named = elsewhere.materials.contains(&row.id);
        let came_later = || match waited {
            Some((_, deferral)) if came_since(stores, row, who, deferral)? => Ok(true),
            _ => came_after(stores, row, who, elsewhere.decided_at),
        };
        if !is_named && came_later()? {
            extent.keeps_holder = true;
        } else if row.holders == [holder] {
            going.insert(row.sequence);
            extent.materials.push(row.id);
        }
        Ok(())
    })?;
    let (mut kept, mut doomed) = (BTreeSet::new(), HashSet::new());
    visit_dossier(stores, holder, &mut |row| {
        kept.extend(kept_pictures(stores, row, &going, &mut doomed)?);
        Ok(())
    })?;
    (extent.shared_kept, extent.doomed) = (kept, doomed);
    Ok(extent)
}

/// The entry by which a paper stands, as far as it can be read.
fn stands_by(stores: &Stores, row: &MaterialRow) -> Result<Option<Entry>, ArchiveError> {
    let found = skip_damaged(stores.ledger.get_many(&[row.sequence]).map_err(ArchiveError::from))?;
    Ok(found.and_then(|mut entries| entries.pop()))
}

/// Whether a paper of this person came to them later than that, as far as the clocks agree.
fn came_after(
    stores: &Stores,
    row: &MaterialRow,
    who: &Subject,
    at: Option<Timestamp>,
) -> Result<bool, ArchiveError> {
    let Some(at) = at else { return Ok(false) };
    match stands_by(stores, row)? {
        Some(entry) if entry.content.at > at => came_since(stores, row, who, row.sequence - 1),
        _ => Ok(false),
    }
}

/// Whether a paper of this person was not theirs yet when that entry was made. Where that cannot be read, it stays.
fn came_since(stores: &Stores, row: &MaterialRow, who: &Subject, entry: u64) -> Result<bool, ArchiveError> {
    if row.sequence < entry {
        return Ok(false);
    }
    let refs = stands_by(stores, row)?.map(|entry| skip_damaged(refs_of(&entry))).transpose()?.flatten();
    // Put right since: whose it was before is told by the entries before. A `filed` entry names none.
    let Some(filed) = refs.and_then(|refs| refs.filed).filter(|filed| *filed < entry) else {
        return Ok(true);
    };
    let mut was_theirs = false;
    stores.visit_entries_between(filed.saturating_sub(1), entry, &mut |earlier| {
        let is_of_it = matches!(earlier.content.verb, Verb::Filed | Verb::Refiled)
            && skip_damaged(refs_of(earlier))?
                .and_then(|refs| refs.material)
                .is_some_and(|id| id.0 == row.id);
        if is_of_it {
            let opened = skip_damaged(open_entry(&stores.keys, earlier))?;
            was_theirs = opened.is_some_and(|opened| opened.subjects.iter().flatten().any(|one| one == who));
        }
        Ok(())
    })?;
    Ok(!was_theirs)
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

/// Goes through the materials of a person.
pub(crate) fn visit_dossier(
    stores: &Stores,
    holder: Tag,
    visit: &mut dyn FnMut(&MaterialRow) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut before = u64::MAX;
    loop {
        let rows = stores.index.materials_of(holder, before, ROWS_AT_A_TIME)?;
        let Some(last) = rows.last() else { return Ok(()) };
        before = last.sequence;
        rows.iter().try_for_each(&mut *visit)?;
    }
}

/// The pictures of a material that something else than what is going needs; those that nothing else does are put with
/// the doomed.
fn kept_pictures(
    stores: &Stores,
    row: &MaterialRow,
    going: &HashSet<u64>,
    doomed: &mut HashSet<BlobName>,
) -> Result<BTreeSet<Digest>, ArchiveError> {
    let mut kept: HashSet<BlobName> = HashSet::new();
    for name in &row.blobs {
        if stores.index.blob_users(*name)?.iter().any(|user| !going.contains(user)) {
            kept.insert(*name);
        } else {
            doomed.insert(*name);
        }
    }
    if kept.is_empty() {
        return Ok(BTreeSet::new());
    }
    let blobs = stores.filed(row)?.map(|(_, personal)| personal.blobs).unwrap_or_default();
    let digests = blobs.iter().map(|b| b.digest.0);
    Ok(digests.filter(|digest| kept.contains(&stores.keys.blob_name(digest))).collect())
}
