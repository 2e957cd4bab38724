//! A newer paper takes an older one's place: both stay readable, and the older one says so.

use yidang_model::{Digest, Kind, MaterialId, Status, Subject};

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::{Archive, ArchiveError, ChangeWhat, Filing, HistoryPage, Refiling};

const NEWEST: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };

/// Files paper `number` in the place of paper `older`.
fn file_newer(archive: &Archive, number: u8, older: u8, holders: &[Subject]) {
    archive.stage(stage_of(number, &[number])).unwrap();
    let mut paper = shared_paper(number, holders);
    paper.supersedes = Some(material_id(older));
    let filed = archive.file(filing_of(paper, &[number])).unwrap().stored.material;
    assert_eq!((filed.status, filed.supersedes), (Status::Current, Some(material_id(older))));
}

fn status(archive: &Archive, number: u8) -> Status {
    archive.material(material_id(number)).unwrap().unwrap().material.status
}

fn shown_link(archive: &Archive, number: u8) -> Option<MaterialId> {
    archive.material(material_id(number)).unwrap().unwrap().material.supersedes
}

#[test]
fn an_older_paper_stays_readable_as_superseded() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_newer(&archive, 2, 1, &[resident(1), resident(2)]);
    file_newer(&archive, 3, 2, &[resident(1)]);
    let shown: Vec<_> =
        archive.history(&resident(1), NEWEST).unwrap().iter().map(|s| s.material.status).collect();
    assert_eq!(shown, [Status::Current, Status::Superseded, Status::Superseded]);
    assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))).unwrap(), picture(1));
    assert_whole(&archive, "after two versions");
    drop(archive);
    std::fs::remove_file(world.data_dir().join("index.db")).unwrap();
    let archive = world.open();
    assert_eq!(
        [1, 2, 3].map(|n| status(&archive, n)),
        [Status::Superseded, Status::Superseded, Status::Current]
    );
    // It is told as it was filed: whoever it is sent to knows by the newer one.
    for change in archive.changes(0, 100).unwrap() {
        if let ChangeWhat::Filed(material) = change.what {
            assert_eq!(material.status, Status::Current);
        }
    }
    let mut own = shared_paper(9, &[resident(1)]);
    own.supersedes = Some(own.id);
    archive.stage(stage_of(9, &[9])).unwrap();
    assert!(matches!(archive.file(filing_of(own, &[9])), Err(ArchiveError::Invalid(_))));
}

#[test]
fn it_counts_again_when_the_newer_one_is_gone_or_proves_to_be_another_paper() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 3, 5] {
        file_paper(&archive, number, &[resident(1)]).unwrap();
        file_newer(&archive, number + 1, number, &[resident(1)]);
        assert_eq!(status(&archive, number), Status::Superseded);
    }
    archive.erase_now(erasure_of_material(1, 2)).unwrap();
    assert_eq!(status(&archive, 1), Status::Current, "the newer one was erased");
    let other_case = Refiling { case: Some("case-9".to_owned()), ..refiling_of(4) };
    archive.refile(other_case).unwrap();
    assert_eq!(status(&archive, 3), Status::Superseded);
    let other_kind = Refiling { kind: Some(Kind::new("divorce_certificate").unwrap()), ..refiling_of(4) };
    assert_eq!(archive.refile(other_kind).unwrap().material.supersedes, None);
    assert_eq!(status(&archive, 3), Status::Current, "the newer one is of another kind");
    // The older one was someone else's all along, and is put back again.
    archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(5) }).unwrap();
    assert_eq!(status(&archive, 5), Status::Current);
    assert_eq!(status(&archive, 6), Status::Current);
    archive.refile(Refiling { holders: Some(vec![resident(1)]), ..refiling_of(5) }).unwrap();
    assert_eq!(status(&archive, 5), Status::Superseded);
    // The same goes for the newer one, which meanwhile tells nobody of a paper that is not theirs.
    let moved = archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(6) }).unwrap();
    assert_eq!(moved.material.supersedes, None);
    assert_eq!((status(&archive, 5), shown_link(&archive, 6)), (Status::Current, None));
    archive.refile(Refiling { holders: Some(vec![resident(1)]), ..refiling_of(6) }).unwrap();
    assert_eq!((status(&archive, 5), shown_link(&archive, 6)), (Status::Superseded, Some(material_id(5))));
    assert_whole(&archive, "after versions came and went");
    let before = archive.index_dump().unwrap();
    drop(archive);
    assert_eq!(world.open().index_dump().unwrap(), before);
}

