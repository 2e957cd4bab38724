//! What the office's recovery key opens: the disk of a dead PC, and nothing that was forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::faulty::{Faults, Mode, Op, Way, faulty};
use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::files::KeyFiles;
use crate::history::HistoryPage;
use crate::recovery::{RecoveryError, RecoverySecret};
use crate::sqlite::SqliteKeyring;
use crate::storage::{KeyKeeper, Keyring, Part, RecoverySeal, StorageFault, Verb};
use crate::{Archive, ArchiveError, ChangeWhat, KeyOptions, Recovery};

pub(super) fn office() -> (RecoverySecret, KeyOptions) {
    let secret = RecoverySecret::random().unwrap();
    let recovery = Some(secret.public());
    (secret, KeyOptions { recovery, ..super::world::how() })
}

fn open(world: &World, how: &KeyOptions) -> Archive {
    Archive::open_keyed_with(world.parts(), how).unwrap()
}

fn seal_of(world: &World) -> Option<RecoverySeal> {
    SqliteKeyring::open(&world.data_dir()).unwrap().current_epoch().unwrap().unwrap().recovery
}

/// Every file under a folder, by its path, with its bytes.
pub(super) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let copy = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, bytes).unwrap();
    }
}

/// The disk as it is at this moment, journals included, without the keys.
pub(super) fn disk_of(world: &World) -> tempfile::TempDir {
    let disk = tempfile::tempdir().unwrap();
    copy_folder(&world.data_dir(), disk.path());
    disk
}

pub(super) fn opened(
    disk: &Path,
    secret: &RecoverySecret,
) -> Result<(Archive, tempfile::TempDir), ArchiveError> {
    let work = tempfile::tempdir().unwrap();
    Archive::open_dead(disk, work.path(), secret).map(|archive| (archive, work))
}

fn papers_of(archive: &Archive, number: u16) -> usize {
    archive.history(&resident(number), HistoryPage { before: u64::MAX, limit: 9 }).unwrap().len()
}

#[test]
fn a_dead_disk_is_read_and_stays_as_it_was() {
    let world = World::new();
    let (secret, how) = office();
    let archive = open(&world, &how);
    file_paper(&archive, 1, &[resident(1), resident(2)]).unwrap();
    archive.stage(stage_of(9, &[9, 10])).unwrap();
    let disk = disk_of(&world);
    let before = files(disk.path());
    assert!(
        before
            .iter()
            .any(|(path, bytes)| path.to_string_lossy().ends_with("ledger.db-wal") && !bytes.is_empty())
    );
    {
        let (dead, _work) = opened(disk.path(), &secret).unwrap();
        assert_eq!(dead.store_id(), archive.store_id());
        let changes = dead.changes(0, 10).unwrap();
        let filed = changes.iter().find_map(|change| match &change.what {
            ChangeWhat::Filed(material) => Some(material.as_ref().clone()),
            _ => None,
        });
        assert_eq!(filed, Some(shared_paper(1, &[resident(1), resident(2)])));
        let digest = filed.unwrap().pages[0].image.digest;
        assert_eq!(dead.blob(material_id(1), &digest).unwrap(), picture(1));
        let unfiled = dead.unfiled(0, 10).unwrap();
        assert_eq!((unfiled.len(), unfiled[0].note.clone()), (1, b"note 9".to_vec()));
        assert_eq!(dead.staged_blob(capture(9), &unfiled[0].digests[1]).unwrap(), picture(10));
    }
    assert_eq!(files(disk.path()), before, "the folder is only read");
}

#[test]
fn what_does_not_open_says_why_and_what_runs_is_left_alone() {
    let world = World::new();
    let (ours, how) = office();
    let (theirs, _) = office();
    let archive = Archive::open_keyed(&world.options(), &how).unwrap();
    let fault = |error: ArchiveError| match error {
        ArchiveError::Storage(error) => (error.part, error.fault),
        other => panic!("{other}"),
    };
    let error = |disk: &Path, secret: &RecoverySecret| opened(disk, secret).map(drop).unwrap_err();
    assert_eq!(fault(error(&world.data_dir(), &ours)), (Part::Folder, StorageFault::InUse));
    let disk = disk_of(&world);
    let other =
        RecoveryError::OtherOffice { sealed: ours.public().office(), shares: theirs.public().office() };
    assert_eq!(error(disk.path(), &theirs), other.into());
    for (part, file) in [(Part::Ledger, "ledger.db"), (Part::Keyring, "keyring.db")] {
        fs::remove_file(disk.path().join(file)).unwrap();
        assert_eq!(fault(error(disk.path(), &ours)), (part, StorageFault::Missing));
    }
    drop(archive);
    let without = World::new();
    file_paper(&without.open(), 1, &[resident(1)]).unwrap();
    assert_eq!(error(&without.data_dir(), &ours), RecoveryError::NotSealed.into());
}

