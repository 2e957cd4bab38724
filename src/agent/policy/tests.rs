use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const HTTPS: &str = "https://one.example.gov.cn";
const HTTP: &str = "http://hall.example:8080";

fn allowed(origins: &[&str]) -> Allowed {
    Allowed::new(origins.iter().map(|origin| (*origin).to_owned()))
}

fn place(root: &Path, browser: &str) -> Place {
    places(root, &[]).into_iter().find(|place| place.browser == browser).unwrap()
}

fn json_at(root: &Path, file: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join(file)).unwrap()).unwrap()
}

fn put(root: &Path, file: &str, document: &Value) {
    let file = root.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, document.to_string()).unwrap();
}

const OURS: &str = "etc/chromium/policies/managed/yidang.json";
const FIREFOX: &str = "etc/firefox/policies/policies.json";

#[test]
fn chromium_is_told_in_a_file_of_our_own_that_everyone_may_read() {
    let root = tempfile::tempdir().unwrap();
    let chromium = place(root.path(), "chromium");
    let all = allowed(&[HTTPS, HTTP, "http://127.0.0.1:3000", HTTPS]);
    assert_eq!(chromium.look(&all).unwrap().state, State::Missing);
    chromium.install(&all).unwrap();
    let origins = json!(["http://127.0.0.1:3000", HTTP, HTTPS]);
    let wanted = json!({"LoopbackNetworkAllowedForUrls": origins, "LocalNetworkAccessAllowedForUrls": origins,
        "OverrideSecurityRestrictionsOnInsecureOrigin": [HTTP]});
    assert_eq!(json_at(root.path(), OURS), wanted);
    assert_eq!(chromium.look(&all).unwrap().state, State::Current);
    assert_eq!(chromium.look(&allowed(&[HTTPS])).unwrap().state, State::Differs);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(OURS), 0o644);
        assert_eq!(mode("etc/chromium/policies"), 0o755);
    }
    chromium.install(&allowed(&[HTTPS])).unwrap();
    assert!(json_at(root.path(), OURS).get("OverrideSecurityRestrictionsOnInsecureOrigin").is_none());
}

#[test]
fn files_of_others_are_named_where_they_set_the_same_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let other = "etc/chromium/policies/managed/office.json";
    put(root.path(), other, &json!({"LoopbackNetworkAllowedForUrls": ["https://other.example"]}));
    put(root.path(), "etc/chromium/policies/managed/home.json", &json!({"HomepageLocation": "about:blank"}));
    let chromium = place(root.path(), "chromium");
    chromium.install(&allowed(&[HTTPS])).unwrap();
    assert_eq!(chromium.look(&allowed(&[HTTPS])).unwrap().also_set_by, ["office.json"]);
    assert!(chromium.remove().unwrap());
    assert!(!chromium.remove().unwrap());
    assert_eq!(
        json_at(root.path(), other),
        json!({"LoopbackNetworkAllowedForUrls": ["https://other.example"]})
    );
    assert!(!root.path().join(OURS).exists());
}

#[test]
fn firefox_is_told_beside_what_others_wrote() {
    let root = tempfile::tempdir().unwrap();
    let firefox = place(root.path(), "firefox");
    let before = json!({"policies": {"DisableTelemetry": true, "LocalNetworkAccess": {"Enabled": true,
        "SkipDomains": ["hall.example"]}}});
    put(root.path(), FIREFOX, &before);
    let both = allowed(&[HTTPS, HTTP]);
    assert_eq!(firefox.look(&both).unwrap().state, State::Missing);
    firefox.install(&both).unwrap();
    firefox.install(&both).unwrap();
    let list = |root: &Path| json_at(root, FIREFOX)["policies"]["LocalNetworkAccess"]["SkipDomains"].clone();
    assert_eq!(list(root.path()), json!(["hall.example", "one.example.gov.cn"]));
    assert_eq!(firefox.look(&both).unwrap().state, State::Current);
    assert_eq!(firefox.look(&allowed(&[HTTP])).unwrap().state, State::Differs);
    firefox.install(&allowed(&["https://three.example"])).unwrap();
    assert_eq!(list(root.path()), json!(["hall.example", "three.example"]));
    assert!(firefox.remove().unwrap());
    assert_eq!(json_at(root.path(), FIREFOX), before);
    assert!(!firefox.remove().unwrap());
}

