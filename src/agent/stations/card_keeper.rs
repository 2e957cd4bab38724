//! What the card readers' thread does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use yidang_device::{CardReader, DeviceCondition, DeviceError, Presence};

use super::card::{Request, Shared, Wish, held};
use super::relay::{Post, Relieved};
use super::roster::{Candidate, ReaderKey};
use super::trial::Trial;
use super::{LIST_BOUND, OPEN_BOUND, RETRY};

/// Longest single wait for a presence change; bounds how late a stop is noticed.
const WAIT_SLICE: Duration = Duration::from_millis(250);
/// The same while somebody waits for a card, or a card seems to be gone: modules look but once in a wait.
const SHORT_SLICE: Duration = Duration::from_millis(60);
/// A reader that is lost sooner than this after it was found is a loose plug: it is opened anew ever later.
const SHORT_LIFE: Duration = Duration::from_secs(3);
/// Losses of that kind that cost no rest, and the longest rest.
const FREE_LOSSES: u32 = 2;
const REST_MAX: Duration = Duration::from_secs(8);

/// An open reader, and as what it was chosen.
type Opened = (Box<dyn CardReader>, Candidate);

/// Why a reader is not served any more.
enum End {
    Lost(DeviceError),
    /// A better one is open already.
    Better(Box<dyn CardReader>, Candidate),
}

pub(super) struct Keeper<'a> {
    shared: &'a Arc<Shared>,
    post: &'a Post,
    presence: Presence,
    trial: Option<Trial>,
    looked: Option<Instant>,
    short_lives: u32,
}

fn stops() -> DeviceError {
    DeviceError::new(DeviceCondition::Cancelled, "the daemon stops")
}

