//! What is held is not forgotten, wherever it is filed to meanwhile, and goes once nothing holds it any more.

use yidang_model::{Digest, HoldId, Material, Subject};

use super::faulty::{Faults, Mode};
use super::papers::*;
use super::privacy::{assert_nowhere, secrets_of_keys};
use super::world::{World, assert_whole, file_paper};
use crate::storage::{ErasureState, Index};
use crate::{
    Archive, ArchiveError, AuditOf, AuditQuery, ErasureRequest, ErasureTarget, HistoryPage, HoldTarget,
    LiftHold, PlaceHold, Refiling, WentElsewhere,
};

pub(super) fn hold_id(number: u8) -> HoldId {
    HoldId::from_bytes([number; 16])
}

pub(super) fn hold(number: u8, target: HoldTarget) -> PlaceHold {
    PlaceHold {
        id: hold_id(number),
        target,
        reason: "order 7 of the court".to_owned(),
        case: Some("2026-7".to_owned()),
        by: clerk(),
        decided_elsewhere: false,
    }
}

pub(super) fn lift(number: u8) -> LiftHold {
    LiftHold {
        id: hold_id(number),
        reason: "order 9 of the court".to_owned(),
        by: clerk(),
        decided_elsewhere: false,
    }
}

pub(super) fn person(number: u16) -> HoldTarget {
    HoldTarget::Holder(resident(number))
}

pub(super) fn erasure_of(number: u8, target: ErasureTarget) -> ErasureRequest {
    ErasureRequest { target, ..erasure_of_material(number, 0) }
}

pub(super) fn is_refused(archive: &Archive, request: ErasureRequest) -> bool {
    let head = archive.head().unwrap();
    let asked = archive.request_erasure(request.clone()).map(drop);
    let at_once = archive.erase_now(ErasureRequest { id: erasure_id(200), ..request }).map(drop);
    assert_eq!(asked, at_once);
    if asked.is_err() {
        assert_eq!(archive.head().unwrap(), head, "what is refused is not entered");
    }
    asked == Err(ArchiveError::LegalHold)
}

/// Reopens the archive over an index that was lost.
pub(super) fn without_index(world: &World, archive: Archive) -> Archive {
    let before = archive.index_dump().unwrap();
    drop(archive);
    std::fs::remove_file(world.data_dir().join(crate::sqlite::SqliteIndex::FILE)).unwrap();
    let archive = world.open();
    assert_eq!(archive.index_dump().unwrap(), before);
    archive
}

#[test]
fn a_held_person_and_whose_papers_theirs_are_with_are_not_forgotten() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(1), resident(2)]).unwrap();
    file_paper(&archive, 3, &[resident(3)]).unwrap();
    let placed = archive.place_hold(hold(1, person(1))).unwrap();
    assert_eq!(archive.place_hold(hold(1, person(1))), Ok(placed), "placed once");
    assert_eq!(archive.place_hold(hold(1, person(2))), Err(ArchiveError::IdempotencyConflict));
    let archive = without_index(&world, archive);
    // Filed later, it is held as well.
    file_paper(&archive, 4, &[resident(1)]).unwrap();
    for target in
        [person(1), person(2), HoldTarget::Material(material_id(1)), HoldTarget::Material(material_id(2))]
    {
        assert!(is_refused(&archive, erasure_of(1, target.clone())), "{target:?}");
        assert_eq!(archive.is_held(&target), Ok(true));
    }
    assert!(is_refused(&archive, erasure_of(1, HoldTarget::Material(material_id(4)))));
    archive.erase_now(erasure_of(3, person(3))).unwrap();
    assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))), Ok(picture(1)));
    assert_whole(&archive, "under a hold");

    archive.place_hold(hold(2, person(1))).unwrap();
    archive.lift_hold(lift(1)).unwrap();
    assert_eq!(archive.lift_hold(lift(1)), Err(ArchiveError::HoldUnknown));
    assert!(is_refused(&archive, erasure_of(4, person(1))), "two cases held them");
    archive.lift_hold(lift(2)).unwrap();
    assert_eq!(archive.holds().unwrap(), []);
    archive.erase_now(erasure_of(4, person(1))).unwrap();
    assert_whole(&archive, "when who was held is forgotten");
    without_index(&world, archive);
}

