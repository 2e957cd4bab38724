//! A row of the table of places that is wrong, which SQLite does not notice, hides no blob from whoever reads or
//! forgets it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::BlobSegments;
use super::segment::Segment;
use super::tests::{BLOB_BYTES, RECORD_BYTES, blob, segments};
use crate::conformance::samples::{blob_name, bytes};
use crate::sqlite::Place;
use crate::storage::{BlobName, BlobStore};

/// What may be wrong with the second blob's row; it lies at the second place of the first segment.
const WRONG: [(&str, &str); 9] = [
    ("the row is gone", "DELETE FROM places WHERE name = ?1"),
    ("another blob's place", "UPDATE places SET begin = 0 WHERE name = ?1"),
    ("the middle of another blob", "UPDATE places SET begin = 1024 WHERE name = ?1"),
    ("behind the end", "UPDATE places SET begin = 1 << 40 WHERE name = ?1"),
    ("another segment", "UPDATE places SET segment = 2 WHERE name = ?1"),
    ("no segment", "UPDATE places SET segment = 77 WHERE name = ?1"),
    ("shorter", "UPDATE places SET size_bytes = 7 WHERE name = ?1"),
    ("longer", "UPDATE places SET size_bytes = 1 << 40 WHERE name = ?1"),
    ("all of it", "UPDATE places SET segment = 2, begin = 64, size_bytes = 9 WHERE name = ?1"),
];
const RIGHT: Place = Place { segment: 1, offset: RECORD_BYTES, size_bytes: BLOB_BYTES as u64 };

fn open(folder: &Path) -> BlobSegments {
    BlobSegments::open_bounded(folder, 3 * RECORD_BYTES).unwrap()
}

fn spoil(folder: &Path, statement: &str) {
    let table = Connection::open(folder.join("blobs/places.db")).unwrap();
    let changed = table.execute(statement, params![blob_name(2).0]).unwrap();
    assert_eq!(changed, 1);
}

/// Blobs 1 to 4 in two segments, the second one's row wrong.
fn spoilt(statement: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
    spoil(folder.path(), statement);
    folder
}

fn is_anywhere(folder: &Path, wanted: &[u8]) -> bool {
    segments(folder).iter().any(|path| fs::read(path).unwrap().windows(wanted.len()).any(|w| w == wanted))
}

fn visited(store: &dyn BlobStore) -> Vec<BlobName> {
    let mut names = Vec::new();
    store
        .visit(&mut |stat| {
            names.push(stat.name);
            true
        })
        .unwrap();
    names
}

fn assert_others_stay(store: &BlobSegments, when: &str) {
    for number in [1, 3, 4] {
        assert_eq!(store.get(blob_name(number)).unwrap(), Some(blob(number).1), "{number}, {when}");
    }
}

#[test]
fn a_blob_is_found_whatever_its_row_says_and_the_row_is_put_right() {
    for (when, statement) in WRONG {
        let folder = spoilt(statement);
        let store = open(folder.path());
        assert_eq!(store.get(blob_name(2)).unwrap(), Some(blob(2).1), "{when}");
        assert_eq!(store.places.find(blob_name(2)).unwrap(), Some(RIGHT), "{when}");
        assert_eq!(store.stat(blob_name(2)).unwrap().unwrap().size_bytes, BLOB_BYTES as u64, "{when}");
        assert_others_stay(&store, when);
        drop(store);
        assert_eq!(open(folder.path()).get(blob_name(2)).unwrap(), Some(blob(2).1), "{when}");
    }
}

#[test]
fn a_blob_that_should_be_there_is_there() {
    for (when, statement) in WRONG {
        let folder = spoilt(statement);
        let store = open(folder.path());
        assert!(store.has(blob_name(2)).unwrap(), "{when}");
        assert!(!store.has(blob_name(9)).unwrap(), "{when}");
    }
}

#[test]
fn what_is_deleted_is_gone_whatever_its_row_says() {
    for (when, statement) in WRONG {
        let folder = spoilt(statement);
        let store = open(folder.path());
        assert!(is_anywhere(folder.path(), &bytes(2, BLOB_BYTES)[1000..1032]), "{when}");
        store.delete_many(&[blob_name(2)]).unwrap();
        assert!(!is_anywhere(folder.path(), &bytes(2, BLOB_BYTES)[1000..1032]), "{when}");
        assert!(!is_anywhere(folder.path(), &blob_name(2).0), "{when}");
        assert_eq!(store.places.find(blob_name(2)).unwrap(), None, "{when}");
        assert_others_stay(&store, when);
        store.delete_many(&[1, 3].map(blob_name)).unwrap();
        assert_eq!(segments(folder.path()).len(), 1, "its segment went with the last blob, {when}");
    }
}

