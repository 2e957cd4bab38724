//! The main path with every suite, and a suite chosen once.

use super::papers::*;
use super::recovery::{disk_of, opened};
use super::world::{World, assert_whole, file_paper};
use crate::crypto::Suite;
use crate::history::HistoryPage;
use crate::recovery::RecoverySecret;
use crate::storage::{KeyKeeperError, StorageFault, chain_hash};
use crate::{Archive, ArchiveError, KeyOptions};

fn with(suite: Suite) -> KeyOptions {
    KeyOptions { suite: Some(suite), ..KeyOptions::default() }
}

#[test]
fn a_paper_is_filed_found_put_right_forgotten_rebuilt_and_recovered_with_every_suite() {
    for suite in Suite::ALL {
        let world = World::new();
        let secret = RecoverySecret::random().unwrap();
        let how = KeyOptions { recovery: Some(secret.public()), ..with(suite) };
        let archive = Archive::open_keyed_with(world.parts(), &how).unwrap();
        assert_eq!(archive.stats().unwrap().suite, suite);
        for number in 1..=3 {
            file_paper(&archive, number, &[resident(u16::from(number)), resident(9)]).unwrap();
        }
        let digest = shared_paper(2, &[]).pages[0].image.digest;
        assert_eq!(archive.blob(material_id(2), &digest).unwrap(), picture(2));
        archive.refile(crate::Refiling { holders: Some(vec![resident(4)]), ..refiling_of(3) }).unwrap();
        archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
        assert_whole(&archive, suite.as_str());
        drop(archive);
        // Configured otherwise, it stays what it was made with.
        for other in Suite::ALL {
            let archive = Archive::open_keyed_with(world.parts(), &with(other)).unwrap();
            assert_eq!(archive.stats().unwrap().suite, suite);
            file_paper(&archive, 10 + other.number(), &[resident(60)]).unwrap();
            assert_eq!(archive.blob(material_id(2), &digest).unwrap(), picture(2));
        }
        let archive = Archive::open_keyed_with(world.parts(), &how).unwrap();
        let page = HistoryPage { before: u64::MAX, limit: 9 };
        let found = [1, 2, 4, 9].map(|who| archive.history(&resident(who), page).unwrap().len());
        assert_eq!(found, [0, 1, 1, 2], "{suite}");
        let disk = disk_of(&world);
        let (dead, _work) = opened(disk.path(), &secret).unwrap();
        assert_eq!(dead.history(&resident(9), page).unwrap().len(), 2);
        assert_eq!(dead.stats().unwrap().suite, suite);
    }
}

#[test]
fn what_is_stored_says_by_which_suite_and_is_chained_by_its_hash() {
    for (suite, number) in [(Suite::Aes256Gcm, 1), (Suite::Sm4Gcm, 2)] {
        let world = World::new();
        let archive = Archive::open_keyed_with(world.parts(), &with(suite)).unwrap();
        file_paper(&archive, 1, &[resident(1)]).unwrap();
        for entry in archive.shared.stores.ledger.after(0, 9).unwrap() {
            assert_eq!(entry.content.version, number);
            let other = crate::storage::NewEntry { version: 3 - number, ..entry.content.clone() };
            assert_eq!(entry.hash, chain_hash(&entry.previous, entry.sequence, &entry.content));
            assert_ne!(entry.hash, chain_hash(&entry.previous, entry.sequence, &other));
        }
        let key = std::fs::read_to_string(world.keys_dir().join("epoch-0001.key")).unwrap();
        assert!(key.starts_with(&format!("yidang epoch key {number}\n")), "{suite}");
        let newer = key.replacen(&format!("key {number}"), "key 4", 1);
        drop(archive);
        std::fs::write(world.keys_dir().join("epoch-0001.key"), newer).unwrap();
        let error = Archive::open_keyed_with(world.parts(), &with(suite)).unwrap_err();
        let ArchiveError::Keys(KeyKeeperError::Storage(error)) = error else { panic!("{error}") };
        assert_eq!(error.fault, StorageFault::NewerVersion);
    }
}
