//! Taking in, listing, throwing away, sweeping.

use yidang_model::Digest;

use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::storage::StagedState;
use crate::{ArchiveError, ORPHAN_GRACE_MS, STAGE_BLOBS_MAX};

#[test]
fn what_was_staged_is_there_after_reopening() {
    let world = World::new();
    let archive = world.open();
    let staged = archive.stage(stage_of(1, &[1, 2, 1])).unwrap();
    assert_eq!(staged.digests, [1, 2, 1].map(|n| Digest::of(&picture(n))));
    drop(archive);
    let archive = world.open();
    assert_eq!(archive.staged(capture(1)).unwrap().as_ref(), Some(&staged));
    assert_eq!(archive.unfiled(0, 10).unwrap(), std::slice::from_ref(&staged));
    assert_eq!(archive.unfiled(staged.sequence, 10).unwrap(), []);
    assert_eq!(archive.staged_blob(capture(1), &staged.digests[1]).unwrap(), picture(2));
    assert_eq!(staged.note, b"note 1");
    let absent = Digest::of(b"absent");
    assert_eq!(archive.staged_blob(capture(1), &absent), Err(ArchiveError::BlobUnknown { digest: absent }));
    assert_eq!(archive.staged(capture(2)).unwrap(), None);
    assert_whole(&archive, "after staging");
}

#[test]
fn staging_twice_is_recognised() {
    let world = World::new();
    let archive = world.open();
    let first = archive.stage(stage_of(1, &[1])).unwrap();
    let again = archive.stage(stage_of(1, &[1])).unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!((again.sequence, &again.digests), (first.sequence, &first.digests));
    assert_eq!(archive.stage(stage_of(1, &[2])), Err(ArchiveError::IdempotencyConflict));
    assert_eq!(archive.head().unwrap(), 1);

    let mut keyed = stage_of(2, &[2]);
    keyed.idempotency = idempotency(1, 1);
    let first = archive.stage(keyed.clone()).unwrap();
    // The caller draws a new identifier when it repeats a call whose answer it lost.
    keyed.id = capture(3);
    let again = archive.stage(keyed.clone()).unwrap();
    assert_eq!((again.id, again.sequence, again.replayed), (first.id, first.sequence, true));
    keyed.idempotency = idempotency(1, 2);
    assert_eq!(archive.stage(keyed), Err(ArchiveError::IdempotencyConflict));
    let mut look = look_at(&resident(1), &[]);
    look.idempotency = idempotency(1, 1);
    assert_eq!(archive.record(look), Err(ArchiveError::IdempotencyConflict));
}

#[test]
fn equal_bytes_are_stored_once() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1, 1])).unwrap();
    archive.stage(stage_of(2, &[1])).unwrap();
    assert_eq!(archive.stats().unwrap().blobs, 1);
    assert!(archive.discard(capture(1), &clerk()).unwrap());
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.staged_blob(capture(2), &digest).unwrap(), picture(1));
    assert_whole(&archive, "with a shared blob");
}

#[test]
fn a_discarded_set_is_gone_and_stays_gone() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    assert_eq!(archive.discard(capture(1), &clerk()), Ok(true));
    assert_eq!(archive.discard(capture(1), &clerk()), Ok(false));
    assert_eq!(archive.discard(capture(9), &clerk()), Ok(false));
    let staged = archive.staged(capture(1)).unwrap().unwrap();
    assert_eq!((staged.state, staged.digests.len(), staged.note.len()), (StagedState::Discarded, 0, 0));
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.staged_blob(capture(1), &digest), Err(ArchiveError::StagedUnknown));
    let filing = filing_of(shared_paper(1, &[resident(1)]), &[1]);
    assert_eq!(archive.file(filing).unwrap_err(), ArchiveError::StagedUnknown);

    // Its blob lies there without a user until it is swept, and can be staged again meanwhile.
    assert_eq!(archive.verify(&mut |_, _| {}).unwrap().orphans, 1);
    archive.stage(stage_of(2, &[1])).unwrap();
    assert_eq!(archive.staged_blob(capture(2), &digest).unwrap(), picture(1));
    assert_whole(&archive, "after an orphan was taken up again");
}

#[test]
fn a_sweep_takes_what_has_expired_and_what_nothing_needs() {
    let world = World::new();
    let archive = world.open();
    archive.stage(stage_of(1, &[1])).unwrap();
    let mut lasting = stage_of(2, &[2]);
    lasting.expires_at = START.plus_millis(100 * DAY_MS);
    archive.stage(lasting).unwrap();
    file_paper(&archive, 3, &[resident(1)]).unwrap();
    assert_eq!(archive.sweep().unwrap(), crate::SweepReport::default());
    world.clock.advance(15 * DAY_MS);
    // Blob files are dated by the file system, and this clock is far ahead of it: old enough at once.
    let report = archive.sweep().unwrap();
    assert_eq!((report.expired, report.orphans), (1, 1));
    assert_eq!(archive.unfiled(0, 10).unwrap().len(), 1);
    assert_eq!(archive.blob(material_id(3), &Digest::of(&picture(3))).unwrap(), picture(3));
    assert_eq!(archive.sweep().unwrap(), crate::SweepReport::default());
    assert_whole(&archive, "after a sweep");
}

#[test]
fn an_orphan_is_left_alone_for_a_while() {
    let world = World::new();
    // The file system's clock, which dates the blobs.
    let now = crate::Clock::now(&crate::SystemClock).as_millis();
    world.clock.advance(now - START.as_millis());
    let archive = world.open();
    let mut stage = stage_of(1, &[1]);
    stage.expires_at = START.plus_millis(i64::MAX / 2);
    archive.stage(stage).unwrap();
    archive.discard(capture(1), &clerk()).unwrap();
    assert_eq!(archive.sweep().unwrap().orphans, 0);
    world.clock.advance(ORPHAN_GRACE_MS + 60_000);
    assert_eq!(archive.sweep().unwrap().orphans, 1);
}

#[test]
fn a_lost_blob_is_whole_again_when_its_bytes_come_back() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let digest = Digest::of(&picture(1));
    let name = archive.shared.stores.keys.blob_name(&digest);
    archive.shared.stores.blobs.delete_many(&[name]).unwrap();
    assert_eq!(archive.blob(material_id(1), &digest), Err(ArchiveError::BlobMissing { name }));
    archive.stage(stage_of(2, &[1])).unwrap();
    assert_eq!(archive.blob(material_id(1), &digest).unwrap(), picture(1));
    assert_eq!(archive.staged_blob(capture(2), &digest).unwrap(), picture(1));
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let world = World::new();
    let archive = world.open();
    let mut none = stage_of(1, &[1]);
    none.blobs.clear();
    let mut many = stage_of(1, &[1]);
    many.blobs = vec![vec![1]; STAGE_BLOBS_MAX + 1];
    let mut wordy = stage_of(1, &[1]);
    wordy.note = vec![0; crate::NOTE_BYTES_MAX + 1];
    let mut long = stage_of(1, &[1]);
    long.blobs = vec![vec![0; crate::BLOB_BYTES_MAX + 1]];
    for stage in [none, many, wordy, long] {
        assert!(matches!(archive.stage(stage), Err(ArchiveError::Invalid(_))));
    }
    assert_eq!(archive.head().unwrap(), 0);
    let mut empty = stage_of(1, &[1]);
    empty.blobs = vec![Vec::new()];
    let staged = archive.stage(empty).unwrap();
    assert_eq!(archive.staged_blob(capture(1), &staged.digests[0]).unwrap(), Vec::<u8>::new());
}
