//! The window that is attacked: a dossier is on file and open, and whatever changes or leaks is seen.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::rows::Attack;
use crate::support::agent::Agent;
use crate::support::assertion::{WindowSystem, unsigned};
use crate::support::shims;

const FORM: &[u8] = include_bytes!("../../fixtures/desk/01-form.jpg");
/// The person of the first simulated card.
pub(super) const ID_NUMBER: &str = "00000019900228001X";
const NAME: &str = "张一档";
/// A case number nobody else may see.
const CASE: &str = "SECRET-CASE-17";
/// After so long without another byte nothing more comes.
const PATIENCE: Duration = Duration::from_secs(3);

/// More than any answer has; a preview would go on for ever.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Tokens that do not do.
pub(super) struct Tokens {
    pub(super) good: String,
    pub(super) revoked: String,
    pub(super) expired: String,
    pub(super) card_only: String,
    pub(super) bound: String,
}

pub(super) struct Victim {
    agent: std::cell::RefCell<Agent>,
    /// Host and port.
    pub(super) own: String,
    /// Where its shims are.
    pub(super) shims: BTreeMap<&'static str, String>,
    pub(super) tokens: Tokens,
    pub(super) holder: String,
    pub(super) material: String,
    /// A ticket for a preview that was used already.
    pub(super) used_ticket: String,
    /// What window systems say, or are said to.
    pub(super) sayings: Vec<(&'static str, String)>,
    /// A clerk's session on the bound token, and the dossier that was opened in it.
    pub(super) session: String,
    pub(super) session_holder: String,
    /// The origin that a token is bound to.
    pub(super) page: &'static str,
}

/// All that came back on a connection.
pub(super) struct Received(pub(super) Vec<u8>);

impl Received {
    /// The status of every answer in it.
    pub(super) fn statuses(&self) -> impl Iterator<Item = u16> {
        let text = String::from_utf8_lossy(&self.0);
        let found: Vec<u16> = text
            .split("HTTP/1.")
            .skip(1)
            .filter_map(|rest| rest.get(2..5).and_then(|status| status.parse().ok()))
            .collect();
        found.into_iter()
    }
}

impl Victim {
    pub(super) fn with_a_dossier() -> Self {
        // How often it is asked is a table of its own.
        let agent = Agent::start_at_pace(1_000_000, &shims::sections());
        let holder = agent.read_card();
        let capture = agent.upload(FORM).expect(201)["id"].clone();
        let filing = json!({"holders": [holder], "kind": "form", "captures": [capture], "case": CASE});
        let material =
            agent.post("/v1/materials", &filing).expect(201)["id"].as_str().expect("an id").to_owned();
        let page = "https://one.example.gov.cn";
        let create = |name: &str, more: &[&str]| {
            let mut words = vec!["token", "create", "--name", name, "--scopes", "card,capture,archive:read"];
            words.extend(more);
            let made = agent.command(&words);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            String::from_utf8_lossy(&made.stdout).trim().to_owned()
        };
        let tokens = Tokens {
            good: agent.token.clone(),
            revoked: create("revoked", &[]),
            expired: create("expired", &["--expires-days", "1"]),
            card_only: agent.make_token("card only", "card"),
            bound: create("bound", &["--origin", page]),
        };
        assert!(agent.command(&["token", "revoke", "--name", "revoked"]).status.success());
        let over = "UPDATE tokens SET expires_at = 1 WHERE name = 'expired'";
        rusqlite::Connection::open(agent.data().join("tokens.db"))
            .and_then(|db| db.execute(over, []))
            .expect("over");
        let used_ticket = used_ticket(&agent);
        let sayings = sayings(&agent);
        let (session, session_holder) = sit_down(&agent, &tokens.bound);
        let own = agent.url.trim_start_matches("http://").to_owned();
        let shims = shims::addresses(&agent);
        Self {
            agent: agent.into(),
            own,
            shims,
            tokens,
            holder,
            material,
            used_ticket,
            sayings,
            session,
            session_holder,
            page,
        }
    }

    /// Sends bytes as they are, and reads all that comes back. The own side stays open: to the daemon a client that
    /// has closed it is one that is gone, for whom nothing need be done.
    pub(super) fn send(&self, attack: &Attack) -> Received {
        let stream = begin_at(attack.at.as_deref().unwrap_or(&self.own), &attack.bytes);
        let mut answer = Vec::new();
        let _ = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
        Received(answer)
    }

    /// A connection with these bytes on it.
    pub(super) fn begin(&self, bytes: &[u8]) -> TcpStream {
        begin_at(&self.own, bytes)
    }

    /// All that an attack could change: the ledger, which has every look, and what waits.
    pub(super) fn state(&self) -> (Value, Value) {
        let agent = self.agent.borrow();
        let archive = agent.get("/v1/status").expect(200)["archive"].clone();
        (archive, agent.get("/v1/pairings").expect(200)["pairings"].clone())
    }

    /// What an answer tells that it must not; a foreign page must not even be let read the refusal.
    pub(super) fn leaks(&self, answer: &Received, is_foreign: bool) -> Vec<String> {
        let text = String::from_utf8_lossy(&answer.0);
        let secrets = [NAME, ID_NUMBER, CASE, &self.tokens.good, "root:x:0:0", "BEGIN PRIVATE"];
        let mut leaks: Vec<_> =
            secrets.iter().filter(|s| text.contains(**s)).map(|s| format!("it tells {s}")).collect();
        if is_foreign && text.to_ascii_lowercase().contains("access-control-allow-origin") {
            leaks.push("a foreign page may read the answer".to_owned());
        }
        leaks
    }