#[test]
fn a_held_paper_stays_held_whomever_it_is_filed_to() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_paper(&archive, number, &[resident(1)]).unwrap();
    }
    archive.place_hold(hold(1, HoldTarget::Material(material_id(1)))).unwrap();
    archive.place_hold(hold(2, person(1))).unwrap();
    let to = |number: u8, who: Subject| Refiling { holders: Some(vec![who]), ..refiling_of(number) };
    for number in [1, 2] {
        archive.refile(to(number, resident(2))).unwrap();
    }
    archive.refile(to(2, resident(3))).unwrap();
    let archive = without_index(&world, archive);
    let named: Vec<_> = archive.holds().unwrap().into_iter().map(|hold| (hold.id, hold.materials)).collect();
    assert_eq!(
        named,
        [(hold_id(1), vec![]), (hold_id(2), vec![material_id(1), material_id(2)])],
        "what was the held person's stays held"
    );
    assert!(is_refused(&archive, erasure_of(1, person(2))) && is_refused(&archive, erasure_of(1, person(3))));
    assert!(is_refused(&archive, erasure_of(1, HoldTarget::Material(material_id(2)))));
    assert_whole(&archive, "after held papers were put right");
    archive.lift_hold(lift(2)).unwrap();
    archive.erase_now(erasure_of(1, person(3))).unwrap();
    // Whose it was is no longer held, and what the hold on the paper says of them goes with them.
    archive.erase_now(erasure_of(2, person(1))).unwrap();
    let [left] = &archive.holds().unwrap()[..] else { panic!("one hold is left") };
    assert_eq!((left.target.clone(), left.reason.clone()), (HoldTarget::Material(material_id(1)), None));
    assert!(is_refused(&archive, erasure_of(3, person(2))));
    let archive = without_index(&world, archive);
    archive.lift_hold(lift(1)).unwrap();
    archive.erase_now(erasure_of(3, person(2))).unwrap();
    assert_whole(&archive, "when nothing is held");
}

#[test]
fn a_hold_wins_over_a_request_without_a_tombstone() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.request_erasure(erasure_of(1, person(1))).unwrap();
    archive.place_hold(hold(1, person(1))).unwrap();
    assert_eq!(archive.erase(erasure_id(1)), Err(ArchiveError::LegalHold));
    assert!(archive.material(material_id(1)).unwrap().is_some());
    archive.lift_hold(lift(1)).unwrap();
    let asked = archive.erasure(erasure_id(1)).unwrap().unwrap();
    assert_eq!(asked.state, ErasureState::Requested, "nobody decided it");
    assert_eq!(archive.erase(erasure_id(1)).unwrap().state, ErasureState::Done);
    assert!(
        archive.place_hold(hold(2, HoldTarget::Material(material_id(1))))
            == Err(ArchiveError::MaterialErased)
    );
    assert!(
        archive.place_hold(hold(2, HoldTarget::Material(material_id(9))))
            == Err(ArchiveError::MaterialUnknown)
    );
}

#[test]
fn what_the_repository_forgot_goes_here_when_the_hold_is_lifted() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_paper(&archive, number, &[resident(u16::from(number))]).unwrap();
    }
    archive.place_hold(hold(1, person(1))).unwrap();
    archive.place_hold(hold(2, person(2))).unwrap();
    let went = WentElsewhere {
        decided: true,
        materials: vec![material_id(9)],
        shared_kept: Vec::new(),
        decided_at: None,
    };
    for number in [1, 2] {
        let request = erasure_of(number, person(number.into()));
        for _ in 0..2 {
            let done = archive.erase_now_with(request.clone(), went.clone());
            assert_eq!(done, Err(ArchiveError::LegalHold));
        }
    }
    let archive = without_index(&world, archive);
    assert_whole(&archive, "while erasures wait");
    archive.lift_hold(lift(2)).unwrap();
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().state, ErasureState::Requested);
    let done = archive.erasure(erasure_id(2)).unwrap().unwrap();
    assert_eq!(done.state, ErasureState::Done);
    assert_eq!(done.materials, [material_id(2), material_id(9)], "with what went there");
    assert!(archive.material(material_id(1)).unwrap().is_some());
    assert_whole(&archive, "when one was carried out");

    // Cut between the lifting and the erasure: the index has lost both, and opening does the rest.
    drop(archive);
    {
        let parts = world.parts();
        let applied = parts.index.applied().unwrap();
        assert!(applied > 0);
        let index: &dyn Index = parts.index.as_ref();
        index.apply_many(&[crate::storage::IndexChange::HoldLifted(hold_id(1))], applied).unwrap();
    }
    let archive = world.open();
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().state, ErasureState::Done);
}

