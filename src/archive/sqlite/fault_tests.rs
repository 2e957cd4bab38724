//! Databases that are missing, damaged, someone else's or too new, and disks that are full or cannot be
//! written: real files and real disks.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::schema::{INDEX, KEYRING, LEDGER, Schema};
use super::{SqliteIndex, SqliteKeyring, SqliteLedger};
use crate::conformance::samples::{bytes, entry, epoch, filed, key, key_id, material, tag};
use crate::files::small_disk::{ForbiddenFolder, SmallDisk};
use crate::storage::{
    Index, KeyPurpose, Keyring, Ledger, NewEntry, Part, StorageError, StorageFault, chain_hash,
};

/// Opening and reading everything, or filling, one of the three.
struct Kind {
    schema: Schema,
    create: fn(&Path) -> Result<(), StorageError>,
    open: fn(&Path) -> Result<(), StorageError>,
    fill: fn(&Path) -> Result<(), StorageError>,
    read: fn(&Path) -> Result<(), StorageError>,
}

const KINDS: [Kind; 3] = [
    Kind {
        schema: LEDGER,
        create: |folder| SqliteLedger::create(folder).map(|_| ()),
        open: |folder| SqliteLedger::open(folder).map(|_| ()),
        fill: |folder| {
            SqliteLedger::create(folder)?.append_many(&(0..500).map(entry).collect::<Vec<_>>()).map(|_| ())
        },
        read: |folder| {
            let ledger = SqliteLedger::open(folder)?;
            assert_eq!(ledger.after(0, usize::MAX)?.len(), 500);
            (0..500).try_for_each(|n| ledger.find_idempotent(tag(n)).map(|_| ()))
        },
    },
    Kind {
        schema: KEYRING,
        create: |folder| SqliteKeyring::create(folder).map(|_| ()),
        open: |folder| SqliteKeyring::open(folder).map(|_| ()),
        fill: |folder| {
            let keyring = SqliteKeyring::create(folder)?;
            keyring.begin_epoch(&epoch(1), &mut |k| Ok(k.wrapped.clone()))?;
            keyring.put_many(&(0..1000).map(|n| key(n, KeyPurpose::Holder, 1)).collect::<Vec<_>>())
        },
        read: |folder| {
            let keyring = SqliteKeyring::open(folder)?;
            keyring.store_id()?;
            assert_eq!(keyring.current_epoch()?, Some(epoch(1)));
            assert_eq!(keyring.count(KeyPurpose::Holder)?, 1000);
            for n in 0..1000 {
                assert_eq!(keyring.get(key_id(n))?, Some(key(n, KeyPurpose::Holder, 1)));
                assert_eq!(keyring.find_holder(tag(n))?, Some(key(n, KeyPurpose::Holder, 1)));
            }
            Ok(())
        },
    },
    Kind {
        schema: INDEX,
        create: |folder| SqliteIndex::create(folder).map(|_| ()),
        open: |folder| SqliteIndex::open(folder).map(|_| ()),
        fill: |folder| {
            let rows = (1..=1000).map(|n| filed(&material(n, n, &[n], &[n])));
            SqliteIndex::create(folder)?.apply_many(&rows.collect::<Vec<_>>(), 1000)
        },
        read: |folder| {
            let index = SqliteIndex::open(folder)?;
            for n in 1..=1000 {
                let row = material(n, n, &[n], &[n]);
                assert_eq!(index.material(row.id)?.as_ref(), Some(&row));
                assert_eq!(index.find_filing(row.filing, &row.holders)?.as_ref(), Some(&row));
                assert_eq!(index.materials_of(tag(n), u64::MAX, 9)?, std::slice::from_ref(&row));
                assert_eq!(index.blob_users(row.blobs[0])?, [n]);
            }
            assert!(index.dump()?.lines.len() > 3000);
            Ok(())
        },
    },
];

impl Kind {
    fn assert_fault(&self, result: Result<(), StorageError>, fault: StorageFault) {
        let error = result.unwrap_err();
        assert_eq!((error.part, error.fault), (self.schema.part, fault), "{error}");
    }
}

