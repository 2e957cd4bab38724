//! What is refused, and how it is said.

use serde_json::json;
use yidang_sync::limits::{BLOB_SIZE_MAX, JSON_BODY_MAX};

use super::*;

#[test]
fn nobody_unknown_gets_in() {
    let house = House::new();
    let window = house.window("one");
    let nobody = Window { key: None, ..window.clone() };
    let stranger = Window { key: Some("0".repeat(64)), ..window.clone() };
    for (method, path) in [
        (Method::POST, "/v1/blobs/missing".to_owned()),
        (Method::PUT, format!("/v1/blobs/{}", Digest::of(b"x"))),
        (Method::GET, format!("/v1/blobs/{}", Digest::of(b"x"))),
        (Method::POST, "/v1/commits".to_owned()),
        (Method::GET, "/v1/feed".to_owned()),
        (Method::POST, "/v1/holders/materials".to_owned()),
    ] {
        let body = || (method != Method::GET).then(|| b"{}".to_vec());
        assert_eq!(nobody.send(method.clone(), &path, &[], body()).code(), "token_missing", "{path}");
        assert_eq!(stranger.send(method.clone(), &path, &[], body()).code(), "token_invalid", "{path}");
    }
    assert_eq!(nobody.get("/v1/health").status, 200);
    assert_eq!(window.get("/v1/nothing").code(), "route_unknown");
    assert_eq!(window.get("/v1/commits").code(), "method_not_allowed");
}

#[test]
fn problems_come_in_the_callers_language() {
    let house = House::new();
    let window = house.window("one");
    let chinese = window.get("/v1/nothing");
    assert_eq!(chinese.headers["content-language"], "zh-CN");
    assert!(!chinese.json::<Problem>().title.is_ascii());
    let english = window.send(Method::GET, "/v1/nothing", &[("Accept-Language", "en")], None);
    assert!(english.json::<Problem>().title.is_ascii());
}

#[test]
fn a_code_enrols_once_and_at_its_own_counter() {
    let house = House::new();
    let window = house.window("one");
    let enrol = |code: &str, counter: &str| {
        window.post("/v1/agents/enrol", &EnrolRequest { code: code.into(), counter: counter.into() })
    };
    let code = make_enrol_code(&house.config.data_dir, Some("two")).unwrap();
    assert_eq!(enrol(&code, "three").code(), "code_foreign");
    assert_eq!(enrol(&code.to_lowercase().replace('-', " "), "two").status, 201);
    assert_eq!(enrol(&code, "two").code(), "code_spent");
    assert_eq!(enrol("ABCDE-ABCDE-ABCDE-ABCDE", "two").code(), "code_spent");
    assert_eq!(enrol(&code, &"x".repeat(300)).code(), "invalid");
    assert_eq!(enrol(&"x".repeat(5000), "two").code(), "body_too_large");
}

#[test]
fn one_refused_entry_does_not_block_the_rest() {
    let house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let mut simulated = material(&[specimen()], &bytes);
    simulated.origin = Origin::Simulated;
    let good = material(&[specimen()], &bytes);
    let mut entries: Vec<Value> =
        [&simulated, &good, &good].map(|m| serde_json::to_value(filed(m)).unwrap()).to_vec();
    entries[2]["material"]["kind"] = "".into();
    entries[2]["id"] = "11".repeat(16).into();
    entries[2]["material"]["id"] = "11".repeat(16).into();
    entries.push(json!("no entry at all"));
    let codes = window.commit(entries);
    assert_eq!(codes, ["simulated_refused", "accepted", "invalid", "entry_unknown"]);
    let shown = window.materials(&specimen()).materials;
    assert_eq!(shown.iter().map(|m| m.id).collect::<Vec<_>>(), [good.id]);
}

#[test]
fn simulated_materials_are_taken_where_that_is_configured() {
    let house = House::with(|config| config.accept_simulated = true);
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let mut simulated = material(&[specimen()], &bytes);
    simulated.origin = Origin::Simulated;
    assert_eq!(window.commit(vec![filed(&simulated)]), ["accepted"]);
}

