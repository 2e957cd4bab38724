//! Promise: one window's whole transaction works, and whatever goes wrong with it has a name.

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::support::agent::Agent;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");

fn file(agent: &Agent, holder: &str, capture: &str, case: &str) -> crate::support::agent::Answer {
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture], "case": case, "slot": "s1",
        "note": "某样本备注"});
    agent.post("/v1/materials", &body)
}

fn id(value: &serde_json::Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_paper_is_captured_filed_recognised_seen_and_erased() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let capture = agent.post("/v1/captures", &json!({})).expect(201);
    assert!(capture["confidence"].as_f64().expect("a number") > 0.5, "{capture}");
    assert_ne!(capture["digest"], capture["original_digest"], "the page was cut out");
    let material = file(&agent, &holder, &id(&capture), "K1").expect(201);
    assert_eq!(
        (material["duplicate"].as_bool(), material["safe_at"].as_str()),
        (Some(false), Some("this_pc"))
    );

    let same = agent.upload(FORM).expect(201);
    assert_eq!(same["original_digest"], capture["original_digest"]);
    let again = file(&agent, &holder, &id(&same), "K1").expect(200);
    assert_eq!((again["duplicate"].as_bool(), &again["id"]), (Some(true), &material["id"]));
    let unfiled = agent.get("/v1/captures?state=unfiled").expect(200);
    assert_eq!(unfiled["captures"].as_array().map(Vec::len), Some(0), "the second capture is used up");
    let once_more = agent.upload(FORM).expect(201);
    let elsewhere = file(&agent, &holder, &id(&once_more), "K2").expect(201);
    assert_eq!(elsewhere["duplicate_of"], material["id"]);

    let path = format!("/v1/materials/{}/pages/1/image?rendition=original", id(&material));
    let picture = agent.get(&path);
    assert!(picture.status == 200 && picture.bytes == FORM, "the original comes back byte for byte");
    let list = agent.get(&format!("/v1/holders/{holder}/materials?scope=all")).expect(200);
    assert_eq!(list["materials"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["repository"], "none");

    for gone in [&material, &elsewhere] {
        let erasure =
            agent.post("/v1/erasures", &json!({"material": id(gone), "reason": "test"})).expect(201);
        assert_eq!(erasure["state"], "done", "{erasure}");
        agent.get(&format!("/v1/materials/{}", id(gone))).is_problem(404, "material_unknown");
    }
    assert!(agent.stop(), "SIGTERM ends it in good order");
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_dossier_opens_only_on_a_basis() {
    let agent = Agent::start();
    let subject = json!({"type": "resident", "value": "11010519491231002X"});
    let opened = agent.post("/v1/holders", &json!({"subject": subject, "basis": "none"})).expect(201);
    let holder = opened["holder"].as_str().expect("a holder").to_owned();
    assert_eq!(opened["rights"], json!(["file"]));
    let capture = agent.upload(FORM).expect(201);
    file(&agent, &holder, &id(&capture), "K1").expect(201);
    agent.get(&format!("/v1/holders/{holder}/materials")).is_problem(403, "right_missing");
    let stated = json!({"subject": subject, "basis": "lost_card"});
    agent.post("/v1/holders", &stated).is_problem(422, "invalid");
    let stated = json!({"subject": subject, "basis": "lost_card", "purpose": "p", "case": "K1"});
    let opened = agent.post("/v1/holders", &stated).expect(201);
    let list = agent.get(&format!("/v1/holders/{}/materials", opened["holder"].as_str().expect("a holder")));
    assert_eq!(list.expect(200)["materials"].as_array().map(Vec::len), Some(1));
    agent.delete(&format!("/v1/holders/{holder}")).expect(204);
    agent.get(&format!("/v1/holders/{holder}/materials")).is_problem(404, "holder_unknown");
}

#[test]
fn bad_pictures_and_absent_cards_have_names() {
    let agent = Agent::start();
    agent.upload(b"no picture").is_problem(415, "not_an_image");
    agent.upload(&FORM[..FORM.len() / 2]).is_problem(422, "image_damaged");
    // Its middle lost, its end there: a decoder would paint the rest in grey.
    agent
        .upload(&[&FORM[..FORM.len() / 3], &FORM[FORM.len() / 2..]].concat())
        .is_problem(422, "image_damaged");
    agent.post("/v1/simulated/card", &json!({"insert": null})).expect(204);
    agent.post("/v1/card/read", &json!({})).is_problem(409, "card_absent");
    agent.post("/v1/simulated/card", &json!({"insert": "nobody"})).is_problem(404, "simulated_unknown");
    agent.post("/v1/simulated/reset", &json!({})).expect(204);
    agent
        .post("/v1/simulated/fault", &json!({"device": "card", "fault": "read_failed", "times": 2}))
        .expect(204);
    agent.post("/v1/card/read", &json!({})).is_problem(502, "card_unreadable");
    agent.read_card();
    agent.post("/v1/simulated/fault", &json!({"device": "camera", "fault": "truncated"})).expect(204);
    agent.post("/v1/captures", &json!({})).is_problem(502, "camera_failed");
    agent.post("/v1/captures", &json!({})).expect(201);
}

#[test]
fn lists_are_walked_by_cursors_that_are_opaque_text() {
    let agent = Agent::start();
    let captured: Vec<String> =
        (0..3).map(|_| id(&agent.post("/v1/captures", &json!({"crop": "full"})).expect(201))).collect();
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = agent.get(&format!("/v1/captures?state=unfiled&limit=1{next}")).expect(200);
        seen.extend(page["captures"].as_array().expect("a list").iter().map(id));
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, captured);

    let holder = agent.read_card();
    for path in ["/v1/captures".to_owned(), format!("/v1/holders/{holder}/materials")] {
        for cursor in ["", "7", "x.7", "c.-1", "c.9223372036854775808", "l.18446744073709551616"] {
            agent.get(&format!("{path}?cursor={cursor}")).is_problem(422, "invalid");
        }
    }
}

#[test]
fn the_same_idempotency_key_gives_the_same_answer_also_after_a_kill() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [holder], "kind": "form", "captures": [id(&capture)]});
    let key = [("Idempotency-Key", "k-1")];
    let first = agent.post_with("/v1/materials", &body, &key).expect(201);
    assert_eq!(id(&agent.post_with("/v1/materials", &body, &key).expect(201)), id(&first));
    let other = json!({"holders": [holder], "kind": "other", "captures": [id(&capture)]});
    agent.post_with("/v1/materials", &other, &key).is_problem(409, "idempotency_conflict");
    agent.kill();
    agent.run();
    // The session is over, and what it called the holder means nothing any more.
    assert_eq!(id(&agent.post_with("/v1/materials", &body, &key).expect(201)), id(&first));
    let holder = agent.read_card();
    let anew = json!({"holders": [holder], "kind": "form", "captures": [id(&capture)]});
    assert_eq!(id(&agent.post_with("/v1/materials", &anew, &key).expect(201)), id(&first));
    let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    assert_eq!(list["materials"].as_array().map(Vec::len), Some(1));

    agent.post("/v1/simulated/card", &json!({"insert": "05-other-resident"})).expect(204);
    let other = agent.read_card();
    let others = json!({"holders": [other], "kind": "form", "captures": [id(&capture)]});
    agent.post_with("/v1/materials", &others, &key).is_problem(409, "idempotency_conflict");
    agent.post("/v1/erasures", &json!({"material": id(&first), "reason": "test"})).expect(201);
    agent.post_with("/v1/materials", &anew, &key).is_problem(404, "material_unknown");
}

