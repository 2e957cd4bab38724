//! Taking a receipt: what the repository answered to parcels, and its news.

use std::collections::HashMap;
use std::io::Cursor;

use yidang_sync::limits::COMMIT_ENTRIES_MAX;
use yidang_sync::machine::{Acceptance, Cut, EntryId, Position, Rejection};
use yidang_sync::parcel::{
    ParcelError, ParcelReader, ReceiptAnswer, ReceiptHead, Record, Seal, Tag, read_header,
};
use yidang_sync::wire::{self, CommitAnswer, CommitResult, FeedAnswer, Verdict};

use super::anchoring;
use super::batch::Batch;
use super::enrolment::Enrolment;
use super::error::{REFUSED, is_code};
use super::shared::Shared;
use super::{ReceiptFault, SyncError, SyncEvent};

/// What a receipt has changed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptReport {
    /// Commits that are answered now.
    pub commits: u64,
    /// Entries of these that the repository has taken.
    pub accepted: u64,
    /// What it has not: the material or erasure, and why.
    pub refused: Vec<(String, String)>,
    /// Items of news.
    pub news: u64,
    /// Papers that still wait.
    pub backlog_materials: u64,
    /// The repository lacks what it had confirmed: everything is offered to it again, and what else the receipt says is not
    /// taken, since it comes once more in the order in which it has to.
    pub offered_again: bool,
    /// The repository remembers another ledger than this window has.
    pub ledger_differs: bool,
}

/// A receipt that has been found whole.
struct Receipt {
    head: ReceiptHead,
    answers: Vec<ReceiptAnswer>,
    news: Vec<FeedAnswer>,
}

/// Takes it; a second time it changes nothing. See [`Upstream::take_receipt`](super::Upstream::take_receipt).
pub(super) fn take(shared: &Shared, bytes: &[u8]) -> Result<ReceiptReport, SyncError> {
    let enrolment = shared.enrolment()?;
    let receipt = read(bytes, &enrolment)?;
    // Before any news is carried out: where a hold may be missing, nothing is forgotten.
    let is_proven =
        receipt.head.anchor.as_ref().map_or(Ok(true), |told| anchoring::take_told(shared, told))?;
    let ledger_differs = !is_proven;
    let report = take_in(shared, &enrolment, receipt)
        .map_err(|error| if ledger_differs { of_another_ledger(error) } else { error })?;
    Ok(ReceiptReport { ledger_differs, ..report })
}

/// A ledger that was put back does not know what it had sent.
fn of_another_ledger(error: SyncError) -> SyncError {
    match error {
        SyncError::Receipt(ReceiptFault::Gap) | SyncError::Protocol => {
            SyncError::Receipt(ReceiptFault::LedgerDiffers)
        }
        error => error,
    }
}

fn take_in(shared: &Shared, enrolment: &Enrolment, receipt: Receipt) -> Result<ReceiptReport, SyncError> {
    let last = receipt.answers.last().map_or(0, |answer| answer.sequence);
    let standing = compare(shared, &receipt.head, last)?;
    let Receipt { head, answers, mut news } = receipt;
    match standing {
        Standing::Loss => {
            (shared.listener)(SyncEvent::Progress);
            let backlog_materials = shared.status().backlog_materials;
            return Ok(ReceiptReport { backlog_materials, offered_again: true, ..ReceiptReport::default() });
        }
        Standing::Overtaken => news.clear(),
        // All are heard once more since that was packed, and come with the next receipt.
        Standing::Sound => {
            let known = shared.store.feed_after()?;
            if news.first().and_then(|page| page.items.first()).is_some_and(|item| item.previous > known) {
                news.clear();
            }
        }
    }
    let heard = news.last().map_or(0, |news| news.after);
    let (position, feed_after) = (shared.store.position()?, shared.store.feed_after()?);
    // One that says nothing new may be the last one again, but not one from before it.
    let is_new = last >= position.sequence || heard > feed_after;
    if !is_new && last > 0 && last + 1 < position.sequence {
        return Err(SyncError::Receipt(ReceiptFault::Old));
    }
    let mut report = ReceiptReport::default();
    for answer in answers {
        let _turn = shared.fixing();
        if settle(shared, enrolment, &answer, &mut report)? {
            report.commits += 1;
        }
    }
    for page in news {
        if let Some(ledger) = &page.ledger {
            shared.keep_told_head(ledger);
        }
        let known = shared.store.feed_after()?;
        let done = shared.feed.carry_out(shared, &enrolment.epoch, &page);
        report.news += shared.store.feed_after()?.saturating_sub(known);
        done.map_err(|code| SyncError::Refused(code.to_owned()))?;
    }
    if let (Standing::Sound, ReceiptHead { known, head: Some(answer), .. }) = (standing, &head) {
        // Last of all: broken off before, it is taken as it was.
        shared.keep_proven_head(known, &answer.head);
    }
    let turn = shared.fixing();
    shared.renew()?;
    drop(turn);
    (shared.listener)(SyncEvent::Progress);
    report.backlog_materials = shared.status().backlog_materials;
    Ok(report)
}