impl<'a> Keeper<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, post: &'a Post) -> Self {
        let (presence, looked) = (Presence::Absent, None);
        Self { shared, post, presence, trial: None, looked, short_lives: 0 }
    }

    /// Until the station stops, or another thread has taken over.
    pub(super) fn run(&mut self) -> Result<(), Relieved> {
        let mut next = None;
        while !self.shared.stop.is_cancelled() {
            let opened = match next.take() {
                Some(opened) => Ok(opened),
                None => self.open()?,
            };
            let (mut reader, candidate) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    held(&self.shared.state).note = error.to_string();
                    self.answer_while_absent(&error);
                    self.shared.fresh_interrupt().sleep(RETRY);
                    continue;
                }
            };
            self.found(reader.as_ref(), &candidate);
            let found = Instant::now();
            let end = self.serve(reader.as_mut(), &candidate)?;
            // A library that hangs at the end hangs all the same.
            self.post.call("close", OPEN_BOUND, move || drop(reader))?;
            match end {
                End::Lost(error) => self.lost(&candidate, &error, found.elapsed()),
                End::Better(reader, better) => {
                    let detail = format!("{} takes its place: {}", better.name, better.why);
                    self.shared.reader_gone(&DeviceError::new(DeviceCondition::Lost, detail));
                    next = Some((reader, better));
                }
            }
        }
        Ok(())
    }

    /// Has every driver list its readers.
    fn look(&mut self) -> Result<(), Relieved> {
        let mut lists = Vec::with_capacity(self.shared.drivers.len());
        for driver in &self.shared.drivers {
            lists.push(self.post.call("list", LIST_BOUND, || driver.list())?);
        }
        held(&self.shared.roster).take(lists);
        self.looked = Some(Instant::now());
        self.show_others();
        Ok(())
    }

    fn declared(&self, key: &ReaderKey) -> Option<bool> {
        self.shared.drivers.get(key.driver)?.has_module(&key.id)
    }

    fn show_others(&self) {
        let in_use = held(&self.shared.in_use).clone();
        let names: Vec<_> = self.shared.drivers.iter().map(|driver| driver.name()).collect();
        let others = held(&self.shared.roster).others(in_use.as_ref(), &names, |key| self.declared(key));
        held(&self.shared.state).others = others;
    }

    /// Opens the best reader that opens.
    fn open(&mut self) -> Result<Result<Opened, DeviceError>, Relieved> {
        // Two must not open one reader at a time.
        while let Some(trial) = &self.trial {
            match trial.outcome() {
                Some(Ok(reader)) => {
                    let candidate = trial.candidate.clone();
                    self.trial = None;
                    return Ok(Ok((reader, candidate)));
                }
                Some(Err(_)) => self.trial = None,
                None if self.shared.stop.sleep(SHORT_SLICE) => return Ok(Err(stops())),
                None => {}
            }
        }
        self.look()?;
        let candidates = held(&self.shared.roster).candidates(|key| self.declared(key));
        let mut first = None;
        for candidate in candidates {
            let driver = &self.shared.drivers[candidate.key.driver];
            // Told before: should it never come back, this reader is to blame.
            *held(&self.shared.in_use) = Some(candidate.key.clone());
            let opened = self.post.call("open", OPEN_BOUND, || driver.open(&candidate.key.id))?;
            *held(&self.shared.in_use) = None;
            match opened {
                Ok(reader) => return Ok(Ok((reader, candidate))),
                Err(error) => {
                    held(&self.shared.roster).learn_failure(&candidate.key, error.clone());
                    first = first.or(Some(error));
                }
            }
        }
        Ok(Err(first.unwrap_or_else(|| held(&self.shared.roster).reason())))
    }

    fn found(&mut self, reader: &dyn CardReader, candidate: &Candidate) {
        let driver = self.shared.drivers[candidate.key.driver].name();
        *held(&self.shared.in_use) = Some(candidate.key.clone());
        {
            let mut state = held(&self.shared.state);
            state.device = Some(reader.listing());
            driver.clone_into(&mut state.note);
            state.why = Some(candidate.why.to_owned());
        }
        self.show_others();
        self.presence = Presence::Absent;
        let Candidate { key, name, why } = candidate;
        tracing::info!(device = %name, driver, why, "card reader found");
        self.shared.events.publish("device.found", json!({"device": key.id, "type": "card_reader"}));
    }

    fn lost(&mut self, candidate: &Candidate, why: &DeviceError, lived: Duration) {
        self.shared.reader_gone(why);
        self.short_lives = if lived < SHORT_LIFE { self.short_lives + 1 } else { 0 };
        if why.condition == DeviceCondition::Timeout || self.short_lives > FREE_LOSSES {
            held(&self.shared.roster).learn_failure(&candidate.key, why.clone());
        }
        if let Some(over) = self.short_lives.checked_sub(FREE_LOSSES + 1) {
            let rest = RETRY.saturating_mul(2 << over.min(8)).min(REST_MAX);
            let interrupt = self.shared.fresh_interrupt();
            // Who wants a card read is worth a try.
            if held(&self.shared.pending).is_empty() {
                interrupt.sleep(rest);
            }
        }
    }

    /// Serves until the reader is lost, a better one is there, or the station stops; says which.
    fn serve(&mut self, reader: &mut dyn CardReader, candidate: &Candidate) -> Result<End, Relieved> {
        loop {
            if self.shared.stop.is_cancelled() {
                return Ok(End::Lost(stops()));
            }
            let interrupt = self.shared.fresh_interrupt();
            if let Err(lost) = self.serve_pending(reader, candidate)? {
                return Ok(End::Lost(lost));
            }
            if let Some((better, candidate)) = self.better(candidate)? {
                return Ok(End::Better(better, candidate));
            }
            let slice = self.slice();
            let (last, bound) = (self.presence, self.shared.bounds.reading);
            match self.post.call("wait", bound, || reader.wait(last, slice, &interrupt))? {
                Ok(presence) => self.presence_at(reader, presence),
                Err(error) if error.condition == DeviceCondition::Cancelled => {}
                Err(error) if error.condition.needs_reopen() => return Ok(End::Lost(error)),
                Err(error) => {
                    tracing::debug!(%error, "waiting for a card");
                    self.shared.stop.sleep(WAIT_SLICE);
                }
            }
            self.tell();
        }
    }

    fn slice(&self) -> Duration {
        let hurry = held(&self.shared.teller).holds_back() || !held(&self.shared.pending).is_empty();
        if hurry { SHORT_SLICE } else { WAIT_SLICE }
    }

    /// A better reader, once it is open.
    fn better(&mut self, in_use: &Candidate) -> Result<Option<Opened>, Relieved> {
        if let Some(outcome) = self.trial.as_ref().and_then(Trial::outcome) {
            let Some(Trial { candidate, .. }) = self.trial.take() else { return Ok(None) };
            match outcome {
                Ok(reader) => return Ok(Some((reader, candidate))),
                Err(error) => {
                    held(&self.shared.roster).learn_failure(&candidate.key, error);
                    self.show_others();
                }
            }
        }
        let every = held(&self.shared.roster).looks_every(&in_use.key, |key| self.declared(key));
        if self.looked.is_some_and(|looked| looked.elapsed() < every) {
            return Ok(None);
        }
        self.look()?;
        let better = held(&self.shared.roster).better(&in_use.key, |key| self.declared(key));
        if let (Some(better), None) = (better, &self.trial) {
            let driver = self.shared.drivers[better.key.driver].clone();
            let key = better.key.clone();
            match Trial::begin(better, driver, &self.shared.trials) {
                Ok(trial) => self.trial = Some(trial),
                Err(error) => held(&self.shared.roster).learn_failure(&key, error),
            }
        }
        Ok(None)
    }

    /// Does what waits; readings without a card stay until their time is over. The inner error: the reader is
    /// lost.
    fn serve_pending(
        &mut self,
        reader: &mut dyn CardReader,
        candidate: &Candidate,
    ) -> Result<Result<(), DeviceError>, Relieved> {
        let mut still = VecDeque::new();
        loop {
            // Its own statement: a guard in the `while let` would be held over the reading.
            let next = held(&self.shared.pending).pop_front();
            let Some(request) = next else { break };
            if self.has_to_wait(reader, &request) {
                still.push_back(request);
                continue;
            }
            match self.attend(reader, candidate, request)? {
                Ok(None) => {}
                Ok(Some(waits)) => still.push_back(waits),
                Err((unserved, lost)) => {
                    still.extend(unserved);
                    self.put_back(still);
                    return Ok(Err(lost));
                }
            }
        }
        self.put_back(still);
        Ok(Ok(()))
    }

    /// Before those that came meanwhile.
    fn put_back(&self, still: VecDeque<Request>) {
        let mut pending = held(&self.shared.pending);
        for request in still.into_iter().rev() {
            pending.push_front(request);
        }
    }

    /// Whether a reading that found no card is to wait on.
    fn has_to_wait(&self, reader: &dyn CardReader, request: &Request) -> bool {
        let waits = request.absent.is_some() && self.presence == Presence::Absent;
        waits && !self.shared.closing.is_cancelled() && Instant::now() < patience(reader, request)
    }

    /// Does one thing. `Some`: it must wait for a card. `Err`: the reader is lost, and the request that is to
    /// be tried on the next one.
    #[expect(clippy::type_complexity, reason = "every way a request can end")]
    fn attend(
        &mut self,
        reader: &mut dyn CardReader,
        candidate: &Candidate,
        request: Request,
    ) -> Result<Result<Option<Request>, (Option<Request>, DeviceError)>, Relieved> {
        if let (Some(absent), Presence::Absent) = (&request.absent, self.presence) {
            // Its time is over.
            let early = Instant::now() < request.deadline && self.shared.closing.is_cancelled();
            let why = if early { stops() } else { absent.clone() };
            request.refuse(why);
            return Ok(Ok(None));
        }
        let (bound, stop) = (self.shared.bounds.reading, self.shared.stop.clone());
        let Wish::Read(wish, _) = &request.wish else {
            *held(&self.shared.under_way) = Some(request);
            let examination = self.post.call("examine", bound, || reader.examine(&stop))?;
            let lost = examination.reading.as_ref().err().filter(|e| e.condition.needs_reopen()).cloned();
            if let Some(Request { wish: Wish::Examine(reply), .. }) = held(&self.shared.under_way).take() {
                let _ = reply.send(examination);
            }
            return Ok(lost.map_or(Ok(None), |lost| Err((None, lost))));
        };
        let wish = *wish;
        *held(&self.shared.under_way) = Some(request);
        let result = self.post.call("read", bound, || reader.read(wish, &stop))?;
        let taken = held(&self.shared.under_way).take();
        let Some(request) = taken else { return Ok(Ok(None)) };
        self.learn(candidate, result.as_ref().err().map(|e| e.condition));
        Ok(match result {
            Ok(card) => {
                self.presence_at(reader, Presence::Present);
                self.tell();
                if let Wish::Read(_, reply) = request.wish {
                    let _ = reply.send(Ok(card));
                }
                Ok(None)
            }
            Err(error) => self.failed(reader, request, error),
        })
    }

    /// What becomes of a reading that failed.
    fn failed(
        &mut self,
        reader: &dyn CardReader,
        mut request: Request,
        error: DeviceError,
    ) -> Result<Option<Request>, (Option<Request>, DeviceError)> {
        if error.condition == DeviceCondition::NoCard {
            self.presence = Presence::Absent;
            if Instant::now() < patience(reader, &request) && !self.shared.closing.is_cancelled() {
                request.absent = Some(error);
                return Ok(Some(request));
            }
            let early = Instant::now() < request.deadline;
            request.refuse(if early { stops() } else { error });
            return Ok(None);
        }
        if error.condition == DeviceCondition::Lost && !request.retried {
            request.retried = true;
            return Err((Some(request), error));
        }
        request.refuse(error.clone());
        if error.condition.needs_reopen() { Err((None, error)) } else { Ok(None) }
    }

    /// What a reading showed about the reader's module.
    fn learn(&mut self, candidate: &Candidate, failed: Option<DeviceCondition>) {
        let has_module = match failed {
            None | Some(DeviceCondition::SecurityModuleFailed | DeviceCondition::CardNotAuthentic) => true,
            Some(DeviceCondition::NoSecurityModule) => false,
            Some(_) => return,
        };
        let news = held(&self.shared.roster).learn_module(&candidate.key, has_module);
        if news {
            let why = if has_module { "it has a security module" } else { "it has no security module" };
            if self.declared(&candidate.key) != Some(has_module) {
                tracing::info!(device = %candidate.name, why, "learnt from a reading");
            }
            held(&self.shared.state).why = Some(why.to_owned());
            // Whether there is a better one is looked up at once.
            self.looked = None;
        }
    }

    /// A card that comes may change how its reader is spoken to, and so what it is listed as.
    fn presence_at(&mut self, reader: &dyn CardReader, now: Presence) {
        if now != self.presence {
            held(&self.shared.state).device = Some(reader.listing());
        }
        self.presence = now;
    }

    /// Tells of cards that came and went, if that is due.
    fn tell(&self) {
        let news = held(&self.shared.teller).see(self.presence, Instant::now());
        let Some(news) = news else { return };
        let kind = if news == Presence::Present { "card.inserted" } else { "card.removed" };
        let device = held(&self.shared.state).device.as_ref().map(|d| d.id.clone()).unwrap_or_default();
        self.shared.events.publish(kind, json!({"device": device}));
    }

    /// Requests without a reader: answered when their time is over, at once when they do not wait.
    fn answer_while_absent(&self, why: &DeviceError) {
        let now = Instant::now();
        let mut pending = held(&self.shared.pending);
        for request in std::mem::take(&mut *pending) {
            if now >= request.deadline {
                request.refuse(why.clone());
            } else if self.shared.closing.is_cancelled() {
                request.refuse(stops());
            } else {
                pending.push_back(request);
            }
        }
    }
}

/// Until when a reading without a card waits: services look for cards only now and then.
fn patience(reader: &dyn CardReader, request: &Request) -> Instant {
    request.deadline.max(request.asked + reader.notices_within())
}
