//! Questions to the ledger: who saw what, what someone did, and that the question itself is entered.

use yidang_model::Subject;

use super::damage::{spoiling, tamper};
use super::papers::*;
use super::world::{World, assert_whole, file_paper};
use crate::storage::Verb;
use crate::{
    Actor, Archive, Attendance, AttendanceVerb, AuditEnd, AuditLine, AuditOf, AuditQuery, Export, Look,
    LookVerb, Refiling, told_unproven,
};

fn asks(of: AuditOf) -> AuditQuery {
    let by = Actor { client: "auditor".to_owned(), operator: None };
    AuditQuery { of, since: None, until: None, limit: u64::MAX, by }
}

fn answer(archive: &Archive, query: AuditQuery) -> (Vec<AuditLine>, AuditEnd) {
    let mut lines = Vec::new();
    let mut last = (0, 0);
    let end = archive.audit(query, &mut |done, all| last = (done, all), &mut |line| {
        lines.push(line);
        true
    });
    let end = end.unwrap();
    assert!(end.truncated || last.0 == last.1);
    assert_eq!(end.lines, lines.len() as u64);
    (lines, end)
}

fn of_person(archive: &Archive, who: &Subject) -> Vec<(Verb, Vec<u8>)> {
    let (lines, _) = answer(archive, asks(AuditOf::Person(who.clone())));
    let numbers = |line: &AuditLine| line.materials.iter().map(|id| id.as_bytes()[0]).collect();
    lines.iter().map(|line| (line.verb, numbers(line))).collect()
}

#[test]
fn who_saw_a_persons_papers_is_told_with_by_whom_and_what_for() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(1), resident(2)]).unwrap();
    file_paper(&archive, 3, &[resident(3)]).unwrap();
    let other = Actor { client: "desk".to_owned(), operator: Some("Operator Ng".to_owned()) };
    archive.record(Look { by: other, ..look_at(&resident(1), &[1]) }).unwrap();
    archive.record(look_at(&resident(2), &[2])).unwrap();
    archive.record(look_at(&resident(3), &[3])).unwrap();
    let told = of_person(&archive, &resident(1));
    let expected = [
        (Verb::Filed, vec![1]),
        (Verb::Filed, vec![2]),
        (Verb::Looked, vec![1]),
        // In the other holder's dossier, and yet this person's paper.
        (Verb::Looked, vec![2]),
    ];
    assert_eq!(told, expected);
    let (lines, _) = answer(&archive, asks(AuditOf::Person(resident(1))));
    let look = &lines[2];
    assert_eq!((look.operator.as_deref(), look.client.as_str()), (Some("Operator Ng"), "desk"));
    assert_eq!((look.purpose.as_deref(), look.case.as_deref()), (Some("housing"), Some("case-1")));
    assert_eq!(look.basis.as_deref(), Some("card"));
    assert_eq!(lines.last().map(|line| line.verb), Some(Verb::Audited), "the question before is a look too");
    assert_eq!(archive.stats().unwrap().holders, 3);
    assert_eq!(of_person(&archive, &resident(9)), []);
    assert_eq!(archive.stats().unwrap().holders, 3, "who is asked about is not made known by that");
    assert_whole(&archive, "after audits");
}

#[test]
fn what_became_of_an_erasure_is_told_of_whom_it_was() {
    let world = World::new();
    let archive = world.open();
    for number in [1, 2] {
        file_paper(&archive, number, &[resident(number.into())]).unwrap();
        archive.request_erasure(erasure_of_material(number, number)).unwrap();
        archive.refuse_erasure(erasure_id(number)).unwrap();
    }
    let told = [(Verb::Filed, vec![1]), (Verb::ErasureRequested, vec![1]), (Verb::ErasureRefused, vec![])];
    assert_eq!(of_person(&archive, &resident(1)), told);
}

#[test]
fn a_paper_is_theirs_as_long_as_it_was_thought_to_be() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.record(look_at(&resident(1), &[1])).unwrap();
    archive.refile(Refiling { holders: Some(vec![resident(2)]), ..refiling_of(1) }).unwrap();
    archive.record(look_at(&resident(2), &[1])).unwrap();
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    let first = of_person(&archive, &resident(1));
    let one = |verb| (verb, vec![1]);
    assert_eq!(first, [one(Verb::Filed), one(Verb::Looked), one(Verb::Refiled)]);
    let other = of_person(&archive, &resident(2));
    let mut expected = [Verb::Refiled, Verb::Looked, Verb::ErasureRequested, Verb::Erased].map(one).to_vec();
    expected.push((Verb::ErasureDone, vec![]));
    assert_eq!(other, expected);
    let (lines, _) = answer(&archive, asks(AuditOf::Person(resident(2))));
    assert_eq!(lines[0].purpose.as_deref(), Some("wrong card"));
    // Who is forgotten is forgotten by the ledger too; what the office did is not.
    archive.erase_now(erasure_of_person(2, &resident(2))).unwrap();
    assert_eq!(of_person(&archive, &resident(2)), []);
    let (did, _) = answer(&archive, asks(AuditOf::Operator("Operator Okoye".to_owned())));
    let look = did.iter().rfind(|line| line.verb == Verb::Looked).unwrap();
    assert_eq!((look.purpose.as_deref(), &look.materials[..]), (None, &[material_id(1)][..]));
}

