//! How a blob is sealed into a file.
//!
//! ```text
//! 0   8  magic "yidblob\0"
//! 8   1  version, 1
//! 9   1  algorithm: AES-256-GCM 1, SM4-GCM 2, in chunks
//! 10  16 key id
//! 26  4  chunk length, big-endian, 65536
//! 30  7  nonce prefix, random
//! 37     chunks: ciphertext (all but the last of full length) and 16 bytes of authentication tag each
//! ```
//!
//! A chunk's nonce is the prefix, the chunk's number (u32, big-endian, from 0) and 1 for the last chunk, 0
//! for the others; the header is the associated data of every chunk. So chunks cannot be reordered, left out
//! or cut off, nor a header be put before another blob's chunks. An empty blob has one empty chunk.

use crate::crypto::Suite;
use crate::seal::{self, NONCE_BYTES, TAG_BYTES};
use crate::storage::{KeyId, Secret, StorageError};

const MAGIC: &[u8; 8] = b"yidblob\0";
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 7;
const HEADER_BYTES: usize = 37;
/// Plain bytes in a chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// The key of one blob. Kept in the ledger entries of those who may open it.
#[derive(Clone, Debug)]
pub(crate) struct BlobKey {
    pub(crate) id: KeyId,
    pub(crate) secret: Secret,
}

impl BlobKey {
    /// A fresh one.
    pub(crate) fn random(suite: Suite) -> Result<Self, StorageError> {
        Ok(Self { id: KeyId(seal::random()?), secret: seal::random_secret(suite)? })
    }
}

/// Seals a blob into the bytes of its file.
pub(crate) fn seal_blob(key: &BlobKey, plain: &[u8]) -> Result<Vec<u8>, StorageError> {
    let handle = seal::take_in(&key.secret)?;
    let prefix = seal::random::<PREFIX_BYTES>()?;
    let chunk_count = plain.len().div_ceil(CHUNK_BYTES).max(1);
    let mut file = Vec::with_capacity(HEADER_BYTES + plain.len() + chunk_count * TAG_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&[VERSION, key.secret.suite().number()]);
    file.extend_from_slice(&key.id.0);
    file.extend_from_slice(&(CHUNK_BYTES as u32).to_be_bytes());
    file.extend_from_slice(&prefix);
    let mut header = [0; HEADER_BYTES];
    header.copy_from_slice(&file);
    for number in 0..chunk_count {
        let start = file.len();
        let from = number * CHUNK_BYTES;
        file.extend_from_slice(&plain[from..plain.len().min(from + CHUNK_BYTES)]);
        let nonce = chunk_nonce(&prefix, number, number + 1 == chunk_count);
        let tag = handle.seal_in_place(&nonce, &header, &mut file[start..])?;
        file.extend_from_slice(&tag);
    }
    Ok(file)
}

/// Opens a file's bytes; `None` if they are not exactly what was sealed with this key.
pub(crate) fn open_blob(key: &BlobKey, file: &[u8]) -> Option<Vec<u8>> {
    let (header, chunks) = file.split_first_chunk::<HEADER_BYTES>()?;
    let rest = header.strip_prefix(MAGIC)?.strip_prefix(&[VERSION, key.secret.suite().number()])?;
    let rest = rest.strip_prefix(&key.id.0)?.strip_prefix(&(CHUNK_BYTES as u32).to_be_bytes())?;
    let prefix: [u8; PREFIX_BYTES] = rest.try_into().ok()?;
    if chunks.is_empty() {
        return None;
    }
    let handle = seal::take_in(&key.secret).ok()?;
    let mut plain = Vec::with_capacity(chunks.len());
    let chunk_count = chunks.len().div_ceil(CHUNK_BYTES + TAG_BYTES);
    for (number, chunk) in chunks.chunks(CHUNK_BYTES + TAG_BYTES).enumerate() {
        let (ciphertext, tag) = chunk.split_last_chunk::<TAG_BYTES>()?;
        let start = plain.len();
        plain.extend_from_slice(ciphertext);
        let nonce = chunk_nonce(&prefix, number, number + 1 == chunk_count);
        if !handle.open_in_place(&nonce, header, &mut plain[start..], tag) {
            return None;
        }
    }
    Some(plain)
}

fn chunk_nonce(prefix: &[u8; PREFIX_BYTES], number: usize, last: bool) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..PREFIX_BYTES].copy_from_slice(prefix);
    // Blobs are bounded far below 2^32 chunks.
    nonce[PREFIX_BYTES..PREFIX_BYTES + 4].copy_from_slice(&(number as u32).to_be_bytes());
    nonce[NONCE_BYTES - 1] = u8::from(last);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEALED_CHUNK: usize = CHUNK_BYTES + TAG_BYTES;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 % 251) as u8).collect()
    }

    #[test]
    fn every_length_around_a_chunk_opens_to_itself() {
        let keys = Suite::ALL.map(|suite| BlobKey::random(suite).unwrap());
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let plain = bytes(length);
            for (number, key) in (1..).zip(&keys) {
                let mut file = seal_blob(key, &plain).unwrap();
                assert_eq!(open_blob(key, &file).as_ref(), Some(&plain), "{length}");
                assert_eq!(file[9], number, "it says by what it was sealed");
                file[9] = 3 - number;
                assert_eq!(open_blob(key, &file), None);
            }
        }
    }

    #[test]
    fn cut_reordered_and_mixed_files_do_not_open() {
        let key = BlobKey::random(Suite::Aes256Gcm).unwrap();
        let file = seal_blob(&key, &bytes(3 * CHUNK_BYTES)).unwrap();
        for length in [0, HEADER_BYTES, HEADER_BYTES + SEALED_CHUNK, HEADER_BYTES + 2 * SEALED_CHUNK] {
            assert_eq!(open_blob(&key, &file[..length]), None, "cut to {length}");
        }
        let mut longer = file.clone();
        longer.extend_from_slice(&file[HEADER_BYTES..HEADER_BYTES + SEALED_CHUNK]);
        assert_eq!(open_blob(&key, &longer), None, "a chunk more");
        let mut reordered = file.clone();
        reordered[HEADER_BYTES..HEADER_BYTES + 2 * SEALED_CHUNK].rotate_left(SEALED_CHUNK);
        assert_eq!(open_blob(&key, &reordered), None, "two chunks exchanged");
        let other = seal_blob(&key, &bytes(3 * CHUNK_BYTES)).unwrap();
        let mut mixed = other[..HEADER_BYTES].to_vec();
        mixed.extend_from_slice(&file[HEADER_BYTES..]);
        assert_eq!(open_blob(&key, &mixed), None, "another blob's header");
        assert_eq!(open_blob(&BlobKey::random(Suite::Aes256Gcm).unwrap(), &file), None, "another key");
    }

    #[test]
    fn the_same_bytes_are_never_sealed_alike() {
        let key = BlobKey::random(Suite::Aes256Gcm).unwrap();
        assert_ne!(seal_blob(&key, b"same").unwrap(), seal_blob(&key, b"same").unwrap());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_anywhere_is_noticed(length in 0usize..400, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let key = BlobKey::random(Suite::Aes256Gcm).unwrap();
            let mut file = seal_blob(&key, &bytes(length)).unwrap();
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            prop_assert_eq!(open_blob(&key, &file), None);
        }

        #[test]
        fn arbitrary_files_are_refused(file in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(open_blob(&BlobKey::random(Suite::Aes256Gcm).unwrap(), &file), None);
        }
    }
}
