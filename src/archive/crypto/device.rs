//! What carries a suite out.

use std::sync::OnceLock;

use crate::storage::{Secret, StorageError};

/// Length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 12;
/// Length of an authentication tag, in bytes.
pub const TAG_BYTES: usize = 16;

/// Carries out a suite: in software, or in a certified device (GM/T 0018). All calls block.
///
/// A device of that interface would fill it so, with a session per handle:
///
/// | here | there |
/// |---|---|
/// | [`take_in`](Self::take_in) | `SDF_ImportKey`, and `SDF_DestroyKey` when the handle is dropped |
/// | [`KeyHandle::seal_in_place`], [`KeyHandle::open_in_place`] | `SDF_AuthEnc`, `SDF_AuthDec` with SM4-GCM, or where a device has no GCM, GHASH here over counters from `SDF_Encrypt` in ECB |
/// | [`mac`](Self::mac) | `SDF_HMACInit`, `SDF_HMACUpdate`, `SDF_HMACFinal` with SM3, or the two hashes of an HMAC by `SDF_HashInit` … |
///
/// Keys cross this boundary bare, since thousands of them are unwrapped that live for one call. A device that is to keep
/// the epoch's key as well holds it as a key encryption key (`SDF_ImportKeyWithKEK`): then the key keeper's answer is that
/// key's number instead of the key, and unwrapping is a call more of this trait.
pub trait CryptoDevice: Send + Sync {
    /// Takes a key in, for as long as the handle lives.
    fn take_in(&self, key: &Secret) -> Result<Box<dyn KeyHandle>, StorageError>;

    /// The suite's HMAC over the parts, one after another. A device that cannot answer computes it in software: names are
    /// not secret from who has their key, and a search is no place to fail.
    fn mac(&self, key: &Secret, parts: &[&[u8]]) -> [u8; 32];
}

/// A key inside a device.
pub trait KeyHandle {
    /// Encrypts `buffer` in place and returns the authentication tag.
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], StorageError>;

    /// Decrypts `buffer` in place; `false` if it is not what was sealed, and then it holds nothing of use.
    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool;
}

static NATIONAL: OnceLock<Box<dyn CryptoDevice>> = OnceLock::new();

/// Has `sm4-gcm` carried out by this device of the machine's, for the rest of this process. `false`: one was put there
/// before, and stays. To be called before an archive is opened; the device has to pass
/// `conformance::crypto_device`.
pub fn use_device(device: Box<dyn CryptoDevice>) -> bool {
    NATIONAL.set(device).is_ok()
}

pub(super) fn national_device() -> Option<&'static dyn CryptoDevice> {
    NATIONAL.get().map(Box::as_ref)
}
