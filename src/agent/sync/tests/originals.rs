//! Originals whose term is over go when the repository has decided it, and stay where it does not.

use serde_json::json;
use yidang_archive::{Actor, ArchiveError, Disposal, DuePaper, Refiling, Stored};
use yidang_model::Kind;

use super::super::Upstream;
use super::repository::{Fault, Repository, number};
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

fn put_right(window: &Window, paper: &Stored, kind: &str) -> Stored {
    let refiling = Refiling {
        id: paper.material.id,
        holders: None,
        kind: Some(Kind::new(kind).unwrap()),
        case: None,
        reason: "wrong kind".into(),
        by: Actor { client: "test".into(), operator: None },
        idempotency: None,
        decided_elsewhere: false,
        only_at: None,
    };
    window.archive.refile(refiling).unwrap()
}

#[test]
fn what_was_put_right_here_has_the_term_of_what_it_is_now() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let papers = [window.file(), window.file(), window.file()];
    window.settled();
    let (address, mut state) = repository.stop();
    // Decided for another window, before it can hear that two are something else.
    for paper in &papers {
        let kind = "household_register";
        let mut news =
            json!({"type": "originals_disposed", "materials": [paper.material.id.to_string()], "kind": kind});
        number(&mut state, &mut news);
        state.feed.push(news);
    }
    // An older repository does not say what it was decided about.
    let mut bare = json!({"type": "originals_disposed", "materials": [papers[1].material.id.to_string()]});
    number(&mut state, &mut bare);
    state.feed.push(bare);
    let right = put_right(&window, &papers[0], "form");
    put_right(&window, &papers[1], "letter");
    let repository = Repository::start_at(address, state);
    wait_for("the untouched one's end", || is_gone(&window, &papers[2]));
    wait_for("both refilings", || repository.state().refiled.len() == 2);
    window.settled();
    assert!(!is_gone(&window, &papers[0]) && !is_gone(&window, &papers[1]));
    // Decided about what it is now, they go.
    repository.announce(
        json!({"type": "originals_disposed", "materials": [right.material.id.to_string()], "kind": "form"}),
    );
    wait_for("the end of what was put right", || is_gone(&window, &papers[0]));
    assert!(!is_gone(&window, &papers[1]));
}

#[test]
fn a_window_that_lost_its_records_asks_for_nothing_but_what_is_open() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let (gone, kept, open) = (window.file(), window.file(), window.file());
    window.settled();
    assert_eq!(ask(&window, &[&gone]), 1);
    wait_for("the originals' end", || is_gone(&window, &gone));
    repository.state().is_older = true;
    assert_eq!(ask(&window, &[&kept]), 1);
    wait_for("the refusal", || !window.archive.awaits_originals(kept.material.id).unwrap());
    window.settled();
    repository.state().is_older = false;
    window.sync = None;
    assert_eq!(ask(&window, &[&open]), 1);
    let state_db = window.options.state_db.clone();
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", state_db.display()));
    }
    let head = window.archive.head().unwrap();
    window.start();
    // Numbers that it does not know any more would contradict each other.
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the open one's end", || is_gone(&window, &open));
    window.settled();
    assert!(!is_gone(&window, &kept), "it was refused");
    let asked: Vec<String> =
        repository.state().originals.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(asked, [&gone, &open].map(|paper| paper.material.id.to_string()), "each once");
    assert_eq!(window.archive.head().unwrap(), head + 1, "nothing is entered but the end of the open one");
    assert!(window.archive.verify(&mut |_, _| {}).unwrap().is_clean());
}
