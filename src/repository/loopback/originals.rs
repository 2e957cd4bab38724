//! Untouched originals whose term is over: decided once, gone everywhere, and never back.

use yidang_model::HoldId;
use yidang_sync::wire::{FeedItem, News, OriginalsEntry};

use super::*;
use crate::check::check;
use crate::holds::{HoldWish, carry_out as hold};
use crate::repository::open_archive;

/// A paper whose page was cut out of a frame.
fn cut(holders: &[Subject], frame: &[u8], page: &[u8]) -> Material {
    let mut cut = material(holders, page);
    cut.pages[0].original = material(holders, frame).pages.remove(0).image;
    cut
}

fn asked(paper: &Material) -> Entry {
    asked_as(paper.id, paper.kind.as_str())
}

fn asked_as(id: MaterialId, kind: &str) -> Entry {
    let client = "agent".to_owned();
    Entry::OriginalsRequested(OriginalsEntry { id, kind: kind.to_owned(), operator: None, client })
}

/// The materials of the only news of originals behind `after`.
#[track_caller]
fn told(window: &Window, after: u64) -> Vec<MaterialId> {
    let items = window.feed(after, 0).items;
    let [item] = &items[..] else { panic!("{items:?}") };
    let News::OriginalsDisposed { materials, kind } = &item.news else { panic!("{item:?}") };
    assert_eq!(kind.as_deref(), Some("household_register"));
    materials.clone()
}

#[track_caller]
fn file_cut(window: &mut Window, holders: &[Subject], frame: &[u8], page: &[u8]) -> Material {
    let paper = cut(holders, frame, page);
    window.put(frame);
    window.put(page);
    assert_eq!(window.commit(vec![filed(&paper)]), ["accepted"]);
    paper
}

/// Whether the archive has a blob of these bytes, and is whole.
fn holds_frame(house: &mut House, frame: &[u8]) -> bool {
    house.stop();
    let archive = open_archive(&house.config).unwrap();
    assert!(archive.verify(&mut |_, _| {}).unwrap().is_clean());
    let needed = !archive.needing(&Digest::of(frame)).unwrap().is_empty();
    drop(archive);
    house.start();
    needed
}

#[test]
fn what_one_window_asks_is_done_here_and_told_to_all_who_have_the_paper() {
    let mut house = House::new();
    let (mut one, mut two, other) = (house.window("one"), house.window("two"), house.window("other"));
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let same = file_cut(&mut two, &[specimen()], &frame, &page);
    let grant = other.materials(&specimen()).grant;
    assert_eq!(other.blob(&grant, &frame).status, 200);

    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);
    assert_eq!(told(&one, 0), [first.id]);
    let mut names = [first.id, same.id];
    names.sort_unstable();
    assert_eq!(told(&two, 0), names);
    assert_eq!(other.feed(0, 0).items, [], "who only looked has none of it");
    // Neither by a grant from before, nor by a new one, nor as one's own upload.
    assert_eq!(other.blob(&grant, &frame).code(), "grant_invalid");
    let shown = other.materials(&specimen());
    let [given] = &shown.materials[..] else { panic!("one paper") };
    assert_eq!((&given.pages[0].original, given.pages[0].corners), (&given.pages[0].image, None));
    assert_eq!(other.blob(&shown.grant, &page).status, 200);
    assert_eq!(other.blob(&shown.grant, &frame).code(), "grant_invalid");
    for window in [&one, &two] {
        assert_eq!(window.get(&format!("/v1/uploads/{}", Digest::of(&frame))).code(), "blob_unknown");
    }
    assert_eq!(one.get(&format!("/v1/uploads/{}", Digest::of(&page))).status, 200);
    // Asked again it changes nothing, by whomever.
    assert_eq!(two.commit(vec![asked(&same)]), ["accepted"]);
    assert!(!holds_frame(&mut house, &frame) && holds_frame(&mut house, &page));
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean, "{report}");
}

