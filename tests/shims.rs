//! Promise: pages written for other makers' services get what they look for, by the same devices and into the same ledger,
//! and only those pages that are listed.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::agent::{Agent, Answer};
use crate::support::preview::Preview;
use crate::support::shims::{PAGE, Shims};
use crate::support::wait_until;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const NUMBER: &str = "00000019900228001X";
const BY_ORIGIN: [(&str, &str); 1] = [("Origin", PAGE)];

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.bytes));
    String::from_utf8(answer.bytes.clone()).expect("text")
}

/// What stands between these, as a page's regular expression would find it.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let from = text.find(begin).unwrap_or_else(|| panic!("{begin} in {text}")) + begin.len();
    let length = text[from..].find(end).expect("an end");
    &text[from..from + length]
}

fn entries(agent: &Agent) -> u64 {
    agent.get("/v1/status").expect(200)["archive"]["ledger_head"].as_u64().expect("a number")
}

fn insert(agent: &Agent, card: Option<&str>) {
    agent.post("/v1/simulated/card", &json!({"insert": card})).expect(204);
}

#[test]
fn a_huashi_page_finds_every_field_by_its_regular_expressions() {
    let shims = Shims::start();
    let get = |path: &str| text(&shims.get("huashi-19196", path, &BY_ORIGIN));
    let opened = get("/OpenDevice&t=0.123");
    assert_eq!(between(&opened, "\"resultFlag\" : ", "\n"), "0");
    for path in ["/readcard&t=0.5", "/readCard", "/readcard&picpath=%22D:/1/123.bmp%22&t=1"] {
        let read = get(path);
        assert!(between(&read, "\"errorMsg\" : \"", "\"").contains("读卡成功"), "{read}");
        assert_eq!(between(&read, "\"resultFlag\" : ", "\n"), "0");
        for (field, value) in [
            ("partyName", "张一档"),
            ("gender", "男"),
            ("nation", "汉"),
            ("nationCode", "01"),
            ("bornDay", "19900228"),
            ("certNumber", NUMBER),
            ("certType", " "),
            ("effDate", "20200301"),
            ("expDate", "20400301"),
        ] {
            assert_eq!(between(&read, &format!("\"{field}\" : \""), "\""), value);
        }
        assert!(between(&read, "\"identityPic\" : \"", "\"").starts_with("/9j/"), "a JPEG in base64");
    }
    insert(&shims.agent, None);
    let none = get("/readcard&t=1");
    assert_eq!(between(&none, "\"resultFlag\" : ", "\n"), "-11");
    assert_eq!(between(&none, "\"certNumber\" : \"", "\""), "");
}