#[test]
fn who_may_not_look_is_told_nothing_of_what_others_wrote() {
    let mut agent = Agent::start();
    let card = agent.post("/v1/card/read", &json!({})).expect(200);
    let holder = card["holder"].as_str().expect("a holder").to_owned();
    let capture = agent.upload(FORM).expect(201);
    let first = file(&agent, &holder, &id(&capture), "K1").expect(201);
    assert_eq!(first["note"], "某样本备注");

    agent.token = agent.make_token("clerk", "capture,archive:write,archive:read");
    let subject = json!({"type": "resident", "value": card["id_number"]});
    let opened = agent.post("/v1/holders", &json!({"subject": subject, "basis": "none"})).expect(201);
    let capture = agent.upload(FORM).expect(201);
    let body = json!({"holders": [opened["holder"]], "kind": "other", "captures": [id(&capture)], "case": "K1",
        "slot": "s1"});
    let key = [("Idempotency-Key", "k-1")];
    let told = agent.post_with("/v1/materials", &body, &key).expect(200);
    assert_eq!((told["duplicate"].as_bool(), &told["id"]), (Some(true), &first["id"]));
    assert_eq!(
        (&told["kind"], told["note"].is_null()),
        (&json!("other"), true),
        "only its own words come back"
    );
    let again = agent.post_with("/v1/materials", &body, &key).expect(200);
    assert_eq!((&again["kind"], again["note"].is_null()), (&json!("other"), true), "however often it asks");
    agent.get(&format!("/v1/materials/{}", id(&first))).is_problem(403, "holder_required");
}

