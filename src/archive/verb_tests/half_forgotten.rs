//! An erasure of a person stops half-way, at each of its steps and in each way, and stands there: everyone else
//! is served, the person is gone for readers, nothing acknowledged for them is lost, and it is finished later.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use yidang_model::Digest;

use super::faulty::{Faults, Mode, Op, Way};
use super::papers::*;
use super::privacy::{assert_nowhere, secrets_of_keys};
use super::world::{World, assert_whole, file_paper};
use crate::storage::{ErasureState, KeyPurpose, Part, Verb};
use crate::{Archive, ArchiveError, ChangeWhat, HistoryPage, Refiling};

const NEWEST: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

/// The steps in the order of the table in [`crate::writer`].
const STEPS: [Op; 12] = [
    Op::Append(Some(Verb::Erased)),
    Op::Apply(Some(Verb::Erased)),
    Op::DeleteBlobs,
    Op::DeleteKeys,
    Op::DestroyEpoch,
    Op::KeepEpoch,
    Op::BeginEpoch,
    Op::Scrub(Part::Index),
    Op::Scrub(Part::Ledger),
    Op::Scrub(Part::Keyring),
    Op::Append(Some(Verb::ErasureDone)),
    Op::Apply(Some(Verb::ErasureDone)),
];

/// How it comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is asked for again.
    Retry,
    /// Someone else's paper is filed.
    NextWrite,
    /// The archive is opened again.
    Reopen,
}

/// A world in which the first person is being forgotten and one step does not work.
struct Half {
    world: World,
    archive: Archive,
    faults: Arc<Faults>,
    op: Op,
    way: Way,
    when: String,
}

impl Half {
    /// Papers: 1 of the doomed person, 2 of them and the second person, 3 of the second person. Sets 7 and 8
    /// wait to be filed.
    fn prepare(op: Op, way: Way, when: String) -> Self {
        let world = World::new();
        let faults = Faults::new(Mode::Stuck(op, way), 1);
        faults.set_well(true);
        let archive = world.open_faulty(&faults).unwrap();
        file_paper(&archive, 1, &[resident(1)]).unwrap();
        let mut joint = shared_paper(2, &[resident(1), resident(2)]);
        joint.pages[0].about = vec![resident(1)];
        archive.stage(stage_of(2, &[2])).unwrap();
        archive.file(filing_of(joint, &[2])).unwrap();
        file_paper(&archive, 3, &[resident(2)]).unwrap();
        archive.stage(stage_of(7, &[7])).unwrap();
        archive.stage(stage_of(8, &[2])).unwrap();
        faults.set_well(false);
        Self { world, archive, faults, op, way, when }
    }

    /// Whether the tombstone reached the ledger, from where on it has happened.
    fn is_erased(&self) -> bool {
        let changes = self.archive.changes(0, 1000).unwrap();
        changes.iter().any(|c| matches!(c.what, ChangeWhat::Erased { .. }))
    }

    fn ids(&self, who: u16) -> Vec<u8> {
        let found = self.archive.history(&resident(who), NEWEST).unwrap();
        let mut ids: Vec<u8> = found.iter().map(|s| s.material.id.as_bytes()[0]).collect();
        ids.sort_unstable();
        ids
    }

    fn the_doomed_are_gone_for_readers(&self) {
        let (archive, when) = (&self.archive, &self.when);
        assert_eq!(self.ids(1), Vec::<u8>::new(), "{when}");
        assert_eq!(archive.material(material_id(1)).unwrap(), None, "{when}");
        assert!(archive.is_erased(material_id(1)).unwrap(), "{when}");
        let digest = Digest::of(&picture(1));
        assert_eq!(archive.blob(material_id(1), &digest), Err(ArchiveError::MaterialErased), "{when}");
        assert_eq!(archive.matches(&resident(1), &digest).unwrap(), [], "{when}");
        for change in archive.changes(0, 1000).unwrap() {
            let shown = format!("{:?}", change.what);
            let ChangeWhat::Filed(material) = change.what else { continue };
            assert!(!material.holders.contains(&resident(1)), "{shown} {when}");
        }
    }

