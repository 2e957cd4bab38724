//! `yidang enrol`.

use std::io::{self, Read};
use std::process::ExitCode;

use clap::Args;

use super::output::{say, say_json};
use super::{misused, reach};
use crate::config::Config;
use crate::control::{Outcome, Request};
use crate::failure::Failure;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";
/// Longest code that is read, in bytes.
const CODE_BYTES_MAX: u64 = 4096;

/// How to enrol. No `Debug`: somebody may have written the code where it does not belong.
#[derive(Args)]
pub(super) struct Enrol {
    /// `-`: the code comes from standard input. Secrets never stand on the command line.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    code: String,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

impl Enrol {
    /// Ends the process where the code stands on the command line, without saying it again.
    pub(super) fn check(&self) {
        if self.code != STANDARD_INPUT {
            misused(
                "the code comes from standard input: write `--code -`; other users can see a command line",
            );
        }
    }

    pub(super) fn enrol(&self, config: &Config) -> Result<ExitCode, Failure> {
        let Some(repository) = config.repository_url.clone() else {
            let remedy = "set `[repository] url` in the configuration";
            return Err(Failure::new("repository_not_configured", "no repository is configured", remedy));
        };
        let request = Request::Enrol { code: read_code()?, repository };
        if let Outcome::Enrolled { repository } = reach::carry_out(config, &request, &mut |_| Ok(()))? {
            if self.json {
                say_json(&serde_json::json!({"enrolled": true, "repository": repository}))?;
            } else {
                say(&format!("enrolled with {repository}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read_code() -> Result<String, Failure> {
    let remedy = "write the code of `yidang-repository enrol-code` to standard input";
    let mut code = String::new();
    match io::stdin().lock().take(CODE_BYTES_MAX).read_to_string(&mut code) {
        Ok(_) if code.trim().is_empty() => {
            Err(Failure::new("code_missing", "standard input holds no code", remedy))
        }
        Ok(_) => Ok(code.trim().to_owned()),
        Err(error) => Err(Failure::new("code_missing", error, remedy)),
    }
}
