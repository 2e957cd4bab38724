//! Promise: `yidang page` finds, straightens and judges, and tells of every picture in one line.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::paper::{card, form, on_sheet};

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const FORM_CORNERS: &str = include_str!("../fixtures/desk/01-form.corners.toml");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");
const BARE_MAT: &[u8] = include_bytes!("../fixtures/desk/bare-mat.jpg");
/// How far a corner may be from where it was drawn, in pixels of a frame 1600 across.
const CORNER_OFF_MAX: f64 = 6.0;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("the file is written");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yidang"));
        command.arg("page").args(arguments).current_dir(self.folder.path());
        command.output().expect("the program runs")
    }

    /// Runs it with `--json`; what it said, line by line, and how it ended.
    fn lines(&self, arguments: &[&str]) -> (Vec<Value>, i32) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line is a document"));
        (lines.collect(), output.status.code().expect("it ends by itself"))
    }
}

fn size(path: &Path) -> (u32, u32) {
    let header =
        yidang_imaging::inspect(&std::fs::read(path).expect("the page is there")).expect("a picture");
    (header.width, header.height)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn one_picture_is_told_in_one_line_and_written_to_the_file() {
    let bench = Bench::with(&[("form.jpg", FORM)]);
    let (lines, code) = bench.lines(&["form.jpg", "--out", "page.jpg"]);
    assert_eq!((lines.len(), code), (1, 0));
    let told = &lines[0];
    let mut fields: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    let known = [
        "codes",
        "confidence",
        "corners",
        "elapsed_ms",
        "file",
        "found",
        "height",
        "quality",
        "size",
        "turned_degrees",
        "width",
    ];
    assert_eq!(fields, known);
    let unasked = ["size", "codes", "turned_degrees"].map(|field| &told[field]);
    assert_eq!(unasked, [&"A4".into(), &Value::Null, &Value::Null]);
    assert_eq!((&told["file"], &told["found"]), (&"form.jpg".into(), &true.into()));
    assert!(number(&told["confidence"]) > 0.6 && number(&told["elapsed_ms"]) > 0.0, "{told}");
    let truth: toml::Table = FORM_CORNERS.parse().expect("TOML");
    let truth = truth["corners"].as_array().expect("corners");
    for (seen, drawn) in told["corners"].as_array().expect("corners").iter().zip(truth) {
        for axis in 0..2 {
            let drawn = drawn[axis].as_float().expect("a number");
            assert!((number(&seen[axis]) - drawn).abs() < CORNER_OFF_MAX, "{seen} where {drawn} is");
        }
    }
    let (width, height) = size(&bench.path("page.jpg"));
    assert_eq!((number(&told["width"]), number(&told["height"])), (width.into(), height.into()));
    assert_eq!(std::fs::read(bench.path("form.jpg")).expect("it is there"), FORM, "the original stays");
}

#[test]
fn nothing_found_is_no_failure_and_a_bad_file_is_one_at_the_end() {
    let bench = Bench::with(&[
        ("mat.jpg", BARE_MAT),
        ("cut.jpg", &FORM[..FORM.len() / 2]),
        ("notes.txt", b"no picture"),
        ("letter.jpg", LETTER),
    ]);
    let (lines, code) = bench.lines(&["mat.jpg"]);
    assert_eq!((lines.len(), code), (1, 0));
    assert_eq!((&lines[0]["found"], &lines[0]["corners"]), (&false.into(), &Value::Null));
    assert_eq!(number(&lines[0]["confidence"]), 0.0);

    let inputs = ["mat.jpg", "cut.jpg", "notes.txt", "none.jpg", "letter.jpg"];
    let (lines, code) = bench.lines(&[&inputs[..], &["--out", "pages"]].concat());
    assert_eq!((lines.len(), code), (5, 1), "{lines:?}");
    let errors: Vec<_> = lines.iter().map(|line| line["error"].as_str()).collect();
    let codes = [None, Some("image_damaged"), Some("not_an_image"), Some("file_unreadable"), None];
    assert_eq!(errors, codes);
    assert!(lines.iter().zip(inputs).all(|(line, input)| line["file"] == input), "{lines:?}");
    assert_eq!(lines[4]["found"], true, "what comes after a bad file is made as well");
    let mut written: Vec<_> = std::fs::read_dir(bench.path("pages"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    written.sort();
    assert_eq!(written, ["letter.jpg", "mat.jpg"]);
}

#[test]
fn a_page_never_takes_the_place_of_its_picture_or_of_another_page() {
    let bench = Bench::with(&[("form.jpg", FORM)]);
    std::fs::create_dir(bench.path("more")).expect("a folder");
    std::fs::write(bench.path("more/form.jpg"), LETTER).expect("the file is written");
    for out in ["form.jpg", "."] {
        let output = bench.run(&["form.jpg", "--out", out]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("error original_kept: form.jpg: "));
        assert_eq!(std::fs::read(bench.path("form.jpg")).expect("it is there"), FORM);
    }
    let (lines, code) = bench.lines(&["form.jpg", "more/form.jpg", "--out", "pages"]);
    assert_eq!((lines.len(), code), (2, 0));
    let [first, second] = ["pages/form.jpg", "pages/form-2.jpg"].map(|page| size(&bench.path(page)));
    let told = |line: &Value| (number(&line["width"]) as u32, number(&line["height"]) as u32);
    assert_eq!((first, second), (told(&lines[0]), told(&lines[1])));
}

#[test]
fn a_person_reads_a_table_and_a_misuse_is_told_as_one() {
    let bench = Bench::with(&[("form.jpg", FORM), ("mat.jpg", BARE_MAT)]);
    let output = bench.run(&["form.jpg", "mat.jpg"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0][..3], ["file", "found", "confidence"]);
    assert_eq!(
        (rows[1][..2].to_vec(), rows[2][..2].to_vec()),
        (vec!["form.jpg", "yes"], vec!["mat.jpg", "no"])
    );
    let output = bench.run(&["form.jpg", "mat.jpg", "--pdf", "all.pdf"]);
    assert_eq!(output.status.code(), Some(0));
    let document = std::fs::read(bench.path("all.pdf")).expect("the document is there");
    assert_eq!(yidang_imaging::pdf_images(&document).expect("a document").len(), 2);
    for misuse in [
        &["form.jpg", "--tone", "sepia"][..],
        &["form.jpg", "--dpi", "7"],
        &["form.jpg", "mat.jpg", "--out", "form.jpg"],
        &[],
    ] {
        assert_eq!(bench.run(misuse).status.code(), Some(2), "{misuse:?}");
    }
}

#[test]
fn a_page_is_stood_up_its_code_is_read_and_its_size_told() {
    // What a code says must not steer the terminal.
    let code = "\u{1b}[31m档-0317";
    let bench = Bench::with(&[("form.jpg", &form(code).turned(2).on_desk()), ("mat.jpg", BARE_MAT)]);
    let (lines, exit) = bench.lines(&["form.jpg", "mat.jpg", "--upright", "--codes"]);
    assert_eq!((lines.len(), exit), (2, 0));
    let told = |line: usize| ["size", "turned_degrees"].map(|field| lines[line][field].clone());
    assert_eq!(told(0), [Value::from("A4"), 180.into()]);
    assert_eq!(
        (&lines[0]["codes"][0]["symbology"], &lines[0]["codes"][0]["text"]),
        (&"qr".into(), &code.into())
    );
    assert_eq!((told(1), &lines[1]["codes"]), ([Value::Null, Value::Null], &Value::Array(vec![])));
    let output = bench.run(&["form.jpg", "--upright", "--codes", "--px-per-mm", "5.9"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.lines().nth(1).is_some_and(|row| row.ends_with("\tA4")), "{text}");
    assert!(text.contains("\n  turned 180 degrees by its writing\n  qr: \\u{1b}[31m档-0317\n"), "{text}");
    assert_eq!(bench.run(&["form.jpg", "--px-per-mm", "0"]).status.code(), Some(2));
}

#[test]
fn both_sides_of_a_card_go_on_one_sheet() {
    let front = card(120).on_desk();
    let bench =
        Bench::with(&[("front.jpg", &front), ("back.jpg", &card(260).on_desk()), ("letter.jpg", LETTER)]);
    let (lines, exit) = bench.lines(&["front.jpg", "back.jpg", "--card-pdf", "card.pdf"]);
    assert_eq!((lines.len(), exit), (2, 0));
    assert!(lines.iter().all(|line| line["size"] == "ID-1"), "{lines:?}");
    let (sheet, placed) = on_sheet(&std::fs::read(bench.path("card.pdf")).expect("the sheet is there"));
    let off = |seen: [f64; 2], wanted: [f64; 2]| (seen[0] - wanted[0]).abs().max((seen[1] - wanted[1]).abs());
    assert!(off(sheet, [210.0, 297.0]) < 0.05 && placed.len() == 2, "{sheet:?}");
    assert!(placed.iter().all(|[size, _]| off(*size, [85.6, 53.98]) < 0.05), "{placed:?}");

    let output = bench.run(&["front.jpg", "letter.jpg", "--card-pdf", "none.pdf"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error not_a_card: page 2 "));
    let output = bench.run(&["front.jpg", "none.jpg", "--card-pdf", "none.pdf"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && !told.contains("not_a_card"), "told once: {told}");
    assert!(!bench.path("none.pdf").exists());
    let output = bench.run(&["front.jpg", "back.jpg", "--card-pdf", "front.jpg"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("error original_kept: "));
    assert_eq!(std::fs::read(bench.path("front.jpg")).expect("it is there"), front);
    assert_eq!(bench.run(&["front.jpg", "--card-pdf", "none.pdf"]).status.code(), Some(2));
}

#[test]
fn what_is_no_picture_is_told_what_to_do_with_it() {
    let bench = Bench::with(&[("form.jpg", FORM), ("notes.txt", b"no picture")]);
    assert_eq!(bench.run(&["form.jpg", "--pdf", "form.pdf"]).status.code(), Some(0));
    let told = |input: &str| {
        let output = bench.run(&[input]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("text")
    };
    let (document, text) = (told("form.pdf"), told("notes.txt"));
    assert!(
        document.contains("error not_an_image: ") && document.contains("`POST /v1/captures`"),
        "{document}"
    );
    assert!(text.contains("error not_an_image: ") && text.contains("a JPEG or a PNG"), "{text}");
    assert!(!text.contains("PDF"), "this command reads none: {text}");
}

#[test]
fn tones_and_resolutions_show_in_the_page() {
    let bench = Bench::with(&[("form.jpg", FORM)]);
    let page = |arguments: &[&str], out: &str| {
        let (lines, code) = bench.lines(&[&["form.jpg", "--out", out], arguments].concat());
        assert_eq!((lines.len(), code), (1, 0), "{arguments:?}");
        let bytes = std::fs::read(bench.path(out)).expect("the page is there");
        (yidang_imaging::decode(&bytes).expect("a picture"), bytes)
    };
    let (colour, _) = page(&[], "colour.jpg");
    let coloured = |p: &yidang_imaging::Picture| {
        p.rgb().chunks_exact(3).filter(|p| p[0].abs_diff(p[2]) > 40).count() * 1000 / (p.rgb().len() / 3)
    };
    assert!(coloured(&colour) > 0, "the form has a red seal");
    for tone in ["grey", "bw"] {
        let (picture, bytes) = page(&["--tone", tone], "tone.png");
        assert_eq!(coloured(&picture), 0, "{tone}");
        assert_eq!(bytes.starts_with(b"\x89PNG"), tone == "bw", "black and white is kept without loss");
    }
    assert!(coloured(&page(&["--tone", "seal"], "seal.jpg").0) > 0);
    let (fine, _) = page(&["--dpi", "300"], "fine.jpg");
    assert!(fine.width().abs_diff(2480) < 30 && fine.height().abs_diff(3508) < 30, "A4 at 300 dpi: {fine:?}");
}

/// The picture in the bytes of another file, and nothing begun beside it.
fn holds(bench: &Bench, name: &str, bytes: &[u8]) {
    assert!(std::fs::read(bench.path(name)).expect("the file is there") == bytes, "{name} changed");
    let names = std::fs::read_dir(bench.folder.path()).expect("a folder").map(|entry| entry.expect("a name"));
    let begun: Vec<_> =
        names.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part")).collect();
    assert!(begun.is_empty(), "left behind: {begun:?}");
}

#[test]
fn an_older_page_stays_where_a_new_one_cannot_be_finished() {
    let bench = Bench::with(&[("form.jpg", FORM), ("page.jpg", b"an older page")]);
    // Larger files than this cannot be written, as on a full disk: the page is far larger.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" page form.jpg --out page.jpg";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_yidang")])
        .current_dir(bench.folder.path())
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error page_not_written: form.jpg: page.jpg: "));
    holds(&bench, "page.jpg", b"an older page");
}

#[test]
fn a_second_name_of_the_picture_gets_the_page_and_the_picture_stays() {
    let bench = Bench::with(&[("form.jpg", FORM)]);
    std::fs::hard_link(bench.path("form.jpg"), bench.path("page.jpg")).expect("a second name");
    assert_eq!(bench.run(&["form.jpg", "--out", "page.jpg"]).status.code(), Some(0));
    holds(&bench, "form.jpg", FORM);
    assert!(size(&bench.path("page.jpg")) != size(&bench.path("form.jpg")));
}

#[test]
fn nothing_is_written_over_what_the_same_run_wrote_or_what_is_no_file() {
    let bench = Bench::with(&[("form.jpg", FORM)]);
    let output = bench.run(&["form.jpg", "--out", "page", "--pdf", "./page"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error page_not_written: ./page: "));
    assert!(size(&bench.path("page")).0 > 0, "the page that was written first");
    let made = Command::new("mkfifo").arg(bench.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let output = bench.run(&["form.jpg", "--out", "pipe"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("something that is no file"));
    holds(&bench, "form.jpg", FORM);
}

#[test]
fn a_pipe_is_refused_and_a_name_does_not_move_the_terminal() {
    let name = "a\u{1b}[2J.jpg";
    let bench = Bench::with(&[(name, FORM)]);
    let made = std::process::Command::new("mkfifo").arg(bench.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let output = bench.run(&["pipe", name, "no\u{1b}[2J.jpg"]);
    assert_eq!(output.status.code(), Some(1));
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(error.contains("error file_unreadable: pipe: this is no regular file"), "{error}");
    assert!(told.contains(r"a\u{1b}[2J.jpg") && error.contains(r"no\u{1b}[2J.jpg"), "{told}{error}");
    assert!(!told.contains('\u{1b}') && !error.contains('\u{1b}'));
}
