//! One segment: a file of records, one after the other ([`super::record`]).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::record::{HEADER_BYTES, Header};
use super::spare::Spare;
use crate::files::direct::{Direct, write_at};
use crate::files::durable;

/// How a segment's file name ends; before it stands its number.
const SUFFIX: &str = ".segment";
/// How much is read at once where a header should be and is none.
const SEARCHED_AT_ONCE_BYTES: usize = 64 << 10;
/// How many zeros are written at once.
const ZEROS: &[u8] = &[0; 64 << 10];

/// A segment that is open. Reads and writes say where, so that any number of threads can read.
pub(super) struct Segment {
    pub(super) number: u64,
    path: PathBuf,
    file: File,
    /// The same file, written past the page cache; opened by the first who appends.
    direct: OnceLock<Direct>,
}

/// A record where a walk found it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Where its header begins.
    pub(super) offset: u64,
    pub(super) header: Header,
}

impl Segment {
    /// Makes one, its name durable: the spare one if it is ready, else an empty one.
    pub(super) fn create(folder: &Path, number: u64, spare: &mut Spare) -> io::Result<Self> {
        let path = path_of(folder, number);
        if let Some(file) = spare.take(&path)? {
            return Ok(Self { number, path, file, direct: OnceLock::new() });
        }
        drop(durable::create_private_file(&path)?);
        durable::sync_folder(folder)?;
        Self::open(folder, number)
    }

