//! Forgetting while an entry does not open: which pictures it needs, nobody knows.

use super::damage::{spoiling, tamper};
use super::faulty::{Faults, Mode, Op, Way};
use super::originals::*;
use super::papers::*;
use super::world::{World, assert_whole};
use crate::storage::StorageFault;
use crate::{Archive, ArchiveError};

/// Papers 1 and 2 of two people, cut out of one frame; the second's entry is made not to open.
fn damaged() -> (World, impl Fn(&World, bool)) {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let other = file_cut(&archive, 2, 101, 2).stored.sequence;
    file_cut(&archive, 3, 103, 1);
    drop(archive);
    let set = spoiling(&world, other);
    set(&world, false);
    (world, set)
}

#[test]
fn an_erased_paper_takes_no_picture_from_one_that_cannot_be_read() {
    let (world, set) = damaged();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let done = archive.erase_now(erasure_of_material(1, 1)).unwrap();
    assert_eq!((done.unproven, done.shared_kept.len()), (2, 0), "its page and the frame");
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::MaterialErased));
    world.clock.advance(LATER_MS);
    archive.sweep().unwrap();
    assert!(!is_gone(&archive, 101) && !is_gone(&archive, 1), "the ledger does not tell yet");
    drop(archive);
    set(&world, true);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(read(&archive, 2, 101).unwrap(), picture(101));
    archive.sweep().unwrap();
    assert!(is_gone(&archive, 1) && !is_gone(&archive, 101), "what was the erased one's alone is gone");
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().unproven, 2);
    let done = archive.erase_now(erasure_of_material(2, 2)).unwrap();
    assert_eq!(done.unproven, 0);
    assert!(is_gone(&archive, 101));
    assert_eq!(read(&archive, 3, 103).unwrap(), picture(103));
}

#[test]
fn a_person_is_forgotten_whatever_becomes_of_a_paper_that_cannot_be_read() {
    let (world, set) = damaged();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let frame = sealed(&archive, 101);
    let done = archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!(done.unproven, 4, "two pages and two frames");
    assert!(!holds(&world.data_dir(), &frame));
    for number in [1, 3, 101, 103] {
        assert!(is_gone(&archive, number), "{number}");
    }
    drop(archive);
    set(&world, true);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(read(&archive, 2, 2).unwrap(), picture(2), "the other's page is its own");
    assert!(matches!(read(&archive, 2, 101), Err(ArchiveError::BlobMissing { .. })), "and is reported");
    assert!(!archive.verify(&mut |_, _| {}).unwrap().is_clean());
}

/// What the index knew when the entry came to harm, it goes by.
#[test]
fn a_picture_known_to_be_another_papers_stays_with_it() {
    let (world, _) = damaged();
    let archive = world.open();
    let done = archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!((done.unproven, done.shared_kept.len()), (0, 1));
    assert!(!is_gone(&archive, 101) && is_gone(&archive, 103));
}

/// The index is made of an entry's absence, of whatever kind; paper 1 is erased, and takes nothing from paper 2.
fn assert_an_erasure_takes_no_picture(archive: &Archive, what: &str) {
    assert!(!archive.tells_every_blob().unwrap(), "{what}");
    let done = archive.erase_now(erasure_of_material(1, 1)).unwrap();
    assert_eq!((done.unproven, done.shared_kept.len()), (2, 0), "{what}");
    assert!(!is_gone(archive, 101) && !is_gone(archive, 2), "{what}");
}

#[test]
fn a_paper_whose_key_is_lost_counts_as_one_that_cannot_be_read() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_cut(&archive, number, 101, number.into());
    }
    let keys = &archive.shared.stores.keys;
    let lost = keys.holder(keys.subject_tag(&resident(2))).unwrap().unwrap();
    keys.forget(&[lost.id]).unwrap();
    archive.rebuild_index().unwrap();
    assert_an_erasure_takes_no_picture(&archive, "a key that is lost");
}

/// Whoever is forgotten has no key either, nor has a paper the one of those it was filed to first.
#[test]
fn a_paper_that_is_forgotten_or_put_right_is_none_that_cannot_be_read() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2, 3, 4] {
        file_cut(&archive, number, 100 + number, number.into());
    }
    archive.refile(crate::Refiling { holders: Some(vec![resident(4)]), ..refiling_of(2) }).unwrap();
    for number in [1, 2] {
        archive.erase_now(erasure_of_person(number, &resident(number.into()))).unwrap();
    }
    archive.erase_now(erasure_of_material(3, 3)).unwrap();
    for _ in 0..2 {
        archive.rebuild_index().unwrap();
        assert!(archive.tells_every_blob().unwrap());
    }
    assert_eq!(archive.erase_now(erasure_of_material(4, 4)).unwrap().unproven, 0);
    assert!(is_gone(&archive, 104) && !is_gone(&archive, 102));
    assert_whole(&archive, "after people were forgotten");
}

