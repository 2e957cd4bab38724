//! The rows of the attack table.

use super::shim_rows::shim_rows;
use super::victim::{ID_NUMBER, Victim};

/// One attack.
pub(super) struct Attack {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// Statuses that refuse it.
    pub(super) refused_with: Vec<u16>,
    /// Whether a page of a foreign origin makes it, which may then not read the answer.
    pub(super) is_foreign: bool,
    /// Where it goes, if not to the local API.
    pub(super) at: Option<String>,
}

const EVIL: &str = "https://evil.example";
const JSON: &str = "Content-Type: application/json\r\n";

/// Collects rows of one kind.
struct Table<'a> {
    victim: &'a Victim,
    rows: Vec<Attack>,
}

pub(super) fn rows(victim: &Victim) -> Vec<Attack> {
    let mut table = Table { victim, rows: Vec::new() };
    foreign_pages(&mut table);
    null_and_odd_origins(&mut table);
    forged_requests(&mut table);
    rebinding(&mut table);
    tokens(&mut table);
    tickets(&mut table);
    clerks(&mut table);
    paths(&mut table);
    addresses_to_open(&mut table);
    bodies(&mut table);
    smuggling(&mut table);
    log_lines(&mut table);
    table.rows.extend(shim_rows(victim));
    table.rows
}

impl Table<'_> {
    fn add(&mut self, kind: &'static str, name: &str, refused_with: &[u16], request: String) {
        self.add_bytes(kind, name, refused_with, request.into_bytes());
    }

    fn add_bytes(&mut self, kind: &'static str, name: &str, refused_with: &[u16], bytes: Vec<u8>) {
        let is_foreign = ["foreign page", "odd origin", "forged request", "rebinding"].contains(&kind);
        let (name, refused_with) = (name.to_owned(), refused_with.to_vec());
        self.rows.push(Attack { kind, name, bytes, refused_with, is_foreign, at: None });
    }

    /// A whole request to the right host, with a good token unless `token` says otherwise.
    fn request(&self, line: &str, more: &str, body: &str) -> String {
        let token = format!("Authorization: Bearer {}\r\n", self.victim.tokens.good);
        self.bare(line, &format!("{token}{more}"), body)
    }

    /// The same without a token.
    fn bare(&self, line: &str, more: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n{body}",
            self.victim.own
        )
    }
}

/// A page of the internet calls, even with a token that it has stolen.
fn foreign_pages(table: &mut Table<'_>) {
    let kind = "foreign page";
    let from = format!("Origin: {EVIL}\r\nSec-Fetch-Site: cross-site\r\n");
    let material = format!("GET /v1/materials/{}", table.victim.material);
    let holder = format!("GET /v1/holders/{}/materials", table.victim.holder);
    for (name, line) in [
        ("fetch of a paper", material.as_str()),
        ("fetch of a dossier", &holder),
        ("fetch of the status", "GET /v1/status"),
        ("fetch of health", "GET /v1/health"),
        ("fetch of the document", "GET /v1/openapi.json"),
        ("events by EventSource", "GET /v1/events"),
        ("events by long poll", "GET /v1/events?wait_ms=0"),
        ("fetch of the clerk's page", "GET /console/"),
    ] {
        table.add(kind, name, &[403], table.request(line, &from, ""));
    }
    for (name, line) in [("card", "POST /v1/card/read"), ("capture", "POST /v1/captures")] {
        let request = table.request(line, &format!("{from}{JSON}"), "{}");
        table.add(kind, &format!("fetch that would {name}"), &[403], request);
    }
    let preflight = format!(
        "{from}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"
    );
    table.add(kind, "preflight", &[403], table.bare("OPTIONS /v1/card/read", &preflight, ""));
    let upgrade = format!(
        "{from}Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    );
    table.add(kind, "WebSocket", &[403], table.request("GET /v1/events", &upgrade, ""));
    for site in ["cross-site", "same-site"] {
        for mode in ["no-cors", "cors"] {
            let unnamed =
                format!("Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: image\r\n");
            let name = format!("picture without an origin, {site}, {mode}");
            table.add(kind, &name, &[403], table.bare("GET /v1/health", &unnamed, ""));
        }
    }
}

fn null_and_odd_origins(table: &mut Table<'_>) {
    let own = table.victim.own.clone();
    let port = own.rsplit(':').next().unwrap_or_default().to_owned();
    for origin in [
        "null".to_owned(),
        "file://".to_owned(),
        String::new(),
        format!("https://{own}"),
        format!("http://{own}.evil.example"),
        format!("http://{own}@evil.example"),
        format!("http://localhost.evil.example:{port}"),
        "http://127.0.0.1:1".to_owned(),
        format!("{}.evil.example", table.victim.page),
        format!("{}:8443", table.victim.page),
        table.victim.page.replace("https", "http"),
        table.victim.page.to_uppercase(),
        format!("{EVIL}, {}", table.victim.page),
    ] {
        let request = table.request("GET /v1/status", &format!("Origin: {origin}\r\n"), "");
        table.add("odd origin", &format!("Origin: {origin}"), &[403], request);
    }
    let twice = format!("Origin: {}\r\nOrigin: {EVIL}\r\n", table.victim.page);
    table.add("odd origin", "two origins", &[403, 421], table.request("GET /v1/status", &twice, ""));
}

/// What a page can have a browser send without asking first: forms, and texts.
fn forged_requests(table: &mut Table<'_>) {
    let kind = "forged request";
    for media_type in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=b"] {
        let head = format!(
            "Origin: {EVIL}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nContent-Type: {media_type}\r\n"
        );
        let request = table.bare("POST /v1/card/read", &head, "{}");
        table.add(kind, &format!("form of {media_type}"), &[403], request);
        let old = format!("Content-Type: {media_type}\r\nCookie: token={}\r\n", table.victim.tokens.good);
        let request = table.bare("POST /v1/card/read", &old, "{}");
        table.add(kind, &format!("form of an old browser, {media_type}"), &[401], request);
    }
    for path in ["/v1/pairings/decide", "/v1/simulated/card", "/v1/erasures"] {
        let body = format!("{{\"material\": \"{}\", \"reason\": \"x\"}}", table.victim.material);
        let request = table.bare(&format!("POST {path}"), "Content-Type: text/plain\r\n", &body);
        table.add(kind, &format!("text to {path}"), &[401], request);
    }
}

