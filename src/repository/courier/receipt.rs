//! What goes back to the window: the answers to what it packed, and its feed.

use yidang_sync::parcel::{ParcelHead, ParcelWriter, ReceiptAnswer, ReceiptHead, Seal, Tag};
use yidang_sync::wire::{HeadAnswer, LedgerAnchor};

use super::CourierError;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::secrets::random;

/// Bytes of a receipt's records; what goes beyond comes with the next one.
const RECEIPT_BYTES_MAX: usize = 48 << 20;

/// Writes the receipt for everything that was packed together with this parcel, as far as it has been answered. `told`: what was
/// found of what the window knows, before anything of the parcel was taken; where something of that is lost, the window begins anew
/// and hears all news again. `anchor`: what is remembered of the window's own ledger.
pub(super) fn write(
    repository: &Repository,
    agent: &Agent,
    head: &ParcelHead,
    told: &HeadAnswer,
    anchor: Option<LedgerAnchor>,
) -> Result<Vec<u8>, CourierError> {
    let seal = Seal::for_agent(&head.agent, &head.key, random());
    let mut writer = ParcelWriter::begin(Vec::new(), &seal)?;
    let mut room = RECEIPT_BYTES_MAX;
    let own = ReceiptHead {
        agent: head.agent.clone(),
        epoch: head.epoch.clone(),
        known: head.known.clone(),
        head: Some(HeadAnswer { has_known: told.has_known, head: repository.head()? }),
        anchor,
    };
    let mut put = |tag, record: Vec<u8>| -> Result<bool, CourierError> {
        let Some(left) = room.checked_sub(record.len()) else { return Ok(false) };
        room = left;
        writer.record(tag, &record)?;
        Ok(true)
    };
    put(Tag::Head, json(&own)?)?;
    let last = repository.state.last_sequence(&agent.record)?;
    for sequence in head.first..=last {
        let answered = repository.state.answered(&agent.record, sequence)?;
        let Some(answered) = answered else { continue };
        let answer =
            serde_json::from_slice(&answered.answer).map_err(|_| Problem::from(Code::StorageFailed))?;
        if !put(Tag::Answer, json(&ReceiptAnswer { sequence, answer })?)? {
            break;
        }
    }
    let mut after = head.feed_after;
    let mut may_be_more = !told.is_of_loss(&head.known);
    while may_be_more {
        let news = repository.feed_after(agent, after)?;
        may_be_more = !news.items.is_empty() && put(Tag::News, json(&news)?)?;
        after = news.after;
    }
    Ok(writer.finish()?)
}

fn json(record: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(record).map_err(|_| Code::StorageFailed.into())
}
