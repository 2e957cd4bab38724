//! Disposing of papers whose term is over, for a command.
//!
//! A clock that runs ahead makes papers due that are not. So the clock is held against the ledger first, and the
//! operator says how many papers are to go, which a first run has told: with any other number nothing goes.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use yidang_archive::storage::ErasureState;
use yidang_archive::{
    Actor, Archive, ArchiveError, Disposal, DuePaper, Erasure, ErasureRequest, ErasureTarget, HistoryPage,
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
/// Papers of one run that are due; the next run goes on. Their lines are in memory while it lasts.
const PAPERS_MAX: usize = 10_000;
/// Lines told of those that are not: what is held or waits for the repository is counted all the same.
const WAITING_TOLD_MAX: usize = 10_000;
/// How often a paper that the repository refused to have erased, as a hold kept it then, is asked about anew.
const ATTEMPTS_MAX: u32 = 100;
/// How far the clock may be ahead of the ledger's last entry, in milliseconds: longer than any holidays.
const CLOCK_LEAD_MAX_MS: i64 = 31 * 24 * 60 * 60 * 1000;
/// How far it may be behind it, in milliseconds.
const CLOCK_LAG_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// Papers entered as disposed of at once, so that little time is between the entry and the last one's erasure.
const ENTERED_AT_ONCE: usize = 100;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// `due`, `held`, `erased`, `requested` of the repository, `refused` by it, `changed` where it was put right while this
    /// ran, or `failed`; of originals `disposed` too, and `kept` where the ledger does not tell what else needs them.
    pub(crate) result: String,
    /// Whether the repository refused it when it was asked before, as the paper stands: it is due again, and will be asked
    /// again.
    #[serde(default)]
    pub(crate) refused_before: bool,
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
    /// Papers that are gone, also where their originals alone were due.
    pub(crate) erased: u64,
    /// Asked of the repository, by this run or an earlier one.
    pub(crate) requested: u64,
    pub(crate) refused: u64,
    /// Papers, and papers' originals, that were put right while this ran and are left alone.
    pub(crate) changed: u64,
    /// Of papers and of originals.
    pub(crate) failed: u64,
    /// Papers whose originals' term is over and that nothing holds. Those whose own term is over are not among them.
    pub(crate) originals_due: u64,
    /// Papers whose originals' term is over and that a hold keeps.
    pub(crate) originals_held: u64,
    /// Papers whose originals went.
    pub(crate) originals_disposed: u64,
    /// Papers whose originals the repository was asked to have disposed of, by this run or an earlier one.
    pub(crate) originals_requested: u64,
    /// Papers whose originals stay though they are due, or the repository has decided that they go: the ledger does not tell
    /// what else needs them.
    pub(crate) originals_kept: u64,
    /// People of whom nothing was left, and who were forgotten too.
    pub(crate) forgotten_people: u64,
    /// Of the papers that are due, those that the repository refused to have erased when it was asked before.
    #[serde(default)]
    pub(crate) refused_before: u64,
    /// Of the papers whose originals are due, those whose originals it refused to have disposed of.
    #[serde(default)]
    pub(crate) originals_refused_before: u64,
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
    paper: DuePaper,
    holders: Vec<Subject>,
    line: DisposeLine,
}

impl Due {
    fn is_due(&self, part: DisposePart) -> bool {
        self.line.part == part && self.line.result == "due"
    }
}