/// A name of the attacker's that leads to this machine, and other tricks with `Host`.
fn rebinding(table: &mut Table<'_>) {
    let kind = "rebinding";
    let own = table.victim.own.clone();
    let port = own.rsplit(':').next().unwrap_or_default().to_owned();
    let token = format!("Authorization: Bearer {}\r\nConnection: close\r\n", table.victim.tokens.good);
    for host in [
        format!("evil.example:{port}"),
        "evil.example".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        format!("{own}.evil.example"),
        format!("evil.example@{own}"),
        format!("{own}@evil.example"),
        format!("127.0.0.2:{port}"),
        format!("0.0.0.0:{port}"),
        format!("localhost.:{port}"),
        "127.0.0.1:80".to_owned(),
        "127.0.0.1".to_owned(),
        String::new(),
        format!("{own}/"),
        format!("{own} evil.example"),
    ] {
        let request = format!("GET /v1/status HTTP/1.1\r\nHost: {host}\r\n{token}\r\n");
        table.add(kind, &format!("Host: {host}"), &[400, 421], request);
    }
    let two = format!("GET /v1/status HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n{token}\r\n");
    table.add(kind, "two hosts", &[400, 421], two);
    table.add(kind, "no host", &[400, 421], format!("GET /v1/status HTTP/1.1\r\n{token}\r\n"));
    table.add(
        kind,
        "HTTP/1.0 without a host",
        &[400, 421],
        format!("GET /v1/status HTTP/1.0\r\n{token}\r\n"),
    );
    let absolute = format!("GET http://evil.example/v1/status HTTP/1.1\r\nHost: {own}\r\n{token}\r\n");
    table.add(kind, "another host in the address", &[400, 421], absolute);
    let connect = format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n{token}\r\n");
    table.add(kind, "as a proxy", &[400, 404, 405, 421], connect);
}

