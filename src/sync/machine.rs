//! What an agent does next to bring its ledger to the repository.
//!
//! The machine reads no clock and does no I/O. Its driver asks [`Machine::next`] what to do, does it, and
//! tells [`Machine::on`] how it went. One step is open at a time; everything is sent in the ledger's order.
//!
//! A batch is fixed, and its place made durable, before it is first sent; it is sent again under the same
//! number until it is answered. Whatever fails leads back to the start of the batch: read it again, ask what
//! is missing, upload that, commit. So a crash at any point costs repeated questions and nothing else.

use std::collections::HashSet;

use yidang_model::{Digest, ErasureId, HoldId, MaterialId};

use crate::backoff::Backoff;
use crate::limits::{BLOBS_ASKED_MAX, COMMIT_BODY_MAX, COMMIT_ENTRIES_MAX};

/// Ledger entries looked at for one batch, of whatever sort.
pub const LOAD_ENTRIES_MAX: usize = 1000;
/// Blobs in one upload step; the driver is back, and can stop, between steps.
pub const UPLOAD_STEP_MAX: usize = 16;
/// Room a commit's body needs around its entries, in bytes.
const ENVELOPE_BYTES: u64 = 4096;

/// Identifies an entry at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryId {
    /// A filing.
    Material(MaterialId),
    /// A request to forget.
    Erasure(ErasureId),
    /// A filing that was put right, by the material's name.
    Refiling(MaterialId),
    /// A request to dispose of a material's untouched originals, by its name.
    Originals(MaterialId),
    /// What the repository decided to forget, and is forgotten.
    Erased(ErasureId),
    /// A hold of the repository's that stands.
    Held(HoldId),
}

/// A blob an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobRef {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
}

/// A ledger entry that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the ledger.
    pub sequence: u64,
    /// Whose result the answer will carry.
    pub id: EntryId,
    /// Bytes it takes in the commit's body.
    pub size_bytes: u64,
    /// Blobs that have to be there first.
    pub blobs: Vec<BlobRef>,
}

/// Collects a batch up to the limits of one commit.
#[derive(Clone, Debug)]
pub struct Cut {
    entries_max: usize,
    entries: usize,
    blobs: usize,
    bytes: u64,
}

impl Cut {
    /// An empty batch of at most so many entries, as [`Machine::entries_max`] says.
    pub fn new(entries_max: usize) -> Self {
        Self { entries_max: entries_max.min(COMMIT_ENTRIES_MAX), entries: 0, blobs: 0, bytes: 0 }
    }

    /// Whether this one still fits. The first always does: alone, it is the repository's to judge.
    pub fn takes(&mut self, item: &Item) -> bool {
        let blobs = self.blobs + item.blobs.len();
        let bytes = self.bytes + item.size_bytes + 1;
        let fits = self.entries < self.entries_max
            && blobs <= BLOBS_ASKED_MAX
            && bytes + ENVELOPE_BYTES <= COMMIT_BODY_MAX as u64;
        if self.entries > 0 && !fits {
            return false;
        }
        (self.entries, self.blobs, self.bytes) = (self.entries + 1, blobs, bytes);
        true
    }
}

/// A batch that may have been sent. One that ends before it begins (`to + 1 == from`) covers nothing new: it is
/// made of what was refused earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// First ledger entry it covers.
    pub from: u64,
    /// Last ledger entry it covers.
    pub to: u64,
    /// Tells one body from another; not computable without a secret of the agent.
    pub fingerprint: [u8; 32],
}

/// How far an agent has come. The driver keeps it durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Everything up to this ledger entry has been answered or was nothing to send.
    pub confirmed: u64,
    /// Number of the pending batch or, without one, of the next.
    pub sequence: u64,
    /// Another body than the pending one may have arrived under that number: an entry was forgotten since, or is
    /// offered once more. A conflict then only says that the earlier body arrived.
    pub tainted: bool,
    /// The batch on its way.
    pub pending: Option<Pending>,
}

