//! The repository's news for this window: what to forget, what to hold, and what belongs elsewhere.

use std::sync::{Mutex, PoisonError};

use yidang_archive::storage::StorageFault;
use yidang_archive::{ArchiveError, ErasureTarget, HoldTarget, WentElsewhere};
use yidang_model::{ErasureId, HoldId, Kind, MaterialId, Subject};
use yidang_sync::limits::FEED_ITEMS_MAX;
use yidang_sync::machine::REPOSITORY_PROTOCOL;
use yidang_sync::wire::{ErasedEntry, FeedAnswer, News, WireHold, WirePlace, WireSubject, part_of};

use super::error::{ARCHIVE_FAILED, STATE_FAILED};
use super::shared::Shared;
use super::source::{Known, Order, Place, StandsBy};
use super::store::Decision;
use super::{SyncError, SyncEvent};

/// Carries feed items out, one at a time, whichever thread fetched them.
#[derive(Default)]
pub(super) struct Feed {
    turn: Mutex<()>,
}

impl Feed {
    /// Carries out what is new in an answer that was asked for in this epoch; `true` if anything was. Each
    /// item's place is kept once its effect is durable, so a crash repeats at most one, which changes nothing.
    ///
    /// Ends before news of a material that was put right here and is on its way with that: what the repository says of it
    /// may be from before or after.
    ///
    /// On an error (a stable code) the items before it are done.
    pub(super) fn carry_out(
        &self,
        shared: &Shared,
        epoch: &str,
        answer: &FeedAnswer,
    ) -> Result<bool, &'static str> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under an enrolment that is no more: that feed's numbers mean nothing here.
        if shared.enrolment().map_or(true, |now| now.epoch != epoch) {
            return Ok(false);
        }
        if answer.items.len() > FEED_ITEMS_MAX {
            return Err(REPOSITORY_PROTOCOL);
        }
        let known = shared.store.feed_after().map_err(state_failed)?;
        let mut after = known;
        let mut news = false;
        for item in answer.items.iter().filter(|item| item.sequence > known) {
            if item.previous != after {
                tracing::error!(after, previous = item.previous, "items of the feed are missing");
                return Err(REPOSITORY_PROTOCOL);
            }
            match &item.news {
                News::Erased { erasure, materials, holder, shared_kept, decided_at, proof } => {
                    let (materials, shared_kept) = (materials.clone(), shared_kept.clone());
                    let went =
                        WentElsewhere { decided: true, materials, shared_kept, decided_at: *decided_at };
                    forget(shared, *erasure, went, holder.as_ref(), proof.as_deref())?;
                }
                News::Refiled { materials, now } => {
                    if let Some(now) = now
                        && !refile(shared, materials, now)?
                    {
                        return Ok(news);
                    }
                    (shared.listener)(SyncEvent::Refiled { materials: materials.clone() });
                }
                News::ErasureRefused { erasure } => {
                    shared.store.decide(*erasure, Decision::Refused).map_err(state_failed)?;
                    shared.source.refuse(*erasure).map_err(archive_failed)?;
                }
                News::OriginalsDisposed { materials, kind } => {
                    drop_originals(shared, materials, kind.as_deref())?;
                }
                News::Held { hold, materials, order } => {
                    if let Some(order) = order {
                        shared.store.keep_held(*hold).map_err(state_failed)?;
                        place(shared, *hold, materials, order)?;
                    }
                }
                News::HoldLifted { hold } => shared.source.lift(*hold).map_err(archive_failed)?,
                News::Unknown => tracing::info!(sequence = item.sequence, "news of a newer repository"),
            }
            shared.store.feed_done(epoch, item.sequence).map_err(state_failed)?;
            (after, news) = (item.sequence, true);
        }
        Ok(news)
    }
}

fn state_failed(error: SyncError) -> &'static str {
    tracing::error!(%error, "sync's own records do not serve");
    STATE_FAILED
}

/// Carries out what the repository decided to forget, once it is kept that it did.
fn forget(
    shared: &Shared,
    erasure: ErasureId,
    went: WentElsewhere,
    holder: Option<&WireSubject>,
    proof: Option<&str>,
) -> Result<(), &'static str> {
    shared.store.decide(erasure, Decision::Erased).map_err(state_failed)?;
    if let (Some(decided_at), Some(proof)) = (went.decided_at, proof) {
        let (materials, proof) = (went.materials.clone(), proof.to_owned());
        let decided = ErasedEntry { id: erasure, materials, decided_at, proof };
        keep_decision(shared, holder.is_some(), &decided).map_err(state_failed)?;
    }
    erase(shared, erasure, &went, holder)?;
    let materials = gone(shared, went.materials)?;
    (shared.listener)(SyncEvent::Erased { erasure, materials });
    Ok(())
}

