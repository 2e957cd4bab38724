//! The repository remembers the ledger's last entry: nobody can cut the ledger off, or put an older one in its place, unnoticed.
//!
//! A ledger that was put back may have grown past what is remembered, so its end alone proves nothing. In each run the repository
//! is asked first, and told of a new end only if this ledger accounts for the old one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use yidang_archive::ArchiveError;
use yidang_archive::storage::EntryHash;
use yidang_sync::parcel::ParcelAnchor;
use yidang_sync::wire::LedgerAnchor;

use super::SyncError;
use super::client::Client;
use super::error::CallError;
use super::shared::Shared;
use super::source::Source;
use super::store::SyncStore;

/// Sequence and hash of an entry.
pub(super) type Head = (u64, EntryHash);

/// What this run knows of it.
#[derive(Default)]
pub(super) struct Anchoring {
    standing: Standing,
    told: Arc<Told>,
}

/// What the repository was told of in this run, by whichever of two threads.
#[derive(Default)]
struct Told {
    sequence: AtomicU64,
    /// One after the other: an earlier end that arrives behind a later one looks like a ledger that was cut off.
    turn: Mutex<()>,
}

#[derive(Default)]
enum Standing {
    /// The repository has not been asked yet.
    #[default]
    Unasked,
    /// The ledger accounts for what the repository remembers.
    Proven,
    /// It does not. This is sent once, so that the repository's log tells of it too.
    Another(Option<LedgerAnchor>),
}

/// What an errand is to do about it; it holds nothing that is open.
#[derive(Default)]
pub(super) struct Due {
    /// The ledger to ask about.
    pub(super) ask: Option<String>,
    tell: Option<(LedgerAnchor, Arc<Told>)>,
}

impl Anchoring {
    /// What the next call is to do.
    pub(super) fn due(&mut self, source: &dyn Source) -> Due {
        let (ledger, sequence, hash) = match source.anchor() {
            Ok(anchor) => anchor,
            Err(error) => {
                tracing::warn!(%error, "the ledger's last entry cannot be read");
                return Due::default();
            }
        };
        let told = || self.told.clone();
        match &mut self.standing {
            Standing::Unasked => Due { ask: Some(ledger), tell: None },
            Standing::Another(witness) => {
                Due { ask: None, tell: witness.take().map(|witness| (witness, told())) }
            }
            Standing::Proven if sequence == 0 || self.told.sequence.load(Ordering::SeqCst) == sequence => {
                Due::default()
            }
            Standing::Proven => {
                let head = LedgerAnchor { ledger, sequence, hash: hex::encode(hash) };
                Due { ask: None, tell: Some((head, told())) }
            }
        }
    }

    /// The same for a call that asks nothing: the head, where it may be told of.
    pub(super) fn head(&mut self, source: &dyn Source) -> Due {
        if matches!(self.standing, Standing::Unasked) { Due::default() } else { self.due(source) }
    }

    /// Takes in what the repository remembers; `None` where it remembers nothing of this ledger.
    pub(super) fn take_in(&mut self, source: &dyn Source, remembered: Option<Head>) {
        match compare(source, remembered) {
            Ok(standing) => self.standing = standing,
            // Asked again with the next call.
            Err(error) => {
                tracing::warn!(%error, "the ledger cannot be compared with what the repository remembers")
            }
        }
    }

    /// Whether the ledger has been compared with what the repository remembers.
    pub(super) fn is_compared(&self) -> bool {
        !matches!(self.standing, Standing::Unasked)
    }
}

/// Takes in what a receipt says to be remembered of this ledger, and whether this ledger accounts for it. It is kept either way: a
/// rebuild holds the ledger against it.
pub(super) fn take_told(shared: &Shared, told: &LedgerAnchor) -> Result<bool, SyncError> {
    let (ledger, ..) = shared.source.anchor()?;
    if ledger != told.ledger {
        return Ok(true);
    }
    let remembered = head_of(Some(told.clone()))?;
    shared.store.keep_anchored(told)?;
    Ok(matches!(compare(shared.source.as_ref(), remembered)?, Standing::Proven))
}