#[test]
fn a_missing_file_is_not_made_by_opening_it() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        kind.assert_fault((kind.open)(folder.path()), StorageFault::Missing);
        kind.assert_fault((kind.create)(&folder.path().join("none")), StorageFault::Missing);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_cut_file_is_damaged_wherever_it_was_cut() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        (kind.fill)(folder.path()).unwrap();
        (kind.read)(folder.path()).unwrap();
        let path = folder.path().join(kind.schema.file);
        let whole = fs::read(&path).unwrap();
        assert!(whole.len() > 20 * 4096);
        let pages = (1..whole.len() / 4096).step_by(7).map(|n| n * 4096);
        for length in
            [0, 1, 15, 16, 99, 100, 4095, whole.len() - 4096, whole.len() - 1].into_iter().chain(pages)
        {
            fs::write(&path, &whole[..length]).unwrap();
            kind.assert_fault((kind.read)(folder.path()), StorageFault::Damaged);
            // Nor does a start that may make new stores take it for one.
            if length < 4096 {
                kind.assert_fault((kind.create)(folder.path()), StorageFault::Damaged);
            }
            for suffix in ["-wal", "-shm"] {
                let _ = fs::remove_file(folder.path().join(format!("{}{suffix}", kind.schema.file)));
            }
        }
        fs::write(&path, &whole).unwrap();
        (kind.read)(folder.path()).unwrap();
    }
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(kind.schema.file);
        for contents in [bytes(1, 50), bytes(1, 100_000), vec![0; 8192], b"SQLite format 3\0".to_vec()] {
            fs::write(&path, &contents).unwrap();
            kind.assert_fault((kind.open)(folder.path()), StorageFault::Damaged);
            kind.assert_fault((kind.create)(folder.path()), StorageFault::Damaged);
            assert_eq!(fs::read(&path).unwrap(), contents, "what is not ours is not touched");
        }
    }
}

#[test]
fn other_databases_are_refused_untouched() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(kind.schema.file);
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE other (a); PRAGMA user_version = 1;")
            .unwrap();
        let before = fs::read(&path).unwrap();
        kind.assert_fault((kind.open)(folder.path()), StorageFault::Damaged);
        assert_eq!(fs::read(&path).unwrap(), before);
        for other in KINDS.iter().filter(|other| other.schema.part != kind.schema.part) {
            let elsewhere = tempfile::tempdir().unwrap();
            (other.create)(elsewhere.path()).unwrap();
            fs::copy(elsewhere.path().join(other.schema.file), &path).unwrap();
            kind.assert_fault((kind.open)(folder.path()), StorageFault::Damaged);
        }
    }
}

#[test]
fn a_newer_version_is_refused_untouched() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        (kind.fill)(folder.path()).unwrap();
        let path = folder.path().join(kind.schema.file);
        let raw = Connection::open(&path).unwrap();
        let newer = kind.schema.migrations.len() + 1;
        raw.execute_batch(&format!("PRAGMA journal_mode = DELETE; PRAGMA user_version = {newer}")).unwrap();
        drop(raw);
        let before = fs::read(&path).unwrap();
        kind.assert_fault((kind.open)(folder.path()), StorageFault::NewerVersion);
        kind.assert_fault((kind.create)(folder.path()), StorageFault::NewerVersion);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn other_tables_under_our_version_are_damage() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        (kind.create)(folder.path()).unwrap();
        let raw = Connection::open(folder.path().join(kind.schema.file)).unwrap();
        raw.execute_batch("CREATE TABLE more (a)").unwrap();
        kind.assert_fault((kind.open)(folder.path()), StorageFault::Damaged);
        raw.execute_batch("DROP TABLE more").unwrap();
        (kind.open)(folder.path()).unwrap();
    }
}