/// Papers 1 and 3 of person 1, 2 of persons 1 and 2, 4 of person 2; the repository forgets person 1, whom a hold keeps. After that,
/// 5 is filed for person 1 and 6 for both, 3 is put right and stays theirs, and 4 is put right and becomes theirs.
fn waiting(archive: &Archive) {
    for (number, holders) in [(1, vec![1]), (3, vec![1]), (2, vec![1, 2]), (4, vec![2])] {
        let holders: Vec<Subject> = holders.into_iter().map(resident).collect();
        file_paper(archive, number, &holders).unwrap();
    }
    archive.place_hold(hold(1, person(1))).unwrap();
    let defer = || {
        let went = WentElsewhere {
            decided: true,
            materials: vec![material_id(1)],
            shared_kept: Vec::new(),
            decided_at: None,
        };
        assert_eq!(archive.erase_now_with(erasure_of(7, person(1)), went), Err(ArchiveError::LegalHold));
    };
    defer();
    file_paper(archive, 5, &[resident(1)]).unwrap();
    file_paper(archive, 6, &[resident(1), resident(2)]).unwrap();
    archive.refile(Refiling { case: Some("case-9".to_owned()), ..refiling_of(3) }).unwrap();
    archive.refile(Refiling { holders: Some(vec![resident(1)]), ..refiling_of(4) }).unwrap();
    // Heard of once more, it waits since it was heard of first.
    defer();
}

/// What must have become of all that once the hold is lifted.
fn assert_only_what_was_there_goes(archive: &Archive, when: &str) {
    let done = archive.erasure(erasure_id(7)).unwrap().unwrap();
    assert_eq!(
        (done.state, &done.materials[..]),
        (ErasureState::Done, &[1, 3].map(material_id)[..]),
        "{when}"
    );
    for number in [2, 4, 5, 6] {
        let digest = Digest::of(&picture(number));
        assert_eq!(archive.blob(material_id(number), &digest), Ok(picture(number)), "{number} {when}");
        assert!(done.shared_kept.contains(&digest), "the receipt says that {number} stays {when}");
    }
    let page = HistoryPage { before: u64::MAX, limit: 10 };
    let theirs: Vec<_> = archive.history(&resident(1), page).unwrap();
    let theirs: Vec<_> = theirs.iter().map(|paper| paper.material.id).collect();
    assert_eq!(theirs, [4, 6, 5, 2].map(material_id), "{when}");
    assert_whole(archive, when);
}

#[test]
fn what_was_filed_after_an_erasure_began_to_wait_stays_when_the_hold_is_lifted() {
    let world = World::new();
    let archive = world.open();
    waiting(&archive);
    let archive = without_index(&world, archive);
    let sealed = |archive: &Archive, number| {
        let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(number)));
        archive.shared.stores.blobs.get(name).unwrap().unwrap()
    };
    let of_gone = [1, 3].map(|number| sealed(&archive, number)[1000..1064].to_vec());
    let of_kept = sealed(&archive, 5);
    archive.lift_hold(lift(1)).unwrap();
    assert_only_what_was_there_goes(&archive, "when the hold is lifted");
    assert_nowhere(&world, &of_gone, "when the hold is lifted");
    let archive = without_index(&world, archive);
    file_paper(&archive, 10, &[resident(1)]).unwrap();

    // Whoever has them forgotten again takes the rest, and the key.
    let secrets = secrets_of_keys(&archive, &of_kept);
    let done = archive.erase_now(erasure_of(8, person(1))).unwrap();
    assert_eq!(done.materials, [4, 5, 10].map(material_id));
    assert_whole(&archive, "when they are forgotten again");
    assert_nowhere(&world, &secrets, "when they are forgotten again");
}

