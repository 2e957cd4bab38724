//! Filing what only the dead disk has, several papers side by side: what waits for the disk shares its syncs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use sha2::{Digest as _, Sha256};
use yidang_archive::{ArchiveError, ChangeWhat, Hold, HoldTarget};
use yidang_model::{CaptureId, HoldId, Image, Material, MaterialId};
use yidang_sync::wire::WireMaterial;

use super::{Dead, Left, LeftThing, Reason, Survey};
use crate::capture_note::CaptureNote;
use crate::control::{Body, Held, Outcome, RecoverAnswer, RecoverRequest, Request};
use crate::failure::Failure;

/// Papers worked on at a time; each has one page in memory.
const PAPERS_AT_A_TIME: usize = 4;
/// Most pictures of a capture that is brought: an original and its page.
const CAPTURE_PICTURES_MAX: usize = 2;

/// What sort of thing something was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Material,
    Capture,
    Hold,
}

/// What is told of a paper: an answer of the archive, or why it is left.
pub(crate) struct Told {
    pub(crate) what: What,
    pub(crate) result: Result<RecoverAnswer, Left>,
}

/// A recovery.
pub(crate) struct Recover<'a> {
    pub(crate) dead: &'a Dead,
    pub(crate) survey: &'a Survey,
    /// Who recovers.
    pub(crate) operator: Option<String>,
    /// Has the archive here do something.
    pub(crate) ask: &'a (dyn Fn(&Request) -> Result<Outcome, Failure> + Sync),
}

/// Why a paper was not brought.
enum Trouble {
    /// Something is wrong with it.
    Left(Reason),
    /// Something is wrong with an archive, and would be with the next paper.
    Archive(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Archive(failure)
    }
}

impl From<ArchiveError> for Trouble {
    /// An error of the dead archive's.
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::BlobMissing { .. } => Self::Left(Reason::BlobMissing),
            ArchiveError::BlobDamaged { .. } => Self::Left(Reason::BlobDamaged),
            error => Self::Archive(error.into()),
        }
    }
}

