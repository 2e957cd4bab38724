//! Filing with the pictures in hand.

use yidang_model::Digest;

use super::papers::*;
use super::scrubbing::{flip, name_of};
use super::world::{World, assert_whole, file_paper};
use crate::storage::Verb;
use crate::{ArchiveError, Filing};

fn paper(number: u8) -> Filing {
    filing_of(shared_paper(number, &[resident(1)]), &[])
}

#[test]
fn one_entry_takes_in_and_files() {
    let world = World::new();
    let archive = world.open();
    let filed = archive.ingest(paper(1), vec![picture(1)]).unwrap();
    assert!(!filed.duplicate && filed.stored.sequence == 1);
    let entries = archive.shared.stores.ledger.after(0, 9).unwrap();
    assert_eq!(entries.iter().map(|e| e.content.verb).collect::<Vec<_>>(), [Verb::Filed]);
    drop(archive);
    let archive = world.open();
    assert_eq!(archive.material(material_id(1)).unwrap(), Some(filed.stored));
    assert_eq!(archive.blob(material_id(1), &Digest::of(&picture(1))).unwrap(), picture(1));
    assert_whole(&archive, "after a filing in one step");
}

#[test]
fn bytes_that_are_there_are_shared_and_bytes_that_got_lost_come_back() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(2)]).unwrap();
    let mut second = shared_paper(1, &[resident(1)]);
    second.id = material_id(2);
    archive.ingest(filing_of(second.clone(), &[]), vec![picture(1)]).unwrap();
    assert_eq!(archive.stats().unwrap().blobs, 1);
    let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
    archive.shared.stores.blobs.delete_many(&[name]).unwrap();
    let mut third = second;
    (third.id, third.case) = (material_id(3), Some("case-2".to_owned()));
    archive.ingest(filing_of(third, &[]), vec![picture(1)]).unwrap();
    for number in 1..=3 {
        assert_eq!(archive.blob(material_id(number), &Digest::of(&picture(1))).unwrap(), picture(1));
    }
    assert_whole(&archive, "after bytes were shared");
}

#[test]
fn what_is_on_file_is_recognised_and_leaves_nothing_behind() {
    let world = World::new();
    let archive = world.open();
    let first = archive.ingest(paper(1), vec![picture(1)]).unwrap();
    let again = archive.ingest(paper(1), vec![picture(1)]).unwrap();
    assert!(again.duplicate && again.stored == first.stored);
    let repeated = Filing { idempotency: idempotency(1, 1), ..paper(2) };
    archive.ingest(repeated.clone(), vec![picture(2)]).unwrap();
    assert!(archive.ingest(repeated, vec![picture(2)]).unwrap().replayed);
    assert_eq!((archive.head().unwrap(), archive.stats().unwrap().blobs), (2, 2));
    assert_whole(&archive, "after repeats");
}

#[test]
fn what_is_on_file_and_broken_is_made_whole_before_it_is_recognised() {
    let world = World::new();
    let archive = world.open();
    for number in 1..=3 {
        archive.ingest(paper(number), vec![picture(number)]).unwrap();
    }
    let repeated = Filing { idempotency: idempotency(1, 1), ..paper(4) };
    archive.ingest(repeated.clone(), vec![picture(4)]).unwrap();
    // In its place, moved aside, and gone.
    for number in [1, 2, 4] {
        flip(&archive, number);
    }
    archive.set_aside(name_of(&archive, 2)).unwrap();
    archive.shared.stores.blobs.delete_many(&[name_of(&archive, 3)]).unwrap();
    for number in 1..=3 {
        assert!(archive.ingest(paper(number), vec![picture(number)]).unwrap().duplicate);
    }
    assert!(archive.ingest(repeated, vec![picture(4)]).unwrap().replayed);
    drop(archive);
    let archive = world.open();
    for number in 1..=4 {
        assert_eq!(
            archive.blob(material_id(number), &Digest::of(&picture(number))).unwrap(),
            picture(number)
        );
    }
    assert!(archive.quarantined().is_empty());
    let verbs: Vec<_> = archive.shared.stores.ledger.after(4, 99).unwrap();
    let repaired = verbs.iter().filter(|entry| entry.content.verb == Verb::Repaired).count();
    assert_eq!((verbs.len(), repaired), (7, 4), "three were moved aside, four made whole");
    assert_whole(&archive, "after what was broken came again");
}

#[test]
fn what_does_not_belong_is_refused() {
    let world = World::new();
    let archive = world.open();
    let refused = |filing, blobs| archive.ingest(filing, blobs).unwrap_err();
    assert!(matches!(refused(paper(1), vec![picture(1), picture(2)]), ArchiveError::Invalid(_)));
    assert!(matches!(refused(paper(1), vec![picture(1); 65]), ArchiveError::Invalid(_)));
    assert!(matches!(refused(paper(1), Vec::new()), ArchiveError::BlobUnknown { .. }));
    assert_eq!(archive.head().unwrap(), 0);
}

#[test]
fn those_that_come_together_are_all_there() {
    let world = World::new();
    let archive = world.open();
    std::thread::scope(|scope| {
        for number in 1..=8 {
            let archive = &archive;
            scope.spawn(move || {
                for paper in [number, number + 100] {
                    let filing = filing_of(shared_paper(paper, &[resident(u16::from(number))]), &[]);
                    archive.ingest(filing, vec![picture(paper)]).unwrap();
                }
            });
        }
    });
    assert_eq!(archive.stats().unwrap().materials, 16);
    assert_whole(&archive, "after filings side by side");
}
