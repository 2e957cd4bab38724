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
    // By every name it was given, whether they gave it or only saw the paper.
    let mut names = [by_files, by_asks];
    names.sort_unstable();
    for window in [&files, &files_anew, &looks, &looks_anew] {
        assert_eq!(erased(window, 0), [names]);
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
    let id = hold(&house.config, &wish).unwrap().holds[0].id.parse().unwrap();
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
    // One that enrols while it stands and its older number has heard of it has it from that, and hears that it is over.
    for window in [&looks, &looks_anew] {
        Window { address: house.address(), ..window.clone() }.feed(1, 0);
    }
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
fn what_its_older_numbers_have_not_carried_out_is_told_to_it_first() {
    let house = House::new();
    let mut asks = house.window("asks");
    let mut files = house.window("files");
    let ids: Vec<MaterialId> = (0..4).map(|_| files.file(&[specimen()], &paper())).collect();
    let bytes = paper();
    let (named_first, as_kept) = (asks.file(&[specimen()], &bytes), files.file(&[specimen()], &bytes));
    asks.materials(&specimen());
    let mut forget = |id| assert_eq!(asks.commit(vec![forget_material(id)]), ["accepted"]);

    forget(ids[0]);
    forget(ids[1]);
    assert_eq!(erased(&files, 0), [[ids[0]], [ids[1]]]);
    // The first is carried out.
    assert_eq!(erased(&files, 1), [[ids[1]]]);
    // One that asks for what is far ahead has not carried out what is before it.
    assert_eq!(files.feed_answer(9, 0).code(), "epoch_wrong");
    let anew = house.window("files");
    forget(ids[2]);
    forget(named_first);
    let later = house.window("files");
    forget(ids[3]);

    let all = [vec![ids[1]], vec![ids[2]], both(named_first, as_kept), vec![ids[3]]];
    for window in [&anew, &later] {
        assert_eq!(erased(window, 0), all);
    }
    assert_eq!(erased(&house.window_of("files", None), 0), Vec::<Vec<MaterialId>>::new());
    assert_eq!(house.window("other").feed(0, 0).items, []);
    // Nothing is left to be told once all of them have carried it out.
    for window in [&files, &anew, &later] {
        let head = window.feed(0, 0).head;
        assert_eq!(window.feed(head, 0).items, []);
    }
    assert_eq!(house.window("files").feed(0, 0).items, []);
}

/// Two names of one paper, in the order of a feed's.
fn both(one: MaterialId, other: MaterialId) -> Vec<MaterialId> {
    let mut names = vec![one, other];
    names.sort_unstable();
    names
}

#[test]
fn it_hears_where_a_paper_belongs_by_the_last_word_of_several() {
    let house = House::new();
    let mut files = house.window("files");
    let id = files.file(&[specimen()], &paper());
    let mut anew = house.window("files");
    for (number, holder) in [1, 2, 3].into_iter().zip([1, 2, 1]) {
        let by = if number == 2 { &mut anew } else { &mut files };
        assert_eq!(by.commit(vec![refiled(id, &somebody(holder))]), ["accepted"]);
    }
    // The older has carried out the first, the newer none.
    files.feed(1, 0);
    let later = house.window("files");
    let holders = |item: FeedItem| match item.news {
        News::Refiled { now: Some(now), .. } => now.holders,
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = later.feed(0, 0).items.into_iter().map(holders).collect();
    assert_eq!(told, [1, 2, 1].map(|holder| vec![WireSubject::from(&somebody(holder))]));
}

#[test]
fn it_forgets_what_its_older_number_filed_and_asks_again_for_what_that_asked_for() {
    let house = House::new();
    let [mut files, mut anew, mut claims] = numbers(&house, "files");
    let id = files.file(&[specimen()], &paper());
    assert_eq!(claims.commit(vec![forget_material(id)]), ["erasure_denied"]);
    assert_eq!(claims.commit(vec![forget_person(&specimen())]), ["erasure_denied"]);
    let asked = forget_material(id);
    for window in [&mut files, &mut anew] {
        assert_eq!(window.commit(vec![asked.clone()]), ["accepted"]);
    }
    assert_eq!(claims.commit(vec![asked]), ["erasure_denied"]);
    files.file(&[specimen()], &paper());
    assert_eq!(anew.commit(vec![forget_person(&specimen())]), ["accepted"]);
    assert_eq!(anew.materials(&specimen()).materials.len(), 0);
    // Of somebody nobody has filed for: whoever asked is told, by each number.
    assert_eq!(files.commit(vec![forget_person(&somebody(1))]), ["accepted"]);
    for window in [&files, &anew] {
        assert_eq!(window.feed(0, 0).head, 3);
    }
    assert_eq!(claims.feed(0, 0).items, []);
    // Not the other way round.
    let id = anew.file(&[specimen()], &paper());
    assert_eq!(files.commit(vec![forget_material(id)]), ["erasure_denied"]);
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
