//! How far long work has come.

use std::io::{self, IsTerminal, Write};

/// Width of the bar in characters.
const BAR_WIDTH: u64 = 40;

/// A progress bar on a terminal, and nothing elsewhere.
pub(super) struct Bar {
    shown: u64,
}

impl Bar {
    /// One that is not seen yet.
    pub(super) fn new() -> Self {
        Self { shown: u64::MAX }
    }

    /// Shows it, if it looks different by now.
    pub(super) fn show(&mut self, done: u64, all: u64) {
        let filled = (done * BAR_WIDTH).checked_div(all).unwrap_or(0).min(BAR_WIDTH);
        if filled != self.shown && io::stderr().is_terminal() {
            self.shown = filled;
            let (full, rest) = ("#".repeat(filled as usize), ".".repeat((BAR_WIDTH - filled) as usize));
            let _ = write!(io::stderr(), "\r[{full}{rest}] {done}/{all}");
        }
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) {
        if self.shown != u64::MAX {
            self.shown = u64::MAX;
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = BAR_WIDTH as usize + 44);
        }
    }
}
