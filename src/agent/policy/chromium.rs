//! Chromium's kind: a folder of files, of which one is ours.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Allowed, Finding, State, delete, read, write};
use crate::failure::Failure;

/// Our file in the folder.
const FILE_NAME: &str = "yidang.json";
/// Since version 146.
pub(super) const LOOPBACK: &str = "LoopbackNetworkAllowedForUrls";
/// Before that, since 139; still obeyed.
pub(super) const LOCAL: &str = "LocalNetworkAccessAllowedForUrls";
/// An http page is held back whatever else is allowed, unless it counts as secure.
pub(super) const INSECURE: &str = "OverrideSecurityRestrictionsOnInsecureOrigin";

/// Every policy with its list; a list of nothing is left out.
pub(super) fn lists(allowed: &Allowed) -> Vec<(&'static str, Vec<&str>)> {
    let all: Vec<&str> = allowed.origins.iter().map(String::as_str).collect();
    let lists = [(LOOPBACK, all.clone()), (LOCAL, all), (INSECURE, allowed.insecure())];
    lists.into_iter().filter(|(_, list)| !list.is_empty()).collect()
}

fn document(allowed: &Allowed) -> Value {
    lists(allowed)
        .into_iter()
        .map(|(name, list)| (name.to_owned(), json!(list)))
        .collect::<Map<_, _>>()
        .into()
}

pub(super) fn look(folder: &Path, allowed: &Allowed) -> Result<Finding, Failure> {
    let file = folder.join(FILE_NAME);
    let wanted = document(allowed);
    // Ours is written anew whatever became of it.
    let there = read(&file).unwrap_or(Some(Value::Null));
    let state = match &there {
        None => State::Missing,
        Some(there) if *there == wanted => State::Current,
        Some(_) => State::Differs,
    };
    let there = there.unwrap_or_default();
    Ok(Finding { also_set_by: also_set_by(folder), file, state, wanted, there })
}

/// Names of others' files in the folder that set what ours sets.
fn also_set_by(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let sets_ours = |path: &Path| {
        let document = read(path).ok().flatten().unwrap_or_default();
        [LOOPBACK, LOCAL, INSECURE].iter().any(|name| document.get(name).is_some())
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let others =
        files.filter(|path| path.file_name().is_some_and(|name| name != FILE_NAME) && sets_ours(path));
    let mut names: Vec<_> =
        others.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort_unstable();
    names
}

pub(super) fn install(folder: &Path, allowed: &Allowed) -> Result<(), Failure> {
    write(&folder.join(FILE_NAME), &document(allowed))
}

pub(super) fn remove(folder: &Path) -> Result<bool, Failure> {
    delete(&folder.join(FILE_NAME))
}
