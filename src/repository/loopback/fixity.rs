//! An agent's own pictures come back to it, and to nobody else; its ledger's head is remembered.

use yidang_sync::wire::{AnchorAnswer, LedgerAnchor};

use super::*;

fn own(window: &Window, bytes: &[u8]) -> Answer {
    window.get(&format!("/v1/uploads/{}", Digest::of(bytes)))
}

#[test]
fn who_committed_a_picture_gets_it_back_and_nobody_else_does() {
    let house = House::new();
    let (mut files, stranger) = (house.window("files"), house.window("stranger"));
    let (bytes, unfiled) = (paper(), paper());
    let id = files.file(&[specimen()], &bytes);
    files.put(&unfiled);
    let answer = own(&files, &bytes);
    assert_eq!((answer.status, answer.body.as_slice()), (200, bytes.as_slice()));
    // Not a stranger, not one who opened the dossier, and nothing that was only uploaded.
    assert_eq!(
        (own(&stranger, &bytes).status, own(&stranger, &bytes).code()),
        (404, "blob_unknown".to_owned())
    );
    stranger.materials(&specimen());
    assert_eq!(own(&stranger, &bytes).code(), "blob_unknown");
    stranger.put(&bytes);
    assert_eq!(own(&stranger, &bytes).code(), "blob_unknown", "uploaded is not committed");
    assert_eq!(own(&files, &unfiled).code(), "blob_unknown");
    assert_eq!(files.get("/v1/uploads/nonsense").status, 422);
    // Once it is forgotten, not even whoever brought it.
    assert_eq!(files.commit(vec![forget_material(id)]), ["accepted"]);
    assert_eq!(own(&files, &bytes).code(), "blob_unknown");
}

#[test]
fn a_ledger_that_was_anchored_only_grows() {
    let house = House::new();
    let (window, other) = (house.window("files"), house.window("other"));
    let anchor = |sequence, hash: u8| LedgerAnchor {
        ledger: "0123456789abcdef0123456789abcdef".to_owned(),
        sequence,
        hash: hex::encode([hash; 32]),
    };
    let put = |window: &Window, anchor: &LedgerAnchor| {
        window.send(Method::PUT, "/v1/anchor", &[], Some(serde_json::to_vec(anchor).unwrap()))
    };
    let known = |window: &Window| {
        window.get(&format!("/v1/anchor?ledger={}", anchor(1, 1).ledger)).json::<AnchorAnswer>().anchor
    };
    assert_eq!(known(&window), None);
    for told in [anchor(7, 1), anchor(7, 1), anchor(9, 2)] {
        assert_eq!(put(&window, &told).json::<LedgerAnchor>(), told);
    }
    for (told, why) in [(anchor(8, 2), "cut off"), (anchor(9, 3), "replaced")] {
        let answer = put(&window, &told);
        assert_eq!((answer.status, answer.code()), (409, "anchor_conflict".to_owned()), "{why}");
    }
    assert_eq!(known(&window), Some(anchor(9, 2)));
    // A window that enrolled anew has another number and the same ledger.
    assert_eq!(known(&other), Some(anchor(9, 2)));
    assert_eq!(put(&other, &anchor(8, 2)).status, 409, "cut off, whoever says so");
    assert_eq!(put(&other, &anchor(11, 4)).status, 200);
    assert_eq!((known(&other), known(&window)), (Some(anchor(11, 4)), Some(anchor(9, 2))));
    for wrong in [LedgerAnchor { ledger: "x".into(), ..anchor(1, 1) }, anchor(0, 1)] {
        assert_eq!(put(&window, &wrong).status, 422);
    }
}

#[test]
fn a_picture_damaged_at_the_repository_is_whole_when_a_window_brings_it_again() {
    let mut house = House::new();
    let mut files = house.window("files");
    let bytes = paper();
    files.file(&[specimen()], &bytes);
    assert_eq!(files.missing(&[&bytes]), []);
    house.stop();
    let segment = house.config.data_dir.join("blobs/segments/00000001.segment");
    let mut held = std::fs::read(&segment).unwrap();
    let middle = held.len() / 2;
    held[middle] ^= 1;
    std::fs::write(&segment, held).unwrap();
    let report = crate::check(&house.config, &mut |_, _| {}).unwrap();
    assert_eq!((report.damage_count, report.damages[0].check.as_str()), (1, "blobs"));
    assert_eq!(report.damages[0].remedy, "restore_blob");
    let text = report.readable(yidang_archive::Speaker::Repository, yidang_archive::Wording::English);
    assert!(text.contains("shown again at a window") && !text.contains("yidang archive"), "{text}");
    let options = yidang_archive::ArchiveOptions {
        data_dir: house.config.data_dir.clone(),
        keys_dir: house.config.keys_dir.clone(),
    };
    let archive = yidang_archive::Archive::open(&options).unwrap();
    let yidang_archive::DamagedThing::Blob(name) = archive.verify(&mut |_, _| {}).unwrap().damages[0].what
    else {
        panic!("a blob")
    };
    assert!(archive.set_aside(name).unwrap());
    drop(archive);
    house.start();
    files.address = house.address();
    assert_eq!(own(&files, &bytes).code(), "blob_damaged");
    assert_eq!(files.missing(&[&bytes]), [Digest::of(&bytes)], "it is welcome again");
    assert_eq!(files.put(&bytes), 200);
    assert_eq!(own(&files, &bytes).body, bytes);
    house.stop();
    assert!(crate::check(&house.config, &mut |_, _| {}).unwrap().clean);
}
