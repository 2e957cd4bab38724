//! What is found when a store is opened.
//!
//! Nothing is cut off or written over here, however it looks: from outside, what a power cut left half-written and
//! what was acknowledged and has rotted since are the same. Every record that has a header is taken up, whether its
//! blob is whole or not; if nobody was told of it, nothing names it, and the sweep deletes it by its name. A last
//! segment that ends in anything but whole records and zeros is left as it is for good, and the next blob begins
//! another.

use std::io;

use super::mend::is_same_record;
use super::segment::{Found, Segment, numbers_in};
use super::{BlobSegments, UNENTERED, io_error};
use crate::sqlite::{Place, Reached};
use crate::storage::{BlobName, StorageError};

impl BlobSegments {
    /// Finds the blobs whose places were not entered, and where the next one goes.
    pub(super) fn look_through(&self) -> Result<(), StorageError> {
        let known = self.places.reached()?;
        let numbers = numbers_in(&self.folder).map_err(|e| io_error(&e))?;
        let mut tail = self.lock_tail();
        tail.number = numbers.last().copied().unwrap_or(0).max(known.segment);
        let from = if self.reaches(&numbers, known)? { known } else { Reached::default() };
        for number in numbers.iter().copied().filter(|number| *number >= from.segment) {
            let begin = if number == from.segment { from.offset } else { 0 };
            let segment = self.segment(number)?.ok_or_else(|| io_error(&io::ErrorKind::NotFound.into()))?;
            let length = segment.len().map_err(|e| io_error(&e))?;
            let last = self.look_through_one(&segment, begin, length)?;
            let end = last.as_ref().map_or(begin, |found| segment.record_end(found));
            if number == tail.number
                && from == known
                && segment.is_blank(end, length).map_err(|e| io_error(&e))?
            {
                (tail.segment, tail.end) = (Some(segment), end);
            }
            // One that is not all there is looked at again at the next start.
            let whole = if end > length { last.map_or(begin, |found| found.offset) } else { end };
            self.enter_places(&tail, Reached { segment: number, offset: whole }, UNENTERED)?;
        }
        Ok(())
    }

    /// Whether the segments still go as far as the table of places knows them. If they have lost their end, or
    /// were put back as they had been before, the table is held against all of them.
    fn reaches(&self, numbers: &[u64], known: Reached) -> Result<bool, StorageError> {
        match numbers.last() {
            Some(last) if *last > known.segment => Ok(true),
            Some(last) if *last == known.segment => {
                let segment = self.segment(*last)?;
                let length = segment.map_or(Ok(0), |segment| segment.len()).map_err(|e| io_error(&e))?;
                Ok(length >= known.offset)
            }
            _ => Ok(known == Reached::default()),
        }
    }

    /// Takes up what lies in that part of a segment; the last record there.
    fn look_through_one(
        &self,
        segment: &Segment,
        begin: u64,
        length: u64,
    ) -> Result<Option<Found>, StorageError> {
        let mut last = None;
        let mut failure = None;
        let walked = segment.walk(begin, length, &mut |found| {
            last = Some(found);
            failure = self.take_up(segment, &found).err();
            Ok(failure.is_none())
        });
        walked.map_err(|e| io_error(&e))?;
        failure.map_or(Ok(last), Err)
    }

    fn take_up(&self, segment: &Segment, found: &Found) -> Result<(), StorageError> {
        let Some(kept) = found.header.kept else { return Ok(()) };
        let (number, size_bytes) = (segment.number, found.header.size_bytes);
        let mut place = Place { segment: number, offset: found.offset, size_bytes };
        if let Some(other) = self.place_of(kept.name)?.filter(|other| !is_same_record(*other, place)) {
            place = self.choose(kept.name, place, other)?;
        }
        self.write_view().unentered.insert(kept.name, place);
        Ok(())
    }

    /// Of two records of a name the later one counts, unless it was cut off half-way: whoever wrote it was told so
    /// only when the earlier one had been overwritten. The one that does not count is overwritten now, but where
    /// neither is whole.
    pub(super) fn choose(&self, name: BlobName, found: Place, other: Place) -> Result<Place, StorageError> {
        let at = |place: &Place| (place.segment, place.offset);
        let (earlier, later) = if at(&found) < at(&other) { (found, other) } else { (other, found) };
        let (counts, goes) = if self.is_whole(name, later)? {
            (later, earlier)
        } else if self.is_whole(name, earlier)? {
            (earlier, later)
        } else {
            return Ok(found);
        };
        // What cannot be overwritten now is found again at the next start, as nothing can be entered either.
        if let Err(error) = self.overwrite(&[(name, goes)]) {
            tracing::warn!(%error, "a blob that was replaced is still there");
        }
        Ok(counts)
    }

    fn is_whole(&self, name: BlobName, place: Place) -> Result<bool, StorageError> {
        let Some(segment) = self.segment(place.segment)? else { return Ok(false) };
        let whole = || {
            let header = segment.header_at(place.offset)?;
            let header = header.filter(|header| header.kept.is_some_and(|kept| kept.name == name));
            let found = header.map(|header| Found { offset: place.offset, header });
            found.map_or(Ok(false), |found| segment.is_whole(&found))
        };
        whole().map_err(|e| io_error(&e))
    }
}
