//! Many threads file, read and forget at once, as dice decide: nobody panics, no acknowledged filing is lost,
//! and nothing that was erased is seen again.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use yidang_model::{CaptureId, Digest, ErasureId, MaterialId, Subject};

use super::papers::*;
use super::world::{World, assert_whole};
use crate::storage::ErasureState;
use crate::{Archive, ArchiveError, ErasureRequest, ErasureTarget, Filing, HistoryPage, Stage};

const SEEDS: [u64; 3] = [1, 20_261_125, u64::MAX / 3];
const THREADS: u64 = 6;
const ROUND: Duration = Duration::from_millis(900);
/// People are shared by all threads, so that filings and erasures meet.
const PEOPLE: u64 = 6;

/// A linear congruential generator; its upper bits are good enough.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// From before a call to after its answer, in ticks that all threads share.
#[derive(Clone, Copy)]
struct Span {
    began: u32,
    ended: u32,
}

/// A filing that was acknowledged.
struct Paper {
    id: MaterialId,
    holders: Vec<Subject>,
    digest: Digest,
    span: Span,
}

impl Paper {
    /// Holders who were certainly not forgotten since.
    fn kept<'a>(&'a self, known: &'a Known) -> impl Iterator<Item = &'a Subject> {
        let forgotten = |who: &Subject| known.forgotten_after(who, self.span.began);
        self.holders.iter().filter(move |who| !forgotten(who))
    }

    /// Whether every holder was certainly forgotten since.
    fn is_gone(&self, known: &Known) -> bool {
        let began_later = |who: &Subject| {
            known.forgotten.iter().any(|(other, span)| other == who && span.began > self.span.ended)
        };
        self.holders.iter().all(began_later)
    }
}

/// What is known to have happened.
#[derive(Default)]
struct Known {
    filed: Vec<Paper>,
    /// Erased, acknowledged.
    erased: HashSet<MaterialId>,
    forgotten: Vec<(Subject, Span)>,
}

impl Known {
    fn forgotten_after(&self, who: &Subject, tick: u32) -> bool {
        self.forgotten.iter().any(|(other, span)| other == who && span.ended > tick)
    }
}

struct Hall<'a> {
    archive: &'a Archive,
    known: Mutex<Known>,
    ticks: AtomicU32,
}