#[test]
fn every_blob_is_visited_once_whatever_a_row_says() {
    for (when, statement) in WRONG {
        let folder = spoilt(statement);
        let store = open(folder.path());
        let names = visited(&store);
        assert_eq!(names.len(), 4, "{when}");
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), (1..=4).map(blob_name).collect(), "{when}");
        assert_eq!(store.places.find(blob_name(2)).unwrap(), Some(RIGHT), "{when}");
    }
}

#[test]
fn a_new_blob_is_not_looked_for() {
    let folder = spoilt(WRONG[0].1);
    let store = open(folder.path());
    assert_eq!(store.stat(blob_name(5)).unwrap(), None);
    store.put_many(&[blob(5)]).unwrap();
    assert_eq!(store.get(blob_name(5)).unwrap(), Some(blob(5).1));
    assert_eq!(store.stat(blob_name(2)).unwrap(), None, "somebody has looked");
}

#[test]
fn of_a_blob_that_came_again_while_its_row_was_gone_one_is_left() {
    let folder = spoilt(WRONG[0].1);
    let store = open(folder.path());
    store.put_many(&[(blob_name(2), bytes(7, BLOB_BYTES))]).unwrap();
    assert!(is_anywhere(folder.path(), &bytes(2, BLOB_BYTES)[1000..1032]));
    assert_eq!(visited(&store).len(), 4);
    assert!(!is_anywhere(folder.path(), &bytes(2, BLOB_BYTES)[1000..1032]), "the one of before");
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(bytes(7, BLOB_BYTES)));
    assert_others_stay(&store, "one was there twice");
}

/// Where all is looked through again, a row with another length is no second record to be overwritten.
#[test]
fn a_wrong_length_costs_no_blob_when_the_store_is_opened() {
    for (when, statement) in WRONG {
        let folder = spoilt(statement);
        let table = Connection::open(folder.path().join("blobs/places.db")).unwrap();
        table.execute("UPDATE looked_through SET segment = 0, end = 0", []).unwrap();
        drop(table);
        let store = open(folder.path());
        assert_eq!(store.get(blob_name(2)).unwrap(), Some(blob(2).1), "{when}");
        assert_others_stay(&store, when);
    }
}

/// Only the table knows whose a record without a header is.
#[test]
fn a_row_is_believed_where_no_header_says_otherwise() {
    let folder = spoilt("UPDATE places SET size_bytes = size_bytes WHERE name = ?1");
    let first = segments(folder.path()).remove(0);
    let mut content = fs::read(&first).unwrap();
    content[RECORD_BYTES as usize + 30] ^= 1;
    fs::write(&first, &content).unwrap();
    let store = open(folder.path());
    assert_eq!(store.get(blob_name(2)).unwrap(), Some(blob(2).1));
    store.delete_many(&[blob_name(2)]).unwrap();
    assert!(!is_anywhere(folder.path(), &bytes(2, BLOB_BYTES)[1000..1032]));
    assert_others_stay(&store, "one without a header");
}

/// A row that goes wrong after all of them were put right. What is taken for damaged would be deleted.
#[test]
fn a_row_that_goes_wrong_later_hides_no_blob() {
    for (when, statement) in WRONG.into_iter().skip(1) {
        let folder = spoilt("UPDATE places SET size_bytes = size_bytes WHERE name = ?1");
        let store = open(folder.path());
        assert!(!store.has(blob_name(9)).unwrap(), "all is looked through");
        for _ in 0..2 {
            spoil(folder.path(), statement);
            assert!(store.get(blob_name(2)).unwrap() == Some(blob(2).1), "{when}");
            assert_eq!(store.places.find(blob_name(2)).unwrap(), Some(RIGHT), "{when}");
        }
        assert_others_stay(&store, when);
    }
}

#[test]
fn a_record_that_could_not_be_overwritten_goes_with_the_one_that_replaced_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put_many(&(1..=4).map(blob).collect::<Vec<_>>()).unwrap();
    // Its segment cannot be written to for a while.
    let read_only = Arc::new(Segment::open_foreign(&store.folder, 1).unwrap());
    store.open.lock().unwrap().insert(1, read_only);
    store.put_many(&[(blob_name(2), bytes(7, BLOB_BYTES))]).unwrap_err();
    store.open.lock().unwrap().remove(&1);
    let is_there = |number| is_anywhere(folder.path(), &bytes(number, BLOB_BYTES)[1000..1032]);
    assert!(is_there(2) && is_there(7));
    store.delete_many(&[blob_name(2)]).unwrap();
    assert!(!is_there(2) && !is_there(7));
    assert_eq!(visited(&store).len(), 3);
    assert_others_stay(&store, "one could not be overwritten");
}
