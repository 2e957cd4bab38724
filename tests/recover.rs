//! Promise: what a window acknowledged outlives its PC: the office opens the dead disk with its recovery key, and each paper
//! that was nowhere else comes home once.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::{Agent, program};
use crate::support::blobs;
use crate::support::ledger::tamper;
use crate::support::repository::Repository;
use crate::support::said::{document, refusal, text};
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const SMALL: &[u8] = include_bytes!("../fixtures/desk/small.jpg");

/// An office's recovery key, 3 of 5.
struct Office {
    folder: TempDir,
    made: Value,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = create(&folder.path().join("key"), "5", "3");
        assert!(made.status.success(), "{}", text(&made.stderr));
        let made = serde_json::from_slice(&made.stdout).expect("one document");
        Self { folder, made }
    }

    fn key(&self) -> &str {
        self.made["key"].as_str().expect("a path")
    }

    fn share(&self, number: usize) -> &str {
        self.made["shares"][number - 1].as_str().expect("a path")
    }

    /// Has a window seal its epochs to the key from its next start on.
    fn configure(&self, agent: &Agent) {
        let path = agent.folder.path().join("yidang.toml");
        let written = fs::read_to_string(&path).expect("it is there");
        let line = format!("[agent]\nrecovery_key = {:?}\n", self.key());
        fs::write(&path, written.replacen("[agent]\n", &line, 1)).expect("written");
    }

    /// A started window whose epochs are sealed to the key.
    fn window(&self, mut agent: Agent) -> Agent {
        assert!(agent.stop());
        self.configure(&agent);
        agent.run();
        let stats = document(&agent.command(&["archive", "stats", "--json"]), 0);
        assert_eq!(stats["recovery"], self.made["office"]);
        agent
    }

    fn recover(&self, home: &Agent, dead: &Path, shares: &[usize]) -> Output {
        let shares: Vec<&str> = shares.iter().map(|number| self.share(*number)).collect();
        recover(home, dead, &shares)
    }
}

fn create(out: &Path, shares: &str, threshold: &str) -> Output {
    let mut command = program();
    command.args(["recovery-key", "create", "--json", "--shares", shares, "--threshold", threshold, "--out"]);
    command.arg(out).output().expect("the program runs")
}

fn recover(home: &Agent, dead: &Path, shares: &[&str]) -> Output {
    let from = dead.to_str().expect("a path");
    let done =
        home.command(&[&["archive", "recover", "--json", "--from", from, "--shares"], shares].concat());
    // The dead PC's archive is opened by that very key: nobody has to configure it for that.
    assert!(!text(&done.stderr).contains("no recovery key is configured"), "{}", text(&done.stderr));
    done
}

/// Recovered, here already, at the repository.
fn materials(told: &Value) -> [u64; 3] {
    ["recovered", "here_already", "at_repository"]
        .map(|name| told["materials"][name].as_u64().expect("a figure"))
}

fn file(agent: &Agent, holder: &str, picture: &[u8], case: &str) -> Value {
    let capture = agent.upload(picture).expect(201);
    let body =
        json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case, "note": "n"});
    agent.post("/v1/materials", &body).expect(201)
}

fn record(agent: &Agent, id: &Value) -> Value {
    agent.get(&format!("/v1/materials/{}", id.as_str().expect("an id"))).expect(200)
}

fn original(agent: &Agent, id: &Value) -> Vec<u8> {
    let id = id.as_str().expect("an id");
    agent.get(&format!("/v1/materials/{id}/pages/1/image?rendition=original")).bytes
}

/// Every file under a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("it is there").file_type();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.insert(path.clone(), fs::read(path).expect("it is read"));
        }
    }
    found
}

fn backlog(agent: &Agent) -> Value {
    agent.get("/v1/sync").expect(200)["backlog_materials"].clone()
}

/// The PC dies at once, and with it the folder of its keys.
fn dies(agent: &mut Agent) {
    agent.kill();
    fs::remove_dir_all(agent.folder.path().join("keys")).expect("its keys are gone");
}

