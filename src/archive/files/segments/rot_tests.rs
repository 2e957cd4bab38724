//! What has rotted costs itself and nothing else.

use std::fs;
use std::path::Path;

use super::BlobSegments;
use super::tests::{BLOB_BYTES, RECORD_BYTES, blob, forget_places, segments};
use crate::conformance::samples::{blob_name, bytes};
use crate::sqlite::{Place, Reached, SqlitePlaces};
use crate::storage::BlobStore;

/// What became of the table of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    Whole,
    Lost,
    /// As it was when the first blob had come.
    Stale,
    /// A crash came before the others were entered.
    Crash,
}

/// Three blobs in one segment.
fn three(folder: &Path, places: Places) {
    let store = BlobSegments::open(folder).unwrap();
    store.put_many(&[blob(1)]).unwrap();
    drop(store);
    let (table, kept) = (folder.join("blobs/places.db"), folder.join("kept"));
    fs::copy(&table, &kept).unwrap();
    let store = BlobSegments::open(folder).unwrap();
    store.put_many(&[blob(2)]).unwrap();
    store.put_many(&[blob(3)]).unwrap();
    if places == Places::Crash {
        return std::mem::forget(store);
    }
    drop(store);
    if places != Places::Whole {
        forget_places(folder);
    }
    if places == Places::Stale {
        fs::copy(&kept, &table).unwrap();
    }
}

#[test]
fn rot_in_the_last_segment_takes_nothing_behind_it_along() {
    for places in [Places::Whole, Places::Lost, Places::Stale, Places::Crash] {
        for rotten in 0..3 {
            for at in [5, 8, 30, 62, 64 + 1500] {
                let when = format!("places {places:?}, blob {} rotten at byte {at}", rotten + 1);
                let folder = tempfile::tempdir().unwrap();
                three(folder.path(), places);
                let segment = segments(folder.path()).remove(0);
                let mut content = fs::read(&segment).unwrap();
                content[rotten * RECORD_BYTES as usize + at] ^= 0x40;
                fs::write(&segment, &content).unwrap();
                let check = |expected: u64| {
                    let store = BlobSegments::open(folder.path()).unwrap();
                    for number in (1..=expected).filter(|number| *number != rotten as u64 + 1) {
                        assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1), "{when}");
                    }
                    store.put_many(&[blob(expected + 1)]).unwrap();
                    assert!(fs::read(&segment).unwrap().starts_with(&content), "{when}");
                };
                check(3);
                check(4);
                forget_places(folder.path());
                check(5);
            }
        }
    }
}

#[test]
fn what_has_no_header_behind_the_last_record_stays() {
    let folder = tempfile::tempdir().unwrap();
    three(folder.path(), Places::Whole);
    let segment = segments(folder.path()).remove(0);
    let mut content = fs::read(&segment).unwrap();
    content.extend_from_slice(&[0; 500]);
    content.extend_from_slice(&[7; 500]);
    fs::write(&segment, &content).unwrap();
    for number in 4..=5 {
        let store = BlobSegments::open(folder.path()).unwrap();
        store.put_many(&[blob(number)]).unwrap();
        assert_eq!(store.get(blob_name(3)).unwrap(), Some(blob(3).1));
        drop(store);
        assert_eq!(fs::read(&segment).unwrap(), content);
        assert_eq!(segments(folder.path()).len(), 2);
    }
    // Zeros alone are what a segment made ready has, and are filled.
    content.truncate(3 * RECORD_BYTES as usize);
    content.resize(9 * RECORD_BYTES as usize, 0);
    fs::write(&segment, &content).unwrap();
    fs::remove_file(&segments(folder.path())[1]).unwrap();
    forget_places(folder.path());
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&[blob(6)]).unwrap();
    assert_eq!(segments(folder.path()).len(), 1);
    assert_eq!(store.get(blob_name(6)).unwrap(), Some(blob(6).1));
}

