//! Who may ask that something be forgotten, and asking more than once.

use yidang_sync::limits::FEED_ITEMS_MAX;
use yidang_sync::wire::News;

use super::*;
use crate::limits::OPENED_LATELY_MS;
use crate::sqlite_state::STATE_FILE;

/// Sets back when dossiers were last opened.
fn time_passes(house: &mut House, millis: i64) {
    house.stop();
    let connection = rusqlite::Connection::open(house.config.data_dir.join(STATE_FILE)).unwrap();
    let changed = connection.execute("UPDATE contacts SET opened_at = opened_at - ?1", [millis]).unwrap();
    assert!(changed > 0);
    drop(connection);
    house.start();
}

#[test]
fn a_stranger_can_have_nothing_forgotten() {
    let house = House::new();
    let (mut files, mut stranger) = (house.window("files"), house.window("stranger"));
    let bytes = paper();
    let id = files.file(&[specimen()], &bytes);
    let alias = {
        let mut other = house.window("files too");
        other.file(&[specimen()], &bytes)
    };
    let own = paper();
    stranger.put(&own);
    let own = material(&[somebody(1)], &own);
    let entries = vec![forget_person(&specimen()), filed(&own), forget_material(id), forget_material(alias)];
    let codes = stranger.commit(entries);
    assert_eq!(codes, ["erasure_denied", "accepted", "erasure_denied", "erasure_denied"]);
    assert_eq!(files.materials(&specimen()).materials.len(), 1);
    for window in [&files, &stranger] {
        assert_eq!(window.feed(0, 0).items, []);
    }
    // Someone else's dossier that is open is no ground, and neither is a paper filed for the same person.
    stranger.materials(&somebody(1));
    stranger.file(&[specimen()], &paper());
    assert_eq!(stranger.commit(vec![forget_material(id)]), ["erasure_denied"]);
    assert_eq!(stranger.commit(vec![forget_person(&specimen())]), ["erasure_denied"]);
    assert_eq!(files.materials(&specimen()).materials.len(), 2);
}

#[test]
fn what_a_window_filed_itself_it_may_have_forgotten_at_any_time() {
    let mut house = House::new();
    let (mut files, looks) = (house.window("files"), house.window("looks"));
    let id = files.file(&[specimen()], &paper());
    files.file(&[somebody(1)], &paper());
    looks.materials(&specimen());
    time_passes(&mut house, 100 * OPENED_LATELY_MS);
    files.address = house.address();
    // Another one has had to do with the first person, nobody else with the second.
    let entries = vec![forget_material(id), forget_person(&somebody(1)), forget_person(&specimen())];
    assert_eq!(files.commit(entries), ["accepted", "accepted", "erasure_denied"]);
}

#[test]
fn a_dossier_that_was_open_lately_is_a_ground_also_after_a_restart() {
    let mut house = House::new();
    let (mut files, mut looks) = (house.window("files"), house.window("looks"));
    let ids = [(); 3].map(|()| files.file(&[specimen(), somebody(2)], &paper()));
    looks.materials(&specimen());
    time_passes(&mut house, OPENED_LATELY_MS - 60_000);
    looks.address = house.address();
    assert_eq!(looks.commit(vec![forget_material(ids[0])]), ["accepted"]);
    time_passes(&mut house, 120_000);
    looks.address = house.address();
    assert_eq!(looks.commit(vec![forget_material(ids[1])]), ["erasure_denied"]);
    assert_eq!(looks.commit(vec![forget_person(&specimen())]), ["erasure_denied"]);
    looks.materials(&somebody(2));
    assert_eq!(looks.commit(vec![forget_material(ids[2])]), ["accepted"]);
    assert_eq!(looks.materials(&specimen()).materials.len(), 1);
}

#[test]
fn a_request_that_comes_again_is_known_and_belongs_to_who_made_it() {
    let house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    one.file(&[specimen()], &paper());
    two.materials(&specimen());
    let request = forget_person(&specimen());
    // What it was granted on is forgotten with the person.
    assert_eq!(two.commit(vec![request.clone()]), ["accepted"]);
    assert_eq!(two.commit(vec![request.clone(), request.clone()]), ["accepted"; 2]);
    assert_eq!(two.feed(0, 0).items.len(), 1, "told once");
    assert_eq!(one.commit(vec![request]), ["erasure_denied"]);
    // Under another name it is another request, for a person nobody knows any more.
    assert_eq!(two.commit(vec![forget_person(&specimen())]), ["accepted"]);
    assert_eq!((one.feed(0, 0).items.len(), two.feed(0, 0).items.len()), (1, 2));
}