#[test]
fn a_xinzhongxin_page_gets_json_or_a_script() {
    let shims = Shims::start();
    let get = |path: &str, headers: &[(&str, &str)]| shims.get("xinzhongxin-8989", path, headers);
    let read: Value = serde_json::from_str(&text(&get("/api/ReadMsg", &BY_ORIGIN))).expect("JSON");
    assert_eq!((&read["code"], &read["retcode"]), (&json!("0"), &json!("0x90 0x1")));
    assert_eq!((&read["cardno"], &read["userlifee"]), (&json!(NUMBER), &json!("20400301")));
    assert_eq!((&read["CardType"], &read["FpData"]), (&json!("0"), &Value::Null));
    assert!(read["photobase64"].as_str().expect("a picture").starts_with("/9j/"));
    let without: Value =
        serde_json::from_str(&text(&get("/api/ReadMsg?NoPhoto=1&Fp=1", &BY_ORIGIN))).expect("JSON");
    assert_eq!((&without["photobase64"], &without["FpDescribe"]), (&json!(""), &json!("")));
    let bmp: Value =
        serde_json::from_str(&text(&get("/api/ReadMsg?PhotoQuality=101", &BY_ORIGIN))).expect("JSON");
    assert!(bmp["photobase64"].as_str().expect("a picture").starts_with("Qk"));
    // A script says its page's address and no origin.
    let referer = format!("{PAGE}/window/old.html?case=1");
    let by_script = [("Referer", referer.as_str()), ("Sec-Fetch-Dest", "script")];
    let script = text(&get("/api/ReadMsg?waitTime=3&readOnce=0&callback=jQuery11_2&_=3", &by_script));
    let inside = script.strip_prefix("jQuery11_2(").and_then(|s| s.strip_suffix(");")).expect("a call");
    assert_eq!(serde_json::from_str::<Value>(inside).expect("JSON")["name"], "张一档");
    assert_eq!(get("/api/ReadMsg?callback=alert(1)//", &by_script).status, 422);
    // Once each.
    let again: Value =
        serde_json::from_str(&text(&get("/api/ReadMsg?readOnce=1", &BY_ORIGIN))).expect("JSON");
    assert_eq!((&again["code"], &again["cardno"]), (&json!("1"), &json!("")));
    insert(&shims.agent, Some("02-hmt"));
    let other: Value =
        serde_json::from_str(&text(&get("/api/ReadMsg?readOnce=1", &BY_ORIGIN))).expect("JSON");
    assert_eq!((&other["code"], &other["CardType"]), (&json!("0"), &json!("2")));
    insert(&shims.agent, None);
    let none: Value = serde_json::from_str(&text(&get("/api/ReadMsg", &BY_ORIGIN))).expect("JSON");
    assert_eq!((&none["retcode"], &none["cardno"]), (&json!("0x80"), &json!("")));
}

