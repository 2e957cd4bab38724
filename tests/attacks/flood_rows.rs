//! Rows of the attack table that are many requests: a program gone wild, over and over or all at once. It is told to wait,
//! truthfully, and another program of the same PC works meanwhile.

use serde_json::json;

use super::crowd::{Asked, Head, sent_away};
use crate::support::agent::Agent;
use crate::support::{shims, wait_until};

const FORM: &[u8] = include_bytes!("../../fixtures/desk/01-form.jpg");
const SMALL: &[u8] = include_bytes!("../../fixtures/desk/small.jpg");
const SCOPES: &str = "card,capture,archive:write,archive:read";

/// A window, a program gone wild and one that is not.
struct Flooded {
    agent: Agent,
    host: String,
    wild: String,
    clerk: String,
}

impl Flooded {
    fn at_pace(calls_per_second: u32) -> Self {
        Self::of(Agent::start_at_pace(calls_per_second, &shims::sections()))
    }

    fn of(agent: Agent) -> Self {
        let host = agent.url.trim_start_matches("http://").to_owned();
        let clerk = agent.make_token("clerk's page", SCOPES);
        Self { wild: String::new(), agent, host, clerk }
    }

    /// The next row's program: what the one before did is not counted of it.
    fn next(&mut self, name: &str) {
        self.wild = self.agent.make_token(name, SCOPES);
    }

    fn ask(&self, token: &str, line: &str, media_type: &str, body: &[u8]) -> Asked {
        let mut request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        Asked::begin(&self.host, &request)
    }

    fn json(&self, token: &str, line: &str, body: &str) -> Asked {
        self.ask(token, line, "application/json", body.as_bytes())
    }

    fn upload(&self, token: &str, picture: &[u8]) -> Asked {
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n--b--\r\n");
        self.ask(token, "POST /v1/captures", "multipart/form-data; boundary=b", &body)
    }

    /// The other program does what a clerk's page does, and every bit of it works.
    fn clerk_works(&self, row: &str) {
        let done = |what: &str, asked: Asked, status: u16| {
            let head = asked.answer().unwrap_or_else(|| panic!("{row}: the clerk's {what} is hung up on"));
            assert_eq!(head.status, status, "{row}: the clerk's {what}: {}", head.body);
            head
        };
        done("status", self.json(&self.clerk, "GET /v1/status", ""), 200);
        done("events", self.json(&self.clerk, "GET /v1/events", ""), 200);
        done("card", self.json(&self.clerk, "POST /v1/card/read", "{\"wait_ms\": 20000}"), 200);
        done("capture", self.upload(&self.clerk, SMALL), 201);
        let ticket = done("ticket", self.json(&self.clerk, "POST /v1/preview-tickets", "{}"), 201);
        done("preview", self.preview(&self.clerk, &ticket), 200);
    }

    fn preview(&self, token: &str, ticket: &Head) -> Asked {
        let ticket: serde_json::Value = serde_json::from_str(&ticket.body).expect("a ticket");
        self.json(token, &format!("GET {}", ticket["url"].as_str().expect("an address")), "")
    }
}

/// Whoever was let in was served, the others were told to wait; for how long at least one was.
fn told_to_wait(row: &str, heads: &[Head]) -> u64 {
    let mut longest = None;
    for head in heads {
        match head.status {
            200 | 201 | 204 => {}
            429 => {
                assert!(head.body.contains("\"too_many\""), "{row}: {}", head.body);
                let wait = head.retry_after_s.unwrap_or_else(|| panic!("{row}: no Retry-After"));
                longest = longest.max(Some(wait));
            }
            other => panic!("{row}: {other} {}", head.body),
        }
    }
    longest.unwrap_or_else(|| panic!("{row}: nobody was told to wait"))
}

/// One call after the other, much faster than a program may; whoever then waits as long as told gets through.
#[test]
fn a_program_that_calls_in_a_loop_is_slowed_down_alone() {
    let mut window = Flooded::at_pace(20);
    let holder = window.agent.read_card();
    let capture = window.agent.upload(SMALL).expect(201)["id"].clone();
    let filing = json!({"holders": [holder], "kind": "form", "captures": [capture]});
    let material =
        window.agent.post("/v1/materials", &filing).expect(201)["id"].as_str().expect("an id").to_owned();
    type Loop<'a> = (&'static str, usize, &'a dyn Fn(&Flooded) -> Asked);
    let rows: [Loop<'_>; 4] = [
        ("calls", 400, &|w| w.json(&w.wild, "GET /v1/sync", "")),
        ("card readings", 60, &|w| w.json(&w.wild, "POST /v1/card/read", "{}")),
        ("captures", 40, &|w| w.upload(&w.wild, SMALL)),
        ("documents", 60, &|w| w.json(&w.wild, &format!("GET /v1/materials/{material}/document.pdf"), "")),
    ];
    for (row, count, ask) in rows {
        window.next(row);
        if row == "documents" {
            // Its own card reading, so that the dossier is open to it.
            let head = window.json(&window.wild, "POST /v1/card/read", "{}").answer().expect("an answer");
            assert_eq!(head.status, 200, "{}", head.body);
        }
        let heads: Vec<Head> = (0..count).map(|_| ask(&window).answer().expect("an answer")).collect();
        let wait_s = told_to_wait(row, &heads);
        window.clerk_works(row);
        std::thread::sleep(std::time::Duration::from_secs(wait_s));
        let after = ask(&window).answer().expect("an answer");
        assert!(after.status < 300, "{row}: after {wait_s} s: {} {}", after.status, after.body);
    }
    // An old page that a shim lets in has its own count.
    let shim = shims::addresses(&window.agent)["huashi-19196"].trim_start_matches("http://").to_owned();
    let call = format!("GET /readcard HTTP/1.1\r\nHost: {shim}\r\nOrigin: {}\r\n\r\n", shims::PAGE);
    let calls = (0..400).map(|_| Asked::begin(&shim, call.as_bytes()).answer().expect("an answer"));
    told_to_wait("an old page", &calls.collect::<Vec<_>>());
    window.clerk_works("an old page");
}

