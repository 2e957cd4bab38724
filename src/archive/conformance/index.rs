//! The suite for indexes: materials, staged sets, and the index as a whole. Erasure has a file of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use yidang_model::HoldId;

use super::samples::{
    blob_name, capture_id, erasure_id, filed, instant, material, material_id, sorted, staged, tag,
};
use crate::storage::{
    AwaitedOriginals, BlobName, DisposedOriginals, HoldDoubt, Index, IndexChange, IndexDump, LeftOut,
    MaterialRow, RebuiltLine, StagedRow, StagedState,
};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Index>;

pub(super) fn run(open: Open<'_>) {
    an_empty_index_finds_nothing(open);
    a_history_is_read_newest_first(open);
    the_earliest_filing_is_found(open);
    a_material_lets_its_originals_go(open);
    originals_that_are_to_go_wait_until_they_do(open);
    what_was_left_out_is_told(open);
    a_refiled_material_is_where_it_belongs(open);
    it_is_known_what_takes_a_materials_place(open);
    a_set_is_staged_then_filed_or_thrown_away(open);
    unfiled_sets_are_listed_in_order(open);
    only_what_waits_expires(open);
    blobs_know_who_needs_them(open);
    every_needed_blob_is_visited_once(open);
    a_batch_is_applied_whole_or_not_at_all(open);
    what_is_applied_never_goes_back(open);
    the_dump_shows_the_truth_alone(open);
    clearing_makes_it_new(open);
    readers_see_whole_batches(open);
}

fn an_empty_index_finds_nothing(open: Open<'_>) {
    let index = open("empty");
    assert_eq!(index.applied().unwrap(), 0);
    assert_eq!(index.material(material_id(1)).unwrap(), None);
    assert!(!index.is_erased(material_id(1)).unwrap());
    assert!(index.materials_of(tag(1), u64::MAX, 10).unwrap().is_empty());
    assert_eq!(index.find_filing(tag(1), &[tag(1)]).unwrap(), None);
    assert!(index.blob_users(blob_name(1)).unwrap().is_empty());
    assert_eq!(index.staged(capture_id(1)).unwrap(), None);
    assert!(index.unfiled(0, 10).unwrap().is_empty());
    assert!(index.expired(instant(i64::from(u32::MAX)), 10).unwrap().is_empty());
    assert_eq!(index.erasure(erasure_id(1)).unwrap(), None);
    assert!(index.erasing().unwrap().is_empty());
    assert_eq!(index.counts().unwrap(), (0, 0));
    assert!(visited(index.as_ref()).is_empty());
    index.apply_many(&[], 0).unwrap();
    index.scrub().unwrap();
}

fn a_history_is_read_newest_first(open: Open<'_>) {
    let rows: Vec<MaterialRow> =
        (1..=30).map(|n| material(n, n, if n % 3 == 0 { &[1, 2] } else { &[1] }, &[n, n + 1])).collect();
    let index = open("history");
    index.apply_many(&rows.iter().map(filed).collect::<Vec<_>>(), 30).unwrap();
    drop(index);
    let index = open("history");
    assert_eq!(index.applied().unwrap(), 30);
    for row in &rows {
        assert_eq!(index.material(row.id).unwrap().as_ref(), Some(row));
    }
    let sequences = |holder, before, limit| -> Vec<u64> {
        index.materials_of(tag(holder), before, limit).unwrap().iter().map(|m| m.sequence).collect()
    };
    assert_eq!(sequences(1, u64::MAX, 4), [30, 29, 28, 27]);
    assert_eq!(sequences(1, 27, 2), [26, 25]);
    assert_eq!(sequences(2, u64::MAX, usize::MAX), [30, 27, 24, 21, 18, 15, 12, 9, 6, 3]);
    assert_eq!(sequences(2, 4, 10), [3]);
    assert_eq!(sequences(2, 3, 10), Vec::<u64>::new());
    assert_eq!(sequences(1, u64::MAX, 0), Vec::<u64>::new());
    assert_eq!(index.materials_of(tag(2), 10, 1).unwrap(), rows[8..9]);
    assert_eq!(index.counts().unwrap(), (30, 31));
}

