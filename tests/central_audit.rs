//! Promise: what every window did with the papers that all share is told to whoever audits the office, beside the running
//! repository and without it; a repository whose ledger came to harm says so, and is made anew of what is left.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::ledger::tamper;
use crate::support::repository::Repository;
use crate::support::said::{document, text};
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/small.jpg");

/// The person on the reader: an open holder, and how a command is told of them.
fn person(agent: &Agent) -> (String, String) {
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let text = |field: &str| card[field].as_str().expect("a text").to_owned();
    (text("holder"), format!("resident {}\n", text("id_number")))
}

fn file(agent: &Agent, holder: &str, number: u8) -> String {
    let capture = agent.upload(&[FORM, &[number]].concat()).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned()
}

fn sent(agent: &Agent) {
    wait_until("it is sent", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
}

fn window(repository: &Repository) -> Agent {
    Agent::start_enrolled(&repository.url, &repository.enrol_code())
}

fn audit(repository: &Repository, words: &[&str], input: &str) -> Output {
    repository.command_with_input(&[&["audit"], words].concat(), input)
}

fn actions(told: &Value) -> Vec<&str> {
    let entries = told["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry["action"].as_str().expect("a word")).collect()
}

#[test]
fn an_auditor_is_told_what_every_window_did_beside_the_repository_and_without() {
    let mut repository = Repository::start();
    let (a, b) = (window(&repository), window(&repository));
    let (holder, number) = person(&a);
    let paper = file(&a, &holder, 1);
    sent(&a);
    let (at_b, _) = person(&b);
    let list = b.get(&format!("/v1/holders/{at_b}/materials?scope=all")).expect(200);
    assert_eq!(list["materials"][0]["id"], paper.as_str(), "{list}");
    for beside in [true, false] {
        if !beside {
            repository.kill();
        }
        let told = document(&audit(&repository, &["person", "--json"], &number), 0);
        // Whoever asked is among what is told the next time.
        let asked_before: &[&str] = if beside { &[] } else { &["audited"; 2] };
        assert_eq!(actions(&told), [&["filed", "looked"], asked_before].concat(), "{told}");
        let looked = &told["entries"][1];
        assert_eq!(looked["materials"], json!([paper]));
        assert_eq!(
            (&told["truncated"], &told["known"], &told["unproven"]),
            (&json!(false), &json!(true), &json!(0))
        );
        let rows = audit(&repository, &["person", "--since", "2020-01-31", "--limit", "1"], &number);
        assert_eq!(text(&rows.stdout).lines().count(), 1);
        assert!(text(&rows.stderr).contains("there are more"), "{}", text(&rows.stderr));
        let none = document(&audit(&repository, &["no-card", "--until", "2020-01-31", "--json"], ""), 0);
        assert_eq!(actions(&none), Vec::<&str>::new());
        let unknown = audit(&repository, &["person"], "resident 00000019800101000X");
        assert!(text(&unknown.stdout).is_empty() && text(&unknown.stderr).contains("nothing is known"));
        assert_eq!(audit(&repository, &["person"], "resident 123").status.code(), Some(1));
        let too_long = audit(&repository, &["operator", "--json"], &"n".repeat(200));
        assert!(text(&too_long.stderr).contains("error: invalid: the name of an operator"), "{too_long:?}");
        assert!(too_long.stdout.is_empty() && too_long.status.code() == Some(1), "{too_long:?}");
        let asked = document(&audit(&repository, &["operator", "--json"], "nobody"), 0);
        assert_eq!(actions(&asked), Vec::<&str>::new());
    }
}

#[test]
fn an_auditor_is_told_at_which_counter_a_clerk_had_something_forgotten() {
    let mut repository = Repository::start();
    let a = window(&repository);
    let (holder, number) = person(&a);
    let paper = file(&a, &holder, 1);
    file(&a, &holder, 2);
    sent(&a);
    let body = json!({"material": paper, "reason": "test"});
    let asked = a.post_with("/v1/erasures", &body, &[("Yidang-Operator", "clerk-07")]).expect(201);
    let erasure = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is done", || a.get(&erasure).expect(200)["state"] == "done");
    assert_eq!(a.get(&erasure).expect(200)["refusal"], json!(null));
    let windows = document(&repository.run_command(&["windows", "--json"]), 0);
    let [own] = &windows["windows"].as_array().expect("a list")[..] else { panic!("{windows}") };
    assert_eq!(own["replaced_by"], json!(null));
    let counter = own["counter"].as_str().expect("its counter");
    let told = document(&audit(&repository, &["operator", "--json"], "clerk-07"), 0);
    assert!(actions(&told).contains(&"erasure_requested") && actions(&told).contains(&"erased"), "{told}");
    for entry in told["entries"].as_array().expect("a list") {
        assert_eq!(entry["counter"], counter, "{entry}");
        let client = entry["client"].as_str().expect("a client");
        assert!(client.starts_with(own["agent"].as_str().expect("its agent")), "{entry}");
    }
    let rows = audit(&repository, &["person"], &number);
    assert!(text(&rows.stderr).starts_with("sequence\t") && text(&rows.stderr).contains("\tcounter\n"));
    assert!(text(&rows.stdout).lines().next().is_some_and(|row| row.ends_with(&format!("\t{counter}"))));
    let code = repository.run_command(&["enrol-code", "--counter", counter]);
    let again = a.command_with_input(&["enrol", "--code", "-"], &text(&code.stdout));
    assert!(again.status.success(), "{}", text(&again.stderr));
    let rows = repository.run_command(&["windows"]);
    assert!(text(&rows.stderr).starts_with("agent\tcounter\tenrolled_at\tlast_heard_at\treplaced_by"));
    let rows: Vec<Vec<String>> =
        text(&rows.stdout).lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect();
    assert_eq!((rows.len(), &rows[0][4], rows[1][4].as_str()), (2, &rows[1][0], "-"), "{rows:?}");

    let beside = repository.run_command(&["rebuild-index"]);
    assert!(text(&beside.stderr).contains("error: in_use"), "{}", text(&beside.stderr));
    repository.kill();
    let made = document(&repository.run_command(&["rebuild-index", "--json"]), 0);
    assert!(made["entries"].as_u64().is_some_and(|entries| entries > 3), "{made}");
    assert!(repository.run_command(&["check"]).status.success());
}

#[test]
fn a_repository_whose_ledger_came_to_harm_says_so_and_is_made_anew() {
    let mut repository = Repository::start();
    let a = window(&repository);
    let (holder, number) = person(&a);
    let first = file(&a, &holder, 1);
    sent(&a);
    let why = ["--operator", "Operator Ng", "--reason", "court order"];
    let placed = repository.command_with_input(&[&["hold", "place"], &why[..]].concat(), &number);
    assert!(placed.status.success());
    file(&a, &holder, 2);
    sent(&a);
    repository.kill();
    tamper(&repository.data(), "UPDATE entries SET body = x'7b7d' WHERE verb = 'held'");
    std::fs::remove_file(repository.data().join("index.db")).expect("the index is lost");
    let _ = std::fs::remove_dir_all(repository.data().join("backup"));
    repository.run();

    let erase = |agent: &Agent| {
        let (holder, _) = person(agent);
        agent.post("/v1/erasures", &json!({"holder": holder, "reason": "test"}))
    };
    // The window knows of the hold and refuses for itself; one that does not hears it from the repository.
    erase(&a).is_problem(409, "legal_hold");
    let b = window(&repository);
    let (at_b, _) = person(&b);
    b.get(&format!("/v1/holders/{at_b}/materials?scope=all")).expect(200);
    let asked = b.post("/v1/erasures", &json!({"material": first, "reason": "test"})).expect(201);
    let erasure = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is refused", || b.get(&erasure).expect(200)["state"] == "refused");
    assert_eq!(b.get(&erasure).expect(200)["refusal"], "holds_unproven");
    let asked = audit(&repository, &["person"], &number);
    assert!(text(&asked.stderr).contains("error: audit_incomplete: 1 places"), "{}", text(&asked.stderr));
    assert_eq!(asked.status.code(), Some(1));
    let doubt = |words: &[&str]| {
        let listed = repository.run_command(&["hold", "list"]);
        let told = text(&listed.stderr);
        let all = [&["this list is in doubt", "此列表存疑"], words].concat();
        assert!(all.iter().all(|word| told.contains(word)), "{told}");
    };
    doubt(&["First stop the repository and run `yidang-repository rebuild`", "请先停止中心库并运行"]);
    let beside = repository.run_command(&["rebuild"]);
    assert!(text(&beside.stderr).contains("error: in_use"), "{}", text(&beside.stderr));

    repository.kill();
    let rebuilt = repository.run_command(&["rebuild", "--json"]);
    let told: Value = serde_json::from_slice(&rebuilt.stdout).expect("a document");
    assert_eq!((rebuilt.status.code(), &told["ledger"]["lost_count"]), (Some(1), &json!(1)), "{told}");
    let holds = || document(&a.command(&["archive", "hold", "list", "--json"]), 0)["holds"].clone();
    let old = holds()[0]["id"].clone();
    assert!(old.is_string(), "the window's stands, whatever came to harm at the repository");
    repository.run();
    let (at_a, _) = person(&a);
    let list = a.get(&format!("/v1/holders/{at_a}/materials?scope=all")).expect(200);
    assert_eq!(list["materials"].as_array().map(Vec::len), Some(2), "{list}");
    assert!(list.to_string().contains(&first));
    let placed = repository.command_with_input(&[&["hold", "place"], &why[..]].concat(), &number);
    assert!(placed.status.success(), "{}", text(&placed.stderr));
    wait_until("the window has both", || holds().as_array().is_some_and(|holds| holds.len() == 2));
    let confirmed = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(confirmed.status.success(), "{}", text(&confirmed.stderr));
    assert!(text(&confirmed.stderr).contains("the holds are confirmed"), "{}", text(&confirmed.stderr));
    let again = repository.run_command(&["hold", "confirm", "--operator", "Operator Ng"]);
    assert!(text(&again.stderr).contains("nothing to confirm"), "{}", text(&again.stderr));
    let listed = repository.run_command(&["hold", "list"]);
    assert!(text(&listed.stderr).starts_with("id\tplaced_at\tabout\t"), "{}", text(&listed.stderr));
    assert_eq!(text(&listed.stdout).lines().count(), 1);
    wait_until("the one that is no more goes", || {
        let holds = holds();
        holds.as_array().is_some_and(|holds| holds.len() == 1) && holds[0]["id"] != old
    });
    erase(&a).is_problem(409, "legal_hold");
}
