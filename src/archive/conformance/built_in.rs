//! The suites over the built-in implementations.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::crypto::Suite;
use crate::files::{BlobFiles, BlobSegments, KeyFiles};
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger};

/// Each place is a data folder of its own.
struct Places(TempDir);

impl Places {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, place: &str) -> PathBuf {
        let folder = self.0.path().join(place);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}

#[test]
fn blob_files() {
    let places = Places::new();
    super::blob_store(&|place| Box::new(BlobFiles::open(&places.folder(place)).unwrap()));
}

#[test]
fn blob_segments() {
    let places = Places::new();
    super::blob_store(&|place| Box::new(BlobSegments::open(&places.folder(place)).unwrap()));
}

#[test]
fn key_files() {
    let (places, data) = (Places::new(), Places::new());
    super::key_keeper(&|place| Box::new(KeyFiles::open(&places.folder(place), data.0.path()).unwrap()));
}

#[test]
fn sealed_key_files() {
    let (places, data) = (Places::new(), Places::new());
    let credential = data.0.path().join("credential");
    fs::write(&credential, [9; 32]).unwrap();
    super::key_keeper(&|place| {
        Box::new(
            KeyFiles::open_sealed(&places.folder(place), &data.0.path().join("data"), &credential).unwrap(),
        )
    });
}

#[test]
fn software() {
    for suite in Suite::ALL {
        super::crypto_device(suite, suite.device());
    }
}

#[test]
fn sqlite_ledger() {
    let places = Places::new();
    super::ledger(&|place| Box::new(SqliteLedger::create(&places.folder(place)).unwrap()));
}

#[test]
fn sqlite_keyring() {
    let places = Places::new();
    super::keyring(&|place| Box::new(SqliteKeyring::create(&places.folder(place)).unwrap()));
}

#[test]
fn sqlite_index() {
    let places = Places::new();
    super::index(&|place| Box::new(SqliteIndex::create(&places.folder(place)).unwrap()));
}
