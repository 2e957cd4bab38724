//! What of the written holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yidang_archive::crypto::Suite;
use yidang_archive::recovery::RecoveryKey;
use yidang_model::Kind;
use yidang_service::config::{ConfigError, absolute, bad, keys_beside};
use yidang_sync::parcel::CourierKey;

use super::file::{File, HttpSection, OperatorsSection, RetentionSection};
use super::{Config, DriverNames, Tls, TlsMode};
use crate::clients::CALLS_PER_SECOND_DEFAULT;
use crate::operators::{IDLE_LOCK_DEFAULT, OperatorNeed, OperatorRules, TAKE_OVER_DEFAULT};
use crate::retention::{Retention, RetentionRule, TermStart};
use crate::shims;
use crate::tokens::is_origin;

/// Where the agent listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:18680";
/// Where https is served unless told otherwise.
const TLS_LISTEN_DEFAULT: &str = "127.0.0.1:18681";
/// How long a certificate lasts unless told otherwise: 90 days.
pub(super) const TLS_LIFE_DEFAULT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How many minutes a certificate may last: browsers take none of more than 398 days.
const TLS_LIFE_MINUTES: std::ops::RangeInclusive<f64> = 0.05..=(398.0 * 24.0 * 60.0);
/// Bytes read back each second unless told otherwise: ten gigabytes in three hours.
const SCRUB_BYTES_PER_SECOND_DEFAULT: u64 = 1_000_000;
/// Longest name of a counter, in characters.
const COUNTER_LENGTH_MAX: usize = 128;
/// After how many minutes without use a clerk's session may lock, and after how many away another may take over.
const AWAY_MINUTES: std::ops::RangeInclusive<f64> = 0.05..=480.0;
/// Calls a second that one client may be allowed; the least leaves a window program working.
const CALLS_PER_SECOND: std::ops::RangeInclusive<u32> = 20..=1_000_000;
/// Terms that can be configured.
const RETENTION_YEARS: std::ops::RangeInclusive<u16> = 1..=200;

pub(super) fn check(file: File, base: &Path, drivers: DriverNames<'_>) -> Result<Config, ConfigError> {
    let counter = file.agent.counter.unwrap_or_default().trim().to_owned();
    if counter.is_empty() || counter.chars().count() > COUNTER_LENGTH_MAX {
        return Err(bad(
            "agent.counter",
            format!("name this window, in 1 to {COUNTER_LENGTH_MAX} characters"),
        ));
    }
    if counter.chars().any(char::is_control) {
        return Err(bad("agent.counter", "has control characters"));
    }
    let data_dir = file.agent.data_dir.ok_or_else(|| bad("agent.data_dir", "say where the data goes"))?;
    let data_dir = absolute("agent.data_dir", &base.join(data_dir))?;
    let keys_dir = match file.agent.keys_dir {
        Some(dir) => absolute("agent.keys_dir", &base.join(dir))?,
        None => keys_beside("agent.data_dir", &data_dir)?,
    };
    if keys_dir.starts_with(&data_dir) {
        return Err(bad(
            "agent.keys_dir",
            "must not lie inside the data folder: who takes the disk would have both",
        ));
    }
    let tls = tls(&file.http)?;
    let origins = file.http.origins.unwrap_or_default();
    if let Some(wrong) = origins.iter().find(|o| !is_origin(o)) {
        let reason = format!("`{wrong}` is no origin; write it as browsers send it: scheme://host[:port]");
        return Err(bad("http.origins", reason));
    }
    let operators = operators(file.operators, file.agent.operator_required.unwrap_or(false))?;
    Ok(Config {
        counter,
        data_dir,
        keys_dir,
        recovery_key: file.agent.recovery_key.map(|p| recovery_key(&base.join(p))).transpose()?,
        cipher: file.agent.cipher.map(|word| cipher(&word)).transpose()?,
        keys_are_sealed: keys_are_sealed(file.agent.key_keeper.as_deref())?,
        operators,
        scrub_bytes_per_second: file.agent.scrub_bytes_per_second.unwrap_or(SCRUB_BYTES_PER_SECOND_DEFAULT),
        listen: loopback("http.listen", file.http.listen.as_deref().unwrap_or(LISTEN_DEFAULT))?,
        tls,
        origins,
        calls_per_second: calls_per_second(file.http.calls_per_second)?,
        pairing: file.http.pairing.unwrap_or(true),
        card_driver: driver("card.driver", file.card.driver, drivers.card)?,
        card_port: file.card.port.map(port).transpose()?,
        card_profiles: file.card.profiles.map(|p| base.join(p)),
        card_fingerprint: file.card.fingerprint.unwrap_or(false),
        card_photo_decoder: file.card.photo_decoder.map(decoder).transpose()?,
        camera_driver: driver("camera.driver", file.camera.driver, drivers.camera)?,
        simulated_cards: file.simulated.cards.map(|p| base.join(p)),
        simulated_frames: file.simulated.frames.map(|p| base.join(p)),
        courier_key: file.repository.courier_key.map(|key| courier(&key)).transpose()?,
        enrol_code: file.repository.enrol_code.filter(|c| !c.trim().is_empty()),
        retention: retention(file.retention)?,
        repository_url: file.repository.url.map(|u| repository(&u)).transpose()?,
        shims: shims::check(file.shims, operators.need)?,
    })
}