/// A window whose first paper, of the person on the reader, is at the repository.
fn with_one_sent(office: &Office, repository: &Repository) -> (Agent, String, Value) {
    let window = office.window(Agent::start_enrolled(&repository.url, &repository.enrol_code()));
    wait_until("it is enrolled", || window.get("/v1/sync").expect(200)["repository"] == "connected");
    let holder = window.read_card();
    let sent = file(&window, &holder, FORM, "K1");
    wait_until("the first is there", || backlog(&window) == 0);
    (window, holder, sent)
}

#[test]
fn a_dead_pcs_papers_come_home_once_beside_the_daemon_and_without() {
    let office = Office::new();
    let mut dead = office.window(Agent::start());
    let holder = dead.read_card();
    let filed = [file(&dead, &holder, FORM, "K1"), file(&dead, &holder, SMALL, "K2")];
    let waiting = dead.upload(FORM).expect(201);
    let records: Vec<Value> = filed.iter().map(|material| record(&dead, &material["id"])).collect();
    dies(&mut dead);
    let disk = dead.data();
    let before = files(&disk);
    for alone in [false, true] {
        let mut home = Agent::start();
        if alone {
            assert!(home.stop());
        }
        let told = document(&office.recover(&home, &disk, &[5, 1, 3]), 0);
        assert_eq!(
            (materials(&told), &told["left"], &told["stopped"]),
            ([2, 0, 0], &json!([]), &Value::Null)
        );
        assert_eq!((&told["captures"]["recovered"], &told["office"]), (&json!(1), &office.made["office"]));
        let again = document(&office.recover(&home, &disk, &[2, 3, 4]), 0);
        assert_eq!(
            (materials(&again), &again["captures"]["here_already"]),
            ([0, 2, 0], &json!(1)),
            "{again}"
        );
        assert!(files(&disk) == before, "the dead disk is only read");
        if alone {
            home.run();
        }
        home.read_card();
        for (material, wanted) in filed.iter().zip(&records) {
            let mut told = record(&home, &material["id"]);
            assert_eq!(told["counter"], "test-window");
            // What is told of the place where it is safe is the same here by chance alone.
            told["safe_at"].clone_from(&wanted["safe_at"]);
            assert_eq!(&told, wanted);
        }
        assert!(original(&home, &filed[0]["id"]) == FORM && original(&home, &filed[1]["id"]) == SMALL);
        let unfiled = home.get("/v1/captures?state=unfiled").expect(200);
        assert_eq!(unfiled["captures"][0]["id"], waiting["id"], "{unfiled}");
        let used = json!({"holders": [home.read_card()], "kind": "other", "captures": [waiting["id"]]});
        home.post("/v1/materials", &used).expect(201);
        let again = document(&office.recover(&home, &disk, &[1, 2, 3]), 0);
        assert_eq!(
            &again["captures"],
            &json!({"recovered": 0, "here_already": 1}),
            "used up, it does not come back"
        );
        assert!(home.command(&["archive", "verify"]).status.success());
        let stats = document(&home.command(&["archive", "stats", "--json"]), 0);
        assert_eq!((&stats["materials"], &stats["unfiled"]), (&json!(3), &json!(0)));
        let left = fs::read_dir(home.data()).expect("a folder").filter(|entry| {
            entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().starts_with("recovering"))
        });
        assert_eq!(left.count(), 0, "the copies are gone");
    }
}

