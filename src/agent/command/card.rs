//! `yidang card`: for who installs or tries a reader.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{say, say_json, write};
use super::run::stop_signal;
use super::{probed, reach};
use crate::ConfigError;
use crate::config::Config;
use crate::control::{CardPlace, CardRequest, Connection, Listen, News, Outcome, Request, WatchedEvent};
use crate::daemon::{Drivers, StartError};
use crate::failure::Failure;

/// The fields of a reading that are shown to a person, in this order.
const SHOWN: [&str; 20] = [
    "document_type",
    "name",
    "name_en",
    "sex",
    "ethnicity",
    "nationality",
    "birth_date",
    "address",
    "new_address",
    "id_number",
    "pass_number",
    "issuer",
    "valid_from",
    "valid_until",
    "long_term",
    "photo_status",
    "chip_serial",
    "sam_id",
    "warnings",
    "origin",
];

#[derive(Subcommand)]
pub(super) enum CardCommand {
    /// Reads the card that lies on the reader, to try the reader.
    ///
    /// No dossier is opened and nothing is written down. What tells who the person is is masked unless --full
    /// asks for it: of the name the first character is left, of numbers the first six characters and the last
    /// two.
    Read(ReadCard),
    /// Tells of cards and readers as they come and go, until it is stopped.
    Watch(WatchCards),
    /// Examines every reader: access, profile, security module, and the steps of a reading.
    ///
    /// No personal data is told: of what the card says, only lengths. A reader without a card is examined
    /// without one.
    Probe {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct ReadCard {
    /// Wait this long for a card to come, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=120_000))]
    wait_ms: u64,
    /// Show the person's data as the card has it.
    #[arg(long)]
    full: bool,
    /// One JSON document with the fields of `POST /v1/card/read`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct WatchCards {
    /// One JSON document a line, as `GET /v1/events` has them.
    #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "lines", value_parser = ["lines"])]
    json: Option<String>,
}

/// Where it is done: in the daemon that holds the reader, or here.
enum Place {
    Daemon(Connection),
    Here(Arc<CardPlace>),
}

impl Place {
    fn find(
        config: &Config,
        drivers: impl FnOnce(&Config) -> Result<Drivers, ConfigError>,
    ) -> Result<Self, Failure> {
        if let Some(daemon) = reach::running_daemon(config)? {
            return Ok(Self::Daemon(daemon));
        }
        let place = CardPlace::at_rest(drivers(config)?.card).map_err(StartError::Thread)?;
        Ok(Self::Here(Arc::new(place)))
    }

    fn carry_out(self, request: CardRequest, listen: Listen<'_>) -> Result<Outcome, Failure> {
        match self {
            Self::Daemon(daemon) => daemon.ask(&Request::Card(request), listen),
            Self::Here(place) => {
                let done = place.carry_out(&request, listen);
                place.stop();
                done
            }
        }
    }
}

pub(super) fn card(
    config: &Config,
    command: CardCommand,
    drivers: impl FnOnce(&Config) -> Result<Drivers, ConfigError>,
) -> Result<ExitCode, Failure> {
    let place = Place::find(config, drivers)?;
    match command {
        CardCommand::Read(wish) => {
            let request = CardRequest::Read { wait_ms: wish.wait_ms, full: wish.full };
            if let Outcome::Card(card) = place.carry_out(request, &mut |_| Ok(()))? {
                if wish.json { say_json(&card)? } else { show(&card)? }
            }
        }
        CardCommand::Watch(wish) => return watch(place, wish.json.is_some()),
        CardCommand::Probe { json } => {
            if let Outcome::Probed(report) = place.carry_out(CardRequest::Probe, &mut |_| Ok(()))? {
                if json { say_json(&report)? } else { probed::show(&report)? }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A reading for a person to read.
fn show(card: &Value) -> Result<(), Failure> {
    for field in SHOWN {
        match &card[field] {
            Value::Null => {}
            Value::String(text) => say(&format!("{field}\t{text}"))?,
            Value::Array(words) => {
                let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
                say(&format!("{field}\t{}", words.join(",")))?;
            }
            other => say(&format!("{field}\t{other}"))?,
        }
    }
    Ok(())
}

/// Until this process is told to stop, which is what it waits for; a daemon that stops is a failure.
fn watch(place: Place, json: bool) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Thread)?;
    let own = match &place {
        Place::Here(place) => Some(place.clone()),
        Place::Daemon(_) => None,
    };
    let ended = runtime.block_on(async {
        let stop = stop_signal().map_err(StartError::Thread)?;
        let watching = tokio::task::spawn_blocking(move || {
            place.carry_out(CardRequest::Watch, &mut |news| match news {
                News::Event(event) => write(&line(&event, json)?),
                _ => Ok(()),
            })
        });
        tokio::select! {
            () = stop => Ok(ExitCode::SUCCESS),
            ended = watching => match ended {
                Ok(Ok(_)) => {
                    let remedy = "start it again, and this command after it";
                    Err(Failure::new("daemon_stopped", "the daemon was told to stop", remedy))
                }
                Ok(Err(failure)) => Err(failure),
                Err(defect) => Err(StartError::Thread(std::io::Error::other(defect)).into()),
            },
        }
    });
    // The thread that watches waits for the next event.
    runtime.shutdown_background();
    if let Some(place) = own {
        place.stop();
    }
    ended
}

fn line(event: &WatchedEvent, json: bool) -> std::io::Result<String> {
    if json {
        return Ok(serde_json::to_string(event)?);
    }
    let device = event.data.get("device").and_then(Value::as_str).unwrap_or_default();
    Ok(format!("{}\t{}\t{device}", event.at, event.kind))
}