#[test]
fn who_uploads_late_brings_nothing_back_and_is_told() {
    let mut house = House::new();
    let (mut one, mut late, mut again) = (house.window("one"), house.window("late"), house.window("again"));
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);

    // The same paper of another window, which becomes one with the first.
    let same = file_cut(&mut late, &[specimen()], &frame, &page);
    let mut names = [first.id, same.id];
    names.sort_unstable();
    assert_eq!(told(&late, 0), names);
    // The very paper, from a disk that was recovered or a window that enrolled anew.
    again.put(&frame);
    again.put(&page);
    assert_eq!(again.commit(vec![filed(&first)]), ["accepted"]);
    assert_eq!(told(&again, 0), [first.id]);
    assert_eq!(again.missing(&[&frame]), [Digest::of(&frame)], "what it uploaded of it is thrown away");
    // As the window that has disposed of it reports it, nobody has to be told.
    let without = Material { pages: cut(&[specimen()], &page, &page).pages, ..first.clone() };
    assert_eq!(again.commit(vec![filed(&without)]), ["accepted"]);
    assert_eq!(again.feed(1, 0).items, []);
    assert!(!holds_frame(&mut house, &frame));
    house.stop();
    let archive = open_archive(&house.config).unwrap();
    assert_eq!(archive.stats().unwrap().unfiled, 1, "only the page that was sent twice waits");
}

#[test]
fn a_frame_that_a_living_paper_needs_stays_with_it() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let (frame, page, other_page) = (paper(), paper(), paper());
    let shares = file_cut(&mut one, &[somebody(2)], &frame, &other_page);
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    // The same paper, about which another window wrote down something else, before and after.
    let noted = |id, note: &str| {
        let note = Some(note.to_owned());
        Material { id: MaterialId::from_bytes(id), note, ..first.clone() }
    };
    let (before, after) = (noted(fresh(), "before"), noted(fresh(), "after"));
    two.put(&frame);
    two.put(&page);
    assert_eq!(two.commit(vec![filed(&before)]), ["accepted"]);
    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);
    assert_eq!(two.feed(0, 0).items, []);
    let own = |window: &Window| window.get(&format!("/v1/uploads/{}", Digest::of(&frame))).status;
    assert_eq!(own(&one), 200, "it is part of another paper of this window's now");
    assert_eq!(two.missing(&[&frame]), [], "and of this one's");
    assert_eq!(two.commit(vec![filed(&after)]), ["accepted"], "it is a paper of its own");
    assert_eq!(two.feed(0, 0).items, []);
    let shown = two.materials(&specimen());
    let with: Vec<MaterialId> = shown
        .materials
        .iter()
        .filter(|m| m.pages[0].original.digest == Digest::of(&frame))
        .map(|m| m.id)
        .collect();
    assert_eq!(with, [after.id, before.id]);
    for paper in [&before, &after] {
        assert_eq!(two.commit(vec![asked(paper)]), ["accepted"]);
    }
    assert!(holds_frame(&mut house, &frame));
    one.address = house.address();
    assert_eq!(one.commit(vec![asked(&shares)]), ["accepted"]);
    assert!(!holds_frame(&mut house, &frame));
}

