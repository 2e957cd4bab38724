//! The agent's configuration: a TOML file, then the environment, then checks.
//!
//! Two stages: [`File`] is what was written, [`Config`] is what holds. Relative paths are relative to the
//! file they stand in.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use yidang_archive::crypto::Suite;
use yidang_archive::recovery::RecoveryKey;
use yidang_model::Kind;
use yidang_sync::parcel::CourierKey;

use crate::operators::{IDLE_LOCK_DEFAULT, OperatorNeed, OperatorRules};
use crate::retention::{Retention, RetentionRule, TermStart};
use crate::shims::{self, ShimConfig, ShimSection};
use crate::tokens::is_origin;

/// Where the agent listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:18680";
/// Where https is served unless told otherwise.
const TLS_LISTEN_DEFAULT: &str = "127.0.0.1:18681";
/// How long a certificate lasts unless told otherwise: 90 days.
const TLS_LIFE_DEFAULT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How many minutes a certificate may last: browsers take none of more than 398 days.
const TLS_LIFE_MINUTES: std::ops::RangeInclusive<f64> = 0.05..=(398.0 * 24.0 * 60.0);
/// Bytes read back each second unless told otherwise: ten gigabytes in three hours.
const SCRUB_BYTES_PER_SECOND_DEFAULT: u64 = 1_000_000;
/// Longest name of a counter, in characters.
const COUNTER_LENGTH_MAX: usize = 128;
/// After how many minutes without use a clerk's session may lock.
const IDLE_LOCK_MINUTES: std::ops::RangeInclusive<f64> = 0.05..=480.0;
/// Terms that can be configured.
const RETENTION_YEARS: std::ops::RangeInclusive<u16> = 1..=200;

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This window's name; stands in every material filed here.
    pub counter: String,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// Where the epoch keys lie: never inside the data folder.
    pub keys_dir: PathBuf,
    /// The office's recovery key, which the epoch keys are sealed to; `None`: they are lost with `keys_dir`.
    pub recovery_key: Option<RecoveryKey>,
    /// What a new archive seals with; one that is there keeps what it was made with.
    pub cipher: Option<Suite>,
    /// Whether the files in `keys_dir` are sealed with the credential `yidang-key` that systemd hands the service.
    pub keys_are_sealed: bool,
    /// What calls must tell of their clerk, and when a clerk's session locks.
    pub operators: OperatorRules,
    /// How many bytes of blobs are read back each second to find damage; 0: none.
    pub scrub_bytes_per_second: u64,
    /// Loopback address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How https is served on this machine's own addresses; `None`: it is not.
    pub tls: Option<Tls>,
    /// Web origins that may call.
    pub origins: Vec<String>,
    /// Whether pages and programs that have no token may ask for one, for an administrator to decide.
    pub pairing: bool,
    /// Card driver by name, or `auto`.
    pub card_driver: String,
    /// Serial port of the card reader; `None`: the driver looks for one by itself.
    pub card_port: Option<PathBuf>,
    /// Folder of profiles for PC/SC readers, beside the built-in ones; `None`: those alone.
    pub card_profiles: Option<PathBuf>,
    /// Whether the fingerprint may be read from cards, by tokens that may as well.
    pub card_fingerprint: bool,
    /// Program that decodes the compressed photo; `None`: it is given as it is.
    pub card_photo_decoder: Option<PathBuf>,
    /// Camera driver by name, or `auto`.
    pub camera_driver: String,
    /// Folder of card files for the simulated reader; `None`: its built-in ones.
    pub simulated_cards: Option<PathBuf>,
    /// Folder of frames for the simulated camera; `None`: its built-in ones.
    pub simulated_frames: Option<PathBuf>,
    /// The repository; `None`: the agent works alone.
    pub repository_url: Option<String>,
    /// What parcels to it are sealed to; `None`: what the enrolment said.
    pub courier_key: Option<CourierKey>,
    /// An enrolment code to use at the first start.
    pub enrol_code: Option<String>,
    /// How long papers are kept, by kind.
    pub retention: Retention,
    /// Services of other makers that are answered here.
    pub shims: Vec<ShimConfig>,
}

