//! What was checked, and what came of it.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// Counts checks and tells of each as it ends.
pub(crate) struct Report {
    /// How the names of the checks that are wanted begin.
    wanted: String,
    passed: u32,
    failed: u32,
}

impl Report {
    /// Of the checks whose names begin so.
    pub(crate) fn new(wanted: String) -> Self {
        Self { wanted, passed: 0, failed: 0 }
    }

    /// Runs one check if it is wanted, which fails by panicking. The panic's message goes to standard error.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce()) {
        if !name.starts_with(&self.wanted) {
            return;
        }
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(check));
        let took = started.elapsed().as_millis();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say(&format!("ok     {name} ({took} ms)"));
            }
            Err(_) => {
                self.failed += 1;
                say(&format!("FAILED {name} ({took} ms)"));
            }
        }
    }

    /// Tells of something that was measured.
    pub(crate) fn measured(what: &str) {
        say(&format!("machine: {what}"));
    }

    /// Tells the sums.
    pub(crate) fn end(&self) -> ExitCode {
        say(&format!("checks: {} ok, {} failed", self.passed, self.failed));
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn say(line: &str) {
    // The console of the machine is all there is; without it nobody listens.
    let _ = writeln!(std::io::stdout(), "{line}");
}
