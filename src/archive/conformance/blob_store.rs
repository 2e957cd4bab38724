//! The suite for blob stores.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::samples::{LENGTHS, blob_name, bytes};
use crate::storage::{BlobName, BlobStat, BlobStore};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn BlobStore>;

pub(super) fn run(open: Open<'_>) {
    an_empty_store_has_nothing(open);
    every_length_survives_a_restart(open);
    what_is_there_is_replaced(open);
    a_batch_is_visited_once_each(open);
    deleting_twice_is_no_error(open);
    clearing_leftovers_takes_no_blob(open);
    readers_see_old_or_new(open);
    writers_side_by_side_lose_nothing(open);
}

fn an_empty_store_has_nothing(open: Open<'_>) {
    let store = open("empty");
    store.put_many(&[]).unwrap();
    store.delete_many(&[]).unwrap();
    assert_eq!(store.get(blob_name(1)).unwrap(), None);
    assert_eq!(store.stat(blob_name(1)).unwrap(), None);
    store.delete_many(&[blob_name(1)]).unwrap();
    assert!(visited(store.as_ref()).is_empty());
    assert_eq!(store.clear_leftovers().unwrap(), 0);
}

fn every_length_survives_a_restart(open: Open<'_>) {
    let blobs: Vec<(BlobName, Vec<u8>)> =
        (1..).zip(LENGTHS).map(|(n, length)| (blob_name(n), bytes(n, length))).collect();
    open("lengths").put_many(&blobs).unwrap();
    let store = open("lengths");
    for (name, bytes) in &blobs {
        assert!(store.get(*name).unwrap().as_ref() == Some(bytes), "{} bytes", bytes.len());
        let stat = store.stat(*name).unwrap().unwrap();
        assert_eq!((stat.name, stat.size_bytes), (*name, bytes.len() as u64));
    }
    assert_eq!(visited(store.as_ref()).len(), LENGTHS.len());
}

fn what_is_there_is_replaced(open: Open<'_>) {
    let store = open("replaced");
    for (seed, length) in [(1, 1000), (2, 10), (3, 0), (4, 200_000)] {
        let new = bytes(seed, length);
        store.put_many(&[(blob_name(1), new.clone())]).unwrap();
        assert!(store.get(blob_name(1)).unwrap() == Some(new), "{length} bytes");
        assert_eq!(store.stat(blob_name(1)).unwrap().unwrap().size_bytes, length as u64);
    }
    assert_eq!(visited(store.as_ref()).len(), 1);
}

fn a_batch_is_visited_once_each(open: Open<'_>) {
    let store = open("batch");
    let blobs: Vec<_> = (0..300).map(|n| (blob_name(n), bytes(n, 50))).collect();
    store.put_many(&blobs).unwrap();
    let seen = visited(store.as_ref());
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), super::samples::sorted(blobs.iter().map(|b| b.0)));
    for (name, stat) in &seen {
        assert_eq!(store.stat(*name).unwrap(), Some(*stat));
    }
    let mut count = 0;
    let mut three = |_| {
        count += 1;
        count < 3
    };
    store.visit(&mut three).unwrap();
    assert_eq!(count, 3, "a visit stops when it is told to");
}

fn deleting_twice_is_no_error(open: Open<'_>) {
    let store = open("deleted");
    let blobs: Vec<_> = (0..20).map(|n| (blob_name(n), bytes(n, 50))).collect();
    store.put_many(&blobs).unwrap();
    let gone: Vec<BlobName> = (10..30).map(blob_name).collect();
    store.delete_many(&gone).unwrap();
    store.delete_many(&gone).unwrap();
    drop(store);
    let store = open("deleted");
    for n in 0..30 {
        let expected = (n < 10).then(|| bytes(n, 50));
        assert_eq!(store.get(blob_name(n)).unwrap(), expected, "blob {n}");
    }
    store.put_many(&blobs[10..11]).unwrap();
    assert_eq!(visited(store.as_ref()).len(), 11, "a deleted name can be used again");
}

fn clearing_leftovers_takes_no_blob(open: Open<'_>) {
    let store = open("leftovers");
    store.put_many(&[(blob_name(1), bytes(1, 100))]).unwrap();
    assert_eq!(store.clear_leftovers().unwrap(), 0);
    assert_eq!(store.get(blob_name(1)).unwrap(), Some(bytes(1, 100)));
}

fn readers_see_old_or_new(open: Open<'_>) {
    let store = open("readers");
    let versions: Vec<Vec<u8>> = (0..4).map(|seed| bytes(seed, 100_000 + 40_000 * seed as usize)).collect();
    store.put_many(&[(blob_name(1), versions[0].clone())]).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let seen = store.get(blob_name(1)).unwrap().unwrap();
                    assert!(versions.contains(&seen), "a mixture of {} bytes was read", seen.len());
                }
            });
        }
        for round in 0..40 {
            store.put_many(&[(blob_name(1), versions[round % versions.len()].clone())]).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn writers_side_by_side_lose_nothing(open: Open<'_>) {
    let store = open("writers");
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.as_ref();
            scope.spawn(move || {
                for batch in 0..5 {
                    // Every fourth name is written by all of them, with the same bytes.
                    let number =
                        |n: u64| if n.is_multiple_of(4) { n } else { 1000 * (writer + 1) + 10 * batch + n };
                    let blobs: Vec<_> = (0..10).map(number).map(|n| (blob_name(n), bytes(n, 3000))).collect();
                    store.put_many(&blobs).unwrap();
                }
            });
        }
    });
    drop(store);
    let store = open("writers");
    let seen = visited(store.as_ref());
    assert_eq!(seen.len(), 3 + 4 * 5 * 7);
    assert!(seen.values().all(|stat| stat.size_bytes == 3000));
    assert_eq!(store.get(blob_name(3042 - 1)).unwrap(), Some(bytes(3041, 3000)));
}

fn visited(store: &dyn BlobStore) -> BTreeMap<BlobName, BlobStat> {
    let mut seen = BTreeMap::new();
    let mut visit = |stat: BlobStat| {
        assert!(seen.insert(stat.name, stat).is_none(), "a blob was visited twice");
        true
    };
    store.visit(&mut visit).unwrap();
    seen
}
