//! `yidang-repository windows`: which agent stands at which counter.

use std::collections::HashMap;

use clap::Args;
use serde::Serialize;
use yidang_model::escaped;

use crate::config::Config;
use crate::error::StartError;
use crate::hold_command::{head, say};
use crate::repository::{WINDOW_SEPARATOR, must_have_state};
use crate::sqlite_state::SqliteState;
use crate::state::{State, WindowRecord};

/// The columns, named as in the JSON document.
const COLUMNS: [&str; 5] = ["agent", "counter", "enrolled_at", "last_heard_at", "replaced_by"];

/// Name every enrolment: the agent, as the ledger names it, and the counter it was enrolled for; when; when it last told of a
/// new end of its ledger (`-`: never, as without a network); and which later enrolment of that counter took its place.
///
/// Works beside a running repository. The columns' names go to standard error.
#[derive(Args)]
pub(crate) struct WindowsCommand {
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// One enrolment, as it is told.
#[derive(Serialize)]
struct WindowLine {
    agent: String,
    counter: String,
    enrolled_at: String,
    last_heard_at: Option<String>,
    replaced_by: Option<String>,
}

impl From<WindowRecord> for WindowLine {
    fn from(window: WindowRecord) -> Self {
        let WindowRecord { agent, counter, enrolled_at, last_heard_at, replaced_by } = window;
        let (enrolled_at, last_heard_at) = (enrolled_at.to_string(), last_heard_at.map(|at| at.to_string()));
        Self { agent, counter, enrolled_at, last_heard_at, replaced_by }
    }
}

/// Tells them, the earliest first.
pub(crate) fn windows(config: &Config, command: &WindowsCommand) -> Result<(), StartError> {
    let lines: Vec<WindowLine> = enrolled(config)?.into_iter().map(WindowLine::from).collect();
    if command.json {
        say(&serde_json::json!({"windows": lines}).to_string());
        return Ok(());
    }
    head(&COLUMNS);
    for WindowLine { agent, counter, enrolled_at, last_heard_at, replaced_by } in &lines {
        let said = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
        let row = [agent, counter, enrolled_at, &said(last_heard_at), &said(replaced_by)];
        say(&row.map(|field| escaped(field)).join("\t"));
    }
    Ok(())
}

fn enrolled(config: &Config) -> Result<Vec<WindowRecord>, StartError> {
    must_have_state(&config.data_dir)?;
    Ok(SqliteState::open(&config.data_dir)?.windows()?)
}

/// At which counter each agent stands.
pub(crate) struct Counters(HashMap<String, String>);

impl Counters {
    pub(crate) fn read(config: &Config) -> Result<Self, StartError> {
        Ok(Self(enrolled(config)?.into_iter().map(|window| (window.agent, window.counter)).collect()))
    }

    /// The counter of a client as the ledger names it; `None` for one that is no window's.
    pub(crate) fn of(&self, client: &str) -> Option<&str> {
        let agent = client.split(WINDOW_SEPARATOR).next().unwrap_or(client);
        self.0.get(agent).map(String::as_str)
    }
}
