//! Filing: a material joins its holders' dossiers.

use std::collections::{BTreeMap, HashSet};

use yidang_model::{CaptureId, Digest, HashedBytes, Material, MaterialId, Subject};

use crate::caller::{NAME_CHARS_MAX, TEXT_CHARS_MAX, too_long};
use crate::entry::{Plain, refs_of, seal_entry};
use crate::held::known_to_be_held_alone;
use crate::material_record::MaterialRecord;
use crate::plan::{Answer, Draft, Plan, Planner, Request, SlotKeys, Touch};
use crate::record::{BlobRecord, FiledPersonal, NoPersonal, Office, Refs, StagedRef, Text};
use crate::sealed_blob::{self, SealedBlob, seal_all};
use crate::stage::{STAGE_BLOBS_MAX, check_unfiled, staged_personal};
use crate::storage::{BlobName, IndexChange, MaterialRow, StagedRow, StagedState, Tag, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError, Idempotency, Stored};

/// Most pages of a material.
pub const PAGES_MAX: usize = 200;
/// Most holders of a material.
pub const HOLDERS_MAX: usize = 16;

/// Most staged sets of a material: a page and its original apart.
const STAGED_SETS_MAX: usize = 2 * PAGES_MAX;
/// Longest word, number or name in a material, in characters.
pub(crate) const LABEL_CHARS_MAX: usize = 256;

/// A material to file.
#[derive(Clone, Debug)]
pub struct Filing {
    /// The record. Its `duplicate_of` is decided here unless the caller already knows it. A caller that names the
    /// very material this one would be recognised as has it filed beside that one.
    pub material: Material,
    /// The staged sets it is made of; they are used up. Blobs in none of them are taken from what is on file
    /// for one of the holders.
    pub from: Vec<CaptureId>,
    /// Which of `from` each page was made of, in the pages' order; empty where that is not known. Kept with the
    /// record, so that the sets can be recognised when they are handed in again ([`Archive::page_sets`]).
    pub page_sets: Vec<CaptureId>,
    /// Whether it takes the place it names even where another version has: what was filed elsewhere is taken as
    /// it comes. Else [`ArchiveError::MaterialSuperseded`].
    pub may_fork: bool,
    /// Who files it.
    pub by: Actor,
    /// What for, where it was said.
    pub purpose: Option<String>,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

/// What became of a filing.
#[derive(Clone, Debug, PartialEq)]
pub struct Filed {
    /// The record: with `duplicate`, the first one's.
    pub stored: Stored,
    /// The same holders, case, slot and bytes, or the same identifier, were on file. Nothing was written.
    pub duplicate: bool,
    /// Whether this answers a repeated call.
    pub replayed: bool,
}

impl Archive {
    /// Files a material; durable when it returns.
    pub fn file(&self, filing: Filing) -> Result<Filed, ArchiveError> {
        self.ingest::<HashedBytes>(filing, Vec::new())
    }

    /// Takes blobs in and files a material that is made of them, as one entry with one sync of each store; durable
    /// when it returns. `blobs` are plain pictures of its pages, at most [`STAGE_BLOBS_MAX`] of them; those that are
    /// not among them come from where [`Archive::file`] takes them.
    pub fn ingest<B: Into<HashedBytes>>(&self, filing: Filing, blobs: Vec<B>) -> Result<Filed, ArchiveError> {
        let blobs = blobs.into_iter().map(Into::into).collect();
        let prepared = PreparedFiling::new(filing, blobs, &self.shared.stores)?;
        self.mend(&prepared.blobs)?;
        let names: Vec<BlobName> = prepared.blobs.iter().map(|blob| blob.name).collect();
        filed_answer(self.take_in(&names, Request::File(Box::new(prepared))))
    }