/// The end of this ledger, for a parcel; `None` of an empty one.
pub(super) fn for_parcel(shared: &Shared) -> Result<Option<ParcelAnchor>, SyncError> {
    let (ledger, sequence, hash) = shared.source.anchor()?;
    // One that was put back has it no more, until a rebuild has entered what is lost.
    let follows = match shared.store.last_told(&ledger)? {
        Some((sequence, hash)) if shared.source.accounts_for(sequence, hash)? => Some(sequence),
        _ => None,
    };
    let end = LedgerAnchor { ledger, sequence, hash: hex::encode(hash) };
    Ok((sequence > 0).then_some(ParcelAnchor { end, follows }))
}

impl SyncStore {
    /// What the last receipt said to be remembered of a ledger.
    pub(super) fn last_told(&self, ledger: &str) -> Result<Option<Head>, SyncError> {
        Ok(head_of(self.anchored(ledger)?)?)
    }
}

/// Where the ledger is not what it was, a hold may be among what it lacks.
fn compare(source: &dyn Source, remembered: Option<Head>) -> Result<Standing, ArchiveError> {
    let Some((sequence, hash)) = remembered else { return Ok(Standing::Proven) };
    if source.accounts_for(sequence, hash)? {
        return Ok(Standing::Proven);
    }
    tracing::error!(
        sequence,
        "the repository remembers another ledger than this window has: run `yidang archive verify`, then `yidang archive rebuild`"
    );
    let (ledger, head, head_hash) = source.anchor()?;
    let here = if head < sequence {
        Some((head, head_hash))
    } else {
        source.hash_at(sequence)?.map(|hash| (sequence, hash))
    };
    let witness = here.map(|(sequence, hash)| LedgerAnchor { ledger, sequence, hash: hex::encode(hash) });
    if let Err(error) = source.doubt_holds() {
        tracing::error!(%error, "that its holds may be missing is not entered");
    }
    Ok(Standing::Another(witness))
}

impl Due {
    /// Tells what there is to tell.
    pub(super) fn tell(self, client: &Client, key: &str) {
        if let Some((head, told)) = self.tell {
            tell(client, key, &head, &told);
        }
    }
}

/// What the repository remembers of this ledger.
pub(super) fn asked(client: &Client, key: &str, ledger: &str) -> Result<Option<Head>, CallError> {
    head_of(client.anchor(key, ledger)?)
}

/// The same; a repository of an earlier version, or of another make, remembers nothing.
pub(super) fn asked_if_able(client: &Client, key: &str, ledger: &str) -> Result<Option<Head>, CallError> {
    match client.anchor(key, ledger) {
        Err(CallError::Refused(problem)) if matches!(problem.status, 404 | 405) => Ok(None),
        Err(CallError::Protocol) => Ok(None),
        answer => head_of(answer?),
    }
}

fn head_of(anchor: Option<LedgerAnchor>) -> Result<Option<Head>, CallError> {
    let Some(anchor) = anchor else { return Ok(None) };
    let mut hash = [0; 32];
    hex::decode_to_slice(&anchor.hash, &mut hash).map_err(|_| CallError::Protocol)?;
    Ok(Some((anchor.sequence, hash)))
}

/// What fails is tried again with the next call.
fn tell(client: &Client, key: &str, head: &LedgerAnchor, told: &Told) {
    let _turn = told.turn.lock().unwrap_or_else(PoisonError::into_inner);
    if told.sequence.load(Ordering::SeqCst) >= head.sequence {
        return;
    }
    match client.put_anchor(key, head) {
        Ok(()) => told.sequence.store(head.sequence, Ordering::SeqCst),
        Err(CallError::Refused(problem)) if problem.status == 409 => {
            tracing::error!(
                "the repository remembers another ledger than this window has; run `yidang archive verify`"
            );
        }
        // Among others: a repository of an earlier version.
        Err(error) => tracing::debug!(code = error.judge().0, "the ledger was not anchored"),
    }
}
