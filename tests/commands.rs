//! Promise: commands do the same beside a running daemon as without one, and a daemon that is told to stop stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::agent::{Agent, program};
use crate::support::blobs;
use crate::support::copy_folder;
use crate::support::repository::Repository;
use crate::support::said::{document, refusal, text};

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
const CERTIFICATE: &[u8] = include_bytes!("../fixtures/desk/02-certificate.jpg");
/// Everything here happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// A daemon that waits for nothing stops within this time.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

fn file(agent: &Agent, picture: &[u8]) -> String {
    let holder = agent.read_card();
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": "案-77",
        "note": "某样本备注"});
    let material = agent.post("/v1/materials", &body).expect(201);
    material["id"].as_str().expect("an id").to_owned()
}

/// Standard error names this code, a cause and a remedy, and standard output nothing.
fn fails(output: &Output, code: &str) {
    refusal(output, code);
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

fn socket(agent: &Agent) -> PathBuf {
    agent.data().join("control.sock")
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// What every command of the archive says. The keys of used-up captures are deleted when there is time, so how
/// many are gone is left out.
fn say_all(agent: &Agent) -> Vec<Value> {
    let mut verified = document(&agent.command(&["archive", "verify", "--json"]), 0);
    verified.as_object_mut().expect("an object").remove("forgotten").expect("a figure");
    assert_eq!((&verified["clean"], &verified["damage_count"]), (&json!(true), &json!(0)), "{verified}");
    let rebuilt = document(&agent.command(&["archive", "rebuild-index", "--json"]), 0);
    let list = document(&agent.command(&["archive", "list", "--json"]), 0);
    let mut stats = document(&agent.command(&["archive", "stats", "--json"]), 0);
    stats.as_object_mut().expect("an object").remove("scrub").expect("figures that change by themselves");
    vec![verified, rebuilt, list, stats]
}

#[test]
fn archive_commands_say_the_same_beside_the_daemon_and_without() {
    let mut agent = Agent::start();
    let filed = [file(&agent, FORM), file(&agent, LETTER)];
    let beside = say_all(&agent);
    let plain = |agent: &Agent, command| {
        let said = text(&agent.command(&["archive", command]).stdout);
        said.lines()
            .filter(|line| !line.starts_with("scrubbed"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let plain_beside = ["list", "stats"].map(|command| plain(&agent, command));
    assert!(plain(&agent, "verify").starts_with("clean: 4 entries"), "{}", plain(&agent, "verify"));
    assert!(agent.stop());
    assert_eq!(say_all(&agent), beside);
    assert_eq!(["list", "stats"].map(|command| plain(&agent, command)), plain_beside);

    let [_, rebuilt, list, stats] = &beside[..] else { panic!("four answers") };
    let materials = list["materials"].as_array().expect("a list");
    assert_eq!(materials.iter().map(|m| &m["id"]).collect::<Vec<_>>(), filed.iter().collect::<Vec<_>>());
    for material in materials {
        let mut fields: Vec<_> =
            material.as_object().expect("an object").keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["counter", "filed_at", "id", "origin", "pages", "safe_at", "status"]);
        let told = (&material["counter"], &material["pages"], &material["safe_at"], &material["status"]);
        assert_eq!(told, (&json!("test-window"), &json!(1), &json!("this_pc"), &json!("current")));
    }
    assert_eq!((&stats["materials"], &stats["unfiled"]), (&json!(2), &json!(0)));
    assert_eq!(rebuilt["entries"], stats["ledger_head"]);
    assert_eq!(plain_beside[0].lines().count(), 2);
    for personal in ["案-77", "某样本备注", "form"] {
        assert!(!list.to_string().contains(personal) && !plain_beside[0].contains(personal));
    }
}

#[test]
fn an_auditor_is_told_who_did_what_beside_the_daemon_and_without() {
    let mut agent = Agent::start();
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let holder = card["holder"].as_str().expect("a holder");
    let number = card["id_number"].as_str().expect("a number").to_owned();
    let material = file(&agent, FORM);
    let clerk = [("Yidang-Operator", "Operator Ng")];
    let subject = json!({"type": "resident", "value": number});
    let stated = json!({"subject": subject, "basis": "lost_card", "purpose": "审核用途", "case": "案-78"});
    agent.post_with("/v1/holders", &stated, &clerk).expect(201);
    agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    let other = json!({"subject": {"type": "provisional", "value": "P-7"}, "basis": "none"});
    let other = agent.post("/v1/holders", &other).expect(201)["holder"].clone();
    let body = json!({"holders": [other], "reason": "wrong card"});
    agent.post_with(&format!("/v1/materials/{material}/refile"), &body, &clerk).expect(200);

    let ask = |agent: &Agent, more: &[&str], input: &str| {
        let arguments = [&["archive", "audit"], more, &["--json"]].concat();
        let told = document(&agent.command_with_input(&arguments, input), 0);
        assert_eq!(told["truncated"], false);
        told["entries"].as_array().expect("a list").clone()
    };
    let actions = |entries: &[Value]| -> Vec<String> {
        entries.iter().map(|e| e["action"].as_str().expect("a word").to_owned()).collect()
    };
    let person = format!("resident {number}\n");
    for beside in [true, false] {
        assert!(beside || agent.stop());
        let seen = ask(&agent, &["person"], &person);
        let mut expected = vec!["filed", "opened", "looked", "refiled"];
        expected.extend(if beside { &[][..] } else { &["audited"; 2] });
        assert_eq!(actions(&seen), expected, "the question before is an entry too");
        assert_eq!((&seen[1]["operator"], &seen[1]["basis"]), (&json!("Operator Ng"), &json!("lost_card")));
        assert_eq!((&seen[1]["purpose"], &seen[1]["case"]), (&json!("审核用途"), &json!("案-78")));
        assert_eq!((&seen[2]["client"], &seen[2]["materials"]), (&json!("window"), &json!([material])));
        assert_eq!(actions(&ask(&agent, &["operator"], "Operator Ng\n")), ["opened", "refiled"]);
        assert_eq!(actions(&ask(&agent, &["no-card"], "")), ["opened"]);
        let later = ["no-card", "--since", "2999-01-01T00:00:00Z"];
        assert!(ask(&agent, &later, "").is_empty());
        let rows = text(&agent.command_with_input(&["archive", "audit", "person"], &person).stdout);
        assert_eq!(rows.lines().nth(3).map(|row| row.split('\t').count()), Some(9), "{rows}");
    }
    let one = document(
        &agent.command_with_input(&["archive", "audit", "person", "--limit", "1", "--json"], &person),
        0,
    );
    assert_eq!((one["entries"].as_array().map(Vec::len), &one["truncated"]), (Some(1), &json!(true)));
    let nobody = "resident 000000199001010017\n";
    let nothing = document(&agent.command_with_input(&["archive", "audit", "person", "--json"], nobody), 0);
    assert_eq!(
        (&nothing["known"], &nothing["entries"], &one["known"]),
        (&json!(false), &json!([]), &json!(true))
    );
    let nothing = agent.command_with_input(&["archive", "audit", "person"], nobody);
    assert!(
        text(&nothing.stderr).starts_with("nothing is known under this number") && nothing.stdout.is_empty()
    );
    let missing = agent.command_with_input(&["archive", "audit", "person"], " ");
    fails(&missing, "subject_missing");
    let wrong = agent.command_with_input(&["archive", "audit", "person"], "resident 123456");
    fails(&wrong, "subject_invalid");
    assert!(!text(&wrong.stderr).contains("123456"), "what was typed is not repeated");
    fails(&agent.command(&["archive", "audit", "no-card", "--since", "yesterday"]), "instant_invalid");
    let verified = document(&agent.command(&["archive", "verify", "--json"]), 0);
    assert_eq!(verified["clean"], true, "{verified}");
    let listed = document(&agent.command(&["archive", "list", "--json"]), 0);
    assert_eq!(listed["materials"].as_array().map(Vec::len), Some(1), "a refiled paper is listed once");
}

#[test]
fn tokens_hold_at_once_beside_the_daemon_and_survive_without() {
    let mut agent = Agent::start();
    let create = ["token", "create", "--name", "second", "--scopes", "card"];
    agent.token = text(&agent.command(&create).stdout).trim().to_owned();
    agent.get("/v1/status").expect(200);
    fails(&agent.command(&create), "token_name_taken");
    let names = |agent: &Agent| {
        let list = document(&agent.command(&["token", "list", "--json"]), 0);
        list.as_array().expect("a list").iter().map(|t| t["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&agent), ["window", "second"]);
    assert!(agent.stop());
    assert_eq!(names(&agent), ["window", "second"]);
    agent.run();
    agent.get("/v1/status").expect(200);
    assert!(agent.command(&["token", "revoke", "--name", "second"]).status.success());
    agent.get("/v1/status").is_problem(401, "token_invalid");
    fails(&agent.command(&["token", "revoke", "--name", "second"]), "token_unknown");
}

#[test]
fn a_damaged_archive_is_told_beside_the_daemon_and_without() {
    let mut agent = Agent::start();
    file(&agent, FORM);
    let stored = blobs::stored_in(&agent.data());
    stored[0].damage();
    let check = |agent: &Agent| {
        let report = document(&agent.command(&["archive", "verify", "--json"]), 1);
        assert_eq!((&report["clean"], &report["damage_count"]), (&json!(false), &json!(1)), "{report}");
        let damage = &report["damages"][0];
        assert_eq!((&damage["part"], &damage["fault"]), (&json!("blobs"), &json!("damaged")), "{report}");
        assert!(damage["what"].as_str().expect("a text").starts_with("blob "), "{report}");
        let plain = agent.command(&["archive", "verify"]);
        assert_eq!(plain.status.code(), Some(1));
        assert!(text(&plain.stdout).starts_with("blobs: blob "), "{}", text(&plain.stdout));
        assert!(plain.stderr.is_empty(), "no bar where there is no terminal: {}", text(&plain.stderr));
    };
    check(&agent);
    agent.get("/v1/status").expect(200);
    assert!(agent.stop());
    check(&agent);
}

#[test]
fn the_four_properties_are_reported_in_either_language_and_into_a_file() {
    let agent = Agent::start();
    file(&agent, FORM);
    let report = document(&agent.command(&["archive", "verify", "--deep", "--json"]), 0);
    let properties = report["properties"].as_array().expect("a list");
    let named: Vec<_> = properties.iter().map(|p| p["property"].as_str().expect("a word")).collect();
    assert_eq!(named, ["authenticity", "integrity", "usability", "security"]);
    let checks = || properties.iter().flat_map(|p| p["checks"].as_array().expect("a list"));
    let examined = |name| checks().find(|c| c["check"] == name).expect("the check")["examined"].clone();
    assert_eq!(examined("pictures"), report["blobs"], "every picture is decoded");
    assert!(examined("modes").as_u64() >= Some(3) && examined("leftovers").as_u64() >= Some(3), "{report}");

    let written = agent.folder.path().join("report.txt");
    let name = written.to_str().expect("a name");
    for (locale, title) in [("zh_CN.UTF-8", "档案四性检测报告"), ("en_GB.UTF-8", "Yidang report on")]
    {
        let arguments = ["archive", "verify", "--report", name, "--config"];
        let told = program().args(arguments).arg(agent.config()).env("LC_ALL", locale).output();
        assert!(told.expect("it runs").status.success());
        assert!(std::fs::read_to_string(&written).expect("a report").starts_with(title), "{locale}");
    }
    let inside = agent.data().join("report.txt");
    let inside = agent.command(&["archive", "verify", "--report", inside.to_str().expect("a name")]);
    fails(&inside, "target_inside_data");

    // A plain picture that something forgot to seal, and a key that others may read.
    std::fs::write(agent.data().join("forgotten.bin"), b"\xFF\xD8\xFF\xE0").expect("it is written");
    let key = agent.folder.path().join("keys/epoch-0001.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).expect("it is opened");
    let report = document(&agent.command(&["archive", "verify", "--json"]), 1);
    let told = |list: &Value, field: &str| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|line| line[field].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(told(&report["damages"], "check"), ["leftovers", "modes"]);
    assert_eq!(told(&report["damages"], "what"), ["path data/forgotten.bin", "path keys/epoch-0001.key"]);
    assert_eq!(report["properties"][3]["clean"], false);
    assert_eq!(told(&report["remedies"], "remedy"), ["close_to_others", "remove_leftover"]);
}

#[test]
fn the_socket_is_private_goes_with_the_daemon_and_a_stale_one_is_replaced() {
    let mut agent = Agent::start();
    let mode = std::fs::symlink_metadata(socket(&agent)).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    agent.kill();
    assert!(is_there(&socket(&agent)), "a killed daemon leaves it");
    document(&agent.command(&["archive", "stats", "--json"]), 0);
    agent.run();
    document(&agent.command(&["archive", "stats", "--json"]), 0);
    assert!(agent.stop());
    assert!(!is_there(&socket(&agent)));
}

#[test]
fn a_long_data_folder_has_a_control_socket_too() {
    let mut agent = Agent::start_in(format!("{}/data", "deep-folder/".repeat(15)));
    assert!(socket(&agent).as_os_str().len() > 180);
    file(&agent, FORM);
    let stats = |agent: &Agent| {
        let mut told = document(&agent.command(&["archive", "stats", "--json"]), 0);
        // The daemon reads the ledger through, and a command that asks for figures does not.
        let state = told["ledger"]["state"].take();
        assert!(state == "whole" || state == "unchecked", "{state}");
        told
    };
    let beside = stats(&agent);
    assert_eq!(beside["materials"], 1);
    assert!(agent.stop());
    assert!(!is_there(&socket(&agent)));
    assert_eq!(stats(&agent), beside);
}

#[test]
fn a_daemon_that_takes_no_requests_is_told() {
    let agent = Agent::start();
    std::fs::remove_file(socket(&agent)).expect("the socket is taken away");
    fails(&agent.command(&["archive", "stats", "--json"]), "data_dir_in_use");
}

#[test]
fn what_is_asked_for_wrongly_is_a_usage_error() {
    let agent = Agent::start();
    let wrong: &[&[&str]] = &[
        &["enrol"],
        &["enrol", "--code", "GEHEIM-CODE"],
        &["enrol", "--code", "-GEHEIM-CODE"],
        &["enrol", "--code=GEHEIM-CODE"],
        &["archive"],
        &["archive", "burn"],
        &["token", "create", "--name", "a"],
        &["token", "create", "--name", "a", "--scopes", "everything"],
        &["token", "create", "--name", " ", "--scopes", "card"],
        &["recovery-key", "create"],
        &["recovery-key", "create", "--shares", "2", "--threshold", "3", "--out", "nowhere"],
        &["token", "create", "--name", "a", "--scopes", "card", "--origin", "a.example/"],
    ];
    for arguments in wrong {
        let output = agent.command(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!text(&output.stderr).contains("GEHEIM"), "a secret is not said again");
    }
    let missing = text(&agent.command(&["recovery-key", "create"]).stderr);
    assert!(missing.contains("--shares 5 --threshold 3") && missing.contains("任意三份"), "{missing}");
    fails(&agent.command_with_input(&["enrol", "--code", "-"], "ANY"), "repository_not_configured");
    fails(&enrol(&Agent::start_unenrolled("http://127.0.0.1:9"), " "), "code_missing");
}

#[test]
fn a_folder_without_an_archive_is_not_found_to_be_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_yidang"))
        .args(["archive", "verify", "--json"])
        .env("YIDANG_AGENT_COUNTER", "c")
        .env("YIDANG_AGENT_DATA_DIR", folder.path().join("data"))
        .output()
        .expect("the program runs");
    fails(&verify, "archive_absent");
    assert!(!folder.path().join("data").exists());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn enrol(agent: &Agent, code: &str) -> Output {
    agent.command_with_input(&["enrol", "--code", "-", "--json"], &format!("{code}\n"))
}

/// Where the list says that this material is safe.
fn safe_at(agent: &Agent, material: &str) -> Value {
    let list = document(&agent.command(&["archive", "list", "--json"]), 0);
    let materials = list["materials"].as_array().expect("a list");
    materials.iter().find(|m| m["id"] == material).expect("it is listed")["safe_at"].clone()
}

#[test]
fn a_window_is_enrolled_beside_its_daemon_and_enrolled_anew() {
    let mut repository = Repository::start();
    let mut agent = Agent::start_unenrolled(&repository.url);
    let material = file(&agent, FORM);
    assert_eq!(agent.get("/v1/sync").expect(200)["repository"], "not_enrolled");
    assert_eq!(safe_at(&agent, &material), "this_pc");

    let code = repository.enrol_code();
    let enrolled = document(&enrol(&agent, &code), 0);
    assert_eq!(enrolled, json!({"enrolled": true, "repository": repository.url}));
    wait_until("the paper arrives", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    assert_eq!(safe_at(&agent, &material), "repository");
    let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = other.read_card();
    let seen = other.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!(seen["materials"][0]["id"], material.as_str(), "{seen}");

    fails(&enrol(&agent, &code), "code_spent");
    fails(&enrol(&agent, "ABCDE-ABCDE-ABCDE-ABCDE"), "code_spent");
    document(&enrol(&agent, &repository.enrol_code()), 0);
    let second = file(&agent, LETTER);
    wait_until("it goes on under the new enrolment", || safe_at(&agent, &second) == "repository");

    let code = repository.enrol_code();
    // It speaks plain HTTP, so whoever expects a certificate gets none.
    let stranger = Agent::start_unenrolled(&repository.url.replace("http:", "https:"));
    fails(&enrol(&stranger, &code), "repository_untrusted");
    repository.kill();
    fails(&enrol(&agent, &code), "repository_unreachable");
    assert!(agent.stop());
    fails(&enrol(&agent, &code), "repository_unreachable");
    assert_eq!(safe_at(&agent, &second), "repository", "it is known without the daemon too");
    for file in [agent.read_log(), text(&agent.command(&["archive", "list"]).stdout)] {
        assert!(!file.contains(&code), "the code is said nowhere");
    }
}

#[test]
fn a_code_that_was_made_for_another_window_says_so() {
    let repository = Repository::start();
    let agent = Agent::start_unenrolled(&repository.url);
    let code = |counter: &str| {
        let made = repository.run_command(&["enrol-code", "--counter", counter]);
        text(&made.stdout).trim().to_owned()
    };
    let refused = enrol(&agent, &code("another window"));
    fails(&refused, "code_foreign");
    let said = text(&refused.stderr);
    assert!(
        said.contains("[agent] counter") && said.contains("--counter") && said.contains("窗口名"),
        "{said}"
    );
    document(&enrol(&agent, &code("test-window")), 0);
}

#[test]
fn a_data_folder_that_was_put_back_is_healed_as_the_log_says() {
    let repository = Repository::start();
    let code = || text(&repository.run_command(&["enrol-code", "--counter", "test-window"]).stdout);
    let mut agent = Agent::start_enrolled(&repository.url, code().trim());
    let sync = |agent: &Agent, field: &str| agent.get("/v1/sync").expect(200)[field].clone();
    file(&agent, FORM);
    wait_until("it is there", || sync(&agent, "backlog_materials") == 0);
    assert!(agent.stop());
    let backup = agent.data().with_file_name("backup-of-data");
    copy_folder(&agent.data(), &backup);
    agent.run();
    let lost = file(&agent, LETTER);
    wait_until("it is there", || sync(&agent, "backlog_materials") == 0);
    assert!(agent.stop());
    std::fs::remove_dir_all(agent.data()).expect("it is lost");
    std::fs::rename(&backup, agent.data()).expect("it is put back");
    agent.run();
    let kept = file(&agent, CERTIFICATE);
    wait_until("it is refused", || sync(&agent, "last_error") == "sequence_conflict");
    let log = agent.read_log();
    assert!(log.contains("enrol-code --counter") && log.contains("重新登记本窗口"), "{log}");
    document(&enrol(&agent, code().trim()), 0);
    wait_until("it goes on", || sync(&agent, "backlog_materials") == 0);
    assert_eq!(safe_at(&agent, &kept), "repository");
    let holder = agent.read_card();
    let seen = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    let listed = seen["materials"].as_array().expect("a list").iter().any(|m| m["id"] == lost.as_str());
    assert!(listed, "what was filed after the backup is at the repository: {seen}");
}

#[test]
fn rows_have_a_head_that_no_program_takes_for_a_row() {
    let agent = Agent::start();
    file(&agent, FORM);
    let number = agent.post("/v1/card/read", &json!({})).expect(200)["id_number"].clone();
    let person = format!("resident {}", number.as_str().expect("a number"));
    let list = agent.command(&["archive", "list"]);
    let audit = agent.command_with_input(&["archive", "audit", "person"], &person);
    for (output, head) in [(&list, "id\tfiled_at\tcounter\t"), (&audit, "sequence\tat\taction\t")] {
        let (rows, said) = (text(&output.stdout), text(&output.stderr));
        assert!(said.starts_with(head) && said.lines().count() == 1, "{said}");
        let columns = |line: Option<&str>| line.map(|line| line.split('\t').count());
        assert_eq!(columns(rows.lines().next()), columns(said.lines().next()), "{rows}");
        assert!(!rows.contains(head), "{rows}");
    }
    for arguments in [&["archive", "list", "--json"][..], &["archive", "audit", "no-card", "--json"]] {
        assert!(agent.command(arguments).stderr.is_empty());
    }
}

#[test]
fn an_audit_takes_a_date_as_the_midnight_at_the_counter() {
    let agent = Agent::start();
    let stated = json!({"subject": {"type": "provisional", "value": "P-7"}, "basis": "lost_card", "purpose": "p", "case": "c"});
    agent.post("/v1/holders", &stated).expect(201);
    let entries = |more: &[&str]| {
        let told = document(&agent.command(&[&["archive", "audit", "no-card", "--json"], more].concat()), 0);
        told["entries"].as_array().expect("a list").clone()
    };
    let [opened] = &entries(&[])[..] else { panic!("one") };
    let at = opened["at"].as_str().expect("an instant");
    let at: yidang_model::Timestamp = at.parse().expect("an instant");
    // The day at the counter, eight hours before UTC, and those beside it.
    let day = |days: i64| at.plus_millis((8 + 24 * days) * 60 * 60 * 1000).to_string()[..10].to_owned();
    let [before, today, after] = [-1, 0, 1].map(day);
    for (since, until, found) in
        [(&before, &today, 0), (&today, &after, 1), (&before, &after, 1), (&after, &after, 0)]
    {
        let told = entries(&["--since", since, "--until", until]);
        assert_eq!(told.len(), found, "{since} to {until}, at {at}");
    }
    let refused = agent.command(&["archive", "audit", "no-card", "--since", "2026-02-30"]);
    fails(&refused, "instant_invalid");
    assert!(text(&refused.stderr).contains("2026-01-31"), "{}", text(&refused.stderr));
}

#[test]
fn a_window_is_enrolled_before_its_daemon_starts() {
    let repository = Repository::start();
    let mut agent = Agent::start_unenrolled(&repository.url);
    let material = file(&agent, FORM);
    assert!(agent.stop());
    fails(&enrol(&agent, "ABCDE-ABCDE-ABCDE-ABCDE"), "code_spent");
    document(&enrol(&agent, &repository.enrol_code()), 0);
    agent.run();
    wait_until("the paper arrives", || safe_at(&agent, &material) == "repository");
}

/// An open connection on which this was sent.
fn call(agent: &Agent, head: &str, body: &[u8]) -> TcpStream {
    let address = agent.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let token = &agent.token;
    let head = format!("{head} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    stream
}

/// Everything that comes until the connection ends.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    assert!(ended.is_ok(), "the connection is closed in good order: {ended:?}");
    text(&bytes)
}

#[test]
fn a_daemon_with_open_streams_and_waiting_calls_stops_at_once() {
    let mut agent = Agent::start();
    agent.read_card();
    agent.post("/v1/simulated/card", &json!({"insert": null})).expect(204);
    let mut polled = Value::Null;
    wait_until("the card is gone, and nothing more happens", || {
        polled = agent.get("/v1/events?after=0").expect(200);
        polled["events"].as_array().is_some_and(|e| e.last().is_some_and(|e| e["type"] == "card.removed"))
    });
    let streams = [(); 3].map(|()| call(&agent, "GET /v1/events", b"Accept: text/event-stream\r\n\r\n"));
    let wish = b"{\"wait_ms\":120000}";
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", wish.len());
    let cards = [(); 2].map(|()| call(&agent, "POST /v1/card/read", &[more.as_bytes(), wish].concat()));
    let address = agent.url.strip_prefix("http://").expect("an address").to_owned();
    let silent = TcpStream::connect(address).expect("a connection");
    let mut streams = streams.map(BufReader::new);
    for stream in &mut streams {
        let mut line = String::new();
        stream.read_line(&mut line).expect("an answer");
        assert!(line.contains(" 200 "), "{line}");
    }
    let poll = call(&agent, &format!("GET /v1/events?after={}&wait_ms=25000", polled["after"]), b"\r\n");
    // The calls that wait have said nothing that could be waited for.
    std::thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    assert!(agent.stop());
    let took = started.elapsed();
    assert!(took < STOPS_WITHIN, "{took:?}");
    for stream in streams {
        let all = rest(stream.into_inner());
        assert!(all.ends_with("0\r\n\r\n"), "the stream has an end: {all}");
    }
    let poll = rest(poll);
    assert!(poll.contains(" 200 ") && poll.contains("\"events\":[]"), "{poll}");
    for card in cards {
        let answer = rest(card);
        assert!(answer.contains(" 503 ") && answer.contains("\"code\":\"busy\""), "{answer}");
    }
    drop(silent);
}

#[test]
fn a_call_in_flight_is_finished_before_the_daemon_stops() {
    let mut agent = Agent::start();
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
    body.extend_from_slice(FORM);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let head = format!(
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut upload = call(&agent, "POST /v1/captures", head.as_bytes());
    // The call is in flight once its body is asked for.
    let mut asked = vec![0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    upload.read_exact(&mut asked).expect("an answer");
    assert_eq!(asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    let finishing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        upload.write_all(&body).expect("sent");
        rest(upload)
    });
    assert!(agent.stop());
    let answer = finishing.join().expect("the upload ends");
    assert!(answer.contains(" 201 "), "{answer}");
    let stats = document(&agent.command(&["archive", "stats", "--json"]), 0);
    assert_eq!(stats["unfiled"], 1, "what was acknowledged is there");
}