/// What there is to dispose of.
#[derive(Default)]
struct Found {
    /// Those that are due, and as many of the others as are told.
    papers: Vec<Due>,
    /// How many of the others are not told, by part and word.
    untold: HashMap<(DisposePart, &'static str), u64>,
    /// Whether more are due.
    truncated: bool,
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
        let mut found = self.find(today, PAPERS_MAX, WAITING_TOLD_MAX)?;
        let [due, originals_due] =
            [DisposePart::Paper, DisposePart::Originals].map(|part| count(&found.papers, part, "due"));
        confirm(request.confirm, due, "papers")?;
        confirm(request.confirm_originals, originals_due, "papers' originals")?;
        let [refused_before, originals_refused_before] =
            [DisposePart::Paper, DisposePart::Originals].map(|part| count_refused(&found.papers, part));
        let by = Actor { client: CLIENT.to_owned(), operator: Some(request.operator.clone()) };
        let mut forgotten_people = 0;
        if request.confirm.is_some() {
            forgotten_people = self.dispose(&mut found.papers, &by)?;
        }
        if request.confirm_originals.is_some() {
            self.dispose_of_originals(&mut found.papers, &by)?;
        }
        for some in found.papers.chunks(LINES_AT_ONCE) {
            let cut = |e| Failure::new("output_failed", e, "see what takes the output");
            let lines = some.iter().map(|due| due.line.clone()).collect();
            listen(News::Disposal(lines)).map_err(cut)?;
        }
        let figures = DisposeFigures {
            due,
            originals_due,
            refused_before,
            originals_refused_before,
            forgotten_people,
            ..figures(&found, today)
        };
        Ok(Outcome::Disposed(figures))
    }

    fn check_clock(&self, now: Timestamp) -> Result<(), Failure> {
        let Some(last) = self.archive.last_entry_at()?.filter(|last| is_far_from(now, *last)) else {
            return Ok(());
        };
        let cause = format!("the clock shows {now}, and the ledger's last entry was written at {last}");
        let remedy = "set the clock; if it is right, say so with --clock-checked";
        Err(Failure::new("clock_doubtful", cause, remedy))
    }

    /// Papers whose term is over, or their originals': so many that are due, and so many lines of those that wait.
    fn find(&self, today: Date, due_max: usize, told_max: usize) -> Result<Found, Failure> {
        let (mut found, mut after) = (Found::default(), Some(0));
        let (mut due, mut told) = (0, 0);
        while let Some(place) = after {
            let page = self.archive.on_file(place)?;
            for stored in page.materials {
                let material = &stored.material;
                let Some((part, ended)) = self.ended(&stored, today) else { continue };
                let result = self.stands(material.id, part)?;
                // Those behind are looked at all the same: what waits does not hide what is due.
                match result {
                    "due" if due == due_max => {
                        found.truncated = true;
                        continue;
                    }
                    "due" => due += 1,
                    _ if told == told_max => {
                        *found.untold.entry((part, result)).or_default() += 1;
                        continue;
                    }
                    _ => told += 1,
                }
                found.papers.push(Due {
                    paper: DuePaper { id: material.id, stands_by: stored.sequence },
                    holders: material.holders.clone(),
                    line: line(material, part, ended, result),
                });
            }
            after = page.next;
        }
        self.mark_refused(&mut found.papers)?;
        Ok(found)
    }

    /// Marks those that are due again after the repository had refused.
    fn mark_refused(&self, found: &mut [Due]) -> Result<(), ArchiveError> {
        if self.is_alone {
            return Ok(());
        }
        // Reading the ledger through for originals is left alone where none are due.
        let is_any = found.iter().any(|due| due.is_due(DisposePart::Originals));
        let originals = if is_any { self.archive.refused_originals()? } else { HashMap::new() };
        for due in found.iter_mut().filter(|due| due.line.result == "due") {
            due.line.refused_before = match due.line.part {
                DisposePart::Originals => {
                    originals.get(&due.paper.id).is_some_and(|at| *at > due.paper.stands_by)
                }
                DisposePart::Paper => {
                    let first = self.archive.erasure(erasure_of(due.paper.id, 0))?;
                    first.is_some_and(|known| known.state == ErasureState::Refused)
                }
            };
        }
        Ok(())
    }

