//! One side of the comparison: a program that is started once for each turn and prints what it measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Failure;

/// What one turn measured.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    /// Names of the stages.
    pub(crate) stages: Vec<String>,
    /// For each run the milliseconds of each stage.
    pub(crate) runs_ms: Vec<Vec<f64>>,
    /// Memory before the first run, and the most there was, in bytes.
    pub(crate) start_bytes: u64,
    /// See `start_bytes`.
    pub(crate) peak_bytes: u64,
    /// The last page's size in pixels, and its bytes.
    pub(crate) page: [usize; 3],
}

/// Who measures.
pub(crate) enum Side {
    Ours,
    OpenCv { python: PathBuf },
    Turbo,
}

impl Side {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OpenCv { .. } => "OpenCV",
            Self::Turbo => "libjpeg-turbo, decode and encode only",
        }
    }

    /// Runs one turn, and waits for it.
    pub(crate) fn turn(&self, file: &Path, runs: usize) -> Result<Measured, Failure> {
        let own = std::env::current_exe()?;
        let mut command = match self {
            Self::Ours => Command::new(own),
            Self::Turbo => Command::new(own),
            Self::OpenCv { python } => Command::new(python),
        };
        match self {
            Self::Ours => command.arg("ours"),
            Self::Turbo => command.arg("turbo"),
            Self::OpenCv { .. } => command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/opencv.py")),
        };
        let output = command.arg(file).args(["--runs", &runs.to_string()]).output()?;
        if !output.status.success() {
            return Err(format!("{}: {}", self.name(), String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The version of OpenCV that this Python has, or what is missing.
pub(crate) fn opencv_version(python: &Path) -> Result<String, String> {
    let asked = Command::new(python).args(["-c", "import cv2; print(cv2.__version__)"]).output();
    match asked {
        Err(_) => Err(format!("there is no {}", python.display())),
        Ok(answer) if !answer.status.success() => Err(format!("{} has no cv2", python.display())),
        Ok(answer) => Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned()),
    }
}

/// Resident memory of this process now and at its most, in bytes; zero where the system does not say.
pub(crate) fn memory_bytes() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
    })
}
