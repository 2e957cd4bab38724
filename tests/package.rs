//! Promise: one person's papers are taken out whole, as a package that other tools check, and what is not whole does
//! not look it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::agent::{Agent, program};
use crate::support::blobs;
use crate::support::ledger::tamper;
use crate::support::said::{document, refusal, text};
use crate::support::small_disk::SmallDisk;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
const NUMBER: &str = "000000199001010018";
const OTHER: &str = "000000199001010026";

/// Files a paper of these pictures for someone; its identifier.
fn file(agent: &Agent, number: &str, pictures: &[&[u8]]) -> String {
    let subject = json!({"subject": {"type": "resident", "value": number}, "basis": "none"});
    let holder = agent.post("/v1/holders", &subject).expect(201)["holder"].clone();
    let captures: Vec<_> =
        pictures.iter().map(|picture| agent.upload(picture).expect(201)["id"].clone()).collect();
    let body = json!({"holders": [holder], "kind": "某样本材料", "captures": captures, "case": "案-77",
        "note": "<备注> & 一行\n又一行"});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn export(agent: &Agent, out: &Path, input: &str) -> Output {
    let out = out.to_str().expect("a path of plain characters");
    let arguments = [
        "archive",
        "export",
        out,
        "--operator",
        "某经办人",
        "--purpose",
        "搬迁",
        "--case",
        "案-88",
        "--json",
    ];
    agent.command_with_input(&arguments, input)
}

/// Standard error names this code and a remedy, and never the number.
fn fails(output: &Output, code: &str) {
    let error = refusal(output, code);
    assert!(!error.contains("0000001990"), "{error}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_under(&path));
        }
        found.push(path);
    }
    found
}

/// Both manifests hold, by a tool that is not ours, and nothing is in the payload beside what they name.
fn is_whole(bag: &Path) {
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let checked =
            Command::new("sha256sum").args(["--check", "--strict", manifest]).current_dir(bag).output();
        let checked = checked.expect("coreutils are there");
        assert!(checked.status.success(), "{}", text(&checked.stdout));
    }
    let tag_manifest = fs::read_to_string(bag.join("tagmanifest-sha256.txt")).expect("it is there");
    let mut tags: Vec<_> = tag_manifest.lines().map(|line| &line[66..]).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"]);
    let named = fs::read_to_string(bag.join("manifest-sha256.txt")).expect("it is there").lines().count();
    let payload: Vec<_> = files_under(&bag.join("data")).into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(payload.len(), named, "{payload:?}");
    let size_bytes: u64 = payload.iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
    let info = fs::read_to_string(bag.join("bag-info.txt")).expect("it is there");
    assert!(info.contains(&format!("Payload-Oxum: {size_bytes}.{named}\n")), "{info}");
    let declared = fs::read_to_string(bag.join("bagit.txt")).expect("it is there");
    assert_eq!(declared, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
}

fn ledger_head(agent: &Agent) -> u64 {
    let stats = document(&agent.command(&["archive", "stats", "--json"]), 0);
    stats["ledger_head"].as_u64().expect("a number")
}