#[test]
fn a_first_start_that_was_interrupted_is_begun_anew() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(format!("{}.tmp", kind.schema.file)), bytes(1, 5000)).unwrap();
        fs::write(folder.path().join(format!("{}.tmp-journal", kind.schema.file)), bytes(2, 5000)).unwrap();
        fs::write(folder.path().join(format!("{}-wal", kind.schema.file)), bytes(3, 5000)).unwrap();
        (kind.fill)(folder.path()).unwrap();
        (kind.read)(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_read_only_disk_is_named_as_such() {
    for kind in KINDS {
        let Some(disk) = SmallDisk::mount("sqlite a_read_only_disk_is_named_as_such", 4096) else { return };
        let new = disk.folder().join("new");
        fs::create_dir(&new).unwrap();
        (kind.fill)(disk.folder()).unwrap();
        disk.make_read_only();
        kind.assert_fault((kind.open)(disk.folder()), StorageFault::ReadOnly);
        kind.assert_fault((kind.create)(&new), StorageFault::ReadOnly);
    }
}

#[test]
fn a_forbidden_folder_is_named_as_such() {
    let Some(folder) = ForbiddenFolder::make("sqlite a_forbidden_folder_is_named_as_such") else { return };
    for kind in KINDS {
        kind.assert_fault((kind.create)(folder.folder()), StorageFault::AccessDenied);
    }
}

#[test]
fn a_new_database_finds_no_room() {
    let Some(disk) = SmallDisk::mount("a_new_database_finds_no_room", 64) else { return };
    let ballast = disk.folder().join("ballast");
    fs::write(&ballast, vec![1; 56 << 10]).unwrap();
    for kind in KINDS {
        kind.assert_fault((kind.create)(disk.folder()), StorageFault::DiskFull);
        assert_eq!(fs::read_dir(disk.folder()).unwrap().count(), 1, "nothing half made is left");
    }
}

/// Writes until the disk is full, checks with `check` what is there, makes room, and goes on.
fn fill_disk(
    disk: &SmallDisk,
    mut write: impl FnMut(u64) -> Result<(), StorageError>,
    check: impl Fn(u64),
) -> StorageError {
    let ballast = disk.folder().join("ballast");
    fs::write(&ballast, vec![1; 2560 << 10]).unwrap();
    let mut written = 0;
    let error = loop {
        match write(written) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10_000);
    };
    check(written);
    // Once more with no room, then with room.
    assert_eq!(write(written).unwrap_err().fault, StorageFault::DiskFull);
    fs::remove_file(&ballast).unwrap();
    for n in written..written + 3 {
        write(n).unwrap();
    }
    check(written + 3);
    error
}

#[test]
fn a_full_disk_stops_the_ledger_between_batches() {
    let Some(disk) = SmallDisk::mount("a_full_disk_stops_the_ledger_between_batches", 4096) else { return };
    let ledger = SqliteLedger::create(disk.folder()).unwrap();
    let body = |n| NewEntry { body: bytes(n, 20_000), ..entry(n) };
    let error = fill_disk(
        &disk,
        |n| ledger.append_many(&[body(2 * n), body(2 * n + 1)]).map(|_| ()),
        |written| {
            let entries = ledger.after(0, usize::MAX).unwrap();
            assert_eq!(entries.len() as u64, 2 * written);
            assert!(entries.iter().zip(0..).all(|(e, n)| e.content == body(n)));
        },
    );
    assert_eq!((error.part, error.fault), (Part::Ledger, StorageFault::DiskFull));
    let head = ledger.head().unwrap();
    drop(ledger);
    assert_eq!(SqliteLedger::open(disk.folder()).unwrap().head().unwrap(), head);
}

