//! Nothing is forgotten while a hold may be missing, and what is known of those that are lost is told.

use yidang_model::{HoldId, Subject};

use super::damage::{spoiling, tamper};
use super::faulty::{Faults, Mode};
use super::holds::{erasure_of, hold, hold_id, is_refused, lift, person, without_index};
use super::originals::disposal_of;
use super::papers::*;
use super::salvage_crashes::wish;
use super::world::{World, file_paper, how};
use crate::salvage::rebuild_cut_off;
use crate::storage::ErasureState;
use crate::{Archive, ArchiveError, Refiling, WentElsewhere};

/// Paper 1, its owner held by an entry that is made not to open.
fn damaged_hold() -> (World, u64) {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    archive.place_hold(hold(1, person(1))).unwrap();
    let entry = archive.head().unwrap();
    file_paper(&archive, 3, &[resident(3)]).unwrap();
    drop(archive);
    spoiling(&world, entry)(&world, false);
    (world, entry)
}

/// The index knows the hold until it is made anew, and from then on nobody knows whom it holds.
#[test]
fn nothing_is_forgotten_while_an_entry_that_may_be_a_hold_cannot_be_read() {
    for is_gone in [false, true] {
        let (world, entry) = damaged_hold();
        if is_gone {
            tamper(&world, &format!("DELETE FROM entries WHERE sequence = {entry}"));
        }
        let archive = world.open();
        assert!(is_refused(&archive, erasure_of_material(7, 1)), "the index knows it");
        archive.rebuild_index().unwrap();
        assert_eq!(archive.refuse_held(&person(2)), Err(ArchiveError::HoldsUnproven));
        for number in [1, 2] {
            let asked = archive.request_erasure(erasure_of_material(7, number)).map(drop);
            assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
            let person = erasure_of_person(7, &resident(number.into()));
            assert_eq!(archive.erase_now(person).map(drop), Err(ArchiveError::HoldsUnproven));
        }
        let due = disposal_of(&archive, &[2]);
        assert_eq!(archive.record_disposal(due), Err(ArchiveError::HoldsUnproven));
        let decided = WentElsewhere { decided: true, ..WentElsewhere::default() };
        let waits = archive.erase_now_with(erasure_of_material(8, 2), decided).map(drop);
        assert_eq!(waits, Err(ArchiveError::HoldsUnproven));
        assert!(archive.material(material_id(2)).unwrap().is_some());
        drop(archive);

        let report = rebuild(&world);
        assert!(!report.complete, "{report:?}");
        assert_eq!(report.holds_lost, Vec::<String>::new(), "the index had forgotten it before");
        let archive = world.open();
        let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
        assert_eq!(asked, Err(ArchiveError::HoldsUnproven), "nobody has looked yet what is missing");
        assert!(archive.material(material_id(2)).unwrap().is_some());
        archive.place_hold(hold(2, person(1))).unwrap();
        assert!(archive.confirm_holds(&clerk()).unwrap());
        assert!(archive.is_erased(material_id(2)).unwrap(), "what was decided elsewhere has waited for this");
        assert!(is_refused(&archive, erasure_of_material(7, 1)), "placed again");
        assert!(!archive.confirm_holds(&clerk()).unwrap(), "there is no doubt any more");
        assert_eq!(rebuild_of(archive, &world).ledger.state, "unchanged");
    }
}

fn rebuild(world: &World) -> crate::RebuildReport {
    Archive::rebuild(&world.options(), &how(), &wish()).unwrap()
}

fn rebuild_of(archive: Archive, world: &World) -> crate::RebuildReport {
    drop(archive);
    rebuild(world)
}

/// What the index knew when the ledger was made anew, the report tells.
#[test]
fn a_hold_that_a_rebuild_cannot_keep_is_named() {
    let (world, _) = damaged_hold();
    drop(world.open());
    let report = rebuild(&world);
    assert_eq!((report.complete, report.holds_lost), (false, vec![hold_id(1).to_string()]));
    let archive = world.open();
    archive.place_hold(hold(1, person(1))).unwrap();
    archive.confirm_holds(&clerk()).unwrap();
    assert!(is_refused(&archive, erasure_of_material(7, 1)));
    archive.lift_hold(lift(1)).unwrap();
    assert_eq!(rebuild_of(archive, &world).holds_lost, Vec::<String>::new());
}