#[test]
fn what_was_made_for_firefox_goes_whole() {
    let root = tempfile::tempdir().unwrap();
    let firefox = place(root.path(), "firefox");
    firefox.install(&allowed(&[HTTPS])).unwrap();
    assert!(firefox.remove().unwrap());
    let left: Vec<_> = fs::read_dir(root.path().join("etc/firefox/policies")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_file_that_cannot_be_understood_is_left_as_it_is() {
    for text in
        ["{", "[]", "{\"policies\": []}", "{\"policies\": {\"LocalNetworkAccess\": {\"SkipDomains\": 1}}}"]
    {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), FIREFOX, &Value::Null);
        fs::write(root.path().join(FIREFOX), text).unwrap();
        let firefox = place(root.path(), "firefox");
        assert_eq!(firefox.look(&allowed(&[HTTPS])).unwrap_err().code, "policy_unreadable", "{text}");
        assert_eq!(firefox.install(&allowed(&[HTTPS])).unwrap_err().code, "policy_unreadable", "{text}");
        assert_eq!(fs::read_to_string(root.path().join(FIREFOX)).unwrap(), text);
    }
}

#[test]
fn another_browser_is_told_where_its_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = "/opt/apps/browser/policies/managed".into();
    let other = places(root.path(), &[folder]).pop().unwrap();
    other.install(&allowed(&[HTTPS])).unwrap();
    assert!(root.path().join("opt/apps/browser/policies/managed/yidang.json").exists());
}

#[test]
fn the_registry_is_told_the_same_beside_values_of_others() {
    let text = registry_file(&allowed(&[HTTPS, HTTP]));
    assert!(text.starts_with("Windows Registry Editor Version 5.00\r\n"));
    for line in [
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Google\\Chrome\\LoopbackNetworkAllowedForUrls]",
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Edge\\OverrideSecurityRestrictionsOnInsecureOrigin]",
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Mozilla\\Firefox\\LocalNetworkAccess\\SkipDomains]",
        "\"18680\"=\"http://hall.example:8080\"",
        "\"18681\"=\"https://one.example.gov.cn\"",
        "\"18681\"=\"one.example.gov.cn\"",
    ] {
        assert!(text.split("\r\n").any(|one| one == line), "{line}\n{text}");
    }
    assert!(!text.replace("\r\n", "").contains('\n'));
}

fn part() -> impl Strategy<Value = Value> {
    let hosts = proptest::collection::vec("(one.example.gov.cn|hall.example|b.example)", 0..3);
    let list = hosts.prop_map(|hosts| json!(hosts));
    prop_oneof![
        Just(json!({})),
        Just(json!({"policies": {}})),
        Just(json!({"policies": {"LocalNetworkAccess": {}}})),
        list.prop_map(|list| json!({"policies": {"LocalNetworkAccess": {"SkipDomains": list}, "Other": 1}})),
    ]
}

proptest! {
    /// Whatever others wrote, and however often we wrote into it: it is as it was once ours is gone.
    #[test]
    fn removing_from_firefox_leaves_what_was_there(before in part(), times in 1usize..3) {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), FIREFOX, &before);
        let firefox = place(root.path(), "firefox");
        for _ in 0..times {
            firefox.install(&allowed(&[HTTPS, HTTP])).unwrap();
        }
        firefox.remove().unwrap();
        prop_assert_eq!(json_at(root.path(), FIREFOX), before);
    }
}
