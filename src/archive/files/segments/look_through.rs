//! What is found when a store is opened.

use std::io;
use std::sync::atomic::Ordering;

use super::segment::{Segment, numbers_in};
use super::{BlobSegments, Tail, UNENTERED, io_error};
use crate::sqlite::{Place, Reached};
use crate::storage::StorageError;

impl BlobSegments {
    /// Finds the blobs whose places were not entered, and the end of the last segment.
    pub(super) fn look_through(&self) -> Result<(), StorageError> {
        let reached = self.places.reached()?;
        let numbers = numbers_in(&self.folder).map_err(|e| io_error(&e))?;
        let mut tail = self.lock_tail();
        tail.number = numbers.last().copied().unwrap_or(0).max(reached.segment);
        for number in numbers.iter().copied().filter(|number| *number >= reached.segment) {
            let is_last = Some(&number) == numbers.last();
            let from = if number == reached.segment { reached.offset } else { 0 };
            let segment = self.segment(number)?.ok_or_else(|| io_error(&io::ErrorKind::NotFound.into()))?;
            let length = segment.len().map_err(|e| io_error(&e))?;
            if length < from {
                // It has lost its end since. Nothing is written where something else is known to have been.
                continue;
            }
            let end = self.look_through_one(&segment, (from, length), is_last)?;
            if is_last {
                (tail.segment, tail.end) = (Some(segment), end);
                self.cut_leftovers(&mut tail)?;
            }
            self.enter_places(&tail, Reached { segment: number, offset: end }, UNENTERED)?;
        }
        Ok(())
    }

    /// Takes up what lies in that part of a segment; where the last whole record ends. Only in the last segment
    /// can a record be half-written: a segment is begun when everything before it is durable.
    pub(super) fn look_through_one(
        &self,
        segment: &Segment,
        (from, length): (u64, u64),
        is_last: bool,
    ) -> Result<u64, StorageError> {
        let mut end = from;
        let mut found = Vec::new();
        let walked = segment.walk(end, length, &mut |record| {
            if is_last && !segment.is_whole(&record)? {
                return Ok(false);
            }
            end = record.header.record_bytes().map_or(length, |bytes| record.offset + bytes);
            found.push(record);
            Ok(true)
        });
        walked.map_err(|e| io_error(&e))?;
        for record in found {
            let Some(kept) = record.header.kept else { continue };
            let place = Place {
                segment: segment.number,
                offset: record.offset,
                size_bytes: record.header.size_bytes,
            };
            if let Some(before) = self.place_of(kept.name)?.filter(|before| *before != place) {
                // A crash came between the new blob and the end of the old one. What cannot be overwritten now
                // is found again at the next start, as nothing can be entered either.
                if let Err(error) = self.overwrite(&[(kept.name, before)]) {
                    tracing::warn!(%error, "a blob that was replaced is still there");
                }
            }
            self.write_view().unentered.insert(kept.name, place);
        }
        Ok(end)
    }

    /// Cuts off what lies behind the last whole record.
    pub(super) fn cut_leftovers(&self, tail: &mut Tail) -> Result<(), StorageError> {
        let Some(segment) = &tail.segment else { return Ok(()) };
        if segment.len().map_err(|e| io_error(&e))? != tail.end {
            // On a disk that takes nothing now, the next write does it.
            tail.spoilt = segment.cut(tail.end).is_err();
            self.leftovers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
