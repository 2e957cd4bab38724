//! What was written: the file's sections, and what the environment lays over them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use yidang_service::config::{ConfigError, bad};

use crate::shims::ShimSection;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) agent: AgentSection,
    pub(super) http: HttpSection,
    pub(super) card: CardSection,
    pub(super) camera: CameraSection,
    pub(super) simulated: SimulatedSection,
    pub(super) repository: RepositorySection,
    pub(super) retention: Vec<RetentionSection>,
    pub(super) operators: OperatorsSection,
    pub(super) shims: Vec<ShimSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OperatorsSection {
    pub(super) required: Option<String>,
    pub(super) idle_lock_minutes: Option<f64>,
    pub(super) take_over_minutes: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    pub(super) kind: String,
    pub(super) years: Option<u16>,
    pub(super) originals_years: Option<u16>,
    pub(super) starts: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AgentSection {
    pub(super) counter: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) keys_dir: Option<PathBuf>,
    pub(super) recovery_key: Option<PathBuf>,
    pub(super) cipher: Option<String>,
    pub(super) key_keeper: Option<String>,
    pub(super) operator_required: Option<bool>,
    pub(super) scrub_bytes_per_second: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpSection {
    pub(super) listen: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) tls_listen: Option<String>,
    pub(super) tls_life_minutes: Option<f64>,
    pub(super) origins: Option<Vec<String>>,
    pub(super) pairing: Option<bool>,
    pub(super) calls_per_second: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CardSection {
    pub(super) driver: Option<String>,
    pub(super) port: Option<PathBuf>,
    pub(super) profiles: Option<PathBuf>,
    pub(super) fingerprint: Option<bool>,
    pub(super) photo_decoder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CameraSection {
    pub(super) driver: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SimulatedSection {
    pub(super) cards: Option<PathBuf>,
    pub(super) frames: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RepositorySection {
    pub(super) url: Option<String>,
    pub(super) enrol_code: Option<String>,
    pub(super) courier_key: Option<String>,
}

pub(super) fn overlay(file: &mut File, variables: &mut BTreeMap<String, String>) -> Result<(), ConfigError> {
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
    text(&mut file.operators.required, take("OPERATORS_REQUIRED"));
    overlay_parsed(file, take)
}

/// The keys that are no text.
fn overlay_parsed(file: &mut File, mut take: impl FnMut(&str) -> Option<String>) -> Result<(), ConfigError> {
    fn parse<T: FromStr>(
        slot: &mut Option<T>,
        written: Option<String>,
        key: &'static str,
        what: &str,
    ) -> Result<(), ConfigError> {
        if let Some(written) = written {
            *slot = Some(written.parse().map_err(|_| bad(key, format!("must be {what}")))?);
        }
        Ok(())
    }
    const FLAG: &str = "true or false";
    const NUMBER: &str = "a number";
    const WHOLE: &str = "a whole number";
    let File { agent, http, operators, card, .. } = file;
    let scrub = take("AGENT_SCRUB_BYTES_PER_SECOND");
    parse(&mut agent.scrub_bytes_per_second, scrub, "agent.scrub_bytes_per_second", WHOLE)?;
    let operator = take("AGENT_OPERATOR_REQUIRED");
    parse(&mut agent.operator_required, operator, "agent.operator_required", FLAG)?;
    parse(&mut http.pairing, take("HTTP_PAIRING"), "http.pairing", FLAG)?;
    parse(&mut http.calls_per_second, take("HTTP_CALLS_PER_SECOND"), "http.calls_per_second", WHOLE)?;
    parse(&mut http.tls_life_minutes, take("HTTP_TLS_LIFE_MINUTES"), "http.tls_life_minutes", NUMBER)?;
    let (lock, take_over) = (take("OPERATORS_IDLE_LOCK_MINUTES"), take("OPERATORS_TAKE_OVER_MINUTES"));
    parse(&mut operators.idle_lock_minutes, lock, "operators.idle_lock_minutes", NUMBER)?;
    parse(&mut operators.take_over_minutes, take_over, "operators.take_over_minutes", NUMBER)?;
    parse(&mut card.fingerprint, take("CARD_FINGERPRINT"), "card.fingerprint", FLAG)
}