#[test]
fn what_an_operator_did_and_what_was_opened_without_a_card_are_found_in_a_span_of_time() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let opened = |operator: &str| Look {
        verb: LookVerb::Opened,
        basis: "lost_card".to_owned(),
        by: Actor { client: "hall".to_owned(), operator: Some(operator.to_owned()) },
        ..look_at(&resident(1), &[])
    };
    for (day, operator) in ["Operator Ng", "Operator Okoye", "Operator Ng"].into_iter().enumerate() {
        archive.record(opened(operator)).unwrap();
        assert!(day < 3);
        world.clock.advance(DAY_MS);
    }
    let no_card = asks(AuditOf::WithoutCard);
    let (lines, end) = answer(&archive, no_card.clone());
    assert_eq!(
        (lines.len(), end),
        (3, AuditEnd { lines: 3, truncated: false, known: true, unproven: 0, put_back: 0 })
    );
    assert!(lines.iter().all(|line| line.basis.as_deref() == Some("lost_card")));
    let day = |n: i64| Some(START.plus_millis(n * DAY_MS));
    let (lines, _) = answer(&archive, AuditQuery { since: day(1), until: day(2), ..no_card.clone() });
    assert_eq!(lines.iter().map(|line| line.at).collect::<Vec<_>>(), [START.plus_millis(DAY_MS)]);
    let (lines, _) = answer(&archive, asks(AuditOf::Operator("Operator Ng".to_owned())));
    assert_eq!(lines.iter().map(|line| line.verb).collect::<Vec<_>>(), [Verb::Opened; 2]);
    let (_, end) = answer(&archive, AuditQuery { limit: 2, ..no_card.clone() });
    assert_eq!(end, AuditEnd { lines: 2, truncated: true, known: true, unproven: 0, put_back: 0 });
    let mut told = 0;
    let stopped = archive.audit(no_card, &mut |_, _| {}, &mut |_| {
        told += 1;
        false
    });
    assert_eq!((stopped.unwrap().lines, told), (1, 1));
    // A dossier that was taken out went out without a card, too.
    let export = Export { who: resident(1), purpose: "test".to_owned(), case: None, by: clerk() };
    assert_eq!(archive.begin_export(export).unwrap(), [material_id(1)]);
    let (lines, _) = answer(&archive, asks(AuditOf::WithoutCard));
    let last = lines.last().map(|line| (line.verb, line.purpose.as_deref(), line.materials.len()));
    assert_eq!((lines.len(), last), (4, Some((Verb::Exported, Some("test"), 1))));
    let long = asks(AuditOf::Operator("o".repeat(129)));
    assert!(archive.audit(long, &mut |_, _| {}, &mut |_| true).is_err());
}

#[test]
fn who_was_forgotten_is_not_told_from_who_was_never_here() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let known = |number| answer(&archive, asks(AuditOf::Person(resident(number)))).1;
    assert!(known(1).known && known(1).lines > 0);
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    let nothing = AuditEnd { lines: 0, truncated: false, known: false, unproven: 0, put_back: 0 };
    assert_eq!([known(1), known(2)], [nothing, nothing]);
}

