//! Promise: a paper whose term is over is shown to nobody, and goes when an operator has confirmed it, with a report.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
const RULE: &str = "[[retention]]\nkind = \"form\"\nyears = 1\nstarts = \"valid_until\"\n";
const DISPOSE: [&str; 4] = ["archive", "dispose", "--operator", "Operator Ng"];

fn file(agent: &Agent, holder: &str, picture: &[u8], kind: &str, valid_until: Value) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": kind, "captures": [capture["id"]], "valid_until": valid_until,
        "case": valid_until.as_str().unwrap_or("none")});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn listed(agent: &Agent, holder: &str) -> Vec<String> {
    let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    let materials = list["materials"].as_array().expect("a list");
    materials.iter().map(|m| m["id"].as_str().expect("an id").to_owned()).collect()
}

fn dispose(agent: &Agent, words: &[&str]) -> Output {
    agent.command(&[&DISPOSE[..], words].concat())
}

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a document")
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_paper_whose_term_is_over_waits_unseen_until_it_is_disposed_of() {
    let mut agent = Agent::start_with_card(&format!("[card]\ndriver = \"simulated\"\n{RULE}"));
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let holder = card["holder"].as_str().expect("a holder").to_owned();
    let number = card["id_number"].as_str().expect("a number").to_owned();
    let over = file(&agent, &holder, FORM, "form", json!("2020-02-29"));
    let current = file(&agent, &holder, LETTER, "form", json!("2999-01-01"));
    let open_ended = file(&agent, &holder, FORM, "form", Value::Null);
    let other_kind = file(&agent, &holder, LETTER, "letter", json!("2020-02-29"));

    assert_eq!(listed(&agent, &holder), [&other_kind, &open_ended, &current].map(String::as_str));
    for path in ["", "/pages/1/image", "/document.pdf"] {
        agent.get(&format!("/v1/materials/{over}{path}")).is_problem(410, "material_restricted");
    }
    // The same picture again is told to be on file where it may be seen, and nowhere else.
    let again = agent.upload_with(FORM, &[("holder", &holder)]).expect(201);
    let matches: Vec<_> =
        again["matches"].as_array().expect("a list").iter().map(|m| &m["material"]).collect();
    assert_eq!(matches, [&json!(open_ended)]);
    let told = document(&dispose(&agent, &["--dry-run", "--json"]));
    assert_eq!((&told["figures"]["due"], &told["figures"]["erased"]), (&json!(1), &json!(0)));
    // That nothing went is said, and what is to be said where it should.
    let notes = String::from_utf8_lossy(&dispose(&agent, &["--dry-run"]).stderr).into_owned();
    assert!(notes.contains("nothing was disposed of") && notes.contains("没有处置任何材料"), "{notes}");
    let usage = String::from_utf8_lossy(&dispose(&agent, &[]).stderr).into_owned();
    assert!(usage.contains("--confirm <COUNT>") && usage.contains("只列出到期材料"), "{usage}");
    let [paper] = &told["papers"].as_array().expect("papers")[..] else { panic!("one paper") };
    let said = (&paper["material"], &paper["term_ended_on"], &paper["result"]);
    assert_eq!(said, (&json!(over), &json!("2021-03-01"), &json!("due")));

    let hold = ["archive", "hold", "place", "--material", &over, "--operator", "Ng", "--reason", "order"];
    let hold = String::from_utf8_lossy(&agent.command(&hold).stdout).trim().to_owned();
    let told = document(&dispose(&agent, &["--confirm", "0", "--json"]));
    assert_eq!((&told["figures"]["due"], &told["figures"]["held"]), (&json!(0), &json!(1)));
    assert!(complaint(&dispose(&agent, &["--confirm", "1"])).contains("error confirmation_differs: "));
    let lift = ["archive", "hold", "lift", &hold, "--operator", "Ng", "--reason", "over"];
    assert!(agent.command(&lift).status.success());

    let inside = agent.data().join("report.json");
    let inside = inside.to_str().expect("text");
    assert!(
        complaint(&dispose(&agent, &["--confirm", "1", "--report", inside])).contains("target_inside_data")
    );
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let words = ["--confirm", "1", "--report", report.to_str().expect("text"), "--json"];
    assert!(agent.stop());
    let told = document(&dispose(&agent, &words));
    assert_eq!((&told["figures"]["erased"], &told["figures"]["forgotten_people"]), (&json!(1), &json!(0)));
    let written: Value = serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
    assert_eq!(written, told);
    assert!(!written.to_string().contains(&number) && !written.to_string().contains("2020-02-29"));
    assert!(complaint(&dispose(&agent, &["--dry-run", "--report", words[3]])).contains("report_not_written"));

    agent.run();
    let audited = agent.command_with_input(&["archive", "audit", "operator"], "Operator Ng");
    let audited = String::from_utf8_lossy(&audited.stdout).into_owned();
    assert!(audited.contains("\tdisposed\t") && audited.contains("\terased\t"), "{audited}");
    assert!(String::from_utf8_lossy(&agent.command(&["archive", "verify"]).stdout).starts_with("clean"));
    let told = document(&dispose(&agent, &["--dry-run", "--json"]));
    assert_eq!(told["figures"]["due"], 0);
}

