//! Filing, duplicates, history, looks, the change feed.

use yidang_model::Digest;

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::storage::StagedState;
use crate::{ArchiveError, ChangeWhat, Filing, HistoryPage, PAGES_MAX};

const NEWEST: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

#[test]
fn a_filed_material_is_in_its_holders_dossier() {
    let world = World::new();
    let archive = world.open();
    let material = shared_paper(1, &[resident(1), resident(2)]);
    let filed = file_paper(&archive, 1, &[resident(1), resident(2)]).unwrap();
    assert_eq!((filed.duplicate, filed.replayed), (false, false));
    assert_eq!(filed.stored.material, material);
    drop(archive);

    let archive = world.open();
    for who in [resident(1), resident(2)] {
        assert_eq!(archive.history(&who, NEWEST).unwrap(), std::slice::from_ref(&filed.stored));
    }
    assert_eq!(archive.history(&resident(3), NEWEST).unwrap(), []);
    assert_eq!(archive.material(material_id(1)).unwrap(), Some(filed.stored));
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.blob(material_id(1), &digest).unwrap(), picture(1));
    assert_eq!(archive.blob(material_id(2), &digest), Err(ArchiveError::MaterialUnknown));
    let absent = Digest::of(b"absent");
    assert_eq!(archive.blob(material_id(1), &absent), Err(ArchiveError::BlobUnknown { digest: absent }));
    assert_eq!(archive.matches(&resident(1), &digest).unwrap(), [(material_id(1), 1)]);
    assert_eq!(archive.matches(&resident(3), &digest).unwrap(), []);
    let staged = archive.staged(capture(1)).unwrap().unwrap();
    assert_eq!(staged.state, StagedState::Filed(material_id(1)));
    let by = material_id(1);
    assert_eq!(archive.discard(capture(1), &clerk()), Err(ArchiveError::StagedFiled { by }));
    assert_eq!(archive.staged_blob(capture(1), &digest), Err(ArchiveError::StagedFiled { by }));
    assert_whole(&archive, "after filing");
}

#[test]
fn the_key_of_a_filed_set_is_deleted() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    let key = archive.shared.stores.index.staged(capture(1)).unwrap().unwrap().key;
    assert!(archive.shared.stores.keys.get(key).unwrap().is_some());
    archive.file(filing_of(shared_paper(1, &[resident(1)]), &[1])).unwrap();
    // It goes after the answer: dropping the archive waits for that.
    drop(archive);
    let archive = world.open();
    assert!(archive.shared.stores.keys.get(key).unwrap().is_none());
}

#[test]
fn a_history_is_read_in_pages_newest_first() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=5 {
        file_paper(&archive, number, &[resident(1)]).unwrap();
    }
    let first = archive.history(&resident(1), HistoryPage { before: u64::MAX, limit: 3 }).unwrap();
    let second = archive.history(&resident(1), HistoryPage { before: first[2].sequence, limit: 3 }).unwrap();
    let ids: Vec<_> = first.iter().chain(&second).map(|s| s.material.id).collect();
    assert_eq!(ids, [5, 4, 3, 2, 1].map(material_id));
}

#[test]
fn the_same_filing_again_is_a_duplicate() {
    let world = World::new();
    let archive = world.open();
    let first = file_paper(&archive, 1, &[resident(1), resident(2)]).unwrap();
    let head = archive.head().unwrap();

    // The set is used up, but the answer is known.
    let mut again = shared_paper(1, &[resident(2), resident(1)]);
    again.id = material_id(2);
    let answer = archive.file(filing_of(again.clone(), &[1])).unwrap();
    assert!(answer.duplicate);
    assert_eq!(answer.stored, first.stored);
    // The same identifier, whatever else is in it.
    let mut same_id = shared_paper(7, &[resident(1)]);
    same_id.id = material_id(1);
    assert!(archive.file(filing_of(same_id, &[])).unwrap().duplicate);
    assert_eq!(archive.head().unwrap(), head, "nothing was written");

    // For another case it is another material, and the blob is shared without being staged again.
    again.case = Some("case-2".to_owned());
    let by = material_id(1);
    let used_up = archive.file(filing_of(again.clone(), &[1])).unwrap_err();
    assert_eq!(used_up, ArchiveError::StagedFiled { by });
    let other = archive.file(filing_of(again.clone(), &[])).unwrap();
    assert!(!other.duplicate);
    assert_eq!(other.stored.material.duplicate_of, Some(material_id(1)));
    assert_eq!(archive.stats().unwrap().blobs, 1);
    again.id = material_id(3);
    again.slot = None;
    again.duplicate_of = Some(material_id(9));
    let told = archive.file(filing_of(again, &[])).unwrap();
    assert_eq!(told.stored.material.duplicate_of, Some(material_id(9)), "the caller knew better");
    let pages = archive.matches(&resident(1), &Digest::of(&picture(1))).unwrap();
    assert_eq!(pages, [(material_id(1), 1), (material_id(2), 1), (material_id(3), 1)]);
    assert_whole(&archive, "with duplicates");
}