#[test]
fn no_key_of_an_epoch_is_used_before_the_epoch_is_sealed() {
    for mode in [Mode::PowerCut, Mode::PowerCutAfter] {
        for fails_at in 1..80 {
            let world = World::new();
            let (secret, how) = office();
            let faults = Faults::new(mode, fails_at);
            if let Ok(archive) = Archive::open_keyed_with(faulty(world.parts(), &faults), &how) {
                let _ = file_paper(&archive, 1, &[resident(1)]);
                let _ = archive.erase_now(erasure_of_person(1, &resident(1)));
                let _ = file_paper(&archive, 2, &[resident(2)]);
            }
            let keyring = SqliteKeyring::open(&world.data_dir()).unwrap();
            if keyring.store_keys().unwrap().is_empty() {
                continue;
            }
            let epoch = keyring.current_epoch().unwrap().unwrap();
            let key =
                secret.open(epoch.recovery.as_ref(), &keyring.store_id().unwrap(), epoch.epoch).unwrap();
            let kept =
                KeyFiles::open(&world.keys_dir(), &world.data_dir()).unwrap().load(epoch.epoch).unwrap();
            assert_eq!(key.expose(), kept.expose(), "{mode:?} at write {fails_at}");
        }
    }
}

#[test]
fn a_key_that_is_configured_later_or_changed_seals_the_epoch_at_the_next_start() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    assert_eq!(archive.stats().unwrap().recovery, None);
    drop(archive);
    let (first, how) = office();
    let archive = open(&world, &how);
    assert_eq!(archive.stats().unwrap().recovery, Some(first.public().office()));
    drop(archive);
    let seal = seal_of(&world).unwrap();
    drop(open(&world, &how));
    assert_eq!(seal_of(&world).as_ref(), Some(&seal), "once is enough");
    drop(world.open());
    assert_eq!(seal_of(&world).as_ref(), Some(&seal), "it stays until its epoch ends");

    let (second, how) = office();
    let archive = open(&world, &how);
    let disk = disk_of(&world);
    assert_eq!(papers_of(&opened(disk.path(), &second).unwrap().0, 1), 1);
    assert!(matches!(opened(disk.path(), &first).map(drop), Err(ArchiveError::Recovery(_))));
    assert!(!is_anywhere(&world, &seal), "whoever has the first key's shares finds nothing to open");
    assert_whole(&archive, "with another key");
}

fn is_anywhere(world: &World, seal: &RecoverySeal) -> bool {
    let part = &seal.sealed[40..72];
    files(world.folder()).values().any(|bytes| bytes.windows(part.len()).any(|window| window == part))
}

#[test]
fn an_erasure_ends_what_the_recovery_key_could_open() {
    let world = World::new();
    let (secret, how) = office();
    let archive = open(&world, &how);
    for number in 1..=3 {
        file_paper(&archive, number, &[resident(u16::from(number))]).unwrap();
    }
    let old = seal_of(&world).unwrap();
    assert!(is_anywhere(&world, &old));
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert!(!is_anywhere(&world, &old), "the sealed key of the epoch before");
    assert_ne!(seal_of(&world), Some(old));
    let disk = disk_of(&world);
    let (dead, _work) = opened(disk.path(), &secret).unwrap();
    assert_eq!([1, 2, 3].map(|number| papers_of(&dead, number)), [0, 1, 1]);
}

#[test]
fn what_was_being_forgotten_when_the_pc_died_is_not_brought_back() {
    let world = World::new();
    let (secret, how) = office();
    let faults = Faults::new(Mode::Stuck(Op::DeleteBlobs, Way::Undone), 1);
    let archive = Archive::open_keyed_with(faulty(world.parts(), &faults), &how).unwrap();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap_err();
    let disk = disk_of(&world);
    let before = files(disk.path());
    let (dead, _work) = opened(disk.path(), &secret).unwrap();
    assert_eq!([1, 2].map(|number| papers_of(&dead, number)), [0, 1]);
    let told = dead.changes(0, 100).unwrap();
    assert_eq!(told.iter().filter(|change| matches!(change.what, ChangeWhat::Filed(_))).count(), 1);
    assert_eq!(files(disk.path()), before);
}

#[test]
fn a_recovery_is_entered_once() {
    let world = World::new();
    let archive = world.open();
    let recovery = |count| Recovery {
        store_id: "0123".to_owned(),
        count,
        by: clerk(),
        idempotency: idempotency(1, 1).unwrap(),
    };
    let sequence = archive.begin_recovery(recovery(7)).unwrap();
    assert_eq!(archive.begin_recovery(recovery(7)).unwrap(), sequence);
    let (entry, opened) = archive.shared.stores.entry(sequence).unwrap().unwrap();
    assert_eq!((entry.content.verb, opened.office.count), (Verb::Recovered, 7));
    assert_eq!(opened.office.basis.as_deref(), Some("0123"));
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    assert_eq!(archive.begin_recovery(recovery(7)).unwrap(), sequence);
    assert_whole(&archive, "after a recovery was entered");
}
