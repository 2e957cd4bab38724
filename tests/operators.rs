//! Promise: who the ledger says did it is the clerk who sat there and proved it, and what one clerk opened is not the
//! next one's.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::agent::{Agent, Answer};
use crate::support::assertion::{WindowSystem, unsigned};
use crate::support::said::{document, refusal};
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const PIN: &str = "605112";
const OTHER_PIN: &str = "271828";
const WITH_SESSION: &str = "[operators]\nrequired = \"session\"\n";

fn start(section: &str) -> Agent {
    let agent = Agent::start_with_more(section);
    for (name, pin) in [("李四", PIN), ("clerk-07", OTHER_PIN)] {
        let added = agent.command_with_input(&["operator", "add", "--name", name], pin);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
    agent
}

fn by_pin(agent: &Agent, operator: &str, pin: &str) -> Answer {
    agent.post("/v1/operator/session", &json!({"operator": operator, "pin": pin}))
}

fn signed_in(agent: &Agent, operator: &str, pin: &str) -> String {
    let seat = by_pin(agent, operator, pin).expect(201);
    assert_eq!(
        (&seat["operator"], &seat["state"], &seat["by"]),
        (&json!(operator), &json!("open"), &json!("pin"))
    );
    seat["session"].as_str().expect("a session").to_owned()
}

fn read_card(agent: &Agent, session: &str) -> Answer {
    agent.post_with("/v1/card/read", &json!({}), &[("Yidang-Session", session)])
}

fn opened(agent: &Agent, session: &str) -> String {
    read_card(agent, session).expect(200)["holder"].as_str().expect("a holder").to_owned()
}

fn look(agent: &Agent, session: &str, holder: &str) -> Answer {
    agent.get_with(&format!("/v1/holders/{holder}/materials"), &[("Yidang-Session", session)])
}

/// What the ledger says of a clerk: actions, each with why.
fn ledger_of(agent: &Agent, operator: &str) -> Vec<(String, String)> {
    let asked = agent.command_with_input(&["archive", "audit", "operator", "--json"], operator);
    let told = document(&asked, 0);
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    told["entries"].as_array().expect("lines").iter().map(|l| (text(l, "action"), text(l, "basis"))).collect()
}

#[test]
fn the_ledgers_clerk_is_the_one_who_signed_in() {
    let agent = start(WITH_SESSION);
    agent.post("/v1/card/read", &json!({})).is_problem(401, "operator_required");
    let named = [("Yidang-Operator", "clerk-07")];
    agent.post_with("/v1/card/read", &json!({}), &named).is_problem(401, "operator_required");
    let session = signed_in(&agent, "李四", PIN);
    let carried = [("Yidang-Session", session.as_str())];
    let holder = opened(&agent, &session);
    let contradicting = [carried[0], named[0]];
    agent.post_with("/v1/card/read", &json!({}), &contradicting).is_problem(403, "operator_mismatch");
    let capture = agent.upload_with_headers(FORM, &carried).expect(201);
    let filing = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "case": "K1"});
    agent.post("/v1/materials", &filing).is_problem(401, "operator_required");
    agent.post_with("/v1/materials", &filing, &carried).expect(201);
    look(&agent, &session, &holder).expect(200);
    // What administrators do shows them no papers, and any program may see how the window stands.
    agent.get("/v1/pairings").expect(200);
    agent.get("/v1/status").expect(200);
    agent.delete_with("/v1/operator/session", &carried).expect(204);
    look(&agent, &session, &holder).is_problem(401, "operator_required");
    let actions: Vec<String> = ledger_of(&agent, "李四").into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["signed_in", "staged", "filed", "looked", "signed_out"]);
}

#[test]
fn what_one_clerk_opened_is_closed_before_the_next_one_sits_there() {
    let agent = start("");
    let open_to_nobody = agent.read_card();
    let first = signed_in(&agent, "李四", PIN);
    agent.get(&format!("/v1/holders/{open_to_nobody}/materials")).is_problem(404, "holder_unknown");
    let holder = opened(&agent, &first);
    look(&agent, &first, &holder).expect(200);
    // The same program without the session is not that clerk.
    agent.get(&format!("/v1/holders/{holder}/materials")).is_problem(404, "holder_unknown");
    let second = signed_in(&agent, "clerk-07", OTHER_PIN);
    look(&agent, &second, &holder).is_problem(404, "holder_unknown");
    look(&agent, &first, &holder).is_problem(401, "operator_required");
    read_card(&agent, &first).is_problem(401, "operator_required");
    let told = ledger_of(&agent, "李四");
    assert_eq!(told.last(), Some(&("signed_out".to_owned(), "switched".to_owned())));
    // Back again: neither the session nor what was open comes back.
    let third = signed_in(&agent, "李四", PIN);
    assert_ne!(third, first);
    look(&agent, &third, &holder).is_problem(404, "holder_unknown");
}