fn tokens(table: &mut Table<'_>) {
    let kind = "token";
    let victim = table.victim;
    let read = "POST /v1/card/read";
    let with = |value: &str| format!("{JSON}Authorization: {value}\r\n");
    let good = victim.tokens.good.as_str();
    for (name, value, status) in [
        ("none", String::new(), 401),
        ("invented", "Bearer ydt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(), 401),
        ("revoked", format!("Bearer {}", victim.tokens.revoked), 401),
        ("expired", format!("Bearer {}", victim.tokens.expired), 401),
        ("cut short", format!("Bearer {}", &good[..good.len() - 1]), 401),
        ("as Basic", format!("Basic {good}"), 401),
        ("two in one", format!("Bearer {good} {good}"), 401),
        ("of SQL", "Bearer ' OR 1=1 --".to_owned(), 401),
    ] {
        table.add(kind, name, &[status], table.bare(read, &with(&value), "{}"));
    }
    let query = format!("POST /v1/card/read?token={good}&access_token={good}");
    table.add(kind, "in the address", &[401], table.bare(&query, JSON, "{}"));
    let cookie = format!("{JSON}Cookie: token={good}; Authorization=Bearer {good}\r\n");
    table.add(kind, "as a cookie", &[401], table.bare(read, &cookie, "{}"));
    let short = format!("Authorization: Bearer {}\r\n{JSON}", victim.tokens.card_only);
    for (name, line, body) in [
        (
            "files",
            "POST /v1/materials",
            format!("{{\"holders\": [\"{}\"], \"kind\": \"a\", \"captures\": [\"b\"]}}", victim.holder),
        ),
        (
            "erases",
            "POST /v1/erasures",
            format!("{{\"material\": \"{}\", \"reason\": \"x\"}}", victim.material),
        ),
        ("captures", "POST /v1/captures", "{}".to_owned()),
        ("administers", "POST /v1/simulated/card", "{\"insert\": null}".to_owned()),
        ("looks", &format!("GET /v1/materials/{}", victim.material), String::new()),
    ] {
        table.add(kind, &format!("without the scope {name}"), &[403], table.bare(line, &short, &body));
    }
    // The good token opened this dossier; another one of the same PC, with the scope to read, did not.
    let other = format!("Authorization: Bearer {}\r\nOrigin: {}\r\n", victim.tokens.bound, victim.page);
    let line = format!("GET /v1/holders/{}/materials", victim.holder);
    table.add(kind, "of another program, at an open dossier", &[404], table.bare(&line, &other, ""));
    let line = format!("GET /v1/materials/{}", victim.material);
    table.add(kind, "of another program, at a paper", &[403], table.bare(&line, &other, ""));
    let moved = format!("Authorization: Bearer {}\r\nOrigin: https://two.example\r\n", victim.tokens.bound);
    table.add(kind, "at another page than its own", &[403], table.bare("GET /v1/status", &moved, ""));
    let unbound = format!("Authorization: Bearer {good}\r\nOrigin: {}\r\n", victim.page);
    table.add(kind, "a program's, at a page", &[403], table.bare("GET /v1/status", &unbound, ""));
}

fn tickets(table: &mut Table<'_>) {
    let kind = "ticket";
    let used = table.victim.used_ticket.clone();
    table.add(kind, "used before", &[403], table.bare(&format!("GET {used}"), "", ""));
    let (camera, _) = used.split_once('?').unwrap_or((&used, ""));
    for ticket in ["", "?ticket=", "?ticket=AAAA", "?ticket=%00", "?ticket=../../x"] {
        table.add(
            kind,
            &format!("invented {ticket:?}"),
            &[403],
            table.bare(&format!("GET {camera}{ticket}"), "", ""),
        );
    }
    let token = format!("GET {camera}?ticket={}", table.victim.tokens.good);
    table.add(kind, "a token in its place", &[403], table.bare(&token, "", ""));
}

/// Who says that a clerk sits there, and uses what a clerk has open.
fn clerks(table: &mut Table<'_>) {
    let kind = "clerk";
    let victim = table.victim;
    let sign_in = "POST /v1/operator/session";
    for (name, saying) in &victim.sayings {
        let body = format!("{{\"assertion\": \"{saying}\"}}");
        table.add(kind, &format!("assertion {name}"), &[403], table.request(sign_in, JSON, &body));
    }
    let long = format!("{{\"assertion\": \"{}\"}}", "A".repeat(5000));
    table.add(kind, "assertion without an end", &[422], table.request(sign_in, JSON, &long));
    for (name, body, status) in [
        ("nobody's name", "{\"operator\": \"' OR 1=1 --\", \"pin\": \"605112\"}", 403),
        ("a PIN that is none", "{\"operator\": \"clerk-07\", \"pin\": \"' OR 1=1\"}", 422),
        ("no PIN", "{\"operator\": \"clerk-07\", \"pin\": \"\"}", 422),
        ("a list of PINs", "{\"operator\": \"clerk-07\", \"pin\": [\"605112\", \"605113\"]}", 422),
    ] {
        table.add(kind, &format!("by {name}"), &[status], table.request(sign_in, JSON, body));
    }
    let dossier = format!("GET /v1/holders/{}/materials", victim.session_holder);
    let bound = format!("Authorization: Bearer {}\r\n", victim.tokens.bound);
    let carried = format!("Yidang-Session: {}\r\n", victim.session);
    table.add(kind, "session of another token", &[401], table.request(&dossier, &carried, ""));
    table.add(kind, "dossier of a session without it", &[404], table.bare(&dossier, &bound, ""));
    for session in
        ["0".repeat(32), victim.session[..31].to_owned(), victim.tokens.good.clone(), "*".to_owned()]
    {
        let invented = format!("{bound}Yidang-Session: {session}\r\n");
        let name = format!("invented session {}", &session[..1]);
        table.add(kind, &name, &[401], table.bare(&dossier, &invented, ""));
    }
    let other_name = format!("{bound}{carried}{JSON}Yidang-Operator: clerk-08\r\n");
    table.add(kind, "another clerk's name", &[403], table.bare("POST /v1/card/read", &other_name, "{}"));
    let cookie = format!("{bound}Cookie: Yidang-Session={}\r\n", victim.session);
    table.add(kind, "session as a cookie", &[404], table.bare(&dossier, &cookie, ""));
    let query = format!("{dossier}?session={}", victim.session);
    table.add(kind, "session in the address", &[404, 422], table.bare(&query, &bound, ""));
    let form = format!("Origin: {EVIL}\r\nSec-Fetch-Site: cross-site\r\nContent-Type: text/plain\r\n");
    let body = "{\"operator\": \"clerk-07\", \"pin\": \"605112\"}";
    table.add(kind, "signed in by a foreign form", &[403], table.bare(sign_in, &form, body));
}

fn paths(table: &mut Table<'_>) {
    let kind = "path";
    for path in [
        "/console/../../../../etc/passwd",
        "/console/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/console/..%2f..%2f..%2fetc%2fpasswd",
        "/console/..%5c..%5cwindows%5cwin.ini",
        "/console//etc/passwd",
        "/console/main.js/../../../etc/passwd",
        "/console/main.js%00.html",
        "//etc/passwd",
        "/v1/../etc/passwd",
        "/v1/captures/..%2f..%2fledger.db/image",
        "/v1/captures/%2e%2e/image",
        "/v1/materials/../../tokens.db",
        "/v1/materials/%00",
        "/v1/materials/%ff%fe",
        "/v1/cameras/..%2f..%2fdev%2fvideo0/preview",
        "/v1/cameras/%2fdev%2fmem/preview",
        "/v1/erasures/' OR 1=1 --",
        "/v1/holders/%2e%2e%2f%2e%2e/materials",
    ] {
        let request = table.request(&format!("GET {path}"), "", "");
        table.add(kind, path, &[400, 403, 404, 405], request);
    }
}

/// The service opens no file and no address that a caller names.
fn addresses_to_open(table: &mut Table<'_>) {
    let kind = "address to open";
    for place in [
        "file:///etc/passwd",
        "/etc/passwd",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest",
        "\\\\\\\\evil\\\\share",
    ] {
        for field in ["url", "path", "file", "photo", "frame"] {
            let body = format!("{{\"{field}\": \"{place}\"}}");
            let request = table.request("POST /v1/captures", JSON, &body);
            table.add(kind, &format!("capture of {field} {place}"), &[422], request);
        }
        let body = format!("{{\"insert\": \"{place}\"}}");
        let request = table.request("POST /v1/simulated/card", JSON, &body);
        table.add(kind, &format!("simulated card {place}"), &[404, 422], request);
        let body = format!("{{\"frame\": \"../../{place}\"}}");
        let request = table.request("POST /v1/simulated/desk", JSON, &body);
        table.add(kind, &format!("simulated frame {place}"), &[404, 422], request);
        let body = format!("{{\"camera\": \"{place}\"}}");
        let request = table.request("POST /v1/captures", JSON, &body);
        table.add(kind, &format!("camera {place}"), &[422, 503], request);
    }
}

fn bodies(table: &mut Table<'_>) {
    let kind = "body";
    let deep = "[".repeat(100_000);
    let deep_object = "{\"holders\":".repeat(20_000);
    let long = format!("{{\"kind\": \"{}\"}}", "a".repeat(300 << 10));
    let many = format!("{{\"holders\": [{}\"\"]}}", "\"\",".repeat(60_000));
    for (name, body, statuses) in [
        ("deep list", deep.as_str(), [422, 413]),
        ("deep objects", &deep_object, [422, 413]),
        ("too long", &long, [413, 413]),
        ("many elements", &many, [422, 413]),
        ("twice the same field", "{\"kind\": \"a\", \"kind\": \"b\"}", [422, 422]),
        ("a number beyond all bounds", "{\"holders\": [], \"kind\": 1e999999}", [422, 422]),
        ("half a surrogate", "{\"kind\": \"\\ud800\"}", [422, 422]),
        ("two documents", "{} {}", [422, 422]),
        ("nothing", "", [422, 422]),
        ("XML", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>", [422, 422]),
    ] {
        table.add(kind, name, &statuses, table.request("POST /v1/materials", JSON, body));
    }
    let mut bad_utf8 = table.request("POST /v1/materials", JSON, "{\"kind\": \"XX\"}").into_bytes();
    let at = bad_utf8.len() - 4;
    bad_utf8[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    table.add_bytes(kind, "bytes that are no text", &[422], bad_utf8);
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = |name: &str, content: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../../../../tmp/x.jpg\"\r\n\r\n{content}\r\n--b--\r\n"
        )
    };
    for (name, body) in [
        ("upload of no picture", part("file", "no picture")),
        ("upload of a header that claims gigabytes", part("file", "\u{fffd}PNG\r\n\u{1a}\nIHDR")),
        (
            "upload without an end",
            "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc".to_owned(),
        ),
        ("upload of a field that is none", part("path", "/etc/passwd")),
    ] {
        table.add(kind, name, &[400, 415, 422], table.request("POST /v1/captures", multipart, &body));
    }
    for media_type in ["text/plain", "application/xml", "image/jpeg", ""] {
        let head = format!("Content-Type: {media_type}\r\n");
        let request = table.request("POST /v1/materials", &head, "{}");
        table.add(kind, &format!("as {media_type:?}"), &[415, 422], request);
    }
}

/// A second request hidden in the first: it must not be answered as one.
fn smuggling(table: &mut Table<'_>) {
    let kind = "smuggling";
    let own = table.victim.own.clone();
    let token = format!("Authorization: Bearer {}", table.victim.tokens.good);
    let hidden =
        format!("GET /v1/materials/{} HTTP/1.1\r\nHost: {own}\r\n{token}\r\n\r\n", table.victim.material);
    let begin = format!("POST /v1/nothing HTTP/1.1\r\nHost: {own}\r\nOrigin: {EVIL}\r\n");
    for (name, head, body) in [
        ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n", ""),
        ("a length with a sign", "Content-Length: +0\r\n", ""),
        ("a length of hexadecimals", "Content-Length: 0x0\r\n", ""),
        ("a spaced header", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
        ("a folded header", "X: a\r\n Transfer-Encoding: chunked\r\n", ""),
        ("a chunk size that overflows", "Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n"),
    ] {
        let request = format!("{begin}{head}\r\n{body}{hidden}");
        // What is a request of its own, by the rules of HTTP, is the caller's own and no trick: it may be answered as it
        // would be alone. None of these is.
        table.add(kind, name, &[400, 403, 404, 413, 421, 422], request);
    }
}

fn log_lines(table: &mut Table<'_>) {
    let kind = "log line";
    let forged = "2026-01-01T00:00:00Z  INFO FORGED";
    let encoded = "%0a2026-01-01T00:00:00Z%20%20INFO%20FORGED";
    let paths = [format!("GET /{encoded}"), format!("GET /v1/materials/{encoded}")];
    for line in paths {
        table.add(kind, &line, &[404], table.request(&line, "", ""));
    }
    let operator = format!("Yidang-Operator: clerk{encoded}\r\n");
    let request = table.request("POST /v1/card/read", &format!("{JSON}{operator}"), "{}");
    table.add(kind, "in the clerk's name", &[422], request);
    let key = format!("Idempotency-Key: k{encoded}\r\n");
    let request = table.request("POST /v1/card/read", &format!("{JSON}{key}"), "{}");
    table.add(kind, "in a key", &[422], request);
    let origin = format!("Origin: https://evil.example\u{85}{forged}\r\n");
    table.add(kind, "in an origin", &[400, 403, 421], table.request("GET /v1/status", &origin, ""));
    let body = format!("{{\"name\": \"a\\n{forged}\", \"scopes\": [\"card\"]}}");
    table.add(kind, "in a program's name", &[422], table.bare("POST /v1/pairings", JSON, &body));
    let body = format!("{{\"{ID_NUMBER}\\n{forged}\": 1}}");
    table.add(kind, "in a field's name", &[422], table.request("POST /v1/captures", JSON, &body));
}
