//! After a rebuild that has lost entries: what those may have needed stays, and what came afterwards goes as ever.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::damage::tamper;
use super::originals::*;
use super::papers::*;
use super::world::{World, file_paper, how};
use crate::storage::BlobStore;
use crate::{Anchor, Archive, ArchiveError, LedgerState, Rebuild};

/// Papers 1 and 2 of two people, cut out of one frame, and 3 of a third one; the second's entry and the last one are lost, and
/// the ledger was made anew of what is left.
fn rebuilt() -> World {
    rebuilt_after(|_, _| {})
}

fn rebuilt_after(prepare: impl FnOnce(&World, &Archive)) -> World {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let lost = file_cut(&archive, 2, 101, 2).stored.sequence;
    file_cut(&archive, 3, 103, 3);
    archive.record(look_at(&resident(3), &[3])).unwrap();
    let head = archive.head().unwrap();
    prepare(&world, &archive);
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence IN ({lost}, {head})"));
    let rebuild = Rebuild { anchor: &|_| Anchor::Unknown("no_repository"), by: clerk() };
    let report = Archive::rebuild(&world.options(), &how(), &rebuild).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.ledger.lost_count), ("rebuilt", 2), "{report:?}");
    assert!(world.open().confirm_holds(&clerk()).unwrap());
    // Blobs are dated to the millisecond.
    std::thread::sleep(Duration::from_millis(5));
    world
}

#[test]
fn what_a_lost_entry_may_need_stays_and_what_came_afterwards_goes() {
    let world = rebuilt();
    let archive = world.open();
    file_cut(&archive, 4, 104, 4);
    file_cut(&archive, 5, 103, 4);
    archive.stage(stage_of(9, &[9])).unwrap();
    assert!(!archive.tells_every_blob().unwrap());
    assert_eq!(
        dispose(&archive, &[1, 3, 4, 5]).unwrap(),
        [material_id(4)],
        "the others' frames were there before"
    );
    assert!(is_gone(&archive, 104) && !is_gone(&archive, 101) && !is_gone(&archive, 103));
    assert_eq!(read(&archive, 3, 103).unwrap(), picture(103));
    assert_eq!(archive.erase_now(erasure_of_material(1, 1)).unwrap().unproven, 2);
    assert_eq!(archive.erase_now(erasure_of_material(2, 4)).unwrap().unproven, 0);
    assert_eq!(
        archive.erase_now(erasure_of_material(3, 5)).unwrap().unproven,
        0,
        "its frame is another's too"
    );
    assert!(is_gone(&archive, 4) && is_gone(&archive, 5));
    world.clock.advance(LATER_MS);
    let swept = archive.sweep().unwrap();
    assert!(is_gone(&archive, 9), "{swept:?}");
    for number in [101, 1, 2, 103] {
        assert!(!is_gone(&archive, number), "{number}");
    }
    // Taken in again it is sealed with another key, and what was there is kept.
    let before = archive.shared.stores.blobs.get(name_of(&archive, 2)).unwrap();
    archive.stage(stage_of(10, &[2])).unwrap();
    let quarantine = archive.shared.stores.quarantine.as_ref().unwrap();
    assert_eq!(quarantine.kept_copy(name_of(&archive, 2)).unwrap(), before);
    archive.stage(stage_of(11, &[9])).unwrap();
}

/// What the repository decided waits where a lost entry may need it, and is carried out where none may.
#[test]
fn originals_that_a_lost_entry_may_need_wait() {
    let world = rebuilt();
    let archive = world.open();
    file_cut(&archive, 4, 104, 4);
    let by = crate::Actor { client: "repository".to_owned(), operator: None };
    archive.drop_originals(&[3, 4].map(material_id), None, &by).unwrap();
    assert!(!is_gone(&archive, 103) && is_gone(&archive, 104));
    assert!(archive.awaits_originals(material_id(3)).unwrap());
    archive.sweep().unwrap();
    assert!(!is_gone(&archive, 103));
    assert!(archive.material(material_id(4)).unwrap().unwrap().originals_disposed);
}

