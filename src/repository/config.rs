//! The repository's configuration: a TOML file, then the environment, then checks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use yidang_archive::crypto::Suite;
use yidang_archive::recovery::RecoveryKey;
use yidang_service::config::{ConfigError, absolute, bad, keys_beside, read};

/// Where the repository listens unless told otherwise.
const LISTEN_DEFAULT: &str = "127.0.0.1:18690";
/// Bytes read back each second unless told otherwise: a terabyte in three days.
const SCRUB_BYTES_PER_SECOND_DEFAULT: u64 = 4_000_000;
/// What the names of our environment variables begin with.
const VARIABLE_PREFIX: &str = "YIDANG_SERVER_";

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything durable lies, the epoch keys excepted.
    pub data_dir: PathBuf,
    /// Where the keys lie: never inside the data folder.
    pub keys_dir: PathBuf,
    /// The office's recovery key, which the epoch keys are sealed to; `None`: they are lost with `keys_dir`.
    pub recovery_key: Option<RecoveryKey>,
    /// What a new archive seals with; one that is there keeps what it was made with.
    pub cipher: Option<Suite>,
    /// Whether materials of simulated devices are taken.
    pub accept_simulated: bool,
    /// How many bytes of blobs are read back each second to find damage; 0: none.
    pub scrub_bytes_per_second: u64,
    /// Address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    repository: RepositorySection,
    http: HttpSection,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RepositorySection {
    data_dir: Option<PathBuf>,
    keys_dir: Option<PathBuf>,
    recovery_key: Option<PathBuf>,
    cipher: Option<String>,
    accept_simulated: Option<bool>,
    scrub_bytes_per_second: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    listen: Option<String>,
}

impl Config {
    /// A configuration for this data folder and otherwise defaults; keys in `DATA_DIR.keys`.
    pub fn new(data_dir: &Path) -> Result<Self, ConfigError> {
        let written = RepositorySection { data_dir: Some(data_dir.to_owned()), ..Default::default() };
        check(Written { repository: written, http: HttpSection::default() }, Path::new(""))
    }

    /// Reads the file (none: defaults), lays `YIDANG_SERVER_<SECTION>_<KEY>` of the environment over it, and
    /// checks. Relative paths in the file are relative to it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (mut written, base) = match file {
            Some(path) => (read(path)?, path.parent().unwrap_or(Path::new(""))),
            None => (Written::default(), Path::new("")),
        };
        let mut variables: BTreeMap<String, String> =
            environment.into_iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect();
        overlay(&mut written, &mut variables)?;
        match variables.pop_first() {
            Some((name, _)) => Err(ConfigError::UnknownVariable(name)),
            None => check(written, base),
        }
    }
}

fn overlay(written: &mut Written, variables: &mut BTreeMap<String, String>) -> Result<(), ConfigError> {
    let mut take = |name: &str| variables.remove(&format!("{VARIABLE_PREFIX}{name}"));
    // A path in the environment has no file to be relative to.
    let path = |text: String| std::path::absolute(&text).unwrap_or_else(|_| text.into());
    if let Some(text) = take("REPOSITORY_DATA_DIR") {
        written.repository.data_dir = Some(path(text));
    }
    if let Some(text) = take("REPOSITORY_KEYS_DIR") {
        written.repository.keys_dir = Some(path(text));
    }
    if let Some(text) = take("REPOSITORY_RECOVERY_KEY") {
        written.repository.recovery_key = Some(path(text));
    }
    if let Some(text) = take("REPOSITORY_CIPHER") {
        written.repository.cipher = Some(text);
    }
    if let Some(text) = take("REPOSITORY_ACCEPT_SIMULATED") {
        let value = text.parse().map_err(|_| bad("repository.accept_simulated", "must be true or false"))?;
        written.repository.accept_simulated = Some(value);
    }
    if let Some(text) = take("REPOSITORY_SCRUB_BYTES_PER_SECOND") {
        let value = text.parse().map_err(|_| bad("repository.scrub_bytes_per_second", "must be a number"))?;
        written.repository.scrub_bytes_per_second = Some(value);
    }
    if let Some(text) = take("HTTP_LISTEN") {
        written.http.listen = Some(text);
    }
    Ok(())
}

