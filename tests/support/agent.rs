//! The real agent binary on a folder of its own, with simulated devices.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::document;

const PROGRAM: &str = env!("CARGO_BIN_EXE_yidang");
/// Everything a window program may need.
const SCOPES: &str = "card,capture,archive:write,archive:read,archive:assist,archive:erase,admin";
/// The configuration's section for the simulated reader.
const SIMULATED_CARD: &str = "[card]\ndriver = \"simulated\"\n";

/// The program, without what only the tests are told by the environment: it takes no variable it does not know.
pub(crate) fn program() -> Command {
    let mut program = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"YIDANG_")) {
        program.env_remove(name);
    }
    program
}

/// The program with these variables for the faketime library; `None`, and the skipped test is named, where there is none.
fn faked(variables: &[(&str, &str)]) -> Option<Command> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let Some(library) = libraries.find(|path| path.is_file()) else {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the runner, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: the package faketime is missing");
        return None;
    };
    let mut faked = program();
    faked.env("LD_PRELOAD", library).envs(variables.iter().copied());
    Some(faked)
}

/// An agent: its folder, and the process while it runs.
pub(crate) struct Agent {
    pub(crate) folder: TempDir,
    data: PathBuf,
    pub(crate) token: String,
    pub(crate) url: String,
    process: Option<Child>,
    client: ureq::Agent,
}

/// An answer: status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("the answer is JSON")
    }

    /// The body, after checking the status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks that it is a problem document with this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        for field in ["title", "remedy"] {
            assert!(!body[field].as_str().expect("a text").is_empty());
        }
    }
}

impl Agent {
    /// A started agent in a new folder, working alone.
    pub(crate) fn start() -> Self {
        Self::start_with("data", SIMULATED_CARD, "")
    }

    /// A started agent that keeps its data there: a path, or a name in its folder.
    pub(crate) fn start_in(data: impl AsRef<Path>) -> Self {
        Self::start_with(data, SIMULATED_CARD, "")
    }

    /// A started agent whose card reader this section of the configuration chooses.
    pub(crate) fn start_with_card(section: &str) -> Self {
        Self::start_with("data", section, "")
    }

    /// A started agent with these sections more in its configuration.
    pub(crate) fn start_with_sections(sections: &str) -> Self {
        Self::start_with("data", SIMULATED_CARD, sections)
    }

    /// A started agent that knows this repository and is not enrolled.
    pub(crate) fn start_unenrolled(repository: &str) -> Self {
        let section = format!("[repository]\nurl = \"{repository}\"\n");
        Self::start_with("data", SIMULATED_CARD, &section)
    }

    /// A started agent that brings what is filed to this repository.
    pub(crate) fn start_enrolled(repository: &str, code: &str) -> Self {
        let section = format!("[repository]\nurl = \"{repository}\"\nenrol_code = \"{code}\"\n");
        Self::start_with("data", SIMULATED_CARD, &section)
    }

    /// A started agent with the readers of the PC/SC service and these profiles for them.
    pub(crate) fn start_over_pcsc(profiles: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let beside = folder.path().join("profiles");
        std::fs::create_dir(&beside).expect("a folder");
        for (name, text) in profiles {
            std::fs::write(beside.join(name), text).expect("the profile is written");
        }
        Self::start_on(folder, "data", "[card]\ndriver = \"pcsc\"\nprofiles = \"profiles\"\n", "")
    }

    /// A started agent whose simulated camera sees these frames, in the order of their names.
    pub(crate) fn start_with_frames(frames: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let beside = folder.path().join("frames");
        std::fs::create_dir(&beside).expect("a folder");
        for (name, bytes) in frames {
            std::fs::write(beside.join(name), bytes).expect("the frame is written");
        }
        Self::start_on(folder, "data", SIMULATED_CARD, "[simulated]\nframes = \"frames\"\n")
    }

    /// A started agent on a copy of this window's data and keys.
    pub(crate) fn start_on_copy(window: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        super::copy_folder(window, folder.path());
        Self::start_on(folder, "data", SIMULATED_CARD, "")
    }

    /// A started agent with this at the end of its configuration.
    pub(crate) fn start_with_more(more: &str) -> Self {
        Self::start_with("data", SIMULATED_CARD, more)
    }

    /// The same, bringing what is filed to this repository.
    pub(crate) fn start_enrolled_on_copy(window: &Path, repository: &str, code: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        super::copy_folder(window, folder.path());
        let section = format!("[repository]\nurl = \"{repository}\"\nenrol_code = \"{code}\"\n");
        Self::start_on(folder, "data", SIMULATED_CARD, &section)
    }