#[test]
fn a_paper_filed_with_the_frame_of_one_that_lost_it_uploads_it_anew() {
    let house = House::new();
    let mut one = house.window("one");
    let (frame, page, other_page) = (paper(), paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let second = cut(&[specimen(), somebody(4)], &frame, &other_page);
    assert_eq!(one.missing(&[&frame, &other_page]), [Digest::of(&other_page)]);
    one.put(&other_page);
    // In one commit: asked for before the other is filed, it is lacking then.
    let entries = vec![asked(&first), filed(&second)];
    let sequence = one.sequence + 1;
    let answer = one.commit_as(sequence, entries.clone());
    assert_eq!((answer.status, answer.json::<Problem>().missing), (412, vec![Digest::of(&frame)]));
    assert_eq!(one.put(&frame), 201);
    assert_eq!(one.commit(entries), ["accepted"; 2]);
    let shown = one.materials(&specimen());
    assert_eq!(one.blob(&shown.grant, &frame).status, 200);
    let last = one.feed(0, 0).items;
    assert!(last.iter().all(
        |item| matches!(&item.news, News::OriginalsDisposed { materials, .. } if *materials == [first.id])
    ));
}

#[test]
fn what_may_not_go_stays_and_says_why() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let (frame, page) = (paper(), paper());
    let held = file_cut(&mut one, &[specimen()], &frame, &page);
    house.stop();
    let id = place_hold(&house);
    house.start();
    (one.address, two.address) = (house.address(), house.address());
    assert_eq!(one.commit(vec![asked(&held)]), ["legal_hold"]);
    assert_eq!(two.commit(vec![asked(&held)]), ["originals_denied"]);
    let unknown = material(&[specimen()], &page);
    assert_eq!(two.commit(vec![asked(&unknown)]), ["accepted"], "it is this window's own affair");
    assert_eq!(told(&two, 0), [unknown.id]);
    assert!(holds_frame(&mut house, &frame));

    house.stop();
    id.parse::<HoldId>().unwrap();
    lift_hold(&house, id);
    house.start();
    (one.address, two.address) = (house.address(), house.address());
    // Put right meanwhile, it may have another term.
    assert_eq!(one.commit(vec![asked_as(held.id, "form")]), ["material_changed"]);
    assert_eq!(one.commit(vec![asked_as(held.id, &"k".repeat(300))]), ["invalid"]);
    assert_eq!(one.commit(vec![asked(&held)]), ["accepted"]);
    assert_eq!(one.commit(vec![forget_material(held.id), asked(&held)]), ["accepted", "material_erased"]);
    // A window that enrolled anew is the same counter.
    let (frame, page) = (paper(), paper());
    let old = file_cut(&mut one, &[specimen()], &frame, &page);
    one.feed(one.feed(0, 0).head, 0);
    let mut anew = house.window("one");
    assert_eq!(anew.commit(vec![asked(&old)]), ["accepted"]);
    assert_eq!(told(&anew, 0), [old.id]);
    assert!(!holds_frame(&mut house, &frame));
}

#[test]
fn what_a_crash_left_undone_is_done_at_the_start() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let same = file_cut(&mut two, &[specimen()], &frame, &page);
    house.stop();
    // As a crash leaves it: decided, and nothing done; or done in the archive, and nobody told.
    for is_in_archive in [false, true] {
        if is_in_archive {
            let archive = open_archive(&house.config).unwrap();
            let stands_by = archive.material(first.id).unwrap().unwrap().sequence;
            let papers = vec![yidang_archive::DuePaper { id: first.id, stands_by }];
            let by = yidang_archive::Actor { client: "one".into(), operator: None };
            archive.dispose_of_originals(yidang_archive::Disposal { papers, by }).unwrap();
        }
        plan(&house, first.id, Some(first.kind.as_str()));
        house.start();
        two.address = house.address();
        let items = two.feed(0, 0).items;
        assert_eq!(items.len(), 1 + usize::from(is_in_archive));
        let News::OriginalsDisposed { materials, .. } = &items[0].news else { panic!("{items:?}") };
        assert!(materials.contains(&same.id));
        house.stop();
        assert_eq!(plans(&house), 0);
    }
    house.start();
    assert!(!holds_frame(&mut house, &frame));
}

fn state(house: &House) -> rusqlite::Connection {
    rusqlite::Connection::open(house.config.data_dir.join("repository.db")).unwrap()
}

/// As a crash leaves it: decided, and nothing done.
fn plan(house: &House, paper: MaterialId, kind: Option<&str>) {
    let sql = "INSERT INTO planned_originals (material, agent, named, kind)
               SELECT stored, agent, material, ?2 FROM committed WHERE material = ?1";
    assert_eq!(state(house).execute(sql, rusqlite::params![paper.as_bytes(), kind]).unwrap(), 1);
}

fn plans(house: &House) -> i64 {
    state(house).query_row("SELECT count(*) FROM planned_originals", [], |row| row.get(0)).unwrap()
}

fn place_hold(house: &House) -> String {
    let wish = HoldWish::Place {
        holder: Some((&specimen()).into()),
        material: None,
        operator: "Operator Ng".into(),
        reason: "court order".into(),
        case: None,
    };
    hold(&house.config, &wish).unwrap().holds[0].id.clone()
}

fn lift_hold(house: &House, id: String) {
    hold(&house.config, &HoldWish::Lift { id, operator: "Operator Ng".into(), reason: "over".into() })
        .unwrap();
}