/// What the dead PC held stays held, and what is held of papers that are not here is told.
#[test]
fn a_dead_pcs_holds_stand_where_its_papers_come_home() {
    let office = Office::new();
    let mut repository = Repository::start();
    let (mut dead, holder, sent) = with_one_sent(&office, &repository);
    repository.kill();
    let unsent = file(&dead, &holder, SMALL, "K2");
    let why = ["--operator", "clerk-07", "--reason", "order 7"];
    for id in [&sent["id"], &unsent["id"]] {
        let on = ["archive", "hold", "place", "--material", id.as_str().expect("an id")];
        assert!(dead.command(&[&on[..], &why].concat()).status.success());
    }
    let number = dead.post("/v1/card/read", &json!({})).expect(200)["id_number"].clone();
    let person = format!("resident {}\n", number.as_str().expect("a number"));
    let placed = dead.command_with_input(&[&["archive", "hold", "place"], &why[..]].concat(), &person);
    assert!(placed.status.success(), "{}", text(&placed.stderr));
    dies(&mut dead);

    let home = Agent::start();
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    assert_eq!(told["holds"], json!({"recovered": 2, "here_already": 0}), "{told}");
    let [left] = &told["left"].as_array().expect("a list")[..] else { panic!("one: {told}") };
    assert_eq!(left["code"], "hold_elsewhere", "its paper is at the repository: {left}");
    let listed = document(&home.command(&["archive", "hold", "list", "--json"]), 0);
    assert_eq!(listed["holds"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed["holds"][0]["reason"], "order 7");
    for mut what in [json!({"material": unsent["id"]}), json!({"holder": home.read_card()})] {
        what["reason"] = json!("test");
        home.post("/v1/erasures", &what).is_problem(409, "legal_hold");
    }
    let again = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    assert_eq!(again["holds"], json!({"recovered": 0, "here_already": 2}), "{again}");
}

#[test]
fn a_dead_pc_whose_ledger_was_cut_off_is_not_called_complete() {
    let office = Office::new();
    let mut dead = office.window(Agent::start());
    let holder = dead.read_card();
    file(&dead, &holder, FORM, "K1");
    let number = dead.post("/v1/card/read", &json!({})).expect(200)["id_number"].clone();
    let person = format!("resident {}\n", number.as_str().expect("a number"));
    let placed = ["archive", "hold", "place", "--operator", "clerk-07", "--reason", "order 7"];
    let placed = dead.command_with_input(&placed, &person);
    assert!(placed.status.success(), "{}", text(&placed.stderr));
    dies(&mut dead);
    tamper(
        &dead.data(),
        "DELETE FROM entries WHERE sequence >= (SELECT sequence FROM entries WHERE verb = 'held')",
    );
    let home = Agent::start();
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    let codes: Vec<&Value> =
        told["left"].as_array().expect("a list").iter().map(|left| &left["code"]).collect();
    assert_eq!(codes, ["ledger_cut", "hold_lost"], "{told}");
    assert_eq!(told["holds"]["recovered"], 0, "{told}");
}

#[test]
fn a_paper_that_only_a_hold_of_the_dead_pc_keeps_is_named() {
    let office = Office::new();
    let repository = Repository::start();
    let (mut dead, _, sent) = with_one_sent(&office, &repository);
    let id = sent["id"].as_str().expect("an id");
    let placed = dead.command(&[
        "archive",
        "hold",
        "place",
        "--material",
        id,
        "--operator",
        "clerk-07",
        "--reason",
        "order 7",
    ]);
    assert!(
        placed.status.success() && text(&placed.stderr).contains("yidang-repository hold place"),
        "{placed:?}"
    );
    let home = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    wait_until("it is enrolled", || home.get("/v1/sync").expect(200)["repository"] == "connected");
    let holder = home.read_card();
    home.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    let asked = home.post("/v1/erasures", &json!({"material": id, "reason": "test"})).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("the district forgets it", || home.get(&path).expect(200)["state"] == "done");
    let list =
        || document(&dead.command(&["archive", "list", "--json"]), 0)["materials"][0]["safe_at"].clone();
    wait_until("the hold keeps it", || list() == "this_pc");
    dies(&mut dead);
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    assert_eq!(materials(&told)[2], 0, "none of it is at the repository: {told}");
    let named =
        told["left"].as_array().expect("a list").iter().any(|left| left["code"] == "held_there_alone");
    assert!(named, "{told}");
}

#[test]
fn what_the_repository_had_stays_there_and_the_rest_goes_there_from_here() {
    let office = Office::new();
    let mut repository = Repository::start();
    let (mut dead, holder, sent) = with_one_sent(&office, &repository);
    repository.kill();
    let unsent = file(&dead, &holder, SMALL, "K2");
    let refile = format!("/v1/materials/{}/refile", sent["id"].as_str().expect("an id"));
    dead.post(&refile, &json!({"case": "K3", "reason": "wrong case"})).expect(200);
    dies(&mut dead);
    repository.run();

    let home = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    assert_eq!(materials(&told), [1, 0, 1], "{told}");
    let [left] = &told["left"].as_array().expect("a list")[..] else { panic!("one: {told}") };
    assert_eq!((&left["code"], &left["material"]), (&json!("refiling_unsent"), &sent["id"]));
    wait_until("the rest is there", || backlog(&home) == 0);
    let third = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let holder = third.read_card();
    wait_until("a third window sees both", || {
        let list = third.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
        let list = list["materials"].as_array().expect("a list").clone();
        let ids: Vec<&Value> = list.iter().map(|material| &material["id"]).collect();
        ids.len() == 2 && ids.contains(&&sent["id"]) && ids.contains(&&unsent["id"])
    });
}

#[test]
fn a_window_is_made_with_the_national_ciphers_and_keeps_them() {
    let office = Office::new();
    let folder = tempfile::tempdir().expect("a folder");
    let config = |cipher: &str| {
        let written = format!(
            "[agent]\ncounter = \"c\"\ndata_dir = \"data\"\ncipher = \"{cipher}\"\nrecovery_key = {:?}\n\
             [camera]\ndriver = \"simulated\"\n[card]\ndriver = \"simulated\"\n",
            office.key(),
        );
        fs::write(folder.path().join("yidang.toml"), written).expect("written");
    };
    let command = |arguments: &[&str]| {
        program()
            .args(arguments)
            .arg("--config")
            .arg(folder.path().join("yidang.toml"))
            .output()
            .expect("it runs")
    };
    config("sm4-gcm");
    fs::create_dir(folder.path().join("data")).expect("a folder");
    // Opening founds it; only a folder that was opened before is looked after.
    fs::write(folder.path().join("data/lock"), b"").expect("written");
    fs::write(folder.path().join("form.jpg"), FORM).expect("written");
    let rows = "subject_type,subject,kind,path\nresident,000000199001010018,form,form.jpg\n";
    fs::write(folder.path().join("m.csv"), rows).expect("written");
    let manifest = folder.path().join("m.csv");
    let told = document(&command(&["archive", "import", manifest.to_str().expect("a path"), "--json"]), 0);
    assert_eq!(told["imported"], 1, "{told}");
    for cipher in ["sm4-gcm", "aes-256-gcm"] {
        config(cipher);
        let stats = document(&command(&["archive", "stats", "--json"]), 0);
        assert_eq!((&stats["cipher"], &stats["materials"]), (&json!("sm4-gcm"), &json!(1)));
        assert!(command(&["archive", "verify"]).status.success());
    }
    let warned = command(&["archive", "stats"]);
    assert!(text(&warned.stderr).contains("keeps the cipher"), "{}", text(&warned.stderr));
    let blobs = blobs::stored_in(&folder.path().join("data"));
    assert!(!blobs.is_empty() && blobs.iter().all(|blob| blob.sealed()[9] == 2), "sealed by SM4-GCM");
    let home = Agent::start();
    let told = document(&office.recover(&home, &folder.path().join("data"), &[1, 2, 3]), 0);
    assert_eq!(materials(&told), [1, 0, 0], "{told}");
    assert_eq!(document(&home.command(&["archive", "stats", "--json"]), 0)["cipher"], "aes-256-gcm");
}

/// Seals a credential and opens it again as systemd does for a service, under no key of this machine. Where there is no
/// systemd-creds that is said, and it stays as it is.
fn passed_through_systemd(credential: &Path) {
    let sealed = credential.with_extension("sealed");
    let run = |arguments: &[&str], from: &Path, to: &Path| {
        let mut command = std::process::Command::new("systemd-creds");
        command
            .args(arguments)
            .arg("--name=yidang-key")
            .args([from, to])
            .output()
            .ok()
            .map(|o| o.status.success())
    };
    let encrypted = run(&["encrypt", "--with-key=tpm2-absent"], credential, &sealed);
    if encrypted != Some(true) {
        let line = "SKIPPED systemd-creds: it is missing, or does not seal here";
        // Past the runner, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    }
    let before = fs::read(credential).expect("it is there");
    fs::remove_file(credential).expect("it is removed");
    assert_eq!(run(&["decrypt"], &sealed, credential), Some(true));
    assert_eq!(fs::read(credential).expect("it is there again"), before);
}

#[test]
fn epoch_keys_lie_sealed_with_the_credential_that_the_service_is_handed() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).expect("written");
    let config = |keeper: &str| {
        let written = format!("[agent]\ncounter = \"c\"\ndata_dir = \"data\"\nkey_keeper = \"{keeper}\"\n");
        write("yidang.toml", written.as_bytes());
    };
    let stats = |credentials: &str| {
        let mut command = program();
        command.args(["archive", "stats", "--json", "--config"]).arg(folder.path().join("yidang.toml"));
        command.env("CREDENTIALS_DIRECTORY", folder.path().join(credentials)).output().expect("it runs")
    };
    for name in ["data", "service", "other"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    write("data/lock", b"");
    write("service/yidang-key", &[3; 32]);
    passed_through_systemd(&folder.path().join("service/yidang-key"));
    write("other/yidang-key", &[4; 32]);
    config("file");
    document(&stats("nowhere"), 0);
    config("systemd-credential");
    refusal(&stats("nowhere"), "credential_missing");
    document(&stats("service"), 0);
    let kept = fs::read_to_string(folder.path().join("data.keys/epoch-0001.key")).expect("it is there");
    assert!(kept.contains("\nsealed ") && !kept.contains("\nkey "), "the bare key was sealed");
    refusal(&stats("other"), "credential_wrong");
    config("file");
    refusal(&stats("service"), "credential_missing");
}

#[test]
fn a_damaged_picture_costs_its_own_paper_and_what_is_erased_here_stays_so() {
    let office = Office::new();
    let mut dead = office.window(Agent::start());
    let holder = dead.read_card();
    file(&dead, &holder, SMALL, "K1");
    let before = blobs::stored_in(&dead.data()).len();
    let hurt = file(&dead, &holder, FORM, "K2");
    dies(&mut dead);
    let picture = blobs::stored_in(&dead.data()).into_iter().nth(before).expect("its picture");
    picture.damage();
    let home = Agent::start();
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 1);
    assert_eq!(materials(&told), [1, 0, 0], "{told}");
    assert_eq!(
        (&told["left"][0]["code"], &told["left"][0]["material"]),
        (&json!("blob_damaged"), &hurt["id"])
    );
    picture.damage();
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 0);
    assert_eq!(materials(&told), [1, 1, 0], "{told}");
    home.post("/v1/erasures", &json!({"material": hurt["id"], "reason": "test"})).expect(201);
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 3]), 0);
    assert_eq!((materials(&told), &told["materials"]["erased_since"]), ([0, 1, 0], &json!(1)), "{told}");
}