    /// Whether a paper whose term is over, or its originals', is `due`, `held`, `kept`, or was `requested` already.
    fn stands(&self, id: MaterialId, part: DisposePart) -> Result<&'static str, ArchiveError> {
        if self.archive.is_held(&ErasureTarget::Material(id))? {
            return Ok("held");
        }
        if self.is_alone {
            return Ok("due");
        }
        let is_asked = match part {
            // No hold keeps it, and the repository need not be asked.
            DisposePart::Originals if self.archive.are_originals_decided(id)? => return Ok("kept"),
            DisposePart::Originals => self.archive.awaits_originals(id)?,
            DisposePart::Paper => {
                let asked = self.archive.erasure(self.erasure_for(id)?)?;
                asked.is_some_and(|erasure| erasure.state == ErasureState::Requested)
            }
        };
        Ok(if is_asked { "requested" } else { "due" })
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

    /// Originals go batch by batch, each with one entry in the ledger. With a repository, it is asked paper by paper, and
    /// they go when it has decided.
    fn dispose_of_originals(&self, found: &mut [Due], by: &Actor) -> Result<(), Failure> {
        let mut due: Vec<&mut Due> =
            found.iter_mut().filter(|due| due.is_due(DisposePart::Originals)).collect();
        for some in due.chunks_mut(LOOK_MATERIALS_MAX) {
            let disposal = Disposal { papers: some.iter().map(|due| due.paper).collect(), by: by.clone() };
            let (done, word) = match self.is_alone {
                true => (self.archive.dispose_of_originals(disposal), "disposed"),
                false => (self.archive.request_originals(disposal), "requested"),
            };
            if let Err(error) = &done {
                tracing::error!(%error, "originals could not be disposed of");
            }
            for due in some {
                due.line.result = match &done {
                    Err(_) => "failed",
                    Ok(done) if done.contains(&due.paper.id) => word,
                    Ok(_) => self.why_left(due.paper)?,
                }
                .to_owned();
            }
        }
        Ok(())
    }

