//! Epoch keys as one small text file each: `KEYS_DIR/epoch-0001.key`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::durable::{self, NewFile};
use crate::storage::{KeyKeeper, KeyKeeperError, Part, Secret, StorageError, StorageFault};

/// What the first line of any version begins with; its number follows, which is that of the key's suite.
const VERSION_WORDS: &str = "yidang epoch key ";
const VERSION: u32 = 2;
/// Longer than any key file; what is longer is none.
const FILE_BYTES_MAX: u64 = 4096;

/// The built-in key keeper: files that only this account can read, in a folder outside the data folder. It
/// protects a stolen data folder, not a stolen PC.
pub struct KeyFiles {
    folder: PathBuf,
}

impl KeyFiles {
    /// Opens the folder of the keys; makes it where there is none. `data_dir` must not contain it.
    pub fn open(keys_dir: &Path, data_dir: &Path) -> Result<Self, KeyKeeperError> {
        refuse_inside(keys_dir, data_dir)?;
        durable::create_folder(keys_dir).map_err(|e| io_error(&e))?;
        durable::close_to_others(keys_dir);
        // Once more, now that every symbolic link on the way can be followed.
        refuse_inside(keys_dir, data_dir)?;
        let keeper = Self { folder: keys_dir.to_path_buf() };
        keeper.clear_leftovers().map_err(|e| io_error(&e))?;
        Ok(keeper)
    }

    fn path_of(&self, epoch: u32) -> PathBuf {
        self.folder.join(format!("epoch-{epoch:04}.key"))
    }

    /// An interrupted `keep` leaves a key nobody has used; it is wiped all the same.
    fn clear_leftovers(&self) -> io::Result<()> {
        for found in fs::read_dir(&self.folder)? {
            let found = found?;
            if found.file_name().as_encoded_bytes().ends_with(durable::UNFINISHED.as_bytes()) {
                durable::shred_file(&found.path())?;
            }
        }
        Ok(())
    }
}

impl KeyKeeper for KeyFiles {
    fn load(&self, epoch: u32) -> Result<Secret, KeyKeeperError> {
        let text = match read_text(&self.path_of(epoch)) {
            Ok(text) => text,
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::NotFound => KeyKeeperError::Missing(epoch),
                    io::ErrorKind::InvalidData => KeyKeeperError::Damaged(epoch),
                    _ => io_error(&error),
                });
            }
        };
        let version = text.lines().next().and_then(|line| line.strip_prefix(VERSION_WORDS));
        if version.and_then(|v| v.parse::<u32>().ok()).is_some_and(|version| version > VERSION) {
            let detail = "the key file is of a newer version";
            return Err(StorageError::new(Part::KeyKeeper, StorageFault::NewerVersion, detail).into());
        }
        parse(&text, epoch).ok_or(KeyKeeperError::Damaged(epoch))
    }

    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        let text = write(epoch, key);
        let file = NewFile { target: self.path_of(epoch), bytes: text.as_bytes() };
        durable::write_files(&self.folder, &[file]).map_err(|e| io_error(&e))
    }

    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError> {
        durable::shred_file(&self.path_of(epoch)).map_err(|e| io_error(&e))
    }
}

/// Three lines after the version: epoch, key, and a checksum over both.
fn write(epoch: u32, key: &Secret) -> Zeroizing<String> {
    let key_hex = Zeroizing::new(hex::encode(key.expose()));
    let check = hex::encode(checksum(epoch, key));
    Zeroizing::new(format!("{}\nepoch {epoch}\nkey {}\ncheck {check}\n", version_line(key), *key_hex))
}

fn parse(text: &str, epoch: u32) -> Option<Secret> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let version_read = lines.next()?;
    (lines.next()?.strip_prefix("epoch ")? == epoch.to_string()).then_some(())?;
    let key = Zeroizing::new(hex::decode(lines.next()?.strip_prefix("key ")?).ok()?);
    let mut check = [0; 8];
    hex::decode_to_slice(lines.next()?.strip_prefix("check ")?, &mut check).ok()?;
    lines.next().is_none().then_some(())?;
    let key = Secret::from_slice(&key).filter(|key| version_line(key) == version_read)?;
    bool::from(check.ct_eq(&checksum(epoch, &key))).then_some(key)
}

fn version_line(key: &Secret) -> String {
    format!("{VERSION_WORDS}{}", key.suite().number())
}

