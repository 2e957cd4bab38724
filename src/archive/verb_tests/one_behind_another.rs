//! A group whose blobs are written while the group before it is entered.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::faulty::{Faults, Op};
use super::papers::*;
use super::world::{World, assert_whole};
use crate::storage::{Part, StorageError, StorageFault};
use crate::{Archive, ArchiveError, Filed};

const PATIENCE: Duration = Duration::from_secs(30);

/// How far the two groups are.
#[derive(Default)]
struct Progress {
    puts: u32,
    may_put: bool,
    appends: u32,
    has_failed: bool,
}

/// Holds the first group up where it puts its blobs until the second is waiting, and where it enters until the second
/// puts its own.
#[derive(Clone, Default)]
struct Meeting(Arc<(Mutex<Progress>, Condvar)>);

impl Meeting {
    /// Lets a write pass; the first of the sort that `fails` does not.
    fn pass(&self, op: Op, fails: Option<Op>) -> Result<(), StorageError> {
        match op {
            Op::PutBlobs => self.put(),
            Op::Append(_) => {
                let first = self.change(|p| {
                    p.appends += 1;
                    p.appends == 1
                });
                self.wait_while(|p| first && p.puts < 2);
            }
            _ => {}
        }
        if fails == Some(op) && !self.change(|p| std::mem::replace(&mut p.has_failed, true)) {
            return Err(StorageError::new(op.part(), StorageFault::DiskFull, "injected"));
        }
        Ok(())
    }

    fn put(&self) {
        let first = self.change(|p| {
            p.puts += 1;
            p.puts == 1
        });
        self.wait_while(|p| first && !p.may_put);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        let changed = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        changed
    }

    fn wait_while(&self, waits: impl Fn(&Progress) -> bool) {
        let progress = self.0.0.lock().unwrap();
        let waited = self.0.1.wait_timeout_while(progress, PATIENCE, |p| waits(p)).unwrap().1;
        assert!(!waited.timed_out(), "nobody came");
    }
}

fn ingest(archive: &Archive, number: u8) -> Result<Filed, ArchiveError> {
    archive.ingest(filing_of(shared_paper(number, &[resident(1)]), &[]), vec![picture(number)])
}

/// Files two papers for one person whom nobody knew, the second behind the first.
fn two_papers(world: &World, fails: Option<Op>) -> [Result<Filed, ArchiveError>; 2] {
    drop(world.open());
    let meeting = Meeting::default();
    let gate = meeting.clone();
    let archive = world.open_faulty(&Faults::gated(move |op| gate.pass(op, fails))).unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ingest(&archive, 1));
        meeting.wait_while(|p| p.puts == 0);
        let second = scope.spawn(|| ingest(&archive, 2));
        wait_for_callers(&archive, 2);
        meeting.change(|p| p.may_put = true);
        [first, second].map(|thread| thread.join().unwrap())
    })
}

fn wait_for_callers(archive: &Archive, count: usize) {
    let until = Instant::now() + PATIENCE;
    while archive.shared.writer.waiting() < count && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    // A caller counts itself a moment before it is in the queue.
    std::thread::sleep(Duration::from_millis(50));
}

fn assert_there(world: &World, numbers: &[u8]) {
    let archive = world.open();
    for number in numbers {
        let digest = yidang_model::Digest::of(&picture(*number));
        assert_eq!(archive.blob(material_id(*number), &digest).unwrap(), picture(*number));
    }
    assert_eq!(archive.stats().unwrap().materials, numbers.len() as u64);
    assert_whole(&archive, "after two groups at once");
}

#[test]
fn blobs_are_written_while_the_group_before_is_entered() {
    let world = World::new();
    let filed = two_papers(&world, None).map(Result::unwrap);
    assert_eq!(filed.map(|f| f.stored.sequence), [1, 2]);
    assert_there(&world, &[1, 2]);
}

#[test]
fn what_stands_behind_a_group_that_failed_is_planned_anew() {
    let world = World::new();
    let [first, second] = two_papers(&world, Some(Op::Append(None)));
    assert!(matches!(first, Err(ArchiveError::Storage(e)) if e.part == Part::Ledger));
    assert_eq!(second.unwrap().stored.sequence, 1, "the first has left no gap");
    assert_there(&world, &[2]);
}

#[test]
fn what_stands_behind_a_group_that_the_index_lacks_for_a_moment_is_filed() {
    let world = World::new();
    let filed = two_papers(&world, Some(Op::Apply(None))).map(Result::unwrap);
    assert_eq!(filed.map(|f| f.stored.sequence), [1, 2]);
    assert_there(&world, &[1, 2]);
}

#[test]
fn what_is_filed_behind_a_refiling_sees_it() {
    let world = World::new();
    drop(world.open());
    let meeting = Meeting::default();
    let gate = meeting.clone();
    let gated = move |op| {
        if op == Op::PutBlobs {
            gate.put();
        }
        Ok(())
    };
    meeting.change(|p| p.may_put = true);
    let archive = world.open_faulty(&Faults::gated(gated)).unwrap();
    let paper = shared_paper(1, &[resident(2)]);
    archive.ingest(filing_of(paper, &[]), vec![picture(1)]).unwrap();
    meeting.change(|p| *p = Progress::default());
    let filed = std::thread::scope(|scope| {
        let first = scope.spawn(|| ingest(&archive, 2));
        meeting.wait_while(|p| p.puts == 0);
        let to_another = crate::Refiling { holders: Some(vec![resident(1)]), ..refiling_of(1) };
        let refiled = scope.spawn(|| archive.refile(to_another));
        wait_for_callers(&archive, 2);
        let mut same = shared_paper(1, &[resident(1)]);
        same.id = material_id(3);
        let second = scope.spawn(|| archive.file(filing_of(same, &[])));
        wait_for_callers(&archive, 3);
        meeting.change(|p| p.may_put = true);
        first.join().unwrap().unwrap();
        refiled.join().unwrap().unwrap();
        second.join().unwrap()
    });
    assert!(filed.unwrap().duplicate, "it is the paper that was just put right");
    assert_whole(&archive, "after a refiling and the same paper at once");
}