fn it_is_known_what_takes_a_materials_place(open: Open<'_>) {
    let index = open("superseding");
    let newer = |number, sequence| MaterialRow {
        supersedes: Some(material_id(1)),
        ..material(number, sequence, &[1], &[2])
    };
    // The newer ones may come first: what they take the place of may be elsewhere.
    index.apply_many(&[filed(&newer(3, 3)), filed(&newer(2, 2))], 3).unwrap();
    index.apply_many(&[filed(&material(1, 4, &[1], &[1]))], 4).unwrap();
    drop(index);
    let index = open("superseding");
    assert_eq!(index.superseding(material_id(1)).unwrap(), [newer(2, 2), newer(3, 3)]);
    assert_eq!(index.superseding(material_id(2)).unwrap(), Vec::<MaterialRow>::new());
    assert_eq!(index.material(material_id(3)).unwrap(), Some(newer(3, 3)));
    let (id, materials) = (erasure_id(1), vec![material_id(2)]);
    index
        .apply_many(
            &[IndexChange::Erased { id, sequence: 5, materials, relinked: Vec::new(), holder: None }],
            5,
        )
        .unwrap();
    let moved = MaterialRow { supersedes: None, ..newer(3, 6) };
    index.apply_many(&[IndexChange::Refiled { id: moved.id, row: Some(moved) }], 6).unwrap();
    assert_eq!(index.superseding(material_id(1)).unwrap(), Vec::<MaterialRow>::new());
}

fn a_material_lets_its_originals_go(open: Open<'_>) {
    let index = open("originals");
    let [first, other] = [material(1, 1, &[1], &[1, 2]), material(2, 2, &[1], &[2])];
    index.apply_many(&[filed(&first), filed(&other)], 2).unwrap();
    let gone = |sequence| {
        let names = vec![blob_name(2)];
        IndexChange::OriginalsDisposed(vec![DisposedOriginals { material: first.id, sequence, names }])
    };
    // Of a row that is not there any more.
    index.apply_many(&[gone(2)], 3).unwrap();
    assert_eq!(index.material(first.id).unwrap().as_ref(), Some(&first));
    index.apply_many(&[gone(1), gone(1)], 4).unwrap();
    drop(index);
    let index = open("originals");
    let left = MaterialRow { originals_disposed: true, ..material(1, 1, &[1], &[1]) };
    assert_eq!(index.material(first.id).unwrap().as_ref(), Some(&left));
    assert_eq!(index.materials_of(tag(1), u64::MAX, 9).unwrap(), [other, left.clone()]);
    assert_eq!(index.blob_users(blob_name(2)).unwrap(), [2]);
    let moved = MaterialRow { sequence: 5, ..left };
    index.apply_many(&[IndexChange::Refiled { id: moved.id, row: Some(moved.clone()) }], 5).unwrap();
    assert_eq!(index.material(first.id).unwrap(), Some(moved));
}