#[test]
fn an_index_of_the_first_version_is_taken_over() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let before = archive.index_dump().unwrap();
    drop(archive);
    let index = rusqlite::Connection::open(world.data_dir().join("index.db")).unwrap();
    let back = "DROP TABLE awaited_originals; DROP TABLE held_materials; DROP TABLE holds; DROP TABLE deferred_erasures;
                DROP INDEX materials_supersedes; ALTER TABLE materials DROP COLUMN supersedes;
                ALTER TABLE materials DROP COLUMN originals_disposed; ALTER TABLE applied DROP COLUMN rebuilt;
                ALTER TABLE applied DROP COLUMN stored_until_millis; DROP TABLE left_out;
                ALTER TABLE applied DROP COLUMN holds_doubted; DROP TABLE confirmed_places; PRAGMA user_version = 1";
    index.execute_batch(back).unwrap();
    drop(index);
    let archive = world.open();
    assert_eq!(archive.index_dump().unwrap(), before);
    assert!(archive.tells_every_blob().unwrap());
    file_newer(&archive, 2, 1, &[resident(1)]);
    assert_eq!(status(&archive, 1), Status::Superseded);
    assert_whole(&archive, "after the index was taken over");
}

#[test]
fn versions_around_an_erased_one_follow_each_other() {
    let world = World::new();
    let archive = world.open();
    let both = [resident(1), resident(2)];
    file_paper(&archive, 1, &both).unwrap();
    for number in 2..=6 {
        let holders = if number == 4 || number == 5 { &both[..1] } else { &both[..] };
        file_newer(&archive, number, number - 1, holders);
    }
    archive.erase_now(erasure_of_material(1, 2)).unwrap();
    assert_eq!((status(&archive, 1), status(&archive, 3)), (Status::Superseded, Status::Superseded));
    assert_eq!(shown_link(&archive, 3), Some(material_id(1)));
    assert_whole(&archive, "after a version in the middle was erased");
    // Put right in another respect, the newer one keeps its new place.
    archive.refile(Refiling { case: Some("case-9".to_owned()), ..refiling_of(3) }).unwrap();
    assert_eq!((status(&archive, 1), shown_link(&archive, 3)), (Status::Superseded, Some(material_id(1))));
    // Who had two of them alone is forgotten, and both go at once.
    archive.erase_now(erasure_of_person(2, &resident(1))).unwrap();
    assert_eq!(
        [1, 3, 6].map(|n| status(&archive, n)),
        [Status::Superseded, Status::Superseded, Status::Current]
    );
    assert_eq!(shown_link(&archive, 6), Some(material_id(3)));
    assert_whole(&archive, "after a person's versions were erased");
    let before = archive.index_dump().unwrap();
    drop(archive);
    std::fs::remove_file(world.data_dir().join("index.db")).unwrap();
    let archive = world.open();
    assert_eq!(archive.index_dump().unwrap(), before);
    // It is sent as it stands: the repository never hears of what is gone.
    let sent = archive.changes(0, 100).unwrap().into_iter().filter_map(|change| match change.what {
        ChangeWhat::Filed(material) => material.supersedes,
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [material_id(1), material_id(3)]);
}

#[test]
fn one_paper_takes_a_place_here_and_what_another_window_filed_apart_is_kept() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let newer = |number: u8, may_fork: bool| {
        archive.stage(stage_of(number, &[number])).unwrap();
        let mut paper = shared_paper(number, &[resident(1)]);
        paper.supersedes = Some(material_id(1));
        Filing { may_fork, ..filing_of(paper, &[number]) }
    };
    let (second, third) = (newer(2, false), newer(3, false));
    let answers: Vec<_> =
        archive.file_many(vec![second.clone(), third]).into_iter().map(|filed| filed.map(drop)).collect();
    assert_eq!(answers, [Ok(()), Err(ArchiveError::MaterialSuperseded)], "in one group too");
    // The same paper again is no second version.
    assert!(archive.file(second).unwrap().duplicate);
    archive.file(newer(4, true)).unwrap();
    assert_eq!(
        [1, 2, 4].map(|n| status(&archive, n)),
        [Status::Superseded, Status::Current, Status::Current]
    );
    archive.erase_now(erasure_of_material(1, 2)).unwrap();
    assert_eq!(status(&archive, 1), Status::Superseded, "the other one still has its place");
    archive.erase_now(erasure_of_material(2, 4)).unwrap();
    archive.file(newer(5, false)).unwrap();
    assert_whole(&archive, "after two took one place");
}
