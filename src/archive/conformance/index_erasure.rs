//! The suite for indexes: forgetting.

use super::samples::{blob_name, capture_id, erasure_id, filed, material, material_id, sorted, staged, tag};
use crate::storage::{BlobName, ErasureState, Index, IndexChange};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Index>;

pub(super) fn run(open: Open<'_>) {
    an_erasure_goes_through_its_states(open);
    only_what_nothing_needs_is_doomed(open);
    a_forgotten_holder_is_taken_off(open);
    a_tombstone_stands_for_what_was_never_here(open);
    an_erasure_may_be_applied_again(open);
    a_blob_that_is_needed_again_is_spared(open);
    several_erasures_at_once_keep_apart(open);
}

fn an_erasure_goes_through_its_states(open: Open<'_>) {
    let index = open("states");
    index.apply_many(&[filed(&material(1, 1, &[1], &[1, 2]))], 1).unwrap();
    index.apply_many(&[requested(1, 2), requested(2, 3)], 3).unwrap();
    assert_eq!(index.erasure(erasure_id(1)).unwrap(), Some((ErasureState::Requested, 2, 0)));
    index.apply_many(&[IndexChange::ErasureRefused(erasure_id(2))], 4).unwrap();
    assert_eq!(index.erasure(erasure_id(2)).unwrap(), Some((ErasureState::Refused, 3, 0)));
    assert!(index.erasing().unwrap().is_empty());

    index.apply_many(&[erased(1, 5, &[1])], 5).unwrap();
    drop(index);
    let index = open("states");
    assert_eq!(index.erasure(erasure_id(1)).unwrap(), Some((ErasureState::Erasing, 2, 5)));
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[1, 2]))]);
    assert!(index.is_erased(material_id(1)).unwrap());
    assert_eq!(index.material(material_id(1)).unwrap(), None);
    assert!(index.materials_of(tag(1), u64::MAX, 10).unwrap().is_empty());
    assert_eq!(index.find_filing(material(1, 1, &[], &[]).filing, &[tag(1)]).unwrap(), None);
    assert!(index.blob_users(blob_name(1)).unwrap().is_empty());
    assert_eq!(index.counts().unwrap(), (0, 0));

    index.apply_many(&[IndexChange::ErasureDone(erasure_id(1))], 6).unwrap();
    assert_eq!(index.erasure(erasure_id(1)).unwrap(), Some((ErasureState::Done, 2, 5)));
    assert!(index.erasing().unwrap().is_empty());
    assert!(index.is_erased(material_id(1)).unwrap(), "a tombstone stays");
}

fn only_what_nothing_needs_is_doomed(open: Open<'_>) {
    let index = open("doomed");
    let changes = [
        // 1: only the two that go; 2: one that stays; 3: an unfiled set; 4: a set that was filed.
        filed(&material(1, 1, &[1], &[1, 2, 3])),
        filed(&material(2, 2, &[1], &[1, 4])),
        filed(&material(3, 3, &[2], &[2])),
        IndexChange::Staged(staged(4, 4, &[3])),
        IndexChange::Staged(staged(5, 5, &[4])),
        IndexChange::Filed { row: material(6, 6, &[2], &[]), staged: vec![capture_id(5)] },
        requested(1, 7),
        erased(1, 8, &[1, 2]),
    ];
    index.apply_many(&changes, 8).unwrap();
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[1, 4]))]);
    assert_eq!(index.material(material_id(3)).unwrap(), Some(material(3, 3, &[2], &[2])));
    assert_eq!(index.counts().unwrap(), (2, 2));
    // What was needed when the tombstone was set is no business of this erasure, even if it is not any more.
    index.apply_many(&[IndexChange::Discarded(capture_id(4))], 9).unwrap();
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[1, 4]))]);
}

fn a_forgotten_holder_is_taken_off(open: Open<'_>) {
    let index = open("holder");
    let mine = material(1, 1, &[1], &[1]);
    let shared = material(2, 2, &[1, 2, 3], &[2]);
    let theirs = material(3, 3, &[2], &[3]);
    index.apply_many(&[filed(&mine), filed(&shared), filed(&theirs), requested(1, 4)], 4).unwrap();
    let forget = IndexChange::Erased {
        id: erasure_id(1),
        sequence: 5,
        materials: vec![mine.id],
        relinked: Vec::new(),
        holder: Some(tag(1)),
    };
    index.apply_many(&[forget], 5).unwrap();
    assert_eq!(index.material(mine.id).unwrap(), None);
    assert_eq!(index.material(shared.id).unwrap(), Some(material(2, 2, &[2, 3], &[2])));
    assert!(!index.is_erased(shared.id).unwrap());
    let filing_of = |holders: &[crate::storage::Tag]| {
        index.find_filing(shared.filing, holders).unwrap().map(|row| row.id)
    };
    assert_eq!(filing_of(&shared.holders), None, "filed again for all of them, it is another filing");
    assert_eq!(filing_of(&[tag(2), tag(3)]), Some(shared.id));
    assert!(index.materials_of(tag(1), u64::MAX, 10).unwrap().is_empty());
    assert_eq!(index.materials_of(tag(2), u64::MAX, 10).unwrap().len(), 2);
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[1]))]);
    assert_eq!(index.tombstones(4, 9).unwrap(), [(erasure_id(1), 5)]);
    assert_eq!(index.tombstones(5, 9).unwrap(), []);
    let dump = index.dump().unwrap();
    assert!(!dump.lines.iter().any(|l| l.contains(&tag(1).to_hex())), "the forgotten holder's tag is left");
    // A rebuild finds the rows without the holder and does not know the tag.
    let rebuilt = open("holder rebuilt");
    let changes = [
        filed(&mine),
        filed(&material(2, 2, &[2, 3], &[2])),
        filed(&theirs),
        requested(1, 4),
        erased(1, 5, &[1]),
    ];
    rebuilt.apply_many(&changes, 5).unwrap();
    assert_eq!(rebuilt.dump().unwrap(), dump);
}

