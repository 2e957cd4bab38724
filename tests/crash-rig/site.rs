//! The real binaries around one store: the service that is cut off, and the windows that fill and show it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Failure;
use crate::service::Service;
use crate::window::Window;

const AGENT: &str = "yidang";
const REPOSITORY: &str = "yidang-repository";

/// The services, all of them running.
pub(crate) struct Site {
    /// The one whose store is looked at.
    pub(crate) cut: Service,
    /// Where papers are filed.
    pub(crate) window: Window,
    /// Another window at the same repository.
    pub(crate) witness: Option<Window>,
    /// The agents of those windows, where the service that is cut off is the repository.
    agents: Vec<Service>,
    /// Where the segments of its store lie.
    segments: PathBuf,
}

impl Site {
    /// An agent that works alone, its data and keys in `data`, the rest in `folder`.
    pub(crate) fn agent(
        folder: &Path,
        data: &Path,
        environment: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let text = agent_text("agent", data, "");
        let mut cut = Service::new(AGENT, &folder.join("agent.toml"), &text)?;
        cut.set_environment(environment);
        cut.start()?;
        let window = Window::new(&cut)?;
        let segments = data.join("agent/blobs/segments");
        Ok(Self { cut, window, witness: None, agents: Vec::new(), segments })
    }

    /// A repository with its data and keys in `data`, and two windows with theirs in `folder`.
    pub(crate) fn repository(
        folder: &Path,
        data: &Path,
        environment: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let config = folder.join("repository.toml");
        let mut cut = Service::new(REPOSITORY, &config, &repository_text(data, "127.0.0.1:0"))?;
        cut.set_environment(environment);
        cut.start()?;
        // It comes back under the same address after a cut, as a real one does.
        cut.configure(&repository_text(data, cut.url.trim_start_matches("http://")))?;
        let mut agents = Vec::new();
        let mut windows = Vec::new();
        for name in ["window", "witness"] {
            let code = cut.told(&["enrol-code"])?;
            let more = format!("[repository]\nurl = \"{}\"\nenrol_code = \"{code}\"\n", cut.url);
            let config = folder.join(format!("{name}.toml"));
            let mut agent = Service::new(AGENT, &config, &agent_text(name, folder, &more))?;
            agent.start()?;
            windows.push(Window::new(&agent)?);
            agents.push(agent);
        }
        let witness = windows.pop();
        let window = windows.pop().ok_or("no window")?;
        Ok(Self { cut, window, witness, agents, segments: data.join("repository/blobs/segments") })
    }

    /// Starts the service that was cut off.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        self.cut.start()?;
        if self.witness.is_none() {
            self.cut.url.clone_into(&mut self.window.url);
        }
        Ok(())
    }

    /// How long the segments of its store are, in their order.
    pub(crate) fn segments(&self) -> Result<Vec<u64>, Failure> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.segments)? {
            let entry = entry?;
            if entry.file_name() != "spare.segment" {
                found.push((entry.file_name(), entry.metadata()?.len()));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, length)| length).collect())
    }

    /// Ends all of them.
    pub(crate) fn kill(&mut self) {
        self.cut.kill();
        self.agents.iter_mut().for_each(Service::kill);
    }

    /// Has the product check its own store; what it says where that is not clean.
    pub(crate) fn verify(&self) -> Result<Option<String>, Failure> {
        let arguments: &[&str] =
            if self.witness.is_some() { &["check", "--json"] } else { &["archive", "verify", "--json"] };
        let output = self.cut.ask(arguments)?;
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if output.status.success() && report["clean"] == true {
            return Ok(None);
        }
        let said = [output.stdout, output.stderr].concat();
        Ok(Some(String::from_utf8_lossy(&said).trim().to_owned()))
    }
}

fn agent_text(name: &str, data: &Path, more: &str) -> String {
    let (data, keys) = (data.join(name), data.join(format!("{name}.keys")));
    format!(
        "[agent]\ncounter = \"{name}\"\ndata_dir = {data:?}\nkeys_dir = {keys:?}\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\
         [card]\ndriver = \"simulated\"\n[camera]\ndriver = \"simulated\"\n{more}"
    )
}

fn repository_text(data: &Path, listen: &str) -> String {
    let data = data.join("repository");
    format!("[repository]\ndata_dir = {data:?}\naccept_simulated = true\n[http]\nlisten = \"{listen}\"\n")
}
