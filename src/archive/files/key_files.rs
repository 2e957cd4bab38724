//! Epoch keys as one small text file each: `KEYS_DIR/epoch-0001.key`, bare or sealed with a credential.
//!
//! A credential is a secret that the system hands a service at its start and nobody can write: it cannot be the epoch's key
//! itself, which changes with every person that is forgotten, so it seals the files of those keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::durable::{self, NewFile};
use crate::seal;
use crate::storage::{KeyKeeper, KeyKeeperError, Part, Secret, StorageError, StorageFault};

/// What the first line of any version begins with; its number follows: that of a bare key's suite, or [`SEALED`].
const VERSION_WORDS: &str = "yidang epoch key ";
const VERSION: u32 = 3;
const SEALED: u32 = 3;
/// How the second name of a bare key ends that is being replaced by a sealed one.
const REPLACED: &str = ".bare";
/// Longest credential, in bytes.
const CREDENTIAL_BYTES_MAX: u64 = 64 << 10;
/// Shortest one: as long as a 256-bit key.
const CREDENTIAL_BYTES_MIN: usize = 32;
/// Longer than any key file; what is longer is none.
const FILE_BYTES_MAX: u64 = 4096;

/// The built-in key keeper: files that only this account can read, in a folder outside the data folder. It
/// protects a stolen data folder, not a stolen PC. Sealed with a credential that the system itself keeps under the PC's
/// TPM, they protect a stolen disk.
pub struct KeyFiles {
    folder: PathBuf,
    /// Made of the credential; `None`: the files are bare.
    credential: Option<Secret>,
}

impl KeyFiles {
    /// Opens the folder of the keys; makes it where there is none. `data_dir` must not contain it.
    pub fn open(keys_dir: &Path, data_dir: &Path) -> Result<Self, KeyKeeperError> {
        refuse_inside(keys_dir, data_dir)?;
        durable::create_folder(keys_dir).map_err(|e| io_error(&e))?;
        durable::close_to_others(keys_dir);
        // Once more, now that every symbolic link on the way can be followed.
        refuse_inside(keys_dir, data_dir)?;
        let keeper = Self { folder: keys_dir.to_path_buf(), credential: None };
        keeper.clear_leftovers().map_err(|e| io_error(&e))?;
        Ok(keeper)
    }

    /// Opens like [`KeyFiles::open`], with the files sealed with the credential in that file. One that is bare still is
    /// sealed when it is first read.
    pub fn open_sealed(keys_dir: &Path, data_dir: &Path, credential: &Path) -> Result<Self, KeyKeeperError> {
        let credential = Some(credential_key(credential)?);
        Ok(Self { credential, ..Self::open(keys_dir, data_dir)? })
    }

    fn path_of(&self, epoch: u32) -> PathBuf {
        self.folder.join(format!("epoch-{epoch:04}.key"))
    }

    /// An interrupted `keep` leaves a key nobody has used; it is wiped all the same. So is a bare key that is being
    /// replaced by a sealed one.
    fn clear_leftovers(&self) -> io::Result<()> {
        for found in fs::read_dir(&self.folder)? {
            let path = found?.path();
            let name = path.as_os_str().as_encoded_bytes();
            if name.ends_with(durable::UNFINISHED.as_bytes()) {
                durable::shred_file(&path)?;
            } else if name.ends_with(REPLACED.as_bytes()) {
                self.clear_replaced(&path)?;
            }
        }
        Ok(())
    }