/// What a receipt says of the repository's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has all that is known of it; or it is a repository of an earlier version, which does not say.
    Sound,
    /// It lacks some of that: all is offered to it again, from now on.
    Loss,
    /// More is known by now than the parcel asked about. A number of its news may stand for something else since the window
    /// began anew; they come with the next receipt. What it answers to commits has a number of its own for ever.
    Overtaken,
}

/// Compares, as [`Heard::compare`](super::hearing::Heard::compare) does. `last`: the last commit that it answers.
fn compare(shared: &Shared, receipt: &ReceiptHead, last: u64) -> Result<Standing, SyncError> {
    let ReceiptHead { known, head: Some(answer), .. } = receipt else { return Ok(Standing::Sound) };
    let (now, position) = (shared.store.repository_heads()?, shared.store.position()?);
    let is_same = now.first() == known.first();
    // Had all been offered again since it was packed, that would have other numbers.
    let is_awaited = last >= position.sequence;
    if answer.is_of_loss(known) && (is_same || is_awaited) {
        shared.try_to_offer_again(&now, &answer.head)?;
        return Ok(Standing::Loss);
    }
    Ok(if is_same { Standing::Sound } else { Standing::Overtaken })
}

/// Opens it and reads it to its end, before anything of it is believed.
fn read(bytes: &[u8], enrolment: &Enrolment) -> Result<Receipt, SyncError> {
    let fault = |error| {
        SyncError::Receipt(match error {
            ParcelError::Unknown => ReceiptFault::Unknown,
            ParcelError::Newer => ReceiptFault::Newer,
            ParcelError::Foreign => ReceiptFault::Foreign,
            ParcelError::Damaged | ParcelError::Io(_) => ReceiptFault::Damaged,
        })
    };
    let mut input = Cursor::new(bytes);
    let header = read_header(&mut input).map_err(fault)?;
    let seal = Seal::at_agent(header, &enrolment.agent, &enrolment.key).map_err(fault)?;
    let mut reader = ParcelReader::new(input, &seal).map_err(fault)?;
    let (mut head, mut answers, mut news) = (None::<ReceiptHead>, Vec::new(), Vec::new());
    while let Some(Record { tag, bytes }) = reader.record().map_err(fault)? {
        let nonsense = |_| SyncError::Receipt(ReceiptFault::Damaged);
        match tag {
            Tag::Head => head = Some(serde_json::from_slice(&bytes).map_err(nonsense)?),
            Tag::Answer => answers.push(serde_json::from_slice(&bytes).map_err(nonsense)?),
            Tag::News => news.push(serde_json::from_slice(&bytes).map_err(nonsense)?),
            Tag::Blob | Tag::Commit | Tag::End => return Err(SyncError::Receipt(ReceiptFault::Damaged)),
        }
    }
    let is_ours = |head: &ReceiptHead| head.agent == enrolment.agent && head.epoch == enrolment.epoch;
    match head.filter(is_ours) {
        Some(head) => Ok(Receipt { head, answers, news }),
        None => Err(SyncError::Receipt(ReceiptFault::Foreign)),
    }
}