#[test]
fn segments_that_were_put_back_are_found_whatever_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&[blob(1)]).unwrap();
    drop(store);
    let segment = segments(folder.path()).remove(0);
    let before = fs::read(&segment).unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&[blob(2), (blob_name(1), bytes(7, BLOB_BYTES))]).unwrap();
    drop(store);
    fs::write(&segment, &before).unwrap();
    for number in 3..=4 {
        let store = BlobSegments::open(folder.path()).unwrap();
        assert_eq!(store.get(blob_name(1)).unwrap(), Some(blob(1).1), "the table has a later place for it");
        store.put_many(&[blob(number)]).unwrap();
        assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1));
    }
    assert_eq!(fs::read(&segment).unwrap(), before);
}

#[test]
fn a_segment_stays_for_a_blob_whose_header_has_rotted() {
    let folder = tempfile::tempdir().unwrap();
    let open = || BlobSegments::open_bounded(folder.path(), 3 * RECORD_BYTES).unwrap();
    open().put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
    let segment = segments(folder.path()).remove(0);
    let mut content = fs::read(&segment).unwrap();
    content[RECORD_BYTES as usize + 40] ^= 1;
    fs::write(&segment, &content).unwrap();
    forget_places(folder.path());
    let store = open();
    store.delete_many(&[blob_name(1), blob_name(3)]).unwrap();
    let left = fs::read(&segment).unwrap();
    let record = RECORD_BYTES as usize..2 * RECORD_BYTES as usize;
    assert_eq!(left[record.clone()], content[record], "it may be the only copy");
    drop(store);
    // Where its place is known, it goes by its name, and the segment with it.
    let place = Place { segment: 1, offset: RECORD_BYTES, size_bytes: BLOB_BYTES as u64 };
    let reached = Reached { segment: 1, offset: 0 };
    let table = SqlitePlaces::open(&folder.path().join("blobs")).unwrap();
    table.enter(&mut [(blob_name(2), place)].into_iter(), reached).unwrap();
    drop(table);
    let store = open();
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(blob(2).1));
    store.delete_many(&[blob_name(2)]).unwrap();
    assert_eq!(segments(folder.path()).len(), 1);
    assert_eq!(store.get(blob_name(4)).unwrap(), Some(blob(4).1));
}

#[test]
fn a_table_that_has_rotted_overwrites_nobodys_blob() {
    let folder = tempfile::tempdir().unwrap();
    three(folder.path(), Places::Whole);
    for offset in [RECORD_BYTES + 1024, RECORD_BYTES - 64, 3 * RECORD_BYTES + 640] {
        let table = SqlitePlaces::open(&folder.path().join("blobs")).unwrap();
        let place = Place { segment: 1, offset, size_bytes: BLOB_BYTES as u64 };
        let reached = table.reached().unwrap();
        table.enter(&mut [(blob_name(8), place)].into_iter(), reached).unwrap();
        drop(table);
        let store = BlobSegments::open(folder.path()).unwrap();
        store.delete_many(&[blob_name(8)]).unwrap();
        assert_eq!(store.get(blob_name(8)).unwrap(), None);
        store.put_many(&[blob(8)]).unwrap();
        for number in [1, 2, 3, 8] {
            assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1), "{number} of {offset}");
        }
        store.delete_many(&[blob_name(8)]).unwrap();
    }
}

#[test]
fn a_table_that_was_found_damaged_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    store.put_many(&(0..1500).map(|n| (blob_name(n), bytes(n, 40))).collect::<Vec<_>>()).unwrap();
    drop(store);
    let table = folder.path().join("blobs/places.db");
    let mut content = fs::read(&table).unwrap();
    assert!(content.len() > 8 * 4096);
    // All its pages but those that say what it is and how far it reaches.
    content[4 * 4096..].fill(0xA5);
    fs::write(&table, &content).unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    let failed = (0..1500).filter(|n| store.get(blob_name(*n)).is_err()).count();
    assert!(failed > 0, "nothing of it was damaged");
    drop(store);
    let store = BlobSegments::open(folder.path()).unwrap();
    for number in 0..1500 {
        assert_eq!(store.get(blob_name(number)).unwrap(), Some(bytes(number, 40)));
    }
}

#[test]
fn a_segment_that_came_from_elsewhere_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobSegments::open(folder.path()).unwrap();
    let next = folder.path().join("blobs/segments/00000001.segment");
    fs::write(&next, [7; 100]).unwrap();
    store.put_many(&[blob(1)]).unwrap();
    assert_eq!(fs::read(&next).unwrap(), [7; 100]);
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(blob(1).1));
}