#[test]
fn whatever_does_not_open_is_told_with_what_to_do() {
    let (office, other) = (Office::new(), Office::new());
    let mut dead = office.window(Agent::start());
    file(&dead, &dead.read_card(), SMALL, "K1");
    let home = Agent::start();
    refusal(&office.recover(&home, &dead.data(), &[1, 2, 3]), "data_dir_in_use");
    dies(&mut dead);
    let disk = dead.data();
    refusal(&office.recover(&home, &disk, &[1, 2]), "shares_too_few");
    refusal(&office.recover(&home, &disk, &[1, 1, 1, 2]), "shares_too_few");
    refusal(&other.recover(&home, &disk, &[1, 2, 3]), "shares_of_another_office");
    refusal(&recover(&home, &disk, &[office.share(1), other.share(2), office.share(3)]), "shares_mixed");
    refusal(&recover(&home, &disk, &[office.key()]), "share_malformed");
    let typed = office.folder.path().join("typed.txt");
    let share = fs::read_to_string(office.share(3)).expect("it is there");
    let with_typo = share.replacen("secret ", "secret 0", 1).replacen("share 3", "share 4", 1);
    fs::write(&typed, with_typo).expect("written");
    let typed_name = typed.to_str().expect("a path");
    refusal(&recover(&home, &disk, &[office.share(1), office.share(2), typed_name]), "share_malformed");
    fs::write(&typed, share.replacen("share 3", "share 4", 1)).expect("written");
    refusal(&recover(&home, &disk, &[office.share(1), office.share(2), typed_name]), "share_damaged");
    refusal(&recover(&home, &disk, &["/nowhere/share.txt"]), "share_unreadable");
    refusal(&office.recover(&home, Path::new("/nowhere"), &[1, 2, 3]), "recover_from_absent");
    refusal(&office.recover(&home, &home.data(), &[1, 2, 3]), "recover_from_own");
    refusal(&office.recover(&home, home.folder.path(), &[1, 2, 3]), "dead_store_damaged");
    let mut without = Agent::start();
    without.kill();
    refusal(&office.recover(&home, &without.data(), &[1, 2, 3]), "recovery_not_set_up");
    fs::write(&typed, share.to_uppercase().replace(' ', "   ")).expect("written");
    document(&recover(&home, &disk, &[office.share(1), typed_name, office.share(5)]), 0);
}

