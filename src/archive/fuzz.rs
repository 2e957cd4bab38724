//! The blob format under one fixed key, for the fuzzer. Only with the feature `fuzz`.

use crate::blob_format::{self, BlobKey};
use crate::storage::{KeyId, Secret};

fn key() -> BlobKey {
    BlobKey { id: KeyId([7; 16]), secret: Secret::new([9; 32]) }
}

/// The file of a blob.
///
/// # Panics
/// Where the system gives no randomness.
pub fn seal_blob(plain: &[u8]) -> Vec<u8> {
    blob_format::seal_blob(&key(), plain).expect("a blob is sealed")
}

/// A file's blob; `None` if it is not exactly what was sealed.
pub fn open_blob(file: &[u8]) -> Option<Vec<u8>> {
    blob_format::open_blob(&key(), file)
}
