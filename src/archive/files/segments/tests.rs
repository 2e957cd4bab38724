//! What is left of a segment after a crash, a deletion, and damage.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::BlobSegments;
use crate::conformance::samples::{blob_name, bytes};
use crate::files::BlobFiles;
use crate::files::direct::BLOCK_BYTES;
use crate::storage::{BlobName, BlobStore};

pub(super) const BLOB_BYTES: usize = 4024;
/// Header, blob and filling.
pub(super) const RECORD_BYTES: u64 = 4096;

pub(super) fn blob(number: u64) -> (BlobName, Vec<u8>) {
    (blob_name(number), bytes(number, BLOB_BYTES))
}

pub(super) fn segments(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder.join("blobs/segments")).unwrap();
    let mut paths: Vec<PathBuf> = found.map(|found| found.unwrap().path()).collect();
    paths.sort();
    paths
}

pub(super) fn forget_places(folder: &Path) {
    for file in ["places.db", "places.db-wal", "places.db-shm"] {
        let _ = fs::remove_file(folder.join("blobs").join(file));
    }
}

fn names(store: &dyn BlobStore) -> BTreeSet<BlobName> {
    let mut names = BTreeSet::new();
    store
        .visit(&mut |stat| {
            assert!(names.insert(stat.name), "visited twice");
            true
        })
        .unwrap();
    names
}

/// A folder whose store was left as a crash leaves it: nothing entered into the table of places.
fn after_crash(blobs: &[(BlobName, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    for blob in blobs {
        store.put_many(std::slice::from_ref(blob)).unwrap();
    }
    std::mem::forget(store);
    folder
}

#[test]
fn a_segment_cut_anywhere_keeps_its_whole_blobs_and_goes_on() {
    let blobs: Vec<_> = (1..=3).map(blob).collect();
    for length in
        (0..=3 * RECORD_BYTES).step_by(191).chain([RECORD_BYTES, 2 * RECORD_BYTES, 3 * RECORD_BYTES])
    {
        let folder = after_crash(&blobs);
        let segment = segments(folder.path()).remove(0);
        OpenOptions::new().write(true).open(&segment).unwrap().set_len(length).unwrap();
        let cut = fs::read(&segment).unwrap();
        let store = BlobSegments::open(folder.path()).unwrap();
        // A record's filling may be missing; its blob is whole all the same.
        let is_whole = |n: usize| n as u64 * RECORD_BYTES + 4088 <= length;
        let check = |store: &BlobSegments| {
            for (n, (name, bytes)) in blobs.iter().enumerate() {
                assert_eq!(store.get(*name).unwrap().as_ref() == Some(bytes), is_whole(n), "cut to {length}");
            }
        };
        check(&store);
        store.put_many(&[blob(9)]).unwrap();
        drop(store);
        forget_places(folder.path());
        let store = BlobSegments::open(folder.path()).unwrap();
        check(&store);
        assert_eq!(store.get(blob_name(9)).unwrap(), Some(blob(9).1), "cut to {length}");
        assert!(fs::read(&segment).unwrap().starts_with(&cut), "cut to {length}");
        // Nothing that nobody was told of stays: it is deleted by its name.
        store.delete_many(&names(&store).into_iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(names(&store).len(), 0, "cut to {length}");
    }
}

#[test]
fn blocks_somebody_was_told_of_are_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let small = |n: u64| (blob_name(n), bytes(n, 100 + n as usize));
    // More than goes out at once, too.
    let long = (blob_name(4), bytes(4, (1 << 20) + 5000));
    let put = |blobs: &[(BlobName, Vec<u8>)]| {
        let store = BlobSegments::open(folder.path()).unwrap();
        let before = segments(folder.path()).first().map_or(Vec::new(), |path| fs::read(path).unwrap());
        store.put_many(blobs).unwrap();
        let after = fs::read(&segments(folder.path())[0]).unwrap();
        assert!(after.starts_with(&before));
        (before.len().next_multiple_of(BLOCK_BYTES), after)
    };
    put(&[small(1)]);
    let (from, content) = put(&[small(2), small(3)]);
    assert_eq!(from, BLOCK_BYTES);
    assert_eq!(&content[from + 64..][..102], small(2).1, "the next begins with a block");
    put(std::slice::from_ref(&long));
    put(&[small(5)]);
    forget_places(folder.path());
    let store = BlobSegments::open(folder.path()).unwrap();
    for blob in [small(1), small(2), small(3), long, small(5)] {
        assert_eq!(store.get(blob.0).unwrap(), Some(blob.1));
    }
    assert_eq!(names(&store).len(), 5);
}

#[test]
fn half_written_bytes_are_no_blob_and_the_one_before_stays() {
    let folder = after_crash(&[blob(1), (blob_name(1), bytes(7, BLOB_BYTES))]);
    let segment = segments(folder.path()).remove(0);
    let mut content = fs::read(&segment).unwrap();
    // The first record was overwritten when it was replaced. As if the cut had come before.
    let other = after_crash(&[blob(1)]);
    let first = fs::read(segments(other.path()).remove(0)).unwrap();
    content[..first.len()].copy_from_slice(&first);
    content[RECORD_BYTES as usize + 64 + 1500..RECORD_BYTES as usize + 64 + 2000].fill(0);
    fs::write(&segment, &content).unwrap();
    forget_places(folder.path());
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(bytes(1, BLOB_BYTES)));
    let left = fs::read(&segment).unwrap();
    assert_eq!(left.len() as u64, 2 * RECORD_BYTES);
    assert!(left[RECORD_BYTES as usize + 64..].iter().all(|byte| *byte == 0), "what does not count is gone");
    store.put_many(&[blob(2)]).unwrap();
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(blob(2).1));
}

