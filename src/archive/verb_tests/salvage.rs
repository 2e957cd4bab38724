//! Ledger and keyring, made anew of what is left of them.

use std::fs;
use std::path::PathBuf;

use super::damage::tamper;
use super::holds::hold;
use super::papers::*;
use super::world::{World, file_paper, how};
use crate::storage::{Part, StorageFault};
use crate::{Anchor, Archive, ArchiveError, HistoryPage, HoldTarget, LedgerState, Rebuild, RebuildReport};

const ALL: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

/// Papers 1 to 40 of four people, one of them erased, one a capture; closed. The copies have `copied` papers of it, if any.
fn filled(copied: Option<u8>) -> World {
    let world = World::new();
    let archive = world.open();
    for number in 1..=40 {
        file_paper(&archive, number, &[resident(u16::from(number % 4))]).unwrap();
        if number == 20 {
            archive.erase_now(erasure_of_material(5, 5)).unwrap();
        }
        if copied == Some(number) {
            archive.back_up().unwrap();
        }
    }
    archive.stage(stage_of(50, &[50])).unwrap();
    world
}

fn rebuild(world: &World) -> Result<RebuildReport, ArchiveError> {
    rebuild_beside(world, Anchor::Unknown("no_repository"))
}

fn rebuild_beside(world: &World, anchor: Anchor) -> Result<RebuildReport, ArchiveError> {
    Archive::rebuild(&world.options(), &how(), &Rebuild { anchor: &|_| anchor, by: clerk() })
}

fn path(world: &World, file: &str) -> PathBuf {
    world.data_dir().join(file)
}

/// Overwrites every page from this one on, but for some at the end.
fn overwrite(world: &World, file: &str, pages: std::ops::Range<usize>) {
    let mut bytes = fs::read(path(world, file)).unwrap();
    let end = (pages.end * 4096).min(bytes.len());
    bytes[pages.start * 4096..end].fill(0xA5);
    fs::write(path(world, file), bytes).unwrap();
}

fn cut(world: &World, file: &str, pages: usize) {
    let bytes = fs::read(path(world, file)).unwrap();
    assert!(bytes.len() > pages * 4096);
    fs::write(path(world, file), &bytes[..pages * 4096 + 100]).unwrap();
}

/// How many papers all four have on file, each with its picture.
fn papers(archive: &Archive) -> usize {
    let dossiers = (0..4).map(|number| archive.history(&resident(number), ALL).unwrap());
    dossiers
        .flatten()
        .inspect(|paper| {
            let digest = paper.material.pages[0].image.digest;
            archive.blob(paper.material.id, &digest).unwrap();
        })
        .count()
}