#[test]
fn a_full_disk_stops_the_keyring_between_batches() {
    let Some(disk) = SmallDisk::mount("a_full_disk_stops_the_keyring_between_batches", 4096) else { return };
    let keyring = SqliteKeyring::create(disk.folder()).unwrap();
    keyring.begin_epoch(&epoch(1), &mut |k| Ok(k.wrapped.clone())).unwrap();
    let batch = |n: u64| (n * 50..n * 50 + 50).map(|n| key(n, KeyPurpose::Holder, 1)).collect::<Vec<_>>();
    let error = fill_disk(
        &disk,
        |n| keyring.put_many(&batch(n)),
        |written| assert_eq!(keyring.count(KeyPurpose::Holder).unwrap(), 50 * written),
    );
    assert_eq!((error.part, error.fault), (Part::Keyring, StorageFault::DiskFull));
    // A rotation that finds no room leaves every key as it was.
    fs::write(disk.folder().join("ballast"), vec![1; 4 << 20]).unwrap_err();
    let rotated = keyring.begin_epoch(&epoch(2), &mut |k| Ok(k.wrapped.clone()));
    assert_eq!(rotated.unwrap_err().fault, StorageFault::DiskFull);
    assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(1)));
    assert_eq!(keyring.get(key_id(1)).unwrap(), Some(key(1, KeyPurpose::Holder, 1)));
}

#[test]
fn a_full_disk_stops_the_index_between_batches() {
    let Some(disk) = SmallDisk::mount("a_full_disk_stops_the_index_between_batches", 4096) else { return };
    let index = SqliteIndex::create(disk.folder()).unwrap();
    let batch = |n: u64| -> Vec<_> {
        (n * 20 + 1..=n * 20 + 20).map(|n| filed(&material(n, n, &[n], &[n]))).collect()
    };
    let error = fill_disk(
        &disk,
        |n| index.apply_many(&batch(n), n * 20 + 20),
        |written| {
            assert_eq!(index.applied().unwrap(), 20 * written);
            assert_eq!(index.counts().unwrap(), (20 * written, 20 * written));
        },
    );
    assert_eq!((error.part, error.fault), (Part::Index, StorageFault::DiskFull));
}

#[test]
fn nothing_is_chained_to_a_damaged_entry() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path()).unwrap();
    let appended = ledger.append_many(&(0..5).map(entry).collect::<Vec<_>>()).unwrap();
    let raw = Connection::open(folder.path().join(LEDGER.file)).unwrap();
    for forbidden in ["UPDATE entries SET body = x'00'", "DELETE FROM entries WHERE sequence = 5"] {
        assert!(raw.execute_batch(forbidden).unwrap_err().to_string().contains("append-only"));
    }
    raw.execute_batch("DROP TRIGGER entries_never_change; DROP TRIGGER entries_never_go").unwrap();
    let damages = [
        "UPDATE entries SET body = x'00' WHERE sequence = 5",
        "UPDATE entries SET hash = zeroblob(32) WHERE sequence = 5",
        "UPDATE entries SET hash = zeroblob(32) WHERE sequence = 4",
        "DELETE FROM entries WHERE sequence = 4",
        "UPDATE entries SET sequence = 7 WHERE sequence = 5",
    ];
    for damage in damages {
        raw.execute_batch(&format!("SAVEPOINT whole; {damage}; RELEASE whole")).unwrap();
        let error = ledger.append_many(&[entry(6)]).unwrap_err();
        assert_eq!(error.fault, StorageFault::Damaged, "{damage}: {error}");
        raw.execute("DELETE FROM entries", []).unwrap();
        for entry in &appended {
            raw.execute(
                "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, NULL, NULL, ?5, ?6, ?7)",
                rusqlite::params![
                    entry.sequence,
                    entry.content.version,
                    entry.content.at.as_millis(),
                    entry.content.verb.as_str(),
                    entry.previous,
                    entry.hash,
                    entry.content.body
                ],
            )
            .unwrap();
        }
    }
    let next = ledger.append_many(&[entry(6)]).unwrap().remove(0);
    assert_eq!(next.hash, chain_hash(&appended[4].hash, 6, &entry(6)));
}

