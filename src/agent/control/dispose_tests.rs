//! What is found to be due, and what becomes of what changes meanwhile.

use tempfile::TempDir;
use yidang_archive::files::{BlobSegments, KeyFiles};
use yidang_archive::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger};
use yidang_archive::{
    ArchiveOptions, Clock, Filing, HoldTarget, LiftHold, Parts, PlaceHold, Refiling, Stage,
};
use yidang_model::{
    CaptureId, Digest, HoldId, Image, Kind, MediaType, Origin, Page, Presentation, Status, SubjectType,
};

use super::*;
use crate::retention::{RetentionRule, TermStart};

#[test]
fn a_clock_far_from_the_ledger_disposes_of_nothing() {
    let last: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
    let shown = |text: &str| is_far_from(text.parse().unwrap(), last);
    assert!(
        !shown("2026-11-26T10:00:01Z") && !shown("2026-12-20T00:00:00Z") && !shown("2026-11-26T09:00:00Z")
    );
    assert!(shown("2036-11-26T10:00:00Z") && shown("2027-01-01T00:00:00Z") && shown("2026-11-20T00:00:00Z"));
}

#[test]
fn every_run_asks_for_the_same_erasure_of_a_paper() {
    let of = |byte, attempt| erasure_of(MaterialId::from_bytes([byte; 16]), attempt);
    assert_eq!(of(1, 0), of(1, 0));
    assert_ne!(of(1, 0), of(2, 0));
    assert_ne!(of(1, 0), of(1, 1));
}

fn by() -> Actor {
    Actor { client: CLIENT.to_owned(), operator: Some("Operator Ng".to_owned()) }
}

fn person() -> Subject {
    Subject::new(SubjectType::Provisional, "P-1").unwrap()
}

fn image(bytes: &[u8]) -> Image {
    let (digest, size_bytes) = (Digest::of(bytes), bytes.len() as u64);
    Image { digest, size_bytes, media_type: MediaType::Jpeg, width: 10, height: 10 }
}

/// An archive with `count` forms, each cut out of a frame of its own.
fn archive_of(count: u8) -> (Archive, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    let archive = Archive::open(&ArchiveOptions { data_dir, keys_dir }).unwrap();
    let at = archive.now();
    for number in 1..=count {
        let (page, frame) = (vec![number; 900], vec![number; 1800]);
        let capture = CaptureId::from_bytes([number; 16]);
        let material = Material {
            id: MaterialId::from_bytes([number; 16]),
            holders: vec![person()],
            kind: Kind::new("form").unwrap(),
            pages: vec![Page {
                image: image(&page),
                original: image(&frame),
                corners: None,
                confidence: 0.5,
                about: Vec::new(),
                captured_at: at,
            }],
            case: Some(number.to_string()),
            item: None,
            slot: None,
            issued_on: None,
            valid_until: "2020-02-29".parse().ok(),
            issuer: None,
            document_number: None,
            presented_as: Some(Presentation::Original),
            original_seen: None,
            note: None,
            captured_at: at,
            filed_at: at,
            counter: "window".to_owned(),
            operator: None,
            status: Status::Current,
            origin: Origin::Simulated,
            duplicate_of: None,
            supersedes: None,
        };
        let (blobs, expires_at) = (vec![page, frame], at.plus_millis(60_000));
        let stage = Stage { id: capture, blobs, note: Vec::new(), expires_at, by: by(), idempotency: None };
        archive.stage(stage).unwrap();
        let from = vec![capture];
        let (page_sets, may_fork, purpose, idempotency) = (Vec::new(), false, None, None);
        archive.file(Filing { material, from, page_sets, may_fork, by: by(), purpose, idempotency }).unwrap();
    }
    (archive, folder)
}

fn rules(years: Option<u16>, originals_years: Option<u16>) -> Retention {
    let kind = Kind::new("form").unwrap();
    Retention(vec![RetentionRule { kind, years, originals_years, starts: TermStart::ValidUntil }])
}

