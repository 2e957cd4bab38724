//! A folder with an archive in it, opened and reopened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use yidang_model::Timestamp;

use super::faulty::{Faults, faulty};
use super::papers::{START, filing_of, shared_paper, stage_of};
use crate::crypto::Suite;
use crate::files::{BlobSegments, KeyFiles};
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger};
use crate::{Archive, ArchiveError, ArchiveOptions, Clock, Filed, KeyOptions, Parts};

/// A clock that is set.
#[derive(Clone)]
pub(super) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(super) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct World {
    folder: TempDir,
    pub(super) clock: TestClock,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = TestClock(Arc::new(AtomicI64::new(START.as_millis())));
        // In memory where that is to be had: these tests are about order, not about the disk.
        let in_memory = Path::new("/dev/shm");
        let folder = if in_memory.is_dir() { TempDir::new_in(in_memory) } else { TempDir::new() };
        Self { folder: folder.unwrap(), clock }
    }

    pub(super) fn options(&self) -> ArchiveOptions {
        ArchiveOptions { data_dir: self.data_dir(), keys_dir: self.keys_dir() }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn keys_dir(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// The built-in stores, with this world's clock.
    pub(super) fn parts(&self) -> Parts {
        let data_dir = self.data_dir();
        crate::files::create_folder(&data_dir).unwrap();
        Parts {
            blobs: Box::new(BlobSegments::open(&data_dir).unwrap()),
            ledger: Box::new(SqliteLedger::create(&data_dir).unwrap()),
            keyring: Box::new(SqliteKeyring::create(&data_dir).unwrap()),
            index: Box::new(SqliteIndex::create(&data_dir).unwrap()),
            keeper: Box::new(KeyFiles::open(&self.keys_dir(), &data_dir).unwrap()),
            clock: Box::new(self.clock.clone()),
            place: Some(self.options()),
        }
    }

    pub(super) fn open(&self) -> Archive {
        Archive::open_keyed_with(self.parts(), &how()).unwrap()
    }

    /// With stores that fail when they are told to.
    pub(super) fn open_faulty(&self, faults: &Arc<Faults>) -> Result<Archive, ArchiveError> {
        Archive::open_keyed_with(faulty(self.parts(), faults), &how())
    }
}

/// What these tests' archives are sealed with: `YIDANG_CIPHER=sm4-gcm` runs all of them with that suite.
pub(super) fn how() -> KeyOptions {
    let wanted = std::env::var("YIDANG_CIPHER").ok().and_then(|word| Suite::from_word(&word));
    KeyOptions { suite: wanted, ..KeyOptions::default() }
}

/// Stages `picture(number)` and files it as material `number`.
pub(super) fn file_paper(
    archive: &Archive,
    number: u8,
    holders: &[yidang_model::Subject],
) -> Result<Filed, ArchiveError> {
    archive.stage(stage_of(number, &[number]))?;
    archive.file(filing_of(shared_paper(number, holders), &[number]))
}

/// The index is what a fresh one would be, and nothing is damaged.
pub(super) fn assert_whole(archive: &Archive, when: &str) {
    let live = archive.index_dump().unwrap();
    archive.rebuild_index().unwrap();
    assert_eq!(live, archive.index_dump().unwrap(), "the index and its rebuild differ {when}");
    let report = archive.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{:?} {when}", report.damages);
}
