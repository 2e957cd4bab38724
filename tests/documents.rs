//! Promise: what is filed page by page is had as one document, and a scanned document is captured page by page.

use serde_json::json;

use crate::support::agent::Agent;
use crate::support::paper::{card, on_sheet};

const FORM: &[u8] = include_bytes!("../fixtures/desk/01-form.jpg");
const LETTER: &[u8] = include_bytes!("../fixtures/desk/03-letter.jpg");

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn a_material_is_had_as_a_document_whose_pages_are_its_own_bytes() {
    let agent = Agent::start();
    let holder = agent.read_card();
    let captures = [FORM, LETTER].map(|picture| agent.upload(picture).expect(201)["id"].clone());
    let body = json!({"holders": [holder], "kind": "form", "captures": captures, "case": "案-77"});
    let material = agent.post("/v1/materials", &body).expect(201)["id"].as_str().expect("an id").to_owned();
    let document = agent.get(&format!("/v1/materials/{material}/document.pdf"));
    assert_eq!(document.status, 200);
    assert!(document.bytes.starts_with(b"%PDF-"));
    let pages = [1, 2].map(|n| agent.get(&format!("/v1/materials/{material}/pages/{n}/image")).bytes);
    for page in &pages {
        assert_eq!(count(&document.bytes, page), 1, "the page stands in it as it is stored");
    }
    // The same look as at its pages, and the same door.
    let stranger = agent.make_token("stranger", "archive:read");
    let path = format!("/v1/materials/{material}/document.pdf");
    agent.get_as(&stranger, &path).is_problem(403, "holder_required");
    agent
        .get("/v1/materials/00000000000000000000000000000000/document.pdf")
        .is_problem(404, "material_unknown");

    // Handed in again, each page is a capture with the very same bytes.
    let capture = agent.upload(&document.bytes).expect(201);
    let each = capture["captures"].as_array().expect("a list");
    assert_eq!((each.len(), &each[0]["id"]), (2, &capture["id"]));
    for (capture, page) in each.iter().zip(&pages) {
        let id = capture["id"].as_str().expect("an id");
        for rendition in ["original", "page"] {
            let kept = agent.get(&format!("/v1/captures/{id}/image?rendition={rendition}"));
            assert!(kept.bytes == *page, "{rendition}");
        }
        assert_eq!(capture["origin"], "upload");
    }
    agent.upload(&document.bytes[..document.bytes.len() / 2]).is_problem(422, "image_damaged");
}

#[test]
fn both_sides_of_a_card_stand_on_one_sheet_in_the_cards_own_size() {
    let agent = Agent::start();
    let holder = agent.read_card();
    let file = |frames: &[Vec<u8>], slot: &str| {
        let captures: Vec<_> = frames.iter().map(|frame| agent.upload(frame).expect(201)).collect();
        let ids: Vec<_> = captures.iter().map(|capture| &capture["id"]).collect();
        let body =
            json!({"holders": [holder], "kind": "id_card", "captures": ids, "case": "案-78", "slot": slot});
        let material = agent.post("/v1/materials", &body).expect(201)["id"].clone();
        (format!("/v1/materials/{}/document.pdf", material.as_str().expect("an id")), captures)
    };
    // The back lies upright.
    let sides = [card(120).on_desk(), card(260).turned(1).on_desk()];
    let (path, captures) = file(&sides, "both");
    assert!(captures.iter().all(|capture| capture["size"] == "ID-1"), "{captures:?}");
    let document = agent.get(&format!("{path}?layout=card"));
    assert_eq!(document.status, 200);
    let (sheet, placed) = on_sheet(&document.bytes);
    let is_near = |seen: [f64; 2], wanted: [f64; 2]| {
        seen.iter().zip(wanted).all(|(seen, wanted)| (seen - wanted).abs() < 0.05)
    };
    assert!(is_near(sheet, [210.0, 297.0]), "{sheet:?}");
    assert_eq!(placed.len(), 2);
    let ([front_size, front_at], [back_size, back_at]) = (placed[0], placed[1]);
    assert!(is_near(front_size, [85.6, 53.98]) && is_near(back_size, [53.98, 85.6]), "{placed:?}");
    assert!(front_at[1] > back_at[1] + back_size[1], "the front stands above the back: {placed:?}");
    // As it has always been, unless that is asked for.
    assert_eq!(agent.get(&path).bytes, agent.get(&format!("{path}?layout=pages")).bytes);
    assert_eq!(count(&agent.get(&path).bytes, b"/Type /Page "), 2);
    agent.get(&format!("{path}?layout=poster")).is_problem(422, "invalid");

    for (frames, slot) in [
        (&sides[..1], "one"),
        (&[sides.as_slice(), &sides[..1]].concat(), "three"),
        (&[sides[0].clone(), LETTER.to_vec()], "letter"),
    ] {
        let (path, _) = file(frames, slot);
        agent.get(&format!("{path}?layout=card")).is_problem(409, "not_a_card");
        assert_eq!(agent.get(&path).status, 200, "{slot}");
    }
}

#[test]
fn what_is_wrong_with_a_page_is_told_with_its_number_and_in_words() {
    let agent = Agent::start();
    let small = include_bytes!("../fixtures/desk/small.jpg");
    let quality = agent.upload(small).expect(201)["quality"].clone();
    let findings = quality["findings"].as_array().expect("a list");
    let issues: Vec<_> = findings.iter().map(|finding| finding["issue"].clone()).collect();
    assert_eq!(json!(issues), quality["issues"]);
    let low = findings.iter().find(|f| f["issue"] == "low_resolution").expect("it is a small picture");
    assert!(low["value"].as_f64() < low["threshold"].as_f64(), "{low}");
    assert!(low["zh"].as_str().expect("words").contains("分辨率"));
    assert!(low["en"].as_str().expect("words").contains("resolution"));
}
