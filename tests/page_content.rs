//! Promise: which paper a page is, which way up it is and what its codes say is told where that is asked for.

use serde_json::{Value, json};
use yidang_imaging::{Format, PdfInfo, PdfPage, Tone, encode_page, set_tone, write_pdf};

use crate::support::agent::Agent;
use crate::support::paper::{Paper, form};

const CODE: &str = "https://example.invalid/申请/0317";
const ASKED: [(&str, &str); 2] = [("upright", "true"), ("codes", "true")];

fn as_told(capture: &Value) -> [&Value; 3] {
    ["size", "turned_degrees", "codes"].map(|field| &capture[field])
}

#[test]
fn a_page_on_its_head_is_stood_up_and_its_code_is_read() {
    let agent = Agent::start();
    for (quarters, degrees) in [(2, 180), (1, 270), (0, 0)] {
        let frame = form(CODE).turned(quarters).on_desk();
        let plain = agent.upload(&frame).expect(201);
        assert_eq!(as_told(&plain), [&json!("A4"), &Value::Null, &Value::Null]);
        let asked = agent.upload_with(&frame, &ASKED).expect(201);
        assert_eq!((&asked["size"], &asked["turned_degrees"]), (&json!("A4"), &json!(degrees)));
        assert_eq!(asked["corners"], plain["corners"], "the page lies where it lies");
        let by_hand = agent.upload_with(&frame, &[("rotate", &degrees.to_string())]).expect(201);
        assert_eq!(asked["digest"], by_hand["digest"], "the same page as if the turn had been named");

        let codes = asked["codes"].as_array().expect("a list");
        assert_eq!(codes.len(), 1, "{codes:?}");
        assert_eq!((&codes[0]["symbology"], &codes[0]["text"]), (&json!("qr"), &json!(CODE)));
        for corner in codes[0]["corners"].as_array().expect("corners") {
            let [x, y] = [0, 1].map(|axis| corner[axis].as_f64().expect("a number"));
            assert!((930.0..1_150.0).contains(&x) && (90.0..300.0).contains(&y), "{x} {y}");
        }
        // And it stays so while the capture waits.
        let list = agent.get("/v1/captures?state=unfiled").expect(200);
        let listed = list["captures"].as_array().expect("a list").iter().find(|c| c["id"] == asked["id"]);
        assert_eq!(as_told(listed.expect("it waits")), as_told(&asked));
    }
    assert!(!agent.read_log().contains("example.invalid"), "what a code says stands in no log");
}

#[test]
fn a_page_that_does_not_tell_stays_as_it_lies() {
    let agent = Agent::start();
    let frame = Paper::blank(1_240, 1_754).on_desk();
    let asked = agent.upload_with(&frame, &ASKED).expect(201);
    assert_eq!(as_told(&asked), [&json!("A4"), &Value::Null, &json!([])]);
    assert_eq!(asked["digest"], agent.upload(&frame).expect(201)["digest"]);
    // A whole frame is turned as well, and is no paper of a known size.
    let whole = form(CODE).turned(2).jpeg();
    let asked = agent.upload_with(&whole, &[("crop", "full"), ("upright", "true")]).expect(201);
    assert_eq!(as_told(&asked), [&Value::Null, &json!(180), &Value::Null]);
    for (field, value) in [("codes", "maybe"), ("upright", "1"), ("px_per_mm", "0"), ("px_per_mm", "NaN")] {
        agent.upload_with(&frame, &[(field, value)]).is_problem(422, "invalid");
    }
}

#[test]
fn a_camera_is_asked_for_the_same_in_json() {
    let agent = Agent::start_with_frames(&[("01-form.jpg", &form(CODE).turned(2).on_desk())]);
    let plain = agent.post("/v1/captures", &json!({})).expect(201);
    assert_eq!(as_told(&plain), [&json!("A4"), &Value::Null, &Value::Null]);
    let wish = json!({"upright": true, "codes": true, "px_per_mm": 5.9});
    let asked = agent.post("/v1/captures", &wish).expect(201);
    assert_eq!((&asked["size"], &asked["turned_degrees"]), (&json!("A4"), &json!(180)));
    assert_eq!(asked["codes"][0]["text"], CODE);
    agent.post("/v1/captures", &json!({"px_per_mm": 51})).is_problem(422, "invalid");
}

#[test]
fn sizes_that_proportions_cannot_tell_are_told_by_the_scale_or_the_document() {
    let agent = Agent::start();
    // 148 by 210 mm at 6 pixels a millimetre.
    let a5 = Paper::blank(888, 1_260).written(100);
    let frame = a5.on_desk();
    assert_eq!(agent.upload(&frame).expect(201)["size"], "A4", "as its proportions have it");
    let scaled = agent.upload_with(&frame, &[("px_per_mm", "6"), ("dpi", "300")]).expect(201);
    assert_eq!(scaled["size"], "A5");
    let height = scaled["height"].as_u64().expect("a number");
    assert!(height.abs_diff(2_480) < 10, "210 mm at 300 dpi: {height}");
    let dpi = scaled["quality"]["dpi"].as_f64().expect("a number");
    assert!((dpi - 152.4).abs() < 3.0, "{dpi}");

    // A receipt of no known size: the scale tells what it resolves, and how large it becomes.
    let receipt = Paper::blank(400, 1_260).written(60).on_desk();
    let coarse = agent.upload_with(&receipt, &[("px_per_mm", "5")]).expect(201);
    assert_eq!(coarse["size"], Value::Null);
    assert_eq!(coarse["quality"]["dpi"].as_f64().map(f64::round), Some(127.0));
    assert!(coarse["quality"]["issues"].to_string().contains("low_resolution"), "{}", coarse["quality"]);
    let scaled = agent.upload_with(&receipt, &[("px_per_mm", "5"), ("dpi", "254")]).expect(201);
    let [before, after] = [coarse, scaled].map(|page| page["height"].as_f64().expect("a number"));
    assert!((after / before - 2.0).abs() < 0.01, "{before} to {after}");

    let (front, receipt) = (a5.jpeg(), Paper::blank(400, 1_600).jpeg());
    let pages = [
        PdfPage { bytes: &front, size_mm: [148.0, 210.0] },
        PdfPage { bytes: &receipt, size_mm: [57.0, 228.0] },
    ];
    let document = write_pdf(&pages, &PdfInfo::default()).expect("a document");
    let captures = agent.upload(&document).expect(201)["captures"].clone();
    assert_eq!([&captures[0]["size"], &captures[1]["size"]], [&json!("A5"), &Value::Null]);
}

#[test]
fn a_page_in_black_and_white_is_not_called_too_bright() {
    let agent = Agent::start();
    let page = set_tone(form(CODE).picture(), Tone::BlackWhite).expect("a page");
    let page = encode_page(&page, Format::Png).expect("a PNG").bytes;
    let quality = agent.upload_with(&page, &[("crop", "full")]).expect(201)["quality"].clone();
    assert_eq!((&quality["issues"], &quality["brightness"]), (&json!([]), &json!(1.0)));
}