impl Position {
    /// Where an agent starts in a fresh epoch with everything up to `confirmed` at the repository.
    pub const fn start(confirmed: u64) -> Self {
        Self { confirmed, sequence: 1, tainted: false, pending: None }
    }
}

/// An entry the repository, or this agent, will not file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the ledger.
    pub sequence: u64,
    /// Which one.
    pub id: EntryId,
    /// Why.
    pub code: String,
}

/// An entry the repository has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Its place in the ledger.
    pub sequence: u64,
    /// Which one.
    pub id: EntryId,
    /// The material it has become one with; `None`: it is on file under its own name.
    pub filed_as: Option<MaterialId>,
}

/// What the repository did with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which one.
    pub id: EntryId,
    /// Why it was not filed; `None` when it was.
    pub rejected: Option<String>,
    /// Under which other name it was filed, if it was.
    pub filed_as: Option<MaterialId>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the feed, without waiting, until nothing new comes, and carry it out: what was forgotten while the
    /// repository was away must not be sent. Then [`Event::FeedDrained`].
    DrainFeed,
    /// Read the ledger after `after`: up to and with `to`, or as much as one [`Cut`] takes out of at most
    /// [`LOAD_ENTRIES_MAX`] entries. Then [`Event::Loaded`].
    ///
    /// Where `to` is `after`, no stretch of the ledger is meant: read what was refused and is to be offered once
    /// more, in the ledger's order, as much as one [`Cut`] takes.
    Load {
        /// Last entry that is done with.
        after: u64,
        /// Last entry of a batch that is already fixed.
        to: Option<u64>,
    },
    /// Keep all of it durably, as one. Then [`Event::Saved`].
    Save {
        /// How far it has come.
        position: Position,
        /// What has been passed over. It is not offered again by this machine.
        rejected: Vec<Rejection>,
        /// What has been taken, among it what was refused before.
        accepted: Vec<Acceptance>,
    },
    /// Ask which of these are missing. Then [`Event::Missing`].
    AskMissing(Vec<BlobRef>),
    /// Upload these. Then [`Event::Uploaded`], or [`Event::Unsendable`] for the entry that names one that
    /// can never be uploaded.
    Upload(Vec<BlobRef>),
    /// Send the loaded batch. Then one of the `Commit…` events.
    Commit {
        /// Number of the batch.
        sequence: u64,
    },
    /// Nothing to do until this instant, or until something happens.
    Wait {
        /// Instant by the clock that [`Machine::next`] is given.
        until: Option<u64>,
    },
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The ledger has come to this entry. May come at any time.
    Head(u64),
    /// Try at once instead of waiting. May come at any time.
    Woken,
    /// The repository could not be asked for its news: it may have decided something meanwhile, which has to be
    /// heard before anything more is sent. May come between steps.
    NewsMissed,
    /// Enrolled anew: begin there. May come between steps.
    Restarted(Position),
    /// The feed has nothing new.
    FeedDrained,
    /// The batch, in order.
    Loaded {
        /// Last ledger entry looked at, or the last that fits.
        to: u64,
        /// What of it is to be sent.
        items: Vec<Item>,
        /// Fingerprint of the body these make under the present number.
        fingerprint: [u8; 32],
    },
    /// It is durable.
    Saved,
    /// Answer to [`Action::AskMissing`].
    Missing {
        /// What has to be uploaded.
        missing: Vec<Digest>,
        /// Until when the rest may be taken to be there.
        trusted_until: u64,
    },
    /// These are durable at the repository.
    Uploaded(Vec<Digest>),
    /// This entry can never be sent: pass it over.
    Unsendable {
        /// Its place in the ledger.
        sequence: u64,
        /// Why.
        code: &'static str,
    },
    /// The batch was answered.
    Committed(Vec<Outcome>),
    /// The repository lacks these (412).
    CommitBlobsMissing(Vec<Digest>),
    /// The number was used for another body (409).
    CommitConflict,
    /// The repository will not read the body as a whole (413, 422).
    CommitUnacceptable(&'static str),
    /// The step failed.
    Failed {
        /// Why.
        code: &'static str,
        /// Whether asking again soon may mend it.
        healing: Healing,
    },
}

