//! Promise: a damaged picture is named, moved aside and fetched back; a ledger that was cut off is found out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::agent::Agent;
use crate::support::blobs::{self, StoredBlob};
use crate::support::ledger::tamper;
use crate::support::repository::Repository;
use crate::support::verified::{check, verify};
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");

fn file(agent: &Agent, holder: &str) -> String {
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Flips a bit in the middle of every blob.
fn damage_all(agent: &Agent) -> usize {
    let blobs = blobs::stored_in(&agent.data());
    blobs.iter().for_each(StoredBlob::damage);
    blobs.len()
}

#[test]
fn damaged_pictures_come_back_from_the_repository_and_a_cut_ledger_is_found_out() {
    let mut repository = Repository::start();
    let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    let material = file(&agent, &holder);
    wait_until("it is there", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    assert!(agent.stop());

    let damaged = damage_all(&agent);
    let report = verify(&agent, &[]);
    assert_eq!(report["damage_count"], json!(damaged), "{report}");
    repository.kill();
    let report = verify(&agent, &["--repair"]);
    assert_eq!(report["repair"]["left"], json!(damaged), "{report}");
    assert_eq!(report["repair"]["code"], "repository_unreachable", "{report}");
    assert_eq!(files_under(&agent.data().join("quarantine")).len(), damaged);
    assert_eq!(report["damages"][0]["remedy"], "repair_blob");
    agent.run();
    let holder = agent.read_card();
    agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    agent.get(&format!("/v1/materials/{material}/pages/1/image")).is_problem(500, "blob_damaged");
    let status = agent.get("/v1/status").expect(200);
    assert_eq!(status["archive"]["quarantined"], json!(damaged), "{status}");

    repository.run();
    let report = verify(&agent, &["--repair"]);
    assert_eq!((&report["clean"], &report["repair"]["left"]), (&json!(true), &json!(0)), "{report}");
    assert_eq!(agent.get(&format!("/v1/materials/{material}/pages/1/image")).status, 200);
    assert!(files_under(&agent.data().join("quarantine")).is_empty());

    // The repository remembers the last entry. A ledger from before that is one that was cut off.
    wait_until("the ledger is anchored", || check(&verify(&agent, &[]), "anchor")["examined"] == 1);
    assert!(agent.stop());
    assert_eq!(check(&verify(&agent, &[]), "anchor")["failed"], 0);
    cut_ledger(&agent);
    let report = verify(&agent, &[]);
    assert_eq!(check(&report, "anchor")["failed"], 1, "{report}");
    let found = report["damages"].as_array().expect("a list").iter().find(|d| d["check"] == "anchor");
    let found = found.expect("it is named");
    assert_eq!((&found["fault"], &found["remedy"]), (&json!("missing"), &json!("keep_evidence")), "{report}");
    // What it would enter by now would take the place of what only the second copy has.
    let ran = catch_unwind(AssertUnwindSafe(|| agent.run()));
    assert!(ran.is_err() && agent.read_log().contains("store_damaged"), "{}", agent.read_log());
}

#[test]
fn a_damaged_picture_is_named_by_its_page_and_nothing_is_offered_that_is_not_to_be_had() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let material = file(&agent, &holder);
    let waiting = agent.upload(include_bytes!("../fixtures/desk/03-letter.jpg")).expect(201)["id"].clone();
    assert!(agent.stop());
    damage_all(&agent);
    let report = verify(&agent, &[]);
    let damages = report["damages"].as_array().expect("a list");
    let named = |what: &str| damages.iter().filter(|d| d["needed_by"] == json!([what])).count();
    assert_eq!(named(&format!("material {material} page 1")), 2, "page and frame: {report}");
    assert_eq!(named(&format!("capture {}", waiting.as_str().expect("an id"))), 2, "{report}");
    assert!(damages.iter().all(|d| d["remedy"] == "restore_blob"), "{report}");
    let said = agent.command(&["archive", "verify"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!("needed by material {material} page 1")), "{said}");
    assert!(!said.contains("--repair"), "{said}");
}

#[test]
fn a_damaged_ledger_is_told_who_asks_how_the_service_is() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    file(&agent, &holder);
    let known = |agent: &Agent| {
        let health = agent.get("/v1/health").expect(200)["archive"].clone();
        let archive = agent.get("/v1/status").expect(200)["archive"].clone();
        (health, archive["ledger"].clone(), archive["ledger_left_out"].clone())
    };
    wait_until("it is read through", || known(&agent) == (json!("whole"), json!("whole"), json!(0)));
    assert!(agent.stop());
    let damage = "UPDATE entries SET body = x'00'
        WHERE sequence = (SELECT min(sequence) FROM entries WHERE verb = 'filed')";
    tamper(&agent.data(), damage);
    agent.run();
    wait_until("it is found out", || known(&agent) == (json!("damaged"), json!("damaged"), json!(0)));
    assert!(agent.read_log().contains("the ledger is damaged"), "{}", agent.read_log());
    let stats = agent.command(&["archive", "stats"]);
    assert!(String::from_utf8_lossy(&stats.stdout).contains("ledger\tdamaged\n"));
    // An index that was made without it knows so at once.
    assert!(agent.stop());
    std::fs::remove_file(agent.data().join("index.db")).expect("it goes");
    agent.run();
    let lacks = |agent: &Agent| known(agent).2.as_u64() > Some(0);
    wait_until("it is left out", || lacks(&agent) && known(&agent).0 == json!("damaged"));
    assert_eq!(known(&agent).1, json!("damaged"));
}

/// Takes the last entries out, as somebody with the disk would.
fn cut_ledger(agent: &Agent) {
    let cut =
        "DELETE FROM entries WHERE sequence > (SELECT max(sequence) - 1 FROM entries WHERE verb = 'filed')";
    tamper(&agent.data(), cut);
}