fn a_tombstone_stands_for_what_was_never_here(open: Open<'_>) {
    let index = open("never here");
    // Neither the material nor the request is known.
    index.apply_many(&[erased(1, 1, &[1])], 1).unwrap();
    assert!(index.is_erased(material_id(1)).unwrap());
    assert_eq!(index.erasure(erasure_id(1)).unwrap(), Some((ErasureState::Erasing, 0, 1)));
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), vec![])]);
    let late = IndexChange::Filed { row: material(1, 3, &[1], &[1]), staged: vec![capture_id(2)] };
    index.apply_many(&[IndexChange::Staged(staged(2, 2, &[1])), late], 3).unwrap();
    assert_eq!(index.material(material_id(1)).unwrap(), None, "nothing erased comes back");
    assert!(index.materials_of(tag(1), u64::MAX, 10).unwrap().is_empty());
    assert!(index.unfiled(0, 10).unwrap().is_empty());
    assert!(index.blob_users(blob_name(1)).unwrap().is_empty());
}

fn an_erasure_may_be_applied_again(open: Open<'_>) {
    let index = open("again");
    let rows = [material(1, 1, &[1], &[1]), material(2, 2, &[1, 2], &[2])];
    index.apply_many(&[filed(&rows[0]), filed(&rows[1]), requested(1, 3), erased(1, 4, &[1])], 4).unwrap();
    let before = index.dump().unwrap();
    index.apply_many(&[erased(1, 4, &[1])], 4).unwrap();
    assert_eq!(index.dump().unwrap(), before);
    // Resumed with the holder that a rebuild did not know.
    let resumed = IndexChange::Erased {
        id: erasure_id(1),
        sequence: 4,
        materials: vec![rows[0].id],
        relinked: Vec::new(),
        holder: Some(tag(1)),
    };
    index.apply_many(&[resumed], 4).unwrap();
    assert_eq!(index.material(rows[1].id).unwrap(), Some(material(2, 2, &[2], &[2])));
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[1]))]);
    index.apply_many(&[IndexChange::ErasureDone(erasure_id(1))], 5).unwrap();
    let done = index.dump().unwrap();
    index.apply_many(&[erased(1, 4, &[1])], 5).unwrap();
    assert_eq!(index.dump().unwrap(), done, "an erasure that is done stays so");
}

fn a_blob_that_is_needed_again_is_spared(open: Open<'_>) {
    let index = open("spared");
    let changes = [filed(&material(1, 1, &[1], &[1, 2, 3])), requested(1, 2), erased(1, 3, &[1])];
    index.apply_many(&changes, 3).unwrap();
    let again = [IndexChange::Staged(staged(4, 4, &[1])), filed(&material(5, 5, &[2], &[2]))];
    index.apply_many(&again, 5).unwrap();
    assert_eq!(index.erasing().unwrap(), [(erasure_id(1), names(&[3]))]);
}

fn several_erasures_at_once_keep_apart(open: Open<'_>) {
    let index = open("several");
    index.apply_many(&(1..=3).map(|n| filed(&material(n, n, &[n], &[n, 9]))).collect::<Vec<_>>(), 3).unwrap();
    for n in 1..=3 {
        index.apply_many(&[requested(n, 2 * n + 2), erased(n, 2 * n + 3, &[n])], 2 * n + 3).unwrap();
    }
    // The shared blob goes with the last that needed it.
    let doomed = |n: u64| if n == 3 { names(&[3, 9]) } else { names(&[n]) };
    let expected = sorted((1..=3).map(|n| (erasure_id(n), doomed(n))));
    assert_eq!(sorted(index.erasing().unwrap().into_iter()), expected);
    index.apply_many(&[IndexChange::ErasureDone(erasure_id(2))], 10).unwrap();
    let left = sorted([1, 3].into_iter().map(|n| (erasure_id(n), doomed(n))));
    assert_eq!(sorted(index.erasing().unwrap().into_iter()), left);
}

fn requested(number: u64, sequence: u64) -> IndexChange {
    IndexChange::ErasureRequested { id: erasure_id(number), sequence }
}

fn erased(number: u64, sequence: u64, materials: &[u64]) -> IndexChange {
    let materials = materials.iter().map(|m| material_id(*m)).collect();
    IndexChange::Erased { id: erasure_id(number), sequence, materials, relinked: Vec::new(), holder: None }
}

fn names(numbers: &[u64]) -> Vec<BlobName> {
    sorted(numbers.iter().map(|n| blob_name(*n)))
}
