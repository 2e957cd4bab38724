//! Promise: nobody who has a program's files, or what it logged, learns anything about a person from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::agent::Agent;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
/// What the three crates with databases say of their columns.
const FIELDS: [&str; 3] = [
    include_str!("../src/archive/fields.toml"),
    include_str!("../src/agent/fields.toml"),
    include_str!("../src/repository/fields.toml"),
];
const CLASSES: [&str; 4] = ["sealed", "tag", "secret", "technical"];

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Fails if a word stands in the bytes, in any of the forms that programs and databases write text in.
fn holds_none_of(words: &[String], path: &Path, bytes: &[u8]) {
    for word in words {
        let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for form in [word.as_bytes(), &wide] {
            let found = bytes.windows(form.len()).any(|w| w == form);
            assert!(!found, "{} holds personal data", path.display());
        }
        let name = path.to_string_lossy();
        assert!(!name.contains(word), "the name of {name} is personal data");
    }
    assert!(!bytes.windows(64).any(|w| w == &FORM[5000..5064]), "{} holds the picture", path.display());
}

#[test]
fn no_identity_stands_in_any_file_or_log_of_a_window() {
    let mut agent = Agent::start();
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let text = |field: &str| card[field].as_str().expect("a text").to_owned();
    let (case, note) = ("案-20260001", "某样本备注");
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [text("holder")], "kind": "form", "captures": [capture["id"]], "case": case,
        "note": note, "document_number": "文号-7"});
    agent.post_with("/v1/materials", &body, &[("Yidang-Operator", "clerk-0007")]).expect(201);
    agent.get(&format!("/v1/holders/{}/materials", text("holder"))).expect(200);
    // What is malformed must not be quoted either.
    let malformed = json!({"subject": {"type": "resident", "value": 5}, "basis": text("id_number")});
    agent.post("/v1/holders", &malformed).is_problem(422, "invalid");
    assert!(agent.stop());
    let mut words: Vec<String> = [case, note, "文号-7"].map(str::to_owned).into();
    words.extend(["name", "id_number", "address", "new_address"].map(text));
    let found = files(&agent.data());
    assert!(found.len() > 4, "the archive's files are searched");
    for path in found {
        holds_none_of(&words, &path, &std::fs::read(&path).expect("it can be read"));
    }
    holds_none_of(&words, Path::new("log"), agent.read_log().as_bytes());
}

/// A demo's folder: two windows, a repository, their logs.
fn demo() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_yidang"));
    let done = program.args(["demo", "--once", "--dir"]).arg(folder.path()).output().expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    folder
}

#[test]
fn no_identity_stands_in_any_file_or_log_of_windows_and_repository() {
    let folder = demo();
    let words =
        ["张一档", "00000019900228001X", "某省某市某区样本路1号", "DEMO-1", "DEMO-2"].map(str::to_owned);
    let pictures = folder.path().join("pictures");
    let mut seen = BTreeSet::new();
    // The pictures are there to be looked at.
    for path in files(folder.path()).into_iter().filter(|path| !path.starts_with(&pictures)) {
        holds_none_of(&words, &path, &std::fs::read(&path).expect("it can be read"));
        seen.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
    }
    for name in ["ledger.db", "keyring.db", "index.db", "tokens.db", "sync.db", "repository.db", "log"] {
        assert!(seen.contains(name), "{name} is searched");
    }
}

#[test]
fn every_column_of_every_database_is_classified() {
    let folder = demo();
    let mut live = BTreeSet::new();
    for path in files(folder.path()).iter().filter(|path| path.extension().is_some_and(|e| e == "db")) {
        let database = path.file_stem().expect("a name").to_string_lossy();
        live.extend(columns(path).into_iter().map(|column| format!("{database}.{column}")));
    }
    let mut listed = BTreeSet::new();
    for text in FIELDS {
        let fields: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> =
            toml::from_str(text).expect("a list of fields");
        for (database, table, column, class) in fields.iter().flat_map(|(database, tables)| {
            tables.iter().flat_map(move |(table, columns)| {
                columns.iter().map(move |(column, class)| (database, table, column, class))
            })
        }) {
            assert!(CLASSES.contains(&class.as_str()), "{database}.{table}.{column} is `{class}`");
            assert!(
                listed.insert(format!("{database}.{table}.{column}")),
                "{database}.{table}.{column} stands twice"
            );
        }
    }
    let differing: Vec<_> = listed.symmetric_difference(&live).collect();
    assert!(differing.is_empty(), "listed or live, not both: {differing:?}");
}

/// `table.column` of every column of a database.
fn columns(path: &Path) -> Vec<String> {
    let database = Connection::open(path).expect("a database");
    let mut statement = database
        .prepare(
            "SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        )
        .expect("SQLite knows its own tables");
    let found = statement.query_map([], |row| row.get(0)).expect("it answers");
    found.collect::<Result<_, _>>().expect("names")
}