/// All at once, and none of them let go of.
#[test]
fn a_program_that_holds_on_to_everything_leaves_room_for_others() {
    const ASKED: usize = 100;
    let mut window = Flooded::of(Agent::start());
    type Crowd<'a> = (&'static str, usize, usize, &'a dyn Fn(&Flooded) -> Asked);
    let stalled = b"{\"holders\": [".as_slice();
    let rows: [Crowd<'_>; 4] = [
        ("event streams", ASKED, 64, &|w| w.json(&w.wild, "GET /v1/events", "")),
        ("waiting polls", ASKED, 64, &|w| w.json(&w.wild, "GET /v1/events?wait_ms=25000", "")),
        ("pictures in work", 60, 40, &|w| w.upload(&w.wild, FORM)),
        ("calls that are never sent to their end", 300, 256, &|w| {
            let head = format!(
                "POST /v1/materials HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n",
                w.host, w.wild
            );
            Asked::begin(&w.host, &[head.as_bytes(), stalled].concat())
        }),
    ];
    for (row, count, let_in, ask) in rows {
        window.next(row);
        let mut asked: Vec<Asked> = (0..count).map(|_| ask(&window)).collect();
        let heads = sent_away(&mut asked, count - let_in);
        told_to_wait(row, &heads);
        window.clerk_works(row);
        drop(asked);
        wait_until("places are given back", || {
            window.json(&window.wild, "GET /v1/events", "").answer().is_some_and(|head| head.status == 200)
        });
    }
}

/// The card reader and the camera are one each, and whoever waits for them waits in a queue that all share.
#[test]
fn a_program_that_waits_for_devices_leaves_room_for_others() {
    let mut window = Flooded::of(Agent::start());
    window.agent.post("/v1/simulated/card", &json!({"insert": null})).expect(204);
    window.next("card readings");
    let read = |w: &Flooded, token: &str| w.json(token, "POST /v1/card/read", "{\"wait_ms\": 30000}");
    let mut asked: Vec<Asked> = (0..30).map(|_| read(&window, &window.wild)).collect();
    let heads = sent_away(&mut asked, 30 - 8);
    told_to_wait("card readings", &heads);
    let clerk = read(&window, &window.clerk);
    window.agent.post("/v1/simulated/card", &json!({"insert": "01-resident"})).expect(204);
    assert_eq!(clerk.answer().expect("an answer").status, 200);
    window.next("preview tickets");
    let ticket = |w: &Flooded| w.json(&w.wild, "POST /v1/preview-tickets", "{}").answer().expect("an answer");
    let heads: Vec<Head> = (0..20).map(|_| ticket(&window)).collect();
    // Until the first of them is too old, which it is after 30 seconds.
    let wait_s = told_to_wait("preview tickets", &heads);
    assert!((1..=30).contains(&wait_s), "{wait_s}");
    window.clerk_works("preview tickets");
    window.next("previews");
    let tickets: Vec<Head> = (0..10)
        .map(|_| window.json(&window.wild, "POST /v1/preview-tickets", "{}").answer().expect("a ticket"))
        .collect();
    let mut asked: Vec<Asked> = tickets.iter().map(|ticket| window.preview(&window.wild, ticket)).collect();
    let heads = sent_away(&mut asked, 10 - 4);
    told_to_wait("previews", &heads);
    window.clerk_works("previews");
}

/// What is captured and never filed does not fill the disk.
#[test]
fn a_program_that_files_nothing_is_stopped_before_the_disk_is_full() {
    const AT_ONCE: usize = 50;
    const CAPTURES_MAX: usize = 1000;
    let mut window = Flooded::of(Agent::start());
    window.next("captures that nobody files");
    let holder = window.agent.read_card();
    let capture = window.agent.upload(SMALL).expect(201)["id"].clone();
    let filing = json!({"holders": [holder], "kind": "form", "captures": vec![capture; AT_ONCE]});
    let material =
        window.agent.post("/v1/materials", &filing).expect(201)["id"].as_str().expect("an id").to_owned();
    let document = window.agent.get(&format!("/v1/materials/{material}/document.pdf")).bytes;
    for kept in 0..CAPTURES_MAX / AT_ONCE {
        let head = window.upload(&window.wild, &document).answer().expect("an answer");
        assert_eq!(head.status, 201, "after {kept}: {}", head.body);
    }
    let head = window.upload(&window.wild, SMALL).answer().expect("an answer");
    // What waits goes by itself, but not before two weeks are over: filing it or throwing it away helps at once.
    let days = told_to_wait("captures that nobody files", &[head]) as f64 / 86400.0;
    assert!((13.9..=14.0).contains(&days), "{days} days");
    window.clerk_works("captures that nobody files");
    let waiting = window.agent.get_as(&window.wild, "/v1/captures?limit=1").expect(200);
    let oldest = waiting["captures"][0]["id"].as_str().expect("an id").to_owned();
    window.agent.delete(&format!("/v1/captures/{oldest}")).expect(204);
    let head = window.upload(&window.wild, SMALL).answer().expect("an answer");
    assert_eq!(head.status, 201, "{}", head.body);
    // The count is the archive's, not the process's.
    window.agent.kill();
    window.agent.run();
    window.host = window.agent.url.trim_start_matches("http://").to_owned();
    let head = window.upload(&window.wild, SMALL).answer().expect("an answer");
    assert_eq!(head.status, 429, "{}", head.body);
}
