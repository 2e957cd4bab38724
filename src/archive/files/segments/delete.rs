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
            if let Some(header) = to_overwrite(&segment, *name, *place).map_err(|e| io_error(&e))? {
                found.push((segment, Found { offset: place.offset, header }));
            }
        }
        overwrite_records(&found).map_err(|e| io_error(&e))
    }

    /// Removes those of the segments that hold nothing any more, unless they are still being filled. What has no
    /// header may be somebody's only copy, and keeps its segment.
    pub(super) fn remove_empty(&self, tail: &Tail, numbers: &HashSet<u64>) -> Result<(), StorageError> {
        for number in numbers.iter().filter(|number| **number != tail.number) {
            let Some(segment) = self.segment(*number)? else { continue };
            if segment.holds_nothing().map_err(|e| io_error(&e))? {
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

/// The header of what is to go from a place; `None` if something else lies there. A damaged header is no reason to
/// leave the blob behind it, but the table alone is none to overwrite what has another header.
fn to_overwrite(segment: &Segment, name: BlobName, place: Place) -> io::Result<Option<Header>> {
    if let Some(header) = segment.header_at(place.offset)? {
        return Ok(header.kept.is_none_or(|kept| kept.name == name).then_some(header));
    }
    let header = Header { size_bytes: place.size_bytes, written_at: now(), kept: None };
    let is_beyond = place.offset >= segment.len()?;
    if is_beyond || segment.is_taken(place.offset, header.record_bytes().unwrap_or(u64::MAX))? {
        return Ok(None);
    }
    Ok(Some(header))
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