fn originals_that_are_to_go_wait_until_they_do(open: Open<'_>) {
    let index = open("awaited");
    let papers: Vec<IndexChange> = (1..=4).map(|n| filed(&material(n, n, &[1], &[n]))).collect();
    index.apply_many(&papers, 4).unwrap();
    let awaited = |n, sequence, decided| AwaitedOriginals { material: material_id(n), sequence, decided };
    let asked = |n, sequence| IndexChange::OriginalsAwaited(vec![awaited(n, sequence, false)]);
    index.apply_many(&[asked(1, 5), asked(2, 6), asked(3, 7)], 7).unwrap();
    let decided = IndexChange::OriginalsAwaited(vec![awaited(2, 8, true), awaited(4, 8, true)]);
    index.apply_many(&[decided, asked(1, 9), asked(2, 10)], 10).unwrap();
    drop(index);
    let index = open("awaited");
    let by_name = |mut awaited: Vec<AwaitedOriginals>| {
        awaited.sort_unstable_by_key(|one| one.material);
        awaited
    };
    let [one, two, three, four] =
        [awaited(1, 9, false), awaited(2, 8, true), awaited(3, 7, false), awaited(4, 8, true)];
    assert_eq!(index.awaited_originals().unwrap(), by_name(vec![one, two, three, four]));
    assert_eq!(index.awaits_originals(material_id(2)).unwrap(), Some(two));
    // A refusal that comes late ends nothing that was decided since, nor what was decided anew.
    let kept = |n, deferral| IndexChange::OriginalsKept { material: material_id(n), deferral };
    index.apply_many(&[kept(1, None), kept(2, None), kept(4, Some(7))], 11).unwrap();
    assert_eq!(index.awaited_originals().unwrap(), by_name(vec![two, three, four]));
    let five = awaited(1, 12, true);
    let anew = IndexChange::OriginalsAwaited(vec![awaited(1, 11, true), five]);
    index.apply_many(&[anew], 12).unwrap();
    assert_eq!(index.awaited_originals().unwrap(), by_name(vec![five, two, three, four]));
    index.apply_many(&[kept(1, Some(12))], 12).unwrap();
    assert_eq!(index.awaited_originals().unwrap(), by_name(vec![two, three, four]));
    let gone = DisposedOriginals { material: material_id(2), sequence: 2, names: Vec::new() };
    let erased = IndexChange::Erased {
        id: erasure_id(1),
        sequence: 13,
        materials: vec![material_id(3)],
        relinked: Vec::new(),
        holder: None,
    };
    index.apply_many(&[IndexChange::OriginalsDisposed(vec![gone]), erased], 13).unwrap();
    assert_eq!(index.awaited_originals().unwrap(), [four]);
    index.clear().unwrap();
    assert_eq!(index.awaited_originals().unwrap(), []);
}

