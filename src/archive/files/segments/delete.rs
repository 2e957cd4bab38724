//! The steps of a deletion.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, PoisonError};

use super::record::Header;
use super::segment::{Found, Segment};
use super::{BlobSegments, Tail, io_error, now};
use crate::files::durable;
use crate::sqlite::Place;
use crate::storage::{BlobName, StorageError};

impl BlobSegments {
    /// Steps 1 and 2 of a deletion. Whatever stands at those places that is not of that name is left alone.
    pub(super) fn overwrite(&self, blobs: &[(BlobName, Place)]) -> Result<(), StorageError> {
        let mut found: Vec<(Arc<Segment>, Found)> = Vec::with_capacity(blobs.len());
        for (name, place) in blobs {
            let Some(segment) = self.segment(place.segment)? else { continue };
            // A damaged header is no reason to leave the blob behind it.
            let fallback = Header { size_bytes: place.size_bytes, written_at: now(), kept: None };
            let header = segment.header_at(place.offset).map_err(|e| io_error(&e))?.unwrap_or(fallback);
            if header.kept.is_none_or(|kept| kept.name == *name) {
                found.push((segment, Found { offset: place.offset, header }));
            }
        }
        overwrite_records(&found).map_err(|e| io_error(&e))
    }

    /// Removes those of the segments that hold no blob any more, unless they are still being filled.
    pub(super) fn remove_empty(&self, tail: &Tail, numbers: &HashSet<u64>) -> Result<(), StorageError> {
        for number in numbers.iter().filter(|number| **number != tail.number) {
            let Some(segment) = self.segment(*number)? else { continue };
            let mut holds_any = false;
            let end = segment.len().map_err(|e| io_error(&e))?;
            let walked = segment.walk(0, end, &mut |found| {
                holds_any = found.header.kept.is_some();
                Ok(!holds_any)
            });
            walked.map_err(|e| io_error(&e))?;
            if !holds_any {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(number);
                durable::remove_files([segment.path()]).map_err(|e| io_error(&e))?;
            }
        }
        Ok(())
    }

    /// Deletes from the segments.
    pub(super) fn delete_records(&self, blobs: &[(BlobName, Place)]) -> Result<(), StorageError> {
        self.overwrite(blobs)?;
        let names: Vec<BlobName> = blobs.iter().map(|(name, _)| *name).collect();
        let mut view = self.write_view();
        for name in &names {
            view.unentered.remove(name);
        }
        drop(view);
        if let Err(error) = self.places.strike(&names) {
            // The headers say so already; deleting needs no room.
            tracing::warn!(%error, "the table of blobs names some that are deleted");
        }
        Ok(())
    }
}

/// The two syncs of a deletion. In this order: a header that says deleted is never looked at again, so the blob
/// behind it has to be gone by then.
fn overwrite_records(records: &[(Arc<Segment>, Found)]) -> io::Result<()> {
    let mut segments: Vec<&Arc<Segment>> = records.iter().map(|(segment, _)| segment).collect();
    segments.sort_unstable_by_key(|segment| segment.number);
    segments.dedup_by_key(|segment| segment.number);
    for (segment, found) in records {
        segment.write_zeros(found)?;
    }
    segments.iter().try_for_each(|segment| segment.sync())?;
    for (segment, found) in records {
        segment.punch_out(found);
        segment.write_header(found.offset, &found.header.deleted())?;
    }
    segments.iter().try_for_each(|segment| segment.sync())
}
