//! The machine against a model repository under random faults, reproducible from a seed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use yidang_model::{Digest, ErasureId, MaterialId};

use crate::machine::{
    Action, BlobRef, Cut, EntryId, Event, Healing, Item, LOAD_ENTRIES_MAX, Machine, Outcome, Position,
    Rejection,
};

/// SplitMix64: enough for choosing faults, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }
}

#[derive(Clone)]
enum Local {
    Filed(Item),
    Look,
    Forgotten,
}

/// The agent's side: the ledger, what survives a restart, and the machine, which does not.
struct Agent {
    ledger: Vec<Local>,
    saved: Position,
    rejected: BTreeMap<u64, Rejection>,
    /// What of it is to be offered once more.
    again: BTreeSet<u64>,
    machine: Machine,
    body: Vec<Item>,
}

/// A repository after the contract, as small as it can be.
#[derive(Default)]
struct Repository {
    blobs: HashSet<Digest>,
    pinned: HashSet<Digest>,
    answers: BTreeMap<u64, (Vec<Item>, Vec<Outcome>)>,
    filed: Vec<EntryId>,
    refuses: HashSet<EntryId>,
    chokes_on: HashSet<EntryId>,
    entries_max: usize,
}

enum CommitAnswer {
    Results(Vec<Outcome>),
    Lacks(Vec<Digest>),
    Conflict,
    Unacceptable,
}

impl Repository {
    fn commit(&mut self, sequence: u64, body: &[Item]) -> CommitAnswer {
        if let Some((first, outcomes)) = self.answers.get(&sequence) {
            return if first == body {
                CommitAnswer::Results(outcomes.clone())
            } else {
                CommitAnswer::Conflict
            };
        }
        let next = self.answers.keys().next_back().map_or(1, |last| last + 1);
        assert_eq!(sequence, next, "a number was left out");
        if body.len() > self.entries_max || body.iter().any(|i| self.chokes_on.contains(&i.id)) {
            return CommitAnswer::Unacceptable;
        }
        let lacks: Vec<_> = body
            .iter()
            .filter(|i| !self.refuses.contains(&i.id))
            .flat_map(|i| &i.blobs)
            .map(|b| b.digest)
            .filter(|d| !self.blobs.contains(d))
            .collect();
        if !lacks.is_empty() {
            return CommitAnswer::Lacks(lacks);
        }
        let mut outcomes = Vec::new();
        for item in body {
            let refused = self.refuses.contains(&item.id);
            if !refused && !self.filed.contains(&item.id) {
                self.filed.push(item.id);
                self.pinned.extend(item.blobs.iter().map(|b| b.digest));
            }
            outcomes.push(Outcome {
                id: item.id,
                rejected: refused.then(|| "simulated_refused".to_owned()),
                filed_as: None,
            });
        }
        self.answers.insert(sequence, (body.to_vec(), outcomes.clone()));
        CommitAnswer::Results(outcomes)
    }

    /// What no material needs may go at any time: a lease is a promise with an end.
    fn sweep(&mut self) {
        self.blobs.retain(|d| self.pinned.contains(d));
    }
}