/// Against damage only: whoever can write the file can write the checksum.
fn checksum(epoch: u32, key: &Secret) -> [u8; 8] {
    let mut hasher = Sha256::new();
    hasher.update(version_line(key));
    hasher.update(epoch.to_be_bytes());
    hasher.update(key.expose());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut check = [0; 8];
    check.copy_from_slice(&digest[..8]);
    check
}

fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    fs::read_to_string(path).map(Zeroizing::new)
}

fn refuse_inside(keys_dir: &Path, data_dir: &Path) -> Result<(), KeyKeeperError> {
    match lies_inside(keys_dir, data_dir) {
        Ok(false) => Ok(()),
        Ok(true) => Err(KeyKeeperError::InsideData),
        Err(error) => Err(io_error(&error)),
    }
}

/// Whether the folder of the keys lies inside the data folder, links followed.
pub(crate) fn lies_inside(keys_dir: &Path, data_dir: &Path) -> io::Result<bool> {
    Ok(resolve(keys_dir)?.starts_with(resolve(data_dir)?))
}

/// The path without symbolic links, as far as it exists.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for existing in absolute.ancestors() {
        if let Ok(mut resolved) = existing.canonicalize() {
            resolved.extend(absolute.strip_prefix(existing).into_iter().flatten());
            return Ok(resolved);
        }
    }
    Ok(absolute)
}

fn io_error(error: &io::Error) -> KeyKeeperError {
    StorageError::io(Part::KeyKeeper, error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
        fs::create_dir(&data).unwrap();
        (dir, data, keys)
    }

    #[test]
    fn damage_is_told_from_absence() {
        let (_dir, data, keys) = folders();
        let keeper = KeyFiles::open(&keys, &data).unwrap();
        assert_eq!(keeper.load(1).unwrap_err(), KeyKeeperError::Missing(1));
        keeper.keep(1, &Secret::new([7; 32])).unwrap();
        let path = keys.join("epoch-0001.key");
        let whole = fs::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x04;
            fs::write(&path, &changed).unwrap();
            let error = keeper.load(1).unwrap_err();
            let version_digit = position == VERSION_WORDS.len();
            match error {
                KeyKeeperError::Damaged(1) => assert!(!version_digit, "{position}"),
                KeyKeeperError::Storage(e) => {
                    assert!(version_digit && e.fault == StorageFault::NewerVersion, "{position}");
                }
                other => panic!("{position}: {other}"),
            }
            fs::write(&path, &whole[..position]).unwrap();
            assert_eq!(keeper.load(1).unwrap_err(), KeyKeeperError::Damaged(1), "cut at {position}");
        }
        fs::write(&path, [whole.as_slice(), b"more\n"].concat()).unwrap();
        assert_eq!(keeper.load(1).unwrap_err(), KeyKeeperError::Damaged(1));
        fs::write(&path, vec![b'0'; 5 << 20]).unwrap();
        assert_eq!(keeper.load(1).unwrap_err(), KeyKeeperError::Damaged(1));
        fs::write(keys.join("epoch-0002.key"), &whole).unwrap();
        assert_eq!(keeper.load(2).unwrap_err(), KeyKeeperError::Damaged(2));
        fs::write(&path, &whole).unwrap();
        assert_eq!(keeper.load(1).unwrap().expose(), &[7; 32]);
    }

    #[test]
    fn keys_inside_the_data_folder_are_refused_before_anything_is_made() {
        let (dir, data, _) = folders();
        for inside in [data.clone(), data.join("keys"), data.join("a/b"), data.join("../data/keys")] {
            assert_eq!(KeyFiles::open(&inside, &data).err(), Some(KeyKeeperError::InsideData));
        }
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
        // A name that merely begins alike is another folder.
        KeyFiles::open(&dir.path().join("data-keys"), &data).unwrap();
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&data, &link).unwrap();
            assert_eq!(KeyFiles::open(&link.join("keys"), &data).err(), Some(KeyKeeperError::InsideData));
        }
    }

    #[test]
    fn an_interrupted_keep_is_wiped_at_the_next_start() {
        let (_dir, data, keys) = folders();
        KeyFiles::open(&keys, &data).unwrap().keep(3, &Secret::new([1; 32])).unwrap();
        fs::write(keys.join("12-0.tmp"), b"key").unwrap();
        let keeper = KeyFiles::open(&keys, &data).unwrap();
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
        assert_eq!(keeper.load(3).unwrap().expose(), &[1; 32]);
    }
}
