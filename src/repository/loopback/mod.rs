//! The repository over real HTTP on loopback, with a real archive in a temporary folder.

mod courier;
mod enrolled_anew;
mod fixity;
mod flow;
mod forgetting;
mod interruptions;
mod originals;
mod permission;
mod put_back;
mod refusals;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use ureq::http::{HeaderMap, Method, Request};
use yidang_model::{
    Digest, ErasureId, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Status, Subject,
    SubjectType, Timestamp,
};
use yidang_sync::wire::{
    BlobSize, CommitAnswer, CommitRequest, CommitResult, EnrolAnswer, EnrolRequest, Entry, ErasureEntry,
    FeedAnswer, GRANT_HEADER, MaterialsAnswer, MissingAnswer, MissingRequest, Problem, RefilingEntry,
    WireMaterial, WirePlace, WireSubject,
};

use crate::config::Config;
use crate::enrolment::make_enrol_code;
use crate::server::Server;

const SPECIMEN: &str = "11010519491231002X";

/// A repository's folders, and the repository while it runs.
struct House {
    config: Config,
    running: Option<(SocketAddr, oneshot::Sender<()>, JoinHandle<()>)>,
    _folder: TempDir,
}

impl House {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(&folder.path().join("data")).unwrap();
        config.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut config);
        let mut house = Self { config, running: None, _folder: folder };
        house.start();
        house
    }

    fn start(&mut self) {
        let config = self.config.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let server = Server::bind(&config).await.unwrap();
                tell.send(server.address()).unwrap();
                server.run(async { drop(stopped.await) }).await;
            });
        });
        self.running = Some((told.recv().unwrap(), stop, thread));
    }

    fn stop(&mut self) {
        if let Some((_, stop, thread)) = self.running.take() {
            let _ = stop.send(());
            thread.join().unwrap();
        }
    }

    fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().0
    }

    /// Enrols a window.
    fn window(&self, counter: &str) -> Window {
        self.window_of(counter, Some(counter))
    }

    /// Enrols a window by a code that names this counter, or none.
    fn window_of(&self, counter: &str, named: Option<&str>) -> Window {
        let code = make_enrol_code(&self.config.data_dir, named).unwrap();
        let mut window = Window { address: self.address(), key: None, epoch: String::new(), sequence: 0 };
        let request = EnrolRequest { code, counter: counter.to_owned() };
        let answer = window.post("/v1/agents/enrol", &request);
        assert_eq!(answer.status, 201);
        let EnrolAnswer { key, epoch, .. } = answer.json();
        (window.key, window.epoch) = (Some(key), epoch);
        window
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some((_, stop, thread)) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of the problem document it must be.
    #[track_caller]
    fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status);
        problem.code
    }
}

/// An enrolled window, as far as the repository can tell.
#[derive(Clone)]
struct Window {
    address: SocketAddr,
    key: Option<String>,
    epoch: String,
    sequence: u64,
}

