//! Originals that are to go and are still here: asked about, decided, and kept by a hold or a damaged ledger meanwhile.

use yidang_model::{HoldId, Kind, MaterialId};

use super::crashes::for_every_fault;
use super::damage::{spoiling, spoiling_page};
use super::originals::*;
use super::papers::*;
use super::world::{World, assert_whole};
use crate::{Actor, Archive, ArchiveError, Change, ChangeWhat, HoldTarget, LiftHold, PlaceHold, Refiling};

fn hold_id() -> HoldId {
    HoldId::from_bytes([1; 16])
}

fn hold(archive: &Archive, holder: u16) {
    let target = HoldTarget::Holder(resident(holder));
    let (id, reason, case) = (hold_id(), "order 7".to_owned(), None);
    archive
        .place_hold(PlaceHold { id, target, reason, case, by: clerk(), decided_elsewhere: false })
        .unwrap();
}

fn lifting() -> LiftHold {
    LiftHold { id: hold_id(), reason: "order 9".to_owned(), by: clerk(), decided_elsewhere: false }
}

fn lift(archive: &Archive) {
    archive.lift_hold(lifting()).unwrap();
}

fn repository() -> Actor {
    Actor { client: "repository".to_owned(), operator: None }
}

/// As the repository tells it that does not say, or no longer says, what kind it was decided for.
fn dropped(archive: &Archive, numbers: &[u8]) -> Result<(), ArchiveError> {
    dropped_as(archive, numbers, None)
}

fn dropped_as(archive: &Archive, numbers: &[u8], kind: Option<&str>) -> Result<(), ArchiveError> {
    let ids: Vec<MaterialId> = numbers.iter().map(|number| material_id(*number)).collect();
    archive.drop_originals(&ids, kind.map(word).as_ref(), &repository())
}

fn word(word: &str) -> Kind {
    Kind::new(word).unwrap()
}

const FILED: &str = "household_register";
const OTHER: &str = "marriage_certificate";

fn put_right(archive: &Archive, number: u8, kind: &str) {
    archive.refile(Refiling { kind: Some(word(kind)), ..refiling_of(number) }).unwrap();
}

fn asked(changes: &[Change]) -> Vec<(MaterialId, String)> {
    let one = |change: &Change| match &change.what {
        ChangeWhat::OriginalsRequested { id, kind, .. } => Some((*id, kind.as_str().to_owned())),
        _ => None,
    };
    changes.iter().filter_map(one).collect()
}

#[test]
fn what_is_asked_of_the_repository_goes_when_it_has_decided() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        file_cut(&archive, number, 100 + number, number.into());
    }
    hold(&archive, 3);
    let [one, two] = [1, 2].map(material_id);
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1, 2, 3])).unwrap(), [one, two]);
    let head = archive.head().unwrap();
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1, 2, 3])).unwrap(), [one, two]);
    assert_eq!(archive.head().unwrap(), head, "it is asked once");
    let word = "household_register".to_owned();
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [(one, word.clone()), (two, word)]);
    assert!(archive.awaits_originals(one).unwrap());
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101), "they are here until then");
    assert_whole(&archive, "while the repository is asked");

    archive.keep_originals(two).unwrap();
    archive.keep_originals(two).unwrap();
    dropped(&archive, &[1, 9]).unwrap();
    let archive = {
        drop(archive);
        world.open()
    };
    assert!(!archive.awaits_originals(one).unwrap() && !archive.awaits_originals(two).unwrap());
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert!(is_gone(&archive, 101));
    assert_eq!(read(&archive, 2, 102).unwrap(), picture(102));
    let head = archive.head().unwrap();
    dropped(&archive, &[1]).unwrap();
    assert_eq!(archive.head().unwrap(), head, "once");
    assert_whole(&archive, "after it was decided");
    // What it refused may be asked again, and so what it never answered.
    assert_eq!(archive.request_originals(disposal_of(&archive, &[2])).unwrap(), [two]);
    world.clock.advance(8 * DAY_MS);
    assert!(!archive.awaits_originals(two).unwrap());
    let head = archive.head().unwrap();
    assert_eq!(archive.request_originals(disposal_of(&archive, &[2])).unwrap(), [two]);
    assert_eq!(archive.head().unwrap(), head + 1);
    assert!(archive.awaits_originals(two).unwrap());
    // Alone again, the window decides by itself.
    assert_eq!(dispose(&archive, &[2]).unwrap(), [two]);
    assert!(!archive.awaits_originals(two).unwrap());
    assert_whole(&archive, "after the window disposed of it alone");
}