/// A rebuild that the power ended tells of it when it is run once more, until the holds were confirmed.
#[test]
fn a_hold_that_a_rebuild_cut_off_could_not_keep_is_named() {
    for steps in [1, 3, 100] {
        let (world, _) = damaged_hold();
        drop(world.open());
        rebuild_cut_off(&world.options(), &how(), &wish(), steps).unwrap();
        let lost = vec![hold_id(1).to_string()];
        for _ in 0..2 {
            let report = rebuild(&world);
            assert_eq!((&report.holds_lost, report.holds_unproven), (&lost, true), "after {steps} steps");
        }
        let archive = world.open();
        archive.confirm_holds(&clerk()).unwrap();
        let report = rebuild_of(archive, &world);
        assert_eq!((report.holds_lost, report.holds_unproven), (Vec::<String>::new(), false), "{steps}");
    }
}

/// An entry whose place or time was changed is kept as it is, and told; one that does not open is told all the same.
#[test]
fn an_entry_that_was_changed_and_is_kept_counts_as_told() {
    let (world, entry) = damaged_hold();
    tamper(
        &world,
        &format!(
            "UPDATE entries SET body = (SELECT body FROM entries WHERE sequence = 1) WHERE sequence = {entry}"
        ),
    );
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(archive.refuse_held(&person(2)), Err(ArchiveError::HoldsUnproven));
    let report = rebuild_of(archive, &world);
    assert_eq!((report.ledger.state.as_str(), report.ledger.breaks), ("rebuilt", vec![entry]));
    let archive = world.open();
    assert_eq!(archive.refuse_held(&person(2)), Err(ArchiveError::HoldsUnproven));
    archive.confirm_holds(&clerk()).unwrap();
    assert_eq!(archive.refuse_held(&person(2)), Ok(()));
    assert_eq!(rebuild_of(archive, &world).ledger.state, "unchanged");
}

/// What was confirmed is confirmed of the places that were missing then, and of no other.
#[test]
fn a_hold_that_comes_to_harm_after_others_were_confirmed_is_doubted_anew() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2, 3] {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
    }
    archive.place_hold(hold(1, person(1))).unwrap();
    let entry = archive.head().unwrap();
    file_paper(&archive, 4, &[resident(4)]).unwrap();
    let seen = archive.material(material_id(2)).unwrap().unwrap().sequence;
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {seen}"));
    rebuild(&world);
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    archive.erase_now(erasure_of_material(1, 3)).unwrap();
    drop(archive);
    spoiling(&world, entry)(&world, false);
    let archive = world.open();
    assert!(is_refused(&archive, erasure_of_material(7, 1)), "the index knows it");
    archive.rebuild_index().unwrap();
    let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
    assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
}

/// The index knows it, and nobody whom it is on.
#[test]
fn a_hold_whose_entry_cannot_be_read_is_named_and_can_be_lifted() {
    let (world, _) = damaged_hold();
    let archive = world.open();
    assert_eq!(archive.holds().unwrap(), []);
    assert_eq!(archive.unreadable_holds().unwrap(), [(hold_id(1), Vec::new())]);
    assert!(archive.was_placed(hold_id(2)).is_ok_and(|was| !was));
    archive.lift_hold(lift(1)).unwrap();
    archive.erase_now(erasure_of_material(7, 1)).unwrap();
}

/// Its key opens whom a hold is on.
#[test]
fn a_hold_on_somebody_whose_key_is_lost_is_doubted_until_it_is_lifted() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1), resident(2)]).unwrap();
    archive.place_hold(hold(1, person(1))).unwrap();
    let keys = &archive.shared.stores.keys;
    let lost = keys.holder(keys.subject_tag(&resident(1))).unwrap().unwrap();
    keys.forget(&[lost.id]).unwrap();
    archive.rebuild_index().unwrap();
    let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
    assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
}

/// A paper that was put right away from a held person is held by name, which only the entries of both places tell.
#[test]
fn a_paper_held_by_name_is_doubted_where_its_entry_cannot_be_read() {
    let world = World::new();
    let archive = world.open();
    let filed = file_paper(&archive, 1, &[resident(1)]).unwrap().stored.sequence;
    archive.place_hold(hold(1, person(1))).unwrap();
    archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(1) }).unwrap();
    assert!(is_refused(&archive, erasure_of_material(7, 1)));
    drop(archive);
    spoiling(&world, filed)(&world, false);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
    assert_eq!(asked, Err(ArchiveError::HoldsUnproven));
}

/// A paper, and an older ledger that was put back: only the index shows that another went further, and held its person.
fn put_back() -> World {
    let world = World::new();
    let path = world.data_dir().join("ledger.db");
    file_paper(&world.open(), 1, &[resident(1)]).unwrap();
    let older = std::fs::read(&path).unwrap();
    world.open().place_hold(hold(1, person(1))).unwrap();
    std::fs::write(&path, older).unwrap();
    world
}