/// Https beside plain http.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Loopback address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How long a certificate lasts; it is renewed when a third of that is left.
    pub life: Duration,
}

/// Whether https is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Off,
    /// On this machine's own addresses, with a certificate of this PC's own authority.
    Loopback,
}

impl TlsMode {
    /// The word in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Loopback => "loopback",
        }
    }
}

/// Why a configuration does not hold. Names the key, and the line where the file has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system said.
        reason: String,
    },
    /// The file is no TOML, or has an unknown key or a value of the wrong type.
    #[error("{file}, line {line}: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value makes no sense.
    #[error("{key}: {reason}")]
    Value {
        /// Section and key.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// An environment variable names no key.
    #[error("the environment variable {0} names no configuration key")]
    UnknownVariable(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    agent: AgentSection,
    http: HttpSection,
    card: CardSection,
    camera: CameraSection,
    simulated: SimulatedSection,
    repository: RepositorySection,
    retention: Vec<RetentionSection>,
    operators: OperatorsSection,
    shims: Vec<ShimSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OperatorsSection {
    required: Option<String>,
    idle_lock_minutes: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetentionSection {
    kind: String,
    years: u16,
    starts: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AgentSection {
    counter: Option<String>,
    data_dir: Option<PathBuf>,
    keys_dir: Option<PathBuf>,
    recovery_key: Option<PathBuf>,
    cipher: Option<String>,
    key_keeper: Option<String>,
    operator_required: Option<bool>,
    scrub_bytes_per_second: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    listen: Option<String>,
    tls: Option<String>,
    tls_listen: Option<String>,
    tls_life_minutes: Option<f64>,
    origins: Option<Vec<String>>,
    pairing: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CardSection {
    driver: Option<String>,
    port: Option<PathBuf>,
    profiles: Option<PathBuf>,
    fingerprint: Option<bool>,
    photo_decoder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CameraSection {
    driver: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SimulatedSection {
    cards: Option<PathBuf>,
    frames: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RepositorySection {
    url: Option<String>,
    enrol_code: Option<String>,
    courier_key: Option<String>,
}

impl Config {
    /// Reads the file (none: defaults), lays the environment's `YIDANG_<SECTION>_<KEY>` over it, and checks.
    /// `driver_names` are what `[card] driver` and `[camera] driver` may say beside `auto`.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        driver_names: DriverNames<'_>,
    ) -> Result<Self, ConfigError> {
        let (mut written, base) = match file {
            Some(path) => (read(path)?, path.parent().unwrap_or(Path::new("")).to_owned()),
            None => (File::default(), PathBuf::new()),
        };
        let mut variables: BTreeMap<String, String> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with("YIDANG_") && !name.starts_with("YIDANG_SERVER_"))
            .collect();
        overlay(&mut written, &mut variables)?;
        if let Some((name, _)) = variables.pop_first() {
            return Err(ConfigError::UnknownVariable(name));
        }
        check(written, &base, driver_names)
    }
}

/// The drivers this build has.
#[derive(Clone, Copy, Debug)]
pub struct DriverNames<'a> {
    /// Card drivers.
    pub card: &'a [&'a str],
    /// Camera drivers.
    pub camera: &'a [&'a str],
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError::Unreadable { file: file.clone(), reason: e.to_string() })?;
    toml::from_str(&text).map_err(|e| {
        let start = e.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count() + 1;
        // The line itself is not quoted: it may hold a secret.
        ConfigError::Malformed { file, line, reason: e.message().to_owned() }
    })
}

fn overlay(file: &mut File, variables: &mut BTreeMap<String, String>) -> Result<(), ConfigError> {
    let mut take = |name: &str| variables.remove(&format!("YIDANG_{name}"));
    let text = |slot: &mut Option<String>, value: Option<String>| {
        if value.is_some() {
            *slot = value;
        }
    };
    let path = |slot: &mut Option<PathBuf>, value: Option<String>| {
        if let Some(value) = value {
            // A path in the environment has no file to be relative to.
            *slot = Some(std::path::absolute(&value).unwrap_or_else(|_| value.into()));
        }
    };
    text(&mut file.agent.counter, take("AGENT_COUNTER"));
    path(&mut file.agent.data_dir, take("AGENT_DATA_DIR"));
    path(&mut file.agent.keys_dir, take("AGENT_KEYS_DIR"));
    path(&mut file.agent.recovery_key, take("AGENT_RECOVERY_KEY"));
    text(&mut file.agent.cipher, take("AGENT_CIPHER"));
    text(&mut file.agent.key_keeper, take("AGENT_KEY_KEEPER"));
    text(&mut file.http.listen, take("HTTP_LISTEN"));
    text(&mut file.http.tls, take("HTTP_TLS"));
    text(&mut file.http.tls_listen, take("HTTP_TLS_LISTEN"));
    if let Some(text) = take("HTTP_TLS_LIFE_MINUTES") {
        let value = text.parse().map_err(|_| bad("http.tls_life_minutes", "must be a number"))?;
        file.http.tls_life_minutes = Some(value);
    }
    text(&mut file.card.driver, take("CARD_DRIVER"));
    if let Some(port) = take("CARD_PORT") {
        file.card.port = Some(port.into());
    }
    path(&mut file.card.profiles, take("CARD_PROFILES"));
    if let Some(program) = take("CARD_PHOTO_DECODER") {
        file.card.photo_decoder = Some(program.into());
    }
    text(&mut file.camera.driver, take("CAMERA_DRIVER"));
    path(&mut file.simulated.cards, take("SIMULATED_CARDS"));
    path(&mut file.simulated.frames, take("SIMULATED_FRAMES"));
    text(&mut file.repository.url, take("REPOSITORY_URL"));
    text(&mut file.repository.enrol_code, take("REPOSITORY_ENROL_CODE"));
    text(&mut file.repository.courier_key, take("REPOSITORY_COURIER_KEY"));
    if let Some(origins) = take("HTTP_ORIGINS") {
        file.http.origins =
            Some(origins.split(',').map(|o| o.trim().to_owned()).filter(|o| !o.is_empty()).collect());
    }
    if let Some(text) = take("AGENT_SCRUB_BYTES_PER_SECOND") {
        let value = text.parse().map_err(|_| bad("agent.scrub_bytes_per_second", "must be a number"))?;
        file.agent.scrub_bytes_per_second = Some(value);
    }
    text(&mut file.operators.required, take("OPERATORS_REQUIRED"));
    if let Some(text) = take("OPERATORS_IDLE_LOCK_MINUTES") {
        let value = text.parse().map_err(|_| bad("operators.idle_lock_minutes", "must be a number"))?;
        file.operators.idle_lock_minutes = Some(value);
    }
    let flags = [
        ("AGENT_OPERATOR_REQUIRED", "agent.operator_required", &mut file.agent.operator_required),
        ("HTTP_PAIRING", "http.pairing", &mut file.http.pairing),
        ("CARD_FINGERPRINT", "card.fingerprint", &mut file.card.fingerprint),
    ];
    for (name, key, slot) in flags {
        if let Some(written) = take(name) {
            *slot = Some(written.parse().map_err(|_| bad(key, "must be true or false"))?);
        }
    }
    Ok(())
}

fn check(file: File, base: &Path, drivers: DriverNames<'_>) -> Result<Config, ConfigError> {
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
        None => beside(&data_dir)?,
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
        pairing: file.http.pairing.unwrap_or(true),
        card_driver: driver("card.driver", file.card.driver, drivers.card)?,
        card_port: file.card.port.map(port).transpose()?,
        card_profiles: file.card.profiles.map(|p| base.join(p)),
        card_fingerprint: file.card.fingerprint.unwrap_or(false),
        card_photo_decoder: file.card.photo_decoder.map(decoder).transpose()?,
        camera_driver: driver("camera.driver", file.camera.driver, drivers.camera)?,
        simulated_cards: file.simulated.cards.map(|p| base.join(p)),
        simulated_frames: file.simulated.frames.map(|p| base.join(p)),
        repository_url: file.repository.url.map(|u| repository(&u)).transpose()?,
        courier_key: file.repository.courier_key.map(|key| courier(&key)).transpose()?,
        enrol_code: file.repository.enrol_code.filter(|c| !c.trim().is_empty()),
        retention: retention(file.retention)?,
        shims: shims::check(file.shims, operators.need)?,
    })
}