fn what_was_left_out_is_told(open: Open<'_>) {
    let index = open("left out");
    let left_out = |since| LeftOut { since, ..LeftOut::default() };
    assert_eq!(index.left_out().unwrap(), left_out(0));
    let unreadable =
        |n, sequence| IndexChange::Unreadable { id: material_id(n), sequence, staged: Vec::new() };
    let changes = [
        IndexChange::LeftOut { sequence: 1, last: 1 },
        IndexChange::LeftOut { sequence: 3, last: 6 },
        unreadable(1, 7),
        unreadable(2, 8),
        filed(&material(3, 9, &[1], &[1])),
        unreadable(3, 10),
        IndexChange::Staged(staged(4, 11, &[])),
    ];
    index.apply_many(&changes, 11).unwrap();
    assert_eq!(index.left_out().unwrap(), left_out(9));
    assert_eq!(index.left_out_places(0, 3).unwrap(), [(1, 1), (3, 6), (7, 7)]);
    assert_eq!(index.left_out_places(7, 9).unwrap(), [(8, 8), (10, 10)]);
    assert_eq!(index.material(material_id(3)).unwrap(), None, "it stands by what cannot be read");
    // What is erased, put right or thrown away since needs nothing any more.
    let erased = IndexChange::Erased {
        id: erasure_id(1),
        sequence: 12,
        materials: vec![material_id(1)],
        relinked: Vec::new(),
        holder: None,
    };
    let refiled = IndexChange::Refiled { id: material_id(2), row: Some(material(2, 13, &[1], &[2])) };
    index
        .apply_many(&[erased, refiled, IndexChange::Discarded(capture_id(4)), unreadable(1, 14)], 14)
        .unwrap();
    assert_eq!(index.left_out().unwrap(), left_out(6), "nor what was erased before");
    let line = RebuiltLine { sequence: 15, stored_until: instant(9) };
    index
        .apply_many(
            &[
                IndexChange::Rebuilt { line: Some(line), is_lossy: true, lost: Vec::new() },
                IndexChange::LeftOut { sequence: 16, last: 17 },
            ],
            17,
        )
        .unwrap();
    assert_eq!(index.hold_doubt().unwrap(), HoldDoubt { stands: true, confirmed: Vec::new() });
    drop(index);
    let index = open("left out");
    assert_eq!(index.left_out().unwrap(), LeftOut { before: 6, since: 2, line: Some(line) });
    index.apply_many(&[10, 8].map(|at| IndexChange::StoredAgain(instant(at))), 18).unwrap();
    let line = RebuiltLine { stored_until: instant(10), ..line };
    assert_eq!(index.left_out().unwrap(), LeftOut { before: 6, since: 2, line: Some(line) });
    let confirmed = vec![(2, 4), (16, 17)];
    let unreadable = IndexChange::HoldUnreadable { id: HoldId::from_bytes([9; 16]), sequence: 19 };
    index.apply_many(&[IndexChange::HoldsConfirmed(confirmed.clone()), unreadable], 19).unwrap();
    assert_eq!(index.hold_doubt().unwrap(), HoldDoubt { stands: false, confirmed: confirmed.clone() });
    assert_eq!(index.left_out().unwrap().since, 3, "whom it holds nobody knows");
    let found = IndexChange::Rebuilt { line: None, is_lossy: false, lost: vec![(16, 18)] };
    index.apply_many(&[found], 19).unwrap();
    assert_eq!(index.hold_doubt().unwrap().confirmed, [(16, 17)], "the other place is whole again");
    let lifted = IndexChange::HoldLifted(HoldId::from_bytes([9; 16]));
    index.apply_many(&[lifted, IndexChange::HoldsDoubted], 20).unwrap();
    assert_eq!((index.left_out().unwrap().since, index.hold_doubt().unwrap().stands), (2, true));
    index.clear().unwrap();
    assert_eq!((index.left_out().unwrap(), index.left_out_places(0, 9).unwrap()), (left_out(0), Vec::new()));
}

fn a_refiled_material_is_where_it_belongs(open: Open<'_>) {
    let index = open("refiled");
    let [first, other] = [material(1, 1, &[1], &[1, 2]), material(2, 2, &[1], &[2])];
    index.apply_many(&[filed(&first), filed(&other)], 2).unwrap();
    let moved = MaterialRow { filing: tag(77), ..material(1, 3, &[2, 3], &[1, 2]) };
    let refiled = |row: Option<&MaterialRow>| IndexChange::Refiled { id: first.id, row: row.cloned() };
    index.apply_many(&[refiled(Some(&moved))], 3).unwrap();
    assert_eq!(index.material(first.id).unwrap().as_ref(), Some(&moved));
    assert_eq!(index.materials_of(tag(1), u64::MAX, 9).unwrap(), std::slice::from_ref(&other));
    assert_eq!(index.materials_of(tag(3), u64::MAX, 9).unwrap(), std::slice::from_ref(&moved));
    assert_eq!(index.find_filing(first.filing, &[tag(1)]).unwrap(), None);
    assert_eq!(index.find_filing(tag(77), &[tag(2), tag(3)]).unwrap(), Some(moved));
    assert_eq!(index.blob_users(blob_name(2)).unwrap(), [2, 3]);
    assert_eq!(index.counts().unwrap(), (2, 2));
    index.apply_many(&[refiled(None)], 4).unwrap();
    assert_eq!(index.material(first.id).unwrap(), None);
    assert!(index.blob_users(blob_name(1)).unwrap().is_empty());
    // A rebuild meets it after its holders were forgotten, and the tombstone in the end.
    let gone = material(1, 5, &[2], &[1]);
    let id = erasure_id(1);
    let erased = IndexChange::Erased {
        id,
        sequence: 5,
        materials: vec![first.id],
        relinked: Vec::new(),
        holder: None,
    };
    index.apply_many(&[erased, refiled(Some(&gone))], 6).unwrap();
    assert_eq!(index.material(first.id).unwrap(), None, "nothing erased comes back");
}

