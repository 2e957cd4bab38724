//! What the repository forgets is forgotten here, and what was forgotten here is never sent.

use serde_json::json;
use yidang_archive::storage::ErasureState;
use yidang_archive::{
    Actor, ErasureRequest, ErasureTarget, HistoryPage, HoldTarget, LiftHold, PlaceHold, Refiling,
};
use yidang_model::{ErasureId, HoldId, MaterialId, Subject, SubjectType};

use super::super::{SyncEvent, Upstream};
use super::repository::{Fault, Repository};
use super::window::{Window, person, wait_for};

const ERASURE: ErasureId = ErasureId::from_bytes([9; 16]);

fn request(target: ErasureTarget) -> ErasureRequest {
    let by = Actor { client: "desk".into(), operator: Some("clerk 7".into()) };
    ErasureRequest {
        id: ERASURE,
        target,
        reason: "asked for".into(),
        by,
        idempotency: None,
        elsewhere_of: Vec::new(),
    }
}

fn history(window: &Window) -> usize {
    window.archive.history(&person(), HistoryPage { before: u64::MAX, limit: 100 }).unwrap().len()
}

#[test]
fn a_request_goes_up_and_its_decision_comes_back() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let gone = window.file();
    let kept = window.file();
    window.settled();
    window.archive.request_erasure(request(ErasureTarget::Material(gone.material.id))).unwrap();
    wait_for("the erasure", || window.archive.erasure(ERASURE).unwrap().unwrap().state == ErasureState::Done);
    assert!(window.archive.material(gone.material.id).unwrap().is_none());
    assert!(window.archive.material(kept.material.id).unwrap().is_some());
    assert!(window.sync().erasure_confirmed(ERASURE));
    let sent = repository.state().erasures[0].clone();
    assert_eq!([&sent["reason"], &sent["operator"], &sent["client"]], ["asked for", "clerk 7", "desk"]);
    let told = SyncEvent::Erased { erasure: ERASURE, materials: vec![gone.material.id] };
    wait_for("the event", || window.events.lock().unwrap().contains(&told));
}

#[test]
fn a_person_forgotten_elsewhere_is_forgotten_here_and_the_request_is_not_sent_back() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    let item = json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [stored.material.id.to_string()],
        "holder": {"type": "resident", "value": "11010519491231002X"}});
    // The first try is cut off in its middle: nothing may be lost by that.
    repository.fault("/v1/feed", Fault::CutInside);
    repository.announce(item);
    wait_for("the erasure", || history(&window) == 0);
    wait_for("the confirmation", || window.sync().erasure_confirmed(ERASURE));
    // Whatever the erasure wrote into the ledger has been looked at once this has arrived.
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert!(repository.state().erasures.is_empty());
    // Carried out once: after a restart the feed goes on behind it.
    window.sync = None;
    window.start();
    let last = window.file();
    wait_for("another paper", || window.sync().is_committed(last.sequence, last.material.id));
    assert_eq!(history(&window), 2);
}

#[test]
fn what_was_forgotten_while_the_repository_was_away_is_not_sent() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let first = window.file();
    window.settled();
    let (address, mut state) = repository.stop();
    let waiting = window.file();
    wait_for("the outage", || window.last_error().is_some());
    state.feed.push(json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [first.material.id.to_string()], "sequence": 1, "previous": 0,
        "holder": {"type": "resident", "value": "11010519491231002X"}}));
    let repository = Repository::start_at(address, state);
    window.sync().wake();
    wait_for("the erasure", || history(&window) == 0);
    window.settled();
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert!(!repository.filed_ids().contains(&waiting.material.id.to_string()));
}

