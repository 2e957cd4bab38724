//! Promise: of a ledger or keyring that is damaged or gone, whatever can be proven is there again, and what cannot is named.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::said::{document, refusal};
use crate::support::verified::{check, verify};
use crate::support::{copy_folder, wait_until};

const FORM: &[u8] = include_bytes!("../fixtures/desk/small.jpg");

fn file(agent: &Agent, number: u32) -> String {
    let holder = agent.read_card();
    let capture = agent.upload(&[FORM, number.to_string().as_bytes()].concat()).expect(201);
    let case = format!("K{number}");
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn are_there(agent: &Agent, papers: &[String]) {
    let holder = agent.read_card();
    agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    for paper in papers {
        let picture = agent.get(&format!("/v1/materials/{paper}/pages/1/image?rendition=original"));
        assert!(picture.status == 200 && picture.bytes.starts_with(FORM), "{paper}: {}", picture.status);
    }
}

/// What a check says of the entry that the repository remembers.
fn anchor_check(agent: &Agent) -> Value {
    check(&verify(agent, &[]), "anchor").clone()
}

fn end_of(database: &Path, table: &str) -> u64 {
    let database = rusqlite::Connection::open(database).expect("it opens");
    let sql = format!("SELECT max(sequence) FROM {table}");
    database.query_row(&sql, [], |row| row.get(0)).expect("its end")
}

fn remove(data: &Path, file: &str) {
    fs::remove_file(data.join(file)).expect("it is removed");
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(data.join(format!("{file}{ending}")));
    }
}

#[test]
fn a_window_without_ledger_and_keyring_works_again_and_sends_on() {
    let repository = Repository::start();
    let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let mut papers: Vec<String> = (0..3).map(|number| file(&agent, number)).collect();
    let sent = |agent: &Agent| agent.get("/v1/sync").expect(200)["backlog_materials"] == 0;
    wait_until("they are sent", || sent(&agent));
    refusal(&agent.command(&["archive", "rebuild"]), "data_dir_in_use");
    assert!(agent.stop());
    // The daemon's first sweep copied what there was then: the next start copies the papers.
    agent.run();
    let copied = || {
        let path = agent.data().join("backup/ledger.db");
        let copy = rusqlite::Connection::open(path).ok();
        copy.is_some_and(|copy| {
            copy.query_row("SELECT count(*) >= 6 FROM entries", [], |row| row.get(0)).unwrap_or(false)
        })
    };
    wait_until("they are copied", copied);
    wait_until("the keys are copied", || agent.data().join("backup/keyring.db").is_file());
    wait_until("the ledger is anchored", || anchor_check(&agent)["examined"] == 1);
    assert!(agent.stop());
    for file in ["ledger.db", "keyring.db"] {
        remove(&agent.data(), file);
    }
    refusal(&agent.command(&["archive", "stats"]), "store_damaged");
    let output = agent.command(&["archive", "rebuild", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(
        (&report["ledger"]["state"], &report["keyring"]["state"]),
        (&json!("rebuilt"), &json!("rebuilt"))
    );
    assert_eq!(report["materials_lost"], 0, "{report}");
    // Looks since the copy are lost, and said to be; nothing is made up.
    assert_eq!(output.status.success(), report["complete"] == true, "{report}");
    agent.run();
    are_there(&agent, &papers);
    papers.push(file(&agent, 9));
    wait_until("the new paper is sent", || sent(&agent));
    are_there(&agent, &papers);
    assert!(agent.stop());
    let again =
        document(&agent.command(&["archive", "rebuild", "--json"]), i32::from(report["complete"] != true));
    assert_eq!(
        (&again["ledger"]["state"], &again["keyring"]["state"]),
        (&json!("unchanged"), &json!("unchanged"))
    );
    let text = agent.command(&["archive", "rebuild"]);
    assert!(String::from_utf8_lossy(&text.stdout).starts_with("ledger: unchanged."));
}

#[test]
fn what_nothing_remembers_is_not_made_up() {
    let mut agent = Agent::start();
    file(&agent, 1);
    assert!(agent.stop());
    fs::remove_dir_all(agent.data().join("backup")).expect("the copies are gone too");
    remove(&agent.data(), "keyring.db");
    let report = document(&agent.command(&["archive", "rebuild", "--json"]), 1);
    assert_eq!(
        (&report["keyring"]["state"], &report["repository"]),
        (&json!("lost"), &json!("no_repository"))
    );
    refusal(&agent.command(&["archive", "stats"]), "store_damaged");
}

#[test]
fn an_older_image_that_grew_past_what_the_repository_remembers_is_found_out() {
    older_image_is_found_out(false);
}

/// On a PC in the place of the dead one, which the repository knows by another number.
#[test]
fn an_older_image_on_another_pc_is_found_out_once_it_is_enrolled() {
    older_image_is_found_out(true);
}

fn older_image_is_found_out(enrols_anew: bool) {
    let mut repository = Repository::start();
    let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    file(&agent, 0);
    wait_until("it is sent", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    assert!(agent.stop());
    let image = agent.data().with_extension("image");
    copy_folder(&agent.data(), &image);
    agent.run();
    let gone = file(&agent, 1);
    wait_until("it is sent", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    // The next start tells of the ledger's end without waiting for news first.
    assert!(agent.stop());
    let head = end_of(&agent.data().join("ledger.db"), "entries");
    agent.run();
    let anchored = || end_of(&repository.data().join("repository.db"), "anchors") >= head;
    wait_until("the ledger is anchored", anchored);
    assert!(agent.stop());
    let head = end_of(&agent.data().join("ledger.db"), "entries");

    // The whole folder, with what it knew of its sending and its second copies; and the window works on without a network.
    fs::remove_dir_all(agent.data()).expect("it goes");
    copy_folder(&image, &agent.data());
    repository.kill();
    if enrols_anew {
        fs::remove_file(agent.folder.path().join("keys/repository.key")).expect("it was enrolled");
    }
    agent.run();
    let mut number = 2;
    while end_of(&agent.data().join("ledger.db"), "entries") <= head + 4 {
        file(&agent, number);
        number += 1;
    }
    repository.run();
    if enrols_anew {
        let enrolled = agent.command_with_input(&["enrol", "--code", "-"], &repository.enrol_code());
        assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    }
    wait_until("it is noticed", || agent.read_log().contains("remembers another ledger"));
    let mine = file(&agent, number);
    let erasure = json!({"material": mine, "reason": "asked"});
    agent.post("/v1/erasures", &erasure).is_problem(409, "holds_unproven");
    assert_eq!(anchor_check(&agent)["failed"], 1);
    assert!(agent.stop());

    let report = document(&agent.command(&["archive", "rebuild", "--json"]), 1);
    let ledger = &report["ledger"];
    assert_eq!((&report["repository"], &ledger["state"]), (&json!("differs"), &json!("rebuilt")), "{report}");
    // What was entered as lost is no damage of the next check, whether the repository has heard of it or not.
    assert_eq!(anchor_check(&agent)["failed"], 0);
    agent.run();
    wait_until("it is anchored anew", || anchor_check(&agent)["failed"] == 0);
    let confirmed = agent.command(&["archive", "hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
    agent.post("/v1/erasures", &erasure).expect(201);
    wait_until("it is known to have lost something", || {
        agent.get("/v1/health").expect(200)["archive"] == "incomplete"
    });
    let holder = agent.read_card();
    let dossier = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert!(dossier.to_string().contains(&gone), "what the image lacked is still to be had: {dossier}");
}
