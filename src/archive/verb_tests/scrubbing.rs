//! Damaged blobs are found bit by bit, moved aside, and made whole again.

use yidang_model::Digest;

use super::papers::*;
use super::privacy::assert_nowhere;
use super::world::{World, assert_whole, file_paper};
use crate::storage::{BlobName, Verb};
use crate::{Archive, ArchiveError, SCRUB_ROUND_MS, ScrubStep};

const ALL: u64 = u64::MAX;

fn three_papers() -> (World, Archive) {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    (world, archive)
}

pub(super) fn name_of(archive: &Archive, number: u8) -> BlobName {
    archive.shared.stores.keys.blob_name(&Digest::of(&picture(number)))
}

pub(super) fn flip(archive: &Archive, number: u8) -> Vec<u8> {
    let (blobs, name) = (&archive.shared.stores.blobs, name_of(archive, number));
    let mut bytes = blobs.get(name).unwrap().unwrap();
    bytes[5000] ^= 1;
    blobs.put_many(&[(name, bytes.clone())]).unwrap();
    bytes
}

fn verbs(archive: &Archive) -> Vec<Verb> {
    let entries = archive.shared.stores.ledger.after(0, 1000).unwrap();
    entries.iter().map(|entry| entry.content.verb).collect()
}

fn read(archive: &Archive, number: u8) -> Result<Vec<u8>, ArchiveError> {
    archive.blob(material_id(number), &Digest::of(&picture(number)))
}

#[test]
fn a_damaged_blob_is_found_moved_aside_and_repaired_from_its_bytes() {
    let (world, archive) = three_papers();
    let (name, damaged) = (name_of(&archive, 2), flip(&archive, 2));
    let step = archive.scrub_step(ALL).unwrap();
    assert_eq!((step.damaged.as_slice(), step.rests), ([name].as_slice(), true));
    let aside = world.data_dir().join(format!("quarantine/{}.blob", name.to_hex()));
    assert_eq!(std::fs::read(&aside).unwrap(), damaged, "sealed as it was");
    assert_eq!(archive.shared.stores.blobs.stat(name).unwrap(), None);
    assert_eq!(read(&archive, 2), Err(ArchiveError::BlobDamaged { name }));
    assert_eq!(verbs(&archive).last(), Some(&Verb::Quarantined));
    assert_eq!((archive.quarantined(), archive.scrub_state().quarantined), (vec![name], 1));

    // Others' bytes do not repair it; a restart does not forget it.
    drop(archive);
    let archive = world.open();
    assert!(matches!(archive.repair(name, picture(1)), Err(ArchiveError::BlobUnknown { .. })));
    assert_eq!(archive.digest_of(name).unwrap(), Some(Digest::of(&picture(2))));
    assert!(archive.repair(name, picture(2)).unwrap());
    assert!(!archive.repair(name, picture(2)).unwrap(), "it is whole");
    assert_eq!(read(&archive, 2).unwrap(), picture(2));
    assert_eq!(verbs(&archive).last(), Some(&Verb::Repaired));
    assert!(!aside.exists() && archive.quarantined().is_empty());
    assert_whole(&archive, "after a repair");
}

#[test]
fn a_missing_blob_is_repaired_too() {
    let (_world, archive) = three_papers();
    let name = name_of(&archive, 1);
    archive.shared.stores.blobs.delete_many(&[name]).unwrap();
    assert_eq!(archive.scrub_step(ALL).unwrap().damaged, [name]);
    assert!(archive.quarantined().is_empty(), "there is nothing to move aside");
    assert!(archive.repair(name, picture(1)).unwrap());
    assert_eq!(verbs(&archive).last(), Some(&Verb::Repaired));
    assert_whole(&archive, "after a repair");
}

#[test]
fn the_same_bytes_coming_again_heal_it_whether_it_was_found_or_not() {
    let (_world, archive) = three_papers();
    flip(&archive, 1);
    flip(&archive, 2);
    archive.set_aside(name_of(&archive, 1)).unwrap();
    archive.stage(stage_of(9, &[1, 2])).unwrap();
    for number in [1, 2] {
        assert_eq!(read(&archive, number).unwrap(), picture(number));
    }
    let count = |verb| verbs(&archive).iter().filter(|v| **v == verb).count();
    assert_eq!((count(Verb::Quarantined), count(Verb::Repaired)), (2, 2));
    assert!(archive.quarantined().is_empty());
    assert_whole(&archive, "after the bytes came again");
}

