//! A repository that was put back to an earlier state, and what the windows know to be forgotten since.

use std::fs;
use std::path::{Path, PathBuf};

use yidang_archive::Actor;
use yidang_sync::wire::{ErasedEntry, FeedItem, News};

use super::*;
use crate::check::check;
use crate::repository::Repository;
use crate::sqlite_state::STATE_FILE;

/// The folders as they are, kept aside.
fn copied(house: &mut House) -> [(PathBuf, PathBuf); 2] {
    house.stop();
    let number = fresh::<4>().map(|byte| byte.to_string()).concat();
    let folders = [(&house.config.data_dir, "data"), (&house.config.keys_dir, "keys")];
    let aside = |name: &str| format!("copy {number} of {name}");
    let copies = folders.map(|(folder, name)| (folder.clone(), folder.with_file_name(aside(name))));
    copies.iter().for_each(|(folder, aside)| copy(folder, aside));
    house.start();
    copies
}

fn put_back(house: &mut House, copies: &[(PathBuf, PathBuf)]) {
    house.stop();
    for (folder, aside) in copies {
        fs::remove_dir_all(folder).unwrap();
        copy(aside, folder);
    }
    house.start();
}

/// `repository.db` of the copy, beside everything else as it is.
fn put_state_back(house: &mut House, copies: &[(PathBuf, PathBuf)]) {
    house.stop();
    let (folder, aside) = &copies[0];
    for end in ["", "-wal", "-shm"] {
        let name = format!("{STATE_FILE}{end}");
        let _ = fs::remove_file(folder.join(&name));
        if aside.join(&name).exists() {
            fs::copy(aside.join(&name), folder.join(&name)).unwrap();
        }
    }
    house.start();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

/// What a window that has carried it out tells a repository that does not know of it.
fn known_by(item: &FeedItem) -> ErasedEntry {
    let News::Erased { erasure, materials, decided_at, proof, .. } = &item.news else { panic!("{item:?}") };
    let (decided_at, proof) = (decided_at.unwrap(), proof.clone().unwrap());
    ErasedEntry { id: *erasure, materials: materials.clone(), decided_at, proof }
}

fn names_in(item: &FeedItem) -> Vec<MaterialId> {
    let News::Erased { materials, .. } = &item.news else { panic!("{item:?}") };
    materials.clone()
}

fn shown(window: &Window, person: &Subject) -> usize {
    window.materials(person).materials.len()
}

#[test]
fn a_person_is_forgotten_once_more_with_what_others_filed_for_them() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let filed = [one.file(&[specimen()], &paper()), two.file(&[specimen()], &paper())];
    let joint = two.file(&[specimen(), somebody(1)], &paper());
    let copies = copied(&mut house);
    (one.address, two.address) = (house.address(), house.address());
    one.materials(&specimen());
    assert_eq!(one.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let told = known_by(&one.feed(0, 0).items[0]);
    // It knows of it, so that this is no news to anybody.
    assert_eq!(one.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    assert_eq!((one.feed(0, 0).head, two.feed(0, 0).head), (1, 1));

    put_back(&mut house, &copies);
    (one.address, two.address) = (house.address(), house.address());
    one.sequence -= 2;
    assert_eq!(shown(&two, &specimen()), 3);
    assert_eq!(one.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    // The other window may never have heard of it.
    for window in [&one, &two] {
        let again = known_by(&window.feed(0, 0).items[0]);
        assert_eq!((again.id, again.decided_at), (told.id, told.decided_at));
        let mut materials = again.materials;
        materials.retain(|material| filed.contains(material));
        assert_eq!(materials.len(), 2);
    }
    assert_eq!(shown(&two, &specimen()), 0, "the person is nobody's any more");
    assert_eq!(two.materials(&somebody(1)).materials[0].id, joint);
    assert_eq!(one.commit(vec![Entry::Erased(told)]), ["accepted"]);
    assert_eq!(two.feed(0, 0).head, 1);
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 1, "{report}");
}

/// The copy has a paper at the person it was filed to by mistake: they are not the one who was forgotten.
#[test]
fn what_was_put_right_before_it_was_forgotten_goes_alone() {
    let mut house = House::new();
    let mut window = house.window("one");
    let paper_of_both = window.file(&[somebody(1)], &paper());
    let other = window.file(&[somebody(1)], &paper());
    let copies = copied(&mut house);
    window.address = house.address();
    assert_eq!(window.commit(vec![refiled(paper_of_both, &specimen())]), ["accepted"]);
    let own = window.file(&[specimen()], &paper());
    assert_eq!(window.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let news = window.feed(0, 0);
    let told = known_by(news.items.last().unwrap());
    let mut went = [paper_of_both, own];
    went.sort_unstable();
    assert_eq!(told.materials, went);

    put_back(&mut house, &copies);
    window.address = house.address();
    assert_eq!(shown(&window, &somebody(1)), 2);
    window.sequence = 2;
    assert_eq!(window.commit(vec![Entry::Erased(told)]), ["accepted"]);
    let left = window.materials(&somebody(1)).materials;
    assert_eq!(left.iter().map(|m| m.id).collect::<Vec<_>>(), [other]);
    // What the copy never had does not come any more.
    let mut late = material(&[specimen()], &paper());
    late.id = own;
    assert_eq!(window.commit(vec![filed(&late)]), ["material_erased"]);
}

/// The window that put it right tells of that later than another one of the erasure.
#[test]
fn what_the_copy_has_of_the_person_beside_it_stays() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let gone = two.file(&[specimen()], &paper());
    let mistaken = one.file(&[specimen()], &paper());
    let copies = copied(&mut house);
    (one.address, two.address) = (house.address(), house.address());
    assert_eq!(one.commit(vec![refiled(mistaken, &somebody(1))]), ["accepted"]);
    two.materials(&specimen());
    assert_eq!(two.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let told = known_by(two.feed(0, 0).items.last().unwrap());
    assert_eq!(told.materials, [gone]);

    put_back(&mut house, &copies);
    (one.address, two.address) = (house.address(), house.address());
    (one.sequence, two.sequence) = (1, 1);
    assert_eq!(two.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    let left = two.materials(&specimen()).materials;
    assert_eq!(left.iter().map(|m| m.id).collect::<Vec<_>>(), [mistaken]);
    assert_eq!(one.commit(vec![refiled(mistaken, &somebody(1))]), ["accepted"]);
    assert_eq!(one.commit(vec![Entry::Erased(told)]), ["accepted"]);
    assert_eq!((shown(&two, &specimen()), shown(&two, &somebody(1))), (0, 1));
}

/// Otherwise any window could have any paper forgotten, or keep one from being forgotten.
#[test]
fn a_decision_that_was_never_made_here_counts_for_nothing_that_is_on_file() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let [gone, own] = [two.file(&[somebody(2)], &paper()), two.file(&[somebody(2)], &paper())];
    let foreign = one.file(&[specimen()], &paper());
    let copies = copied(&mut house);
    (one.address, two.address) = (house.address(), house.address());
    assert_eq!(two.commit(vec![forget_material(gone)]), ["accepted"]);
    let told = known_by(&two.feed(0, 0).items[0]);
    put_back(&mut house, &copies);
    (one.address, two.address) = (house.address(), house.address());
    two.sequence -= 1;
    let claims = [
        ErasedEntry { materials: vec![foreign], ..told.clone() },
        ErasedEntry { id: ErasureId::from_bytes(fresh()), materials: vec![own], ..told.clone() },
        ErasedEntry { decided_at: Timestamp::from_millis(1), ..told.clone() },
        ErasedEntry { materials: vec![foreign], proof: String::new(), ..told.clone() },
        ErasedEntry { materials: vec![own], proof: "zz".repeat(32), ..told.clone() },
    ];
    for claim in claims {
        assert_eq!(two.commit(vec![Entry::Erased(claim)]), ["erasure_denied"]);
    }
    // Of what nobody has filed here it keeps the name away.
    let unheard_of = MaterialId::from_bytes(fresh());
    let claim = ErasedEntry { materials: vec![foreign, unheard_of], ..told.clone() };
    assert_eq!(two.commit(vec![Entry::Erased(claim)]), ["accepted"]);
    assert_eq!((shown(&one, &specimen()), shown(&one, &somebody(2))), (1, 2));
    // The name of the erasure is known to many.
    let Entry::ErasureRequested(mut other) = forget_material(own) else { panic!() };
    other.id = told.id;
    assert_eq!(two.commit(vec![Entry::ErasureRequested(other)]), ["accepted"]);
    assert_eq!(shown(&one, &somebody(2)), 1);
    assert_eq!(two.commit(vec![Entry::Erased(told)]), ["accepted"]);
    assert_eq!((shown(&one, &specimen()), shown(&one, &somebody(2))), (1, 0));
}

/// One window has carried it out, and has no other name for the paper than its own.
#[test]
fn a_paper_that_was_filed_twice_goes_under_every_name_and_whoever_offers_it_is_told() {
    let mut house = House::new();
    let (mut one, mut two) = (house.window("one"), house.window("two"));
    let copies = copied(&mut house);
    (one.address, two.address) = (house.address(), house.address());
    let bytes = paper();
    let first = one.file(&[specimen()], &bytes);
    assert_eq!(two.put(&bytes), 201);
    let second = material(&[specimen()], &bytes);
    assert_eq!(two.commit(vec![filed(&second)]), ["accepted"]);
    let late = material(&[specimen()], &bytes);
    assert_eq!(one.commit(vec![forget_person(&specimen())]), ["erasure_denied"], "two filed for them too");
    one.materials(&specimen());
    assert_eq!(one.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let told = known_by(&one.feed(0, 0).items[0]);
    let entries = |house: &House| check(&house.config, &mut |_, _| {}).unwrap().entries;
    let before = entries(&house);
    assert_eq!(two.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    assert_eq!(entries(&house), before, "it is known");

    put_back(&mut house, &copies);
    (one.address, two.address) = (house.address(), house.address());
    (one.sequence, two.sequence) = (0, 0);
    assert_eq!(one.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    two.put(&bytes);
    let put_right = Material { holders: vec![somebody(1)], ..second.clone() };
    for offered in [&put_right, &second, &second] {
        let told_before = two.feed(0, 0).head;
        assert_eq!(two.commit(vec![filed(offered)]), ["material_erased"]);
        let is_news = two.feed(0, 0).head > told_before;
        assert_eq!(is_news, told_before == 0 && offered.holders == second.holders);
    }
    let heard = two.feed(0, 0);
    let News::Erased { holder, .. } = &heard.items[0].news else { panic!() };
    assert_eq!(holder.as_ref().unwrap().value, SPECIMEN);
    let again = known_by(&heard.items[0]);
    assert_eq!((again.id, again.decided_at), (told.id, told.decided_at));
    let mut names = [first, second.id];
    names.sort_unstable();
    assert_eq!(again.materials, names);
    // The same paper, brought again, is another one.
    assert_eq!(two.commit(vec![filed(&late)]), ["accepted"]);
    assert_eq!(shown(&two, &specimen()), 1);
}

/// They bring the same paper again, before or after the repository is told of what went before that.
#[test]
fn what_is_brought_again_is_no_part_of_what_was_forgotten() {
    for is_told_first in [true, false] {
        let mut house = House::new();
        let (mut one, mut two) = (house.window("one"), house.window("two"));
        let bytes = paper();
        let gone = one.file(&[specimen()], &bytes);
        let copies = copied(&mut house);
        (one.address, two.address) = (house.address(), house.address());
        assert_eq!(one.commit(vec![forget_material(gone)]), ["accepted"]);
        let told = known_by(&one.feed(0, 0).items[0]);
        put_back(&mut house, &copies);
        (one.address, two.address) = (house.address(), house.address());
        let place = crate::holds::HoldWish::Place {
            holder: Some((&specimen()).into()),
            material: None,
            operator: "Operator Ng".into(),
            reason: "court order".into(),
            case: None,
        };
        crate::holds::carry_out(&house.config, &place).unwrap_or_else(|e| panic!("{e}"));
        one.sequence -= 1;
        let again = material(&[specimen()], &bytes);
        two.put(&bytes);
        if is_told_first {
            assert_eq!(one.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
            assert_eq!(shown(&two, &specimen()), 0);
        }
        assert_eq!(two.commit(vec![filed(&again)]), ["accepted"]);
        assert_eq!(one.commit(vec![Entry::Erased(told)]), ["accepted"]);
        let left = two.materials(&specimen());
        assert_eq!(left.materials.len(), 1, "{is_told_first}");
        assert_eq!(two.blob(&left.grant, &bytes).status, 200);
        let names_it = |item: &FeedItem| matches!(&item.news, News::Erased { materials, .. } if materials.contains(&again.id));
        assert!(!two.feed(0, 0).items.iter().any(names_it));
    }
}

/// What names it in the state is from before the person was ever here.
#[test]
fn an_erasure_that_has_nothing_left_to_forget_ends() {
    let mut house = House::new();
    let before = copied(&mut house);
    let mut window = house.window("one");
    window.file(&[specimen()], &paper());
    let with_paper = copied(&mut house);
    window.address = house.address();
    assert_eq!(window.commit(vec![forget_person(&specimen())]), ["accepted"]);
    let told = known_by(&window.feed(0, 0).items[0]);
    put_back(&mut house, &with_paper);
    window.address = house.address();
    house.stop();
    {
        let repository = Repository::open(&house.config).unwrap();
        repository.archive.doubt_holds(&Actor { client: "one".into(), operator: None }).unwrap();
    }
    house.start();
    window.address = house.address();
    window.sequence = 1;
    assert_eq!(window.commit(vec![Entry::Erased(told)]), ["accepted"]);
    house.stop();
    let state = house.config.data_dir.join("repository.db");
    let kept = fs::read(&state).unwrap();
    for (folder, aside) in &before {
        fs::remove_dir_all(folder).unwrap();
        copy(aside, folder);
    }
    fs::write(state, kept).unwrap();
    house.start();
    window.address = house.address();
    assert_eq!(shown(&window, &specimen()), 0);
}

#[test]
fn what_a_hold_keeps_is_shown_to_nobody_and_goes_when_the_hold_is_lifted() {
    let mut house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    let held = window.file(&[specimen()], &bytes);
    let copies = copied(&mut house);
    window.address = house.address();
    assert_eq!(window.commit(vec![forget_material(held)]), ["accepted"]);
    let told = known_by(&window.feed(0, 0).items[0]);
    put_back(&mut house, &copies);
    window.address = house.address();
    let carry_out = |wish| crate::holds::carry_out(&house.config, &wish).unwrap_or_else(|e| panic!("{e}"));
    let (operator, reason) = ("Operator Ng".to_owned(), "court order".to_owned());
    let placed = carry_out(crate::holds::HoldWish::Place {
        holder: None,
        material: Some(held.to_string()),
        operator: operator.clone(),
        reason: reason.clone(),
        case: None,
    });
    let grant = window.materials(&specimen()).grant;
    assert_eq!(window.blob(&grant, &bytes).status, 200);
    window.sequence = 1;
    assert_eq!(window.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    assert_eq!(shown(&window, &specimen()), 0);
    assert_eq!(window.blob(&grant, &bytes).code(), "blob_unknown");
    assert_eq!(window.get(&format!("/v1/uploads/{}", Digest::of(&bytes))).code(), "blob_unknown");
    // Windows carry it out at once, as they would have: none of them holds it.
    let news = window.feed(0, 0);
    let told_again = news.items.iter().find(|item| matches!(item.news, News::Erased { .. })).unwrap();
    assert_eq!((known_by(told_again).id, known_by(told_again).materials), (told.id, vec![held]));
    // Told again while it waits, and after a start.
    assert_eq!(window.commit(vec![Entry::Erased(told.clone())]), ["accepted"]);
    house.stop();
    house.start();
    window.address = house.address();
    assert_eq!(shown(&window, &specimen()), 0);
    let id = placed.holds[0].id.clone();
    crate::holds::carry_out(&house.config, &crate::holds::HoldWish::Lift { id, operator, reason })
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(window.feed(0, 0).items.last().unwrap().news, News::HoldLifted { .. }));
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 0, "{report}");
}

/// A window that was away when the others heard of it would show it for ever.
#[test]
fn a_state_that_alone_was_put_back_tells_of_what_the_archive_has_forgotten_since() {
    let mut house = House::new();
    let mut windows = ["one", "two", "three"].map(|counter| house.window(counter));
    let bytes = paper();
    let first = windows[0].file(&[specimen()], &bytes);
    assert_eq!(windows[1].put(&bytes), 201);
    let second = material(&[specimen()], &bytes);
    assert_eq!(windows[1].commit(vec![filed(&second)]), ["accepted"]);
    let of_person = windows[1].file(&[somebody(1)], &paper());
    let stays = windows[2].file(&[somebody(2)], &paper());
    let known = windows[2].file(&[somebody(2)], &paper());
    assert_eq!(windows[2].commit(vec![forget_material(known)]), ["accepted"]);
    let copies = copied(&mut house);
    let address = house.address();
    windows.iter_mut().for_each(|window| window.address = address);
    assert_eq!(windows[0].commit(vec![forget_material(first)]), ["accepted"]);
    assert_eq!(windows[1].commit(vec![forget_person(&somebody(1))]), ["accepted"]);
    let Entry::ErasureRequested(again) = forget_material(first) else { panic!() };

    for _ in 0..2 {
        put_state_back(&mut house, &copies);
        for start in 0..2 {
            let address = house.address();
            windows.iter_mut().for_each(|window| window.address = address);
            let [one, two, three] = windows.each_ref().map(|window| window.feed(0, 0).items);
            assert_eq!((one.len(), two.len(), three.len()), (1, 2, 1), "started {start} times more");
            assert_eq!(names_in(&three[0]), [known]);
            assert_eq!(names_in(&one[0]), names_in(&two[0]));
            let told = names_in(&one[0]);
            assert!(told.contains(&first) && told.contains(&second.id), "{told:?}");
            assert_eq!(names_in(&two[1]), [of_person]);
            // Whom it was about is not known any more, and so nothing proves it.
            let News::Erased { decided_at, proof, .. } = &two[1].news else { panic!() };
            assert_eq!((decided_at, proof), (&None, &None));
            house.stop();
            house.start();
        }
    }
    let address = house.address();
    windows.iter_mut().for_each(|window| window.address = address);
    assert_eq!(windows[2].materials(&somebody(2)).materials[0].id, stays);
    // Whoever asked then may ask again.
    windows[0].sequence = 1;
    assert_eq!(windows[0].commit(vec![Entry::ErasureRequested(again)]), ["accepted"]);
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean, "{report}");
}

/// Papers and names that came after the copy: the state does not know whose they are.
#[test]
fn whoever_offers_again_what_was_filed_after_the_copy_and_forgotten_is_told() {
    let mut house = House::new();
    let mut windows = ["one", "two"].map(|counter| house.window(counter));
    let bytes = paper();
    let first = windows[0].file(&[specimen()], &bytes);
    let copies = copied(&mut house);
    let address = house.address();
    windows.iter_mut().for_each(|window| window.address = address);
    let late = windows[0].file(&[specimen()], &paper());
    assert_eq!(windows[1].put(&bytes), 201);
    let second = material(&[specimen()], &bytes);
    assert_eq!(windows[1].commit(vec![filed(&second)]), ["accepted"]);
    let mut files = house.window("three");
    files.materials(&specimen());
    assert_eq!(files.commit(vec![forget_person(&specimen())]), ["accepted"]);

    put_state_back(&mut house, &copies);
    let address = house.address();
    windows.iter_mut().for_each(|window| window.address = address);
    let told =
        |window: &Window| window.feed(0, 0).items.iter().flat_map(names_in).collect::<Vec<MaterialId>>();
    assert!(told(&windows[0]).contains(&first) && told(&windows[1]).is_empty());
    let mut offered = material(&[specimen()], &bytes);
    (offered.id, windows[1].sequence) = (second.id, 0);
    for sequence in [0, 5] {
        windows[1].sequence = sequence;
        assert_eq!(windows[1].commit(vec![filed(&offered)]), ["material_erased"]);
        assert_eq!(told(&windows[1]), [second.id], "once");
    }
    offered.id = late;
    windows[0].sequence = 5;
    assert_eq!(windows[0].commit(vec![filed(&offered)]), ["material_erased"]);
    assert!(told(&windows[0]).contains(&late));
    assert_eq!(shown(&windows[0], &specimen()), 0);
}