/// What holds after every rebuild that had all it needed.
fn assert_nothing_lost(world: &World, report: &RebuildReport) {
    assert!(report.complete, "{report:?}");
    let archive = world.open();
    assert_eq!(papers(&archive), 39);
    assert!(archive.is_erased(material_id(5)).unwrap());
    let verified = archive.verify(&mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{:?}", verified.damages);
    file_paper(&archive, 60, &[resident(1)]).unwrap();
    assert_eq!(papers(&archive), 40);
}

#[test]
fn what_is_whole_stays_as_it_is() {
    for copied in [None, Some(30)] {
        let world = filled(copied);
        let before =
            [fs::read(path(&world, "ledger.db")).unwrap(), fs::read(path(&world, "keyring.db")).unwrap()];
        let report = rebuild(&world).unwrap();
        assert_eq!((report.ledger.state.as_str(), report.keyring.state.as_str()), ("unchanged", "unchanged"));
        assert!(report.complete && report.aside.is_none(), "{report:?}");
        assert_eq!(report.ledger.entries, 84, "{report:?}");
        assert!(!path(&world, "rebuild.tmp").exists());
        let after =
            [fs::read(path(&world, "ledger.db")).unwrap(), fs::read(path(&world, "keyring.db")).unwrap()];
        assert_eq!(before, after);
        assert_nothing_lost(&world, &report);
    }
}

#[test]
fn a_running_archive_is_left_alone() {
    let world = filled(None);
    let archive = Archive::open(&world.options()).unwrap();
    assert!(
        matches!(rebuild(&world), Err(ArchiveError::Storage(e)) if e.fault == crate::storage::StorageFault::InUse)
    );
    drop(archive);
}

#[test]
fn a_damaged_ledger_is_joined_from_its_remains_and_its_copy() {
    type Spoil = fn(&World);
    let damages: [(&str, Spoil); 4] = [
        ("cut", |world| cut(world, "ledger.db", 8)),
        ("overwritten in the middle", |world| overwrite(world, "ledger.db", 6..14)),
        ("without its first pages", |world| overwrite(world, "ledger.db", 0..3)),
        ("gone", |world| fs::remove_file(path(world, "ledger.db")).unwrap()),
    ];
    for (what, spoil) in damages {
        let world = filled(Some(40));
        spoil(&world);
        let report = rebuild(&world).unwrap();
        assert_eq!(report.ledger.state, "rebuilt", "{what}: {report:?}");
        assert_eq!(report.keyring.state, "unchanged", "{what}");
        // Without the pages above them the others still hold all there is.
        assert_eq!(report.ledger.from_copy > 0, what != "without its first pages", "{what}: {report:?}");
        let staged_after_the_copy = u64::from(what == "gone" || what == "cut");
        assert_eq!(report.ledger.lost_count, staged_after_the_copy, "{what}: {report:?}");
        let aside = path(&world, report.aside.as_ref().unwrap());
        assert_eq!(aside.join("ledger.db").exists(), what != "gone", "{what}");
        let archive = world.open();
        assert_eq!(papers(&archive), 39, "{what}");
        assert!(archive.is_erased(material_id(5)).unwrap(), "{what}");
        let last = archive.changes(0, 1000).unwrap();
        assert!(last.windows(2).all(|two| two[0].sequence < two[1].sequence), "{what}");
        file_paper(&archive, 60, &[resident(1)]).unwrap();
        assert_eq!(papers(&archive), 40, "{what}");
        drop(archive);
        let again = rebuild(&world).unwrap();
        assert_eq!(again.ledger.state, "unchanged", "{what}: {again:?}");
    }
}

#[test]
fn what_a_ledger_without_a_copy_has_lost_is_named_and_its_places_are_never_given_again() {
    let world = filled(None);
    let head = world.open().head().unwrap();
    overwrite(&world, "ledger.db", 10..13);
    cut(&world, "ledger.db", 24);
    let report = rebuild(&world).unwrap();
    let ledger = &report.ledger;
    assert_eq!((ledger.state.as_str(), ledger.from_copy), ("rebuilt", 0), "{report:?}");
    assert_eq!((ledger.known_head, ledger.known_by.as_str()), (head, "index"));
    assert!(!report.complete && ledger.lost_count > 3 && ledger.lost.len() >= 2, "{report:?}");
    assert_eq!(ledger.entries + ledger.lost_count, head);
    let archive = world.open();
    assert_eq!(archive.head().unwrap(), head + 1, "the entry that says so stands behind all that is lost");
    let kept = papers(&archive);
    assert!(kept > 10 && kept < 39, "{kept}");
    let verified = archive.verify(&mut |_, _| {}).unwrap();
    let chain = verified.tallies[&crate::Check::Chain];
    assert_eq!((verified.known_lost, chain.failed), (ledger.lost_count, 0), "{:?}", verified.damages);
    file_paper(&archive, 60, &[resident(1)]).unwrap();
    assert_eq!(archive.head().unwrap(), head + 3);
    drop(archive);
    assert_eq!(rebuild(&world).unwrap().ledger.state, "unchanged");
}

#[test]
fn a_ledger_that_is_nowhere_is_not_made_up() {
    let world = filled(None);
    fs::remove_file(path(&world, "ledger.db")).unwrap();
    let report = rebuild(&world).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.complete), ("lost", false));
    assert!(report.ledger.lost_count > 80, "the index knows how long it was: {report:?}");
    assert!(!path(&world, "ledger.db").exists() && path(&world, "keyring.db").exists());
}