/// Keeps what the repository is told of, should it forget its decision: under the name of the first erasure by which it is
/// carried out here.
fn keep_decision(shared: &Shared, is_of_person: bool, decided: &ErasedEntry) -> Result<(), SyncError> {
    let ErasedEntry { id, materials, .. } = decided;
    match materials.first() {
        Some(first) if !is_of_person && materials.len() > 1 => {
            shared.store.keep_erased(part_of(*id, *first), decided)?;
        }
        _ => {}
    }
    shared.store.keep_erased(*id, decided)
}

fn erase(
    shared: &Shared,
    erasure: ErasureId,
    went: &WentElsewhere,
    holder: Option<&WireSubject>,
) -> Result<(), &'static str> {
    let source = shared.source.as_ref();
    let materials = &went.materials;
    let mut is_done = true;
    if let Some(holder) = holder {
        let subject = Subject::try_from(holder).map_err(|_| REPOSITORY_PROTOCOL)?;
        let target = ErasureTarget::Holder(subject);
        is_done = source.erase(erasure, target, went.clone()).map_err(archive_failed)?;
    } else if let [only] = materials[..] {
        let known = source.target_of(erasure).map_err(archive_failed)?;
        if known != Known::Nothing || !may_be_anothers(shared, went, only)? {
            let target = ErasureTarget::Material(only);
            is_done = source.erase(erasure, target, went.clone()).map_err(archive_failed)?;
        }
    } else if let Some(first) = materials.first() {
        let known = source.target_of(erasure).map_err(archive_failed)?;
        if known != Known::Nothing {
            // It has its own target: a person whom the item, carried out once, names no more, or one of the names.
            let target = ErasureTarget::Material(*first);
            is_done = source.erase(erasure, target, went.clone()).map_err(archive_failed)?;
        }
        for material in materials {
            let goes = match known {
                Known::Nothing => !may_be_anothers(shared, went, *material)?,
                Known::Material(own) => *material != own && source.has(*material).map_err(archive_failed)?,
                Known::Person => false,
            };
            is_done &= !goes || erase_part(shared, erasure, *material, went)?;
        }
    }
    let materials = materials.len();
    if is_done {
        tracing::info!(erasure = %erasure, materials, "an erasure of the repository was carried out");
    } else {
        tracing::warn!(erasure = %erasure, materials, "an erasure of the repository waits here for a hold, or until the holds are confirmed");
    }
    Ok(())
}

/// News that come once more, or of a repository that does not know them any more, do not say whether a person's papers went: one that
/// was put right here, and that no such erasure is known of, may be somebody else's.
fn may_be_anothers(
    shared: &Shared,
    went: &WentElsewhere,
    material: MaterialId,
) -> Result<bool, &'static str> {
    Ok(went.decided_at.is_none() && is_put_right(shared, material)?)
}

/// Carries out what an erasure says of one paper under one of its names; whether it is carried out.
fn erase_part(
    shared: &Shared,
    erasure: ErasureId,
    material: MaterialId,
    went: &WentElsewhere,
) -> Result<bool, &'static str> {
    let part = part_of(erasure, material);
    // Or it would be sent as what was asked for here.
    shared.store.decide(part, Decision::Erased).map_err(state_failed)?;
    let alone = WentElsewhere { materials: Vec::new(), ..went.clone() };
    shared.source.erase(part, ErasureTarget::Material(material), alone).map_err(archive_failed)
}

/// What of it is not on file here: a hold may keep something.
fn gone(shared: &Shared, materials: Vec<MaterialId>) -> Result<Vec<MaterialId>, &'static str> {
    let mut gone = Vec::with_capacity(materials.len());
    for material in materials {
        if !shared.source.has(material).map_err(archive_failed)? {
            gone.push(material);
        }
    }
    Ok(gone)
}

