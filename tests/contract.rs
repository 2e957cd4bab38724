//! Promise: the local API is the one that `fixtures/openapi.json` describes, so that a change of it is seen.

/// The document as it is checked in, with the simulated desk's calls.
const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openapi.json");
/// Set, it has the test write the document instead of comparing it.
const WRITE: &str = "YIDANG_WRITE_OPENAPI";

#[test]
fn the_checked_in_document_is_what_the_handlers_say() {
    let mut made = yidang_agent::openapi_document(true);
    made.push('\n');
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(CHECKED_IN, made).expect("the document is written");
        return;
    }
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    let differs = || {
        let lines = checked_in.lines().zip(made.lines()).take_while(|(a, b)| a == b).count();
        format!(
            "fixtures/openapi.json differs from line {}; if the API is meant to change, write it anew with\n  \
             {WRITE}=1 cargo test --test integration contract",
            lines + 1
        )
    };
    assert!(checked_in == made, "{}", differs());
}
