//! Clerks at work: several filings in flight, captures, refilings and erasures among them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::papers::{Capture, Gone, Paper, Papers, View, case_of, corrected, picture};
use crate::random::Random;
use crate::window::{Answer, Window};

/// So many things happen at the latest within this time, on the busiest machine.
const WAIT: Duration = Duration::from_secs(180);
/// How often is looked at what has been acknowledged.
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// How often a window is asked what the repository has.
const ASK_EVERY: Duration = Duration::from_millis(15);

/// What the clerks do.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) clerks: u64,
    /// Whether papers are put right, thrown away and forgotten too.
    pub(crate) changes: bool,
    /// Whether a paper counts only once the window says that the repository has it.
    pub(crate) counts_committed: bool,
    /// Whether pictures are large.
    pub(crate) is_large: bool,
}

/// Work under way at one window, for some open dossiers.
pub(crate) struct Load<'a> {
    window: &'a Window,
    papers: &'a Mutex<Papers>,
    /// Persons and their holders.
    open: &'a [(u32, String)],
    work: Work,
    stops: AtomicBool,
    acknowledged: AtomicU64,
    refusals: Mutex<Vec<String>>,
}

/// Why a step has no end.
enum Stop {
    CutOff,
    Refused(String),
}

impl<'a> Load<'a> {
    pub(crate) fn new(
        window: &'a Window,
        papers: &'a Mutex<Papers>,
        open: &'a [(u32, String)],
        work: Work,
    ) -> Self {
        let (stops, acknowledged, refusals) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::default());
        Self { window, papers, open, work, stops, acknowledged, refusals }
    }

    /// Works until so many things are acknowledged and calls `end` at that moment, while work goes on. What was
    /// acknowledged, and what was refused before the end.
    pub(crate) fn run(self, wanted: u64, seed: u64, end: impl FnOnce()) -> (u64, Vec<String>) {
        thread::scope(|scope| {
            for clerk in 0..self.work.clerks {
                let load = &self;
                scope
                    .spawn(move || load.clerk(Random::new(seed ^ clerk.wrapping_mul(0x5851_f42d_4c95_7f2d))));
            }
            if self.work.counts_committed {
                scope.spawn(|| self.watch_commits());
            }
            let started = Instant::now();
            while self.acknowledged.load(Ordering::SeqCst) < wanted {
                if started.elapsed() > WAIT || self.stops.load(Ordering::SeqCst) {
                    break;
                }
                thread::sleep(LOOK_EVERY);
            }
            if started.elapsed() > WAIT {
                self.refuse(format!("fewer than {wanted} things were done in {WAIT:?}"));
            }
            self.stops.store(true, Ordering::SeqCst);
            end();
        });
        let refusals = self.refusals.into_inner().unwrap_or_else(PoisonError::into_inner);
        (self.acknowledged.into_inner(), refusals)
    }

    /// Files one paper.
    pub(crate) fn file_one(&self) -> Result<(), String> {
        let (person, holder) = &self.open[0];
        match self.file(*person, holder) {
            Ok(_) => Ok(()),
            Err(Stop::CutOff) => Err("no answer".to_owned()),
            Err(Stop::Refused(what)) => Err(what),
        }
    }

    fn clerk(&self, mut random: Random) {
        while !self.stops.load(Ordering::SeqCst) {
            match self.step(&mut random) {
                Ok(()) => {}
                Err(Stop::CutOff) if self.stops.load(Ordering::SeqCst) => return,
                Err(Stop::CutOff) => return self.refuse("no answer".to_owned()),
                Err(Stop::Refused(what)) => return self.refuse(what),
            }
        }
    }

    /// What is refused after the end began was cut off.
    fn refuse(&self, what: String) {
        if !self.stops.swap(true, Ordering::SeqCst) {
            self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        }
    }

    fn step(&self, random: &mut Random) -> Result<(), Stop> {
        let choice = random.below(100);
        let (person, holder) = &self.open[random.below(self.open.len() as u64) as usize];
        match choice {
            _ if !self.work.changes && choice < 50 => self.capture(false).map(|_| ()),
            _ if !self.work.changes => self.file(*person, holder).map(|_| ()),
            0..55 => self.file(*person, holder).map(|_| ()),
            55..67 => self.capture(false).map(|_| ()),
            67..75 => self.file_waiting(*person, holder),
            75..80 => self.discard(),
            80..90 => self.refile(random),
            90..97 => self.erase(random),
            _ => self.forget(),
        }
    }

    /// Takes a picture in, for oneself or for whoever wants it; the capture's identifier and number.
    fn capture(&self, is_taken: bool) -> Result<(String, u64), Stop> {
        let mut papers = self.lock();
        let number = if self.work.is_large { papers.next_large_number() } else { papers.next_number() };
        drop(papers);
        let answer = expect(self.window.upload(&picture(number)), "capture", 201)?;
        let id = answer.text("id");
        self.lock().captures.push(Capture { id: id.clone(), number, gone: Gone::No, is_taken });
        self.count();
        Ok((id, number))
    }

    fn file(&self, person: u32, holder: &str) -> Result<String, Stop> {
        let (capture, number) = self.capture(true)?;
        self.file_capture(person, holder, &capture, number)
    }

    fn file_waiting(&self, person: u32, holder: &str) -> Result<(), Stop> {
        let waiting = self.take_capture();
        let Some((capture, number)) = waiting else { return Ok(()) };
        self.file_capture(person, holder, &capture, number).map(|_| ())
    }

    fn file_capture(&self, person: u32, holder: &str, capture: &str, number: u64) -> Result<String, Stop> {
        if let Some(own) = self.lock().capture(capture) {
            own.gone = Gone::Maybe;
        }
        let case = case_of(number);
        let body = json!({"holders": [holder], "kind": "form", "captures": [capture], "case": case});
        let answer = self.window.post("/v1/materials", &body);
        let id = expect(answer, "file", 201)?.text("id");
        let mut papers = self.lock();
        papers.captures.retain(|c| c.id != capture);
        let (views, is_acknowledged) = (vec![View { person, case }], !self.work.counts_committed);
        let gone = Gone::No;
        papers.papers.push(Paper { id: id.clone(), number, views, gone, is_acknowledged, is_taken: false });
        drop(papers);
        self.count();
        Ok(id)
    }

    fn discard(&self) -> Result<(), Stop> {
        let Some((capture, _)) = self.take_capture() else { return Ok(()) };
        if let Some(own) = self.lock().capture(&capture) {
            own.gone = Gone::Maybe;
        }
        expect(self.window.delete(&format!("/v1/captures/{capture}")), "discard", 204)?;
        if let Some(own) = self.lock().capture(&capture) {
            own.gone = Gone::Yes;
        }
        self.count();
        Ok(())
    }

    /// Puts a paper of the open dossiers right: another case, another person.
    fn refile(&self, random: &mut Random) -> Result<(), Stop> {
        let open: Vec<u32> = self.open.iter().map(|(person, _)| *person).collect();
        let Some((id, mut views)) =
            self.take_paper(random, |p| p.views.iter().all(|v| open.contains(&v.person)))
        else {
            return Ok(());
        };
        let Some(last) = views.pop() else { return Ok(()) };
        let (person, holder) = &self.open[random.below(self.open.len() as u64) as usize];
        let view = View { person: *person, case: corrected(&last.case) };
        self.change(&id, |paper| paper.views.push(view.clone()));
        let body = json!({"holders": [holder], "case": view.case, "reason": "crash rig"});
        expect(self.window.post(&format!("/v1/materials/{id}/refile"), &body), "refile", 200)?;
        let keeps_old = self.work.counts_committed;
        self.change(&id, |paper| {
            if !keeps_old {
                paper.views = vec![view];
            }
            paper.is_taken = false;
        });
        self.count();
        Ok(())
    }

    fn erase(&self, random: &mut Random) -> Result<(), Stop> {
        let Some((id, _)) = self.take_paper(random, |_| true) else { return Ok(()) };
        self.ask_erasure(&json!({"material": id, "reason": "crash rig"}), vec![id])
    }

    /// Files a paper for somebody new, and forgets them.
    fn forget(&self) -> Result<(), Stop> {
        let person = self.lock().next_person();
        let holder = expect(self.window.open(person), "open", 201)?.text("holder");
        let id = self.file(person, &holder)?;
        self.ask_erasure(&json!({"holder": holder, "reason": "crash rig"}), vec![id])
    }

    fn ask_erasure(&self, body: &serde_json::Value, ids: Vec<String>) -> Result<(), Stop> {
        for id in &ids {
            self.change(id, |paper| (paper.gone, paper.is_taken) = (Gone::Maybe, true));
        }
        let answer = expect(self.window.post("/v1/erasures", body), "erase", 201)?;
        if answer.text("state") == "done" {
            for id in &ids {
                self.change(id, |paper| paper.gone = Gone::Yes);
            }
            self.count();
        } else {
            self.lock().erasures.push((answer.text("id"), ids));
        }
        Ok(())
    }

    /// Marks as acknowledged what the window says the repository has.
    fn watch_commits(&self) {
        while !self.stops.load(Ordering::SeqCst) {
            for (_, holder) in self.open {
                let Ok(list) = self.window.list(holder, "local") else { continue };
                for (id, _) in list.iter().filter(|(_, listed)| listed.is_committed) {
                    self.change(id, |paper| {
                        if !std::mem::replace(&mut paper.is_acknowledged, true) {
                            self.acknowledged.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
            }
            thread::sleep(ASK_EVERY);
        }
    }

    fn take_capture(&self) -> Option<(String, u64)> {
        let mut papers = self.lock();
        let found = papers.captures.iter_mut().find(|c| c.gone == Gone::No && !c.is_taken)?;
        found.is_taken = true;
        Some((found.id.clone(), found.number))
    }

    fn take_paper(&self, random: &mut Random, suits: impl Fn(&Paper) -> bool) -> Option<(String, Vec<View>)> {
        let mut papers = self.lock();
        let mut free: Vec<&mut Paper> =
            papers.papers.iter_mut().filter(|p| !p.is_taken && p.gone == Gone::No && suits(p)).collect();
        if free.is_empty() {
            return None;
        }
        let paper = free.swap_remove(random.below(free.len() as u64) as usize);
        paper.is_taken = true;
        Some((paper.id.clone(), paper.views.clone()))
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Paper)) {
        if let Some(paper) = self.lock().paper(id) {
            change(paper);
        }
    }

    fn count(&self) {
        if !self.work.counts_committed {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expect(answer: Option<Answer>, call: &str, status: u16) -> Result<Answer, Stop> {
    match answer {
        Some(answer) if answer.status == status => Ok(answer),
        Some(answer) => Err(Stop::Refused(format!("{call}: {}", answer.problem()))),
        None => Err(Stop::CutOff),
    }
}
