//! The suite for ledgers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use yidang_model::Timestamp;

use super::samples::{LENGTHS, bytes, entry, tag};
use crate::storage::{Entry, Ledger, NewEntry, StorageFault, Verb, chain_hash};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Ledger>;

pub(super) fn run(open: Open<'_>) {
    an_empty_ledger_has_no_head(open);
    entries_are_chained_across_restarts(open);
    every_field_comes_back(open);
    limits_are_kept(open);
    entries_come_in_the_order_asked(open);
    an_idempotency_tag_is_found_and_unique(open);
    what_is_lost_leaves_a_gap(open);
    emptying_the_journal_keeps_everything(open);
    readers_see_whole_batches(open);
    writers_side_by_side_leave_no_gap(open);
}

fn an_empty_ledger_has_no_head(open: Open<'_>) {
    let ledger = open("empty");
    assert_eq!(ledger.head().unwrap(), (0, [0; 32]));
    assert!(ledger.append_many(&[]).unwrap().is_empty());
    assert!(ledger.after(0, 10).unwrap().is_empty());
    assert!(ledger.get_many(&[0, 1]).unwrap().is_empty());
    assert_eq!(ledger.find_idempotent(tag(1)).unwrap(), None);
    ledger.scrub().unwrap();
    assert_eq!(ledger.head().unwrap(), (0, [0; 32]));
}

fn entries_are_chained_across_restarts(open: Open<'_>) {
    let mut appended = Vec::new();
    for batch in 0..6 {
        let ledger = open("chain");
        let new: Vec<NewEntry> = (0..=batch).map(|n| entry(batch * 10 + n)).collect();
        let answered = ledger.append_many(&new).unwrap();
        assert!(answered.iter().map(|e| &e.content).eq(&new), "entries are appended in the order given");
        appended.extend(answered);
    }
    let ledger = open("chain");
    assert_eq!(ledger.after(0, usize::MAX).unwrap(), appended);
    assert_chain(&appended, 1, [0; 32]);
    let last = appended.last().unwrap();
    assert_eq!(ledger.head().unwrap(), (last.sequence, last.hash));
}

fn what_is_lost_leaves_a_gap(open: Open<'_>) {
    let told = |verb| NewEntry { verb, ..entry(40) };
    for (name, verb) in [("doubted", Verb::HoldsDoubted), ("rebuilt", Verb::Rebuilt)] {
        let ledger = open(name);
        let before = ledger.append_many(&[entry(41), entry(42)]).unwrap();
        for (place, verb) in [(2, verb), (7, Verb::Filed)] {
            let refused = ledger.append_behind_gap(place, &told(verb)).unwrap_err();
            assert_eq!(refused.fault, StorageFault::Damaged);
        }
        ledger.append_behind_gap(7, &told(verb)).unwrap();
        let after = open(name).append_many(&[entry(43)]).unwrap();
        let behind = ledger.get_many(&[7]).unwrap().remove(0);
        assert_eq!((behind.previous, after[0].sequence, after[0].previous), (before[1].hash, 8, behind.hash));
        assert_eq!(behind.hash, chain_hash(&behind.previous, 7, &behind.content));
    }
}

fn every_field_comes_back(open: Open<'_>) {
    let verbs = [
        Verb::Staged,
        Verb::Discarded,
        Verb::Filed,
        Verb::Looked,
        Verb::Opened,
        Verb::Exported,
        Verb::Recovered,
        Verb::ErasureRequested,
        Verb::ErasureRefused,
        Verb::Erased,
        Verb::ErasureDone,
        Verb::Quarantined,
        Verb::Repaired,
        Verb::Rebuilt,
    ];
    let mut new: Vec<NewEntry> = verbs.into_iter().map(|verb| NewEntry { verb, ..entry(1) }).collect();
    new.extend((1..).zip(LENGTHS).map(|(n, length)| NewEntry { body: bytes(n, length), ..entry(2) }));
    for at in [i64::MIN, -1, 0, i64::MAX] {
        new.push(NewEntry { at: Timestamp::from_millis(at), ..entry(3) });
    }
    new.push(NewEntry { version: u16::MAX, idempotency: Some(tag(1)), request: Some(tag(2)), ..entry(4) });
    new.push(NewEntry { idempotency: Some(tag(3)), ..entry(5) });
    open("fields").append_many(&new).unwrap();
    let stored = open("fields").after(0, usize::MAX).unwrap();
    assert!(stored.iter().map(|e| &e.content).eq(&new));
    assert_chain(&stored, 1, [0; 32]);
}