#[test]
fn a_ledger_that_ends_before_what_its_index_knew_forgets_nothing() {
    let world = put_back();
    for _ in 0..2 {
        let archive = world.open();
        let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
        assert_eq!(asked, Err(ArchiveError::HoldsUnproven), "whenever it is opened");
    }
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    archive.erase_now(erasure_of_material(7, 1)).unwrap();
}

fn holds_lost(archive: &Archive) -> Vec<HoldId> {
    archive.verify(&mut |_, _| {}).unwrap().holds_lost
}

/// The opening makes the index anew, which alone knew it.
#[test]
fn a_hold_that_only_the_index_knew_is_named_until_the_holds_are_confirmed() {
    for is_placed_again in [false, true] {
        let world = put_back();
        let lost = vec![hold_id(1)];
        for _ in 0..2 {
            assert_eq!(holds_lost(&world.open()), lost, "once it was opened");
        }
        for _ in 0..2 {
            let report = rebuild(&world);
            assert_eq!((&report.holds_lost, report.complete), (&vec![hold_id(1).to_string()], false));
            assert_eq!(holds_lost(&world.open()), lost, "once it was rebuilt");
        }
        let archive = world.open();
        if is_placed_again {
            archive.place_hold(hold(1, person(1))).unwrap();
            assert_eq!(holds_lost(&archive), Vec::<HoldId>::new(), "it stands");
            archive.lift_hold(lift(1)).unwrap();
        }
        let left = if is_placed_again { Vec::new() } else { lost };
        assert_eq!(holds_lost(&archive), left);
        archive.confirm_holds(&clerk()).unwrap();
        assert_eq!(holds_lost(&archive), Vec::<HoldId>::new());
        assert_eq!(rebuild_of(archive, &world).holds_lost, Vec::<String>::new());
    }
}

/// What is confirmed before a rebuild that is due has to be confirmed again.
#[test]
fn a_doubt_says_whether_a_rebuild_comes_first() {
    let world = put_back();
    let states = |world: &World| {
        let archive = world.open();
        let before = archive.holds_state().unwrap();
        archive.confirm_holds(&clerk()).unwrap();
        (before, archive.holds_state().unwrap())
    };
    let state = |in_doubt, awaits_rebuild| crate::HoldsState { in_doubt, awaits_rebuild };
    assert_eq!(states(&world), (state(true, true), state(false, true)), "entries are missing");
    assert!(rebuild(&world).holds_unproven);
    assert_eq!(states(&world), (state(true, false), state(false, false)), "they are entered as lost");
    let archive = world.open();
    archive.doubt_holds(&clerk()).unwrap();
    drop(archive);
    assert_eq!(states(&world), (state(true, false), state(false, false)), "none is missing here");
}

/// The rebuild enters what it finds to be lost: what it moved aside goes with the next erasure.
#[test]
fn a_hold_that_a_rebuild_found_lost_is_named_by_the_ledger_itself() {
    let (world, _) = damaged_hold();
    drop(world.open());
    assert_eq!(rebuild(&world).holds_lost, [hold_id(1).to_string()]);
    std::fs::remove_dir_all(world.data_dir().join("damaged")).unwrap();
    assert_eq!(rebuild(&world).holds_lost, [hold_id(1).to_string()]);
    let archive = world.open();
    let verified = archive.verify(&mut |_, _| {}).unwrap();
    let report = crate::CheckReport::new(&verified, crate::Speaker::Window);
    assert_eq!(report.holds_lost, [hold_id(1).to_string()]);
    for (wording, said) in [
        (crate::Wording::Chinese, format!("依法保全 {} 的记录已丢失", hold_id(1))),
        (crate::Wording::English, format!("hold {} is lost", hold_id(1))),
    ] {
        assert!(report.readable(crate::Speaker::Window, wording).contains(&said), "{said}");
    }
}

/// The power ends at any write of that opening.
#[test]
fn an_opening_that_is_cut_off_forgets_no_doubt() {
    let ways = [Mode::Once, Mode::PowerCut, Mode::PowerCutAfter];
    for (at, way) in (1..=5).flat_map(|at| ways.map(|way| (at, way))) {
        let world = put_back();
        drop(world.open_faulty(&Faults::new(way, at)));
        let archive = world.open();
        let asked = archive.erase_now(erasure_of_material(7, 1)).map(drop);
        assert_eq!(asked, Err(ArchiveError::HoldsUnproven), "{way:?} at write {at}");
        assert_eq!(holds_lost(&archive), [hold_id(1)], "{way:?} at write {at}");
        archive.confirm_holds(&clerk()).unwrap();
        archive.erase_now(erasure_of_material(7, 1)).unwrap();
    }
}

