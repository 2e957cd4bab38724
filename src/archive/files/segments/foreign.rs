//! The segments of a folder that is not ours to change.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::segment::{Found, Segment, numbers_in};
use super::{io_error, stat_of};
use crate::sqlite::{Place, Reached, SqlitePlaces};
use crate::storage::{BlobName, BlobStat, StorageError};

/// Segments that are only read. Where their blobs lie is kept elsewhere.
pub(in crate::files) struct ForeignSegments {
    folder: PathBuf,
    numbers: Vec<u64>,
    places: SqlitePlaces,
}

impl ForeignSegments {
    /// Looks through all of them, as their own table of places may lag; the places go to `work`, an empty folder.
    pub(in crate::files) fn open(data_dir: &Path, work: &Path) -> Result<Self, StorageError> {
        let folder = data_dir.join("blobs/segments");
        let numbers = match numbers_in(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            numbers => numbers.map_err(|e| io_error(&e))?,
        };
        let store = Self { folder, numbers, places: SqlitePlaces::open(work)? };
        store.numbers.iter().try_for_each(|number| store.look_through(*number))?;
        Ok(store)
    }

    /// Of two records of a name the later one counts, unless a crash came before it was whole.
    fn look_through(&self, number: u64) -> Result<(), StorageError> {
        let segment = Segment::open_foreign(&self.folder, number).map_err(|e| io_error(&e))?;
        let end = segment.len().map_err(|e| io_error(&e))?;
        let mut found = Vec::new();
        let walked = segment.walk(0, end, &mut |record| {
            found.push(record);
            Ok(true)
        });
        walked.map_err(|e| io_error(&e))?;
        let mut places = HashMap::new();
        for record in found {
            let Some(kept) = record.header.kept else { continue };
            let is_second = places.contains_key(&kept.name) || self.places.find(kept.name)?.is_some();
            if is_second && !segment.is_whole(&record).map_err(|e| io_error(&e))? {
                continue;
            }
            let (offset, size_bytes) = (record.offset, record.header.size_bytes);
            places.insert(kept.name, Place { segment: number, offset, size_bytes });
        }
        self.places.enter(&mut places.into_iter(), Reached { segment: number, offset: end })
    }

    /// A blob as it was found.
    pub(in crate::files) fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        let Some((segment, place)) = self.find(name)? else { return Ok(None) };
        let (_, bytes) = segment.read(place.offset, place.size_bytes).map_err(|e| io_error(&e))?;
        Ok(Some(bytes))
    }

    pub(in crate::files) fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        let Some((segment, place)) = self.find(name)? else { return Ok(None) };
        let header = segment.header_at(place.offset).map_err(|e| io_error(&e))?;
        Ok(header.map(|header| stat_of(name, &header)))
    }

    /// Visits all; `false` once `visit` has said to stop.
    pub(in crate::files) fn visit(
        &self,
        visit: &mut dyn FnMut(BlobStat) -> bool,
    ) -> Result<bool, StorageError> {
        for number in &self.numbers {
            let segment = Segment::open_foreign(&self.folder, *number).map_err(|e| io_error(&e))?;
            let end = segment.len().map_err(|e| io_error(&e))?;
            let mut goes_on = true;
            let mut failure = None;
            let walked = segment.walk(0, end, &mut |record| {
                match self.counts(*number, &record) {
                    Ok(Some(stat)) => goes_on = visit(stat),
                    Ok(None) => {}
                    Err(error) => failure = Some(error),
                }
                Ok(goes_on && failure.is_none())
            });
            walked.map_err(|e| io_error(&e))?;
            if let Some(error) = failure {
                return Err(error);
            }
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The blob of a record, if it is the one its name has.
    fn counts(&self, number: u64, record: &Found) -> Result<Option<BlobStat>, StorageError> {
        let Some(kept) = record.header.kept else { return Ok(None) };
        let place = self.places.find(kept.name)?;
        let is_its = place.is_some_and(|place| (place.segment, place.offset) == (number, record.offset));
        Ok(is_its.then(|| stat_of(kept.name, &record.header)))
    }

    fn find(&self, name: BlobName) -> Result<Option<(Segment, Place)>, StorageError> {
        let Some(place) = self.places.find(name)? else { return Ok(None) };
        let segment = Segment::open_foreign(&self.folder, place.segment).map_err(|e| io_error(&e))?;
        Ok(Some((segment, place)))
    }
}
