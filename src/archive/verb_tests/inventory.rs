//! The inventory: all that counts, in order, once, whatever is forgotten or damaged.

use yidang_model::MaterialId;

use super::papers::*;
use super::world::{World, file_paper};
use crate::Archive;
use crate::storage::MaterialRow;

fn walk(archive: &Archive) -> Vec<MaterialId> {
    let (mut found, mut after, mut last) = (Vec::new(), Some(0), 0);
    while let Some(place) = after {
        let page = archive.inventory(place).unwrap();
        for line in page.lines {
            assert!(line.sequence > last, "in the order of filing");
            last = line.sequence;
            found.push(line.id);
        }
        after = page.next;
    }
    found
}

#[test]
fn everything_on_file_is_listed_once_in_order_over_many_pages() {
    let world = World::new();
    let archive = world.open();
    assert_eq!(walk(&archive), []);
    // Two entries each: more than one page of the ledger.
    for number in 1..=70 {
        file_paper(&archive, number, &[resident(u16::from(number % 7) + 1)]).unwrap();
    }
    archive.record(look_at(&resident(2), &[1])).unwrap();
    assert_eq!(walk(&archive), (1..=70).map(material_id).collect::<Vec<_>>());
    let first = archive.inventory(0).unwrap().lines.remove(0);
    assert_eq!((first.pages, first.counter.as_str(), first.filed_at), (1, "window-1", START));
    let row: MaterialRow = archive.shared.stores.index.material(material_id(1)).unwrap().unwrap();
    assert_eq!(first.sequence, row.sequence);
}

#[test]
fn the_forgotten_and_the_erased_are_not_listed() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=4 {
        file_paper(&archive, number, &[resident(u16::from(number))]).unwrap();
    }
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    archive.erase_now(erasure_of_material(2, 3)).unwrap();
    assert_eq!(walk(&archive), [material_id(2), material_id(4)]);
}

#[test]
fn a_folder_without_an_archive_is_told_from_one_with_it() {
    let world = World::new();
    assert!(!Archive::is_founded(&world.data_dir()));
    drop(Archive::open(&world.options()).unwrap());
    assert!(Archive::is_founded(&world.data_dir()));
    std::fs::remove_file(world.data_dir().join("ledger.db")).unwrap();
    assert!(Archive::is_founded(&world.data_dir()), "what was lost was there");
}