fn limits_are_kept(open: Open<'_>) {
    let ledger = open("limits");
    ledger.append_many(&(0..50).map(entry).collect::<Vec<_>>()).unwrap();
    let sequences = |after, limit| -> Vec<u64> {
        ledger.after(after, limit).unwrap().iter().map(|e| e.sequence).collect()
    };
    assert_eq!(sequences(0, 0), Vec::<u64>::new());
    assert_eq!(sequences(0, 1), [1]);
    assert_eq!(sequences(10, 3), [11, 12, 13]);
    assert_eq!(sequences(48, 10), [49, 50]);
    assert_eq!(sequences(50, 10), Vec::<u64>::new());
    assert_eq!(sequences(u64::MAX, usize::MAX), Vec::<u64>::new());
}

fn entries_come_in_the_order_asked(open: Open<'_>) {
    let ledger = open("asked");
    ledger.append_many(&(0..20).map(entry).collect::<Vec<_>>()).unwrap();
    let got = ledger.get_many(&[7, 3, 99, 20, 0, u64::MAX, 1]).unwrap();
    assert_eq!(got.iter().map(|e| e.sequence).collect::<Vec<_>>(), [7, 3, 20, 1]);
    assert_eq!(got[..1], ledger.after(6, 1).unwrap());
}

fn an_idempotency_tag_is_found_and_unique(open: Open<'_>) {
    let ledger = open("idempotency");
    let tagged = |n: u64| NewEntry { idempotency: Some(tag(n)), request: Some(tag(100 + n)), ..entry(n) };
    let appended = ledger.append_many(&[tagged(1), entry(2), tagged(3)]).unwrap();
    assert_eq!(ledger.find_idempotent(tag(3)).unwrap().as_ref(), Some(&appended[2]));
    assert_eq!(ledger.find_idempotent(tag(103)).unwrap(), None, "the request's tag is another matter");
    let head = ledger.head().unwrap();
    for batch in [vec![entry(4), tagged(1)], vec![tagged(5), entry(6), tagged(5)]] {
        let error = ledger.append_many(&batch).unwrap_err();
        assert_eq!(error.fault, StorageFault::Damaged, "{error}");
        assert_eq!(ledger.head().unwrap(), head, "a batch is appended whole or not at all");
    }
    assert_eq!(ledger.find_idempotent(tag(5)).unwrap(), None);
    let next = ledger.append_many(&[tagged(5)]).unwrap();
    assert_chain(&next, head.0 + 1, head.1);
    drop(ledger);
    assert_eq!(open("idempotency").find_idempotent(tag(5)).unwrap().as_ref(), next.first());
}

fn emptying_the_journal_keeps_everything(open: Open<'_>) {
    let ledger = open("journal");
    let appended = ledger.append_many(&(0..30).map(entry).collect::<Vec<_>>()).unwrap();
    ledger.scrub().unwrap();
    assert_eq!(ledger.after(0, 100).unwrap(), appended);
    ledger.append_many(&[entry(31)]).unwrap();
    drop(ledger);
    assert_eq!(open("journal").head().unwrap().0, 31);
}

fn readers_see_whole_batches(open: Open<'_>) {
    const BATCH: u64 = 7;
    let ledger = open("readers");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    let (head, _) = ledger.head().unwrap();
                    assert!(head >= newest && head.is_multiple_of(BATCH), "head {head} after {newest}");
                    newest = head;
                    let entries = ledger.after(0, usize::MAX).unwrap();
                    assert!(entries.len() as u64 >= head);
                    assert_chain(&entries, 1, [0; 32]);
                }
            });
        }
        for batch in 0..40 {
            let new: Vec<NewEntry> = (0..BATCH).map(|n| entry(batch * BATCH + n)).collect();
            ledger.append_many(&new).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn writers_side_by_side_leave_no_gap(open: Open<'_>) {
    let ledger = open("writers");
    thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = ledger.as_ref();
            scope.spawn(move || {
                for n in 0..20 {
                    let appended = ledger.append_many(&[entry(writer * 100 + n), entry(n)]).unwrap();
                    assert_eq!(appended[0].sequence + 1, appended[1].sequence);
                }
            });
        }
    });
    let all = ledger.after(0, usize::MAX).unwrap();
    assert_eq!(all.len(), 160);
    assert_chain(&all, 1, [0; 32]);
}

fn assert_chain(entries: &[Entry], first: u64, mut previous: [u8; 32]) {
    for (entry, sequence) in entries.iter().zip(first..) {
        assert_eq!(entry.sequence, sequence, "sequences have no gaps");
        assert_eq!(entry.previous, previous, "entry {sequence} follows from its predecessor");
        assert_eq!(entry.hash, chain_hash(&previous, sequence, &entry.content), "hash of entry {sequence}");
        previous = entry.hash;
    }
}
