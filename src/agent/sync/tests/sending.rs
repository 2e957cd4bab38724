//! What is filed arrives: once, in order, with its pictures, whatever happens on the way.

use std::time::{Duration, Instant};

use yidang_archive::{Actor, ErasureRequest, ErasureTarget, Stored};
use yidang_model::{ErasureId, MaterialId, Origin};

use super::super::{SyncError, SyncEvent, Upstream};
use super::repository::{Fault, Repository};
use super::window::{Window, wait_for};

#[test]
fn a_paper_is_at_the_repository_a_moment_after_it_was_filed() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    let mut times = Vec::new();
    for _ in 0..20 {
        let stored = window.file();
        let filed = Instant::now();
        let id = stored.material.id.to_string();
        wait_for("the paper", || repository.filed_ids().contains(&id));
        times.push(filed.elapsed());
        wait_for("the confirmation", || window.sync().is_committed(stored.sequence, stored.material.id));
        for page in &stored.material.pages {
            for image in [&page.image, &page.original] {
                assert!(repository.state().blobs.contains_key(&image.digest.to_string()));
            }
        }
    }
    times.sort();
    assert!(times[10] < Duration::from_millis(500), "{times:?}");
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_bytes, status.last_error), ("connected", 0, None));
    assert!(status.last_contact_at.is_some());
}

#[test]
fn everything_filed_while_the_repository_was_away_arrives_in_order() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    let (address, state) = repository.stop();
    let ids: Vec<_> = (0..30).map(|_| window.file().material.id.to_string()).collect();
    wait_for("the outage", || window.last_error().as_deref() == Some("repository_unreachable"));
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_materials), ("unreachable", 30));
    assert_eq!(status.backlog_bytes, 30 * 2 * 3008);
    let repository = Repository::start_at(address, state);
    window.sync().wake();
    window.settled();
    assert_eq!(repository.filed_ids()[1..], ids);
    wait_for("good news", || window.last_error().is_none());
}

