//! Disposing of papers whose term is over, for a command.
//!
//! A clock that runs ahead makes papers due that are not. So the clock is held against the ledger first, and the
//! operator says how many papers are to go, which a first run has told: with any other number nothing goes.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use yidang_archive::storage::ErasureState;
use yidang_archive::{
    Actor, Archive, ArchiveError, Disposal, Erasure, ErasureRequest, ErasureTarget, HistoryPage,
    LOOK_MATERIALS_MAX, Stored,
};
use yidang_model::{Date, ErasureId, Material, MaterialId, Subject, Timestamp};

use super::{Listen, News, Outcome};
use crate::clock;
use crate::failure::Failure;
use crate::random;
use crate::retention::Retention;

/// Who the ledger says did it, beside the operator.
const CLIENT: &str = "yidang archive dispose";
/// Why, in the ledger of each erasure.
const REASON: &str = "its retention term is over";
/// Papers of one run; the next run goes on. Their lines are in memory while it lasts.
const PAPERS_MAX: usize = 10_000;
/// How far the clock may be ahead of the ledger's last entry, in milliseconds: longer than any holidays.
const CLOCK_LEAD_MAX_MS: i64 = 31 * 24 * 60 * 60 * 1000;
/// How far it may be behind it, in milliseconds.
const CLOCK_LAG_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// Lines told at once.
const LINES_AT_ONCE: usize = 64;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisposeRequest {
    /// By whom.
    pub(crate) operator: String,
    /// How many papers are to go; `None`: none, only tell which would.
    pub(crate) confirm: Option<u64>,
    /// Of how many papers the originals are to go; `None`: of none.
    pub(crate) confirm_originals: Option<u64>,
    /// The clock was looked at: it is not held against the ledger.
    pub(crate) clock_checked: bool,
}

/// What of a paper has a term that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisposePart {
    /// All of it.
    Paper,
    /// The untouched originals of its pages.
    Originals,
}

/// What became of a paper whose term is over, or its originals'. Not whose it is, nor what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DisposeLine {
    pub(crate) part: DisposePart,
    pub(crate) material: String,
    pub(crate) kind: String,
    pub(crate) filed_at: String,
    /// The last day it was to be kept.
    pub(crate) term_ended_on: String,
    /// `due`, `held`, `erased`, `requested` of the repository, `refused` by it, or `failed`; of originals `disposed`.
    pub(crate) result: String,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DisposeFigures {
    /// The day, by this PC's clock.
    pub(crate) today: String,
    /// Papers whose term is over and that nothing holds.
    pub(crate) due: u64,
    /// Papers whose term is over and that a hold keeps.
    pub(crate) held: u64,
    pub(crate) erased: u64,
    pub(crate) requested: u64,
    pub(crate) refused: u64,
    /// Of papers and of originals.
    pub(crate) failed: u64,
    /// Papers whose originals' term is over and that nothing holds. Those whose own term is over are not among them.
    pub(crate) originals_due: u64,
    /// Papers whose originals' term is over and that a hold keeps.
    pub(crate) originals_held: u64,
    /// Papers whose originals went.
    pub(crate) originals_disposed: u64,
    /// People of whom nothing was left, and who were forgotten too.
    pub(crate) forgotten_people: u64,
    /// Whether more papers are due than one run takes.
    pub(crate) truncated: bool,
}

/// Where it is done.
pub(super) struct Office<'a> {
    pub(super) archive: &'a Archive,
    pub(super) retention: &'a Retention,
    /// No repository is configured: what is due is erased at once.
    pub(super) is_alone: bool,
}

/// A paper whose term is over, or its originals'.
struct Due {
    id: MaterialId,
    holders: Vec<Subject>,
    line: DisposeLine,
}

impl Due {
    fn is_due(&self, part: DisposePart) -> bool {
        self.line.part == part && self.line.result == "due"
    }
}

