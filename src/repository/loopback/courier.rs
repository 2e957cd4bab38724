//! Parcels of a window that knows of more than the repository has.

use std::io::Cursor;

use yidang_sync::parcel::{
    ParcelAnchor, ParcelHead, ParcelReader, ParcelWriter, ReceiptHead, Seal, Tag, read_header,
};
use yidang_sync::wire::{LedgerAnchor, RepositoryHead};

use super::*;
use crate::courier::{Taken, take};
use crate::holds::{HoldWish, carry_out};
use crate::repository::Repository;

/// The only window's name.
fn name(house: &House) -> String {
    Repository::open(&house.config).unwrap().state.agents().unwrap()[0].name.clone()
}

/// A parcel with this in its head, and a paper to forget in it.
fn parcel(house: &House, window: &Window, known: &[RepositoryHead], feed_after: u64) -> Vec<u8> {
    parcel_telling(house, window, known, feed_after, None)
}

/// The same, with this of the window's own ledger.
fn parcel_telling(
    house: &House,
    window: &Window,
    known: &[RepositoryHead],
    feed_after: u64,
    anchor: Option<ParcelAnchor>,
) -> Vec<u8> {
    let key = window.key.clone().unwrap();
    let (agent, epoch, first) = (name(house), window.epoch.clone(), window.sequence + 1);
    let head = ParcelHead { agent, key, epoch, first, part: 1, feed_after, known: known.to_vec(), anchor };
    let courier = crate::courier::courier_key(&house.config).unwrap();
    let mut writer =
        ParcelWriter::begin(Vec::new(), &Seal::for_repository(&courier, fresh()).unwrap()).unwrap();
    writer.record(Tag::Head, &serde_json::to_vec(&head).unwrap()).unwrap();
    let entries = vec![forget_material(MaterialId::from_bytes(fresh()))];
    let commit = CommitRequest { epoch: window.epoch.clone(), sequence: first, entries };
    writer.record(Tag::Commit, &serde_json::to_vec(&commit).unwrap()).unwrap();
    writer.finish().unwrap()
}

/// What came of it, what the receipt's head says, and how many pages of news follow.
fn taken(house: &House, window: &Window, parcel: &[u8]) -> (Taken, ReceiptHead, usize) {
    let repository = Repository::open(&house.config).unwrap();
    let (taken, receipt) = take(&repository, parcel).unwrap_or_else(|error| panic!("{error:?}"));
    let mut input = Cursor::new(receipt);
    let header = read_header(&mut input).unwrap();
    let seal = Seal::at_agent(header, &taken.agent, window.key.as_deref().unwrap()).unwrap();
    let mut reader = ParcelReader::new(input, &seal).unwrap();
    let head = serde_json::from_slice(&reader.record().unwrap().unwrap().bytes).unwrap();
    let mut news = 0;
    while let Some(record) = reader.record().unwrap() {
        news += usize::from(record.tag == Tag::News);
    }
    (taken, head, news)
}

/// Before anything in it is carried out: it asks for something to be forgotten.
#[test]
fn a_parcel_whose_window_knows_of_more_has_the_holds_doubted() {
    let mut house = House::new();
    let mut window = house.window("one");
    let gone = window.file(&[specimen()], &paper());
    assert_eq!(window.commit(vec![forget_material(gone)]), ["accepted"]);
    house.stop();
    // An earlier version's says nothing of it.
    let (done, head, news) = taken(&house, &window, &parcel(&house, &window, &[], 0));
    assert!(!done.lacks_known && done.accepted == 1 && news == 1);
    let end = head.head.unwrap();
    assert!(end.has_known && head.known.is_empty());
    window.sequence += 1;
    let known = [end.head.clone()];
    let (done, head, _) = taken(&house, &window, &parcel(&house, &window, &known, 1));
    assert!(!done.lacks_known && !done.holds_unproven && done.accepted == 1);
    assert_eq!(head.known, known);
    assert!(head.head.clone().unwrap().has_known && head.head.unwrap().head.sequence > end.head.sequence);

    window.sequence += 1;
    let lost = [end.head.clone(), RepositoryHead { sequence: 1000, ..end.head.clone() }];
    // Its feed was longer than there is one now.
    let told = parcel(&house, &window, &lost, 7);
    let (done, head, news) = taken(&house, &window, &told);
    assert!(done.lacks_known && done.holds_unproven && news == 0);
    assert_eq!((done.refused[0].code.as_str(), head.known.as_slice()), ("holds_unproven", &lost[..]));
    assert!(!head.head.unwrap().has_known);

    // Confirmed since the window was told, they are not doubted anew by the same.
    carry_out(&house.config, &HoldWish::Confirm { operator: "Operator Ng".into() }).unwrap();
    let (done, ..) = taken(&house, &window, &told);
    assert!(done.lacks_known && !done.holds_unproven);
}

/// Parcels come late and more than once, and one of a ledger that was put back and went on may come as well.
#[test]
fn the_end_of_a_ledger_is_remembered_from_parcels_whose_window_knows_what_was() {
    let mut house = House::new();
    let mut window = house.window("one");
    house.stop();
    let ledger = "ab".repeat(16);
    let end = |sequence, hash: &str| LedgerAnchor { ledger: ledger.clone(), sequence, hash: hash.repeat(32) };
    let mut remembered = |end: LedgerAnchor, follows| {
        let anchor = Some(ParcelAnchor { end, follows });
        let (_, head, _) = taken(&house, &window, &parcel_telling(&house, &window, &[], 0, anchor));
        window.sequence += 1;
        head.anchor.unwrap()
    };
    assert_eq!(remembered(end(10, "aa"), None), end(10, "aa"));
    assert_eq!(remembered(end(20, "bb"), None), end(10, "aa"), "packed before the receipt came");
    assert_eq!(remembered(end(30, "cc"), Some(10)), end(30, "cc"));
    assert_eq!(remembered(end(30, "cc"), Some(10)), end(30, "cc"), "taken once more");
    assert_eq!(remembered(end(40, "dd"), Some(10)), end(30, "cc"), "of one that was put back");
    assert_eq!(remembered(end(20, "bb"), Some(30)), end(30, "cc"), "a ledger only grows");
    assert_eq!(remembered(end(40, "dd"), Some(30)), end(40, "dd"));
    let nonsense =
        Some(ParcelAnchor { end: LedgerAnchor { hash: "zz".into(), ..end(50, "ee") }, follows: None });
    let bytes = parcel_telling(&house, &window, &[], 0, nonsense);
    assert!(take(&Repository::open(&house.config).unwrap(), &bytes[..]).is_err());
}
