//! A repository over std::net: as much of the contract as a window can notice, and faults on demand.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yidang_model::Digest;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is cut before anything is done.
    CutBefore,
    /// It is done, and the connection is cut before the answer.
    CutAfter,
    /// It is done, and the answer breaks off in its middle.
    CutInside,
    /// Nothing comes for so many milliseconds, then the cut.
    Stall(u64),
    /// It is done, and the answer and its body come late.
    Late {
        /// Milliseconds before the first byte.
        head_ms: u64,
        /// Milliseconds between head and body.
        body_ms: u64,
    },
    /// 200 with something that is no JSON.
    Garbage,
    /// 200 with JSON that is no answer.
    OtherJson,
    /// No HTTP at all.
    Noise,
    /// 500 without a problem document.
    Failed,
    /// 404 as a captive portal gives it.
    Portal,
    /// 302 to another server.
    Redirect(SocketAddr),
    /// 401 with its problem document.
    TokenInvalid,
    /// A body longer than any that may be.
    Endless,
    /// For pictures: other bytes than asked for.
    OtherBytes,
    /// For dossiers: everybody's papers.
    Everybody,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: HashMap<String, Vec<u8>>,
    /// Materials in the order they came, each as often as it was filed.
    pub(super) filed: Vec<Value>,
    pub(super) erasures: Vec<Value>,
    pub(super) refiled: Vec<Value>,
    /// Requests about originals that it has granted.
    pub(super) originals: Vec<Value>,
    /// What windows told it to be forgotten.
    pub(super) told_erased: Vec<Value>,
    /// Whether it is of a version that knows neither.
    pub(super) is_older: bool,
    pub(super) feed: Vec<Value>,
    pub(super) refuse_simulated: bool,
    /// With what reason, if not the one that is usual.
    pub(super) refusal: Option<String>,
    /// Whether a request to forget is carried out at once.
    pub(super) approves: bool,
    /// The code with which it denies.
    pub(super) denial: Option<&'static str>,
    /// Whether requests to forget are refused as they come.
    pub(super) denies: bool,
    /// Told with every erasure: pictures that stay with others.
    pub(super) shared_kept: Vec<String>,
    /// Every paper has become one with this one.
    pub(super) filed_as: Option<String>,
    pub(super) epoch: u32,
    pub(super) faults: VecDeque<(&'static str, Fault)>,
    /// Random faults: one request in so many, and the dice.
    pub(super) one_in: u64,
    pub(super) dice: u64,
    pub(super) requests: HashMap<String, u32>,
    pub(super) commits: BTreeMap<(String, u64), (Vec<u8>, Value)>,
    pub(super) grant_ended: bool,
    /// What enrolling is answered with, if not what it should be.
    pub(super) enrols_with: Option<u16>,
    stopping: bool,
}

pub(super) struct Repository {
    pub(super) address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

struct Request {
    method: String,
    path: String,
    query: HashMap<String, String>,
    key: Option<String>,
    body: Vec<u8>,
}

impl Repository {
    pub(super) fn start() -> Self {
        Self::start_at(
            "127.0.0.1:0".parse().unwrap(),
            State { approves: true, denial: Some("erasure_denied"), ..State::default() },
        )
    }

    pub(super) fn start_at(address: SocketAddr, state: State) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let served = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = served.clone();
                if shared.0.lock().unwrap().stopping {
                    return;
                }
                let stream = stream.unwrap();
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    pub(super) fn fault(&self, path: &'static str, fault: Fault) {
        self.state().faults.push_back((path, fault));
    }

    /// Puts an item on the feed.
    pub(super) fn announce(&self, mut item: Value) {
        let mut state = self.state();
        number(&mut state, &mut item);
        state.feed.push(item);
        self.shared.1.notify_all();
    }

