//! The key pair, and the epoch keys sealed to it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use super::RecoveryError;
use super::text::{self, Lines};
use crate::crypto::Suite;
use crate::seal;
use crate::storage::{Part, RecoverySeal, Secret, StorageError, StorageFault};

/// First words of the file; the version follows.
const WORDS: &str = "yidang recovery key";
/// Longest text that is read as a key or a share, in bytes.
const TEXT_BYTES_MAX: u64 = 4096;
/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// By what an office's recovery key is called: the beginning of its digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OfficeId(pub [u8; 8]);

impl fmt::Display for OfficeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for OfficeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficeId({self})")
    }
}

/// The public half. Its text form is three lines: what it is, the key, a checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryKey([u8; KEY_BYTES]);

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKey({})", self.office())
    }
}

impl RecoveryKey {
    /// Reads it from a file. What is no key is [`io::ErrorKind::InvalidData`] with a [`RecoveryError`] inside.
    pub fn load(path: &Path) -> io::Result<Self> {
        read_text(path)?.parse().map_err(|e: RecoveryError| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    /// By what it is called.
    pub fn office(&self) -> OfficeId {
        let digest: [u8; 32] = Sha256::new().chain_update(WORDS).chain_update(self.0).finalize().into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        OfficeId(id)
    }

    /// Seals an epoch's key: the fresh public key, then what [`seal::seal`] gives.
    pub(crate) fn seal(
        &self,
        key: &Secret,
        store_id: &str,
        epoch: u32,
    ) -> Result<RecoverySeal, StorageError> {
        let once = StaticSecret::from(*Zeroizing::new(seal::random::<KEY_BYTES>()?));
        let once_public = PublicKey::from(&once).to_bytes();
        let agreed = once.diffie_hellman(&PublicKey::from(self.0));
        let wrapping = derive(&agreed, &once_public, &self.0).ok_or_else(|| {
            StorageError::new(Part::Keyring, StorageFault::Damaged, "the recovery key is no key to seal to")
        })?;
        let sealed = seal::seal(&wrapping, &context(store_id, epoch), key.expose())?;
        Ok(RecoverySeal { office: self.office(), sealed: [once_public.as_slice(), &sealed].concat() })
    }
}

impl fmt::Display for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = text::checksum(WORDS, &[&self.0]);
        write!(f, "{WORDS} 1\npublic {}\ncheck {check}\n", *text::grouped(&self.0))
    }
}

impl FromStr for RecoveryKey {
    type Err = RecoveryError;

    fn from_str(written: &str) -> Result<Self, RecoveryError> {
        let malformed = RecoveryError::KeyMalformed;
        let mut lines = Lines::read(written, WORDS, malformed)?;
        let key = lines.bytes::<KEY_BYTES>("public").ok_or(malformed)?;
        let check = lines.word("check").ok_or(malformed)?;
        if !lines.is_at_end() || *check != text::checksum(WORDS, &[&*key]) {
            return Err(malformed);
        }
        Ok(Self(*key))
    }
}

/// The secret half.
#[derive(Clone)]
pub struct RecoverySecret(pub(super) Secret);

impl fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverySecret(…)")
    }
}

impl RecoverySecret {
    /// Makes a new key pair's.
    pub fn random() -> Result<Self, StorageError> {
        // As long as a scalar of the curve.
        seal::random_secret(Suite::Aes256Gcm).map(Self)
    }

    /// The public half.
    pub fn public(&self) -> RecoveryKey {
        RecoveryKey(PublicKey::from(&self.scalar()).to_bytes())
    }

    /// The epoch's key that was sealed to the public half.
    pub(crate) fn open(
        &self,
        seal: Option<&RecoverySeal>,
        store_id: &str,
        epoch: u32,
    ) -> Result<Secret, RecoveryError> {
        let seal = seal.ok_or(RecoveryError::NotSealed)?;
        let public = self.public();
        if seal.office != public.office() {
            return Err(RecoveryError::OtherOffice { sealed: seal.office, shares: public.office() });
        }
        self.open_own(&public, &seal.sealed, &context(store_id, epoch)).ok_or(RecoveryError::SealDamaged)
    }

    fn open_own(&self, public: &RecoveryKey, sealed: &[u8], context: &[u8]) -> Option<Secret> {
        let (once_public, sealed) = sealed.split_first_chunk::<KEY_BYTES>()?;
        let agreed = self.scalar().diffie_hellman(&PublicKey::from(*once_public));
        let plain = seal::open(&derive(&agreed, once_public, &public.0)?, context, sealed)?;
        Secret::from_slice(&plain)
    }

