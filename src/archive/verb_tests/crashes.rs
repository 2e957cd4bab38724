//! Every write fails once, in every way: what was acknowledged is there, and the rest is whole.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use yidang_model::Digest;

use super::faulty::{Faults, Mode, Op, Way};
use super::papers::*;
use super::privacy::{assert_nowhere, secrets_of_keys};
use super::world::{World, assert_whole, file_paper};
use crate::storage::{ErasureState, Part, StagedState};
use crate::{Archive, ArchiveError, Export, Filing, HistoryPage, Refiling};

const MODES: [Mode; 5] = [Mode::Once, Mode::PowerCut, Mode::PowerCutAfter, Mode::LostAnswer, Mode::Panic];

/// Runs `work` with each write failing in turn in each way, until it needs no more writes than that, and
/// has `check` look at what is there after opening again.
pub(super) fn for_every_fault<T>(
    prepare: impl Fn(&Archive),
    work: impl Fn(&Archive) -> T,
    check: impl Fn(&World, &Archive, &T, &str),
) {
    for mode in MODES {
        let mut fails_at = 1;
        loop {
            let world = World::new();
            prepare(&world.open());
            let faults = Faults::new(mode, fails_at);
            // A panic while opening is the opener's own, on its own thread.
            let opened = catch_unwind(AssertUnwindSafe(|| world.open_faulty(&faults)));
            let result = opened.unwrap_or(Err(ArchiveError::Defect)).map(|archive| work(&archive));
            let when = format!("with {mode:?} at write {fails_at}");
            let archive = world.open();
            match result {
                Ok(result) => check(&world, &archive, &result, &when),
                Err(_) => assert_whole(&archive, &format!("after opening failed {when}")),
            }
            if faults.writes() < fails_at {
                assert!(fails_at > 3, "the work hardly writes");
                break;
            }
            fails_at += 1;
        }
    }
}

type Acknowledged = (Vec<Result<crate::Staged, ArchiveError>>, Vec<Result<crate::Filed, ArchiveError>>);

fn stage_and_file(archive: &Archive) -> Acknowledged {
    let mut staged = vec![archive.stage(stage_of(1, &[1, 2])), archive.stage(stage_of(2, &[2, 3]))];
    let mut filed = archive.file_many(vec![
        filing_of(shared_paper(1, &[resident(1), resident(2)]), &[1]),
        filing_of(shared_paper(3, &[resident(3)]), &[2]),
    ]);
    // The disk may be well again by now.
    staged.push(archive.stage(stage_of(4, &[4])));
    filed.push(archive.file(filing_of(shared_paper(4, &[resident(1)]), &[4])));
    (staged, filed)
}

#[test]
fn whatever_write_fails_what_was_acknowledged_is_there() {
    for_every_fault(
        |archive| {
            file_paper(archive, 9, &[resident(1)]).unwrap();
        },
        stage_and_file,
        |_, archive, (staged, filed), when| {
            for staged in staged.iter().flatten() {
                let now = archive.staged(staged.id).unwrap().expect(when);
                assert_eq!(now.sequence, staged.sequence, "{when}");
                let row = archive.shared.stores.index.staged(staged.id).unwrap().expect(when);
                let key = archive.shared.stores.keys.get(row.key).unwrap();
                assert_eq!(key.is_some(), now.state == StagedState::Unfiled, "the set's key {when}");
                if now.state == StagedState::Unfiled {
                    for digest in &staged.digests {
                        let bytes = archive.staged_blob(staged.id, digest).expect(when);
                        assert_eq!(Digest::of(&bytes), *digest);
                    }
                }
            }
            for filed in filed.iter().flatten() {
                let id = filed.stored.material.id;
                assert_eq!(archive.material(id).unwrap().as_ref(), Some(&filed.stored), "{when}");
                for page in &filed.stored.material.pages {
                    let bytes = archive.blob(id, &page.original.digest).expect(when);
                    assert_eq!(Digest::of(&bytes), page.original.digest);
                }
            }
            assert!(archive.material(material_id(9)).unwrap().is_some(), "{when}");
            assert_whole(archive, when);
            // And it all goes on: the caller repeats what was not acknowledged.
            for (number, pictures) in [(1, [1, 2]), (2, [2, 3])] {
                match archive.stage(stage_of(number, &pictures)) {
                    Ok(_) | Err(ArchiveError::StagedFiled { .. }) => {}
                    Err(error) => panic!("{error} {when}"),
                }
            }
            let again = archive.file(filing_of(shared_paper(3, &[resident(3)]), &[2])).expect(when);
            assert_eq!(again.stored.material.id, material_id(3));
            assert_eq!(archive.blob(material_id(3), &Digest::of(&picture(3))).unwrap(), picture(3));
        },
    );
}

