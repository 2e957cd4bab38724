//! A power cut while new files come into the places of damaged ones.

use std::fs;
use std::path::{Path, PathBuf};

use super::papers::*;
use super::recovery::{disk_of, files, office, opened};
use super::world::{World, file_paper, how};
use crate::salvage::rebuild_cut_off;
use crate::{Anchor, Archive, HistoryPage, KeyOptions, Rebuild};

const ALL: HistoryPage = HistoryPage { before: u64::MAX, limit: 100 };
const PAPERS: usize = 30;
/// More than there are.
const STEPS_MAX: usize = 40;

/// An archive that was not closed: its last papers are in the journals alone, whose files and the ledger's are damaged.
fn damaged(how: &KeyOptions) -> World {
    let world = World::new();
    let open = || Archive::open_keyed_with(world.parts(), how).unwrap();
    let archive = open();
    for number in 1..=20 {
        file_paper(&archive, number, &[resident(1)]).unwrap();
    }
    archive.back_up().unwrap();
    drop(archive);
    let archive = open();
    for number in 21..=PAPERS as u8 {
        file_paper(&archive, number, &[resident(1)]).unwrap();
    }
    let running: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(world.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.to_string_lossy().contains(".db"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    drop(archive);
    for (path, bytes) in running {
        fs::write(path, bytes).unwrap();
    }
    assert!(fs::metadata(world.data_dir().join("ledger.db-wal")).unwrap().len() > 0);
    for (file, from) in [("ledger.db", 2), ("keyring.db", 0)] {
        let path = world.data_dir().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[from * 4096..(from + 1) * 4096].fill(0xA5);
        fs::write(path, bytes).unwrap();
    }
    world
}

pub(super) fn wish() -> Rebuild<'static> {
    Rebuild { anchor: &|_| Anchor::Unknown("no_repository"), by: clerk() }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Everything is there, once, and nothing is left on its way.
fn assert_whole(world: &World, when: &str) {
    let archive = Archive::open_keyed(&world.options(), &how()).unwrap_or_else(|e| panic!("{when}: {e}"));
    assert_eq!(archive.history(&resident(1), ALL).unwrap().len(), PAPERS, "{when}");
    let verified = archive.verify(&mut |_, _| {}).unwrap();
    assert!(verified.is_clean(), "{when}: {:?}", verified.damages);
    file_paper(&archive, 60, &[resident(1)]).unwrap();
    drop(archive);
    assert!(!world.data_dir().join("rebuild.tmp").exists(), "{when}");
    let again = Archive::rebuild(&world.options(), &how(), &wish()).unwrap();
    assert_eq!([again.ledger.state, again.keyring.state], ["unchanged", "unchanged"], "{when}");
    let aside: Vec<_> = fs::read_dir(world.data_dir().join("damaged")).unwrap().collect();
    assert_eq!(aside.len(), 1, "{when}: a database and its journals went to one folder");
    let aside = aside.into_iter().next().unwrap().unwrap().path();
    for file in ["ledger.db", "ledger.db-wal", "keyring.db", "index.db", "backup"] {
        assert!(aside.join(file).exists(), "{when}: {file}");
    }
}

#[test]
fn wherever_a_swap_is_cut_off_opening_goes_on_with_it() {
    let template = damaged(&how());
    let mut is_more = true;
    for steps in 0..STEPS_MAX {
        if !is_more {
            assert!(steps > 16, "{steps}");
            return;
        }
        for opens_first in [true, false] {
            let when = format!("after {steps} steps, opened first: {opens_first}");
            let world = World::new();
            copy_folder(template.folder(), world.folder());
            is_more = rebuild_cut_off(&world.options(), &how(), &wish(), steps).unwrap();
            if steps == 0 || !opens_first {
                let report = Archive::rebuild(&world.options(), &how(), &wish()).unwrap();
                assert!(report.complete, "{when}: {report:?}");
                let expected = if steps == 0 { "rebuilt" } else { "unchanged" };
                assert_eq!(report.ledger.state, expected, "{when}: {report:?}");
            }
            assert_whole(&world, &when);
        }
    }
    panic!("there are more steps than {STEPS_MAX}");
}

/// A crash before the new files are whole leaves the archive as it was, however far they had come.
#[test]
fn what_is_not_ready_is_not_put_in_place() {
    let world = damaged(&how());
    assert!(rebuild_cut_off(&world.options(), &how(), &wish(), 0).unwrap());
    let before = fs::read(world.data_dir().join("ledger.db")).unwrap();
    assert!(Archive::open_keyed(&world.options(), &how()).is_err(), "its keyring has no first page");
    assert_eq!(fs::read(world.data_dir().join("ledger.db")).unwrap(), before);
    assert!(!world.data_dir().join("rebuild.tmp").exists(), "and nothing of it is left");
}

/// A dead PC's disk is only read, and has all the same what the swap would have put in place.
#[test]
fn wherever_a_swap_was_cut_off_a_dead_disk_has_everything() {
    let (secret, how) = office();
    let template = damaged(&how);
    for steps in 1..STEPS_MAX {
        let world = World::new();
        copy_folder(template.folder(), world.folder());
        let is_more = rebuild_cut_off(&world.options(), &how, &wish(), steps).unwrap();
        let disk = disk_of(&world);
        let before = files(disk.path());
        {
            let (dead, _work) = opened(disk.path(), &secret).unwrap_or_else(|e| panic!("after {steps}: {e}"));
            let found = dead.history(&resident(1), ALL).unwrap();
            assert_eq!(found.len(), PAPERS, "after {steps} steps");
            for stored in found {
                assert!(dead.blob(stored.material.id, &stored.material.pages[0].image.digest).is_ok());
            }
        }
        assert_eq!(files(disk.path()), before, "after {steps} steps: the folder is only read");
        if !is_more {
            assert!(steps > 16, "{steps}");
            return;
        }
    }
    panic!("there are more steps than {STEPS_MAX}");
}
