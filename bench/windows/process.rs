//! A real binary that runs, and what Linux says of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;

/// Length of one tick of `/proc/PID/stat`; Linux has told programs so on every machine for decades.
const TICK: Duration = Duration::from_millis(10);

/// The process. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    config: PathBuf,
}

/// One of the binaries that lie beside this one.
fn binary(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(format!("build {} first", path.display()).into()) }
}

impl Process {
    /// Starts a binary with this configuration, and waits until it listens.
    pub(crate) fn run(program: &str, config: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(binary(program)?);
        command.arg("run").arg("--config").arg(config).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening ").unwrap_or_default().to_owned();
        let process = Self { child, url, config: config.to_owned() };
        if process.url.is_empty() { Err(format!("{program} did not start").into()) } else { Ok(process) }
    }

    /// A repository that takes simulated papers.
    pub(crate) fn repository(folder: &Path) -> Result<Self, Failure> {
        let config = folder.join("repository.toml");
        let text = "[repository]\ndata_dir = \"repository\"\naccept_simulated = true\n\
                    [http]\nlisten = \"127.0.0.1:0\"\n";
        fs::write(&config, text)?;
        Self::run("yidang-repository", &config)
    }

    /// An enrolment code, where this is a repository.
    pub(crate) fn enrol_code(&self) -> Result<String, Failure> {
        command("yidang-repository", &["enrol-code"], &self.config)
    }

    /// Processor time spent so far, all threads together.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
        let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u32 =
            after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u32>().ok()).sum();
        Ok(TICK * ticks)
    }

    /// Memory that is in the machine now.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs another command of a binary; what it prints.
pub(crate) fn command(program: &str, arguments: &[&str], config: &Path) -> Result<String, Failure> {
    let output = Command::new(binary(program)?).args(arguments).arg("--config").arg(config).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
