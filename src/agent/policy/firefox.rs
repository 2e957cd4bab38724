//! Firefox: one file for everybody's policies. Beside it stands what of it is ours, so that only that goes again.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Allowed, Finding, State, delete, read, write};
use crate::failure::Failure;

/// Beside `policies.json`: which hosts we added, and the outermost thing that was not there before.
const RECORD_NAME: &str = "yidang-policies.json";
/// The way to the list of hosts (Firefox 151, ESR 140.11); each is an object, but the list.
const WAY: [&str; 3] = ["policies", "LocalNetworkAccess", "SkipDomains"];

fn record_file(file: &Path) -> PathBuf {
    file.with_file_name(RECORD_NAME)
}

/// Hosts that are ours by the record; `None` where we wrote nothing.
fn ours(file: &Path) -> Result<Option<(Vec<String>, u64)>, Failure> {
    let Some(record) = read(&record_file(file))? else { return Ok(None) };
    Ok(Some((texts(&record["hosts"]), record["made_from"].as_u64().unwrap_or(WAY.len() as u64))))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The file as an object in which the way to the list can be gone.
fn open(file: &Path) -> Result<Value, Failure> {
    let document = read(file)?.unwrap_or_else(|| json!({}));
    let mut at = &document;
    for (depth, name) in WAY.iter().enumerate() {
        let Some(object) = at.as_object() else { return Err(strange(file, &WAY[..depth])) };
        let Some(inner) = object.get(*name) else { return Ok(document) };
        at = inner;
    }
    if at.is_array() { Ok(document) } else { Err(strange(file, &WAY)) }
}

fn strange(file: &Path, way: &[&str]) -> Failure {
    let place = if way.is_empty() { "the whole".to_owned() } else { way.join(".") };
    let cause = format!("{}: {place} has the wrong type (类型不对)", file.display());
    let remedy = "correct the file: it is not replaced, since others wrote it; \
        请改正该文件，其中有他人的设置，不会覆盖";
    Failure::new("policy_unreadable", cause, remedy)
}

/// How far of the way there is.
fn depth(document: &Value, has_file: bool) -> u64 {
    let mut at = document;
    let there = WAY.iter().take_while(|name| {
        at = &at[**name];
        !at.is_null()
    });
    there.count() as u64 + u64::from(has_file)
}

pub(super) fn look(file: &Path, allowed: &Allowed) -> Result<Finding, Failure> {
    let document = open(file)?;
    let there = texts(&document[WAY[0]][WAY[1]][WAY[2]]);
    let wanted = allowed.hosts();
    let own = ours(file)?;
    // One of ours that is wanted no longer is there still.
    let is_stale = own.iter().flat_map(|(hosts, _)| hosts).any(|one| !wanted.contains(&one.as_str()));
    let state = match (wanted.iter().all(|one| there.iter().any(|t| t == one)), own) {
        (true, _) if !is_stale => State::Current,
        (_, None) => State::Missing,
        _ => State::Differs,
    };
    let (wanted, there) = (json!(wanted), json!(there));
    Ok(Finding { file: file.to_owned(), state, wanted, there, also_set_by: Vec::new() })
}

pub(super) fn install(file: &Path, allowed: &Allowed) -> Result<(), Failure> {
    // What we wrote for other origins goes first, so that the file is as others left it.
    remove(file)?;
    let mut document = open(file)?;
    let made_from = depth(&document, file.exists());
    let list = &mut document[WAY[0]][WAY[1]][WAY[2]];
    let before = texts(list);
    let hosts: Vec<_> =
        allowed.hosts().into_iter().filter(|host| !before.iter().any(|one| one == host)).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    if list.is_null() {
        *list = json!([]);
    }
    if let Some(list) = list.as_array_mut() {
        list.extend(hosts.iter().map(|host| json!(host)));
    }
    // The record first: what breaks off between the two is taken for ours, and is not there to be taken away.
    write(&record_file(file), &json!({"hosts": hosts, "made_from": made_from}))?;
    write(file, &document)
}

pub(super) fn remove(file: &Path) -> Result<bool, Failure> {
    let Some((hosts, made_from)) = ours(file)? else { return Ok(false) };
    if file.exists() {
        let mut document = open(file)?;
        let list = document.pointer_mut("/policies/LocalNetworkAccess/SkipDomains");
        if let Some(list) = list.and_then(Value::as_array_mut) {
            list.retain(|one| !hosts.iter().any(|host| one == host));
        }
        let is_empty = prune(&mut document, made_from);
        if is_empty { delete(file).map(drop)? } else { write(file, &document)? }
    }
    delete(&record_file(file))?;
    Ok(true)
}

/// Takes away what was made for the list and holds nothing; whether the whole file was, and does.
fn prune(document: &mut Value, made_from: u64) -> bool {
    let is_bare = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        other => other.is_null(),
    };
    for depth in (1..=WAY.len()).rev() {
        let Some((name, way)) = WAY[..depth].split_last() else { continue };
        let around = way.iter().try_fold(&mut *document, |at, part| at.get_mut(*part));
        let Some(around) = around.and_then(Value::as_object_mut) else { continue };
        // A file that is there counts as the first part.
        if depth as u64 >= made_from && around.get(*name).is_some_and(is_bare) {
            around.remove(*name);
        }
    }
    made_from == 0 && is_bare(document)
}
