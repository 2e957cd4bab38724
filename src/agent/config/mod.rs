//! The agent's configuration: a TOML file, then the environment, then checks.
//!
//! Two stages: [`File`] is what was written, [`Config`] is what holds. Relative paths are relative to the
//! file they stand in.

mod check;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yidang_archive::crypto::Suite;
use yidang_archive::recovery::RecoveryKey;
use yidang_service::config::{ConfigError, read};
use yidang_sync::parcel::CourierKey;

use self::check::check;
pub(crate) use self::check::loopback;
use self::file::{File, overlay};
use crate::operators::OperatorRules;
use crate::retention::Retention;
use crate::shims::ShimConfig;

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
    /// How many calls a second one client may make over long; costly ones a tenth of that.
    pub calls_per_second: u32,
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