#[test]
fn of_two_whole_records_of_a_name_the_later_one_counts() {
    let folder = after_crash(&[blob(1), (blob_name(1), bytes(7, BLOB_BYTES))]);
    let segment = segments(folder.path()).remove(0);
    let other = after_crash(&[blob(1)]);
    let mut content = fs::read(segments(other.path()).remove(0)).unwrap();
    content.extend_from_slice(&fs::read(&segment).unwrap()[RECORD_BYTES as usize..]);
    fs::write(&segment, &content).unwrap();
    forget_places(folder.path());
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(bytes(7, BLOB_BYTES)));
    assert_eq!(names(&store).len(), 1);
    let left = fs::read(&segment).unwrap();
    assert!(left[64..RECORD_BYTES as usize].iter().all(|byte| *byte == 0), "the older one is gone");
}

#[test]
fn what_is_deleted_lies_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&(1..=3).map(blob).collect::<Vec<_>>()).unwrap();
    store.put_many(&[(blob_name(3), bytes(7, BLOB_BYTES))]).unwrap();
    store.delete_many(&[blob_name(2)]).unwrap();
    let is_anywhere = |wanted: &[u8]| {
        let files = segments(folder.path())
            .into_iter()
            .chain(["places.db", "places.db-wal"].map(|file| folder.path().join("blobs").join(file)));
        files.into_iter().any(|file| {
            fs::read(file).unwrap_or_default().windows(wanted.len()).any(|window| window == wanted)
        })
    };
    assert!(is_anywhere(&bytes(1, BLOB_BYTES)[1000..1032]) && is_anywhere(&blob_name(1).0));
    for gone in [bytes(2, BLOB_BYTES), bytes(3, BLOB_BYTES)] {
        assert!(!is_anywhere(&gone[..32]) && !is_anywhere(&gone[1000..1032]));
    }
    assert!(!is_anywhere(&blob_name(2).0), "nor does its name");
    drop(store);
    forget_places(folder.path());
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(names(&store), [blob_name(1), blob_name(3)].into());
}

#[test]
fn a_deletion_that_was_cut_off_is_repeated() {
    let folder = after_crash(&[blob(1), blob(2)]);
    let segment = segments(folder.path()).remove(0);
    let mut content = fs::read(&segment).unwrap();
    content[64..RECORD_BYTES as usize - 500].fill(0);
    fs::write(&segment, &content).unwrap();
    // Entered before: what is known to have been whole is not taken for half-written.
    let folder = {
        let whole = after_crash(&[blob(1), blob(2)]);
        drop(BlobSegments::open(whole.path()).unwrap());
        fs::write(segments(whole.path()).remove(0), &content).unwrap();
        whole
    };
    let store = BlobSegments::open(folder.path()).unwrap();
    assert!(store.get(blob_name(1)).unwrap().is_some_and(|blob| blob != bytes(1, BLOB_BYTES)));
    store.delete_many(&[blob_name(1)]).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), None);
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(bytes(2, BLOB_BYTES)));
    let left = fs::read(segments(folder.path()).remove(0)).unwrap();
    assert!(left[64..RECORD_BYTES as usize].iter().all(|byte| *byte == 0));
}

#[test]
fn wherever_a_deletion_was_cut_off_the_rest_is_done_and_the_others_stay() {
    for step in 1..=3 {
        let folder = tempfile::tempdir().unwrap();
        let open = || BlobSegments::open_bounded(folder.path(), 2 * RECORD_BYTES).unwrap();
        let store = open();
        store.put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
        drop(store);
        let first = segments(folder.path()).remove(0);
        let mut content = fs::read(&first).unwrap();
        let table = fs::read(folder.path().join("blobs/places.db")).unwrap();
        let store = open();
        store.delete_many(&[blob_name(1), blob_name(2)]).unwrap();
        assert_eq!(segments(folder.path()).len(), 1, "it went with its last blob");
        drop(store);
        // 1: nothing but the blobs overwritten; 2: the headers as well; 3: the places struck out too.
        for at in [0, RECORD_BYTES as usize] {
            let header: &mut [u8; 64] = (&mut content[at..at + 64]).try_into().unwrap();
            if step > 1 {
                *header = super::Header::decode(header).unwrap().deleted().encode();
            }
            content[at + 64..at + RECORD_BYTES as usize].fill(0);
        }
        fs::write(&first, &content).unwrap();
        if step < 3 {
            forget_places(folder.path());
            fs::write(folder.path().join("blobs/places.db"), &table).unwrap();
        }
        let store = open();
        assert_eq!(store.clear_leftovers().unwrap(), 0);
        assert_eq!(segments(folder.path()).len(), if step > 1 { 1 } else { 2 }, "after step {step}");
        store.delete_many(&[blob_name(1), blob_name(2)]).unwrap();
        assert_eq!(segments(folder.path()).len(), 1, "after step {step}");
        assert_eq!(names(&store), [blob_name(3), blob_name(4)].into());
        for number in [3, 4] {
            assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1));
        }
    }
}

