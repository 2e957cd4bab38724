//! Asking the repository that something be forgotten: papers held elsewhere, refusals, and asking twice.

use serde_json::json;
use yidang_archive::storage::ErasureState;
use yidang_archive::{Actor, ArchiveError, Erasure, ErasureRequest, ErasureTarget, Look, LookVerb};
use yidang_model::{Digest, ErasureId, MaterialId, Subject, SubjectType};

use super::super::Upstream;
use super::repository::Repository;
use super::window::{Window, person, wait_for};

fn erasure_id(number: u8) -> ErasureId {
    ErasureId::from_bytes([number; 16])
}

/// A request for something that an open dossier of the person showed.
fn request(number: u8, target: ErasureTarget) -> ErasureRequest {
    ErasureRequest {
        id: erasure_id(number),
        target,
        reason: "asked for".into(),
        by: Actor { client: "test".into(), operator: None },
        idempotency: None,
        elsewhere_of: vec![person()],
    }
}

fn erasure(window: &Window, number: u8) -> Erasure {
    window.archive.erasure(erasure_id(number)).unwrap().unwrap()
}

fn done(window: &Window, number: u8) -> Erasure {
    wait_for("the erasure", || erasure(window, number).state == ErasureState::Done);
    erasure(window, number)
}

/// A paper that another window has brought to the repository.
fn filed_elsewhere(repository: &Repository) -> MaterialId {
    let mut other = Window::at_work(repository);
    other.drawn = 1000;
    let stored = other.file();
    other.settled();
    stored.material.id
}

#[test]
fn a_paper_held_elsewhere_is_asked_for_and_its_decision_comes_back() {
    let repository = Repository::start();
    let id = filed_elsewhere(&repository);
    let window = Window::at_work(&repository);
    let mut unseen = request(1, ErasureTarget::Material(id));
    unseen.elsewhere_of.clear();
    assert_eq!(window.archive.request_erasure(unseen).unwrap_err(), ArchiveError::MaterialUnknown);
    let asked = window.archive.request_erasure(request(1, ErasureTarget::Material(id))).unwrap();
    assert_eq!(asked.state, ErasureState::Requested);
    let done = done(&window, 1);
    assert_eq!((&done.materials[..], done.reason.as_deref()), (&[id][..], Some("asked for")));
    assert_eq!(repository.state().erasures[0]["reason"], "asked for");
    assert!(repository.state().filed.is_empty());
    assert!(window.archive.is_erased(id).unwrap());
    let again = window.archive.request_erasure(request(2, ErasureTarget::Material(id)));
    assert_eq!(again.unwrap_err(), ArchiveError::MaterialErased);
}

#[test]
fn a_person_whose_papers_are_elsewhere_is_forgotten_and_the_answer_names_what_went() {
    let repository = Repository::start();
    let id = filed_elsewhere(&repository);
    let kept = Digest::of(b"someone else's paper too");
    repository.state().shared_kept = vec![kept.to_string()];
    let window = Window::at_work(&repository);
    window.archive.request_erasure(request(1, ErasureTarget::Holder(person()))).unwrap();
    let done = done(&window, 1);
    assert_eq!((&done.materials[..], &done.shared_kept[..]), (&[id][..], &[kept][..]));
    assert_eq!((done.target, done.reason), (None, None), "the request is forgotten with the person");
    assert!(window.archive.is_erased(id).unwrap(), "it can never come here");
    assert!(window.sync().erasure_confirmed(erasure_id(1)));
    assert_eq!(window.archive.stats().unwrap().holders, 0);
}

#[test]
fn a_denied_request_is_refused_here_and_nothing_waits_for_it() {
    let repository = Repository::start();
    let id = filed_elsewhere(&repository);
    repository.state().denies = true;
    let mut window = Window::at_work(&repository);
    let own = window.file();
    for (number, target) in [(1, ErasureTarget::Material(id)), (2, ErasureTarget::Holder(person()))] {
        window.archive.request_erasure(request(number, target)).unwrap();
    }
    let later = window.file();
    wait_for("the later paper", || window.sync().is_committed(later.sequence, later.material.id));
    for number in [1, 2] {
        wait_for("the refusal", || erasure(&window, number).state == ErasureState::Refused);
        assert!(!window.sync().erasure_confirmed(erasure_id(number)));
    }
    assert!(window.archive.material(own.material.id).unwrap().is_some());
    assert!(!window.archive.is_erased(id).unwrap());
    assert_eq!(repository.state().filed.len(), 3);
    // Asked again on a ground, it is another request.
    repository.state().denies = false;
    window.archive.request_erasure(request(3, ErasureTarget::Holder(person()))).unwrap();
    done(&window, 3);
}