#[test]
fn nothing_is_lost_or_doubled_under_faults_and_restarts() {
    for seed in [1, 2, 3, 4] {
        let repository = Repository::start();
        let mut window = Window::at_work(&repository);
        {
            let mut state = repository.state();
            (state.one_in, state.dice) = (4, seed);
        }
        let mut ids = Vec::new();
        for n in 0..24 {
            ids.push(window.file().material.id.to_string());
            if n % 6 == 5 {
                window.sync = None;
                window.start();
            }
            window.sync().wake();
        }
        let started = Instant::now();
        while window.sync().status().backlog_materials > 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "seed {seed} does not come to an end");
            window.sync().wake();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(repository.filed_ids(), ids, "seed {seed}");
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_under_the_same_number() {
    for fault in [Fault::CutAfter, Fault::CutInside] {
        let repository = Repository::start();
        let mut window = Window::at_work(&repository);
        repository.fault("/v1/commits", fault);
        window.file();
        window.settled();
        let state = repository.state();
        assert_eq!((state.filed.len(), state.commits.len()), (1, 1));
        assert_eq!(state.requests["/v1/commits"], 2);
    }
}

#[test]
fn a_refused_paper_is_remembered_and_does_not_stop_the_others() {
    let repository = Repository::start();
    repository.state().refuse_simulated = true;
    let mut window = Window::at_work(&repository);
    let refused = window.file_as(Origin::Simulated);
    let taken = window.file();
    wait_for("the confirmation", || window.sync().is_committed(taken.sequence, taken.material.id));
    assert_eq!(repository.filed_ids(), [taken.material.id.to_string()]);
    assert!(!window.sync().is_committed(refused.sequence, refused.material.id));
    assert_eq!(window.sync().rejected(refused.material.id).unwrap().as_deref(), Some("simulated_refused"));
    let told = SyncEvent::Rejected { material: refused.material.id, code: "simulated_refused".to_owned() };
    assert!(window.events.lock().unwrap().contains(&told));
    is_refused(&window, 1, "simulated_refused");
    // Erased here, it is nowhere, and nothing is left to be sent.
    forget(&window, &refused);
    wait_for("the erasure", || window.sync().status().backlog_materials == 0);
    assert_eq!(window.last_error(), None);
}

/// So many papers of a page and its original each will not go, for this reason.
fn is_refused(window: &Window, papers: u64, code: &str) {
    wait_for("the refusal", || {
        let status = window.sync().status();
        let counted = (status.backlog_materials, status.backlog_bytes) == (papers, papers * 2 * 3008);
        counted && status.repository == "connected" && status.last_error.as_deref() == Some(code)
    });
}

fn forget(window: &Window, stored: &Stored) {
    let request = ErasureRequest {
        id: ErasureId::from_bytes(*stored.material.id.as_bytes()),
        target: ErasureTarget::Material(stored.material.id),
        reason: "asked for".into(),
        by: Actor { client: "test".into(), operator: None },
        idempotency: None,
        elsewhere_of: Vec::new(),
    };
    window.archive.erase_now(request).unwrap();
}

#[test]
fn a_refused_paper_waits_through_restarts_until_the_repository_takes_it() {
    let repository = Repository::start();
    repository.state().refuse_simulated = true;
    let mut window = Window::at_work(&repository);
    let refused: Vec<_> = (0..3).map(|_| window.file_as(Origin::Simulated)).collect();
    let taken = window.file();
    is_refused(&window, 3, "simulated_refused");
    for _ in 0..2 {
        window.sync = None;
        let offered = repository.state().requests["/v1/commits"];
        window.start();
        wait_for("another try", || repository.state().requests["/v1/commits"] > offered);
        is_refused(&window, 3, "simulated_refused");
        assert!(!window.sync().is_committed(refused[0].sequence, refused[0].material.id));
    }
    // Nothing of one that was erased meanwhile is offered.
    window.sync = None;
    forget(&window, &refused[1]);
    repository.state().refuse_simulated = false;
    window.start();
    window.settled();
    for stored in [&refused[0], &refused[2], &taken] {
        let committed = || window.sync().is_committed(stored.sequence, stored.material.id);
        wait_for("the confirmation", committed);
    }
    let ids = [&taken, &refused[0], &refused[2]].map(|s| s.material.id.to_string());
    assert_eq!(repository.filed_ids(), ids, "each once");
    assert_eq!(window.last_error(), None);
    // Once it is there it is not offered again. The request to forget goes up too, and comes before this one.
    let behind = window.file();
    wait_for("the next paper", || window.sync().is_committed(behind.sequence, behind.material.id));
    let offered = repository.state().commits.len();
    window.sync = None;
    window.start();
    let later = window.file();
    wait_for("the later paper", || window.sync().is_committed(later.sequence, later.material.id));
    assert_eq!(repository.state().commits.len(), offered + 1);
}

#[test]
fn a_paper_erased_while_it_was_being_refused_is_not_counted() {
    let repository = Repository::start();
    repository.state().refuse_simulated = true;
    let mut window = Window::at_work(&repository);
    repository.fault("/v1/commits", Fault::Late { head_ms: 300, body_ms: 0 });
    let refused = window.file_as(Origin::Simulated);
    wait_for("the commit", || repository.state().commits.len() == 1);
    forget(&window, &refused);
    // Counts the erasure before the answer is there.
    assert_eq!(window.sync().status().backlog_materials, 1);
    window.settled();
    let later = window.file();
    wait_for("the later paper", || window.sync().is_committed(later.sequence, later.material.id));
    window.settled();
    assert_eq!(window.last_error(), None);
}

#[test]
fn a_reason_that_is_no_code_is_not_passed_on() {
    let repository = Repository::start();
    repository.state().refuse_simulated = true;
    repository.state().refusal = Some("it is about Zhang San".to_owned());
    let mut window = Window::at_work(&repository);
    window.file_as(Origin::Simulated);
    is_refused(&window, 1, "repository_refused");
}

#[test]
fn a_new_enrolment_gives_a_refused_paper_another_try_at_once() {
    let repository = Repository::start();
    repository.state().refuse_simulated = true;
    let mut window = Window::at_work(&repository);
    let refused = window.file_as(Origin::Simulated);
    is_refused(&window, 1, "simulated_refused");
    repository.state().refuse_simulated = false;
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the confirmation", || window.sync().is_committed(refused.sequence, refused.material.id));
    window.settled();
    assert_eq!(window.last_error(), None);
}

#[test]
fn another_repository_is_offered_what_the_first_refused() {
    let first = Repository::start();
    first.state().refuse_simulated = true;
    let mut window = Window::at_work(&first);
    let refused = window.file_as(Origin::Simulated);
    is_refused(&window, 1, "simulated_refused");
    window.sync = None;
    let second = Repository::start();
    window.options.url = second.url();
    window.start();
    assert_eq!(window.sync().status().backlog_materials, 1);
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the confirmation", || window.sync().is_committed(refused.sequence, refused.material.id));
    window.settled();
}

#[test]
fn what_has_become_one_with_another_windows_paper_is_known_under_both_names() {
    let repository = Repository::start();
    let first = MaterialId::from_bytes([7; 16]);
    repository.state().filed_as = Some(first.to_string());
    let mut window = Window::at_work(&repository);
    let merged = window.file();
    window.settled();
    repository.state().filed_as = None;
    let own = window.file();
    window.settled();
    for _ in 0..2 {
        assert!(window.sync().is_committed(merged.sequence, merged.material.id));
        assert_eq!(window.sync().filed_as(merged.material.id), Some(first));
        assert_eq!(window.sync().filed_as(own.material.id), None);
        window.sync = None;
        window.start();
    }
}

#[test]
fn a_paper_whose_picture_is_gone_does_not_stop_the_others() {
    let repository = Repository::start();
    let mut window = Window::new(&repository);
    let broken = window.file();
    window = window.losing_its_pictures();
    let whole = window.file();
    window.start();
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the confirmation", || window.sync().is_committed(whole.sequence, whole.material.id));
    assert_eq!(repository.filed_ids(), [whole.material.id.to_string()]);
    assert_eq!(window.sync().rejected(broken.material.id).unwrap().as_deref(), Some("blob_missing"));
    is_refused(&window, 1, "blob_missing");
    window.sync = None;
    window.start();
    is_refused(&window, 1, "blob_missing");
}

#[test]
fn without_an_enrolment_nothing_is_sent() {
    let repository = Repository::start();
    let mut window = Window::new(&repository);
    window.start();
    let stored = window.file();
    assert_eq!(window.sync().enrolled(), Err(SyncError::NotEnrolled));
    let status = window.sync().status();
    assert_eq!((status.repository, status.backlog_materials), ("not_enrolled", 1));
    let spent = window.sync().enrol("SPENT", "counter-1");
    assert_eq!(spent, Err(SyncError::Refused("code_spent".to_owned())));
    assert_eq!(repository.state().requests.keys().collect::<Vec<_>>(), ["/v1/agents/enrol"]);
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    wait_for("the confirmation", || window.sync().is_committed(stored.sequence, stored.material.id));
}

#[test]
fn another_machine_with_the_same_disk_has_to_enrol_again() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.file();
    window.settled();
    window.sync = None;
    std::fs::write(&window.options.machine_id, "two").unwrap();
    window.start();
    window.file();
    assert_eq!(window.sync().enrolled(), Err(SyncError::EnrolAgain));
    assert_eq!(window.last_error().as_deref(), Some("enrol_again"));
    assert_eq!(repository.filed_ids().len(), 1);
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    window.settled();
    assert_eq!(repository.filed_ids().len(), 2);
}

