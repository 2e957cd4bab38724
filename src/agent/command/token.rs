//! `yidang token`. Its store is a database that several processes may use, so that no daemon has to be asked.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::misused;
use super::output::{say, say_json};
use crate::clock;
use crate::config::Config;
use crate::daemon::open_tokens;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::tokens::{Token, TokenError, Tokens};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// Makes a token and prints its secret, alone; it is not kept.
    Create(CreateToken),
    /// Lists the live tokens.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a token, at once.
    Revoke {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

#[derive(Args)]
pub(super) struct CreateToken {
    /// The program it is for.
    #[arg(long)]
    name: String,
    /// What it may do, comma-separated: card, capture, archive:write, archive:read …
    #[arg(long, value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// The web origin it is bound to.
    #[arg(long)]
    origin: Option<String>,
    /// After how many days it expires; never unless said.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3660))]
    expires_days: Option<u16>,
}

pub(super) fn token(config: &Config, command: TokenCommand) -> Result<ExitCode, Failure> {
    let tokens = open_tokens(&config.data_dir)?;
    match command {
        TokenCommand::Create(wish) => match create(&tokens, &wish) {
            Err(error @ (TokenError::BadName | TokenError::NoScope | TokenError::BadOrigin)) => {
                misused(&error.to_string())
            }
            made => say(&made?)?,
        },
        TokenCommand::List { json } => list(&tokens.list()?, json)?,
        TokenCommand::Revoke { name } => {
            if !tokens.revoke(&name)? {
                let remedy = "see `yidang token list`";
                return Err(Failure::new("token_unknown", "no live token has this name", remedy));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(tokens: &Tokens, wish: &CreateToken) -> Result<String, TokenError> {
    let expires_at = wish.expires_days.map(|days| clock::now().plus_millis(i64::from(days) * DAY_MS));
    tokens.create_until(&wish.name, &wish.scopes, wish.origin.as_deref(), expires_at)
}

fn list(tokens: &[Token], json: bool) -> Result<(), Failure> {
    let scopes = |t: &Token| t.scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>();
    if json {
        let row = |t: &Token| {
            json!({"name": t.name, "scopes": scopes(t), "origin": t.origin,
                "created_at": t.created_at.to_string(), "expires_at": t.expires_at.map(|end| end.to_string()),
                "expired": t.is_expired()})
        };
        return say_json(&tokens.iter().map(row).collect::<Vec<Value>>());
    }
    tokens.iter().try_for_each(|t| {
        let origin = t.origin.as_deref().unwrap_or("-");
        let end = match t.expires_at {
            None => "-".to_owned(),
            Some(end) if t.is_expired() => format!("expired {end}"),
            Some(end) => end.to_string(),
        };
        say(&format!("{}\t{}\t{origin}\t{}\t{end}", t.name, scopes(t).join(","), t.created_at))
    })
}
