//! The thread that brings the ledger to the repository: the machine's hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use yidang_archive::ArchiveError;
use yidang_model::{Digest, MaterialId};
use yidang_sync::limits::BLOB_SIZE_MAX;
use yidang_sync::machine::{
    Acceptance, Action, BlobRef, Cut, EntryId, Event, Healing, Machine, Outcome, Position,
    REPOSITORY_PROTOCOL, Rejection, SEQUENCE_CONFLICT,
};
use yidang_sync::wire::{self, BlobSize, CommitAnswer, MissingAnswer, Verdict};

use super::batch::Batch;
use super::client::Client;
use super::enrolment::Enrolment;
use super::errand::{Bell, Errands, Stop};
use super::error::{ARCHIVE_FAILED, CallError, REFUSED, STATE_FAILED, is_code, known};
use super::hearing::{Heard, Question};
use super::plan::Packed;
use super::receipt::{name, refused};
use super::shared::{Shared, Side};
use super::{SyncError, SyncEvent};
use crate::{clock, random};

/// Uploads side by side: the repository commits those that wait together as one.
const UPLOADS_AT_ONCE: usize = 4;
/// Plain bytes read for one round of uploads; one picture may go beyond.
const UPLOAD_ROUND_BYTES: usize = 32 << 20;
/// However the clocks differ, an answer about missing blobs holds at least and at most so long.
const TRUST_MS: std::ops::RangeInclusive<i64> = 5_000..=600_000;
/// When the archive or the worker's records fail before there is anything to send.
const LOCAL_PAUSE: Duration = Duration::from_secs(1);

/// What a call has brought.
pub(super) enum Answer {
    Heard(Heard),
    Missing(Result<MissingAnswer, CallError>),
    /// What arrived, and what went wrong, at which picture.
    Uploads(Vec<Digest>, Option<(Digest, CallError)>),
    Commit(Result<CommitAnswer, CallError>),
}

pub(super) struct Pusher {
    shared: Arc<Shared>,
    errands: Errands<Answer>,
    stop: Stop,
    /// Wakes the feed's thread, so that it too notices that the repository is back.
    other: Arc<dyn Bell>,
    started: Instant,
    batch: Batch,
    body: Arc<Vec<u8>>,
}

impl Pusher {
    pub(super) fn new(
        shared: Arc<Shared>,
        errands: Errands<Answer>,
        stop: Stop,
        other: Arc<dyn Bell>,
    ) -> Self {
        let (batch, body) = Default::default();
        Self { shared, errands, stop, other, started: Instant::now(), batch, body }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        while !self.stop.is_set() {
            let Ok(enrolment) = self.shared.enrolment() else {
                if !self.errands.wait(None) {
                    return;
                }
                continue;
            };
            let position = match self.shared.store.position() {
                Ok(position) => position,
                Err(error) => {
                    tracing::error!(%error, "the position of sync cannot be read");
                    self.shared.report(Side::Push, Some(STATE_FAILED));
                    if !self.errands.wait(Some(LOCAL_PAUSE)) {
                        return;
                    }
                    continue;
                }
            };
            self.push(&enrolment, position);
        }
    }

    /// Works under one enrolment, until it changes or the thread is told to stop.
    fn push(&mut self, enrolment: &Arc<Enrolment>, position: Position) {
        let mut machine = Machine::new(position, 0);
        // Once the repository answers again, the feed's thread need not sit its own pause out.
        let mut failing = false;
        while !self.stop.is_set() {
            if self.shared.enrolment().map_or(true, |now| !Arc::ptr_eq(&now, enrolment)) {
                return;
            }
            match self.shared.source.head() {
                Ok(head) => machine.on(Event::Head(head), self.now(), 0),
                Err(error) => {
                    tracing::error!(%error, "the ledger's head cannot be read");
                    self.shared.report(Side::Push, Some(ARCHIVE_FAILED));
                    self.errands.wait(Some(LOCAL_PAUSE));
                    continue;
                }
            }
            // Looked at before each step: what follows an outage is sent after the feed was asked, or not at all.
            if self.shared.take_missed_news() {
                machine.on(Event::NewsMissed, self.now(), 0);
            }
            if self.shared.take_retry() {
                machine.on(Event::Woken, self.now(), 0);
            }
            let action = machine.next(self.now());
            if let Action::Wait { until } = action {
                self.shared.report(Side::Push, machine.last_error());
                failing = machine.last_error().is_some();
                if until.is_none() {
                    self.at_rest(machine.position().confirmed);
                }
                let span = until.map(|until| Duration::from_millis(until.saturating_sub(self.now())));
                self.errands.wait(span);
                continue;
            }
            let Some(event) = self.carry_out(&mut machine, enrolment, action) else { return };
            if failing && matches!(event, Event::FeedDrained) {
                failing = false;
                self.other.ring();
            }
            let [jitter] = [u32::from_ne_bytes(random::bytes())];
            machine.on(event, self.now(), jitter);
            if machine.last_error().is_none() {
                self.shared.report(Side::Push, None);
            }
        }
    }

