//! A window program's view of one agent: its local API and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use yidang_archive::files::BlobSegments;

use super::Failure;

/// More than any picture the local API gives.
const ANSWER_SIZE_MAX: u64 = 64 << 20;

/// One agent, as its clients see it.
pub(super) struct Window {
    pub(super) url: String,
    pub(super) token: String,
    data_dir: PathBuf,
    client: ureq::Agent,
}

/// An answer: its status, its bytes, and what they say where they are JSON.
pub(super) struct Answer {
    status: u16,
    bytes: Vec<u8>,
    body: Value,
}

impl Answer {
    /// The body, where the status is this one.
    pub(super) fn expect(self, status: u16) -> Result<Value, Failure> {
        if self.status == status { Ok(self.body) } else { Err(self.unexpected(&status.to_string())) }
    }

    /// Nothing, where it is this problem.
    pub(super) fn expect_problem(self, status: u16, code: &str) -> Result<(), Failure> {
        if self.status == status && self.body["code"] == code {
            return Ok(());
        }
        Err(self.unexpected(&format!("{status} {code}")))
    }

    fn unexpected(&self, due: &str) -> Failure {
        format!("{due} was due, the answer was {}: {}", self.status, self.body).into()
    }
}

impl Window {
    pub(super) fn new(address: SocketAddr, token: String, data_dir: PathBuf) -> Self {
        let client = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { url: format!("http://{address}"), token, data_dir, client }
    }

    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        let request = self.client.get(format!("{}{path}", self.url));
        read(request.header("Authorization", format!("Bearer {}", self.token)).call()?)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        read(request.header("Content-Type", "application/json").send(body.to_string())?)
    }

    /// A picture's bytes.
    pub(super) fn picture(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.get(path)?;
        if answer.status == 200 { Ok(answer.bytes) } else { Err(answer.unexpected("a picture")) }
    }

    /// Reads the card that lies there, which opens its person's dossier.
    pub(super) fn read_card(&self) -> Result<Value, Failure> {
        self.post("/v1/card/read", &json!({}))?.expect(200)
    }

    /// Lays a frame under the camera and takes its picture; a page must be found. Equal bytes on file are
    /// looked for in the holder's dossier.
    pub(super) fn capture(&self, frame: &str, holder: &str) -> Result<Value, Failure> {
        self.post("/v1/simulated/desk", &json!({"frame": frame}))?.expect(204)?;
        let capture = self.post("/v1/captures", &json!({"holder": holder}))?.expect(201)?;
        if capture["corners"].is_null() {
            return Err(format!("no page was found in {frame}").into());
        }
        Ok(capture)
    }

    /// Files a capture.
    pub(super) fn file(&self, holder: &str, capture: &Value, case: &str) -> Result<Answer, Failure> {
        let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
        self.post("/v1/materials", &body)
    }

    /// A holder's papers, those of other windows too.
    pub(super) fn dossier(&self, holder: &str) -> Result<Dossier, Failure> {
        let body = self.get(&format!("/v1/holders/{holder}/materials?scope=all"))?.expect(200)?;
        let listed = body["materials"].as_array().into_iter().flatten();
        Ok(Dossier {
            papers: listed.map(|m| text(m, "id")).collect::<Result<_, _>>()?,
            repository: text(&body, "repository")?,
        })
    }

    /// How many sealed blobs lie on its disk.
    pub(super) fn blobs_on_disk(&self) -> Result<u64, Failure> {
        Ok(BlobSegments::count_in(&self.data_dir)?)
    }
}

/// A list of papers.
pub(super) struct Dossier {
    /// Their ids.
    pub(super) papers: Vec<String>,
    /// Whether the repository was asked: `answered`, `unreachable`, `none`.
    pub(super) repository: String,
}

/// A text of an answer.
pub(super) fn text(value: &Value, field: &str) -> Result<String, Failure> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no {field}").into())
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let bytes = response.body_mut().with_config().limit(ANSWER_SIZE_MAX).read_to_vec()?;
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer { status, bytes, body })
}