#[test]
fn a_damaged_keyring_is_joined_from_its_remains_and_its_copy() {
    type Spoil = fn(&World);
    let damages: [(&str, Spoil); 4] = [
        ("overwritten", |world| overwrite(world, "keyring.db", 3..200)),
        ("without its first page", |world| overwrite(world, "keyring.db", 0..1)),
        ("cut", |world| cut(world, "keyring.db", 2)),
        ("gone", |world| fs::remove_file(path(world, "keyring.db")).unwrap()),
    ];
    for (what, spoil) in damages {
        let world = filled(Some(40));
        let store_id = world.open().store_id().to_owned();
        spoil(&world);
        assert!(Archive::open(&world.options()).is_err(), "{what}");
        let report = rebuild(&world).unwrap();
        assert_eq!(report.keyring.state, "rebuilt", "{what}: {report:?}");
        assert!(report.materials_lost == 0 && !report.keyring.renamed, "{what}: {report:?}");
        // The copy has no key of the capture: they are forgotten one by one.
        let captures_lost = u64::from(report.keyring.from_keyring == 0);
        assert_eq!((report.captures_lost, report.complete), (captures_lost, captures_lost == 0), "{what}");
        let archive = world.open();
        assert_eq!(archive.store_id(), store_id);
        assert_eq!(papers(&archive), 39, "{what}");
        file_paper(&archive, 60, &[resident(1)]).unwrap();
    }
}

#[test]
fn a_keyring_that_is_nowhere_is_not_made_up_and_one_without_a_copy_keeps_what_is_left() {
    let world = filled(None);
    fs::remove_file(path(&world, "keyring.db")).unwrap();
    let report = rebuild(&world).unwrap();
    assert_eq!((report.keyring.state.as_str(), report.complete), ("lost", false), "{report:?}");
    assert!(!path(&world, "keyring.db").exists() && path(&world, "ledger.db").exists());

    let world = filled(None);
    overwrite(&world, "keyring.db", 0..1);
    let report = rebuild(&world).unwrap();
    assert_eq!(report.keyring.state, "rebuilt", "{report:?}");
    assert_eq!(report.keyring.from_copy, 0);
    assert_nothing_lost(&world, &report);
}

#[test]
fn the_repository_tells_of_entries_that_nothing_here_remembers() {
    let world = filled(None);
    let head = world.open().head().unwrap();
    fs::remove_file(path(&world, "index.db")).unwrap();
    let behind = Anchor::Head { sequence: head + 3, hash: [1; 32] };
    let report = rebuild_beside(&world, behind).unwrap();
    assert_eq!((report.repository.as_str(), report.ledger.lost_count), ("behind", 3), "{report:?}");
    assert_eq!(report.ledger.lost, [(head + 1, head + 3)]);
    let archive = world.open();
    assert_eq!(archive.head().unwrap(), head + 4);
    assert_eq!(papers(&archive), 39);
    drop(archive);
    let differs = Anchor::Head { sequence: head, hash: [1; 32] };
    assert_eq!(rebuild_beside(&world, differs).unwrap().repository, "differs");
}

/// An older ledger that went on past what the repository remembers: every place has an entry, and what was there before is
/// lost all the same.
#[test]
fn what_went_on_past_what_the_repository_remembers_is_known_to_have_lost_something() {
    let world = filled(None);
    let head = world.open().head().unwrap();
    let differs = Anchor::Head { sequence: head - 3, hash: [1; 32] };
    let report = rebuild_beside(&world, differs).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.ledger.lost_count), ("rebuilt", 0), "{report:?}");
    let assert_is_known = |archive: &Archive, when: &str| {
        archive.confirm_holds(&clerk()).unwrap();
        archive.tells_every_blob().unwrap();
        assert_eq!(archive.ledger_state(), LedgerState::Incomplete, "{when}");
        file_paper(archive, archive.head().unwrap() as u8, &[resident(2)]).unwrap();
        archive.tells_every_blob().unwrap();
        assert_eq!(archive.ledger_state(), LedgerState::Incomplete, "{when}, and more was entered");
        let verified = archive.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.known_lost, verified.damages), (1, Vec::new()), "{when}");
    };
    assert_is_known(&world.open(), "as the rebuild found it");
    assert_is_known(&world.open(), "after a restart");
    // The repository was told of the new end, so that it differs no more.
    let (sequence, hash) = world.open().anchor().unwrap();
    let told = Anchor::Head { sequence, hash };
    let again = rebuild_beside(&world, told).unwrap();
    assert_eq!((again.ledger.state.as_str(), again.complete), ("unchanged", false), "{again:?}");
    let place = format!("another entry {}:", head - 3);
    assert!(again.readable(crate::Speaker::Window, crate::Wording::English).contains(&place));
    // One that mends something else enters it again.
    overwrite(&world, "keyring.db", 0..1);
    let again = rebuild_beside(&world, told).unwrap();
    assert_eq!((again.keyring.state.as_str(), again.complete), ("rebuilt", false), "{again:?}");
    assert_is_known(&world.open(), "after another rebuild");
}

