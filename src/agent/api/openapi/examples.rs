//! Examples of the main bodies. The people are invented: area code 000000 is given to nobody.

use serde_json::{Value, json};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Components, RefOr};

const CAPTURE: &str = "5b0f1d7c2e9a4c3f8d6e1a2b3c4d5e6f";
const MATERIAL: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const HOLDER: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
const PAIRING: &str = "bm90IGEgc2VjcmV0LCBhbiBleGFtcGxlIG9ubHkuLi4";
const PAGE_DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const FRAME_DIGEST: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

/// Adds an example to each schema that has one.
pub(super) fn add(components: &mut Components) {
    for (name, example) in all() {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
            object.examples.push(example);
        }
    }
}

/// The examples, by schema.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("ReadCard", json!({"wait_ms": 20_000})),
        ("CardReading", card()),
        ("OpenHolder", open_holder()),
        (
            "OpenedHolder",
            json!({
                "holder": HOLDER,
                "rights": ["file", "read"],
                "expires_at": "2026-01-05T01:15:00.000Z",
                "warnings": [],
            }),
        ),
        ("RequestPairing", json!({"name": "社保窗口系统", "scopes": ["card", "capture", "archive:write"]})),
        ("RequestedPairing", requested_pairing()),
        ("CollectPairing", json!({"pairing": PAIRING})),
        ("CollectedPairing", json!({"state": "waiting", "token": null})),
        ("WaitingPairings", json!({"pairings": [waiting_pairing()]})),
        ("DecidePairing", json!({"code": "402617", "accept": true})),
        ("Cameras", cameras()),
        ("AdjustControls", json!({"focus_auto": 0, "focus": 120})),
        ("RequestPreview", json!({"width_max": 1280, "height_max": 960, "rate": 10})),
        ("PreviewTicket", preview_ticket()),
        (
            "CaptureWish",
            json!({"holder": HOLDER, "crop": "auto", "rotate": 0, "upright": true, "codes": true, "dpi": 300}),
        ),
        ("Capture", capture()),
        ("Captures", json!({"captures": [capture()], "next_cursor": null})),
        ("LeftCaptures", left_captures()),
        ("TakeOver", json!({"operator": "clerk-07", "reason": "relieved at noon"})),
        ("TakenOver", json!({"captures": [capture()], "left": 0})),
        ("FileMaterial", file_material()),
        ("Material", material()),
        ("Materials", json!({"materials": [material()], "next_cursor": null, "repository": "answered"})),
        ("RefileMaterial", json!({"holders": [HOLDER], "reason": "read the wrong card"})),
        ("RequestErasure", json!({"material": MATERIAL, "reason": "filed into the wrong dossier"})),
        (
            "Erasure",
            json!({
                "id": "c0ffee00c0ffee00c0ffee00c0ffee00",
                "state": "done",
                "erased_at": "2026-01-05T01:03:00.000Z",
                "materials": [MATERIAL],
                "shared_kept": [],
                "pictures_unproven": 0,
                "refusal": null,
                "repository": "none",
            }),
        ),
        ("Sync", sync()),
        ("Status", status()),
        ("Event", event()),
        ("Polled", json!({"events": [event()], "after": 1_767_574_800_001_u64})),
        ("Health", json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "archive": "whole"})),
        ("InsertCard", json!({"insert": "01-resident"})),
        ("LayFrame", json!({"frame": null})),
        ("SimulateFault", json!({"device": "camera", "fault": "unplug", "times": 1})),
        ("PlayScenario", json!({"steps": [{"card": "01-resident"}, {"after_ms": 500, "frame": "01-form"}]})),
    ]
}

fn left_captures() -> Value {
    json!({"clerks": [{
        "operator": "clerk-07",
        "captures": 3,
        "away_since": "2026-01-05T00:40:00.000Z",
        "may_take_over": true,
    }]})
}

fn card() -> Value {
    json!({
        "document_type": "resident",
        "name": "张一档",
        "name_en": null,
        "sex": "男",
        "sex_code": "1",
        "ethnicity": "汉",
        "ethnicity_code": "01",
        "nationality": null,
        "birth_date": "1990-02-28",
        "address": "某省某市某区样本路1号",
        "new_address": null,
        "id_number": "00000019900228001X",
        "issuer": "某市公安局某区分局",
        "valid_from": "2020-03-01",
        "valid_until": "2040-03-01",
        "long_term": false,
        "pass_number": null,
        "fingerprint": null,
        "photo_wlt": "V0xmAA==",
        "photo": null,
        "photo_status": "no_decoder",
        "chip_serial": "0000000000000001",
        "sam_id": null,
        "warnings": [],
        "holder": HOLDER,
        "rights": ["file", "read"],
        "expires_at": "2026-01-05T01:15:00.000Z",
        "origin": "device",
    })
}

fn requested_pairing() -> Value {
    json!({"pairing": PAIRING, "code": "402617", "expires_at": "2026-01-05T01:05:00.000Z"})
}

fn waiting_pairing() -> Value {
    json!({
        "code": "402617",
        "name": "社保窗口系统",
        "origin": "https://one.example.gov.cn",
        "scopes": ["card", "capture", "archive:write"],
        "expires_at": "2026-01-05T01:05:00.000Z",
    })
}