#[test]
fn what_a_duplicate_was_made_of_is_used_up() {
    let world = World::new();
    let archive = world.open();
    let first = file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.stage(stage_of(2, &[1])).unwrap();
    let mut again = shared_paper(1, &[resident(1)]);
    again.id = material_id(2);
    let filing = Filing { idempotency: idempotency(1, 1), ..filing_of(again, &[2]) };
    let answer = archive.file(filing.clone()).unwrap();
    assert!(answer.duplicate && answer.stored == first.stored);
    assert!(archive.unfiled(0, 10).unwrap().is_empty(), "nothing of it waits to be filed");
    let state = archive.staged(capture(2)).unwrap().unwrap().state;
    assert_eq!(state, StagedState::Filed(material_id(1)));
    let replayed = archive.file(filing).unwrap();
    assert!(replayed.duplicate && replayed.replayed && replayed.stored == first.stored);
    assert_whole(&archive, "after a duplicate");
    let erased = archive.erase_now(erasure_of_material(1, 1)).unwrap();
    assert!(erased.shared_kept.is_empty(), "no copy keeps the picture");
    assert_eq!(archive.stats().unwrap().blobs, 0);
    assert_whole(&archive, "after it was erased");
}

#[test]
fn the_same_bytes_of_someone_else_are_no_duplicate_and_not_to_be_had() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let mut theirs = shared_paper(1, &[resident(2)]);
    theirs.id = material_id(2);
    let digest = Digest::of(&picture(1));
    let unknown = archive.file(filing_of(theirs.clone(), &[])).unwrap_err();
    assert_eq!(unknown, ArchiveError::BlobUnknown { digest }, "a digest alone gives nobody a picture");
    archive.stage(stage_of(2, &[1])).unwrap();
    let filed = archive.file(filing_of(theirs, &[2])).unwrap();
    assert_eq!((filed.duplicate, filed.stored.material.duplicate_of), (false, None));
    assert_eq!(archive.stats().unwrap().blobs, 1);
}

#[test]
fn a_repeated_call_gets_the_first_answer() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    let mut filing = filing_of(shared_paper(1, &[resident(1)]), &[1]);
    filing.idempotency = idempotency(1, 1);
    let first = archive.file(filing.clone()).unwrap();
    let again = archive.file(filing.clone()).unwrap();
    assert_eq!((again.stored.clone(), again.replayed), (first.stored, true));
    assert_eq!(archive.find_filed(&idempotency(1, 1).unwrap()).unwrap(), Some(again));
    assert_eq!(archive.find_filed(&idempotency(2, 1).unwrap()).unwrap(), None);
    let conflict = ArchiveError::IdempotencyConflict;
    assert_eq!(archive.find_filed(&idempotency(1, 2).unwrap()).unwrap_err(), conflict);
    filing.idempotency = idempotency(1, 2);
    assert_eq!(archive.file(filing).unwrap_err(), conflict);

    let mut look = look_at(&resident(1), &[1]);
    look.idempotency = idempotency(3, 1);
    let sequence = archive.record(look.clone()).unwrap();
    assert_eq!(archive.record(look), Ok(sequence));
}

#[test]
fn a_filing_without_its_picture_is_refused() {
    let world = World::new();
    let archive = world.open();
    let material = shared_paper(1, &[resident(1)]);
    let digest = Digest::of(&picture(1));
    let unknown = archive.file(filing_of(material.clone(), &[])).unwrap_err();
    assert_eq!(unknown, ArchiveError::BlobUnknown { digest });
    let no_set = archive.file(filing_of(material.clone(), &[1])).unwrap_err();
    assert_eq!(no_set, ArchiveError::StagedUnknown);
    archive.stage(stage_of(1, &[1])).unwrap();
    let name = archive.shared.stores.keys.blob_name(&digest);
    archive.shared.stores.blobs.delete_many(&[name]).unwrap();
    assert_eq!(
        archive.file(filing_of(material.clone(), &[1])).unwrap_err(),
        ArchiveError::BlobMissing { name }
    );
    assert_eq!(archive.head().unwrap(), 1);
    assert_eq!(archive.stats().unwrap().holders, 0, "a refused filing makes nobody known");

    world.clock.advance(30 * DAY_MS);
    archive.stage(stage_of(2, &[1])).unwrap();
    assert!(archive.file(filing_of(material, &[1])).is_ok(), "expired and not swept is still fine");
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    let good = shared_paper(1, &[resident(1)]);
    let mut bad = vec![good.clone(); 7];
    bad[0].holders.clear();
    bad[1].holders.push(resident(1));
    bad[2].pages.clear();
    bad[3].pages = vec![good.pages[0].clone(); PAGES_MAX + 1];
    bad[4].pages[0].confidence = f32::NAN;
    bad[5].pages[0].about = vec![resident(2)];
    bad[6].note = Some("字".repeat(4001));
    for material in bad {
        let refused = archive.file(filing_of(material, &[1])).unwrap_err();
        assert!(matches!(refused, ArchiveError::Invalid(_)), "{refused}");
    }
    assert!(matches!(archive.file(filing_of(good.clone(), &[1, 1])), Err(ArchiveError::Invalid(_))));
    assert!(archive.file(filing_of(good, &[1])).is_ok());
}