    /// What its own programs may do, as whole requests.
    pub(super) fn allowed(&self) -> Vec<(&'static str, Vec<u8>, Option<String>)> {
        let (own, token) = (&self.own, &self.tokens.good);
        let request = |line: &str, body: &str| {
            format!(
                "{line} HTTP/1.1\r\nHost: {own}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        let of_page = |path: &str, host: &str, page: &str| {
            let line = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {page}\r\n");
            format!("{line}Connection: close\r\n\r\n").into_bytes()
        };
        let shim = self.shims["huashi-19196"].trim_start_matches("http://").to_owned();
        vec![
            ("a card is read", request("POST /v1/card/read", "{}"), None),
            ("a dossier is seen", request(&format!("GET /v1/materials/{}", self.material), ""), None),
            ("a page may read the status", of_page("/v1/health", own, self.page), None),
            ("an old page reads a card", of_page("/readcard", &shim, shims::PAGE), Some(shim.clone())),
        ]
    }

    /// Somebody is served, though others hold every place.
    pub(super) fn is_there(&self) {
        self.agent.borrow().get("/v1/health").expect(200);
    }

    /// The window works.
    pub(super) fn is_well(&self) {
        let agent = self.agent.borrow();
        agent.get("/v1/health").expect(200);
        agent.read_card();
    }

    /// The daemon's memory.
    pub(super) fn resident_kb(&self) -> u64 {
        let path = format!("/proc/{}/status", self.agent.borrow().process_id());
        let status = std::fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
    }

    pub(super) fn stop_and_read_log(&self) -> String {
        assert!(self.agent.borrow_mut().stop());
        self.agent.borrow().read_log()
    }
}

fn begin_at(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The daemon may have closed it again.
    let _ = stream.write_all(bytes);
    stream
}

/// A ticket that somebody has used, as it would be found in an address.
fn used_ticket(agent: &Agent) -> String {
    let given = agent.post("/v1/preview-tickets", &json!({})).expect(201);
    let url = given["url"].as_str().expect("an address").to_owned();
    let preview = crate::support::preview::Preview::begin(&agent.url, &url, &[]);
    assert_eq!(preview.status, 200);
    url
}

/// Assertions of which none is to be believed; a window system is registered, and one was used.
fn sayings(agent: &Agent) -> Vec<(&'static str, String)> {
    let (hall, stranger) = (WindowSystem::new(1), WindowSystem::new(2));
    let added = agent.command_with_input(&["operator", "key", "add", "--name", "hall"], &hall.pem());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let stolen = hall.says("clerk-07", "a-1", &json!({}));
    let thief = agent.make_token("own", "card");
    assert_eq!(call(agent, &thief, "/v1/operator/session", &json!({"assertion": stolen}), None).0, 201);
    let none = json!({"alg": "none", "typ": "JWT"});
    let over = json!({"iat": 1_700_000_000, "exp": 1_700_000_120});
    let bare = |header: &Value| format!("{}.", unsigned(header, "clerk-07", "a-2", &json!({})));
    vec![
        ("used before", stolen),
        ("expired", hall.says("clerk-07", "a-3", &over)),
        ("of an hour's life", hall.says("clerk-07", "a-4", &json!({"exp": 4_000_000_000_u64}))),
        ("for another counter", hall.says("clerk-07", "a-5", &json!({"aud": "other-window"}))),
        ("for no counter", hall.says("clerk-07", "a-6", &json!({"aud": []}))),
        ("of algorithm none", bare(&none)),
        ("of algorithm none, signed", hall.says_with(&none, "clerk-07", "a-7", &json!({}))),
        ("without its signature", bare(&json!({"alg": "EdDSA"}))),
        ("of HS256 with the public key", hall.confused("clerk-07", "a-8")),
        ("of an unregistered key", stranger.says("clerk-07", "a-9", &json!({}))),
        ("of an unregistered name", hall.says("clerk-07", "a-10", &json!({"iss": "' OR 1=1 --"}))),
        ("of nobody", hall.says(" ", "a-11", &json!({}))),
        ("of two lines", hall.says("clerk\nFORGED", "a-12", &json!({}))),
    ]
}

/// A clerk signs in with this token, and reads a card; session and dossier.
fn sit_down(agent: &Agent, token: &str) -> (String, String) {
    let added = agent.command_with_input(&["operator", "add", "--name", "clerk-07"], "605112");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let proof = json!({"operator": "clerk-07", "pin": "605112"});
    let (status, seat) = call(agent, token, "/v1/operator/session", &proof, None);
    assert_eq!(status, 201, "{seat}");
    let session = seat["session"].as_str().expect("a session").to_owned();
    let (status, card) = call(agent, token, "/v1/card/read", &json!({}), Some(&session));
    assert_eq!(status, 200);
    (session, card["holder"].as_str().expect("a holder").to_owned())
}

fn call(agent: &Agent, token: &str, path: &str, body: &Value, session: Option<&str>) -> (u16, Value) {
    let client: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = client
        .post(format!("{}{path}", agent.url))
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Bearer {token}"));
    if let Some(session) = session {
        request = request.header("Yidang-Session", session);
    }
    let mut answer = request.send(body.to_string()).expect("the agent answers");
    let bytes = answer.body_mut().read_to_vec().expect("a body");
    (answer.status().as_u16(), serde_json::from_slice(&bytes).expect("JSON"))
}
