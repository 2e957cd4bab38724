//! A real binary as a service that is started, killed and started again.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::Failure;
use crate::disk::run;

/// A service that does not listen by then never will.
const START_WAIT: Duration = Duration::from_secs(180);
/// How often is asked whether it is frozen, which takes it well below a millisecond.
const FREEZE_LOOK_EVERY: Duration = Duration::from_micros(100);
/// So much of a log is shown where a service did not start.
const LOG_BYTES_SHOWN: usize = 1500;

/// The service. Killed when dropped.
pub(crate) struct Service {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    environment: Vec<(String, String)>,
    child: Option<Child>,
    /// Where it listens, once it does.
    pub(crate) url: String,
}

impl Service {
    /// One of the binaries that lie beside this one, with this configuration, not started.
    pub(crate) fn new(program: &str, config: &Path, text: &str) -> Result<Self, Failure> {
        let program = std::env::current_exe()?.with_file_name(program);
        if !program.is_file() {
            return Err(format!("build {} first", program.display()).into());
        }
        fs::write(config, text)?;
        let (config, log) = (config.to_owned(), config.with_extension("log"));
        Ok(Self { program, config, log, environment: Vec::new(), child: None, url: String::new() })
    }

    /// The variables it gets at each start.
    pub(crate) fn set_environment(&mut self, environment: Vec<(String, String)>) {
        self.environment = environment;
    }

    /// Another configuration, from the next start on.
    pub(crate) fn configure(&self, text: &str) -> Result<(), Failure> {
        Ok(fs::write(&self.config, text)?)
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        self.launch()?;
        let output = self.child.as_mut().and_then(|child| child.stdout.take()).ok_or("no output")?;
        let (told, listening) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = told.send(line);
        });
        let line = listening.recv_timeout(START_WAIT).unwrap_or_default();
        match line.trim().strip_prefix("listening ") {
            Some(url) => url.clone_into(&mut self.url),
            None => {
                self.kill();
                return Err(format!("{} does not start: {}", self.program.display(), self.log_end()).into());
            }
        }
        Ok(())
    }

    /// Starts it and does not wait.
    pub(crate) fn launch(&mut self) -> Result<(), Failure> {
        self.kill();
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = self.command(&["run"]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.child = Some(command.stdout(Stdio::piped()).stderr(log).spawn()?);
        Ok(())
    }

    /// Stops all its threads where they are; those in a system call stop at its end.
    pub(crate) fn freeze(&self) -> Result<(), Failure> {
        let id = self.child.as_ref().ok_or("it does not run")?.id();
        run("kill", &["-STOP", &id.to_string()])?;
        while !is_frozen(id)? {
            std::thread::sleep(FREEZE_LOOK_EVERY);
        }
        Ok(())
    }

    /// SIGKILL. Nothing of it is left when this returns.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Runs another command of the binary on the same folder, without the faults of the service.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Output, Failure> {
        Ok(self.command(arguments).stdin(Stdio::null()).output()?)
    }

    /// What such a command prints.
    pub(crate) fn told(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.ask(arguments)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The end of what it logged.
    pub(crate) fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let end = &log[log.len().saturating_sub(LOG_BYTES_SHOWN)..];
        String::from_utf8_lossy(end).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // The binaries refuse variables they do not know, and the maker's own must not reach them.
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.as_encoded_bytes().starts_with(b"YIDANG_")) {
            command.env_remove(name);
        }
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }
}

/// Whether no thread of this process runs: each is stopped, or in a system call that nothing interrupts.
fn is_frozen(id: u32) -> Result<bool, Failure> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread that has ended is no longer there to be read.
        let status = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        let state = status.rsplit_once(") ").map_or("", |(_, rest)| rest);
        if !state.is_empty() && !state.starts_with(['T', 'D', 'Z']) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
