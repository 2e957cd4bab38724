//! What the table of places has wrong, and how it is put right.
//!
//! SQLite does not notice a number that has changed in a row, nor a row that is gone, and the blob is in its segment
//! all the same. What stands at a place that is right begins with a header of its name, so whatever is read there
//! tells. Where it tells otherwise the segments are looked through, and they are what counts: once for each place that
//! is wrong, as a row may go wrong at any time and what is taken for damaged is deleted. For names without a row it is
//! done once while a store is open, as it puts right every row; for one that is to be deleted it is done each time, as
//! nothing may be left of it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, PoisonError};

use super::record::Header;
use super::segment::{Found, Segment, numbers_in};
use super::{BlobSegments, SOUGHT_MAX, Tail, View, io_error};
use crate::sqlite::{Place, Reached};
use crate::storage::{BlobName, BlobStat, BlobStore as _, StorageError};

/// Reads what is wanted of a place, and the header that stands there.
pub(super) type Look<'a, T> = &'a dyn Fn(&Segment, Place) -> io::Result<(Option<Header>, T)>;

/// What stands where the table says that a blob lies.
enum Sight<T> {
    /// That blob.
    Its(T),
    /// Its header, with another length than the table has.
    Misfit(Arc<Segment>, Found),
    /// No header: it is damaged, or the place is wrong.
    Headless(Place, T),
    /// Another blob, or not even a segment; without a place, one that is deleted, whose row may have stayed.
    Other(Option<Place>),
    /// The table does not have it.
    Unplaced,
    /// It is being deleted.
    Going,
}

impl BlobSegments {
    /// What `look` sees of a blob; `None` where there is none. `thorough`: a name without a row is looked for as well.
    pub(super) fn look<T>(
        &self,
        name: BlobName,
        thorough: bool,
        look: Look<'_, T>,
    ) -> Result<Option<T>, StorageError> {
        let mut sight = self.look_at_place(name, look)?;
        let is_mended = match &sight {
            Sight::Its(_) | Sight::Going => false,
            Sight::Misfit(segment, found) => self.mend(segment, found)?,
            Sight::Unplaced if !thorough => false,
            Sight::Headless(place, _) => self.seek(name, Some(*place))?,
            Sight::Other(place) => self.seek(name, *place)?,
            Sight::Unplaced => self.seek(name, None)?,
        };
        if is_mended {
            sight = self.look_at_place(name, look)?;
        }
        Ok(match sight {
            // Whether what has lost its header is damaged too, its seal tells.
            Sight::Its(seen) | Sight::Headless(_, seen) => Some(seen),
            _ => None,
        })
    }

    fn look_at_place<T>(&self, name: BlobName, look: Look<'_, T>) -> Result<Sight<T>, StorageError> {
        // Held while reading, so that nothing is overwritten under a reader's eyes.
        let view = self.read_view();
        if view.going.contains(&name) {
            return Ok(Sight::Going);
        }
        let Some(place) = self.place_in(&view, name)? else { return Ok(Sight::Unplaced) };
        let Some(segment) = self.segment(place.segment)? else { return Ok(Sight::Other(Some(place))) };
        let (header, seen) = look(&segment, place).map_err(|e| io_error(&e))?;
        Ok(match header {
            None => Sight::Headless(place, seen),
            Some(header) if header.kept.is_none() => Sight::Other(None),
            Some(header) if !is_of(&header, name) => Sight::Other(Some(place)),
            Some(header) if header.size_bytes != place.size_bytes => {
                Sight::Misfit(segment, Found { offset: place.offset, header })
            }
            Some(_) => Sight::Its(seen),
        })
    }

