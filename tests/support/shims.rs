//! A window with every shim, and a page that calls them.

use std::collections::BTreeMap;

use super::agent::{Agent, Answer};
use super::wait_until;

/// The listed page's origin.
pub(crate) const PAGE: &str = "http://window.example:8080";
const NAMES: [&str; 3] = ["huashi-19196", "xinzhongxin-8989", "liangtian-38088"];

/// The sections of the configuration for every shim, each at a free port.
pub(crate) fn sections() -> String {
    let section =
        |name| format!("[[shims]]\nname = \"{name}\"\norigins = [\"{PAGE}\"]\nlisten = \"127.0.0.1:0\"\n");
    NAMES.map(section).concat()
}

/// Where each of them listens: it says so in its log.
pub(crate) fn addresses(agent: &Agent) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    wait_until("every shim listens", || {
        let log = agent.read_log();
        for name in NAMES {
            let begin = format!("a shim listens shim=\"{name}\" address=");
            let address = log.split(&begin).nth(1).and_then(|rest| rest.split_whitespace().next());
            address.map(|address| found.insert(name, format!("http://{address}")));
        }
        found.len() == NAMES.len()
    });
    found
}

/// The window, and where its shims are.
pub(crate) struct Shims {
    pub(crate) agent: Agent,
    addresses: BTreeMap<&'static str, String>,
    client: ureq::Agent,
}

impl Shims {
    pub(crate) fn start() -> Self {
        let agent = Agent::start_with_sections(&sections());
        let addresses = addresses(&agent);
        let client =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().into();
        Self { agent, addresses, client }
    }

    /// Where this one is.
    pub(crate) fn url(&self, shim: &str) -> &str {
        &self.addresses[shim]
    }

    pub(crate) fn get(&self, shim: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.get(format!("{}{path}", self.url(shim)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call())
    }

    /// As the listed page posts: JSON that says it is text.
    pub(crate) fn post(&self, shim: &str, path: &str, body: &str) -> Answer {
        let request = self.client.post(format!("{}{path}", self.url(shim))).header("Origin", PAGE);
        read(request.header("Content-Type", "text/plain").send(body))
    }
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.expect("the shim answers");
    let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a whole body");
    Answer { status: response.status().as_u16(), bytes }
}