#[test]
fn a_package_holds_everything_of_one_person_beside_the_daemon_and_without() {
    let mut agent = Agent::start();
    let material = file(&agent, NUMBER, &[FORM, LETTER]);
    let erased = file(&agent, NUMBER, &[LETTER]);
    let other = file(&agent, OTHER, &[FORM]);
    agent.post("/v1/erasures", &json!({"material": erased, "reason": "test"})).expect(201);
    for place in ["beside", "alone"] {
        let head = ledger_head(&agent);
        let bag = agent.folder.path().join(place);
        let told = document(&export(&agent, &bag, &format!("resident {NUMBER}\n")), 0);
        assert_eq!((&told["materials"], &told["damages"]), (&json!(1), &json!([])), "{told}");
        assert_eq!(ledger_head(&agent), head + 1, "the export is in the ledger");
        is_whole(&bag);
        for path in files_under(&bag).into_iter().chain([bag.clone()]) {
            let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
            let name = path.strip_prefix(agent.folder.path()).expect("inside").to_string_lossy().into_owned();
            for secret in [NUMBER, "案", "某", other.as_str(), erased.as_str()] {
                assert!(!name.contains(secret), "{name}");
            }
        }
        let folder = bag.join("data").join(&material);
        assert_eq!(fs::read(folder.join("original-001.jpg")).expect("it is there"), FORM);
        assert_eq!(fs::read(folder.join("original-002.jpg")).expect("it is there"), LETTER);
        let metadata: Value =
            serde_json::from_slice(&fs::read(folder.join("metadata.json")).expect("it is there"))
                .expect("it is JSON");
        assert_eq!(metadata["holders"], json!([{"type": "resident", "value": NUMBER}]));
        assert_eq!((&metadata["kind"], &metadata["case"]), (&json!("某样本材料"), &json!("案-77")));
        assert_eq!(metadata["pages"][1]["picture"]["file"], "page-002.jpg");
        assert_eq!(metadata["documents"][0]["file"], "document.pdf");
        let xml = fs::read_to_string(folder.join("metadata.xml")).expect("it is there");
        assert!(xml.contains(&format!("<证件号码>{NUMBER}</证件号码>")), "{xml}");
        assert!(xml.contains("<备注>&lt;备注&gt; &amp; 一行\n又一行</备注>"), "{xml}");
        let dossier: Value =
            serde_json::from_slice(&fs::read(bag.join("data/dossier.json")).expect("it is there"))
                .expect("it is JSON");
        assert_eq!((&dossier["operator"], &dossier["case"]), (&json!("某经办人"), &json!("案-88")));
        let pages = Command::new("pdfinfo").arg(folder.join("document.pdf")).output().expect("poppler-utils");
        assert!(text(&pages.stdout).contains("Pages:           2\n"), "{}", text(&pages.stdout));
        assert!(agent.stop());
    }
    assert!(!agent.read_log().contains(NUMBER), "the log says nothing of whom it was");
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_there() {
    let agent = Agent::start();
    let whole = file(&agent, NUMBER, &[LETTER]);
    let before = blobs::stored_in(&agent.data()).len();
    let hurt = file(&agent, NUMBER, &[FORM]);
    let stored = blobs::stored_in(&agent.data());
    let [removed, damaged] = &stored[before..] else { panic!("{} blobs", stored.len()) };
    removed.remove();
    damaged.damage();
    let bag = agent.folder.path().join("bag");
    let told = document(&export(&agent, &bag, &format!("resident {NUMBER}")), 1);
    assert_eq!((&told["materials"], &told["damage_count"]), (&json!(2), &json!(2)), "{told}");
    let mut codes: Vec<_> = told["damages"].as_array().expect("a list").iter().map(|d| &d["code"]).collect();
    codes.sort_by_key(|code| code.to_string());
    assert_eq!(codes, ["blob_damaged", "blob_missing"]);
    assert!(told["damages"].as_array().expect("a list").iter().all(|d| d["material"] == hurt.as_str()));
    is_whole(&bag);
    assert_eq!(fs::read(bag.join("data").join(whole).join("original-001.jpg")).expect("it is there"), LETTER);
    let left: Vec<_> = files_under(&bag.join("data").join(hurt));
    assert_eq!(left.len(), 2, "the record alone, and no document without its page: {left:?}");
}

#[test]
fn a_record_that_is_damaged_is_named_and_the_others_are_there() {
    let mut agent = Agent::start();
    let hurt = file(&agent, NUMBER, &[FORM]);
    let whole = file(&agent, NUMBER, &[LETTER]);
    assert!(agent.stop());
    let damage = "UPDATE entries SET body = x'00'
        WHERE sequence = (SELECT min(sequence) FROM entries WHERE verb = 'filed')";
    tamper(&agent.data(), damage);
    let bag = agent.folder.path().join("bag");
    let told = document(&export(&agent, &bag, &format!("resident {NUMBER}")), 1);
    let wanted = json!([{"material": hurt, "page": null, "picture": null, "code": "record_damaged"}]);
    assert_eq!((&told["materials"], &told["damages"]), (&json!(1), &wanted), "{told}");
    is_whole(&bag);
    assert!(bag.join("data").join(whole).is_dir() && !bag.join("data").join(hurt).exists());
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    let agent = Agent::start();
    file(&agent, NUMBER, &[FORM]);
    let folder = agent.folder.path();
    let out = folder.join("out");
    let head = ledger_head(&agent);
    for (input, code) in [
        ("", "subject_missing"),
        ("resident", "subject_missing"),
        ("\u{0}", "subject_missing"),
        (&format!("citizen {NUMBER}"), "subject_invalid"),
        ("resident 12345", "subject_invalid"),
        (&format!("resident {OTHER}"), "nothing_on_file"),
        ("resident 000000199001010010", "nothing_on_file"),
    ] {
        fails(&export(&agent, &out, input), code);
    }
    let wrong_digit = export(&agent, &out, "resident 000000199001010010");
    assert!(text(&wrong_digit.stderr).contains("check digit"), "{}", text(&wrong_digit.stderr));
    let person = format!("resident {NUMBER}");
    fails(&export(&agent, &agent.data().join("out"), &person), "target_inside_data");
    fails(&export(&agent, folder, &person), "target_not_empty");
    fails(&export(&agent, &folder.join("none/out"), &person), "target_invalid");
    assert_eq!(ledger_head(&agent), head, "nothing was taken out, and nothing is written down");
    let usage = agent.command(&["archive", "export", "out", "--operator", "a"]);
    assert_eq!(usage.status.code(), Some(2), "a purpose is needed");
    let beside: Vec<_> = files_under(folder)
        .into_iter()
        .filter(|path| !path.starts_with(agent.data()) && path.to_string_lossy().contains("export"))
        .collect();
    assert!(!out.exists() && beside.is_empty(), "{beside:?}");
}

#[test]
fn a_full_or_forbidden_disk_is_named_and_nothing_looks_whole() {
    let Some(disk) = SmallDisk::mount(300) else { return };
    let agent = Agent::start();
    file(&agent, NUMBER, &[FORM, LETTER]);
    let person = format!("resident {NUMBER}");
    let out = disk.folder().join("out");
    fails(&export(&agent, &out, &person), "disk_full");
    assert_eq!(fs::read_dir(disk.folder()).expect("a folder").count(), 0);
    disk.make_read_only();
    fails(&export(&agent, &out, &person), "target_not_writable");
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_looks_whole() {
    let mut agent = Agent::start();
    for pictures in [&[FORM, LETTER][..], &[LETTER], &[FORM]] {
        file(&agent, NUMBER, pictures);
    }
    assert!(agent.stop());
    let config = agent.folder.path().join("yidang.toml");
    let (mut cut, mut whole) = (0, 0);
    for cycle in 0..24_u64 {
        let folder = agent.folder.path().join(format!("run-{cycle}"));
        fs::create_dir(&folder).expect("a folder");
        let out = folder.join("out");
        let mut process = program()
            .args(["archive", "export", "--operator", "a", "--purpose", "b"])
            .arg(&out)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut input = process.stdin.take().expect("its input is piped");
        std::io::Write::write_all(&mut input, format!("resident {NUMBER}").as_bytes()).expect("written");
        drop(input);
        // The moment differs from cycle to cycle, so that every step is hit sooner or later.
        std::thread::sleep(Duration::from_millis(cycle * 12));
        let _ = process.kill();
        process.wait().expect("it ends");
        if out.exists() {
            is_whole(&out);
            whole += 1;
        } else {
            let declared = files_under(&folder).into_iter().filter(|path| path.ends_with("bagit.txt"));
            for declaration in declared {
                let parent = declaration.parent().expect("a folder").file_name().expect("a name");
                assert!(parent.to_string_lossy().starts_with(".yidang-export-"), "{declaration:?}");
            }
            cut += 1;
        }
    }
    assert!(cut > 0, "no run was cut off; {whole} were whole");
    assert!(agent.command(&["archive", "verify"]).status.success());
}