fn hold(archive: &Archive, number: u8) {
    let (id, target) = (HoldId::from_bytes([number; 16]), MaterialId::from_bytes([number; 16]));
    let (target, reason) = (HoldTarget::Material(target), "order".to_owned());
    let hold = PlaceHold { id, target, reason, case: None, by: by(), decided_elsewhere: false };
    archive.place_hold(hold).unwrap();
}

fn refile(archive: &Archive, id: MaterialId) {
    let kind = Some(Kind::new("letter").unwrap());
    let refiling = Refiling {
        id,
        holders: None,
        kind,
        case: None,
        reason: "wrong kind".to_owned(),
        by: by(),
        idempotency: None,
        decided_elsewhere: false,
        only_at: None,
    };
    archive.refile(refiling).unwrap();
}

fn results(found: &Found) -> Vec<(u8, &str)> {
    found.papers.iter().map(|due| (due.paper.id.as_bytes()[0], due.line.result.as_str())).collect()
}

#[test]
fn what_is_held_or_asked_for_hides_nothing_that_is_due() {
    let (archive, _folder) = archive_of(7);
    let today = clock::date_at_counter(archive.now()).unwrap();
    [1, 2, 3].iter().for_each(|number| hold(&archive, *number));
    for (years, originals_years) in [(Some(2), None), (None, Some(2))] {
        let retention = rules(years, originals_years);
        let office = Office { archive: &archive, retention: &retention, is_alone: false };
        let found = office.find(today, 3, 2).unwrap();
        assert_eq!(results(&found), [(1, "held"), (2, "held"), (4, "due"), (5, "due"), (6, "due")]);
        assert!(found.truncated);
        let figures = figures(&found, today);
        let (held, originals_held) = if years.is_some() { (3, 0) } else { (0, 3) };
        assert_eq!((figures.held, figures.originals_held, figures.truncated), (held, originals_held, true));
        // What has been asked for makes room for the rest.
        let mut found = found.papers;
        match years {
            Some(_) => drop(office.dispose(&mut found, &by()).unwrap()),
            None => office.dispose_of_originals(&mut found, &by()).unwrap(),
        }
        assert!(found.iter().all(|due| due.line.result != "due"));
        let next = office.find(today, 3, 9).unwrap();
        let asked = [4, 5, 6].map(|number| (number, "requested"));
        let all = [(1, "held"), (2, "held"), (3, "held")].into_iter().chain(asked).chain([(7, "due")]);
        assert_eq!((results(&next), next.truncated), (all.collect(), false));
    }
}

/// Terms of papers and of originals, without a repository and with one.
const SORTS: [(Option<u16>, Option<u16>, bool); 4] =
    [(Some(2), None, true), (Some(2), None, false), (None, Some(2), true), (None, Some(2), false)];

