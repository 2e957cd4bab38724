use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use tower::ServiceExt as _;

use super::*;
use crate::web_page::Asset;

async fn ask(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    routes::<Arc<()>>().with_state(Arc::new(())).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn bytes(response: Response) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn text(asset: &Asset) -> &'static str {
    std::str::from_utf8(asset.bytes).unwrap()
}

#[tokio::test]
async fn every_file_comes_with_its_type_and_nothing_but_its_own_policy() {
    for asset in ASSETS {
        let name = if asset.name == "index.html" { "" } else { asset.name };
        let response = ask(&format!("/console/{name}"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        let wanted = match asset.name.rsplit_once('.').unwrap().1 {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(header_of(&response, "content-type"), wanted, "{name}");
        assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header_of(&response, "referrer-policy"), "no-referrer");
        assert_eq!(header_of(&response, "cache-control"), "no-cache");
        let policy: Vec<_> = header_of(&response, "content-security-policy").split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(&rule), "{name}: {rule}");
        }
        assert!(!policy.iter().any(|rule| rule.contains("unsafe") || rule.contains('*')), "{policy:?}");
        assert_eq!(bytes(response).await, asset.bytes, "{name}");
    }
}

#[tokio::test]
async fn a_copy_is_asked_for_anew_and_not_sent_twice() {
    let first = ask("/console/main.js", &[]).await;
    let tag = header_of(&first, "etag").to_owned();
    let other = ask("/console/words.js", &[]).await;
    assert_ne!(tag, header_of(&other, "etag"));
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let again = ask("/console/main.js", &[("if-none-match", &known)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(header_of(&again, "content-security-policy"), POLICY);
        assert!(bytes(again).await.is_empty());
    }
    let changed = ask("/console/main.js", &[("if-none-match", "\"x\"")]).await;
    assert_eq!(changed.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_address_without_its_last_stroke_leads_there_and_others_nowhere() {
    let response = ask("/console", &[]).await;
    assert!(response.status().is_redirection());
    assert_eq!(header_of(&response, "location"), "/console/");
    for path in
        ["/console/mod.rs", "/console/../console/mod.rs", "/console/page/main.js", "/console/%2e%2e/x"]
    {
        assert_eq!(ask(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn the_files_of_the_folder_are_the_files_of_the_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console/page");
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
        for word in ["http:", "https:", "://", "@import", "url("] {
            assert!(!text.contains(word), "{}: {word}", asset.name);
        }
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "srcdoc",
            "setTimeout('",
            "localStorage.token",
            "document.cookie",
        ] {
            assert!(!text.contains(sink), "{}: {sink}", asset.name);
        }
    }
}

#[test]
fn the_page_has_neither_scripts_nor_styles_within() {
    let page = text(ASSETS.iter().find(|asset| asset.name == "index.html").unwrap());
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"module\" src=\"main.js\"></script>"));
    for inline in ["<style", " style=", "javascript:", " onclick=", " onload=", " onerror="] {
        assert!(!page.contains(inline), "{inline}");
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

/// Names of the table of words, each with its two texts.
fn table() -> Vec<(&'static str, &'static str)> {
    let words = text(ASSETS.iter().find(|asset| asset.name == "words.js").unwrap());
    let (_, rest) = words.split_once("const TABLE = {").unwrap();
    let (table, _) = rest.split_once("\n};").unwrap();
    let rows = table.lines().map(str::trim).filter(|line| !line.is_empty());
    rows.map(|row| row.split_once(": ").unwrap_or_else(|| panic!("{row}"))).collect()
}

#[test]
fn every_word_stands_once_and_in_both_languages() {
    let table = table();
    let names: BTreeSet<_> = table.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), table.len(), "a word stands twice");
    for (name, texts) in &table {
        let inner = texts.trim_start_matches("['").trim_end_matches("'],");
        let (chinese, english) = inner.split_once("', '").unwrap_or_else(|| panic!("{name}: {texts}"));
        let is_chinese = |text: &str| {
            text.chars()
                .any(|c| ('\u{3000}'..'\u{a000}').contains(&c) || ('\u{ff00}'..'\u{fff0}').contains(&c))
        };
        assert!(is_chinese(chinese) || *name == "other_language", "{name}: {chinese}");
        assert!(!is_chinese(english) || *name == "other_language", "{name}: {english}");
        let places = |text: &str| -> BTreeSet<String> {
            text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
        };
        assert_eq!(places(chinese), places(english), "{name}");
    }
}

#[test]
fn every_word_that_is_asked_for_is_in_the_table_and_every_one_there_is_asked_for() {
    let known: BTreeSet<_> = table().into_iter().map(|(name, _)| name).collect();
    let mut all = String::new();
    for asset in ASSETS.iter().filter(|asset| asset.name != "words.js") {
        let text = text(asset);
        all.push_str(text);
        for start in ["word('", "data-word=\"", "data-word-label=\"", "data-word-alt=\""] {
            for rest in text.split(start).skip(1) {
                let name = rest.split(['\'', '"']).next().unwrap();
                assert!(known.contains(name), "{}: {name}", asset.name);
            }
        }
    }
    // Words of the API are asked for by what it says.
    let document: serde_json::Value = serde_json::from_str(&crate::openapi_document(true)).unwrap();
    let warnings = document["components"]["schemas"]["CardWarning"]["enum"].as_array().unwrap();
    let scopes = document["components"]["schemas"]["PairingScope"]["enum"].as_array().unwrap();
    let scopes: Vec<_> =
        scopes.iter().map(|scope| format!("scope_{}", scope.as_str().unwrap().replace(':', "_"))).collect();
    let of_api = |name: &str| {
        ["sync_none", "sync_not_enrolled", "sync_connecting", "sync_connected", "sync_unreachable"]
            .contains(&name)
            || [
                "ready",
                "denied",
                "resident",
                "hmt",
                "foreigner_2017",
                "foreigner_2023",
                "superseded",
                "revoked",
            ]
            .contains(&name)
            || warnings.iter().any(|code| code == name)
            || scopes.iter().any(|scope| scope == name)
    };
    for scope in &scopes {
        assert!(known.contains(scope.as_str()), "{scope} is told in no language");
    }
    for warning in warnings {
        assert!(known.contains(warning.as_str().unwrap()), "{warning} is told in no language");
    }
    for name in known {
        let asked = name.starts_with("pages_")
            || [format!("'{name}'"), format!("\"{name}\"")].iter().any(|quoted| all.contains(quoted));
        assert!(asked || of_api(name), "nobody asks for the word {name}");
    }
}
