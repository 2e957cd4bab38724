//! What goes well.

use super::*;
use crate::check::check;

#[test]
fn a_paper_filed_at_one_window_is_seen_at_another() {
    let house = House::new();
    let (mut here, there) = (house.window("here"), house.window("there"));
    let bytes = paper();

    assert_eq!(here.missing(&[&bytes]), [Digest::of(&bytes)]);
    assert_eq!((here.put(&bytes), here.put(&bytes)), (201, 200));
    assert_eq!(here.missing(&[&bytes]), []);
    let filed_here = material(&[specimen()], &bytes);
    assert_eq!(here.commit(vec![filed(&filed_here)]), ["accepted"]);
    assert_eq!(here.missing(&[&bytes]), []);

    let shown = there.materials(&specimen());
    assert_eq!(shown.next_cursor, None);
    let [seen] = &shown.materials[..] else { panic!("{} materials", shown.materials.len()) };
    assert_eq!(Material::try_from(seen.clone()).unwrap(), filed_here);
    let blob = there.blob(&shown.grant, &bytes);
    assert_eq!((blob.status, &blob.body), (200, &bytes));
    assert_eq!(
        (&blob.headers["content-type"], &blob.headers["cache-control"]),
        (&"image/png".parse().unwrap(), &"no-store".parse().unwrap())
    );
    let looked = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(looked.clean && looked.blobs == 1, "{looked}");
}

#[test]
fn a_commit_sent_again_gets_the_first_answer() {
    let house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let material = material(&[specimen()], &bytes);
    let refused = serde_json::json!({ "type": "from the future", "id": "00".repeat(16) });
    let entries = vec![serde_json::to_value(filed(&material)).unwrap(), refused];
    let first = window.commit_as(1, entries.clone());
    assert_eq!(codes(&first), ["accepted", "entry_unknown"]);
    let again = window.commit_as(1, entries.clone());
    assert_eq!((again.status, again.body), (200, first.body));
    assert_eq!(window.commit_as(1, entries[..1].to_vec()).code(), "sequence_conflict");
    // The same material under another sequence: on file once, and accepted again.
    window.sequence = 1;
    assert_eq!(window.commit(entries), ["accepted", "entry_unknown"]);
    assert_eq!(window.materials(&specimen()).materials.len(), 1);
}

#[test]
fn a_commit_sent_many_times_at_once_is_taken_once() {
    let house = House::new();
    let window = house.window("one");
    let papers: Vec<Vec<u8>> = (0..20).map(|_| paper()).collect();
    papers.iter().for_each(|p| assert_eq!(window.put(p), 201));
    let entries: Vec<Entry> = papers.iter().map(|p| filed(&material(&[specimen()], p))).collect();
    let answers: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let send = || window.commit_as(1, entries.clone());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|t| t.join().unwrap().body).collect()
    });
    assert!(answers.iter().all(|a| *a == answers[0]));
    assert_eq!(window.materials(&specimen()).materials.len(), 20);
}

#[test]
fn an_upload_serves_several_filings() {
    let house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let mut for_other_case = material(&[specimen()], &bytes);
    for_other_case.case = Some("2026-000002".into());
    let together = [material(&[specimen()], &bytes), material(&[somebody(1)], &bytes), for_other_case]
        .map(|m| filed(&m));
    assert_eq!(window.commit(together.to_vec()), ["accepted"; 3]);
    assert_eq!(window.commit(vec![filed(&material(&[somebody(2)], &bytes))]), ["accepted"]);
    assert_eq!(window.materials(&specimen()).materials.len(), 2);
    for number in [1, 2] {
        let shown = window.materials(&somebody(number));
        assert_eq!(shown.materials.len(), 1);
        assert_eq!(window.blob(&shown.grant, &bytes).body, bytes);
    }
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 1, "{report}");
}

fn results(answer: &Answer) -> Vec<CommitResult> {
    assert_eq!(answer.status, 200);
    answer.json::<CommitAnswer>().results
}