    fn scalar(&self) -> StaticSecret {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        bytes.copy_from_slice(self.0.expose());
        StaticSecret::from(*bytes)
    }
}

/// A key's or share's text; of a file that is longer than those are, its beginning.
pub(super) fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// `None` where the other side's key makes the agreement known to everyone.
fn derive(agreed: &SharedSecret, once: &[u8; KEY_BYTES], public: &[u8; KEY_BYTES]) -> Option<Secret> {
    let mut key = Zeroizing::new([0; 32]);
    let salt = [once.as_slice(), public].concat();
    Hkdf::<Sha256>::new(Some(&salt), agreed.as_bytes()).expand(b"yidang recovery 1", &mut *key).ok()?;
    agreed.was_contributory().then(|| Secret::new(*key))
}

fn context(store_id: &str, epoch: u32) -> Vec<u8> {
    seal::framed("recovery 1", &[store_id.as_bytes(), &epoch.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_right_half_in_its_place_alone() {
        let (ours, theirs) = (RecoverySecret::random().unwrap(), RecoverySecret::random().unwrap());
        for suite in Suite::ALL {
            let key = seal::random_secret(suite).unwrap();
            let sealed = ours.public().seal(&key, "store", 3).unwrap();
            assert_eq!(ours.open(Some(&sealed), "store", 3).unwrap().expose(), key.expose());
        }
        let sealed = ours.public().seal(&seal::random_secret(Suite::Sm4Gcm).unwrap(), "store", 3).unwrap();
        let error = |secret: &RecoverySecret, seal: Option<&RecoverySeal>, store: &str, epoch: u32| {
            secret.open(seal, store, epoch).unwrap_err()
        };
        let (sealed_to, shares) = (ours.public().office(), theirs.public().office());
        let other = RecoveryError::OtherOffice { sealed: sealed_to, shares };
        assert_eq!(error(&theirs, Some(&sealed), "store", 3), other);
        assert_eq!(error(&ours, Some(&sealed), "store", 4), RecoveryError::SealDamaged);
        assert_eq!(error(&ours, Some(&sealed), "another", 3), RecoveryError::SealDamaged);
        assert_eq!(error(&ours, None, "store", 3), RecoveryError::NotSealed);
        let posing = RecoverySeal { office: shares, ..sealed.clone() };
        assert_eq!(error(&theirs, Some(&posing), "store", 3), RecoveryError::SealDamaged);
        for bit in (0..sealed.sealed.len() * 8).step_by(5) {
            let mut changed = sealed.clone();
            changed.sealed[bit / 8] ^= 1 << (bit % 8);
            // The highest bit of a public key means nothing on the curve, but it is in the salt.
            assert_eq!(error(&ours, Some(&changed), "store", 3), RecoveryError::SealDamaged, "bit {bit}");
        }
        for length in (0..sealed.sealed.len()).step_by(3) {
            let cut = RecoverySeal { sealed: sealed.sealed[..length].to_vec(), ..sealed.clone() };
            assert_eq!(error(&ours, Some(&cut), "store", 3), RecoveryError::SealDamaged, "cut to {length}");
        }
    }

    #[test]
    fn the_agreement_is_the_published_one() {
        // RFC 7748, section 6.1.
        let bytes = |text: &str| -> [u8; 32] { hex::decode(text).unwrap().try_into().unwrap() };
        let secret = Secret::new(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        assert_eq!(
            hex::encode(RecoverySecret(secret).public().0),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
        );
    }

    #[test]
    fn a_key_that_agrees_with_everyone_is_no_key_to_seal_to() {
        let error = RecoveryKey([0; 32]).seal(&Secret::new([7; 32]), "store", 1).unwrap_err();
        assert_eq!(error.fault, StorageFault::Damaged);
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_no_changed_one_is() {
        let key = RecoverySecret::random().unwrap().public();
        let written = key.to_string();
        assert_eq!(written.parse(), Ok(key));
        assert_eq!(written.to_uppercase().replace('\n', "\r\n\r\n").parse::<RecoveryKey>(), Ok(key));
        for at in 0..written.len() {
            let mut changed = written.clone().into_bytes();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            assert!(String::from_utf8(changed).unwrap().parse::<RecoveryKey>() != Ok(key), "at {at}");
        }
        assert_eq!(
            written.replace("key 1", "key 2").parse::<RecoveryKey>(),
            Err(RecoveryError::NewerVersion)
        );
    }
}
