//! Both suites without a device.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AesGcm, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use sha2::Sha256;
use sm3::Sm3;
use sm4::Sm4;
use zeroize::Zeroizing;

use super::{CryptoDevice, KeyHandle, NONCE_BYTES, Suite, TAG_BYTES};
use crate::storage::{Part, Secret, StorageError, StorageFault};

type Sm4Gcm = AesGcm<Sm4, U12>;

/// Bytes that SHA-256 and SM3 take in at a time.
const HASH_BLOCK_BYTES: usize = 64;

/// The processor.
pub(super) struct Software;

impl CryptoDevice for Software {
    fn take_in(&self, key: &Secret) -> Result<Box<dyn KeyHandle>, StorageError> {
        Ok(match key.suite() {
            Suite::Aes256Gcm => Box::new(Aes256Gcm::new(key.expose())?),
            Suite::Sm4Gcm => {
                Box::new(InMemory(Sm4Gcm::new_from_slice(key.expose()).map_err(|_| wrong_length())?))
            }
        })
    }

    fn mac(&self, key: &Secret, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC fills a key up with zeros to the block length of its hash.
        let mut block = Zeroizing::new([0; HASH_BLOCK_BYTES]);
        block[..key.expose().len()].copy_from_slice(key.expose());
        match key.suite() {
            Suite::Aes256Gcm => finish(<Hmac<Sha256> as KeyInit>::new(&(*block).into()), parts),
            Suite::Sm4Gcm => finish(<Hmac<Sm3> as KeyInit>::new(&(*block).into()), parts),
        }
    }
}

fn finish<M: Mac<OutputSize = aes_gcm::aead::consts::U32>>(mut mac: M, parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn wrong_length() -> StorageError {
    StorageError::new(Part::KeyKeeper, StorageFault::Damaged, "a key of the wrong length")
}

fn too_long() -> StorageError {
    StorageError::new(Part::Blobs, StorageFault::Io, "too long to be sealed")
}

/// AES-256-GCM of `ring`, several times as fast as the generic one on processors that have instructions for both of its
/// halves.
struct Aes256Gcm(LessSafeKey);

impl Aes256Gcm {
    fn new(key: &[u8]) -> Result<Self, StorageError> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| wrong_length())?)))
    }
}

impl KeyHandle for Aes256Gcm {
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], StorageError> {
        let nonce = ring::aead::Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), buffer).map_err(|_| too_long())?;
        tag.as_ref().try_into().map_err(|_| too_long())
    }

    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        let nonce = ring::aead::Nonce::assume_unique_for_key(*nonce);
        self.0.open_in_place_separate_tag(nonce, Aad::from(aad), (*tag).into(), buffer, 0..).is_ok()
    }
}

impl Drop for Aes256Gcm {
    /// `ring` does not wipe: the schedule of no one's key takes the place of this one's.
    fn drop(&mut self) {
        if let Ok(of_zeros) = UnboundKey::new(&AES_256_GCM, &[0; 32]) {
            self.0 = LessSafeKey::new(of_zeros);
            // Else it could be left out, since nobody reads it.
            std::hint::black_box(&self.0);
        }
    }
}

/// A key with its schedule; both wipe themselves.
struct InMemory<C>(C);

impl<C: AeadInOut<NonceSize = U12, TagSize = aes_gcm::aead::consts::U16>> KeyHandle for InMemory<C> {
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], StorageError> {
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(*nonce), aad, InOutBuf::from(buffer))
            .map_err(|_| too_long())?;
        Ok(tag.into())
    }

    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        let buffer = InOutBuf::from(buffer);
        self.0.decrypt_inout_detached(&Nonce::from(*nonce), aad, buffer, &Tag::from(*tag)).is_ok()
    }
}
