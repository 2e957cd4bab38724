//! Promise: a window without a network brings its papers to the repository on a stick, once each, and hears back the
//! same way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::{copy_of, put_back, wait_until};

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
/// Where no repository ever answers.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A window that no network reaches, enrolled by a line that was brought to it.
fn window(repository: &Repository) -> Agent {
    let agent = Agent::start_unenrolled(NOWHERE);
    enrol_offline(&agent, repository);
    agent
}

fn enrol_offline(agent: &Agent, repository: &Repository) {
    let line = repository.run_command(&["enrol-code", "--offline", "--counter", "test-window"]);
    assert!(line.status.success(), "{}", text(&line));
    let enrolled =
        agent.command_with_input(&["enrol", "--code", "-"], &String::from_utf8_lossy(&line.stdout));
    assert!(enrolled.status.success(), "{}", text(&enrolled));
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(output)))
}

fn file(agent: &Agent, holder: &str, picture: &[u8], case: &str) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": case});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn backlog(agent: &Agent) -> Value {
    agent.get("/v1/sync").expect(200)["backlog_materials"].clone()
}

fn ids(agent: &Agent, holder: &str) -> Vec<String> {
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    let mut ids: Vec<String> = list["materials"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| m["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

/// A stick: the folder and what is on it.
struct Stick(TempDir);

impl Stick {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("a text")
    }

    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.0.path()).expect("a folder").map(|e| e.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with(ending));
        files.sort();
        files
    }

    fn pack(&self, agent: &Agent, more: &[&str]) -> Value {
        let packed = agent.command(&[&["courier", "pack", self.path(), "--json"], more].concat());
        assert!(packed.status.success(), "{}", text(&packed));
        assert!(self.files(".part").is_empty());
        document(&packed)
    }

    fn unpack(&self, repository: &Repository) -> Output {
        take(repository, &self.files(".parcel"), self.0.path())
    }

    fn receipt(&self, agent: &Agent) -> Value {
        let [receipt] = &self.files(".receipt")[..] else { panic!("one receipt") };
        let taken = take_receipt(agent, receipt);
        assert!(taken.status.success(), "{}", text(&taken));
        document(&taken)
    }
}

fn take(repository: &Repository, parcels: &[PathBuf], receipts: &Path) -> Output {
    let mut arguments = vec!["courier", "unpack", "--json", "--receipt", receipts.to_str().expect("a text")];
    arguments.extend(parcels.iter().map(|path| path.to_str().expect("a text")));
    repository.run_command(&arguments)
}

fn take_receipt(agent: &Agent, receipt: &Path) -> Output {
    agent.command(&["courier", "unpack", receipt.to_str().expect("a text"), "--json"])
}

/// Refused with this code, both languages and no panic.
fn is_refused(output: &Output, code: &str) {
    let said = text(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(code) && said.contains("remedy") && !said.contains("panicked"), "{code}: {said}");
}

fn checks(repository: &Repository) {
    let checked = repository.run_command(&["check"]);
    assert!(checked.status.success(), "{}", text(&checked));
}

#[test]
fn a_stick_that_is_not_there_gets_no_parcel() {
    let repository = Repository::start();
    let offline = window(&repository);
    let absent = offline.data().with_file_name("not-mounted");
    let packed = offline.command(&["courier", "pack", absent.to_str().expect("a path")]);
    is_refused(&packed, "parcel_unwritable");
    assert!(!absent.exists());
}

#[test]
fn only_a_parcel_is_written_over() {
    let repository = Repository::start();
    let offline = window(&repository);
    let pack = |path: &Path| offline.command(&["courier", "pack", path.to_str().expect("a path")]);
    let picture = offline.data().with_file_name("holiday.jpg");
    fs::write(&picture, LETTER).expect("it is written");
    for other in [&picture, &offline.config(), &offline.data().join("ledger.db")] {
        let before = fs::read(other).expect("it is there");
        is_refused(&pack(other), "parcel_unwritable");
        assert_eq!(fs::read(other).expect("it is there"), before);
    }
    let parcel = offline.data().with_file_name("new.parcel");
    for _ in 0..2 {
        let packed = pack(&parcel);
        assert!(packed.status.success(), "{}", text(&packed));
    }
}

