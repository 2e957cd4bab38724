//! Sealed blobs one behind the other in segments: `DATA_DIR/blobs/segments/00000001.segment` and so on.
//!
//! Blobs that come together share one sync; they begin at a block of their own and go past the page cache
//! ([`crate::files::direct`]). The segments alone tell what they hold; `DATA_DIR/blobs/places.db` is a
//! view of them that spares looking through them at every start. A blob is deleted by overwriting it where it lies,
//! and a segment goes with its last one. Stores of before have a file for each blob ([`BlobFiles`]); those stay as
//! they are, and are read and deleted there.
//!
//! | step of a write | what a crash right after it leaves | who puts it right |
//! |---|---|---|
//! | 1. records written behind the others | half of them, perhaps none | nobody: they stay, and the next blob begins another segment ([`look_through`]); the sweep deletes what has a header |
//! | 2. segment synced | blobs without a place | open: looks through the end of the segments |
//! | 3. the blob of before overwritten, where a name was there already | two records of a name | open: the later one counts, the other is overwritten |
//! | 4. places entered, many at a time | nothing: what is not entered yet is found as in 2 | |
//!
//! | step of a deletion | what a crash right after it leaves | who puts it right |
//! |---|---|---|
//! | 1. blobs overwritten with zeros, synced | a record that does not open | whoever deletes: it is still found, and deleted again |
//! | 2. headers say deleted, synced | places of nothing | nobody needs to: the header counts |
//! | 3. places struck out | a segment that holds nothing | the next start removes it |
//! | 4. a segment that holds nothing removed | | |

mod append;
mod delete;
mod foreign;
mod look_through;
mod mend;
#[cfg(test)]
mod mend_tests;
mod record;
#[cfg(test)]
mod rot_tests;
mod segment;
mod spare;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use yidang_model::Timestamp;

pub(super) use self::foreign::ForeignSegments;
use self::record::Header;
use self::segment::{Segment, numbers_in};
use self::spare::Spare;
use super::blob_files::BlobFiles;
use super::direct::Blocks;
use super::durable;
use crate::sqlite::{Place, Reached, SqlitePlaces};
use crate::storage::{BlobName, BlobStat, BlobStore, Part, StorageError, StorageFault};

/// A segment that is longer takes no more blobs. One blob may be longer than that; it has a segment of its own.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// So much is gathered before it is written.
const STREAMED_BYTES: usize = 1 << 20;
/// So many blobs wait in memory until their places are entered together.
const UNENTERED: usize = 1024;
/// Most that wait while they cannot be entered; then no blob is taken in.
const UNENTERED_MAX: usize = 64 * UNENTERED;
/// Once a store has taken in so much since it was opened, segments are made ready ahead.
const BUSY_BYTES: u64 = 24 << 20;
/// So many records that could not be overwritten are remembered; a visit finds the others.
const REPLACED_MAX: usize = 1024;
/// So many blobs that are nowhere are remembered as such.
const SOUGHT_MAX: usize = 1024;
/// Segments kept open for the next reader.
const OPEN_SEGMENTS_MAX: usize = 32;

/// The built-in blob store.
pub struct BlobSegments {
    folder: PathBuf,
    segment_bytes_max: u64,
    places: SqlitePlaces,
    /// One writer at a time.
    tail: Mutex<Tail>,
    view: RwLock<View>,
    open: Mutex<HashMap<u64, Arc<Segment>>>,
    /// For which blobs that are not where the table says every place has been held against the segments since the store
    /// was opened; `None`: for one that the table does not have.
    sought: Mutex<HashSet<Option<(BlobName, Place)>>>,
    /// The layout of before, in a store that has it.
    files: Option<BlobFiles>,
}

/// Where the next record goes.
struct Tail {
    segment: Option<Arc<Segment>>,
    /// The number of the segment, or of the last one there was.
    number: u64,
    end: u64,
    /// Something half-written may lie behind the end.
    spoilt: bool,
    spare: Spare,
    /// What is written goes through here.
    blocks: Blocks,
    /// How much was written since the store was opened.
    written_bytes: u64,
    /// Records that later ones have replaced and that could not be overwritten; a deletion takes them along.
    replaced: Vec<(BlobName, Place)>,
}

