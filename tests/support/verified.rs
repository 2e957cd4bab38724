//! What a fixity check says.

use serde_json::Value;

use super::agent::Agent;

/// The report, whether clean or not.
pub(crate) fn verify(agent: &Agent, more: &[&str]) -> Value {
    let said = agent.command(&[&["archive", "verify", "--json"], more].concat());
    serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)))
}

/// One of its examinations, by its word.
pub(crate) fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let properties = report["properties"].as_array().expect("a list").iter();
    let mut checks = properties.flat_map(|property| property["checks"].as_array().expect("a list"));
    checks.find(|check| check["check"] == name).expect("the check")
}
