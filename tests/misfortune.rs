//! Promise: whatever becomes of the data folder or the clock, the program says what it found and what to do, in both
//! languages; nothing panics, nothing is lost in silence. What becomes of single files is in `disk`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::support::agent::{Agent, program};
use crate::support::copy_folder;
use crate::support::repository::Repository;

const FORM: &[u8] = include_bytes!("../fixtures/desk/small.jpg");

fn file(agent: &Agent, holder: &str, case: &str) -> String {
    let mut picture = FORM.to_vec();
    picture.extend(case.as_bytes());
    let capture = agent.upload(&picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn is_there(agent: &Agent, material: &str) {
    let picture = agent.get(&format!("/v1/materials/{material}/pages/1/image?rendition=original"));
    assert!(picture.status == 200 && picture.bytes.starts_with(FORM), "{material} is whole");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Refused with one of these words, and what to do about it in both languages.
fn is_refused(what: &str, output: &Output, codes: &[&str]) {
    let said = text(output);
    assert_eq!(output.status.code(), Some(1), "{what}: {said}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert!(codes.iter().any(|code| said.contains(&format!("error {code}:"))), "{what}: {said}");
    assert!(said.contains("remedy: ") && said.contains("处理办法："), "{what}: {said}");
}

/// An agent with one paper, stopped.
fn stopped() -> (Agent, String) {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let material = file(&agent, &holder, "K1");
    assert!(agent.stop());
    (agent, material)
}

#[test]
fn a_second_daemon_on_the_folder_goes_and_the_first_stays() {
    let agent = Agent::start();
    is_refused("second daemon", &agent.command(&["run"]), &["data_dir_in_use"]);
    let holder = agent.read_card();
    let material = file(&agent, &holder, "K1");
    is_there(&agent, &material);
}

#[test]
fn a_store_copied_while_it_was_written_opens_or_says_what_to_do() {
    let agent = Agent::start();
    let holder = agent.read_card();
    let before: Vec<String> = (0..5).map(|number| file(&agent, &holder, &format!("K{number}"))).collect();
    std::thread::scope(|scope| {
        let filing =
            scope.spawn(|| (0..30).for_each(|number| drop(file(&agent, &holder, &format!("L{number}")))));
        for round in 0.. {
            if filing.is_finished() && round > 0 {
                break;
            }
            let folder = tempfile::tempdir().expect("a folder");
            copy_folder(&agent.data(), &folder.path().join("data"));
            copy_folder(&agent.data().with_file_name("keys"), &folder.path().join("keys"));
            let config = "[agent]\ncounter = \"copy\"\ndata_dir = \"data\"\nkeys_dir = \"keys\"\n";
            fs::write(folder.path().join("yidang.toml"), config).expect("written");
            let command = |arguments: &[&str]| {
                let config = folder.path().join("yidang.toml");
                program().args(arguments).arg("--config").arg(config).output().expect("the program runs")
            };
            let listed = command(&["archive", "list", "--json"]);
            if listed.status.success() {
                let list = text(&listed);
                assert!(before.iter().all(|id| list.contains(id)), "round {round}: {list}");
                let verified = text(&command(&["archive", "verify"]));
                assert!(!verified.contains("panicked"), "{verified}");
            } else {
                is_refused(&format!("round {round}"), &listed, &["store_damaged"]);
            }
        }
    });
}

#[test]
fn a_clock_that_jumps_by_years_loses_nothing() {
    let (mut agent, first) = stopped();
    let mut filed = vec![first];
    for clock in ["+10y", "-10y", "+3y"] {
        if !agent.run_at(clock) {
            return;
        }
        let holder = agent.read_card();
        filed.push(file(&agent, &holder, &format!("at {clock}")));
        filed.iter().for_each(|material| is_there(&agent, material));
        assert!(agent.stop(), "{clock}");
    }
    agent.run();
    let holder = agent.read_card();
    filed.iter().for_each(|material| is_there(&agent, material));
    let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    assert_eq!(list["materials"].as_array().expect("a list").len(), filed.len());
    assert!(agent.stop());
    for command in ["verify", "rebuild-index", "verify"] {
        let done = agent.command(&["archive", command]);
        assert!(done.status.success(), "{}", text(&done));
    }
}

#[test]
fn a_clock_before_1970_is_named_and_nothing_runs_that_could_not_answer() {
    let (mut agent, material) = stopped();
    let Some(refused) = agent.command_at("-70y", &["run"]) else { return };
    is_refused("a window", &refused, &["clock_wrong"]);
    let mut repository = Repository::start();
    repository.kill();
    let Some(refused) = repository.command_at("-70y", "run") else { return };
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("error: clock_wrong: ") && said.contains("处理办法："), "{said}");
    repository.run();
    agent.run();
    agent.read_card();
    is_there(&agent, &material);
}

#[test]
fn a_clock_that_is_set_before_1970_while_the_daemon_runs_is_logged_and_outlived() {
    let (mut agent, material) = stopped();
    let clock = agent.data().with_file_name("clock");
    fs::write(&clock, "+0").expect("written");
    if !agent.run_by_clock_in(&clock) {
        return;
    }
    agent.read_card();
    is_there(&agent, &material);
    fs::write(&clock, "-70y").expect("written");
    // A connection that was open before may be answered once more; a new one is not.
    let asked = ureq::get(format!("{}/v1/health", agent.url)).call();
    assert!(asked.is_err(), "no answer can be dated");
    fs::write(&clock, "+0").expect("written");
    let health = ureq::get(format!("{}/v1/health", agent.url)).call().expect("it answers again");
    assert_eq!(health.status(), 200);
    let log = agent.read_log();
    assert!(log.contains("clock_wrong") && !log.contains("panicked"), "{log}");
    is_there(&agent, &material);
    assert!(agent.stop());
}

#[test]
fn a_truncated_ledger_or_keyring_is_named_and_nothing_is_founded_in_its_place() {
    for name in ["ledger.db", "keyring.db"] {
        for length in [0, 100, 5000] {
            let (mut agent, material) = stopped();
            let path = agent.data().join(name);
            let before = fs::read(&path).expect("the file is there");
            fs::write(&path, &before[..length]).expect("written");
            let what = format!("{name} of {length} bytes");
            is_refused(&what, &agent.command(&["run"]), &["store_damaged"]);
            fs::write(&path, before).expect("written");
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(agent.data().join(format!("{name}{ending}")));
            }
            agent.run();
            agent.read_card();
            is_there(&agent, &material);
        }
    }
}

#[test]
fn a_folder_with_somebody_elses_data_is_left_as_it_is() {
    type Spoil = fn(&Path);
    let foreign: [(&str, Spoil); 5] = [
        ("another application's database", |path| {
            let theirs = rusqlite::Connection::open(path).expect("a database");
            theirs.execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1);").expect("a table");
        }),
        ("a text", |path| fs::write(path, "their own notes\n".repeat(100)).expect("written")),
        ("a folder", |path| fs::create_dir(path).expect("a folder")),
        ("a link to nowhere", |path| symlink("/nonexistent/ledger.db", path).expect("a link")),
        ("a link to itself", |path| symlink(path, path).expect("a link")),
    ];
    for name in ["ledger.db", "keyring.db"] {
        for (what, spoil) in foreign {
            let (mut agent, material) = stopped();
            let (path, aside) = (agent.data().join(name), agent.data().with_file_name("aside"));
            fs::rename(&path, &aside).expect("moved");
            spoil(&path);
            let before = fs::read(&path).ok();
            let codes = ["store_damaged", "store_foreign", "storage_failed", "data_dir_not_writable"];
            is_refused(&format!("{name}: {what}"), &agent.command(&["run"]), &codes);
            assert!(fs::read(&path).ok() == before, "{name}: {what} is as it was");
            let _ = fs::remove_dir(&path);
            let _ = fs::remove_file(&path);
            fs::rename(&aside, &path).expect("moved back");
            agent.run();
            agent.read_card();
            is_there(&agent, &material);
        }
    }
    // Files that are none of ours stay beside ours.
    let (mut agent, material) = stopped();
    let theirs = agent.data().join("notes.txt");
    fs::write(&theirs, "theirs").expect("written");
    symlink("/nonexistent", agent.data().join("link")).expect("a link");
    agent.run();
    agent.read_card();
    is_there(&agent, &material);
    assert!(agent.stop());
    assert_eq!(fs::read(&theirs).expect("it is there"), b"theirs");
}

/// The second copies have to forget as well, and cannot be reached; what was erased is gone for everyone all the same.
#[test]
fn an_erasure_that_cannot_be_finished_says_that_it_stands_and_finishes_by_itself() {
    let (mut agent, material) = stopped();
    let backup = agent.data().join("backup");
    let _ = fs::remove_dir_all(&backup);
    fs::write(&backup, "in the way").expect("a file");
    agent.run();
    let holder = agent.read_card();
    let asked = json!({"holder": holder, "reason": "test"});
    let answer = agent.post("/v1/erasures", &asked);
    answer.is_problem(500, "erasure_unfinished");
    let said = answer.expect(500).to_string();
    assert!(said.contains("backup"), "it says what is in the way: {said}");
    agent.get(&format!("/v1/materials/{material}")).is_problem(404, "material_unknown");
    fs::remove_file(&backup).expect("it is taken away");
    let other = file(&agent, &agent.read_card(), "K2");
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
    let ledger = rusqlite::Connection::open(agent.data().join("ledger.db")).expect("a ledger");
    let done = "SELECT count(*) FROM entries WHERE verb = 'erasure_done'";
    assert_eq!(ledger.query_row(done, [], |row| row.get::<_, i64>(0)).expect("a figure"), 1);
    is_there(&agent, &other);
}

#[test]
fn a_data_folder_that_is_no_folder_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("data"), "a file").expect("written");
    for data in ["data", "data/below"] {
        let config = format!(
            "[agent]\ncounter = \"c\"\ndata_dir = {data:?}\nkeys_dir = \"keys\"\n\
            [http]\nlisten = \"127.0.0.1:0\"\n[card]\ndriver = \"simulated\"\n[camera]\ndriver = \"simulated\"\n"
        );
        let path = folder.path().join("yidang.toml");
        fs::write(&path, config).expect("written");
        let refused = program().args(["run", "--config"]).arg(&path).output().expect("the program runs");
        is_refused(data, &refused, &["data_dir_not_writable", "storage_failed"]);
    }
}

/// Sets the schema's version of an SQLite file beyond anything.
fn make_newer(path: &Path) {
    let database = rusqlite::Connection::open(path).expect("a database");
    database.pragma_update(None, "user_version", 9999).expect("written");
}

#[test]
fn an_older_program_refuses_a_newer_store_whichever_part_is_newer() {
    let repository = Repository::start();
    for name in ["ledger.db", "keyring.db", "sync.db", "tokens.db"] {
        let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
        assert!(agent.stop());
        make_newer(&agent.data().join(name));
        is_refused(name, &agent.command(&["run"]), &["store_newer"]);
    }
}

#[test]
fn an_older_repository_refuses_a_newer_store_whichever_part_is_newer() {
    for name in ["repository.db", "ledger.db", "keyring.db"] {
        let mut repository = Repository::start();
        repository.kill();
        make_newer(&repository.data().join(name));
        for command in ["run", "check"] {
            let refused = repository.command(command);
            let said = text(&refused);
            assert_eq!(refused.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains("error: newer_version:") && said.contains("处理办法："), "{name}: {said}");
        }
    }
}
