//! `KEYS_DIR/operators.key`: what the names of clerks are sealed with, and what their PINs are peppered with. Beside
//! the epoch keys, so that the data folder alone tells no name and lets nobody try PINs out.

use std::io;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use super::OperatorError;
use crate::random;

/// The file's name.
const FILE: &str = "operators.key";

/// The key, and what is made of it.
pub(super) struct OperatorSeal {
    names: hmac::Key,
    digests: hmac::Key,
    sealing: LessSafeKey,
    pub(super) pepper: Zeroizing<[u8; 32]>,
}

impl OperatorSeal {
    /// The key in this folder; one is made where there is none. Durable when it returns.
    pub(super) fn open(keys_dir: &Path) -> Result<Self, OperatorError> {
        let path = keys_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(keys_dir)?;
                std::fs::read_to_string(&path)?
            }
            read => read?,
        };
        let bytes = Zeroizing::new(hex::decode(text.trim()).map_err(|_| OperatorError::KeyWrong)?);
        if bytes.len() != 32 {
            return Err(OperatorError::KeyWrong);
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let part = |name: &str| -> Zeroizing<[u8; 32]> {
            let mut part = Zeroizing::new([0; 32]);
            part.copy_from_slice(hmac::sign(&root, name.as_bytes()).as_ref());
            part
        };
        let sealing = UnboundKey::new(&AES_256_GCM, &*part("yidang operators seal 1"));
        Ok(Self {
            names: hmac::Key::new(hmac::HMAC_SHA256, &*part("yidang operators names 1")),
            digests: hmac::Key::new(hmac::HMAC_SHA256, &*part("yidang operators assertions 1")),
            sealing: LessSafeKey::new(sealing.map_err(|_| OperatorError::KeyWrong)?),
            pepper: part("yidang operators pins 1"),
        })
    }

    /// By which a name is found again.
    pub(super) fn tag(&self, name: &str) -> [u8; 32] {
        tag_of(&self.names, &[name])
    }

    /// By which an assertion is known again.
    pub(super) fn assertion_tag(&self, issuer: &str, id: &str) -> [u8; 32] {
        tag_of(&self.digests, &[issuer, id])
    }

    pub(super) fn seal(&self, name: &str) -> Result<Vec<u8>, OperatorError> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = name.as_bytes().to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| OperatorError::KeyWrong)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn open_name(&self, sealed: &[u8]) -> Result<String, OperatorError> {
        let wrong = || OperatorError::KeyWrong;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let name = self.sealing.open_in_place(nonce, Aad::empty(), &mut rest).map_err(|_| wrong())?;
        String::from_utf8(name.to_vec()).map_err(|_| wrong())
    }
}

fn tag_of(key: &hmac::Key, parts: &[&str]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut tag = [0; 32];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

fn make(keys_dir: &Path) -> Result<(), OperatorError> {
    yidang_archive::files::create_folder(keys_dir)?;
    let text = Zeroizing::new(format!("{}\n", hex::encode(Zeroizing::new(random::bytes::<32>()))));
    match yidang_archive::files::write_new_file(&keys_dir.join(FILE), text.as_bytes()) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    Ok(yidang_archive::files::sync_folder(keys_dir)?)
}
