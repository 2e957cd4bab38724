//! Promise: a store of any released version opens with today's programs and says what it said. `fixtures/stores/make.py`
//! tells how each was made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use yidang_model::Digest;

use crate::support::agent::Agent;
use crate::support::repository::Repository;

fn stores() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut stores: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    stores.retain(|path| path.is_dir());
    stores.sort();
    assert!(stores.len() >= 2);
    stores
}

fn expected(store: &Path) -> Value {
    let text = fs::read_to_string(store.join("expected.json")).expect("what it must say");
    serde_json::from_str(&text).expect("JSON")
}

/// The papers as the store said them when it was made.
fn told(agent: &Agent, scope: &str) -> Value {
    let holder = agent.read_card();
    let listed = agent.get(&format!("/v1/holders/{holder}/materials{scope}")).expect(200);
    let mut papers = BTreeMap::new();
    for material in listed["materials"].as_array().expect("a list") {
        let id = material["id"].as_str().expect("an id");
        let fields = [
            "id",
            "kind",
            "case",
            "item",
            "slot",
            "note",
            "issued_on",
            "captured_at",
            "filed_at",
            "counter",
            "origin",
        ];
        let mut paper: Value = fields.iter().map(|field| (*field, material[*field].clone())).collect();
        paper["pages"] = (1..=material["pages"].as_array().expect("pages").len())
            .map(|page| {
                let [original, image] = ["original", "page"].map(|rendition| {
                    let path = format!("/v1/materials/{id}/pages/{page}/image?rendition={rendition}");
                    let picture = agent.get(&path);
                    assert_eq!(picture.status, 200);
                    Digest::of(&picture.bytes).to_string()
                });
                json!({"original": original, "page": image})
            })
            .collect();
        papers.insert(id.to_owned(), paper);
    }
    papers.into_values().collect()
}

fn runs(agent: &Agent, arguments: &[&str]) {
    let done = agent.command(arguments);
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_windows_store_of_every_version_opens_and_says_what_it_said() {
    for store in stores() {
        let what = store.display();
        let expected = expected(&store);
        let mut agent = Agent::start_on_copy(&store.join("window"));
        assert_eq!(told(&agent, ""), expected["materials"], "{what}");
        for gone in expected["erased"].as_array().expect("a list") {
            let path = format!("/v1/materials/{}", gone.as_str().expect("an id"));
            agent.get(&path).is_problem(404, "material_unknown");
        }
        assert_eq!(
            agent.get("/v1/captures?state=unfiled").expect(200)["captures"].as_array().map(Vec::len),
            Some(1)
        );
        assert!(agent.stop());
        for command in ["verify", "rebuild-index", "verify"] {
            runs(&agent, &["archive", command]);
        }
        agent.run();
        assert_eq!(told(&agent, ""), expected["materials"], "{what}: after the index was made anew");
        let capture = agent.upload(include_bytes!("../fixtures/desk/small.jpg")).expect(201);
        let holder = agent.read_card();
        let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": "NEW"});
        agent.post("/v1/materials", &body).expect(201);
        is_exported_and_forgotten(&agent, &holder);
        assert!(agent.stop());
        runs(&agent, &["archive", "verify"]);
    }
}

/// Takes everything of the person on the reader out, and forgets them: of the old files, too, nothing is left anywhere.
fn is_exported_and_forgotten(agent: &Agent, holder: &str) {
    let number = agent.post("/v1/card/read", &json!({"wait_ms": 5000})).expect(200)["id_number"].clone();
    let out = agent.data().join("../taken-out");
    let out = out.to_str().expect("a path");
    let export = ["archive", "export", out, "--operator", "a", "--purpose", "b"];
    let exported =
        agent.command_with_input(&export, &format!("resident {}", number.as_str().expect("a number")));
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let is_blob = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "blob");
    let before: Vec<PathBuf> = files_under(&agent.data()).into_iter().filter(is_blob).collect();
    let sealed: Vec<(PathBuf, Vec<u8>)> =
        before.into_iter().map(|path| (path.clone(), fs::read(path).expect("a blob"))).collect();
    let erasure = agent.post("/v1/erasures", &json!({"holder": holder, "reason": "a test"})).expect(201);
    assert_eq!(erasure["state"], "done");
    let gone: Vec<&[u8]> =
        sealed.iter().filter(|(path, _)| !path.exists()).map(|(_, bytes)| &bytes[1000..1032]).collect();
    assert!(!gone.is_empty() && gone.len() < sealed.len(), "{} of {}", gone.len(), sealed.len());
    for path in files_under(&agent.data()) {
        let content = fs::read(&path).unwrap_or_default();
        for bytes in &gone {
            let is_there = content.windows(bytes.len()).any(|window| window == *bytes);
            assert!(!is_there, "a forgotten blob is in {}", path.display());
        }
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found
}

/// Takes steps of the state's schema back, as its history took them forward.
const BACK: [(i64, &str); 2] = [
    (2, "ALTER TABLE feed DROP COLUMN what"),
    (1, "ALTER TABLE feed DROP COLUMN what; ALTER TABLE contacts DROP COLUMN opened_at"),
];

#[test]
fn a_repositorys_store_of_every_version_opens_and_says_what_it_said() {
    let store =
        stores().into_iter().find(|store| store.join("repository").is_dir()).expect("a store with one");
    let expected = expected(&store);
    for back in [None, Some(BACK[0]), Some(BACK[1])] {
        let repository = Repository::start_on_copy(&store.join("repository"), |data| {
            if let Some((version, sql)) = back {
                let state = rusqlite::Connection::open(data.join("repository.db")).expect("a database");
                state.execute_batch(sql).expect("stepped back");
                state.pragma_update(None, "user_version", version).expect("written");
            }
        });
        let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        assert_eq!(told(&agent, "?scope=all"), expected["materials"], "{back:?}");
        let checked = repository.command("check");
        assert!(checked.status.success(), "{back:?}: {}", String::from_utf8_lossy(&checked.stdout));
    }
}