#[test]
fn another_material_under_a_known_identifier_is_refused() {
    let house = House::new();
    let mut window = house.window("one");
    let first = window.file(&[specimen()], &paper());
    let bytes = paper();
    window.put(&bytes);
    let mut other = material(&[specimen()], &bytes);
    other.id = first;
    assert_eq!(window.commit(vec![filed(&other)]), ["material_conflict"]);
}

#[test]
fn a_paper_whose_original_was_disposed_of_since_is_still_the_same() {
    let house = House::new();
    let mut window = house.window("one");
    let (original, page) = (paper(), paper());
    let without = material(&[specimen()], &page);
    let mut whole = without.clone();
    whole.pages[0].original = material(&[specimen()], &original).pages.remove(0).image;
    window.put(&original);
    window.put(&page);
    // Reported again where the answer was lost, the window was enrolled anew, or its disk was recovered.
    for material in [&whole, &without, &whole] {
        assert_eq!(window.commit(vec![filed(material)]), ["accepted"]);
    }
    let shown = window.materials(&specimen()).materials;
    assert_eq!(shown.len(), 1);
    let grant = window.materials(&specimen()).grant;
    assert_eq!(window.blob(&grant, &original).status, 200, "it has it still");
    // Put right since at the window, which reports it as it stands.
    let moved = Material { holders: vec![somebody(2)], ..without };
    assert_eq!(window.commit(vec![filed(&moved)]), ["accepted"]);
    let mut other = whole.clone();
    other.pages[0].original = material(&[specimen()], &paper()).pages.remove(0).image;
    assert_eq!(window.commit(vec![filed(&other)]), ["material_conflict"]);
}

#[test]
fn a_commit_waits_for_its_blobs() {
    let house = House::new();
    let mut window = house.window("one");
    let (here, lacking) = (paper(), paper());
    window.put(&here);
    let entries: Vec<Entry> = [&here, &lacking].map(|p| filed(&material(&[specimen()], p))).to_vec();
    let answer = window.commit_as(1, entries.clone());
    assert_eq!((answer.status, answer.code().as_str()), (412, "blobs_missing"));
    assert_eq!(answer.json::<Problem>().missing, [Digest::of(&lacking)]);
    assert_eq!(window.materials(&specimen()).materials.len(), 0);
    window.put(&lacking);
    assert_eq!(window.commit(entries), ["accepted"; 2]);
}

