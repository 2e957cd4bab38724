//! Reading a configuration file, and why one does not hold.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

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

/// A value that makes no sense.
pub fn bad(key: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, reason: reason.into() }
}

/// Reads a TOML file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
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

/// The path from the root on; one that has none is the fault of this key's value.
pub fn absolute(key: &'static str, path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|e| bad(key, e.to_string()))
}

/// The folder of keys where none is named: `/var/lib/yidang` → `/var/lib/yidang.keys`. `key`: what names the data folder.
pub fn keys_beside(key: &'static str, data_dir: &Path) -> Result<PathBuf, ConfigError> {
    let name = data_dir.file_name().ok_or_else(|| bad(key, "must be a folder of its own"))?;
    let mut name = name.to_owned();
    name.push(".keys");
    Ok(data_dir.with_file_name(name))
}