#[test]
fn papers_travel_by_stick_once_and_the_receipt_ends_their_waiting() {
    let mut repository = Repository::start();
    let mut offline = window(&repository);
    let online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_offline, at_online) = (offline.read_card(), online.read_card());
    let mut filed = vec![file(&offline, &at_offline, FORM, "K1"), file(&offline, &at_offline, LETTER, "K2")];
    filed.sort();
    let stick = Stick::new();

    let packed = stick.pack(&offline, &[]);
    assert_eq!((&packed["materials"], &packed["commits"]), (&json!(2), &json!(1)), "{packed}");
    assert_eq!(backlog(&offline), 2, "what is packed waits on");
    let bytes = fs::read(&stick.files(".parcel")[0]).expect("a parcel");
    for secret in [&b"000000"[..], b"erasure", b"\"sequence\"", &FORM[1000..1100]] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "nothing is readable");
    }

    let taken = document(&stick.unpack(&repository));
    assert_eq!(taken["parcels"][0]["accepted"], 2, "{taken}");
    assert_eq!(ids(&online, &at_online), filed, "seen at the other window");
    let path = format!("/v1/materials/{}/pages/1/image?rendition=original", filed[0]);
    let picture = online.get(&path).bytes;
    assert!(picture == FORM || picture == LETTER, "byte for byte");

    // Packed and taken again, in either order, beside and without a daemon: nothing is doubled.
    stick.pack(&offline, &[]);
    let again = document(&stick.unpack(&repository));
    assert_eq!((&again["parcels"][0]["known"], &again["parcels"][0]["carried_out"]), (&json!(1), &json!(0)));
    repository.kill();
    let again = stick.unpack(&repository);
    assert!(again.status.success(), "without a running repository: {}", text(&again));
    repository.run();
    assert_eq!(ids(&online, &at_online), filed);

    let done = stick.receipt(&offline);
    assert_eq!((&done["accepted"], &done["backlog_materials"]), (&json!(2), &json!(0)), "{done}");
    assert_eq!(backlog(&offline), 0);
    assert_eq!(stick.receipt(&offline)["accepted"], 0, "a second time changes nothing");
    assert!(offline.stop());
    assert_eq!(stick.receipt(&offline)["backlog_materials"], 0, "without a daemon too");
    assert_eq!(stick.pack(&offline, &[])["commits"], 0);
    checks(&repository);
}

#[test]
fn forgetting_and_putting_right_travel_by_stick_too() {
    let repository = Repository::start();
    let offline = window(&repository);
    let online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_offline, at_online) = (offline.read_card(), online.read_card());
    let (kept, gone) = (file(&offline, &at_offline, FORM, "K1"), file(&offline, &at_offline, LETTER, "K2"));
    let stick = Stick::new();
    let round = || {
        stick.pack(&offline, &[]);
        let taken = stick.unpack(&repository);
        assert!(taken.status.success(), "{}", text(&taken));
        stick.receipt(&offline)
    };
    round();
    assert_eq!(ids(&online, &at_online).len(), 2);

    // Asked for at the connected window, carried out at the other by the next receipt.
    let asked = online.post("/v1/erasures", &json!({"material": gone, "reason": "test"})).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is carried out", || online.get(&path).expect(200)["state"] == "done");
    assert_eq!(ids(&offline, &at_offline).len(), 2, "nobody has told it yet");
    assert_eq!(round()["news"], 1);
    assert_eq!(ids(&offline, &at_offline), std::slice::from_ref(&kept));

    // Put right and asked for at the window without a network.
    let put_right =
        offline.post(&format!("/v1/materials/{kept}/refile"), &json!({"kind": "letter", "reason": "test"}));
    assert_eq!(put_right.status, 200, "{}", String::from_utf8_lossy(&put_right.bytes));
    round();
    wait_until("it is put right everywhere", || {
        let list = online.get(&format!("/v1/holders/{at_online}/materials?scope=all")).expect(200);
        list["materials"][0]["kind"] == "letter"
    });
    let asked = offline.post("/v1/erasures", &json!({"material": kept, "reason": "test"})).expect(201);
    round();
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    assert_eq!(offline.get(&path).expect(200)["state"], "done");
    assert!(ids(&online, &at_online).is_empty());
    checks(&repository);
}

