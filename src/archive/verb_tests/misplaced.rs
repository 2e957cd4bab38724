//! The table of places has lost a blob, or has it elsewhere: the paper is whole all the same, and goes when it has to.

use std::fs;

use yidang_model::Digest;

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::Archive;
use crate::files::BlobSegments;
use crate::storage::BlobName;

/// What is done to the row of a picture.
const WRONG: [&str; 3] = [
    "DELETE FROM places WHERE name = ?1",
    "UPDATE places SET begin = begin + 64 WHERE name = ?1",
    "UPDATE places SET size_bytes = 9 WHERE name = ?1",
];

fn name_of(archive: &Archive, number: u8) -> BlobName {
    archive.shared.stores.keys.blob_name(&Digest::of(&picture(number)))
}

/// Papers 1 and 2 of two people, closed, the first one's row wrong; and a stretch of its picture as it is sealed.
fn misplaced(statement: &str) -> (World, Vec<u8>) {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    let name = name_of(&archive, 1);
    let sealed = archive.shared.stores.blobs.get(name).unwrap().unwrap();
    drop(archive);
    let table = rusqlite::Connection::open(world.data_dir().join("blobs/places.db")).unwrap();
    assert_eq!(table.execute(statement, [name.0]).unwrap(), 1);
    (world, sealed[30_000..30_064].to_vec())
}

fn is_stored(world: &World, wanted: &[u8]) -> bool {
    let segments = fs::read_dir(world.data_dir().join("blobs/segments")).unwrap();
    segments
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

#[test]
fn a_paper_is_whole_and_its_picture_stored_once() {
    for statement in WRONG {
        let (world, _) = misplaced(statement);
        let archive = world.open();
        assert_eq!(
            archive.blob(material_id(1), &Digest::of(&picture(1))).unwrap(),
            picture(1),
            "{statement}"
        );
        assert_whole(&archive, statement);
        drop(archive);
        // The same picture again, for another person.
        let (world, _) = misplaced(statement);
        let archive = world.open();
        archive.stage(stage_of(3, &[1])).unwrap();
        let mut again = shared_paper(1, &[resident(3)]);
        again.id = material_id(3);
        archive.file(filing_of(again, &[3])).unwrap();
        assert_eq!(BlobSegments::count_in(&world.data_dir()).unwrap(), 2, "{statement}");
        assert_whole(&archive, statement);
    }
}

#[test]
fn what_is_erased_is_overwritten() {
    for statement in WRONG {
        for whole in [false, true] {
            let (world, sealed) = misplaced(statement);
            assert!(is_stored(&world, &sealed));
            let archive = world.open();
            let erasure = if whole { erasure_of_person(1, &resident(1)) } else { erasure_of_material(1, 1) };
            archive.erase_now(erasure).unwrap();
            assert!(!is_stored(&world, &sealed), "{statement}");
            assert_eq!(BlobSegments::count_in(&world.data_dir()).unwrap(), 1, "{statement}");
            assert_whole(&archive, statement);
        }
    }
}
