//! Promise: a damaged picture is named, moved aside and fetched back; a ledger that was cut off is found out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::blobs::{self, StoredBlob};
use crate::support::repository::Repository;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
/// Everything here happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(40);

fn file(agent: &Agent, holder: &str) -> String {
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
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

fn verify(agent: &Agent, more: &[&str]) -> Value {
    let said = agent.command(&[&["archive", "verify", "--json"], more].concat());
    serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)))
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let properties = report["properties"].as_array().expect("a list").iter();
    let mut checks = properties.flat_map(|property| property["checks"].as_array().expect("a list"));
    checks.find(|check| check["check"] == name).expect("the check")
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

/// Takes the last entries out, as somebody with the disk would.
fn cut_ledger(agent: &Agent) {
    let ledger = rusqlite::Connection::open(agent.data().join("ledger.db")).expect("a ledger");
    let sql = "DROP TRIGGER entries_never_go;
        DELETE FROM entries WHERE sequence > (SELECT max(sequence) - 1 FROM entries WHERE verb = 'filed');
        CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;";
    ledger.execute_batch(sql).expect("it is cut off");
}