#[test]
fn what_is_missing_behind_a_rebuild_puts_everything_in_doubt() {
    let world = rebuilt();
    let archive = world.open();
    let lost = file_cut(&archive, 4, 104, 4).stored.sequence;
    file_cut(&archive, 5, 105, 5);
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {lost}"));
    let archive = world.open();
    assert!(dispose(&archive, &[5]).is_err(), "the index has it, the ledger does not");
    archive.rebuild_index().unwrap();
    assert!(dispose(&archive, &[5]).is_err());
    assert_eq!(archive.erase_now(erasure_of_material(1, 5)).map(drop), Err(ArchiveError::HoldsUnproven));
    assert!(!is_gone(&archive, 5));
}

/// What the rebuild entered is known; what comes to harm before it later is damage, whether the index has it or was made without.
#[test]
fn what_comes_to_harm_before_a_rebuild_is_damage_beside_what_that_entered() {
    let first = "(SELECT min(sequence) FROM entries WHERE verb = 'filed')";
    let harms = [
        (None, LedgerState::Incomplete),
        (Some("DELETE FROM entries WHERE sequence = "), LedgerState::Damaged),
        (Some("UPDATE entries SET body = randomblob(400) WHERE sequence = "), LedgerState::Damaged),
    ];
    for (harm, state) in harms {
        for index_is_kept in [true, false] {
            let world = rebuilt();
            let _ = std::fs::remove_dir_all(world.data_dir().join("backup"));
            if let Some(harm) = harm {
                tamper(&world, &format!("{harm}{first}"));
            }
            let archive = world.open();
            if !index_is_kept {
                archive.rebuild_index().unwrap();
            }
            let case = format!("{harm:?}, index kept: {index_is_kept}");
            assert!(!archive.tells_every_blob().unwrap(), "{case}");
            assert_eq!(archive.ledger_state(), state, "{case}");
            let chain = archive.verify(&mut |_, _| {}).unwrap().tallies[&crate::Check::Chain];
            assert_eq!(chain.failed == 0, state == LedgerState::Incomplete, "{case}");
        }
    }
}

/// Entries that the rebuild named as changed, and papers whose keys were gone when it was made, are no news either.
#[test]
fn what_was_changed_or_had_lost_its_key_before_a_rebuild_is_known() {
    let world = World::new();
    let archive = world.open();
    let numbers = 1..=4_u8;
    let filed: Vec<u64> = numbers
        .map(|number| file_paper(&archive, number, &[resident(number.into())]).unwrap().stored.sequence)
        .collect();
    let key_of = |number| {
        let keys = &archive.shared.stores.keys;
        keys.holder(keys.subject_tag(&resident(number))).unwrap().unwrap().id
    };
    let (before, since) = (key_of(3), key_of(4));
    archive.shared.stores.keys.forget(&[before]).unwrap();
    drop(archive);
    let _ = std::fs::remove_dir_all(world.data_dir().join("backup"));
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {}", filed[0]));
    let another = "(SELECT body FROM entries WHERE sequence = 1)";
    tamper(&world, &format!("UPDATE entries SET body = {another} WHERE sequence = {}", filed[1]));
    let rebuild = Rebuild { anchor: &|_| Anchor::Unknown("no_repository"), by: clerk() };
    let report = Archive::rebuild(&world.options(), &how(), &rebuild).unwrap();
    assert_eq!((report.ledger.lost_count, &report.ledger.breaks), (1, &vec![filed[1]]), "{report:?}");
    for _ in 0..2 {
        let archive = world.open();
        archive.confirm_holds(&clerk()).unwrap();
        archive.rebuild_index().unwrap();
        archive.tells_every_blob().unwrap();
        assert_eq!(archive.ledger_state(), LedgerState::Incomplete);
    }
    let _ = std::fs::remove_dir_all(world.data_dir().join("backup"));
    world.open().shared.stores.keys.forget(&[since]).unwrap();
    let archive = world.open();
    archive.tells_every_blob().unwrap();
    assert_eq!(
        archive.ledger_state(),
        LedgerState::Damaged,
        "the index has the paper, and nobody can open it"
    );
}