/// Disposes of papers, or of their originals alone; what is told of one that nothing keeps.
fn dispose(office: &Office<'_>, found: &mut Found, are_papers: bool) -> &'static str {
    if are_papers {
        office.dispose(&mut found.papers, &by()).unwrap();
    } else {
        office.dispose_of_originals(&mut found.papers, &by()).unwrap();
    }
    match (are_papers, office.is_alone) {
        (true, true) => "erased",
        (false, true) => "disposed",
        (_, false) => "requested",
    }
}

#[test]
fn what_was_put_right_since_it_was_found_is_left_alone_and_told() {
    for (years, originals_years, is_alone) in SORTS {
        let (archive, _folder) = archive_of(2);
        let today = clock::date_at_counter(archive.now()).unwrap();
        let retention = rules(years, originals_years);
        let office = Office { archive: &archive, retention: &retention, is_alone };
        let mut found = office.find(today, 9, 9).unwrap();
        refile(&archive, found.papers[0].paper.id);
        let word = dispose(&office, &mut found, years.is_some());
        assert_eq!(results(&found), [(1, "changed"), (2, word)]);
        assert_eq!(figures(&found, today).changed, 1);
        let kept = archive.material(MaterialId::from_bytes([1; 16])).unwrap().unwrap();
        assert!(kept.has_originals());
    }
}

/// The repository refused it, as a hold kept it then.
#[test]
fn what_the_repository_refused_is_asked_for_anew() {
    let (archive, _folder) = archive_of(1);
    let today = clock::date_at_counter(archive.now()).unwrap();
    let retention = rules(Some(2), None);
    let office = Office { archive: &archive, retention: &retention, is_alone: false };
    let id = MaterialId::from_bytes([1; 16]);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let mut found = office.find(today, 9, 9).unwrap();
        assert_eq!(results(&found), [(1, "due")]);
        assert_eq!(found.papers[0].line.refused_before, !asked.is_empty());
        assert_eq!(count_refused(&found.papers, DisposePart::Paper), u64::from(!asked.is_empty()));
        office.dispose(&mut found.papers, &by()).unwrap();
        assert_eq!(results(&found), [(1, "requested")]);
        let erasure = office.erasure_for(id).unwrap();
        assert!(!asked.contains(&erasure));
        archive.refuse_erasure(erasure).unwrap();
        asked.push(erasure);
    }
    hold(&archive, 1);
    let found = office.find(today, 9, 9).unwrap();
    assert_eq!(results(&found), [(1, "held")]);
    let (id, reason) = (HoldId::from_bytes([1; 16]), "over".to_owned());
    archive.lift_hold(LiftHold { id, reason, by: by(), decided_elsewhere: false }).unwrap();
    assert_eq!(results(&office.find(today, 9, 9).unwrap()), [(1, "due")]);
}

#[test]
fn originals_that_the_repository_refused_are_told_as_such_until_the_paper_is_put_right() {
    let (archive, _folder) = archive_of(3);
    let today = clock::date_at_counter(archive.now()).unwrap();
    let retention = rules(None, Some(2));
    let office = Office { archive: &archive, retention: &retention, is_alone: false };
    let marked = |office: &Office<'_>| -> Vec<bool> {
        let found = office.find(today, 9, 9).unwrap();
        assert_eq!(results(&found), [(1, "due"), (2, "due"), (3, "due")]);
        found.papers.iter().map(|due| due.line.refused_before).collect()
    };
    assert_eq!(marked(&office), [false; 3]);
    let papers: Vec<DuePaper> =
        office.find(today, 9, 9).unwrap().papers.iter().map(|due| due.paper).collect();
    archive.request_originals(Disposal { papers, by: by() }).unwrap();
    archive.keep_originals(id_of(1)).unwrap();
    archive.keep_originals(id_of(2)).unwrap();
    // A hold ends a request here: the repository has refused nothing.
    hold(&archive, 3);
    let (id, reason) = (HoldId::from_bytes([3; 16]), "over".to_owned());
    archive.lift_hold(LiftHold { id, reason, by: by(), decided_elsewhere: false }).unwrap();
    assert_eq!(marked(&office), [true, true, false]);
    let alone = Office { archive: &archive, retention: &retention, is_alone: true };
    assert_eq!(marked(&alone), [false; 3], "a window that is alone asks nobody");
    refile(&archive, id_of(1));
    let letters = Retention(
        ["form", "letter"]
            .map(|kind| RetentionRule { kind: Kind::new(kind).unwrap(), ..retention.0[0].clone() })
            .into(),
    );
    let office = Office { archive: &archive, retention: &letters, is_alone: false };
    let found = office.find(today, 9, 9).unwrap();
    let refused: Vec<(MaterialId, bool)> =
        found.papers.iter().map(|due| (due.paper.id, due.line.refused_before)).collect();
    assert_eq!(refused, [(id_of(2), true), (id_of(3), false), (id_of(1), false)]);
}

fn id_of(number: u8) -> MaterialId {
    MaterialId::from_bytes([number; 16])
}