    fn start_with(data: impl AsRef<Path>, card: &str, more: &str) -> Self {
        Self::start_on(tempfile::tempdir().expect("a folder"), data, card, more)
    }

    /// A started agent that lets one client make so many calls a second over long, with these sections more.
    pub(crate) fn start_at_pace(calls_per_second: u32, sections: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let pace = format!("calls_per_second = {calls_per_second}\n");
        Self::start_whole(folder, "data", &pace, SIMULATED_CARD, sections)
    }

    fn start_on(folder: TempDir, data: impl AsRef<Path>, card: &str, more: &str) -> Self {
        Self::start_whole(folder, data, "", card, more)
    }

    fn start_whole(folder: TempDir, data: impl AsRef<Path>, http: &str, card: &str, more: &str) -> Self {
        let (data, keys) = (folder.path().join(data), folder.path().join("keys"));
        let config = format!(
            "[agent]\ncounter = \"test-window\"\ndata_dir = {data:?}\nkeys_dir = {keys:?}\n\
             [http]\nlisten = \"127.0.0.1:0\"\n{http}[camera]\ndriver = \"simulated\"\n"
        );
        std::fs::write(folder.path().join("yidang.toml"), format!("{config}{card}{more}"))
            .expect("the file is written");
        let client =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().into();
        let (token, url) = (String::new(), String::new());
        let mut agent = Self { folder, data, token, url, process: None, client };
        agent.token = agent.make_token("window", SCOPES);
        agent.run();
        agent
    }

    /// Makes a token; its secret.
    pub(crate) fn make_token(&self, name: &str, scopes: &str) -> String {
        let made = self.command(&["token", "create", "--name", name, "--scopes", scopes]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    }

    /// Runs another command of the program on the same folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        program().args(arguments).arg("--config").arg(self.config()).output().expect("the program runs")
    }