#[test]
fn whatever_write_fails_a_filing_in_one_step_is_there_or_can_be_repeated() {
    let paper = |number: u8| filing_of(shared_paper(number, &[resident(1)]), &[]);
    for_every_fault(
        |archive| {
            file_paper(archive, 9, &[resident(1)]).unwrap();
        },
        |archive| [1, 2].map(|number| archive.ingest(paper(number), vec![picture(number)])),
        |_, archive, filed, when| {
            for filed in filed.iter().flatten() {
                let id = filed.stored.material.id;
                assert_eq!(archive.material(id).unwrap().as_ref(), Some(&filed.stored), "{when}");
            }
            assert_whole(archive, when);
            for number in [1, 2] {
                archive.ingest(paper(number), vec![picture(number)]).expect(when);
                let digest = Digest::of(&picture(number));
                assert_eq!(archive.blob(material_id(number), &digest).expect(when), picture(number));
            }
            assert_whole(archive, when);
        },
    );
}

#[test]
fn one_write_that_fails_for_a_moment_fails_one_request_at_most() {
    let world = World::new();
    drop(world.open());
    for fails_at in 1..40 {
        let faults = Faults::new(Mode::Once, fails_at);
        let world = World::new();
        let Ok(archive) = world.open_faulty(&faults) else { continue };
        let (staged, filed) = stage_and_file(&archive);
        let failed =
            staged.iter().filter(|r| r.is_err()).count() + filed.iter().filter(|r| r.is_err()).count();
        // A set that could not be staged cannot be filed either.
        assert!(failed <= 2, "{failed} requests failed at write {fails_at}");
        for error in staged.iter().filter_map(|r| r.as_ref().err()) {
            let ArchiveError::Storage(error) = error else { panic!("{error}") };
            assert_eq!(error.fault, crate::storage::StorageFault::DiskFull);
        }
    }
}

#[test]
fn an_erasure_of_a_person_survives_every_fault() {
    let secrets: std::sync::Mutex<HashMap<String, Vec<Vec<u8>>>> = std::sync::Mutex::default();
    for_every_fault(
        |archive| {
            file_paper(archive, 1, &[resident(1)]).unwrap();
            file_paper(archive, 2, &[resident(1), resident(2)]).unwrap();
            archive.record(look_at(&resident(1), &[1])).unwrap();
        },
        |archive| {
            let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
            let sealed = archive.shared.stores.blobs.get(name).unwrap().unwrap();
            secrets.lock().unwrap().insert(archive.store_id().to_owned(), secrets_of_keys(archive, &sealed));
            archive.back_up()?;
            archive.erase_now(erasure_of_person(1, &resident(1)))
        },
        |world, archive, answer, when| {
            let erasure = archive.erasure(erasure_id(1)).unwrap();
            if let Ok(answer) = answer {
                assert_eq!(erasure.as_ref(), Some(answer), "{when}");
            }
            match erasure.map(|e| e.state) {
                // Nothing happened, or it was only asked for.
                None | Some(ErasureState::Requested) => {
                    assert!(answer.is_err(), "{when}");
                    assert!(archive.material(material_id(1)).unwrap().is_some(), "{when}");
                    assert_eq!(archive.stats().unwrap().holders, 2, "{when}");
                }
                Some(state) => {
                    assert_eq!(state, ErasureState::Done, "{when}");
                    assert!(archive.is_erased(material_id(1)).unwrap(), "{when}");
                    let left = archive.material(material_id(2)).unwrap().expect(when);
                    assert_eq!(left.material.holders, [resident(2)], "{when}");
                    assert_eq!(archive.stats().unwrap().holders, 1, "{when}");
                    let secrets = secrets.lock().unwrap().remove(archive.store_id()).expect(when);
                    assert_nowhere(world, &secrets, when);
                }
            }
            assert_whole(archive, when);
            file_paper(archive, 8, &[resident(1)]).expect(when);
            assert_whole(archive, when);
        },
    );
}

