//! Promise: a page or a program gets a token only when an administrator at this window says yes to the very one that
//! asks, and no more than it asked for.

use serde_json::{Value, json};

use crate::support::agent::{Agent, Answer};

const PAGE: &str = "https://one.example.gov.cn";
const OTHER: &str = "https://other.example";

/// A page of this origin calls, with no token but the given one; `None`: a program that is no page.
fn call(agent: &Agent, origin: Option<&str>, path: &str, body: &Value, token: Option<&str>) -> Answer {
    let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = client.post(format!("{}{path}", agent.url)).header("Content-Type", "application/json");
    if let Some(origin) = origin {
        request = request.header("Origin", origin).header("Sec-Fetch-Site", "cross-site");
    }
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.send(body.to_string()).expect("the agent answers");
    let bytes = response.body_mut().read_to_vec().expect("a body");
    Answer { status: response.status().as_u16(), bytes }
}

fn ask(agent: &Agent, origin: Option<&str>, scopes: &[&str]) -> (String, String) {
    let asked =
        call(agent, origin, "/v1/pairings", &json!({"name": "窗口", "scopes": scopes}), None).expect(201);
    let text = |field: &str| asked[field].as_str().expect(field).to_owned();
    (text("pairing"), text("code"))
}

fn collect(agent: &Agent, origin: Option<&str>, pairing: &str) -> Answer {
    call(agent, origin, "/v1/pairings/collect", &json!({"pairing": pairing}), None)
}

