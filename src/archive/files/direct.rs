//! Writing past the page cache, where the file system lets us.
//!
//! A sealed blob is seldom read soon, so a copy of it in the page cache is work for nothing, and the sync that follows
//! would have to find and write it page by page. Past the cache the disk takes the bytes from our own memory.

use std::fs::File;
use std::io;
use std::path::Path;

/// Every place and every length written past the cache is a multiple of this, as is the memory's address.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// A file opened a second time to write blocks past the page cache.
pub(crate) struct Direct(Option<File>);

impl Direct {
    /// Of a file that is there. Where the file system has no such way, all goes through the cache.
    #[cfg(target_os = "linux")]
    pub(crate) fn open(path: &Path) -> Self {
        let mut options = File::options();
        let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options.write(true), flags);
        Self(options.open(path).ok())
    }

    /// Elsewhere all goes through the cache.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open(_path: &Path) -> Self {
        Self(None)
    }

    /// Writes there; through the cache, by `file`, what does not go past it. Durable after the file's next sync.
    pub(crate) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(direct) = &self.0 {
            match write_at(direct, bytes, offset) {
                // Opened, but not for a piece of this length, or not from this memory.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                written => return written,
            }
        }
        write_at(file, bytes, offset)
    }
}

/// Writes all of it there.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        #[cfg(unix)]
        let some = std::os::unix::fs::FileExt::write_at(file, &bytes[written..], offset + written as u64);
        #[cfg(windows)]
        let some =
            std::os::windows::fs::FileExt::seek_write(file, &bytes[written..], offset + written as u64);
        match some {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(some) => written += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Memory to write blocks from. It begins as zeros.
pub(crate) struct Blocks {
    memory: Vec<u8>,
    begin: usize,
    size_bytes: usize,
}

impl Blocks {
    pub(crate) fn new(size_bytes: usize) -> Self {
        let memory = vec![0; size_bytes + BLOCK_BYTES];
        // A vector that is never made longer stays where it is. If there is no such place, the cache is gone through.
        let begin = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        Self { memory, begin, size_bytes }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..][..self.size_bytes]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.begin..][..self.size_bytes]
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_past_the_cache_goes_through_it() {
        // On a disk as well as in memory, where that has no such way.
        for folder in [tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap()] {
            let path = folder.path().join("file");
            let file = File::create_new(&path).unwrap();
            let direct = Direct::open(&path);
            let mut blocks = Blocks::new(2 * BLOCK_BYTES);
            assert!(blocks.bytes().iter().all(|byte| *byte == 0));
            blocks.bytes_mut().fill(1);
            let half = BLOCK_BYTES / 2;
            direct.write_at(&file, blocks.bytes(), 0).unwrap();
            blocks.bytes_mut().fill(2);
            direct.write_at(&file, &blocks.bytes()[..half], BLOCK_BYTES as u64).unwrap();
            blocks.bytes_mut().fill(3);
            direct.write_at(&file, &blocks.bytes()[1..=BLOCK_BYTES], 2 * BLOCK_BYTES as u64).unwrap();
            let halves = std::fs::read(&path).unwrap();
            let halves: Vec<u8> = halves.chunks(half).map(|half| half[0]).collect();
            assert_eq!(halves, [1, 1, 2, 1, 3, 3]);
        }
    }

    #[test]
    fn blocks_begin_where_the_disk_wants_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        File::create_new(&path).unwrap();
        let direct = Direct::open(&path);
        let Some(file) = &direct.0 else { return };
        for size_bytes in [BLOCK_BYTES, 3 * BLOCK_BYTES, 1 << 20] {
            write_at(file, Blocks::new(size_bytes).bytes(), 0).unwrap();
        }
    }
}
