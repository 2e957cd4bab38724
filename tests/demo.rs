//! Promise: the demo shows the main job and ends with 0 only when every step was as it should be.

use std::process::{Command, Output};

use tempfile::TempDir;

fn demo(folder: &TempDir, locale: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yidang"))
        .args(["demo", "--once", "--dir"])
        .arg(folder.path())
        .env("LC_ALL", locale)
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn every_step_is_shown_and_the_pictures_can_be_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let english = printed(&demo(&folder, "C.UTF-8"));
    for number in 1..=8 {
        assert!(english.contains(&format!("\n{number}. ")), "step {number} is missing: {english}");
    }
    for identity in ["张一档", "00000019900228001X", "某省某市"] {
        assert!(!english.contains(identity), "it prints personal data");
        let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
        assert!(!log.contains(identity), "it logs personal data");
    }
    for picture in ["01-form-desk.jpg", "01-form-page.jpg", "03-letter-desk.jpg", "03-letter-page.jpg"] {
        let bytes = std::fs::read(folder.path().join("pictures").join(picture)).expect("a picture");
        assert!(bytes.starts_with(&[0xFF, 0xD8]) && bytes.len() > 10_000, "{picture}");
    }
    // Run again on its own folder, it begins anew, in the language asked for.
    let chinese = printed(&demo(&folder, "zh_CN.UTF-8"));
    assert!(chinese.contains("1. 窗口甲读身份证"), "{chinese}");
}

#[test]
fn a_folder_with_anything_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let precious = folder.path().join("window-a");
    std::fs::write(&precious, "mine").expect("written");
    let refused = demo(&folder, "C.UTF-8");
    assert_eq!(refused.status.code(), Some(1));
    assert!(!refused.stderr.is_empty());
    assert_eq!(std::fs::read_to_string(precious).expect("it is there"), "mine");
}

#[cfg(unix)]
#[test]
fn what_a_link_points_to_is_left_alone_and_two_demos_do_not_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    printed(&demo(&folder, "C.UTF-8"));
    let outside = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(outside.path(), "mine").expect("written");
    let log = folder.path().join("log");
    std::fs::remove_file(&log).expect("removed");
    std::os::unix::fs::symlink(outside.path(), &log).expect("linked");
    printed(&demo(&folder, "C.UTF-8"));
    assert_eq!(std::fs::read_to_string(outside.path()).expect("it is there"), "mine");

    let mark = std::fs::File::open(folder.path().join("yidang-demo")).expect("the mark");
    mark.try_lock().expect("no demo is at work");
    let second = demo(&folder, "C.UTF-8");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("at work"));
    assert!(log.is_file(), "what the first one has is left alone");
}