#[test]
fn the_same_filing_of_several_pages_again_is_recognised() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let captures: Vec<String> =
        [FORM, LETTER, FORM].iter().map(|p| id(&agent.upload(p).expect(201))).collect();
    let paper = |agent: &Agent, holder: &str, captures: &[&String], case: &str| {
        let body =
            json!({"holders": [holder], "kind": "form", "captures": captures, "case": case, "slot": "s1"});
        agent.post("/v1/materials", &body)
    };
    let [form, letter, unfiled] = &captures[..] else { panic!("three captures") };
    let first = paper(&agent, &holder, &[form, letter, form], "K1").expect(201);
    for again in 0..2 {
        let repeated = paper(&agent, &agent.read_card(), &[form, letter, form], "K1").expect(200);
        assert_eq!((&repeated["id"], &repeated["duplicate"]), (&first["id"], &json!(true)), "{again}");
        assert_eq!(repeated["pages"], first["pages"]);
        agent.kill();
        agent.run();
    }
    let holder = agent.read_card();
    for other in [&[form, letter][..], &[letter, form, form], &[form, letter, unfiled], &[unfiled, form]] {
        paper(&agent, &holder, other, "K1").is_problem(409, "capture_filed");
    }
    paper(&agent, &holder, &[form, letter, form], "K2").is_problem(409, "capture_filed");
    let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    assert_eq!(list["materials"].as_array().map(Vec::len), Some(1));
}