#[test]
fn full_segments_are_followed_by_others_and_go_with_their_last_blob() {
    let folder = tempfile::tempdir().unwrap();
    let open = || BlobSegments::open_bounded(folder.path(), 2 * RECORD_BYTES).unwrap();
    let store = open();
    store.put_many(&(1..=5).map(blob).collect::<Vec<_>>()).unwrap();
    assert_eq!(segments(folder.path()).len(), 3);
    // One that is longer than a segment has one of its own.
    store.put_many(&[(blob_name(6), bytes(6, 10 * BLOB_BYTES)), blob(7)]).unwrap();
    drop(store);
    let store = open();
    for number in [1, 2, 3, 4, 5, 7] {
        assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1), "{number}");
    }
    assert_eq!(store.get(blob_name(6)).unwrap(), Some(bytes(6, 10 * BLOB_BYTES)));
    let before = segments(folder.path());
    store.delete_many(&[blob_name(3)]).unwrap();
    assert_eq!(segments(folder.path()), before);
    store.delete_many(&[blob_name(4)]).unwrap();
    assert_eq!(segments(folder.path()).len(), before.len() - 1);
    store.put_many(&[blob(4)]).unwrap();
    drop(store);
    forget_places(folder.path());
    let expected: BTreeSet<_> = [1, 2, 4, 5, 6, 7].map(blob_name).into();
    assert_eq!(names(&open()), expected);
}

#[test]
fn a_damaged_header_takes_no_other_blob_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open_bounded(folder.path(), 3 * RECORD_BYTES).unwrap();
    store.put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
    drop(store);
    let segment = segments(folder.path()).remove(0);
    let mut content = fs::read(&segment).unwrap();
    content[RECORD_BYTES as usize + 30] ^= 1;
    fs::write(&segment, &content).unwrap();
    let open = || BlobSegments::open_bounded(folder.path(), 3 * RECORD_BYTES).unwrap();
    // Its place is known: whether the blob is damaged too is for its seal to say.
    assert_eq!(open().get(blob_name(2)).unwrap(), Some(blob(2).1));
    forget_places(folder.path());
    let store = open();
    assert_eq!(names(&store), [blob_name(1), blob_name(3), blob_name(4)].into());
    assert_eq!(store.get(blob_name(2)).unwrap(), None);
}

#[test]
fn a_segment_that_lost_its_end_or_is_gone_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&(1..=3).map(blob).collect::<Vec<_>>()).unwrap();
    drop(store);
    let segment = segments(folder.path()).remove(0);
    OpenOptions::new().write(true).open(&segment).unwrap().set_len(RECORD_BYTES + 100).unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(blob(1).1));
    assert_eq!(store.get(blob_name(2)).unwrap().unwrap().len(), 36, "it is there, and short");
    store.put_many(&[blob(4), blob(2)]).unwrap();
    drop(store);
    assert_eq!(segments(folder.path()).len(), 2);
    fs::remove_file(&segment).unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), None);
    for number in [2, 4] {
        assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1));
    }
}

#[test]
fn blobs_of_the_layout_before_are_read_replaced_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    BlobFiles::open(folder.path()).unwrap().put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(names(&store).len(), 4);
    store.put_many(&[blob(5), (blob_name(2), bytes(7, BLOB_BYTES))]).unwrap();
    store.delete_many(&[blob_name(3)]).unwrap();
    drop(store);
    let store = BlobSegments::open(folder.path()).unwrap();
    assert_eq!(names(&store), [1, 2, 4, 5].map(blob_name).into());
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(blob(1).1));
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(bytes(7, BLOB_BYTES)));
    assert_eq!(store.stat(blob_name(4)).unwrap().unwrap().size_bytes, BLOB_BYTES as u64);
    let files = BlobFiles::open(folder.path()).unwrap();
    assert_eq!(names(&files), [1, 4].map(blob_name).into(), "what was replaced has gone from there");
}

#[test]
fn many_blobs_are_entered_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open_bounded(folder.path(), 100_000).unwrap();
    for batch in 0..30 {
        let blobs: Vec<_> = (0..100).map(|n| batch * 100 + n).map(|n| (blob_name(n), bytes(n, 40))).collect();
        store.put_many(&blobs).unwrap();
    }
    std::mem::forget(store);
    let store = BlobSegments::open_bounded(folder.path(), 100_000).unwrap();
    assert_eq!(names(&store).len(), 3000);
    assert_eq!(store.get(blob_name(2999)).unwrap(), Some(bytes(2999, 40)));
    assert_eq!(store.get(blob_name(0)).unwrap(), Some(bytes(0, 40)));
}