#[test]
fn a_plan_does_not_outlive_what_has_come_in_between() {
    let mut house = House::new();
    let mut one = house.window("one");
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let kind = first.kind.as_str();
    // Another kind since, or of a version that did not write it down: neither is done, and nobody is told.
    for old in [Some("form"), None] {
        house.stop();
        plan(&house, first.id, old);
        house.start();
        one.address = house.address();
        assert_eq!((plans(&house), one.feed(0, 0).items.len()), (0, 0), "{old:?}");
        assert!(holds_frame(&mut house, &frame), "{old:?}");
    }
    // A hold since. (Placed first: whoever places it goes on with what is planned before.)
    house.stop();
    let id = place_hold(&house);
    plan(&house, first.id, Some(kind));
    house.start();
    one.address = house.address();
    assert_eq!(plans(&house), 0);
    let is_news = |item: &FeedItem| matches!(item.news, News::OriginalsDisposed { .. });
    assert!(!one.feed(0, 0).items.iter().any(is_news), "nothing went");
    // Granted, cut off, held, and refused when it is sent again: the plan is at an end with that.
    plan(&house, first.id, Some(kind));
    assert_eq!(one.commit(vec![asked(&first)]), ["legal_hold"]);
    assert_eq!(plans(&house), 0);
    assert!(holds_frame(&mut house, &frame));
    house.stop();
    lift_hold(&house, id);
    house.start();
    assert!(holds_frame(&mut house, &frame), "the next start has nothing to go on with");
    one.address = house.address();
    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);
    assert!(!holds_frame(&mut house, &frame));
    // What has gone already is no refusal, whatever has come since: nobody may have been told.
    house.stop();
    place_hold(&house);
    house.start();
    one.address = house.address();
    plan(&house, first.id, Some(kind));
    let before = one.feed(0, 0).items.len() as u64;
    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);
    assert_eq!((plans(&house), told(&one, before)), (0, vec![first.id]));
}

#[test]
fn a_window_enrolled_anew_is_told_what_its_older_number_knew() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let same = file_cut(&mut two, &[specimen()], &frame, &page);
    let anew = house.window("two");
    let other = house.window("three");
    // Whoever chose the counter's name itself is no other's successor.
    let mut claims = house.window_of("two", None);
    assert_eq!(claims.commit(vec![asked(&same)]), ["originals_denied"]);
    assert_eq!(one.commit(vec![asked(&first)]), ["accepted"]);
    let mut names = [first.id, same.id];
    names.sort_unstable();
    assert_eq!((told(&two, 0), told(&anew, 0)), (names.to_vec(), names.to_vec()));
    assert_eq!((other.feed(0, 0).items, claims.feed(0, 0).items), (Vec::new(), Vec::new()));
    assert!(!holds_frame(&mut house, &frame));
    // Its own papers are its own, by whatever code it came.
    let (frame, page) = (paper(), paper());
    claims.address = house.address();
    let own = file_cut(&mut claims, &[somebody(7)], &frame, &page);
    assert_eq!(claims.commit(vec![asked(&own)]), ["accepted"]);
}

/// While the repository does not know all its holds nothing goes, nobody's queue waits, and it starts all the same.
#[test]
fn what_may_be_held_stays_and_its_window_hears_why() {
    let mut house = House::new();
    let mut one = house.window("one");
    let (frame, page) = (paper(), paper());
    let first = file_cut(&mut one, &[specimen()], &frame, &page);
    let by = yidang_archive::Actor { client: "one".into(), operator: None };
    house.stop();
    let archive = crate::repository::open_archive(&house.config).unwrap();
    archive.doubt_holds(&by).unwrap();
    drop(archive);
    plan(&house, first.id, Some(first.kind.as_str()));
    house.start();
    one.address = house.address();
    assert_eq!(plans(&house), 1, "it waits for the confirmation");
    let own = forget_material(first.id);
    assert_eq!(one.commit(vec![asked(&first), own]), ["holds_unproven", "holds_unproven"]);
    house.stop();
    let confirm = HoldWish::Confirm { operator: "Operator Ng".into() };
    for was_doubted in [true, false] {
        assert_eq!(hold(&house.config, &confirm).unwrap().was_doubted, was_doubted);
    }
    house.start();
    assert!(holds_frame(&mut house, &frame), "nothing went in between");
    one.address = house.address();
    assert_eq!(one.commit(vec![asked(&first), forget_material(first.id)]), ["accepted", "accepted"]);
}