/// The repository decided before the paper was filed here, and was heard of afterwards.
#[test]
fn what_was_filed_after_an_erasure_was_decided_elsewhere_stays() {
    for waits in [false, true] {
        let world = World::new();
        let archive = world.open();
        for number in [1, 2] {
            file_paper(&archive, number, &[resident(1)]).unwrap();
        }
        let decided_at = Some(archive.shared.stores.clock.now());
        world.clock.advance(1000);
        file_paper(&archive, 3, &[resident(1)]).unwrap();
        archive.refile(Refiling { case: Some("case-9".to_owned()), ..refiling_of(2) }).unwrap();
        if waits {
            archive.place_hold(hold(1, person(1))).unwrap();
        }
        let went = WentElsewhere {
            decided: true,
            materials: vec![material_id(1)],
            decided_at,
            ..Default::default()
        };
        let done = archive.erase_now_with(erasure_of(7, person(1)), went);
        if waits {
            assert_eq!(done, Err(ArchiveError::LegalHold));
            archive.lift_hold(lift(1)).unwrap();
        }
        let done = archive.erasure(erasure_id(7)).unwrap().unwrap();
        assert_eq!(done.materials, [1, 2].map(material_id), "{waits}");
        let kept = archive.blob(material_id(3), &Digest::of(&picture(3)));
        assert!(kept == Ok(picture(3)), "{waits}");
        assert_whole(&archive, "when what was there is gone");
    }
}

/// The person brings it again, byte by byte, while the one that went elsewhere waits here for the hold.
#[test]
fn what_is_brought_again_while_the_first_waits_for_a_hold_is_a_paper_of_its_own() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.place_hold(hold(1, person(1))).unwrap();
    let went = WentElsewhere { decided: true, materials: vec![material_id(1)], ..Default::default() };
    assert_eq!(archive.erase_now_with(erasure_of(7, person(1)), went), Err(ArchiveError::LegalHold));
    let first = archive.material(material_id(1)).unwrap().unwrap().material;
    let again = filing_of(Material { id: material_id(2), ..first }, &[]);
    let filed = archive.file(again).unwrap();
    assert_eq!((filed.duplicate, filed.stored.material.id), (false, material_id(2)));
    archive.lift_hold(lift(1)).unwrap();
    assert!(archive.material(material_id(1)).unwrap().is_none());
    assert!(archive.blob(material_id(2), &Digest::of(&picture(1))) == Ok(picture(1)));
    assert_whole(&archive, "when the first is gone");
}

/// The power ends at any write of the lifting and of what waited for it.
#[test]
fn an_erasure_that_waited_and_is_cut_off_takes_no_more_than_was_there() {
    for way in [Mode::PowerCut, Mode::PowerCutAfter] {
        for at in 1.. {
            let world = World::new();
            let archive = world.open();
            waiting(&archive);
            drop(archive);
            let faults = Faults::new(way, at);
            if let Ok(archive) = world.open_faulty(&faults) {
                // A hold that is lifted has been: what waited for it is gone on with when the archive is opened.
                let _ = archive.lift_hold(lift(1));
            }
            let archive = world.open();
            let when = format!("after {way:?} at write {at}");
            if !archive.holds().unwrap().is_empty() {
                archive.lift_hold(lift(1)).unwrap();
            }
            assert_only_what_was_there_goes(&archive, &when);
            if faults.writes() < at {
                assert!(at > 8, "the steps of an erasure were among them: {at}");
                break;
            }
        }
    }
}

#[test]
fn the_repository_s_hold_is_lifted_by_it_alone_and_all_of_it_is_on_record() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.place_hold(PlaceHold { decided_elsewhere: true, ..hold(1, person(1)) }).unwrap();
    assert_eq!(archive.lift_hold(lift(1)), Err(ArchiveError::HoldElsewhere));
    archive.lift_hold(LiftHold { decided_elsewhere: true, ..lift(1) }).unwrap();
    let query =
        AuditQuery { of: AuditOf::Person(resident(1)), since: None, until: None, limit: 100, by: clerk() };
    let mut told = Vec::new();
    archive
        .audit(query, &mut |_, _| {}, &mut |line| {
            told.push((line.verb.as_str(), line.operator, line.purpose, line.case));
            true
        })
        .unwrap();
    let by = clerk().operator;
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(
        told[1..],
        [
            ("held", by.clone(), said("order 7 of the court"), said("2026-7")),
            ("hold_lifted", by, said("order 9 of the court"), None),
        ]
    );
}
