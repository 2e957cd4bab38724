//! The repository's own key: by it people and digests are found again in the state and not read there.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use yidang_model::{Digest, ErasureId, MaterialId, Subject, Timestamp};
use yidang_sync::parcel::CourierSecret;
use yidang_sync::wire::ErasedEntry;
use zeroize::Zeroizing;

use crate::state::Tag;

/// The key's file in the folder of keys.
const KEY_FILE: &str = "repository.key";
const NONCE_LENGTH: usize = 12;

/// Why the repository's key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// The file cannot be read or made.
    #[error("{KEY_FILE}: {0}")]
    Unreadable(String),
    /// There is a state and no key to it.
    #[error("{KEY_FILE} is missing, and the state in the data folder needs it")]
    Missing,
    /// The file holds no key.
    #[error("{KEY_FILE} is damaged")]
    Damaged,
    /// It is the key of another state.
    #[error("{KEY_FILE} belongs to another data folder")]
    Foreign,
}

/// Fresh random bytes.
///
/// # Panics
/// Panics when the operating system has no randomness to give: nothing secret may be made without it.
#[expect(clippy::expect_used, reason = "no call can go on without randomness, and no caller could mend it")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256 of a key or code that is itself random: enough to recognise it, no use to whoever reads it.
pub(crate) fn fingerprint(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// What is derived from the repository's key.
pub(crate) struct Secrets {
    tags: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
    courier: CourierSecret,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Reads the key from the folder of keys, or makes it when `may_make`: where a state is already, a new
    /// key would silently part it from its tags.
    pub(crate) fn open(keys_dir: &Path, may_make: bool) -> Result<Self, SecretsError> {
        let path = keys_dir.join(KEY_FILE);
        let unreadable = |e: io::Error| SecretsError::Unreadable(e.to_string());
        let mut key = Zeroizing::new([0; 32]);
        match fs::File::open(&path) {
            Ok(mut file) => {
                let mut rest = Zeroizing::new(Vec::new());
                file.read_exact(&mut *key).map_err(|_| SecretsError::Damaged)?;
                file.read_to_end(&mut rest).map_err(unreadable)?;
                if !rest.is_empty() {
                    return Err(SecretsError::Damaged);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && may_make => {
                *key = random();
                write_durably(keys_dir, &path, &*key).map_err(unreadable)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(SecretsError::Missing),
            Err(e) => return Err(unreadable(e)),
        }
        Ok(Self::of(&key))
    }

    fn of(key: &[u8; 32]) -> Self {
        let sealing = Zeroizing::new(keyed(key, &[b"sealing"]));
        let courier = CourierSecret::new(keyed(key, &[b"courier"]));
        let tags = Zeroizing::new(keyed(key, &[b"tags"]));
        Self { tags, cipher: Aes256Gcm::new((&*sealing).into()), courier }
    }

    /// What opens parcels.
    pub(crate) fn courier(&self) -> &CourierSecret {
        &self.courier
    }

    /// Tells this key from another one without opening anything.
    pub(crate) fn check(&self) -> Tag {
        keyed(&self.tags, &[b"check"])
    }

    pub(crate) fn digest_tag(&self, digest: &Digest) -> Tag {
        keyed(&self.tags, &[b"digest", digest.as_bytes()])
    }

    pub(crate) fn subject_tag(&self, subject: &Subject) -> Tag {
        keyed(
            &self.tags,
            &[b"subject", subject.subject_type().as_str().as_bytes(), subject.value().as_bytes()],
        )
    }

    pub(crate) fn body_tag(&self, body: &[u8]) -> Tag {
        keyed(&self.tags, &[b"commit", body])
    }

    /// By this an erasure that was decided here is known again: the decision, and after it, where it was about a person, who
    /// that was. It tells nobody else anything.
    pub(crate) fn decision_proof(
        &self,
        erasure: ErasureId,
        materials: &[MaterialId],
        decided_at: Timestamp,
        about: Option<&Subject>,
    ) -> String {
        let decision = self.decision_tag(erasure, materials, decided_at);
        let person = about.map(|about| self.decided_about_tag(erasure, about));
        [decision].into_iter().chain(person).map(hex::encode).collect()
    }

    /// Whether a window's word is what it was told here.
    pub(crate) fn is_decided(&self, entry: &ErasedEntry) -> bool {
        let proof = Zeroizing::new(hex::decode(&entry.proof).unwrap_or_default());
        let decision = self.decision_tag(entry.id, &entry.materials, entry.decided_at);
        proof.get(..decision.len()).is_some_and(|told| is_same(told, &decision))
    }

    /// Whether it was this person whom the decision forgot.
    pub(crate) fn is_decided_about(&self, entry: &ErasedEntry, person: &Subject) -> bool {
        let proof = Zeroizing::new(hex::decode(&entry.proof).unwrap_or_default());
        let about = self.decided_about_tag(entry.id, person);
        proof.get(about.len()..).is_some_and(|told| is_same(told, &about))
    }

    /// Whether the decision forgot a person at all.
    pub(crate) fn is_about_somebody(&self, entry: &ErasedEntry) -> bool {
        entry.proof.len() > 2 * size_of::<Tag>()
    }

    fn decision_tag(&self, erasure: ErasureId, materials: &[MaterialId], decided_at: Timestamp) -> Tag {
        let names: Vec<u8> = materials.iter().flat_map(|material| *material.as_bytes()).collect();
        let at = decided_at.as_millis().to_be_bytes();
        keyed(&self.tags, &[b"erased", erasure.as_bytes(), &at, &names])
    }

    /// Not the person's own tag: that is forgotten with them.
    fn decided_about_tag(&self, erasure: ErasureId, person: &Subject) -> Tag {
        keyed(&self.tags, &[b"erased person", erasure.as_bytes(), &self.subject_tag(person)])
    }

    /// Seals bytes so that they open only with the same context.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LENGTH] = random();
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: context }).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Self::seal`] made; `None` for anything else.
    pub(crate) fn open_sealed(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        self.cipher.decrypt(&Nonce::from(*nonce), Payload { msg: rest, aad: context }).ok()
    }
}

/// Every part goes in with its length before it, so that no two lists of parts read the same.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Takes as long whether they differ early, late or not at all.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Writes a file that is there whole or as it was, for this account alone.
pub(crate) fn write_durably(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_private_folder(folder)?;
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// Makes a folder that only this account may enter; one that is there stays as it is.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use yidang_model::SubjectType;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        assert_eq!(Secrets::open(&keys, false).unwrap_err(), SecretsError::Missing);
        let first = Secrets::open(&keys, true).unwrap();
        let again = Secrets::open(&keys, false).unwrap();
        assert_eq!(first.check(), again.check());
        fs::write(keys.join(KEY_FILE), b"short").unwrap();
        assert_eq!(Secrets::open(&keys, true).unwrap_err(), SecretsError::Damaged);
    }

    #[test]
    fn a_person_has_one_tag_and_another_key_gives_another() {
        let (one, two) = (Secrets::of(&[1; 32]), Secrets::of(&[2; 32]));
        let old = Subject::new(SubjectType::Resident, "110105491231002").unwrap();
        let new = Subject::new(SubjectType::Resident, "11010519491231002X").unwrap();
        assert_eq!(one.subject_tag(&old), one.subject_tag(&new));
        assert_ne!(one.subject_tag(&new), two.subject_tag(&new));
    }

    #[test]
    fn sealed_bytes_open_in_their_context_only() {
        let secrets = Secrets::of(&[3; 32]);
        let mut sealed = secrets.seal(b"here", b"text").unwrap();
        assert_eq!(secrets.open_sealed(b"here", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(secrets.open_sealed(b"there", &sealed), None);
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(secrets.open_sealed(b"here", &sealed), None);
        assert_eq!(secrets.open_sealed(b"here", b"short"), None);
    }
}
