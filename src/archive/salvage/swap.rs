//! New files come into the places of damaged ones, which stay under a name with the time.
//!
//! A database and its journal are two files, and two renames. Of a database without its journal the last entries are
//! missing, and one beside the journal of another is destroyed by it. So before the first rename a file says that the
//! new databases are whole; from then on whoever opens the archive, or rebuilds it once more, first goes on with the
//! rest. Each step is durable before the next, and is nothing where it has been taken already.
//!
//! | step | what a crash right after it leaves | who goes on |
//! |---|---|---|
//! | 1. `ready` written beside the new files | the damaged archive | opening |
//! | 2. a damaged database moved aside, then each of its journals | some of them there, some aside | the same |
//! | 3. the new one in its place; then 2 for the next | new and damaged files, never of one database | the same |
//! | 4. the index and its journals moved aside, and the second copies | an archive without them | the same |
//! | 5. `ready` removed | files of no use in `rebuild.tmp` | opening removes them |

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{WORK, failed, io_error};
use crate::backup::{ASIDE, FOLDER as COPIES};
use crate::files::durable::{self, NewFile};
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger};
use crate::{ArchiveError, Clock, SystemClock};

/// Where the new files lie until then, in the work folder.
pub(super) const NEW: &str = "new";
/// In the work folder: says that the new files are whole. In it stands the folder that the damaged ones go to.
const READY: &str = "ready";
/// The files that belong to a database, itself first.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// What a name with the time may be long.
const TIME_BYTES_MAX: usize = 32;

/// New files that are whole and are on their way into their places.
pub(super) struct Swap {
    data_dir: PathBuf,
    aside: PathBuf,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Moves a file or folder of the data folder aside.
    Aside(String),
    /// Puts a new database into its place.
    Place(&'static str),
    /// Nothing is left to do.
    Done,
}

impl Swap {
    /// Step 1, for the databases in the work folder's `new`, which nobody has open.
    pub(super) fn begin(data_dir: &Path) -> Result<Self, ArchiveError> {
        let work = data_dir.join(WORK);
        for file in new_files(data_dir).map_err(|e| io_error(&e))? {
            let journal = work.join(NEW).join(format!("{file}-wal"));
            if fs::metadata(journal).is_ok_and(|journal| journal.len() > 0) {
                return Err(failed("a new database still has a journal"));
            }
        }
        let now = SystemClock.now().to_string();
        let time: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
        let ready = NewFile { target: work.join(READY), bytes: time.as_bytes() };
        let write = || {
            new_files(data_dir)?
                .into_iter()
                .try_for_each(|file| durable::sync_file(&work.join(NEW).join(file)))?;
            durable::sync_folder(&work.join(NEW))?;
            durable::write_files(&work, &[ready])
        };
        write().map_err(|e| io_error(&e))?;
        Ok(Self { data_dir: data_dir.to_path_buf(), aside: data_dir.join(ASIDE).join(time) })
    }

    /// One that was begun and not done.
    fn begun(data_dir: &Path) -> io::Result<Option<Self>> {
        let said = match fs::read(data_dir.join(WORK).join(READY)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            said => said?,
        };
        // Whatever has become of it, it goes nowhere else.
        let time: String =
            said.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_alphanumeric).collect();
        let time = time.get(..TIME_BYTES_MAX).unwrap_or(&time);
        let time = if time.is_empty() { "interrupted" } else { time };
        Ok(Some(Self { data_dir: data_dir.to_path_buf(), aside: data_dir.join(ASIDE).join(time) }))
    }

    /// The steps that are left.
    pub(super) fn steps(&self) -> io::Result<Vec<Step>> {
        let of = |file: &str| ENDINGS.map(|ending| Step::Aside(format!("{file}{ending}")));
        let mut steps = Vec::new();
        for file in new_files(&self.data_dir)? {
            steps.extend(of(file));
            steps.push(Step::Place(file));
        }
        steps.extend(of(SqliteIndex::FILE));
        steps.extend([Step::Aside(COPIES.to_owned()), Step::Done]);
        Ok(steps)
    }

    /// Takes one; durable when it returns.
    pub(super) fn take(&self, step: &Step) -> io::Result<()> {
        match step {
            Step::Aside(name) => {
                durable::create_folder(&self.aside)?;
                match fs::rename(self.data_dir.join(name), self.aside.join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                    moved => moved?,
                }
                durable::sync_folder(&self.aside)?;
                durable::sync_folder(&self.data_dir)
            }
            Step::Place(file) => {
                let new = self.data_dir.join(WORK).join(NEW);
                durable::put_in_place(&new.join(file), &self.data_dir.join(file))?;
                durable::sync_folder(&new)
            }
            Step::Done => durable::remove_files([self.data_dir.join(WORK).join(READY).as_path()]).map(|_| ()),
        }
    }

    /// Takes all that are left. Where the damaged files lie now, below the data folder.
    pub(super) fn complete(&self) -> Result<String, ArchiveError> {
        let take_all = || self.steps()?.iter().try_for_each(|step| self.take(step));
        take_all().map_err(|e| io_error(&e))?;
        let time = self.aside.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("{ASIDE}/{time}"))
    }
}

/// Goes on with what a crash interrupted, if anything. Nobody has the archive open.
pub(crate) fn complete_begun(data_dir: &Path) -> Result<(), ArchiveError> {
    let Some(swap) = Swap::begun(data_dir).map_err(|e| io_error(&e))? else { return Ok(()) };
    tracing::warn!("a rebuild was interrupted when its new files were whole; they are put in place");
    swap.complete().map(|_| ())
}

/// Whether new files are whole and not all in their places yet.
pub(super) fn is_begun(data_dir: &Path) -> bool {
    // What cannot be told is taken for so: the files stay.
    data_dir.join(WORK).join(READY).try_exists().unwrap_or(true)
}

/// The folder in which the database of that name is whole: the new one's, where it was found whole and a crash kept it from
/// its place. For whoever may only read.
pub(crate) fn folder_of(data_dir: &Path, file: &str) -> io::Result<PathBuf> {
    let work = data_dir.join(WORK);
    let is_on_its_way = work.join(READY).try_exists()? && work.join(NEW).join(file).try_exists()?;
    Ok(if is_on_its_way { work.join(NEW) } else { data_dir.to_path_buf() })
}

/// The new databases that are not in their places yet.
fn new_files(data_dir: &Path) -> io::Result<Vec<&'static str>> {
    let mut files = Vec::new();
    for file in [SqliteLedger::FILE, SqliteKeyring::FILE] {
        if data_dir.join(WORK).join(NEW).join(file).try_exists()? {
            files.push(file);
        }
    }
    Ok(files)
}