fn the_earliest_filing_is_found(open: Open<'_>) {
    let index = open("filing");
    let mut rows: Vec<MaterialRow> = [5, 3, 9].map(|n| material(n, n, &[1], &[n])).to_vec();
    for row in &mut rows {
        row.filing = tag(500);
    }
    index.apply_many(&rows.iter().map(filed).collect::<Vec<_>>(), 9).unwrap();
    assert_eq!(index.find_filing(tag(500), &[tag(1)]).unwrap().as_ref(), Some(&rows[1]));
    assert_eq!(index.find_filing(tag(501), &[tag(1)]).unwrap(), None);
    assert_eq!(index.find_filing(tag(500), &[tag(1), tag(2)]).unwrap(), None);
}

fn a_set_is_staged_then_filed_or_thrown_away(open: Open<'_>) {
    let index = open("staged");
    let sets: Vec<StagedRow> = (1..=4).map(|n| staged(n, n, &[n, 10])).collect();
    // Whatever the order in which blobs are put in, and however often.
    let mut jumbled = sets[0].clone();
    jumbled.blobs = vec![sets[0].blobs[1], sets[0].blobs[0], sets[0].blobs[1]];
    let mut changes = vec![IndexChange::Staged(jumbled)];
    changes.extend(sets[1..].iter().cloned().map(IndexChange::Staged));
    index.apply_many(&changes, 4).unwrap();
    for set in &sets {
        assert_eq!(index.staged(set.id).unwrap().as_ref(), Some(set));
    }
    let row = material(7, 5, &[1], &[1, 2]);
    let used = IndexChange::Filed { row: row.clone(), staged: vec![sets[0].id, sets[1].id] };
    let unreadable = IndexChange::UsedUp { id: material_id(8), staged: vec![sets[2].id] };
    index.apply_many(&[used, unreadable, IndexChange::Discarded(sets[3].id)], 7).unwrap();
    drop(index);
    let index = open("staged");
    let states = [
        StagedState::Filed(row.id),
        StagedState::Filed(row.id),
        StagedState::Filed(material_id(8)),
        StagedState::Discarded,
    ];
    for (set, state) in sets.iter().zip(states) {
        let expected = StagedRow { state, blobs: Vec::new(), ..set.clone() };
        assert_eq!(index.staged(set.id).unwrap(), Some(expected));
    }
    assert_eq!(index.material(row.id).unwrap(), Some(row));
    assert_eq!(index.material(material_id(8)).unwrap(), None);
    // Blobs the material does not need are needed by nothing now.
    assert_eq!(visited(index.as_ref()), sorted([1, 2].map(blob_name).into_iter()));
    // What has been settled stays so.
    let again = [IndexChange::Discarded(sets[0].id), IndexChange::Discarded(capture_id(99))];
    index.apply_many(&again, 8).unwrap();
    assert_eq!(index.staged(sets[0].id).unwrap().unwrap().state, states[0]);
}

fn unfiled_sets_are_listed_in_order(open: Open<'_>) {
    let index = open("unfiled");
    let order = [4, 2, 9, 7, 1, 3];
    let changes: Vec<_> = order.map(|n| IndexChange::Staged(staged(n, n, &[n]))).to_vec();
    index.apply_many(&changes, 9).unwrap();
    index.apply_many(&[IndexChange::Discarded(capture_id(3))], 10).unwrap();
    let listed = |after, limit| -> Vec<u64> {
        index.unfiled(after, limit).unwrap().iter().map(|s| s.sequence).collect()
    };
    assert_eq!(listed(0, usize::MAX), [1, 2, 4, 7, 9]);
    assert_eq!(listed(1, 2), [2, 4]);
    assert_eq!(listed(7, 5), [9]);
    assert_eq!(listed(9, 5), Vec::<u64>::new());
    assert_eq!(index.unfiled(8, 1).unwrap(), [staged(9, 9, &[9])]);
}