fn place(
    shared: &Shared,
    hold: HoldId,
    materials: &[MaterialId],
    order: &WireHold,
) -> Result<(), &'static str> {
    let WireHold { holder, reason, case, operator } = order;
    let order = Order { reason: reason.clone(), case: case.clone(), operator: operator.clone() };
    if let Some(holder) = holder {
        let subject = Subject::try_from(holder).map_err(|_| REPOSITORY_PROTOCOL)?;
        return shared.source.hold(hold, HoldTarget::Holder(subject), order).map_err(archive_failed);
    }
    // One paper, under the name that this window gave it, if it is here at all.
    for material in materials {
        if shared.source.has(*material).map_err(archive_failed)? {
            let target = HoldTarget::Material(*material);
            return shared.source.hold(hold, target, order).map_err(archive_failed);
        }
    }
    Ok(())
}

/// What was put right here, and has not been heard of by the repository when it decided, has the term of what it is now.
fn drop_originals(shared: &Shared, materials: &[MaterialId], kind: Option<&str>) -> Result<(), &'static str> {
    let source = shared.source.as_ref();
    if let Some(kind) = kind {
        let kind = Kind::new(kind).map_err(|_| REPOSITORY_PROTOCOL)?;
        return source.drop_originals(materials, Some(&kind)).map_err(archive_failed);
    }
    // Of an older repository, or come once more: nobody knows what it was decided about.
    let mut going = Vec::with_capacity(materials.len());
    for material in materials {
        if !is_put_right(shared, *material)? {
            going.push(*material);
        }
    }
    source.drop_originals(&going, None).map_err(archive_failed)
}

/// Whether a paper on file stands by what was put right here, as far as that can be read.
fn is_put_right(shared: &Shared, material: MaterialId) -> Result<bool, &'static str> {
    match shared.source.stands_by(material) {
        Ok(stands_by) => Ok(stands_by.is_some_and(|stands_by| stands_by.put_right_here)),
        // The archive itself has it wait.
        Err(ArchiveError::Storage(error)) if error.fault == StorageFault::Damaged => Ok(false),
        Err(error) => Err(archive_failed(error)),
    }
}

/// `false`: it has to wait, and is carried out as a whole when it comes again.
fn refile(shared: &Shared, materials: &[MaterialId], now: &WirePlace) -> Result<bool, &'static str> {
    let holders = now.holders.iter().map(Subject::try_from).collect::<Result<Vec<Subject>, _>>();
    let holders = holders.map_err(|_| REPOSITORY_PROTOCOL)?;
    let kind = Kind::new(&now.kind).map_err(|_| REPOSITORY_PROTOCOL)?;
    let place = Place { holders, kind, case: now.case.clone() };
    let standings = materials.iter().map(|material| standing(shared, *material));
    let standings = standings.collect::<Result<Vec<Standing>, _>>()?;
    if standings.contains(&Standing::OnItsWay) {
        return Ok(false);
    }
    for (material, standing) in materials.iter().zip(standings) {
        // Among others this window's own earlier refiling, come back: the later one is what the repository hears next.
        let Standing::Settled(sequence) = standing else { continue };
        // A clerk may put it right between the look and now: then it is looked at again.
        if !shared.source.refile(*material, place.clone(), sequence).map_err(archive_failed)? {
            return Ok(false);
        }
    }
    tracing::info!(materials = materials.len(), "a refiling of the repository was carried out");
    Ok(true)
}

/// What of a material's place the repository knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not on file here.
    Absent,
    /// All that was put right here has been told; it stands by that ledger entry.
    Settled(u64),
    /// Put right here, and being sent.
    OnItsWay,
    /// Put right here, and not sent: what it has told so far is older.
    Unsent,
}

fn standing(shared: &Shared, material: MaterialId) -> Result<Standing, &'static str> {
    let stands_by = shared.source.stands_by(material).map_err(archive_failed)?;
    let Some(StandsBy { sequence, put_right_here }) = stands_by else { return Ok(Standing::Absent) };
    // Read afterwards: what has been sent meanwhile counts as sent.
    let position = shared.store.position().map_err(|error| {
        tracing::error!(%error, "the position of sync cannot be read");
        STATE_FAILED
    })?;
    Ok(if put_right_here && position.pending.is_some_and(|p| (p.from..=p.to).contains(&sequence)) {
        Standing::OnItsWay
    } else if put_right_here && sequence > position.confirmed {
        Standing::Unsent
    } else {
        Standing::Settled(sequence)
    })
}

fn archive_failed(error: ArchiveError) -> &'static str {
    tracing::error!(%error, "the archive does not serve the feed");
    ARCHIVE_FAILED
}
