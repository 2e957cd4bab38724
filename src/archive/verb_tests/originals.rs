//! Untouched originals go before the papers they belong to; the pages stay, and nothing brings the originals back.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use yidang_model::{Digest, Material, MaterialId};

use super::crashes::for_every_fault;
use super::damage::spoiling;
use super::faulty::{Faults, Mode, Op, Way};
use super::papers::*;
use super::world::{World, assert_whole};
use crate::storage::{BlobName, BlobStat, BlobStore, StorageError};
use crate::{
    Archive, ArchiveError, AuditLine, AuditOf, AuditQuery, ChangeWhat, Disposal, DuePaper, Filed,
    HistoryPage, HoldTarget, LiftHold, ORPHAN_GRACE_MS, Parts, PlaceHold, Refiling,
};

/// Blobs are dated by the system's own clock, which is ahead of these tests'.
pub(super) const LATER_MS: i64 = ORPHAN_GRACE_MS + 100 * 365 * DAY_MS;
const ALL: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

/// Paper `number` of this person, whose page is `picture(number)`, cut out of `picture(original)`.
pub(super) fn cut_paper(number: u8, original: u8, holder: u16) -> Material {
    let mut material = shared_paper(number, &[resident(holder)]);
    let bytes = picture(original);
    let page = &mut material.pages[0];
    (page.original.digest, page.original.size_bytes) = (Digest::of(&bytes), bytes.len() as u64);
    page.corners = Some([[1.0, 1.0], [9.0, 1.0], [9.0, 9.0], [1.0, 9.0]]);
    material
}

pub(super) fn file_cut(archive: &Archive, number: u8, original: u8, holder: u16) -> Filed {
    archive.stage(stage_of(number, &[original, number])).unwrap();
    archive.file(filing_of(cut_paper(number, original, holder), &[number])).unwrap()
}

/// These papers as they stand.
pub(super) fn disposal_of(archive: &Archive, numbers: &[u8]) -> Disposal {
    let stands_by = |id| archive.material(id).ok().flatten().map_or(0, |stored| stored.sequence);
    let due = |id| DuePaper { id, stands_by: stands_by(id) };
    Disposal { papers: numbers.iter().map(|number| due(material_id(*number))).collect(), by: clerk() }
}

pub(super) fn dispose(archive: &Archive, numbers: &[u8]) -> Result<Vec<MaterialId>, ArchiveError> {
    archive.dispose_of_originals(disposal_of(archive, numbers))
}

pub(super) fn read(archive: &Archive, number: u8, wanted: u8) -> Result<Vec<u8>, ArchiveError> {
    archive.blob(material_id(number), &Digest::of(&picture(wanted)))
}

pub(super) fn name_of(archive: &Archive, number: u8) -> BlobName {
    archive.shared.stores.keys.blob_name(&Digest::of(&picture(number)))
}

/// A stretch of a picture as it is stored.
pub(super) fn sealed(archive: &Archive, number: u8) -> Vec<u8> {
    let sealed = archive.shared.stores.blobs.get(name_of(archive, number)).unwrap().unwrap();
    sealed[30_000..30_032].to_vec()
}

pub(super) fn is_gone(archive: &Archive, number: u8) -> bool {
    archive.shared.stores.blobs.get(name_of(archive, number)).unwrap().is_none()
}

pub(super) fn holds(folder: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, wanted);
        }
        fs::read(path).unwrap().windows(wanted.len()).any(|window| window == wanted)
    })
}

