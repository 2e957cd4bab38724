//! The header before each blob in a segment.
//!
//! ```text
//! 0   4  magic "ydrc"
//! 4   1  version, 1
//! 5   1  state: 1 kept, 2 deleted
//! 6   2  zero
//! 8   8  length of the blob, big-endian
//! 16  8  when it was written, milliseconds since 1970, big-endian
//! 24  32 the blob's name; zeros once it is deleted
//! 56  4  CRC-32 of the blob; zeros once it is deleted
//! 60  4  CRC-32 of the 60 bytes before
//! 64     the blob, and zeros up to the next multiple of 64
//! ```
//!
//! A header begins at a multiple of its own length, so it never lies across two sectors of a disk: it is written
//! whole or not at all. The checksums tell what a power cut left half-written from what was finished; who wrote a
//! blob is for its seal to say.

use yidang_model::Timestamp;

use crate::storage::BlobName;

/// Length of a header, and what every record's place and length is a multiple of.
pub(super) const HEADER_BYTES: usize = 64;

const MAGIC: &[u8; 4] = b"ydrc";
const VERSION: u8 = 1;
const KEPT: u8 = 1;
const DELETED: u8 = 2;

/// What stands before a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Length of the blob.
    pub(super) size_bytes: u64,
    pub(super) written_at: Timestamp,
    /// `None` once the blob is deleted.
    pub(super) kept: Option<Kept>,
}

/// What is known of a blob that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: BlobName,
    pub(super) checksum: u32,
}

impl Header {
    /// Of a blob that is written now.
    pub(super) fn of(name: BlobName, blob: &[u8], written_at: Timestamp) -> Self {
        let kept = Kept { name, checksum: crc32fast::hash(blob) };
        Self { size_bytes: blob.len() as u64, written_at, kept: Some(kept) }
    }

    /// The same place once its blob is deleted.
    pub(super) fn deleted(self) -> Self {
        Self { kept: None, ..self }
    }

    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = VERSION;
        bytes[5] = if self.kept.is_some() { KEPT } else { DELETED };
        bytes[8..16].copy_from_slice(&self.size_bytes.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.written_at.as_millis().to_be_bytes());
        if let Some(kept) = &self.kept {
            bytes[24..56].copy_from_slice(&kept.name.0);
            bytes[56..60].copy_from_slice(&kept.checksum.to_be_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// `None` for anything that was not encoded here.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (fields, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(fields) != u32::from_be_bytes(*checksum) {
            return None;
        }
        let rest = fields.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?;
        let (state, rest) = (rest.first()?, rest.get(3..)?);
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (name, crc) = rest.split_first_chunk::<32>()?;
        let kept = match *state {
            KEPT => Some(Kept { name: BlobName(*name), checksum: u32::from_be_bytes(crc.try_into().ok()?) }),
            DELETED => None,
            _ => return None,
        };
        let written_at = Timestamp::from_millis(i64::from_be_bytes(*at));
        Some(Self { size_bytes: u64::from_be_bytes(*size), written_at, kept })
    }

    /// How many bytes header, blob and filling take together; `None` for a length no file can have.
    pub(super) fn record_bytes(&self) -> Option<u64> {
        (HEADER_BYTES as u64).checked_add(self.size_bytes)?.checked_next_multiple_of(HEADER_BYTES as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::of(BlobName([7; 32]), b"some bytes", Timestamp::from_millis(1_795_500_000_000))
    }

    #[test]
    fn a_header_reads_back_kept_and_deleted() {
        for header in [header(), header().deleted()] {
            assert_eq!(Header::decode(&header.encode()), Some(header));
        }
        assert_eq!(header().record_bytes(), Some(128));
        assert!(!header().deleted().encode().windows(4).any(|w| w == [7; 4]), "the name is gone");
    }

    #[test]
    fn a_header_with_a_flipped_bit_is_none() {
        let whole = header().encode();
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = whole;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&flipped), None, "bit {bit}");
        }
        assert_eq!(Header::decode(&[0; HEADER_BYTES]), None);
    }

    #[test]
    fn a_length_beyond_every_file_has_no_end() {
        assert_eq!(Header { size_bytes: u64::MAX - 1, ..header() }.record_bytes(), None);
    }
}
