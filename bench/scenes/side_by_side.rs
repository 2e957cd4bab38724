//! Work on scenes that does not wait for each other.

use std::io;
use std::ops::Range;

/// Does the work for each seed, on so many threads, at least one; what came of it is not in the order of the seeds.
pub(crate) fn side_by_side<T: Send>(
    seeds: Range<u64>,
    threads: usize,
    work: impl Fn(u64) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let (threads, work) = (threads.max(1), &work);
    let parts: Vec<io::Result<Vec<T>>> = std::thread::scope(|scope| {
        let part = |first: usize| {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.map(work).collect())
        };
        let started: Vec<_> = (0..threads).map(part).collect();
        let ended = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.map(|part| part.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))).collect()
    });
    let mut all = Vec::new();
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}