/// Whatever an old copy says: what was forgotten stays so.
#[test]
fn nothing_that_was_erased_comes_back_from_an_older_copy() {
    for whole in [false, true] {
        let world = World::new();
        let archive = world.open();
        for number in 1..=8 {
            file_paper(&archive, number, &[resident(u16::from(number % 2))]).unwrap();
        }
        archive.back_up().unwrap();
        let old: Vec<Vec<u8>> = ["ledger.db", "ledger.db-wal", "keyring.db"]
            .map(|f| fs::read(path(&world, "backup").join(f)).unwrap_or_default())
            .into();
        let erasure = if whole { erasure_of_person(1, &resident(1)) } else { erasure_of_material(1, 1) };
        archive.erase_now(erasure).unwrap();
        assert!(archive.is_erased(material_id(1)).unwrap());
        drop(archive);
        for (file, bytes) in ["ledger.db", "ledger.db-wal", "keyring.db"].into_iter().zip(&old) {
            fs::write(path(&world, "backup").join(file), bytes).unwrap();
        }
        // The worst there is: the ledger with the tombstone is gone, the keyring damaged, the copies from before.
        fs::remove_file(path(&world, "ledger.db")).unwrap();
        overwrite(&world, "keyring.db", 0..1);
        let report = rebuild(&world).unwrap();
        let archive = world.open();
        assert!(
            archive.history(&resident(1), ALL).unwrap().iter().all(|p| p.material.id != material_id(1)),
            "{report:?}"
        );
        assert_eq!(archive.material(material_id(1)).unwrap(), None);
        assert_eq!(archive.history(&resident(0), ALL).unwrap().len(), 4, "{report:?}");
        assert!(!report.complete && report.ledger.lost_count > 0, "{report:?}");
    }
}

/// An older ledger, or another store's, put in the place of a newer one: what would be entered behind its end would
/// displace what only the copy has.
#[test]
fn a_ledger_that_ends_before_its_copy_forgets_nothing_and_a_rebuild_brings_all_back() {
    let (world, other) = (World::new(), World::new());
    let open = |world: &World| Archive::open_keyed(&world.options(), &how());
    let archive = open(&world).unwrap();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    drop(archive);
    let older = fs::read(path(&world, "ledger.db")).unwrap();
    let archive = open(&world).unwrap();
    for number in 2..6 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    archive.back_up().unwrap();
    drop(archive);
    file_paper(&open(&other).unwrap(), 9, &[resident(9)]).unwrap();
    let foreign = fs::read(path(&other, "ledger.db")).unwrap();
    for (ledger, is_foreign) in [(foreign, true), (older, false)] {
        fs::write(path(&world, "ledger.db"), ledger).unwrap();
        let archive = open(&world).unwrap();
        assert!(archive.erase_now(erasure_of_material(1, 1)).is_err(), "the copy would go with it");
        let error = archive.check_copy().unwrap_err();
        drop(archive);
        if is_foreign {
            assert_eq!(error, ArchiveError::LedgerForeign);
            assert_eq!(rebuild(&world).map(drop), Err(ArchiveError::LedgerForeign), "none is made of both");
            fs::remove_file(path(&world, "ledger.db")).unwrap();
        }
        if !is_foreign {
            let ArchiveError::Storage(error) = error else { panic!("{error}") };
            assert_eq!((error.part, error.fault), (Part::Ledger, StorageFault::Damaged), "{error}");
        }
        let report = rebuild(&world).unwrap();
        assert!(report.complete, "{report:?}");
        let archive = open(&world).unwrap();
        for number in 1..6 {
            assert!(archive.material(material_id(number)).unwrap().is_some(), "{number}");
        }
        archive.back_up().unwrap();
    }
}

