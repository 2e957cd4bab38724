//! Originals whose term is over go when the repository has decided it, and stay where it does not.

use serde_json::json;
use yidang_archive::{Actor, ArchiveError, Disposal, DuePaper, Stored};

use super::super::Upstream;
use super::repository::{Fault, Repository};
use super::window::{Window, wait_for};

fn ask(window: &Window, papers: &[&Stored]) -> usize {
    let due = |stored: &&Stored| DuePaper { id: stored.material.id, stands_by: stored.sequence };
    let by = Actor { client: "test".into(), operator: Some("Operator Ng".into()) };
    window.archive.request_originals(Disposal { papers: papers.iter().map(due).collect(), by }).unwrap().len()
}

fn is_gone(window: &Window, stored: &Stored) -> bool {
    let original = stored.material.pages[0].original.digest;
    window.archive.blob(stored.material.id, &original) == Err(ArchiveError::OriginalDisposed)
}

#[test]
fn a_request_goes_up_and_the_originals_go_with_its_answer() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let (first, other) = (window.file(), window.file());
    window.settled();
    // Taken, and the answer lost; then the news are cut off: both come again.
    repository.fault("/v1/commits", Fault::CutAfter);
    repository.fault("/v1/feed", Fault::CutInside);
    assert_eq!(ask(&window, &[&first]), 1);
    wait_for("the originals' end", || is_gone(&window, &first));
    assert!(!is_gone(&window, &other));
    let sent = repository.state().originals.clone();
    assert_eq!((sent.len(), &sent[0]["kind"]), (1, &json!("household_register")));
    assert_eq!(sent[0]["id"], json!(first.material.id.to_string()));
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert_eq!(window.last_error(), None);
    assert!(window.archive.verify(&mut |_, _| {}).unwrap().is_clean());
}

#[test]
fn an_older_repository_keeps_them_and_so_does_the_window() {
    let repository = Repository::start();
    repository.state().is_older = true;
    let mut window = Window::at_work(&repository);
    let first = window.file();
    assert_eq!(ask(&window, &[&first]), 1);
    wait_for("the refusal", || !window.archive.awaits_originals(first.material.id).unwrap());
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert!(!is_gone(&window, &first) && repository.state().originals.is_empty());
    // Updated, it is asked again.
    repository.state().is_older = false;
    assert_eq!(ask(&window, &[&first]), 1);
    wait_for("the originals' end", || is_gone(&window, &first));
}

#[test]
fn a_request_made_while_the_repository_is_away_arrives_behind_its_paper() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.settled();
    let (address, state) = repository.stop();
    let first = window.file();
    assert_eq!(ask(&window, &[&first]), 1);
    wait_for("the outage", || window.last_error().is_some());
    assert!(!is_gone(&window, &first), "nothing goes before it is decided");
    window.sync = None;
    window.start();
    let repository = Repository::start_at(address, state);
    window.sync().wake();
    wait_for("the originals' end", || is_gone(&window, &first));
    let original = first.material.pages[0].original.digest.to_string();
    assert!(repository.state().blobs.contains_key(&original), "it had them when it decided");
    window.settled();
}