    /// Everything known has been sent, or was nothing to send.
    fn at_rest(&mut self, confirmed: u64) {
        self.settled(&[], &[], Some(confirmed));
    }

    /// Milliseconds since this thread began.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Does one step; `None` when it is time to go.
    fn carry_out(
        &mut self,
        machine: &mut Machine,
        enrolment: &Arc<Enrolment>,
        action: Action,
    ) -> Option<Event> {
        match action {
            Action::Wait { .. } => None,
            Action::DrainFeed => self.drain_feed(enrolment),
            Action::Load { after, to } => Some(self.load(machine, enrolment, after, to)),
            Action::Save { position, rejected, accepted } => {
                self.save(machine, enrolment, &position, &rejected, &accepted)
            }
            Action::AskMissing(blobs) => self.ask_missing(enrolment, &blobs),
            Action::Upload(blobs) => self.upload(enrolment, &blobs),
            Action::Commit { .. } => self.commit(enrolment),
        }
    }

    fn drain_feed(&self, enrolment: &Arc<Enrolment>) -> Option<Event> {
        loop {
            let question = match Question::new(&self.shared, 0) {
                Ok(question) => question,
                Err(error) => return Some(state_failed(&error)),
            };
            let (client, who) = (self.shared.client.clone(), enrolment.clone());
            let Answer::Heard(heard) =
                self.errands.run(move || Answer::Heard(question.ask(&client, &who)))?
            else {
                return Some(mixed_up());
            };
            let answer = match heard.compare(&self.shared) {
                Ok(answer) => answer,
                Err((code, healing)) => return Some(Event::Failed { code, healing }),
            };
            // Where all is offered again, this machine's time is over.
            match self.shared.feed.carry_out(&self.shared, &enrolment.epoch, &answer?) {
                Ok(true) => {}
                Ok(false) => return Some(Event::FeedDrained),
                Err(code) => return Some(Event::Failed { code, healing: Healing::Soon }),
            }
        }
    }

    fn load(&mut self, machine: &Machine, enrolment: &Enrolment, after: u64, to: Option<u64>) -> Event {
        let counted = self.shared.backlog().count(self.shared.source.as_ref());
        if let Err(error) = counted {
            tracing::error!(%error, "the backlog cannot be counted");
            return Event::Failed { code: ARCHIVE_FAILED, healing: Healing::Soon };
        }
        let sequence = machine.position().sequence;
        let packed = match self.shared.store.packed_under(sequence) {
            Ok(packed) => packed,
            Err(error) => return state_failed(&error),
        };
        // What has left in a parcel under this number is what is sent under it.
        let stretch = packed.filter(|packed| (packed.from..=packed.to).contains(&(after + 1)));
        let (is_again, to) = (to == Some(after), to.or(stretch.map(|packed| packed.to)));
        match Batch::load(&self.shared, after, to, Cut::new(machine.entries_max())) {
            Ok(batch) => {
                self.body = Arc::new(batch.body(&enrolment.epoch, sequence));
                self.batch = batch;
                let fingerprint = enrolment.fingerprint(&self.body);
                let is_as_packed =
                    |packed: Packed| Some(packed.to) == to && packed.fingerprint == fingerprint;
                let is_nothing = is_again && self.batch.items.is_empty();
                if packed.is_some_and(|packed| !is_nothing && !is_as_packed(packed)) {
                    return self.renumber(enrolment);
                }
                Event::Loaded {
                    to: to.unwrap_or(self.batch.to),
                    items: self.batch.items.clone(),
                    fingerprint,
                }
            }
            Err(error) => {
                tracing::error!(?error, "the ledger cannot be read");
                Event::Failed { code: error.code(), healing: Healing::Soon }
            }
        }
    }