/// What may mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// Time: the network, a restart.
    Soon,
    /// Someone has to do something: a key, an enrolment.
    Slow,
}

/// Stable code: an answer that contradicts the question or an earlier answer.
pub const REPOSITORY_PROTOCOL: &str = "repository_protocol";
/// Stable code: the repository has another batch under this number, and this agent did not send it. The data
/// folder is a copy or an old backup; enrolling again mends it.
pub const SEQUENCE_CONFLICT: &str = "sequence_conflict";

#[derive(Clone, Debug)]
enum Phase {
    Drain,
    Load,
    Save { rejected: Vec<Rejection>, accepted: Vec<Acceptance>, then: Then },
    Ask,
    Upload,
    Commit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Drain,
    Load,
    Ask,
}

/// The pushing half of an agent's sync.
#[derive(Debug)]
pub struct Machine {
    position: Position,
    phase: Phase,
    head: u64,
    /// Whether something that was refused earlier may be left to offer once more.
    again: bool,
    items: Vec<Item>,
    /// Longest batch to fix, after the repository would not read a longer one.
    entries_max: usize,
    missing: Vec<BlobRef>,
    /// What the repository acknowledged since the batch was loaded.
    uploaded: HashSet<Digest>,
    trusted_until: u64,
    backoff: Backoff,
    not_before: Option<u64>,
    last_error: Option<&'static str>,
}

impl Machine {
    /// A machine that goes on from a kept position with a ledger that has come to `head`. What was refused
    /// earlier it offers once more: since then the repository may have changed its mind, or be another one.
    pub fn new(position: Position, head: u64) -> Self {
        Self {
            position,
            phase: Phase::Drain,
            head,
            again: true,
            items: Vec::new(),
            entries_max: COMMIT_ENTRIES_MAX,
            missing: Vec::new(),
            trusted_until: 0,
            uploaded: HashSet::new(),
            backoff: Backoff::default(),
            not_before: None,
            last_error: None,
        }
    }

    /// How far it has come. May run ahead of what was last saved, by entries that were nothing to send.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Entries of the loaded batch.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Most entries the next load may take.
    pub fn entries_max(&self) -> usize {
        self.entries_max
    }