fn calls_per_second(written: Option<u32>) -> Result<u32, ConfigError> {
    let value = written.unwrap_or(CALLS_PER_SECOND_DEFAULT);
    if CALLS_PER_SECOND.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (CALLS_PER_SECOND.start(), CALLS_PER_SECOND.end());
    Err(bad("http.calls_per_second", format!("is {least} to {most}")))
}

fn cipher(word: &str) -> Result<Suite, ConfigError> {
    Suite::from_word(word).ok_or_else(|| {
        let known = Suite::ALL.map(Suite::as_str).join(", ");
        bad("agent.cipher", format!("`{word}` is not a cipher of this build; there are {known}"))
    })
}

fn keys_are_sealed(key_keeper: Option<&str>) -> Result<bool, ConfigError> {
    match key_keeper.unwrap_or("file") {
        "file" => Ok(false),
        "systemd-credential" => Ok(true),
        other => Err(bad(
            "agent.key_keeper",
            format!("`{other}` is not a key keeper of this build; there are file, systemd-credential"),
        )),
    }
}

/// Read when the configuration is: a window that only seems to be recoverable is found out at its start.
fn recovery_key(path: &Path) -> Result<RecoveryKey, ConfigError> {
    RecoveryKey::load(path).map_err(|e| bad("agent.recovery_key", format!("{}: {e}", path.display())))
}

pub(crate) fn loopback(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    let address: SocketAddr = text
        .replace("localhost:", "127.0.0.1:")
        .parse()
        .map_err(|_| bad(key, format!("`{text}` is no ADDRESS:PORT")))?;
    if !address.ip().is_loopback() {
        let reason = format!("`{text}` is not a loopback address; the API is for this PC alone");
        return Err(bad(key, reason));
    }
    Ok(address)
}

fn tls(http: &HttpSection) -> Result<Option<Tls>, ConfigError> {
    let mode = match http.tls.as_deref() {
        None => TlsMode::Off,
        Some(word) => [TlsMode::Off, TlsMode::Loopback]
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or_else(|| bad("http.tls", "is `off` or `loopback`"))?,
    };
    let listen = loopback("http.tls_listen", http.tls_listen.as_deref().unwrap_or(TLS_LISTEN_DEFAULT))?;
    let life = match http.tls_life_minutes {
        None => TLS_LIFE_DEFAULT,
        Some(minutes) if TLS_LIFE_MINUTES.contains(&minutes) => Duration::from_secs_f64(minutes * 60.0),
        Some(_) => return Err(bad("http.tls_life_minutes", "from 0.05 to 573120, which is 398 days")),
    };
    Ok((mode == TlsMode::Loopback).then_some(Tls { listen, life }))
}