#[test]
fn a_locked_session_shows_nothing_until_its_clerk_is_back() {
    let agent = start("");
    let session = signed_in(&agent, "李四", PIN);
    let carried = [("Yidang-Session", session.as_str())];
    let holder = opened(&agent, &session);
    let capture = agent.upload_with_headers(FORM, &carried).expect(201);
    let picture = format!("/v1/captures/{}/image", capture["id"].as_str().expect("an id"));
    let filing = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]]});
    agent.post_with("/v1/operator/session/lock", &json!({}), &carried).expect(204);
    agent.post_with("/v1/operator/session/lock", &json!({}), &carried).expect(204);
    look(&agent, &session, &holder).is_problem(403, "operator_locked");
    agent.get_with(&picture, &carried).is_problem(403, "operator_locked");
    agent.post_with("/v1/materials", &filing, &carried).is_problem(403, "operator_locked");
    let state = agent.get_with("/v1/operator/session", &carried).expect(200);
    assert_eq!((&state["session"]["state"], &state["pins"]), (&json!("locked"), &json!(true)));
    assert_eq!(
        agent.get("/v1/operator/session").expect(200)["session"],
        Value::Null,
        "it is told to nobody else"
    );
    by_pin(&agent, "李四", OTHER_PIN).is_problem(403, "pin_wrong");
    assert_eq!(signed_in(&agent, "李四", PIN), session, "it is taken up again");
    look(&agent, &session, &holder).expect(200);
    agent.post_with("/v1/materials", &filing, &carried).expect(201);
    let told = ledger_of(&agent, "李四");
    let comings: Vec<_> = told
        .iter()
        .filter(|(action, _)| action.contains("sign") || action.contains("lock"))
        .cloned()
        .collect();
    let expected = [
        ("signed_in", "pin"),
        ("session_locked", "asked"),
        ("sign_in_refused", "pin"),
        ("signed_in", "pin again"),
    ];
    assert_eq!(comings, expected.map(|(action, basis)| (action.to_owned(), basis.to_owned())));
}

#[test]
fn a_session_that_nobody_uses_locks_by_itself_and_says_so() {
    let agent = start("[operators]\nidle_lock_minutes = 0.05\n");
    let before = agent.get("/v1/events?wait_ms=0").expect(200)["after"].as_u64().expect("a number");
    let session = signed_in(&agent, "李四", PIN);
    let holder = opened(&agent, &session);
    let told = |kind: &str| {
        let events = agent.get_with(&format!("/v1/events?after={before}"), &[("Yidang-Session", &session)]);
        let events = events.expect(200)["events"].as_array().expect("events").clone();
        events.into_iter().find(|event| event["type"] == kind)
    };
    let signed_in_event = told("operator.signed_in").expect("it is told");
    assert_eq!(signed_in_event["data"], json!({"client": "window", "resumed": false}), "and names no clerk");
    // Watching events with it, and asking how it stands, is no use of it.
    wait_until("it locks", || told("operator.locked").is_some());
    assert_eq!(
        told("operator.locked").expect("it is told")["data"],
        json!({"client": "window", "reason": "idle"})
    );
    look(&agent, &session, &holder).is_problem(403, "operator_locked");
    assert_eq!(ledger_of(&agent, "李四").last(), Some(&("session_locked".to_owned(), "idle".to_owned())));
}

#[test]
fn a_preview_ends_when_the_session_it_was_asked_for_in_does() {
    let agent = start("");
    let session = signed_in(&agent, "李四", PIN);
    let carried = [("Yidang-Session", session.as_str())];
    let given = agent.post_with("/v1/preview-tickets", &json!({}), &carried).expect(201);
    let late = agent.post_with("/v1/preview-tickets", &json!({}), &carried).expect(201);
    let url = |given: &Value| given["url"].as_str().expect("an address").to_owned();
    let mut preview = crate::support::preview::Preview::begin(&agent.url, &url(&given), &[]);
    assert_eq!(preview.status, 200);
    agent.delete_with("/v1/operator/session", &carried).expect(204);
    let refused = crate::support::preview::Preview::begin(&agent.url, &url(&late), &[]);
    assert_eq!(refused.status, 403);
    wait_until("the preview ends", || preview.frame().is_none());
}