#[test]
fn what_is_cut_changed_or_somebody_elses_is_refused_and_nothing_of_it_is_taken() {
    let repository = Repository::start();
    let (offline, other) = (window(&repository), window(&repository));
    let holder = offline.read_card();
    file(&offline, &holder, FORM, "K1");
    let stick = Stick::new();
    stick.pack(&offline, &[]);
    let [parcel] = &stick.files(".parcel")[..] else { panic!("one parcel") };
    let whole = fs::read(parcel).expect("a parcel");
    let spoiled = Stick::new();
    let bad = spoiled.0.path().join("bad.parcel");
    let mut seed = 0x9E37_79B9_u64;
    for round in 0..24 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 20) as usize % whole.len();
        let mut bytes = whole.clone();
        if round % 2 == 0 {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << (seed % 8)
        }
        fs::write(&bad, &bytes).expect("written");
        let refused = spoiled.unpack(&repository);
        assert_eq!(refused.status.code(), Some(1), "seed {seed}, byte {at}: {}", text(&refused));
        assert!(spoiled.files(".receipt").is_empty(), "nothing was taken");
    }
    fs::write(&bad, b"not at all").expect("written");
    is_refused(&spoiled.unpack(&repository), "parcel_unknown");
    let elsewhere = Repository::start();
    is_refused(&take(&elsewhere, std::slice::from_ref(parcel), spoiled.0.path()), "parcel_foreign");
    assert_eq!(
        document(&stick.unpack(&repository))["parcels"][0]["carried_out"],
        1,
        "the whole one still is"
    );

    let [receipt] = &stick.files(".receipt")[..] else { panic!("one receipt") };
    is_refused(&take_receipt(&other, receipt), "receipt_foreign");
    is_refused(&take_receipt(&offline, parcel), "receipt_unknown");
    let whole = fs::read(receipt).expect("a receipt");
    let bad = spoiled.0.path().join("bad.receipt");
    for at in [0, 5, 9, 30, 60, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&bad, &bytes).expect("written");
        assert_eq!(take_receipt(&offline, &bad).status.code(), Some(1), "byte {at}");
        fs::write(&bad, &whole[..at]).expect("written");
        assert_eq!(take_receipt(&offline, &bad).status.code(), Some(1), "cut at {at}");
    }
    assert_eq!(backlog(&offline), 1, "nothing of a spoiled one is believed");
    assert_eq!(stick.receipt(&offline)["accepted"], 1);
    // An older one than what is known.
    let old = spoiled.0.path().join("old.receipt");
    fs::copy(receipt, &old).expect("copied");
    file(&offline, &holder, LETTER, "K2");
    stick.pack(&offline, &[]);
    stick.unpack(&repository);
    stick.receipt(&offline);
    is_refused(&take_receipt(&offline, &old), "receipt_old");
    // Enrolled anew, the window has nothing to do with what was packed before.
    file(&offline, &holder, LETTER, "K3");
    stick.pack(&offline, &[]);
    let before = spoiled.0.path().join("before.parcel");
    fs::copy(&stick.files(".parcel")[0], &before).expect("copied");
    let line = repository.run_command(&["enrol-code", "--offline", "--counter", "test-window"]);
    let enrolled =
        offline.command_with_input(&["enrol", "--code", "-"], &String::from_utf8_lossy(&line.stdout));
    assert!(enrolled.status.success(), "{}", text(&enrolled));
    is_refused(&take_receipt(&offline, &old), "receipt_foreign");
    assert!(take(&repository, &[before], spoiled.0.path()).status.success(), "that enrolment is still known");
}

