//! The services that are measured: the real binary with simulated devices, and the bare one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::client::{Call, Client};

/// Programs that call.
const PROGRAMS: usize = 25;
const SCOPES: &str = "card,capture,archive:write,archive:read,admin";
/// A photograph of a form, as a document camera gives it.
pub(crate) const FORM: &[u8] = include_bytes!("../../fixtures/desk/01-form.jpg");

/// A service that runs. Killed when dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    /// As many as programs at a busy PC; connections take them in turn, so that what is bounded for one is not met.
    pub(crate) tokens: Vec<String>,
    given: AtomicUsize,
    _folder: TempDir,
}

/// One of the binaries that lie beside this one.
fn binary(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(format!("build {} first", path.display()).into()) }
}

impl Service {
    /// The product, with tokens for everything that is measured. How often a program may call is set out of the way: each
    /// call is counted all the same.
    pub(crate) fn real() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("window.toml");
        let text = "[agent]\ncounter = \"bench\"\ndata_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\ncalls_per_second = 1000000\n\
                    [card]\ndriver = \"simulated\"\n[camera]\ndriver = \"simulated\"\n";
        fs::write(&config, text)?;
        let program = binary("yidang")?;
        let mut tokens = Vec::with_capacity(PROGRAMS);
        for number in 0..PROGRAMS {
            let name = format!("bench {number}");
            let made = Command::new(&program)
                .args(["token", "create", "--name", &name, "--scopes", SCOPES, "--config"])
                .arg(&config)
                .output()?;
            tokens.push(String::from_utf8(made.stdout)?.trim().to_owned());
        }
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(&config);
        Self::start(command, tokens, folder)
    }

    /// The bare handler, in a process of its own too.
    pub(crate) fn bare() -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare");
        Self::start(command, vec!["none".to_owned()], tempfile::tempdir()?)
    }

    fn start(mut command: Command, tokens: Vec<String>, folder: TempDir) -> Result<Self, Failure> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening ").unwrap_or_default().to_owned();
        let service = Self { child, url, tokens, given: AtomicUsize::new(0), _folder: folder };
        if service.url.is_empty() { Err("a service did not start".into()) } else { Ok(service) }
    }

    /// A connection of the next program.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let at = self.given.fetch_add(1, Ordering::Relaxed) % self.tokens.len();
        Client::connect(&self.url, &self.tokens[at])
    }

    /// Memory that is in the machine now.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A filed paper: the open dossier, and the paper.
pub(crate) struct Filed {
    pub(crate) holder: String,
    pub(crate) material: String,
}

/// Reads the card, hands a picture in and files it.
pub(crate) fn file_one(client: &mut Client) -> Result<Filed, Failure> {
    let read = |body: Vec<u8>, field: &str| -> Result<String, Failure> {
        let value: Value = serde_json::from_slice(&body)?;
        Ok(value[field].as_str().ok_or("a field is missing")?.to_owned())
    };
    let holder = read(client.done(&Call::post("card", "/v1/card/read", "{}"))?.1, "holder")?;
    let capture = read(client.done(&upload())?.1, "id")?;
    let body = format!("{{\"holders\":[\"{holder}\"],\"kind\":\"form\",\"captures\":[\"{capture}\"]}}");
    let material = read(client.done(&Call::post("file", "/v1/materials", body))?.1, "id")?;
    Ok(Filed { holder, material })
}

/// A picture that is handed in.
pub(crate) fn upload() -> Call {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
    body.extend_from_slice(FORM);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let path = "/v1/captures".to_owned();
    Call {
        name: "upload a picture",
        method: "POST",
        path,
        media_type: "multipart/form-data; boundary=b",
        body,
    }
}