struct World {
    dice: Dice,
    agent: Agent,
    repository: Repository,
    now: u64,
    faulty: bool,
    restarts: u32,
    lost_answers: u32,
    acknowledged: Vec<EntryId>,
    /// News may have been missed: the feed has to be asked before anything is sent.
    missed: bool,
    refused_at_first: HashSet<EntryId>,
    offered_again: HashSet<EntryId>,
    forgotten: HashSet<EntryId>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let entries_max = if dice.one_in(3) { 1 + dice.below(8) as usize } else { 256 };
        let start = Position::start(0);
        Self {
            dice,
            agent: Agent {
                ledger: Vec::new(),
                saved: start,
                rejected: BTreeMap::new(),
                again: BTreeSet::new(),
                machine: Machine::new(start, 0),
                body: Vec::new(),
            },
            repository: Repository { entries_max, ..Repository::default() },
            now: 0,
            faulty: true,
            restarts: 0,
            lost_answers: 0,
            acknowledged: Vec::new(),
            missed: false,
            refused_at_first: HashSet::new(),
            offered_again: HashSet::new(),
            forgotten: HashSet::new(),
        }
    }

    /// Something happens at the window.
    fn live(&mut self) {
        let sequence = self.agent.ledger.len() as u64 + 1;
        let entry = match self.dice.below(4) {
            0 => Local::Look,
            _ => Local::Filed(self.item(sequence)),
        };
        if let Local::Filed(item) = &entry {
            self.acknowledged.push(item.id);
            if self.dice.one_in(12) {
                self.repository.refuses.insert(item.id);
            }
            if self.dice.one_in(40) {
                self.repository.chokes_on.insert(item.id);
            }
        }
        self.agent.ledger.push(entry);
        self.agent.machine.on(Event::Head(sequence), self.now, 0);
    }

    fn item(&mut self, sequence: u64) -> Item {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&sequence.to_be_bytes());
        let id = if self.dice.one_in(8) {
            EntryId::Erasure(ErasureId::from_bytes(name))
        } else {
            EntryId::Material(MaterialId::from_bytes(name))
        };
        let blobs = match id {
            EntryId::Erasure(_)
            | EntryId::Refiling(_)
            | EntryId::Originals(_)
            | EntryId::Erased(_)
            | EntryId::Held(_) => Vec::new(),
            // Few different pictures, so that materials share them.
            EntryId::Material(_) => (0..=self.dice.below(3))
                .map(|_| BlobRef { digest: Digest::of(&self.dice.below(60).to_be_bytes()), size_bytes: 9 })
                .collect(),
        };
        Item { sequence, id, size_bytes: 1 + self.dice.below(5_000_000), blobs }
    }

    /// A material of the past is forgotten at the window.
    fn forget(&mut self) {
        if self.agent.ledger.is_empty() {
            return;
        }
        let place = self.dice.below(self.agent.ledger.len() as u64) as usize;
        if let Local::Filed(item) = &self.agent.ledger[place] {
            self.forgotten.insert(item.id);
            self.agent.ledger[place] = Local::Forgotten;
        }
    }

    /// The repository changes its mind about one it refuses.
    fn relent(&mut self) {
        let refused = self.repository.refuses.iter().min().copied();
        if let Some(id) = refused {
            self.repository.refuses.remove(&id);
            self.refused_at_first.insert(id);
        }
    }

    fn miss_news(&mut self) {
        self.missed = true;
        self.agent.machine.on(Event::NewsMissed, self.now, 0);
    }

    fn restart(&mut self) {
        self.restarts += 1;
        let materials = |(s, r): (&u64, &Rejection)| matches!(r.id, EntryId::Material(_)).then_some(*s);
        self.agent.again = self.agent.rejected.iter().filter_map(materials).collect();
        self.agent.machine = Machine::new(self.agent.saved, self.agent.ledger.len() as u64);
        self.agent.body.clear();
    }

    fn load_again(&mut self) -> Vec<Item> {
        let mut cut = Cut::new(self.agent.machine.entries_max());
        let filed = |sequence: &u64| match &self.agent.ledger[*sequence as usize - 1] {
            Local::Filed(item) => Some(item.clone()),
            Local::Look | Local::Forgotten => None,
        };
        let items: Vec<Item> =
            self.agent.again.iter().filter_map(filed).take_while(|i| cut.takes(i)).collect();
        self.offered_again.extend(items.iter().map(|i| i.id));
        items
    }

    fn load(&mut self, after: u64, to: Option<u64>) -> (u64, Vec<Item>) {
        if to == Some(after) {
            return (after, self.load_again());
        }
        let mut cut = Cut::new(self.agent.machine.entries_max());
        let (mut last, mut items) = (after, Vec::new());
        for (sequence, entry) in (1..).zip(&self.agent.ledger).skip(after as usize).take(LOAD_ENTRIES_MAX) {
            if to.is_some_and(|to| sequence > to) {
                break;
            }
            if let Local::Filed(item) = entry
                && !self.agent.rejected.contains_key(&sequence)
            {
                if to.is_none() && !cut.takes(item) {
                    break;
                }
                items.push(item.clone());
            }
            last = sequence;
        }
        (to.unwrap_or(last), items)
    }

    /// One step, with whatever fault the dice give it.
    fn step(&mut self) {
        let action = self.agent.machine.next(self.now);
        assert_eq!(action, self.agent.machine.next(self.now), "asking again changed the answer");
        if self.faulty && self.dice.one_in(9) {
            return self.restart();
        }
        let remote = !matches!(action, Action::Load { .. } | Action::Save { .. } | Action::Wait { .. });
        if self.faulty && remote && self.dice.one_in(5) {
            return self.fail();
        }
        let event = self.carry_out(action);
        if self.faulty && remote && self.dice.one_in(5) {
            // It was done, and the answer is lost.
            self.lost_answers += 1;
            return self.fail();
        }
        if self.faulty && self.dice.one_in(9) {
            return self.restart();
        }
        if let Some(event) = event {
            let jitter = self.dice.roll() as u32;
            self.agent.machine.on(event, self.now, jitter);
        }
        self.now += self.dice.below(50);
    }

    fn fail(&mut self) {
        let healing = if self.dice.one_in(6) { Healing::Slow } else { Healing::Soon };
        let jitter = self.dice.roll() as u32;
        self.agent.machine.on(Event::Failed { code: "repository_error", healing }, self.now, jitter);
    }

    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::DrainFeed => {
                self.missed = false;
                Some(Event::FeedDrained)
            }
            Action::Load { after, to } => {
                let (to, items) = self.load(after, to);
                self.agent.body = items.clone();
                let mut text = format!("{:?}", self.agent.machine.position().sequence);
                items.iter().for_each(|i| text.push_str(&format!("{i:?}")));
                Some(Event::Loaded { to, items, fingerprint: *Digest::of(text.as_bytes()).as_bytes() })
            }
            Action::Save { position, rejected, accepted } => {
                self.agent.saved = position;
                for sequence in rejected.iter().map(|r| r.sequence).chain(accepted.iter().map(|a| a.sequence))
                {
                    self.agent.again.remove(&sequence);
                    self.agent.rejected.remove(&sequence);
                }
                self.agent.rejected.extend(rejected.into_iter().map(|r| (r.sequence, r)));
                Some(Event::Saved)
            }
            Action::AskMissing(blobs) => {
                assert!(blobs.len() <= crate::limits::BLOBS_ASKED_MAX);
                let missing = blobs.iter().map(|b| b.digest);
                let missing = missing.filter(|d| !self.repository.blobs.contains(d)).collect();
                Some(Event::Missing { missing, trusted_until: self.now + self.dice.below(400) })
            }
            Action::Upload(blobs) => Some(self.upload(&blobs)),
            Action::Commit { sequence } => {
                let pending = self.agent.saved.pending.expect("a batch is kept before it is sent");
                assert_eq!(self.agent.saved.sequence, sequence);
                assert!(!self.missed, "news may have been missed, and it sends all the same");
                let is_again = pending.to + 1 == pending.from;
                let fits = |i: &Item| {
                    let inside = (pending.from..=pending.to).contains(&i.sequence);
                    inside || is_again && self.agent.again.contains(&i.sequence)
                };
                assert!(self.agent.body.iter().all(fits));
                Some(match self.repository.commit(sequence, &self.agent.body) {
                    CommitAnswer::Results(outcomes) => Event::Committed(outcomes),
                    CommitAnswer::Lacks(missing) => Event::CommitBlobsMissing(missing),
                    CommitAnswer::Conflict => Event::CommitConflict,
                    CommitAnswer::Unacceptable => Event::CommitUnacceptable("invalid"),
                })
            }
            Action::Wait { until } => {
                self.now = until.unwrap_or(self.now).max(self.now);
                None
            }
        }
    }

    fn upload(&mut self, blobs: &[BlobRef]) -> Event {
        for blob in blobs {
            // One picture lies damaged on the window's disk.
            if blob.digest == Digest::of(&7u64.to_be_bytes()) {
                let bad = self.agent.body.iter().find(|i| i.blobs.contains(blob)).expect("asked by an entry");
                return Event::Unsendable { sequence: bad.sequence, code: "blob_damaged" };
            }
            self.repository.blobs.insert(blob.digest);
        }
        Event::Uploaded(blobs.iter().map(|b| b.digest).collect())
    }

    /// Everything acknowledged is there once and in order, or recorded as passed over, or was forgotten.
    fn check(&self) {
        let filed: HashSet<_> = self.repository.filed.iter().copied().collect();
        assert_eq!(filed.len(), self.repository.filed.len(), "filed twice");
        let passed: HashSet<_> = self.agent.rejected.values().map(|r| r.id).collect();
        for id in &self.acknowledged {
            let accounted = filed.contains(id) || passed.contains(id) || self.forgotten.contains(id);
            assert!(accounted, "{id:?} was lost");
            // The answer for one that was forgotten meanwhile is not asked for again.
            let both = filed.contains(id) && passed.contains(id) && !self.forgotten.contains(id);
            assert!(!both, "{id:?} is filed and counted as refused");
        }
        for refused in &self.repository.refuses {
            assert!(passed.contains(refused) || self.forgotten.contains(refused), "{refused:?} went unseen");
        }
        // Those that were refused at first come late.
        let first_try = |id: &&EntryId| filed.contains(*id) && !self.refused_at_first.contains(*id);
        let order: Vec<_> = self.acknowledged.iter().filter(first_try).collect();
        assert_eq!(self.repository.filed.iter().filter(first_try).collect::<Vec<_>>(), order, "out of order");
        assert!(self.repository.pinned.is_subset(&self.repository.blobs), "a filed picture is not there");
        assert_eq!(self.agent.saved.pending, None);
        assert_eq!(self.agent.machine.last_error(), None);
    }
}

