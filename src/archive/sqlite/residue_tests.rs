//! What was deleted is nowhere in the files.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::{SqliteIndex, SqliteKeyring};
use crate::conformance::samples::{
    blob_name, epoch, erasure_id, filed, key, key_id, material, material_id, recovery, tag,
};
use crate::storage::{Index, IndexChange, KeyPurpose, KeyRecord, Keyring};

const PEOPLE: u64 = 3000;

/// Every second one goes, in no particular order: pages are split, merged and moved about.
fn goes(number: u64) -> bool {
    tag(number).0[0].is_multiple_of(2)
}

#[test]
fn deleted_and_replaced_keys_leave_no_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = SqliteKeyring::create(folder.path()).unwrap();
    keyring.begin_epoch(&epoch(1), &mut |k| Ok(k.wrapped.clone())).unwrap();
    let keys: Vec<KeyRecord> = (0..PEOPLE).map(|n| key(n, KeyPurpose::Holder, 1)).collect();
    for batch in keys.chunks(37) {
        keyring.put_many(batch).unwrap();
    }
    let gone: Vec<u64> = (0..PEOPLE).filter(|n| goes(*n)).collect();
    for batch in gone.chunks(41) {
        keyring.delete_many(&batch.iter().map(|n| key_id(*n)).collect::<Vec<_>>()).unwrap();
    }
    keyring.set_recovery(1, &recovery(8)).unwrap();
    keyring.set_recovery(1, &recovery(9)).unwrap();
    keyring.begin_epoch(&epoch(2), &mut |k| Ok(k.id.0.repeat(3))).unwrap();
    keyring.scrub().unwrap();
    let stored = windows(folder.path());
    for (number, is_current) in [(8, false), (9, false), (2, true)] {
        assert_eq!(stored.contains(&recovery(number).sealed[..16]), is_current, "the office's seal {number}");
    }
    for (n, key) in (0..).zip(&keys) {
        assert_eq!(stored.contains(&key.id.0), !goes(n), "id of key {n}");
        assert_eq!(stored.contains(&key.tag.unwrap().0[..16]), !goes(n), "tag of key {n}");
        assert!(!stored.contains(&key.wrapped[..16]), "key {n} as the old epoch wrapped it");
    }
}

#[test]
fn erased_materials_leave_no_tags() {
    let folder = tempfile::tempdir().unwrap();
    let index = SqliteIndex::create(folder.path()).unwrap();
    let rows: Vec<_> = (1..=PEOPLE).map(|n| material(n, n, &[n, n + PEOPLE], &[n, n + PEOPLE])).collect();
    for batch in rows.chunks(37) {
        index
            .apply_many(&batch.iter().map(filed).collect::<Vec<_>>(), batch[batch.len() - 1].sequence)
            .unwrap();
    }
    let gone: Vec<u64> = (1..=PEOPLE).filter(|n| goes(*n)).collect();
    for (n, batch) in (1..).zip(gone.chunks(41)) {
        let (id, sequence) = (erasure_id(n), PEOPLE + n);
        let materials = batch.iter().map(|n| material_id(*n)).collect();
        let erased = IndexChange::Erased {
            id,
            sequence,
            materials,
            relinked: Vec::new(),
            holder: Some(tag(batch[0])),
        };
        index.apply_many(&[erased, IndexChange::ErasureDone(id)], sequence).unwrap();
    }
    index.scrub().unwrap();
    let stored = windows(folder.path());
    for row in &rows {
        let (n, gone) = (row.sequence, goes(row.sequence));
        assert_eq!(stored.contains(&row.filing.0[..16]), !gone, "filing tag of material {n}");
        for number in [n, n + PEOPLE] {
            assert_eq!(stored.contains(&tag(number).0[..16]), !gone, "holder tag of material {n}");
            assert_eq!(stored.contains(&blob_name(number).0[..16]), !gone, "blob name of material {n}");
        }
        assert!(stored.contains(row.id.as_bytes()), "material {n}, or its tombstone");
    }
}

/// Every 16 bytes in a row in the folder's files.
fn windows(folder: &Path) -> HashSet<[u8; 16]> {
    let mut windows = HashSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        windows.extend(bytes.windows(16).filter_map(|w| <[u8; 16]>::try_from(w).ok()));
    }
    windows
}
