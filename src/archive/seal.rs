//! The two primitives everything rests on: AES-256-GCM to seal, HMAC-SHA-256 to name.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::storage::{Part, Secret, StorageError, StorageFault};

/// Length of a nonce, in bytes.
pub(crate) const NONCE_BYTES: usize = 12;
/// Length of an authentication tag, in bytes.
pub(crate) const TAG_BYTES: usize = 16;

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StorageError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| {
        StorageError::new(Part::KeyKeeper, StorageFault::Io, "the operating system gave no random bytes")
    })?;
    Ok(bytes)
}

/// A random key.
pub(crate) fn random_secret() -> Result<Secret, StorageError> {
    let bytes = Zeroizing::new(random::<32>()?);
    Ok(Secret::new(*bytes))
}

/// Joins a label and parts so that no two different lists give the same bytes.
pub(crate) fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(label.len() + 1 + parts.iter().map(|p| p.len() + 8).sum::<usize>());
    bytes.extend_from_slice(label.as_bytes());
    bytes.push(0);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// HMAC-SHA-256 over a label and parts.
pub(crate) fn keyed_hash(key: &Secret, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a key up with zeros to the block length of its hash.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key.expose());
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&(*block).into());
    let mut framing = Vec::with_capacity(label.len() + 1);
    framing.extend_from_slice(label.as_bytes());
    framing.push(0);
    mac.update(&framing);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Encrypts `buffer` in place and returns the authentication tag.
pub(crate) fn seal_in_place(
    key: &Secret,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_BYTES], StorageError> {
    let cipher = Aes256Gcm::new(&(*key.expose()).into());
    let tag = cipher
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, InOutBuf::from(buffer))
        .map_err(|_| StorageError::new(Part::Blobs, StorageFault::Io, "too long to be sealed"))?;
    Ok(tag.into())
}

/// Decrypts `buffer` in place; `false` if it is not what was sealed, and then it holds nothing of use.
pub(crate) fn open_in_place(
    key: &Secret,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> bool {
    let cipher = Aes256Gcm::new(&(*key.expose()).into());
    cipher.decrypt_inout_detached(&Nonce::from(*nonce), aad, InOutBuf::from(buffer), &Tag::from(*tag)).is_ok()
}

/// Seals under a random nonce: nonce, ciphertext, authentication tag. One key seals far fewer than 2^32
/// things this way, which is where random nonces stop being safe.
pub(crate) fn seal(key: &Secret, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StorageError> {
    let nonce = random::<NONCE_BYTES>()?;
    let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = seal_in_place(key, &nonce, aad, &mut sealed[NONCE_BYTES..])?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] sealed; `None` if key, context or a single bit is another.
pub(crate) fn open(key: &Secret, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    open_in_place(key, nonce, aad, &mut plain, tag).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cipher_is_the_published_one() {
        // NIST GCM test case 14: zero key, zero nonce, one zero block.
        let key = Secret::new([0; 32]);
        let mut buffer = [0; 16];
        let tag = seal_in_place(&key, &[0; 12], b"", &mut buffer).unwrap();
        assert_eq!(hex::encode(buffer), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(hex::encode(tag), "d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn a_changed_bit_context_or_key_does_not_open() {
        let key = random_secret().unwrap();
        let sealed = seal(&key, b"context", b"contents").unwrap();
        assert_eq!(open(&key, b"context", &sealed).unwrap().as_slice(), b"contents");
        assert!(open(&key, b"contexts", &sealed).is_none());
        assert!(open(&random_secret().unwrap(), b"context", &sealed).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, b"context", &changed).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&key, b"context", &sealed[..length]).is_none(), "length {length}");
        }
    }

    #[test]
    fn the_keyed_hash_is_hmac() {
        // Computed with Python's hmac module: key 00 01 … 1f, message "label\0", length 3 in 8 bytes, "abc".
        let key = Secret::new(std::array::from_fn(|i| i as u8));
        let hash = hex::encode(keyed_hash(&key, "label", &[b"abc"]));
        assert_eq!(hash, "b1531243669045229e4c06618bb9f36f1c33797b6ff28df9f77b08aff41b72ae");
    }

    #[test]
    fn where_a_part_ends_matters() {
        let key = Secret::new([7; 32]);
        assert_ne!(keyed_hash(&key, "l", &[b"ab", b"c"]), keyed_hash(&key, "l", &[b"a", b"bc"]));
        assert_ne!(keyed_hash(&key, "l", &[b"ab"]), keyed_hash(&key, "la", &[b"b"]));
        assert_ne!(framed("l", &[b"ab", b"c"]), framed("l", &[b"a", b"bc"]));
    }
}
