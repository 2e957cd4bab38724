//! Blobs and epoch keys on disks that are full or cannot be written.

use super::small_disk::{ForbiddenFolder, SmallDisk};
use super::{BlobFiles, BlobSegments, KeyFiles};
use crate::conformance::samples::{blob_name, bytes};
use crate::storage::{BlobStore, KeyKeeper, KeyKeeperError, Secret, StorageFault};

#[test]
fn a_full_disk_takes_whole_blobs_or_none() {
    let Some(disk) = SmallDisk::mount("a_full_disk_takes_whole_blobs_or_none", 1024) else { return };
    let store = BlobSegments::open(disk.folder()).unwrap();
    store.put_many(&[(blob_name(0), bytes(0, 100_000))]).unwrap();
    let batch: Vec<_> = (0..10).map(|n| (blob_name(n), bytes(100 + n, 300_000))).collect();
    for _ in 0..3 {
        assert_eq!(store.put_many(&batch).unwrap_err().fault, StorageFault::DiskFull);
        // What could not be kept takes up no room.
        assert_eq!(store.clear_leftovers().unwrap(), 0);
        assert_eq!(store.get(blob_name(0)).unwrap(), Some(bytes(0, 100_000)));
        assert_eq!(store.get(blob_name(1)).unwrap(), None);
    }
    // With room, work goes on: so much fits only if nothing was left behind.
    let fitting: Vec<_> = (1..9).map(|n| (blob_name(n), bytes(n, 100_000))).collect();
    store.put_many(&fitting).unwrap();
    assert_eq!(store.get(blob_name(8)).unwrap(), Some(bytes(8, 100_000)));
    // Deleting needs no room.
    store.delete_many(&fitting.iter().map(|b| b.0).collect::<Vec<_>>()).unwrap();
}

#[test]
fn a_read_only_disk_is_named_as_such() {
    let Some(disk) = SmallDisk::mount("a_read_only_disk_is_named_as_such", 1024) else { return };
    let (data, keys) = (disk.folder().join("data"), disk.folder().join("keys"));
    let store = BlobSegments::open(&data).unwrap();
    let keeper = KeyFiles::open(&keys, &data).unwrap();
    store.put_many(&[(blob_name(1), bytes(1, 100))]).unwrap();
    keeper.keep(1, &Secret::new([1; 32])).unwrap();
    drop(store);
    let before = BlobFiles::open(&disk.folder().join("before")).unwrap();
    before.put_many(&[(blob_name(1), bytes(1, 100))]).unwrap();
    disk.make_read_only();

    let put = before.put_many(&[(blob_name(1), bytes(2, 100))]).unwrap_err();
    assert_eq!(put.fault, StorageFault::ReadOnly);
    assert_eq!(before.delete_many(&[blob_name(1)]).unwrap_err().fault, StorageFault::ReadOnly);
    assert_eq!(before.get(blob_name(1)).unwrap(), Some(bytes(1, 100)));
    for folder in [data, disk.folder().join("new")] {
        assert_eq!(BlobSegments::open(&folder).err().unwrap().fault, StorageFault::ReadOnly);
    }

    assert_eq!(keeper_fault(keeper.keep(2, &Secret::new([2; 32]))), StorageFault::ReadOnly);
    assert_eq!(keeper_fault(keeper.destroy(1)), StorageFault::ReadOnly);
    assert_eq!(keeper.load(1).unwrap().expose(), &[1; 32]);
}

#[test]
fn a_forbidden_folder_is_named_as_such() {
    let Some(forbidden) = ForbiddenFolder::make("a_forbidden_folder_is_named_as_such") else { return };
    let error = BlobSegments::open(forbidden.folder()).err().unwrap();
    assert_eq!(error.fault, StorageFault::AccessDenied);
    let keys = forbidden.folder().join("keys");
    let opened = KeyFiles::open(&keys, &forbidden.folder().join("data"));
    assert_eq!(keeper_fault(opened.map(|_| ())), StorageFault::AccessDenied);
}

fn keeper_fault(result: Result<(), KeyKeeperError>) -> StorageFault {
    match result {
        Err(KeyKeeperError::Storage(error)) => error.fault,
        other => panic!("{other:?}"),
    }
}