/// It may have been a hold, too.
#[test]
fn a_place_without_an_entry_counts_as_one_that_cannot_be_read() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let lost = file_cut(&archive, 2, 101, 2).stored.sequence;
    file_cut(&archive, 3, 103, 3);
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {lost}"));
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert!(!archive.tells_every_blob().unwrap());
    assert_eq!(archive.erase_now(erasure_of_material(1, 1)).map(drop), Err(ArchiveError::HoldsUnproven));
    world.clock.advance(LATER_MS);
    archive.sweep().unwrap();
    assert!(!is_gone(&archive, 1) && !is_gone(&archive, 101) && !is_gone(&archive, 2));
}

#[test]
fn a_staged_set_whose_key_is_lost_counts_as_one_that_cannot_be_read_while_it_waits() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let key =
        archive.stage(stage_of(2, &[101, 2])).map(|_| archive.shared.stores.index.unfiled(0, 9)).unwrap();
    archive.shared.stores.keys.forget(&[key.unwrap()[0].key]).unwrap();
    archive.rebuild_index().unwrap();
    assert_an_erasure_takes_no_picture(&archive, "a staged set's key that is lost");
    world.clock.advance(LATER_MS);
    archive.sweep().unwrap();
    archive.sweep().unwrap();
    assert!(archive.tells_every_blob().unwrap(), "it has expired");
    assert!(is_gone(&archive, 101) && is_gone(&archive, 1) && is_gone(&archive, 2));
}

/// What the disposal of originals left to the sweep, as another paper needed it then.
#[test]
fn a_disposal_is_not_finished_by_an_erasure_while_a_paper_cannot_be_read() {
    for whole_person in [false, true] {
        let (world, set) = damaged();
        set(&world, true);
        let archive = world.open();
        assert_eq!(dispose(&archive, &[1]).unwrap().len(), 1);
        drop(archive);
        set(&world, false);
        let archive = world.open();
        archive.rebuild_index().unwrap();
        let whom = resident(1);
        let erasure = if whole_person { erasure_of_person(1, &whom) } else { erasure_of_material(1, 1) };
        let done = archive.erase_now(erasure).unwrap();
        let pictures = if whole_person { 4 } else { 2 };
        assert_eq!(done.unproven, pictures, "the pages, and the frames, one of which was disposed of");
        assert_eq!((is_gone(&archive, 101), is_gone(&archive, 1)), (whole_person, whole_person));
        drop(archive);
        set(&world, true);
        let archive = world.open();
        assert_eq!(read(&archive, 2, 101).is_ok(), !whole_person);
    }
}

/// An entry that is put right is taken up when the archive is opened, and from then on the ledger tells again.
#[test]
fn what_was_left_out_is_taken_up_when_it_can_be_read() {
    let (world, set) = damaged();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    set(&world, true);
    assert!(!archive.tells_every_blob().unwrap(), "the index lacks it all the same");
    assert!(
        matches!(dispose(&archive, &[1]), Err(ArchiveError::Storage(e)) if e.fault == StorageFault::Damaged)
    );
    world.clock.advance(LATER_MS);
    assert_eq!(archive.sweep().unwrap().orphans, 0);
    drop(archive);
    let archive = world.open();
    assert_eq!(read(&archive, 2, 2).unwrap(), picture(2));
    assert!(archive.tells_every_blob().unwrap());
    assert_eq!(dispose(&archive, &[1, 2]).unwrap().len(), 2);
    assert!(is_gone(&archive, 101));
}

#[test]
fn an_index_that_knows_more_than_the_ledger_is_not_made_anew() {
    let (world, set) = damaged();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let third = archive.material(material_id(3)).unwrap().unwrap().sequence;
    drop(archive);
    // Another entry comes to harm, before the first is put right.
    let set_third = spoiling(&world, third);
    set_third(&world, false);
    set(&world, true);
    let archive = world.open();
    let stores = &archive.shared.stores;
    assert_eq!(stores.index.blob_users(name_of(&archive, 103)).unwrap(), [third]);
    assert!(!archive.tells_every_blob().unwrap());
    drop(archive);
    set_third(&world, true);
    let archive = world.open();
    assert!(archive.tells_every_blob().unwrap());
    assert_eq!(read(&archive, 2, 2).unwrap(), picture(2));
}