#[test]
fn the_original_goes_and_the_paper_stays() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 1);
    let (original, page) = (sealed(&archive, 101), sealed(&archive, 1));
    assert!(holds(&world.data_dir(), &original));
    let head = archive.head().unwrap();
    assert_eq!(dispose(&archive, &[1, 1, 9]).unwrap(), [material_id(1)]);
    assert_eq!(archive.head().unwrap(), head + 1, "one entry");
    assert!(!holds(&world.data_dir(), &original) && holds(&world.data_dir(), &page));
    for archive in [archive, world.open()] {
        assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
        assert_eq!(read(&archive, 1, 1).unwrap(), picture(1));
        assert_eq!(read(&archive, 2, 102).unwrap(), picture(102));
        let stored = archive.material(material_id(1)).unwrap().unwrap();
        assert!(stored.is_original_gone(&stored.material.pages[0]));
        assert_eq!(stored.material, cut_paper(1, 101, 1), "its record is as it was");
        assert_eq!(archive.history(&resident(1), ALL).unwrap().len(), 2);
        assert_eq!(archive.on_file(0).unwrap().materials.iter().filter(|s| s.originals_disposed).count(), 1);
        assert_whole(&archive, "after an original was disposed of");
        assert_eq!(dispose(&archive, &[1]).unwrap(), [], "once");
        drop(archive);
    }
    let archive = world.open();
    let of = AuditOf::Operator("Operator Okoye".to_owned());
    let asked = AuditQuery { of, since: None, until: None, limit: 100, by: clerk() };
    let mut words = Vec::new();
    let mut tell = |line: AuditLine| {
        words.push(line.verb.as_str());
        true
    };
    archive.audit(asked, &mut |_, _| {}, &mut tell).unwrap();
    assert!(words.contains(&"originals_disposed"), "{words:?}");
}

#[test]
fn where_the_original_is_the_page_nothing_goes() {
    let world = World::new();
    let archive = world.open();
    super::world::file_paper(&archive, 1, &[resident(1)]).unwrap();
    let head = archive.head().unwrap();
    assert_eq!(dispose(&archive, &[1]).unwrap(), []);
    assert_eq!(archive.head().unwrap(), head);
    // The frame of one page is another page of the same paper.
    archive.stage(stage_of(2, &[102, 2])).unwrap();
    let mut material = cut_paper(2, 102, 1);
    let mut second = material.pages[0].clone();
    (second.image, second.corners) = (second.original.clone(), None);
    material.pages.push(second);
    archive.file(filing_of(material, &[2])).unwrap();
    assert_eq!(dispose(&archive, &[2]).unwrap(), []);
    assert_eq!(read(&archive, 2, 102).unwrap(), picture(102));
    assert_whole(&archive, "after nothing was disposed of");
}

#[test]
fn a_hold_keeps_the_original() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_cut(&archive, number, 100 + number, number.into());
    }
    let id = yidang_model::HoldId::from_bytes([1; 16]);
    let (reason, case) = ("order 7".to_owned(), None);
    let target = HoldTarget::Holder(resident(1));
    archive
        .place_hold(PlaceHold {
            id,
            target,
            reason: reason.clone(),
            case,
            by: clerk(),
            decided_elsewhere: false,
        })
        .unwrap();
    let head = archive.head().unwrap();
    assert_eq!(dispose(&archive, &[1]).unwrap(), []);
    assert_eq!(archive.head().unwrap(), head, "what is refused is not entered");
    assert_eq!(dispose(&archive, &[1, 2]).unwrap(), [material_id(2)]);
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
    // Nor is a whole paper entered as disposed of that a hold keeps.
    assert_eq!(archive.record_disposal(disposal_of(&archive, &[1, 2])).unwrap(), [material_id(2)]);
    archive.lift_hold(LiftHold { id, reason, by: clerk(), decided_elsewhere: false }).unwrap();
    assert_eq!(dispose(&archive, &[1, 2]).unwrap(), [material_id(1)]);
    assert_whole(&archive, "after a hold was lifted");
}

#[test]
fn a_picture_that_another_paper_needs_stays_with_it() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 101, 2);
    assert_eq!(dispose(&archive, &[1]).unwrap(), [material_id(1)]);
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert_eq!(read(&archive, 2, 101).unwrap(), picture(101));
    assert_whole(&archive, "while another paper has the original");
    assert_eq!(dispose(&archive, &[2]).unwrap(), [material_id(2)]);
    assert!(is_gone(&archive, 101));
    assert_whole(&archive, "after the last one let it go");
}

