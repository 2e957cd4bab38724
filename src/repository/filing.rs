//! Filing what a commit reports, from the agent's own uploads.

use std::collections::HashSet;

use yidang_archive::storage::StagedState;
use yidang_archive::{Actor, ArchiveError, Filed, Filing, Stored};
use yidang_model::{CaptureId, Digest, Material, MaterialId, Page};
use yidang_sync::wire;

use crate::commits::Progress;
use crate::limits::COPY_LIFETIME_MS;
use crate::originals::{Late, late_originals};
use crate::problem::Problem;
use crate::repository::{Agent, Repository};
use crate::state::{StateError, Tag};

/// How a reported material stands before it is filed.
pub(crate) enum Standing {
    /// It is on file, as this one: a commit repeated after a crash, or the same paper under another name. With it, what was
    /// reported of its originals and is disposed of here.
    OnFile(MaterialId, Vec<Digest>),
    /// It will never be filed, for this reason.
    Refused(&'static str),
    /// It can be filed from these.
    Ready(Vec<Source>),
    /// These blobs are not among the agent's uploads.
    Lacking(Vec<Digest>),
}

/// Where the bytes of a picture are.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    digest: Digest,
    tag: Tag,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    /// In an upload that has not been used.
    Upload(CaptureId),
    /// In a material that this agent's upload became part of.
    Material(MaterialId),
}

impl Repository {
    pub(crate) fn standing(&self, agent: &Agent, material: &Material) -> Result<Standing, Problem> {
        let stored = self.state.stored_for(material.id)?.unwrap_or(material.id);
        let is_erased = self.archive.is_erased(stored)? || self.archive.is_erased(material.id)?;
        if is_erased || self.is_withdrawn(material.id)? {
            return Ok(Standing::Refused(wire::MATERIAL_ERASED));
        }
        if let Some(on_file) = self.archive.material(stored)? {
            let same = stored != material.id
                || is_same(&on_file.material, material)
                || self.was_put_right(agent, &on_file.material, material)?;
            return Ok(if same {
                Standing::OnFile(stored, late_originals(&on_file, material))
            } else {
                Standing::Refused(wire::MATERIAL_CONFLICT)
            });
        }
        let digests: Vec<Digest> = digests(material);
        let tags: Vec<Tag> = digests.iter().map(|d| self.secrets.digest_tag(d)).collect();
        let uploads = self.state.uploads(agent.record.number, &tags)?;
        let (mut sources, mut lacking) = (Vec::new(), Vec::new());
        for ((digest, tag), upload) in digests.into_iter().zip(tags).zip(uploads) {
            let place = match upload {
                None => None,
                Some(upload) => match upload.material {
                    Some(material) => self.on_file(material, &digest)?,
                    None => self.unfiled(upload.staged, &digest)?,
                },
            };
            match place {
                Some(place) => sources.push(Source { digest, tag, place }),
                None => lacking.push((digest, tag)),
            }
        }
        if lacking.is_empty() {
            return Ok(Standing::Ready(sources));
        }
        // What the state believed to be there is not: forget it, or the agent would never upload it again.
        let (digests, tags): (Vec<Digest>, Vec<Tag>) = lacking.into_iter().unzip();
        self.state.forget_uploads(agent.record.number, &tags)?;
        Ok(Standing::Lacking(digests))
    }

    /// Whether a material this agent reports once more is the one it committed, put right since.
    fn was_put_right(&self, agent: &Agent, on_file: &Material, material: &Material) -> Result<bool, Problem> {
        if !has_same_pages(on_file, material) {
            return Ok(false);
        }
        let committers = self.state.committers(material.id)?;
        Ok(committers.contains(&agent.record.number) || self.is_made_of_own(agent, on_file)?)
    }

