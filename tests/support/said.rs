//! What a command of the program said.

use std::process::Output;

use serde_json::Value;

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one JSON document on standard output, and nothing else there.
pub(crate) fn document(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{} {}", text(&output.stdout), text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

/// Standard error, which names this code, a cause and a remedy.
pub(crate) fn refusal(output: &Output, code: &str) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("error {code}: ")) && error.contains("remedy: "), "{code}: {error}");
    error
}
