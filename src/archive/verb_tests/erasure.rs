//! Forgetting: what goes, what stays, and that nothing of what goes is left anywhere.

use yidang_model::Digest;

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::storage::ErasureState;
use crate::{ArchiveError, ChangeWhat, ErasureTarget, HistoryPage, WentElsewhere};

const NEWEST: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

#[test]
fn an_erased_material_is_gone_and_cannot_come_back() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(1)]).unwrap();
    let asked = archive.request_erasure(erasure_of_material(1, 1)).unwrap();
    assert_eq!(asked.state, ErasureState::Requested);
    assert!(archive.material(material_id(1)).unwrap().is_some(), "nothing happens before the decision");
    let done = archive.erase(erasure_id(1)).unwrap();
    assert_eq!((done.state, &done.materials[..]), (ErasureState::Done, &[material_id(1)][..]));
    assert_eq!(done.target, Some(ErasureTarget::Material(material_id(1))));
    assert!(done.shared_kept.is_empty() && done.erased_at.is_some());

    assert_eq!(archive.material(material_id(1)).unwrap(), None);
    assert!(archive.is_erased(material_id(1)).unwrap());
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.blob(material_id(1), &digest), Err(ArchiveError::MaterialErased));
    let name = archive.shared.stores.keys.blob_name(&digest);
    assert!(archive.shared.stores.blobs.get(name).unwrap().is_none());
    assert_eq!(archive.history(&resident(1), NEWEST).unwrap().len(), 1);
    archive.stage(stage_of(3, &[1])).unwrap();
    let refused = archive.file(filing_of(shared_paper(1, &[resident(1)]), &[3])).unwrap_err();
    assert_eq!(refused, ArchiveError::MaterialErased);

    assert_eq!(archive.erase(erasure_id(1)).unwrap(), done, "once more changes nothing");
    assert_eq!(archive.request_erasure(erasure_of_material(1, 1)).unwrap(), done);
    let conflict = archive.request_erasure(erasure_of_material(1, 2)).unwrap_err();
    assert_eq!(conflict, ArchiveError::IdempotencyConflict);
    assert_eq!(archive.request_erasure(erasure_of_material(2, 1)).unwrap_err(), ArchiveError::MaterialErased);
    assert_eq!(
        archive.request_erasure(erasure_of_material(2, 9)).unwrap_err(),
        ArchiveError::MaterialUnknown
    );
    assert_eq!(archive.erase(erasure_id(9)).unwrap_err(), ArchiveError::ErasureUnknown);
    assert_whole(&archive, "after an erasure");
}

#[test]
fn a_refused_erasure_is_not_carried_out() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.request_erasure(erasure_of_material(1, 1)).unwrap();
    let refused = archive.refuse_erasure(erasure_id(1)).unwrap();
    assert_eq!(refused.state, ErasureState::Refused);
    assert_eq!(archive.refuse_erasure(erasure_id(1)).unwrap(), refused);
    assert!(matches!(archive.erase(erasure_id(1)), Err(ArchiveError::Invalid(_))));
    assert!(archive.material(material_id(1)).unwrap().is_some());
    assert_eq!(archive.refuse_erasure(erasure_id(2)).unwrap_err(), ArchiveError::ErasureUnknown);
    assert_whole(&archive, "after a refusal");
}

#[test]
fn a_forgotten_person_leaves_the_others_what_is_theirs() {
    let world = World::new();
    let archive = world.open();
    let (gone, stays) = (resident(1), resident(2));
    file_paper(&archive, 1, std::slice::from_ref(&gone)).unwrap();
    let mut joint = shared_paper(2, &[gone.clone(), stays.clone()]);
    joint.pages[0].about = vec![gone.clone()];
    archive.stage(stage_of(2, &[2])).unwrap();
    archive.file(filing_of(joint, &[2])).unwrap();
    // Another person's paper with the very bytes of a paper that goes.
    archive.stage(stage_of(3, &[1])).unwrap();
    let mut same_bytes = shared_paper(1, std::slice::from_ref(&stays));
    same_bytes.id = material_id(3);
    archive.file(filing_of(same_bytes, &[3])).unwrap();
    let mut only_theirs = shared_paper(4, std::slice::from_ref(&gone));
    only_theirs.case = None;
    archive.stage(stage_of(4, &[4])).unwrap();
    archive.file(filing_of(only_theirs, &[4])).unwrap();
    archive.record(look_at(&gone, &[1])).unwrap();

    let epoch = archive.stats().unwrap().epoch;
    let done = archive.erase_now(erasure_of_person(1, &gone)).unwrap();
    assert_eq!(done.state, ErasureState::Done);
    assert_eq!((done.target.clone(), done.reason.clone()), (None, None));
    assert_eq!(done.materials, [material_id(1), material_id(4)]);
    let mut kept = [Digest::of(&picture(1)), Digest::of(&picture(2))];
    kept.sort_unstable();
    assert_eq!(done.shared_kept, kept);
    assert_eq!(archive.stats().unwrap().epoch, epoch + 1);

    assert_eq!(archive.history(&gone, NEWEST).unwrap(), []);
    let theirs = archive.history(&stays, NEWEST).unwrap();
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|s| s.material.holders == [stays.clone()]));
    assert_eq!(theirs[1].material.pages[0].about, []);
    assert_eq!(archive.blob(material_id(2), &Digest::of(&picture(2))).unwrap(), picture(2));
    assert_eq!(archive.blob(material_id(3), &Digest::of(&picture(1))).unwrap(), picture(1));
    let changes = archive.changes(0, 100).unwrap();
    let mentions_gone = |what: &ChangeWhat| match what {
        ChangeWhat::Filed(material) => material.holders.contains(&gone),
        ChangeWhat::ErasureRequested { target, .. } => *target == ErasureTarget::Holder(gone.clone()),
        _ => false,
    };
    assert!(changes.iter().all(|c| !mentions_gone(&c.what)));
    assert_whole(&archive, "after a person was forgotten");
    drop(archive);

    let archive = world.open();
    assert_eq!(archive.erasure(erasure_id(1)).unwrap(), Some(done.clone()));
    assert_eq!(archive.erase_now(erasure_of_person(1, &gone)).unwrap(), done);
    let unknown = archive.erase_now(erasure_of_person(2, &gone)).unwrap_err();
    assert_eq!(unknown, ArchiveError::HolderUnknown);
    // Who comes back begins anew.
    file_paper(&archive, 5, std::slice::from_ref(&gone)).unwrap();
    assert_eq!(archive.history(&gone, NEWEST).unwrap().len(), 1);
    assert_whole(&archive, "after the person came back");
}

