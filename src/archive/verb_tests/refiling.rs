//! Putting right what was filed to the wrong person, kind or case: whose it is from then on, and what forgetting
//! either of them takes.

use yidang_model::{Digest, Kind, MaterialId, Subject};

use super::faulty::{Faults, Mode, Op, Way};
use super::papers::*;
use super::privacy::{assert_nowhere, secrets_of_keys};
use super::world::{World, assert_whole, file_paper};
use crate::storage::{Part, StorageFault, Verb};
use crate::{Archive, ArchiveError, ChangeWhat, DamagedThing, HistoryPage, Refiling};

const NEWEST: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

fn theirs(archive: &Archive, who: &Subject) -> Vec<MaterialId> {
    archive.history(who, NEWEST).unwrap().iter().map(|s| s.material.id).collect()
}

fn to_people(number: u8, holders: &[Subject]) -> Refiling {
    Refiling { holders: Some(holders.to_vec()), ..refiling_of(number) }
}

#[test]
fn a_paper_put_right_is_the_other_persons_and_no_longer_the_first_ones() {
    let world = World::new();
    let archive = world.open();
    let mut paper = shared_paper(1, &[resident(1)]);
    paper.pages[0].about = vec![resident(1)];
    archive.stage(stage_of(1, &[1])).unwrap();
    let mut filing = filing_of(paper, &[1]);
    filing.page_sets = vec![capture(1)];
    let filed = archive.file(filing).unwrap().stored;
    let moved = archive.refile(to_people(1, &[resident(2), resident(3)])).unwrap();
    assert_eq!(moved.material.holders, [resident(2), resident(3)]);
    assert_eq!(moved.material.pages[0].about, []);
    assert_eq!((moved.material.filed_at, moved.material.case.as_deref()), (START, Some("case-1")));
    assert!(moved.sequence > filed.sequence);

    assert_eq!(theirs(&archive, &resident(1)), []);
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.matches(&resident(1), &digest).unwrap(), []);
    for who in [resident(2), resident(3)] {
        assert_eq!(archive.history(&who, NEWEST).unwrap(), std::slice::from_ref(&moved));
        assert_eq!(archive.matches(&who, &digest).unwrap(), [(material_id(1), 1)]);
    }
    assert_eq!(archive.material(material_id(1)).unwrap(), Some(moved));
    assert_eq!(archive.blob(material_id(1), &digest).unwrap(), picture(1));
    assert_eq!(archive.page_sets(material_id(1)).unwrap(), [capture(1)]);
    assert_eq!(archive.stats().unwrap().materials, 1);
    assert_whole(&archive, "after a refiling");
    let verbs: Vec<Verb> =
        archive.shared.stores.ledger.after(0, 9).unwrap().iter().map(|e| e.content.verb).collect();
    assert_eq!(verbs, [Verb::Staged, Verb::Filed, Verb::Refiled], "one entry, and what was stays");
}

#[test]
fn kind_and_case_are_put_right_without_anyone_losing_it() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let right = Refiling {
        kind: Some(Kind::new("marriage_certificate").unwrap()),
        case: Some("case-2".to_owned()),
        ..refiling_of(1)
    };
    let put_right = archive.refile(right.clone()).unwrap();
    assert_eq!(put_right.material.kind.as_str(), "marriage_certificate");
    assert_eq!(put_right.material.case.as_deref(), Some("case-2"));
    assert_eq!(put_right.material.holders, [resident(1)]);
    assert_eq!(archive.refile(right).unwrap(), put_right, "what is right already writes nothing");
    let same_people = to_people(1, &[resident(1)]);
    assert_eq!(archive.refile(same_people).unwrap(), put_right);
    // The case it was put to is where it is recognised.
    archive.stage(stage_of(5, &[1])).unwrap();
    let again = crate::Filing {
        material: yidang_model::Material {
            id: material_id(5),
            case: Some("case-2".to_owned()),
            ..shared_paper(1, &[resident(1)])
        },
        ..filing_of(shared_paper(1, &[resident(1)]), &[5])
    };
    let again = archive.file(again).unwrap();
    assert!(again.duplicate && again.stored == put_right);
    assert_whole(&archive, "after kind and case were put right");
}

