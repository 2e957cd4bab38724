//! Promise: what was acknowledged survives SIGKILL at any moment.
//!
//! `YIDANG_CRASH_CYCLES` sets how often; 100 unless said.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::agent::Agent;

/// A small picture that differs by its number, which stands behind the end of the JPEG, where decoders do not
/// look.
fn picture(number: usize) -> Vec<u8> {
    let mut bytes = include_bytes!("../fixtures/desk/small.jpg").to_vec();
    bytes.extend_from_slice(format!("number {number}").as_bytes());
    bytes
}

/// How long one paper takes, from its capture to its answer.
fn usual_time(agent: &Agent) -> Duration {
    let holder = agent.read_card();
    let times: Vec<_> = (0..3)
        .map(|number| {
            let began = Instant::now();
            file_one(agent, &holder, 1_000_000 + number).expect("nobody kills it");
            began.elapsed()
        })
        .collect();
    times.into_iter().min().expect("three of them")
}

#[test]
fn every_acknowledged_paper_is_there_after_each_kill() {
    let cycles = std::env::var("YIDANG_CRASH_CYCLES").ok().and_then(|c| c.parse().ok()).unwrap_or(100);
    // As fast as it can, and every paper is looked at in the end.
    let mut agent = Agent::start_at_pace(1_000_000, "");
    let mut acknowledged: Vec<String> = Vec::new();
    let mut number = 0;
    let usual = usual_time(&agent);
    for cycle in 0..cycles {
        let holder = agent.read_card();
        std::thread::scope(|scope| {
            let filing = scope.spawn(|| {
                let mut filed = Vec::new();
                for _ in 0..200 {
                    number += 1;
                    let Some(material) = file_one(&agent, &holder, number) else { break };
                    filed.push(material);
                }
                filed
            });
            // The moment differs from cycle to cycle, so that every step is hit sooner or later: after half a filing to
            // six of them, as long as one takes on this machine.
            std::thread::sleep(usual / 2 + usual * (cycle * 37 % 160) as u32 / 28);
            let killed = std::process::Command::new("kill").arg("-KILL").arg(agent.process_id()).status();
            assert!(killed.is_ok_and(|s| s.success()));
            acknowledged.extend(filing.join().expect("the filing thread lives"));
        });
        agent.kill();
        agent.run();
        agent.read_card();
        for material in acknowledged.iter().rev().take(5) {
            agent.get(&format!("/v1/materials/{material}")).expect(200);
        }
    }
    assert!(!acknowledged.is_empty(), "the kills left no room to file");
    agent.read_card();
    for material in &acknowledged {
        let picture = agent.get(&format!("/v1/materials/{material}/pages/1/image?rendition=original"));
        assert_eq!(picture.status, 200, "an acknowledged paper is there and whole");
    }
    assert!(agent.stop());
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Captures and files one paper; `None` when the kill came in between.
fn file_one(agent: &Agent, holder: &str, number: usize) -> Option<String> {
    let capture = agent.try_upload(&picture(number))?;
    let body =
        json!({"holders": [holder], "kind": "form", "captures": [capture], "case": format!("K{number}")});
    let answer = agent.try_post("/v1/materials", &body, &[]).ok()?;
    let id = answer.expect(201)["id"].as_str().expect("an id").to_owned();
    Some(id)
}