    /// Whether an upload of this agent went into a material: its commit is in the archive then, whether or not a crash
    /// kept it from being written down.
    fn is_made_of_own(&self, agent: &Agent, material: &Material) -> Result<bool, Problem> {
        let tags: Vec<Tag> = digests(material).iter().map(|digest| self.secrets.digest_tag(digest)).collect();
        for upload in self.state.uploads(agent.record.number, &tags)?.into_iter().flatten() {
            let staged = self.archive.staged(upload.staged)?.map(|staged| staged.state);
            if staged == Some(StagedState::Filed(material.id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn on_file(&self, material: MaterialId, digest: &Digest) -> Result<Option<Place>, Problem> {
        let on_file = self.archive.material(material)?.filter(|stored| !stored.lacks(digest));
        Ok(on_file.map(|_| Place::Material(material)))
    }

    fn unfiled(&self, set: CaptureId, digest: &Digest) -> Result<Option<Place>, Problem> {
        match self.archive.staged(set)?.map(|staged| staged.state) {
            Some(StagedState::Unfiled) => Ok(Some(Place::Upload(set))),
            // Filed by a commit that a crash kept from being written down.
            Some(StagedState::Filed(material)) => self.on_file(material, digest),
            Some(StagedState::Discarded) | None => Ok(None),
        }
    }

    /// Files materials, together as far as no two of them use the same upload.
    pub(crate) fn file_run(
        &self,
        agent: &Agent,
        mut run: Vec<(usize, &Material)>,
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        while !run.is_empty() {
            let mut claimed: HashSet<CaptureId> = HashSet::new();
            let mut named: HashSet<MaterialId> = HashSet::new();
            let (mut wave, mut filings, mut later) = (Vec::new(), Vec::new(), Vec::new());
            for (at, material) in run {
                let contacts = material.holders.iter().map(|h| self.secrets.subject_tag(h));
                let standing = match progress.standings.remove(&at) {
                    Some(standing) => standing,
                    None => self.standing(agent, material)?,
                };
                match standing {
                    Standing::OnFile(stored, late) => {
                        progress.contacts.extend(contacts);
                        progress.late.extend(Late::of(stored, material, late));
                        progress.accept(at, material.id, stored);
                    }
                    Standing::Refused(code) => {
                        progress.results.insert(at, Some(code));
                        self.tell_of_erased(agent, material)?;
                    }
                    Standing::Lacking(digests) => return Err(Problem::missing(digests)),
                    Standing::Ready(sources) => {
                        let taken = sources.iter().any(|s| s.upload().is_some_and(|u| claimed.contains(&u)));
                        if taken || !named.insert(material.id) {
                            later.push((at, material));
                            continue;
                        }
                        claimed.extend(sources.iter().filter_map(Source::upload));
                        filings.push(self.filing(agent, material, &sources)?);
                        wave.push((at, material, sources));
                    }
                }
            }
            for ((at, material, sources), filed) in wave.into_iter().zip(self.archive.file_many(filings)) {
                self.settle(agent, at, material, &sources, filed, progress)?;
            }
            run = later;
        }
        Ok(())
    }

    fn filing(&self, agent: &Agent, material: &Material, sources: &[Source]) -> Result<Filing, Problem> {
        let mut from = Vec::with_capacity(sources.len());
        for source in sources {
            match source.place {
                Place::Upload(set) => from.push(set),
                Place::Material(other) => from.extend(self.copy(agent, material, source.digest, other)?),
            }
        }
        let by = Actor { client: agent.record.name.clone(), operator: material.operator.clone() };
        let material = Material { supersedes: self.superseded_by(material)?, ..material.clone() };
        let material = self.beside_disposed(material)?;
        Ok(Filing {
            material,
            from,
            page_sets: Vec::new(),
            may_fork: true,
            by,
            purpose: None,
            idempotency: None,
        })
    }

    /// A paper that would be recognised as one whose originals are disposed of, and about which this window wrote down
    /// something else, is a paper of its own and keeps the originals it came with until its own term is over.
    fn beside_disposed(&self, material: Material) -> Result<Material, ArchiveError> {
        let first = self.archive.recognised_as(&material)?;
        let is_own =
            |first: &Stored| first.originals_disposed && !writes_the_same(&first.material, &material);
        let duplicate_of = first.filter(is_own).map(|first| first.material.id).or(material.duplicate_of);
        Ok(Material { duplicate_of, ..material })
    }

    /// The paper whose place a reported one takes, by the name it has here.
    fn superseded_by(&self, material: &Material) -> Result<Option<MaterialId>, StateError> {
        let Some(older) = material.supersedes else { return Ok(None) };
        Ok(Some(self.state.stored_for(older)?.unwrap_or(older)).filter(|older| *older != material.id))
    }

    /// The archive draws on the dossiers of a material's own holders by itself. Bytes that this agent uploaded
    /// for someone else are staged anew; the archive keeps them once.
    fn copy(
        &self,
        agent: &Agent,
        material: &Material,
        digest: Digest,
        other: MaterialId,
    ) -> Result<Option<CaptureId>, Problem> {
        let on_file = self.archive.material(other)?;
        if on_file.is_some_and(|s| s.material.holders.iter().any(|h| material.holders.contains(h))) {
            return Ok(None);
        }
        let bytes = self.archive.blob(other, &digest)?;
        Ok(Some(self.stage_one(agent, bytes, self.now().plus_millis(COPY_LIFETIME_MS))?))
    }

    /// Files the same paper a second time, with what this window wrote down about it: nothing of that may be
    /// lost, and the pictures are there already.
    fn file_beside(
        &self,
        agent: &Agent,
        material: &Material,
        first: MaterialId,
        supersedes: Option<MaterialId>,
    ) -> Result<Filed, ArchiveError> {
        let by = Actor { client: agent.record.name.clone(), operator: material.operator.clone() };
        let material = Material { duplicate_of: Some(first), supersedes, ..material.clone() };
        let (from, page_sets) = (Vec::new(), Vec::new());
        self.archive.file(Filing {
            material,
            from,
            page_sets,
            may_fork: true,
            by,
            purpose: None,
            idempotency: None,
        })
    }

    fn settle(
        &self,
        agent: &Agent,
        at: usize,
        material: &Material,
        sources: &[Source],
        filed: Result<Filed, ArchiveError>,
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        let filed = match filed {
            Ok(filed) if filed.duplicate && !writes_the_same(&filed.stored.material, material) => {
                let supersedes = self.superseded_by(material)?;
                self.file_beside(agent, material, filed.stored.material.id, supersedes)
            }
            filed => filed,
        };
        match filed {
            Ok(filed) => {
                let stored = filed.stored.material.id;
                progress.contacts.extend(material.holders.iter().map(|h| self.secrets.subject_tag(h)));
                progress.accept(at, material.id, stored);
                let late = late_originals(&filed.stored, material);
                progress.late.extend(Late::of(stored, material, late));
                // A duplicate's uploads know already what they have become part of.
                if !filed.duplicate {
                    progress.used.extend(sources.iter().map(|s| (s.tag, stored)));
                }
                Ok(())
            }
            Err(ArchiveError::MaterialErased) => {
                progress.results.insert(at, Some(wire::MATERIAL_ERASED));
                Ok(())
            }
            Err(ArchiveError::IdempotencyConflict) => {
                progress.results.insert(at, Some(wire::MATERIAL_CONFLICT));
                Ok(())
            }
            Err(error @ ArchiveError::Invalid(_)) => {
                tracing::warn!(%error, "the archive does not take a material");
                progress.results.insert(at, Some(wire::INVALID));
                Ok(())
            }
            Err(
                ArchiveError::BlobUnknown { .. }
                | ArchiveError::BlobMissing { .. }
                | ArchiveError::StagedUnknown
                | ArchiveError::StagedFiled { .. },
            ) => {
                // Swept or lost in between. All of it is asked for again; what is there costs no second copy.
                let tags: Vec<Tag> = sources.iter().map(|s| s.tag).collect();
                self.state.forget_uploads(agent.record.number, &tags)?;
                Err(Problem::missing(sources.iter().map(|s| s.digest).collect()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Source {
    fn upload(&self) -> Option<CaptureId> {
        match self.place {
            Place::Upload(set) => Some(set),
            Place::Material(_) => None,
        }
    }
}

/// The pictures of a material, each once, in their order.
fn digests(material: &Material) -> Vec<Digest> {
    let mut seen = HashSet::new();
    let all = material.pages.iter().flat_map(|p| [p.image.digest, p.original.digest]);
    all.filter(|digest| seen.insert(*digest)).collect()
}

/// Whether a material on file is what is reported under its identifier. A holder forgotten since is no
/// difference, and status may have moved on.
fn is_same(on_file: &Material, reported: &Material) -> bool {
    on_file.kind == reported.kind
        && on_file.holders.iter().all(|h| reported.holders.contains(h))
        && has_same_pages(on_file, reported)
}

fn has_same_pages(one: &Material, other: &Material) -> bool {
    one.pages.len() == other.pages.len()
        && one.pages.iter().zip(&other.pages).all(|(one, other)| is_same_page(one, other))
}

/// A window that has disposed of the untouched original reports the page in its place.
fn is_same_page(one: &Page, other: &Page) -> bool {
    let has_none = |page: &Page| page.original.digest == page.image.digest;
    one.image.digest == other.image.digest
        && (one.original.digest == other.original.digest || has_none(one) || has_none(other))
}

/// Whether two filings of the same paper say the same about it.
fn writes_the_same(on_file: &Material, reported: &Material) -> bool {
    // Holders, case, slot and pictures are the same, or it would not be the same paper.
    let about = |material: &Material| material.pages.iter().map(|p| p.about.clone()).collect::<Vec<_>>();
    let is_own = on_file.id == reported.id;
    is_own
        || (on_file.kind == reported.kind
            && on_file.item == reported.item
            && on_file.issued_on == reported.issued_on
            && on_file.valid_until == reported.valid_until
            && on_file.issuer == reported.issuer
            && on_file.document_number == reported.document_number
            && on_file.presented_as == reported.presented_as
            && on_file.original_seen == reported.original_seen
            && on_file.note == reported.note
            && on_file.origin == reported.origin
            && (reported.supersedes.is_none() || on_file.supersedes.is_some())
            && about(on_file) == about(reported))
}
