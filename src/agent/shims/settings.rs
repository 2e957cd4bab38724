//! Which shims are configured.

use std::net::SocketAddr;

use serde::Deserialize;
use yidang_service::config::{ConfigError, bad};

use super::{KINDS, kind};
use crate::config::loopback;
use crate::operators::OperatorNeed;
use crate::tokens::is_origin;

/// One `[[shims]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShimSection {
    name: String,
    origins: Vec<String>,
    listen: Option<String>,
}

/// A shim that is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShimConfig {
    /// Which, as `huashi-19196`.
    pub name: String,
    /// Web origins that may call it; the local API's own list does not count here.
    pub origins: Vec<String>,
    /// Loopback address to listen on.
    pub listen: SocketAddr,
}

/// Checks what is written. Nobody signs in at a shim: where every clerk must be named there can be none.
pub(crate) fn check(written: Vec<ShimSection>, need: OperatorNeed) -> Result<Vec<ShimConfig>, ConfigError> {
    if need != OperatorNeed::None && !written.is_empty() {
        let reason = "old pages name no clerk, and `operators.required` wants one with every call";
        return Err(bad("shims", reason));
    }
    let mut shims: Vec<ShimConfig> = Vec::with_capacity(written.len());
    for section in written {
        let shim = check_one(section)?;
        if shims.iter().any(|other| other.name == shim.name) {
            return Err(bad("shims.name", format!("`{}` stands twice", shim.name)));
        }
        if shim.listen.port() != 0 && shims.iter().any(|other| other.listen == shim.listen) {
            return Err(bad("shims.listen", format!("two shims cannot both have {}", shim.listen)));
        }
        shims.push(shim);
    }
    Ok(shims)
}

fn check_one(section: ShimSection) -> Result<ShimConfig, ConfigError> {
    let ShimSection { name, origins, listen } = section;
    let Some(kind) = kind(&name) else {
        let known = KINDS.map(|kind| kind.name).join(", ");
        return Err(bad("shims.name", format!("`{name}` is no shim of this build; there are {known}")));
    };
    if origins.is_empty() {
        return Err(bad("shims.origins", "list the origins of the pages that may call it"));
    }
    if let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) {
        let reason = format!("`{wrong}` is no origin; write it as browsers send it: scheme://host[:port]");
        return Err(bad("shims.origins", reason));
    }
    let listen = listen.unwrap_or_else(|| format!("127.0.0.1:{}", kind.port));
    Ok(ShimConfig { name, origins, listen: loopback("shims.listen", &listen)? })
}
