//! Erasures and the feeds that tell of them.

use std::time::Instant;

use yidang_sync::wire::{FeedItem, News};

use super::*;
use crate::check::check;

#[track_caller]
fn erased(item: &FeedItem) -> (&[MaterialId], Option<&WireSubject>) {
    let News::Erased { materials, holder, .. } = &item.news else { panic!("{item:?}") };
    (materials, holder.as_ref())
}

#[test]
fn a_person_is_forgotten_everywhere() {
    let house = House::new();
    let (mut files, mut looks, other) = (house.window("files"), house.window("looks"), house.window("other"));
    let bytes = paper();
    let material_id = files.file(&[specimen()], &bytes);
    let grant = looks.materials(&specimen()).grant;
    assert_eq!(looks.blob(&grant, &bytes).status, 200);

    assert_eq!(looks.commit(vec![forget_person(&specimen())]), ["accepted"]);

    for window in [&files, &looks] {
        let news = window.feed(0, 0);
        let [item] = &news.items[..] else { panic!("{} items", news.items.len()) };
        assert_eq!((item.sequence, item.previous, news.after, news.head), (1, 0, 1, 1));
        let (materials, holder) = erased(item);
        assert_eq!(materials, [material_id]);
        assert_eq!(holder.unwrap().value, SPECIMEN);
        // To ask after it is to have carried it out: the repository forgets whom it was about.
        assert_eq!(window.feed(1, 0).items, []);
        assert_eq!(erased(&window.feed(0, 0).items[0]), (&[material_id][..], None));
    }
    assert_eq!(other.feed(0, 0).items, []);
    assert_eq!(looks.blob(&grant, &bytes).code(), "blob_unknown");
    assert_eq!(looks.materials(&specimen()).materials.len(), 0);
    assert_eq!(files.missing(&[&bytes]), [Digest::of(&bytes)]);
    // Its identifier never comes back, though the paper may be filed anew.
    assert_eq!(files.put(&bytes), 201);
    let mut again = material(&[specimen()], &bytes);
    again.id = material_id;
    assert_eq!(files.commit(vec![filed(&again)]), ["material_erased"]);
    again.id = MaterialId::from_bytes(fresh());
    assert_eq!(files.commit(vec![filed(&again)]), ["accepted"]);
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 1, "{report}");
}

#[test]
fn an_erased_material_goes_under_every_name_it_was_filed_under() {
    let house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let bytes = paper();
    let (by_one, by_two) = (one.file(&[specimen()], &bytes), two.file(&[specimen()], &bytes));
    assert_eq!(one.materials(&specimen()).materials.len(), 1);

    assert_eq!(two.commit(vec![forget_material(by_two)]), ["accepted"]);

    assert_eq!(one.materials(&specimen()).materials.len(), 0);
    let mut expected = [by_one, by_two];
    expected.sort_unstable();
    for window in [&one, &two] {
        assert_eq!(erased(&window.feed(0, 0).items[0]), (&expected[..], None));
    }
    for (window, id) in [(&mut one, by_one), (&mut two, by_two)] {
        window.put(&bytes);
        let mut again = material(&[specimen()], &bytes);
        again.id = id;
        assert_eq!(window.commit(vec![filed(&again)]), ["material_erased"]);
    }
}

/// Else each answer to one could be the next one's question.
#[test]
fn a_request_for_what_is_gone_is_news_to_whoever_asks_alone() {
    let house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let bytes = paper();
    let (by_one, by_two) = (one.file(&[specimen()], &bytes), two.file(&[specimen()], &bytes));
    assert_eq!(one.commit(vec![forget_material(by_one)]), ["accepted"]);
    let Entry::ErasureRequested(request) = forget_material(by_two) else { panic!() };
    for _ in 0..2 {
        assert_eq!(two.commit(vec![Entry::ErasureRequested(request.clone())]), ["accepted"]);
        let news = two.feed(0, 0);
        let News::Erased { erasure, .. } = &news.items[1].news else { panic!() };
        assert_eq!((news.head, *erasure, one.feed(0, 0).head), (2, request.id, 1));
    }
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 0, "{report}");
}