    /// Opens one that is there; for reading alone where no more is allowed.
    pub(super) fn open(folder: &Path, number: u64) -> io::Result<Self> {
        let path = path_of(folder, number);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
                ) =>
            {
                File::open(&path)?
            }
            opened => opened?,
        };
        Ok(Self { number, path, file, direct: OnceLock::new() })
    }

    /// Opens one for reading alone.
    pub(super) fn open_foreign(folder: &Path, number: u64) -> io::Result<Self> {
        let path = path_of(folder, number);
        Ok(Self { number, file: File::open(&path)?, path, direct: OnceLock::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// The header at that place; `None` if there is none.
    pub(super) fn header_at(&self, offset: u64) -> io::Result<Option<Header>> {
        let mut bytes = [0; HEADER_BYTES];
        let read = read_at(&self.file, &mut bytes, offset)?;
        Ok(if read == HEADER_BYTES { Header::decode(&bytes) } else { None })
    }

    /// Header and blob of that place, the blob as far as it is there.
    pub(super) fn read(&self, offset: u64, size_bytes: u64) -> io::Result<(Option<Header>, Vec<u8>)> {
        // What a damaged entry says is no reason to take more memory than the file has bytes.
        let left = self.len()?.saturating_sub(offset);
        let wanted = (HEADER_BYTES as u64).saturating_add(size_bytes).min(left);
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(0)];
        let read = read_at(&self.file, &mut bytes, offset)?;
        bytes.truncate(read);
        let header = bytes.first_chunk().and_then(Header::decode);
        bytes.drain(..HEADER_BYTES.min(read));
        Ok((header, bytes))
    }

    /// Whether the blob of a record is the one its header was written for.
    pub(super) fn is_whole(&self, found: &Found) -> io::Result<bool> {
        let Some(kept) = found.header.kept else { return Ok(true) };
        let (_, blob) = self.read(found.offset, found.header.size_bytes)?;
        Ok(blob.len() as u64 == found.header.size_bytes && crc32fast::hash(&blob) == kept.checksum)
    }

    /// Writes whole blocks at the beginning of a block. They are durable after the next [`Segment::sync`].
    pub(super) fn write_blocks(&self, offset: u64, blocks: &[u8]) -> io::Result<()> {
        let direct = self.direct.get_or_init(|| Direct::open(&self.path));
        direct.write_at(&self.file, blocks, offset)
    }

    /// Writes a header anew.
    pub(super) fn write_header(&self, offset: u64, header: &Header) -> io::Result<()> {
        write_at(&self.file, &header.encode(), offset)
    }

    /// Overwrites a record's blob with zeros.
    pub(super) fn write_zeros(&self, found: &Found) -> io::Result<()> {
        let (mut at, end) = (found.offset + HEADER_BYTES as u64, self.end_of(found)?);
        while at < end {
            let some = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
            write_at(&self.file, &ZEROS[..some], at)?;
            at += some as u64;
        }
        Ok(())
    }

    /// Gives the room of a record's blob back to the disk, where the file system can: the place reads as zeros
    /// from then on. Elsewhere the room comes back with the segment's last blob.
    pub(super) fn punch_out(&self, found: &Found) {
        #[cfg(target_os = "linux")]
        if let Ok(end) = self.end_of(found) {
            use rustix::fs::{FallocateFlags, fallocate};
            let from = found.offset + HEADER_BYTES as u64;
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if end > from {
                let _ = fallocate(&self.file, flags, from, end - from);
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = found;
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        durable::sync_written(&self.file)
    }

    /// Cuts off everything behind that place, durably. Only for what this very process has put there and told nobody.
    pub(super) fn cut(&self, length: u64) -> io::Result<()> {
        durable::cut(&self.file, length)
    }

    /// Visits the records from `offset` to `end` in their order; `visit` returns `false` to stop. Where a header
    /// is damaged, the next one is looked for.
    pub(super) fn walk(
        &self,
        mut offset: u64,
        end: u64,
        visit: &mut dyn FnMut(Found) -> io::Result<bool>,
    ) -> io::Result<()> {
        while let Some(found) = self.next_record(offset, end)? {
            if !visit(found)? {
                return Ok(());
            }
            let end = self.record_end(&found);
            offset = if end == u64::MAX { found.offset + HEADER_BYTES as u64 } else { end };
        }
        Ok(())
    }

    /// The first record that begins at `offset` or behind it.
    fn next_record(&self, offset: u64, end: u64) -> io::Result<Option<Found>> {
        if offset >= end {
            return Ok(None);
        }
        if let Some(header) = self.header_at(offset)? {
            return Ok(Some(Found { offset, header }));
        }
        let mut at = offset + HEADER_BYTES as u64;
        let mut window = vec![0; SEARCHED_AT_ONCE_BYTES];
        while at < end {
            let read = read_at(&self.file, &mut window, at)?;
            for (place, bytes) in window[..read].as_chunks().0.iter().enumerate() {
                if let Some(header) = Header::decode(bytes) {
                    return Ok(Some(Found { offset: at + (place * HEADER_BYTES) as u64, header }));
                }
            }
            if read < window.len() {
                return Ok(None);
            }
            at += read as u64;
        }
        Ok(None)
    }

    /// Whether there is nothing but zeros from there to there; `false` where it is not in the segment.
    pub(super) fn is_blank(&self, from: u64, to: u64) -> io::Result<bool> {
        let mut window =
            vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX).min(ZEROS.len())];
        let mut at = from;
        while at < to {
            let some = usize::try_from(to - at).unwrap_or(usize::MAX).min(window.len());
            let read = read_at(&self.file, &mut window[..some], at)?;
            if read == 0 || window[..read] != ZEROS[..read] {
                return Ok(false);
            }
            at += read as u64;
        }
        Ok(from <= to)
    }

    /// Whether every record of it is deleted and there is nothing else in it, be it damaged or half-written.
    pub(super) fn holds_nothing(&self) -> io::Result<bool> {
        let (mut nothing, mut at, end) = (true, 0, self.len()?);
        self.walk(0, end, &mut |found| {
            nothing = found.header.kept.is_none() && self.is_blank(at, found.offset)?;
            at = self.record_end(&found);
            Ok(nothing)
        })?;
        Ok(nothing && (at >= end || self.is_blank(at, end)?))
    }

    /// Whether a record that has its header lies across that place, or reaches into it.
    pub(super) fn is_taken(&self, offset: u64, length: u64) -> io::Result<bool> {
        let to = offset.saturating_add(length);
        let mut taken = false;
        self.walk(0, self.len()?.min(to), &mut |found| {
            taken = found.offset < to && self.record_end(&found) > offset;
            Ok(!taken)
        })?;
        Ok(taken)
    }

    /// Where a record ends by its header, whether it is all there or not.
    pub(super) fn record_end(&self, found: &Found) -> u64 {
        found.header.record_bytes().and_then(|bytes| found.offset.checked_add(bytes)).unwrap_or(u64::MAX)
    }

    fn end_of(&self, found: &Found) -> io::Result<u64> {
        Ok(self.record_end(found).min(self.len()?))
    }
}

/// The numbers of the segments in a folder, in their order.
pub(super) fn numbers_in(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for found in std::fs::read_dir(folder)? {
        let name = found?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
        // Others' files are left alone.
        numbers.extend(number.filter(|number| path_of(folder, *number).file_name() == Some(&name)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}{SUFFIX}"))
}

/// Reads as much as there is, up to the buffer's length.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        #[cfg(unix)]
        let some = std::os::unix::fs::FileExt::read_at(file, &mut buffer[read..], offset + read as u64);
        #[cfg(windows)]
        let some = std::os::windows::fs::FileExt::seek_read(file, &mut buffer[read..], offset + read as u64);
        match some {
            Ok(0) => break,
            Ok(some) => read += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