#[test]
fn an_entry_of_a_newer_version_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path()).unwrap();
    let raw = Connection::open(folder.path().join(LEDGER.file)).unwrap();
    raw.execute_batch(
        "INSERT INTO entries VALUES (1, 1, 0, 'something_new', NULL, NULL, zeroblob(32), zeroblob(32), x'')",
    )
    .unwrap();
    assert_eq!(ledger.after(0, 1).unwrap_err().fault, StorageFault::NewerVersion);
    assert_eq!(ledger.append_many(&[entry(1)]).unwrap_err().fault, StorageFault::NewerVersion);
}

#[test]
fn a_damaged_index_is_replaced_while_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(INDEX.file);
    let index = SqliteIndex::create(folder.path()).unwrap();
    let rows: Vec<_> = (1..=500).map(|n| filed(&material(n, n, &[n], &[n]))).collect();
    index.apply_many(&rows, 500).unwrap();
    let dump = index.dump().unwrap();
    drop(index);
    // Each page after the first, as a failing disk leaves it, but for the list of tables: without that it would not
    // even open.
    let mut contents = fs::read(&path).unwrap();
    let noise = bytes(1, contents.len());
    for (page, noise) in contents.chunks_mut(4096).zip(noise.chunks(4096)).skip(1) {
        if !page.windows(7).any(|text| text == b"CREATE ") {
            page.copy_from_slice(noise);
        }
    }
    fs::write(&path, &contents).unwrap();
    let index = SqliteIndex::open(folder.path()).unwrap();
    assert_eq!(index.dump().unwrap_err().fault, StorageFault::Damaged);
    let change = [filed(&material(999, 999, &[1], &[1]))];
    assert_eq!(index.apply_many(&change, 999).unwrap_err().fault, StorageFault::Damaged);
    index.clear().unwrap();
    assert_eq!(index.applied().unwrap(), 0);
    index.apply_many(&rows, 500).unwrap();
    assert_eq!(index.dump().unwrap(), dump);
    drop(index);
    assert_eq!(SqliteIndex::open(folder.path()).unwrap().dump().unwrap(), dump);
    fs::write(&path, b"not a database").unwrap();
    assert_eq!(SqliteIndex::recreate(folder.path()).unwrap().applied().unwrap(), 0);
}

#[test]
fn a_reader_that_stays_keeps_the_journal_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = SqliteKeyring::create(folder.path()).unwrap();
    keyring.begin_epoch(&epoch(1), &mut |k| Ok(k.wrapped.clone())).unwrap();
    let reader = Connection::open(folder.path().join(KEYRING.file)).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM keys").unwrap();
    keyring.put_many(&[key(1, KeyPurpose::Holder, 1)]).unwrap();
    assert_eq!(keyring.scrub().unwrap_err().fault, StorageFault::InUse);
    reader.execute_batch("COMMIT").unwrap();
    keyring.scrub().unwrap();
}

#[test]
fn reads_do_not_wait_for_a_write_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = SqliteKeyring::create(folder.path()).unwrap();
    keyring.begin_epoch(&epoch(1), &mut |k| Ok(k.wrapped.clone())).unwrap();
    keyring.put_many(&[key(1, KeyPurpose::Holder, 1), key(2, KeyPurpose::Holder, 1)]).unwrap();
    let mut asked = 0;
    let mut rewrap = |record: &crate::storage::KeyRecord| {
        assert_eq!(keyring.get(record.id)?.as_ref(), Some(record));
        assert_eq!(keyring.current_epoch()?, Some(epoch(1)));
        asked += 1;
        Ok(Vec::new())
    };
    keyring.begin_epoch(&epoch(2), &mut rewrap).unwrap();
    assert_eq!(asked, 2);
}

#[cfg(unix)]
#[test]
fn database_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        (kind.create)(folder.path()).unwrap();
        let raw = Connection::open(folder.path().join(kind.schema.file)).unwrap();
        raw.execute_batch("BEGIN IMMEDIATE; PRAGMA user_version = 1; COMMIT").unwrap();
        let mut seen = 0;
        for file in fs::read_dir(folder.path()).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
            seen += 1;
        }
        assert_eq!(seen, 3, "database, journal and shared memory");
    }
}