#[test]
fn an_erasure_of_a_material_survives_every_fault() {
    for_every_fault(
        |archive| {
            file_paper(archive, 1, &[resident(1)]).unwrap();
            file_paper(archive, 2, &[resident(1)]).unwrap();
            archive.request_erasure(erasure_of_material(1, 1)).unwrap();
        },
        |archive| {
            let answer = archive.erase(erasure_id(1));
            // Bytes that are being erased may come in again through another door at any time.
            let staged = archive.stage(stage_of(5, &[1]));
            (answer, staged)
        },
        |_, archive, (answer, staged), when| {
            let erasure = archive.erasure(erasure_id(1)).unwrap().expect(when);
            match erasure.state {
                ErasureState::Done => {
                    assert!(archive.is_erased(material_id(1)).unwrap(), "{when}");
                    assert_eq!(archive.material(material_id(1)).unwrap(), None, "{when}");
                }
                state => {
                    assert_eq!(state, ErasureState::Requested, "{when}");
                    assert!(answer.is_err() && archive.material(material_id(1)).unwrap().is_some(), "{when}");
                }
            }
            if staged.is_ok() {
                let digest = Digest::of(&picture(1));
                assert_eq!(archive.staged_blob(capture(5), &digest).expect(when), picture(1));
            }
            assert_whole(archive, when);
        },
    );
}

#[test]
fn a_refiling_survives_every_fault() {
    let to = |who: u16| Refiling { holders: Some(vec![resident(who)]), ..refiling_of(1) };
    for_every_fault(
        |archive| {
            file_paper(archive, 1, &[resident(1)]).unwrap();
            file_paper(archive, 2, &[resident(1)]).unwrap();
        },
        |archive| {
            // Beside other writes, and for someone nobody has a key for yet.
            let moved = archive.refile(to(2));
            let beside = file_paper(archive, 3, &[resident(3)]);
            (moved, beside)
        },
        |_, archive, (moved, beside), when| {
            let whose = archive.material(material_id(1)).unwrap().expect(when).material.holders;
            if moved.is_ok() {
                assert_eq!(whose, [resident(2)], "{when}");
            }
            for who in [1, 2] {
                let page = HistoryPage { before: u64::MAX, limit: 10 };
                let listed = archive.history(&resident(who), page).unwrap();
                let shown = listed.iter().any(|s| s.material.id == material_id(1));
                assert_eq!(shown, whose == [resident(who)], "{who} {when}");
            }
            if let Ok(filed) = beside {
                assert_eq!(archive.material(material_id(3)).unwrap().as_ref(), Some(&filed.stored), "{when}");
            }
            assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))).expect(when), picture(1));
            assert_whole(archive, when);
            archive.refile(to(2)).expect(when);
            archive.erase_now(erasure_of_person(1, &resident(1))).expect(when);
            assert!(archive.is_erased(material_id(2)).unwrap(), "{when}");
            assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))).expect(when), picture(1));
            assert_whole(archive, when);
        },
    );
}

#[test]
fn founding_survives_every_fault() {
    for mode in [Mode::PowerCut, Mode::PowerCutAfter, Mode::Once, Mode::LostAnswer] {
        for fails_at in 1..6 {
            let world = World::new();
            let _ = world.open_faulty(&Faults::new(mode, fails_at));
            let archive = world.open();
            file_paper(&archive, 1, &[resident(1)]).unwrap();
            assert_whole(&archive, &format!("founded with {mode:?} at write {fails_at}"));
        }
    }
}

