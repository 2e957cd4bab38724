//! The OpenAPI document as a witness: whatever the agent answers in any test must be what the document promises.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::agent::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&yidang_agent::openapi_document(true)).expect("the document is JSON")
});

/// Checks status, code and fields of an answer. `path` may carry a query.
pub(crate) fn promises(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(item) = item(path) else { return answer.is_problem(404, "route_unknown") };
    let Some(operation) = item.get(method) else { return answer.is_problem(405, "method_not_allowed") };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not in the document", answer.status);
    if answer.status >= 400 {
        let code = answer.json()["code"].as_str().expect("a code").to_owned();
        let codes = &response["content"]["application/problem+json"]["examples"];
        assert!(codes[&code].is_object(), "{method} {path}: {code} is not in the document");
        return;
    }
    let Some(schema) = response["content"]["application/json"]["schema"]["$ref"].as_str() else { return };
    let schema = DOCUMENT.pointer(schema.trim_start_matches('#')).expect("the reference leads somewhere");
    let fields = |value: &Value| value.as_object().map(|o| o.keys().cloned().collect::<BTreeSet<_>>());
    assert_eq!(fields(&answer.json()), fields(&schema["properties"]), "{method} {path}");
}

/// What the document has at an address.
fn item(path: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == parts.len()
            && wanted.iter().zip(&parts).all(|(want, part)| want == part || want.starts_with('{'))
    };
    DOCUMENT["paths"].as_object()?.iter().find(|(template, _)| fits(template)).map(|(_, item)| item)
}