    fn everyone_else_is_served(&self) {
        let (archive, when) = (&self.archive, &self.when);
        assert_eq!(self.ids(2), [2, 3], "{when}");
        for number in [2, 3] {
            let stored = archive.material(material_id(number)).unwrap().expect(when);
            if self.is_erased() {
                assert_eq!(stored.material.holders, [resident(2)], "{when}");
                assert_eq!(stored.material.pages[0].about, [], "{when}");
            }
            let bytes = archive.blob(material_id(number), &Digest::of(&picture(number)));
            assert_eq!(bytes.expect(when), picture(number));
        }
        // Planning needs an index that is up to date; while it cannot be written, nobody is told otherwise.
        let no_index = matches!(self.op, Op::Apply(_)) && self.way != Way::Done;
        for number in [20, 21, 22] {
            let filed = file_paper(archive, number, &[resident(u16::from(number)), resident(2)]);
            assert_eq!(filed.is_err(), no_index, "{filed:?} {when}");
        }
        assert_eq!(archive.record(look_at(&resident(2), &[3])).is_err(), no_index, "{when}");
    }

    /// What was acknowledged for the doomed person meanwhile: numbers of materials.
    fn file_for_the_doomed(&self) -> Vec<u8> {
        let mut joint = shared_paper(2, &[resident(1), resident(2)]);
        joint.id = material_id(8);
        let own = filing_of(shared_paper(7, &[resident(1)]), &[7]);
        let mut filed = Vec::new();
        for (number, filing) in [(7, own), (8, filing_of(joint, &[8]))] {
            if let Ok(answer) = self.archive.file(filing) {
                let theirs = answer.stored.material.holders.contains(&resident(1));
                assert!(theirs, "what was on file is not theirs any more {}", self.when);
                filed.push(number);
            }
        }
        filed
    }

    fn finish(mut self, ending: Ending) -> Self {
        self.faults.set_well(true);
        let state = |archive: &Archive| archive.erasure(erasure_id(1)).unwrap().map(|e| e.state);
        match ending {
            Ending::Retry => {
                self.archive.erase(erasure_id(1)).expect(&self.when);
            }
            Ending::NextWrite => {
                file_paper(&self.archive, 30, &[resident(3)]).expect(&self.when);
            }
            Ending::Reopen => {
                // The old one closes before the new one opens.
                let elsewhere = World::new();
                self.archive = elsewhere.open();
                self.archive = self.world.open();
            }
        }
        if state(&self.archive) == Some(ErasureState::Requested) {
            assert_eq!(self.op, Op::Append(Some(Verb::Erased)), "{}", self.when);
            self.archive.erase(erasure_id(1)).expect(&self.when);
        }
        assert_eq!(state(&self.archive), Some(ErasureState::Done), "{}", self.when);
        self
    }
}

fn stops_and_is_finished(op: Op, way: Way, ending: Ending) {
    let half = Half::prepare(op, way, format!("at {op:?} {way:?}, then {ending:?}"));
    let name = half.archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
    let sealed = half.archive.shared.stores.blobs.get(name).unwrap().unwrap();
    let secrets = secrets_of_keys(&half.archive, &sealed);
    half.archive.back_up().unwrap();
    let stopped = half.archive.erase_now(erasure_of_person(1, &resident(1)));
    assert!(stopped.is_err(), "it did not stop {}", half.when);
    // Whoever asked is told that it stands half-way, whether the index could take the tombstone up or not.
    let stands = half.archive.is_erasing(erasure_id(1)).unwrap();
    let is_done = (op, way) == (Op::Apply(Some(Verb::ErasureDone)), Way::Done);
    let erased = half.is_erased();
    assert_eq!(stands, erased && !is_done, "{}", half.when);
    assert_eq!(erased, op != STEPS[0] || way == Way::Done, "{}", half.when);
    if erased {
        half.the_doomed_are_gone_for_readers();
    }
    half.everyone_else_is_served();
    let mut acknowledged = Vec::new();
    if erased {
        half.the_doomed_are_gone_for_readers();
        acknowledged = half.file_for_the_doomed();
    }
    let half = half.finish(ending);
    assert_eq!(
        half.ids(1),
        acknowledged,
        "nothing acknowledged is lost, nothing erased is back {}",
        half.when
    );
    assert_eq!(half.archive.material(material_id(1)).unwrap(), None, "{}", half.when);
    if ending == Ending::Retry {
        assert_nowhere(&half.world, &secrets, &half.when);
    }
    assert_whole(&half.archive, &half.when);
    // Whatever was refused meanwhile is taken now.
    assert_eq!(half.file_for_the_doomed(), [7, 8], "{}", half.when);
    assert_eq!(half.ids(1), [7, 8], "{}", half.when);
    // An answer does not wait for the keys that it used up; the next turn of the writer does.
    half.archive.erase(erasure_id(1)).unwrap();
    let keys = half.archive.shared.stores.keys.count(KeyPurpose::Staged).unwrap();
    assert_eq!(keys, half.archive.stats().unwrap().unfiled, "only waiting sets have keys {}", half.when);
}

