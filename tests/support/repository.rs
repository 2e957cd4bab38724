//! The real repository binary on a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_yidang-repository");
/// Shows a program another time than it is.
const FAKETIME: &str = "faketime";

fn is_faketime_there() -> bool {
    let is_there = Command::new(FAKETIME).arg("--version").output().is_ok();
    if !is_there {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the runner, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: the package faketime is missing");
    }
    is_there
}

/// A repository: its folder, and the process while it runs.
pub(crate) struct Repository {
    folder: TempDir,
    /// What its clock shows, as `faketime` writes it; `None`: the time.
    clock: Option<&'static str>,
    accepts_simulated: bool,
    pub(crate) url: String,
    process: Option<Child>,
}

impl Repository {
    /// A started repository in a new folder, which takes simulated papers.
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// One whose clock is off, `+3d` or `-1h`. `None`, and the skipped test is named, where there is no faketime.
    pub(crate) fn start_at(clock: &'static str) -> Option<Self> {
        is_faketime_there().then(|| Self::start_with(Some(clock)))
    }

    /// A started repository on a copy of this one's data and keys, after `change` was made to the data.
    pub(crate) fn start_on_copy(of: &std::path::Path, change: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        super::copy_folder(&of.join("data"), &folder.path().join("data"));
        super::copy_folder(&of.join("keys"), &folder.path().join("data.keys"));
        change(&folder.path().join("data"));
        Self::start_in(folder, None)
    }

    fn start_with(clock: Option<&'static str>) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), clock)
    }

    fn start_in(folder: TempDir, clock: Option<&'static str>) -> Self {
        let mut repository =
            Self { folder, clock, accepts_simulated: true, url: String::new(), process: None };
        repository.configure("127.0.0.1:0");
        repository.run();
        // It comes back under the same address after a stop, as a real one does.
        repository.configure(repository.address());
        repository
    }

    /// Starts it anew, taking simulated papers or not.
    pub(crate) fn accept_simulated(&mut self, accepts: bool) {
        self.kill();
        self.accepts_simulated = accepts;
        self.configure(self.address());
        self.run();
    }

    /// Starts it anew with nothing of what it knew, not even who is enrolled.
    pub(crate) fn forget_everything(&mut self) {
        self.kill();
        for folder in ["data", "data.keys"] {
            std::fs::remove_dir_all(self.folder.path().join(folder)).expect("it is removed");
        }
        self.run();
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Starts it and waits until it listens.
    pub(crate) fn run(&mut self) {
        let mut process = self
            .program()
            .args(["run", "--config"])
            .arg(self.config())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        line.trim().strip_prefix("listening ").expect("it listens").clone_into(&mut self.url);
        self.process = Some(process);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is killed");
            process.wait().expect("it ends");
        }
    }

    /// A fresh enrolment code, made beside the running server.
    pub(crate) fn enrol_code(&self) -> String {
        let made = self.command("enrol-code");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    }

    /// Runs another command of the program on the same folder.
    pub(crate) fn command(&self, command: &str) -> Output {
        self.run_command(&[command])
    }

    /// The same, with arguments of its own.
    pub(crate) fn run_command(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).arg("--config").arg(self.config()).output().expect("the program runs")
    }

    /// Runs a command under another time; `None`, and the skipped test is named, where there is no faketime.
    pub(crate) fn command_at(&mut self, clock: &'static str, command: &str) -> Option<Output> {
        let clock = is_faketime_there().then_some(clock)?;
        let before = self.clock.replace(clock);
        let output = self.command(command);
        self.clock = before;
        Some(output)
    }

    /// Where everything durable lies.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// The same, with several words and this on its standard input.
    pub(crate) fn command_with_input(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.program();
        command.args(words).arg("--config").arg(self.config());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        // It may have ended without reading.
        let _ = process.stdin.take().expect("its input is piped").write_all(input.as_bytes());
        process.wait_with_output().expect("it ends")
    }

    fn program(&self) -> Command {
        let Some(clock) = self.clock else { return Command::new(PROGRAM) };
        let mut command = Command::new(FAKETIME);
        command.args(["-f", clock, PROGRAM]);
        command
    }

    fn configure(&self, listen: &str) {
        let accepts = self.accepts_simulated;
        let config = format!(
            "[repository]\ndata_dir = \"data\"\naccept_simulated = {accepts}\n[http]\nlisten = \"{listen}\"\n"
        );
        std::fs::write(self.config(), config).expect("the file is written");
    }

    fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("repository.toml")
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