#[test]
fn a_pin_is_not_guessed_by_many_connections_nor_by_restarts() {
    const CONNECTIONS: u32 = 24;
    let mut agent = start("");
    let looked_at = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let (agent, looked_at) = (&agent, &looked_at);
            scope.spawn(move || {
                let answer = by_pin(agent, "李四", &format!("60511{:02}", number + 30));
                match answer.json()["code"].as_str().expect("a code") {
                    "pin_wrong" => drop(looked_at.fetch_add(1, Ordering::SeqCst)),
                    code => assert!(code == "pin_wait" || code == "pin_locked", "{code}"),
                }
            });
        }
    });
    let known = |agent: &Agent| {
        let listed = document(&agent.command(&["operator", "list", "--json"]), 0);
        let found = listed.as_array().expect("a list").iter().find(|o| o["name"] == "李四").cloned();
        found.expect("it is listed")
    };
    let counted = known(&agent)["wrong_tries"].as_u64().expect("a number");
    assert_eq!(counted, u64::from(looked_at.into_inner()), "each PIN that was looked at was counted");
    let mut last = String::new();
    for _ in counted..8 {
        agent.kill();
        let store = rusqlite::Connection::open(agent.data().join("operators.db")).expect("the store");
        store.execute("UPDATE operators SET wait_until = 0", []).expect("the wait is over");
        agent.run();
        last = by_pin(&agent, "李四", "605113").json()["code"].as_str().expect("a code").to_owned();
    }
    assert_eq!(last, "pin_locked");
    agent.kill();
    agent.run();
    by_pin(&agent, "李四", PIN).is_problem(403, "pin_locked");
    assert_eq!(known(&agent)["locked"], true);
    signed_in(&agent, "clerk-07", OTHER_PIN);
    assert!(
        agent.command_with_input(&["operator", "reset-pin", "--name", "李四"], "605114").status.success()
    );
    signed_in(&agent, "李四", "605114");
    let refused =
        ledger_of(&agent, "李四").into_iter().filter(|(action, _)| action == "sign_in_refused").count();
    assert_eq!(refused, 8, "each is in the ledger");
}

#[test]
fn whoever_tries_too_fast_is_told_how_long_to_wait() {
    let agent = start("");
    let mut waits = Vec::new();
    for _ in 0..5 {
        let answer = by_pin(&agent, "clerk-07", "605113");
        waits.push(answer.json()["code"].as_str().expect("a code").to_owned());
    }
    assert!(waits.starts_with(&["pin_wrong".to_owned(), "pin_wrong".to_owned()]), "{waits:?}");
    by_pin(&agent, "nobody", PIN).is_problem(403, "operator_unknown");
    for body in [
        json!({}),
        json!({"operator": "clerk-07"}),
        json!({"operator": "clerk-07", "pin": PIN, "assertion": "x"}),
        json!({"operator": "clerk-07", "pin": "６０５１１２"}),
        json!({"operator": "", "pin": PIN}),
    ] {
        agent.post("/v1/operator/session", &body).is_problem(422, "invalid");
    }
}