#[test]
fn nothing_new_is_sealed_for_someone_half_forgotten() {
    let world = World::new();
    file_paper(&world.open(), 1, &[resident(1)]).unwrap();
    let archive = world.open_faulty(&Faults::new(Mode::Broken(Part::Blobs), 1)).unwrap();
    let error = archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    assert!(matches!(&error, ArchiveError::Storage(e) if e.part == Part::Blobs), "{error}");
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().state, ErasureState::Erasing);
    // Their key is still there and will be deleted: whatever is sealed under it now would be lost.
    assert_eq!(archive.record(look_at(&resident(1), &[])).unwrap_err(), error);
    assert!(archive.record(look_at(&resident(2), &[])).is_ok(), "everyone else is served");
    drop(archive);
    let archive = world.open();
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().state, ErasureState::Done);
    assert!(archive.record(look_at(&resident(1), &[])).is_ok());
    assert_whole(&archive, "after it was finished");
}

#[test]
fn an_erasure_that_stopped_for_a_moment_is_finished_with_the_next_write() {
    for fails_at in 1..25 {
        let world = World::new();
        file_paper(&world.open(), 1, &[resident(1)]).unwrap();
        let Ok(archive) = world.open_faulty(&Faults::new(Mode::Once, fails_at)) else { continue };
        let erased = archive.erase_now(erasure_of_person(1, &resident(1)));
        // The one write that fails may also be among these.
        if file_paper(&archive, 2, &[resident(2)]).is_err() {
            file_paper(&archive, 2, &[resident(2)]).unwrap();
        }
        let state = archive.erasure(erasure_id(1)).unwrap().map(|e| e.state);
        match state {
            None | Some(ErasureState::Requested) => assert!(erased.is_err(), "at write {fails_at}"),
            Some(state) => assert_eq!(state, ErasureState::Done, "at write {fails_at}"),
        }
        drop(archive);
        assert_whole(&world.open(), &format!("at write {fails_at}"));
    }
}

#[test]
fn what_the_index_lacks_is_not_called_unknown() {
    let world = World::new();
    let faults = Faults::new(Mode::Stuck(Op::Apply(None), Way::Undone), 1);
    faults.set_well(true);
    let archive = world.open_faulty(&faults).unwrap();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    faults.set_well(false);
    // It has happened: the ledger has it. Only the index cannot be written.
    archive.stage(stage_of(2, &[2])).unwrap();
    let is_of_the_index = |e: &ArchiveError| matches!(e, ArchiveError::Storage(e) if e.part == Part::Index);
    assert!(archive.staged(capture(2)).is_err_and(|e| is_of_the_index(&e)));
    assert!(archive.staged_blob(capture(2), &Digest::of(&picture(2))).is_err_and(|e| is_of_the_index(&e)));
    assert!(archive.material(material_id(1)).unwrap().is_some(), "what it has is shown");
    faults.set_well(true);
    assert!(archive.staged(capture(2)).unwrap().is_some(), "it catches up when somebody looks");
    assert!(archive.staged(capture(3)).unwrap().is_none());
    assert_whole(&archive, "after the index was written again");
}

#[test]
fn a_filing_that_the_index_lacks_is_neither_called_erased_nor_left_out_of_an_export() {
    let world = World::new();
    let faults = Faults::new(Mode::Stuck(Op::Apply(None), Way::Undone), 1);
    faults.set_well(true);
    let archive = world.open_faulty(&faults).unwrap();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.stage(stage_of(2, &[2])).unwrap();
    faults.set_well(false);
    let again = idempotency(7, 7).unwrap();
    let filing = filing_of(shared_paper(2, &[resident(1)]), &[2]);
    archive.file(Filing { idempotency: Some(again.clone()), ..filing }).unwrap();
    let export = || Export { who: resident(1), purpose: "test".to_owned(), case: None, by: clerk() };
    let is_of_the_index = |e: &ArchiveError| matches!(e, ArchiveError::Storage(e) if e.part == Part::Index);
    assert!(archive.find_filed(&again).is_err_and(|e| is_of_the_index(&e)));
    assert!(archive.begin_export(export()).is_err_and(|e| is_of_the_index(&e)));
    faults.set_well(true);
    assert!(archive.find_filed(&again).unwrap().unwrap().replayed);
    assert_eq!(archive.begin_export(export()).unwrap().len(), 2);
    archive.erase_now(erasure_of_material(1, 2)).unwrap();
    assert_eq!(archive.find_filed(&again).unwrap_err(), ArchiveError::MaterialErased);
}
