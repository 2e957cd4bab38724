//! The steps of a write.

use std::io;
use std::sync::{Arc, PoisonError};

use super::record::{HEADER_BYTES, Header};
use super::segment::Segment;
use super::stream::Stream;
use super::{BUSY_BYTES, BlobSegments, REPLACED_MAX, Tail, UNENTERED, UNENTERED_MAX, now};
use crate::files::direct::BLOCK_BYTES;
use crate::files::durable;
use crate::sqlite::{Place, Reached};
use crate::storage::{BlobName, StorageError};

impl BlobSegments {
    /// Steps 1 and 2 of a write, for as many blobs as the segment takes; where they lie.
    pub(super) fn append(
        &self,
        tail: &mut Tail,
        blobs: &[(BlobName, Vec<u8>)],
    ) -> io::Result<Vec<(BlobName, Place)>> {
        let segment = self.segment_to_fill(tail)?;
        let mut written = Vec::with_capacity(blobs.len());
        // What others were told is durable is not written over, not even with the same bytes.
        let mut end = tail.end.next_multiple_of(BLOCK_BYTES as u64);
        tail.spoilt = true;
        let mut stream = Stream::new(&segment, &mut tail.blocks, end);
        for (name, bytes) in blobs {
            let header = Header::of(*name, bytes, now());
            stream.push(&header.encode())?;
            stream.push(bytes)?;
            stream.push(&[0; HEADER_BYTES][..bytes.len().next_multiple_of(HEADER_BYTES) - bytes.len()])?;
            let size_bytes = header.size_bytes;
            written.push((*name, Place { segment: segment.number, offset: end, size_bytes }));
            end += header.record_bytes().unwrap_or(0);
            if end >= self.segment_bytes_max {
                break;
            }
        }
        stream.end()?;
        segment.sync()?;
        tail.written_bytes += end - tail.end;
        (tail.end, tail.spoilt) = (end, false);
        if tail.written_bytes > BUSY_BYTES {
            tail.spare.order();
        }
        Ok(written)
    }

    /// The segment the next record goes to, with nothing half-written in it.
    pub(super) fn segment_to_fill(&self, tail: &mut Tail) -> io::Result<Arc<Segment>> {
        if let Some(segment) = &tail.segment {
            if tail.spoilt {
                segment.cut(tail.end)?;
                tail.spoilt = false;
            }
            if tail.end < self.segment_bytes_max {
                return Ok(Arc::clone(segment));
            }
        }
        // An empty one of that number may be left from an attempt that failed; what is not empty is not written over.
        let segment = match Segment::create(&self.folder, tail.number + 1, &mut tail.spare) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                durable::sync_folder(&self.folder)?;
                let there = Segment::open(&self.folder, tail.number + 1)?;
                if !there.is_blank(0, there.len()?)? {
                    tail.number += 1;
                    return self.segment_to_fill(tail);
                }
                there
            }
            created => created?,
        };
        let segment = Arc::new(segment);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(segment.number, Arc::clone(&segment));
        (tail.number, tail.end, tail.segment) = (segment.number, 0, Some(Arc::clone(&segment)));
        Ok(segment)
    }

    /// Steps 3 and 4 of a write.
    pub(super) fn take_over(
        &self,
        tail: &mut Tail,
        written: &[(BlobName, Place)],
    ) -> Result<(), StorageError> {
        let mut before = Vec::new();
        for (name, place) in written {
            let old = self.place_of(*name)?.filter(|old| old != place);
            before.extend(old.map(|old| (*name, old)));
            self.write_view().unentered.insert(*name, *place);
        }
        if let Err(error) = self.overwrite(&before) {
            let room = REPLACED_MAX.saturating_sub(tail.replaced.len());
            tail.replaced.extend(before.into_iter().take(room));
            return Err(error);
        }
        let Some(segment) = &tail.segment else { return Ok(()) };
        self.enter_places(tail, Reached { segment: segment.number, offset: tail.end }, UNENTERED)
    }

    /// Enters the places that wait, once they are so many. `tail` keeps others from adding to them meanwhile.
    pub(super) fn enter_places(
        &self,
        _tail: &Tail,
        reached: Reached,
        from: usize,
    ) -> Result<(), StorageError> {
        let waiting: Vec<(BlobName, Place)> = {
            let view = self.read_view();
            if view.unentered.len() < from {
                return Ok(());
            }
            view.unentered.iter().map(|(name, place)| (*name, *place)).collect()
        };
        match self.places.enter(&mut waiting.iter().copied(), reached) {
            Ok(()) => {
                self.write_view().unentered.clear();
                Ok(())
            }
            // They are in the segments all the same.
            Err(error) if waiting.len() < UNENTERED_MAX => {
                tracing::warn!(%error, "the table of blobs lags behind");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
