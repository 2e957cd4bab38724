//! Promise: browsers are told of the configured origins and of those that tokens are bound to, and of nobody else.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::agent::program;

const CHROMIUM: &str = "etc/chromium/policies/managed/yidang.json";

/// A window that was never started, and a root to write below.
struct Window {
    folder: tempfile::TempDir,
}

impl Window {
    fn new(origins: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("[agent]\ncounter = \"t\"\ndata_dir = \"data\"\n[http]\norigins = {origins}\n");
        std::fs::write(folder.path().join("window.toml"), text).expect("a configuration");
        Self { folder }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config = self.folder.path().join("window.toml");
        program().args(arguments).arg("--config").arg(config).output().expect("the program runs")
    }

    /// `yidang policy`, below the root.
    fn policy(&self, arguments: &[&str]) -> Output {
        let root = self.root();
        self.run(&[&["policy"], arguments, &["--root", root.to_str().expect("UTF-8")]].concat())
    }

    fn show(&self) -> Value {
        let shown = self.policy(&["show", "--json"]);
        assert_eq!(shown.status.code(), Some(0));
        serde_json::from_slice(&shown.stdout).expect("one JSON document")
    }
}

fn states(shown: &Value) -> Vec<&str> {
    let policies = shown["policies"].as_array().expect("a list");
    policies.iter().map(|one| one["state"].as_str().expect("a state")).collect()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).expect("the file is there")).expect("JSON")
}

#[test]
fn policies_are_installed_shown_and_removed() {
    let window = Window::new("[\"http://hall.example:8080\"]");
    assert!(states(&window.show()).iter().all(|state| *state == "missing"));
    assert!(!window.root().exists(), "looking writes nothing");
    assert!(!window.folder.path().join("data").exists(), "looking makes no data folder");
    let bound = ["token", "create", "--name", "page", "--scopes", "card", "--origin", "https://one.example"];
    assert_eq!(window.run(&bound).status.code(), Some(0));
    for done in ["written", "unchanged"] {
        let installed = window.policy(&["install"]);
        let said = String::from_utf8(installed.stdout).expect("UTF-8");
        assert_eq!(installed.status.code(), Some(0), "{said}");
        assert!(said.lines().filter(|line| line.starts_with(done)).count() == 5, "{said}");
        assert!(said.contains("origin\thttps://one.example\n"), "{said}");
    }
    let policy = read(&window.root().join(CHROMIUM));
    let both = serde_json::json!(["http://hall.example:8080", "https://one.example"]);
    assert_eq!(policy["LoopbackNetworkAllowedForUrls"], both);
    assert!(states(&window.show()).iter().all(|state| *state == "current"));
    assert_eq!(window.run(&["token", "revoke", "--name", "page"]).status.code(), Some(0));
    assert!(states(&window.show()).iter().all(|state| *state == "differs"));
    assert_eq!(window.policy(&["install"]).status.code(), Some(0));
    assert!(!std::fs::read_to_string(window.root().join(CHROMIUM)).expect("a file").contains("one.example"));
    assert_eq!(window.policy(&["remove"]).status.code(), Some(0));
    assert!(!window.root().join(CHROMIUM).exists());
    assert!(!window.root().join("etc/firefox/policies/policies.json").exists());
}

#[test]
fn a_file_of_others_that_cannot_be_read_ends_it_before_anything_is_written() {
    let window = Window::new("[\"https://one.example\"]");
    let firefox = window.root().join("etc/firefox/policies/policies.json");
    std::fs::create_dir_all(firefox.parent().expect("a folder")).expect("folders");
    std::fs::write(&firefox, "{").expect("a file");
    let refused = window.policy(&["install"]);
    let said = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("error policy_unreadable: ") && said.contains("remedy: "), "{said}");
    assert!(!window.root().join(CHROMIUM).exists());
    assert_eq!(std::fs::read_to_string(&firefox).expect("a file"), "{");
}

#[test]
fn where_no_page_may_call_nothing_is_installed() {
    let window = Window::new("[]");
    for arguments in [&["install"][..], &["show", "--format", "reg"]] {
        let refused = window.policy(arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("error policy_no_origins: "));
    }
    assert_eq!(window.policy(&["show", "--json", "--format", "reg"]).status.code(), Some(2));
    assert_eq!(window.policy(&["install", "--folder", "relative"]).status.code(), Some(2));
    assert_eq!(window.policy(&["install", "--folder", "/a/../b"]).status.code(), Some(2));
}

#[test]
fn windows_is_told_by_a_file_for_its_registry() {
    let window = Window::new("[\"https://one.example\"]");
    let shown = window.policy(&["show", "--format", "reg"]);
    assert_eq!(shown.status.code(), Some(0));
    let text = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(text.contains(
        "Policies\\Microsoft\\Edge\\LoopbackNetworkAllowedForUrls]\r\n\"18680\"=\"https://one.example\""
    ));
}