#[test]
fn a_window_learns_nothing_of_anothers_uploads() {
    let house = House::new();
    let (mut one, two) = (house.window("one"), house.window("two"));
    let (filed_by_one, uploaded_by_one) = (paper(), paper());
    one.file(&[specimen()], &filed_by_one);
    one.put(&uploaded_by_one);
    for bytes in [&filed_by_one, &uploaded_by_one] {
        assert_eq!(two.missing(&[bytes]), [Digest::of(bytes)]);
        let answer = two.commit_as(1, vec![filed(&material(&[specimen()], bytes))]);
        assert_eq!(answer.code(), "blobs_missing");
    }
    let grant = one.materials(&specimen()).grant;
    assert_eq!(one.blob(&grant, &filed_by_one).status, 200);
    assert_eq!(two.blob(&grant, &filed_by_one).code(), "grant_invalid");
    assert_eq!(one.blob(&grant, &uploaded_by_one).code(), "grant_invalid");
    assert_eq!(one.blob("none", &filed_by_one).code(), "grant_invalid");
    assert_eq!(one.get(&format!("/v1/blobs/{}", Digest::of(&filed_by_one))).code(), "grant_invalid");
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let house = House::new();
    let window = house.window("one");
    let put = |path: &str, body: Vec<u8>| window.send(Method::PUT, path, &[], Some(body));
    let other = put(&format!("/v1/blobs/{}", Digest::of(b"this")), b"that".to_vec());
    assert_eq!((other.status, other.code().as_str()), (422, "digest_mismatch"));
    assert_eq!(put("/v1/blobs/nodigest", b"that".to_vec()).code(), "invalid");
    assert_eq!(put(&format!("/v1/blobs/{}", Digest::of(b"")), Vec::new()).code(), "invalid");
    let none: Vec<Entry> = Vec::new();
    assert_eq!(window.commit_as(0, none.clone()).code(), "invalid");
    assert_eq!(window.commit_as(u64::MAX, none.clone()).code(), "invalid");
    let cloned = Window { epoch: "other".into(), ..window.clone() };
    assert_eq!(cloned.commit_as(1, none).code(), "epoch_wrong");
    assert_eq!(cloned.feed_answer(0, 0).code(), "epoch_wrong");
    assert_eq!(window.feed_answer(1, 0).code(), "epoch_wrong");
    assert_eq!(window.get("/v1/feed?after=x").code(), "invalid");

    for (field, value) in [
        ("basis", json!("none")),
        ("basis", json!("no_card")),
        ("basis", json!("")),
        ("basis", json!("banana")),
        ("basis", json!("Card")),
        ("limit", json!(0)),
        ("limit", json!(201)),
        ("cursor", json!("x")),
        ("client", json!("c".repeat(101))),
        ("subject", json!({ "type": "resident", "value": "12" })),
    ] {
        let mut body = look(&specimen());
        body[field] = value;
        let answer = window.materials_answer(&body);
        assert_eq!(answer.code(), "invalid", "{field}");
    }
    let mut body = look(&specimen());
    (body["purpose"], body["case"]) = (json!("lost it"), json!("2026-1"));
    for basis in ["guardian", "authorised_agent", "lost_card", "no_card", "official_duty"] {
        body["basis"] = basis.into();
        assert_eq!(window.materials_answer(&body).status, 200, "{basis}");
        for lacks in ["purpose", "case"] {
            let mut body = body.clone();
            body[lacks] = json!(" ");
            assert_eq!(window.materials_answer(&body).code(), "invalid", "{basis} without {lacks}");
        }
    }
    for basis in ["banana", "none", "card "] {
        body["basis"] = basis.into();
        assert_eq!(window.materials_answer(&body).code(), "invalid", "{basis}");
    }
}

#[test]
fn bodies_have_bounds() {
    let house = House::new();
    let window = house.window("one");
    let large = vec![b' '; BLOB_SIZE_MAX + 1];
    let path = format!("/v1/blobs/{}", Digest::of(&large));
    let refused = window.send(Method::PUT, &path, &[], Some(large));
    assert_eq!((refused.status, refused.code().as_str()), (413, "body_too_large"));
    let refused = window.send(Method::POST, "/v1/blobs/missing", &[], Some(vec![b' '; JSON_BODY_MAX + 1]));
    assert_eq!(refused.code(), "body_too_large");
    let many = vec![BlobSize { digest: Digest::of(b"x"), size_bytes: 1 }; 1001];
    assert_eq!(window.post("/v1/blobs/missing", &MissingRequest { blobs: many }).code(), "invalid");
    assert_eq!(window.commit_as(1, vec![json!({}); 257]).code(), "invalid");
    let personal = format!(r#"{{"subject":"{SPECIMEN}"}}"#).into_bytes();
    let refused = window.send(Method::POST, "/v1/holders/materials", &[], Some(personal));
    assert_eq!(refused.code(), "invalid");
    assert!(!String::from_utf8_lossy(&refused.body).contains(SPECIMEN));
}

#[test]
fn so_many_polls_of_one_window_and_no_more() {
    let house = House::new();
    let window = house.window("one");
    std::thread::scope(|scope| {
        for _ in 0..crate::limits::POLLS_PER_AGENT_MAX {
            scope.spawn(|| assert_eq!(window.feed(0, 3).items, []));
        }
        std::thread::sleep(Duration::from_millis(700));
        let refused = window.feed_answer(0, 3);
        assert_eq!((refused.status, refused.code().as_str()), (429, "too_many"));
        assert_eq!(refused.headers["retry-after"], "1");
    });
    assert_eq!(window.feed(0, 0).items, []);
}