    /// Files several, committed together as far as they do not build on each other. Each has its own answer,
    /// in the order they were handed in.
    pub fn file_many(&self, filings: Vec<Filing>) -> Vec<Result<Filed, ArchiveError>> {
        let mut answers: Vec<Option<Result<Filed, ArchiveError>>> = Vec::with_capacity(filings.len());
        let mut requests = Vec::with_capacity(filings.len());
        for filing in filings {
            match PreparedFiling::new(filing, Vec::new(), &self.shared.stores) {
                Ok(prepared) => {
                    requests.push(Request::File(Box::new(prepared)));
                    answers.push(None);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        let mut written = self.shared.writer.ask_many(requests).into_iter().map(filed_answer);
        let of_writer = |answer: Option<_>| answer.or_else(|| written.next());
        answers.into_iter().map(of_writer).map(|a| a.unwrap_or(Err(ArchiveError::Closed))).collect()
    }

    /// The staged set each page of a material was made of, in the pages' order; empty where it was not said,
    /// and for a material that is not on file.
    pub fn page_sets(&self, id: MaterialId) -> Result<Vec<CaptureId>, ArchiveError> {
        let stores = &self.shared.stores;
        let Some(row) = stores.index.material(id)? else { return Ok(Vec::new()) };
        let Some((stored, personal)) = stores.filed(&row)? else { return Ok(Vec::new()) };
        let refs_at = |sequence| -> Result<Option<Refs>, ArchiveError> {
            stores.ledger.get_many(&[sequence])?.pop().map(|entry| refs_of(&entry)).transpose()
        };
        let Some(mut refs) = refs_at(stored.sequence)? else { return Ok(Vec::new()) };
        if let Some(filed) = refs.filed {
            refs = refs_at(filed)?.ok_or_else(|| crate::entry::damaged_entry(filed))?;
        }
        let sets = refs.staged;
        let set = |place: &usize| {
            sets.get(*place).map(|s| s.id.0).ok_or_else(|| crate::entry::damaged_entry(stored.sequence))
        };
        personal.page_sets.iter().map(set).collect()
    }

    /// What was answered to a filing with this key and request: `None` if there was none,
    /// [`ArchiveError::IdempotencyConflict`] if the key came with another request.
    pub fn find_filed(&self, idempotency: &Idempotency) -> Result<Option<Filed>, ArchiveError> {
        let stores = self.caught_up();
        match find_replayed(stores, Some(idempotency)) {
            // Its entry may be a moment ahead of the index: what is still missing once the writer is through is gone.
            Err(ArchiveError::MaterialErased) => {
                self.wait_for_writer()?;
                find_replayed(stores, Some(idempotency))
            }
            found => found,
        }
    }
}

fn filed_answer(answer: Result<Answer, ArchiveError>) -> Result<Filed, ArchiveError> {
    match answer? {
        Answer::Filed(filed) => Ok(*filed),
        _ => Err(ArchiveError::Defect),
    }
}

fn find_replayed(stores: &Stores, idempotency: Option<&Idempotency>) -> Result<Option<Filed>, ArchiveError> {
    let verbs = [Verb::Filed, Verb::Recognised];
    let Some(entry) = stores.replayed(idempotency, &verbs)? else { return Ok(None) };
    let id = refs_of(&entry)?.material.ok_or_else(|| crate::entry::damaged_entry(entry.sequence))?.0;
    let found = match stores.stored_by_id(id)? {
        None if stores.is_erased(id)? => None,
        // What an index that lags does not have yet is not gone.
        found => stores.lag.surely(found)?,
    };
    let stored = found.ok_or(ArchiveError::MaterialErased)?;
    let duplicate = entry.content.verb == Verb::Recognised;
    Ok(Some(Filed { stored, duplicate, replayed: true }))
}

/// A filing that is within bounds, with its tags and names, worked out on the caller's thread.
pub(crate) struct PreparedFiling {
    filing: Filing,
    idempotency_touch: Option<Touch>,
    /// Sorted.
    holders: Vec<Tag>,
    tag: Tag,
    /// Every picture of the material.
    names: BTreeMap<Digest, BlobName>,
    /// Those that came with it.
    blobs: Vec<SealedBlob>,
}

impl PreparedFiling {
    fn new(filing: Filing, blobs: Vec<HashedBytes>, stores: &Stores) -> Result<Self, ArchiveError> {
        check_filing(&filing)?;
        if blobs.len() > STAGE_BLOBS_MAX {
            return Err(ArchiveError::Invalid("a filing comes with at most 64 blobs"));
        }
        let material = &filing.material;
        let holders = stores.sorted_tags(&material.holders);
        let pictures = material.pages.iter().flat_map(|p| [p.image.digest, p.original.digest]);
        let names: BTreeMap<Digest, BlobName> =
            pictures.map(|digest| (digest, stores.keys.blob_name(&digest))).collect();
        let (digests, blobs) = seal_all(blobs, stores)?;
        if digests.iter().any(|digest| !names.contains_key(digest)) {
            return Err(ArchiveError::Invalid("a blob is no picture of any page"));
        }
        let tags = filing.idempotency.as_ref().map(|i| stores.keys.idempotency_tags(i));
        let tag = filing_tag(stores, material, &holders);
        let idempotency_touch = tags.map(|t| Touch::Idempotency(t.0));
        Ok(Self { filing, idempotency_touch, holders, tag, names, blobs })
    }

    pub(crate) fn touches(&self) -> HashSet<Touch> {
        let staged = self.filing.from.iter().map(|id| Touch::Staged(*id));
        let blobs = self.names.values().map(|name| Touch::Blob(*name));
        let own = [Touch::Material(self.filing.material.id), Touch::Filing(self.tag)];
        // Two versions of one paper see each other.
        let older = self.filing.material.supersedes.map(Touch::Material);
        staged.chain(blobs).chain(own).chain(older).chain(self.idempotency_touch).collect()
    }

    pub(crate) fn give_back(&mut self, blobs: Vec<(BlobName, Vec<u8>)>) {
        sealed_blob::give_back(&mut self.blobs, blobs);
    }

    pub(crate) fn plan(&mut self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let stores = planner.stores;
        if let Some(filed) = self.known(stores)? {
            return self.recognise(stores, filed);
        }
        if !self.filing.may_fork {
            stores.check_place(&self.filing.material)?;
        }
        let sets = self.sets(stores)?;
        let blobs = self.resolve_blobs(stores, &sets)?;
        let keys = planner.holder_keys(&self.filing.material.holders)?;
        let mut material = self.filing.material.clone();
        if material.duplicate_of.is_none() {
            material.duplicate_of = earlier_with_same_bytes(stores, &material)?;
        }
        let plan = self.draft(planner, material, &sets, blobs, keys)?;
        Ok(Plan::Write(Box::new(Draft {
            blobs: self.blobs.iter_mut().filter_map(SealedBlob::take).collect(),
            ..plan
        })))
    }

    /// What is on file already is not filed again, and the sets that were handed in for it are used up: nothing
    /// of them may outlive the material.
    fn recognise(&self, stores: &Stores, filed: Filed) -> Result<Plan, ArchiveError> {
        let mut sets = Vec::new();
        for id in &self.filing.from {
            let row = stores.index.staged(*id)?;
            sets.extend(row.filter(|row| row.state == StagedState::Unfiled));
        }
        let id = filed.stored.material.id;
        // The key of a repeated call is in the ledger already, and may stand there once.
        let idempotency = self.filing.idempotency.as_ref().filter(|_| !filed.replayed);
        let answer = Answer::Filed(Box::new(filed));
        if sets.is_empty() {
            return Ok(Plan::Answer(answer));
        }
        let staged = sets.iter().map(|set| StagedRef { id: Text(set.id), key: set.key });
        let plain = Plain {
            verb: Verb::Recognised,
            refs: Refs { material: Some(Text(id)), staged: staged.collect(), ..Refs::default() },
            office: Office { count: self.filing.material.pages.len() as u64, ..Office::of(&self.filing.by) },
            personal: NoPersonal {},
            slots: &[],
            idempotency,
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let change = IndexChange::UsedUp { id, staged: sets.iter().map(|set| set.id).collect() };
        let forget = sets.iter().map(|set| set.key).collect();
        Ok(Plan::Write(Box::new(Draft { forget, ..Draft::of(entry, change, answer) })))
    }

    fn draft(
        &self,
        planner: &Planner<'_>,
        material: Material,
        sets: &[StagedRow],
        blobs: Vec<BlobRecord>,
        keys: SlotKeys,
    ) -> Result<Draft, ArchiveError> {
        let (stores, filing) = (planner.stores, &self.filing);
        let staged = sets.iter().map(|set| StagedRef { id: Text(set.id), key: set.key });
        let place = |id: &CaptureId| filing.from.iter().position(|from| from == id);
        let plain = Plain {
            verb: Verb::Filed,
            refs: Refs { material: Some(Text(material.id)), staged: staged.collect(), ..Refs::default() },
            office: Office { count: material.pages.len() as u64, ..Office::of(&filing.by) },
            personal: FiledPersonal {
                material: MaterialRecord::of(&material),
                filing: self.tag,
                blobs,
                page_sets: filing.page_sets.iter().filter_map(place).collect(),
                purpose: filing.purpose.clone(),
                originals_disposed: false,
                reason: None,
            },
            slots: &keys.slots(&material.holders),
            idempotency: filing.idempotency.as_ref(),
        };
        let mut names: Vec<BlobName> = self.names.values().copied().collect();
        names.sort_unstable();
        let row = MaterialRow {
            id: material.id,
            sequence: planner.sequence,
            holders: self.holders.clone(),
            filing: self.tag,
            blobs: names,
            supersedes: material.supersedes,
            originals_disposed: false,
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let stored = Stored { material, sequence: planner.sequence, originals_disposed: false };
        Ok(Draft {
            blobs: Vec::new(),
            keys: keys.records,
            holders: keys.new_holders,
            entry,
            change: Some(IndexChange::Filed { row, staged: sets.iter().map(|s| s.id).collect() }),
            forget: sets.iter().map(|s| s.key).collect(),
            answer: Answer::Filed(Box::new(Filed { stored, duplicate: false, replayed: false })),
        })
    }

    /// What is on file already.
    fn known(&self, stores: &Stores) -> Result<Option<Filed>, ArchiveError> {
        if let Some(filed) = find_replayed(stores, self.filing.idempotency.as_ref())? {
            return Ok(Some(filed));
        }
        let id = self.filing.material.id;
        if stores.is_erased(id)? {
            return Err(ArchiveError::MaterialErased);
        }
        let row = match stores.index.material(id)? {
            Some(row) => Some(row),
            None => {
                let same = stores.index.find_filing(self.tag, &self.holders)?;
                let same = same.filter(|row| self.filing.material.duplicate_of != Some(row.id));
                match same {
                    // What is brought again is not the one that goes when its hold is lifted.
                    Some(row) if known_to_be_held_alone(stores, row.id)? == Some(true) => None,
                    same => same,
                }
            }
        };
        let Some(row) = row else { return Ok(None) };
        let stored = stores.stored(&row)?.ok_or(ArchiveError::MaterialErased)?;
        Ok(Some(Filed { stored, duplicate: true, replayed: false }))
    }

    /// The sets it is made of, all unfiled.
    fn sets(&self, stores: &Stores) -> Result<Vec<StagedRow>, ArchiveError> {
        let unfiled = |id: &CaptureId| {
            let row = stores.index.staged(*id)?.ok_or(ArchiveError::StagedUnknown)?;
            check_unfiled(&row)?;
            Ok(row)
        };
        self.filing.from.iter().map(unfiled).collect()
    }

    /// How each picture's blob opens: as it came with the filing, from the sets, else from what is on file for one
    /// of the holders.
    fn resolve_blobs(
        &mut self,
        stores: &Stores,
        sets: &[StagedRow],
    ) -> Result<Vec<BlobRecord>, ArchiveError> {
        let mut fresh = BTreeMap::new();
        for blob in &mut self.blobs {
            blob.settle(stores)?;
            fresh.insert(blob.digest, blob.record());
        }
        let mut staged = BTreeMap::new();
        for set in sets {
            let (_, personal) = staged_personal(stores, set)?.ok_or(ArchiveError::StagedUnknown)?;
            staged.extend(personal.blobs.into_iter().map(|blob| (blob.digest.0, blob)));
        }
        let mut blobs = Vec::with_capacity(self.names.len());
        for (digest, &name) in &self.names {
            if let Some(blob) = fresh.remove(digest) {
                blobs.push(blob);
                continue;
            }
            let found = match staged.remove(digest) {
                Some(blob) => Some(blob),
                None => self.blob_on_file(stores, digest, name)?,
            };
            blobs.push(found.ok_or(ArchiveError::BlobUnknown { digest: *digest })?);
            if !stores.blobs.has(name)? {
                return Err(ArchiveError::BlobMissing { name });
            }
        }
        Ok(blobs)
    }

    fn blob_on_file(
        &self,
        stores: &Stores,
        digest: &Digest,
        name: BlobName,
    ) -> Result<Option<BlobRecord>, ArchiveError> {
        let theirs = |row: &MaterialRow| row.holders.iter().any(|h| self.holders.binary_search(h).is_ok());
        let mut found = None;
        stores.visit_users(name, &theirs, &mut |_, _, personal| {
            found = personal.blobs.into_iter().find(|b| b.digest.0 == *digest);
            Ok(found.is_none())
        })?;
        Ok(found)
    }
}

/// The earliest other material of the same holders with the same originals in the same order.
pub(crate) fn earlier_with_same_bytes(
    stores: &Stores,
    material: &Material,
) -> Result<Option<MaterialId>, ArchiveError> {
    let originals =
        |material: &Material| -> Vec<Digest> { material.pages.iter().map(|p| p.original.digest).collect() };
    let own = originals(material);
    let Some(first) = own.first() else { return Ok(None) };
    let holders = stores.sorted_tags(&material.holders);
    let wanted = |row: &MaterialRow| row.id != material.id && row.holders == holders;
    let mut found = None;
    stores.visit_users(stores.keys.blob_name(first), &wanted, &mut |row, stored, _| {
        found = (originals(&stored.material) == own).then_some(row.id);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// Tag of holders, case, slot and bytes.
pub(crate) fn filing_tag(stores: &Stores, material: &Material, holders: &[Tag]) -> Tag {
    let holders: Vec<u8> = holders.iter().flat_map(|tag| tag.0).collect();
    let pictures = material.pages.iter().flat_map(|p| [p.original.digest, p.image.digest]);
    let bytes: Vec<u8> = pictures.flat_map(|digest| *digest.as_bytes()).collect();
    // No case is another thing than an empty one.
    let given = |text: &Option<String>| text.as_ref().map_or(Vec::new(), |t| [b"=", t.as_bytes()].concat());
    let (case, slot) = (given(&material.case), given(&material.slot));
    stores.keys.filing_tag(&[&holders, &case, &slot, &bytes])
}

/// Refuses no holder, too many, or one named twice.
pub(crate) fn check_holders(holders: &[Subject]) -> Result<(), ArchiveError> {
    if holders.is_empty() || holders.len() > HOLDERS_MAX {
        return Err(ArchiveError::Invalid("there are 1 to 16 holders"));
    }
    if holders.iter().collect::<HashSet<_>>().len() < holders.len() {
        return Err(ArchiveError::Invalid("a holder is named twice"));
    }
    Ok(())
}

fn check_filing(filing: &Filing) -> Result<(), ArchiveError> {
    let material = &filing.material;
    filing.by.check()?;
    filing.idempotency.as_ref().map_or(Ok(()), Idempotency::check)?;
    check_holders(&material.holders)?;
    if material.pages.is_empty() || material.pages.len() > PAGES_MAX {
        return Err(ArchiveError::Invalid("a material has 1 to 200 pages"));
    }
    if filing.from.len() > STAGED_SETS_MAX {
        return Err(ArchiveError::Invalid("a material is made of at most 400 staged sets"));
    }
    if filing.from.iter().collect::<HashSet<_>>().len() < filing.from.len() {
        return Err(ArchiveError::Invalid("a staged set is named twice"));
    }
    if !filing.page_sets.is_empty() && filing.page_sets.len() != material.pages.len() {
        return Err(ArchiveError::Invalid("each page is made of one staged set"));
    }
    if filing.page_sets.iter().any(|id| !filing.from.contains(id)) {
        return Err(ArchiveError::Invalid("a page is made of a staged set that is not filed with it"));
    }
    for page in &material.pages {
        let numbers = page.corners.iter().flatten().flatten().chain([&page.confidence]);
        if numbers.into_iter().any(|n| !n.is_finite()) {
            return Err(ArchiveError::Invalid("corners or confidence is not a finite number"));
        }
        if page.about.iter().any(|who| !material.holders.contains(who)) {
            return Err(ArchiveError::Invalid("a page is about someone who is not among the holders"));
        }
    }
    if material.supersedes == Some(material.id) {
        return Err(ArchiveError::Invalid("a material takes its own place"));
    }
    check_texts(filing)
}

fn check_texts(filing: &Filing) -> Result<(), ArchiveError> {
    let m = &filing.material;
    let labels = [&m.case, &m.item, &m.slot, &m.issuer, &m.document_number].into_iter().flatten();
    if labels.chain([&m.counter]).any(|t| too_long(t, LABEL_CHARS_MAX)) {
        return Err(ArchiveError::Invalid("a word or number in the record is longer than 256 characters"));
    }
    if [&m.note, &filing.purpose].into_iter().flatten().any(|t| too_long(t, TEXT_CHARS_MAX)) {
        return Err(ArchiveError::Invalid("note or purpose is longer than 4000 characters"));
    }
    if m.operator.as_ref().is_some_and(|t| too_long(t, NAME_CHARS_MAX)) {
        return Err(ArchiveError::Invalid("the name of client or operator is too long"));
    }
    Ok(())
}
