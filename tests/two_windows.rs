//! Promise: a paper shown once at one window is there at every window, outages or not.

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");

/// How often a paper is looked for while it is on its way.
const ROUNDS: u32 = 30;

fn file(agent: &Agent, holder: &str, picture: &[u8], case: &str) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    let material = agent.post("/v1/materials", &body).expect(201);
    material["id"].as_str().expect("an id").to_owned()
}

fn all(agent: &Agent, holder: &str) -> Value {
    agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200)
}

fn ids(list: &Value) -> Vec<String> {
    let materials = list["materials"].as_array().expect("a list");
    materials.iter().map(|m| m["id"].as_str().expect("an id").to_owned()).collect()
}

fn local(agent: &Agent, holder: &str) -> Vec<String> {
    ids(&agent.get(&format!("/v1/holders/{holder}/materials")).expect(200))
}

/// An erasure once it stands in this state.
fn decided(agent: &Agent, asked: &Value, state: &str) -> Value {
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until(&format!("the erasure is {state}"), || agent.get(&path).expect(200)["state"] == state);
    agent.get(&path).expect(200)
}

#[test]
fn papers_cross_over_survive_an_outage_and_are_forgotten_everywhere() {
    let mut repository = Repository::start();
    let a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_a, at_b) = (a.read_card(), b.read_card());

    let first = file(&a, &at_a, FORM, "K1");
    wait_until("the paper is seen at the other window", || {
        ids(&all(&b, &at_b)) == std::slice::from_ref(&first)
    });
    let path = format!("/v1/materials/{first}/pages/1/image?rendition=original");
    assert!(b.get(&path).bytes == FORM, "the picture arrives byte for byte");

    repository.kill();
    let second = file(&a, &at_a, LETTER, "K2");
    let listed = all(&a, &at_a);
    assert_eq!(listed["repository"], "unreachable");
    assert_eq!(ids(&listed).len(), 2, "work goes on without the repository");
    assert_eq!(all(&b, &at_b)["repository"], "unreachable");
    repository.run();
    wait_until("the paper of the outage arrives", || ids(&all(&b, &at_b)).len() == 2);
    wait_until("nothing is left to send", || a.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    let mut seen = ids(&all(&b, &at_b));
    seen.sort();
    let mut wanted = vec![first.clone(), second.clone()];
    wanted.sort();
    assert_eq!(seen, wanted, "each arrived once");

    let erasure = a.post("/v1/erasures", &json!({"material": first, "reason": "test"})).expect(201);
    let erasure = format!("/v1/erasures/{}", erasure["id"].as_str().expect("an id"));
    wait_until("the erasure is done", || a.get(&erasure).expect(200)["state"] == "done");
    let left = [second];
    assert_eq!(ids(&all(&b, &at_b)), left);
    assert_eq!(ids(&all(&a, &at_a)), left);
    b.get(&path).is_problem(404, "material_unknown");
    let checked = repository.command("check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_paper_that_arrives_while_it_is_asked_for_is_listed_too() {
    let repository = Repository::start();
    let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    for round in 0..ROUNDS {
        let filed = file(&agent, &holder, FORM, &format!("K{round}"));
        // Lists one after the other, until the paper has arrived during one of them.
        wait_until("the paper arrives", || {
            let listed = all(&agent, &holder);
            let materials = listed["materials"].as_array().expect("a list");
            let mine: Vec<_> = materials.iter().filter(|m| m["id"] == filed.as_str()).collect();
            assert_eq!(mine.len(), 1, "round {round}: the paper is in every list, once");
            mine[0]["safe_at"] == "repository"
        });
    }
    let log = agent.read_log();
    assert!(!log.contains("another ledger") && !log.contains("lacks what it had"), "no false alarm: {log}");
}

#[test]
fn a_picture_asked_for_too_late_is_there_once_the_dossier_is_listed_again() {
    let mut repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let paper = file(&a, &at_a, FORM, "K1");
    wait_until("the paper is seen at the other window", || {
        ids(&all(&b, &at_b)) == std::slice::from_ref(&paper)
    });
    // What was granted with the list does not outlive the repository's process.
    repository.kill();
    repository.run();
    let path = format!("/v1/materials/{paper}/pages/1/image?rendition=original");
    b.get(&path).is_problem(404, "material_unknown");
    wait_until("the dossier is listed again", || all(&b, &at_b)["repository"] == "answered");
    assert!(b.get(&path).bytes == FORM, "it was not erased, and is not taken for that");
}

#[test]
fn what_is_erased_is_shown_nowhere_any_more() {
    let repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let papers = [file(&a, &at_a, FORM, "K1"), file(&a, &at_a, LETTER, "K2")];
    wait_until("both papers are seen at the other window", || ids(&all(&b, &at_b)).len() == 2);
    let paths = papers.clone().map(|id| format!("/v1/materials/{id}"));
    for path in &paths {
        b.get(path).expect(200);
        assert_eq!(b.get(&format!("{path}/pages/1/image?rendition=thumbnail")).status, 200);
    }
    let gone = |path: &String| {
        wait_until("it is shown no more", || b.get(path).status == 404);
        b.get(path).is_problem(404, "material_unknown");
        b.get(&format!("{path}/pages/1/image")).is_problem(404, "material_unknown");
    };
    // One of the papers first: only that one goes, though the dossier stays open.
    let asked = a.post("/v1/erasures", &json!({"material": papers[0], "reason": "test"})).expect(201);
    decided(&a, &asked, "done");
    gone(&paths[0]);
    b.get(&paths[1]).expect(200);
    let asked = a.post("/v1/erasures", &json!({"holder": at_a, "reason": "test"})).expect(201);
    decided(&a, &asked, "done");
    gone(&paths[1]);
    let events = b.get("/v1/events?after=0&wait_ms=0").expect(200).to_string();
    assert!(papers.iter().all(|id| events.contains(id)), "window programs are told: {events}");
}

#[test]
fn one_paper_filed_at_two_windows_keeps_all_that_was_written_about_it() {
    let repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let first = file(&a, &at_a, FORM, "K1");
    wait_until("it is at the repository", || ids(&all(&b, &at_b)) == std::slice::from_ref(&first));
    let capture_and_file = |picture: &[u8], kind: &str, note: Option<&str>| {
        let capture = b.upload(picture).expect(201);
        let body =
            json!({"holders": [at_b], "kind": kind, "captures": [capture["id"]], "case": "K1", "note": note});
        b.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
    };
    let is_central = |id: &str| b.get(&format!("/v1/materials/{id}")).expect(200)["safe_at"] == "repository";

    // With the same words it is one paper, and its other name leads to it.
    let same = capture_and_file(FORM, "form", None);
    wait_until("the same paper is committed", || is_central(&same));
    assert_eq!(ids(&all(&b, &at_b)), std::slice::from_ref(&first));
    assert_eq!(b.get(&format!("/v1/materials/{same}")).expect(200)["duplicate_of"], first);

    // With other words it stands beside the first, at every window.
    let second = file(&a, &at_a, LETTER, "K1");
    wait_until("the letter is at the repository", || ids(&all(&b, &at_b)).contains(&second));
    let other = capture_and_file(LETTER, "letter", Some("seen in the original"));
    wait_until("the letter is committed again", || is_central(&other));
    for (agent, holder) in [(&a, &at_a), (&b, &at_b)] {
        let list = all(agent, holder);
        assert_eq!(ids(&list), [other.clone(), second.clone(), first.clone()]);
        let shown = &list["materials"][0];
        assert_eq!((&shown["kind"], &shown["note"]), (&json!("letter"), &json!("seen in the original")));
        assert_eq!(shown["duplicate_of"], second);
    }
    let path = format!("/v1/materials/{other}/pages/1/image?rendition=original");
    assert!(a.get(&path).bytes == LETTER);

    // Forgotten under any of its names, it is gone under all.
    let asked = a.post("/v1/erasures", &json!({"material": first, "reason": "test"})).expect(201);
    decided(&a, &asked, "done");
    wait_until("it is gone where it has another name", || !local(&b, &at_b).contains(&same));
    let checked = repository.command("check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn only_who_has_a_ground_has_papers_of_other_windows_forgotten() {
    let repository = Repository::start();
    let [a, b, stranger] = [(); 3].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let card = a.post("/v1/card/read", &json!({})).expect(200);
    let at_a = card["holder"].as_str().expect("a holder").to_owned();
    let first = file(&a, &at_a, FORM, "K1");
    let second = file(&a, &at_a, LETTER, "K2");

    // A window that may file for the person, and has filed, has not seen their dossier.
    let subject = json!({"type": "resident", "value": card["id_number"]});
    let opened = stranger.post("/v1/holders", &json!({"subject": subject, "basis": "none"})).expect(201);
    let at_stranger = opened["holder"].as_str().expect("a holder").to_owned();
    let own = file(&stranger, &at_stranger, FORM, "K3");
    let sent = |agent: &Agent| agent.get("/v1/sync").expect(200)["backlog_materials"] == 0;
    wait_until("all papers are at the repository", || sent(&a) && sent(&stranger));
    let unseen = json!({"material": first, "reason": "test"});
    stranger.post("/v1/erasures", &unseen).is_problem(404, "material_unknown");
    let asked = stranger.post("/v1/erasures", &json!({"holder": at_stranger, "reason": "test"})).expect(201);
    let refused = decided(&stranger, &asked, "refused");
    assert_eq!((&refused["materials"], &refused["erased_at"]), (&json!([]), &Value::Null));
    let asked = stranger.post("/v1/erasures", &json!({"material": own, "reason": "test"})).expect(201);
    assert_eq!(decided(&stranger, &asked, "done")["materials"], json!([own]), "its own it may");

    // One paper, seen through an open dossier, and held at the other window alone.
    b.post("/v1/erasures", &unseen).is_problem(404, "material_unknown");
    let at_b = b.read_card();
    assert_eq!(ids(&all(&b, &at_b)).len(), 2);
    let key = [("Idempotency-Key", "e-1")];
    let asked = b.post_with("/v1/erasures", &unseen, &key).expect(201);
    assert_eq!(b.post_with("/v1/erasures", &unseen, &key).expect(201)["id"], asked["id"]);
    let other = json!({"material": second, "reason": "test"});
    b.post_with("/v1/erasures", &other, &key).is_problem(409, "idempotency_conflict");
    let done = decided(&b, &asked, "done");
    assert_eq!((&done["materials"], &done["repository"]), (&json!([first]), &json!("confirmed")));
    assert_eq!(done["shared_kept"], json!([]));
    b.post("/v1/erasures", &unseen).is_problem(404, "material_unknown");
    wait_until("the paper is gone where it was filed", || local(&a, &at_a) == std::slice::from_ref(&second));

    // The person, who has never filed anything at this window; the card lies on its reader.
    let asked = b.post("/v1/erasures", &json!({"holder": at_b, "reason": "test"})).expect(201);
    assert_eq!(decided(&b, &asked, "done")["materials"], json!([second]));
    wait_until("the person is forgotten where the papers were filed", || local(&a, &at_a).is_empty());
    assert_eq!(ids(&all(&b, &at_b)), Vec::<String>::new());
    let checked = repository.command("check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// Another person's dossier, open to be looked at.
fn open_other(agent: &Agent) -> String {
    let subject = json!({"type": "provisional", "value": "P-2002"});
    let body = json!({"subject": subject, "basis": "no_card", "purpose": "test", "case": "K9"});
    agent.post("/v1/holders", &body).expect(201)["holder"].as_str().expect("a holder").to_owned()
}

#[test]
fn a_paper_put_right_at_one_window_closes_at_the_other_and_at_the_repository() {
    let mut repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let wrong = file(&a, &at_a, FORM, "K1");
    let right = file(&a, &at_a, LETTER, "K2");
    // The other window files the very paper too, so that it has it under a name of its own.
    wait_until("both papers are seen at the other window", || ids(&all(&b, &at_b)).len() == 2);
    let same = file(&b, &at_b, FORM, "K1");
    let safe =
        |agent: &Agent, id: &str| agent.get(&format!("/v1/materials/{id}")).expect(200)["safe_at"].clone();
    wait_until("it has become one with the first", || safe(&b, &same) == "repository");
    b.get(&format!("/v1/materials/{wrong}/pages/1/image?rendition=original"));

    // While the repository is away the wrong view closes at this window alone.
    let (other_a, other_b) = (open_other(&a), open_other(&b));
    repository.kill();
    let body = json!({"holders": [other_a], "kind": "letter", "reason": "read the wrong card"});
    let path = format!("/v1/materials/{wrong}/refile");
    let moved = a.post(&path, &body).expect(200);
    assert_eq!(
        (&moved["id"], &moved["kind"], &moved["safe_at"]),
        (&json!(wrong), &json!("letter"), &json!("this_pc"))
    );
    assert_eq!(local(&a, &at_a), std::slice::from_ref(&right));
    assert_eq!(local(&a, &other_a), std::slice::from_ref(&wrong));
    repository.run();

    wait_until("it is the other person's at the repository", || {
        ids(&all(&b, &other_b)).contains(&wrong) && safe(&a, &wrong) == "repository"
    });
    assert_eq!(ids(&all(&b, &at_b)), std::slice::from_ref(&right));
    assert_eq!(ids(&all(&a, &at_a)), std::slice::from_ref(&right));
    wait_until("it has moved at the other window too", || local(&b, &other_b) == std::slice::from_ref(&same));
    assert_eq!(local(&b, &at_b), Vec::<String>::new());
    b.delete(&format!("/v1/holders/{other_b}")).expect(204);
    for path in [format!("/v1/materials/{wrong}"), format!("/v1/materials/{wrong}/pages/1/image")] {
        b.get(&path).is_problem(404, "material_unknown");
    }
    let events = b.get("/v1/events?after=0&wait_ms=0").expect(200).to_string();
    assert!(events.contains("material.refiled") && events.contains(&wrong), "{events}");

    // Whoever forgets the first person leaves it; whoever forgets the other takes it at both windows.
    let asked = a.post("/v1/erasures", &json!({"holder": at_a, "reason": "test"})).expect(201);
    decided(&a, &asked, "done");
    assert_eq!(ids(&all(&a, &other_a)), std::slice::from_ref(&wrong));
    let asked = a.post("/v1/erasures", &json!({"holder": other_a, "reason": "test"})).expect(201);
    decided(&a, &asked, "done");
    wait_until("it is gone at the other window", || b.get(&format!("/v1/materials/{same}")).status == 404);
    let checked = repository.command("check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    for agent in [&a, &b] {
        let verified = agent.command(&["archive", "verify"]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}

#[test]
fn what_one_window_files_in_the_place_of_anothers_paper_is_so_everywhere() {
    let repository = Repository::start();
    let [a, b] = [(); 2].map(|()| Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let older = file(&a, &at_a, FORM, "K1");
    wait_until("it is seen at the other window", || ids(&all(&b, &at_b)) == std::slice::from_ref(&older));
    let capture = b.upload(LETTER).expect(201);
    let body = json!({"holders": [at_b], "kind": "form", "captures": [capture["id"]], "supersedes": older});
    let newer = b.post("/v1/materials", &body).expect(201)["id"].clone();
    for (agent, holder) in [(&a, &at_a), (&b, &at_b)] {
        wait_until("both are listed, and which one counts", || {
            let list = all(agent, holder);
            let shown = list["materials"].as_array().expect("a list");
            let statuses: Vec<_> = shown.iter().map(|m| (m["id"].clone(), m["status"].clone())).collect();
            statuses == [(newer.clone(), json!("current")), (json!(older), json!("superseded"))]
        });
    }
}