    /// Identifiers of the materials filed, in order.
    pub(super) fn filed_ids(&self) -> Vec<String> {
        self.state().filed.iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends listening; what it knows can be started again.
    pub(super) fn stop(self) -> (SocketAddr, State) {
        self.state().stopping = true;
        self.shared.1.notify_all();
        let _ = TcpStream::connect(self.address);
        let mut state = std::mem::take(&mut *self.state());
        self.state().stopping = true;
        state.stopping = false;
        (self.address, state)
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.state().stopping = true;
        self.shared.1.notify_all();
        let _ = TcpStream::connect(self.address);
    }
}

pub(super) fn number(state: &mut State, item: &mut Value) {
    let last = state.feed.len() as u64;
    item["sequence"] = (last + 1).into();
    item["previous"] = last.into();
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut key) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => key = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Request { method, path: path.to_owned(), query, key, body })
}

fn serve(shared: &(Mutex<State>, Condvar), stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let fault = {
            let mut state = shared.0.lock().unwrap();
            if state.stopping {
                return;
            }
            let route = request.path.split('/').take(4).collect::<Vec<_>>().join("/");
            *state.requests.entry(route).or_default() += 1;
            next_fault(&mut state, &request.path)
        };
        match fault {
            Some(Fault::CutBefore) => return,
            Some(Fault::Stall(ms)) => return thread::sleep(Duration::from_millis(ms)),
            Some(fault @ (Fault::CutAfter | Fault::CutInside | Fault::OtherBytes)) => {
                let (status, mut body) = answer(shared, &request);
                match fault {
                    Fault::CutAfter => return,
                    Fault::OtherBytes => {
                        body.push(b'!');
                        send(&mut writer, status, &body);
                    }
                    _ => {
                        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                        let _ = writer.write_all(head.as_bytes());
                        let _ = writer.write_all(&body[..body.len() / 2]);
                        return;
                    }
                }
            }
            Some(Fault::Late { head_ms, body_ms }) => {
                let (status, body) = answer(shared, &request);
                thread::sleep(Duration::from_millis(head_ms));
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = writer.write_all(head.as_bytes());
                thread::sleep(Duration::from_millis(body_ms));
                let _ = writer.write_all(&body);
            }
            Some(Fault::Everybody) => {
                let everybody = shared.0.lock().unwrap().filed.clone();
                send(&mut writer, 200, dossier(&everybody).to_string().as_bytes());
            }
            Some(fault) => return bogus(&mut writer, fault),
            None => {
                let (status, body) = answer(shared, &request);
                send(&mut writer, status, &body);
            }
        }
    }
}

fn next_fault(state: &mut State, path: &str) -> Option<Fault> {
    if let Some(place) = state.faults.iter().position(|(prefix, _)| path.starts_with(prefix)) {
        return state.faults.remove(place).map(|(_, fault)| fault);
    }
    if state.one_in == 0 {
        return None;
    }
    // A linear congruential generator; its upper bits are good enough to choose a fault.
    state.dice = state.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let roll = state.dice >> 33;
    let all =
        [Fault::CutBefore, Fault::CutAfter, Fault::CutInside, Fault::Garbage, Fault::Failed, Fault::Noise];
    roll.is_multiple_of(state.one_in).then(|| all[(roll / state.one_in) as usize % all.len()])
}