/// Papers 1, 3 and 4 of person 1 and 2 of persons 1 and 2; the repository forgets person 1, whom a hold keeps, with 6, which had been
/// put right here. 3 is put right to person 3 and 5 filed since. What asked for it is lost, and not the entry by which it waits.
fn waiting_for_what_is_lost() -> World {
    let world = World::new();
    let archive = world.open();
    for (number, holders) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![1]), (4, vec![1]), (6, vec![1])] {
        let holders: Vec<Subject> = holders.into_iter().map(resident).collect();
        file_paper(&archive, number, &holders).unwrap();
    }
    archive.place_hold(hold(1, person(1))).unwrap();
    archive.refile(Refiling { holders: Some(vec![resident(3)]), ..refiling_of(6) }).unwrap();
    let before = archive.head().unwrap();
    assert_eq!(ask_to_forget(&archive), Err(ArchiveError::LegalHold));
    archive.refile(Refiling { holders: Some(vec![resident(3)]), ..refiling_of(3) }).unwrap();
    archive.refile(Refiling { case: Some("case-9".to_owned()), ..refiling_of(4) }).unwrap();
    file_paper(&archive, 5, &[resident(1)]).unwrap();
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {}", before + 1));
    world
}

fn ask_to_forget(archive: &Archive) -> Result<(), ArchiveError> {
    let materials = [1, 3, 4, 6, 9].map(material_id).to_vec();
    let went = WentElsewhere { decided: true, materials, ..WentElsewhere::default() };
    archive.erase_now_with(erasure_of(8, person(1)), went).map(drop)
}

/// It takes what it was known to, and whoever asks for it again tells it whom.
#[test]
fn an_erasure_that_waits_is_carried_out_though_what_asked_for_it_is_lost() {
    for is_asked_again in [false, true] {
        let world = waiting_for_what_is_lost();
        let archive = world.open();
        archive.rebuild_index().unwrap();
        assert!(archive.is_held_here_alone(material_id(1)).unwrap());
        let known = archive.erasure(erasure_id(8)).unwrap().unwrap();
        assert_eq!((known.state, known.target), (ErasureState::Requested, None));
        let report = rebuild_of(archive, &world);
        assert_eq!(report.ledger.lost.len(), 1, "{report:?}");
        let archive = world.open();
        archive.confirm_holds(&clerk()).unwrap();
        assert!(archive.material(material_id(1)).unwrap().is_some(), "the hold stands");
        if is_asked_again {
            assert_eq!(ask_to_forget(&archive), Err(ArchiveError::LegalHold));
            let known = archive.erasure(erasure_id(8)).unwrap().unwrap();
            assert_eq!(known.target, Some(person(1)));
        }
        let archive = without_index(&world, archive);
        archive.lift_hold(lift(1)).unwrap();
        let done = archive.erasure(erasure_id(8)).unwrap().unwrap();
        assert_eq!((done.state, done.target), (ErasureState::Done, is_asked_again.then(|| person(1))));
        assert_eq!(done.materials, [1, 4, 9].map(material_id));
        for (number, stays) in [(1, false), (2, true), (3, true), (4, false), (5, true), (6, true)] {
            assert_eq!(archive.material(material_id(number)).unwrap().is_some(), stays, "{number}");
            assert_eq!(archive.is_erased(material_id(number)).unwrap(), !stays, "{number}");
        }
        assert_eq!(ask_to_forget(&archive), Ok(()), "it is done already");
        let verified = archive.verify(&mut |_, _| {}).unwrap();
        assert_eq!((verified.known_lost, verified.damages), (1, Vec::new()));
    }
}

/// Until a rebuild has told that it is lost: it may find it.
#[test]
fn an_erasure_whose_request_a_rebuild_may_find_waits_for_that() {
    let world = waiting_for_what_is_lost();
    let archive = world.open();
    archive.rebuild_index().unwrap();
    archive.confirm_holds(&clerk()).unwrap();
    archive.lift_hold(lift(1)).unwrap();
    assert_eq!(archive.erase(erasure_id(8)).map(drop), Err(ArchiveError::HoldsUnproven));
    assert!(!archive.is_erased(material_id(1)).unwrap());
    rebuild_of(archive, &world);
    let archive = world.open();
    archive.confirm_holds(&clerk()).unwrap();
    assert!(archive.is_erased(material_id(1)).unwrap());
}