#[test]
fn parcels_that_come_out_of_order_or_not_at_all_are_told_and_nothing_is_lost() {
    let repository = Repository::start();
    let offline = window(&repository);
    let holder = offline.read_card();
    for number in 0..4 {
        file(&offline, &holder, FORM, &format!("K{number}"));
    }
    let mut pictures = Vec::new();
    for number in 0..3_u8 {
        let mut picture = LETTER.to_vec();
        picture.extend([number; 64]);
        pictures.push(picture);
    }
    for (number, picture) in pictures.iter().enumerate() {
        file(&offline, &holder, picture, &format!("L{number}"));
    }
    let stick = Stick::new();
    let packed = stick.pack(&offline, &["--max-bytes", "300000"]);
    let files = stick.files(".parcel");
    assert!(files.len() >= 2 && packed["files"].as_array().unwrap().len() == files.len(), "{packed}");
    let last = files.last().expect("a file").clone();
    let held = take(&repository, std::slice::from_ref(&last), stick.0.path());
    assert_eq!(held.status.code(), Some(1));
    assert_eq!(document(&held)["parcels"][0]["missing"], "parcel_missing", "{}", text(&held));
    assert_eq!(stick.receipt(&offline)["backlog_materials"], 7, "nothing is taken for sent");
    let mut backwards = files.clone();
    backwards.reverse();
    let taken = take(&repository, &backwards, stick.0.path());
    assert!(taken.status.success(), "{}", text(&taken));
    assert_eq!(stick.receipt(&offline)["backlog_materials"], 0);

    // A lost stick: what is packed next has it all.
    file(&offline, &holder, FORM, "M1");
    Stick::new().pack(&offline, &[]);
    file(&offline, &holder, FORM, "M2");
    for path in stick.files(".parcel") {
        fs::remove_file(path).expect("removed");
    }
    stick.pack(&offline, &[]);
    assert!(stick.unpack(&repository).status.success());
    assert_eq!(stick.receipt(&offline)["backlog_materials"], 0);
    checks(&repository);
}

#[test]
fn stick_and_network_do_not_get_in_each_others_way() {
    let mut repository = Repository::start();
    let mixed = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_mixed, at_online) = (mixed.read_card(), online.read_card());
    file(&mixed, &at_mixed, FORM, "K1");
    wait_until("the first goes by the network", || backlog(&mixed) == 0);
    let stick = Stick::new();
    repository.kill();
    let second = file(&mixed, &at_mixed, FORM, "K2");
    stick.pack(&mixed, &[]);
    file(&mixed, &at_mixed, LETTER, "K3");
    assert!(stick.unpack(&repository).status.success(), "taken while nobody listens");
    repository.run();
    wait_until("the rest goes by the network", || backlog(&mixed) == 0);
    assert_eq!(ids(&online, &at_online).len(), 3, "each once");
    let [receipt] = &stick.files(".receipt")[..] else { panic!("one receipt") };
    is_refused(&take_receipt(&mixed, receipt), "receipt_old");

    // Packed, changed since, sent by the network: the late stick changes nothing.
    repository.kill();
    file(&mixed, &at_mixed, FORM, "K4");
    let path = format!("/v1/materials/{second}/refile");
    assert_eq!(mixed.post(&path, &json!({"kind": "letter", "reason": "test"})).status, 200);
    stick.pack(&mixed, &[]);
    assert_eq!(mixed.post(&path, &json!({"kind": "certificate", "reason": "test"})).status, 200);
    repository.run();
    wait_until("all goes by the network", || backlog(&mixed) == 0);
    let kind = || {
        let list = online.get(&format!("/v1/holders/{at_online}/materials?scope=all")).expect(200);
        let materials = list["materials"].as_array().expect("a list").clone();
        materials.iter().find(|m| m["id"] == second.as_str()).expect("it is there")["kind"].clone()
    };
    wait_until("it is put right", || kind() == "certificate");
    let late = stick.unpack(&repository);
    assert!(late.status.success(), "{}", text(&late));
    assert_eq!(document(&late)["parcels"][0]["carried_out"], 0, "{}", text(&late));
    assert_eq!(kind(), "certificate");
    let ids_now = ids(&online, &at_online);
    assert_eq!(ids_now.len(), 4);
    file(&mixed, &at_mixed, LETTER, "K5");
    wait_until("and the network goes on", || backlog(&mixed) == 0);
    assert_eq!(ids(&online, &at_online).len(), 5);
    checks(&repository);
}

