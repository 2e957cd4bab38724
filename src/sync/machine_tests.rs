//! The machine's rules, one by one.

use super::*;

fn picture(n: u8) -> BlobRef {
    BlobRef { digest: Digest::from_bytes([n; 32]), size_bytes: 10 }
}

fn item(sequence: u64, blobs: Vec<BlobRef>) -> Item {
    let id = EntryId::Material(MaterialId::from_bytes([sequence as u8; 16]));
    Item { sequence, id, size_bytes: 100, blobs }
}

/// A machine that is about to ask about picture 1 of the only entry.
fn asking() -> Machine {
    let mut machine = Machine::new(Position::start(0), 1);
    machine.on(Event::FeedDrained, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 0, to: Some(0) });
    machine.on(Event::Loaded { to: 0, items: Vec::new(), fingerprint: [0; 32] }, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 0, to: None });
    let items = vec![item(1, vec![picture(1)])];
    machine.on(Event::Loaded { to: 1, items, fingerprint: [1; 32] }, 0, 0);
    assert!(matches!(machine.next(0), Action::Save { .. }));
    machine.on(Event::Saved, 0, 0);
    assert_eq!(machine.next(0), Action::AskMissing(vec![picture(1)]));
    machine
}

fn uploaded() -> Machine {
    let mut machine = asking();
    machine.on(Event::Missing { missing: vec![picture(1).digest], trusted_until: 100 }, 0, 0);
    assert_eq!(machine.next(0), Action::Upload(vec![picture(1)]));
    machine.on(Event::Uploaded(vec![picture(1).digest]), 0, 0);
    machine
}

#[test]
fn an_answer_about_missing_blobs_is_not_trusted_past_its_lease() {
    let mut machine = asking();
    machine.on(Event::Missing { missing: Vec::new(), trusted_until: 100 }, 0, 0);
    assert_eq!(machine.next(99), Action::Commit { sequence: 1 });
    assert_eq!(machine.next(100), Action::AskMissing(vec![picture(1)]));
}

#[test]
fn a_blob_nobody_asked_about_cannot_be_missing() {
    let mut machine = asking();
    machine.on(Event::Missing { missing: vec![picture(2).digest], trusted_until: 100 }, 0, 0);
    assert_eq!(machine.last_error(), Some(REPOSITORY_PROTOCOL));
    assert_eq!(machine.next(0), Action::Wait { until: Some(200) });
}

#[test]
fn what_was_just_taken_cannot_be_missing() {
    let mut machine = uploaded();
    machine.on(Event::CommitBlobsMissing(vec![picture(1).digest]), 0, 0);
    assert_eq!(machine.last_error(), Some(REPOSITORY_PROTOCOL));
    let mut machine = uploaded();
    machine.on(Event::CommitBlobsMissing(Vec::new()), 0, 0);
    assert_eq!(machine.last_error(), Some(REPOSITORY_PROTOCOL));
}

#[test]
fn results_of_other_entries_are_no_answer() {
    for outcomes in [vec![], vec![Outcome { id: item(9, vec![]).id, rejected: None, filed_as: None }]] {
        let mut machine = uploaded();
        machine.on(Event::Committed(outcomes), 0, 0);
        assert_eq!(machine.last_error(), Some(REPOSITORY_PROTOCOL));
        assert_eq!(machine.position().confirmed, 0);
    }
}

#[test]
fn a_conflict_that_this_agent_cannot_have_caused_is_shown_and_nothing_is_skipped() {
    let mut machine = uploaded();
    machine.on(Event::CommitConflict, 1000, 0);
    assert_eq!(machine.last_error(), Some(SEQUENCE_CONFLICT));
    assert_eq!(machine.next(1000), Action::Wait { until: Some(31_000) });
    assert_eq!((machine.position().confirmed, machine.position().sequence), (0, 1));
    machine.on(Event::Woken, 1001, 0);
    assert_eq!(machine.next(1001), Action::DrainFeed);
}

#[test]
fn after_missed_news_the_feed_is_asked_before_anything_is_sent() {
    for mut machine in [asking(), uploaded()] {
        machine.on(Event::NewsMissed, 0, 0);
        assert_eq!(machine.next(0), Action::DrainFeed);
        machine.on(Event::FeedDrained, 0, 0);
        assert_eq!(machine.next(0), Action::Load { after: 0, to: Some(1) });
    }
    // At rest, too: what is filed next is sent after the feed was asked.
    let mut machine = Machine::new(Position::start(0), 0);
    machine.on(Event::FeedDrained, 0, 0);
    machine.on(Event::Loaded { to: 0, items: Vec::new(), fingerprint: [0; 32] }, 0, 0);
    assert_eq!(machine.next(0), Action::Wait { until: None });
    machine.on(Event::NewsMissed, 0, 0);
    machine.on(Event::Head(1), 0, 0);
    assert_eq!(machine.next(0), Action::DrainFeed);
}

