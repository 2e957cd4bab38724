//! What is done to a store, one step after the other, as its description says.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use serde_json::Value;
use yidang_archive::{Actor, Anchor, Archive, ArchiveOptions, KeyOptions, Rebuild, Stage};
use yidang_model::{CaptureId, Timestamp};

use crate::support::blobs;

/// Every step that a description may name.
pub(super) const STEPS: [&str; 10] =
    ["sql", "remove", "cut", "flip", "write", "move_inside", "mode", "age", "blob", STAGE];
/// Puts a set of captures into the archive.
const STAGE: &str = "stage";
/// Makes the second copies of ledger and keyring.
const BACK_UP: &str = "back_up";
/// Has the ledger made anew of what is left; no damage.
const REBUILD: &str = "rebuild";
/// Puts back what was erased, which nothing opens: no damage.
const COPY: &str = "copy";

/// Carries out one step below `folder`, which has `data` and `keys`.
pub(super) fn carry_out(step: &Value, folder: &Path) {
    let text = |field: &str| step[field].as_str().unwrap_or_else(|| panic!("{field} is missing: {step}"));
    let number = |field: &str| step[field].as_u64().unwrap_or_else(|| panic!("{field} is missing: {step}"));
    let path = || folder.join(text("path"));
    match text("do") {
        "sql" => run_sql(&folder.join("data").join(text("database")), text("run")),
        "remove" => remove(&path()),
        "cut" => open(&path()).set_len(number("bytes")).expect("it is cut"),
        "flip" => flip(&path(), number("at"), step["bytes"].as_u64().unwrap_or(1)),
        "write" => fs::write(path(), text("text")).expect("it is written"),
        COPY => copy(&folder.join(text("from")), &folder.join(text("to"))),
        "move_inside" => move_inside(folder),
        "mode" => {
            let mode = u32::from_str_radix(text("mode"), 8).expect("an octal mode");
            fs::set_permissions(path(), fs::Permissions::from_mode(mode)).expect("it is set");
        }
        "age" => open(&path()).set_modified(SystemTime::UNIX_EPOCH).expect("it is set"),
        "blob" => damage_blob(step, folder),
        STAGE => stage(text("text").as_bytes(), folder),
        REBUILD => rebuild(folder),
        BACK_UP => drop(opened(folder).back_up().expect("the copies are made")),
        other => panic!("`{other}` is no step: {step}"),
    }
}

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Past the triggers that keep a program from doing that by mistake.
fn run_sql(database: &Path, sql: &str) {
    let connection = Connection::open(database).expect("a database");
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("its triggers");
    let triggers: Vec<(String, String)> = rows.collect::<Result<_, _>>().expect("its triggers");
    drop(statement);
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).expect("it is dropped");
    }
    let sql = format!("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; {sql}");
    connection.execute_batch(&sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    triggers.iter().for_each(|(_, sql)| connection.execute_batch(sql).expect("it is put back"));
}

/// A database goes with its journals.
fn remove(path: &Path) {
    fs::remove_file(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    for ending in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

fn flip(path: &Path, at: u64, bytes: u64) {
    let file = open(path);
    let mut flipped = vec![0; usize::try_from(bytes).expect("a length")];
    file.read_exact_at(&mut flipped, at).expect("it is that long");
    flipped.iter_mut().for_each(|byte| *byte ^= 0x55);
    file.write_all_at(&flipped, at).expect("it is written");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(from, to).expect("it is copied");
}

/// Leaves a link where the keys' folder was.
fn move_inside(folder: &Path) {
    fs::rename(folder.join("keys"), folder.join("data/keys")).expect("it is moved");
    symlink("data/keys", folder.join("keys")).expect("a link");
}

fn damage_blob(step: &Value, folder: &Path) {
    let stored = blobs::stored_in(&folder.join("data"));
    let nth = |field: &str| &stored[usize::try_from(step[field].as_u64().expect("a number")).expect("small")];
    let blob = nth("nth");
    match step["how"].as_str() {
        Some("flip") => blob.damage(),
        Some("remove") => blob.remove(),
        Some("cut") => blob.cut(),
        Some("quarantine") => {
            let aside = folder.join("data/quarantine");
            fs::create_dir_all(&aside).expect("a folder");
            fs::write(aside.join(format!("{}.blob", blob.name())), blob.sealed()).expect("it is written");
            blob.remove();
        }
        Some("overwrite") => nth("with").copy_onto(blob),
        _ => panic!("what is done to the blob? {step}"),
    }
}

/// What no window would take: bytes of any kind, through the archive alone.
fn stage(bytes: &[u8], folder: &Path) {
    let stage = Stage {
        id: CaptureId::from_bytes([7; 16]),
        blobs: vec![bytes.to_vec()],
        note: Vec::new(),
        expires_at: Timestamp::from_millis(i64::MAX / 2),
        by: Actor { client: "fixture".to_owned(), operator: None },
        idempotency: None,
    };
    opened(folder).stage(stage).expect("it is staged");
}

fn opened(folder: &Path) -> Archive {
    Archive::open(&options(folder)).expect("it opens")
}

fn options(folder: &Path) -> ArchiveOptions {
    ArchiveOptions { data_dir: folder.join("data"), keys_dir: folder.join("keys") }
}

fn rebuild(folder: &Path) {
    let by = Actor { client: "test".to_owned(), operator: None };
    let wish = Rebuild { anchor: &|_| Anchor::Unknown("no_repository"), by };
    let report = Archive::rebuild(&options(folder), &KeyOptions::default(), &wish).expect("it is rebuilt");
    assert_eq!(report.ledger.state, "rebuilt");
}
