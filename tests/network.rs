//! Promise: whatever the network between agent and repository does, every paper arrives, and arrives once.
//!
//! `YIDANG_CUTS` sets how often it is cut; 40 unless said.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::proxy::{Proxy, Weather};
use crate::support::repository::Repository;

/// Everything has come to rest within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// So much is on its way for one paper, answers and polls included.
const PAPER_BYTES: u64 = 200_000;

/// A picture of its own for each number, which stands behind the end of the JPEG, where decoders do not look.
fn picture(number: u64) -> Vec<u8> {
    let mut bytes = include_bytes!("../fixtures/desk/small.jpg").to_vec();
    let mut state = number + 1;
    bytes.extend((0..PAPER_BYTES).map(|_| (random(&mut state) >> 56) as u8));
    bytes
}

/// xorshift64*: the same numbers every time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

fn file(agent: &Agent, holder: &str, number: u64) -> String {
    let capture = agent.upload(&picture(number)).expect(201);
    let case = format!("K{number}");
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    let material = agent.post("/v1/materials", &body).expect(201);
    material["id"].as_str().expect("an id").to_owned()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn nothing_waits(agent: &Agent) -> bool {
    agent.get("/v1/sync").expect(200)["backlog_materials"] == 0
}

/// All that the repository has of the person whose card lies there, asked at a window with a clear view of it.
fn at_repository(window: &Agent) -> Vec<String> {
    let holder = window.read_card();
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/holders/{holder}/materials?scope=all&limit=50{cursor}");
        let list = window.get(&path).expect(200);
        let papers = list["materials"].as_array().expect("a list");
        found.extend(papers.iter().map(|m| m["id"].as_str().expect("an id").to_owned()));
        match &list["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return found,
        }
    }
}

fn is_whole(repository: &Repository) {
    let checked = repository.command("check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn cut_anywhere_each_paper_arrives_once() {
    let cuts = std::env::var("YIDANG_CUTS").ok().and_then(|c| c.parse().ok()).unwrap_or(40);
    let repository = Repository::start();
    let proxy = Proxy::start(&repository.url);
    let agent = Agent::start_enrolled(&proxy.url, &repository.enrol_code());
    let clear = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    let mut filed = Vec::new();
    let mut state = 7;
    for number in 0..cuts {
        // Anywhere from before the first byte of a paper to somewhere in the second one's answers.
        let bytes = (random(&mut state) % (2 * PAPER_BYTES)) as i64;
        proxy.set(Weather::CutAfter { bytes });
        filed.push(file(&agent, &holder, number));
        std::thread::sleep(Duration::from_millis(random(&mut state) % 120));
        if number % 5 == 4 {
            // Now and then something gets through, so that cuts meet every state of the work.
            proxy.set(Weather::Fair);
            std::thread::sleep(Duration::from_millis(random(&mut state) % 400));
        }
    }
    proxy.set(Weather::Fair);
    wait_until("everything is committed", || nothing_waits(&agent));
    let mut there = at_repository(&clear);
    there.sort();
    filed.sort();
    assert_eq!(there, filed, "each paper is there once");
    assert!(agent.read_log().contains("repository_unreachable"), "the cuts were felt");
    is_whole(&repository);
}

#[test]
fn a_network_that_stalls_keeps_nobody_from_working() {
    let repository = Repository::start();
    let proxy = Proxy::start(&repository.url);
    let agent = Agent::start_enrolled(&proxy.url, &repository.enrol_code());
    let clear = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = agent.read_card();
    let first = file(&agent, &holder, 1);
    wait_until("the first paper is committed", || nothing_waits(&agent));
    proxy.set(Weather::Stalled);
    let second = file(&agent, &holder, 2);
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!(list["repository"], "unreachable", "it is not waited for without end");
    assert_eq!(list["materials"].as_array().map(Vec::len), Some(2));
    proxy.set(Weather::Fair);
    wait_until("the second paper is committed", || nothing_waits(&agent));
    let mut there = at_repository(&clear);
    there.sort();
    let mut filed = vec![first, second];
    filed.sort();
    assert_eq!(there, filed, "each paper is there once");
    is_whole(&repository);
}

#[test]
fn a_repository_whose_clock_is_years_off_is_served_all_the_same() {
    for clock in ["+800d", "-800d"] {
        let Some(repository) = Repository::start_at(clock) else { return };
        let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        let holder = agent.read_card();
        let filed = [file(&agent, &holder, 1), file(&agent, &holder, 2)];
        wait_until("both papers are committed", || nothing_waits(&agent));
        let erasure =
            agent.post("/v1/erasures", &json!({"material": filed[0], "reason": "test"})).expect(201);
        let erasure = format!("/v1/erasures/{}", erasure["id"].as_str().expect("an id"));
        wait_until("the erasure is done", || agent.get(&erasure).expect(200)["state"] == "done");
        assert_eq!(at_repository(&agent), filed[1..], "with the clock at {clock}");
        is_whole(&repository);
    }
}