/// What stays unread is nothing that the index knew.
#[test]
fn an_index_is_made_anew_for_a_part_of_what_it_left_out() {
    let (world, set) = damaged();
    let archive = world.open();
    let third = archive.material(material_id(3)).unwrap().unwrap().sequence;
    archive.record(look_at(&resident(1), &[3])).unwrap();
    file_cut(&archive, 4, 104, 4);
    let between = archive.head().unwrap() - 2;
    drop(archive);
    let set_third = spoiling(&world, third);
    set_third(&world, false);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {between}"));
    let archive = world.open();
    archive.rebuild_index().unwrap();
    drop(archive);
    set(&world, true);
    let archive = world.open();
    assert_eq!(read(&archive, 2, 2).unwrap(), picture(2));
    assert_eq!(archive.material(material_id(3)).unwrap(), None);
    assert!(!archive.tells_every_blob().unwrap());
}

/// The tombstone may come to harm, or the index be made anew, before an erasure that stopped goes on.
#[test]
fn an_erasure_that_goes_on_goes_by_what_the_index_knows_then() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let other = file_cut(&archive, 2, 102, 2).stored.sequence;
    drop(archive);
    let faults = Faults::new(Mode::Stuck(Op::DeleteBlobs, Way::Undone), 1);
    let archive = world.open_faulty(&faults).unwrap();
    archive.erase_now(erasure_of_material(1, 1)).unwrap_err();
    let names = [1, 101].map(|number| name_of(&archive, number));
    drop(archive);
    let there = || names.map(|name| world.parts().blobs.get(name).unwrap().is_some());
    spoiling(&world, other)(&world, false);
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.data_dir().join(format!("index.db{tail}")));
    }
    drop(world.open());
    assert_eq!(there(), [true, true], "the other paper's entry may need them");

    let world = World::new();
    let archive = world.open_faulty(&faults).unwrap();
    file_cut(&archive, 1, 101, 1);
    archive.erase_now(erasure_of_material(1, 1)).unwrap_err();
    let tombstone = archive.head().unwrap();
    let names = [1, 101].map(|number| name_of(&archive, number));
    drop(archive);
    spoiling(&world, tombstone)(&world, false);
    // It may not know whom it forgets.
    assert!(Archive::open_keyed_with(world.parts(), &super::world::how()).is_err());
    let there = names.map(|name| world.parts().blobs.get(name).unwrap().is_some());
    assert_eq!(there, [false, false], "what is known to be nobody else's goes all the same");
}

/// An index that an older version made: what it left out it did not note.
fn as_an_older_version_left_it(world: &World) {
    let index = rusqlite::Connection::open(world.data_dir().join("index.db")).unwrap();
    let back = "DROP TABLE left_out; ALTER TABLE applied DROP COLUMN rebuilt;
                ALTER TABLE applied DROP COLUMN stored_until_millis;
                ALTER TABLE applied DROP COLUMN holds_doubted; DROP TABLE confirmed_places;
                ALTER TABLE applied ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0 CHECK (left_out >= 0);
                PRAGMA user_version = 5";
    index.execute_batch(back).unwrap();
}

#[test]
fn an_index_of_an_older_version_may_have_left_something_out() {
    let (world, set) = damaged();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let third = archive.material(material_id(3)).unwrap().unwrap().sequence;
    archive.record(look_at(&resident(1), &[3])).unwrap();
    drop(archive);
    as_an_older_version_left_it(&world);
    let set_third = spoiling(&world, third);
    set_third(&world, false);
    let archive = world.open();
    let index = &archive.shared.stores.index;
    assert_eq!(
        index.blob_users(name_of(&archive, 103)).unwrap(),
        [third],
        "what it knows it goes on knowing"
    );
    assert_an_erasure_takes_no_picture(&archive, "an older version's index");
    drop(archive);
    set(&world, true);
    set_third(&world, true);
    let archive = world.open();
    assert!(archive.tells_every_blob().unwrap());
    assert_eq!(read(&archive, 2, 101).unwrap(), picture(101));
    assert_eq!(archive.erase_now(erasure_of_material(2, 2)).unwrap().unproven, 0);
    assert_whole(&archive, "after an older version's index was made anew");
}
