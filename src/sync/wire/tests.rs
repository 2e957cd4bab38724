//! How it is written down, and that nothing shows whom it is about.

use yidang_model::{ErasureId, MaterialId, Timestamp};

use super::*;

#[test]
fn an_erasure_entry_is_tagged_and_flat() {
    let entry = Entry::ErasureRequested(ErasureEntry {
        id: ErasureId::from_bytes([7; 16]),
        material: None,
        holder: Some(WireSubject { r#type: "resident".into(), value: "11010519491231002X".into() }),
        reason: "filed by mistake".into(),
        operator: None,
        client: "window".into(),
    });
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!(json["type"], "erasure_requested");
    assert_eq!(json["id"], "07".repeat(16));
    assert!(json["material"].is_null());
    assert_eq!(json["holder"]["value"], "11010519491231002X");
    assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    assert!(!format!("{entry:?}").contains("1949"));
}

#[test]
fn a_feed_item_is_flat_and_an_unknown_one_is_passed_over() {
    let item = FeedItem {
        sequence: 3,
        previous: 2,
        news: News::Erased {
            erasure: ErasureId::from_bytes([1; 16]),
            materials: vec![MaterialId::from_bytes([2; 16])],
            holder: None,
            shared_kept: vec![Digest::of(b"kept")],
            decided_at: Some(Timestamp::from_millis(5)),
            proof: None,
        },
    };
    let json = serde_json::to_value(&item).unwrap();
    assert_eq!(json["type"], "erased");
    assert_eq!(json["materials"][0], "02".repeat(16));
    assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);

    let newer = r#"{"sequence":4,"previous":3,"type":"not_known_yet","from":"a","number":7}"#;
    let item: FeedItem = serde_json::from_str(newer).unwrap();
    assert_eq!((item.sequence, item.previous, item.news), (4, 3, News::Unknown));
}

#[test]
fn a_refiling_is_flat_and_shows_nobody_in_its_debug_form() {
    let now = WirePlace {
        holders: vec![WireSubject { r#type: "resident".into(), value: "11010519491231002X".into() }],
        kind: "form".into(),
        case: None,
    };
    let id = MaterialId::from_bytes([7; 16]);
    let (reason, client) = ("wrong card".into(), "window".into());
    let entry = Entry::Refiled(RefilingEntry { id, now: now.clone(), reason, operator: None, client });
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!((&json["type"], &json["kind"]), (&"refiled".into(), &"form".into()));
    assert_eq!(json["holders"][0]["value"], "11010519491231002X");
    assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    let news = News::Refiled { materials: vec![id], now: Some(now) };
    let item = FeedItem { sequence: 2, previous: 1, news };
    let json = serde_json::to_value(&item).unwrap();
    assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);
    assert!(!format!("{entry:?}{item:?}").contains("1949"));
}

#[test]
fn a_request_about_originals_and_its_news_are_flat() {
    let id = MaterialId::from_bytes([7; 16]);
    let (kind, client) = ("form".to_owned(), "window".to_owned());
    let entry = Entry::OriginalsRequested(OriginalsEntry { id, kind, operator: None, client });
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!((&json["type"], &json["kind"]), (&"originals_requested".into(), &"form".into()));
    assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    let news = News::OriginalsDisposed { materials: vec![id], kind: Some("form".to_owned()) };
    let item = FeedItem { sequence: 2, previous: 1, news };
    let mut json = serde_json::to_value(&item).unwrap();
    assert_eq!(
        (&json["type"], &json["materials"][0], &json["kind"]),
        (&"originals_disposed".into(), &"07".repeat(16).into(), &"form".into())
    );
    assert_eq!(serde_json::from_value::<FeedItem>(json.clone()).unwrap(), item);
    json.as_object_mut().unwrap().remove("kind");
    let news = News::OriginalsDisposed { materials: vec![id], kind: None };
    let item = FeedItem { sequence: 2, previous: 1, news };
    assert_eq!(serde_json::from_value::<FeedItem>(json).unwrap(), item);
}

#[test]
fn fields_of_a_newer_version_are_ignored_and_wrong_text_is_refused() {
    let text = format!(r#"{{"digest":"{}","size_bytes":3,"colour":"red"}}"#, Digest::of(b"abc"));
    assert_eq!(serde_json::from_str::<BlobSize>(&text).unwrap().digest, Digest::of(b"abc"));
    let error = serde_json::from_str::<BlobSize>(r#"{"digest":"11010519491231002X","size_bytes":3}"#);
    assert!(!error.unwrap_err().to_string().contains("1949"));
}

#[test]
fn a_problem_names_what_is_missing_only_where_something_is() {
    let mut problem = Problem {
        r#type: "about:blank".into(),
        title: "t".into(),
        status: 412,
        code: "blobs_missing".into(),
        remedy: "r".into(),
        detail: None,
        missing: vec![Digest::of(b"a")],
    };
    let json = serde_json::to_string(&problem).unwrap();
    assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    problem.missing.clear();
    assert!(!serde_json::to_string(&problem).unwrap().contains("missing\":["));
}

#[test]
fn subjects_come_back_normalised() {
    let wire = WireSubject { r#type: "resident".into(), value: "110105491231002".into() };
    let subject = Subject::try_from(&wire).unwrap();
    assert_eq!(WireSubject::from(&subject).value, "11010519491231002X");
    let wire = WireSubject { r#type: "robot".into(), value: "1".into() };
    assert_eq!(Subject::try_from(&wire), Err(SubjectError::UnknownType));
}