#[test]
fn a_registered_window_system_says_who_sits_there_and_each_word_counts_once() {
    let mut agent = start(WITH_SESSION);
    let (hall, stranger) = (WindowSystem::new(7), WindowSystem::new(8));
    let added = agent.command_with_input(&["operator", "key", "add", "--name", "hall"], &hall.pem());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let assert = |agent: &Agent, text: &str| agent.post("/v1/operator/session", &json!({"assertion": text}));
    let good = hall.says("王五", "a-1", &json!({}));
    let seat = assert(&agent, &good).expect(201);
    assert_eq!((&seat["operator"], &seat["by"]), (&json!("王五"), &json!("assertion")));
    let session = seat["session"].as_str().expect("a session");
    read_card(&agent, session).expect(200);
    let now = seat["signed_in_at"].clone();
    assert!(now.is_string());
    let header = json!({"alg": "none"});
    let hour_ago = json!({"iat": 1_700_000_000, "exp": 1_700_000_100});
    for (name, text) in [
        ("replayed", good.clone()),
        ("of an hour ago", hall.says("王五", "a-2", &hour_ago)),
        ("for another counter", hall.says("王五", "a-3", &json!({"aud": "other-window"}))),
        ("of a stranger's key", stranger.says("王五", "a-4", &json!({}))),
        ("of a name nobody registered", hall.says("王五", "a-5", &json!({"iss": "other"}))),
        ("unsigned", format!("{}.", unsigned(&header, "王五", "a-6", &json!({})))),
        ("with the public key as a secret", hall.confused("王五", "a-7")),
    ] {
        let answer = assert(&agent, &text);
        assert_eq!(answer.json()["code"], "assertion_invalid", "{name}");
        answer.is_problem(403, "assertion_invalid");
    }
    agent.kill();
    agent.run();
    read_card(&agent, session).is_problem(401, "operator_required");
    assert(&agent, &good).is_problem(403, "assertion_invalid");
    let unlocking = assert(&agent, &hall.says("王五", "a-8", &json!({}))).expect(201);
    assert_ne!(unlocking["session"].as_str(), Some(session));
    assert!(agent.command(&["operator", "key", "remove", "--name", "hall"]).status.success());
    assert(&agent, &hall.says("王五", "a-9", &json!({}))).is_problem(403, "assertion_invalid");
}

#[test]
fn a_session_is_good_with_its_own_token_only() {
    let agent = start(WITH_SESSION);
    let session = signed_in(&agent, "李四", PIN);
    let other = agent.make_token("other", "card,archive:read");
    let holder = opened(&agent, &session);
    let carried = [("Yidang-Session", session.as_str())];
    let path = format!("/v1/holders/{holder}/materials");
    agent.get_as_with(&other, &path, &carried).is_problem(401, "operator_required");
    let state = agent.get_as_with(&other, "/v1/operator/session", &carried).expect(200);
    assert_eq!((&state["session"], &state["required"]), (&Value::Null, &json!("session")));
}

#[test]
fn the_command_line_takes_no_bad_pin_and_no_bad_key_and_shows_neither() {
    let agent = Agent::start();
    let add = |name: &str, pin: &str| agent.command_with_input(&["operator", "add", "--name", name], pin);
    for pin in ["12345", "111111", "123456", "abcdef", "1234567890123"] {
        refusal(&add("clerk", pin), "pin_refused");
    }
    refusal(&add("clerk", ""), "pin_missing");
    refusal(&add("a\u{202e}b", PIN), "invalid");
    assert!(add("clerk", &format!("{PIN}\n")).status.success());
    refusal(&add("clerk", PIN), "operator_name_taken");
    refusal(&agent.command(&["operator", "remove", "--name", "nobody"]), "operator_unknown");
    let listed = String::from_utf8(agent.command(&["operator", "list"]).stdout).expect("text");
    assert!(listed.starts_with("clerk\t") && !listed.contains(PIN) && !listed.contains("argon2"), "{listed}");
    let key = |text: &str| agent.command_with_input(&["operator", "key", "add", "--name", "hall"], text);
    let private = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for text in ["", "ssh-ed25519 AAAA", private] {
        refusal(&key(text), "public_key_malformed");
    }
    let file = agent.folder.path().join("hall.pem");
    std::fs::write(&file, WindowSystem::new(7).pem()).expect("the file is written");
    let by_file = ["operator", "key", "add", "--name", "hall", "--file", file.to_str().expect("a path")];
    assert!(agent.command(&by_file).status.success());
    let keys = document(&agent.command(&["operator", "key", "list", "--json"]), 0);
    assert_eq!(keys[0]["name"], "hall");
    assert!(agent.command(&["operator", "remove", "--name", "clerk"]).status.success());
    by_pin(&agent, "clerk", PIN).is_problem(403, "operator_unknown");
}

#[test]
fn where_only_a_name_is_wanted_a_name_does() {
    for section in ["[operators]\nrequired = \"named\"\n", ""] {
        let mut agent = Agent::start_with_more(section);
        if section.is_empty() {
            // As it was written before there was a section for it.
            assert!(agent.stop());
            let text = std::fs::read_to_string(agent.config()).expect("the file is read");
            let text = text.replace("[agent]\n", "[agent]\noperator_required = true\n");
            std::fs::write(agent.config(), text).expect("the file is written");
            agent.run();
        }
        agent.post("/v1/card/read", &json!({})).is_problem(401, "operator_required");
        agent.post_with("/v1/card/read", &json!({}), &[("Yidang-Operator", "clerk-07")]).expect(200);
    }
}