#[test]
fn what_is_whole_or_unknown_is_not_moved_aside() {
    let (_world, archive) = three_papers();
    assert!(!archive.set_aside(name_of(&archive, 1)).unwrap());
    assert!(!archive.set_aside(BlobName([7; 32])).unwrap());
    assert_eq!(archive.digest_of(BlobName([7; 32])).unwrap(), None);
    assert!(archive.quarantined().is_empty() && !verbs(&archive).contains(&Verb::Quarantined));
}

#[test]
fn a_round_goes_on_where_it_was_left_and_the_next_one_waits_a_day() {
    let (world, archive) = three_papers();
    let size = archive.shared.stores.blobs.stat(name_of(&archive, 1)).unwrap().unwrap().size_bytes;
    for blobs in 1..=2 {
        let step = archive.scrub_step(1).unwrap();
        assert_eq!(step, ScrubStep { blob_bytes: size, damaged: Vec::new(), rests: false });
        assert_eq!(archive.scrub_state().current.unwrap().blobs, blobs);
    }
    archive.save_scrub().unwrap();
    drop(archive);
    let archive = world.open();
    let kept = archive.scrub_state().current.unwrap();
    assert_eq!((kept.blobs, kept.blob_bytes), (2, 2 * size));
    // A restart goes by the beginning of a name, and so reads the last blob once more.
    for _ in 0..2 {
        assert_eq!(archive.scrub_step(1).unwrap().blob_bytes, size);
    }
    let step = archive.scrub_step(1).unwrap();
    assert_eq!((step.blob_bytes, step.rests), (0, true));
    let last = archive.scrub_state().last.unwrap();
    assert_eq!((last.blobs, last.damaged, last.ended_at), (4, 0, Some(START)));
    assert!(archive.scrub_step(ALL).unwrap().rests && archive.scrub_state().current.is_none());
    world.clock.advance(SCRUB_ROUND_MS - 1);
    assert_eq!(archive.scrub_step(ALL).unwrap().blob_bytes, 0);
    world.clock.advance(1);
    assert_eq!(archive.scrub_step(ALL).unwrap().blob_bytes, 3 * size);
    std::fs::write(world.data_dir().join("scrub.json"), b"{\"version\": 1, ").unwrap();
    drop(archive);
    assert_eq!(world.open().scrub_state(), crate::ScrubState::default(), "what is no record is passed over");
}

#[test]
fn erasing_wipes_what_was_moved_aside() {
    let (world, archive) = three_papers();
    let sealed = flip(&archive, 2);
    archive.set_aside(name_of(&archive, 2)).unwrap();
    let name = name_of(&archive, 2);
    let aside = world.data_dir().join(format!("quarantine/{}.blob", name.to_hex()));
    assert_eq!(std::fs::read(aside).unwrap(), sealed);
    archive.erase_now(erasure_of_person(1, &resident(2))).unwrap();
    assert_nowhere(&world, &[sealed[1000..1064].to_vec(), name.0.to_vec()], "after the erasure");
    assert!(archive.quarantined().is_empty());
    drop(archive);
    let archive = world.open();
    assert!(archive.scrub_step(ALL).unwrap().damaged.is_empty());
    assert_whole(&archive, "after an erasure");
}

#[test]
fn a_crash_between_repair_and_entry_is_made_good() {
    let (world, archive) = three_papers();
    let name = name_of(&archive, 2);
    let whole = archive.shared.stores.blobs.get(name).unwrap().unwrap();
    flip(&archive, 2);
    archive.set_aside(name).unwrap();
    archive.shared.stores.blobs.put_many(&[(name, whole)]).unwrap();
    drop(archive);
    let archive = world.open();
    assert_eq!(archive.quarantined(), [name]);
    archive.scrub_step(ALL).unwrap();
    assert!(archive.quarantined().is_empty());
    assert_eq!(verbs(&archive).last(), Some(&Verb::Repaired));
}
