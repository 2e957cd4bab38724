//! Promise: what is under a legal hold is not forgotten, whoever asks, and goes once nothing holds it any more.

use std::process::Output;

use serde_json::{Value, json};
use yidang_model::SubjectType;

use crate::support::agent::Agent;
use crate::support::ledger::tamper;
use crate::support::repository::Repository;
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
const WHO_AND_WHY: [&str; 4] = ["--operator", "Operator Ng", "--reason", "court order"];

/// The person on the reader: an open holder, and how a command is told of them.
fn person(agent: &Agent) -> (String, String) {
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let text = |field: &str| card[field].as_str().expect("a text").to_owned();
    (text("holder"), format!("resident {}\n", text("id_number")))
}

fn file(agent: &Agent, holder: &str, picture: &[u8]) -> String {
    let capture = agent.upload(picture).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    let material = agent.post("/v1/materials", &body).expect(201);
    material["id"].as_str().expect("an id").to_owned()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn hold(agent: &Agent, words: &[&str], input: &str) -> Output {
    agent.command_with_input(&[&["archive", "hold"], words].concat(), input)
}

fn place(agent: &Agent, on: &[&str], input: &str) -> String {
    said(&hold(agent, &[&["place"], on, &WHO_AND_WHY, &["--case", "2026-7"]].concat(), input))
}

fn lift(agent: &Agent, id: &str) -> Output {
    hold(agent, &[&["lift", id], &WHO_AND_WHY[..]].concat(), "")
}

fn holds(agent: &Agent) -> Vec<Value> {
    let list: Value = serde_json::from_str(&said(&hold(agent, &["list", "--json"], ""))).expect("a document");
    list["holds"].as_array().expect("a list").clone()
}

fn erase(agent: &Agent, what: &Value) -> crate::support::agent::Answer {
    let mut body = what.clone();
    body["reason"] = json!("test");
    agent.post("/v1/erasures", &body)
}

#[test]
fn a_hold_placed_by_a_command_refuses_the_api_until_it_is_lifted() {
    let mut agent = Agent::start();
    let (holder, number) = person(&agent);
    let [held, other] = [FORM, LETTER].map(|picture| file(&agent, &holder, picture));
    let on_paper = place(&agent, &["--material", &held], "");
    assert!(agent.stop());
    let on_person = place(&agent, &[], &number);
    agent.run();
    let (holder, number) = person(&agent);
    for what in [json!({"material": held}), json!({"material": other}), json!({"holder": holder})] {
        erase(&agent, &what).is_problem(409, "legal_hold");
    }
    let listed = holds(&agent);
    let told: Vec<_> = listed.iter().map(|hold| (&hold["id"], &hold["about"], &hold["materials"])).collect();
    assert_eq!(
        told,
        [
            (&json!(on_paper), &json!("material"), &json!([held])),
            (&json!(on_person), &json!("person"), &json!([])),
        ]
    );
    let of_person = number.split_whitespace().last().expect("a number");
    assert!(!json!(listed).to_string().contains(of_person) && !agent.read_log().contains(of_person));
    said(&lift(&agent, &on_person));
    assert!(complaint(&lift(&agent, &on_person)).contains("error hold_unknown: "));
    assert_eq!(erase(&agent, &json!({"material": other})).expect(201)["state"], "done");
    erase(&agent, &json!({"material": held})).is_problem(409, "legal_hold");
    said(&lift(&agent, &on_paper));
    assert_eq!(erase(&agent, &json!({"holder": holder})).expect(201)["state"], "done");
    assert!(
        complaint(&hold(&agent, &[&["place", "--material", &held], &WHO_AND_WHY[..]].concat(), ""))
            .contains("error material_erased: ")
    );
    assert!(
        complaint(&hold(&agent, &[&["place"], &WHO_AND_WHY[..]].concat(), "nobody"))
            .contains("error subject_missing: ")
    );
}

#[test]
fn a_hold_says_how_much_it_covers_and_that_a_number_is_probably_mistyped() {
    let mut repository = Repository::start();
    let agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let (holder, number) = person(&agent);
    for picture in [FORM, LETTER] {
        file(&agent, &holder, picture);
    }
    wait_until("they are there", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    let mistyped = match number.trim().strip_suffix('0') {
        Some(number) => format!("{number}1\n"),
        None => format!("{}0\n", &number.trim()[..number.trim().len() - 1]),
    };
    let repository_holds = |repository: &Repository, input: &str| {
        repository.command_with_input(&[&["hold", "place"], &WHO_AND_WHY[..]].concat(), input)
    };
    for running in [true, false] {
        if !running {
            repository.kill();
        }
        for (input, covers, is_mistyped) in [(&number, 2, false), (&mistyped, 0, true)] {
            let here = hold(&agent, &[&["place"], &WHO_AND_WHY[..]].concat(), input);
            for output in [here, repository_holds(&repository, input)] {
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(said(&output).split_whitespace().count(), 1, "the identifier alone");
                assert!(told.contains(&format!("covers {covers} papers on file here now")), "{told}");
                assert!(told.contains(&format!("在档材料 {covers} 份")), "{told}");
                assert_eq!(told.contains("check_digit_wrong"), is_mistyped, "{told}");
                assert!(!told.contains(input.split_whitespace().last().expect("a number")), "{told}");
            }
        }
    }
    for (input, why) in [
        ("resident 12\n", "the number is not written as numbers of this type are"),
        ("hmt H00000000\n", "the number is not written as numbers of this type are"),
        ("citizen 12345678\n", "the subject type is not known"),
    ] {
        let here = hold(&agent, &[&["place"], &WHO_AND_WHY[..]].concat(), input);
        let own = agent.command_with_input(&["archive", "audit", "person"], input);
        let audited = repository.command_with_input(&["audit", "person"], input);
        for output in [here, own, repository_holds(&repository, input), audited] {
            let told = complaint(&output);
            assert!(told.contains("subject_invalid: ") && told.contains(why), "{told}");
            // In both languages.
            for kind in SubjectType::ALL {
                assert!(told.matches(kind.as_str()).count() >= 2, "{told}");
            }
            assert!(!told.contains("names nobody"), "{told}");
            assert!(!told.contains(input.split_whitespace().last().expect("a number")), "{told}");
        }
    }
    let words = [&["place", "--json"], &WHO_AND_WHY[..]].concat();
    let placed: Value = serde_json::from_str(&said(&hold(&agent, &words, &mistyped))).expect("a document");
    assert_eq!((&placed["covers"], &placed["check_digit_wrong"]), (&json!(0), &json!(true)), "{placed}");
    let [first, ..] = &holds(&agent)[..] else { panic!("holds") };
    assert!(first.get("covers").is_none(), "what it covers is told as it is placed");
}

#[test]
fn the_repository_s_hold_reaches_the_windows_and_a_window_s_own_outlasts_an_erasure_elsewhere() {
    let mut repository = Repository::start();
    let a = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let b = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let ((at_a, number), (at_b, _)) = (person(&a), person(&b));
    let first = file(&a, &at_a, FORM);
    let second = file(&b, &at_b, LETTER);
    for agent in [&a, &b] {
        wait_until("it arrives", || agent.get("/v1/sync").expect(200)["backlog_materials"] == 0);
    }
    let placed = repository.command_with_input(&[&["hold", "place"], &WHO_AND_WHY[..]].concat(), &number);
    let id = said(&placed);
    for agent in [&a, &b] {
        wait_until("the window is told", || {
            holds(agent).iter().any(|hold| hold["id"] == id.as_str() && hold["placed_by"] == "repository")
        });
    }
    for what in [json!({"material": first}), json!({"holder": at_a})] {
        erase(&a, &what).is_problem(409, "legal_hold");
    }
    assert!(complaint(&lift(&a, &id)).contains("error hold_elsewhere: "));
    // Placed while nobody ran: the windows hear of it all the same, and of its end.
    repository.kill();
    let on_paper = ["hold", "place", "--material", &first];
    let other = said(&repository.command_with_input(&[&on_paper[..], &WHO_AND_WHY].concat(), ""));
    said(&repository.command_with_input(&[&["hold", "lift", &id], &WHO_AND_WHY[..]].concat(), ""));
    repository.run();
    wait_until("one hold came and one went", || {
        holds(&a).iter().map(|hold| &hold["id"]).eq([other.as_str()]) && holds(&b).is_empty()
    });
    said(&repository.command_with_input(&[&["hold", "lift", &other], &WHO_AND_WHY[..]].concat(), ""));
    wait_until("nothing is held", || holds(&a).is_empty());

    // A hold of the window's own: the district forgets the person, and this window's paper waits.
    let own = place(&b, &["--material", &second], "");
    let asked = erase(&a, &json!({"holder": at_a})).expect(201);
    let path = format!("/v1/erasures/{}", asked["id"].as_str().expect("an id"));
    wait_until("it is forgotten at the other window", || a.get(&path).expect(200)["state"] == "done");
    let list = format!("/v1/holders/{at_b}/materials");
    let shown = |agent: &Agent| agent.get(&list).expect(200)["materials"].as_array().map_or(0, Vec::len);
    let ledger = || said(&b.command_with_input(&["archive", "audit", "person", "--json"], &number));
    wait_until("the erasure waits", || ledger().contains("erasure_deferred"));
    assert_eq!(shown(&b), 1, "it is held");
    let everywhere = b.get(&format!("{list}?scope=all")).expect(200);
    let only = &everywhere["materials"][0];
    assert_eq!((&only["id"], &only["safe_at"]), (&json!(second), &json!("this_pc")), "{everywhere}");
    said(&lift(&b, &own));
    wait_until("it goes with the hold", || shown(&b) == 0);
    assert!(said(&b.command(&["archive", "verify"])).starts_with("clean"));
}

/// The list says so, and what comes first; a document stays one.
fn assert_doubted(agent: &Agent, words: &[&str]) {
    for form in [&["list"][..], &["list", "--json"]] {
        let listed = hold(agent, form, "");
        let told = String::from_utf8_lossy(&listed.stderr).into_owned();
        let all = [&["this list is in doubt", "此列表存疑"], words].concat();
        assert!(all.iter().all(|word| told.contains(word)), "{told}");
    }
    assert!(holds(agent).iter().all(|hold| hold["id"].is_string()));
}

/// A hold whose entry came to harm, over an index that was made anew: nobody knows whom it holds.
#[test]
fn nothing_is_forgotten_while_a_hold_may_be_among_what_cannot_be_read() {
    let mut agent = Agent::start();
    let (holder, number) = person(&agent);
    let first = file(&agent, &holder, FORM);
    place(&agent, &[], &number);
    let second = file(&agent, &holder, LETTER);
    assert!(agent.stop());
    tamper(&agent.data(), "UPDATE entries SET body = x'7b7d' WHERE verb = 'held'");
    std::fs::remove_file(agent.data().join("index.db")).expect("the index is lost");
    let _ = std::fs::remove_dir_all(agent.data().join("backup"));
    agent.run();
    let (holder, number) = person(&agent);
    for what in [json!({"material": first}), json!({"holder": holder})] {
        erase(&agent, &what).is_problem(409, "holds_unproven");
    }
    let asked = agent.command_with_input(&["archive", "audit", "person"], &number);
    assert!(complaint(&asked).contains("error audit_incomplete: 1 place"), "{}", complaint(&asked));
    assert_doubted(
        &agent,
        &["First stop the program and run `yidang archive rebuild`", "请先停止程序并运行"],
    );
    // Nothing keeps anybody from it, and it does not last.
    let early = hold(&agent, &["confirm", "--operator", "Operator Ng"], "");
    let told = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(told.contains("it asks for this confirmation again") && told.contains("须再次确认"), "{told}");
    assert!(agent.stop());

    let rebuilt = agent.command(&["archive", "rebuild", "--json"]);
    assert_eq!(rebuilt.status.code(), Some(1));
    agent.run();
    let (holder, number) = person(&agent);
    erase(&agent, &json!({"material": second})).is_problem(409, "holds_unproven");
    assert_doubted(
        &agent,
        &["`yidang archive verify` names the holds that are known to be lost", "会列出已知丢失的保全"],
    );
    place(&agent, &[], &number);
    let confirmed = hold(&agent, &["confirm", "--operator", "Operator Ng"], "");
    said(&confirmed);
    let told = String::from_utf8_lossy(&confirmed.stderr).into_owned();
    assert!(told.contains("the holds are confirmed") && !told.contains("rebuild"), "{told}");
    let listed = hold(&agent, &["list"], "");
    let told = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(told.starts_with("id\tplaced_at\tabout\tplaced_by\t") && !told.contains("in doubt"), "{told}");
    erase(&agent, &json!({"material": second})).is_problem(409, "legal_hold");
    said(&lift(&agent, holds(&agent)[0]["id"].as_str().expect("its name")));
    assert_eq!(erase(&agent, &json!({"holder": holder})).expect(201)["state"], "done");
}

/// The start makes the index anew, which alone knew the hold: whoever rebuilds afterwards hears of it all the same.
#[test]
fn a_hold_that_was_cut_off_is_named_after_a_start_until_the_holds_are_confirmed() {
    let mut agent = Agent::start();
    let (holder, number) = person(&agent);
    file(&agent, &holder, FORM);
    let id = place(&agent, &[], &number);
    assert!(agent.stop());
    tamper(
        &agent.data(),
        "DELETE FROM entries WHERE sequence >= (SELECT sequence FROM entries WHERE verb = 'held')",
    );
    let _ = std::fs::remove_dir_all(agent.data().join("backup"));
    agent.run();
    let lost = |agent: &Agent, words: &[&str]| {
        let told = agent.command(&[&["archive"], words, &["--json"]].concat());
        let told: Value = serde_json::from_slice(&told.stdout).expect("a document");
        told["holds_lost"].clone()
    };
    assert_eq!(lost(&agent, &["verify"]), json!([id]));
    assert_doubted(&agent, &["First stop the program and run `yidang archive rebuild`"]);
    assert!(agent.stop());
    for _ in 0..2 {
        assert_eq!(lost(&agent, &["rebuild"]), json!([id]));
    }
    agent.run();
    assert_eq!(lost(&agent, &["verify"]), json!([id]));
    said(&hold(&agent, &["confirm", "--operator", "Operator Ng"], ""));
    assert_eq!(lost(&agent, &["verify"]), json!([]));
    assert!(agent.stop());
    assert_eq!(lost(&agent, &["rebuild"]), json!([]));
}