#[test]
fn neither_clerks_nor_their_pins_stand_in_the_data_folder_or_the_log() {
    let mut agent = start("");
    let session = signed_in(&agent, "李四", PIN);
    by_pin(&agent, "clerk-07", "605113").is_problem(403, "pin_wrong");
    assert!(agent.stop());
    let mut texts = vec![("log".into(), agent.read_log().into_bytes())];
    for file in std::fs::read_dir(agent.data()).expect("a folder") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            texts.push((path.clone(), std::fs::read(&path).expect("it can be read")));
        }
    }
    for (path, bytes) in texts {
        for word in ["李四", "clerk-07", PIN, OTHER_PIN, session.as_str()] {
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{} holds {word}", path.display());
        }
    }
}

#[test]
fn what_one_clerk_was_answered_under_a_key_is_repeated_to_no_other() {
    let agent = start("");
    let first = signed_in(&agent, "李四", PIN);
    let holder = opened(&agent, &first);
    let carried = [("Yidang-Session", first.as_str())];
    let capture = agent.upload_with_headers(FORM, &carried).expect(201);
    let filing = json!({"holders": [holder], "kind": "form", "captures": [capture["id"]], "note": "一件"});
    let keyed = |session| [("Yidang-Session", session), ("Idempotency-Key", "file-1")];
    let filed = agent.post_with("/v1/materials", &filing, &keyed(&first)).expect(201);
    let again = agent.post_with("/v1/materials", &filing, &keyed(&first)).expect(201);
    assert_eq!(again["id"], filed["id"]);
    let second = signed_in(&agent, "clerk-07", OTHER_PIN);
    agent.post_with("/v1/materials", &filing, &keyed(&second)).is_problem(404, "holder_unknown");
}

#[test]
fn a_key_tells_nobody_whether_a_pin_is_right() {
    let agent = start("");
    let keyed = [("Idempotency-Key", "sign-in-1")];
    let sign_in =
        |pin: &str| agent.post_with("/v1/operator/session", &json!({"operator": "李四", "pin": pin}), &keyed);
    let seat = sign_in(PIN).expect(201);
    assert_eq!(sign_in(PIN).expect(201)["session"], seat["session"]);
    sign_in(OTHER_PIN).is_problem(403, "pin_wrong");
    sign_in(OTHER_PIN).is_problem(403, "pin_wrong");
    let counted = ledger_of(&agent, "李四").iter().filter(|(action, _)| action == "sign_in_refused").count();
    assert_eq!(counted, 2);
}