fn bogus(writer: &mut TcpStream, fault: Fault) {
    match fault {
        Fault::Garbage => send(writer, 200, b"<html>hello</html>"),
        Fault::OtherJson => send(writer, 200, b"{\"weather\":\"fine\"}"),
        Fault::Failed => send(writer, 500, b"oops"),
        Fault::Portal => send(writer, 404, b"<html>log in first</html>"),
        Fault::TokenInvalid => send(writer, 401, &problem(401, "token_invalid", &[])),
        Fault::Noise => drop(writer.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")),
        Fault::Redirect(to) => {
            let head = format!("HTTP/1.1 302 X\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n");
            let _ = writer.write_all(head.as_bytes());
        }
        _ => {
            let _ = writer.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n");
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            while writer.write_all(&chunk).is_ok() {}
        }
    }
}

fn send(writer: &mut TcpStream, status: u16, body: &[u8]) {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = writer.write_all(&[head.as_bytes(), body].concat());
}

fn problem(status: u16, code: &str, missing: &[String]) -> Vec<u8> {
    let body =
        json!({"type": "about:blank", "title": "t", "status": status, "code": code, "missing": missing});
    body.to_string().into_bytes()
}

fn answer(shared: &(Mutex<State>, Condvar), request: &Request) -> (u16, Vec<u8>) {
    let mut state = shared.0.lock().unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if request.path == "/v1/agents/enrol" {
        if let Some(status) = state.enrols_with {
            return (status, problem(status, "too_many", &[]));
        }
        if body["code"] != "GOOD-CODE" {
            return (410, problem(410, "code_spent", &[]));
        }
        state.epoch += 1;
        let number = state.epoch;
        let answer =
            json!({"agent": "agent-1", "key": format!("key-{number}"), "epoch": format!("epoch-{number}")});
        return (201, answer.to_string().into_bytes());
    }
    if request.key != Some(format!("key-{}", state.epoch)) {
        return (401, problem(401, "token_invalid", &[]));
    }
    let answer = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/blobs/missing") => {
            let asked = body["blobs"].as_array().unwrap().iter();
            let asked = asked.map(|b| b["digest"].as_str().unwrap().to_owned());
            let missing: Vec<_> = asked.filter(|d| !state.blobs.contains_key(d)).collect();
            json!({"missing": missing, "lease": "l", "expires_at": "2099-01-01T00:00:00Z"})
        }
        ("POST", "/v1/commits") => return commit(&mut state, &shared.1, &request.body, &body),
        ("GET", "/v1/feed") => return feed(state, &shared.1, request),
        ("POST", "/v1/holders/materials") => {
            let subject = body["subject"].clone();
            let theirs = state.filed.iter().rev();
            let theirs: Vec<_> =
                theirs.filter(|m| m["holders"].as_array().unwrap().contains(&subject)).cloned().collect();
            dossier(&theirs)
        }
        ("PUT", path) => {
            let digest = path.trim_start_matches("/v1/blobs/").to_owned();
            if Digest::of(&request.body).to_string() != digest {
                return (422, problem(422, "digest_mismatch", &[]));
            }
            state.blobs.insert(digest.clone(), request.body.clone());
            json!({"digest": digest, "size_bytes": request.body.len()})
        }
        ("GET", path) => {
            if state.grant_ended {
                return (403, problem(403, "grant_invalid", &[]));
            }
            return match state.blobs.get(path.trim_start_matches("/v1/blobs/")) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, problem(404, "blob_unknown", &[])),
            };
        }
        _ => return (404, problem(404, "route_unknown", &[])),
    };
    (200, answer.to_string().into_bytes())
}

fn dossier(materials: &[Value]) -> Value {
    json!({"materials": materials, "next_cursor": null, "grant": "g", "grant_expires_at": "2099-01-01T00:00:00Z"})
}

