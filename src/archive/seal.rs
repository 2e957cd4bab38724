//! The two primitives everything rests on: authenticated encryption to seal, a keyed hash to name. The key says by which
//! suite.

use zeroize::Zeroizing;

use crate::crypto::{KeyHandle, Suite};
pub(crate) use crate::crypto::{NONCE_BYTES, TAG_BYTES};
use crate::storage::{Part, Secret, StorageError, StorageFault};

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StorageError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| {
        StorageError::new(Part::KeyKeeper, StorageFault::Io, "the operating system gave no random bytes")
    })?;
    Ok(bytes)
}

/// A random key.
pub(crate) fn random_secret(suite: Suite) -> Result<Secret, StorageError> {
    let bytes = Zeroizing::new(random::<32>()?);
    Secret::from_slice(&bytes[..suite.key_bytes()])
        .ok_or_else(|| StorageError::new(Part::KeyKeeper, StorageFault::Io, "a suite without keys"))
}

/// A key taken into what carries its suite out.
pub(crate) fn take_in(key: &Secret) -> Result<Box<dyn KeyHandle>, StorageError> {
    key.suite().device().take_in(key)
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

/// The suite's HMAC over a label and parts.
pub(crate) fn keyed_hash(key: &Secret, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let lengths: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let mut framed: Vec<&[u8]> = vec![label.as_bytes(), &[0]];
    for (length, part) in lengths.iter().zip(parts) {
        framed.extend([length.as_slice(), part]);
    }
    key.suite().device().mac(key, &framed)
}

/// Seals under a random nonce: nonce, ciphertext, authentication tag. One key seals far fewer than 2^32
/// things this way, which is where random nonces stop being safe.
pub(crate) fn seal(key: &Secret, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StorageError> {
    let nonce = random::<NONCE_BYTES>()?;
    let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = take_in(key)?.seal_in_place(&nonce, aad, &mut sealed[NONCE_BYTES..])?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] sealed; `None` if key, context or a single bit is another.
pub(crate) fn open(key: &Secret, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    take_in(key).ok()?.open_in_place(nonce, aad, &mut plain, tag).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_context_or_key_does_not_open() {
        for suite in Suite::ALL {
            opens_alone(suite);
        }
    }

    fn opens_alone(suite: Suite) {
        let key = random_secret(suite).unwrap();
        let sealed = seal(&key, b"context", b"contents").unwrap();
        assert_eq!(open(&key, b"context", &sealed).unwrap().as_slice(), b"contents");
        assert!(open(&key, b"contexts", &sealed).is_none());
        for other in Suite::ALL {
            assert!(open(&random_secret(other).unwrap(), b"context", &sealed).is_none());
        }
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
    fn where_a_part_ends_matters() {
        let key = Secret::new([7; 32]);
        assert_ne!(keyed_hash(&key, "l", &[b"ab", b"c"]), keyed_hash(&key, "l", &[b"a", b"bc"]));
        assert_ne!(keyed_hash(&key, "l", &[b"ab"]), keyed_hash(&key, "la", &[b"b"]));
        assert_ne!(framed("l", &[b"ab", b"c"]), framed("l", &[b"a", b"bc"]));
    }
}
