//! An agent and a client of its local API.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;
use crate::process::{Process, command};

const PICTURE: &[u8] = include_bytes!("../../fixtures/desk/small.jpg");
const SCOPES: &str = "card,capture,archive:write,archive:read,admin";

/// The agent.
pub(crate) struct Window {
    pub(crate) process: Process,
    token: String,
    client: ureq::Agent,
}

impl Window {
    /// A window alone whose camera sees the frames of this folder.
    pub(crate) fn over_desk(folder: &Path, name: &str, frames: &Path) -> Result<Self, Failure> {
        let more = format!("[simulated]\nframes = {frames:?}\n");
        Self::configured(folder, name, &more)
    }

    /// A window with a token, enrolled where there is a repository.
    pub(crate) fn start(folder: &Path, name: &str, repository: Option<&Process>) -> Result<Self, Failure> {
        let Some(repository) = repository else { return Self::configured(folder, name, "") };
        let (url, code) = (&repository.url, repository.enrol_code()?);
        Self::configured(folder, name, &format!("[repository]\nurl = \"{url}\"\nenrol_code = \"{code}\"\n"))
    }

    fn configured(folder: &Path, name: &str, more: &str) -> Result<Self, Failure> {
        let text = format!("{}{more}", configuration(name));
        let config = folder.join(format!("{name}.toml"));
        fs::write(&config, text)?;
        let made = ["token", "create", "--name", "bench", "--scopes", SCOPES];
        let token = command("yidang", &made, &config)?;
        Ok(Self {
            process: Process::run("yidang", &config)?,
            token,
            client: ureq::Agent::new_with_defaults(),
        })
    }

    /// A window alone and without a token.
    pub(crate) fn launch(folder: &Path, name: &str) -> Result<Self, Failure> {
        let config = folder.join(format!("{name}.toml"));
        fs::write(&config, configuration(name))?;
        let (process, client) = (Process::run("yidang", &config)?, ureq::Agent::new_with_defaults());
        Ok(Self { process, token: String::new(), client })
    }

    pub(crate) fn health(&self) -> Result<(), Failure> {
        self.client.get(format!("{}/v1/health", self.process.url)).call()?;
        Ok(())
    }

    /// Reads the card that lies there; the opened holder.
    pub(crate) fn read_card(&self) -> Result<String, Failure> {
        text(&self.post("/v1/card/read", &json!({}))?, "holder")
    }

    /// Hands in a picture that differs by its number; the capture.
    pub(crate) fn upload(&self, number: u32) -> Result<String, Failure> {
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        body.extend_from_slice(PICTURE);
        // Behind the end of the JPEG, where decoders do not look.
        body.extend_from_slice(format!("number {number}\r\n--b--\r\n").as_bytes());
        let request = self.client.post(format!("{}/v1/captures", self.process.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let request = request.header("Content-Type", "multipart/form-data; boundary=b");
        text(&request.send(body.as_slice())?.body_mut().read_json()?, "id")
    }

    /// Files a capture; the material.
    pub(crate) fn file(&self, holder: &str, capture: &str, number: u32) -> Result<String, Failure> {
        let case = format!("case-{number}");
        let body = json!({"holders": [holder], "kind": "form", "captures": [capture], "case": case});
        text(&self.post("/v1/materials", &body)?, "id")
    }

    /// The newest material of a dossier, here or anywhere.
    pub(crate) fn newest(&self, holder: &str) -> Result<Option<String>, Failure> {
        let path = format!("/v1/holders/{holder}/materials?scope=all&limit=1");
        let request = self.client.get(format!("{}{path}", self.process.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let list: Value = request.call()?.body_mut().read_json()?;
        Ok(list["materials"][0]["id"].as_str().map(str::to_owned))
    }

    /// Lays a frame under the simulated camera, or clears the mat.
    pub(crate) fn lay(&self, frame: Option<&str>) -> Result<(), Failure> {
        let request = self.client.post(format!("{}/v1/simulated/desk", self.process.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        request.send_json(json!({"frame": frame}))?;
        Ok(())
    }

    /// The address of a preview, good once.
    pub(crate) fn ticket(&self) -> Result<String, Failure> {
        text(&self.post("/v1/preview-tickets", &json!({"rate": 15}))?, "url")
    }

    /// Captures what lies there.
    pub(crate) fn capture(&self) -> Result<Value, Failure> {
        self.post("/v1/captures", &json!({}))
    }

    /// The events after this one, for which this waits a while; and the id to go on from.
    pub(crate) fn events(&self, after: Option<u64>) -> Result<(Vec<Value>, u64), Failure> {
        let query = after.map_or("wait_ms=0".to_owned(), |after| format!("after={after}&wait_ms=5000"));
        let request = self.client.get(format!("{}/v1/events?{query}", self.process.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let polled: Value = request.call()?.body_mut().read_json()?;
        let events = polled["events"].as_array().cloned().unwrap_or_default();
        Ok((events, polled["after"].as_u64().ok_or("no id to go on from")?))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.client.post(format!("{}{path}", self.process.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }
}

fn configuration(name: &str) -> String {
    format!(
        "[agent]\ncounter = \"{name}\"\ndata_dir = \"{name}\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [card]\ndriver = \"simulated\"\n[camera]\ndriver = \"simulated\"\n"
    )
}

fn text(value: &Value, field: &str) -> Result<String, Failure> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no {field}").into())
}
