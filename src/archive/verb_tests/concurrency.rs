//! Many callers at once.

use std::sync::Barrier;

use super::faulty::{Faults, Mode};
use super::papers::*;
use super::world::{World, assert_whole};
use crate::{ArchiveError, HistoryPage};

const CALLERS: u8 = 16;

/// Runs one call per caller, all at the same time.
fn together<T: Send>(call: impl Fn(u8) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(usize::from(CALLERS));
    std::thread::scope(|scope| {
        let run = |number| {
            let (barrier, call) = (&barrier, &call);
            scope.spawn(move || {
                barrier.wait();
                call(number)
            })
        };
        let threads: Vec<_> = (1..=CALLERS).map(run).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn the_same_filing_at_once_is_filed_once() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=CALLERS {
        archive.stage(stage_of(number, &[1])).unwrap();
    }
    let answers = together(|number| {
        let mut material = shared_paper(1, &[resident(1)]);
        material.id = material_id(number);
        archive.file(filing_of(material, &[number])).unwrap()
    });
    assert_eq!(answers.iter().filter(|a| !a.duplicate).count(), 1);
    let first = answers.iter().find(|a| !a.duplicate).unwrap();
    assert!(answers.iter().all(|a| a.stored == first.stored));
    assert_eq!(archive.stats().unwrap().materials, 1);
    assert_whole(&archive, "after one filing by many");
}

#[test]
fn the_same_call_at_once_is_carried_out_once() {
    let world = World::new();
    let archive = world.open();
    let answers = together(|number| {
        let mut stage = stage_of(number, &[1]);
        stage.idempotency = idempotency(1, 1);
        archive.stage(stage).unwrap()
    });
    assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
    assert!(answers.iter().all(|a| a.sequence == answers[0].sequence));
    let looks = together(|_| {
        let mut look = look_at(&resident(7), &[]);
        look.idempotency = idempotency(2, 1);
        archive.record(look).unwrap()
    });
    assert!(looks.iter().all(|l| *l == looks[0]));
    assert_eq!(archive.head().unwrap(), 2);
}

#[test]
fn a_holder_new_to_all_gets_one_key() {
    let world = World::new();
    let archive = world.open();
    let answers = together(|number| {
        archive.stage(stage_of(number, &[number])).unwrap();
        archive.file(filing_of(shared_paper(number, &[resident(1), resident(2)]), &[number]))
    });
    assert!(answers.iter().all(|a| a.as_ref().is_ok_and(|f| !f.duplicate)));
    assert_eq!(archive.stats().unwrap().holders, 2);
    let page = HistoryPage { before: u64::MAX, limit: 100 };
    assert_eq!(archive.history(&resident(2), page).unwrap().len(), usize::from(CALLERS));
    assert_whole(&archive, "after many filings for one holder");
}

#[test]
fn one_set_becomes_part_of_one_material() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    let answers = together(|number| {
        let mut material = shared_paper(1, &[resident(u16::from(number))]);
        material.id = material_id(number);
        archive.file(filing_of(material, &[1]))
    });
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1);
    let filed = answers.iter().flatten().next().unwrap().stored.material.id;
    for error in answers.iter().filter_map(|a| a.as_ref().err()) {
        assert_eq!(*error, ArchiveError::StagedFiled { by: filed });
    }
    assert_whole(&archive, "after a race for one set");
}

#[test]
fn the_same_bytes_under_many_cases_point_to_one_another() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=CALLERS {
        archive.stage(stage_of(number, &[1])).unwrap();
    }
    let mut answers = together(|number| {
        let mut material = shared_paper(1, &[resident(1)]);
        material.id = material_id(number);
        material.case = Some(format!("case-{number}"));
        archive.file(filing_of(material, &[number])).unwrap().stored
    });
    answers.sort_by_key(|s| s.sequence);
    let first = answers[0].material.id;
    assert_eq!(answers[0].material.duplicate_of, None);
    assert!(answers[1..].iter().all(|s| s.material.duplicate_of == Some(first)));
}

#[test]
fn one_request_that_fails_or_panics_takes_no_other_with_it() {
    for mode in [Mode::Once, Mode::Panic, Mode::LostAnswer] {
        for fails_at in 2..12 {
            let world = World::new();
            drop(world.open());
            let archive = world.open_faulty(&Faults::new(mode, fails_at)).unwrap();
            let answers = together(|number| archive.stage(stage_of(number, &[number])));
            let failed: Vec<_> = answers.iter().filter_map(|a| a.as_ref().err()).collect();
            // The write may have been of a group, which is then tried again one by one.
            assert!(failed.len() <= 1, "{failed:?} with {mode:?} at write {fails_at}");
            drop(archive);
            let archive = world.open();
            for staged in answers.iter().flatten() {
                let bytes = archive.staged_blob(staged.id, &staged.digests[0]).unwrap();
                assert_eq!(yidang_model::Digest::of(&bytes), staged.digests[0]);
            }
            assert_whole(&archive, &format!("with {mode:?} at write {fails_at}"));
        }
    }
}

#[test]
fn readers_read_while_others_write_and_forget() {
    let world = World::new();
    let archive = world.open();
    super::world::file_paper(&archive, 1, &[resident(1)]).unwrap();
    let page = HistoryPage { before: u64::MAX, limit: 100 };
    together(|number| {
        if number % 4 == 0 {
            let who = resident(100 + u16::from(number));
            super::world::file_paper(&archive, number, std::slice::from_ref(&who)).unwrap();
            archive.erase_now(erasure_of_person(number, &who)).unwrap();
            return;
        }
        for _ in 0..20 {
            let found = archive.history(&resident(1), page).unwrap();
            assert_eq!(found.len(), 1);
            let digest = found[0].material.pages[0].original.digest;
            assert_eq!(archive.blob(material_id(1), &digest).unwrap(), picture(1));
        }
    });
    assert_eq!(archive.stats().unwrap().epoch, 1 + u32::from(CALLERS / 4));
    assert_whole(&archive, "after readers and erasures");
}
