//! Made-up contents, the same in every run.

use yidang_model::{CaptureId, ErasureId, MaterialId, Timestamp};

use crate::recovery::OfficeId;
use crate::storage::{
    BlobName, EpochRecord, IndexChange, KeyId, KeyPurpose, KeyRecord, MaterialRow, NewEntry, RecoverySeal,
    StagedRow, StagedState, Tag, Verb,
};

/// Lengths at which something tends to break: nothing, one, around a chunk, many chunks.
pub(crate) const LENGTHS: [usize; 6] = [0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 5 << 20];

/// Bytes without a pattern a compressor or a sparse file could use.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

fn array<const N: usize>(kind: u64, number: u64) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes(kind << 32 | number, N));
    array
}

pub(crate) fn blob_name(number: u64) -> BlobName {
    BlobName(array(1, number))
}

pub(crate) fn tag(number: u64) -> Tag {
    Tag(array(2, number))
}

pub(crate) fn key_id(number: u64) -> KeyId {
    KeyId(array(3, number))
}

pub(crate) fn material_id(number: u64) -> MaterialId {
    MaterialId::from_bytes(array(4, number))
}

pub(crate) fn capture_id(number: u64) -> CaptureId {
    CaptureId::from_bytes(array(5, number))
}

pub(crate) fn erasure_id(number: u64) -> ErasureId {
    ErasureId::from_bytes(array(6, number))
}

pub(crate) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

/// An entry whose every field depends on the number; without an idempotency tag.
pub(crate) fn entry(number: u64) -> NewEntry {
    let millis = i64::try_from(number % 1000).unwrap_or(0);
    let length = usize::try_from(number % 300).unwrap_or(0);
    NewEntry {
        version: 1,
        at: instant(millis),
        verb: if number.is_multiple_of(2) { Verb::Staged } else { Verb::Looked },
        idempotency: None,
        request: None,
        body: bytes(number, length),
    }
}

pub(crate) fn epoch(number: u32) -> EpochRecord {
    EpochRecord {
        epoch: number,
        check: array(7, number.into()),
        began_at: instant(number.into()),
        // Every other one, so that one is put where none was and none where one was.
        recovery: number.is_multiple_of(2).then(|| recovery(number)),
    }
}

/// What stands for that epoch's key, sealed to the office's recovery key of that number.
pub(crate) fn recovery(number: u32) -> RecoverySeal {
    RecoverySeal { office: OfficeId(array(8, number.into())), sealed: bytes(u64::from(number) << 4, 92) }
}

pub(crate) fn key(number: u64, purpose: KeyPurpose, epoch: u32) -> KeyRecord {
    KeyRecord {
        id: key_id(number),
        purpose,
        tag: (purpose == KeyPurpose::Holder).then(|| tag(number)),
        epoch,
        wrapped: wrapped(number, epoch),
        created_at: instant(5),
    }
}

/// What stands for key `number` wrapped by that epoch.
pub(crate) fn wrapped(number: u64, epoch: u32) -> Vec<u8> {
    bytes(number << 8 | u64::from(epoch), 60)
}

/// An unfiled set of these blobs.
pub(crate) fn staged(number: u64, sequence: u64, blobs: &[u64]) -> StagedRow {
    StagedRow {
        id: capture_id(number),
        sequence,
        key: key_id(number),
        expires_at: instant(1000),
        state: StagedState::Unfiled,
        blobs: sorted(blobs.iter().map(|b| blob_name(*b))),
    }
}

/// A material of these holders and blobs, with a filing tag of its own.
pub(crate) fn material(number: u64, sequence: u64, holders: &[u64], blobs: &[u64]) -> MaterialRow {
    MaterialRow {
        id: material_id(number),
        sequence,
        holders: sorted(holders.iter().map(|h| tag(*h))),
        filing: tag(1 << 20 | number),
        blobs: sorted(blobs.iter().map(|b| blob_name(*b))),
        supersedes: None,
        originals_disposed: false,
    }
}

/// Filed without a staged set.
pub(crate) fn filed(row: &MaterialRow) -> IndexChange {
    IndexChange::Filed { row: row.clone(), staged: Vec::new() }
}

pub(crate) fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}