#[test]
fn an_old_copy_of_the_records_is_noticed_and_enrolling_again_mends_it() {
    let repository = Repository::start();
    let mut window = Window::at_work(&repository);
    window.sync = None;
    let old = std::fs::read(&window.options.state_db).unwrap();
    window.start();
    window.file();
    window.settled();
    window.sync = None;
    std::fs::write(&window.options.state_db, old).unwrap();
    window.file();
    window.start();
    wait_for("the conflict", || window.last_error().as_deref() == Some("sequence_conflict"));
    assert_eq!(window.sync().status().backlog_materials, 2);
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    window.settled();
    assert_eq!(repository.filed_ids().len(), 2);
    wait_for("good news", || window.last_error().is_none());
}

/// An older ledger that was put back: what is filed from then on takes the places of what had been sent.
#[test]
fn what_is_filed_over_an_older_ledger_is_sent_though_it_ends_where_all_was_confirmed() {
    for filed_meanwhile in [0, 1, 6] {
        let repository = Repository::start();
        let mut window = Window::at_work(&repository);
        window.file();
        window.settled();
        let (window, older) = window.with_ledger(None);
        let mut window = window;
        window.start();
        for _ in 0..3 {
            window.file();
        }
        window.settled();
        let (window, _) = window.with_ledger(Some(&older));
        let mut window = window;
        // A command files without the daemon, perhaps beyond what was confirmed.
        let mut filed: Vec<_> = (0..filed_meanwhile).map(|_| window.file()).collect();
        window.start();
        filed.push(window.file());
        window.settled();
        let there = repository.filed_ids();
        for stored in &filed {
            assert!(there.contains(&stored.material.id.to_string()), "{filed_meanwhile}");
            assert!(window.sync().is_committed(stored.sequence, stored.material.id));
        }
        assert_eq!(there.len(), 4 + filed.len(), "nothing is there twice");
        // It is this ledger now.
        let (window, _) = window.with_ledger(None);
        let mut window = window;
        let before = repository.state().commits.len();
        window.start();
        window.settled();
        assert_eq!(repository.state().commits.len(), before, "nothing is offered once more");
    }
}