#[test]
fn a_second_request_for_someone_forgotten_is_done_at_once() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.request_erasure(erasure_of_person(1, &resident(1))).unwrap();
    archive.request_erasure(erasure_of_person(2, &resident(1))).unwrap();
    archive.erase(erasure_id(1)).unwrap();
    file_paper(&archive, 2, &[resident(1)]).unwrap();
    let second = archive.erase(erasure_id(2)).unwrap();
    assert_eq!((second.state, second.materials.len()), (ErasureState::Done, 0));
    assert_eq!(archive.history(&resident(1), NEWEST).unwrap().len(), 1, "what came later stays");
}

#[test]
fn a_material_not_held_here_gets_its_tombstone() {
    let world = World::new();
    let archive = world.open();
    let done = archive.erase_now(erasure_of_material(1, 7)).unwrap();
    assert_eq!((done.state, done.materials), (ErasureState::Done, vec![material_id(7)]));
    archive.stage(stage_of(7, &[7])).unwrap();
    let refused = archive.file(filing_of(shared_paper(7, &[resident(1)]), &[7])).unwrap_err();
    assert_eq!(refused, ArchiveError::MaterialErased);
    assert_whole(&archive, "after a tombstone alone");
}

#[test]
fn a_repeated_request_under_a_key_is_recognised() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let mut request = erasure_of_material(1, 1);
    request.idempotency = idempotency(1, 1);
    let first = archive.request_erasure(request.clone()).unwrap();
    request.id = erasure_id(2);
    assert_eq!(archive.request_erasure(request.clone()).unwrap(), first);
    assert_eq!(archive.erase_now(request).unwrap().id, erasure_id(1));
    assert!(archive.is_erased(material_id(1)).unwrap());
}

#[test]
fn what_is_held_elsewhere_can_be_asked_for_by_whom_it_belongs_to() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1), resident(2)]).unwrap();
    let both = [(2, ErasureTarget::Holder(resident(3))), (1, ErasureTarget::Material(material_id(7)))];
    for (number, target) in both {
        let mut request = erasure_of_material(number, 7);
        request.target = target.clone();
        assert!(archive.request_erasure(request.clone()).is_err(), "nothing is known of it here");
        request.elsewhere_of = vec![resident(3)];
        let asked = archive.request_erasure(request.clone()).unwrap();
        assert_eq!((asked.state, asked.target.as_ref()), (ErasureState::Requested, Some(&target)));
        assert_eq!(archive.request_erasure(request).unwrap(), asked);
        assert_eq!(
            archive.erasure(erasure_id(number)).unwrap().unwrap().reason.as_deref(),
            Some("asked for it")
        );
    }
    let kept = Digest::of(b"kept elsewhere");
    // What goes elsewhere and is held here with someone else stays here.
    let went = WentElsewhere {
        decided: true,
        materials: vec![material_id(9), material_id(1)],
        shared_kept: vec![kept],
        decided_at: None,
    };
    let done = archive.erase_with(erasure_id(2), went.clone()).unwrap();
    assert_eq!((&done.materials[..], &done.shared_kept[..]), (&[material_id(9)][..], &[kept][..]));
    assert_eq!(archive.erase_with(erasure_id(2), WentElsewhere::default()).unwrap(), done);
    assert!(archive.material(material_id(1)).unwrap().is_some());
    let gone = archive.erasure(erasure_id(1)).unwrap().unwrap();
    assert_eq!((gone.state, gone.reason), (ErasureState::Requested, None), "sealed for who is forgotten");
    assert_eq!(archive.erase(erasure_id(1)).unwrap().materials, [material_id(7)]);
    for number in [7, 9] {
        archive.stage(stage_of(number, &[number])).unwrap();
        let refused = archive.file(filing_of(shared_paper(number, &[resident(3)]), &[number])).unwrap_err();
        assert_eq!(refused, ArchiveError::MaterialErased);
    }
    assert_whole(&archive, "after erasures of what is elsewhere");
}

#[test]
fn someone_with_no_materials_is_forgotten_too() {
    let world = World::new();
    let archive = world.open();
    archive.record(look_at(&resident(1), &[])).unwrap();
    let done = archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!((done.state, done.materials.len()), (ErasureState::Done, 0));
    assert_eq!(archive.stats().unwrap().holders, 0);
    assert_eq!(archive.erase_now(erasure_of_person(1, &resident(1))).unwrap(), done);
    assert_whole(&archive, "after someone without materials was forgotten");
}
