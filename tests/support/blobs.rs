//! The sealed blobs of a data folder, as they lie on its disk.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Length of what stands before each blob in a segment.
const HEADER_BYTES: u64 = 64;

/// One of them.
pub(crate) struct StoredBlob {
    segment: PathBuf,
    /// Where its header begins.
    offset: u64,
    size_bytes: u64,
}

/// All that are kept, in the order they were written.
pub(crate) fn stored_in(data_dir: &Path) -> Vec<StoredBlob> {
    let found = fs::read_dir(data_dir.join("blobs/segments")).expect("a folder");
    let mut segments: Vec<PathBuf> = found.map(|entry| entry.expect("an entry").path()).collect();
    segments.sort();
    let mut blobs = Vec::new();
    for segment in segments {
        let content = fs::read(&segment).expect("a segment");
        let mut at = 0;
        while at < content.len() {
            if !content[at..].starts_with(b"ydrc") {
                // What is written together begins at a block of its own.
                at += HEADER_BYTES as usize;
                continue;
            }
            let size = content[at + 8..at + 16].try_into().expect("eight bytes");
            let size_bytes = u64::from_be_bytes(size);
            if content[at + 5] == 1 {
                blobs.push(StoredBlob { segment: segment.clone(), offset: at as u64, size_bytes });
            }
            at += usize::try_from((HEADER_BYTES + size_bytes).next_multiple_of(HEADER_BYTES))
                .expect("a length");
        }
    }
    blobs
}

impl StoredBlob {
    /// Its name, as the check tells it.
    pub(crate) fn name(&self) -> String {
        let mut name = [0; 32];
        self.open().read_exact_at(&mut name, self.offset + 24).expect("it is read");
        name.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Cuts its segment off in the middle of it.
    pub(crate) fn cut(&self) {
        self.open().set_len(self.offset + HEADER_BYTES + self.size_bytes / 2).expect("it is cut");
    }

    /// Puts what this one holds where the other lies, under the other's name; they are of one length.
    pub(crate) fn copy_onto(&self, other: &Self) {
        assert_eq!(self.size_bytes, other.size_bytes);
        other.open().write_all_at(&self.sealed(), other.offset + HEADER_BYTES).expect("it is written");
    }

    /// As it is sealed.
    pub(crate) fn sealed(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.size_bytes).expect("a length")];
        self.open().read_exact_at(&mut bytes, self.offset + HEADER_BYTES).expect("it is read");
        bytes
    }

    /// Changes a bit in its middle; done twice, it is whole again.
    pub(crate) fn damage(&self) {
        let (file, middle) = (self.open(), self.offset + HEADER_BYTES + self.size_bytes / 2);
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle).expect("it is read");
        file.write_all_at(&[byte[0] ^ 1], middle).expect("it is damaged");
    }

    /// Takes it away, as if it had been deleted.
    pub(crate) fn remove(&self) {
        let file = self.open();
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut header, self.offset).expect("it is read");
        header[5] = 2;
        header[24..60].fill(0);
        let checksum = crc32(&header[..60]);
        header[60..].copy_from_slice(&checksum.to_be_bytes());
        file.write_all_at(&header, self.offset).expect("it is removed");
    }

    fn open(&self) -> File {
        OpenOptions::new().read(true).write(true).open(&self.segment).expect("a segment")
    }
}

/// The CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