/// The captures that a clerk is shown.
fn tray(agent: &Agent, session: &str) -> Vec<String> {
    let listed = agent.get_with("/v1/captures?limit=1", &[("Yidang-Session", session)]).expect(200);
    let mut ids = Vec::new();
    let mut page = listed;
    loop {
        let captures = page["captures"].as_array().expect("a list");
        ids.extend(captures.iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { return ids };
        let next = format!("/v1/captures?limit=1&cursor={cursor}");
        page = agent.get_with(&next, &[("Yidang-Session", session)]).expect(200);
    }
}

fn left(agent: &Agent, session: &str) -> Value {
    agent.get_with("/v1/captures/left", &[("Yidang-Session", session)]).expect(200)["clerks"].clone()
}

fn captured(agent: &Agent, session: &str) -> String {
    let capture = agent.upload_with_headers(FORM, &[("Yidang-Session", session)]).expect(201);
    capture["id"].as_str().expect("an id").to_owned()
}

#[test]
fn each_clerk_sees_their_own_captures_alone() {
    let mut agent = start(WITH_SESSION);
    let first = signed_in(&agent, "李四", PIN);
    let theirs = [captured(&agent, &first), captured(&agent, &first)];
    assert_eq!(tray(&agent, &first), theirs);
    assert_eq!(left(&agent, &first), json!([]));
    let second = signed_in(&agent, "clerk-07", OTHER_PIN);
    let own = captured(&agent, &second);
    assert_eq!(tray(&agent, &second), [own.as_str()]);
    let carried = [("Yidang-Session", second.as_str())];
    // As if they were not there, whatever is asked of them.
    let image = format!("/v1/captures/{}/image", theirs[0]);
    agent.get_with(&image, &carried).is_problem(404, "capture_unknown");
    agent.delete_with(&format!("/v1/captures/{}", theirs[0]), &carried).is_problem(404, "capture_unknown");
    let holder = opened(&agent, &second);
    let filing = json!({"holders": [holder], "kind": "form", "captures": [theirs[0]]});
    agent.post_with("/v1/materials", &filing, &carried).is_problem(404, "capture_unknown");
    let subject = json!({"type": "resident", "value": "00000019900228001X"});
    let opening =
        json!({"subject": subject, "basis": "no_card", "purpose": "p", "case": "c", "evidence": [theirs[0]]});
    agent.post_with("/v1/holders", &opening, &carried).is_problem(404, "capture_unknown");
    // The same after a restart, which knows nobody's session.
    agent.kill();
    agent.run();
    assert_eq!(tray(&agent, &signed_in(&agent, "李四", PIN)), theirs);
}

#[test]
fn a_clerk_who_was_relieved_is_taken_over_from_and_the_ledger_says_so() {
    let agent = start(&format!("{WITH_SESSION}take_over_minutes = 0.1\n"));
    // The window's own token may do anything; this one may not take over before the time has come.
    let token = agent.make_token("page", "card,capture,archive:write,archive:read");
    let as_clerk = |operator: &str, pin: &str| {
        let proof = json!({"operator": operator, "pin": pin});
        let seat = agent.post_as(&token, "/v1/operator/session", &proof).expect(201);
        seat["session"].as_str().expect("a session").to_owned()
    };
    let first = signed_in(&agent, "李四", PIN);
    let theirs = [captured(&agent, &first), captured(&agent, &first)];
    let second = as_clerk("clerk-07", OTHER_PIN);
    let carried = [("Yidang-Session", second.as_str())];
    let seen = || agent.get_as_with(&token, "/v1/captures/left", &carried).expect(200)["clerks"][0].clone();
    let there = seen();
    assert_eq!((&there["operator"], &there["captures"]), (&json!("李四"), &json!(2)));
    assert_eq!((&there["away_since"], &there["may_take_over"]), (&Value::Null, &json!(false)));
    let wish = json!({"operator": "李四", "reason": "noon"});
    let take = || agent.post_as_with(&token, "/v1/captures/take-over", &wish, &carried);
    take().is_problem(403, "right_missing");
    assert_eq!(tray(&agent, &first), theirs);
    agent.delete_with("/v1/operator/session", &[("Yidang-Session", &first)]).expect(204);
    wait_until("the clerk has been away for long enough", || seen()["may_take_over"] == json!(true));
    let taken = take().expect(200);
    assert_eq!((&taken["left"], taken["captures"].as_array().map(Vec::len)), (&json!(0), Some(2)));
    let ids: Vec<&str> =
        taken["captures"].as_array().expect("a list").iter().filter_map(|c| c["id"].as_str()).collect();
    assert!(ids.iter().all(|id| !theirs.contains(&(*id).to_owned())));
    // They are the new clerk's: shown, and filed.
    let image = format!("/v1/captures/{}/image?rendition=original", ids[0]);
    assert_eq!(agent.get_as_with(&token, &image, &carried).bytes, FORM);
    let again = signed_in(&agent, "李四", PIN);
    assert_eq!(tray(&agent, &again), Vec::<String>::new());
    let told = ledger_of(&agent, "clerk-07");
    let told: Vec<_> = told.iter().map(|(action, basis)| (action.as_str(), basis.as_str())).collect();
    let at = told.iter().position(|line| *line == ("taken_over", "李四: noon")).expect("the ledger says so");
    assert_eq!(told[at + 1].0, "staged", "{told:?}");
    // An administrator need not wait.
    captured(&agent, &again);
    take().is_problem(403, "right_missing");
    let own = signed_in(&agent, "clerk-07", OTHER_PIN);
    let taken = agent.post_with("/v1/captures/take-over", &wish, &[("Yidang-Session", &own)]).expect(200);
    assert_eq!(taken["captures"].as_array().map(Vec::len), Some(1));
}

#[test]
fn where_nobody_signs_in_the_tray_is_everybodys() {
    let agent = start("");
    let session = signed_in(&agent, "李四", PIN);
    let capture = captured(&agent, &session);
    let other = agent.make_token("other", "capture");
    let listed = agent.get_as(&other, "/v1/captures").expect(200);
    assert_eq!(listed["captures"][0]["id"], capture.as_str());
    assert_eq!(agent.get_as(&other, "/v1/captures/left").expect(200), json!({"clerks": []}));
}
