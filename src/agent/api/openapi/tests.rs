//! Walks the document as an integrator's generator would.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::calls::{CALLS, GENERAL};
use super::{document, examples, references};
use crate::problem::Code;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn whole() -> Value {
    serde_json::from_str(&document(true)).unwrap()
}

/// Every call: method, address, operation.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path} {method}");
            found.push((method.clone(), path.clone(), operation));
        }
    }
    found
}

fn follow<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(to) => {
            document.pointer(to.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{to} is nowhere"))
        }
        None => part,
    }
}

fn is_said(text: &Value) -> bool {
    text.as_str().is_some_and(|t| !t.trim().is_empty())
}

#[test]
fn it_is_openapi_3_1_and_says_who_what_and_where() {
    let document = whole();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for at in ["/info/description", "/servers/0/url", "/components/securitySchemes/token/description"] {
        assert!(is_said(document.pointer(at).unwrap()), "{at}");
    }
    let tags: BTreeSet<_> = document["tags"].as_array().unwrap().iter().map(|t| t["name"].as_str()).collect();
    assert!(document["tags"].as_array().unwrap().iter().all(|t| is_said(&t["description"])));
    for (method, path, operation) in operations(&document) {
        assert!(tags.contains(&operation["tags"][0].as_str()), "{method} {path}");
    }
}

#[test]
fn without_a_simulated_desk_its_calls_and_tag_are_not_there() {
    let document = document(false);
    assert!(!document.contains("/v1/simulated") && document.contains("/v1/card/read"));
    assert!(!document.contains("Hands for the simulated desk"));
}

#[test]
fn every_call_has_a_name_of_its_own_a_row_and_words() {
    let document = whole();
    let operations = operations(&document);
    let names: BTreeSet<&str> = operations
        .iter()
        .map(|(m, p, o)| o["operationId"].as_str().unwrap_or_else(|| panic!("{m} {p}")))
        .collect();
    assert_eq!(names.len(), operations.len(), "an operationId is there twice");
    let rows: BTreeSet<&str> = CALLS.iter().map(|c| c.operation).collect();
    assert_eq!(rows.len(), CALLS.len(), "a row is there twice");
    assert_eq!(names, rows, "each call has its row in calls.rs");
    for (method, path, operation) in operations {
        assert!(is_said(&operation["summary"]), "{method} {path}");
        let description = operation["description"].as_str().unwrap();
        assert!(description.contains("Scope: ") && description.len() > 50, "{method} {path}: {description}");
    }
}

#[test]
fn every_parameter_is_declared_where_it_travels() {
    let document = whole();
    for (method, path, operation) in operations(&document) {
        let of_path: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let mut declared = BTreeSet::new();
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = follow(&document, parameter);
            let name = parameter["name"].as_str().unwrap();
            assert!(is_said(&parameter["description"]), "{method} {path} {name}");
            let of = &follow(&document, &parameter["schema"])["type"];
            assert!(of == "string" || of == "integer", "{method} {path} {name}: {of}");
            match parameter["in"].as_str().unwrap() {
                "path" => assert!(declared.insert(name) && parameter["required"] == true, "{path} {name}"),
                "query" | "header" => assert_ne!(parameter["required"], true, "{method} {path} {name}"),
                other => panic!("{method} {path} {name} travels in {other}"),
            }
        }
        assert_eq!(declared, of_path, "{method} {path}");
    }
}