#[test]
fn who_looked_at_a_dossier_hears_which_paper_left_it() {
    let mut house = House::new();
    let (mut files, mut looks) = (house.window("files"), house.window("looks"));
    let (mut too, other) = (house.window("files for them too"), house.window("other"));
    let bytes = paper();
    let (id, kept) = (files.file(&[specimen(), somebody(1)], &bytes), files.file(&[specimen()], &paper()));
    too.file(&[specimen()], &paper());
    // It is in the dossiers of both, and a look at either has shown it.
    looks.materials(&somebody(1));
    assert_eq!(files.commit(vec![forget_material(id)]), ["accepted"]);
    for window in [&files, &looks] {
        let news = window.feed(0, 0);
        assert_eq!(news.items.len(), 1);
        assert_eq!(erased(&news.items[0]), (&[id][..], None));
    }
    for window in [&too, &other] {
        assert_eq!(window.feed(0, 0).items, []);
    }
    // The same under a name that the paper was filed under elsewhere, and after a restart.
    house.stop();
    house.start();
    for window in [&mut files, &mut looks] {
        window.address = house.address();
    }
    looks.materials(&specimen());
    assert_eq!(files.commit(vec![forget_material(kept)]), ["accepted"]);
    assert_eq!(erased(&looks.feed(1, 0).items[0]), (&[kept][..], None));
}

#[test]
fn a_material_erased_before_it_was_committed_is_never_filed() {
    let house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let late = material(&[specimen()], &bytes);
    assert_eq!(window.commit(vec![forget_material(late.id)]), ["accepted"]);
    assert_eq!(erased(&window.feed(0, 0).items[0]), (&[late.id][..], None));
    assert_eq!(window.commit(vec![filed(&late)]), ["material_erased"]);
    // And a person nobody knows is forgotten as well as can be.
    assert_eq!(window.commit(vec![forget_person(&somebody(9))]), ["accepted"]);
    let told = window.feed(1, 0);
    assert_eq!(erased(&told.items[0]).1.unwrap().value, "P-9");
}

#[test]
fn filing_and_forgetting_in_one_commit_keep_their_order() {
    let house = House::new();
    let mut window = house.window("one");
    let (before, after) = (paper(), paper());
    window.put(&before);
    window.put(&after);
    let (first, second) = (material(&[specimen()], &before), material(&[specimen()], &after));
    let entries = vec![filed(&first), forget_person(&specimen()), filed(&second)];
    assert_eq!(window.commit(entries), ["accepted"; 3]);
    let shown = window.materials(&specimen()).materials;
    assert_eq!(shown.iter().map(|m| m.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(erased(&window.feed(0, 0).items[0]).0, [first.id]);
}

#[test]
fn an_erasure_that_is_about_nothing_or_two_things_is_refused() {
    let house = House::new();
    let mut window = house.window("one");
    let both = erasure(Some(MaterialId::from_bytes(fresh())), Some(&specimen()));
    let codes = window.commit(vec![erasure(None, None), both]);
    assert_eq!(codes, ["invalid", "invalid"]);
    assert_eq!(window.feed(0, 0).items, []);
}

#[test]
fn a_waiting_poll_hears_of_news_at_once() {
    let house = House::new();
    let (mut files, looks) = (house.window("files"), house.window("looks"));
    files.file(&[specimen()], &paper());
    looks.materials(&specimen());
    files.materials(&specimen());
    let poll = std::thread::spawn(move || (looks.feed(0, 25), Instant::now()));
    std::thread::sleep(Duration::from_millis(500));
    files.commit(vec![forget_person(&specimen())]);
    let answered = Instant::now();
    let (news, heard) = poll.join().unwrap();
    assert_eq!(news.items.len(), 1);
    assert!(heard.saturating_duration_since(answered) < Duration::from_secs(1));
}

#[test]
fn feeds_have_no_gaps_while_many_windows_commit() {
    const WINDOWS: u32 = 5;
    const ERASURES: u64 = 6;
    let house = House::new();
    let watcher = house.window("watcher");
    let windows: Vec<Window> = (0..WINDOWS).map(|n| house.window(&format!("window {n}"))).collect();
    let all = u64::from(WINDOWS) * ERASURES;
    std::thread::scope(|scope| {
        for (number, mut window) in (0..).zip(windows) {
            let watcher = &watcher;
            scope.spawn(move || {
                for round in 0..ERASURES {
                    let person = somebody(number * 100 + round as u32);
                    window.file(std::slice::from_ref(&person), &paper());
                    watcher.materials(&person);
                    window.materials(&person);
                    assert_eq!(window.commit(vec![forget_person(&person)]), ["accepted"]);
                }
                let own = window.feed(0, 0);
                assert_eq!((own.items.len() as u64, own.head), (ERASURES, ERASURES));
            });
        }
        let mut after = 0;
        while after < all {
            let news = watcher.feed(after, 25);
            assert!(!news.items.is_empty(), "nothing new after {after}");
            for item in news.items {
                assert_eq!((item.sequence, item.previous), (after + 1, after));
                after = item.sequence;
            }
        }
    });
}