/// Keeps what a commit was answered; `false`: it was known. The caller keeps anything else from moving the position.
fn settle(
    shared: &Shared,
    enrolment: &Enrolment,
    answer: &ReceiptAnswer,
    report: &mut ReceiptReport,
) -> Result<bool, SyncError> {
    let position = shared.store.position()?;
    if answer.sequence < position.sequence {
        return Ok(false);
    }
    let packed = shared.store.packed_under(answer.sequence)?;
    let Some(packed) = packed.filter(|packed| packed.sequence == position.sequence) else {
        return Err(SyncError::Receipt(ReceiptFault::Gap));
    };
    let cut = Cut::new(COMMIT_ENTRIES_MAX);
    let batch = Batch::load(shared, packed.from - 1, Some(packed.to), cut)?;
    let (rejected, accepted) = outcomes(&batch, &answer.answer)?;
    for rejection in &rejected {
        refused(shared, rejection).map_err(|code| SyncError::Refused(code.to_owned()))?;
    }
    // Before anything is taken for confirmed: what is known of the repository has all that it confirmed.
    if let Some(head) = &answer.answer.head {
        shared.keep_told_head(head);
    }
    let next = Position { sequence: answer.sequence + 1, ..Position::start(packed.to) };
    if !shared.keep(&enrolment.epoch, &next, &rejected, &accepted)? {
        return Err(SyncError::Receipt(ReceiptFault::Foreign));
    }
    report.accepted += accepted.len() as u64;
    // What the repository does not know of an erasure or a hold of its own is nothing that anybody waits for.
    let asked = rejected
        .into_iter()
        .filter(|rejection| !matches!(rejection.id, EntryId::Erased(_) | EntryId::Held(_)));
    for Rejection { id, code, .. } in asked {
        report.refused.push((name(id), code.clone()));
        if let EntryId::Material(material) = id {
            tracing::warn!(%material, code, "a material was passed over");
            (shared.listener)(SyncEvent::Rejected { material, code });
        }
    }
    Ok(true)
}

fn outcomes(batch: &Batch, answer: &CommitAnswer) -> Result<(Vec<Rejection>, Vec<Acceptance>), SyncError> {
    // In order of the ledger, and one material may be in it twice: filed, and put right.
    let mut results: HashMap<&str, Vec<&CommitResult>> = HashMap::new();
    for result in answer.results.iter().rev() {
        results.entry(&result.id).or_default().push(result);
    }
    let (mut rejected, mut accepted) = (Vec::new(), Vec::new());
    for item in &batch.items {
        let (sequence, id) = (item.sequence, item.id);
        let found = results.get_mut(name(id).as_str()).and_then(Vec::pop);
        // What has been forgotten since it was packed is in no batch; what is in one was packed.
        let Some(result) = found else { return Err(SyncError::Protocol) };
        match result.result {
            Verdict::Accepted => accepted.push(Acceptance { sequence, id, filed_as: result.filed_as }),
            Verdict::Rejected => {
                let code = result.code.clone().filter(|code| is_code(code));
                rejected.push(Rejection { sequence, id, code: code.unwrap_or_else(|| REFUSED.to_owned()) });
            }
        }
    }
    Ok((rejected, accepted))
}

/// The identifier that an entry's result carries.
pub(super) fn name(id: EntryId) -> String {
    match id {
        EntryId::Material(id) | EntryId::Refiling(id) | EntryId::Originals(id) => id.to_string(),
        EntryId::Erasure(id) | EntryId::Erased(id) => id.to_string(),
        EntryId::Held(id) => id.to_string(),
    }
}

/// A request that the repository will not take is at an end here too. The error is a stable code.
pub(super) fn refused(shared: &Shared, rejection: &Rejection) -> Result<(), &'static str> {
    if let EntryId::Refiling(material) = rejection.id {
        // It stays put right here: whose it is was decided at this window.
        tracing::warn!(%material, code = rejection.code, "the repository does not put a material right");
    }
    let written = |done: Result<(), yidang_archive::ArchiveError>| {
        done.map_err(|error| {
            tracing::error!(%error, "a refusal cannot be written down");
            super::error::ARCHIVE_FAILED
        })
    };
    if let EntryId::Originals(material) = rejection.id {
        tracing::warn!(%material, code = rejection.code, "the repository keeps a paper's originals");
        return written(shared.source.keep_originals(material));
    }
    if let EntryId::Erased(id) = rejection.id {
        tracing::debug!(erasure = %id, code = rejection.code, "what was forgotten here the repository does not know");
    }
    let EntryId::Erasure(id) = rejection.id else { return Ok(()) };
    let why = match rejection.code.as_str() {
        wire::LEGAL_HOLD => "a legal hold there keeps it",
        wire::HOLDS_UNPROVEN => {
            "its ledger lost something that may have been a hold; its operator has to confirm the holds"
        }
        wire::ERASURE_DENIED => "this window neither filed it nor had the dossier open lately",
        _ => "see the code",
    };
    tracing::warn!(erasure = %id, code = rejection.code, why, "the repository denies an erasure");
    shared.store.deny(id, &rejection.code).map_err(|error| {
        tracing::error!(%error, "sync's own records do not serve");
        super::error::STATE_FAILED
    })?;
    written(shared.source.refuse(id))
}