    fn save(
        &mut self,
        machine: &Machine,
        enrolment: &Arc<Enrolment>,
        position: &Position,
        rejected: &[Rejection],
        accepted: &[Acceptance],
    ) -> Option<Event> {
        for rejection in rejected {
            if let Err(code) = refused(&self.shared, rejection) {
                return Some(Event::Failed { code, healing: Healing::Soon });
            }
        }
        match self.keep(enrolment, position, rejected, accepted) {
            // Enrolled anew meanwhile, or a receipt or a parcel came in between: this machine's time is over.
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => return Some(state_failed(&error)),
        }
        // Whatever is not loaded any more is through.
        let through = machine.items().is_empty();
        self.settled(rejected, accepted, through.then_some(position.confirmed));
        for rejection in rejected {
            let material = match rejection.id {
                EntryId::Material(material) => {
                    tracing::warn!(%material, code = rejection.code, "a material was passed over");
                    material
                }
                // Put right here after it was erased there: it is on file here alone.
                EntryId::Refiling(material) if rejection.code == wire::MATERIAL_ERASED => material,
                _ => continue,
            };
            (self.shared.listener)(SyncEvent::Rejected { material, code: rejection.code.clone() });
        }
        if through {
            (self.shared.listener)(SyncEvent::Progress);
        }
        Some(Event::Saved)
    }

    fn keep(
        &self,
        enrolment: &Arc<Enrolment>,
        position: &Position,
        rejected: &[Rejection],
        accepted: &[Acceptance],
    ) -> Result<bool, SyncError> {
        let _turn = self.shared.fixing();
        if self.shared.enrolment().map_or(true, |now| !Arc::ptr_eq(&now, enrolment)) {
            return Ok(false);
        }
        // Packed since this batch was read, cut in another way.
        if let (Some(pending), Some(packed)) =
            (position.pending, self.shared.store.packed_under(position.sequence)?)
            && (pending.to, pending.fingerprint) != (packed.to, packed.fingerprint)
        {
            return Ok(false);
        }
        self.shared.keep(&enrolment.epoch, position, rejected, accepted)
    }

    /// What left under this number is not what would be sent now.
    fn renumber(&self, enrolment: &Enrolment) -> Event {
        let _turn = self.shared.fixing();
        tracing::info!("what was packed has changed since: it is sent under new numbers");
        match self.shared.store.renumber(&enrolment.epoch) {
            Ok(position) => Event::Restarted(position),
            Err(error) => state_failed(&error),
        }
    }

    /// Counts what came of entries, and, where nothing is under way any more, how far all is through.
    fn settled(&mut self, rejected: &[Rejection], accepted: &[Acceptance], confirmed: Option<u64>) {
        let mut backlog = self.shared.backlog();
        // First what has come meanwhile: where the counting ends decides whether nothing waits.
        let source = self.shared.source.as_ref();
        let counted = backlog.count(source);
        let settled = backlog.settled(source, &self.batch.items, rejected, accepted);
        if let Err(error) = counted.and(settled) {
            tracing::error!(%error, "the backlog cannot be counted");
        }
        if let Some(confirmed) = confirmed {
            backlog.confirmed(confirmed);
            // Whoever sees that nothing waits sees that all is there.
            self.shared.confirm(confirmed);
            drop(backlog);
            self.batch.items.clear();
        }
    }

    fn ask_missing(&self, enrolment: &Arc<Enrolment>, blobs: &[BlobRef]) -> Option<Event> {
        let asked_at = self.now();
        let asked = blobs.iter().map(|b| BlobSize { digest: b.digest, size_bytes: b.size_bytes }).collect();
        let (client, who) = (self.shared.client.clone(), enrolment.clone());
        Some(match self.errands.run(move || Answer::Missing(client.missing(&who.key, asked)))? {
            Answer::Missing(Ok(answer)) => {
                let holds = answer.expires_at.as_millis().saturating_sub(clock::now().as_millis());
                let holds = holds.clamp(*TRUST_MS.start(), *TRUST_MS.end()).unsigned_abs();
                Event::Missing { missing: answer.missing, trusted_until: asked_at + holds }
            }
            Answer::Missing(Err(error)) => failed(&error),
            _ => mixed_up(),
        })
    }

    fn upload(&self, enrolment: &Arc<Enrolment>, blobs: &[BlobRef]) -> Option<Event> {
        let mut pictures = Vec::new();
        let mut size_bytes = 0;
        for blob in blobs {
            let Some((sequence, material)) = self.batch.user_of(&blob.digest) else {
                return Some(mixed_up());
            };
            match self.picture(sequence, material, blob) {
                Ok(bytes) => {
                    size_bytes += bytes.len();
                    pictures.push((blob.digest, bytes));
                }
                Err(event) => return Some(event),
            }
            if size_bytes >= UPLOAD_ROUND_BYTES {
                break;
            }
        }
        let (client, who) = (self.shared.client.clone(), enrolment.clone());
        let answer = self.errands.run(move || upload_all(&client, &who.key, pictures))?;
        Some(match answer {
            Answer::Uploads(done, None) => Event::Uploaded(done),
            Answer::Uploads(_, Some((digest, CallError::Refused(problem))))
                if problem.status == 413 || problem.code == wire::INVALID =>
            {
                let code = known(&problem.code);
                match self.batch.user_of(&digest) {
                    Some((sequence, _)) => Event::Unsendable { sequence, code },
                    None => mixed_up(),
                }
            }
            Answer::Uploads(_, Some((_, error))) => failed(&error),
            _ => mixed_up(),
        })
    }