    /// The same, with this on its standard input.
    pub(crate) fn command_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = program()
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        // It may have ended without reading.
        let _ = process.stdin.take().expect("its input is piped").write_all(input.as_bytes());
        process.wait_with_output().expect("it ends")
    }

    /// Starts the daemon and waits until it listens.
    pub(crate) fn run(&mut self) {
        self.run_by(program());
    }

    /// The same with another time on its clock, as `faketime` writes it. `false`, and the skipped test is named, where
    /// there is no faketime. Its library alone: its program would stand between a signal and the daemon.
    pub(crate) fn run_at(&mut self, clock: &str) -> bool {
        let Some(faked) = faked(&[("FAKETIME", clock)]) else { return false };
        self.run_by(faked);
        true
    }

    /// The same with the time that stands in the file, looked at anew each time: the clock can be set while it runs.
    pub(crate) fn run_by_clock_in(&mut self, file: &Path) -> bool {
        let file = file.to_str().expect("a path of text");
        let Some(faked) = faked(&[("FAKETIME_TIMESTAMP_FILE", file), ("FAKETIME_NO_CACHE", "1")]) else {
            return false;
        };
        self.run_by(faked);
        true
    }

    /// A command under another time; `None` where there is no faketime.
    pub(crate) fn command_at(&self, clock: &str, arguments: &[&str]) -> Option<Output> {
        let mut faked = faked(&[("FAKETIME", clock)])?;
        Some(faked.args(arguments).arg("--config").arg(self.config()).output().expect("the program runs"))
    }

    /// The same with the credentials in that folder, as systemd hands them to a service.
    pub(crate) fn run_with_credentials(&mut self, folder: &Path) {
        let mut handed = program();
        handed.env("CREDENTIALS_DIRECTORY", folder);
        self.run_by(handed);
    }

    fn run_by(&mut self, mut program: Command) {
        let mut process = program
            .arg("run")
            .arg("--config")
            .arg(self.config())
            .stdout(Stdio::piped())
            .stderr(self.log())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{}", self.read_log()));
        self.url = url.to_owned();
        self.process = Some(process);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is killed");
            process.wait().expect("it ends");
        }
    }

    /// SIGTERM; whether it ended with exit code 0.
    pub(crate) fn stop(&mut self) -> bool {
        let Some(mut process) = self.process.take() else { return true };
        let sent = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status();
        assert!(sent.is_ok_and(|s| s.success()), "the signal is sent");
        process.wait().expect("it ends").success()
    }

    /// Everything it logged.
    pub(crate) fn read_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let answer = self.read(
            self.client.get(format!("{}{path}", self.url)).header("Authorization", self.bearer()).call(),
        );
        document::promises("get", path, &answer);
        answer
    }

    /// The same with these headers; status, headers and body.
    pub(crate) fn get_whole(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let mut request =
            self.client.get(format!("{}{path}", self.url)).header("Authorization", self.bearer());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.call().expect("the agent answers");
        let headers = response.headers().clone();
        let answer = self.read(Ok(response));
        document::promises("get", path, &answer);
        (answer.status, headers, answer.bytes)
    }

    /// The same with another token.
    pub(crate) fn get_as(&self, token: &str, path: &str) -> Answer {
        self.get_as_with(token, path, &[])
    }

    /// The same with these headers.
    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.get_as_with(&self.token, path, headers)
    }

    /// The same with another token and these headers.
    pub(crate) fn get_as_with(&self, token: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            self.client.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.read(request.call());
        document::promises("get", path, &answer);
        answer
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.delete_with(path, &[])
    }

    pub(crate) fn delete_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            self.client.delete(format!("{}{path}", self.url)).header("Authorization", self.bearer());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.read(request.call());
        document::promises("delete", path, &answer);
        answer
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .client
            .patch(format!("{}{path}", self.url))
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/json");
        let answer = self.read(request.send(body.to_string()));
        document::promises("patch", path, &answer);
        answer
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[])
    }

    pub(crate) fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.try_post(path, body, headers).expect("the agent answers")
    }

    /// The same with another token.
    pub(crate) fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.post_as_with(token, path, body, &[])
    }

    /// The same with these headers.
    pub(crate) fn post_as_with(
        &self,
        token: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.read(request.send(body.to_string()));
        document::promises("post", path, &answer);
        answer
    }

    /// A call that may be cut off by a kill.
    pub(crate) fn try_post(
        &self,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ureq::Error> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body.to_string())?;
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let answer = Answer { status: response.status().as_u16(), bytes };
        document::promises("post", path, &answer);
        Ok(answer)
    }

    /// Makes a call and hangs up before the answer comes.
    pub(crate) fn hang_up_on(&self, path: &str, body: &str) {
        let host = self.url.strip_prefix("http://").expect("an address");
        let mut stream = std::net::TcpStream::connect(host).expect("it listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.bearer(),
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("it is sent");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    /// The running process's number.
    pub(crate) fn process_id(&self) -> String {
        self.process.as_ref().expect("it runs").id().to_string()
    }

    /// Hands a picture in; the capture, or `None` when a kill cut the call off.
    pub(crate) fn try_upload(&self, bytes: &[u8]) -> Option<String> {
        let mut response = self.send_upload(bytes, &[], &[]).ok()?;
        let body = response.body_mut().read_to_vec().ok()?;
        let answer = Answer { status: response.status().as_u16(), bytes: body };
        Some(answer.expect(201)["id"].as_str()?.to_owned())
    }

    /// Hands a picture in.
    pub(crate) fn upload(&self, bytes: &[u8]) -> Answer {
        self.upload_with(bytes, &[])
    }

    /// The same, with these fields in the form.
    pub(crate) fn upload_with(&self, bytes: &[u8], fields: &[(&str, &str)]) -> Answer {
        let answer = self.read(self.send_upload(bytes, fields, &[]));
        document::promises("post", "/v1/captures", &answer);
        answer
    }

    /// The same with these headers.
    pub(crate) fn upload_with_headers(&self, bytes: &[u8], headers: &[(&str, &str)]) -> Answer {
        let answer = self.read(self.send_upload(bytes, &[], headers));
        document::promises("post", "/v1/captures", &answer);
        answer
    }

    fn send_upload(
        &self,
        bytes: &[u8],
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        body.extend_from_slice(
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let mut request = self
            .client
            .post(format!("{}/v1/captures", self.url))
            .header("Authorization", self.bearer())
            .header("Content-Type", "multipart/form-data; boundary=b");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(body.as_slice())
    }

    /// Reads the card that lies there; the opened holder.
    pub(crate) fn read_card(&self) -> String {
        let card = self.post("/v1/card/read", &Value::Object(serde_json::Map::new())).expect(200);
        card["holder"].as_str().expect("a holder").to_owned()
    }

    /// Where everything durable lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    fn read(&self, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
        let mut response = response.expect("the agent answers");
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a whole body");
        Answer { status: response.status().as_u16(), bytes }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("yidang.toml")
    }

    fn log(&self) -> std::fs::File {
        let path: &Path = self.folder.path();
        std::fs::OpenOptions::new().create(true).append(true).open(path.join("log")).expect("a log file")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
