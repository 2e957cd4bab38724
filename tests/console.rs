//! Promise: the clerk's page is there for this PC's own browser, without a token, and tells no other page anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::agent::Agent;

const PATIENCE: Duration = Duration::from_secs(10);

/// Asks without a token; the head and the body of the answer.
fn ask(agent: &Agent, path: &str, host: &str, headers: &[(&str, &str)]) -> (String, String) {
    let own = agent.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(own).expect("the service listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    let answer = String::from_utf8(answer).expect("the page is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn the_page_needs_no_token_and_what_it_calls_does() {
    let agent = Agent::start();
    let own = agent.url.trim_start_matches("http://");
    let (head, page) = ask(&agent, "/console/", own, &[("Sec-Fetch-Site", "none")]);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for line in [
        "content-type: text/html; charset=utf-8",
        "x-content-type-options: nosniff",
        "cache-control: no-cache",
    ] {
        assert!(head.lines().any(|l| l == line), "{line}: {head}");
    }
    assert_eq!(head.matches("content-security-policy: default-src 'none';").count(), 1, "{head}");
    let named = page.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css"));
    let mut found = 0;
    for name in named {
        let (head, _) = ask(&agent, &format!("/console/{name}"), own, &[("Sec-Fetch-Site", "same-origin")]);
        assert!(head.starts_with("http/1.1 200"), "{name}: {head}");
        found += 1;
    }
    assert_eq!(found, 2, "the page names its script and its style");
    for path in ["/v1/status", "/v1/events", "/v1/captures?state=unfiled", "/v1/simulated/desk"] {
        let (head, _) = ask(&agent, path, own, &[("Sec-Fetch-Site", "same-origin")]);
        assert!(head.starts_with("http/1.1 401"), "{path}: {head}");
    }
    agent.get("/v1/simulated/desk").expect(200)["cards"].as_array().expect("cards are listed");
}

#[test]
fn nothing_of_it_is_given_to_other_names_or_other_pages() {
    let agent = Agent::start();
    let own = agent.url.trim_start_matches("http://");
    let (head, _) = ask(&agent, "/console/", "console.example:18680", &[]);
    assert!(head.starts_with("http/1.1 421"), "{head}");
    let foreign = [
        vec![("Origin", "http://evil.example")],
        vec![("Origin", "null")],
        vec![("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
        vec![("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors")],
    ];
    for headers in foreign {
        for path in ["/console/", "/console/main.js"] {
            let (head, _) = ask(&agent, path, own, &headers);
            assert!(head.starts_with("http/1.1 403"), "{headers:?} {path}: {head}");
        }
    }
    // A link from elsewhere may lead to it; a frame around it shows nothing, which the browser sees to.
    let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
    let (head, _) = ask(&agent, "/console/", own, &link);
    assert!(head.starts_with("http/1.1 200") && head.contains("frame-ancestors 'none'"), "{head}");
    let (head, _) = ask(&agent, "/console/no-such-file", own, &[]);
    assert!(head.starts_with("http/1.1 404") && head.contains("application/problem+json"), "{head}");
}