fn check(written: Written, base: &Path) -> Result<Config, ConfigError> {
    let data_dir = written.repository.data_dir.filter(|path| !path.as_os_str().is_empty());
    let data_dir = data_dir.ok_or_else(|| bad("repository.data_dir", "say where the data goes"))?;
    let data_dir = absolute("repository.data_dir", &base.join(data_dir))?;
    let keys_dir = match written.repository.keys_dir {
        Some(path) => absolute("repository.keys_dir", &base.join(path))?,
        None => keys_beside("repository.data_dir", &data_dir)?,
    };
    if keys_dir.starts_with(&data_dir) {
        return Err(bad(
            "repository.keys_dir",
            "must not lie inside the data folder: whoever takes that has both",
        ));
    }
    let listen = written.http.listen.as_deref().unwrap_or(LISTEN_DEFAULT);
    let listen = listen.replace("localhost:", "127.0.0.1:").parse();
    Ok(Config {
        data_dir,
        keys_dir,
        recovery_key: written.repository.recovery_key.map(|p| recovery_key(&base.join(p))).transpose()?,
        cipher: written.repository.cipher.map(|word| cipher(&word)).transpose()?,
        accept_simulated: written.repository.accept_simulated.unwrap_or(false),
        scrub_bytes_per_second: written
            .repository
            .scrub_bytes_per_second
            .unwrap_or(SCRUB_BYTES_PER_SECOND_DEFAULT),
        listen: listen.map_err(|_| bad("http.listen", "is no ADDRESS:PORT"))?,
    })
}

fn cipher(word: &str) -> Result<Suite, ConfigError> {
    Suite::from_word(word).ok_or_else(|| {
        let known = Suite::ALL.map(Suite::as_str).join(", ");
        bad("repository.cipher", format!("`{word}` is not a cipher of this build; there are {known}"))
    })
}

fn recovery_key(path: &Path) -> Result<RecoveryKey, ConfigError> {
    RecoveryKey::load(path).map_err(|e| bad("repository.recovery_key", format!("{}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("repository.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    const LEAST: &str = "[repository]\ndata_dir = \"/srv/repository\"\n";

    #[test]
    fn the_least_configuration_holds() {
        let config = load(LEAST, &[("YIDANG_AGENT_COUNTER", "of the agent, not ours")]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:18690");
        assert_eq!(config.keys_dir, Path::new("/srv/repository.keys"));
        assert!(!config.accept_simulated);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = load(&format!("{LEAST}accept = true\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("`accept`"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_may_not_misspell() {
        let variables = [
            ("YIDANG_SERVER_HTTP_LISTEN", "127.0.0.1:0"),
            ("YIDANG_SERVER_REPOSITORY_ACCEPT_SIMULATED", "true"),
            ("YIDANG_SERVER_REPOSITORY_DATA_DIR", "/srv/other"),
        ];
        let config = load(LEAST, &variables).unwrap();
        assert_eq!((config.listen.port(), config.accept_simulated), (0, true));
        assert_eq!(config.keys_dir, Path::new("/srv/other.keys"));
        let error = load(LEAST, &[("YIDANG_SERVER_HTTP_LISTN", "x")]).unwrap_err();
        assert_eq!(error, ConfigError::UnknownVariable("YIDANG_SERVER_HTTP_LISTN".into()));
    }

    #[test]
    fn values_that_make_no_sense_name_their_key() {
        let cases = [
            ("", "repository.data_dir"),
            ("[repository]\ndata_dir = \"/d\"\nkeys_dir = \"/d/keys\"\n", "repository.keys_dir"),
            (&format!("{LEAST}cipher = \"rot13\"\n"), "repository.cipher: `rot13`"),
            (&format!("{LEAST}recovery_key = \"missing.txt\"\n"), "repository.recovery_key: "),
            (&format!("{LEAST}[http]\nlisten = \"18690\"\n"), "http.listen"),
        ];
        for (text, key) in cases {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.starts_with(key), "{key}: {error}");
        }
    }
}
