//! Tidying up: what has expired, and what nothing needs.

use crate::doubt::Doubt;
use crate::plan::{Answer, Request};
use crate::proof::doubt;
use crate::scribe::Scribe;
use crate::storage::BlobName;
use crate::verify::records_damage;
use crate::{Actor, Archive, ArchiveError};

/// How old a blob that nothing needs must be before it is removed, in milliseconds: one hour.
pub const ORPHAN_GRACE_MS: i64 = 60 * 60 * 1000;

/// Staged sets discarded, or blobs looked at, in one go.
const SWEPT_AT_A_TIME: usize = 256;
/// In whose name expired sets are discarded.
const SWEEPER: &str = "archive";

/// What was tidied up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Staged sets that had expired.
    pub expired: u64,
    /// Blobs nothing needed.
    pub orphans: u64,
    /// Erasures that had stopped half-way and are done now.
    pub erasures: u64,
}

impl Archive {
    /// Discards staged sets whose time has passed, removes blobs that nothing has needed for a while, finishes
    /// erasures that stopped half-way, and brings the second copies of ledger and keyring up to date. What a damaged ledger
    /// or keyring keeps from being done is logged, and keeps the rest from nothing.
    pub fn sweep(&self) -> Result<SweepReport, ArchiveError> {
        let finish = |scribe: &mut Scribe| Ok(Answer::Count(scribe.finish_erasures()?));
        let erasures = as_far_as_it_goes(self.shared.writer.ask_alone(finish).and_then(count))?;
        let expired = as_far_as_it_goes(self.discard_expired())?;
        as_far_as_it_goes(self.drop_awaited_originals())?;
        as_far_as_it_goes(self.settle_quarantine(&self.quarantined()))?;
        if let Err(error) = self.back_up() {
            tracing::warn!(%error, "the second copies of ledger and keyring are not up to date");
        }
        let orphans = as_far_as_it_goes(self.remove_orphans())?;
        Ok(SweepReport { expired, orphans, erasures })
    }

    /// What the repository decided, and something kept here: a hold that was lifted by a process that was killed then, or
    /// a ledger that is whole again.
    fn drop_awaited_originals(&self) -> Result<(), ArchiveError> {
        let awaited = self.shared.stores.index.awaited_originals()?;
        if !awaited.iter().any(|one| one.decided) {
            return Ok(());
        }
        self.tells_every_blob()?;
        let by = Actor { client: SWEEPER.to_owned(), operator: None };
        let drop_them = move |scribe: &mut Scribe| {
            scribe.drop_awaited_originals(&by)?;
            Ok(Answer::Count(0))
        };
        count(self.shared.writer.ask_alone(drop_them)?).map(drop)
    }

    fn discard_expired(&self) -> Result<u64, ArchiveError> {
        let stores = &self.shared.stores;
        let now = stores.clock.now();
        let by = Actor { client: SWEEPER.to_owned(), operator: None };
        let mut expired = 0;
        loop {
            let rows = stores.index.expired(now, SWEPT_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(expired);
            }
            let requests = rows.iter().map(|row| Request::Discard { id: row.id, by: by.clone() }).collect();
            for answer in self.shared.writer.ask_many(requests) {
                match answer {
                    Ok(Answer::Discarded(done)) => expired += u64::from(done),
                    // Filed in the meantime, at the last moment.
                    Err(ArchiveError::StagedFiled { .. }) => {}
                    Ok(_) => return Err(ArchiveError::Defect),
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn remove_orphans(&self) -> Result<u64, ArchiveError> {
        let stores = &self.shared.stores;
        let written_before = stores.clock.now().plus_millis(-ORPHAN_GRACE_MS);
        let mut removed = 0;
        let mut suspects: Vec<BlobName> = Vec::new();
        let mut known_doubt = None;
        let mut failure = None;
        stores.blobs.visit(&mut |stat| {
            let mut step = || -> Result<(), ArchiveError> {
                if stat.written_at > written_before || !stores.index.blob_users(stat.name)?.is_empty() {
                    return Ok(());
                }
                suspects.push(stat.name);
                if suspects.len() >= SWEPT_AT_A_TIME {
                    removed += self.remove_if_unneeded(std::mem::take(&mut suspects), &mut known_doubt)?;
                }
                Ok(())
            };
            failure = step().err();
            failure.is_none()
        })?;
        match failure {
            Some(error) => Err(error),
            None => Ok(removed + self.remove_if_unneeded(suspects, &mut known_doubt)?),
        }
    }

    /// On the writer thread, where nobody can begin to need them between the question and the removal. While an entry or a
    /// key does not open, or a place in the ledger is empty, an index that lacks it says nothing of its blobs: none goes that
    /// it may need.
    fn remove_if_unneeded(
        &self,
        suspects: Vec<BlobName>,
        known_doubt: &mut Option<Doubt>,
    ) -> Result<u64, ArchiveError> {
        if suspects.is_empty() {
            return Ok(0);
        }
        // Read through here, where nobody has to wait for it.
        let read_through = match *known_doubt {
            Some(doubt) => doubt,
            None => *known_doubt.insert(doubt(&self.shared.stores)?),
        };
        if read_through == Doubt::All {
            tracing::error!(
                "the ledger does not tell what every blob is for: none is removed; have it rebuilt"
            );
            return Ok(0);
        }
        let remove = move |scribe: &mut Scribe| {
            let stores = &scribe.stores;
            let mut orphans = Vec::with_capacity(suspects.len());
            // The index may have been made anew since.
            let now = Doubt::of(stores.index.left_out()?);
            for name in suspects {
                let is_in_doubt = read_through.covers(stores, name)? || now.covers(stores, name)?;
                if !is_in_doubt && stores.index.blob_users(name)?.is_empty() {
                    orphans.push(name);
                }
            }
            stores.blobs.delete_many(&orphans)?;
            Ok(Answer::Count(orphans.len() as u64))
        };
        count(self.shared.writer.ask_alone(remove)?)
    }
}

/// What a step came to; nothing where a damaged ledger or keyring ended it, which does not pass by itself.
fn as_far_as_it_goes<T: Default>(step: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
    Ok(records_damage(step)?.unwrap_or_else(|error| {
        tracing::error!(%error, "a step of the sweep is left undone; the others are done");
        T::default()
    }))
}

fn count(answer: Answer) -> Result<u64, ArchiveError> {
    match answer {
        Answer::Count(count) => Ok(count),
        _ => Err(ArchiveError::Defect),
    }
}
