//! A code that was given beforehand serves whenever the repository comes, or says why it does not.

use std::net::TcpListener;

use super::super::{SyncError, Upstream};
use super::repository::{Fault, Repository};
use super::window::{Window, wait_for};

/// A window that knows a repository which is not there yet.
fn before_the_repository() -> (Window, std::net::SocketAddr) {
    let repository = Repository::start();
    let window = Window::new(&repository);
    let (address, _) = repository.stop();
    // Until the port is free, something else would answer there.
    wait_for("the port", || TcpListener::bind(address).is_ok());
    (window, address)
}

#[test]
fn a_code_is_tried_until_the_repository_is_there() {
    let (mut window, address) = before_the_repository();
    window.start();
    window.sync().enrol_in_time("GOOD-CODE", "counter-1").unwrap();
    let stored = window.file();
    assert_eq!(window.sync().enrolled(), Err(SyncError::NotEnrolled));
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_materials), ("not_enrolled", 1));
    assert_eq!(status.last_error.as_deref(), Some("repository_unreachable"));
    let repository = Repository::start_at(address, Default::default());
    wait_for("the confirmation", || window.sync().is_committed(stored.sequence, stored.material.id));
    assert_eq!((window.last_error(), repository.state().epoch), (None, 1));
    window.settled();
    // Enrolled, it needs no code any more.
    window.sync = None;
    window.start();
    window.sync().enrol_in_time("GOOD-CODE", "counter-1").unwrap();
    window.file();
    window.settled();
    assert_eq!(repository.state().epoch, 1);
}

#[test]
fn whatever_is_in_the_way_of_an_enrolment_is_waited_out() {
    let repository = Repository::start();
    for fault in [Fault::CutBefore, Fault::Failed, Fault::Portal, Fault::Noise] {
        repository.fault("/v1/agents/enrol", fault);
    }
    let mut window = Window::new(&repository);
    window.start();
    window.sync().enrol_in_time("GOOD-CODE", "counter-1").unwrap();
    wait_for("the enrolment", || window.sync().enrolled().is_ok());
    repository.state().enrols_with = Some(429);
    let mut window = Window::new(&repository);
    window.start();
    window.sync().enrol_in_time("GOOD-CODE", "counter-1").unwrap();
    assert_eq!(window.last_error().as_deref(), Some("too_many"));
    repository.state().enrols_with = None;
    window.sync().wake();
    wait_for("the enrolment", || window.sync().enrolled().is_ok());
}

#[test]
fn a_code_that_is_refused_is_named_and_not_tried_again() {
    let repository = Repository::start();
    let mut window = Window::new(&repository);
    window.start();
    window.sync().enrol_in_time("SPENT", "counter-1").unwrap();
    wait_for("the refusal", || window.last_error().as_deref() == Some("code_spent"));
    let stored = window.file();
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_materials), ("not_enrolled", 1));
    window.sync().wake();
    window.sync().wake();
    assert_eq!(window.sync().enrol("SPENT", "counter-1"), Err(SyncError::Refused("code_spent".into())));
    assert_eq!(repository.state().requests["/v1/agents/enrol"], 2, "the first, and the one by hand");
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    assert_eq!(window.last_error(), None);
    wait_for("the confirmation", || window.sync().is_committed(stored.sequence, stored.material.id));
}

#[test]
fn stopping_is_prompt_while_an_enrolment_is_tried() {
    let (mut window, address) = before_the_repository();
    window.start();
    window.sync().enrol_in_time("GOOD-CODE", "counter-1").unwrap();
    let started = std::time::Instant::now();
    window.sync = None;
    assert!(started.elapsed() < std::time::Duration::from_millis(500), "{:?}", started.elapsed());
    // And nobody enrols behind its back.
    let repository = Repository::start_at(address, Default::default());
    window.start();
    assert_eq!(window.sync().enrolled(), Err(SyncError::NotEnrolled));
    assert_eq!(repository.state().epoch, 0);
}
