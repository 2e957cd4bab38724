//! Promise: a full, forbidden or damaged disk is named with what to do, and nothing acknowledged is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::json;

use crate::support::agent::Agent;
use crate::support::blobs::{self, StoredBlob};
use crate::support::small_disk::SmallDisk;

/// About as much as a page and its original.
const PAPER_BYTES: usize = 200_000;
/// Where an SQLite file keeps its schema's version.
const USER_VERSION_AT: u64 = 60;

/// A picture of its own for each number, which stands behind the end of the JPEG, where decoders do not look.
fn picture(number: usize) -> Vec<u8> {
    let mut bytes = include_bytes!("../fixtures/desk/small.jpg").to_vec();
    bytes.extend((0..PAPER_BYTES).map(|at| (at * 31 + number * 7) as u8));
    bytes
}

/// Captures and files a paper; its id, or the code of the problem on the way.
fn file(agent: &Agent, holder: &str, number: usize) -> Result<String, String> {
    let capture = agent.upload(&picture(number));
    if capture.status != 201 {
        return Err(code(&capture.json()));
    }
    let body = json!({"holders": [holder], "kind": "form", "captures": [capture.json()["id"]],
        "case": format!("K{number}")});
    let material = agent.post("/v1/materials", &body);
    if material.status != 201 {
        return Err(code(&material.json()));
    }
    Ok(material.json()["id"].as_str().expect("an id").to_owned())
}

fn code(problem: &serde_json::Value) -> String {
    assert!(!problem["remedy"].as_str().expect("a remedy").is_empty());
    problem["code"].as_str().expect("a code").to_owned()
}

fn is_whole(agent: &Agent, material: &str, number: usize) {
    let answer = agent.get(&format!("/v1/materials/{material}/pages/1/image?rendition=original"));
    assert!(answer.status == 200 && answer.bytes == picture(number), "paper {number} is there and whole");
}

fn verifies(agent: &Agent) {
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// The daemon does not start; what it says.
fn refusal(agent: &Agent) -> String {
    let refused = agent.command(&["run"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("remedy"), "{said}");
    said
}

/// An agent with one paper, stopped.
fn stopped_with_a_paper() -> (Agent, String) {
    let mut agent = Agent::start();
    let holder = agent.read_card();
    let material = file(&agent, &holder, 1).expect("it is filed");
    assert!(agent.stop());
    (agent, material)
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).expect("the file is there");
    file.seek(SeekFrom::Start(at)).expect("it is that long");
    file.write_all(bytes).expect("written");
}

#[test]
fn a_full_disk_is_named_and_filing_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(6 << 10) else { return };
    let mut agent = Agent::start_in(disk.folder().join("data"));
    let holder = agent.read_card();
    let mut filed = Vec::new();
    let refused = loop {
        match file(&agent, &holder, filed.len()) {
            Ok(material) => filed.push(material),
            Err(code) => break code,
        }
        assert!(filed.len() < 100, "the disk is never full");
    };
    assert_eq!(refused, "disk_full");
    assert!(!filed.is_empty());
    disk.grow(64 << 10);
    let after = file(&agent, &holder, filed.len()).expect("there is room again");
    filed.push(after);
    for (number, material) in filed.iter().enumerate() {
        is_whole(&agent, material, number);
    }
    assert!(agent.stop());
    verifies(&agent);
}

#[test]
fn tokens_and_operators_on_a_full_disk_say_so() {
    let Some(disk) = SmallDisk::mount(6 << 10) else { return };
    let mut agent = Agent::start_in(disk.folder().join("data"));
    assert!(agent.stop());
    let fill = || {
        let mut filler = File::create(disk.folder().join("filler")).expect("a file");
        while filler.write_all(&[1; 4096]).is_ok() {}
        while filler.write_all(&[1]).is_ok() {}
    };
    fill();
    let refused = |what: &str| {
        let token = agent.command(&["token", "create", "--name", "t", "--scopes", "card"]);
        for refused in [token, agent.command(&["operator", "list"])] {
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{what}: {said}");
            assert!(said.contains("error disk_full: ") && said.contains("磁盘已满"), "{what}: {said}");
        }
    };
    refused("the stores are there");
    for name in ["tokens.db", "operators.db"] {
        fs::remove_file(agent.data().join(name)).expect("it goes");
    }
    fill();
    refused("the stores are to be made");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let Some(disk) = SmallDisk::mount(16 << 10) else { return };
    let mut agent = Agent::start_in(disk.folder().join("data"));
    assert!(agent.stop());
    disk.make_read_only();
    assert!(refusal(&agent).contains("data_dir_not_writable"));
}

