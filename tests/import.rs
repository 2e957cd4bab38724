//! Promise: an office's old photographs are imported once each, whatever breaks the import off, and each that is not is told
//! with its row and what to do.
//!
//! `YIDANG_IMPORT_KILLS` sets how often it is killed at most; 40 unless said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::{Agent, program};
use crate::support::repository::Repository;
use crate::support::said::{document, refusal, text};
use crate::support::small_disk::SmallDisk;

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const SMALL: &[u8] = include_bytes!("../fixtures/desk/small.jpg");
const HEADER: &str = "subject_type,subject,kind,path,material,captured_on,issued_on,valid_until,case,note\n";
const NUMBER: &str = "000000199001010018";
const OTHER: &str = "000000199001010026";

/// So many that no run that is killed comes to their end.
const PICTURES: usize = 200;
/// Everything here happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// A folder of photographs with their manifest.
struct Office {
    folder: TempDir,
}

impl Office {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// So many small pictures of different bytes, `1.jpg` and on, each a material of its own.
    fn with_pictures(count: usize) -> Self {
        let office = Self::new();
        let mut manifest = HEADER.to_owned();
        for number in 1..=count {
            office.put(&format!("{number}.jpg"), &picture(number, 0));
            let subject = if number % 2 == 0 { NUMBER } else { OTHER };
            manifest
                .push_str(&format!("resident,{subject},old_form,{number}.jpg,,2019-03-05,,,K{number},\n"));
        }
        office.put("m.csv", manifest.as_bytes());
        office
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, agent: &Agent, more: &[&str]) -> Output {
        let manifest = self.path("m.csv");
        let manifest = manifest.to_str().expect("a path of plain characters");
        agent.command(&[&["archive", "import", manifest, "--json"], more].concat())
    }
}

/// A small picture that differs by its number, which stands behind the end of the JPEG, where decoders do not look.
fn picture(number: usize, more_bytes: usize) -> Vec<u8> {
    let mut bytes = SMALL.to_vec();
    bytes.extend_from_slice(format!("number {number}").as_bytes());
    bytes.extend((0..more_bytes).map(|at| (at * 31 + number * 7) as u8));
    bytes
}

fn fails(output: &Output, code: &str) {
    let error = refusal(output, code);
    assert!(!error.contains("0000001990"), "{error}");
}

/// Materials imported now, imported before, on file already, and rows refused.
fn figures(told: &Value) -> [u64; 4] {
    ["imported", "imported_before", "on_file", "refused_rows"]
        .map(|name| told[name].as_u64().expect("a figure"))
}

fn stats(agent: &Agent) -> Value {
    document(&agent.command(&["archive", "stats", "--json"]), 0)
}

fn verifies(agent: &Agent) {
    let verified = agent.command(&["archive", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified.stdout));
}

