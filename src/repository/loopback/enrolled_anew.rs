//! A window that enrolled anew has the papers and the dossiers that it had under its older number: what becomes of them is
//! told to it, and it may put them right, if its code was made for its counter.

use yidang_model::HoldId;
use yidang_sync::wire::{FeedItem, News};

use super::*;
use crate::holds::{HoldWish, carry_out as hold};

/// Of one counter: the older number, the one that came after it, and one that chose the counter's name itself.
fn numbers(house: &House, counter: &str) -> [Window; 3] {
    [house.window(counter), house.window(counter), house.window_of(counter, None)]
}

/// The papers of each erasure behind `after`.
#[track_caller]
fn erased(window: &Window, after: u64) -> Vec<Vec<MaterialId>> {
    let papers = |item: FeedItem| match item.news {
        News::Erased { materials, .. } => materials,
        other => panic!("{other:?}"),
    };
    window.feed(after, 0).items.into_iter().map(papers).collect()
}

#[test]
fn an_erasure_reaches_it() {
    let house = House::new();
    let (mut asks, other) = (house.window("asks"), house.window("other"));
    let [mut files, files_anew, files_claims] = numbers(&house, "files");
    let [looks, looks_anew, looks_claims] = numbers(&house, "looks");
    let bytes = paper();
    let (by_files, by_asks) =
        (files.file(&[specimen(), somebody(1)], &bytes), asks.file(&[specimen(), somebody(1)], &bytes));
    looks.materials(&somebody(1));

    assert_eq!(asks.commit(vec![forget_material(by_asks)]), ["accepted"]);
    // Who has it, by every name it was given; who only saw it, by the one it had there.
    for window in [&files, &files_anew, &looks, &looks_anew] {
        assert_eq!(erased(window, 0), [[by_files]]);
    }
    // Of a person whose papers are nobody's any more: for having filed, or looked.
    asks.materials(&somebody(1));
    assert_eq!(asks.commit(vec![forget_person(&somebody(1))]), ["accepted"]);
    for window in [&files, &files_anew, &looks, &looks_anew] {
        assert_eq!(erased(window, 1), [[]]);
    }
    for window in [&files_claims, &looks_claims, &other] {
        assert_eq!(window.feed(0, 0).items, []);
    }
}

fn place(house: &mut House, holder: Option<&Subject>, material: Option<MaterialId>) -> HoldId {
    let wish = HoldWish::Place {
        holder: holder.map(WireSubject::from),
        material: material.map(|id| id.to_string()),
        operator: "Operator Ng".into(),
        reason: "court order".into(),
        case: None,
    };
    house.stop();
    let id = hold(&house.config, &wish).unwrap()[0].id.parse().unwrap();
    house.start();
    id
}

fn lift(house: &mut House, id: HoldId) {
    let (id, reason) = (id.to_string(), "over".into());
    house.stop();
    hold(&house.config, &HoldWish::Lift { id, operator: "Operator Ng".into(), reason }).unwrap();
    house.start();
}

/// What holds were told: each with the papers it names, or none where it was lifted.
#[track_caller]
fn holds(house: &House, window: &Window) -> Vec<(HoldId, Option<Vec<MaterialId>>)> {
    let window = Window { address: house.address(), ..window.clone() };
    let told = |item: FeedItem| match item.news {
        News::Held { hold, materials, .. } => (hold, Some(materials)),
        News::HoldLifted { hold } => (hold, None),
        other => panic!("{other:?}"),
    };
    window.feed(0, 0).items.into_iter().map(told).collect()
}

#[test]
fn a_hold_and_its_lifting_reach_it() {
    let mut house = House::new();
    let [mut files, files_anew, files_claims] = numbers(&house, "files");
    let [looks, looks_anew, looks_claims] = numbers(&house, "looks");
    let id = files.file(&[specimen()], &paper());
    looks.materials(&specimen());

    let on_paper = place(&mut house, None, Some(id));
    let on_person = place(&mut house, Some(&specimen()), None);
    for window in [&files, &files_anew] {
        assert_eq!(holds(&house, window), [(on_paper, Some(vec![id])), (on_person, Some(Vec::new()))]);
    }
    for window in [&looks, &looks_anew] {
        assert_eq!(holds(&house, window), [(on_person, Some(Vec::new()))]);
    }
    // One that enrols while it stands has it from its older number, and hears that it is over.
    let later = house.window("looks");
    for hold in [on_paper, on_person] {
        lift(&mut house, hold);
    }
    let lifted = [(on_paper, None), (on_person, None)];
    for window in [&files, &files_anew] {
        assert_eq!(holds(&house, window)[2..], lifted);
    }
    for window in [&looks, &looks_anew] {
        assert_eq!(holds(&house, window)[1..], lifted[1..]);
    }
    assert_eq!(holds(&house, &later), lifted[1..]);
    for window in [&files_claims, &looks_claims] {
        assert_eq!(holds(&house, window), []);
    }
}

#[test]
fn it_puts_right_what_its_older_number_filed() {
    let house = House::new();
    let [mut files, mut anew, mut claims] = numbers(&house, "files");
    let id = files.file(&[specimen()], &paper());
    assert_eq!(claims.commit(vec![refiled(id, &somebody(1))]), ["refiling_denied"]);
    assert_eq!(anew.commit(vec![refiled(id, &somebody(1))]), ["accepted"]);
    assert_eq!(anew.materials(&somebody(1)).materials.len(), 1);
    // Not the other way round: an older number is no successor.
    let id = anew.file(&[specimen()], &paper());
    assert_eq!(files.commit(vec![refiled(id, &somebody(1))]), ["refiling_denied"]);
}
