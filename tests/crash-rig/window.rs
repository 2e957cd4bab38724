//! A client of the local API, for whom a call that is cut off is nothing unusual.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yidang_model::check_digit;

use crate::Failure;
use crate::service::Service;

/// Everything this rig does at a window.
const SCOPES: &str = "card,capture,archive:write,archive:read,archive:assist,archive:erase,admin";
/// A call that takes longer has failed.
const CALL_WAIT: Duration = Duration::from_secs(180);
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// More papers than this rig ever files for one person.
const LIST_MAX: usize = 200;

/// An answer: status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// A text of the body.
    pub(crate) fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_default().to_owned()
    }

    /// What went wrong, for a report, and whether it was said what to do.
    pub(crate) fn problem(&self) -> String {
        let remedy = if self.text("remedy").is_empty() { "without" } else { "with" };
        format!("{} {} {remedy} a remedy", self.status, self.text("code"))
    }
}

/// A paper as a list shows it.
pub(crate) struct Listed {
    pub(crate) case: String,
    /// Whether the repository is said to have it.
    pub(crate) is_committed: bool,
}

/// The client.
#[derive(Clone)]
pub(crate) struct Window {
    pub(crate) url: String,
    token: String,
    client: ureq::Agent,
}

impl Window {
    /// One with a token of its own, made while the service may or may not run.
    pub(crate) fn new(service: &Service) -> Result<Self, Failure> {
        let token = service.told(&["token", "create", "--name", "rig", "--scopes", SCOPES])?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0);
        let client = config.timeout_global(Some(CALL_WAIT)).build().into();
        Ok(Self { url: service.url.clone(), token, client })
    }

    /// `None` where no whole answer came.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        let request = self.client.get(format!("{}{path}", self.url));
        whole(request.header("Authorization", self.bearer()).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Option<Answer> {
        let request = self.client.delete(format!("{}{path}", self.url));
        whole(request.header("Authorization", self.bearer()).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("Authorization", self.bearer());
        whole(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    /// Hands a picture in.
    pub(crate) fn upload(&self, picture: &[u8]) -> Option<Answer> {
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let body = [head.as_slice(), picture, b"\r\n--b--\r\n"].concat();
        let request = self.client.post(format!("{}/v1/captures", self.url));
        let request = request.header("Authorization", self.bearer());
        whole(request.header("Content-Type", "multipart/form-data; boundary=b").send(body.as_slice()))
    }

    /// Opens a person's dossier to file and to read; the holder.
    pub(crate) fn open(&self, person: u32) -> Option<Answer> {
        let subject = json!({"type": "resident", "value": number_of(person)});
        let body = json!({"subject": subject, "basis": "no_card", "purpose": "crash rig", "case": "K0"});
        self.post("/v1/holders", &body)
    }

    /// What a dossier shows, by identifier; with the repository's part where it is asked for `all`.
    pub(crate) fn list(&self, holder: &str, scope: &str) -> Result<BTreeMap<String, Listed>, Failure> {
        let path = format!("/v1/holders/{holder}/materials?scope={scope}&limit={LIST_MAX}");
        let mut found = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self.page(&format!("{path}{cursor}"), scope)?;
            found.extend(page["materials"].as_array().into_iter().flatten().map(listed));
            let Some(next) = page["next_cursor"].as_str() else { return Ok(found) };
            cursor = format!("&cursor={next}");
        }
    }

    /// One page of it. A repository that is slow on a busy machine is asked again for a while.
    fn page(&self, path: &str, scope: &str) -> Result<Value, Failure> {
        let began = Instant::now();
        loop {
            let answer = self.get(path).ok_or("the list is cut off")?;
            let list = answer.json();
            let is_answered = scope != "all" || list["repository"] == "answered";
            if !is_answered && answer.status == 200 && began.elapsed() < CALL_WAIT {
                std::thread::sleep(ASK_AGAIN);
                continue;
            }
            if is_answered && list["materials"].is_array() {
                return Ok(list);
            }
            let why = format!("no list: {}, repository {}", answer.problem(), list["repository"]);
            return Err(why.into());
        }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

fn listed(material: &Value) -> (String, Listed) {
    let text = |field: &str| material[field].as_str().unwrap_or_default().to_owned();
    let is_committed = material["safe_at"] == "repository";
    (text("id"), Listed { case: text("case"), is_committed })
}

fn whole(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut response = response.ok()?;
    let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec().ok()?;
    Some(Answer { status: response.status().as_u16(), bytes })
}

/// An invented resident's number. Area code 000000 is given to nobody.
fn number_of(person: u32) -> String {
    let (order, day, month) = (person % 1000, person / 1000 % 28 + 1, person / 28_000 % 12 + 1);
    let digits = format!("0000001990{month:02}{day:02}{order:03}");
    let check = check_digit(&digits).unwrap_or('0');
    format!("{digits}{check}")
}
