//! A TPM made of software, as another process, and the tool with which systemd seals credentials under one.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the tool opens at run time, and the packages that have it.
const LIBRARIES: [(&str, &str); 4] = [
    ("libtss2-esys.so.0", "libtss2-esys-3.0.2-0"),
    ("libtss2-rc.so.0", "libtss2-rc0"),
    ("libtss2-mu.so.0", "libtss2-mu0"),
    ("libtss2-tcti-swtpm.so.0", "libtss2-tcti-swtpm0"),
];
/// How long it may take to begin.
const START_MAX: Duration = Duration::from_secs(10);

/// A running TPM; its state is its own for as long as this lives.
pub(crate) struct Tpm {
    state: TempDir,
    port: u16,
    process: Child,
}

impl Tpm {
    /// A new one. `None`, and the skipped test is named, where the machine lacks a package for it.
    pub(crate) fn start() -> Option<Self> {
        if let Some(package) = missing_package() {
            let test = thread::current().name().unwrap_or_default().to_owned();
            // Past the runner, which keeps to itself what a passing test prints.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: the package {package} is missing");
            return None;
        }
        let state = tempfile::tempdir().expect("a folder");
        let (port, process) = run_on(state.path());
        Some(Self { state, port, process })
    }

    /// Ends it and starts it again, as when the PC is switched off and on.
    pub(crate) fn restart(&mut self) {
        self.end();
        (self.port, self.process) = run_on(self.state.path());
    }

    /// Seals a service's credential under this TPM's key; whether it did.
    pub(crate) fn seal(&self, name: &str, from: &Path, to: &Path) -> bool {
        self.creds(&["encrypt", "--with-key=tpm2"], name, from, to)
    }

    /// Opens one, as systemd does when it starts the service; whether it did.
    pub(crate) fn open(&self, name: &str, from: &Path, to: &Path) -> bool {
        self.creds(&["decrypt"], name, from, to)
    }

    fn creds(&self, verb: &[&str], name: &str, from: &Path, to: &Path) -> bool {
        let device = format!("--tpm2-device=swtpm:host=127.0.0.1,port={}", self.port);
        let mut command = Command::new("systemd-creds");
        command.args(verb).arg(format!("--name={name}")).arg(device).args([from, to]);
        command.stderr(Stdio::null()).status().expect("systemd-creds runs").success()
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        self.end();
    }
}

fn missing_package() -> Option<&'static str> {
    let is_there = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let programs = [("swtpm", "swtpm"), ("systemd-creds", "systemd")];
    let program = programs.into_iter().find(|(program, _)| !is_there(program));
    let folders: Vec<_> =
        fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|f| f.path()).collect();
    let library = LIBRARIES.into_iter().find(|(file, _)| !folders.iter().any(|f| f.join(file).exists()));
    program.or(library).map(|(_, package)| package)
}

/// Runs it on two ports of its own, one behind the other: that is where the library looks for the second.
fn run_on(state: &Path) -> (u16, Child) {
    let began = Instant::now();
    loop {
        let port = two_ports();
        let mut process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", state.display()))
            .args(["--server", &format!("type=tcp,port={port}")])
            .args(["--ctrl", &format!("type=tcp,port={}", port + 1)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swtpm runs");
        // It ends by itself where somebody else took a port meanwhile.
        while process.try_wait().expect("it is asked").is_none() {
            if TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
                return (port, process);
            }
            assert!(began.elapsed() < START_MAX, "swtpm does not begin");
            thread::sleep(Duration::from_millis(20));
        }
        assert!(began.elapsed() < START_MAX, "swtpm ends at once");
    }
}

fn two_ports() -> u16 {
    loop {
        let first = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = first.local_addr().expect("its number").port();
        if port.checked_add(1).is_some_and(|second| TcpListener::bind(("127.0.0.1", second)).is_ok()) {
            return port;
        }
    }
}
