//! The central repository's program: wiring only.

use std::process::ExitCode;

fn main() -> ExitCode {
    yidang_repository::run_command()
}