    /// Why nothing was done about a paper's originals that were due a moment ago.
    fn why_left(&self, paper: DuePaper) -> Result<&'static str, ArchiveError> {
        if self.archive.is_held(&ErasureTarget::Material(paper.id))? {
            return Ok("held");
        }
        // What is not as it was found, somebody else saw to since.
        Ok(match self.archive.material(paper.id) {
            Ok(None) => "erased",
            Ok(Some(now)) if now.originals_disposed => "disposed",
            Ok(Some(now)) if now.sequence != paper.stands_by => "changed",
            Ok(Some(_)) => "kept",
            Err(error) => {
                tracing::error!(material = %paper.id, %error, "a paper's originals could not be disposed of");
                "failed"
            }
        })
    }

    /// Why a paper that was due a moment ago is not entered as disposed of.
    fn why_not_entered(&self, paper: DuePaper) -> Result<&'static str, ArchiveError> {
        Ok(match self.archive.material(paper.id)? {
            None => "erased",
            Some(now) if now.sequence == paper.stands_by => "held",
            Some(_) => "changed",
        })
    }

    /// How many people went with their last paper.
    fn dispose(&self, found: &mut [Due], by: &Actor) -> Result<u64, Failure> {
        let papers: Vec<DuePaper> =
            found.iter().filter(|due| due.is_due(DisposePart::Paper)).map(|due| due.paper).collect();
        let mut left: HashSet<Subject> = HashSet::new();
        let mut entered: HashSet<MaterialId> = HashSet::new();
        let mut papers = papers.chunks(ENTERED_AT_ONCE);
        for (place, due) in found.iter_mut().filter(|due| due.is_due(DisposePart::Paper)).enumerate() {
            if place.is_multiple_of(ENTERED_AT_ONCE)
                && let Some(some) = papers.next()
            {
                let disposal = Disposal { papers: some.to_vec(), by: by.clone() };
                entered = self.archive.record_disposal(disposal)?.into_iter().collect();
            }
            // What the entry does not name stays, whatever becomes of it meanwhile.
            let result = match entered.contains(&due.paper.id) {
                true => self.forget(due.paper, by),
                false => self.why_not_entered(due.paper)?,
            };
            due.line.result = result.to_owned();
            if result == "erased" {
                left.extend(due.holders.iter().cloned());
            }
        }
        // With a repository it decides who is forgotten: it knows what other windows have of them.
        if self.is_alone { self.forget_people(left, by) } else { Ok(0) }
    }

    /// What became of a paper that is entered as disposed of.
    fn forget(&self, paper: DuePaper, by: &Actor) -> &'static str {
        match self.erase(paper, by) {
            Ok(Some(erasure)) => match erasure.state {
                ErasureState::Done => "erased",
                ErasureState::Refused => "refused",
                ErasureState::Requested | ErasureState::Erasing => "requested",
            },
            Ok(None) => "changed",
            // Erased by somebody else, or held, since it was found.
            Err(ArchiveError::MaterialErased | ArchiveError::MaterialUnknown) => "erased",
            Err(ArchiveError::LegalHold) => "held",
            Err(error) => {
                tracing::error!(material = %paper.id, %error, "a paper could not be disposed of");
                "failed"
            }
        }
    }

    /// The same erasure for the same paper, whichever run asks; `None` where it was put right since it was found.
    fn erase(&self, paper: DuePaper, by: &Actor) -> Result<Option<Erasure>, ArchiveError> {
        let request = ErasureRequest {
            id: self.erasure_for(paper.id)?,
            target: ErasureTarget::Material(paper.id),
            reason: REASON.to_owned(),
            by: by.clone(),
            idempotency: None,
            elsewhere_of: Vec::new(),
        };
        if self.is_alone {
            self.archive.erase_now_at(request, paper.stands_by)
        } else {
            self.archive.request_erasure_at(request, paper.stands_by)
        }
    }

    /// The erasure that a paper's disposal is: another one each time the repository has refused the one before.
    fn erasure_for(&self, material: MaterialId) -> Result<ErasureId, ArchiveError> {
        for attempt in 0..ATTEMPTS_MAX {
            let id = erasure_of(material, attempt);
            if self.archive.erasure(id)?.is_none_or(|known| known.state != ErasureState::Refused) {
                return Ok(id);
            }
        }
        Ok(erasure_of(material, ATTEMPTS_MAX))
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

fn erasure_of(material: MaterialId, attempt: u32) -> ErasureId {
    let mut hasher = Sha256::new();
    hasher.update(b"yidang disposal 1\0");
    hasher.update(material.as_bytes());
    if attempt > 0 {
        hasher.update(attempt.to_be_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ErasureId::from_bytes(id)
}

/// What has become of what was found. What was due, and who was forgotten, the caller knows.
fn figures(found: &Found, today: Date) -> DisposeFigures {
    let all = |part, word: &'static str| {
        count(&found.papers, part, word) + found.untold.get(&(part, word)).copied().unwrap_or_default()
    };
    DisposeFigures {
        today: today.to_string(),
        due: 0,
        held: all(DisposePart::Paper, "held"),
        erased: all(DisposePart::Paper, "erased") + all(DisposePart::Originals, "erased"),
        requested: all(DisposePart::Paper, "requested"),
        refused: all(DisposePart::Paper, "refused"),
        changed: all(DisposePart::Paper, "changed") + all(DisposePart::Originals, "changed"),
        failed: all(DisposePart::Paper, "failed") + all(DisposePart::Originals, "failed"),
        originals_due: 0,
        originals_held: all(DisposePart::Originals, "held"),
        originals_disposed: all(DisposePart::Originals, "disposed"),
        originals_requested: all(DisposePart::Originals, "requested"),
        originals_kept: all(DisposePart::Originals, "kept"),
        forgotten_people: 0,
        refused_before: 0,
        originals_refused_before: 0,
        truncated: found.truncated,
    }
}

fn count(found: &[Due], part: DisposePart, word: &str) -> u64 {
    found.iter().filter(|due| due.line.part == part && due.line.result == word).count() as u64
}

/// Those that are due again after the repository had refused.
fn count_refused(found: &[Due], part: DisposePart) -> u64 {
    found.iter().filter(|due| due.is_due(part) && due.line.refused_before).count() as u64
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
        refused_before: false,
    }
}

#[cfg(test)]
#[path = "dispose_tests.rs"]
mod tests;