fn commit(state: &mut State, bell: &Condvar, raw: &[u8], body: &Value) -> (u16, Vec<u8>) {
    let epoch = body["epoch"].as_str().unwrap().to_owned();
    let sequence = body["sequence"].as_u64().unwrap();
    if epoch != format!("epoch-{}", state.epoch) {
        return (409, problem(409, "epoch_wrong", &[]));
    }
    if let Some((first, answer)) = state.commits.get(&(epoch.clone(), sequence)) {
        if first != raw {
            return (409, problem(409, "sequence_conflict", &[]));
        }
        return (200, answer.to_string().into_bytes());
    }
    let entries = body["entries"].as_array().unwrap();
    let refused = |state: &State, e: &Value| {
        state.refuse_simulated && e["material"]["origin"].as_str() == Some("simulated")
    };
    let pictures = |e: &Value| -> Vec<String> {
        let pages = e["material"]["pages"].as_array().cloned().unwrap_or_default();
        let both = pages.iter().flat_map(|p| [&p["image"]["digest"], &p["original"]["digest"]]);
        both.map(|d| d.as_str().unwrap().to_owned()).collect()
    };
    let missing: HashSet<String> = entries
        .iter()
        .filter(|e| !refused(state, e))
        .flat_map(pictures)
        .filter(|d| !state.blobs.contains_key(d))
        .collect();
    if !missing.is_empty() {
        return (412, problem(412, "blobs_missing", &missing.into_iter().collect::<Vec<_>>()));
    }
    let mut results = Vec::new();
    for entry in entries {
        if refused(state, entry) {
            let code = state.refusal.as_deref().unwrap_or("simulated_refused");
            results.push(json!({"id": entry["id"], "result": "rejected", "code": code}));
            continue;
        }
        if state.denies && entry["type"] != "filed" {
            results.push(json!({"id": entry["id"], "result": "rejected", "code": state.denial}));
            continue;
        }
        if entry["type"] == "filed" {
            if !state.filed.iter().any(|m| m["id"] == entry["id"]) {
                state.filed.push(entry["material"].clone());
            }
        } else if entry["type"] == "originals_requested" {
            if state.is_older {
                results.push(json!({"id": entry["id"], "result": "rejected", "code": "entry_unknown"}));
                continue;
            }
            state.originals.push(entry.clone());
            let mut item =
                json!({"type": "originals_disposed", "materials": [entry["id"]], "kind": entry["kind"]});
            number(state, &mut item);
            state.feed.push(item);
            bell.notify_all();
        } else if entry["type"] == "erased" {
            state.told_erased.push(entry.clone());
            if state.is_older {
                results.push(json!({"id": entry["id"], "result": "rejected", "code": "entry_unknown"}));
                continue;
            }
        } else if entry["type"] == "refiled" {
            state.refiled.push(entry.clone());
        } else {
            state.erasures.push(entry.clone());
            if state.approves {
                let theirs = |m: &Value| m["holders"] == json!([entry["holder"]]);
                let gone = state.filed.iter().filter(|m| m["id"] == entry["material"] || theirs(m));
                let mut gone: Vec<Value> = gone.map(|m| m["id"].clone()).collect();
                state.filed.retain(|m| !gone.contains(&m["id"]));
                if !entry["material"].is_null() && !gone.contains(&entry["material"]) {
                    gone.push(entry["material"].clone());
                }
                let mut item = json!({"type": "erased", "erasure": entry["id"], "materials": gone,
                    "holder": entry["holder"], "shared_kept": state.shared_kept});
                number(state, &mut item);
                state.feed.push(item);
                bell.notify_all();
            }
        }
        let mut result = json!({"id": entry["id"], "result": "accepted", "code": null});
        if let Some(other) = &state.filed_as {
            result["filed_as"] = other.clone().into();
        }
        results.push(result);
    }
    let answer = json!({"results": results});
    state.commits.insert((epoch, sequence), (raw.to_vec(), answer.clone()));
    (200, answer.to_string().into_bytes())
}

fn feed(mut state: MutexGuard<'_, State>, bell: &Condvar, request: &Request) -> (u16, Vec<u8>) {
    let number = |name: &str| request.query[name].parse::<u64>().unwrap();
    if request.query["epoch"] != format!("epoch-{}", state.epoch) {
        return (409, problem(409, "epoch_wrong", &[]));
    }
    let (after, until) = (number("after"), Instant::now() + Duration::from_secs(number("wait")));
    while state.feed.len() as u64 <= after && Instant::now() < until && !state.stopping {
        let left = until.saturating_duration_since(Instant::now());
        state = bell.wait_timeout(state, left).unwrap().0;
    }
    let items: Vec<_> = state.feed.iter().skip(after as usize).take(100).cloned().collect();
    let last = items.last().map_or(after, |i| i["sequence"].as_u64().unwrap());
    (200, json!({"items": items, "after": last, "head": state.feed.len()}).to_string().into_bytes())
}
