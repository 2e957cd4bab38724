//! Promise: whoever talks nonsense to the local API, or nothing at all, keeps nobody from working.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::agent::Agent;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
/// More than the agent keeps open at a time.
const FLOOD: usize = 700;
/// Longer than the agent waits for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(agent: &Agent) -> TcpStream {
    TcpStream::connect(agent.url.trim_start_matches("http://")).expect("a connection")
}

/// Connections that begin a request and go no further.
fn flood(agent: &Agent, begun: &str) -> Vec<TcpStream> {
    let begin = |_| {
        let mut stream = connect(agent);
        // The daemon may have closed it again.
        let _ = stream.write_all(begun.as_bytes());
        stream
    };
    (0..FLOOD).map(begin).collect()
}

#[test]
fn half_sent_requests_are_let_go_of_and_everyone_else_is_served() {
    let mut agent = Agent::start();
    let silent = flood(&agent, "GET /v1/he");
    let started = Instant::now();
    agent.get("/v1/health").expect(200);
    let holder = agent.read_card();
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post("/v1/materials", &body).expect(201);
    assert!(started.elapsed() < PATIENCE, "the daemon waits for those who say nothing");
    drop(silent);
    assert!(agent.stop());
}

#[test]
fn uploads_that_stop_in_the_middle_take_no_memory_for_long_and_no_turn() {
    let agent = Agent::start();
    let head = format!(
        "POST /v1/captures HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 30000000\r\n\r\n",
        agent.url.trim_start_matches("http://"),
        agent.token
    );
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let stalled: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = connect(&agent);
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(part.as_bytes()));
            let _ = stream.write_all(&vec![0; 1 << 20]);
            stream
        })
        .collect();
    let started = Instant::now();
    loop {
        let answer = agent.upload(FORM);
        if answer.status == 201 {
            break;
        }
        answer.is_problem(429, "too_many");
        assert!(started.elapsed() < PATIENCE, "stalled uploads keep their places");
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(stalled);
}

#[test]
fn what_is_no_http_is_answered_or_closed_and_the_daemon_goes_on() {
    let agent = Agent::start();
    let own = agent.url.trim_start_matches("http://").to_owned();
    let long = format!("GET /v1/health HTTP/1.1\r\nHost: {own}\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET /v1/health HTTP/1.1\r\nHost: {own}\r\n{}\r\n", "a: b\r\n".repeat(5000));
    let both = format!(
        "POST /v1/card/read HTTP/1.1\r\nHost: {own}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: {own}\r\n\r\n"
    );
    for nonsense in [
        "\u{16}\u{3}\u{1}\u{2}",
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        &long,
        &many,
        &both,
    ] {
        let mut stream = connect(&agent);
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let _ = stream.write_all(nonsense.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    agent.get("/v1/health").expect(200);
}