fn driver(key: &'static str, written: Option<String>, known: &[&str]) -> Result<String, ConfigError> {
    let name = written.unwrap_or_else(|| "auto".to_owned());
    if name != "auto" && !known.contains(&name.as_str()) {
        return Err(bad(
            key,
            format!("`{name}` is not a driver of this build; there are auto, {}", known.join(", ")),
        ));
    }
    Ok(name)
}

/// A port is a name of the operating system's: no file it could be relative to.
fn port(path: PathBuf) -> Result<PathBuf, ConfigError> {
    if path.as_os_str().is_empty() || cfg!(unix) && !path.is_absolute() {
        let reason = format!("`{}` is no port; write its whole path, such as /dev/ttyUSB0", path.display());
        return Err(bad("card.port", reason));
    }
    Ok(path)
}

/// A program is named by its whole path, so that nobody else's of that name is run. It gets no arguments.
fn decoder(path: PathBuf) -> Result<PathBuf, ConfigError> {
    if !path.is_absolute() {
        let reason =
            format!("`{}` is no whole path of a program; it is run without arguments", path.display());
        return Err(bad("card.photo_decoder", reason));
    }
    Ok(path)
}

fn retention(written: Vec<RetentionSection>) -> Result<Retention, ConfigError> {
    let mut rules: Vec<RetentionRule> = Vec::with_capacity(written.len());
    for RetentionSection { kind, years, originals_years, starts } in written {
        let kind = Kind::new(&kind).map_err(|error| bad("retention.kind", error.to_string()))?;
        if rules.iter().any(|rule| rule.kind == kind) {
            return Err(bad("retention.kind", format!("`{}` has two rules", kind.as_str())));
        }
        let is_term = |years: Option<u16>| years.is_none_or(|years| RETENTION_YEARS.contains(&years));
        if !is_term(years) || years.or(originals_years).is_none() {
            return Err(bad("retention.years", "from 1 to 200; a kind without a rule is kept for good"));
        }
        if !is_term(originals_years) || years.is_some_and(|years| originals_years.is_some_and(|o| o >= years))
        {
            return Err(bad("retention.originals_years", "from 1 to 200, and fewer than `years`"));
        }
        let starts = match starts.as_deref() {
            None | Some("filed") => TermStart::Filed,
            Some("valid_until") => TermStart::ValidUntil,
            Some(_) => return Err(bad("retention.starts", "is `filed` or `valid_until`")),
        };
        rules.push(RetentionRule { kind, years, originals_years, starts });
    }
    Ok(Retention(rules))
}

/// `named` is what `[agent] operator_required` said before there was this section.
fn operators(written: OperatorsSection, named: bool) -> Result<OperatorRules, ConfigError> {
    let need = match written.required.as_deref() {
        None if named => OperatorNeed::Named,
        None => OperatorNeed::None,
        Some(word) => OperatorNeed::from_word(word)
            .ok_or_else(|| bad("operators.required", "is `none`, `named` or `session`"))?,
    };
    let span = |key, written: Option<f64>, usual| match written {
        None => Ok(usual),
        Some(minutes) if AWAY_MINUTES.contains(&minutes) => Ok(Duration::from_secs_f64(minutes * 60.0)),
        Some(_) => Err(bad(key, "from 0.05 to 480")),
    };
    let idle_lock = span("operators.idle_lock_minutes", written.idle_lock_minutes, IDLE_LOCK_DEFAULT)?;
    let take_over = span("operators.take_over_minutes", written.take_over_minutes, TAKE_OVER_DEFAULT)?;
    Ok(OperatorRules { need, idle_lock, take_over })
}

fn courier(key: &str) -> Result<CourierKey, ConfigError> {
    let remedy = "write the 64 digits that `yidang-repository courier key` prints";
    CourierKey::parse(key).ok_or_else(|| bad("repository.courier_key", remedy))
}

fn repository(url: &str) -> Result<String, ConfigError> {
    let url = url.trim().trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['@', '?', '#', ' ']) => Ok(url.to_owned()),
        _ => Err(bad("repository.url", "write it as https://HOST[:PORT]")),
    }
}