#[test]
fn others_are_served_while_someone_is_half_forgotten() {
    for op in STEPS {
        for way in [Way::Undone, Way::Done, Way::Panic] {
            for ending in [Ending::Retry, Ending::NextWrite, Ending::Reopen] {
                stops_and_is_finished(op, way, ending);
            }
        }
    }
}

#[test]
fn one_that_stands_is_gone_on_with_after_another_one_is_through() {
    let half = Half::prepare(Op::DeleteBlobs, Way::Undone, "with two".to_owned());
    half.archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    // Nobody's pictures: there is nothing to delete for this one.
    half.archive.record(look_at(&resident(5), &[])).unwrap();
    let other = half.archive.erase_now(erasure_of_person(2, &resident(5))).unwrap();
    assert_eq!(other.state, ErasureState::Done);
    half.the_doomed_are_gone_for_readers();
    half.finish(Ending::NextWrite);
}

#[test]
fn the_epoch_is_not_rotated_again_and_again_while_a_later_step_fails() {
    let half = Half::prepare(Op::Scrub(Part::Ledger), Way::Undone, "while a scrub fails".to_owned());
    half.archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    let epoch = half.archive.stats().unwrap().epoch;
    half.everyone_else_is_served();
    assert_eq!(half.archive.stats().unwrap().epoch, epoch);
    half.finish(Ending::Retry);
}

#[test]
fn an_index_that_lost_an_erasure_is_made_anew() {
    let half = Half::prepare(Op::Scrub(Part::Index), Way::Undone, "after a power cut".to_owned());
    half.archive.stats().unwrap();
    // The index does not wait for the disk: a power cut can take its last transactions away.
    let index = half.world.data_dir().join("index.db");
    let connection = rusqlite::Connection::open(&index).unwrap();
    let kept = half.world.folder().join("index as it was");
    connection.execute("VACUUM INTO ?1", [kept.to_str().unwrap()]).unwrap();
    drop(connection);
    half.archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    assert_eq!(half.archive.stats().unwrap().holders, 1, "the key is gone");
    let Half { world, archive, .. } = half;
    drop(archive);
    for tail in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(world.data_dir().join(format!("index.db{tail}")));
    }
    std::fs::copy(&kept, &index).unwrap();
    let archive = world.open();
    assert_eq!(archive.erasure(erasure_id(1)).unwrap().unwrap().state, ErasureState::Done);
    assert_whole(&archive, "after a power cut");
    file_paper(&archive, 9, &[resident(1)]).unwrap();
    let ids: Vec<_> = archive.history(&resident(1), NEWEST).unwrap().iter().map(|s| s.material.id).collect();
    assert_eq!(ids, [material_id(9)], "who comes back begins anew");
}

#[test]
fn keys_that_wait_to_be_deleted_are_found_again_and_never_too_many() {
    let half = Half::prepare(Op::DeleteKeys, Way::Undone, "with waiting keys".to_owned());
    let mut filed = 0;
    for round in 0..u16::MAX {
        let done = (|| {
            let mut stage = stage_of(40, &[1]);
            stage.id = yidang_model::CaptureId::from_bytes(
                [&[50; 14][..], &round.to_be_bytes()].concat().try_into().unwrap(),
            );
            let id = stage.id;
            half.archive.stage(stage)?;
            half.archive.discard(id, &clerk())
        })();
        match done {
            Ok(_) => filed += 1,
            Err(error) => {
                assert!(matches!(&error, ArchiveError::Storage(e) if e.part == Part::Keyring), "{error}");
                break;
            }
        }
    }
    assert!((100..2000).contains(&filed), "{filed}");
    let Half { world, archive, .. } = half;
    drop(archive);
    let archive = world.open();
    let keys = archive.shared.stores.keys.count(KeyPurpose::Staged).unwrap();
    assert_eq!(keys, archive.stats().unwrap().unfiled);
}