#[test]
fn a_liangtian_page_captures_through_this_windows_camera_and_no_file_is_touched() {
    let shims = Shims::start();
    let before = entries(&shims.agent);
    let folder = shims.agent.folder.path().join("of-the-page");
    std::fs::create_dir(&folder).expect("a folder");
    let there = folder.join("there.jpg");
    std::fs::write(&there, b"theirs").expect("a file");
    let mut captured = Vec::new();
    for label in ["", "base64", "D:\\1\\a.jpg", there.to_str().expect("text"), "../../../../etc/passwd"] {
        let body = json!({"filepath": label, "rotate": "0", "cutpage": "1", "camidx": "0", "ColorMode": "0"});
        let grabbed: Value = serde_json::from_str(&text(&shims.post(
            "liangtian-38088",
            "/video=grabimage",
            &body.to_string(),
        )))
        .expect("JSON");
        assert_eq!((&grabbed["code"], &grabbed["filepath"]), (&json!("0"), &json!(label)));
        assert!(grabbed["photoBase64"].as_str().expect("a picture").starts_with("/9j/"));
        captured.push(grabbed["uuid"].as_str().expect("an id").to_owned());
    }
    assert_eq!(std::fs::read(&there).expect("it is there"), b"theirs");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
    // Each is one entry of the ledger and a capture like any other, from the simulated camera.
    assert_eq!(entries(&shims.agent), before + 5);
    let list = shims.agent.get("/v1/captures").expect(200);
    let waiting: Vec<&str> =
        list["captures"].as_array().expect("a list").iter().filter_map(|c| c["id"].as_str()).collect();
    assert_eq!(waiting, captured);
    assert!(
        list["captures"].as_array().expect("a list").iter().all(|capture| capture["origin"] == "simulated")
    );
    for (body, code) in [
        (r#"{"camidx":"7"}"#, "-1"),
        (r#"{"camidx":"1"}"#, "-1"),
        (r#"{"watermark":{"pos":"4","content":""}}"#, "-1"),
        ("no JSON", "-1"),
    ] {
        let answer = shims.post("liangtian-38088", "/video=grabimage", body);
        assert_eq!(answer.expect(200)["code"], code, "{body}");
    }
    assert_eq!(entries(&shims.agent), before + 5);
}

#[test]
fn a_liangtian_page_reads_cards_and_asks_what_there_is() {
    let shims = Shims::start();
    let post = |path: &str, body: &str| shims.post("liangtian-38088", path, body).expect(200);
    let before = entries(&shims.agent);
    let read = post("/card=idcard", "");
    assert_eq!(read["code"], 0);
    let info = &read["IDCardInfo"];
    assert_eq!((&info["cardID"], &info["birthday"]), (&json!(NUMBER), &json!("19900228")));
    assert_eq!(
        (&info["appendMsg"], &info["strIDUID"]),
        (&json!("某省某市某区新样本路22号"), &json!("0000000000000001"))
    );
    assert_eq!(post("/video=status", "")["video0"], "ok");
    assert_eq!(post("/video=status", "")["video1"], "no");
    assert_eq!(post("/device=isconnect", "")["data"], "1");
    let sizes = post("/device=getresolution", r#"{"camidx":"0","mode":"1"}"#);
    assert!(sizes["data"].as_str().expect("a text").split('|').all(|size| size.contains('*')), "{sizes}");
    assert_eq!(post("/video=ocr", r#"{"picfilepath":"/etc/passwd","savefilepath":"/tmp/x"}"#)["code"], "-1");
    // A reading writes nothing, and opens nobody's dossier, here as at the local API.
    assert_eq!(entries(&shims.agent), before);
    insert(&shims.agent, None);
    assert_eq!(post("/card=idcard", "")["code"], "-1");
}

#[test]
fn a_liangtian_preview_is_shown_until_it_is_closed() {
    let shims = Shims::start();
    let referer = format!("{PAGE}/");
    let headers = [("Referer", referer.as_str()), ("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Mode", "no-cors")];
    let mut preview =
        Preview::begin(shims.url("liangtian-38088"), "/video=stream&camidx=0&time=0.1", &headers);
    assert_eq!(preview.status, 200, "{}", preview.head);
    assert_eq!(preview.frame().expect("a frame"), FORM);
    shims.post("liangtian-38088", "/video=close", r#"{"camidx":"0"}"#).expect(200);
    wait_until("the preview ends", || preview.frame().is_none());
}

#[test]
fn only_a_listed_page_is_told_anything() {
    let shims = Shims::start();
    let script = [("Referer", "http://window.example:8080/a"), ("Sec-Fetch-Dest", "image")];
    let evil = [("Origin", "https://evil.example")];
    for (shim, path) in [
        ("huashi-19196", "/readcard"),
        ("xinzhongxin-8989", "/api/ReadMsg?callback=f"),
        ("liangtian-38088", "/video=stream"),
    ] {
        for headers in [&[][..], &evil, &[("Origin", "null")], &[("Origin", shims.agent.url.as_str())]] {
            let answer = shims.get(shim, path, headers);
            answer.is_problem(403, "origin_denied");
            assert!(!String::from_utf8_lossy(&answer.bytes).contains(NUMBER));
        }
    }
    // A listed page, but the wrong kind of load.
    shims.get("xinzhongxin-8989", "/api/ReadMsg?callback=f", &script).is_problem(403, "origin_denied");
    // The local API's own list does not count, nor its tokens.
    let token = format!("Bearer {}", shims.agent.token);
    let by_token = [("Authorization", token.as_str())];
    shims.get("huashi-19196", "/readcard", &by_token).is_problem(403, "origin_denied");
}

#[test]
fn a_window_without_shims_listens_at_its_own_port_alone_and_one_whose_port_is_held_works_without_it() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("an address").port();
    let section = format!(
        "[[shims]]\nname = \"huashi-19196\"\norigins = [\"{PAGE}\"]\nlisten = \"127.0.0.1:{port}\"\n"
    );
    let mut agent = Agent::start_with_sections(&section);
    agent.read_card();
    wait_until("it says so", || agent.read_log().contains("a shim waits for its port"));
    assert!(agent.stop(), "it waits for nothing");
}