#[test]
fn packing_goes_on_beside_filing() {
    let repository = Repository::start();
    let offline = window(&repository);
    let holder = offline.read_card();
    let sticks: Vec<Stick> = std::thread::scope(|scope| {
        let filing = scope.spawn(|| {
            for number in 0..30 {
                file(&offline, &holder, if number % 2 == 0 { FORM } else { LETTER }, &format!("K{number}"));
            }
        });
        let mut sticks = Vec::new();
        while !filing.is_finished() && sticks.len() < 6 {
            let stick = Stick::new();
            stick.pack(&offline, &[]);
            sticks.push(stick);
        }
        sticks
    });
    let last = Stick::new();
    last.pack(&offline, &[]);
    for stick in sticks.iter().chain([&last]) {
        let taken = stick.unpack(&repository);
        assert!(taken.status.success(), "{}", text(&taken));
    }
    assert_eq!(last.receipt(&offline)["backlog_materials"], 0);
    let online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let at_online = online.read_card();
    assert_eq!(ids(&online, &at_online).len(), 30);
    checks(&repository);
}

/// Whether these and no others are shown at this window, and are safe there.
fn are_safe(agent: &Agent, papers: &[&String], scope: &str, safe_at: &str) -> bool {
    let holder = agent.read_card();
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope={scope}")).expect(200);
    let shown = list["materials"].as_array().expect("a list");
    shown.len() == papers.len()
        && shown.iter().all(|m| papers.iter().any(|id| m["id"] == id.as_str()) && m["safe_at"] == safe_at)
}

