//! The same for Windows, where policies are values of the registry.

use std::fmt::Write as _;

use super::{Allowed, chromium};

/// Keys of browsers of Chromium's kind.
const CHROMIUM_KEYS: [&str; 3] = ["Google\\Chrome", "Microsoft\\Edge", "Chromium"];
const FIREFOX_KEY: &str = "Mozilla\\Firefox\\LocalNetworkAccess\\SkipDomains";
/// The first of our values: a list's values have numbers for names, and others begin at 1.
const FIRST_VALUE: usize = 18680;

/// A file for `regedit`: every browser's lists of these origins, beside others' values. Not tried.
pub(crate) fn registry_file(allowed: &Allowed) -> String {
    let mut text = "Windows Registry Editor Version 5.00\r\n".to_owned();
    for browser in CHROMIUM_KEYS {
        for (policy, list) in chromium::lists(allowed) {
            add(&mut text, &format!("{browser}\\{policy}"), &list);
        }
    }
    add(&mut text, FIREFOX_KEY, &allowed.hosts());
    text
}

fn add(text: &mut String, key: &str, list: &[&str]) {
    let _ = write!(text, "\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\{key}]\r\n");
    for (at, value) in list.iter().enumerate() {
        let _ = write!(text, "\"{}\"=\"{value}\"\r\n", FIRST_VALUE + at);
    }
}