impl Hall<'_> {
    fn tick(&self) -> u32 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    fn file(&self, dice: &mut Dice) {
        let mut holders = vec![resident(dice.roll(PEOPLE) as u16)];
        let other = resident(dice.roll(PEOPLE) as u16);
        if dice.roll(3) == 0 && !holders.contains(&other) {
            holders.push(other);
        }
        // One in four shares its bytes with others.
        let began = self.tick();
        let id = id(began);
        let bytes =
            if dice.roll(4) == 0 { vec![dice.roll(3) as u8; 900] } else { [&id[..], &[7; 900]].concat() };
        let digest = Digest::of(&bytes);
        let stage = Stage { id: CaptureId::from_bytes(id), blobs: vec![bytes.clone()], ..stage_of(1, &[]) };
        self.archive.stage(stage).unwrap();
        let mut material = shared_paper(1, &holders);
        material.id = MaterialId::from_bytes(id);
        material.case = Some(format!("case-{}", hex::encode(id)));
        for image in material.pages.iter_mut().flat_map(|p| [&mut p.image, &mut p.original]) {
            (image.digest, image.size_bytes) = (digest, bytes.len() as u64);
        }
        let from = vec![CaptureId::from_bytes(id)];
        let filed = self.archive.file(Filing { from, ..filing_of(material, &[]) }).unwrap();
        assert!(!filed.duplicate);
        let span = Span { began, ended: self.tick() };
        let paper = Paper { id: filed.stored.material.id, holders, digest, span };
        self.known.lock().unwrap().filed.push(paper);
    }

    fn read(&self, dice: &mut Dice) {
        // What was acknowledged as erased before the look began must not be in it.
        let erased = self.known.lock().unwrap().erased.clone();
        let who = resident(dice.roll(PEOPLE) as u16);
        let page = HistoryPage { before: u64::MAX, limit: 50 };
        for stored in self.archive.history(&who, page).unwrap() {
            assert!(!erased.contains(&stored.material.id), "it came back");
            assert!(stored.material.holders.contains(&who));
            let digest = stored.material.pages[0].original.digest;
            match self.archive.blob(stored.material.id, &digest) {
                Ok(bytes) => assert_eq!(Digest::of(&bytes), digest),
                // Erased since it was listed.
                Err(ArchiveError::MaterialErased | ArchiveError::MaterialUnknown) => {}
                Err(ArchiveError::BlobMissing { .. }) => {
                    assert_eq!(self.archive.material(stored.material.id).unwrap(), None);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn erase(&self, dice: &mut Dice) {
        let target = {
            let known = self.known.lock().unwrap();
            if dice.roll(4) == 0 || known.filed.is_empty() {
                ErasureTarget::Holder(resident(dice.roll(PEOPLE) as u16))
            } else {
                ErasureTarget::Material(known.filed[dice.roll(known.filed.len() as u64) as usize].id)
            }
        };
        let began = self.tick();
        let id = ErasureId::from_bytes(id(began));
        let request = ErasureRequest { id, target: target.clone(), ..erasure_of_material(1, 1) };
        let done = self.archive.erase_now(request);
        let span = Span { began, ended: self.tick() };
        let mut known = self.known.lock().unwrap();
        match (done, target) {
            (Err(ArchiveError::HolderUnknown), ErasureTarget::Holder(_)) => {}
            (done, target) => {
                let done = done.unwrap();
                assert_eq!(done.state, ErasureState::Done);
                known.erased.extend(done.materials);
                if let ErasureTarget::Holder(who) = target {
                    known.forgotten.push((who, span));
                }
            }
        }
    }
}

fn id(tick: u32) -> [u8; 16] {
    let mut id = [0x5e; 16];
    id[..4].copy_from_slice(&tick.to_be_bytes());
    id
}

fn work(hall: &Hall<'_>, mut dice: Dice, until: Instant) {
    while Instant::now() < until {
        match dice.roll(8) {
            0..=3 => hall.file(&mut dice),
            4..=6 => hall.read(&mut dice),
            _ => hall.erase(&mut dice),
        }
    }
}

/// Every filing that nobody asked to forget is there, whole, and nothing that was erased is. How many papers
/// were certain to be there.
fn check(archive: &Archive, known: &Known, when: &str) -> usize {
    let (mut present, mut certain) = (0, 0);
    for paper in &known.filed {
        let stored = archive.material(paper.id).unwrap();
        if known.erased.contains(&paper.id) || paper.is_gone(known) {
            assert_eq!(stored, None, "{when}");
            continue;
        }
        certain += usize::from(paper.kept(known).next().is_some());
        let Some(stored) = stored else {
            assert_eq!(paper.kept(known).count(), 0, "an acknowledged filing is lost {when}");
            continue;
        };
        assert!(paper.kept(known).all(|who| stored.material.holders.contains(who)), "{when}");
        let bytes = archive.blob(paper.id, &paper.digest).unwrap();
        assert_eq!(Digest::of(&bytes), paper.digest, "{when}");
        present += 1;
    }
    assert_eq!(archive.stats().unwrap().materials, present, "{when}");
    certain
}

#[test]
fn filing_reading_and_forgetting_at_once() {
    for seed in SEEDS {
        let world = World::new();
        let archive = world.open();
        let hall = Hall { archive: &archive, known: Mutex::default(), ticks: AtomicU32::new(0) };
        let until = Instant::now() + ROUND;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let hall = &hall;
                scope.spawn(move || work(hall, Dice(seed ^ (thread << 40)), until));
            }
        });
        let known = hall.known.into_inner().unwrap();
        let when = format!("with seed {seed}: {} filed, {} erased", known.filed.len(), known.erased.len());
        assert!(known.filed.len() > 20 && !known.erased.is_empty(), "{when}");
        let certain = check(&archive, &known, &when);
        assert!(certain > 10, "{when}: {certain} certain");
        assert_whole(&archive, &when);
        drop(archive);
        let archive = world.open();
        check(&archive, &known, &format!("{when}, opened again"));
    }
}
