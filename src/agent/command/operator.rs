//! `yidang operator`. Its store is a database that several processes may use, so that no daemon has to be asked.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{plain, say, say_json};
use crate::config::Config;
use crate::daemon::open_operators;
use crate::failure::Failure;
use crate::operators::{Operators, PublicKey};

/// Longest standard input or file that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 16 << 10;

#[derive(Subcommand)]
pub(super) enum OperatorCommand {
    /// Lets a clerk sign in with a PIN, which comes from standard input: 6 to 12 digits.
    Add(Named),
    /// Lists the clerks who have a PIN here.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Lets a clerk sign in no more.
    Remove(Named),
    /// Gives a clerk another PIN, from standard input, and lets one whose PIN was locked try again.
    ResetPin(Named),
    /// The keys of window systems that say which clerk sits there.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Args)]
pub(super) struct Named {
    /// The clerk's name or staff number, as it goes into the ledger.
    #[arg(long)]
    name: String,
}

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Believes what is signed with the private half of an Ed25519 public key (PEM or JWK) from standard input.
    Add {
        /// What the window system calls itself: the `iss` of its assertions.
        #[arg(long)]
        name: String,
        /// Reads the key from this file instead.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Lists the registered keys.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Believes a window system no more, at once.
    Remove {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

pub(super) fn operator(config: &Config, command: OperatorCommand) -> Result<ExitCode, Failure> {
    let operators = open_operators(config)?;
    match command {
        OperatorCommand::Add(Named { name }) => operators.add(&name, &read_pin()?)?,
        OperatorCommand::ResetPin(Named { name }) => operators.reset_pin(&name, &read_pin()?)?,
        OperatorCommand::Remove(Named { name }) => operators.remove(&name)?,
        OperatorCommand::List { json } => list(&operators, json)?,
        OperatorCommand::Key(KeyCommand::Add { name, file }) => {
            operators.add_key(&name, PublicKey::parse(&read_key(file)?)?)?;
        }
        OperatorCommand::Key(KeyCommand::Remove { name }) => operators.remove_key(&name)?,
        OperatorCommand::Key(KeyCommand::List { json }) => list_keys(&operators, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(operators: &Operators, json: bool) -> Result<(), Failure> {
    let operators = operators.list()?;
    if json {
        let rows = operators.iter().map(|o| {
            json!({"name": o.name, "pin_set_at": o.pin_set_at.to_string(), "wrong_tries": o.wrong_tries,
                "locked": o.is_locked()})
        });
        return say_json(&rows.collect::<Vec<Value>>());
    }
    operators.iter().try_for_each(|o| {
        let state = if o.is_locked() { "locked".to_owned() } else { format!("{} wrong", o.wrong_tries) };
        say(&plain(&[&o.name, &o.pin_set_at.to_string(), &state]))
    })
}

fn list_keys(operators: &Operators, json: bool) -> Result<(), Failure> {
    let keys = operators.keys()?;
    if json {
        let rows = keys.iter().map(|(name, key, created_at)| {
            json!({"name": name, "fingerprint": key.fingerprint(), "created_at": created_at.to_string()})
        });
        return say_json(&rows.collect::<Vec<Value>>());
    }
    keys.iter().try_for_each(|(name, key, created_at)| {
        say(&plain(&[name, &key.fingerprint(), &created_at.to_string()]))
    })
}

fn read_pin() -> Result<String, Failure> {
    let remedy = "write the PIN to standard input; other users can see a command line";
    let mut text = String::new();
    match io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        _ => Err(Failure::new("pin_missing", "standard input has no PIN", remedy)),
    }
}

fn read_key(file: Option<PathBuf>) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match &file {
        Some(path) => {
            std::fs::File::open(path).and_then(|f| f.take(INPUT_BYTES_MAX).read_to_string(&mut text))
        }
        None => io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text),
    };
    read.map_err(|error| Failure::new("public_key_malformed", error, "give the public key as PEM or JWK"))?;
    Ok(text)
}