#[test]
fn forgetting_the_first_person_does_not_touch_it_and_forgetting_the_other_takes_it_whole() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(2)]).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.refile(to_people(1, &[resident(1)])).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(2))).unwrap();
    assert_eq!(theirs(&archive, &resident(1)), [material_id(1)]);
    assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))).unwrap(), picture(1));
    assert_eq!(archive.page_sets(material_id(1)).unwrap(), []);
    assert_whole(&archive, "after the first person was forgotten");

    let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
    let sealed = archive.shared.stores.blobs.get(name).unwrap().unwrap();
    let secrets = secrets_of_keys(&archive, &sealed);
    let erased = archive.erase_now(erasure_of_person(2, &resident(1))).unwrap();
    assert_eq!(erased.materials, [material_id(1)]);
    assert_nowhere(&world, &secrets, "after the other person was forgotten");
    assert_whole(&archive, "after both were forgotten");
    assert_eq!(archive.refile(refiling_of(1)), Err(ArchiveError::MaterialErased));
}

#[test]
fn forgetting_the_other_person_alone_takes_it_and_it_does_not_fall_back() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(2)]).unwrap();
    archive.refile(to_people(1, &[resident(1)])).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_whole(&archive, "after the other person was forgotten");
    drop(archive);
    let archive = world.open();
    assert_eq!(theirs(&archive, &resident(2)), []);
    assert_eq!(archive.material(material_id(1)).unwrap(), None);
    let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
    assert!(archive.shared.stores.blobs.get(name).unwrap().is_none());
    let shows = |c: &crate::Change| matches!(c.what, ChangeWhat::Filed(_) | ChangeWhat::Refiled { .. });
    assert!(!archive.changes(0, 100).unwrap().iter().any(shows));
}

#[test]
fn a_repeated_call_gets_its_answer_and_what_is_not_on_file_is_refused() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let wish = Refiling { idempotency: idempotency(1, 1), ..to_people(1, &[resident(2)]) };
    let first = archive.refile(wish.clone()).unwrap();
    let head = archive.head().unwrap();
    assert_eq!(archive.refile(wish.clone()).unwrap(), first);
    assert_eq!(archive.head().unwrap(), head);
    let other = Refiling { idempotency: idempotency(1, 2), ..to_people(1, &[resident(3)]) };
    assert_eq!(archive.refile(other), Err(ArchiveError::IdempotencyConflict));
    assert_eq!(archive.find_refiled(&wish.idempotency.unwrap()).unwrap(), Some(first));

    assert_eq!(archive.refile(refiling_of(9)), Err(ArchiveError::MaterialUnknown));
    assert!(matches!(archive.refile(to_people(1, &[])), Err(ArchiveError::Invalid(_))));
    let twice = to_people(1, &[resident(4), resident(4)]);
    assert!(matches!(archive.refile(twice), Err(ArchiveError::Invalid(_))));
    let long = Refiling { reason: "r".repeat(4001), ..refiling_of(1) };
    assert!(matches!(archive.refile(long), Err(ArchiveError::Invalid(_))));
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    assert_eq!(archive.refile(refiling_of(1)), Err(ArchiveError::MaterialErased));
}

#[test]
fn earlier_papers_with_the_same_bytes_are_told_within_the_dossier_it_comes_to() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let same_bytes = |number: u8, who: u16, case: &str| {
        archive.stage(stage_of(number, &[1])).unwrap();
        let mut paper = shared_paper(1, &[resident(who)]);
        (paper.id, paper.case) = (material_id(number), Some(case.to_owned()));
        archive.file(filing_of(paper, &[number])).unwrap().stored.material
    };
    assert_eq!(same_bytes(2, 2, "case-1").duplicate_of, None);
    assert_eq!(same_bytes(3, 1, "case-3").duplicate_of, Some(material_id(1)));
    let moved = archive.refile(to_people(3, &[resident(2)])).unwrap().material;
    assert_eq!(moved.duplicate_of, Some(material_id(2)));
    // Three papers share one blob; each keeps it for itself.
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!(archive.blob(material_id(3), &Digest::of(&picture(1))).unwrap(), picture(1));
    assert_whole(&archive, "after three papers shared a blob");
}

