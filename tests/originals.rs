//! Promise: untouched originals whose term is over go at every window and at the repository, once it has decided, and
//! nothing brings them back.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::repository::Repository;
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
/// The kind's papers stay, their untouched originals only for a year after they have expired.
const RULE: &str = "[[retention]]\nkind = \"form\"\noriginals_years = 1\nstarts = \"valid_until\"\n";
const OVER: &str = "2020-02-29";
const WHO_AND_WHY: [&str; 4] = ["--operator", "Operator Ng", "--reason", "court order"];

/// A window that has the rule.
fn window(repository: &Repository) -> Agent {
    let (url, code) = (&repository.url, repository.enrol_code());
    let section = format!("{RULE}[repository]\nurl = \"{url}\"\nenrol_code = \"{code}\"\n");
    Agent::start_with_sections(&section)
}

fn file(agent: &Agent, holder: &str, picture: &[u8], case: &str) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "valid_until": OVER, "case": case});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn sent(agent: &Agent) {
    wait_until("it is at the repository", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
}

fn dispose(agent: &Agent, words: &[&str]) -> Value {
    let command = ["archive", "dispose", "--operator", "Operator Ng", "--json"];
    let output = agent.command(&[&command[..], words].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a document")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Whether the original of this paper has been disposed of; its page is there in either case.
fn is_gone(agent: &Agent, paper: &str) -> bool {
    let picture =
        |rendition| agent.get(&format!("/v1/materials/{paper}/pages/1/image?rendition={rendition}"));
    assert_eq!(picture("page").status, 200);
    match picture("original").status {
        200 => false,
        _ => {
            picture("original").is_problem(410, "original_disposed");
            true
        }
    }
}

fn assert_clean(agents: &[&Agent], repository: &Repository) {
    for agent in agents {
        assert!(said(&agent.command(&["archive", "verify"])).starts_with("clean"));
    }
    said(&repository.command("check"));
}

#[test]
fn originals_go_at_both_windows_and_late_ones_do_not_come_back() {
    let mut repository = Repository::start();
    let a = window(&repository);
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let late = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let [at_a, at_b, at_late] = [&a, &b, &late].map(Agent::read_card);
    let first = file(&a, &at_a, FORM, "K1");
    let other = file(&a, &at_a, LETTER, "K2");
    sent(&a);
    let same = file(&b, &at_b, FORM, "K1");
    sent(&b);
    repository.kill();
    let offline = file(&late, &at_late, FORM, "K1");

    // While the repository is away it is asked, and nothing goes.
    let told = dispose(&a, &["--confirm-originals", "2"]);
    assert_eq!(
        (&told["figures"]["originals_requested"], &told["figures"]["originals_disposed"]),
        (&json!(2), &json!(0))
    );
    assert!(told["originals"].as_array().expect("lines").iter().all(|line| line["result"] == "requested"));
    assert!(!is_gone(&a, &first) && !is_gone(&a, &other));
    let told = dispose(&a, &["--dry-run"]);
    assert_eq!(
        (&told["figures"]["originals_due"], &told["figures"]["originals_requested"]),
        (&json!(0), &json!(2))
    );
    repository.run();

    wait_until("they go where it was asked", || is_gone(&a, &first) && is_gone(&a, &other));
    wait_until("and at the other window", || is_gone(&b, &same));
    sent(&late);
    wait_until("and at the one that uploaded late", || is_gone(&late, &offline));
    let list = b.get(&format!("/v1/holders/{at_b}/materials?scope=all")).expect(200);
    let shown = list["materials"].as_array().expect("a list");
    let far =
        shown.iter().find(|m| m["id"] == json!(other)).expect("the paper that only the first window filed");
    let page = &far["pages"][0];
    assert_eq!(page["digest"], page["original_digest"], "to others it never had an original");
    assert_eq!(b.get(&format!("/v1/materials/{other}/pages/1/image?rendition=original")).status, 200);
    let told = dispose(&a, &["--dry-run"]);
    assert_eq!(
        (&told["figures"]["originals_due"], &told["figures"]["originals_requested"]),
        (&json!(0), &json!(0))
    );
    assert_clean(&[&a, &b, &late], &repository);
    for agent in [&a, &b, &late] {
        wait_until("nothing is wrong any more", || agent.get("/v1/sync").expect(200)["last_error"].is_null());
    }
}

#[test]
fn whatever_is_killed_in_between_they_go_in_the_end_and_only_they() {
    let mut repository = Repository::start();
    let mut a = window(&repository);
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let papers: Vec<String> = (0..4).map(|n| file(&a, &at_a, FORM, &format!("K{n}"))).collect();
    sent(&a);
    let same: Vec<String> = (0..4).map(|n| file(&b, &at_b, FORM, &format!("K{n}"))).collect();
    sent(&b);
    // All four are cut out of one frame: it goes with the last of them.
    dispose(&a, &["--confirm-originals", "4"]);
    for pause_ms in [0, 5, 20, 60] {
        a.kill();
        repository.kill();
        repository.run();
        a.run();
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
    }
    a.read_card();
    for (own, theirs) in papers.iter().zip(&same) {
        wait_until("it goes", || is_gone(&a, own) && is_gone(&b, theirs));
    }
    let next = file(&a, &a.read_card(), LETTER, "K9");
    sent(&a);
    assert!(!is_gone(&a, &next));
    repository.kill();
    repository.run();
    assert_clean(&[&a, &b], &repository);
}

#[test]
fn a_hold_anywhere_keeps_what_it_holds() {
    let mut repository = Repository::start();
    let a = window(&repository);
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let (first, second) = (file(&a, &at_a, FORM, "K1"), file(&a, &at_a, LETTER, "K2"));
    sent(&a);
    let same = file(&b, &at_b, LETTER, "K2");
    sent(&b);
    // The repository's, of which this window has not heard when it asks.
    repository.kill();
    let on_paper = ["hold", "place", "--material", &first];
    let id = said(&repository.command_with_input(&[&on_paper[..], &WHO_AND_WHY].concat(), ""));
    // And one of the other window's own, of which nobody else knows.
    let own = ["archive", "hold", "place", "--material", &same];
    let own = said(&b.command(&[&own[..], &WHO_AND_WHY].concat()));
    dispose(&a, &["--confirm-originals", "2"]);
    repository.run();
    wait_until("what nothing holds goes", || is_gone(&a, &second));
    let held = || dispose(&a, &["--dry-run"])["figures"]["originals_held"] == json!(1);
    wait_until("the hold is known", held);
    assert!(!is_gone(&a, &first) && !is_gone(&b, &same));
    let lift = ["archive", "hold", "lift", &own];
    said(&b.command(&[&lift[..], &WHO_AND_WHY].concat()));
    wait_until("it goes with the hold", || is_gone(&b, &same));
    said(&repository.command_with_input(&[&["hold", "lift", &id], &WHO_AND_WHY[..]].concat(), ""));
    let due = || dispose(&a, &["--dry-run"])["figures"]["originals_due"] == json!(1);
    wait_until("it is due again", due);
    dispose(&a, &["--confirm-originals", "1"]);
    wait_until("it goes when it is asked again", || is_gone(&a, &first));
    assert_clean(&[&a, &b], &repository);
}

/// What came between the question and the wire ends the question, whoever hears of it or does not.
#[test]
fn what_is_held_or_put_right_before_it_is_sent_is_not_asked() {
    let mut repository = Repository::start();
    let a = window(&repository);
    let holder = a.read_card();
    let held = file(&a, &holder, FORM, "K1");
    let right = file(&a, &holder, LETTER, "K2");
    let free = file(&a, &holder, FORM, "K3");
    sent(&a);
    repository.kill();
    dispose(&a, &["--confirm-originals", "3"]);
    let place = ["archive", "hold", "place", "--material", &held];
    let hold = said(&a.command(&[&place[..], &WHO_AND_WHY].concat()));
    let letter = json!({"kind": "letter", "reason": "wrong kind"});
    a.post(&format!("/v1/materials/{right}/refile"), &letter).expect(200);
    repository.run();
    wait_until("what stands as it was found goes", || is_gone(&a, &free));
    let figures = || dispose(&a, &["--dry-run"])["figures"].clone();
    let told = figures();
    assert_eq!((&told["originals_held"], &told["originals_requested"]), (&json!(1), &json!(0)));
    let lift = ["archive", "hold", "lift", &hold];
    said(&a.command(&[&lift[..], &WHO_AND_WHY].concat()));
    assert_eq!(figures()["originals_due"], json!(1), "it is due again by itself");
    sent(&a);
    assert!(!is_gone(&a, &held) && !is_gone(&a, &right));
    dispose(&a, &["--confirm-originals", "1"]);
    wait_until("it goes when it is asked again", || is_gone(&a, &held));
    assert!(!is_gone(&a, &right), "letters have no such rule");
    assert_clean(&[&a], &repository);
}

#[test]
fn a_window_enrolled_anew_hears_of_what_it_filed_before() {
    let repository = Repository::start();
    let a = window(&repository);
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_a, at_b) = (a.read_card(), b.read_card());
    let first = file(&a, &at_a, FORM, "K1");
    let same = file(&b, &at_b, FORM, "K1");
    for agent in [&a, &b] {
        sent(agent);
    }
    // It does not report its papers again: what it sent counts as sent.
    let code = said(&repository.run_command(&["enrol-code", "--counter", "test-window"]));
    said(&b.command_with_input(&["enrol", "--code", "-"], &code));
    dispose(&a, &["--confirm-originals", "1"]);
    wait_until("they go where it was asked", || is_gone(&a, &first));
    wait_until("and at the window with a new number", || is_gone(&b, &same));
    assert_clean(&[&a, &b], &repository);
}

/// A window that no network reaches asks by a stick, and hears the same way.
#[test]
fn a_stick_carries_the_question_and_its_receipt_the_answer() {
    let repository = Repository::start();
    let offline = Agent::start_with_sections(&format!("{RULE}[repository]\nurl = \"http://127.0.0.1:9\"\n"));
    let line = said(&repository.run_command(&["enrol-code", "--offline", "--counter", "test-window"]));
    said(&offline.command_with_input(&["enrol", "--code", "-"], &line));
    let online = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (at_offline, at_online) = (offline.read_card(), online.read_card());
    let own = file(&offline, &at_offline, FORM, "K1");
    let same = file(&online, &at_online, FORM, "K1");
    sent(&online);
    let stick = tempfile::tempdir().expect("a folder");
    let path = stick.path().to_str().expect("a text");
    let named = |ending: &str| {
        let found =
            std::fs::read_dir(stick.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut found: Vec<String> = found.map(|path| path.to_string_lossy().into_owned()).collect();
        found.retain(|name| name.ends_with(ending));
        found.sort();
        found
    };
    // The first parcel leaves with the paper alone; what is asked since goes with it in the next.
    said(&offline.command(&["courier", "pack", path]));
    dispose(&offline, &["--confirm-originals", "1"]);
    said(&offline.command(&["courier", "pack", path]));
    assert!(!is_gone(&offline, &own));
    let parcels = named(".parcel");
    let mut words = vec!["courier", "unpack", "--receipt", path];
    words.extend(parcels.iter().map(String::as_str));
    said(&repository.run_command(&words));
    wait_until("it goes at the window that has a network", || is_gone(&online, &same));
    assert!(!is_gone(&offline, &own), "it has not heard of it");
    let receipts = named(".receipt");
    let last = receipts.last().expect("a receipt");
    said(&offline.command(&["courier", "unpack", last]));
    assert!(is_gone(&offline, &own));
    assert_clean(&[&offline, &online], &repository);
    assert_eq!(dispose(&offline, &["--dry-run"])["figures"]["originals_requested"], json!(0));
}
