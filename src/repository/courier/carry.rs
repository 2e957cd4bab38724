//! The commands: parcels from files, receipts to files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;
use yidang_sync::parcel::{CourierKey, ParcelHead, ParcelReader, Seal, read_header};

use super::take::read_head;
use super::{CourierError, Taken, take};
use crate::Language;
use crate::config::Config;
use crate::control::ask_take;
use crate::error::StartError;
use crate::repository::{Repository, must_have_state};
use crate::secrets::Secrets;
use crate::sqlite_state::SqliteState;
use crate::state::State as _;

/// What became of the files.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Carried {
    /// Parcels that were taken, in the order in which they were.
    pub(crate) parcels: Vec<ParcelLine>,
    /// Files that were not.
    pub(crate) failed: Vec<FailedLine>,
    /// Receipts that were written.
    pub(crate) receipts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ParcelLine {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) taken: Taken,
}

#[derive(Debug, Serialize)]
pub(crate) struct FailedLine {
    pub(crate) file: String,
    pub(crate) code: String,
    pub(crate) cause: String,
    pub(crate) remedy: String,
    pub(crate) cause_zh: String,
    pub(crate) remedy_zh: String,
}

impl FailedLine {
    pub(crate) fn new(file: &Path, error: &CourierError) -> Self {
        Self {
            file: file.to_string_lossy().into_owned(),
            code: error.code.clone(),
            cause: error.title(Language::English),
            remedy: error.remedy(Language::English).to_owned(),
            cause_zh: error.title(Language::Chinese),
            remedy_zh: error.remedy(Language::Chinese).to_owned(),
        }
    }
}

impl Carried {
    /// Whether everything was taken and nothing held back.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.parcels.iter().all(|line| line.taken.missing.is_none())
    }
}

/// What parcels for this repository are sealed to.
pub(crate) fn courier_key(config: &Config) -> Result<CourierKey, StartError> {
    Ok(secrets(config)?.courier().public())
}

pub(crate) fn secrets(config: &Config) -> Result<Secrets, StartError> {
    // A key made for the wrong folder opens nothing.
    must_have_state(&config.data_dir)?;
    if SqliteState::open(&config.data_dir)?.is_keyless()? {
        return Err(StartError::Absent(config.data_dir.display().to_string()));
    }
    Ok(Secrets::open(&config.keys_dir, false)?)
}

/// Takes parcels in and writes a receipt for each window into a folder. Blocks as long as that takes. Each file is
/// read to its end before anything of it is taken. `progress` hears bytes done and bytes in all.
pub(crate) fn carry(
    config: &Config,
    files: &[PathBuf],
    receipts: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Carried, StartError> {
    let secrets = secrets(config)?;
    let place = Place::find(config)?;
    let mut carried = Carried::default();
    let mut whole: Vec<(ParcelHead, PathBuf)> = Vec::new();
    let all = 2 * files.iter().filter_map(|file| fs::metadata(file).ok()).map(|m| m.len()).sum::<u64>();
    let mut done = 0;
    for file in files {
        let counted = |n| {
            done += n;
            progress(done, all);
        };
        match examine(file, &secrets, counted) {
            Ok(head) => whole.push((head, file.clone())),
            Err(error) => carried.failed.push(FailedLine::new(file, &error)),
        }
    }
    whole.sort_by(|(a, _), (b, _)| {
        (&a.agent, &a.epoch, a.first, a.part).cmp(&(&b.agent, &b.epoch, b.first, b.part))
    });
    let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (head, file) in whole {
        let counted = |n| {
            done += n;
            progress(done, all);
        };
        match place.take(&file, counted) {
            Ok((taken, receipt)) => {
                written.insert(head.agent, receipt);
                let file = file.to_string_lossy().into_owned();
                carried.parcels.push(ParcelLine { file, taken });
            }
            Err(error) => carried.failed.push(FailedLine::new(&file, &error)),
        }
    }
    for (agent, receipt) in written {
        let path = receipts.join(format!("yidang-{agent}.receipt"));
        match write_whole(&path, &receipt) {
            Ok(()) => carried.receipts.push(path.to_string_lossy().into_owned()),
            Err(error) => {
                let error = CourierError::with("receipt_unwritable", error);
                carried.failed.push(FailedLine::new(&path, &error));
            }
        }
    }
    Ok(carried)
}

/// Reads a parcel to its end: whose it is, if it is whole.
fn examine(file: &Path, secrets: &Secrets, counted: impl FnMut(u64)) -> Result<ParcelHead, CourierError> {
    let mut input = Counting { inner: BufReader::new(File::open(file)?), counted };
    let seal = Seal::at_repository(read_header(&mut input)?, secrets.courier())?;
    let mut reader = ParcelReader::new(input, &seal)?;
    let head = read_head(&mut reader)?;
    reader.drain()?;
    Ok(head)
}

/// Where the repository is open.
enum Place<'a> {
    Here(Box<Repository>),
    Running(&'a Path),
}

impl<'a> Place<'a> {
    fn find(config: &'a Config) -> Result<Self, StartError> {
        match Repository::open(config) {
            Ok(repository) => Ok(Self::Here(Box::new(repository))),
            Err(StartError::Archive(ArchiveError::Storage(error))) if error.fault == StorageFault::InUse => {
                Ok(Self::Running(&config.data_dir))
            }
            Err(error) => Err(error),
        }
    }

    fn take(&self, file: &Path, counted: impl FnMut(u64)) -> Result<(Taken, Vec<u8>), CourierError> {
        let input = Counting { inner: BufReader::new(File::open(file)?), counted };
        match self {
            Self::Here(repository) => take(repository, input),
            Self::Running(data_dir) => ask_take(data_dir, input)?,
        }
    }
}

/// Tells how much has been read.
struct Counting<R, F> {
    inner: R,
    counted: F,
}

impl<R: Read, F: FnMut(u64)> Read for Counting<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.counted)(read as u64);
        Ok(read)
    }
}

/// Writes a file that is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension(format!("receipt.{}.part", std::process::id()));
    let written = (|| {
        let mut file = File::create_new(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    })();
    if written.is_err() {
        // What cannot be removed is named like what it is.
        let _ = fs::remove_file(&part);
    }
    written
}
