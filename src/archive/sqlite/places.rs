//! `blobs/places.db`.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, params};

use super::database::{Database, remove_database};
use super::row::{stored, unsigned};
use super::schema::PLACES;
use crate::files::durable;
use crate::storage::{BlobName, StorageError, StorageFault};

/// Beside the table once it was found damaged: the next start makes it anew.
const DAMAGED_FILE: &str = "places.damaged";

/// Where a blob lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    /// Where its header begins.
    pub(crate) offset: u64,
    /// Length of the blob.
    pub(crate) size_bytes: u64,
}

/// How far the segments have been looked through: every blob before it that is kept has its place here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reached {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// The table of places. It may lag behind the segments, and may name places whose blob is deleted; it never leads.
pub(crate) struct SqlitePlaces {
    database: Database,
    damaged: PathBuf,
}

impl SqlitePlaces {
    /// Opens the table in that folder, or makes it; one that cannot be used, or was found damaged, is made anew and
    /// empty.
    pub(crate) fn open(folder: &Path) -> Result<Self, StorageError> {
        let damaged = folder.join(DAMAGED_FILE);
        if damaged.exists() {
            tracing::warn!("the table of blobs was found damaged; it is made anew");
            remove_database(&PLACES, folder)?;
            durable::remove_files([damaged.as_path()]).map_err(|e| StorageError::io(PLACES.part, &e))?;
        }
        let made = match Database::create(&PLACES, folder, |_| Ok(())) {
            Err(error) if matches!(error.fault, StorageFault::Damaged | StorageFault::NewerVersion) => {
                tracing::warn!(%error, "the table of blobs cannot be used; it is made anew");
                remove_database(&PLACES, folder)?;
                Database::create(&PLACES, folder, |_| Ok(()))
            }
            made => made,
        };
        Ok(Self { database: made?, damaged })
    }

    /// Remembers what is damaged.
    fn noticed<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if result.as_ref().is_err_and(|error| error.fault == StorageFault::Damaged) {
            // Where it cannot be written down, it is found once more.
            let _ = durable::create_private_file(&self.damaged);
        }
        result
    }

    pub(crate) fn reached(&self) -> Result<Reached, StorageError> {
        self.noticed(self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT segment, end FROM looked_through")?;
            Ok(statement
                .query_row([], |row| Ok(Reached { segment: unsigned(row, 0)?, offset: unsigned(row, 1)? }))?)
        }))
    }

    pub(crate) fn find(&self, name: BlobName) -> Result<Option<Place>, StorageError> {
        self.noticed(self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT segment, begin, size_bytes FROM places WHERE name = ?1")?;
            let place = statement.query_row([name.0], |row| {
                Ok(Place {
                    segment: unsigned(row, 0)?,
                    offset: unsigned(row, 1)?,
                    size_bytes: unsigned(row, 2)?,
                })
            });
            Ok(place.optional()?)
        }))
    }

    /// Enters places that were found up to there. What was reached before stays reached.
    pub(crate) fn enter(
        &self,
        places: &mut dyn Iterator<Item = (BlobName, Place)>,
        reached: Reached,
    ) -> Result<(), StorageError> {
        self.noticed(self.database.write(|transaction| {
            let mut insert =
                transaction.prepare_cached("INSERT OR REPLACE INTO places VALUES (?1, ?2, ?3, ?4)")?;
            for (name, place) in places {
                let Place { segment, offset, size_bytes } = place;
                insert.execute(params![name.0, stored(segment), stored(offset), stored(size_bytes)])?;
            }
            transaction
                .prepare_cached(
                    "UPDATE looked_through SET segment = ?1, end = ?2 WHERE (segment, end) < (?1, ?2)",
                )?
                .execute([stored(reached.segment), stored(reached.offset)])?;
            Ok(())
        }))
    }

    /// Takes places out, and their names out of the journal.
    pub(crate) fn strike(&self, names: &[BlobName]) -> Result<(), StorageError> {
        self.noticed(self.database.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM places WHERE name = ?1")?;
            names.iter().try_for_each(|name| delete.execute([name.0]).map(|_| ()))?;
            Ok(())
        }))?;
        self.database.empty_journal()
    }
}
