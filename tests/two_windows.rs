//! Promise: a paper shown once at one window is there at every window, outages or not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
/// Everything between windows happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(40);

fn file(agent: &Agent, holder: &str, picture: &[u8], case: &str) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    let material = agent.post("/v1/materials", &body).expect(201);
    material["id"].as_str().expect("an id").to_owned()
}

fn all(agent: &Agent, holder: &str) -> Value {
    agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ids(list: &Value) -> Vec<String> {
    let materials = list["materials"].as_array().expect("a list");
    materials.iter().map(|m| m["id"].as_str().expect("an id").to_owned()).collect()
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