#[test]
fn what_is_asked_is_the_paper_as_it_was_found() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 2);
    let found = disposal_of(&archive, &[1, 2]);
    let word = "marriage_certificate".to_owned();
    let kind = Some(Kind::new(&word).unwrap());
    archive.refile(Refiling { kind: kind.clone(), ..refiling_of(1) }).unwrap();
    assert_eq!(archive.request_originals(found).unwrap(), [material_id(2)]);
    archive.refile(Refiling { kind, ..refiling_of(2) }).unwrap();
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [], "the rule was another kind's");
    assert!(!archive.awaits_originals(material_id(2)).unwrap(), "by its own rule it may be due");
    assert_whole(&archive, "after it was put right");
    assert_eq!(archive.request_originals(disposal_of(&archive, &[2])).unwrap(), [material_id(2)]);
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [(material_id(2), word)]);
    assert!(archive.awaits_originals(material_id(2)).unwrap());
    archive.erase_now(erasure_of_material(1, 2)).unwrap();
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [], "nothing of what is erased is sent");
    assert!(!archive.awaits_originals(material_id(2)).unwrap());
    assert_whole(&archive, "after it was erased");
}

#[test]
fn what_was_asked_before_a_hold_is_not_asked_after_it() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 2);
    let [one, two] = [1, 2].map(material_id);
    let word = "household_register".to_owned();
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1, 2])).unwrap(), [one, two]);
    hold(&archive, 1);
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [(two, word.clone())], "it is held");
    lift(&archive);
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [(two, word.clone())], "it was passed over");
    assert!(!archive.awaits_originals(one).unwrap() && archive.awaits_originals(two).unwrap());
    assert_whole(&archive, "after the hold was lifted");
    let archive = {
        drop(archive);
        world.open()
    };
    archive.rebuild_index().unwrap();
    assert!(!archive.awaits_originals(one).unwrap() && archive.awaits_originals(two).unwrap());
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1])).unwrap(), [one], "it is due again");
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [(two, word.clone()), (one, word)]);
    assert_whole(&archive, "after it was asked anew");
}

#[test]
fn what_has_been_answered_is_not_asked_again_by_the_same_entry() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        file_cut(&archive, number, 100 + number, number.into());
    }
    let [one, two, three] = [1, 2, 3].map(material_id);
    archive.request_originals(disposal_of(&archive, &[1, 2, 3])).unwrap();
    archive.keep_originals(one).unwrap();
    dropped(&archive, &[2]).unwrap();
    hold(&archive, 3);
    dropped(&archive, &[3]).unwrap();
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), [], "refused, gone, and decided");
    // Whoever reads from the beginning, because its own records are lost, gets what is open and nothing else.
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1])).unwrap(), [one]);
    world.clock.advance(8 * DAY_MS);
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1])).unwrap(), [one]);
    let open = asked(&archive.changes(0, 100).unwrap());
    assert_eq!(open, [(one, "household_register".to_owned())], "the last of two");
    assert!(!archive.awaits_originals(two).unwrap() && archive.awaits_originals(three).unwrap());
    assert_whole(&archive, "while one is asked about");
}

#[test]
fn what_a_hold_keeps_goes_when_it_is_lifted() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 2);
    hold(&archive, 1);
    for _ in 0..2 {
        dropped(&archive, &[1, 2]).unwrap();
    }
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
    assert!(is_gone(&archive, 102));
    assert!(archive.awaits_originals(material_id(1)).unwrap());
    archive.keep_originals(material_id(1)).unwrap();
    world.clock.advance(8 * DAY_MS);
    archive.sweep().unwrap();
    let archive = {
        drop(archive);
        world.open()
    };
    assert!(archive.awaits_originals(material_id(1)).unwrap(), "it is decided");
    assert_whole(&archive, "while a hold keeps them");
    lift(&archive);
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert!(is_gone(&archive, 101) && !archive.awaits_originals(material_id(1)).unwrap());
    assert_whole(&archive, "after it was lifted");
}