/// What readers go by, before the table of places.
#[derive(Default)]
struct View {
    /// Not entered into the table yet.
    unentered: HashMap<BlobName, Place>,
    /// Being deleted: gone for readers.
    going: HashSet<BlobName>,
}

impl BlobSegments {
    /// Opens the blobs of a data folder, or makes the folder.
    pub fn open(data_dir: &Path) -> Result<Self, StorageError> {
        match Self::open_bounded(data_dir, SEGMENT_BYTES_MAX) {
            // The table of places, which is made anew once it was found so.
            Err(error) if error.fault == StorageFault::Damaged => {
                Self::open_bounded(data_dir, SEGMENT_BYTES_MAX)
            }
            opened => opened,
        }
    }

    /// How many blobs lie on the disk under a data folder, whoever has it open.
    pub fn count_in(data_dir: &Path) -> Result<u64, StorageError> {
        let mut count = 0;
        if BlobFiles::are_in(data_dir) {
            BlobFiles::open(data_dir)?.visit(&mut |_| {
                count += 1;
                true
            })?;
        }
        let folder = data_dir.join("blobs/segments");
        let counted = numbers_in(&folder).and_then(|numbers| {
            numbers.into_iter().try_for_each(|number| {
                let segment = Segment::open(&folder, number)?;
                segment.walk(0, segment.len()?, &mut |found| {
                    count += u64::from(found.header.kept.is_some());
                    Ok(true)
                })
            })
        });
        counted.map_err(|e| io_error(&e))?;
        Ok(count)
    }

    /// The same with segments of another length.
    fn open_bounded(data_dir: &Path, segment_bytes_max: u64) -> Result<Self, StorageError> {
        let files = if BlobFiles::are_in(data_dir) { Some(BlobFiles::open(data_dir)?) } else { None };
        let root = data_dir.join("blobs");
        let folder = root.join("segments");
        durable::create_folder(&folder).map_err(|e| io_error(&e))?;
        let places = SqlitePlaces::open(&root)?;
        let spare = Spare::new(&folder, segment_bytes_max);
        let blocks = Blocks::new(STREAMED_BYTES);
        let (segment, replaced) = Default::default();
        let tail =
            Tail { segment, number: 0, end: 0, spoilt: false, spare, blocks, written_bytes: 0, replaced };
        let store = Self {
            folder,
            segment_bytes_max,
            places,
            tail: Mutex::new(tail),
            view: RwLock::default(),
            open: Mutex::default(),
            sought: Mutex::default(),
            files,
        };
        store.look_through()?;
        Ok(store)
    }

    fn place_of(&self, name: BlobName) -> Result<Option<Place>, StorageError> {
        let unentered = self.read_view().unentered.get(&name).copied();
        unentered.map_or_else(|| self.places.find(name), |place| Ok(Some(place)))
    }