#[test]
fn a_paper_filed_at_two_windows_with_the_same_words_is_one_and_both_are_told() {
    let house = House::new();
    let (mut one, two) = (house.window("one"), house.window("two"));
    let bytes = paper();
    let first = one.file(&[specimen()], &bytes);
    two.put(&bytes);
    let second = material(&[specimen()], &bytes);
    let answer = two.commit_as(1, vec![filed(&second)]);
    assert_eq!((results(&answer)[0].code.as_deref(), results(&answer)[0].filed_as), (None, Some(first)));
    // Asked again in another commit, the answer is the same.
    let again = two.commit_as(2, vec![filed(&second)]);
    assert_eq!(results(&again)[0].filed_as, Some(first));
    assert_eq!(two.materials(&specimen()).materials.len(), 1);
}

#[test]
fn what_another_window_wrote_about_the_same_paper_is_not_lost() {
    let house = House::new();
    let (mut one, two) = (house.window("one"), house.window("two"));
    let bytes = paper();
    let first = one.file(&[specimen()], &bytes);
    two.put(&bytes);
    let mut second = material(&[specimen()], &bytes);
    second.note = Some("seen with the original".into());
    let mut third = material(&[specimen()], &bytes);
    third.kind = Kind::new("passport").unwrap();
    let answer = two.commit_as(1, vec![filed(&second), filed(&third)]);
    assert!(results(&answer).iter().all(|r| r.code.is_none() && r.filed_as.is_none()));
    assert_eq!(two.commit_as(2, vec![filed(&second)]).status, 200);
    let shown = one.materials(&specimen());
    let seen: Vec<Material> = shown.materials.iter().map(|m| m.clone().try_into().unwrap()).collect();
    assert_eq!(seen.iter().map(|m| m.id).collect::<Vec<_>>(), [third.id, second.id, first]);
    assert_eq!((&seen[0].kind, &seen[1].note), (&third.kind, &second.note));
    assert_eq!(
        [seen[0].duplicate_of, seen[1].duplicate_of, seen[2].duplicate_of],
        [Some(first), Some(first), None]
    );
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 1, "{report}");
    // Each is forgotten by itself, and the picture stays with the others until the last.
    for (sequence, id) in [(3, second.id), (4, third.id)] {
        assert_eq!(codes(&two.commit_as(sequence, vec![forget_material(id)])), ["accepted"]);
        assert_eq!(one.blob(&shown.grant, &bytes).body, bytes);
    }
    assert_eq!(one.materials(&specimen()).materials.iter().map(|m| m.id).collect::<Vec<_>>(), [first]);
    let report = check(&house.config, &mut |_, _| {}).unwrap();
    assert!(report.clean && report.blobs == 1, "{report}");
}

#[test]
fn lists_are_filtered_and_go_on_at_the_cursor() {
    let house = House::new();
    let mut window = house.window("one");
    let mut ids = Vec::new();
    for number in 0..5 {
        let bytes = paper();
        window.put(&bytes);
        let mut one = material(&[specimen()], &bytes);
        one.kind = Kind::new(if number == 2 { "passport" } else { "household_register" }).unwrap();
        ids.insert(0, one.id);
        assert_eq!(window.commit(vec![filed(&one)]), ["accepted"]);
    }
    let mut seen = Vec::new();
    let mut body = look(&specimen());
    body["limit"] = 2.into();
    loop {
        let answer: MaterialsAnswer = window.materials_answer(&body).json();
        assert!(answer.materials.len() <= 2);
        seen.extend(answer.materials.iter().map(|m| m.id));
        let Some(cursor) = answer.next_cursor else { break };
        body["cursor"] = cursor.into();
    }
    assert_eq!(seen, ids);
    let mut body = look(&specimen());
    body["kind"] = "passport".into();
    let answer: MaterialsAnswer = window.materials_answer(&body).json();
    assert_eq!(answer.materials.iter().map(|m| m.id).collect::<Vec<_>>(), [ids[2]]);
}