#[test]
fn two_windows_that_ask_at_once_are_both_told() {
    let house = House::new();
    let windows = [house.window("one"), house.window("two")];
    let mut files = house.window("files");
    let id = files.file(&[specimen()], &paper());
    windows.iter().for_each(|w| drop(w.materials(&specimen())));
    let codes: Vec<Vec<String>> = std::thread::scope(|scope| {
        let ask = |mut window: Window| {
            scope.spawn(move || window.commit(vec![forget_material(id), forget_person(&specimen())]))
        };
        windows.clone().map(ask).map(|t| t.join().unwrap()).to_vec()
    });
    assert!(codes.iter().all(|c| *c == ["accepted"; 2]), "{codes:?}");
    for window in windows.iter().chain([&files]) {
        let told = window.feed(0, 0).items;
        assert!(told.iter().any(|i| matches!(&i.news, News::Erased { materials, .. } if *materials == [id])));
        assert!(told.iter().any(|i| matches!(&i.news, News::Erased { holder: Some(_), .. })));
    }
    assert_eq!(files.materials(&specimen()).materials.len(), 0);
    assert!(crate::check::check(&house.config, &mut |_, _| {}).unwrap().clean);
}

#[test]
fn what_two_people_share_stays_with_the_other_and_is_named() {
    let house = House::new();
    let mut window = house.window("one");
    let (joint, same, alone) = (paper(), paper(), paper());
    window.file(&[specimen(), somebody(1)], &joint);
    let own = window.file(&[specimen()], &same);
    house.window("two").file(&[somebody(2)], &same);
    let last = window.file(&[specimen()], &alone);
    assert_eq!(window.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let told = window.feed(0, 0);
    let News::Erased { materials, shared_kept, .. } = &told.items[0].news else { panic!() };
    let mut expected = [own, last];
    expected.sort_unstable();
    assert_eq!(materials, &expected);
    let mut kept = [Digest::of(&joint), Digest::of(&same)];
    kept.sort_unstable();
    assert_eq!(shared_kept, &kept);
    for (number, bytes) in [(1, &joint), (2, &same)] {
        let theirs = window.materials(&somebody(number));
        assert_eq!(theirs.materials.len(), 1);
        assert_eq!(theirs.materials[0].holders.len(), 1);
        assert_eq!(window.blob(&theirs.grant, bytes).status, 200);
    }
    // Filed again for both, it is both's again.
    window.put(&joint);
    let again = material(&[specimen(), somebody(1)], &joint);
    assert_eq!(window.commit(vec![filed(&again)]), ["accepted"]);
    assert_eq!(window.materials(&specimen()).materials[0].id, again.id);
}

#[test]
fn a_window_that_was_off_for_long_hears_of_everything_in_order() {
    const PEOPLE: u32 = FEED_ITEMS_MAX as u32 + 5;
    let house = House::new();
    let (mut asks, mut off) = (house.window("asks"), house.window("off"));
    let id = off.file(&[somebody(0)], &paper());
    let people: Vec<Subject> = (0..PEOPLE).map(somebody).collect();
    for person in &people {
        // All but the first have no materials at all.
        off.materials(person);
        asks.materials(person);
    }
    let requests: Vec<Entry> = people.iter().map(forget_person).collect();
    assert_eq!(asks.commit(requests), vec!["accepted"; people.len()]);
    let first = off.feed(0, 0);
    assert_eq!((first.items.len(), first.head), (FEED_ITEMS_MAX, u64::from(PEOPLE)));
    let rest = off.feed(first.after, 0);
    let told: Vec<String> = first
        .items
        .iter()
        .chain(&rest.items)
        .map(|item| {
            let News::Erased { holder: Some(holder), .. } = &item.news else { panic!("{item:?}") };
            holder.value.clone()
        })
        .collect();
    assert_eq!(told, people.iter().map(|p| p.value().to_owned()).collect::<Vec<_>>());
    let News::Erased { materials, .. } = &first.items[0].news else { panic!() };
    assert_eq!(materials, &[id]);
}

#[test]
fn only_who_filed_it_or_opened_the_dossier_lately_puts_a_paper_right() {
    let mut house = House::new();
    let (mut files, mut stranger, mut looks) =
        (house.window("files"), house.window("stranger"), house.window("looks"));
    let bytes = paper();
    let id = files.file(&[specimen()], &bytes);
    let shown = looks.materials(&specimen());
    assert_eq!(looks.blob(&shown.grant, &bytes).status, 200);
    assert_eq!(stranger.commit(vec![refiled(id, &somebody(1))]), ["refiling_denied"]);
    assert_eq!(files.materials(&specimen()).materials.len(), 1);

    assert_eq!(files.commit(vec![refiled(id, &somebody(1))]), ["accepted"]);
    assert_eq!(files.materials(&specimen()).materials, []);
    assert_eq!(files.materials(&somebody(1)).materials.len(), 1);
    assert_ne!(looks.blob(&shown.grant, &bytes).status, 200, "the grant was for the other dossier");
    let News::Refiled { materials, now } = &files.feed(0, 0).items[0].news else { panic!() };
    assert_eq!((&materials[..], now.as_ref().map(|now| now.holders.len())), (&[id][..], Some(1)));
    let News::Refiled { materials, now } = &looks.feed(0, 0).items[0].news else { panic!() };
    assert_eq!((&materials[..], now), (&[id][..], &None));
    assert_eq!(stranger.feed(0, 0).items, []);

    // A filing that comes once more, as it was, is on file and stays where it was put.
    assert_eq!(files.commit(vec![filed(&Material { id, ..material(&[specimen()], &bytes) })]), ["accepted"]);
    assert_eq!(files.materials(&specimen()).materials, []);
    // On the ground of the dossier it is in now, and no longer of the one it was in.
    assert_eq!(looks.commit(vec![refiled(id, &somebody(2))]), ["refiling_denied"]);
    looks.materials(&somebody(1));
    assert_eq!(looks.commit(vec![refiled(id, &somebody(2))]), ["accepted"]);
    assert_eq!(files.materials(&somebody(2)).materials.len(), 1);
    assert_eq!(
        files.commit(vec![refiled(MaterialId::from_bytes(fresh()), &specimen())]),
        ["material_unknown"]
    );
    assert_eq!(files.commit(vec![forget_material(id)]), ["accepted"]);
    assert_eq!(files.commit(vec![refiled(id, &specimen())]), ["material_erased"]);
    house.stop();
    house.start();
    files.address = house.address();
    assert_eq!(files.materials(&somebody(2)).materials, []);
}

/// Whoever audits the office hears which clerk asked for it, with which client, and at which window.
#[test]
fn who_asked_at_the_window_stands_in_the_ledger() {
    let mut house = House::new();
    let mut window = house.window("hall-1");
    let (first, second) = (window.file(&[specimen()], &paper()), window.file(&[specimen()], &paper()));
    let Entry::Refiled(entry) = refiled(first, &somebody(1)) else { panic!("a refiling") };
    // As long as the wire lets it be.
    let client = "c".repeat(yidang_sync::limits::NAME_LENGTH_MAX);
    let right =
        Entry::Refiled(RefilingEntry { operator: Some("clerk 8".into()), client: client.clone(), ..entry });
    let Entry::ErasureRequested(entry) = forget_material(second) else { panic!("an erasure") };
    let gone = Entry::ErasureRequested(ErasureEntry { client: client.clone(), ..entry });
    assert_eq!(window.commit(vec![right, gone]), ["accepted", "accepted"]);
    house.stop();
    let windows = crate::sqlite_state::SqliteState::open(&house.config.data_dir).unwrap();
    let windows = crate::state::State::windows(&windows).unwrap();
    assert_eq!((windows.len(), windows[0].counter.as_str()), (1, "hall-1"));
    let counters = crate::windows::Counters::read(&house.config).unwrap();
    let archive = crate::repository::open_archive(&house.config).unwrap();
    for (operator, actions) in
        [("clerk 8", &["refiled"][..]), ("clerk 7", &["erasure_requested", "erased", "erasure_done"])]
    {
        let query = yidang_archive::AuditQuery {
            of: yidang_archive::AuditOf::Operator(operator.into()),
            since: None,
            until: None,
            limit: 100,
            by: yidang_archive::Actor { client: "test".into(), operator: None },
        };
        let mut told = Vec::new();
        archive
            .audit(query, &mut |_, _| {}, &mut |line| {
                told.push(line);
                true
            })
            .unwrap();
        let verbs: Vec<&str> = told.iter().map(|line| line.verb.as_str()).collect();
        assert_eq!(verbs[..], actions[..verbs.len().min(actions.len())], "{operator}");
        assert!(!told.is_empty());
        for line in told {
            assert_eq!(line.client, format!("{}/{client}", windows[0].agent));
            assert_eq!(counters.of(&line.client), Some("hall-1"));
        }
    }
    assert_eq!(counters.of("yidang-repository hold"), None);
}