/// One that is longer than its copy by now, and whose entries are others: it was an older one once.
#[test]
fn a_ledger_that_went_another_way_than_its_copy_forgets_nothing_until_it_is_told() {
    let (world, other) = (World::new(), World::new());
    let open = |world: &World| Archive::open_keyed(&world.options(), &how());
    file_paper(&open(&world).unwrap(), 1, &[resident(1)]).unwrap();
    let older = fs::read(path(&world, "ledger.db")).unwrap();
    let archive = open(&world).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.back_up().unwrap();
    drop(archive);
    fs::write(path(&world, "ledger.db"), &older).unwrap();
    fs::remove_file(path(&world, "index.db")).unwrap();
    let archive = open(&world).unwrap();
    for number in 3..6 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    assert!(archive.check_copy().is_err());
    assert!(archive.erase_now(erasure_of_material(1, 3)).is_err(), "the copy would go with it");
    drop(archive);
    let report = rebuild(&world).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.complete), ("rebuilt", false), "{report:?}");
    assert!(report.ledger.displaced > 0, "{report:?}");
    let aside = path(&world, report.aside.as_ref().unwrap());
    assert!(aside.join("backup/ledger.db").exists());
    let archive = open(&world).unwrap();
    archive.check_copy().unwrap();
    assert!(archive.material(material_id(5)).unwrap().is_some());
    drop(archive);
    assert_eq!(rebuild(&world).unwrap().ledger.displaced, 0);

    // Another store's, and longer.
    let archive = open(&other).unwrap();
    for number in 0..20 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    drop(archive);
    fs::write(path(&world, "ledger.db"), fs::read(path(&other, "ledger.db")).unwrap()).unwrap();
    assert_eq!(open(&world).unwrap().check_copy(), Err(ArchiveError::LedgerForeign));
    assert_eq!(rebuild(&world).map(drop), Err(ArchiveError::LedgerForeign));
}

/// A ledger that went another way than its copy: five papers, of which the first is erased, are only in the copy's way,
/// and so many captures only in its own.
fn went_another_way(captures: u8) -> World {
    let world = World::new();
    let open = |world: &World| Archive::open_keyed(&world.options(), &how());
    let archive = open(&world).unwrap();
    for number in 1..3 {
        file_paper(&archive, number, &[resident(1)]).unwrap();
    }
    drop(archive);
    let older = fs::read(path(&world, "ledger.db")).unwrap();
    let archive = open(&world).unwrap();
    for number in 3..8 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    archive.back_up().unwrap();
    drop(archive);
    fs::write(path(&world, "ledger.db"), &older).unwrap();
    let archive = open(&world).unwrap();
    for number in 0..captures {
        archive.stage(stage_of(50 + number, &[50 + number])).unwrap();
    }
    drop(archive);
    world
}

/// Whichever of the two is chosen: what is not is counted, and nothing that either says was erased is listed.
#[test]
fn what_either_of_two_ways_has_is_counted_and_what_was_erased_on_either_stays_away() {
    for captures in [1, 3, 30] {
        let world = went_another_way(captures);
        let report = rebuild(&world).unwrap();
        let ledger = &report.ledger;
        assert_eq!((ledger.state.as_str(), report.complete), ("rebuilt", false), "{captures}: {report:?}");
        // Four entries before the two parted; ten for the copy's papers, and three of the erasure.
        let displaced = if captures == 1 { 1 } else { 13 };
        assert_eq!(ledger.displaced, displaced, "{captures}: {report:?}");
        assert_eq!(ledger.from_copy > 0, captures == 1, "{captures}: {report:?}");
        assert!(
            report
                .readable(crate::Speaker::Window, crate::Wording::English)
                .contains("a legal hold may be among"),
            "{captures}"
        );
        assert!(
            report.readable(crate::Speaker::Window, crate::Wording::Chinese).contains("可能有依法保全"),
            "{captures}"
        );
        assert_eq!(ledger.withheld, u64::from(captures > 1), "{captures}: {report:?}");
        let archive = world.open();
        let listed = archive.history(&resident(1), ALL).unwrap();
        let listed: Vec<_> = listed.iter().map(|paper| paper.material.id).collect();
        assert_eq!(listed, [material_id(2)], "{captures}");
        assert_eq!(archive.material(material_id(1)).unwrap(), None, "{captures}");
        drop(archive);
        let again = rebuild(&world).unwrap();
        assert_eq!((again.ledger.state.as_str(), again.ledger.displaced), ("unchanged", 0), "{again:?}");
        assert_eq!(world.open().material(material_id(1)).unwrap(), None, "{captures}");
    }
}

