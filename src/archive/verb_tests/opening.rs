//! Opening: the lock, the epoch key, what was lost.

use std::time::SystemTime;

use super::papers::*;
use super::salvage_crashes::wish;
use super::world::{World, assert_whole, file_paper, how};
use crate::storage::{KeyKeeperError, Part, StorageFault};
use crate::{Archive, ArchiveError, DamagedThing};

/// Every file with its contents.
fn contents(world: &World) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    fn collect(folder: &std::path::Path, found: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if !path.to_string_lossy().ends_with("-shm") && !path.ends_with("lock") {
                let bytes = std::fs::read(&path).unwrap();
                // An empty journal comes and goes with a connection.
                if !(bytes.is_empty() && path.to_string_lossy().ends_with("-wal")) {
                    found.push((path, bytes));
                }
            }
        }
    }
    let mut found = Vec::new();
    collect(&world.data_dir(), &mut found);
    collect(&world.keys_dir(), &mut found);
    found.sort();
    found
}

fn founded() -> World {
    let world = World::new();
    file_paper(&Archive::open(&world.options()).unwrap(), 1, &[resident(1)]).unwrap();
    world
}

fn key_files(world: &World) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(world.keys_dir()).unwrap().map(|e| e.unwrap().path()).collect()
}

fn storage_fault(error: &ArchiveError) -> Option<(Part, StorageFault)> {
    match error {
        ArchiveError::Storage(error) => Some((error.part, error.fault)),
        _ => None,
    }
}

#[test]
fn only_one_can_have_it_open() {
    let world = founded();
    let archive = Archive::open(&world.options()).unwrap();
    let error = Archive::open(&world.options()).unwrap_err();
    assert_eq!(storage_fault(&error), Some((Part::Folder, StorageFault::InUse)));
    let id = archive.store_id().to_owned();
    let clone = archive.clone();
    drop(archive);
    assert!(Archive::open(&world.options()).is_err(), "a clone still has it open");
    drop(clone);
    assert_eq!(Archive::open(&world.options()).unwrap().store_id(), id);
}

#[test]
fn a_missing_or_wrong_epoch_key_is_refused_before_anything_is_written() {
    let world = founded();
    let other = founded();
    let [own] = &key_files(&world)[..] else { panic!("one key file") };
    let [theirs] = &key_files(&other)[..] else { panic!("one key file") };
    let saved = std::fs::read(own).unwrap();

    std::fs::remove_file(own).unwrap();
    let before = contents(&world);
    let missing = Archive::open(&world.options()).unwrap_err();
    assert_eq!(missing, ArchiveError::Keys(KeyKeeperError::Missing(1)));
    assert_eq!(contents(&world), before);

    std::fs::copy(theirs, own).unwrap();
    let before = contents(&world);
    assert_eq!(Archive::open(&world.options()).unwrap_err(), ArchiveError::KeysWrong);
    assert_eq!(contents(&world), before);

    std::fs::write(own, b"no key").unwrap();
    let before = contents(&world);
    let damaged = Archive::open(&world.options()).unwrap_err();
    assert_eq!(damaged, ArchiveError::Keys(KeyKeeperError::Damaged(1)));
    assert_eq!(contents(&world), before);

    std::fs::write(own, saved).unwrap();
    let archive = Archive::open(&world.options()).unwrap();
    assert!(archive.material(material_id(1)).unwrap().is_some());
}

#[test]
fn a_new_store_never_takes_over_the_key_of_another() {
    let world = founded();
    let before = std::fs::read(&key_files(&world)[0]).unwrap();
    let second = World::new();
    let options = crate::ArchiveOptions { keys_dir: world.keys_dir(), ..second.options() };
    assert_eq!(Archive::open(&options).unwrap_err(), ArchiveError::KeysWrong);
    assert_eq!(std::fs::read(&key_files(&world)[0]).unwrap(), before);
    assert!(Archive::open(&world.options()).is_ok());
}

#[test]
fn a_lost_ledger_or_keyring_is_refused_and_not_founded_anew() {
    for (lost, part) in [("ledger.db", Part::Ledger), ("keyring.db", Part::Keyring)] {
        let world = founded();
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(world.data_dir().join(format!("{lost}{suffix}")));
        }
        let error = Archive::open(&world.options()).unwrap_err();
        assert_eq!(storage_fault(&error), Some((part, StorageFault::Missing)), "{lost}");
        assert!(!world.data_dir().join(lost).exists());
    }
}

#[test]
fn a_lost_damaged_or_older_index_is_made_anew() {
    let world = founded();
    let index = world.data_dir().join("index.db");
    let whole = std::fs::read(&index).unwrap();
    type Harm = fn(&std::path::Path);
    let harms: [Harm; 3] = [
        |index| std::fs::remove_file(index).unwrap(),
        |index| std::fs::write(index, b"not a database, and longer than a header of one is, by far").unwrap(),
        |index| std::fs::write(index, b"").unwrap(),
    ];
    for harm in harms {
        harm(&index);
        let archive = Archive::open(&world.options()).unwrap();
        assert!(archive.material(material_id(1)).unwrap().is_some());
        assert_whole(&archive, "after the index was made anew");
    }
    let archive = Archive::open(&world.options()).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    drop(archive);
    std::fs::write(&index, whole).unwrap();
    let archive = Archive::open(&world.options()).unwrap();
    assert!(archive.material(material_id(2)).unwrap().is_some(), "an index from yesterday catches up");
    assert_whole(&archive, "after catching up");
}

#[test]
fn an_index_ahead_of_the_ledger_is_made_anew() {
    let world = founded();
    let ledger = world.data_dir().join("ledger.db");
    let yesterday = std::fs::read(&ledger).unwrap();
    let archive = Archive::open(&world.options()).unwrap();
    archive.stage(stage_of(2, &[2])).unwrap();
    drop(archive);
    let _ = std::fs::remove_file(world.data_dir().join("ledger.db-wal"));
    std::fs::write(&ledger, yesterday).unwrap();
    let archive = Archive::open(&world.options()).unwrap();
    assert_eq!(archive.staged(capture(2)).unwrap(), None);
    assert!(archive.material(material_id(1)).unwrap().is_some());
    assert!(!archive.tells_every_hold().unwrap(), "what the index knew may have been a hold");
    let head = archive.head().unwrap();
    let lost = archive.verify(&mut |_, _| {}).unwrap();
    assert!(lost.damages.iter().any(|d| d.what == DamagedThing::Entry(head - 1)), "{:?}", lost.damages);
    drop(archive);
    let report = Archive::rebuild(&world.options(), &how(), &wish()).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.ledger.lost_count), ("rebuilt", 1), "{report:?}");
    assert!(report.holds_unproven && report.ledger.lost == [(head - 1, head - 1)], "{report:?}");
    let archive = Archive::open(&world.options()).unwrap();
    assert!(archive.confirm_holds(&clerk()).unwrap());
    let verified = archive.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.known_lost, verified.damages), (1, Vec::new()), "after the ledger was put back");
}

#[test]
fn opening_and_closing_takes_moments() {
    let world = founded();
    let start = SystemTime::now();
    drop(Archive::open(&world.options()).unwrap());
    assert!(start.elapsed().unwrap().as_secs() < 10);
}
