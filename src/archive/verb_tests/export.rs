//! An export: written down before anything is read, of one person's materials and nobody else's.

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::entry::open_entry;
use crate::record::LookPersonal;
use crate::storage::Verb;
use crate::{Archive, ArchiveError, Export};

fn export_of(number: u16) -> Export {
    Export { who: resident(number), purpose: "moving away".to_owned(), case: None, by: clerk() }
}

fn entries(archive: &Archive, verb: Verb) -> usize {
    let entries = archive.shared.stores.ledger.after(0, usize::MAX).unwrap();
    entries.iter().filter(|entry| entry.content.verb == verb).count()
}

#[test]
fn it_is_written_down_with_its_materials_in_the_order_of_filing() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=6 {
        file_paper(&archive, number, &[resident(u16::from(number % 2))]).unwrap();
    }
    archive.erase_now(erasure_of_material(1, 3)).unwrap();
    let exported = archive.begin_export(export_of(1)).unwrap();
    assert_eq!(exported, [material_id(1), material_id(5)]);
    let stores = &archive.shared.stores;
    let entry = stores.ledger.after(0, usize::MAX).unwrap().pop().unwrap();
    let opened = open_entry(&stores.keys, &entry).unwrap();
    assert_eq!((opened.verb, opened.office.operator.clone()), (Verb::Exported, clerk().operator));
    assert_eq!(opened.refs.materials.iter().map(|id| id.0).collect::<Vec<_>>(), exported);
    assert_eq!(opened.subjects, [Some(resident(1))]);
    let personal: LookPersonal = opened.personal().unwrap().unwrap();
    assert_eq!(personal.purpose.as_deref(), Some("moving away"));
    assert_whole(&archive, "after an export");
}

#[test]
fn of_whom_nothing_is_on_file_nothing_is_written() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    for number in [1, 2] {
        assert_eq!(archive.begin_export(export_of(number)).unwrap_err(), ArchiveError::HolderUnknown);
    }
    assert_eq!(entries(&archive, Verb::Exported), 0);
}

#[test]
fn a_dossier_longer_than_an_entry_may_name_takes_several() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    for number in 0..crate::LOOK_MATERIALS_MAX as u32 + 5 {
        let mut material = shared_paper(1, &[resident(1)]);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&(number + 1).to_be_bytes());
        material.id = yidang_model::MaterialId::from_bytes(id);
        material.case = Some(format!("case-{number}"));
        archive.file(filing_of(material, if number == 0 { &[1] } else { &[] })).unwrap();
    }
    let exported = archive.begin_export(export_of(1)).unwrap();
    assert_eq!(exported.len(), crate::LOOK_MATERIALS_MAX + 5);
    assert_eq!(exported[0].as_bytes()[3], 1);
    assert_eq!(entries(&archive, Verb::Exported), 2);
}