fn cameras() -> Value {
    json!({"cameras": [{
        "id": "usb-0000:00:14.0-2",
        "name": "Document camera",
        "driver": "v4l2",
        "state": "ready",
        "reason": null,
        "modes": [
            {"format": "mjpeg", "width": 4608, "height": 3456, "rates": [{"frames": 15, "seconds": 2}]},
        ],
        "controls": [
            {"name": "focus", "min": 0, "max": 255, "step": 1, "default": 0, "value": 120, "active": true},
        ],
    }]})
}

fn preview_ticket() -> Value {
    json!({
        "ticket": "Zk8xQm5vX2V4YW1wbGVfb25seV8w",
        "url": "/v1/cameras/usb-0000%3A00%3A14.0-2/preview?ticket=Zk8xQm5vX2V4YW1wbGVfb25seV8w",
        "camera": "usb-0000:00:14.0-2",
        "expires_at": "2026-01-05T01:00:30.000Z",
    })
}

fn open_holder() -> Value {
    json!({
        "subject": {"type": "resident", "value": "00000019900228001X"},
        "basis": "guardian",
        "purpose": "school enrolment of a minor",
        "case": "2026-000017",
        "evidence": [CAPTURE],
    })
}

fn capture() -> Value {
    json!({
        "id": CAPTURE,
        "width": 2480,
        "height": 3508,
        "corners": [[312.5, 208.0], [2790.0, 215.5], [2795.5, 3720.0], [305.0, 3714.5]],
        "confidence": 0.97,
        "size": "A4",
        "turned_degrees": 180,
        "codes": [{
            "symbology": "qr",
            "text": "YZ-2026-000017",
            "corners": [[2040.0, 180.0], [2250.0, 180.0], [2250.0, 390.0], [2040.0, 390.0]],
        }],
        "quality": {
            "sharpness": 0.71,
            "brightness": 0.86,
            "glare_share": 0.0,
            "corner_missing": 0.01,
            "finger_share": 0.004,
            "longer_side_px": 3508,
            "dpi": 232.0,
            "issues": ["finger"],
            "findings": [{
                "issue": "finger",
                "value": 0.004,
                "threshold": 0.002,
                "zh": "手指挡住了纸张，请移开手后重拍。",
                "en": "A finger covers a part; take the hand away and capture again.",
            }],
        },
        "digest": PAGE_DIGEST,
        "original_digest": FRAME_DIGEST,
        "matches": [],
        "captured_at": "2026-01-05T01:00:00.000Z",
        "expires_at": "2026-01-19T01:00:00.000Z",
        "origin": "device",
        "captures": null,
    })
}

fn file_material() -> Value {
    json!({
        "holders": [HOLDER],
        "kind": "birth_certificate",
        "captures": [CAPTURE],
        "case": "2026-000017",
        "item": "440604-school-enrolment",
        "slot": "proof_of_birth",
        "issued_on": "2018-06-01",
        "presented_as": "original",
        "original_seen": true,
    })
}

fn material() -> Value {
    json!({
        "id": MATERIAL,
        "kind": "birth_certificate",
        "pages": [{
            "page": 1,
            "digest": PAGE_DIGEST,
            "original_digest": FRAME_DIGEST,
            "width": 2480,
            "height": 3508,
            "media_type": "image/jpeg",
            "original_disposed": false,
        }],
        "case": "2026-000017",
        "item": "440604-school-enrolment",
        "slot": "proof_of_birth",
        "issued_on": "2018-06-01",
        "valid_until": null,
        "issuer": null,
        "document_number": null,
        "presented_as": "original",
        "original_seen": true,
        "note": null,
        "captured_at": "2026-01-05T01:00:00.000Z",
        "filed_at": "2026-01-05T01:02:00.000Z",
        "counter": "chancheng-zumiao-03",
        "duplicate": false,
        "duplicate_of": null,
        "supersedes": null,
        "safe_at": "this_pc",
        "status": "current",
        "origin": "device",
    })
}

fn sync() -> Value {
    json!({
        "repository": "connected",
        "backlog_materials": 0,
        "backlog_bytes": 0,
        "last_contact_at": "2026-01-05T01:02:01.000Z",
        "last_error": null,
    })
}

fn status() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "counter": "chancheng-zumiao-03",
        "devices": [
            {
                "type": "card_reader",
                "state": "ready",
                "id": "pcsc:example reader 00 00",
                "name": "Example Reader 00 00",
                "driver": "pcsc",
                "reason": "it has a security module",
            },
            {
                "type": "camera",
                "state": "absent",
                "id": null,
                "name": null,
                "driver": null,
                "reason": "no camera is connected",
            },
        ],
        "photo_decoder": {"state": "none", "reason": null},
        "archive": {"materials": 1, "blobs": 2, "holders": 1, "unfiled": 0, "ledger_head": 7, "epoch": 1,
            "scrubbed_at": null, "scrub_damaged": 0, "quarantined": 0,
            "ledger": "whole", "ledger_left_out": 0},
        "sync": sync(),
    })
}

fn event() -> Value {
    json!({
        "id": 1_767_574_800_001_u64,
        "type": "material.filed",
        "at": "2026-01-05T01:02:00.000Z",
        "data": {"material": MATERIAL},
    })
}