    /// Puts a sealed key in the place of the bare one, whose bytes are overwritten where they lie. Until they are, they
    /// have a second name, under which the next start finds them.
    fn replace_bare(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        let path = self.path_of(epoch);
        let replaced = path.with_extension(&REPLACED[1..]);
        let replace = || {
            let old = OpenOptions::new().write(true).open(&path)?;
            match fs::hard_link(&path, &replaced) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Where a file has one name at most, only a crash right now leaves the bytes.
                Err(error) => tracing::debug!(%error, "a key file has no second name"),
                Ok(()) => durable::sync_folder(&self.folder)?,
            }
            Ok(old)
        };
        let old = replace().map_err(|e: io::Error| io_error(&e))?;
        self.keep(epoch, key)?;
        durable::overwrite(old).map_err(|e| io_error(&e))?;
        durable::remove_files([replaced.as_path()]).map(|_| ()).map_err(|e| io_error(&e))
    }

    /// A second name of a bare key: what it names is wiped once a sealed one is in its place for good; before that it is
    /// the key itself, and only the name goes.
    fn clear_replaced(&self, replaced: &Path) -> io::Result<()> {
        let is_sealed = match read_text(&replaced.with_extension("key")) {
            Ok(text) => text.starts_with(&format!("{VERSION_WORDS}{SEALED}\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !is_sealed {
            return durable::remove_files([replaced]).map(|_| ());
        }
        durable::sync_folder(&self.folder)?;
        durable::shred_file(replaced)
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
        let damaged = KeyKeeperError::Damaged(epoch);
        match (parse(&text, epoch).ok_or(damaged)?, &self.credential) {
            (Kept::Bare(key), None) => Ok(key),
            (Kept::Bare(key), Some(_)) => {
                self.replace_bare(epoch, &key)?;
                Ok(key)
            }
            (Kept::Sealed(sealed), Some(credential)) => {
                let key = seal::open(credential, &sealing_context(epoch), &sealed);
                key.and_then(|key| Secret::from_slice(&key)).ok_or(KeyKeeperError::CredentialWrong(epoch))
            }
            (Kept::Sealed(_), None) => {
                Err(KeyKeeperError::CredentialMissing("none is configured".to_owned()))
            }
        }
    }

    fn keep(&self, epoch: u32, key: &Secret) -> Result<(), KeyKeeperError> {
        let text = match &self.credential {
            None => write(&version_line(key), epoch, "key", key.expose()),
            Some(credential) => {
                let sealed = seal::seal(credential, &sealing_context(epoch), key.expose())?;
                write(&format!("{VERSION_WORDS}{SEALED}"), epoch, "sealed", &sealed)
            }
        };
        let file = NewFile { target: self.path_of(epoch), bytes: text.as_bytes() };
        durable::write_files(&self.folder, &[file]).map_err(|e| io_error(&e))
    }

    fn destroy(&self, epoch: u32) -> Result<(), KeyKeeperError> {
        let path = self.path_of(epoch);
        let shred = || {
            durable::shred_file(&path)?;
            durable::shred_file(&path.with_extension(&REPLACED[1..]))
        };
        shred().map_err(|e| io_error(&e))
    }
}

/// What a file holds.
enum Kept {
    Bare(Secret),
    Sealed(Vec<u8>),
}

/// Three lines after the version: epoch, key, and a checksum over all.
fn write(version: &str, epoch: u32, name: &str, kept: &[u8]) -> Zeroizing<String> {
    let kept_hex = Zeroizing::new(hex::encode(kept));
    let check = hex::encode(checksum(version, epoch, kept));
    Zeroizing::new(format!("{version}\nepoch {epoch}\n{name} {}\ncheck {check}\n", *kept_hex))
}

fn parse(text: &str, epoch: u32) -> Option<Kept> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let version = lines.next()?;
    (lines.next()?.strip_prefix("epoch ")? == epoch.to_string()).then_some(())?;
    let (name, kept) = lines.next()?.split_once(' ')?;
    let kept = Zeroizing::new(hex::decode(kept).ok()?);
    let mut check = [0; 8];
    hex::decode_to_slice(lines.next()?.strip_prefix("check ")?, &mut check).ok()?;
    lines.next().is_none().then_some(())?;
    bool::from(check.ct_eq(&checksum(version, epoch, &kept))).then_some(())?;
    match name {
        "key" => Secret::from_slice(&kept).filter(|key| version_line(key) == version).map(Kept::Bare),
        "sealed" => (version == format!("{VERSION_WORDS}{SEALED}")).then(|| Kept::Sealed(kept.to_vec())),
        _ => None,
    }
}

fn sealing_context(epoch: u32) -> Vec<u8> {
    seal::framed("epoch key file 1", &[&epoch.to_be_bytes()])
}

/// Any secret of enough bytes is made into a key.
fn credential_key(path: &Path) -> Result<Secret, KeyKeeperError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(CREDENTIAL_BYTES_MAX).read_to_end(&mut bytes));
    let missing = |why: &str| KeyKeeperError::CredentialMissing(format!("{}: {why}", path.display()));
    read.map_err(|error| missing(&error.to_string()))?;
    if bytes.len() < CREDENTIAL_BYTES_MIN {
        return Err(missing("it is shorter than 32 bytes"));
    }
    let mut key = Zeroizing::new([0; 32]);
    let made = Hkdf::<Sha256>::new(None, &bytes).expand(b"yidang epoch key files 1", &mut *key);
    made.map_err(|_| missing("no key can be made of it"))?;
    Ok(Secret::new(*key))
}

fn version_line(key: &Secret) -> String {
    format!("{VERSION_WORDS}{}", key.suite().number())
}

