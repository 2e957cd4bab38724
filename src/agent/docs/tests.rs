use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use tower::ServiceExt as _;

use super::*;
use crate::web_page::Asset;

async fn ask(path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    routes::<Arc<()>>().with_state(Arc::new(())).oneshot(request).await.unwrap()
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn text(asset: &Asset) -> &'static str {
    std::str::from_utf8(asset.bytes).unwrap()
}

#[tokio::test]
async fn every_file_comes_with_its_type_and_a_policy_that_lets_in_nothing_from_outside() {
    for asset in ASSETS {
        let name = if asset.name == "index.html" { "" } else { asset.name };
        let response = ask(&format!("/v1/docs/{name}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        let wanted = match asset.name.rsplit_once('.').unwrap().1 {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(header_of(&response, "content-type"), wanted, "{name}");
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(header_of(&response, header), value, "{name}");
        }
        let policy: Vec<_> = header_of(&response, "content-security-policy").split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(&rule), "{name}: {rule}");
        }
        assert!(!policy.iter().any(|rule| rule.contains("unsafe") || rule.contains('*')), "{policy:?}");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, asset.bytes, "{name}");
    }
}

#[tokio::test]
async fn the_address_without_its_last_stroke_leads_there_and_others_nowhere() {
    let response = ask("/v1/docs").await;
    assert!(response.status().is_redirection());
    assert_eq!(header_of(&response, "location"), "/v1/docs/");
    for path in ["/v1/docs/mod.rs", "/v1/docs/page/main.js", "/v1/docs/../docs/mod.rs", "/v1/docs/index.html"]
    {
        assert_eq!(ask(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn the_files_of_the_folder_are_the_files_of_the_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/page");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let served: BTreeSet<String> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
    assert_eq!(there, served);
}

#[test]
fn nothing_comes_from_outside_and_no_text_becomes_markup() {
    for asset in ASSETS {
        let text = text(asset).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for word in
            ["http:", "https:", "://", "@import", "url(", "innerHTML", "outerHTML", "insertAdjacentHTML"]
        {
            assert!(!text.contains(word), "{}: {word}", asset.name);
        }
        for word in ["document.write", "eval(", "Function(", "srcdoc", "<style", " style=", " onclick="] {
            assert!(!text.contains(word), "{}: {word}", asset.name);
        }
    }
}

#[test]
fn every_module_that_is_imported_is_served() {
    for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
        for line in text(asset).lines().filter(|line| line.contains(" from '")) {
            let name = line.rsplit_once(" from './").unwrap_or_else(|| panic!("{}: {line}", asset.name)).1;
            let name = name.trim_end_matches("';");
            assert!(ASSETS.iter().any(|other| other.name == name), "{}: {name}", asset.name);
        }
    }
}

#[test]
fn every_word_that_is_asked_for_is_in_the_table_and_every_one_there_is_asked_for() {
    let words = text(ASSETS.iter().find(|asset| asset.name == "words.js").unwrap());
    let (_, rest) = words.split_once("const TABLE = {").unwrap();
    let (table, _) = rest.split_once("\n};").unwrap();
    let known: BTreeSet<_> =
        table.lines().filter_map(|row| row.trim().split_once(": [")).map(|(name, _)| name).collect();
    let mut asked = BTreeSet::new();
    for asset in ASSETS {
        for start in ["word('", "data-word=\"", "data-word-label=\""] {
            asked
                .extend(text(asset).split(start).skip(1).map(|rest| rest.split(['\'', '"']).next().unwrap()));
        }
    }
    assert_eq!(asked, known);
}

/// The document says everything that the page shows of codes.
#[test]
fn the_document_has_every_code_in_both_languages() {
    let document: serde_json::Value = serde_json::from_str(&crate::openapi_document(true)).unwrap();
    for code in crate::Code::ALL {
        let example = &document["components"]["examples"][code.as_str()];
        assert_eq!(example["value"]["code"], code.as_str());
        assert_eq!(example["value"]["status"], code.status());
        assert_eq!(example["value"]["title"], code.title(crate::Language::Chinese));
        assert_eq!(example["value"]["remedy"], code.remedy(crate::Language::Chinese));
        assert_eq!(example["summary"], code.title(crate::Language::English));
        assert_eq!(example["description"], code.remedy(crate::Language::English));
    }
}