#[test]
fn who_sat_at_the_window_is_told_and_outlives_a_new_index() {
    let world = World::new();
    let archive = world.open();
    let by = |name: &str| Actor { client: "hall".to_owned(), operator: Some(name.to_owned()) };
    let attend = |verb, name: &str, basis: &str, count| {
        archive.attend(Attendance { verb, by: by(name), basis: basis.to_owned(), count }).unwrap();
    };
    attend(AttendanceVerb::Refused, "Operator Ng", "pin", 1);
    attend(AttendanceVerb::SignedIn, "Operator Ng", "pin", 0);
    attend(AttendanceVerb::SignedIn, "Operator Okoye", "assertion", 0);
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    attend(AttendanceVerb::Locked, "Operator Ng", "idle", 0);
    attend(AttendanceVerb::SignedOut, "Operator Ng", "asked", 0);
    let (lines, _) = answer(&archive, asks(AuditOf::Operator("Operator Ng".to_owned())));
    let told: Vec<_> = lines.iter().map(|line| (line.verb, line.basis.as_deref())).collect();
    let expected = [
        (Verb::SignInRefused, Some("pin")),
        (Verb::SignedIn, Some("pin")),
        (Verb::SessionLocked, Some("idle")),
        (Verb::SignedOut, Some("asked")),
    ];
    assert_eq!(told, expected);
    archive.rebuild_index().unwrap();
    assert_whole(&archive, "after the index was made anew");
    let name = "x".repeat(129);
    let refused = archive.attend(Attendance {
        verb: AttendanceVerb::SignedIn,
        by: by(&name),
        basis: String::new(),
        count: 0,
    });
    assert!(refused.is_err());
}

/// Whatever is missing or does not open may be about what was asked, and is counted as far as the ledger was read.
#[test]
fn an_answer_out_of_a_damaged_ledger_says_so() {
    let world = World::new();
    let archive = world.open();
    let papers: Vec<u64> =
        (1..=6).map(|number| file_paper(&archive, number, &[resident(1)]).unwrap().stored.sequence).collect();
    let query = |limit| AuditQuery { limit, ..asks(AuditOf::Person(resident(1))) };
    let unproven = |archive: &Archive, limit| {
        archive.audit(query(limit), &mut |_, _| {}, &mut |_| true).unwrap().unproven
    };
    assert_eq!(unproven(&archive, 100), 0);
    drop(archive);
    spoiling(&world, papers[1])(&world, false);
    let archive = world.open();
    assert_eq!(unproven(&archive, 100), 1, "one that does not open");
    drop(archive);
    tamper(&world, &format!("DELETE FROM entries WHERE sequence = {}", papers[3]));
    tamper(&world, &format!("UPDATE entries SET at_millis = at_millis + 1 WHERE sequence = {}", papers[5]));
    let archive = world.open();
    assert_eq!(unproven(&archive, 100), 3, "one that is gone, and one that was changed");
    assert_eq!(unproven(&archive, 1), 1, "what lies behind the last line told is not looked at");
}

/// A backup that was put back whole is sound in itself: what it lacks no check names, so nobody is sent to one.
#[test]
fn an_answer_out_of_a_ledger_that_was_put_back_says_so() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    archive.doubt_holds(&clerk()).unwrap();
    archive.confirm_holds(&clerk()).unwrap();
    assert!(archive.verify(&mut |_, _| {}).unwrap().is_clean());
    let end = answer(&archive, asks(AuditOf::Person(resident(1)))).1;
    assert_eq!((end.unproven, end.put_back), (1, 1));
    let told = told_unproven(end.unproven, end.put_back);
    assert!(told.contains("1 times") && told.contains("older copy") && !told.contains("places"), "{told}");
    drop(archive);
    tamper(&world, "DELETE FROM entries WHERE sequence = 1");
    let end = answer(&world.open(), asks(AuditOf::Person(resident(1)))).1;
    assert_eq!(end.unproven, end.put_back + 1);
    let told = told_unproven(end.unproven, end.put_back);
    assert!(told.starts_with("1 places in the ledger are missing") && told.contains("older copy"), "{told}");
}

/// Whose key is lost is not told from who was never here, and the answer says that it may lack them.
#[test]
fn an_answer_beside_lost_keys_says_so() {
    let world = World::new();
    let archive = world.open();
    for (number, who) in [(1, 1), (2, 2), (3, 3)] {
        file_paper(&archive, number, &[resident(who)]).unwrap();
    }
    archive.erase_now(erasure_of_person(7, &resident(3))).unwrap();
    let asked = |who| answer(&archive, asks(AuditOf::Person(resident(who)))).1;
    assert_eq!((asked(1).unproven, asked(3).unproven), (0, 0), "what was forgotten lacks nothing");
    let keys = &archive.shared.stores.keys;
    let lost = keys.holder(keys.subject_tag(&resident(1))).unwrap().unwrap();
    keys.forget(&[lost.id]).unwrap();
    // Two questions about that person were entered under their key.
    let (own, others) = (asked(1), asked(2));
    assert_eq!((own.known, own.lines, own.unproven, others.unproven), (false, 0, 2, 2), "{own:?}");
    assert_eq!(answer(&archive, asks(AuditOf::WithoutCard)).1.unproven, 0, "which keys cannot hide");
}