#[test]
fn what_comes_too_late_undoes_nothing() {
    let world = World::new();
    let archive = world.open();
    let filed = file_paper(&archive, 1, &[resident(1)]).unwrap().stored;
    let from_elsewhere = |only_at| Refiling {
        decided_elsewhere: true,
        only_at: Some(only_at),
        ..to_people(1, &[resident(3)])
    };
    // A clerk comes first.
    let right = archive.refile(to_people(1, &[resident(2)])).unwrap();
    let head = archive.head().unwrap();
    assert_eq!(archive.refile(from_elsewhere(filed.sequence)).unwrap(), right);
    assert_eq!(archive.head().unwrap(), head, "nothing was written");
    let moved = archive.refile(from_elsewhere(right.sequence)).unwrap();
    assert_eq!(moved.material.holders, [resident(3)]);
    assert_whole(&archive, "after a late refiling");
}

#[test]
fn the_feed_tells_it_once_and_never_whose_it_was_thought_to_be() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.refile(to_people(1, &[resident(2)])).unwrap();
    archive.refile(Refiling { decided_elsewhere: true, ..to_people(1, &[resident(3)]) }).unwrap();
    let changes = archive.changes(0, 100).unwrap();
    assert_eq!(changes.len(), 4);
    let ChangeWhat::Filed(filed) = &changes[1].what else { panic!("{:?}", changes[1]) };
    let ChangeWhat::Refiled { material, reason, by } = &changes[2].what else { panic!("{:?}", changes[2]) };
    assert_eq!((reason.as_str(), by), ("wrong card", &to_people(1, &[]).by));
    assert_eq!((&filed.holders[..], &material.holders[..]), (&[resident(3)][..], &[resident(3)][..]));
    assert_eq!(changes[3].what, ChangeWhat::Other, "who decided it knows");
}

#[test]
fn while_the_index_cannot_be_written_nobody_is_shown_the_wrong_view() {
    for way in [Way::Undone, Way::Panic] {
        let world = World::new();
        let faults = Faults::new(Mode::Stuck(Op::Apply(None), way), 1);
        faults.set_well(true);
        let archive = world.open_faulty(&faults).unwrap();
        file_paper(&archive, 1, &[resident(1)]).unwrap();
        file_paper(&archive, 2, &[resident(1)]).unwrap();
        faults.set_well(false);
        archive.refile(to_people(1, &[resident(2)])).unwrap();
        assert_eq!(theirs(&archive, &resident(1)), [material_id(2)], "{way:?}");
        let digest = Digest::of(&picture(1));
        assert_eq!(archive.matches(&resident(1), &digest).unwrap(), [], "{way:?}");
        assert!(archive.material(material_id(1)).is_err(), "it is neither unknown nor shown as it was");
        assert!(archive.blob(material_id(1), &digest).is_err());
        let filed = archive.changes(0, 100);
        assert!(!format!("{filed:?}").contains(resident(1).value()));
        faults.set_well(true);
        assert_eq!(archive.material(material_id(1)).unwrap().unwrap().material.holders, [resident(2)]);
        assert_eq!(theirs(&archive, &resident(2)), [material_id(1)], "{way:?}");
        assert_whole(&archive, "after the index was written again");
    }
}

#[test]
fn a_refiled_paper_whose_key_is_lost_is_named() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.refile(to_people(1, &[resident(2)])).unwrap();
    let keys = &archive.shared.stores.keys;
    let forget = |who| {
        let key = keys.holder(keys.subject_tag(&resident(who))).unwrap().unwrap();
        keys.forget(&[key.id]).unwrap();
        archive.verify(&mut |_, _| {}).unwrap().damages
    };
    assert_eq!(forget(1), [], "nothing of this paper needs the first person's key");
    let lost = forget(2);
    let is_named = |d: &crate::Damage| {
        d.what == DamagedThing::Material(material_id(1))
            && (d.part, d.fault) == (Part::Keyring, StorageFault::Missing)
    };
    assert!(lost.iter().any(is_named), "{lost:?}");
}