#[test]
fn what_was_decided_for_another_kind_does_not_go_when_the_hold_is_lifted() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=6 {
        file_cut(&archive, number, 100 + number, 1);
    }
    hold(&archive, 1);
    dropped_as(&archive, &[1, 2, 3, 6], Some(FILED)).unwrap();
    dropped(&archive, &[4, 5]).unwrap();
    put_right(&archive, 1, OTHER);
    // To another case, and to another kind and back: the term is the one that was decided about.
    archive.refile(Refiling { case: Some("2026-000007".to_owned()), ..refiling_of(2) }).unwrap();
    put_right(&archive, 3, OTHER);
    put_right(&archive, 3, FILED);
    // Of this one nobody knows what it was decided for, so that putting it right in any way may have changed it.
    archive.refile(Refiling { case: Some("2026-000007".to_owned()), ..refiling_of(4) }).unwrap();
    // This one was put right before it was heard, and the repository did not know it.
    put_right(&archive, 6, OTHER);
    let head = archive.head().unwrap();
    archive.sweep().unwrap();
    assert_eq!(archive.head().unwrap(), head, "a hold keeps them");
    assert_whole(&archive, "while a hold keeps them");
    let archive = {
        drop(archive);
        world.open()
    };
    lift(&archive);
    for number in 1..=6 {
        let goes = [2, 3, 5].contains(&number);
        assert_eq!(is_gone(&archive, 100 + number), goes, "{number}");
        assert_eq!(read(&archive, number, 100 + number).is_err(), goes, "{number}");
        assert!(!archive.awaits_originals(material_id(number)).unwrap(), "{number}");
    }
    assert_whole(&archive, "after it was lifted");
    archive.rebuild_index().unwrap();
    let head = archive.head().unwrap();
    archive.sweep().unwrap();
    assert_eq!(archive.head().unwrap(), head, "it is at an end for good");
    assert!(!archive.awaits_originals(material_id(1)).unwrap());
    // When its own term is over, it is asked about and decided like any other.
    let [one, four] = [1, 4].map(material_id);
    assert_eq!(archive.request_originals(disposal_of(&archive, &[1, 4])).unwrap(), [one, four]);
    let open = [(one, OTHER.to_owned()), (four, FILED.to_owned())];
    assert_eq!(asked(&archive.changes(0, 100).unwrap()), open);
    dropped_as(&archive, &[1, 6], Some(OTHER)).unwrap();
    assert!(is_gone(&archive, 101) && is_gone(&archive, 106) && !is_gone(&archive, 104));
    assert_whole(&archive, "after it was decided anew");
}

#[test]
fn what_is_decided_anew_while_a_hold_stands_counts_in_place_of_the_first() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 1);
    hold(&archive, 1);
    // The first was heard without its kind, the other with it.
    dropped(&archive, &[1]).unwrap();
    dropped_as(&archive, &[2], Some(FILED)).unwrap();
    for number in [1, 2] {
        put_right(&archive, number, OTHER);
    }
    dropped_as(&archive, &[1, 2], Some(OTHER)).unwrap();
    let head = archive.head().unwrap();
    dropped_as(&archive, &[1, 2], Some(OTHER)).unwrap();
    dropped(&archive, &[1, 2]).unwrap();
    assert_eq!(archive.head().unwrap(), head, "it waits already");
    assert_whole(&archive, "while a hold keeps them");
    archive.rebuild_index().unwrap();
    lift(&archive);
    assert!(is_gone(&archive, 101) && is_gone(&archive, 102));
    assert_whole(&archive, "after it was lifted");
}

#[test]
fn whatever_write_fails_only_what_was_decided_for_its_kind_goes() {
    for_every_fault(
        |archive| {
            file_cut(archive, 1, 101, 1);
            file_cut(archive, 2, 102, 1);
            hold(archive, 1);
            dropped_as(archive, &[1, 2], Some(FILED)).unwrap();
            put_right(archive, 1, OTHER);
        },
        |archive| archive.lift_hold(lifting()),
        |world, archive, _, when| {
            let again = archive.lift_hold(lifting());
            assert!(matches!(again, Ok(()) | Err(ArchiveError::HoldUnknown)), "{when}");
            world.clock.advance(LATER_MS);
            archive.sweep().expect(when);
            assert!(!is_gone(archive, 101) && is_gone(archive, 102), "{when}");
            assert!(!archive.awaits_originals(material_id(1)).unwrap(), "{when}");
            assert_eq!(read(archive, 1, 101).unwrap(), picture(101), "{when}");
            assert_whole(archive, when);
        },
    );
}

#[test]
fn what_a_damaged_ledger_keeps_goes_with_a_sweep_once_it_is_whole() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let other = file_cut(&archive, 2, 101, 2).stored.sequence;
    // Nothing can be entered behind a last entry that is damaged.
    file_cut(&archive, 3, 103, 3);
    drop(archive);
    let set = spoiling(&world, other);
    set(&world, false);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    dropped_as(&archive, &[1, 3], Some(FILED)).unwrap();
    archive.sweep().unwrap();
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
    assert!(archive.awaits_originals(material_id(1)).unwrap());
    put_right(&archive, 3, OTHER);
    archive.sweep().unwrap();
    assert!(archive.awaits_originals(material_id(3)).unwrap(), "nothing is settled before it is whole");
    drop(archive);
    set(&world, true);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    archive.sweep().unwrap();
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert_eq!(read(&archive, 2, 101).unwrap(), picture(101), "the other paper needs it");
    assert_eq!(read(&archive, 3, 103).unwrap(), picture(103), "it is of another kind by now");
    assert!(!archive.awaits_originals(material_id(3)).unwrap());
    assert_whole(&archive, "after the ledger was put right");
}

