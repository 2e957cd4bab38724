//! Whom browsers are to let through.

use std::collections::BTreeSet;

/// Origins, each once and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) origins: Vec<String>,
}

impl Allowed {
    /// Of these origins, as browsers serialise them.
    pub(crate) fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self { origins: origins.into_iter().collect::<BTreeSet<_>>().into_iter().collect() }
    }

    /// Those of http pages that no browser takes for secure by itself.
    pub(crate) fn insecure(&self) -> Vec<&str> {
        let is_insecure = |origin: &&str| origin.starts_with("http://") && !is_loopback(host(origin));
        self.origins.iter().map(String::as_str).filter(is_insecure).collect()
    }

    /// Their hosts, without schemes and ports, each once.
    pub(crate) fn hosts(&self) -> Vec<&str> {
        self.origins.iter().map(|origin| host(origin)).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match rest.rsplit_once(':') {
        // Within the brackets of an IPv6 address there is no port.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => rest,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || host.starts_with("127.")
}
