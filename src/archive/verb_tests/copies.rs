//! Second copies of ledger and keyring.

use std::fs;

use super::papers::*;
use super::world::{World, file_paper};
use crate::sqlite::{SqliteKeyring, SqliteLedger};
use crate::storage::{KeyPurpose, Keyring, Ledger, Part, StorageFault};
use crate::{Check, Damage, DamagedThing};

#[test]
fn copies_follow_and_leave_out_what_a_capture_is_sealed_with() {
    let world = World::new();
    let archive = world.open();
    assert!(!world.data_dir().join("backup").exists(), "opening copies nothing");
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.stage(stage_of(2, &[2])).unwrap();
    assert_eq!(archive.back_up().unwrap(), 3);
    assert_eq!(archive.back_up().unwrap(), 0, "nothing has happened since");
    file_paper(&archive, 3, &[resident(3)]).unwrap();
    archive.sweep().unwrap();
    let live = archive.shared.stores.ledger.after(0, 100).unwrap();
    drop(archive);
    let copies = world.data_dir().join("backup");
    assert_eq!(SqliteLedger::open(&copies).unwrap().after(0, 100).unwrap(), live);
    let keyring = SqliteKeyring::open(&copies).unwrap();
    assert_eq!(
        keyring.store_id().unwrap(),
        SqliteKeyring::open(&world.data_dir()).unwrap().store_id().unwrap()
    );
    assert_eq!(keyring.count(KeyPurpose::Holder).unwrap(), 2);
    assert_eq!(keyring.count(KeyPurpose::Staged).unwrap(), 0);
    assert_eq!(keyring.store_keys().unwrap().len(), 3);
}

#[test]
fn a_ledger_that_ends_before_its_copy_is_found_out_and_the_copy_stays() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.record(look_at(&resident(1), &[1])).unwrap();
    archive.back_up().unwrap();
    let examined = |archive: &crate::Archive| archive.verify(&mut |_, _| {}).unwrap();
    assert_eq!(examined(&archive).tallies[&Check::Copies].examined, 1);
    drop(archive);
    let ledger = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    ledger.execute_batch("DROP TRIGGER entries_never_go; DELETE FROM entries WHERE sequence = 3").unwrap();
    let trigger = "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END";
    ledger.execute_batch(trigger).unwrap();
    drop(ledger);
    // The index would tell too.
    fs::remove_file(world.data_dir().join("index.db")).unwrap();
    let archive = world.open();
    let expected = Damage {
        check: Check::Copies,
        part: Part::Ledger,
        what: DamagedThing::Entry(3),
        fault: StorageFault::Missing,
    };
    assert_eq!(examined(&archive).damages, [expected]);
    // Another entry takes that place: the copy does not follow.
    file_paper(&archive, 3, &[resident(3)]).unwrap();
    assert!(archive.back_up().is_err());
    let damages = examined(&archive).damages;
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!((damages[0].check, damages[0].fault), (Check::Copies, StorageFault::Damaged));
}

#[test]
fn an_erasure_that_goes_on_over_a_cut_ledger_leaves_the_copy_of_what_was_cut() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.back_up().unwrap();
    let head = archive.head().unwrap();
    drop(archive);
    let ledger = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    let trigger = "CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END";
    let cut =
        "DELETE FROM entries WHERE sequence >= (SELECT sequence FROM entries WHERE verb = 'erasure_done')";
    ledger.execute_batch(&format!("DROP TRIGGER entries_never_go; {cut}; {trigger}")).unwrap();
    drop(ledger);
    let archive = world.open();
    assert!(archive.head().unwrap() < head, "it was cut");
    drop(archive);
    assert_eq!(SqliteLedger::open(&world.data_dir().join("backup")).unwrap().head().unwrap().0, head);
}

#[test]
fn a_damaged_key_takes_no_copys_place() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.back_up().unwrap();
    let copy = world.data_dir().join("backup/keyring.db");
    let before = fs::read(&copy).unwrap();
    drop(archive);
    let keyring = rusqlite::Connection::open(world.data_dir().join("keyring.db")).unwrap();
    keyring.execute("UPDATE keys SET wrapped = zeroblob(60) WHERE purpose = 'holder'", []).unwrap();
    drop(keyring);
    let archive = world.open();
    archive.stage(stage_of(2, &[2])).unwrap();
    assert!(archive.back_up().is_err());
    assert_eq!(fs::read(&copy).unwrap(), before);
    assert!(!copy.with_file_name("keyring.db.tmp").exists());
}

#[test]
fn a_damaged_copy_is_made_anew() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.back_up().unwrap();
    drop(archive);
    for name in ["ledger.db", "keyring.db"] {
        fs::write(world.data_dir().join("backup").join(name), "no database").unwrap();
    }
    let archive = world.open();
    assert!(archive.verify(&mut |_, _| {}).unwrap().is_clean());
    archive.back_up().unwrap();
    drop(archive);
    let copies = world.data_dir().join("backup");
    assert_eq!(SqliteLedger::open(&copies).unwrap().head().unwrap().0, 2);
    assert_eq!(SqliteKeyring::open(&copies).unwrap().count(KeyPurpose::Holder).unwrap(), 1);
}

#[test]
fn an_erased_paper_is_erased_in_the_copy_before_it_is_done() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.back_up().unwrap();
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    let done = archive.head().unwrap();
    drop(archive);
    let copy = SqliteLedger::open(&world.data_dir().join("backup")).unwrap();
    assert_eq!(copy.head().unwrap().0, done - 1, "the tombstone; what is done follows with the next copy");
}