/// Sends bytes as they are; the answer's first line.
fn raw(agent: &Agent, request: &str) -> String {
    let address = agent.url.strip_prefix("http://").expect("an address");
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn the_guard_turns_away_who_may_not_call() {
    let agent = Agent::start();
    let own = agent.url.strip_prefix("http://").expect("an address");
    let ask = |host: &str, more: &str| {
        raw(&agent, &format!("GET /v1/health HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"))
    };
    assert!(ask(own, "").contains(" 200 "));
    for host in ["evil.example", "127.0.0.1", "127.0.0.1.evil.example"] {
        assert!(ask(host, "").contains(" 421 "), "{host}");
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert!(ask(own, &format!("Origin: {origin}\r\n")).contains(" 403 "), "{origin}");
    }
    assert!(ask(own, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n").contains(" 403 "));
    assert!(ask(own, &format!("Origin: http://{own}\r\n")).contains(" 200 "));
    let bare =
        |path: &str| raw(&agent, &format!("GET {path} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"));
    assert!(bare("/v1/status").contains(" 401 "));
    assert!(bare("/v1/nothing").contains(" 404 "));
}

#[test]
fn a_second_daemon_on_the_folder_is_refused() {
    let agent = Agent::start();
    let second = agent.command(&["run"]);
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(error.contains("data_dir_in_use") && error.contains("remedy"), "{error}");
}

/// Another person, whose dossier is open on this basis.
fn open_other(agent: &Agent, basis: &str) -> String {
    let subject = json!({"type": "provisional", "value": "P-1001"});
    let mut body = json!({"subject": subject, "basis": basis});
    if basis != "none" {
        (body["purpose"], body["case"]) = (json!("test"), json!("K9"));
    }
    let opened = agent.post("/v1/holders", &body).expect(201);
    opened["holder"].as_str().expect("a holder").to_owned()
}

#[test]
fn a_paper_filed_to_the_wrong_person_is_put_right_and_the_wrong_view_closes() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let capture = agent.upload(FORM).expect(201);
    let wrong = file(&agent, &holder, &id(&capture), "K1").expect(201);
    let other = open_other(&agent, "no_card");
    // Another window program, which did not file it, has the first person's dossier open.
    let filing = agent.token.clone();
    let looking = agent.make_token("looks", "card,archive:write,archive:read,archive:assist");
    agent.token = looking.clone();
    let seen = agent.read_card();
    let path = format!("/v1/materials/{}", id(&wrong));
    agent.get(&path).expect(200);

    agent.token = filing.clone();
    let body = json!({"holders": [other], "kind": "letter", "case": "K2", "reason": "read the wrong card"});
    let key = [("Idempotency-Key", "refile-1")];
    let refile = format!("{path}/refile");
    let moved = agent.post_with(&refile, &body, &key).expect(200);
    assert_eq!(
        (&moved["id"], &moved["kind"], &moved["case"]),
        (&wrong["id"], &json!("letter"), &json!("K2"))
    );
    assert_eq!((&moved["filed_at"], &moved["note"]), (&wrong["filed_at"], &wrong["note"]));
    assert_eq!(agent.post_with(&refile, &body, &key).expect(200), moved);
    let else_one = json!({"kind": "form", "reason": "read the wrong card"});
    agent.post_with(&refile, &else_one, &key).is_problem(409, "idempotency_conflict");
    let listed = |agent: &Agent, holder: &str| {
        let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
        list["materials"].as_array().expect("a list").iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&agent, &holder), Vec::<String>::new());
    assert_eq!(listed(&agent, &other), [id(&wrong)]);
    agent.token = looking.clone();
    assert_eq!(listed(&agent, &seen), Vec::<String>::new());
    for gone in [path.clone(), format!("{path}/pages/1/image"), format!("{path}/document.pdf")] {
        agent.get(&gone).is_problem(403, "holder_required");
    }
    agent.post(&refile, &else_one).is_problem(403, "holder_required");
    let here = open_other(&agent, "no_card");
    agent.get(&path).expect(200);
    // It must come to somebody whose dossier this token has open.
    let foreign = json!({"holders": [other], "reason": "r"});
    agent.post(&refile, &foreign).is_problem(404, "holder_unknown");
    agent.post(&refile, &json!({"reason": "r"})).is_problem(422, "invalid");
    agent.post(&refile, &json!({"kind": "form", "reason": " "})).is_problem(422, "invalid");
    agent.post(&refile, &json!({"holders": [], "reason": "r"})).is_problem(422, "invalid");
    let unknown = format!("/v1/materials/{}/refile", "0".repeat(32));
    agent.post(&unknown, &else_one).is_problem(404, "material_unknown");
    agent.post("/v1/materials/none/refile", &else_one).is_problem(404, "material_unknown");
    agent.post(&refile, &else_one).expect(200);
    assert_eq!(agent.get(&path).expect(200)["kind"], "form");
    let bare = agent.make_token("bare", "archive:read");
    let looking = std::mem::replace(&mut agent.token, bare);
    agent.post(&refile, &else_one).is_problem(403, "scope_missing");

    // It holds across a kill, and so does the key.
    agent.token = filing;
    agent.kill();
    agent.run();
    let holder = agent.read_card();
    assert_eq!(listed(&agent, &holder), Vec::<String>::new());
    assert_eq!(id(&agent.post_with(&refile, &body, &key).expect(200)), id(&wrong));
    let erased = agent.post("/v1/erasures", &json!({"holder": holder, "reason": "test"})).expect(201);
    assert_eq!(erased["materials"], json!([]), "the paper is not the first person's");
    let other = open_other(&agent, "no_card");
    let picture = agent.get(&format!("{path}/pages/1/image?rendition=original"));
    assert!(picture.bytes == FORM, "{}", picture.status);
    let erased = agent.post("/v1/erasures", &json!({"holder": other, "reason": "test"})).expect(201);
    assert_eq!(erased["materials"], json!([id(&wrong)]));
    agent.post(&refile, &else_one).is_problem(404, "material_unknown");
    drop((here, looking));
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn who_filed_a_paper_sees_it_no_more_once_another_has_put_it_right() {
    let mut agent = Agent::start();
    let filing = agent.make_token("files", "capture,archive:write,archive:read");
    let clerk = std::mem::replace(&mut agent.token, filing.clone());
    let wrong = open_other(&agent, "none");
    let capture = agent.upload(FORM).expect(201);
    let path = format!("/v1/materials/{}", id(&file(&agent, &wrong, &id(&capture), "K1").expect(201)));
    agent.get(&path).expect(200);

    agent.token = clerk;
    open_other(&agent, "no_card");
    let holder = agent.read_card();
    let body = json!({"holders": [holder], "reason": "read the wrong card"});
    agent.post(&format!("{path}/refile"), &body).expect(200);
    agent.get(&path).expect(200);

    agent.token = filing;
    for gone in [path.clone(), format!("{path}/pages/1/image"), format!("{path}/document.pdf")] {
        agent.get(&gone).is_problem(403, "holder_required");
    }
    let back = json!({"holders": [wrong], "reason": "mine"});
    agent.post(&format!("{path}/refile"), &back).is_problem(403, "holder_required");
}

#[test]
fn a_newer_paper_takes_the_place_of_an_older_one_that_stays_readable() {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let file_in_place_of = |picture: &[u8], kind: &str, older: &str| {
        let capture = agent.upload(picture).expect(201);
        let body =
            json!({"holders": [holder], "kind": kind, "captures": [id(&capture)], "supersedes": older});
        agent.post("/v1/materials", &body)
    };
    let capture = agent.upload(FORM).expect(201);
    let older = file(&agent, &holder, &id(&capture), "K1").expect(201);
    assert_eq!((&older["status"], &older["supersedes"]), (&json!("current"), &json!(null)));
    file_in_place_of(LETTER, "letter", &id(&older)).is_problem(422, "invalid");
    file_in_place_of(LETTER, "form", &"0".repeat(32)).is_problem(404, "material_unknown");
    file_in_place_of(LETTER, "form", "none").is_problem(404, "material_unknown");
    let newer = file_in_place_of(LETTER, "form", &id(&older)).expect(201);
    assert_eq!((&newer["status"], &newer["supersedes"]), (&json!("current"), &older["id"]));
    let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
    let shown: Vec<_> =
        list["materials"].as_array().expect("a list").iter().map(|m| (id(m), m["status"].clone())).collect();
    assert_eq!(shown, [(id(&newer), json!("current")), (id(&older), json!("superseded"))]);
    let path = format!("/v1/materials/{}", id(&older));
    assert_eq!(agent.get(&path).expect(200)["status"], "superseded");
    assert!(agent.get(&format!("{path}/pages/1/image?rendition=original")).bytes == FORM);
    // Who may not look at a paper takes nobody's place, and is not told whose it is.
    let files = agent.make_token("files", "capture,archive:write");
    let filing = std::mem::replace(&mut agent.token, files);
    let other = open_other(&agent, "none");
    let capture = agent.upload(LETTER).expect(201);
    for older in [newer["id"].clone(), json!("0".repeat(32))] {
        let body =
            json!({"holders": [other], "kind": "form", "captures": [id(&capture)], "supersedes": older});
        agent.post("/v1/materials", &body).is_problem(403, "holder_required");
    }
    agent.token = filing;
    // It is nobody else's to say so.
    let other = open_other(&agent, "none");
    let capture = agent.upload(FORM).expect(201);
    let body =
        json!({"holders": [other], "kind": "form", "captures": [id(&capture)], "supersedes": newer["id"]});
    agent.post("/v1/materials", &body).is_problem(404, "material_unknown");
    let erased = agent.post("/v1/erasures", &json!({"material": newer["id"], "reason": "test"})).expect(201);
    assert_eq!(erased["state"], "done");
    assert_eq!(agent.get(&path).expect(200)["status"], "current", "the newer one is gone");
}

/// A picture that is seen again is not sent again, and comes in parts where that is asked for; each look is entered.
#[test]
fn a_picture_comes_once_and_in_parts() {
    let agent = Agent::start();
    let holder = agent.read_card();
    let capture = agent.upload(FORM).expect(201)["id"].clone();
    let filing = json!({"holders": [holder], "kind": "form", "captures": [capture]});
    let filed = agent.post("/v1/materials", &filing).expect(201);
    let path =
        format!("/v1/materials/{}/pages/1/image?rendition=original", filed["id"].as_str().expect("an id"));
    let whole = agent.get_whole(&path, &[]);
    assert_eq!((whole.0, whole.2.as_slice()), (200, FORM));
    let tag = whole.1["etag"].to_str().expect("a tag");
    let head = || agent.get("/v1/status").expect(200)["archive"]["ledger_head"].as_u64().expect("a number");
    let before = head();
    let known = agent.get_whole(&path, &[("If-None-Match", tag)]);
    assert_eq!((known.0, known.2.len()), (304, 0));
    assert_eq!(known.1["cache-control"], "no-store");
    let part = agent.get_whole(&path, &[("Range", "bytes=10-19")]);
    assert_eq!((part.0, part.2.as_slice()), (206, &FORM[10..20]));
    assert_eq!(part.1["content-range"], format!("bytes 10-19/{}", FORM.len()).as_str());
    assert_eq!(head(), before + 2, "each is a look");
    assert_eq!(agent.get_whole(&path, &[("Range", "bytes=99999999-")]).0, 416);
}

/// More readings than may wait: who is turned away hears who has the reader.
#[test]
fn who_finds_the_reader_taken_is_told_by_whom() {
    let agent = Agent::start();
    agent.post("/v1/simulated/card", &json!({"insert": null})).expect(204);
    // One program alone may not have all that wait.
    let tokens: Vec<String> = (0..4).map(|n| agent.make_token(&format!("window {n}"), "card")).collect();
    let busy = std::thread::scope(|scope| {
        let wait = |token| agent.post_as(token, "/v1/card/read", &json!({"wait_ms": 4000}));
        let waiting: Vec<_> =
            tokens.iter().cycle().take(28).map(|token| scope.spawn(move || wait(token))).collect();
        let mut busy: Vec<_> = waiting.into_iter().filter_map(|thread| thread.join().ok()).collect();
        busy.retain(|answer| answer.status == 503);
        busy
    });
    assert!(!busy.is_empty(), "some are turned away");
    for answer in busy {
        answer.is_problem(503, "busy");
        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains("in use by window "), "{detail}");
    }
}
