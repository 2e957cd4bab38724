//! Taking a parcel in: the same calls that a connected window makes, in the same order.

use std::io::Read;

use serde::Deserialize;
use yidang_model::Digest;
use yidang_sync::limits::FEED_ITEMS_MAX;
use yidang_sync::parcel::{ParcelError, ParcelHead, ParcelReader, Seal, Tag, read_header};
use yidang_sync::wire::{CommitAnswer, HeadAnswer, Verdict};

use super::{CourierError, REFUSED_TOLD_MAX, RefusedEntry, Taken, receipt};
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::secrets::fingerprint;

/// A commit's number.
#[derive(Deserialize)]
struct Numbered {
    sequence: u64,
}

/// Takes a parcel in and gives what came of it, and the receipt. Blocks; not for the threads of asynchronous work.
///
/// Whoever wants nothing taken of a damaged one reads it through first: here, what comes before the damage is taken.
/// That it is taken again, or by several at once, does no harm.
pub(crate) fn take(repository: &Repository, mut input: impl Read) -> Result<(Taken, Vec<u8>), CourierError> {
    let seal = Seal::at_repository(read_header(&mut input)?, repository.secrets.courier())?;
    let mut reader = ParcelReader::new(input, &seal)?;
    let head = read_head(&mut reader)?;
    let agent = repository
        .agent_ever(&fingerprint(head.key.as_bytes()))?
        .filter(|agent| agent.record.name == head.agent && agent.record.epoch == head.epoch)
        .ok_or_else(|| CourierError::new("parcel_outdated"))?;
    // Before anything in it is carried out: it may ask for something to be forgotten.
    let has_known = repository.has_known(&agent, &head.known)?;
    let told = HeadAnswer { has_known, head: repository.head()? };
    let begins_anew = told.is_of_loss(&head.known);
    let (_, feed_head) = repository.state.feed(agent.record.number, head.feed_after, FEED_ITEMS_MAX)?;
    // What was lost was told to the window: it is further than this feed, or has heard other items under these numbers. It begins
    // anew with the receipt.
    if !begins_anew {
        if head.feed_after > feed_head {
            return Err(CourierError::new("parcel_outdated"));
        }
        repository.state.acknowledge(agent.record.number, head.feed_after)?;
    }
    let anchor = head.anchor.as_ref().map(|sent| repository.take_anchor(&agent, sent)).transpose()?.flatten();
    let mut taken = Taken {
        agent: head.agent.clone(),
        part: head.part,
        lacks_known: begins_anew,
        holds_unproven: begins_anew && !repository.archive.tells_every_hold().map_err(Problem::from)?,
        ..Taken::default()
    };
    while let Some(record) = reader.record()? {
        match record.tag {
            Tag::Blob => {
                taken.pictures += 1;
                let digest = Digest::of(&record.bytes);
                repository.take_in(&agent, digest, record.bytes)?;
            }
            Tag::Commit => {
                taken.commits += 1;
                take_commit(repository, &agent, &head, &record.bytes, &mut taken)?;
            }
            Tag::Head | Tag::Answer | Tag::News | Tag::End => return Err(ParcelError::Damaged.into()),
        }
    }
    tracing::info!(
        agent = head.agent,
        commits = taken.commits,
        pictures = taken.pictures,
        "a parcel was taken"
    );
    let receipt = receipt::write(repository, &agent, &head, &told, anchor)?;
    Ok((taken, receipt))
}

/// The first record of a parcel.
pub(super) fn read_head(reader: &mut ParcelReader<impl Read>) -> Result<ParcelHead, ParcelError> {
    let first = reader.record()?.filter(|record| record.tag == Tag::Head).ok_or(ParcelError::Damaged)?;
    serde_json::from_slice(&first.bytes).map_err(|_| ParcelError::Damaged)
}

/// Carries a commit out if it is its turn. One with an earlier number than any that was answered is never carried
/// out: what the window sent since may contradict it.
fn take_commit(
    repository: &Repository,
    agent: &Agent,
    head: &ParcelHead,
    body: &[u8],
    taken: &mut Taken,
) -> Result<(), Problem> {
    if taken.missing.is_some() {
        taken.held_back += 1;
        return Ok(());
    }
    let Ok(Numbered { sequence }) = serde_json::from_slice(body) else { return Err(Code::Invalid.into()) };
    let _turn = agent.lane.clone().blocking_lock_owned();
    let is_known = repository.state.answered(&agent.record, sequence)?.is_some();
    let last = repository.state.last_sequence(&agent.record)?;
    if !is_known && sequence <= last {
        taken.overtaken += 1;
        return Ok(());
    }
    if !is_known && sequence != last + 1 && sequence != head.first {
        return hold_back(taken, "parcel_missing");
    }
    match repository.commit(agent, body) {
        Ok(_) if is_known => taken.known += 1,
        Ok(answer) => {
            taken.carried_out += 1;
            let answer: CommitAnswer = serde_json::from_slice(&answer).map_err(|_| Code::StorageFailed)?;
            count(&answer, taken);
        }
        Err(problem) if problem.code == Code::BlobsMissing => return hold_back(taken, "parcel_missing"),
        Err(problem) if problem.code == Code::SequenceConflict => {
            return hold_back(taken, "sequence_conflict");
        }
        Err(problem) => return Err(problem),
    }
    Ok(())
}

fn hold_back(taken: &mut Taken, why: &str) -> Result<(), Problem> {
    taken.missing = Some(why.to_owned());
    taken.held_back += 1;
    Ok(())
}

fn count(answer: &CommitAnswer, taken: &mut Taken) {
    for result in &answer.results {
        match result.result {
            Verdict::Accepted => taken.accepted += 1,
            Verdict::Rejected => {
                taken.refused_count += 1;
                if taken.refused.len() < REFUSED_TOLD_MAX {
                    let (id, code) = (result.id.clone(), result.code.clone().unwrap_or_default());
                    taken.refused.push(RefusedEntry { id, code });
                }
            }
        }
    }
}
