//! The real agent, and a client of its local API.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const PROGRAM: &str = "/bin/yidang";
const FOLDER: &str = "/root/agent";

/// An agent that runs, with real devices only. Dropping it kills it.
pub(crate) struct Agent {
    process: Child,
    url: String,
    token: String,
    client: ureq::Agent,
    /// The last event that was taken.
    after: u64,
}

impl Agent {
    /// Starts it in a new folder, with more of a configuration, and waits until it listens.
    pub(crate) fn start(more: &str) -> Self {
        // The one before may have left a folder.
        let _ = fs::remove_dir_all(FOLDER);
        fs::create_dir_all(FOLDER).expect("a folder");
        let config = format!("{FOLDER}/yidang.toml");
        let text = format!(
            "[agent]\ncounter = \"machine\"\ndata_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n{more}"
        );
        fs::write(&config, text).expect("the configuration is written");
        let made = Command::new(PROGRAM)
            .args(["token", "create", "--name", "checks", "--scopes", "card,capture", "--config", &config])
            .output()
            .expect("the agent's program runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut process = Command::new(PROGRAM)
            .args(["run", "--config", &config])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the agent's program runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening ").expect("it listens").to_owned();
        let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let client = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut agent = Self { process, url, token, client, after: 0 };
        agent.after = agent.poll("wait_ms=0")["after"].as_u64().expect("a number");
        agent
    }

    fn poll(&self, query: &str) -> Value {
        let request = self.client.get(format!("{}/v1/events?{query}", self.url));
        let mut answer =
            request.header("Authorization", format!("Bearer {}", self.token)).call().expect("it answers");
        answer.body_mut().read_json().expect("JSON")
    }

    /// The device of the next event of this kind; events of other kinds before it are passed over.
    #[track_caller]
    pub(crate) fn next(&mut self, kind: &str) -> String {
        for _ in 0..20 {
            let polled = self.poll(&format!("after={}&wait_ms=5000", self.after));
            for event in polled["events"].as_array().expect("a list") {
                self.after = event["id"].as_u64().expect("a number");
                if event["type"] == kind {
                    return event["data"]["device"].as_str().expect("a device").to_owned();
                }
            }
        }
        panic!("no event {kind} came")
    }

    /// Takes a picture; status and body.
    pub(crate) fn capture(&self) -> (u16, Value) {
        self.capture_as("{}")
    }

    /// Takes a picture as this says; status and body.
    pub(crate) fn capture_as(&self, wish: &str) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/captures", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let request = request.header("Content-Type", "application/json");
        let mut answer = request.send(wish).expect("it answers");
        (answer.status().as_u16(), answer.body_mut().read_json().expect("JSON"))
    }

    /// The untouched picture of a capture.
    pub(crate) fn original(&self, capture: &str) -> Vec<u8> {
        let url = format!("{}/v1/captures/{capture}/image?rendition=original", self.url);
        let request = self.client.get(url).header("Authorization", format!("Bearer {}", self.token));
        request.call().expect("it answers").body_mut().read_to_vec().expect("bytes")
    }

    /// Reads the card; status and body.
    pub(crate) fn read_card(&self, wait_ms: u32) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/card/read", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let request = request.header("Content-Type", "application/json");
        let mut answer = request.send(format!("{{\"wait_ms\": {wait_ms}}}")).expect("it answers");
        (answer.status().as_u16(), answer.body_mut().read_json().expect("JSON"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