impl Recover<'_> {
    /// Brings everything, once the ledger here says so; `tell` hears of every paper, not always in their order. Ends
    /// early where the archive here fails or `tell` does: what was told by then holds, and the next run goes on there.
    pub(crate) fn run(&self, tell: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        let count = self.survey.count();
        if count == 0 && self.survey.holds.is_empty() {
            return Ok(());
        }
        let head = self.dead.archive.head()?;
        let store = self.dead.archive.store_id().to_owned();
        self.ask(RecoverRequest::Begin { store, head, count, operator: self.operator.clone() })?;
        // Whoever is held is so before the first paper of theirs is here, and a paper as soon as all are.
        self.hold_people(tell)?;
        self.bring_papers(tell)?;
        self.hold_papers(tell)
    }

    fn hold_people(&self, tell: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        for hold in &self.survey.holds {
            let HoldTarget::Holder(who) = &hold.target else { continue };
            let (subject_type, subject) = (who.subject_type().as_str().to_owned(), who.value().to_owned());
            tell(self.hold(hold, hold.id, Held::Person { subject_type, subject })?)?;
        }
        Ok(())
    }

    fn hold_papers(&self, tell: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        for hold in &self.survey.holds {
            if let HoldTarget::Material(id) = &hold.target {
                tell(self.hold(hold, hold.id, Held::Material(id.to_string()))?)?;
            }
            for paper in &hold.materials {
                let id = hold_on(hold.id, *paper);
                tell(self.hold(hold, id, Held::Material(paper.to_string()))?)?;
            }
        }
        Ok(())
    }

    /// Places a hold here as it stood there.
    fn hold(&self, hold: &Hold, id: HoldId, of: Held) -> Result<Told, Failure> {
        let placed = self.ask(RecoverRequest::Hold {
            id: id.to_string(),
            of,
            reason: hold.reason.clone().unwrap_or_default(),
            case: hold.case.clone(),
            operator: self.operator.clone(),
        })?;
        let result = match placed {
            RecoverAnswer::Unknown => {
                Err(Left { what: LeftThing::Hold(hold.id), reason: Reason::HoldElsewhere })
            }
            answer => Ok(answer),
        };
        Ok(Told { what: What::Hold, result })
    }

    fn bring_papers(&self, tell: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        let next = AtomicUsize::new(0);
        let (told_in, told) = sync_channel(PAPERS_AT_A_TIME);
        thread::scope(|scope| {
            for _ in 0..PAPERS_AT_A_TIME {
                let (told_in, next) = (told_in.clone(), &next);
                scope.spawn(move || {
                    while let Some(told) = self.paper(next.fetch_add(1, Ordering::Relaxed)) {
                        if told.is_err() {
                            next.store(usize::MAX / 2, Ordering::Relaxed);
                        }
                        if told_in.send(told).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(told_in);
            let mut ended = Ok(());
            for result in told {
                if let Err(failure) = result.and_then(&mut *tell) {
                    next.store(usize::MAX / 2, Ordering::Relaxed);
                    // The first is why the others failed too.
                    ended = ended.and(Err(failure));
                }
            }
            ended
        })
    }

    /// The paper of that number; `None`: there are no more.
    fn paper(&self, number: usize) -> Option<Result<Told, Failure>> {
        let materials = self.survey.unsent.len();
        let (what, thing, result) = match self.survey.unsent.get(number) {
            Some(sequence) => {
                let (thing, result) = self.material(*sequence);
                (What::Material, thing, result)
            }
            None => {
                let id = *self.survey.captures.get(number.checked_sub(materials)?)?;
                (What::Capture, LeftThing::Capture(id), self.capture(id))
            }
        };
        let left = |reason| Err(Left { what: thing, reason });
        Some(match result {
            Ok(RecoverAnswer::Unfit) => Ok(Told { what, result: left(Reason::Unfit) }),
            Ok(answer) => Ok(Told { what, result: Ok(answer) }),
            Err(Trouble::Left(reason)) => Ok(Told { what, result: left(reason) }),
            Err(Trouble::Archive(failure)) => Err(failure),
        })
    }

    fn material(&self, sequence: u64) -> (LeftThing, Result<RecoverAnswer, Trouble>) {
        let entry = LeftThing::Entry(sequence);
        let change = match self.dead.archive.changes(sequence - 1, 1) {
            Ok(mut changes) => changes.pop(),
            Err(error) => return (entry, Err(error.into())),
        };
        match change.map(|change| change.what) {
            Some(ChangeWhat::Filed(material)) => (LeftThing::Material(material.id), self.bring(&material)),
            _ => (entry, Err(Trouble::Left(Reason::EntryDamaged))),
        }
    }

    fn bring(&self, material: &Material) -> Result<RecoverAnswer, Trouble> {
        let id = material.id.to_string();
        match self.ask(RecoverRequest::Find { material: id.clone() })? {
            RecoverAnswer::Unknown => {}
            known => return Ok(known),
        }
        let mut captures = Vec::with_capacity(material.pages.len());
        for (number, page) in (1..).zip(&material.pages) {
            let mut pictures: Vec<&Image> = vec![&page.original];
            if page.image.digest != page.original.digest {
                pictures.push(&page.image);
            }
            let read = |image: &&Image| self.dead.archive.blob(material.id, &image.digest);
            let pictures = pictures.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            match self.keep(&id, number, pictures)? {
                RecoverAnswer::Staged { capture } => captures.push(capture),
                known => return Ok(known),
            }
        }
        let json =
            serde_json::to_vec(&WireMaterial::from(material)).map_err(|_| Trouble::Left(Reason::Unfit))?;
        let body = Body::new(vec![json]);
        Ok(self.ask(RecoverRequest::File { captures, operator: self.operator.clone(), body })?)
    }

    fn keep(&self, material: &str, page: usize, pictures: Vec<Vec<u8>>) -> Result<RecoverAnswer, Failure> {
        let body = Body::new(pictures);
        let stage = |again| RecoverRequest::Stage {
            material: material.to_owned(),
            page,
            again,
            operator: self.operator.clone(),
            body: body.clone(),
        };
        match self.ask(stage(false))? {
            RecoverAnswer::StageAgain => self.ask(stage(true)),
            answer => Ok(answer),
        }
    }

    fn capture(&self, id: CaptureId) -> Result<RecoverAnswer, Trouble> {
        let Some(staged) = self.dead.archive.staged(id)? else {
            return Err(Trouble::Left(Reason::NotACapture));
        };
        if CaptureNote::read(&staged.note).is_none() || staged.digests.len() > CAPTURE_PICTURES_MAX {
            return Err(Trouble::Left(Reason::NotACapture));
        }
        let mut parts = vec![staged.note];
        for digest in &staged.digests {
            parts.push(self.dead.archive.staged_blob(id, digest)?);
        }
        let (capture, operator, body) = (id.to_string(), self.operator.clone(), Body::new(parts));
        Ok(self.ask(RecoverRequest::Capture { capture, operator, body })?)
    }

    fn ask(&self, request: RecoverRequest) -> Result<RecoverAnswer, Failure> {
        match (self.ask)(&Request::Recover(request))? {
            Outcome::Recover(answer) => Ok(answer),
            _ => {
                let cause = "the daemon gave another answer than was asked for";
                let remedy = "restart the daemon, which may be of another version, and try again";
                Err(Failure::new("recovery_broken", cause, remedy))
            }
        }
    }
}

/// The hold on a paper that was the held person's until it was put right: one by itself here, and the same each time.
fn hold_on(hold: HoldId, paper: MaterialId) -> HoldId {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"yidang recovered hold 1\0")
        .chain_update(hold.as_bytes())
        .chain_update(paper.as_bytes())
        .finalize()
        .into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    HoldId::from_bytes(id)
}