#[test]
fn a_paper_forgotten_between_a_lost_answer_and_its_repetition_does_not_stop_the_others() {
    let repository = Repository::start();
    let mut window = Window::new(&repository);
    let gone = window.file();
    let kept = window.file();
    // Taken, and the answer lost; the machine is off when the paper is forgotten.
    repository.fault("/v1/commits", Fault::CutAfter);
    repository.fault("/v1/feed", Fault::CutBefore);
    window.start();
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the first commit", || repository.state().commits.len() == 1);
    window.sync = None;
    window.archive.erase_now(request(ErasureTarget::Material(gone.material.id))).unwrap();
    window.start();
    wait_for("the confirmation", || window.sync().is_committed(kept.sequence, kept.material.id));
    window.settled();
    assert_eq!(repository.state().commits.len(), 2);
    assert_eq!(
        repository.state().filed.iter().filter(|m| m["id"] == kept.material.id.to_string()).count(),
        1
    );
}

#[test]
fn a_refusal_is_taken_down() {
    let repository = Repository::start();
    repository.state().approves = false;
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    window.archive.request_erasure(request(ErasureTarget::Material(stored.material.id))).unwrap();
    wait_for("the request", || repository.state().erasures.len() == 1);
    repository.announce(json!({"type": "erasure_refused", "erasure": ERASURE.to_string()}));
    wait_for("the refusal", || {
        window.archive.erasure(ERASURE).unwrap().unwrap().state == ErasureState::Refused
    });
    assert!(!window.sync().erasure_confirmed(ERASURE));
    assert_eq!(window.sync().erasure_refusal(ERASURE), None, "the feed says no reason");
    assert!(window.archive.material(stored.material.id).unwrap().is_some());
}

/// A code that a later repository has is a refusal like any other.
#[test]
fn what_is_refused_is_at_an_end_and_says_why_whatever_the_code() {
    for code in ["holds_unproven", "of_a_later_version"] {
        let repository = Repository::start();
        repository.state().denies = true;
        repository.state().denial = Some(code);
        let mut window = Window::at_work(&repository);
        let stored = window.file();
        window.settled();
        window.archive.request_erasure(request(ErasureTarget::Material(stored.material.id))).unwrap();
        wait_for("the refusal", || {
            window.archive.erasure(ERASURE).unwrap().unwrap().state == ErasureState::Refused
        });
        assert_eq!(window.sync().erasure_refusal(ERASURE).as_deref(), Some(code));
        let later = window.file();
        wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    }
}

#[test]
fn a_gap_in_the_feed_is_an_error_and_nothing_behind_it_is_carried_out() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    let item = json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [stored.material.id.to_string()], "holder": null});
    {
        let mut broken = item.clone();
        (broken["sequence"], broken["previous"]) = (3.into(), 2.into());
        repository.state().feed.push(broken);
    }
    repository.announce(item);
    wait_for("the complaint", || window.last_error().as_deref() == Some("repository_protocol"));
    assert!(window.archive.material(stored.material.id).unwrap().is_some());
}

#[test]
fn news_of_a_newer_repository_is_passed_over() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let stored = window.file();
    window.settled();
    repository.announce(json!({"type": "something_new", "from": "a", "to": "b"}));
    repository.announce(json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [stored.material.id.to_string()], "holder": null}));
    wait_for("the erasure", || window.archive.material(stored.material.id).unwrap().is_none());
    assert_eq!(window.last_error(), None);
}

/// It may be put back to before it decided that. One of an earlier version does not understand, and nothing waits for that.
#[test]
fn a_decision_is_told_back_once_however_many_erasures_it_takes_here() {
    for is_older in [false, true] {
        let repository = Repository::start();
        repository.state().is_older = is_older;
        let mut window = Window::at_work(&repository);
        let gone = [window.file(), window.file()].map(|stored| stored.material.id);
        window.settled();
        let decided = json!({"erasure": ERASURE.to_string(), "materials": gone.map(|id| id.to_string()),
            "decided_at": "2026-01-01T08:00:00.125Z", "proof": "ab"});
        let mut item = decided.clone();
        (item["type"], item["shared_kept"]) = ("erased".into(), json!([]));
        repository.announce(item);
        wait_for("the erasure", || history(&window) == 0);
        let later = window.file();
        wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
        let mut expected = decided;
        expected["id"] = expected["erasure"].take();
        expected["type"] = "erased".into();
        expected.as_object_mut().unwrap().remove("erasure");
        assert_eq!(repository.state().told_erased, [expected]);
        assert!(repository.state().erasures.is_empty(), "nobody here asked for it");
        assert_eq!(window.last_error(), None);
    }
}