    /// Visits what one segment holds, and puts its places right; `false` once `visit` has said to stop.
    pub(super) fn visit_segment(
        &self,
        number: u64,
        visit: &mut dyn FnMut(BlobStat) -> bool,
    ) -> Result<bool, StorageError> {
        let Some(segment) = self.segment(number)? else { return Ok(true) };
        let end = segment.len().map_err(|e| io_error(&e))?;
        let (mut goes_on, mut failure) = (true, None);
        let walked = segment.walk(0, end, &mut |found| {
            let Some(kept) = found.header.kept else { return Ok(true) };
            match self.counts(&segment, &found, kept.name) {
                // Nothing is locked while `visit` looks at it: it may have blobs deleted.
                Ok(true) => goes_on = visit(super::stat_of(kept.name, &found.header)),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
            Ok(goes_on && failure.is_none())
        });
        walked.map_err(|e| io_error(&e))?;
        failure.map_or(Ok(goes_on), Err)
    }

    /// Whether a record is the one its name has.
    fn counts(&self, segment: &Segment, found: &Found, name: BlobName) -> Result<bool, StorageError> {
        let view = self.read_view();
        if view.going.contains(&name) {
            return Ok(false);
        }
        let is_its = self.place_in(&view, name)? == Some(place_of_record(segment, found));
        drop(view);
        if is_its { Ok(true) } else { self.mend(segment, found) }
    }

    /// Puts every place right that is wrong, unless that was done before for a blob that should lie there, or for a
    /// name without a place; whether it was done now.
    fn seek(&self, name: BlobName, place: Option<Place>) -> Result<bool, StorageError> {
        if self.is_in_files(name)? {
            return Ok(false);
        }
        // Whoever comes meanwhile waits for it.
        let mut sought = self.sought.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = place.map(|place| (name, place));
        if sought.contains(&wanted) {
            return Ok(false);
        }
        for number in numbers_in(&self.folder).map_err(|e| io_error(&e))? {
            self.visit_segment(number, &mut |_| true)?;
        }
        if sought.len() >= SOUGHT_MAX {
            sought.clear();
        }
        // What was put right may go wrong again.
        if place.is_none() || self.place_of(name)? == place {
            sought.insert(wanted);
        }
        sought.insert(None);
        Ok(true)
    }

    /// Enters a record's place where the table has another one, or none; whether the record is the one its name has.
    fn mend(&self, segment: &Segment, found: &Found) -> Result<bool, StorageError> {
        let tail = self.lock_tail();
        let header = segment.header_at(found.offset).map_err(|e| io_error(&e))?;
        let Some(kept) = found.header.kept.filter(|_| header == Some(found.header)) else { return Ok(false) };
        let is_filled = tail.segment.is_some() && segment.number == tail.number;
        if is_filled && found.offset >= tail.end {
            // What a write that failed has left behind.
            return Ok(false);
        }
        let place = place_of_record(segment, found);
        let known = self.place_of(kept.name)?;
        // Held while one of two is chosen, as the other is overwritten.
        let mut view = self.write_view();
        let counts = match known {
            Some(known) if known == place => return Ok(true),
            Some(known) if !is_same_record(known, place) && self.is_its(kept.name, known)? => {
                self.choose(kept.name, known, place)?
            }
            _ => place,
        };
        if known == Some(counts) {
            return Ok(false);
        }
        tracing::warn!("a blob lies elsewhere than the table of blobs says; the table is put right");
        view.unentered.insert(kept.name, counts);
        drop(view);
        self.enter_places(&tail, Reached::default(), 1)?;
        Ok(counts == place)
    }

    /// Every record there is of these names: those that were replaced and are there still, and where the table says, if such a record is there, else wherever one is.
    pub(super) fn records_of(
        &self,
        tail: &Tail,
        names: &[BlobName],
    ) -> Result<Vec<(BlobName, Place)>, StorageError> {
        let replaced = tail.replaced.iter().filter(|(name, _)| names.contains(name));
        let (mut records, mut sought): (Vec<_>, _) = (replaced.copied().collect(), HashMap::new());
        for name in names {
            match self.place_of(*name)? {
                Some(place) if self.is_its(*name, place)? => records.push((*name, place)),
                None if self.is_in_files(*name)? => {}
                place => _ = sought.insert(*name, place),
            }
        }
        if sought.is_empty() {
            return Ok(records);
        }
        let mut seen = HashSet::new();
        for number in numbers_in(&self.folder).map_err(|e| io_error(&e))? {
            let Some(segment) = self.segment(number)? else { continue };
            let walked = segment.walk(0, segment.len().map_err(|e| io_error(&e))?, &mut |found| {
                if let Some(kept) = found.header.kept.filter(|kept| sought.contains_key(&kept.name)) {
                    records.push((kept.name, place_of_record(&segment, &found)));
                    seen.insert(kept.name);
                }
                Ok(true)
            });
            walked.map_err(|e| io_error(&e))?;
        }
        // A header that has rotted tells no name: there the table's word is all there is.
        let headless = sought.into_iter().filter(|(name, _)| !seen.contains(name));
        records.extend(headless.filter_map(|(name, place)| Some((name, place?))));
        Ok(records)
    }

    /// Whether a record of that name begins there.
    fn is_its(&self, name: BlobName, place: Place) -> Result<bool, StorageError> {
        let Some(segment) = self.segment(place.segment)? else { return Ok(false) };
        let header = segment.header_at(place.offset).map_err(|e| io_error(&e))?;
        Ok(header.is_some_and(|header| is_of(&header, name)))
    }

    /// The place a name has, whether it is being deleted or not.
    fn place_in(&self, view: &View, name: BlobName) -> Result<Option<Place>, StorageError> {
        view.unentered.get(&name).map_or_else(|| self.places.find(name), |place| Ok(Some(*place)))
    }

    /// Whether the layout of before has it.
    fn is_in_files(&self, name: BlobName) -> Result<bool, StorageError> {
        self.files.as_ref().map_or(Ok(false), |files| Ok(files.stat(name)?.is_some()))
    }
}

/// Whether two places are those of one record, whatever its length is said to be.
pub(super) fn is_same_record(one: Place, other: Place) -> bool {
    (one.segment, one.offset) == (other.segment, other.offset)
}

fn is_of(header: &Header, name: BlobName) -> bool {
    header.kept.is_some_and(|kept| kept.name == name)
}

fn place_of_record(segment: &Segment, found: &Found) -> Place {
    Place { segment: segment.number, offset: found.offset, size_bytes: found.header.size_bytes }
}