#[test]
fn a_page_that_is_let_in_gets_a_token_bound_to_it_and_once() {
    let agent = Agent::start();
    let (pairing, code) = ask(&agent, Some(PAGE), &["card", "capture"]);
    let waiting = agent.get("/v1/pairings").expect(200);
    let expected = json!({"code": code, "name": "窗口", "origin": PAGE, "scopes": ["card", "capture"]});
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&waiting["pairings"][0][field], value, "{field}");
    }
    assert_eq!(collect(&agent, Some(PAGE), &pairing).expect(200)["state"], "waiting");
    agent.post("/v1/pairings/decide", &json!({"code": code, "accept": true})).expect(204);
    collect(&agent, Some(OTHER), &pairing).is_problem(404, "pairing_unknown");
    collect(&agent, None, &pairing).is_problem(404, "pairing_unknown");
    let given = collect(&agent, Some(PAGE), &pairing).expect(200);
    assert_eq!(given["state"], "paired");
    collect(&agent, Some(PAGE), &pairing).is_problem(404, "pairing_unknown");
    let token = given["token"].as_str();
    call(&agent, Some(PAGE), "/v1/card/read", &json!({}), token).expect(200);
    call(&agent, Some(OTHER), "/v1/card/read", &json!({}), token).is_problem(403, "origin_denied");
    let basis = json!({"subject": {"type": "provisional", "value": "T-1"}, "basis": "none"});
    call(&agent, Some(PAGE), "/v1/holders", &basis, token).is_problem(403, "scope_missing");
    let listed = agent.command(&["token", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("a list");
    let made = listed.as_array().expect("tokens").iter().find(|t| t["origin"] == PAGE).expect("it is listed");
    assert_eq!(made["scopes"], json!(["card", "capture"]));
}

#[test]
fn a_refusal_is_told_and_no_token_is_made() {
    let agent = Agent::start();
    let (pairing, code) = ask(&agent, None, &["card"]);
    agent.post("/v1/pairings/decide", &json!({"code": code, "accept": false})).expect(204);
    agent
        .post("/v1/pairings/decide", &json!({"code": code, "accept": true}))
        .is_problem(404, "pairing_unknown");
    let answer = collect(&agent, None, &pairing).expect(200);
    assert_eq!((answer["state"].as_str(), answer["token"].is_null()), (Some("refused"), true));
    collect(&agent, None, &pairing).is_problem(404, "pairing_unknown");
}

#[test]
fn nobody_lets_himself_in_and_nothing_but_pairing_is_open() {
    let agent = Agent::start();
    let (_, code) = ask(&agent, Some(PAGE), &["card"]);
    let decision = json!({"code": code, "accept": true});
    let clerk = agent.make_token("clerk", "card,capture,archive:write,archive:read,archive:assist");
    call(&agent, None, "/v1/pairings/decide", &decision, None).is_problem(401, "token_missing");
    call(&agent, None, "/v1/pairings/decide", &decision, Some(&clerk)).is_problem(403, "scope_missing");
    agent.get_as(&clerk, "/v1/pairings").is_problem(403, "scope_missing");
    for path in
        ["/v1/pairings/decide", "/v1/card/read", "/v1/captures", "/v1/pairings/", "/v1/pairings/collect/x"]
    {
        call(&agent, Some(PAGE), path, &decision, Some(&agent.token)).is_problem(403, "origin_denied");
    }
    for scope in
        ["admin", "archive:erase", "archive:assist", "archive:search", "card:fingerprint", "everything"]
    {
        let wish = json!({"name": "a", "scopes": [scope]});
        call(&agent, Some(PAGE), "/v1/pairings", &wish, None).is_problem(422, "invalid");
    }
    for name in ["", "\u{202e}nimda", "a\nb"] {
        let wish = json!({"name": name, "scopes": ["card"]});
        call(&agent, None, "/v1/pairings", &wish, None).is_problem(422, "invalid");
    }
    for origin in ["null", "file://", "chrome-extension://abcdefgh"] {
        let wish = json!({"name": "a", "scopes": ["card"]});
        call(&agent, Some(origin), "/v1/pairings", &wish, None).is_problem(403, "origin_denied");
    }
}

#[test]
fn a_crowd_of_pages_is_told_to_wait_and_takes_nothing() {
    let agent = Agent::start();
    for number in 0..8 {
        ask(&agent, Some(&format!("https://p{number}.example")), &["card"]);
    }
    let wish = json!({"name": "a", "scopes": ["card"]});
    call(&agent, Some(PAGE), "/v1/pairings", &wish, None).is_problem(429, "too_many");
    // The same page again takes its own place.
    ask(&agent, Some("https://p3.example"), &["card"]);
    assert_eq!(agent.get("/v1/pairings").expect(200)["pairings"].as_array().map(Vec::len), Some(8));
}

#[test]
fn a_window_that_takes_no_requests_says_so_and_to_strange_pages_nothing() {
    let mut agent = Agent::start();
    assert!(agent.stop());
    let config = agent.folder.path().join("yidang.toml");
    let text = std::fs::read_to_string(&config).expect("the file is read");
    std::fs::write(&config, text.replace("[http]\n", "[http]\npairing = false\n"))
        .expect("the file is written");
    agent.run();
    let wish = json!({"name": "a", "scopes": ["card"]});
    call(&agent, None, "/v1/pairings", &wish, None).is_problem(403, "pairing_closed");
    call(&agent, Some(PAGE), "/v1/pairings", &wish, None).is_problem(403, "origin_denied");
}

#[test]
fn an_expired_token_is_told_so() {
    let agent = Agent::start();
    let day: [&str; 8] = ["token", "create", "--name", "short", "--scopes", "card", "--expires-days", "1"];
    let made = agent.command(&day);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secret = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    agent.get_as(&secret, "/v1/status").expect(200);
    let past = "UPDATE tokens SET expires_at = expires_at - 2 * 86400000 WHERE name = 'short'";
    let tokens = agent.data().join("tokens.db");
    rusqlite::Connection::open(tokens).and_then(|db| db.execute(past, [])).expect("its time is over");
    agent.get_as(&secret, "/v1/status").is_problem(401, "token_expired");
}

#[test]
fn the_command_line_takes_no_token_of_no_days() {
    let agent = Agent::start();
    let day: [&str; 8] = ["token", "create", "--name", "short", "--scopes", "card", "--expires-days", "0"];
    assert_eq!(agent.command(&day).status.code(), Some(2));
}