#[test]
fn every_body_and_response_is_described() {
    let document = whole();
    for (method, path, operation) in operations(&document) {
        if let Some(body) = operation.get("requestBody") {
            assert!(is_said(&body["description"]), "{method} {path}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|s| s.starts_with('2')), "{method} {path}");
        for (status, response) in responses {
            assert!(is_said(&response["description"]), "{method} {path} {status}");
            let content = &response["content"];
            match status.as_str() {
                "204" | "304" => assert!(content.is_null(), "{method} {path}"),
                "200" | "201" | "206" => assert!(!content.as_object().unwrap().is_empty(), "{method} {path}"),
                _ => {
                    assert!(status.parse::<u16>().unwrap() >= 400, "{method} {path} {status}");
                    let problem = &content["application/problem+json"];
                    assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path}");
                }
            }
        }
    }
}

/// The codes each call says it can answer with, by status.
fn codes(operation: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let responses = operation["responses"].as_object().unwrap();
    let codes = |r: &Value| {
        let examples = &r["content"]["application/problem+json"]["examples"];
        examples.as_object().map(|e| e.keys().cloned().collect())
    };
    responses.iter().filter_map(|(status, r)| Some((status.clone(), codes(r)?))).collect()
}

#[test]
fn the_document_and_the_program_know_the_same_codes() {
    let document = whole();
    let mut said: BTreeSet<String> = GENERAL.iter().map(|c| c.as_str().to_owned()).collect();
    for (method, path, operation) in operations(&document) {
        for (status, codes) in codes(operation) {
            for code in &codes {
                let known = Code::ALL.iter().find(|c| c.as_str() == code).unwrap_or_else(|| panic!("{code}"));
                assert_eq!(known.status().to_string(), status, "{method} {path} {code}");
            }
            said.extend(codes);
        }
    }
    let known: BTreeSet<String> = Code::ALL.iter().map(|c| c.as_str().to_owned()).collect();
    assert_eq!(said, known, "each code belongs to a call, or is general");
    let about = document["info"]["description"].as_str().unwrap();
    for code in GENERAL {
        assert!(about.contains(&format!("{} `{}`", code.status(), code.as_str())), "{}", code.as_str());
    }
}

#[test]
fn refusals_follow_from_scope_body_and_key() {
    let document = whole();
    for (method, path, operation) in operations(&document) {
        let all: BTreeSet<String> = codes(operation).into_values().flatten().collect();
        let open = operation["security"].as_array().unwrap().is_empty();
        let scoped = operation["security"].to_string().contains(|c: char| c.is_ascii_alphabetic())
            && operation["security"][0]["token"].as_array().is_some_and(|s| !s.is_empty());
        let parameters = operation["parameters"].to_string();
        assert_eq!(all.contains("token_missing"), !open, "{method} {path}");
        assert_eq!(all.contains("scope_missing"), scoped, "{method} {path}");
        assert_eq!(all.contains("body_too_large"), operation.get("requestBody").is_some(), "{method} {path}");
        assert_eq!(
            all.contains("idempotency_conflict"),
            parameters.contains("/IdempotencyKey"),
            "{method} {path}"
        );
        assert_eq!(parameters.contains("/Operator"), !open, "{method} {path}");
        assert!(all.contains("host_denied") && parameters.contains("/AcceptLanguage"), "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = whole();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let at = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(document.pointer(at).is_some(), "{reference} leads nowhere");
    }
    let general: Vec<_> = GENERAL.iter().map(|c| c.as_str()).collect();
    for kind in ["schemas", "examples", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let used = found.contains(&format!("#/components/{kind}/{name}"));
            assert!(used || general.contains(&name.as_str()), "nothing uses {kind}/{name}");
        }
    }
}

#[test]
fn every_property_is_documented() {
    let document = whole();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(is_said(&schema["description"]), "{name}");
        for (property, of) in schema["properties"].as_object().into_iter().flatten() {
            assert!(is_said(&of["description"]), "{name}.{property}");
        }
    }
}

#[test]
fn cursors_are_text_both_ways() {
    let document = whole();
    for (name, path) in [("Captures", "/v1/captures"), ("Materials", "/v1/holders/{holder}/materials")] {
        let answer = &document["components"]["schemas"][name]["properties"]["next_cursor"]["type"];
        assert_eq!(answer, &serde_json::json!(["string", "null"]), "{name}");
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let cursor = parameters.iter().find(|p| p["name"] == "cursor").unwrap();
        assert!(cursor["schema"]["type"].to_string().contains("string"), "{path}");
    }
}

fn parses<T: DeserializeOwned>(name: &str) {
    let (_, example) = examples::all().into_iter().find(|(of, _)| *of == name).unwrap();
    if let Err(error) = serde_json::from_value::<T>(example) {
        panic!("{name}: {error}");
    }
}

#[test]
fn request_examples_are_read_by_the_program() {
    use super::super::{cameras, captures, card, erasures, holders, materials, previews, simulated};
    parses::<card::ReadCard>("ReadCard");
    parses::<holders::OpenHolder>("OpenHolder");
    parses::<cameras::Adjustments>("AdjustControls");
    parses::<previews::TicketWish>("RequestPreview");
    parses::<captures::CaptureWish>("CaptureWish");
    parses::<captures::TakeOver>("TakeOver");
    parses::<materials::file::FileMaterial>("FileMaterial");
    parses::<erasures::Forget>("RequestErasure");
    parses::<simulated::Insert>("InsertCard");
    parses::<simulated::Lay>("LayFrame");
    parses::<simulated::Scenario>("PlayScenario");
    parses::<crate::simulation::FaultWish>("SimulateFault");
}

/// Checks a value against what its schema says of fields, words and null.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = follow(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        if !value.is_null() {
            fits(document, choices.iter().find(|c| c["type"] != "null").unwrap(), value, at);
        }
        return;
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value}");
    }
    if value.is_null() {
        assert!(schema["type"].to_string().contains("null"), "{at} is never null");
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, at);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    let Some(fields) = value.as_object() else { return };
    for (name, field) in fields {
        let of = properties.get(name).unwrap_or_else(|| panic!("{at} has no field {name}"));
        fits(document, of, field, &format!("{at}.{name}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(required.as_str().unwrap()), "{at} lacks {required}");
    }
}

#[test]
fn examples_fit_their_schemas() {
    let document = whole();
    for (name, example) in examples::all() {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["examples"][0], example, "{name} has no such schema");
        fits(&document, schema, &example, name);
    }
    for example in document["components"]["examples"].as_object().unwrap().values() {
        fits(&document, &document["components"]["schemas"]["Problem"], &example["value"], "Problem");
    }
}