impl Window {
    fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Answer {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let agent = config.new_agent();
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = match body {
            Some(body) => agent.run(request.body(body).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut response = answered.unwrap();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        let json = [("Content-Type", "application/json")];
        self.send(Method::POST, path, &json, Some(serde_json::to_vec(body).unwrap()))
    }

    fn missing(&self, papers: &[&[u8]]) -> Vec<Digest> {
        let blob = |p: &&[u8]| BlobSize { digest: Digest::of(p), size_bytes: p.len() as u64 };
        let request = MissingRequest { blobs: papers.iter().map(blob).collect() };
        let answer = self.post("/v1/blobs/missing", &request);
        assert_eq!(answer.status, 200);
        answer.json::<MissingAnswer>().missing
    }

    fn put(&self, bytes: &[u8]) -> u16 {
        let path = format!("/v1/blobs/{}", Digest::of(bytes));
        self.send(Method::PUT, &path, &[], Some(bytes.to_vec())).status
    }

    fn commit_as<E: Serialize>(&self, sequence: u64, entries: Vec<E>) -> Answer {
        self.post("/v1/commits", &CommitRequest { epoch: self.epoch.clone(), sequence, entries })
    }

    /// Commits under the next sequence; the code of each entry, `accepted` for those that were.
    #[track_caller]
    fn commit<E: Serialize>(&mut self, entries: Vec<E>) -> Vec<String> {
        self.sequence += 1;
        let answer = self.commit_as(self.sequence, entries);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        codes(&answer)
    }

    /// Uploads and files a one-page material of these bytes.
    #[track_caller]
    fn file(&mut self, holders: &[Subject], bytes: &[u8]) -> MaterialId {
        assert_eq!(self.put(bytes), 201);
        let material = material(holders, bytes);
        let id = material.id;
        assert_eq!(self.commit(vec![filed(&material)]), ["accepted"]);
        id
    }

    fn materials_answer(&self, body: &Value) -> Answer {
        self.post("/v1/holders/materials", body)
    }

    #[track_caller]
    fn materials(&self, subject: &Subject) -> MaterialsAnswer {
        let answer = self.materials_answer(&look(subject));
        assert_eq!(answer.status, 200);
        answer.json()
    }

    fn blob(&self, grant: &str, bytes: &[u8]) -> Answer {
        let path = format!("/v1/blobs/{}", Digest::of(bytes));
        self.send(Method::GET, &path, &[(GRANT_HEADER, grant)], None)
    }

    fn feed_answer(&self, after: u64, wait: u64) -> Answer {
        self.get(&format!("/v1/feed?epoch={}&after={after}&wait={wait}", self.epoch))
    }

    #[track_caller]
    fn feed(&self, after: u64, wait: u64) -> FeedAnswer {
        let answer = self.feed_answer(after, wait);
        assert_eq!(answer.status, 200);
        answer.json()
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    let results = answer.json::<CommitAnswer>().results;
    results.into_iter().map(|r| r.code.unwrap_or_else(|| "accepted".to_owned())).collect()
}

fn look(subject: &Subject) -> Value {
    serde_json::json!({ "subject": WireSubject::from(subject), "basis": "card", "client": "desk" })
}

fn specimen() -> Subject {
    Subject::new(SubjectType::Resident, SPECIMEN).unwrap()
}

/// Somebody else, by a provisional number.
fn somebody(number: u32) -> Subject {
    Subject::new(SubjectType::Provisional, &format!("P-{number}")).unwrap()
}

fn fresh<const N: usize>() -> [u8; N] {
    crate::secrets::random()
}

/// Bytes no other paper of this test has.
fn paper() -> Vec<u8> {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let mut bytes = format!("paper {} ", COUNT.fetch_add(1, Ordering::Relaxed)).into_bytes();
    bytes.extend(fresh::<200>());
    bytes
}

fn material(holders: &[Subject], bytes: &[u8]) -> Material {
    let image = Image {
        digest: Digest::of(bytes),
        size_bytes: bytes.len() as u64,
        media_type: MediaType::Png,
        width: 100,
        height: 200,
    };
    let at = Timestamp::from_millis(1_700_000_000_000);
    Material {
        id: MaterialId::from_bytes(fresh()),
        holders: holders.to_vec(),
        kind: Kind::new("household_register").unwrap(),
        pages: vec![Page {
            image: image.clone(),
            original: image,
            corners: Some([[0.5, 0.25], [99.0, 1.0 / 3.0], [98.0, 199.0], [1.0, 198.5]]),
            confidence: 0.75,
            about: Vec::new(),
            captured_at: at,
        }],
        case: Some("2026-000001".into()),
        item: Some("440604-0017".into()),
        slot: Some("household".into()),
        issued_on: None,
        valid_until: None,
        issuer: None,
        document_number: None,
        presented_as: None,
        original_seen: Some(true),
        note: None,
        captured_at: at,
        filed_at: at,
        counter: "counter".into(),
        operator: None,
        status: Status::Current,
        origin: Origin::Upload,
        duplicate_of: None,
        supersedes: None,
    }
}

fn filed(material: &Material) -> Entry {
    Entry::Filed { id: material.id, material: Box::new(WireMaterial::from(material)) }
}

/// This material as it is after it was put right for that person.
fn refiled(id: MaterialId, holder: &Subject) -> Entry {
    let now = WirePlace { holders: vec![holder.into()], kind: "household_register".into(), case: None };
    let (reason, client) = ("wrong card".into(), "hall".into());
    Entry::Refiled(RefilingEntry { id, now, reason, operator: None, client })
}

fn forget_person(subject: &Subject) -> Entry {
    erasure(None, Some(subject))
}

fn forget_material(material: MaterialId) -> Entry {
    erasure(Some(material), None)
}

fn erasure(material: Option<MaterialId>, holder: Option<&Subject>) -> Entry {
    Entry::ErasureRequested(ErasureEntry {
        id: ErasureId::from_bytes(fresh()),
        material,
        holder: holder.map(WireSubject::from),
        reason: "asked for at the window".into(),
        operator: Some("clerk 7".into()),
        client: "desk".into(),
    })
}