    /// Stable code of what keeps it from going on; `None` when nothing does.
    pub fn last_error(&self) -> Option<&'static str> {
        self.last_error
    }

    /// What to do at this instant, in milliseconds of any clock that never goes back. Asking again without
    /// an event in between gives the same answer, but for the passing of time.
    pub fn next(&mut self, now: u64) -> Action {
        if let Some(until) = self.not_before {
            if now < until {
                return Action::Wait { until: Some(until) };
            }
            self.not_before = None;
        }
        if matches!(self.phase, Phase::Commit | Phase::Upload) && self.lease_ran_out(now) {
            self.phase = Phase::Ask;
        }
        match &self.phase {
            Phase::Drain => Action::DrainFeed,
            Phase::Load => match self.position.pending {
                Some(pending) => Action::Load { after: pending.from - 1, to: Some(pending.to) },
                // Before anything newer: a request to forget must come behind what it is about.
                None if self.again => {
                    Action::Load { after: self.position.confirmed, to: Some(self.position.confirmed) }
                }
                None if self.position.confirmed < self.head => {
                    Action::Load { after: self.position.confirmed, to: None }
                }
                None => {
                    self.backoff.reset();
                    self.last_error = None;
                    Action::Wait { until: None }
                }
            },
            Phase::Save { rejected, accepted, .. } => Action::Save {
                position: self.position,
                rejected: rejected.clone(),
                accepted: accepted.clone(),
            },
            Phase::Ask => Action::AskMissing(self.blobs()),
            Phase::Upload => Action::Upload(self.missing.iter().take(UPLOAD_STEP_MAX).copied().collect()),
            Phase::Commit => Action::Commit { sequence: self.position.sequence },
        }
    }

    /// Takes in how it went. `jitter` is any random number.
    pub fn on(&mut self, event: Event, now: u64, jitter: u32) {
        match event {
            Event::Head(head) => self.head = self.head.max(head),
            Event::Woken => self.not_before = None,
            Event::NewsMissed => match &mut self.phase {
                // What could not be kept is kept first of all: the machine is already past it.
                Phase::Save { then, .. } => *then = Then::Drain,
                phase => *phase = Phase::Drain,
            },
            Event::Restarted(position) => {
                let head = self.head;
                *self = Self::new(position, head);
            }
            Event::FeedDrained => self.phase = Phase::Load,
            Event::Loaded { to, items, fingerprint } => self.loaded(to, items, fingerprint),
            Event::Saved => self.saved(),
            Event::Missing { missing, trusted_until } => self.answered(&missing, trusted_until, now, jitter),
            Event::Uploaded(digests) => {
                self.missing.retain(|b| !digests.contains(&b.digest));
                self.uploaded.extend(digests);
                if self.missing.is_empty() {
                    self.phase = Phase::Commit;
                }
            }
            Event::Unsendable { sequence, code } => self.pass_over(sequence, code),
            Event::Committed(outcomes) => self.committed(outcomes, now, jitter),
            Event::CommitBlobsMissing(missing) => self.commit_lacks(&missing, now, jitter),
            Event::CommitConflict => self.conflicted(now, jitter),
            Event::CommitUnacceptable(code) => self.unacceptable(code),
            Event::Failed { code, healing } => self.fail(code, healing, now, jitter),
        }
    }

    /// Whether something was taken on the word of an answer that no longer holds.
    fn lease_ran_out(&self, now: u64) -> bool {
        now >= self.trusted_until && !self.blobs().is_empty()
    }

    /// The batch's blobs, each once, in order.
    fn blobs(&self) -> Vec<BlobRef> {
        let mut seen = HashSet::new();
        self.items.iter().flat_map(|i| &i.blobs).filter(|b| seen.insert(b.digest)).copied().collect()
    }

    fn loaded(&mut self, to: u64, items: Vec<Item>, fingerprint: [u8; 32]) {
        let from = match self.position.pending {
            Some(pending) => pending.from,
            None => self.position.confirmed + 1,
        };
        self.items = items;
        self.uploaded.clear();
        if self.items.is_empty() {
            // Looks, or what has been forgotten. A pending batch whose every entry went may have arrived.
            let was_pending = self.position.pending.take().is_some();
            self.again &= to >= from;
            self.position.confirmed = to.max(self.position.confirmed);
            self.position.tainted |= was_pending;
            self.phase = if was_pending { saving(Then::Load) } else { Phase::Load };
            return;
        }
        let pending = Pending { from, to, fingerprint };
        if self.position.pending == Some(pending) {
            self.phase = self.after_fixing();
            return;
        }
        self.position.tainted |= self.position.pending.is_some();
        self.position.pending = Some(pending);
        self.phase = saving(Then::Ask);
    }

    fn saved(&mut self) {
        let Phase::Save { then, .. } = &self.phase else { return };
        self.phase = match then {
            Then::Drain => Phase::Drain,
            Then::Load => Phase::Load,
            Then::Ask => self.after_fixing(),
        };
    }

    fn after_fixing(&self) -> Phase {
        if self.items.iter().all(|i| i.blobs.is_empty()) { Phase::Commit } else { Phase::Ask }
    }

    fn answered(&mut self, missing: &[Digest], trusted_until: u64, now: u64, jitter: u32) {
        self.trusted_until = trusted_until;
        self.upload(missing, now, jitter);
    }

    fn commit_lacks(&mut self, missing: &[Digest], now: u64, jitter: u32) {
        if missing.is_empty() {
            return self.fail(REPOSITORY_PROTOCOL, Healing::Soon, now, jitter);
        }
        self.upload(missing, now, jitter);
    }

    fn upload(&mut self, missing: &[Digest], now: u64, jitter: u32) {
        let wanted: HashSet<_> = missing.iter().collect();
        self.missing = self.blobs().into_iter().filter(|b| wanted.contains(&b.digest)).collect();
        let foreign = self.missing.len() != wanted.len();
        let lost = self.missing.iter().any(|b| self.uploaded.contains(&b.digest));
        if foreign || lost {
            return self.fail(REPOSITORY_PROTOCOL, Healing::Soon, now, jitter);
        }
        self.phase = if self.missing.is_empty() { Phase::Commit } else { Phase::Upload };
    }

    fn pass_over(&mut self, sequence: u64, code: &'static str) {
        let rejected = self.items.iter().filter(|i| i.sequence == sequence);
        let rejected = rejected.map(|i| rejection(i, code.to_owned())).collect();
        self.phase = Phase::Save { rejected, accepted: Vec::new(), then: Then::Load };
    }

    fn committed(&mut self, outcomes: Vec<Outcome>, now: u64, jitter: u32) {
        let same = outcomes.len() == self.items.len()
            && outcomes.iter().zip(&self.items).all(|(outcome, item)| outcome.id == item.id);
        if !same {
            return self.fail(REPOSITORY_PROTOCOL, Healing::Slow, now, jitter);
        }
        let (mut rejected, mut accepted) = (Vec::new(), Vec::new());
        for (Outcome { id, rejected: refused, filed_as }, item) in outcomes.into_iter().zip(&self.items) {
            match refused {
                Some(code) => rejected.push(rejection(item, code)),
                None => accepted.push(Acceptance { sequence: item.sequence, id, filed_as }),
            }
        }
        self.entries_max = (self.entries_max * 2).min(COMMIT_ENTRIES_MAX);
        self.confirm(rejected, accepted);
    }

    fn confirm(&mut self, rejected: Vec<Rejection>, accepted: Vec<Acceptance>) {
        if let Some(pending) = self.position.pending {
            let next = Position::start(pending.to);
            self.position = Position { sequence: self.position.sequence + 1, ..next };
        }
        // What was asked to be forgotten is heard of before what was refused earlier may be offered again.
        let forgets = |item: &Item| matches!(item.id, EntryId::Erasure(_) | EntryId::Originals(_));
        let asked = self.items.iter().any(forgets);
        let then = if asked && self.again { Then::Drain } else { Then::Load };
        self.items.clear();
        self.backoff.reset();
        self.last_error = None;
        self.phase = Phase::Save { rejected, accepted, then };
    }

    /// A conflict after a change of the body means that the earlier body arrived. What is left of it goes
    /// under the next number: the repository knows each entry by its identifier and files none twice.
    fn conflicted(&mut self, now: u64, jitter: u32) {
        if !self.position.tainted {
            return self.fail(SEQUENCE_CONFLICT, Healing::Slow, now, jitter);
        }
        self.position.sequence += 1;
        self.position.tainted = false;
        // The body names its number, so it is read and its fingerprint taken again.
        self.position.pending = None;
        self.phase = saving(Then::Load);
    }

    /// Halves the batch until the entry that spoils it stands alone, and passes that one over.
    fn unacceptable(&mut self, code: &'static str) {
        self.last_error = Some(code);
        if let [item] = self.items.as_slice() {
            let rejected = vec![rejection(item, code.to_owned())];
            self.phase = Phase::Save { rejected, accepted: Vec::new(), then: Then::Load };
        } else {
            self.entries_max = (self.items.len() / 2).max(1);
            self.position.pending = None;
            self.phase = saving(Then::Load);
        }
    }

    fn fail(&mut self, code: &'static str, healing: Healing, now: u64, jitter: u32) {
        let delay = match healing {
            Healing::Soon => self.backoff.failed(jitter),
            Healing::Slow => self.backoff.refused(jitter),
        };
        self.not_before = Some(now.saturating_add(delay));
        self.last_error = Some(code);
        // What could not be kept is kept first of all: the machine is already past it.
        if !matches!(self.phase, Phase::Save { .. }) {
            self.phase = Phase::Drain;
        }
    }
}

/// Keeping the position alone.
fn saving(then: Then) -> Phase {
    Phase::Save { rejected: Vec::new(), accepted: Vec::new(), then }
}

fn rejection(item: &Item, code: String) -> Rejection {
    Rejection { sequence: item.sequence, id: item.id, code }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