#[test]
fn a_paper_put_right_afterwards_has_no_original_wherever_it_goes() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    dispose(&archive, &[1]).unwrap();
    for holder in [2, 1] {
        archive.refile(Refiling { holders: Some(vec![resident(holder)]), ..refiling_of(1) }).unwrap();
        assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
        assert_eq!(read(&archive, 1, 1).unwrap(), picture(1));
        assert_eq!(dispose(&archive, &[1]).unwrap(), []);
        assert_whole(&archive, "after it was put right");
    }
    archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(1) }).unwrap();
    // From here on nobody can open the entry whose original was disposed of.
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert_whole(&archive, "after those it was filed to were forgotten");
    archive.erase_now(erasure_of_material(2, 1)).unwrap();
    assert_whole(&archive, "after it was erased");
    assert_eq!(archive.stats().unwrap().blobs, 0);
}

#[test]
fn nothing_brings_an_original_back() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    dispose(&archive, &[1]).unwrap();
    // The same paper once more, for the same case.
    archive.stage(stage_of(2, &[101, 1])).unwrap();
    let again = Material { id: material_id(2), ..cut_paper(1, 101, 1) };
    let again = archive.file(filing_of(again, &[2])).unwrap();
    assert!(again.duplicate && again.stored.originals_disposed);
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    world.clock.advance(LATER_MS);
    archive.sweep().unwrap();
    assert!(is_gone(&archive, 101), "what was handed in again is nobody's");
    assert_whole(&archive, "after it came again");
    // To whoever is sent the paper it is one that never had an original.
    let changes = archive.changes(0, 100).unwrap();
    let filed = changes.iter().find_map(|change| match &change.what {
        ChangeWhat::Filed(material) => Some(material),
        _ => None,
    });
    let page = &filed.unwrap().pages[0];
    assert_eq!((&page.original, page.corners), (&page.image, None));
}

#[test]
fn whatever_write_fails_the_original_is_there_or_goes() {
    for_every_fault(
        |archive| {
            file_cut(archive, 1, 101, 1);
            file_cut(archive, 2, 102, 2);
        },
        |archive| dispose(archive, &[1, 2]),
        |world, archive, disposed, when| {
            world.clock.advance(LATER_MS);
            archive.sweep().expect(when);
            let is_entered = archive.material(material_id(1)).unwrap().unwrap().originals_disposed;
            assert!(is_entered || disposed.is_err(), "{when}");
            for number in [1, 2] {
                assert_eq!(is_gone(archive, 100 + number), is_entered, "{when}");
                assert_eq!(read(archive, number, number).unwrap(), picture(number), "{when}");
            }
            assert_whole(archive, when);
            let left = dispose(archive, &[1, 2]).expect(when);
            assert_eq!(left.len(), if is_entered { 0 } else { 2 }, "{when}");
            assert!(is_gone(archive, 101) && is_gone(archive, 102), "{when}");
        },
    );
}

/// Once they are, nobody knows any more what an original was called.
#[test]
fn an_original_that_a_crash_left_goes_with_those_who_are_forgotten() {
    for whole_person in [false, true] {
        let world = World::new();
        let archive = world.open();
        file_cut(&archive, 1, 101, 1);
        let original = sealed(&archive, 101);
        drop(archive);
        let faults = Faults::new(Mode::Stuck(Op::DeleteBlobs, Way::Undone), 1);
        dispose(&world.open_faulty(&faults).unwrap(), &[1]).unwrap_err();
        let archive = world.open();
        assert!(holds(&world.data_dir(), &original), "as a crash leaves it");
        let whom = resident(1);
        let erasure = if whole_person { erasure_of_person(1, &whom) } else { erasure_of_material(1, 1) };
        archive.erase_now(erasure).unwrap();
        assert!(!holds(&world.data_dir(), &original), "{whole_person}");
        assert_whole(&archive, "after those were forgotten");
    }
}

/// Papers that are cut out of one frame share it.
#[test]
fn an_original_that_a_paper_may_need_whose_entry_does_not_open_stays() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    let other = file_cut(&archive, 2, 101, 2).stored.sequence;
    file_cut(&archive, 3, 103, 3);
    let head = archive.head().unwrap();
    drop(archive);
    let set = spoiling(&world, other);
    set(&world, false);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert!(matches!(dispose(&archive, &[1]), Err(ArchiveError::Storage(_))));
    assert_eq!(archive.head().unwrap(), head);
    drop(archive);
    // Its ledger is put right.
    set(&world, true);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    assert_eq!(read(&archive, 2, 101).unwrap(), picture(101));
    assert_eq!(dispose(&archive, &[1, 2]).unwrap().len(), 2);
    assert_whole(&archive, "after the ledger was put right");
}

