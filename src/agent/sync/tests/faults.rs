//! Answers that cannot be used are typed errors, and stopping is prompt whatever hangs.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use yidang_model::{Digest, Subject, SubjectType};

use super::super::{HolderQuery, SyncError, Upstream};
use super::repository::{Fault, Repository};
use super::window::{Window, person, wait_for};

fn query() -> HolderQuery {
    HolderQuery {
        subject: person(),
        basis: "card".into(),
        purpose: None,
        case: None,
        client: "test".into(),
        operator: None,
        kind: None,
        item: None,
        cursor: None,
        limit: 50,
    }
}

#[test]
fn a_dossier_and_its_pictures_come_from_the_repository() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    let answer = window.sync().query(&query()).unwrap();
    assert_eq!(answer.materials, std::slice::from_ref(&stored.material));
    let digest = stored.material.pages[0].image.digest;
    assert_eq!(Digest::of(&window.sync().fetch_blob(&digest, &answer.grant).unwrap()), digest);
    let unknown = window.sync().fetch_blob(&Digest::of(b"?"), &answer.grant);
    assert_eq!(unknown, Err(SyncError::Gone));
    repository.state().grant_ended = true;
    assert_eq!(window.sync().fetch_blob(&digest, &answer.grant), Err(SyncError::Gone));
}

#[test]
fn an_answer_that_cannot_be_used_is_a_typed_error() {
    let repository = Repository::start();
    let window = Window::at_work(&repository);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let cases = [
        (Fault::CutBefore, SyncError::Unreachable),
        (Fault::CutAfter, SyncError::Unreachable),
        (Fault::CutInside, SyncError::Unreachable),
        (Fault::Garbage, SyncError::Protocol),
        (Fault::OtherJson, SyncError::Protocol),
        (Fault::Noise, SyncError::Protocol),
        (Fault::Failed, SyncError::Failed),
        (Fault::Portal, SyncError::Protocol),
        (Fault::Redirect(elsewhere.local_addr().unwrap()), SyncError::Protocol),
        (Fault::TokenInvalid, SyncError::Refused("token_invalid".into())),
        (Fault::Endless, SyncError::Protocol),
    ];
    for (fault, expected) in cases {
        repository.fault("/v1/holders/materials", fault);
        assert_eq!(window.sync().query(&query()).err(), Some(expected), "{fault:?}");
    }
    let followed = elsewhere.accept();
    assert_eq!(followed.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "a redirect was followed");
    assert!(window.sync().query(&query()).is_ok());
}

#[test]
fn a_repository_that_lies_about_a_digest_is_not_believed() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    let digest = stored.material.pages[0].image.digest;
    for fault in [Fault::OtherBytes, Fault::Endless] {
        repository.fault("/v1/blobs", fault);
        assert_eq!(window.sync().fetch_blob(&digest, "g"), Err(SyncError::Protocol), "{fault:?}");
    }
    assert!(window.sync().fetch_blob(&digest, "g").is_ok());
}

#[test]
fn somebody_elses_paper_is_not_shown() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    let stranger = Subject::new(SubjectType::Foreigner, "CAN110081080319").unwrap();
    let other = HolderQuery { subject: stranger, ..query() };
    assert!(window.sync().query(&other).unwrap().materials.is_empty());
    repository.fault("/v1/holders/materials", Fault::Everybody);
    assert_eq!(window.sync().query(&other).err(), Some(SyncError::Protocol));
    repository.fault("/v1/holders/materials", Fault::Everybody);
    assert_eq!(window.sync().query(&query()).unwrap().materials.len(), 1);
}

#[test]
fn a_key_that_is_refused_is_shown_and_nothing_is_lost() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    // The operator has struck this window off.
    repository.state().epoch += 1;
    window.file();
    wait_for("the refusal", || window.last_error().as_deref() == Some("token_invalid"));
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_materials), ("not_enrolled", 1));
    let before = repository.state().requests.clone();
    std::thread::sleep(Duration::from_millis(600));
    // It asks about twice a minute now, not in a circle.
    assert!(repository.state().requests.values().sum::<u32>() <= before.values().sum::<u32>() + 2);
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    window.settled();
    assert_eq!(repository.filed_ids().len(), 2);
}

#[test]
fn a_clerk_does_not_wait_for_an_answer_that_does_not_begin() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    let digest = stored.material.pages[0].image.digest;
    // It would come, and be a good one; but nobody looks at a still picture for that long.
    repository.fault("/v1/holders/materials", Fault::Late { head_ms: 6_000, body_ms: 0 });
    assert_eq!(window.sync().query(&query()).err(), Some(SyncError::Unreachable));
    repository.fault("/v1/blobs", Fault::Late { head_ms: 6_000, body_ms: 0 });
    assert_eq!(window.sync().fetch_blob(&digest, "g"), Err(SyncError::Unreachable));
    // One that has begun is waited for.
    repository.fault("/v1/holders/materials", Fault::Late { head_ms: 0, body_ms: 4_000 });
    assert_eq!(window.sync().query(&query()).unwrap().materials.len(), 1);
}

#[test]
fn stopping_is_prompt_with_a_long_poll_open() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    wait_for("the long poll", || repository.state().requests.get("/v1/feed").copied() >= Some(3));
    let started = Instant::now();
    window.sync = None;
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn stopping_is_prompt_while_a_call_hangs() {
    for route in ["/v1/blobs/missing", "/v1/blobs/", "/v1/commits", "/v1/feed"] {
        let repository = Repository::start();
        let mut window = Window::new(&repository);
        repository.fault(route, Fault::Stall(3_000));
        window.start();
        window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
        window.file();
        wait_for("the call", || repository.state().faults.is_empty());
        let started = Instant::now();
        window.sync = None;
        assert!(started.elapsed() < Duration::from_millis(500), "{route}: {:?}", started.elapsed());
    }
}

#[test]
fn what_hung_goes_on_after_the_cut() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    repository.fault("/v1/commits", Fault::Stall(300));
    let stored = window.file();
    wait_for("the confirmation", || window.sync().is_committed(stored.sequence, stored.material.id));
}