/// A database that was copied without its journal is an empty one.
#[test]
fn an_empty_ledger_beside_pictures_is_lost_and_not_whole() {
    let world = filled(None);
    let empty = World::new();
    drop(empty.open());
    fs::write(path(&world, "ledger.db"), fs::read(path(&empty, "ledger.db")).unwrap()).unwrap();
    fs::remove_file(path(&world, "index.db")).unwrap();
    let report = rebuild(&world).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.complete), ("lost", false), "{report:?}");
}

/// Whoever looks at such a ledger before it is rebuilt takes nothing away of what only the index knows.
#[test]
fn what_only_the_index_knew_is_told_whoever_looked_before() {
    for looks in [0, 1, 2] {
        let world = World::new();
        let archive = world.open();
        file_paper(&archive, 1, &[resident(1)]).unwrap();
        drop(archive);
        let older = fs::read(path(&world, "ledger.db")).unwrap();
        let archive = world.open();
        file_paper(&archive, 2, &[resident(2)]).unwrap();
        archive.back_up().unwrap();
        let held = archive.head().unwrap() + 1;
        archive.place_hold(hold(1, HoldTarget::Holder(resident(1)))).unwrap();
        drop(archive);
        fs::write(path(&world, "ledger.db"), &older).unwrap();
        for _ in 0..looks {
            let archive = world.open();
            assert!(archive.check_copy().is_err() && archive.rebuild_index().is_err());
            let found = archive.verify(&mut |_, _| {}).unwrap();
            assert!(!found.is_clean());
        }
        let report = rebuild(&world).unwrap();
        assert_eq!(report.ledger.lost, [(held, held)], "after {looks}: {report:?}");
        assert!(report.holds_unproven && report.holds_lost.len() == 1, "after {looks}: {report:?}");
        let asked = world.open().erase_now(erasure_of_material(7, 1)).map(drop);
        assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
    }
}

/// What was entered as lost and has been found since is damage when it is gone again; so is what goes beside it.
#[test]
fn damage_hides_in_no_place_that_was_lost_once() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=4 {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    archive.place_hold(hold(1, HoldTarget::Holder(resident(1)))).unwrap();
    let held = archive.head().unwrap();
    file_paper(&archive, 5, &[resident(5)]).unwrap();
    drop(archive);
    let whole = fs::read(path(&world, "ledger.db")).unwrap();
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {held}"));
    let _ = fs::remove_dir_all(path(&world, "backup"));
    assert_eq!(rebuild(&world).unwrap().ledger.lost, [(held, held)]);
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    assert_eq!(archive.verify(&mut |_, _| {}).unwrap().known_lost, 1);
    drop(archive);

    // Beside it: the rebuild that verification asks for enters it, and nothing is asked for then.
    let forget_remains = || ["backup", "damaged"].map(|folder| fs::remove_dir_all(path(&world, folder)));
    tamper(&world, "DELETE FROM entries WHERE sequence = 2");
    let _ = forget_remains();
    let missing =
        |archive: &Archive| archive.verify(&mut |_, _| {}).unwrap().tallies[&crate::Check::Chain].failed;
    assert_eq!(missing(&world.open()), 1);
    let report = rebuild(&world).unwrap();
    assert_eq!((report.ledger.state.as_str(), report.ledger.lost.len()), ("rebuilt", 2), "{report:?}");
    assert!(report.holds_unproven, "{report:?}");
    assert_eq!(rebuild(&world).unwrap().ledger.state, "unchanged");
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    assert_eq!((missing(&archive), archive.verify(&mut |_, _| {}).unwrap().known_lost), (0, 2));
    drop(archive);

    // The remains turn up, and are lost again.
    let aside = path(&world, "damaged/found");
    fs::create_dir_all(&aside).unwrap();
    fs::write(aside.join("ledger.db"), whole).unwrap();
    assert_eq!(rebuild(&world).unwrap().ledger.lost_count, 0);
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    assert_eq!(archive.holds().unwrap().len(), 1);
    drop(archive);
    let _ = forget_remains();
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {held}"));
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(missing(&archive), 1, "it was whole when the ledger was rebuilt last");
    let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
    assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
}