#[test]
fn a_key_is_made_whole_or_told_to_be_destroyed_and_its_secret_is_said_nowhere() {
    let office = Office::new();
    let again = create(&office.folder.path().join("key"), "5", "3");
    refusal(&again, "key_not_written");
    // It must not have a key destroyed that is in use.
    let said = text(&again.stderr);
    assert!(said.contains("keep it and its shares") && !said.contains("destroy"), "{said}");
    for (shares, threshold) in [("3", "1"), ("2", "3"), ("65", "2"), ("x", "2")] {
        let made = create(&office.folder.path().join("other"), shares, threshold);
        assert_eq!(made.status.code(), Some(2), "{}", text(&made.stderr));
    }
    assert!(!office.folder.path().join("other").exists());
    for (path, bytes) in files(office.folder.path()) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        let written = text(&bytes);
        if let Some(line) = written.lines().find(|line| line.starts_with("secret ")) {
            assert!(!office.made.to_string().contains(&line[7..16]));
        }
    }
}

/// The papers come with their originals: nobody had decided yet that these go.
#[test]
fn what_the_repository_was_not_asked_yet_is_told() {
    let office = Office::new();
    let mut repository = Repository::start();
    let rule = "[[retention]]\nkind = \"form\"\noriginals_years = 1\nstarts = \"valid_until\"\n";
    let (url, code) = (&repository.url, repository.enrol_code());
    let section = format!("{rule}[repository]\nurl = \"{url}\"\nenrol_code = \"{code}\"\n");
    let mut dead = office.window(Agent::start_with_sections(&section));
    let home = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    repository.kill();
    let holder = dead.read_card();
    let capture = dead.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "valid_until": "2020-02-29"});
    let paper = dead.post("/v1/materials", &body).expect(201);
    let before = original(&dead, &paper["id"]);
    let command = ["archive", "dispose", "--operator", "Ng", "--confirm-originals", "1", "--json"];
    document(&dead.command(&command), 0);
    dies(&mut dead);
    let told = document(&office.recover(&home, &dead.data(), &[1, 2, 4]), 1);
    assert_eq!(materials(&told), [1, 0, 0], "{told}");
    assert!(told["left"].to_string().contains("originals_unsent"), "{told}");
    home.read_card();
    assert_eq!(original(&home, &paper["id"]), before);
}
