//! Epoch keys as files in a folder outside the data folder: `epoch-1.key`.
//!
//! Three lines: `yidang epoch key 1` (the format's version), the key in hexadecimal, and the first eight bytes
//! of its SHA-256, by which a damaged file is told from a wrong one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::durable;
use crate::storage::{KeyKeeper, KeyKeeperError, Part, Secret, StorageError, StorageFault};

const FIRST_LINE: &str = "yidang epoch key 1";

/// Epoch keys as files.
pub struct KeyFiles {
    folder: PathBuf,
}

impl KeyFiles {
    /// Opens the folder, making it if it is not there. It may not lie inside the data folder: who takes the
    /// disk would have the keys with it.
    pub fn open(folder: &Path, data_dir: &Path) -> Result<Self, StorageError> {
        let inside = |outer: &Path| folder.starts_with(outer);
        if inside(data_dir) || fs::canonicalize(data_dir).is_ok_and(|real| inside(&real)) {
            let detail = "the keys' folder lies inside the data folder";
            return Err(StorageError::new(Part::KeyKeeper, StorageFault::AccessDenied, detail));
        }
        durable::create_private_folder(folder).map_err(|e| fault(&e))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, epoch: u32) -> PathBuf {
        self.folder.join(format!("epoch-{epoch}.key"))
    }
}

fn fault(error: &io::Error) -> StorageError {
    StorageError::io(Part::KeyKeeper, error)
}

fn checksum(key: &[u8; 32]) -> String {
    hex::encode(&Sha256::digest(key)[..8])
}

fn parse(text: &str) -> Option<Secret> {
    let mut lines = text.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(lines.next()?, key.as_mut()).ok()?;
    (lines.next()? == checksum(&key)).then(|| Secret::new(*key))
}

impl KeyKeeper for KeyFiles {
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError> {
        match fs::read_to_string(self.path(epoch)).map(Zeroizing::new) {
            Ok(text) => parse(&text).ok_or(KeyKeeperError::Damaged(epoch)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KeyKeeperError::Missing(epoch)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyKeeperError::Damaged(epoch)),
            Err(error) => Err(fault(&error).into()),
        }
    }

    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        let hex = Zeroizing::new(hex::encode(key.expose()));
        let text = Zeroizing::new(format!("{FIRST_LINE}\n{}\n{}\n", hex.as_str(), checksum(key.expose())));
        durable::write_many(&[(self.path(epoch), text.as_bytes())]).map_err(|e| fault(&e))?;
        Ok(())
    }

    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError> {
        let path = self.path(epoch);
        let overwrite = || -> io::Result<()> {
            let length = fs::metadata(&path)?.len();
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&vec![0; usize::try_from(length).unwrap_or_default()])?;
            file.sync_all()
        };
        match overwrite() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fault(&error).into()),
            Ok(()) => {}
        }
        durable::remove_many(&[path]).map_err(|e| fault(&e))?;
        Ok(())
    }
}