/// A picture that was damaged and fetched back is dated anew, and is the one that was there all the same.
#[test]
fn a_frame_that_was_repaired_since_was_there_before() {
    let world = rebuilt();
    let archive = world.open();
    let name = name_of(&archive, 101);
    archive.shared.stores.blobs.put_many(&[(name, vec![1; 70_000])]).unwrap();
    assert!(archive.set_aside(name).unwrap());
    assert!(archive.repair(name, picture(101)).unwrap());
    for _ in 0..2 {
        assert_eq!(dispose(&archive, &[1]).unwrap(), []);
        archive.rebuild_index().unwrap();
    }
    std::thread::sleep(Duration::from_millis(5));
    file_cut(&archive, 4, 104, 4);
    assert_eq!(dispose(&archive, &[1, 4]).unwrap(), [material_id(4)]);
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
}

/// The clock that dated a blob may have been ahead: nothing that was there counts as having come afterwards.
#[test]
fn a_blob_whose_clock_was_ahead_was_there_before_all_the_same() {
    let world = rebuilt_after(|world, archive| {
        let name = name_of(archive, 103);
        let sealed = archive.shared.stores.blobs.get(name).unwrap().unwrap();
        archive.shared.stores.blobs.delete_many(&[name]).unwrap();
        // Blobs of earlier versions are files, dated by the file system.
        crate::files::BlobFiles::open(&world.data_dir()).unwrap().put_many(&[(name, sealed)]).unwrap();
        let hex = name.to_hex();
        let file = world.data_dir().join("blobs").join(&hex[..2]).join(format!("{}.blob", &hex[2..]));
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        File::options().write(true).open(file).unwrap().set_modified(ahead).unwrap();
    });
    let archive = world.open();
    assert_eq!(read(&archive, 3, 103).unwrap(), picture(103));
    assert_eq!(dispose(&archive, &[3]).unwrap(), []);
    // Until the clock has come there, what is stored cannot be told from it.
    file_cut(&archive, 4, 104, 4);
    assert_eq!(dispose(&archive, &[3, 4]).unwrap(), []);
}

#[test]
fn an_index_of_what_is_left_agrees_with_a_ledger_that_lost_what_was_staged() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.stage(stage_of(9, &[9])).unwrap();
    drop(archive);
    tamper(
        &world,
        "DELETE FROM entries WHERE sequence = (SELECT min(sequence) FROM entries WHERE verb = 'staged')",
    );
    let rebuild = Rebuild { anchor: &|_| Anchor::Unknown("no_repository"), by: clerk() };
    let report = Archive::rebuild(&world.options(), &how(), &rebuild).unwrap();
    assert_eq!(report.ledger.lost_count, 1, "{report:?}");
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    archive.rebuild_index().unwrap();
    let of_index = |archive: &Archive| {
        let damages = archive.verify(&mut |_, _| {}).unwrap().damages;
        damages.into_iter().filter(|damage| damage.check == crate::Check::Index).collect::<Vec<_>>()
    };
    assert_eq!(
        of_index(&archive),
        [],
        "the set whose entry is lost was used up, and none waits in its place"
    );
    // One whose entry is there is still missed.
    drop(archive);
    let index = rusqlite::Connection::open(world.data_dir().join("index.db")).unwrap();
    assert_eq!(index.execute("DELETE FROM staged WHERE state = 'unfiled'", []).unwrap(), 1);
    drop(index);
    let missed = of_index(&world.open());
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0].fault, crate::storage::StorageFault::Missing);
}