/// The records of everything on file for someone, each with the bytes of its originals.
fn dossier(agent: &Agent, number: &str) -> Vec<(Value, Vec<Vec<u8>>)> {
    let out = tempfile::tempdir().expect("a folder");
    let bag = out.path().join("bag");
    let arguments =
        ["archive", "export", bag.to_str().expect("a path"), "--operator", "a", "--purpose", "b", "--json"];
    document(&agent.command_with_input(&arguments, &format!("resident {number}")), 0);
    let folders =
        fs::read_dir(bag.join("data")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let read = |folder: PathBuf| {
        let json = fs::read(folder.join("metadata.json")).expect("a record");
        let metadata: Value = serde_json::from_slice(&json).expect("it is JSON");
        let name = |page: &Value| page["original"]["file"].as_str().expect("a name").to_owned();
        let pages = metadata["pages"].as_array().expect("a list").iter();
        let originals = pages.map(|page| fs::read(folder.join(name(page))).expect("it is there")).collect();
        (metadata, originals)
    };
    folders.filter(|path| path.is_dir()).map(read).collect()
}

#[test]
fn a_manifest_is_imported_once_beside_the_daemon_and_without() {
    for alone in [false, true] {
        let mut agent = Agent::start();
        if alone {
            assert!(agent.stop());
        }
        let office = Office::new();
        fs::create_dir(office.path("照片")).expect("a folder");
        office.put("照片/1.jpg", FORM);
        office.put("2.jpg", &picture(2, 0));
        let rows = format!(
            "resident,{NUMBER},户口簿,照片\\1.jpg,,2019/3/5,2010-01-02,,案-7,\"一行\n又一行\"\n\
             resident,{OTHER},book,2.jpg,m1,,,2030-01-01,,\nresident,{OTHER},book,照片/1.jpg,m1,,,2030-01-01,,\n,,,,,,,,,\n"
        );
        office.put("m.csv", format!("\u{feff}{HEADER}{rows}").as_bytes());
        let told = document(&office.import(&agent, &["--operator", "某经办人"]), 0);
        assert_eq!((figures(&told), &told["rows"]), ([2, 0, 0, 0], &json!(3)), "{told}");
        assert_eq!((&told["refused"], &told["stopped"]), (&json!([]), &Value::Null));
        let before = stats(&agent);
        assert_eq!((&before["materials"], &before["unfiled"]), (&json!(2), &json!(0)));

        let again = document(&office.import(&agent, &["--as-is"]), 0);
        assert_eq!(figures(&again), [0, 2, 0, 0], "{again}");
        let gb18030 = Command::new("iconv")
            .args(["-f", "UTF-8", "-t", "GB18030"])
            .arg(office.put("u.csv", format!("{HEADER}{rows}").as_bytes()))
            .output();
        office.put("m.csv", &gb18030.expect("iconv is there").stdout);
        let again = document(&office.import(&agent, &[]), 0);
        assert_eq!((figures(&again), &again["encoding"]), ([0, 2, 0, 0], &json!("GB18030")), "{again}");
        assert_eq!(stats(&agent), before, "nothing was written");
        let changed = rows.replace("book", "another word");
        office.put("m.csv", format!("{HEADER}{changed}").as_bytes());
        let again = document(&office.import(&agent, &[]), 0);
        assert_eq!(figures(&again), [0, 1, 1, 0], "the same bytes are on file for the same person: {again}");
        assert_eq!(stats(&agent)["materials"], 2);

        let [(record, originals)] = &dossier(&agent, NUMBER)[..] else { panic!("one material") };
        assert_eq!(originals, &[FORM]);
        let told =
            ["kind", "case", "issued_on", "note", "operator", "origin", "counter"].map(|name| &record[name]);
        assert_eq!(
            told,
            ["户口簿", "案-7", "2010-01-02", "一行\n又一行", "某经办人", "upload", "test-window"]
        );
        assert_eq!(record["captured_at"], "2019-03-05T00:00:00Z");
        assert!(record["pages"][0]["corners"].is_array(), "its page was found: {record}");
        let [(record, originals)] = &dossier(&agent, OTHER)[..] else { panic!("one material") };
        assert_eq!(originals, &[picture(2, 0), FORM.to_vec()]);
        assert_eq!((&record["valid_until"], &record["case"]), (&json!("2030-01-01"), &Value::Null));
        verifies(&agent);
    }
}

#[test]
fn a_picture_is_kept_as_it_is_where_that_is_asked_for() {
    let agent = Agent::start();
    let office = Office::new();
    office.put("1.jpg", FORM);
    office.put("m.csv", format!("subject_type,subject,kind,path\nresident,{NUMBER},k,1.jpg\n").as_bytes());
    document(&office.import(&agent, &["--as-is"]), 0);
    let [(record, _)] = &dossier(&agent, NUMBER)[..] else { panic!("one material") };
    assert_eq!(record["pages"][0]["corners"], Value::Null);
    assert_eq!(record["pages"][0]["picture"]["sha256"], record["pages"][0]["original"]["sha256"]);
    let unfiled = agent.get("/v1/captures?state=unfiled").expect(200);
    assert_eq!(unfiled["captures"], json!([]));
}

#[test]
fn what_is_erased_is_not_imported_again() {
    let agent = Agent::start();
    let office = Office::with_pictures(2);
    document(&office.import(&agent, &[]), 0);
    let [(record, _)] = &dossier(&agent, NUMBER)[..] else { panic!("one material") };
    agent.post("/v1/erasures", &json!({"material": record["id"], "reason": "test"})).expect(201);
    let told = document(&office.import(&agent, &[]), 1);
    assert_eq!(figures(&told), [0, 1, 0, 1], "{told}");
    assert_eq!(told["refused"][0]["code"], "material_erased");
    assert_eq!(stats(&agent)["materials"], 1);
}

/// A row for a picture of this path, with these columns changed.
fn row(path: &str, changes: &[(usize, &str)]) -> String {
    let mut fields = ["resident", NUMBER, "old_form", path, "", "", "", "", "", ""];
    for (at, value) in changes {
        fields[*at] = value;
    }
    format!("{}\n", fields.join(","))
}

#[test]
fn each_row_that_is_refused_is_told_with_its_number_and_the_others_are_imported() {
    let agent = Agent::start();
    let office = Office::new();
    office.put("good.jpg", &picture(1, 0));
    office.put("secret-name.jpg", &SMALL[..SMALL.len() / 2]);
    office.put("text.jpg", b"this is no picture");
    office.put("zero.jpg", b"");
    fs::create_dir(office.path("folder")).expect("a folder");
    let sparse = fs::File::create(office.path("sparse.jpg")).expect("a file");
    sparse.set_len(1 << 30).expect("it is long and holds nothing");
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("a.jpg"), picture(9, 0)).expect("written");
    std::os::unix::fs::symlink(outside.path().join("a.jpg"), office.path("link.jpg")).expect("a link");
    let absolute = outside.path().join("a.jpg");
    let rows = [
        (row("good.jpg", &[]), ""),
        (row("missing.jpg", &[]), "file_missing"),
        (row("folder", &[]), "not_a_file"),
        (row("secret-name.jpg", &[]), "image_damaged"),
        (row("text.jpg", &[]), "not_an_image"),
        (row("zero.jpg", &[]), "not_an_image"),
        (row("sparse.jpg", &[]), "file_too_large"),
        (row("link.jpg", &[]), "path_outside"),
        (row("../a.jpg", &[]), "path_invalid"),
        (row(absolute.to_str().expect("a path"), &[]), "path_invalid"),
        (row("good.jpg", &[(1, "000000199001010010")]), "check_digit_wrong"),
        (row("good.jpg", &[(1, "1.10105E+17")]), "subject_malformed"),
        (row("good.jpg", &[(0, "citizen")]), "subject_type_unknown"),
        (row("good.jpg", &[(6, "2019-02-30")]), "date_invalid"),
        (row("good.jpg", &[(2, " ")]), "field_invalid"),
        (row("good.jpg", &[(4, "m1")]), "material_refused"),
        (row("missing.jpg", &[(4, "m1")]), "file_missing"),
        ("resident,short\n".to_owned(), "row_malformed"),
        (row("good.jpg", &[(8, "another case")]), ""),
    ];
    let manifest: String = rows.iter().map(|(row, _)| row.as_str()).collect();
    office.put("m.csv", format!("{HEADER}{manifest}").as_bytes());
    let report = office.path("report.csv");
    let output = office.import(&agent, &["--report", report.to_str().expect("a path")]);
    let told = document(&output, 1);
    let wanted: Vec<_> = (2..).zip(&rows).filter(|(_, (_, code))| !code.is_empty()).collect();
    assert_eq!(figures(&told), [2, 0, 0, wanted.len() as u64], "{told}");
    let mut refused: Vec<_> = told["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["row"].as_u64().expect("a number"), row["code"].as_str().expect("a code")))
        .collect();
    refused.sort_unstable();
    assert_eq!(refused, wanted.iter().map(|(number, (_, code))| (*number, *code)).collect::<Vec<_>>());
    let report = fs::read_to_string(report).expect("it is written");
    assert!(report.starts_with("\u{feff}row,code,cause,remedy,cause_zh,remedy_zh\n"), "{report}");
    assert_eq!(report.lines().count(), wanted.len() + 1);
    assert!(report.contains("校验码") && report.contains("check digit"), "{report}");
    for told in [report, text(&output.stdout), text(&output.stderr), agent.read_log()] {
        assert!(!told.contains("0000001990") && !told.contains("secret-name"), "{told}");
    }
    verifies(&agent);
    // The second run's report takes the place of the first one's.
    let report = office.path("report.csv");
    let again = ["--keep-wrong-check-digits", "--report", report.to_str().expect("a path")];
    let kept = office.import(&agent, &again);
    assert_eq!(figures(&document(&kept, 1)), [1, 2, 0, wanted.len() as u64 - 1]);
    assert_eq!(fs::read_to_string(report).expect("it is written").lines().count(), wanted.len());
}

#[test]
fn what_is_no_manifest_is_refused_before_anything_is_imported() {
    let agent = Agent::start();
    let office = Office::new();
    fails(&office.import(&agent, &[]), "manifest_unreadable");
    fs::create_dir(office.path("m.csv")).expect("a folder");
    fails(&office.import(&agent, &[]), "manifest_unreadable");
    fs::remove_dir(office.path("m.csv")).expect("removed");
    office.put("1.jpg", &picture(1, 0));
    let good = format!("resident,{NUMBER},k,1.jpg\n");
    let open_quote = format!("subject_type,subject,kind,path\n{good}{NUMBER},\"{}", "a\n".repeat(300_000));
    for (manifest, code) in [
        ("", "manifest_empty"),
        ("subject_type,subject,kind,path\n", "manifest_empty"),
        (good.as_str(), "column_unknown"),
        ("subject_type,subject,path\n", "column_missing"),
        ("path,path,kind\n", "column_twice"),
        (open_quote.as_str(), "manifest_invalid"),
        ("a\0b", "manifest_encoding"),
    ] {
        office.put("m.csv", manifest.as_bytes());
        fails(&office.import(&agent, &[]), code);
    }
    fs::File::create(office.path("m.csv")).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    fails(&office.import(&agent, &[]), "manifest_encoding");
    office.put("m.csv", format!("subject_type,subject,kind,path\n{good}").as_bytes());
    let manifest = office.path("m.csv");
    fails(&office.import(&agent, &["--report", manifest.to_str().expect("a path")]), "report_not_written");
    fails(&office.import(&agent, &["--report", "/nowhere/report.csv"]), "report_not_written");
    for (name, code) in [("ledger.db", "target_inside_data"), ("new.csv", "target_inside_data")] {
        let path = agent.data().join(name);
        fails(&office.import(&agent, &["--report", path.to_str().expect("a path")]), code);
    }
    assert_eq!(stats(&agent)["materials"], 0);
}

fn start(agent: &Agent, manifest: &Path) -> std::process::Child {
    program()
        .args(["archive", "import", "--as-is"])
        .arg(manifest)
        .arg("--config")
        .arg(agent.folder.path().join("yidang.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs")
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let kills = std::env::var("YIDANG_IMPORT_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(40);
    for alone in [true, false] {
        let mut agent = Agent::start();
        if alone {
            assert!(agent.stop());
        }
        let office = Office::with_pictures(PICTURES);
        let mut cut = 0;
        for kill in 0..kills {
            let mut process = start(&agent, &office.path("m.csv"));
            // The moment differs from run to run, so that every step is hit sooner or later.
            std::thread::sleep(Duration::from_millis(15 + kill * 37 % 160));
            // Either the command dies or the daemon that files for it.
            if !alone && kill % 3 == 0 {
                agent.kill();
                process.wait().expect("it ends");
                agent.run();
                cut += 1;
                continue;
            }
            cut += u64::from(process.try_wait().expect("it can be asked").is_none());
            let _ = process.kill();
            process.wait().expect("it ends");
        }
        assert!(cut > 0, "no run was cut off");
        let told = document(&office.import(&agent, &["--as-is"]), 0);
        let [imported, before, on_file, refused] = figures(&told);
        assert_eq!((imported + before, on_file, refused), (PICTURES as u64, 0, 0), "{told}");
        let stats = stats(&agent);
        assert_eq!((&stats["materials"], &stats["unfiled"]), (&json!(PICTURES), &json!(0)), "{stats}");
        let mut originals: Vec<_> = [NUMBER, OTHER].iter().flat_map(|who| dossier(&agent, who)).collect();
        originals.sort_by_key(|(record, _)| {
            record["case"].as_str().and_then(|case| case[1..].parse::<u64>().ok())
        });
        for (number, (_, bytes)) in (1..).zip(originals) {
            assert_eq!(bytes, [picture(number, 0)]);
        }
        verifies(&agent);
    }
}

#[test]
fn what_is_imported_reaches_the_repository() {
    let repository = Repository::start();
    let mut agent = Agent::start_enrolled(&repository.url, &repository.enrol_code());
    let office = Office::with_pictures(6);
    document(&office.import(&agent, &[]), 0);
    let arrived = |agent: &Agent| {
        let list = document(&agent.command(&["archive", "list", "--json"]), 0);
        let materials = list["materials"].as_array().expect("a list").clone();
        assert!(materials.iter().all(|material| material["origin"] == "upload"), "{list}");
        materials.iter().filter(|material| material["safe_at"] == "repository").count()
    };
    let wait_for = |agent: &Agent, count| {
        let began = Instant::now();
        while arrived(agent) < count {
            assert!(began.elapsed() < PATIENCE, "{}", agent.read_log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(&agent, 6);
    // What is imported without the daemon goes when it runs.
    assert!(agent.stop());
    office.put("7.jpg", &picture(7, 0));
    office.put("m.csv", format!("{HEADER}{}", row("7.jpg", &[])).as_bytes());
    document(&office.import(&agent, &[]), 0);
    agent.run();
    wait_for(&agent, 7);
}

#[test]
fn the_same_paper_is_filed_once_however_many_import_it_at_once() {
    let agent = Agent::start();
    let office = Office::with_pictures(30);
    // Each row three times, side by side, and all of it by two commands.
    let manifest = fs::read_to_string(office.path("m.csv")).expect("it is written");
    let rows: String = manifest.lines().skip(1).map(|row| format!("{row}\n").repeat(3)).collect();
    office.put("m.csv", format!("{HEADER}{rows}").as_bytes());
    let told: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..2).map(|_| scope.spawn(|| office.import(&agent, &["--as-is"]))).collect();
        running.into_iter().map(|run| document(&run.join().expect("it ends"), 0)).collect()
    });
    let imported: u64 = told.iter().map(|told| figures(told)[0]).sum();
    let before: u64 = told.iter().map(|told| figures(told)[1]).sum();
    assert_eq!((imported, before), (30, 150), "{told:?}");
    let stats = stats(&agent);
    assert_eq!((&stats["materials"], &stats["unfiled"]), (&json!(30), &json!(0)), "{stats}");
    verifies(&agent);
}

#[test]
fn a_full_disk_stops_the_import_and_it_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(6 << 10) else { return };
    let mut agent = Agent::start_in(disk.folder().join("data"));
    let office = Office::with_pictures(60);
    for number in 1..=60 {
        office.put(&format!("{number}.jpg"), &picture(number, 100_000));
    }
    let output = office.import(&agent, &["--as-is"]);
    fails(&output, "disk_full");
    let told = document(&output, 1);
    let [imported, ..] = figures(&told);
    assert!((1..60).contains(&imported) && told["stopped"]["code"] == "disk_full", "{told}");
    disk.grow(64 << 10);
    let told = document(&office.import(&agent, &["--as-is"]), 0);
    let [now, before, ..] = figures(&told);
    assert_eq!(now + before, 60, "{told}");
    assert!(before >= imported, "what was told as imported is there: {told}");
    assert_eq!(stats(&agent)["materials"], 60);
    verifies(&agent);
    assert!(agent.stop());
    disk.make_read_only();
    fails(&office.import(&agent, &[]), "data_dir_not_writable");
}