#[test]
fn a_damaged_or_missing_blob_is_named_and_the_others_are_shown() {
    let (mut agent, material) = stopped_with_a_paper();
    for damage in [StoredBlob::damage, StoredBlob::remove] {
        blobs::stored_in(&agent.data()).iter().for_each(damage);
        agent.run();
        let holder = agent.read_card();
        let list = agent.get(&format!("/v1/holders/{holder}/materials")).expect(200);
        assert_eq!(list["materials"][0]["id"], material.as_str(), "the record is not hurt");
        let picture = agent.get(&format!("/v1/materials/{material}/pages/1/image"));
        assert_eq!((picture.status, code(&picture.json()).as_str()), (500, "blob_damaged"));
        let next = file(&agent, &holder, 2).expect("others are filed");
        is_whole(&agent, &next, 2);
        let gone = agent.post("/v1/erasures", &json!({"material": next, "reason": "test"}));
        assert_eq!(gone.expect(201)["state"], "done");
        assert!(agent.stop());
        let verified = agent.command(&["archive", "verify"]);
        assert_eq!(verified.status.code(), Some(1), "the damage is found");
    }
}

#[test]
fn an_index_that_is_gone_or_garbage_is_made_anew() {
    let (mut agent, material) = stopped_with_a_paper();
    let index = agent.data().join("index.db");
    for damage in [
        |index: &Path| fs::remove_file(index).expect("gone"),
        |index: &Path| fs::write(index, b"this is no database").expect("written"),
        |index: &Path| File::create(index).and_then(|f| f.set_len(8192)).expect("zeroes"),
    ] {
        damage(&index);
        agent.run();
        agent.read_card();
        is_whole(&agent, &material, 1);
        assert!(agent.stop());
        verifies(&agent);
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named_and_left_alone() {
    let (mut agent, material) = stopped_with_a_paper();
    let (index, socket) = (agent.data().join("index.db"), agent.data().join("control.sock"));
    fs::remove_file(&index).expect("gone");
    fs::create_dir(&index).expect("a folder");
    let said = refusal(&agent);
    let named = format!("{} is a folder", index.display());
    assert!(
        said.contains(&named) && said.contains("move the folder away") && said.contains("移走"),
        "{said}"
    );
    fs::remove_dir(&index).expect("it is there still");
    fs::create_dir(&socket).expect("a folder");
    agent.run();
    let log = agent.read_log();
    assert!(log.contains(&format!("{} is a folder: move it away", socket.display())), "{log}");
    agent.read_card();
    is_whole(&agent, &material, 1);
    let refused = agent.command(&["archive", "stats"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("error data_dir_in_use: ") && said.contains(&*socket.to_string_lossy()), "{said}");
    assert!(agent.stop());
    assert!(socket.is_dir());
}

#[test]
fn a_lost_ledger_or_keyring_is_not_founded_anew() {
    for name in ["ledger.db", "keyring.db"] {
        let (mut agent, material) = stopped_with_a_paper();
        let (path, aside) = (agent.data().join(name), agent.data().join("aside"));
        fs::rename(&path, &aside).expect("moved");
        assert!(refusal(&agent).contains("store_damaged"), "{name}");
        let _ = fs::remove_file(&path);
        fs::rename(&aside, &path).expect("moved back");
        agent.run();
        agent.read_card();
        is_whole(&agent, &material, 1);
    }
}

#[test]
fn keys_that_are_missing_or_another_stores_are_named() {
    let (mut agent, material) = stopped_with_a_paper();
    let keys = agent.data().with_file_name("keys");
    let aside = agent.data().with_file_name("aside");
    fs::rename(&keys, &aside).expect("moved");
    assert!(refusal(&agent).contains("keys_missing"));
    let (other, _) = stopped_with_a_paper();
    let _ = fs::remove_dir_all(&keys);
    fs::rename(other.data().with_file_name("keys"), &keys).expect("moved");
    assert!(refusal(&agent).contains("keys_wrong"));
    fs::remove_dir_all(&keys).expect("removed");
    fs::rename(&aside, &keys).expect("moved back");
    agent.run();
    agent.read_card();
    is_whole(&agent, &material, 1);
}

#[test]
fn a_store_of_a_newer_version_is_refused_politely() {
    for name in ["ledger.db", "keyring.db"] {
        let (mut agent, material) = stopped_with_a_paper();
        let path = agent.data().join(name);
        let before = fs::read(&path).expect("the file is there");
        overwrite(&path, USER_VERSION_AT, &99_u32.to_be_bytes());
        assert!(refusal(&agent).contains("store_newer"), "{name}");
        fs::write(&path, before).expect("written");
        agent.run();
        agent.read_card();
        is_whole(&agent, &material, 1);
    }
}
