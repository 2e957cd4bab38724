//! Promise: what a window says about the repository is so, and it works whatever that is.

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");

fn sync(agent: &Agent) -> Value {
    agent.get("/v1/sync").expect(200)
}

/// Files a paper; its identifier.
fn file(agent: &Agent, holder: &str, capture: &Value) -> String {
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

/// Where the API and the command say that it is safe.
fn safe_at(agent: &Agent, id: &str) -> [String; 2] {
    let told = agent.get(&format!("/v1/materials/{id}")).expect(200)["safe_at"].clone();
    let listed = agent.command(&["archive", "list", "--json"]).stdout;
    let listed: Value = serde_json::from_slice(&listed).expect("one document");
    let lines = listed["materials"].as_array().expect("a list");
    let line = lines.iter().find(|line| line["id"] == id).expect("it is listed");
    [&told, &line["safe_at"]].map(|word| word.as_str().expect("a word").to_owned())
}

#[test]
fn a_paper_the_repository_refuses_is_never_said_to_be_there() {
    let mut repository = Repository::start();
    repository.accept_simulated(false);
    let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    let capture = agent.post("/v1/captures", &json!({})).expect(201);
    let id = file(&agent, &holder, &capture);
    let is_refused = |agent: &Agent| {
        wait_until("the refusal is told", || sync(agent)["last_error"] == "simulated_refused");
        let status = sync(agent);
        assert_eq!((&status["repository"], &status["backlog_materials"]), (&json!("connected"), &json!(1)));
        assert!(status["backlog_bytes"].as_u64().expect("a number") > 0);
        assert_eq!(safe_at(agent, &id), ["this_pc", "this_pc"]);
    };
    is_refused(&agent);
    assert!(agent.stop());
    agent.run();
    agent.read_card();
    is_refused(&agent);

    repository.accept_simulated(true);
    assert!(agent.stop());
    agent.run();
    agent.read_card();
    wait_until("the repository has it", || sync(&agent)["backlog_materials"] == 0);
    assert_eq!(sync(&agent)["last_error"], Value::Null);
    assert_eq!(safe_at(&agent, &id), ["repository", "repository"]);
}

#[test]
fn a_window_that_starts_before_its_repository_works_and_is_enrolled_when_that_comes() {
    let mut repository = Repository::start();
    let code = repository.enrol_code();
    repository.kill();
    let agent = Agent::start_enrolled(&repository.url, &code);
    let holder = agent.read_card();
    let id = file(&agent, &holder, &agent.upload(FORM).expect(201));
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!((&list["repository"], &list["materials"][0]["id"]), (&json!("unreachable"), &json!(id)));
    let status = sync(&agent);
    assert_eq!((&status["repository"], &status["backlog_materials"]), (&json!("not_enrolled"), &json!(1)));
    assert_eq!(status["last_error"], "repository_unreachable");
    let asked = agent.post("/v1/erasures", &json!({"material": id, "reason": "test"})).expect(201);
    assert_eq!(asked["state"], "requested");

    repository.run();
    wait_until("it is enrolled", || sync(&agent)["repository"] == "connected");
    let erasure = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("the erasure is decided", || agent.get(&erasure).expect(200)["state"] == "done");
    wait_until("nothing waits", || sync(&agent)["backlog_materials"] == 0);
    assert_eq!(sync(&agent)["last_error"], Value::Null);
    assert!(!agent.read_log().contains(&code), "the code is in no log");
}

#[test]
fn a_spent_code_is_named_and_keeps_nobody_from_working() {
    let repository = Repository::start();
    let code = repository.enrol_code();
    let _first = Agent::start_enrolled(&repository.url, &code);
    let agent = Agent::start_enrolled(&repository.url, &code);
    wait_until("the refusal is told", || sync(&agent)["last_error"] == "code_spent");
    assert_eq!(sync(&agent)["repository"], "not_enrolled");
    assert!(agent.read_log().contains("ERROR") && agent.read_log().contains("code_spent"));
    let holder = agent.read_card();
    let id = file(&agent, &holder, &agent.upload(FORM).expect(201));
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!((&list["repository"], &list["materials"][0]["id"]), (&json!("unreachable"), &json!(id)));
    let enrolled = agent.command_with_input(&["enrol", "--code", "-"], &repository.enrol_code());
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    wait_until("the paper arrives", || safe_at(&agent, &id) == ["repository", "repository"]);
    let status = sync(&agent);
    assert_eq!((&status["repository"], &status["last_error"]), (&json!("connected"), &Value::Null));
}

#[test]
fn a_window_the_repository_does_not_know_any_more_says_so_and_lists_what_it_has() {
    let mut repository = Repository::start();
    let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    let id = file(&agent, &holder, &agent.upload(FORM).expect(201));
    wait_until("the paper arrives", || sync(&agent)["backlog_materials"] == 0);
    repository.forget_everything();
    wait_until("it is noticed", || sync(&agent)["last_error"] == "token_invalid");
    assert_eq!(sync(&agent)["repository"], "not_enrolled");
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!((&list["repository"], &list["materials"][0]["id"]), (&json!("unreachable"), &json!(id)));
}