#[test]
fn many_filings_are_committed_together_and_answered_one_by_one() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=4 {
        archive.stage(stage_of(number, &[number])).unwrap();
    }
    let mut twice = filing_of(shared_paper(1, &[resident(1)]), &[]);
    twice.material.id = material_id(9);
    let filings = vec![
        filing_of(shared_paper(1, &[resident(1)]), &[1]),
        filing_of(shared_paper(2, &[resident(1)]), &[2]),
        filing_of(shared_paper(3, &[resident(3)]), &[7]),
        filing_of(shared_paper(4, &[]), &[4]),
        twice,
    ];
    let answers = archive.file_many(filings);
    assert!(!answers[0].as_ref().unwrap().duplicate && !answers[1].as_ref().unwrap().duplicate);
    assert_eq!(answers[2], Err(ArchiveError::StagedUnknown));
    assert!(matches!(answers[3], Err(ArchiveError::Invalid(_))));
    assert!(answers[4].as_ref().unwrap().duplicate, "it saw the first of its own group");
    assert_eq!(archive.stats().unwrap().holders, 1, "one new holder, one key");
    assert_whole(&archive, "after a group");
}

#[test]
fn the_change_feed_tells_what_happened_in_order() {
    let world = World::new();
    let archive = world.open();
    let woken = archive.subscribe();
    let filed = file_paper(&archive, 1, &[resident(1)]).unwrap();
    assert!(woken.recv_timeout(std::time::Duration::from_secs(10)).is_ok());
    archive.record(look_at(&resident(1), &[1])).unwrap();
    archive.request_erasure(erasure_of_material(1, 1)).unwrap();
    let target = crate::ErasureTarget::Material(material_id(1));
    let whats = |archive: &crate::Archive| -> Vec<ChangeWhat> {
        archive.changes(0, 100).unwrap().into_iter().map(|c| c.what).collect()
    };
    let (id, reason, by) = (erasure_id(1), Some("asked for it".to_owned()), clerk());
    let requested = ChangeWhat::ErasureRequested { id, target, reason, by };
    let filed = ChangeWhat::Filed(Box::new(filed.stored.material));
    let before = [ChangeWhat::Other, filed, ChangeWhat::Other, requested.clone()];
    assert_eq!(whats(&archive), before);
    archive.erase(erasure_id(1)).unwrap();
    let erased = ChangeWhat::Erased { id: erasure_id(1), materials: vec![material_id(1)] };
    let after =
        [ChangeWhat::Other, ChangeWhat::Unreadable, ChangeWhat::Other, requested, erased, ChangeWhat::Other];
    assert_eq!(whats(&archive), after);
    let sequences: Vec<u64> = archive.changes(2, 3).unwrap().iter().map(|c| c.sequence).collect();
    assert_eq!(sequences, [3, 4, 5]);
}

#[test]
fn it_is_kept_which_set_became_which_page() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        archive.stage(stage_of(number, &[number])).unwrap();
    }
    let mut material = shared_paper(1, &[resident(1), resident(2)]);
    let second = shared_paper(2, &[]).pages.remove(0);
    material.pages = vec![second.clone(), material.pages.remove(0), second];
    let mut filing = filing_of(material, &[1, 2]);
    for wrong in [vec![capture(1)], vec![capture(1), capture(2), capture(3)]] {
        filing.page_sets = wrong;
        assert!(matches!(archive.file(filing.clone()), Err(ArchiveError::Invalid(_))));
    }
    filing.page_sets = [2, 1, 2].map(capture).to_vec();
    archive.file(filing.clone()).unwrap();
    assert_eq!(archive.page_sets(material_id(1)).unwrap(), filing.page_sets);
    assert_eq!(archive.page_sets(material_id(2)).unwrap(), []);
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!(archive.page_sets(material_id(1)).unwrap(), filing.page_sets);
    archive.erase_now(erasure_of_person(2, &resident(2))).unwrap();
    assert_eq!(archive.page_sets(material_id(1)).unwrap(), [], "it goes with the last of them");

    archive.stage(stage_of(5, &[5])).unwrap();
    archive.file(filing_of(shared_paper(5, &[resident(1)]), &[5])).unwrap();
    assert_eq!(archive.page_sets(material_id(5)).unwrap(), [], "where it is not said, it is not known");
}

#[test]
fn a_repeated_filing_out_of_another_set_uses_that_up_too() {
    let world = World::new();
    let archive = world.open();
    for set in [1, 2] {
        archive.stage(stage_of(set, &[1])).unwrap();
        let filing = filing_of(shared_paper(set, &[resident(1)]), &[set]);
        let filed = archive.file(Filing { idempotency: idempotency(7, 7), ..filing }).unwrap();
        assert_eq!((filed.stored.material.id, filed.replayed), (material_id(1), set == 2));
        let state = archive.staged(capture(set)).unwrap().unwrap().state;
        assert_eq!(state, StagedState::Filed(material_id(1)));
    }
    assert_whole(&archive, "after a repeated filing");
}