    /// A picture's plain bytes, or why there are none.
    fn picture(&self, sequence: u64, material: MaterialId, blob: &BlobRef) -> Result<Vec<u8>, Event> {
        if blob.size_bytes > BLOB_SIZE_MAX as u64 {
            return Err(Event::Unsendable { sequence, code: "body_too_large" });
        }
        self.shared.source.blob(material, &blob.digest).map_err(|error| match error {
            ArchiveError::BlobMissing { .. } | ArchiveError::BlobUnknown { .. } => {
                Event::Unsendable { sequence, code: "blob_missing" }
            }
            ArchiveError::BlobDamaged { .. } => Event::Unsendable { sequence, code: "blob_damaged" },
            // Among others: it was forgotten since the batch was read. Reading it again leaves it out.
            error => {
                tracing::warn!(%material, %error, "a picture cannot be read");
                Event::Failed { code: ARCHIVE_FAILED, healing: Healing::Soon }
            }
        })
    }

    fn commit(&self, enrolment: &Arc<Enrolment>) -> Option<Event> {
        let (client, who, body) = (self.shared.client.clone(), enrolment.clone(), self.body.clone());
        let head = self.shared.anchoring().head(self.shared.source.as_ref());
        let call = move || {
            let answer = client.commit(&who.key, &body);
            if answer.is_ok() {
                head.tell(&client, &who.key);
            }
            Answer::Commit(answer)
        };
        Some(match self.errands.run(call)? {
            Answer::Commit(Ok(answer)) => {
                // Before anything is taken for confirmed: what is known of the repository has all that it confirmed.
                if let Some(head) = &answer.head {
                    self.shared.keep_told_head(head);
                }
                self.committed(answer)
            }
            Answer::Commit(Err(CallError::Refused(problem))) => match problem.status {
                409 if problem.code == SEQUENCE_CONFLICT => Event::CommitConflict,
                412 => Event::CommitBlobsMissing(problem.missing),
                413 | 422 => Event::CommitUnacceptable(known(&problem.code)),
                _ => failed(&CallError::Refused(problem)),
            },
            Answer::Commit(Err(error)) => failed(&error),
            _ => mixed_up(),
        })
    }

    /// The answer as the machine reads it; one that names other entries than were sent is none.
    fn committed(&self, answer: CommitAnswer) -> Event {
        let same = answer.results.len() == self.batch.items.len();
        let named =
            answer.results.iter().zip(&self.batch.items).all(|(result, item)| result.id == name(item.id));
        if !same || !named {
            return mixed_up();
        }
        let outcomes = answer.results.into_iter().zip(&self.batch.items).map(|(result, item)| Outcome {
            id: item.id,
            filed_as: result.filed_as,
            rejected: match result.result {
                Verdict::Accepted => None,
                Verdict::Rejected => {
                    Some(result.code.filter(|code| is_code(code)).unwrap_or_else(|| REFUSED.to_owned()))
                }
            },
        });
        Event::Committed(outcomes.collect())
    }
}

/// Uploads pictures side by side; after a failure no new one is begun.
fn upload_all(client: &Client, key: &str, pictures: Vec<(Digest, Vec<u8>)>) -> Answer {
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new((Vec::new(), None));
    let work = || {
        while let Some((digest, bytes)) = pictures.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sent = client.upload(key, digest, bytes);
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match sent {
                Ok(()) => outcome.0.push(*digest),
                Err(error) => {
                    outcome.1 = Some((*digest, error));
                    next.store(pictures.len(), Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..pictures.len().min(UPLOADS_AT_ONCE) {
            scope.spawn(work);
        }
        work();
    });
    let (done, failed) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    Answer::Uploads(done, failed)
}

fn failed(error: &CallError) -> Event {
    let (code, healing) = error.judge();
    Event::Failed { code, healing }
}

fn state_failed(error: &super::SyncError) -> Event {
    tracing::error!(%error, "sync's own records do not serve");
    Event::Failed { code: STATE_FAILED, healing: Healing::Soon }
}

/// An answer that does not fit its question.
fn mixed_up() -> Event {
    Event::Failed { code: REPOSITORY_PROTOCOL, healing: Healing::Soon }
}
