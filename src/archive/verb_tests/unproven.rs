//! Forgetting while an entry does not open: which pictures it needs, nobody knows.

use super::damage::spoiling;
use super::originals::*;
use super::papers::*;
use super::world::World;
use crate::ArchiveError;

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