#[test]
fn a_joint_paper_filed_again_after_one_of_them_was_forgotten_is_filed_anew() {
    let world = World::new();
    let archive = world.open();
    let both = [resident(1), resident(2)];
    file_paper(&archive, 1, &both).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    let again = |number: u8| {
        archive.stage(stage_of(number, &[1])).unwrap();
        let mut paper = shared_paper(1, &both);
        paper.id = material_id(number);
        archive.file(filing_of(paper, &[number])).unwrap()
    };
    let anew = again(2);
    assert!(!anew.duplicate);
    let theirs = archive.history(&resident(1), NEWEST).unwrap();
    assert_eq!(theirs, std::slice::from_ref(&anew.stored));
    let repeated = again(3);
    assert!(repeated.duplicate && repeated.stored == anew.stored);
    assert_whole(&archive, "after a joint paper came back");
}

#[test]
fn nothing_comes_to_someone_half_forgotten_and_what_was_theirs_with_others_can_be_put_right() {
    for op in [Op::DeleteBlobs, Op::DeleteKeys, Op::Scrub(Part::Index)] {
        for ending in [Ending::Retry, Ending::Reopen] {
            let half = Half::prepare(op, Way::Undone, format!("at {op:?}, then {ending:?}"));
            half.archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
            let to = |number: u8, who: u16| {
                let wish = Refiling { holders: Some(vec![resident(who)]), ..refiling_of(number) };
                half.archive.refile(wish)
            };
            assert_eq!(to(1, 2), Err(ArchiveError::MaterialErased), "{}", half.when);
            // Once the old key is gone, what comes is sealed under a new one, and stays.
            let has_old_key = op != Op::Scrub(Part::Index);
            assert_eq!(to(3, 1).is_err(), has_old_key, "{}", half.when);
            let joint = to(2, 4).expect(&half.when);
            assert_eq!(joint.material.holders, [resident(4)], "{}", half.when);
            let half = half.finish(ending);
            let theirs = if has_old_key { [vec![], vec![3]] } else { [vec![3], vec![]] };
            assert_eq!([half.ids(1), half.ids(2)], theirs, "{}", half.when);
            assert_eq!(half.ids(4), [2], "{}", half.when);
            let bytes = half.archive.blob(material_id(2), &Digest::of(&picture(2)));
            assert_eq!(bytes.expect(&half.when), picture(2));
            assert_whole(&half.archive, &half.when);
        }
    }
}

/// Shown to nobody, and yet traces are left: whoever checks is told.
#[test]
fn an_erasure_that_is_stuck_is_found_by_the_check() {
    let half = Half::prepare(Op::Scrub(Part::Keyring), Way::Undone, "stuck".to_owned());
    half.archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    let stuck = |archive: &Archive| {
        let found = archive.verify(&mut |_, _| {}).unwrap().damages;
        found.into_iter().filter(|damage| damage.check == crate::Check::Leftovers).collect::<Vec<_>>()
    };
    let found = stuck(&half.archive);
    let [damage] = &found[..] else { panic!("{found:?}") };
    assert_eq!(damage.what, crate::DamagedThing::Row(crate::DamagedRow::Erasure(erasure_id(1))));
    assert_eq!(damage.remedy(), crate::Remedy::FinishErasure);
    let half = half.finish(Ending::NextWrite);
    assert_eq!(stuck(&half.archive), []);
}

/// It stands when the check looks, and is done once the writer has had its turn.
#[test]
fn an_erasure_that_is_at_work_is_no_finding_of_the_check() {
    let world = World::new();
    let (reached, begun) = sync_channel(1);
    let (release, released) = sync_channel::<()>(1);
    let (reached, released) = (Mutex::new(Some(reached)), Mutex::new(released));
    let faults = Faults::gated(move |op| {
        let reached = (op == Op::DeleteBlobs).then(|| reached.lock().unwrap().take()).flatten();
        if let Some(reached) = reached {
            reached.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        Ok(())
    });
    let archive = world.open_faulty(&faults).unwrap();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    std::thread::scope(|scope| {
        let erasing = scope.spawn(|| archive.erase_now(erasure_of_person(1, &resident(1))));
        begun.recv().unwrap();
        let standing = archive.shared.stores.index.erasing().unwrap();
        assert_eq!(standing.len(), 1);
        release.send(()).unwrap();
        let mut report = crate::VerifyReport::default();
        archive.check_erasures(&standing, &mut report).unwrap();
        assert_eq!(report.damages, []);
        assert_eq!(report.tallies[&crate::Check::Leftovers].examined, 1);
        erasing.join().unwrap().unwrap();
    });
}