/// Names the seed when a check fails.
struct Named(u64);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "a failing seed has to be seen")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failing seed is {}", self.0);
        }
    }
}

fn run(seed: u64) -> World {
    let _named = Named(seed);
    let mut world = World::new(seed);
    for _ in 0..600 {
        if world.dice.one_in(4) {
            world.live();
        }
        if world.dice.one_in(25) {
            world.forget();
        }
        if world.dice.one_in(20) {
            world.repository.sweep();
        }
        if world.dice.one_in(50) {
            world.relent();
        }
        if world.dice.one_in(15) {
            world.miss_news();
        }
        world.step();
    }
    world.faulty = false;
    for _ in 0..20_000 {
        if world.agent.machine.next(world.now) == (Action::Wait { until: None }) {
            break;
        }
        world.step();
    }
    assert_eq!(world.agent.machine.next(world.now), Action::Wait { until: None }, "it does not come to rest");
    world.check();
    world
}

#[test]
fn everything_acknowledged_arrives_once_and_in_order_whatever_fails() {
    let (mut filed, mut passed, mut restarts, mut lost, mut again) = (0, 0, 0, 0, 0);
    for seed in 0..400 {
        let world = run(seed);
        filed += world.repository.filed.len();
        passed += world.agent.rejected.len();
        restarts += world.restarts;
        lost += world.lost_answers;
        again += world
            .repository
            .filed
            .iter()
            .filter(|id| world.refused_at_first.contains(id) && world.offered_again.contains(id))
            .count();
    }
    // The faults did happen.
    assert!(filed > 10_000 && passed > 1_000 && restarts > 10_000 && lost > 10_000);
    assert!(again > 50, "{again} were taken after having been refused");
}