impl Office<'_> {
    /// Does it. Blocks as long as reading the ledger takes, and erasing what is due.
    pub(super) fn carry_out(&self, request: &DisposeRequest, listen: Listen<'_>) -> Result<Outcome, Failure> {
        if self.retention.0.is_empty() {
            let remedy = "say in the configuration how long papers are kept, with [[retention]]";
            return Err(Failure::new("retention_absent", "everything is kept for good", remedy));
        }
        let now = self.archive.now();
        if !request.clock_checked {
            self.check_clock(now)?;
        }
        let nowhere = || Failure::new("clock_doubtful", "the clock shows no date", "set the clock");
        let today = clock::date_at_counter(now).ok_or_else(nowhere)?;
        let (mut found, truncated) = self.find(today)?;
        let [due, held] = ["due", "held"].map(|word| count(&found, DisposePart::Paper, word));
        let [originals_due, originals_held] =
            ["due", "held"].map(|word| count(&found, DisposePart::Originals, word));
        confirm(request.confirm, due, "papers")?;
        confirm(request.confirm_originals, originals_due, "papers' originals")?;
        let by = Actor { client: CLIENT.to_owned(), operator: Some(request.operator.clone()) };
        let mut forgotten_people = 0;
        if request.confirm.is_some() {
            forgotten_people = self.dispose(&mut found, &by)?;
        }
        if request.confirm_originals.is_some() {
            self.dispose_of_originals(&mut found, &by)?;
        }
        for some in found.chunks(LINES_AT_ONCE) {
            let cut = |e| Failure::new("output_failed", e, "see what takes the output");
            let lines = some.iter().map(|due| due.line.clone()).collect();
            listen(News::Disposal(lines)).map_err(cut)?;
        }
        let papers = |word| count(&found, DisposePart::Paper, word);
        Ok(Outcome::Disposed(DisposeFigures {
            today: today.to_string(),
            due,
            held,
            erased: papers("erased"),
            requested: papers("requested"),
            refused: papers("refused"),
            failed: papers("failed") + count(&found, DisposePart::Originals, "failed"),
            originals_due,
            originals_held,
            originals_disposed: count(&found, DisposePart::Originals, "disposed"),
            forgotten_people,
            truncated,
        }))
    }

    fn check_clock(&self, now: Timestamp) -> Result<(), Failure> {
        let Some(last) = self.archive.last_entry_at()?.filter(|last| is_far_from(now, *last)) else {
            return Ok(());
        };
        let cause = format!("the clock shows {now}, and the ledger's last entry was written at {last}");
        let remedy = "set the clock; if it is right, say so with --clock-checked";
        Err(Failure::new("clock_doubtful", cause, remedy))
    }

    /// Papers whose term is over, or their originals', and whether there are more.
    fn find(&self, today: Date) -> Result<(Vec<Due>, bool), Failure> {
        let (mut found, mut after) = (Vec::new(), Some(0));
        while let Some(place) = after {
            let page = self.archive.on_file(place)?;
            for stored in page.materials {
                let material = &stored.material;
                let Some((part, ended)) = self.ended(&stored, today) else { continue };
                if found.len() == PAPERS_MAX {
                    return Ok((found, true));
                }
                let held = self.archive.is_held(&ErasureTarget::Material(material.id))?;
                found.push(Due {
                    id: material.id,
                    holders: material.holders.clone(),
                    line: line(material, part, ended, if held { "held" } else { "due" }),
                });
            }
            after = page.next;
        }
        Ok((found, false))
    }

    /// What of it has a term that is over, and since when. With the paper its originals go.
    fn ended(&self, stored: &Stored, today: Date) -> Option<(DisposePart, Date)> {
        let is_over = |end: &Date| *end < today;
        if let Some(end) = self.retention.term_end(&stored.material).filter(is_over) {
            return Some((DisposePart::Paper, end));
        }
        let end = self.retention.originals_end(&stored.material).filter(is_over)?;
        stored.has_originals().then_some((DisposePart::Originals, end))
    }

    /// Originals go batch by batch, each with one entry in the ledger.
    fn dispose_of_originals(&self, found: &mut [Due], by: &Actor) -> Result<(), Failure> {
        let mut due: Vec<&mut Due> =
            found.iter_mut().filter(|due| due.is_due(DisposePart::Originals)).collect();
        for some in due.chunks_mut(LOOK_MATERIALS_MAX) {
            let materials = some.iter().map(|due| due.id).collect();
            let gone = self.archive.dispose_of_originals(Disposal { materials, by: by.clone() });
            if let Err(error) = &gone {
                tracing::error!(%error, "originals could not be disposed of");
            }
            for due in some {
                let is_held = || self.archive.is_held(&ErasureTarget::Material(due.id));
                due.line.result = match &gone {
                    Err(_) => "failed",
                    Ok(gone) if !gone.contains(&due.id) && is_held()? => "held",
                    // Or erased, or disposed of by somebody else, since it was found.
                    Ok(_) => "disposed",
                }
                .to_owned();
            }
        }
        Ok(())
    }

    /// How many people went with their last paper.
    fn dispose(&self, found: &mut [Due], by: &Actor) -> Result<u64, Failure> {
        let ids: Vec<MaterialId> =
            found.iter().filter(|due| due.is_due(DisposePart::Paper)).map(|due| due.id).collect();
        for some in ids.chunks(LOOK_MATERIALS_MAX) {
            self.archive.record_disposal(Disposal { materials: some.to_vec(), by: by.clone() })?;
        }
        let mut left: HashSet<Subject> = HashSet::new();
        for due in found.iter_mut().filter(|due| due.is_due(DisposePart::Paper)) {
            let result = match self.forget(due.id, by) {
                Ok(erasure) => match erasure.state {
                    ErasureState::Done => "erased",
                    ErasureState::Refused => "refused",
                    ErasureState::Requested | ErasureState::Erasing => "requested",
                },
                // Erased by somebody else, or held, since it was found.
                Err(ArchiveError::MaterialErased | ArchiveError::MaterialUnknown) => "erased",
                Err(ArchiveError::LegalHold) => "held",
                Err(error) => {
                    tracing::error!(material = %due.id, %error, "a paper could not be disposed of");
                    "failed"
                }
            };
            due.line.result = result.to_owned();
            if result == "erased" {
                left.extend(due.holders.iter().cloned());
            }
        }
        // With a repository it decides who is forgotten: it knows what other windows have of them.
        if self.is_alone { self.forget_people(left, by) } else { Ok(0) }
    }

    /// The same erasure for the same paper, whichever run asks.
    fn forget(&self, material: MaterialId, by: &Actor) -> Result<Erasure, ArchiveError> {
        let id = erasure_of(material);
        let asked = self.archive.request_erasure(ErasureRequest {
            id,
            target: ErasureTarget::Material(material),
            reason: REASON.to_owned(),
            by: by.clone(),
            idempotency: None,
            elsewhere_of: Vec::new(),
        })?;
        if self.is_alone { self.archive.erase(id) } else { Ok(asked) }
    }

    fn forget_people(&self, people: HashSet<Subject>, by: &Actor) -> Result<u64, Failure> {
        let mut forgotten = 0;
        for who in people {
            if !self.archive.history(&who, HistoryPage { before: u64::MAX, limit: 1 })?.is_empty() {
                continue;
            }
            let erased = self.archive.erase_now(ErasureRequest {
                id: ErasureId::from_bytes(random::bytes()),
                target: ErasureTarget::Holder(who),
                reason: REASON.to_owned(),
                by: by.clone(),
                idempotency: None,
                elsewhere_of: Vec::new(),
            });
            match erased {
                Ok(_) => forgotten += 1,
                Err(ArchiveError::LegalHold | ArchiveError::HolderUnknown) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(forgotten)
    }
}

/// Whether a clock shows what is hardly true, as the ledger's last entry was written then.
fn is_far_from(now: Timestamp, last: Timestamp) -> bool {
    let lead_ms = now.as_millis().saturating_sub(last.as_millis());
    !(-CLOCK_LAG_MAX_MS..=CLOCK_LEAD_MAX_MS).contains(&lead_ms)
}

fn erasure_of(material: MaterialId) -> ErasureId {
    let mut hasher = Sha256::new();
    hasher.update(b"yidang disposal 1\0");
    hasher.update(material.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ErasureId::from_bytes(id)
}

fn count(found: &[Due], part: DisposePart, word: &str) -> u64 {
    found.iter().filter(|due| due.line.part == part && due.line.result == word).count() as u64
}

/// Whether the operator knows what is due.
fn confirm(confirmed: Option<u64>, due: u64, what: &str) -> Result<(), Failure> {
    let Some(confirmed) = confirmed.filter(|confirmed| *confirmed != due) else { return Ok(()) };
    let cause = format!("{due} {what} are due, and {confirmed} were confirmed: nothing was disposed of");
    let remedy = "see with --dry-run what is due today, and confirm that number";
    Err(Failure::new("confirmation_differs", cause, remedy))
}

fn line(material: &Material, part: DisposePart, ended: Date, result: &str) -> DisposeLine {
    DisposeLine {
        part,
        material: material.id.to_string(),
        kind: material.kind.as_str().to_owned(),
        filed_at: material.filed_at.to_string(),
        term_ended_on: ended.to_string(),
        result: result.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_far_from_the_ledger_disposes_of_nothing() {
        let last: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let shown = |text: &str| is_far_from(text.parse().unwrap(), last);
        assert!(
            !shown("2026-11-26T10:00:01Z")
                && !shown("2026-12-20T00:00:00Z")
                && !shown("2026-11-26T09:00:00Z")
        );
        assert!(
            shown("2036-11-26T10:00:00Z") && shown("2027-01-01T00:00:00Z") && shown("2026-11-20T00:00:00Z")
        );
    }

    #[test]
    fn every_run_asks_for_the_same_erasure_of_a_paper() {
        let of = |byte| erasure_of(MaterialId::from_bytes([byte; 16]));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