#[test]
fn news_of_a_paper_whose_own_entry_does_not_open_wait_for_it() {
    let world = World::new();
    let archive = world.open();
    let own = file_cut(&archive, 1, 101, 1).stored.sequence;
    file_cut(&archive, 3, 103, 3);
    drop(archive);
    let set = spoiling(&world, own);
    set(&world, false);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert!(archive.material(material_id(1)).is_ok_and(|found| found.is_none()), "it is not in the index");
    for _ in 0..2 {
        dropped(&archive, &[1, 9]).unwrap();
    }
    archive.sweep().unwrap();
    drop(archive);
    set(&world, true);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
    archive.sweep().unwrap();
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert!(is_gone(&archive, 101));
    assert_eq!(read(&archive, 3, 103).unwrap(), picture(103));
    let head = archive.head().unwrap();
    archive.sweep().unwrap();
    dropped(&archive, &[1, 9]).unwrap();
    assert_eq!(archive.head().unwrap(), head, "what was never here is nothing to enter in a whole ledger");
    assert_whole(&archive, "after the entry was put right");
}

#[test]
fn whatever_write_fails_what_was_decided_is_done_in_the_end() {
    for_every_fault(
        |archive| {
            file_cut(archive, 1, 101, 1);
            file_cut(archive, 2, 102, 2);
            hold(archive, 2);
            archive.request_originals(disposal_of(archive, &[1])).unwrap();
        },
        |archive| dropped(archive, &[1, 2]),
        |world, archive, outcome, when| {
            assert_eq!(read(archive, 2, 102).unwrap(), picture(102), "{when}");
            // The feed brings it again until it is through.
            dropped(archive, &[1, 2]).expect(when);
            assert!(outcome.is_err() || archive.awaits_originals(material_id(2)).unwrap(), "{when}");
            world.clock.advance(LATER_MS);
            archive.sweep().expect(when);
            assert!(is_gone(archive, 101) && !is_gone(archive, 102), "{when}");
            assert_whole(archive, when);
            lift(archive);
            assert!(is_gone(archive, 102), "{when}");
            for number in [1, 2] {
                assert_eq!(
                    read(archive, number, 100 + number),
                    Err(ArchiveError::OriginalDisposed),
                    "{when}"
                );
                assert_eq!(read(archive, number, number).unwrap(), picture(number), "{when}");
            }
            assert_whole(archive, when);
        },
    );
}

/// A page of the ledger that cannot be read is no passing fault: whoever waited for it would wait for ever.
#[test]
fn a_ledger_page_that_cannot_be_read_stops_neither_the_news_nor_the_sweep() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        file_cut(&archive, number, 100 + number, number.into());
    }
    let unreadable = archive.material(material_id(2)).unwrap().unwrap().sequence;
    // Those that are put behind it are read with others, and these two by themselves.
    for number in [1, 3] {
        let case = Some(format!("case-{number}"));
        archive.refile(Refiling { case, ..refiling_of(number) }).unwrap();
    }
    archive.stage(stage_of(9, &[9])).unwrap();
    drop(archive);
    let archive = world.open();
    let set = spoiling_page(&world, unreadable);
    set(&world, false);
    assert!(!archive.tells_every_blob().unwrap());
    dropped(&archive, &[1, 2]).unwrap();
    assert!(archive.awaits_originals(material_id(1)).unwrap(), "it waits for the ledger");
    dispose(&archive, &[3]).unwrap_err();
    world.clock.advance(LATER_MS);
    assert_eq!(archive.sweep().unwrap().expired, 1, "the rest is done all the same");
    assert!(!is_gone(&archive, 101) && !is_gone(&archive, 9));
    // It comes to harm once it was looked at: the others go all the same.
    set(&world, true);
    assert!(archive.tells_every_blob().unwrap());
    set(&world, false);
    archive.sweep().unwrap();
    assert!(is_gone(&archive, 101) && is_gone(&archive, 9));
    assert!(!is_gone(&archive, 102));
    set(&world, true);
    archive.sweep().unwrap();
    assert!(is_gone(&archive, 102) && !is_gone(&archive, 103));
    assert_whole(&archive, "after the page can be read again");
}
