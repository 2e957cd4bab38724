//! What is put right here is put right at the repository, and the other way round; and nobody is told whose a paper
//! was thought to be.

use serde_json::json;
use yidang_archive::{Actor, HistoryPage, Refiling, Stored};
use yidang_model::{Subject, SubjectType};

use super::super::SyncEvent;
use super::super::Upstream;
use super::super::source::{Place, Source};
use super::repository::{Fault, Repository, number};
use super::window::{Window, person, wait_for};

fn other() -> Subject {
    Subject::new(SubjectType::Provisional, "P-2002").unwrap()
}

fn put_right(window: &Window, paper: &Stored) -> Stored {
    let by = Actor { client: "desk".into(), operator: Some("n".repeat(120)) };
    let refiling = Refiling {
        id: paper.material.id,
        holders: Some(vec![other()]),
        kind: None,
        case: None,
        reason: "wrong card".into(),
        by,
        idempotency: None,
        decided_elsewhere: false,
        only_at: None,
    };
    window.archive.refile(refiling).unwrap()
}

fn history(window: &Window, who: &Subject) -> usize {
    window.archive.history(who, HistoryPage { before: u64::MAX, limit: 100 }).unwrap().len()
}

#[test]
fn what_is_put_right_here_goes_up_once() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let paper = window.file();
    window.settled();
    repository.fault("/v1/commits", Fault::CutInside);
    let right = put_right(&window, &paper);
    wait_for("the refiling", || window.sync().is_committed(right.sequence, right.material.id));
    let state = repository.state();
    assert_eq!(state.refiled.len(), 1);
    let sent = &state.refiled[0];
    assert_eq!((&sent["id"], &sent["reason"]), (&json!(right.material.id.to_string()), &json!("wrong card")));
    assert_eq!(sent["holders"], json!([{"type": "provisional", "value": "P-2002"}]));
    assert_eq!(sent["kind"], right.material.kind.as_str());
    // The ledger here takes longer names than the wire, which must not refuse for that.
    assert_eq!((&sent["client"], &sent["operator"]), (&json!("desk"), &json!("n".repeat(100))));
}

#[test]
fn a_paper_put_right_before_it_is_sent_is_sent_as_it_is() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let first = window.file();
    window.settled();
    let (address, state) = repository.stop();
    let paper = window.file();
    let right = put_right(&window, &paper);
    let repository = Repository::start_at(address, state);
    wait_for("both", || window.sync().is_committed(right.sequence, right.material.id));
    let state = repository.state();
    assert_eq!(state.filed.len(), 2);
    assert_eq!(state.filed[0]["id"], json!(first.material.id.to_string()));
    assert_eq!(state.filed[1]["holders"], json!([{"type": "provisional", "value": "P-2002"}]));
}

#[test]
fn what_is_put_right_elsewhere_is_put_right_here_and_not_sent_back() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let paper = window.file();
    window.settled();
    let id = paper.material.id;
    let now = json!({"holders": [{"type": "provisional", "value": "P-2002"}], "kind": "form", "case": "K2"});
    let elsewhere = "ab".repeat(16);
    // The first try is cut off in its middle: nothing may be lost by that.
    repository.fault("/v1/feed", Fault::CutInside);
    repository.announce(json!({"type": "refiled", "materials": [id.to_string(), elsewhere], "now": now}));
    wait_for("the refiling", || history(&window, &other()) == 1);
    let here = window.archive.material(id).unwrap().unwrap().material;
    assert_eq!((here.kind.as_str(), here.case.as_deref()), ("form", Some("K2")));
    assert_eq!(history(&window, &person()), 0);
    let told = SyncEvent::Refiled { materials: vec![id, elsewhere.parse().unwrap()] };
    wait_for("the event", || window.events.lock().unwrap().contains(&told));
    // Those who were only shown it have nothing to put right.
    repository.announce(json!({"type": "refiled", "materials": [id.to_string()], "now": null}));
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert_eq!(repository.state().refiled, Vec::<serde_json::Value>::new());
    // What it announced is carried out once: a restart goes on behind it.
    let head = window.archive.head().unwrap();
    window.sync = None;
    window.start();
    let last = window.file();
    wait_for("another paper", || window.sync().is_committed(last.sequence, last.material.id));
    assert_eq!(window.archive.head().unwrap(), head + 2, "one set and one paper");
}

#[test]
fn a_clerk_who_puts_a_paper_right_between_the_look_and_the_repositorys_word_has_the_last_one() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let paper = window.file();
    window.settled();
    let source: &dyn Source = &window.archive.clone();
    let id = paper.material.id;
    let third = Subject::new(SubjectType::Provisional, "P-3003").unwrap();
    let place = Place { holders: vec![third], kind: paper.material.kind.clone(), case: None };
    let seen = source.stands_by(id).unwrap().unwrap();
    assert!(!seen.put_right_here);
    let right = put_right(&window, &paper);
    assert!(!source.refile(id, place.clone(), seen.sequence).unwrap(), "it has changed meanwhile");
    assert_eq!(window.archive.material(id).unwrap().unwrap(), right);
    let now = source.stands_by(id).unwrap().unwrap();
    assert_eq!((now.sequence, now.put_right_here), (right.sequence, true));
    assert!(source.refile(id, place.clone(), now.sequence).unwrap());
    assert_eq!(window.archive.material(id).unwrap().unwrap().material.holders, place.holders);
}

#[test]
fn an_earlier_refiling_come_back_does_not_undo_a_later_one() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let paper = window.file();
    window.settled();
    let id = paper.material.id.to_string();
    let (address, mut state) = repository.stop();
    let right = put_right(&window, &paper);
    // An earlier one of this window's, told while the later one has not been sent.
    let now = json!({"holders": [{"type": "provisional", "value": "P-3003"}], "kind": "form", "case": "K2"});
    let mut news = json!({"type": "refiled", "materials": [id], "now": now});
    number(&mut state, &mut news);
    state.feed.push(news);
    // It is told at the latest between the first try to send the later one and the last.
    state.faults.extend([("/v1/commits", Fault::CutBefore), ("/v1/commits", Fault::CutBefore)]);
    let repository = Repository::start_at(address, state);
    wait_for("the refiling", || window.sync().is_committed(right.sequence, right.material.id));
    let told = SyncEvent::Refiled { materials: vec![paper.material.id] };
    wait_for("the news", || window.events.lock().unwrap().contains(&told));
    assert_eq!(repository.state().refiled[0]["holders"], json!([{"type": "provisional", "value": "P-2002"}]));
    // The later one comes back as well, and has the last word.
    let now = json!({"holders": [{"type": "provisional", "value": "P-2002"}], "kind": "form", "case": "K1"});
    repository.announce(json!({"type": "refiled", "materials": [id], "now": now}));
    wait_for("the last word", || history(&window, &other()) == 1);
}