#[test]
fn a_request_made_while_the_repository_is_away_arrives_later() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let own = window.file();
    window.settled();
    let (address, state) = repository.stop();
    window.archive.request_erasure(request(1, ErasureTarget::Material(own.material.id))).unwrap();
    wait_for("the outage", || window.last_error().is_some());
    assert_eq!(erasure(&window, 1).state, ErasureState::Requested);
    window.sync = None;
    window.start();
    let repository = Repository::start_at(address, state);
    window.sync().wake();
    assert_eq!(done(&window, 1).materials, [own.material.id]);
    assert_eq!(repository.state().erasures.len(), 1);
}

#[test]
fn the_same_thing_asked_for_twice_is_forgotten_once_and_both_are_done() {
    let repository = Repository::start();
    repository.state().approves = false;
    let mut window = Window::at_work(&repository);
    let own = window.file();
    window.settled();
    for number in [1, 2] {
        window.archive.request_erasure(request(number, ErasureTarget::Material(own.material.id))).unwrap();
        window.archive.request_erasure(request(number + 2, ErasureTarget::Holder(person()))).unwrap();
    }
    wait_for("the requests", || repository.state().erasures.len() == 4);
    let holder = json!({"type": "resident", "value": person().value()});
    for (number, holder) in [(1, json!(null)), (2, json!(null)), (3, holder.clone()), (4, holder)] {
        repository.announce(json!({"type": "erased", "erasure": erasure_id(number).to_string(),
            "shared_kept": [], "materials": [own.material.id.to_string()], "holder": holder}));
    }
    for number in 1..=4 {
        done(&window, number);
    }
    assert!(window.archive.material(own.material.id).unwrap().is_none());
    assert_eq!(window.last_error(), None);
}

#[test]
fn a_window_that_was_off_for_long_carries_everything_out_that_it_missed() {
    const ITEMS: u32 = 130;
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    let own = window.file();
    window.settled();
    let looked = Subject::new(SubjectType::Provisional, "P-3").unwrap();
    let look = Look {
        verb: LookVerb::Looked,
        who: vec![looked],
        materials: Vec::new(),
        basis: "card".into(),
        purpose: None,
        case: None,
        by: Actor { client: "test".into(), operator: None },
        idempotency: None,
    };
    window.archive.record(look).unwrap();
    window.sync = None;
    for number in 0..ITEMS {
        let mut id = [3; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let id = ErasureId::from_bytes(id).to_string();
        // People nobody filed for here, one who was looked at, papers that never were here, and an own one.
        let item = match number {
            50 => json!({"holder": null, "materials": [own.material.id.to_string()]}),
            n if n % 3 == 0 => {
                json!({"holder": {"type": "provisional", "value": format!("P-{n}")}, "materials": []})
            }
            _ => json!({"holder": null, "materials": [id]}),
        };
        let mut item = item;
        (item["type"], item["erasure"], item["shared_kept"]) = ("erased".into(), id.into(), json!([]));
        repository.announce(item);
    }
    window.start();
    let later = window.file();
    wait_for("the later paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert!(window.archive.material(own.material.id).unwrap().is_none());
    assert_eq!(
        window.archive.stats().unwrap().holders,
        1,
        "of the two, the one who was only looked at is gone"
    );
    assert!(repository.state().erasures.is_empty(), "none is asked for again");
    assert_eq!(window.last_error(), None);
}

#[test]
fn what_was_forgotten_alone_stays_forgotten_whatever_the_repository_says() {
    for denies in [false, true] {
        let repository = Repository::start();
        repository.state().denies = denies;
        let mut window = Window::new(&repository);
        let gone = window.file();
        let kept = window.file();
        let alone = request(1, ErasureTarget::Material(gone.material.id));
        window.archive.erase_now(alone).unwrap();
        window.start();
        window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
        wait_for("the other paper", || window.sync().is_committed(kept.sequence, kept.material.id));
        let later = window.file();
        wait_for("the later paper", || window.sync().is_committed(later.sequence, later.material.id));
        assert_eq!(erasure(&window, 1).state, ErasureState::Done);
        assert!(window.archive.is_erased(gone.material.id).unwrap());
        assert!(!repository.filed_ids().contains(&gone.material.id.to_string()), "it never left");
        // A tombstone there keeps it from coming by another way, where the repository takes the request.
        assert_eq!(repository.state().erasures.len(), usize::from(!denies));
        assert_eq!(window.last_error(), None);
    }
}
