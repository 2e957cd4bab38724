//! Promise: crates depend on each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate under `src/` and `drivers/` may use of this workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("yidang-model", &[]),
    ("yidang-device", &["yidang-model"]),
    ("yidang-idcard", &["yidang-model", "yidang-device"]),
    ("yidang-imaging", &["yidang-model"]),
    ("yidang-archive", &["yidang-model"]),
    ("yidang-sync", &["yidang-model"]),
    ("yidang-service", &["yidang-model"]),
    ("yidang-repository", &["yidang-model", "yidang-archive", "yidang-service", "yidang-sync"]),
    (
        "yidang-agent",
        &[
            "yidang-model",
            "yidang-device",
            "yidang-idcard",
            "yidang-imaging",
            "yidang-archive",
            "yidang-service",
            "yidang-sync",
        ],
    ),
    ("yidang-pcsc", &["yidang-model", "yidang-device", "yidang-idcard"]),
    ("yidang-sam-serial", &["yidang-model", "yidang-device", "yidang-idcard"]),
    ("yidang-sam-usb", &["yidang-model", "yidang-device", "yidang-idcard"]),
    ("yidang-v4l2", &["yidang-model", "yidang-device"]),
    ("yidang-nokhwa", &["yidang-model", "yidang-device"]),
    ("yidang-simulated", &["yidang-model", "yidang-device", "yidang-idcard"]),
    ("yidang-virtual-reader", &["yidang-model", "yidang-device", "yidang-idcard"]),
];

/// Package name → workspace crates it uses outside tests, read from `cargo tree`, which resolves them.
fn used() -> BTreeMap<String, BTreeSet<String>> {
    let mut used = BTreeMap::new();
    for (name, _) in ALLOWED {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--package", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ours = text
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|dependency| dependency.starts_with("yidang-") && dependency != name)
            .map(str::to_owned);
        used.insert((*name).to_owned(), ours.collect());
    }
    used
}

#[test]
fn dependencies_point_one_way() {
    let used = used();
    for (name, allowed) in ALLOWED {
        let allowed: BTreeSet<_> = allowed.iter().map(|a| (*a).to_owned()).collect();
        let extra: Vec<_> = used[*name].difference(&allowed).collect();
        assert!(extra.is_empty(), "{name} may not depend on {extra:?}");
    }
}

#[test]
fn every_crate_has_its_place_in_the_house() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "drivers"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let manifest = entry.expect("an entry").path().join("Cargo.toml");
            let Ok(text) = std::fs::read_to_string(manifest) else { continue };
            let name = text.lines().find_map(|l| l.strip_prefix("name = \"")).expect("a package has a name");
            found.insert(name.trim_end_matches('"').to_owned());
        }
    }
    let known: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(unknown.is_empty(), "say what {unknown:?} may depend on");
}