fn only_what_waits_expires(open: Open<'_>) {
    let index = open("expired");
    let set = |n: u64, millis| StagedRow { expires_at: instant(millis), ..staged(n, n, &[n]) };
    let sets = [set(1, 300), set(2, 100), set(3, 200), set(4, 100)];
    index.apply_many(&sets.clone().map(IndexChange::Staged), 4).unwrap();
    index.apply_many(&[IndexChange::Discarded(sets[3].id)], 5).unwrap();
    let expired = |millis, limit| -> Vec<u64> {
        index.expired(instant(millis), limit).unwrap().iter().map(|s| s.sequence).collect()
    };
    assert_eq!(expired(99, 10), Vec::<u64>::new());
    assert_eq!(expired(100, 10), [2]);
    assert_eq!(expired(1000, 10), [2, 3, 1]);
    assert_eq!(expired(1000, 2), [2, 3]);
}

fn blobs_know_who_needs_them(open: Open<'_>) {
    let index = open("users");
    let changes = [
        IndexChange::Staged(staged(1, 1, &[1, 2])),
        filed(&material(2, 2, &[1], &[2, 3])),
        IndexChange::Staged(staged(3, 3, &[2])),
    ];
    index.apply_many(&changes, 3).unwrap();
    let users = |n| sorted(index.blob_users(blob_name(n)).unwrap().into_iter());
    assert_eq!([users(1), users(2), users(3), users(4)], [vec![1], vec![1, 2, 3], vec![2], vec![]]);
    assert_eq!(index.counts().unwrap(), (1, 3));
    let used = IndexChange::Filed { row: material(4, 4, &[2], &[2]), staged: vec![capture_id(1)] };
    index.apply_many(&[used], 4).unwrap();
    assert_eq!([users(1), users(2)], [vec![], vec![2, 3, 4]]);
    assert_eq!(index.counts().unwrap(), (2, 2));
}

fn every_needed_blob_is_visited_once(open: Open<'_>) {
    const BLOBS: u64 = 10_000;
    let index = open("visited");
    let blobs: Vec<u64> = (0..BLOBS).collect();
    let mut changes: Vec<IndexChange> = (1..)
        .zip(blobs.chunks(100))
        .map(|(n, blobs)| match n % 2 {
            0 => filed(&material(n, n, &[1], blobs)),
            _ => IndexChange::Staged(staged(n, n, blobs)),
        })
        .collect();
    changes.push(filed(&material(1000, 1000, &[2], &blobs[..5000])));
    index.apply_many(&changes, 1000).unwrap();
    assert_eq!(visited(index.as_ref()), sorted(blobs.iter().map(|n| blob_name(*n))));
    let mut count = 0;
    let mut half = |name| {
        count += 1;
        assert!(!index.blob_users(name).unwrap().is_empty(), "the index can be asked during a visit");
        count < BLOBS / 2
    };
    index.visit_blobs(&mut half).unwrap();
    assert_eq!(count, BLOBS / 2, "a visit stops when it is told to");
}

fn a_batch_is_applied_whole_or_not_at_all(open: Open<'_>) {
    let index = open("whole");
    let first = material(1, 1, &[1], &[1]);
    index.apply_many(&[filed(&first)], 1).unwrap();
    let before = index.dump().unwrap();
    // The same identifier with another sequence cannot be.
    let clash = material(1, 3, &[2], &[2]);
    index.apply_many(&[filed(&material(2, 2, &[1], &[2])), filed(&clash)], 3).unwrap_err();
    assert_eq!(index.dump().unwrap(), before);
    assert_eq!(index.applied().unwrap(), 1);
}

fn what_is_applied_never_goes_back(open: Open<'_>) {
    let index = open("forward");
    index.apply_many(&[], 10).unwrap();
    index.apply_many(&[filed(&material(1, 9, &[1], &[1]))], 9).unwrap_err();
    index.apply_many(&[filed(&material(2, 10, &[1], &[1]))], 10).unwrap();
    assert_eq!(index.applied().unwrap(), 10);
    assert_eq!(index.material(material_id(1)).unwrap(), None);
}