type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Blobs before whose next reading something else happens.
struct Interrupted(Box<dyn BlobStore>, Meanwhile);

impl BlobStore for Interrupted {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        self.0.put_many(blobs)
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        let meanwhile = self.1.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.0.get(name)
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        self.0.stat(name)
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        self.0.delete_many(names)
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        self.0.visit(visit)
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        self.0.clear_leftovers()
    }
}

/// Whoever sends papers on leaves out one whose picture is lost.
#[test]
fn an_original_that_goes_while_it_is_read_is_not_taken_for_lost() {
    let world = World::new();
    let meanwhile = Meanwhile::default();
    let parts = world.parts();
    let blobs = Box::new(Interrupted(parts.blobs, Arc::clone(&meanwhile)));
    let archive = Archive::open_keyed_with(Parts { blobs, ..parts }, &super::world::how()).unwrap();
    file_cut(&archive, 1, 101, 1);
    let another = archive.clone();
    let disposal = move || assert_eq!(dispose(&another, &[1]).unwrap(), [material_id(1)]);
    *meanwhile.lock().unwrap() = Some(Box::new(disposal));
    assert_eq!(read(&archive, 1, 101), Err(ArchiveError::OriginalDisposed));
    assert_eq!(read(&archive, 1, 1).unwrap(), picture(1));
}

#[test]
fn a_paper_put_right_since_it_was_found_is_left_alone() {
    let world = World::new();
    let archive = world.open();
    file_cut(&archive, 1, 101, 1);
    file_cut(&archive, 2, 102, 1);
    let found = disposal_of(&archive, &[1, 2]);
    archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(1) }).unwrap();
    assert_eq!(archive.dispose_of_originals(found.clone()).unwrap(), [material_id(2)]);
    assert_eq!(read(&archive, 1, 101).unwrap(), picture(101));
    // The same of whole papers.
    assert_eq!(archive.record_disposal(found.clone()).unwrap(), [material_id(2)]);
    let [one, two] = found.papers[..] else { panic!("two papers") };
    let head = archive.head().unwrap();
    for paper in [one, DuePaper { stands_by: one.stands_by + 1, ..two }] {
        let erasure = erasure_of_material(1, paper.id.as_bytes()[0]);
        assert_eq!(archive.request_erasure_at(erasure.clone(), paper.stands_by).unwrap(), None);
        assert_eq!(archive.erase_now_at(erasure, paper.stands_by).unwrap(), None);
    }
    assert_eq!(archive.head().unwrap(), head, "nothing is entered");
    archive.erase_now_at(erasure_of_material(2, 2), two.stands_by).unwrap().unwrap();
    assert_eq!(archive.material(material_id(2)).unwrap(), None);
    let gone = archive.erase_now_at(erasure_of_material(3, 2), two.stands_by);
    assert_eq!(gone.err(), Some(ArchiveError::MaterialErased));
    let nothing = Disposal { papers: vec![one], by: clerk() };
    assert_eq!(archive.record_disposal(nothing).unwrap(), []);
    assert_whole(&archive, "after papers were left alone");
}

/// The ledger is read through once, and from then on what was written since.
#[test]
fn what_the_ledger_tells_is_asked_anew_when_the_index_is_made_anew() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        file_cut(&archive, number, 100 + number, number.into());
    }
    assert!(archive.tells_every_blob().unwrap());
    let sequence = archive.material(material_id(2)).unwrap().unwrap().sequence;
    let set = spoiling(&world, sequence);
    set(&world, false);
    assert!(archive.tells_every_blob().unwrap(), "the index has what it said");
    assert_eq!(dispose(&archive, &[1]).unwrap(), [material_id(1)]);
    archive.rebuild_index().unwrap();
    assert!(!archive.tells_every_blob().unwrap());
    dispose(&archive, &[3]).unwrap_err();
    set(&world, true);
    archive.rebuild_index().unwrap();
    assert!(archive.tells_every_blob().unwrap());
    assert_eq!(dispose(&archive, &[2, 3]).unwrap().len(), 2);
    assert_whole(&archive, "after the ledger was put right");
}
