//! Where browsers look for policies.

use std::path::{Path, PathBuf};

/// How a place is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A folder; every file in it counts.
    Folder,
    /// One file for all.
    OneFile,
}

/// Where one browser looks.
pub(crate) struct Place {
    pub(crate) browser: String,
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    /// Whether a browser of this kind was seen to obey; else its maker says so.
    pub(crate) is_tried: bool,
}

/// Browsers whose makers say where they look, and whether that was tried.
const KNOWN: [(&str, &str, Shape, bool); 5] = [
    ("chrome", "etc/opt/chrome/policies/managed", Shape::Folder, false),
    ("chromium", "etc/chromium/policies/managed", Shape::Folder, true),
    ("edge", "etc/opt/edge/policies/managed", Shape::Folder, false),
    ("brave", "etc/brave/policies/managed", Shape::Folder, false),
    ("firefox", "etc/firefox/policies/policies.json", Shape::OneFile, false),
];

/// All places below a root; `folders` are those of other browsers of Chromium's kind, which only who installs them
/// knows.
pub(crate) fn places(root: &Path, folders: &[PathBuf]) -> Vec<Place> {
    let known = KNOWN.iter().map(|&(browser, path, shape, is_tried)| Place {
        browser: browser.to_owned(),
        path: root.join(path),
        shape,
        is_tried,
    });
    let others = folders.iter().map(|folder| Place {
        browser: "other".to_owned(),
        path: root.join(folder.strip_prefix("/").unwrap_or(folder)),
        shape: Shape::Folder,
        is_tried: false,
    });
    known.chain(others).collect()
}
