//! One store, filled and cut off again and again, and looked through after each time.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::check::{self, Findings, Look};
use crate::disk::{self, Disk};
use crate::load::{Load, Work};
use crate::mutation::{Mutation, Shim};
use crate::papers::{Gone, Papers};
use crate::random::Random;
use crate::service::Service;
use crate::site::Site;
use crate::{At, End, Failure};

/// Things that are acknowledged before the end comes, at most.
const ACKNOWLEDGED_MAX: u64 = 20;
/// How long after the last of them it comes, at most.
const AFTER_MICROS_MAX: u64 = 15_000;
/// One in so many starts is cut off as well, after this time at most.
const STARTS_CUT: u64 = 6;
const START_MICROS_MAX: u64 = 300_000;
/// Dossiers of earlier cycles that are looked through again each time.
const SAMPLED: u64 = 2;
/// How often all that is on its way to the repository is waited for.
const SETTLE_EVERY: u64 = 10;
/// Everything has come to rest within this time.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often is asked whether it has.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Entries after which the journals of a new store are written over and no longer grow: only then does a sync of theirs
/// not bring the file system's own journal, and with it the folders, to the disk.
const WORN_ENTRIES: u32 = 850;
/// How long a segment is that was made ready before it was needed. Only such a one comes into its place by its name
/// alone; one that grows brings its name to the disk with its first record.
const READY_SEGMENT_BYTES: u64 = 64 << 20;
/// Large papers that are filed until one is begun, at most, and the time between them, in which it is made ready.
const LARGE_MAX: u32 = 40;
const LARGE_EVERY: Duration = Duration::from_millis(150);

/// What is done to a store.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) at: At,
    pub(crate) end: End,
    pub(crate) mutation: Option<Mutation>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cycles: u64,
    /// At the agent: captures, filings, refilings and erasures answered. At the repository: papers the window was
    /// told are there.
    pub(crate) acknowledged: u64,
    /// Papers looked at in the end.
    pub(crate) kept: u64,
    pub(crate) findings: Findings,
}

/// The store, and who fills it.
pub(crate) struct Rig {
    plan: Plan,
    random: Random,
    site: Site,
    disk: Option<Disk>,
    papers: Mutex<Papers>,
    /// The people of each cycle.
    cycles: Vec<RangeInclusive<u32>>,
    tally: Tally,
}

impl Rig {
    /// A new store below that folder: on a disk of its own where its power is to be cut.
    pub(crate) fn set_up(plan: Plan, seed: u64, folder: &Path) -> Result<Self, Failure> {
        let disk = if plan.end == End::Cut { Some(Disk::make(folder)?) } else { None };
        let data = disk.as_ref().map_or(folder, Disk::folder);
        let environment = match plan.mutation {
            Some(mutation) => Shim::build(folder)?.environment(mutation.word()),
            None => Vec::new(),
        };
        let site = match plan.at {
            At::Agent => Site::agent(folder, data, environment)?,
            At::Repository => Site::repository(folder, data, environment)?,
        };
        let (random, papers) = (Random::new(seed), Mutex::default());
        Ok(Self { plan, random, site, disk, papers, cycles: Vec::new(), tally: Tally::default() })
    }

    /// Runs so many cycles and looks at everything in the end; ends early where something is found.
    pub(crate) fn run(&mut self, cycles: u64) -> Result<(), Failure> {
        if self.plan.mutation.is_some_and(Mutation::needs_wear) {
            self.wear()?;
        }
        for cycle in 1..=cycles {
            self.cycle(cycle)?;
            self.tally.cycles += 1;
            if !self.tally.findings.is_empty() {
                return Ok(());
            }
        }
        self.look_at_everything()
    }

    /// What has been found so far.
    pub(crate) fn findings(&self) -> &Findings {
        &self.tally.findings
    }