    /// An open segment; `None` if it is not there.
    fn segment(&self, number: u64) -> Result<Option<Arc<Segment>>, StorageError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = open.get(&number) {
            return Ok(Some(Arc::clone(segment)));
        }
        let segment = match Segment::open(&self.folder, number) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => Arc::new(opened.map_err(|e| io_error(&e))?),
        };
        if open.len() >= OPEN_SEGMENTS_MAX {
            // Whichever: the next reader opens it again.
            let some = open.keys().next().copied();
            some.map(|some| open.remove(&some));
        }
        open.insert(number, Arc::clone(&segment));
        Ok(Some(segment))
    }

    /// Deletes from the layout of before.
    fn delete_files(&self, names: impl Iterator<Item = BlobName>) -> Result<(), StorageError> {
        self.files.as_ref().map_or(Ok(()), |files| files.delete_many(&names.collect::<Vec<_>>()))
    }

    fn lock_tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_view(&self) -> std::sync::RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_view(&self) -> std::sync::RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobStore for BlobSegments {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        let mut tail = self.lock_tail();
        let mut rest = blobs;
        while !rest.is_empty() {
            let written = self.append(&mut tail, rest);
            if written.is_err() && tail.spoilt {
                // What could not be kept takes up no room; if it cannot be cut off now, the next write does it.
                tail.spare.give_up();
                if let Some(segment) = &tail.segment {
                    tail.spoilt = segment.cut(tail.end).is_err();
                }
            }
            let written = written.map_err(|e| io_error(&e))?;
            self.take_over(&mut tail, &written)?;
            rest = &rest[written.len()..];
        }
        self.delete_files(blobs.iter().map(|(name, _)| *name))
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        match self.look(name, true, &|segment, place| segment.read(place.offset, place.size_bytes))? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.files.as_ref().map_or(Ok(None), |files| files.get(name)),
        }
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        match self.look(name, false, &look_at_header(name))? {
            Some(stat) => Ok(Some(stat)),
            None => self.files.as_ref().map_or(Ok(None), |files| files.stat(name)),
        }
    }

    fn has(&self, name: BlobName) -> Result<bool, StorageError> {
        match self.look(name, true, &look_at_header(name))? {
            Some(_) => Ok(true),
            None => self.files.as_ref().map_or(Ok(false), |files| files.has(name)),
        }
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        let mut tail = self.lock_tail();
        let found = self.records_of(&tail, names)?;
        if !found.is_empty() {
            self.write_view().going.extend(found.iter().map(|(name, _)| *name));
            let deleted = self.delete_records(&found);
            let mut view = self.write_view();
            for (name, _) in &found {
                view.going.remove(name);
            }
            drop(view);
            deleted?;
            tail.replaced.retain(|replaced| !found.contains(replaced));
            self.remove_empty(&tail, &found.iter().map(|(_, place)| place.segment).collect())?;
        }
        self.delete_files(names.iter().copied())
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        for number in numbers_in(&self.folder).map_err(|e| io_error(&e))? {
            if !self.visit_segment(number, visit)? {
                return Ok(());
            }
        }
        let Some(files) = &self.files else { return Ok(()) };
        let mut failure = None;
        files.visit(&mut |stat| {
            // Nothing is locked while `visit` looks at it: it may have blobs deleted.
            match self.look(stat.name, false, &look_at_header(stat.name)) {
                Ok(None) => visit(stat),
                // A crash came between the new blob and the end of the old one.
                Ok(Some(_)) => true,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        let tail = self.lock_tail();
        let numbers = numbers_in(&self.folder).map_err(|e| io_error(&e))?;
        if let Err(error) = self.remove_empty(&tail, &numbers.into_iter().collect()) {
            tracing::warn!(%error, "a segment that holds nothing is still there");
        }
        drop(tail);
        self.files.as_ref().map_or(Ok(0), BlobFiles::clear_leftovers)
    }
}

impl Drop for BlobSegments {
    fn drop(&mut self) {
        let tail = self.lock_tail();
        if let Some(segment) = tail.segment.as_ref().filter(|_| !tail.spoilt) {
            if segment.len().is_ok_and(|length| length > tail.end) {
                // Zeros that were not needed; what is not cut off now is at the next start.
                let _ = segment.cut(tail.end);
            }
            let reached = Reached { segment: segment.number, offset: tail.end };
            // What is not entered is found at the next start.
            let _ = self.enter_places(&tail, reached, 1);
        }
    }
}

fn stat_of(name: BlobName, header: &Header) -> BlobStat {
    BlobStat { name, size_bytes: header.size_bytes, written_at: header.written_at }
}

/// Looks at the header alone; where there is none, the table's word counts.
fn look_at_header(name: BlobName) -> impl Fn(&Segment, Place) -> io::Result<(Option<Header>, BlobStat)> {
    move |segment, place| {
        let header = segment.header_at(place.offset)?;
        let unknown = BlobStat { name, size_bytes: place.size_bytes, written_at: Timestamp::from_millis(0) };
        Ok((header, header.map_or(unknown, |header| stat_of(name, &header))))
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock that stands before 1970 reads as 1970.
    Timestamp::from_millis(since.map_or(0, |s| i64::try_from(s.as_millis()).unwrap_or(i64::MAX)))
}

fn io_error(error: &io::Error) -> StorageError {
    StorageError::io(Part::Blobs, error)
}
