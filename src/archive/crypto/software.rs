//! Both suites without a device.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes256Gcm, AesGcm, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
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
        let wrong =
            |_| StorageError::new(Part::KeyKeeper, StorageFault::Damaged, "a key of the wrong length");
        Ok(match key.suite() {
            Suite::Aes256Gcm => Box::new(InMemory(Aes256Gcm::new_from_slice(key.expose()).map_err(wrong)?)),
            Suite::Sm4Gcm => Box::new(InMemory(Sm4Gcm::new_from_slice(key.expose()).map_err(wrong)?)),
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
            .map_err(|_| StorageError::new(Part::Blobs, StorageFault::Io, "too long to be sealed"))?;
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
