//! Promise: each kind of damage to an archive is named as it should be. `fixtures/damage` has one small archive and, in a
//! file each, what is done to it and all that `yidang archive verify` says then. `YIDANG_WRITE_DAMAGE=1` writes down
//! what it says now; read the difference before it is kept.

mod steps;
mod store;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use yidang_archive::{Check, FINDINGS, Property, Remedy};

use self::store::Store;

/// A page is sealed with everything else of an entry, so that only a fault of the program can leave it out; an erasure stands
/// half-way as long as something cannot be written. `verb_tests/damage.rs` and `half_forgotten.rs` of the archive have them.
const MADE_BY_NO_DAMAGE: [&str; 2] = ["pages ledger missing", "leftovers index leftover"];
/// What helps against damage to what the repository keeps beside its archive, and where nothing is damaged; and what a window
/// that is enrolled is told in place of `restore_blob`, as these are not (`tests/fixity.rs`).
const NOT_OF_A_DAMAGE: [Remedy; 3] = [Remedy::RestoreState, Remedy::FinishErasure, Remedy::RepairBlob];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/damage")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a description");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn descriptions() -> Vec<PathBuf> {
    let found =
        fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> =
        found.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    found.sort();
    found
}

/// What is compared of a report: everything but figures that every check has, whatever is damaged.
fn said(report: &Value) -> Value {
    let properties = report["properties"].as_array().expect("a list");
    let failed: Vec<&Value> =
        properties.iter().filter(|line| line["clean"] == false).map(|line| &line["property"]).collect();
    let checks = properties.iter().flat_map(|line| line["checks"].as_array().expect("a list"));
    let counted: Map<String, Value> = checks
        .filter(|check| check["failed"] != 0)
        .map(|check| (check["check"].as_str().expect("a word").to_owned(), check["failed"].clone()))
        .collect();
    let remedies = report["remedies"].as_array().expect("a list").iter().map(|line| &line["remedy"]);
    let mut said = json!({
        "clean": report["clean"],
        "failed_properties": failed,
        "failed_checks": counted,
        "damage_count": report["damage_count"],
        "damages": report["damages"],
        "remedies": remedies.collect::<Vec<_>>(),
        "entries": report["entries"],
        "blobs": report["blobs"],
        "forgotten": report["forgotten"],
        "orphans": report["orphans"],
    });
    if report["holds_lost"] != json!([]) {
        said["holds_lost"] = report["holds_lost"].clone();
    }
    said
}

#[test]
fn each_kind_of_damage_is_named_as_it_should_be() {
    let mut wrong = Vec::new();
    for path in descriptions() {
        let mut description = read(&path);
        let found = Store::damaged(&description).verify();
        if std::env::var_os("YIDANG_WRITE_DAMAGE").is_some() {
            description["expected"] = found;
            let text = serde_json::to_string_pretty(&description).expect("JSON") + "\n";
            fs::write(&path, text).expect("it is written");
        } else if description["expected"] != found {
            wrong.push(format!("{}: {}\n{found:#}", path.display(), description["what"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words that descriptions expect in this field of their damages.
fn expected(words: impl Fn(&Value) -> String) -> BTreeSet<String> {
    let descriptions: Vec<Value> = descriptions().iter().map(|path| read(path)).collect();
    let damages = descriptions.iter().filter_map(|description| description["expected"]["damages"].as_array());
    damages.flatten().map(words).collect()
}

fn word<'a>(damage: &'a Value, field: &str) -> &'a str {
    damage[field].as_str().expect("a word")
}

#[test]
fn whatever_a_check_can_find_has_an_archive_in_which_it_does() {
    let have = expected(|d| format!("{} {} {}", word(d, "check"), word(d, "part"), word(d, "fault")));
    let all = FINDINGS
        .iter()
        .map(|(check, part, fault)| format!("{} {} {}", check.as_str(), part.as_str(), fault.as_str()));
    let without: Vec<String> = all.filter(|finding| !have.contains(finding)).collect();
    assert_eq!(without, MADE_BY_NO_DAMAGE);
    let have = expected(|d| word(d, "remedy").to_owned());
    for remedy in Remedy::ALL {
        let is_had = have.contains(remedy.as_str());
        assert_eq!(is_had, !NOT_OF_A_DAMAGE.contains(remedy), "{remedy:?}");
    }
    let have = expected(|d| {
        let check = Check::from_word(word(d, "check")).expect("a check");
        check.property().as_str().to_owned()
    });
    assert!(Property::ALL.iter().all(|property| have.contains(property.as_str())));
}

#[test]
fn every_step_damages_something() {
    let descriptions: Vec<Value> = descriptions().iter().map(|path| read(path)).collect();
    for step in steps::STEPS {
        let does = |d: &Value| {
            d["steps"].as_array().expect("a list").iter().any(|s| s["do"] == step)
                && d["expected"]["clean"] != true
        };
        assert!(descriptions.iter().any(does), "{step} is used by no description");
    }
}