pub(crate) fn bad(key: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, reason: reason.into() }
}

fn absolute(key: &'static str, path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|e| bad(key, e.to_string()))
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

/// `/var/lib/yidang` → `/var/lib/yidang.keys`.
fn beside(data_dir: &Path) -> Result<PathBuf, ConfigError> {
    let mut name =
        data_dir.file_name().ok_or_else(|| bad("agent.data_dir", "must be a folder of its own"))?.to_owned();
    name.push(".keys");
    Ok(data_dir.with_file_name(name))
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
    for RetentionSection { kind, years, starts } in written {
        let kind = Kind::new(&kind).map_err(|error| bad("retention.kind", error.to_string()))?;
        if rules.iter().any(|rule| rule.kind == kind) {
            return Err(bad("retention.kind", format!("`{}` has two rules", kind.as_str())));
        }
        if !RETENTION_YEARS.contains(&years) {
            return Err(bad("retention.years", "from 1 to 200; a kind without a rule is kept for good"));
        }
        let starts = match starts.as_deref() {
            None | Some("filed") => TermStart::Filed,
            Some("valid_until") => TermStart::ValidUntil,
            Some(_) => return Err(bad("retention.starts", "is `filed` or `valid_until`")),
        };
        rules.push(RetentionRule { kind, years, starts });
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
    let idle_lock = match written.idle_lock_minutes {
        None => IDLE_LOCK_DEFAULT,
        Some(minutes) if IDLE_LOCK_MINUTES.contains(&minutes) => Duration::from_secs_f64(minutes * 60.0),
        Some(_) => return Err(bad("operators.idle_lock_minutes", "from 0.05 to 480")),
    };
    Ok(OperatorRules { need, idle_lock })
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

impl fmt::Display for Config {
    /// One line for the log at start; the enrolment code is a secret and left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "counter {}, data in {}, keys in {}, card driver {}, camera driver {}, repository {}",
            self.counter,
            self.data_dir.display(),
            self.keys_dir.display(),
            self.card_driver,
            self.camera_driver,
            self.repository_url.as_deref().unwrap_or("none"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVERS: DriverNames<'_> = DriverNames { card: &["pcsc", "simulated"], camera: &["simulated"] };

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("yidang.toml");
        std::fs::write(&path, text).unwrap();
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Config::load(Some(&path), variables, DRIVERS)
    }

    const LEAST: &str = "[agent]\ncounter = \"c-1\"\ndata_dir = \"/srv/yidang\"\n";

    #[test]
    fn the_least_configuration_holds() {
        let config = load(LEAST, &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:18680");
        assert_eq!(config.keys_dir, Path::new("/srv/yidang.keys"));
        assert_eq!((config.card_driver.as_str(), config.repository_url), ("auto", None));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = load(&format!("{LEAST}kounter = 1\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("kounter"), "{error}");
        let error =
            load(&format!("{LEAST}[repository]\nenrol_code=SECRET-1\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 5") && !error.contains("SECRET-1"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_may_not_misspell() {
        let config =
            load(LEAST, &[("YIDANG_AGENT_COUNTER", "c-2"), ("YIDANG_SERVER_HTTP_LISTEN", "x")]).unwrap();
        assert_eq!(config.counter, "c-2");
        let error = load(LEAST, &[("YIDANG_AGENT_KOUNTER", "c-2")]).unwrap_err();
        assert_eq!(error, ConfigError::UnknownVariable("YIDANG_AGENT_KOUNTER".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_serial_port_is_named_by_its_whole_path() {
        assert_eq!(load(LEAST, &[]).unwrap().card_port, None);
        let text = format!("{LEAST}[card]\nport = \"/dev/ttyUSB0\"\n");
        assert_eq!(load(&text, &[]).unwrap().card_port.as_deref(), Some(Path::new("/dev/ttyUSB0")));
        let config = load(&text, &[("YIDANG_CARD_PORT", "/dev/ttyS1")]).unwrap();
        assert_eq!(config.card_port.as_deref(), Some(Path::new("/dev/ttyS1")));
        let error = load(LEAST, &[("YIDANG_CARD_PORT", "ttyUSB0")]).unwrap_err().to_string();
        assert!(error.starts_with("card.port: `ttyUSB0`"), "{error}");
        // Cameras have none.
        let error =
            load(&format!("{LEAST}[camera]\nport = \"/dev/ttyUSB0\"\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 5") && error.contains("port"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_of_the_card_is_read_or_decoded_further_unless_it_is_configured() {
        let least = load(LEAST, &[]).unwrap();
        assert_eq!((least.card_fingerprint, least.card_photo_decoder), (false, None));
        let text = format!("{LEAST}[card]\nfingerprint = true\nphoto_decoder = \"/opt/decode\"\n");
        let written = load(&text, &[]).unwrap();
        assert!(written.card_fingerprint);
        assert_eq!(written.card_photo_decoder.as_deref(), Some(Path::new("/opt/decode")));
        let variables = [("YIDANG_CARD_FINGERPRINT", "false"), ("YIDANG_CARD_PHOTO_DECODER", "/opt/other")];
        let config = load(&text, &variables).unwrap();
        assert!(!config.card_fingerprint);
        assert_eq!(config.card_photo_decoder.as_deref(), Some(Path::new("/opt/other")));
        let error = load(LEAST, &[("YIDANG_CARD_FINGERPRINT", "yes")]).unwrap_err().to_string();
        assert_eq!(error, "card.fingerprint: must be true or false");
    }

    #[test]
    fn profiles_lie_beside_the_file_unless_the_environment_says_otherwise() {
        let written = format!("{LEAST}[card]\nprofiles = \"profiles\"\n");
        let folder = load(&written, &[]).unwrap().card_profiles.unwrap();
        assert!(folder.is_absolute() && folder.ends_with("profiles"), "{}", folder.display());
        let config = load(&written, &[("YIDANG_CARD_PROFILES", "/srv/profiles")]).unwrap();
        assert_eq!(config.card_profiles.as_deref(), Some(Path::new("/srv/profiles")));
        assert_eq!(load(LEAST, &[]).unwrap().card_profiles, None);
    }

    #[test]
    fn values_that_make_no_sense_name_their_key() {
        let cases = [
            ("[agent]\ndata_dir = \"/d\"\n", "agent.counter"),
            ("[agent]\ncounter = \"c\"\n", "agent.data_dir"),
            ("[agent]\ncounter = \"c\"\ndata_dir = \"/d\"\nkeys_dir = \"/d/keys\"\n", "agent.keys_dir"),
            (&format!("{LEAST}key_keeper = \"tpm\"\n"), "agent.key_keeper: `tpm`"),
            (&format!("{LEAST}cipher = \"rot13\"\n"), "agent.cipher: `rot13`"),
            (&format!("{LEAST}recovery_key = \"missing.txt\"\n"), "agent.recovery_key: "),
            (&format!("{LEAST}recovery_key = \"yidang.toml\"\n"), "agent.recovery_key: "),
            (&format!("{LEAST}[http]\nlisten = \"0.0.0.0:18680\"\n"), "http.listen"),
            (&format!("{LEAST}[http]\nlisten = \"18680\"\n"), "http.listen"),
            (&format!("{LEAST}[http]\ntls = \"on\"\n"), "http.tls: "),
            (&format!("{LEAST}[http]\ntls_listen = \"0.0.0.0:18681\"\n"), "http.tls_listen"),
            (&format!("{LEAST}[http]\ntls_life_minutes = 1e9\n"), "http.tls_life_minutes"),
            (&format!("{LEAST}[http]\norigins = [\"*\"]\n"), "http.origins"),
            (&format!("{LEAST}[card]\ndriver = \"magic\"\n"), "card.driver"),
            (&format!("{LEAST}[card]\nport = \"\"\n"), "card.port"),
            (&format!("{LEAST}[card]\nphoto_decoder = \"decode\"\n"), "card.photo_decoder"),
            (&format!("{LEAST}[card]\nphoto_decoder = \"\"\n"), "card.photo_decoder"),
            (&format!("{LEAST}[repository]\nurl = \"ftp://x\"\n"), "repository.url"),
            (&format!("{LEAST}[operators]\nrequired = \"maybe\"\n"), "operators.required"),
            (&format!("{LEAST}[operators]\nidle_lock_minutes = 0\n"), "operators.idle_lock_minutes"),
            (&format!("{LEAST}[operators]\nidle_lock_minutes = nan\n"), "operators.idle_lock_minutes"),
            (&format!("{LEAST}[[retention]]\nkind = \" \"\nyears = 1\n"), "retention.kind"),
            (&format!("{LEAST}{RULE}{RULE}"), "retention.kind"),
            (&format!("{LEAST}[[retention]]\nkind = \"form\"\nyears = 0\n"), "retention.years"),
            (&format!("{LEAST}{RULE}starts = \"case_closed\"\n"), "retention.starts"),
        ];
        for (text, key) in cases {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.starts_with(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_shim_is_there_only_where_it_is_named_with_its_pages() {
        assert_eq!(load(LEAST, &[]).unwrap().shims, []);
        let origins = "origins = [\"http://old.example\"]\n";
        let shim = |name: &str, more: &str| format!("[[shims]]\nname = \"{name}\"\n{more}");
        let text = format!("{LEAST}{}{}", shim("huashi-19196", origins), shim("xinzhongxin-8989", origins));
        let shims = load(&text, &[]).unwrap().shims;
        let listens: Vec<_> = shims.iter().map(|shim| shim.listen.to_string()).collect();
        assert_eq!(listens, ["127.0.0.1:19196", "127.0.0.1:8989"]);
        let liangtian = shim("liangtian-38088", &format!("{origins}listen = \"[::1]:0\"\n"));
        assert_eq!(load(&format!("{LEAST}{liangtian}"), &[]).unwrap().shims[0].listen.to_string(), "[::1]:0");
        let elsewhere = format!("{origins}listen = \"192.168.0.9:8989\"\n");
        let same = format!("{origins}listen = \"127.0.0.1:8989\"\n");
        let named = LEAST.to_owned() + "operator_required = true\n";
        let cases = [
            (LEAST, shim("huashi", origins), "shims.name: `huashi`"),
            (LEAST, shim("huashi-19196", origins).repeat(2), "shims.name: `huashi-19196` stands twice"),
            (LEAST, shim("huashi-19196", "origins = []\n"), "shims.origins"),
            (LEAST, shim("huashi-19196", "origins = [\"*\"]\n"), "shims.origins: `*`"),
            (LEAST, shim("huashi-19196", &elsewhere), "shims.listen: `192.168.0.9:8989`"),
            (LEAST, shim("huashi-19196", &same) + &shim("xinzhongxin-8989", origins), "shims.listen: two"),
            (&named, shim("huashi-19196", origins), "shims: old pages"),
        ];
        for (least, section, expected) in cases {
            let error = load(&format!("{least}{section}"), &[]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{expected}: {error}");
        }
        let unknown = format!("{LEAST}{}", shim("huashi-19196", &format!("{origins}port = 1\n")));
        let error = load(&unknown, &[]).unwrap_err().to_string();
        assert!(error.contains("line 7") && error.contains("port"), "{error}");
    }

    const RULE: &str = "[[retention]]\nkind = \"form\"\nyears = 10\n";

    #[test]
    fn https_is_served_only_where_it_is_configured() {
        let tls = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap().tls;
        assert_eq!(tls(LEAST, &[]), None);
        let usual = Tls { listen: "127.0.0.1:18681".parse().unwrap(), life: TLS_LIFE_DEFAULT };
        let written = format!("{LEAST}[http]\ntls = \"loopback\"\n");
        assert_eq!(tls(&written, &[]), Some(usual));
        let variables = [("YIDANG_HTTP_TLS_LISTEN", "[::1]:0"), ("YIDANG_HTTP_TLS_LIFE_MINUTES", "60")];
        let other = Tls { listen: "[::1]:0".parse().unwrap(), life: Duration::from_secs(3600) };
        assert_eq!(tls(&written, &variables), Some(other));
        assert_eq!(tls(&written, &[("YIDANG_HTTP_TLS", "off")]), None);
    }

    #[test]
    fn what_is_wanted_of_clerks_is_said_in_one_place_or_as_it_was_said_before() {
        let rules = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap().operators;
        assert_eq!(
            rules(LEAST, &[]),
            OperatorRules { need: OperatorNeed::None, idle_lock: IDLE_LOCK_DEFAULT }
        );
        let before = format!("{LEAST}operator_required = true\n");
        assert_eq!(rules(&before, &[]).need, OperatorNeed::Named);
        let now = format!("{before}[operators]\nrequired = \"session\"\nidle_lock_minutes = 2\n");
        let wanted = OperatorRules { need: OperatorNeed::Session, idle_lock: Duration::from_secs(120) };
        assert_eq!(rules(&now, &[]), wanted);
        let variables =
            [("YIDANG_OPERATORS_REQUIRED", "none"), ("YIDANG_OPERATORS_IDLE_LOCK_MINUTES", "0.5")];
        let wanted = OperatorRules { need: OperatorNeed::None, idle_lock: Duration::from_secs(30) };
        assert_eq!(rules(&now, &variables), wanted);
    }

    #[test]
    fn nothing_is_disposed_of_unless_it_is_configured() {
        assert_eq!(load(LEAST, &[]).unwrap().retention, Retention::default());
        let text = format!("{LEAST}{RULE}starts = \"valid_until\"\n");
        let rule =
            RetentionRule { kind: Kind::new("form").unwrap(), years: 10, starts: TermStart::ValidUntil };
        assert_eq!(load(&text, &[]).unwrap().retention, Retention(vec![rule]));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

        #[test]
        fn any_file_is_refused_with_a_reason_or_holds(
            lines in proptest::collection::vec(proptest::sample::select(LINES), 0..12),
            tail in "\\PC{0,12}",
        ) {
            let text = format!("{}{tail}", lines.concat());
            match load(&text, &[]) {
                Ok(config) => {
                    proptest::prop_assert!(config.listen.ip().is_loopback());
                    proptest::prop_assert!(!config.keys_dir.starts_with(&config.data_dir));
                }
                Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    /// Lines of a configuration, right and wrong.
    const LINES: &[&str] = &[
        "[agent]\n",
        "counter = \"c\"\n",
        "counter = \"\\u0007\"\n",
        "data_dir = \"/srv/yidang\"\n",
        "data_dir = \"/\"\n",
        "data_dir = \"..\"\n",
        "data_dir = \"\"\n",
        "keys_dir = \"/srv/yidang/keys\"\n",
        "keys_dir = \"/srv/keys\"\n",
        "operator_required = true\n",
        "operator_required = 1\n",
        "[http]\n",
        "listen = \"127.0.0.1:0\"\n",
        "listen = \"0.0.0.0:80\"\n",
        "listen = \"[::1]:9\"\n",
        "listen = \"localhost\"\n",
        "origins = [\"https://a.example\"]\n",
        "origins = [\"https://a.example/\", \"\"]\n",
        "[card]\n",
        "[camera]\n",
        "driver = \"simulated\"\n",
        "driver = \"x\"\n",
        "[repository]\n",
        "url = \"https://r.example\"\n",
        "url = \"http://r.example\"\n",
        "url = \"::\"\n",
        "enrol_code = \" \"\n",
    ];
}
