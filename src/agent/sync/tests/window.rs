//! A window: a real archive in a temporary folder, and the worker while it runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use yidang_archive::{Actor, Archive, ArchiveOptions, Filing, Stage, Stored};
use yidang_model::{
    CaptureId, Digest, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Status, Subject,
    SubjectType, Timestamp,
};

use super::super::{SyncEvent, SyncHandle, SyncOptions, SyncWorker, Upstream};
use super::repository::Repository;

pub(super) struct Window {
    pub(super) archive: Archive,
    pub(super) sync: Option<SyncHandle>,
    pub(super) options: SyncOptions,
    pub(super) events: Arc<Mutex<Vec<SyncEvent>>>,
    pub(super) folder: TempDir,
    /// Papers filed so far; it decides their pictures and identifiers.
    pub(super) drawn: u64,
}

pub(super) fn person() -> Subject {
    Subject::new(SubjectType::Resident, "11010519491231002X").unwrap()
}

fn open(folder: &TempDir) -> Archive {
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    Archive::open(&ArchiveOptions { data_dir, keys_dir }).unwrap()
}

impl Window {
    /// A window that is not running and not enrolled.
    pub(super) fn new(repository: &Repository) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
        let archive = open(&folder);
        let mut options = SyncOptions::new(&repository.url(), &data_dir, &keys_dir);
        options.machine_id = folder.path().join("machine-id");
        std::fs::write(&options.machine_id, "one").unwrap();
        Self { archive, sync: None, options, events: Arc::default(), folder, drawn: 0 }
    }

    /// A window that is enrolled and at work.
    pub(super) fn at_work(repository: &Repository) -> Self {
        let mut window = Self::new(repository);
        window.start();
        window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
        window
    }

    pub(super) fn start(&mut self) {
        let events = self.events.clone();
        let listener = Box::new(move |event| events.lock().unwrap().push(event));
        self.sync = Some(SyncWorker::start(self.archive.clone(), &self.options, listener).unwrap());
    }

    pub(super) fn sync(&self) -> &SyncHandle {
        self.sync.as_ref().unwrap()
    }

    /// The same window once its disk has lost every picture. It must not run.
    pub(super) fn losing_its_pictures(self) -> Self {
        let Self { archive, sync, options, events, folder, drawn } = self;
        drop((sync, archive));
        std::fs::remove_dir_all(folder.path().join("data/blobs")).unwrap();
        let archive = open(&folder);
        Self { archive, sync: None, options, events, folder, drawn }
    }

    /// The same window with other bytes for its ledger, and without anything that would tell; and its ledger as it was.
    pub(super) fn with_ledger(self, ledger: Option<&[u8]>) -> (Self, Vec<u8>) {
        let Self { archive, sync, options, events, folder, drawn } = self;
        drop((sync, archive));
        let data = folder.path().join("data");
        let before = std::fs::read(data.join("ledger.db")).unwrap();
        if let Some(ledger) = ledger {
            std::fs::write(data.join("ledger.db"), ledger).unwrap();
            let _ = std::fs::remove_dir_all(data.join("backup"));
            std::fs::remove_file(data.join("index.db")).unwrap();
        }
        let archive = open(&folder);
        (Self { archive, sync: None, options, events, folder, drawn }, before)
    }

    pub(super) fn file(&mut self) -> Stored {
        self.file_as(Origin::Upload)
    }

    /// Files a paper of one page with pictures of its own.
    pub(super) fn file_as(&mut self, origin: Origin) -> Stored {
        self.drawn += 1;
        let number = self.drawn.to_be_bytes();
        let id = |kind: u8| {
            let mut id = [kind; 16];
            id[8..].copy_from_slice(&number);
            id
        };
        let picture = |kind: u8| [&[kind; 3000][..], &number].concat();
        let image = |bytes: &[u8]| Image {
            digest: Digest::of(bytes),
            size_bytes: bytes.len() as u64,
            media_type: MediaType::Jpeg,
            width: 10,
            height: 10,
        };
        let by = Actor { client: "test".into(), operator: None };
        let at = Timestamp::from_millis(1_800_000_000_000);
        let (page, original) = (picture(1), picture(2));
        let stage = Stage {
            id: CaptureId::from_bytes(id(1)),
            blobs: vec![page.clone(), original.clone()],
            note: Vec::new(),
            expires_at: at,
            by: by.clone(),
            idempotency: None,
        };
        self.archive.stage(stage).unwrap();
        let material = Material {
            id: MaterialId::from_bytes(id(2)),
            holders: vec![person()],
            kind: Kind::new("household_register").unwrap(),
            pages: vec![Page {
                image: image(&page),
                original: image(&original),
                corners: None,
                confidence: 0.5,
                about: Vec::new(),
                captured_at: at,
            }],
            case: None,
            item: None,
            slot: None,
            issued_on: None,
            valid_until: None,
            issuer: None,
            document_number: None,
            presented_as: None,
            original_seen: None,
            note: None,
            captured_at: at,
            filed_at: at,
            counter: "counter-1".into(),
            operator: None,
            status: Status::Current,
            origin,
            duplicate_of: None,
            supersedes: None,
        };
        let filing = Filing {
            material,
            from: vec![CaptureId::from_bytes(id(1))],
            page_sets: Vec::new(),
            may_fork: false,
            by,
            purpose: None,
            idempotency: None,
        };
        self.archive.file(filing).unwrap().stored
    }

    /// Waits until nothing is left to send.
    pub(super) fn settled(&self) {
        wait_for("an empty backlog", || self.sync().status().backlog_materials == 0);
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.sync().status().last_error
    }
}

/// Longest any test waits for anything; only failures take so long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}