#[test]
fn who_has_nothing_left_is_forgotten_and_nothing_goes_without_a_rule() {
    let mut agent = Agent::start_with_card(&format!("[card]\ndriver = \"simulated\"\n{RULE}"));
    let holder = agent.read_card();
    file(&agent, &holder, FORM, "form", json!("2020-02-29"));
    let told = document(&dispose(&agent, &["--confirm", "1", "--json"]));
    assert_eq!(told["figures"]["forgotten_people"], 1);
    let stats = document(&agent.command(&["archive", "stats", "--json"]));
    assert_eq!((&stats["holders"], &stats["materials"], &stats["blobs"]), (&json!(0), &json!(0), &json!(0)));
    assert!(agent.stop());
    let plain = Agent::start();
    assert!(complaint(&dispose(&plain, &["--dry-run"])).contains("error retention_absent: "));
    assert_eq!(dispose(&plain, &[]).status.code(), Some(2), "one of the two has to be said");
}

/// The kind's papers stay, their untouched originals only for a year after they have expired.
const ORIGINALS: &str = "[[retention]]\nkind = \"form\"\noriginals_years = 1\nstarts = \"valid_until\"\n";

#[test]
fn an_original_whose_term_is_over_goes_and_its_paper_stays() {
    let mut agent = Agent::start_with_card(&format!("[card]\ndriver = \"simulated\"\n{ORIGINALS}"));
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let holder = card["holder"].as_str().expect("a holder").to_owned();
    let number = card["id_number"].as_str().expect("a number").to_owned();
    let over = file(&agent, &holder, FORM, "form", json!("2020-02-29"));
    let current = file(&agent, &holder, LETTER, "form", json!("2999-01-01"));
    let page =
        |agent: &Agent, id: &str| agent.get(&format!("/v1/materials/{id}")).expect(200)["pages"][0].clone();
    let before = page(&agent, &over);
    assert_eq!(before["original_disposed"], false);
    assert_ne!(before["digest"], before["original_digest"], "no page was found");
    let blobs = |agent: &Agent| document(&agent.command(&["archive", "stats", "--json"]))["blobs"].clone();
    assert_eq!(blobs(&agent), 4);

    let told = document(&dispose(&agent, &["--dry-run", "--json"]));
    assert_eq!((&told["figures"]["due"], &told["figures"]["originals_due"]), (&json!(0), &json!(1)));
    assert_eq!(told["papers"], json!([]));
    let line = &told["originals"][0];
    assert_eq!((&line["material"], &line["result"]), (&json!(over), &json!("due")));
    let hold = ["archive", "hold", "place", "--material", &over, "--operator", "Ng", "--reason", "order"];
    let hold = String::from_utf8_lossy(&agent.command(&hold).stdout).trim().to_owned();
    assert!(complaint(&dispose(&agent, &["--confirm-originals", "1"])).contains("confirmation_differs"));
    let told = document(&dispose(&agent, &["--confirm-originals", "0", "--json"]));
    assert_eq!(
        (&told["figures"]["originals_held"], &told["originals"][0]["result"]),
        (&json!(1), &json!("held"))
    );
    let lift = ["archive", "hold", "lift", &hold, "--operator", "Ng", "--reason", "over"];
    assert!(agent.command(&lift).status.success());

    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let words = ["--confirm-originals", "1", "--report", report.to_str().expect("text"), "--json"];
    let told = document(&dispose(&agent, &words));
    assert_eq!((&told["figures"]["originals_disposed"], &told["figures"]["erased"]), (&json!(1), &json!(0)));
    let written: Value = serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
    assert_eq!((&written, &written["originals"][0]["result"]), (&told, &json!("disposed")));
    assert!(!written.to_string().contains(&number));

    for restarts in [false, true] {
        if restarts {
            assert!(agent.stop());
            assert!(agent.command(&["archive", "rebuild-index"]).status.success());
            agent.run();
            agent.post("/v1/card/read", &json!({})).expect(200);
        }
        let path = format!("/v1/materials/{over}/pages/1/image?rendition");
        agent.get(&format!("{path}=original")).is_problem(410, "original_disposed");
        for rendition in ["page", "thumbnail"] {
            assert_eq!(agent.get(&format!("{path}={rendition}")).status, 200, "{rendition}");
        }
        assert_eq!(agent.get(&format!("/v1/materials/{over}/document.pdf")).status, 200);
        let kept = format!("/v1/materials/{current}/pages/1/image?rendition=original");
        assert_eq!(agent.get(&kept).status, 200);
        let after = page(&agent, &over);
        assert_eq!(after["original_disposed"], true);
        assert_eq!(after["original_digest"], before["original_digest"], "what it was stays on record");
        assert_eq!(page(&agent, &current)["original_disposed"], false);
        assert_eq!(blobs(&agent), 3);
        assert!(String::from_utf8_lossy(&agent.command(&["archive", "verify"]).stdout).starts_with("clean"));
        let told = document(&dispose(&agent, &["--dry-run", "--json"]));
        assert_eq!(told["figures"]["originals_due"], 0);
    }
    is_taken_out_without_it(&agent, &number, &over, &folder.path().join("package"));
}