/// Another window filed it first, and a dossier shows it under that name.
#[test]
fn what_was_filed_here_too_goes_with_the_name_that_it_has_elsewhere() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let own = window.file().material.id;
    window.settled();
    let shown = MaterialId::from_bytes([7; 16]);
    let asked = ErasureRequest { elsewhere_of: vec![person()], ..request(ErasureTarget::Material(shown)) };
    repository.state().approves = false;
    window.archive.request_erasure(asked).unwrap();
    wait_for("the request", || repository.state().erasures.len() == 1);
    repository.announce(json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [own.to_string(), shown.to_string()]}));
    wait_for("the erasure", || window.archive.is_erased(own).unwrap());
    assert!(window.archive.is_erased(shown).unwrap());
    let later = window.file();
    wait_for("the next paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert_eq!(repository.state().erasures.len(), 1, "nothing of it is sent back");
}

/// It is said to be here alone, and offered to nobody, as what has one name is.
#[test]
fn what_has_two_names_and_waits_for_a_hold_is_here_alone() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let own = window.file().material.id;
    window.settled();
    let hold = PlaceHold {
        id: HoldId::from_bytes([1; 16]),
        target: HoldTarget::Material(own),
        reason: "order 7".into(),
        case: None,
        by: Actor { client: "desk".into(), operator: Some("clerk 7".into()) },
        decided_elsewhere: false,
    };
    window.archive.place_hold(hold.clone()).unwrap();
    let shown = MaterialId::from_bytes([7; 16]);
    repository.announce(json!({"type": "erased", "erasure": ERASURE.to_string(), "shared_kept": [],
        "materials": [shown.to_string(), own.to_string()]}));
    wait_for("it waits", || window.archive.is_held_here_alone(own).unwrap());
    let lift = LiftHold { id: hold.id, reason: "order 9".into(), by: hold.by, decided_elsewhere: false };
    window.archive.lift_hold(lift).unwrap();
    assert!(window.archive.is_erased(own).unwrap());
}

/// Nothing of an erasure that comes once more, or of one that the repository itself does not know any more, says that it was not about
/// the person from whom the paper was taken here.
#[test]
fn what_was_put_right_here_stays_where_nobody_knows_whom_an_erasure_was_about() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let papers = [window.file(), window.file(), window.file()].map(|stored| stored.material.id);
    window.settled();
    let other = Subject::new(SubjectType::Passport, "E00000000").unwrap();
    for id in &papers[..2] {
        let refiling = Refiling {
            id: *id,
            holders: Some(vec![other.clone()]),
            kind: None,
            case: None,
            reason: "another's".into(),
            by: Actor { client: "desk".into(), operator: None },
            idempotency: None,
            decided_elsewhere: false,
            only_at: None,
        };
        window.archive.refile(refiling).unwrap();
    }
    window.settled();
    for (number, named) in [(1, &papers[..1]), (2, &papers[..])] {
        let names: Vec<String> = named.iter().map(MaterialId::to_string).collect();
        let erasure = ErasureId::from_bytes([number; 16]).to_string();
        repository
            .announce(json!({"type": "erased", "erasure": erasure, "shared_kept": [], "materials": names}));
    }
    wait_for("what was not put right", || window.archive.is_erased(papers[2]).unwrap());
    for id in &papers[..2] {
        assert!(window.archive.material(*id).unwrap().is_some());
    }
    let erasure = ErasureId::from_bytes([3; 16]).to_string();
    repository.announce(json!({"type": "erased", "erasure": erasure, "shared_kept": [], "decided_at": "2026-01-01T08:00:00.125Z",
        "materials": [papers[0].to_string()], "proof": "ab"}));
    wait_for("what was decided about itself", || window.archive.is_erased(papers[0]).unwrap());
}