/// Against damage only: whoever can write the file can write the checksum.
fn checksum(version: &str, epoch: u32, kept: &[u8]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    hasher.update(version);
    hasher.update(epoch.to_be_bytes());
    hasher.update(kept);
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

    #[test]
    fn a_credential_seals_what_was_bare_and_no_other_opens_it() {
        let (dir, data, keys) = folders();
        let credential = |name: &str, bytes: &[u8]| {
            fs::write(dir.path().join(name), bytes).unwrap();
            dir.path().join(name)
        };
        let (ours, theirs) = (credential("ours", &[1; 32]), credential("theirs", &[2; 40]));
        let (short, absent) = (credential("short", &[1; 31]), dir.path().join("absent"));
        KeyFiles::open(&keys, &data).unwrap().keep(1, &Secret::new([7; 32])).unwrap();
        let sealed = KeyFiles::open_sealed(&keys, &data, &ours).unwrap();
        assert_eq!(sealed.load(1).unwrap().expose(), &[7; 32]);
        sealed.keep(2, &Secret::new([8; 32])).unwrap();
        for epoch in [1, 2] {
            let text = fs::read_to_string(keys.join(format!("epoch-000{epoch}.key"))).unwrap();
            assert!(text.starts_with("yidang epoch key 3\n"), "{text}");
            assert!(!text.contains("0707070707") && !text.contains("0808080808"));
        }
        let again = KeyFiles::open_sealed(&keys, &data, &ours).unwrap();
        assert_eq!([1, 2].map(|epoch| again.load(epoch).unwrap().expose()[0]), [7, 8]);
        let other = KeyFiles::open_sealed(&keys, &data, &theirs).unwrap();
        assert_eq!(other.load(2).unwrap_err(), KeyKeeperError::CredentialWrong(2));
        fs::copy(keys.join("epoch-0001.key"), keys.join("epoch-0003.key")).unwrap();
        assert_eq!(again.load(3).unwrap_err(), KeyKeeperError::Damaged(3));
        let bare = KeyFiles::open(&keys, &data).unwrap();
        assert!(matches!(bare.load(2), Err(KeyKeeperError::CredentialMissing(_))));
        for path in [short, absent] {
            let opened = KeyFiles::open_sealed(&keys, &data, &path);
            assert!(matches!(opened.err(), Some(KeyKeeperError::CredentialMissing(_))));
        }
    }

    /// What was bare lies nowhere any more, which whoever has its file under another name can see.
    #[cfg(unix)]
    #[test]
    fn the_bytes_of_a_bare_key_go_when_a_sealed_one_takes_its_place() {
        let (dir, data, keys) = folders();
        let (credential, witness) = (dir.path().join("credential"), dir.path().join("witness"));
        fs::write(&credential, [1; 32]).unwrap();
        KeyFiles::open(&keys, &data).unwrap().keep(1, &Secret::new([7; 32])).unwrap();
        fs::hard_link(keys.join("epoch-0001.key"), &witness).unwrap();
        assert!(fs::read_to_string(&witness).unwrap().contains("0707070707"));
        let sealed = KeyFiles::open_sealed(&keys, &data, &credential).unwrap();
        assert_eq!(sealed.load(1).unwrap().expose(), &[7; 32]);
        assert!(fs::read(&witness).unwrap().iter().all(|byte| *byte == 0));
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
        assert_eq!(sealed.load(1).unwrap().expose(), &[7; 32]);
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_while_a_bare_key_is_replaced_loses_no_key_and_leaves_no_bytes() {
        for is_sealed in [false, true] {
            let (dir, data, keys) = folders();
            let (credential, witness) = (dir.path().join("credential"), dir.path().join("witness"));
            fs::write(&credential, [1; 32]).unwrap();
            KeyFiles::open(&keys, &data).unwrap().keep(1, &Secret::new([7; 32])).unwrap();
            for name in [&witness, &keys.join("epoch-0001.bare")] {
                fs::hard_link(keys.join("epoch-0001.key"), name).unwrap();
            }
            if is_sealed {
                let sealed = KeyFiles { folder: keys.clone(), credential: credential_key(&credential).ok() };
                sealed.keep(1, &Secret::new([7; 32])).unwrap();
            }
            // Whichever way it is opened next.
            KeyFiles::open(&keys, &data).unwrap();
            let is_wiped = fs::read(&witness).unwrap().iter().all(|byte| *byte == 0);
            assert_eq!(is_wiped, is_sealed);
            let sealed = KeyFiles::open_sealed(&keys, &data, &credential).unwrap();
            assert_eq!(sealed.load(1).unwrap().expose(), &[7; 32]);
            assert!(fs::read(&witness).unwrap().iter().all(|byte| *byte == 0));
            assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
        }
    }
}