    /// Ends all services and copies their folders, configurations and logs to a folder that stays.
    pub(crate) fn keep(&mut self, folder: &Path) -> Result<PathBuf, Failure> {
        self.site.kill();
        let kept = tempfile::Builder::new().prefix("crash-rig-").tempdir()?.keep();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if self.disk.as_ref().is_none_or(|disk| !disk.is_image(&path)) {
                disk::run("cp", &["-a", disk::text(&path), disk::text(&kept)])?;
            }
        }
        Ok(kept)
    }

    /// What came of it all.
    pub(crate) fn end(self) -> Tally {
        self.tally
    }

    fn cycle(&mut self, cycle: u64) -> Result<(), Failure> {
        self.fill_and_end()?;
        if !self.recover() {
            return Ok(());
        }
        let settles = self.plan.at == At::Repository && cycle.is_multiple_of(SETTLE_EVERY);
        if settles {
            self.settle()?;
        }
        let cycles = self.cycles_to_look_at();
        self.look(&cycles, settles)
    }

    /// Lets clerks work, and ends it in their midst.
    fn fill_and_end(&mut self) -> Result<(), Failure> {
        let first = self.papers().persons() + 1;
        let open = self.open_dossiers()?;
        let is_worn = self.plan.mutation.is_some_and(Mutation::needs_wear);
        if is_worn {
            self.begin_a_segment(&open)?;
        }
        // What others write brings folders to the disk too, so the lie shows where nobody else writes.
        let (clerks, changes) = if is_worn { (1, false) } else { (4, true) };
        let counts_committed = self.plan.at == At::Repository;
        let wanted = if is_worn { 1 } else { 1 + self.random.below(ACKNOWLEDGED_MAX) };
        let after = if is_worn { 0 } else { self.random.below(AFTER_MICROS_MAX) };
        let seed = self.random.next();
        let work = Work { clerks, changes, counts_committed, is_large: false };
        let load = Load::new(&self.site.window, &self.papers, &open, work);
        let (disk, service) = (&self.disk, &mut self.site.cut);
        let mut ended = Ok(());
        let (acknowledged, refusals) = load.run(wanted, seed, || {
            std::thread::sleep(Duration::from_micros(after));
            ended = end(service, disk.as_ref());
        });
        ended?;
        self.tally.acknowledged += acknowledged;
        let told = refusals.into_iter().map(|what| format!("refused before the end: {what}"));
        self.tally.findings.wrong.extend(told);
        let last = self.papers().persons();
        self.cycles.push(first..=last);
        Ok(())
    }

    /// Writes until the journals are worn in. Opening a dossier is an entry in the ledger and a new key.
    fn wear(&mut self) -> Result<(), Failure> {
        for _ in 0..WORN_ENTRIES {
            let person = self.papers().next_person();
            let opened = self.site.window.open(person).filter(|a| a.status == 201);
            let holder = opened.ok_or("no dossier is opened")?.text("holder");
            self.site.window.delete(&format!("/v1/holders/{holder}"));
        }
        Ok(())
    }

    /// Files large papers until the agent goes on in a segment that it had made ready.
    fn begin_a_segment(&self, open: &[(u32, String)]) -> Result<(), Failure> {
        let before = self.site.segments()?.len();
        let work = Work { clerks: 1, changes: false, counts_committed: false, is_large: true };
        for _ in 0..LARGE_MAX {
            Load::new(&self.site.window, &self.papers, open, work).file_one()?;
            let lengths = self.site.segments()?;
            if lengths.len() > before && lengths.last() == Some(&READY_SEGMENT_BYTES) {
                return Ok(());
            }
            std::thread::sleep(LARGE_EVERY);
        }
        Err("no segment is made ready".into())
    }

    fn open_dossiers(&self) -> Result<Vec<(u32, String)>, Failure> {
        let mut open = Vec::new();
        for _ in 0..2 {
            let person = self.papers().next_person();
            let opened = self.site.window.open(person).filter(|a| a.status == 201);
            open.push((person, opened.ok_or("no dossier is opened")?.text("holder")));
        }
        Ok(open)
    }

    /// Starts the service again; now and then a first start is cut off too. `false`, and a finding, where it
    /// does not start.
    fn recover(&mut self) -> bool {
        let mut start = || {
            self.give_power()?;
            if self.random.below(STARTS_CUT) == 0 {
                self.site.cut.launch()?;
                std::thread::sleep(Duration::from_micros(self.random.below(START_MICROS_MAX)));
                end(&mut self.site.cut, self.disk.as_ref())?;
                self.give_power()?;
            }
            self.site.start()
        };
        let started: Result<(), Failure> = start();
        if let Err(failure) = &started {
            self.tally.findings.lost.push(format!("everything: {failure}"));
        }
        started.is_ok()
    }

    fn give_power(&self) -> Result<(), Failure> {
        self.disk.as_ref().map_or(Ok(()), Disk::recover)
    }

    /// The last one, some earlier ones, and those of every paper that was touched.
    fn cycles_to_look_at(&mut self) -> BTreeSet<usize> {
        let mut wanted: BTreeSet<usize> = BTreeSet::from([self.cycles.len() - 1]);
        for _ in 0..SAMPLED {
            wanted.insert(self.random.below(self.cycles.len() as u64) as usize);
        }
        let papers = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
        for paper in papers.papers.iter().filter(|p| p.is_taken) {
            wanted.extend(self.cycles.iter().position(|c| c.contains(&paper.views[0].person)));
        }
        drop(papers);
        wanted
    }

    /// Looks at the people of these cycles, of one cycle at a time: a window is granted the pictures of a few dossiers
    /// at once.
    fn look(&mut self, cycles: &BTreeSet<usize>, settled: bool) -> Result<(), Failure> {
        let mut papers = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
        let findings = &mut self.tally.findings;
        let (window, look) = match &self.site.witness {
            Some(witness) => (witness, Look { scope: "all", is_final: settled }),
            None => (&self.site.window, Look { scope: "local", is_final: true }),
        };
        for cycle in cycles {
            let persons: Vec<u32> = self.cycles[*cycle].clone().collect();
            check::papers(window, &mut papers, &persons, look, findings)?;
        }
        if self.site.witness.is_none() {
            check::captures(window, &mut papers, findings)?;
        }
        findings.wrong.extend(self.site.verify()?);
        Ok(())
    }

    /// Waits until the repository has everything, and goes by that.
    fn settle(&mut self) -> Result<(), Failure> {
        self.file_a_last_one()?;
        let window = &self.site.window;
        wait("papers are still on their way", || {
            window.get("/v1/sync").is_some_and(|a| a.json()["backlog_materials"] == 0)
        })?;
        let erasures = std::mem::take(&mut self.papers().erasures);
        for (erasure, ids) in erasures {
            let path = format!("/v1/erasures/{erasure}");
            let mut state = String::new();
            wait("an erasure is still on its way", || {
                state = window.get(&path).map(|answer| answer.text("state")).unwrap_or_default();
                matches!(state.as_str(), "done" | "refused")
            })?;
            // Where another window looked into the dossier before the request came through, its rule may say no.
            let gone = if state == "done" { Gone::Yes } else { Gone::No };
            for id in ids {
                if let Some(paper) = self.papers().paper(&id) {
                    paper.gone = gone;
                }
            }
        }
        for paper in &mut self.papers().papers {
            paper.is_acknowledged = true;
            paper.views.drain(..paper.views.len() - 1);
        }
        Ok(())
    }

    /// Once the repository has this paper it has all that came before, refilings too, which nobody counts.
    fn file_a_last_one(&mut self) -> Result<(), Failure> {
        let open = self.open_dossiers()?;
        let last = self.papers().persons();
        self.cycles.push(last - 1..=last);
        let work = Work { clerks: 1, changes: false, counts_committed: true, is_large: false };
        Ok(Load::new(&self.site.window, &self.papers, &open, work).file_one()?)
    }

    fn look_at_everything(&mut self) -> Result<(), Failure> {
        self.site.cut.kill();
        self.disk.as_ref().map_or(Ok(()), Disk::check)?;
        self.site.start()?;
        if self.plan.at == At::Repository {
            self.settle()?;
        }
        self.look(&(0..self.cycles.len()).collect(), true)?;
        let kept = self.papers().kept();
        self.tally.kept = kept as u64;
        Ok(())
    }

    fn papers(&self) -> std::sync::MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the power goes, program and disk end together. A program that went on would be told by this kernel that what
/// it was syncing at that moment is on the disk, which it is not, and would acknowledge it.
fn end(service: &mut Service, disk: Option<&Disk>) -> Result<(), Failure> {
    if let Some(disk) = disk {
        service.freeze()?;
        disk.cut()?;
    }
    service.kill();
    Ok(())
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), Failure> {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > PATIENCE {
            return Err(what.into());
        }
        std::thread::sleep(ASK_EVERY);
    }
    Ok(())
}