/// A paper that is held since it was found is not entered as disposed of, and what was erased was not disposed of.
#[test]
fn what_was_held_or_erased_since_it_was_found_is_told_as_such() {
    for (years, originals_years, is_alone) in SORTS {
        let (archive, _folder) = archive_of(3);
        let today = clock::date_at_counter(archive.now()).unwrap();
        let retention = rules(years, originals_years);
        let office = Office { archive: &archive, retention: &retention, is_alone };
        let mut found = office.find(today, 9, 9).unwrap();
        hold(&archive, 1);
        let (id, target) = (ErasureId::from_bytes([2; 16]), ErasureTarget::Material(id_of(2)));
        let (reason, idempotency, elsewhere_of) = ("asked for".to_owned(), None, Vec::new());
        let erasure = ErasureRequest { id, target, reason, by: by(), idempotency, elsewhere_of };
        archive.erase_now(erasure).unwrap();
        let word = dispose(&office, &mut found, years.is_some());
        assert_eq!(results(&found), [(1, "held"), (2, "erased"), (3, word)]);
        let figures = figures(&found, today);
        assert_eq!(figures.originals_disposed, u64::from(word == "disposed"));
        assert_eq!(figures.erased, if word == "erased" { 2 } else { 1 });
    }
}

/// What the repository has decided and this window cannot carry out yet is nothing that the repository is asked.
#[test]
fn what_a_damaged_ledger_keeps_is_not_told_as_requested() {
    let (archive, folder) = archive_of(3);
    hold(&archive, 3);
    let damaged = archive.material(id_of(2)).unwrap().unwrap().sequence;
    let ledger = rusqlite::Connection::open(folder.path().join("data/ledger.db")).unwrap();
    let spoil = format!(
        "DROP TRIGGER entries_never_change; UPDATE entries SET body = x'7b7d' WHERE sequence = {damaged}"
    );
    ledger.execute_batch(&spoil).unwrap();
    archive.drop_originals(&[id_of(1)], None, &by()).unwrap();
    let today = clock::date_at_counter(archive.now()).unwrap();
    let retention = rules(None, Some(2));
    let office = Office { archive: &archive, retention: &retention, is_alone: false };
    let found = office.find(today, 9, 9).unwrap();
    assert_eq!(results(&found), [(1, "kept"), (3, "held")]);
    let figures = figures(&found, today);
    assert_eq!((figures.originals_kept, figures.originals_requested), (1, 0));
    let paper = found.papers[0].paper;
    assert_eq!(archive.request_originals(Disposal { papers: vec![paper], by: by() }).unwrap(), []);
    assert_eq!(office.why_left(paper).unwrap(), "kept");
}

struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        yidang_archive::SystemClock.now().plus_millis(40 * 24 * 60 * 60 * 1000)
    }
}

/// Originals are guarded as papers are, alone and with a repository.
#[test]
fn a_clock_that_is_ahead_makes_no_originals_due() {
    let (archive, folder) = archive_of(1);
    drop(archive);
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    let archive = Archive::open_with(Parts {
        blobs: Box::new(BlobSegments::open(&data_dir).unwrap()),
        ledger: Box::new(SqliteLedger::open(&data_dir).unwrap()),
        keyring: Box::new(SqliteKeyring::open(&data_dir).unwrap()),
        index: Box::new(SqliteIndex::open(&data_dir).unwrap()),
        keeper: Box::new(KeyFiles::open(&keys_dir, &data_dir).unwrap()),
        clock: Box::new(Ahead),
        place: Some(ArchiveOptions { data_dir, keys_dir }),
    })
    .unwrap();
    let head = archive.head().unwrap();
    for is_alone in [true, false] {
        let retention = rules(None, Some(2));
        let office = Office { archive: &archive, retention: &retention, is_alone };
        let request = |clock_checked| DisposeRequest {
            operator: "Operator Ng".to_owned(),
            confirm: None,
            confirm_originals: Some(1),
            clock_checked,
        };
        let refused = office.carry_out(&request(false), &mut |_| Ok(())).err().unwrap();
        assert_eq!(refused.code, "clock_doubtful");
        assert_eq!(archive.head().unwrap(), head);
        if !is_alone {
            assert!(office.carry_out(&request(true), &mut |_| Ok(())).is_ok());
            assert!(archive.awaits_originals(id_of(1)).unwrap());
        }
    }
}