/// A package of the person has the page, and says that its original was disposed of.
fn is_taken_out_without_it(agent: &Agent, number: &str, over: &str, out: &std::path::Path) {
    let export =
        ["archive", "export", out.to_str().expect("text"), "--operator", "Ng", "--purpose", "move", "--json"];
    let told = document(&agent.command_with_input(&export, &format!("resident {number}")));
    assert_eq!((&told["originals_disposed"], &told["damage_count"]), (&json!(1), &json!(0)));
    let metadata = std::fs::read(out.join(format!("data/{over}/metadata.json"))).expect("a record");
    let metadata: Value = serde_json::from_slice(&metadata).expect("JSON");
    let page = &metadata["pages"][0];
    assert_eq!((&page["original_disposed"], &page["original"]["file"]), (&json!(true), &Value::Null));
    assert!(page["picture"]["file"].is_string());
}

#[test]
fn a_window_that_disposed_of_originals_can_join_a_repository() {
    let mut agent = Agent::start_with_card(&format!("[card]\ndriver = \"simulated\"\n{ORIGINALS}"));
    let holder = agent.read_card();
    let paper = file(&agent, &holder, FORM, "form", json!("2020-02-29"));
    file(&agent, &holder, LETTER, "form", json!("2999-01-01"));
    assert!(dispose(&agent, &["--confirm-originals", "1"]).status.success());
    assert!(agent.stop());

    let repository = Repository::start();
    let config = std::fs::read_to_string(agent.config()).expect("its configuration");
    let (url, code) = (&repository.url, repository.enrol_code());
    let section = format!("[repository]\nurl = \"{url}\"\nenrol_code = \"{code}\"\n");
    std::fs::write(agent.config(), format!("{config}{section}")).expect("written");
    agent.run();
    let began = Instant::now();
    while agent.get("/v1/sync").expect(200)["backlog_materials"] != 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", agent.get("/v1/sync").expect(200));
        std::thread::sleep(Duration::from_millis(50));
    }

    let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = other.read_card();
    let list = other.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    let materials = list["materials"].as_array().expect("a list");
    assert_eq!(materials.len(), 2, "{list}");
    let page = materials.iter().find(|m| m["id"] == json!(paper)).map(|m| &m["pages"][0]).expect("the paper");
    assert_eq!(page["digest"], page["original_digest"], "to others it is one that never had an original");
    assert_eq!(other.get(&format!("/v1/materials/{paper}/pages/1/image")).status, 200);
    // Here it stays as it is.
    agent.read_card();
    let original = format!("/v1/materials/{paper}/pages/1/image?rendition=original");
    agent.get(&original).is_problem(410, "original_disposed");
}
