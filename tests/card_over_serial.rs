//! Promise: an ID card is read through a real terminal, by the port and the driver that the configuration
//! names.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::wire::Wire;

/// Longest a test waits for something that happens in the background.
const WITHIN: Duration = Duration::from_secs(15);

fn section(driver: &str, wire: &Wire) -> String {
    format!("[card]\ndriver = \"{driver}\"\nport = \"{}\"\n", wire.path.display())
}

fn reader(agent: &Agent) -> Value {
    let status = agent.get("/v1/status").expect(200);
    let devices = status["devices"].as_array().expect("a list");
    devices.iter().find(|device| device["type"] == "card_reader").expect("the reader is told of").clone()
}

/// The reader once it is in this state.
fn reader_in_state(agent: &Agent, state: &str) -> Value {
    let started = Instant::now();
    loop {
        let reader = reader(agent);
        if reader["state"] == state {
            return reader;
        }
        assert!(started.elapsed() < WITHIN, "{reader}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_named_port_is_read_by_name_and_by_auto() {
    for driver in ["sam-serial", "auto"] {
        let wire = Wire::new();
        wire.manners().baud = 38_400;
        let agent = Agent::start_with_card(&section(driver, &wire));
        let reader = reader_in_state(&agent, "ready");
        assert_eq!(reader["driver"], "sam-serial", "{reader}");
        assert_eq!(reader["id"], wire.path.display().to_string(), "{reader}");
        let card = agent.post("/v1/card/read", &json!({})).expect(200);
        assert_eq!((&card["name"], &card["origin"]), (&json!("张一档"), &json!("device")));
    }
}

#[test]
fn every_reading_works_that_comes_into_a_look_for_the_card() {
    let wire = Wire::new();
    let agent = Agent::start_with_card(&section("sam-serial", &wire));
    reader_in_state(&agent, "ready");
    // Each reading ends the look that is under way, whose reply then comes late.
    wire.manners().thinks = Duration::from_millis(100);
    for pause in 0..8 {
        std::thread::sleep(Duration::from_millis(47 * pause));
        let card = agent.post("/v1/card/read", &json!({})).expect(200);
        assert_eq!(card["name"], "张一档");
    }
}

#[test]
fn a_line_that_ends_is_told_and_nothing_answers_before_it_is_back() {
    let wire = Wire::new();
    let agent = Agent::start_with_card(&section("sam-serial", &wire));
    reader_in_state(&agent, "ready");
    wire.manners().mute = true;
    let absent = reader_in_state(&agent, "absent");
    agent.post("/v1/card/read", &json!({})).is_problem(503, "reader_absent");
    assert!(absent["reason"].is_string(), "{absent}");
    wire.manners().mute = false;
    reader_in_state(&agent, "ready");
    agent.post("/v1/card/read", &json!({})).expect(200);
    wire.hang_up();
    reader_in_state(&agent, "absent");
    agent.post("/v1/card/read", &json!({})).is_problem(503, "reader_absent");
}