fn the_dump_shows_the_truth_alone(open: Open<'_>) {
    let changes = [
        IndexChange::Staged(staged(1, 1, &[1, 2])),
        filed(&material(2, 2, &[1, 2], &[2, 3])),
        filed(&material(3, 3, &[2], &[4])),
        IndexChange::ErasureRequested { id: erasure_id(1), sequence: 4 },
        IndexChange::Erased {
            id: erasure_id(1),
            sequence: 5,
            materials: vec![material_id(3)],
            relinked: Vec::new(),
            holder: None,
        },
    ];
    let at_once = open("dump at once");
    at_once.apply_many(&changes, 5).unwrap();
    let one_by_one = open("dump one by one");
    for (change, sequence) in changes.iter().zip(1..) {
        one_by_one.apply_many(std::slice::from_ref(change), sequence).unwrap();
    }
    let other_order = open("dump other order");
    let reordered = [3, 2, 4, 1, 0].map(|n: usize| changes[n].clone());
    other_order.apply_many(&reordered, 5).unwrap();
    let dump = at_once.dump().unwrap();
    assert!(dump.lines.len() >= 10 && dump.lines.is_sorted());
    assert_eq!(one_by_one.dump().unwrap(), dump);
    assert_eq!(other_order.dump().unwrap(), dump);
    // Every change shows.
    let mut before = IndexDump::default();
    let growing = open("dump growing");
    for (change, sequence) in changes.iter().zip(1..) {
        growing.apply_many(std::slice::from_ref(change), sequence).unwrap();
        let after = growing.dump().unwrap();
        assert_ne!(after, before);
        before = after;
    }
}

fn clearing_makes_it_new(open: Open<'_>) {
    let index = open("cleared");
    let fresh = index.dump().unwrap();
    let changes = [
        IndexChange::Staged(staged(1, 1, &[1, 2])),
        filed(&material(2, 2, &[1, 2], &[2, 3])),
        IndexChange::ErasureRequested { id: erasure_id(1), sequence: 3 },
        IndexChange::Erased {
            id: erasure_id(1),
            sequence: 4,
            materials: vec![material_id(2)],
            relinked: Vec::new(),
            holder: None,
        },
    ];
    index.apply_many(&changes, 4).unwrap();
    let full = index.dump().unwrap();
    index.clear().unwrap();
    assert_eq!(index.applied().unwrap(), 0);
    assert_eq!(index.dump().unwrap(), fresh);
    index.scrub().unwrap();
    index.apply_many(&changes, 4).unwrap();
    assert_eq!(index.dump().unwrap(), full);
    index.clear().unwrap();
    drop(index);
    assert_eq!(open("cleared").dump().unwrap(), fresh);
}

fn readers_see_whole_batches(open: Open<'_>) {
    let index = open("readers");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let applied = index.applied().unwrap();
                    let mine = index.materials_of(tag(1), u64::MAX, usize::MAX).unwrap();
                    assert!(mine.len().is_multiple_of(2), "half a batch was read");
                    assert!(mine.len() as u64 >= applied);
                    assert!(mine.iter().all(|m| m.holders.len() == 2 && m.blobs.len() == 3));
                }
            });
        }
        for n in (1..80).step_by(2) {
            let pair = [n, n + 1].map(|n| filed(&material(n, n, &[1, 2], &[n, n + 1, n + 2])));
            index.apply_many(&pair, n + 1).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn visited(index: &dyn Index) -> Vec<BlobName> {
    let mut names = Vec::new();
    let mut visit = |name| {
        names.push(name);
        true
    };
    index.visit_blobs(&mut visit).unwrap();
    assert!(names.is_sorted_by(|a, b| a < b), "names come sorted, each once");
    names
}
