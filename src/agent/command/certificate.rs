//! `yidang certificate`: the authority behind https on this machine, and who trusts it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{complain, plain, say, say_json};
use crate::config::{Config, TlsMode};
use crate::failure::Failure;
use crate::tls::{Authority, TrustPlace, TrustState, places};

#[derive(Subcommand)]
pub(super) enum CertificateCommand {
    /// Shows this PC's authority and where it is trusted; makes it where there is none, and changes nothing else.
    Show(Where),
    /// Has this PC's authority trusted by the system, and by Chromium and Firefox where they keep their own list.
    Install(Where),
    /// Takes away what `install` wrote, that of earlier authorities of this PC too, and nothing else.
    Remove(Where),
}

/// Where, and how to tell of it.
#[derive(Args)]
pub(super) struct Where {
    /// Looks and writes below this folder instead of `/`, for packages.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn certificate(config: &Config, command: CertificateCommand) -> Result<ExitCode, Failure> {
    match command {
        CertificateCommand::Show(wish) => {
            let authority = open(config)?;
            tell(&authority, &wish, |place| Ok(state_of(place.look(&authority))))
        }
        CertificateCommand::Install(wish) => {
            if config.tls.is_none() {
                let remedy =
                    "set `[http] tls = \"loopback\"` first: what nobody uses is to be trusted by nobody";
                return Err(Failure::new("tls_off", format!("https is {}", TlsMode::Off.as_str()), remedy));
            }
            let authority = open(config)?;
            tell(&authority, &wish, |place| match place.look(&authority) {
                TrustState::Trusted => Ok("unchanged".to_owned()),
                _ => place.install(&authority).map(|()| "written".to_owned()),
            })
        }
        CertificateCommand::Remove(wish) => {
            let authority = open(config)?;
            tell(&authority, &wish, |place| {
                let was_there = place.remove()?;
                Ok(if was_there { "removed" } else { "nothing there" }.to_owned())
            })
        }
    }
}

fn open(config: &Config) -> Result<Authority, Failure> {
    let made = yidang_archive::files::create_folder(&config.data_dir);
    made.map_err(|e| {
        Failure::new("certificate_failed", e, "check the disk and the rights of the data folder")
    })?;
    Ok(Authority::open(&config.data_dir)?)
}

fn state_of(state: TrustState) -> String {
    match state {
        TrustState::Trusted => "trusted".to_owned(),
        TrustState::Missing => "missing".to_owned(),
        TrustState::Unknown(why) => format!("unknown: {why}"),
    }
}

/// Does it at every place, and tells of each; exit code 1 where one failed.
fn tell(
    authority: &Authority,
    wish: &Where,
    mut work: impl FnMut(&TrustPlace) -> Result<String, Failure>,
) -> Result<ExitCode, Failure> {
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for place in places(&wish.root) {
        let state = work(&place).unwrap_or_else(|failure| {
            let state = format!("failed: {}", failure.code);
            failures.push(failure);
            state
        });
        rows.push((place.kind(), place.path(), state));
    }
    let Authority { name, file, ends_at, .. } = authority;
    if wish.json {
        let row = |(kind, path, state): &(&str, String, String)| json!({"kind": kind, "path": path, "state": state});
        say_json(
            &json!({"name": name, "fingerprint": authority.fingerprint(), "file": file.display().to_string(),
            "ends_at": ends_at.to_string(), "places": rows.iter().map(row).collect::<Vec<Value>>()}),
        )?;
    } else {
        say(&plain(&[name, &authority.fingerprint(), &ends_at.to_string(), &file.display().to_string()]))?;
        rows.iter().try_for_each(|(kind, path, state)| say(&plain(&[kind, path, state])))?;
    }
    failures.iter().for_each(complain);
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