/// The window is further with its news than the repository that was put back has any.
#[test]
fn a_repository_that_was_put_back_is_offered_by_stick_what_it_lost() {
    let mut repository = Repository::start();
    let offline = window(&repository);
    let mut online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let at_offline = offline.read_card();
    let [first, gone] = [FORM, LETTER].map(|picture| file(&offline, &at_offline, picture, "K1"));
    let stick = Stick::new();
    stick.pack(&offline, &[]);
    assert!(stick.unpack(&repository).status.success());
    assert_eq!(stick.receipt(&offline)["backlog_materials"], 0);
    repository.kill();
    // A person's key goes with them, so the keys are put back with the rest.
    let folders = [repository.data(), repository.data().with_extension("keys")];
    let backups = folders.clone().map(|folder| copy_of(&folder));
    repository.run();

    let second = file(&offline, &at_offline, FORM, "K2");
    assert!(are_safe(&online, &[&first, &gone], "all", "repository"));
    let asked = online.post("/v1/erasures", &json!({"material": gone, "reason": "test"})).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is carried out", || online.get(&path).expect(200)["state"] == "done");
    assert!(online.stop(), "nobody else is to tell it");
    stick.pack(&offline, &[]);
    assert!(stick.unpack(&repository).status.success());
    let [receipt] = &stick.files(".receipt")[..] else { panic!("one receipt") };
    let old = receipt.with_extension("old");
    fs::copy(receipt, &old).expect("copied");
    let done = stick.receipt(&offline);
    assert!(done["news"] == 1 && done["offered_again"] != true, "{done}");
    assert!(are_safe(&offline, &[&first, &second], "local", "repository"));

    repository.kill();
    backups.iter().zip(&folders).for_each(|(backup, folder)| put_back(backup, folder));
    repository.run();
    let third = file(&offline, &at_offline, LETTER, "K3");
    stick.pack(&offline, &[]);
    let taken = stick.unpack(&repository);
    assert!(taken.status.success(), "{}", text(&taken));
    let said = String::from_utf8_lossy(&taken.stderr);
    for word in ["confirmed_lost", "holds_unproven", "pack again", "重新打包", "hold confirm", "核对保全"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    let parcel = &document(&taken)["parcels"][0];
    assert_eq!((&parcel["lacks_known"], &parcel["carried_out"]), (&json!(true), &json!(1)), "{parcel}");
    let done = stick.receipt(&offline);
    let figures = (&done["offered_again"], &done["commits"], &done["backlog_materials"]);
    assert_eq!(figures, (&json!(true), &json!(0), &json!(3)), "{done}");
    let papers = [&first, &second, &third];
    assert!(are_safe(&offline, &papers, "local", "this_pc"));
    // Once is enough; and what was told before is told no more.
    let again = stick.receipt(&offline);
    assert_eq!((&again["offered_again"], &again["backlog_materials"]), (&json!(false), &json!(3)), "{again}");
    is_refused(&take_receipt(&offline, &old), "receipt_old");
    assert_eq!(backlog(&offline), 3);

    assert_eq!(stick.pack(&offline, &[])["materials"], 3);
    let taken = stick.unpack(&repository);
    assert_eq!(document(&taken)["parcels"][0]["lacks_known"], false, "{}", text(&taken));
    assert!(!text(&taken).contains("confirmed_lost"), "{}", text(&taken));
    let done = stick.receipt(&offline);
    assert_eq!((&done["accepted"], &done["backlog_materials"]), (&json!(4), &json!(0)), "{done}");
    assert!(are_safe(&offline, &papers, "local", "repository"));
    let other = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    assert!(
        are_safe(&other, &papers, "all", "repository"),
        "and what was forgotten since is shown to nobody"
    );
    // An erasure is heard of again, though the news have begun anew.
    let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", text(&confirmed));
    let asked = other.post("/v1/erasures", &json!({"material": second, "reason": "test"})).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is carried out", || other.get(&path).expect(200)["state"] == "done");
    stick.pack(&offline, &[]);
    assert!(stick.unpack(&repository).status.success());
    stick.receipt(&offline);
    assert!(are_safe(&offline, &[&first, &third], "local", "repository"));
    checks(&repository);
}

/// Its ledger is an older one, which knows nothing of what was sent since; a hold may be among that.
#[test]
fn a_window_that_was_put_back_hears_of_it_by_its_receipt_until_a_rebuild_has_entered_the_loss() {
    let repository = Repository::start();
    let mut window = window(&repository);
    let exchange = |window: &Agent, stick: &Stick| {
        stick.pack(window, &[]);
        assert!(stick.unpack(&repository).status.success());
        stick.receipt(window)["ledger_differs"].clone()
    };
    let stick = Stick::new();
    let paper = file(&window, &window.read_card(), FORM, "K1");
    assert_eq!(exchange(&window, &stick), false);
    assert!(window.stop());
    let backup = copy_of(&window.data());
    window.run();
    file(&window, &window.read_card(), LETTER, "K2");
    assert_eq!(exchange(&window, &stick), false);
    assert!(window.stop());
    put_back(&backup, &window.data());
    window.run();

    stick.pack(&window, &[]);
    stick.unpack(&repository);
    let [receipt] = &stick.files(".receipt")[..] else { panic!("one receipt") };
    is_refused(&take_receipt(&window, receipt), "ledger_differs");
    enrol_offline(&window, &repository);
    let stick = Stick::new();
    assert_eq!(exchange(&window, &stick), true);
    let wish = json!({"material": paper, "reason": "test"});
    window.post("/v1/erasures", &wish).is_problem(409, "holds_unproven");
    assert!(window.stop());
    let rebuilt = window.command(&["archive", "rebuild", "--operator", "Operator Ng"]);
    assert_eq!(rebuilt.status.code(), Some(1), "{}", text(&rebuilt));
    window.run();
    let confirmed = window.command(&["archive", "hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", text(&confirmed));
    for _ in 0..2 {
        assert_eq!(exchange(&window, &stick), false, "the loss is entered");
    }
    window.post("/v1/erasures", &wish).expect(201);
}