#[test]
fn missed_news_keep_nothing_from_being_kept() {
    let mut machine = uploaded();
    let outcome = Outcome { id: item(1, vec![]).id, rejected: Some("invalid".into()), filed_as: None };
    machine.on(Event::Committed(vec![outcome]), 0, 0);
    let save = machine.next(0);
    assert!(matches!(&save, Action::Save { rejected, .. } if rejected.len() == 1));
    machine.on(Event::NewsMissed, 0, 0);
    assert_eq!(machine.next(0), save);
    machine.on(Event::Saved, 0, 0);
    assert_eq!(machine.next(0), Action::DrainFeed);
}

#[test]
fn what_was_refused_earlier_is_offered_once_and_moves_nothing() {
    let mut machine = Machine::new(Position::start(5), 6);
    machine.on(Event::FeedDrained, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 5, to: Some(5) });
    machine.on(Event::Loaded { to: 5, items: vec![item(2, vec![])], fingerprint: [2; 32] }, 0, 0);
    let pending = Some(Pending { from: 6, to: 5, fingerprint: [2; 32] });
    assert!(matches!(machine.next(0), Action::Save { position, .. } if position.pending == pending));
    machine.on(Event::Saved, 0, 0);
    assert_eq!(machine.next(0), Action::Commit { sequence: 1 });
    let outcome = Outcome { id: item(2, vec![]).id, rejected: None, filed_as: None };
    machine.on(Event::Committed(vec![outcome]), 0, 0);
    let Action::Save { position, accepted, .. } = machine.next(0) else { panic!() };
    assert_eq!(position, Position { sequence: 2, ..Position::start(5) });
    assert_eq!(accepted, [Acceptance { sequence: 2, id: item(2, vec![]).id, filed_as: None }]);
    machine.on(Event::Saved, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 5, to: Some(5) });
    machine.on(Event::Loaded { to: 5, items: Vec::new(), fingerprint: [0; 32] }, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 5, to: None });
}

#[test]
fn between_a_request_to_forget_and_what_was_refused_earlier_the_feed_is_asked() {
    let erasure = EntryId::Erasure(ErasureId::from_bytes([1; 16]));
    let pending = Some(Pending { from: 1, to: 1, fingerprint: [1; 32] });
    let mut machine = Machine::new(Position { pending, ..Position::start(0) }, 1);
    machine.on(Event::FeedDrained, 0, 0);
    let items = vec![Item { id: erasure, ..item(1, vec![]) }];
    machine.on(Event::Loaded { to: 1, items, fingerprint: [1; 32] }, 0, 0);
    assert_eq!(machine.next(0), Action::Commit { sequence: 1 });
    let outcome = Outcome { id: erasure, rejected: None, filed_as: None };
    machine.on(Event::Committed(vec![outcome]), 0, 0);
    machine.on(Event::Saved, 0, 0);
    assert_eq!(machine.next(0), Action::DrainFeed);
    machine.on(Event::FeedDrained, 0, 0);
    assert_eq!(machine.next(0), Action::Load { after: 1, to: Some(1) });
}

#[test]
fn a_batch_is_cut_at_every_limit_and_holds_at_least_one() {
    let huge = Item { size_bytes: u64::from(u32::MAX), ..item(1, vec![]) };
    let mut cut = Cut::new(usize::MAX);
    assert!(cut.takes(&huge) && !cut.takes(&item(2, vec![])));
    let mut cut = Cut::new(usize::MAX);
    assert_eq!((0..1000).take_while(|n| cut.takes(&item(*n, vec![]))).count(), COMMIT_ENTRIES_MAX);
    let mut cut = Cut::new(usize::MAX);
    let many = vec![picture(1); BLOBS_ASKED_MAX / 2];
    assert_eq!((0..1000).take_while(|n| cut.takes(&item(*n, many.clone()))).count(), 2);
    let mut cut = Cut::new(3);
    assert_eq!((0..1000).take_while(|n| cut.takes(&item(*n, vec![]))).count(), 3);
}
